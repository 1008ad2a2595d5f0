"""Statements of custodians and venues, taken in whole or not at all, beside the books."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NamedTuple

from django.db import IntegrityError, transaction

from earn import audit, breaks, chart, csvs
from earn.audit import Actor
from earn.days import business_day, end_of, start_of
from earn.models import Break, CustodyLine, CustodyStatement, Venue
from ledger import balances
from ledger.models import Asset
from ledger.money import parse_amount
from ledger.posting import constraint_of

COLUMNS = ("as_of", "asset", "venue", "balance", "reference")
MOST_LINES = 10_000
MOST_MOMENTS = 100  # each is a trial balance
MOST_PROBLEMS = 50  # of a file that are told
LONGEST = 200  # characters of a reference
_EARLIEST = date(1970, 1, 1)


class Problem(NamedTuple):
    """What is wrong with a file; `line` is None where it is the whole of it."""

    line: int | None
    sentence: str


class BadStatement(Exception):
    """Nothing of the file was taken in."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems[0].sentence)
        self.problems = problems


class Stated(NamedTuple):
    number: int
    as_of: datetime
    asset: Asset
    venue: str
    balance: Decimal
    reference: str

    @property
    def account(self) -> str:
        return account_of(self.asset, self.venue)


@dataclass(frozen=True, slots=True)
class TakenIn:
    """`is_new` is False for a file that was taken in before."""

    statement: CustodyStatement
    is_new: bool


def account_of(asset: Asset, venue: str) -> str:
    """The code of the account of the books that holds what is at a venue, or in custody."""
    name = chart.deployed(asset.pk, venue) if venue else chart.custody(asset.pk)
    return name.code


