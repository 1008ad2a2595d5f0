"""The journal as Beancount, hledger or CSV, for other tools to read and to check."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

from django.db import connection, transaction

from ledger.models import Asset, Entry
from ledger.money import format_amount
from ledger.sql import sql

_AT_ONCE = 2000


class BadExport(ValueError):
    """There is no such export; the message is a sentence for whoever asked."""


class _Line(NamedTuple):
    entry_id: int
    key: str
    kind: str
    day: date
    happened_at: datetime
    recorded_at: datetime
    note: str
    reverses_id: int | None
    line: int
    asset: str
    scale: int
    debit_kind: str
    debit: str
    credit_kind: str
    credit: str
    amount: Decimal


class _Opening(NamedTuple):
    """`balance`: debit positive."""

    kind: str
    code: str
    asset: str
    scale: int
    balance: Decimal


class _Period(NamedTuple):
    """`start`: the earliest date of the export, that of the opening balances if any."""

    first: date
    last: date
    start: date
    opening: Iterable[_Opening]


def export(
    *, form: str, first: date | None = None, last: date | None = None
) -> Iterator[str]:
    """The journal of the days `first` to `last`, piece by piece, both days included.

    Entries before `first` are summed up as opening balances on the day before it, so that
    closing balances are those of the books. Raises BadExport before the first piece.
    """
    if form not in _FORMS:
        raise BadExport(f"The format is one of {', '.join(_FORMS)}, not {form!r}.")
    if first and last and first > last:
        raise BadExport(f"The period ends on {last}, before it begins on {first}.")
    return _pieces(_FORMS[form], first or date.min, last or date.max)


def _pieces(
    write: Callable[[_Period], Iterator[str]], first: date, last: date
) -> Iterator[str]:
    with _period(first, last) as period:
        yield from write(period)


@contextmanager
def _period(first: date, last: date) -> Iterator[_Period]:
    with one_moment():
        earliest = Entry.objects.order_by("day").values_list("day", flat=True).first()
        if earliest is not None and earliest < first:
            opening = map(_Opening._make, _stream("opening_balances", first=first))
            yield _Period(first, last, first - timedelta(days=1), opening)
        else:
            yield _Period(first, last, earliest or first, [])


def table(*, first: date, last: date) -> Iterator[tuple[object, ...]]:
    """The rows of the CSV below COLUMNS, with amounts as numbers."""
    with _period(first, last) as period:
        for number, x in enumerate(period.opening, 1):
            yield _numbered(_opening_row(x, number, period.start))
        for y in _lines(period):
            yield _numbered(_row(y))


def _numbered(row: tuple[object, ...]) -> tuple[object, ...]:
    *head, amount, note = row
    return (*head, Decimal(str(amount)), note)


@contextmanager
def one_moment() -> Iterator[None]:
    """All queries see the books as they are at the first one."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("set transaction isolation level repeatable read, read only")
        yield


def _stream(name: str, **parameters: date) -> Iterator[tuple[Any, ...]]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql(name), parameters)
        while rows := cursor.fetchmany(_AT_ONCE):
            yield from rows


def _lines(period: _Period) -> Iterator[_Line]:
    rows = _stream("journal_lines", first=period.first, last=period.last)
    return map(_Line._make, rows)


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


# CSV

COLUMNS = (
    "entry", "key", "kind", "day", "happened_at", "recorded_at", "reverses",
    "line", "asset", "debit", "credit", "amount", "note",
)  # fmt: skip


def _csv(period: _Period) -> Iterator[str]:
    write = csv.writer(_Echo(), lineterminator="\r\n").writerow
    yield write(COLUMNS)
    for number, x in enumerate(period.opening, 1):
        yield write(map(guarded, _opening_row(x, number, period.start)))
    for y in _lines(period):
        yield write(map(guarded, _row(y)))


def _opening_row(x: _Opening, number: int, day: date) -> tuple[object, ...]:
    amount = format_amount(abs(x.balance), scale=x.scale)
    sides = (x.code, "") if x.balance > 0 else ("", x.code)
    return ("", "", "OPENING", day, "", "", "", number, x.asset, *sides, amount, "")


