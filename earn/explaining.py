"""Each day's interest of a position derived again, from the stored rows and the charts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from earn import catalogue, pauses
from earn.days import ONE_DAY, DayCount, day_fraction
from earn.interest import Explanation, Pause, Tier, TierMode, explain, is_paused
from earn.models import Accrual, Position, RateChart
from ledger.money import format_amount, plain


class NothingToExplain(LookupError):
    """There is no such position, or it earned nothing on that day; a sentence."""


class Figure(StrEnum):
    """What of a stored day can be wrong. The codes are kept for ever."""

    ROW = "ROW"  # of the day before, which is named and missing
    CHART_VERSION = "CHART_VERSION"  # none in force is empty
    BASIS = "BASIS"  # of a day whose interest was paused
    DAYS = "DAYS"
    YEAR_BASIS = "YEAR_BASIS"
    INTEREST = "INTEREST"
    CARRY = "CARRY"
    ACCRUED = "ACCRUED"


class Difference(NamedTuple):
    """What the row says of a figure, and what follows from its basis, the row before and
    the charts; both as plain text."""

    figure: Figure
    stored: str
    follows: str

    def sentence(self) -> str:
        """In English, for staff and programs."""
        if self.figure is Figure.ROW:
            return f"The row of {self.follows} is missing."
        if self.figure is Figure.CHART_VERSION:
            named = f"version {self.follows}" if self.follows else "none"
            return f"The chart in force is {named}, the row has version {self.stored}."
        if self.figure is Figure.BASIS:
            return f"The day was paused, the row has a basis of {self.stored}."
        name = self.figure.lower().replace("_", " ")
        return f"The row says {name} {self.stored}, it follows {self.follows}."


@dataclass(frozen=True, slots=True)
class ExplainedDay:
    """A stored day beside what it should be; no `differences` if they are equal."""

    explanation: Explanation
    accrued: Decimal
    chart_version: int
    day_count: str
    is_paused: bool
    differences: tuple[Difference, ...]

    def as_json(self) -> dict[str, object]:
        """All that is needed to compute the day again, and whether the row agrees."""
        return self.explanation.as_json() | {
            "accrued": format_amount(self.accrued, scale=self.explanation.scale),
            "chart_version": self.chart_version,
            "day_count": self.day_count,
            "paused": self.is_paused,
            "agrees": not self.differences,
            "differences": [
                difference._asdict() | {"sentence": difference.sentence()}
                for difference in self.differences
            ],
        }


def explain_days(*, position_id: int, day: date | None = None) -> Iterator[ExplainedDay]:
    """Every day of a position in order, or one. Raises NothingToExplain at once."""
    position = (
        Position.objects.select_related("product__asset", "chart")
        .filter(pk=position_id)
        .first()
    )
    if position is None:
        raise NothingToExplain(f"There is no position {position_id}.")
    rows = Accrual.objects.filter(position=position)
    if day is not None and not rows.filter(day=day).exists():
        raise NothingToExplain(f"{_span(position)} It has no interest of {day}.")
    if not rows.exists():
        raise NothingToExplain(f"{_span(position)} None of its days has been closed yet.")
    return _explained(position, day)


def _span(position: Position) -> str:
    until = f" through {position.last_day}" if position.last_day else ""
    return f"Position {position.pk} earns from {position.first_day}{until}."


def _explained(position: Position, wanted: date | None) -> Iterator[ExplainedDay]:
    rows = Accrual.objects.filter(position=position).select_related("chart").order_by("day")
    if wanted:  # its row and the one before
        rows = rows.filter(day__lte=wanted).order_by("-day")[:2]
    paused = pauses.of(position.customer_id)
    tiers: dict[int, tuple[Tier, ...]] = {}
    before: Accrual | None = None
    for row in sorted(rows, key=lambda row: row.day):
        if row.chart_id not in tiers:
            tiers[row.chart_id] = catalogue.tiers_of(row.chart, position.term_days)
        if wanted in (None, row.day):
            yield _day(position, row, before, tiers[row.chart_id], paused)
        before = row


def _day(
    position: Position,
    row: Accrual,
    before: Accrual | None,
    tiers: tuple[Tier, ...],
    paused: Sequence[Pause],
) -> ExplainedDay:
    product = position.product
    explanation = explain(
        day=row.day,
        basis=row.basis,
        tiers=tiers,
        mode=TierMode(product.tier_mode),
        fraction=day_fraction(
            DayCount(product.day_count), first_day=position.first_day, day=row.day
        ),
        scale=product.asset.scale,
        carry=before.carry if before else Decimal(0),
    )
    accrued = (before.accrued if before else Decimal(0)) + explanation.interest
    chart = position.chart or catalogue.chart_on(product, row.day)
    stops = is_paused(paused, row.day)
    differences = (
        *_gap(position, row, before),
        *_paused(row, stops=stops),
        *_differences(row, explanation, accrued, chart),
    )
    return ExplainedDay(
        explanation, accrued, row.chart.version, product.day_count, stops, differences
    )


def _gap(position: Position, row: Accrual, before: Accrual | None) -> Iterator[Difference]:
    expected = before.day + ONE_DAY if before else position.first_day
    if row.day != expected:
        yield Difference(Figure.ROW, "", str(row.day - ONE_DAY))


def _paused(row: Accrual, *, stops: bool) -> Iterator[Difference]:
    if stops and row.basis:
        yield Difference(Figure.BASIS, plain(row.basis), "0")


def _differences(
    row: Accrual, derived: Explanation, accrued: Decimal, chart: RateChart | None
) -> Iterator[Difference]:
    """Where the row is not what follows from its basis, the row before and the charts."""
    if chart != row.chart:
        in_force = str(chart.version) if chart else ""
        yield Difference(Figure.CHART_VERSION, str(row.chart.version), in_force)
    figures = (
        (Figure.DAYS, Decimal(row.days), Decimal(derived.fraction.days)),
        (Figure.YEAR_BASIS, Decimal(row.year_basis), Decimal(derived.fraction.year_basis)),
        (Figure.INTEREST, row.interest, derived.interest),
        (Figure.CARRY, row.carry, derived.carry_out),
        (Figure.ACCRUED, row.accrued, accrued),
    )
    for figure, stored, right in figures:
        if stored != right:
            yield Difference(figure, plain(stored), plain(right))
