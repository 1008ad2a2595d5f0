"""Reading the books: balances at any moment, statements, the trial balance."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import F, Sum

from ledger.models import Account, Asset, BalanceDay, Entry, Posting
from ledger.sql import sql

_DEBIT_NORMAL = {"ASSET", "EXPENSE"}


@dataclass(frozen=True, slots=True)
class Figures:
    """Debits and credits since the beginning; both only grow."""

    kind: str
    debits: Decimal = Decimal(0)
    credits: Decimal = Decimal(0)

    @property
    def balance(self) -> Decimal:
        """On the account's normal side: what is owed of a liability, owned of an asset."""
        owed = self.credits - self.debits
        return -owed if self.kind in _DEBIT_NORMAL else owed


@dataclass(frozen=True, slots=True)
class TrialRow(Figures):
    asset: str = ""
    heading: str = ""


@dataclass(frozen=True, slots=True)
class StatementLine:
    entry_id: int
    line: int
    key: str
    kind: str
    happened_at: datetime
    recorded_at: datetime
    note: dict[str, Any]
    debit: Decimal
    credit: Decimal
    counter_account: str
    balance: Decimal


class PostedLine(NamedTuple):
    entry_id: int
    happened_at: datetime
    debit: str
    credit: str
    amount: Decimal


def balances_at(*, asset_id: int, codes: Sequence[str], at: datetime) -> dict[str, Figures]:
    """Figures of accounts with everything that had happened by `at`, keyed by code.

    An account that was never named has no row.
    """
    parameters: dict[str, Any] = {
        "asset": asset_id,
        "codes": list(codes),
        "at": at,
        "day": at.astimezone(UTC).date(),
    }
    with connection.cursor() as cursor:
        cursor.execute(sql("balance_at"), parameters)
        return {
            code: Figures(kind, debits, credit) for code, kind, debits, credit in cursor
        }


def balance_at(*, asset_id: int, code: str, at: datetime) -> Decimal:
    """Balance of one account at a moment; 0 for one that was never named."""
    figures = balances_at(asset_id=asset_id, codes=[code], at=at).get(code)
    return figures.balance if figures else Decimal(0)


def present(
    *, codes: Sequence[str], asset_id: int | None = None
) -> dict[tuple[int, str], Figures]:
    """Figures of house accounts in one asset or all, by (asset, code), as recorded now.

    All that is recorded counts, whatever moment it is of: two who look one after the other
    never see less.
    """
    parameters: dict[str, Any] = {"codes": list(codes), "asset": asset_id}
    with connection.cursor() as cursor:
        cursor.execute(sql("present"), parameters)
        return {
            (asset, code): Figures(kind, debits, credit)
            for asset, code, kind, debits, credit in cursor
        }


def available(*, asset_id: int, code: str) -> Decimal:
    """What a guarded account holds right now and may spend."""
    row = (
        Account.objects.filter(asset_id=asset_id, code=code)
        .values_list("balance__credits", "balance__debits", "balance__held")
        .first()
    )
    return row[0] - row[1] - row[2] if row else Decimal(0)


def balances_of(owner: UUID) -> dict[tuple[str, str], Decimal]:
    """Present balances of a customer's accounts by (asset code, account code)."""
    rows = Account.objects.filter(owner=owner).values_list(
        "asset__code", "code", "balance__credits", "balance__debits"
    )
    return {(asset, code): credit - debit for asset, code, credit, debit in rows}


def owned_by_day(owner: UUID, days: Sequence[date]) -> dict[tuple[date, int], Decimal]:
    """All that an owner's accounts held at the end of ended days, by day and asset."""
    parameters: dict[str, Any] = {"owner": owner, "days": list(days)}
    with connection.cursor() as cursor:
        cursor.execute(sql("owned_by_day"), parameters)
        return {(day, asset): balance for day, asset, balance in cursor}


