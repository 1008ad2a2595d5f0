"""Who is staff, and with which roles: an administrator says so, of anybody else."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Group
from django.db import transaction

from earn import audit
from earn.audit import Actor
from earn.models import User
from earn.roles import ROLES

ADMINISTRATOR = "administrator"
CHANGE = "earn.change_user"


class StaffRefused(Exception):
    """Nothing was changed; the message says why."""


class Member(NamedTuple):
    """`factors` are the kinds of second factor that are set up."""

    user: User
    roles: Sequence[str]
    factors: Sequence[str]


def members() -> list[Member]:
    """All staff in the order of their addresses."""
    staff = list(User.objects.filter(is_staff=True).order_by("email"))
    return _members(staff)


def member(user: User) -> Member:
    return _members([user])[0]


def factors_of(users: Collection[User]) -> dict[int, list[str]]:
    """Kinds of second factors by id of the user."""
    found: dict[int, list[str]] = {}
    rows = Authenticator.objects.filter(user__in=users).order_by("type")
    for user, kind in rows.values_list("user", "type").distinct():
        found.setdefault(user, []).append(str(Authenticator.Type(kind).label))
    return found


def make_staff(email: str, roles: Collection[str], *, by: Actor, reason: str) -> User:
    """Of somebody who signs in already. Raises StaffRefused."""
    _check(by, reason)
    with transaction.atomic():
        user = User.objects.select_for_update().filter(email=email.strip().lower()).first()
        if user is None or not user.is_active:
            raise StaffRefused("Nobody signs in with that address.")
        if user.is_staff:
            raise StaffRefused("This is a member of staff already.")
        if not roles:
            raise StaffRefused("Choose a role or more.")
        _not_oneself(user, by)
        user.is_staff = True
        user.save(update_fields=["is_staff"])
        _set_roles(user, roles)
        _trail(by, "MAKE_STAFF", user, before=[], after=roles, reason=reason)
    return user


def change_roles(user: User, roles: Collection[str], *, by: Actor, reason: str) -> None:
    """Raises StaffRefused."""
    _check(by, reason)
    with transaction.atomic():
        before = _roles_of(_locked(user, by))
        if set(before) == set(roles):
            raise StaffRefused("These are the roles already.")
        if not roles:
            raise StaffRefused("Without a role nobody is staff: end it instead.")
        _set_roles(user, roles)
        _trail(by, "CHANGE_ROLES", user, before=before, after=roles, reason=reason)
        _somebody_administers()


def end_staff(user: User, *, by: Actor, reason: str) -> None:
    """All their sessions end with it. Raises StaffRefused."""
    _check(by, reason)
    with transaction.atomic():
        user = _locked(user, by)
        before = _roles_of(user)
        user.is_staff = user.is_superuser = False
        user.save(update_fields=["is_staff", "is_superuser"])
        user.groups.clear()
        user.user_permissions.clear()
        for session in UserSession.objects.filter(user=user):
            session.end()
        _trail(by, "END_STAFF", user, before=before, after=[], reason=reason)
        _somebody_administers()


def _members(staff: Sequence[User]) -> list[Member]:
    held: dict[int, list[str]] = {}
    rows = Group.objects.filter(user__in=staff, name__in=ROLES).order_by("name")
    for user, name in rows.values_list("user", "name"):
        held.setdefault(user, []).append(name)
    factors = factors_of(staff)
    return [Member(x, held.get(x.pk, []), factors.get(x.pk, [])) for x in staff]


def _check(by: Actor, reason: str) -> None:
    if not by.user.has_perm(CHANGE):
        raise StaffRefused("Your role does not allow this.")
    if not reason.strip():
        raise StaffRefused("Say why: the reason is kept in the trail.")


def _locked(user: User, by: Actor) -> User:
    """With all administrators, so that two who take each other's role wait in turn."""
    _not_oneself(user, by)
    list(Group.objects.select_for_update().filter(name=ADMINISTRATOR))
    found = User.objects.select_for_update().filter(pk=user.pk, is_staff=True).first()
    if found is None:
        raise StaffRefused("This is no member of staff.")
    return found


def _not_oneself(user: User, by: Actor) -> None:
    if user.pk == by.user.pk:
        raise StaffRefused("Nobody changes their own roles: ask another administrator.")


def _somebody_administers() -> None:
    left = User.objects.filter(is_staff=True, is_active=True, groups__name=ADMINISTRATOR)
    if not left.exists():
        raise StaffRefused("This is the last administrator: make another one first.")


def _roles_of(user: User) -> list[str]:
    found = user.groups.filter(name__in=ROLES).order_by("name")
    return list(found.values_list("name", flat=True))


def _set_roles(user: User, roles: Collection[str]) -> None:
    unknown = sorted(set(roles) - set(ROLES))
    if unknown:
        raise StaffRefused(f"There is no role {unknown[0]}.")
    user.groups.set(Group.objects.filter(name__in=roles))


def _trail(
    by: Actor,
    act: str,
    user: User,
    *,
    before: Collection[str],
    after: Collection[str],
    reason: str,
) -> None:
    audit.record(
        by,
        act,
        f"user:{user.pk}",
        before={"roles": ", ".join(sorted(before))},
        after={"roles": ", ".join(sorted(after))},
        reason=reason.strip(),
    )
