"""Statements of custodians and venues, taken in whole or not at all, beside the books."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NamedTuple

from django.contrib.auth.models import Permission
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from earn import audit, chart, csvs
from earn.audit import Actor
from earn.days import end_of
from earn.models import Break, CustodyLine, CustodyStatement, User
from ledger import balances
from ledger.models import Asset
from ledger.money import parse_amount, plain
from ledger.posting import constraint_of

COLUMNS = ("as_of", "asset", "venue", "balance", "reference")
MOST_BYTES = 1_000_000
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


class BreakRefused(Exception):
    """Nothing was changed; the message is a sentence for whoever asked."""


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
    lines = read(data, at=by.at)
    try:
        with transaction.atomic():
            return TakenIn(_kept(lines, sha256, name, by), is_new=True)
    except IntegrityError as error:
        if constraint_of(error) != "one_statement_a_file":
            raise
        return TakenIn(CustodyStatement.objects.get(sha256=sha256), is_new=False)


def _kept(lines: Sequence[Stated], sha256: str, name: str, by: Actor) -> CustodyStatement:
    statement = CustodyStatement.objects.create(
        sha256=sha256, name=name, lines=len(lines), at=by.at, by=by.user
    )
    kept = CustodyLine.objects.bulk_create(
        CustodyLine(statement=statement, **line._asdict()) for line in lines
    )
    books = _books(lines)
    breaks = Break.objects.bulk_create(
        Break(line=row, stated=row.balance, books=held, opened_at=by.at)
        for row, line in zip(kept, lines, strict=True)
        if (held := books.get((line.as_of, line.asset.code, line.account), Decimal(0)))
        != line.balance
    )
    audit.record(
        by,
        "TAKE_IN_STATEMENT",
        f"custody-statement:{statement.pk}",
        after={"sha256": sha256, "lines": len(lines), "breaks": len(breaks)},
    )
    return statement


def _books(lines: Sequence[Stated]) -> dict[tuple[datetime, str, str], Decimal]:
    """What the books held at each moment; accounts of the treasury are headings."""
    return {
        (at, row.asset, row.heading): row.balance
        for at in {line.as_of for line in lines}
        for row in balances.trial_balance(at=at)
        if row.heading.startswith("treasury:")
    }


def assign(break_id: int, *, owner: User, by: Actor) -> Break:
    """Makes somebody see to a break. Raises BreakRefused."""
    with transaction.atomic():
        found = _open(break_id)
        if not reconcilers().filter(pk=owner.pk).exists():
            raise BreakRefused("Only staff who may reconcile own a break.")
        before = found.owner.email if found.owner else ""
        found.owner = owner
        found.save(update_fields=["owner"])
        audit.record(
            by,
            "ASSIGN_BREAK",
            f"break:{found.pk}",
            before={"owner": before},
            after={"owner": owner.email},
        )
        return found


def resolve(break_id: int, *, note: str, by: Actor) -> Break:
    """Once and for ever, with a word on why. Raises BreakRefused."""
    if not note.strip():
        raise BreakRefused("A break is resolved with a note.")
    with transaction.atomic():
        found = _open(break_id)
        found.note, found.resolved_at, found.resolved_by = note.strip(), by.at, by.user
        found.save(update_fields=["note", "resolved_at", "resolved_by"])
        audit.record(
            by,
            "RESOLVE_BREAK",
            f"break:{found.pk}",
            after={"difference": plain(found.stated - found.books)},
            reason=found.note,
        )
        return found


def _open(break_id: int) -> Break:
    """The break, locked. Raises Break.DoesNotExist or BreakRefused."""
    found = Break.objects.select_for_update(no_key=True).get(pk=break_id)
    if found.resolved_at is not None:
        raise BreakRefused("This break is resolved already.")
    return found


def reconcilers() -> QuerySet[User]:
    """Staff who may own a break."""
    right = Permission.objects.filter(content_type__app_label="earn", codename="reconcile")
    may = Q(groups__permissions__in=right) | Q(user_permissions__in=right)
    may |= Q(is_superuser=True)
    return User.objects.filter(may, is_staff=True, is_active=True).distinct()


# Reading a file


def read(data: bytes, *, at: datetime) -> list[Stated]:
    """The lines of a file. Raises BadStatement with all that is wrong, line by line."""
    if len(data) > MOST_BYTES:
        raise BadStatement([Problem(None, f"A file has {MOST_BYTES:,} bytes at most.")])
    problems: list[Problem] = []
    lines: list[Stated] = []
    assets = {asset.code: asset for asset in Asset.objects.all()}
    for number, row in _rows(data):
        try:
            lines.append(_stated(number, row, assets, at))
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


def _stated(number: int, row: list[str], assets: dict[str, Asset], at: datetime) -> Stated:
    """Raises ValueError with a sentence."""
    if len(row) != len(COLUMNS):
        raise ValueError(f"The line has {len(row)} cells instead of {len(COLUMNS)}.")
    as_of, code, venue, balance, reference = row
    asset = assets.get(code)
    if asset is None:
        raise ValueError(f"asset: there is no {code[:40]!r}.")
    if venue and not chart.is_venue(venue):
        raise ValueError("venue: small letters, digits and dashes, or nothing for custody.")
    if len(reference) > LONGEST:
        raise ValueError(f"reference: {LONGEST} characters at most.")
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
