"""The trail of who did what, from where: the only writer of AuditEvent, and its reading."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Q, QuerySet, Subquery

from earn.days import ONE_DAY, start_of
from earn.models import AuditEvent, Proposal, User

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PAGE = 1000  # events of one query of a whole trail


@dataclass(frozen=True, slots=True)
class Actor:
    """A member of staff at a moment; `ip` is None where no request asked."""

    user: User
    at: datetime
    ip: str | None = None


@dataclass(frozen=True, slots=True)
class Itself:
    """The product at a moment: a task that nobody asked for."""

    at: datetime
    user: None = None
    ip: None = None


def record(
    actor: Actor | Itself,
    act: str,
    subject: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
    proposal: Proposal | None = None,
) -> None:
    """In the transaction of the act itself: there is none without the other."""
    _write(
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


def record_stranger(
    act: str, subject: str, *, at: datetime, ip: str | None, after: dict[str, Any]
) -> None:
    """What somebody did of whom nobody knows who it was."""
    _write(at=at, actor=None, ip=ip, act=act, subject=subject, after=after)


def record_by_itself(
    act: str, subject: str, *, at: datetime, after: dict[str, Any], proposal: Proposal
) -> None:
    """What happened to a proposal and nobody did: its time went by."""
    _write(at=at, actor=None, act=act, subject=subject, after=after, proposal=proposal)


def _write(**known: Any) -> None:
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("an act and its trail are one")
    AuditEvent.objects.create(**known)


# Reading it


class BadCursor(ValueError):
    """No page of the trail begins after this."""


class Cursor(NamedTuple):
    """Where a page of the trail ends, which is read newest first."""

    at: datetime
    number: int

    def __str__(self) -> str:
        return f"{(self.at - _EPOCH) // timedelta(microseconds=1)}.{self.number}"

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """The cursor of that text; raises BadCursor."""
        parts = text.split(".")
        if len(parts) != 2 or not all(map(_is_number, parts)):
            raise BadCursor(text)
        try:
            at = _EPOCH + timedelta(microseconds=int(parts[0]))
        except OverflowError as error:
            raise BadCursor(text) from error
        return cls(at, int(parts[1]))

    @classmethod
    def of(cls, event: AuditEvent) -> "Cursor":
        return cls(event.at, event.pk)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What of the trail is wanted; an empty text wants all.

    `reference` is a subject as the trail names it, or the number of a proposal.
    """

    who: str = ""
    act: str = ""
    reference: str = ""
    first: date | None = None
    last: date | None = None


def page(wanted: Filter, *, before: Cursor | None = None, limit: int) -> list[AuditEvent]:
    """Newest first, by index whatever is wanted: no page is slower than the one before."""
    found = _matching(wanted)
    if before:
        found = found.filter(
            Q(at__lt=before.at) | Q(at=before.at, pk__lt=before.number), at__lte=before.at
        )
    found = found.select_related("actor", "proposal").order_by("-at", "-pk")
    return list(found[:limit])


def whole(wanted: Filter) -> Iterator[AuditEvent]:
    """All of it, page by page: never more than one is held."""
    before = None
    while events := page(wanted, before=before, limit=_PAGE):
        yield from events
        before = Cursor.of(events[-1])


def acts() -> list[str]:
    """The codes that stand in the trail, one look into the index for each."""
    found: list[str] = []
    rows = AuditEvent.objects.order_by("act").values_list("act", flat=True)
    while (code := rows.filter(act__gt=found[-1] if found else "").first()) is not None:
        found.append(code)
    return found


def _matching(wanted: Filter) -> QuerySet[AuditEvent]:
    found = AuditEvent.objects.all()
    if wanted.who:
        found = found.filter(
            actor=Subquery(User.objects.filter(email=wanted.who.lower()).values("pk")[:1])
        )
    if wanted.act:
        found = found.filter(act=wanted.act)
    if wanted.reference:
        found = found.filter(_names(wanted.reference))
    if wanted.first:
        found = found.filter(at__gte=start_of(wanted.first))
    if wanted.last and wanted.last < date.max:
        found = found.filter(at__lt=start_of(wanted.last + ONE_DAY))
    return found


def _names(reference: str) -> Q:
    number = reference.removeprefix("proposal:").removeprefix("#")
    if _is_number(number):
        return Q(proposal=int(number))
    return Q(subject=reference)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19