def take_in(data: bytes, *, name: str, by: Actor) -> TakenIn:
    """Keeps the file's lines, and a break for each that the books do not agree with.

    Raises BadStatement, and then nothing of it was kept.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    known = CustodyStatement.objects.filter(sha256=sha256).first()
    if known:
        return TakenIn(known, is_new=False)
    if csvs.is_formula(name):
        sentence = "The name of the file begins as a formula does: rename it."
        raise BadStatement([Problem(None, sentence)])
    lines = read(data, at=by.at)
    try:
        with transaction.atomic():
            return TakenIn(_kept(lines, sha256, name, by), is_new=True)
    except IntegrityError as error:
        if constraint_of(error) != "one_statement_a_file":
            raise
        return TakenIn(CustodyStatement.objects.get(sha256=sha256), is_new=False)


def _kept(lines: Sequence[Stated], sha256: str, name: str, by: Actor) -> CustodyStatement:
    breaks.one_at_a_time()
    statement = CustodyStatement.objects.create(
        sha256=sha256, name=name, lines=len(lines), at=by.at, by=by.user
    )
    books = _books(lines)
    known = {_of(x): x for x in breaks.still_open(Break.Kind.CUSTODY)}
    found = _sorted(statement, lines, books, known)
    CustodyLine.objects.bulk_create(found.first)
    opened = breaks.add(found.new.values())
    for row, one in found.again:
        row.repeats = one
    CustodyLine.objects.bulk_create(row for row, _break in found.again)
    closed = _close_stated(statement, found.first, known, by)
    audit.record(
        by,
        "TAKE_IN_STATEMENT",
        f"custody-statement:{statement.pk}",
        after={
            "sha256": sha256,
            "lines": len(lines),
            "breaks": len(opened),
            "breaks_closed": closed,
        },
    )
    return statement


_Difference = tuple[int, str, Decimal]  # id of the asset, account, and how much
_Books = dict[tuple[datetime, int, str], Decimal]


@dataclass(frozen=True, slots=True)
class _Sorted:
    """Lines as they are kept: `again` are of breaks that their own statement opens."""

    first: list[CustodyLine]
    new: dict[_Difference, Break]
    again: list[tuple[CustodyLine, Break]]


def _of(found: Break) -> _Difference:
    return found.asset_id, found.subject, found.difference


def _sorted(
    statement: CustodyStatement,
    lines: Sequence[Stated],
    books: _Books,
    known: Mapping[_Difference, Break],
) -> _Sorted:
    """What differs in the same way as an open break is that break once more."""
    found = _Sorted([], {}, [])
    for line in lines:
        row = CustodyLine(statement=statement, **line._asdict())
        held = books.get((line.as_of, line.asset.pk, line.account), Decimal(0))
        one = _break(statement, line.as_of, line.asset.pk, line.account, held)
        one.line, one.stated = row, line.balance
        if _of(one) in found.new:
            found.again.append((row, found.new[_of(one)]))
            continue
        row.repeats = known.get(_of(one))
        if one.difference and not row.repeats:
            found.new[_of(one)] = one
        found.first.append(row)
    for at, asset_id, account in _omitted(lines, books):
        one = _break(statement, at, asset_id, account, books[at, asset_id, account])
        if _of(one) not in known:
            found.new.setdefault(_of(one), one)
    return found


def _break(
    statement: CustodyStatement, at: datetime, asset_id: int, account: str, held: Decimal
) -> Break:
    """Of what the statement says nothing."""
    return Break(
        kind=Break.Kind.CUSTODY,
        statement=statement,
        as_of=at,
        asset_id=asset_id,
        subject=account,
        stated=Decimal(0),
        books=held,
        opened_at=statement.at,
    )


def _omitted(lines: Sequence[Stated], books: _Books) -> Iterator[tuple[datetime, int, str]]:
    """What the books held at the last moment of each day, and nobody stated that day.

    Several statements together may state a day: those that were taken in before count.
    """
    last: dict[date, datetime] = {}
    for line in lines:
        day = business_day(line.as_of)
        last[day] = max(last.get(day, line.as_of), line.as_of)
    here = {(business_day(x.as_of), x.asset.pk, x.account) for x in lines}
    for day, at in last.items():
        stated = here | _stated_before(day)
        for moment, asset_id, account in books:
            held = books[moment, asset_id, account]
            if moment == at and held and (day, asset_id, account) not in stated:
                yield moment, asset_id, account


def _stated_before(day: date) -> set[tuple[date, int, str]]:
    lines = CustodyLine.objects.filter(as_of__gte=start_of(day), as_of__lte=end_of(day))
    return {
        (day, x.asset_id, account_of(x.asset, x.venue))
        for x in lines.select_related("asset")
    }


def _close_stated(
    statement: CustodyStatement,
    rows: Sequence[CustodyLine],
    known: Mapping[_Difference, Break],
    by: Actor,
) -> int:
    """Ends the breaks of what nobody had stated, where somebody does now."""
    stated = {
        (business_day(x.as_of), x.asset_id, account_of(x.asset, x.venue)) for x in rows
    }
    again = {x.repeats_id for x in rows}
    gone = [
        x
        for x in known.values()
        if x.line_id is None
        and x.pk not in again
        and (business_day(x.as_of), x.asset_id, x.subject) in stated
    ]
    for one in gone:
        breaks.close(one, f"Stated since: custody statement {statement.pk}.", by=by)
    return len(gone)


def _books(lines: Sequence[Stated]) -> _Books:
    """What the books held at each moment; accounts of the treasury are headings."""
    assets = dict(Asset.objects.values_list("code", "pk"))
    return {
        (at, assets[row.asset], row.heading): row.balance
        for at in {line.as_of for line in lines}
        for row in balances.trial_balance(at=at)
        if row.heading.startswith("treasury:")
    }


# Reading a file


def read(data: bytes, *, at: datetime) -> list[Stated]:
    """The lines of a file. Raises BadStatement with all that is wrong, line by line."""
    if len(data) > csvs.MOST_BYTES:
        raise BadStatement(
            [Problem(None, f"A file has {csvs.MOST_BYTES:,} bytes at most.")]
        )
    problems: list[Problem] = []
    lines: list[Stated] = []
    assets = {asset.code: asset for asset in Asset.objects.all()}
    venues = set(Venue.objects.values_list("code", flat=True))
    for number, row in _rows(data):
        try:
            lines.append(_stated(number, row, assets, venues, at))
        except ValueError as error:
            problems.append(Problem(number, str(error)))
    problems += _problems_together(lines)
    if not lines and not problems:
        problems.append(Problem(None, "The file has no line below its header."))
    if problems:
        raise BadStatement(sorted(problems, key=lambda x: x.line or 0)[:MOST_PROBLEMS])
    return lines


def _rows(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """Rows below the header, with the numbers of their lines; empty lines are none."""
    try:
        rows = csvs.rows(csvs.text_of(data))
        _number, header = next(rows, (1, []))
        if tuple(header) != COLUMNS:
            sentence = f"The first line has to be: {','.join(COLUMNS)}"
            raise BadStatement([Problem(1, sentence)])
        yield from rows
    except csvs.BadCSV as bad:
        raise BadStatement([Problem(bad.line, bad.sentence)]) from bad


def _stated(
    number: int,
    row: list[str],
    assets: Mapping[str, Asset],
    venues: Collection[str],
    at: datetime,
) -> Stated:
    """Raises ValueError with a sentence."""
    if len(row) != len(COLUMNS):
        raise ValueError(f"The line has {len(row)} cells instead of {len(COLUMNS)}.")
    as_of, code, venue, balance, reference = row
    asset = assets.get(code)
    if asset is None:
        raise ValueError(f"asset: there is no {code[:40]!r}.")
    if venue and venue not in venues:
        raise ValueError(f"venue: there is no {venue[:40]!r}; custody is left empty.")
    if len(reference) > LONGEST:
        raise ValueError(f"reference: {LONGEST} characters at most.")
    if csvs.is_formula(reference):
        raise ValueError("reference: this begins as a formula of a spreadsheet does.")
    try:
        amount = parse_amount(balance, scale=asset.scale)
    except ValueError as error:
        raise ValueError(f"balance: {error}") from error
    return Stated(number, _moment(as_of, at), asset, venue, amount, reference)


def _moment(text: str, at: datetime) -> datetime:
    """A moment with its offset, or a day, which means its end in UTC."""
    try:
        is_day = len(text) == len("2026-01-31")
        found = end_of(date.fromisoformat(text)) if is_day else datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.utcoffset() is None:
        raise ValueError("as_of: write 2026-01-31 or 2026-01-31T18:00:00Z.")
    if found.date() <= _EARLIEST:
        raise ValueError("as_of: this is long before any books.")
    if found > at:
        raise ValueError("as_of: this is not over yet.")
    return found.astimezone(UTC)


def _problems_together(lines: Sequence[Stated]) -> Iterator[Problem]:
    """What no line says alone."""
    seen: dict[tuple[datetime, str, str], int] = {}
    for line in lines:
        of = (line.as_of, line.asset.code, line.venue)
        first = seen.setdefault(of, line.number)
        if first != line.number:
            yield Problem(line.number, f"Line {first} says the same place and moment.")
    if len(lines) > MOST_LINES:
        yield Problem(None, f"A file has {MOST_LINES:,} lines at most.")
    if len({line.as_of for line in lines}) > MOST_MOMENTS:
        yield Problem(None, f"A file is of {MOST_MOMENTS} moments at most.")
