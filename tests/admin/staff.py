"""Members of staff, each with a role of the desk."""

from django.contrib.auth.models import Group

from earn.models import User

ROLES = ("viewer", "operator", "checker", "administrator")


def member(name: str, *roles: str) -> User:
    user = User.objects.create_user(f"{name}@example.com", is_staff=True)
    user.groups.set(Group.objects.filter(name__in=roles))
    return user
