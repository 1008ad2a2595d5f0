"""The four roles of the desk, as groups; made after each migration, never taken away.

A viewer looks at everything; an operator proposes and reconciles; a checker judges what
others propose; an administrator says who has which role, and runs the jobs. Whoever has two
roles still never approves what they have proposed: the database says so.
"""

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db.models import Q

LOOKED_AT = ("ledger", "earn", "django_celery_beat")
LOOK = ["earn.look_at_desk"]
ROLES: dict[str, list[str]] = {
    "viewer": LOOK,
    "operator": [
        *LOOK,
        "earn.make_proposal",
        "earn.reconcile",
        "earn.record_prices",
        "earn.run_jobs",
    ],
    "checker": [*LOOK, "earn.check_proposal"],
    "administrator": [
        *LOOK,
        "earn.run_jobs",
        "earn.change_user",
        "django_celery_beat.change_periodictask",
    ],
}


def create_roles(*, using: str, **_: Any) -> None:
    for label in LOOKED_AT:
        create_permissions(apps.get_app_config(label), verbosity=0, using=using)
    views = Permission.objects.using(using).filter(
        content_type__app_label__in=LOOKED_AT, codename__startswith="view_"
    )
    for name, permissions in ROLES.items():
        role, _is_new = Group.objects.using(using).get_or_create(name=name)
        role.permissions.set([*views, *_named(permissions, using)])


def _named(permissions: Iterable[str], using: str) -> list[Permission]:
    wanted = Q()
    for permission in permissions:
        label, codename = permission.split(".")
        wanted |= Q(content_type__app_label=label, codename=codename)
    return list(Permission.objects.using(using).filter(wanted))