def _row(x: _Line) -> tuple[object, ...]:
    amount = format_amount(x.amount, scale=x.scale)
    times = (_instant(x.happened_at), _instant(x.recorded_at))
    head = (x.entry_id, x.key, x.kind, x.day, *times, x.reverses_id)
    return (*head, x.line, x.asset, x.debit, x.credit, amount, x.note)


class _Echo:
    """What a csv.writer writes is what its writerow returns."""

    def write(self, text: str) -> str:
        return text


def guarded(value: object) -> object:
    """An apostrophe before what a spreadsheet would take for a formula."""
    formula = isinstance(value, str) and re.match(r"[=+\-@\t\r\n]", value)
    return f"'{value}" if formula else value


# Beancount and hledger: the same journal, spelled in two ways


@dataclass(frozen=True, slots=True)
class _Spelling:
    """Templates, and how a text, an asset and an amount are written."""

    begin: str
    asset: str
    account: str
    entry: str
    reverses: str
    opening: str
    leg: str
    text: Callable[[str], str]
    symbol: Callable[[str], str]
    parts: Callable[[Decimal], Sequence[Decimal]]


def _plain_text(spelling: _Spelling, period: _Period) -> Iterator[str]:
    yield spelling.begin
    held: set[str] = set()
    for kind, code, assets in _stream("used_accounts", last=period.last):
        held.update(assets)
        yield _account(spelling, account_name(kind, code), code, assets, period.start)
    for asset in Asset.objects.order_by("code"):
        if asset.code in held:
            yield _asset(spelling, asset, period.start)
    yield from _opening(spelling, period, sorted(held))
    for _, lines in groupby(_lines(period), key=lambda x: x.entry_id):
        yield _entry(spelling, list(lines))


def _account(
    spelling: _Spelling, name: str, code: str, assets: Iterable[str], start: date
) -> str:
    symbols = ", ".join(map(spelling.symbol, assets))
    return spelling.account.format(
        on=start, name=name, symbols=symbols, code=spelling.text(code)
    )


def _asset(spelling: _Spelling, asset: Asset, start: date) -> str:
    return spelling.asset.format(
        on=start,
        symbol=spelling.symbol(asset.code),
        decimals="0" * asset.scale,
        code=spelling.text(asset.code),
        name=spelling.text(asset.name),
    )


def _opening(spelling: _Spelling, period: _Period, assets: Sequence[str]) -> Iterator[str]:
    other = "Equity:X-opening-balances"  # a name that account_name gives to no code
    for number, x in enumerate(period.opening):
        if number == 0:
            yield _account(spelling, other, "", assets, period.start)
            yield spelling.opening.format(on=period.start)
        name = account_name(x.kind, x.code)
        yield _legs(spelling, name, other, x.balance, x)


def _entry(spelling: _Spelling, lines: Sequence[_Line]) -> str:
    x = lines[0]
    reverses = spelling.reverses.format(id=x.reverses_id) if x.reverses_id else ""
    head = spelling.entry.format(
        on=x.day,
        id=x.entry_id,
        kind=spelling.text(x.kind),
        title=re.sub(r"[;\s]+", " ", x.kind),
        key=spelling.text(x.key),
        at=spelling.text(_instant(x.happened_at)),
        reverses=reverses,
        note=spelling.text(x.note),
    )
    return head + "".join(_pair(spelling, line) for line in lines)


def _pair(spelling: _Spelling, x: _Line) -> str:
    debit = account_name(x.debit_kind, x.debit)
    credit = account_name(x.credit_kind, x.credit)
    return _legs(spelling, debit, credit, x.amount, x)


