"""What the books say as accountants ask: trial balance, balance sheet, income statement.

Everything comes from the trial balance, so that no report can say something else than the
books. Lines of products and venues are summed up by family: product:*:interest.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from django.conf import settings

from earn import chart, prices
from earn.days import ONE_DAY, end_of
from earn.prices import Prices
from ledger import balances
from ledger.balances import TrialRow
from ledger.models import Account, Asset

ASSET, LIABILITY, EQUITY, INCOME, EXPENSE = Account.Kind.values
_ZERO = Decimal(0)


class Line(NamedTuple):
    """`amount` on the normal side of its kind: owned, owed, earned or spent."""

    kind: str
    name: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Report:
    """Lines in one asset, or of all that have a price in the reporting currency."""

    lines: Sequence[Line]

    def of(self, *kinds: str) -> list[Line]:
        return [line for line in self.lines if line.kind in kinds]

    def total(self, kind: str) -> Decimal:
        return sum((line.amount for line in self.of(kind)), _ZERO)

    @property
    def result(self) -> Decimal:
        """Income less expense: what the house has earned, or lost."""
        return self.total(INCOME) - self.total(EXPENSE)

    @property
    def claims(self) -> Decimal:
        """Liabilities + equity + income - expense."""
        return self.total(LIABILITY) + self.total(EQUITY) + self.result

    @property
    def is_balanced(self) -> bool:
        return self.total(ASSET) == self.claims

    @property
    def kinds(self) -> list[tuple[str, list[Line], Decimal]]:
        """Each kind that has lines, with them and their total."""
        known = [(kind, self.of(kind)) for kind in Account.Kind.values]
        return [(kind, lines, self.total(kind)) for kind, lines in known if lines]


@dataclass(frozen=True, slots=True)
class AssetReport(Report):
    asset: Asset


@dataclass(frozen=True, slots=True)
class Consolidated(Report):
    """Exact sums of the values at one moment, never rounded on the way.

    `missing` are the assets that have no price or an old one: they are in no line.
    """

    missing: Sequence[Asset]


@dataclass(frozen=True, slots=True)
class Trial:
    """All headings of an asset. `worth` of a debit as of a credit; None without a price."""

    asset: Asset
    rows: Sequence[TrialRow]
    price: Decimal | None

    @property
    def debits(self) -> Decimal:
        return sum((row.debits for row in self.rows), _ZERO)

    @property
    def credits(self) -> Decimal:
        return sum((row.credits for row in self.rows), _ZERO)

    @property
    def owned(self) -> Decimal:
        return sum((row.balance for row in self.rows if row.kind == ASSET), _ZERO)

    @property
    def worth(self) -> Decimal | None:
        """Of what is owned, in the reporting currency."""
        return None if self.price is None else self.owned * self.price


def trial(*, at: datetime, asset: Asset | None = None) -> list[Trial]:
    """The trial balance at a moment, of one asset or all that were used by then."""
    by_asset = _rows(at, asset)
    found = _known(by_asset)
    known = prices.latest(at=at)
    return [Trial(asset, by_asset[asset.code], _price(known, asset, at)) for asset in found]


def balance_sheets(*, at: datetime, asset: Asset | None = None) -> list[AssetReport]:
    by_asset = _rows(at, asset)
    return [AssetReport(_lines(by_asset[one.code], []), one) for one in _known(by_asset)]


def income_statements(
    *, first: date, last: date, asset: Asset | None = None
) -> list[AssetReport]:
    """What was earned and spent on the days `first` to `last`, both days included."""
    before, after = _rows(end_of(first - ONE_DAY), asset), _rows(end_of(last), asset)
    reports = []
    for one in _known(after):
        lines = _lines(after[one.code], before.get(one.code, []))
        moved = [x for x in lines if x.kind in (INCOME, EXPENSE) and x.amount]
        if moved:
            reports.append(AssetReport(moved, one))
    return reports


def consolidated(reports: Iterable[AssetReport], *, at: datetime) -> Consolidated:
    """Reports of all assets as one in the reporting currency, at the prices of a moment."""
    reports = list(reports)
    known = prices.latest(at=at)
    sums: dict[tuple[str, str], Decimal] = {}
    missing = []
    for report in reports:
        price = _price(known, report.asset, at)
        if price is None:
            missing.append(report.asset)
            continue
        for kind, name, amount in report.lines:
            sums[kind, name] = sums.get((kind, name), _ZERO) + amount * price
    return Consolidated(
        [Line(kind, name, amount) for (kind, name), amount in sorted(sums.items())], missing
    )


def currency() -> Asset:
    """The reporting currency; not saved, with two decimals, where it is no asset here."""
    code = str(settings.REPORTING_CURRENCY)
    return Asset.objects.filter(code=code).first() or Asset(code=code, scale=2)


def _rows(at: datetime, asset: Asset | None) -> dict[str, list[TrialRow]]:
    rows = balances.trial_balance(at=at, asset_id=asset.pk if asset else None)
    return {code: list(found) for code, found in groupby(rows, key=lambda row: row.asset)}


def _known(by_asset: Iterable[str]) -> list[Asset]:
    return list(Asset.objects.filter(code__in=list(by_asset)).order_by("code"))


def _lines(rows: Iterable[TrialRow], before: Iterable[TrialRow]) -> list[Line]:
    """By family what the rows hold more than those before them."""
    sums: dict[tuple[str, str], Decimal] = {}
    for sign, some in ((1, rows), (-1, before)):
        for row in some:
            of = (row.kind, chart.family(row.heading))
            sums[of] = sums.get(of, _ZERO) + sign * row.balance
    return [Line(kind, name, amount) for (kind, name), amount in sorted(sums.items())]


def _price(known: Prices, asset: Asset, at: datetime) -> Decimal | None:
    quote = known.quote(asset, at)
    return quote and quote.price
