"""The journal as people leaf through it: an account's lines, and entries by what they hold.

All of it a page at a time: the next page begins after a place, never at a number of rows.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from ledger.balances import StatementLine, balance_at
from ledger.models import Account, Asset, Entry, Posting
from ledger.sql import sql

_DEBIT_NORMAL = {"ASSET", "EXPENSE"}
_AT_ONCE = 2000
_NEWEST = 2**63 - 1


class Place(NamedTuple):
    """Of a line among those of its account."""

    day: date
    entry_id: int
    line: int


def opening(account: Account, *, first: date, after: Place | None = None) -> Decimal:
    """The balance before `first`, or just after a place, on the account's normal side."""
    day = after.day if after else first
    midnight = datetime.combine(day, time.min, tzinfo=UTC)
    before = balance_at(
        asset_id=account.asset_id,
        code=account.code,
        at=midnight - timedelta(microseconds=1),
    )
    return before + (_moved(account, after) if after else 0)


def page(
    account: Account,
    *,
    first: date,
    last: date,
    limit: int,
    after: Place | None = None,
    balance: Decimal | None = None,
) -> list[StatementLine]:
    """The next lines of an account with the balance after each: the days in order, and in
    each of them the entries as they were written.

    `balance` is the one before them, where it is known.
    """
    if balance is None:
        balance = opening(account, first=first, after=after)
    begin = max(first, after.day) if after else first
    known = _place(after or Place(begin, 0, 0)) | {
        "account": account.pk,
        "first": begin,
        "last": last,
        "limit": limit,
    }
    sign = 1 if account.kind in _DEBIT_NORMAL else -1
    found = []
    with connection.cursor() as cursor:
        cursor.execute(sql("statement_page"), known)
        columns = [column.name for column in cursor.description or ()]
        for values in cursor:
            row = dict(zip(columns, values, strict=True))
            row["note"] = json.loads(row["note"])
            balance += sign * (row["debit"] - row["credit"])
            found.append(StatementLine(**row, balance=balance))
    return found


def lines(account: Account, *, first: date, last: date) -> Iterator[StatementLine]:
    """All lines of an account on these days, piece by piece."""
    after, balance = None, opening(account, first=first)
    while True:
        found = page(
            account, first=first, last=last, limit=_AT_ONCE, after=after, balance=balance
        )
        yield from found
        if len(found) < _AT_ONCE:
            return
        after, balance = place_of(found[-1]), found[-1].balance


def place_of(line: StatementLine) -> Place:
    return Place(line.happened_at.astimezone(UTC).date(), line.entry_id, line.line)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What entries have to hold; all of it together. None and nothing ask for nothing.

    Of `whole` accounts every entry is wanted, of `accounts` those that `noted` agrees with.
    """

    accounts: Collection[int] | None = None
    whole: Collection[int] = ()
    noted: Mapping[str, object] | None = None
    kind: str = ""
    asset_id: int | None = None
    amount: Decimal | None = None
    first: date = date.min
    last: date = date.max


class Before(NamedTuple):
    """Where a page of entries ends: the next one has what is before it."""

    day: date = date.max
    entry_id: int = _NEWEST


def search(wanted: Wanted, *, limit: int, before: Before | None = None) -> list[int]:
    """Entries by their ids, newest day first."""
    before = before or Before()
    if before.day < wanted.last:
        wanted = replace(wanted, last=before.day)  # no index is read beyond the place
    if wanted.accounts is not None:
        return _asked("entries_of_accounts", wanted, before, limit)
    if wanted.amount is not None:
        return _asked("entries_of_amount", wanted, before, limit)
    return _of_kind(wanted, before, limit)


def _of_kind(wanted: Wanted, before: Before, limit: int) -> list[int]:
    found = Entry.objects.filter(day__gte=wanted.first, day__lte=wanted.last)
    if wanted.kind:
        found = found.filter(kind=wanted.kind)
    found = found.extra(where=["(day, id) < (%s, %s)"], params=list(before))
    return list(found.order_by("-day", "-pk").values_list("pk", flat=True)[:limit])


def _asked(name: str, wanted: Wanted, before: Before, limit: int) -> list[int]:
    parameters = {
        "accounts": list({*(wanted.accounts or ()), *wanted.whole}),
        "whole": list(wanted.whole),
        "noted": None if wanted.noted is None else json.dumps(wanted.noted),
        "kind": wanted.kind or None,
        "asset": wanted.asset_id,
        "amount": wanted.amount,
        "first": wanted.first,
        "last": wanted.last,
        "before_day": before.day,
        "before": before.entry_id,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql(name), parameters)
        return [entry for _day, entry in cursor]


@dataclass(frozen=True, slots=True)
class EntryLine:
    line: int
    debit: str
    credit: str
    amount: Decimal
    asset: Asset


@dataclass(frozen=True, slots=True)
class Written:
    """An entry with its first lines, the seal that holds it, and what reverses what."""

    entry: Entry
    lines: Sequence[EntryLine]
    seal: int | None
    hash: str
    reverses: Entry | None
    reversed_by: Entry | None

    @property
    def note(self) -> str:
        return json.dumps(self.entry.note, ensure_ascii=False)

    @property
    def left_out(self) -> int:
        return self.entry.lines - len(self.lines)


def written(entry_ids: Sequence[int], *, lines: int) -> list[Written]:
    """Entries in the order of their ids as given, with `lines` of each at most."""
    found = Entry.objects.select_related("sealed", "reverses", "entry")
    entries = found.in_bulk(list(entry_ids))
    of_entry: dict[int, list[EntryLine]] = {}
    for posting in (
        Posting.objects.filter(entry__in=list(entry_ids), line__lte=lines)
        .select_related("asset", "debit", "credit")
        .order_by("entry_id", "line")
    ):
        of_entry.setdefault(posting.entry_id, []).append(_line(posting))
    return [_written(entries[x], of_entry[x]) for x in entry_ids if x in entries]


def _written(entry: Entry, lines: list[EntryLine]) -> Written:
    sealed: Any = getattr(entry, "sealed", None)
    return Written(
        entry=entry,
        lines=lines,
        seal=sealed and sealed.seal_id,
        hash=bytes(sealed.hash).hex() if sealed else "",
        reverses=entry.reverses,
        reversed_by=getattr(entry, "entry", None),
    )


def _line(posting: Posting) -> EntryLine:
    return EntryLine(
        posting.line,
        posting.debit.code,
        posting.credit.code,
        posting.amount,
        posting.asset,
    )


def _moved(account: Account, after: Place) -> Decimal:
    with connection.cursor() as cursor:
        cursor.execute(sql("moved_on_day"), _place(after) | {"account": account.pk})
        row = cursor.fetchone()
    moved: Decimal = row[0] if row else Decimal(0)
    return moved if account.kind in _DEBIT_NORMAL else -moved


def _place(after: Place) -> dict[str, Any]:
    return {"day": after.day, "entry": after.entry_id, "line": after.line}