def trial_balance(*, at: datetime, asset_id: int | None = None) -> list[TrialRow]:
    """Every heading at a moment, of one asset or all; per asset, debits equal credits."""
    parameters = {"at": at, "day": at.astimezone(UTC).date(), "asset": asset_id}
    with connection.cursor() as cursor:
        cursor.execute(sql("trial_balance"), parameters)
        return [
            TrialRow(kind, debits, credit, asset, heading)
            for asset, heading, kind, debits, credit in cursor
        ]


def statement(*, asset_id: int, code: str, first: date, last: date) -> list[StatementLine]:
    """Lines of one account on the days `first` to `last` with the balance after each."""
    account = Account.objects.filter(asset_id=asset_id, code=code).first()
    if account is None:
        return []
    midnight = datetime(first.year, first.month, first.day, tzinfo=UTC)
    opening = _just_before(account, midnight)
    sign = -1 if account.kind in _DEBIT_NORMAL else 1
    parameters: dict[str, Any] = {"account": account.pk, "first": first, "last": last}
    with connection.cursor() as cursor:
        cursor.execute(sql("statement"), parameters)
        columns = [c.name for c in cursor.description or ()]
        rows = [dict(zip(columns, row, strict=True)) for row in cursor]
    lines = []
    for row in rows:
        moved = sign * (row.pop("running_credits") - row.pop("running_debits"))
        row["note"] = json.loads(row["note"])
        lines.append(StatementLine(**row, balance=opening + moved))
    return lines


def posted(keys: Iterable[str]) -> dict[str, list[PostedLine]]:
    """The lines of the entries of these keys, where there are such."""
    rows = Posting.objects.filter(entry__key__in=list(keys)).order_by("entry_id", "line")
    found: dict[str, list[PostedLine]] = {}
    for key, *row in rows.values_list(
        "entry__key",
        "entry_id",
        "entry__happened_at",
        "debit__code",
        "credit__code",
        "amount",
    ):
        found.setdefault(key, []).append(PostedLine(*row))
    return found


def _just_before(account: Account, midnight: datetime) -> Decimal:
    return balance_at(
        asset_id=account.asset_id,
        code=account.code,
        at=midnight - timedelta(microseconds=1),
    )


def asset(code: str) -> Asset:
    """The asset of that code; raises Asset.DoesNotExist."""
    return Asset.objects.get(code=code)


def first_day() -> date | None:
    """The business day of the earliest entry; None while the books are empty."""
    return Entry.objects.order_by("day").values_list("day", flat=True).first()


def credited(*, asset_id: int, code: str, position: int) -> Decimal:
    """All that entries noted for a position have credited to an account."""
    rows = Posting.objects.filter(
        credit__asset_id=asset_id, credit__code=code, entry__note__position=position
    )
    return rows.aggregate(sum=Sum("amount"))["sum"] or Decimal(0)


class Owned(NamedTuple):
    """Debits and credits of an owner's account when a day was over."""

    asset: str
    scale: int
    code: str
    heading: str
    debits: Decimal
    credits: Decimal


def owned_when_ended(owner: UUID, *, day: date) -> list[Owned]:
    """The owner's accounts as they were when an ended day was over; it never changes."""
    with connection.cursor() as cursor:
        cursor.execute(sql("owned_when_ended"), {"owner": owner, "day": day})
        return [Owned(*row) for row in cursor]


def first_day_of(owner: UUID) -> date | None:
    """The first ended day on which the owner had anything; None while there is none."""
    rows = BalanceDay.objects.filter(account__owner=owner).order_by("day")
    return rows.values_list("day", flat=True).first()


def owned_now(owner: UUID) -> dict[tuple[int, str], Decimal]:
    """Present balances of an owner's accounts, summed by (asset, heading)."""
    rows = Account.objects.filter(owner=owner).values_list("asset", "heading")
    sums = rows.annotate(held=Sum(F("balance__credits") - F("balance__debits")))
    return {(asset, heading): held for asset, heading, held in sums}
