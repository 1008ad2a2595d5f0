"""Sign-ins of staff, attempts at them, and new passwords: as allauth and Django tell."""

from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.http import HttpRequest

from earn import audit
from earn.audit import Actor
from earn.desk import address_of
from earn.models import User


def signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    """Hears of every sign-in, whatever it was proved by."""
    if user.is_staff:
        who = Actor(user, datetime.now(UTC), address_of(request))
        with transaction.atomic():
            audit.record(who, "SIGN_IN", f"user:{user.pk}")


def password_changed(request: HttpRequest, user: User, **_: Any) -> None:
    """Hears of every new password: changed, set first, or chosen after a mail."""
    if user.is_staff:
        who = Actor(user, datetime.now(UTC), address_of(request))
        with transaction.atomic():
            audit.record(who, "CHANGE_PASSWORD", f"user:{user.pk}")


def password_failed(
    credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any
) -> None:
    """Hears of every wrong password, and remembers those for an address of staff."""
    email = str(credentials.get("email") or credentials.get("username") or "")
    user = User.objects.filter(email=email.lower(), is_staff=True).first()
    if user and request:
        _failed(request, user, "password")


def factor_failed(request: HttpRequest, user: User, **_: Any) -> None:
    """The password was right, the second factor was not."""
    if user.is_staff:
        _failed(request, user, "second factor")


def _failed(request: HttpRequest, user: User, what: str) -> None:
    with transaction.atomic():
        audit.record_stranger(
            "SIGN_IN_FAILED",
            f"user:{user.pk}",
            at=datetime.now(UTC),
            ip=address_of(request),
            after={"wrong": what},
        )
