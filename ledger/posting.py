"""The only door through which anything is written to the books."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from random import uniform
from time import sleep
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.db import IntegrityError, OperationalError, connection, transaction

from ledger.models import Posting
from ledger.money import plain

T = TypeVar("T")


class BooksRefused(Exception):
    """The books do not take this; nothing was written by the call."""


class InsufficientFunds(BooksRefused):
    """A guarded account would cross zero."""


class KeyReused(BooksRefused):
    """The key belongs to an entry with other content."""


class DayIsClosed(BooksRefused):
    """The business day of the entry takes no more entries."""


class TryAgain(Exception):
    """PostgreSQL gave this transaction up for another one, several times in a row."""


@dataclass(frozen=True, slots=True)
class AccountName:
    """Which account: opened by the first entry that names it."""

    asset_id: int
    code: str
    kind: str
    heading: str = ""
    owner: UUID | None = None
    guarded: bool = False

    def spec(self) -> list[object]:
        owner = str(self.owner) if self.owner else None
        heading = self.heading or self.code
        return [self.asset_id, self.code, self.kind, heading, owner, self.guarded]


@dataclass(frozen=True, slots=True)
class Line:
    """One debit and one credit of the same amount, in whole units of the asset."""

    debit: AccountName
    credit: AccountName
    amount: Decimal

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Decimal):
            raise TypeError(f"an amount is a Decimal, not {type(self.amount).__name__}")
        if self.debit.asset_id != self.credit.asset_id:
            raise ValueError("debit and credit of a line share their asset")


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry that is to be posted. `adjusting`: made by the daily close."""

    key: str
    kind: str
    lines: Sequence[Line]
    happened_at: datetime
    note: dict[str, Any] = field(default_factory=dict)
    adjusting: bool = False
    reverses: int | None = None

    def __post_init__(self) -> None:
        if self.happened_at.tzinfo is None:
            raise ValueError("happened_at names its time zone")

    def as_json(self) -> dict[str, object]:
        return {
            "key": self.key,
            "kind": self.kind,
            "happened_at": self.happened_at.astimezone(UTC).isoformat(),
            "adjusting": self.adjusting,
            "note": self.note,
            "reverses": self.reverses,
            "lines": [
                [
                    x.debit.asset_id,
                    x.debit.code,
                    x.credit.code,
                    plain(x.amount),
                ]
                for x in self.lines
            ],
        }


class Posted(NamedTuple):
    entry_id: int
    replayed: bool


def post(
    *,
    key: str,
    kind: str,
    lines: Sequence[Line],
    happened_at: datetime,
    note: dict[str, Any] | None = None,
    adjusting: bool = False,
) -> Posted:
    """Posts one entry in one round trip; must run inside a transaction.

    The same key with the same content answers with the first entry. Raises
    InsufficientFunds, KeyReused, DayIsClosed; after one of these the transaction (or the
    savepoint around the call) has to be rolled back.
    """
    draft = Draft(key, kind, lines, happened_at, note or {}, adjusting)
    return post_batch([draft])[key]


def post_batch(drafts: Iterable[Draft]) -> dict[str, Posted]:
    """Posts many entries, set-based, all or none; by key what became of each."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("post runs inside a transaction only")
    drafts = list(drafts)
    if not drafts:
        return {}
    accounts = {
        (a.asset_id, a.code): a
        for d in drafts
        for x in d.lines
        for a in (x.debit, x.credit)
    }
    parameters = [
        json.dumps([a.spec() for a in accounts.values()]),
        json.dumps([d.as_json() for d in drafts]),
    ]
    with connection.cursor() as cursor:
        try:
            cursor.execute("select * from ledger_post(%s::jsonb, %s::jsonb)", parameters)
        except IntegrityError as error:
            known = _REFUSALS.get(constraint_of(error))
            if known is None:
                raise
            raise known(str(error).splitlines()[0]) from error
        return {key: Posted(entry_id, replayed) for key, entry_id, replayed in cursor}


def reverse(*, entry_id: int, key: str, happened_at: datetime, reason: str) -> Posted:
    """Posts the mirror image of an entry; an entry is reversed once, by constraint."""
    lines = [
        Line(_name(p.credit), _name(p.debit), p.amount)
        for p in Posting.objects.filter(entry_id=entry_id)
        .select_related("debit", "credit")
        .order_by("line")
    ]
    if not lines:
        raise LookupError(f"there is no entry {entry_id} to reverse")
    draft = Draft(key, "REVERSE", lines, happened_at, {"reason": reason}, reverses=entry_id)
    return post_batch([draft])[key]


def in_transaction(act: Callable[[], T], *, attempts: int = 4) -> T:
    """Runs a use case in a transaction, again when PostgreSQL broke a deadlock with it.

    Inside another transaction it runs once: only the outermost one can be repeated.
    """
    if connection.in_atomic_block:
        return act()
    for attempt in range(1, attempts + 1):
        try:
            with transaction.atomic():
                return act()
        except OperationalError as error:
            if _sqlstate(error) not in {"40001", "40P01"}:
                raise
            sleep(uniform(0, 0.05 * attempt))  # noqa: S311  jitter, not a secret
    raise TryAgain("the books are busy; nothing was done, please try again")


# The business answer for a rule that has one, known by its name alone.
_REFUSALS: dict[str, type[BooksRefused]] = {
    "not_overdrawn": InsufficientFunds,
    "one_entry_per_key": KeyReused,
    "day_is_open": DayIsClosed,
}


def constraint_of(error: Exception) -> str:
    """The name of the constraint or rule that a statement broke, or an empty string."""
    diagnosis = getattr(error.__cause__, "diag", None)
    return getattr(diagnosis, "constraint_name", None) or ""


def _sqlstate(error: OperationalError) -> str:
    return getattr(error.__cause__, "sqlstate", None) or ""


def _name(account: Any) -> AccountName:
    return AccountName(
        account.asset_id,
        account.code,
        account.kind,
        account.heading,
        account.owner,
        account.guarded,
    )
