"""The trail of who did what, from where: the only writer of AuditEvent."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from earn.models import AuditEvent, Proposal, User


@dataclass(frozen=True, slots=True)
class Actor:
    """A member of staff at a moment; `ip` is None where no request asked."""

    user: User
    at: datetime
    ip: str | None = None


def record(
    actor: Actor,
    act: str,
    subject: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
    proposal: Proposal | None = None,
) -> None:
    """In the transaction of the act itself: there is none without the other."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("an act and its trail are one")
    AuditEvent.objects.create(
        at=actor.at,
        actor=actor.user,
        ip=actor.ip,
        act=act,
        subject=subject,
        before=before or {},
        after=after or {},
        reason=reason,
        proposal=proposal,
    )