def _legs(
    spelling: _Spelling, debit: str, credit: str, amount: Decimal, of: _Line | _Opening
) -> str:
    # the two legs of an amount stand together: a sum in few digits stays exactly zero
    return "".join(
        spelling.leg.format(
            name=name,
            amount=format_amount(signed, scale=of.scale),
            symbol=spelling.symbol(of.asset),
        )
        for part in spelling.parts(amount)
        for name, signed in ((debit, part), (credit, -part))
    )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _few_digits(amount: Decimal) -> list[Decimal]:
    """Whole and rest of more than 28 digits: Beancount rounds, even a negative number."""
    if len(amount.normalize().as_tuple().digits) <= 28:
        return [amount]
    return [amount // 1, amount % 1]


def _as_it_is(amount: Decimal) -> list[Decimal]:
    return [amount]


# Names: two codes never share one, and each can be read back


def account_name(kind: str, code: str) -> str:
    """`customer:3f2a:wallet`, a LIABILITY, is `Liabilities:Customer:3f2a:Wallet`.

    Between colons stand ASCII letters, digits and dashes, a capital or a digit first. What
    that would make ambiguous begins with `X-`; any other character is `-x` with its number
    in six hexadecimal digits.
    """
    return ":".join([_ROOTS[kind], *map(_component, code.split(":"))])


_ROOTS = {
    "ASSET": "Assets",
    "LIABILITY": "Liabilities",
    "EQUITY": "Equity",
    "INCOME": "Income",
    "EXPENSE": "Expenses",
}


def _component(text: str) -> str:
    escaped = re.sub("[^A-Za-z0-9-]|-(?=x)", _hexadecimal, text)
    if re.match("[0-9]", escaped):
        return escaped
    # Wallet was wallet, for it has small letters; USDT-FLEX was itself, for it has none
    if re.match(r"(?!x-)[a-z].*[a-z]|(?!X-)[A-Z][^a-z]*\Z", escaped):
        return escaped[0].upper() + escaped[1:]
    return f"X-{escaped}"


def _hexadecimal(character: re.Match[str]) -> str:
    return f"-x{ord(character[0]):06X}"


def commodity(code: str) -> str:
    """An asset as Beancount takes it: BTC as it is, 1INCH as X_1INCH.

    After `X_`, an apostrophe stands before a small letter made a capital, an underscore
    before the number of any other character in six hexadecimal digits.
    """
    plain = re.fullmatch("[A-Z][A-Z0-9.-]*[A-Z0-9]", code)
    if plain and code not in {"TRUE", "FALSE", "NULL"}:
        return code
    return "X_" + "".join(map(_letter, code))


def _letter(character: str) -> str:
    if re.match("[a-z]", character):
        return f"'{character.upper()}"
    return character if re.match("[A-Z0-9]", character) else f"_{ord(character):06X}"


def _symbol(code: str) -> str:
    """An asset as hledger takes it: in quotes unless it is letters alone."""
    symbol = code if re.fullmatch("[A-Za-z0-9.-]+", code) else commodity(code)
    return symbol if re.fullmatch("[A-Za-z]+", symbol) else f'"{symbol}"'


_BEANCOUNT = _Spelling(
    begin='option "title" "Earn"\n\n',
    asset="{on} commodity {symbol}\n  code: {code}\n  name: {name}\n",
    account="{on} open {name} {symbols}\n  code: {code}\n",
    entry=(
        "\n{on} * {kind}\n  entry: {id}\n  key: {key}\n  at: {at}\n{reverses}"
        "  note: {note}\n"
    ),
    reverses="  reverses: {id}\n",
    opening='\n{on} * "OPENING"\n',
    leg="  {name}  {amount} {symbol}\n",
    text=_quoted,
    symbol=commodity,
    parts=_few_digits,
)
_HLEDGER = _Spelling(
    begin="; Earn\ndecimal-mark .\n\n",
    asset="commodity 1.{decimals} {symbol}\n  ; code: {code}\n  ; name: {name}\n",
    account="account {name}\n  ; code: {code}\n",
    entry=(
        "\n{on} * ({id}) {title}\n    ; key: {key}\n    ; at: {at}\n{reverses}"
        "    ; note: {note}\n"
    ),
    reverses="    ; reverses: {id}\n",
    opening="\n{on} * OPENING\n",
    leg="    {name}  {amount} {symbol}\n",
    text=_one_line,
    symbol=_symbol,
    parts=_as_it_is,
)
_FORMS: dict[str, Callable[[_Period], Iterator[str]]] = {
    "beancount": partial(_plain_text, _BEANCOUNT),
    "hledger": partial(_plain_text, _HLEDGER),
    "csv": _csv,
}
