"""New rates before they are announced: what is wrong, what they cost, who would be told."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Max

from earn import catalogue
from earn.catalogue import Row
from earn.days import ONE_DAY, business_day
from earn.models import DayClose, Product, ProductKind, RateChart
from earn.sql import sql

MONTHS = 12


class Fault(NamedTuple):
    """Why rows are no chart; `row` counts from 1, None where it is of all of them."""

    row: int | None
    sentence: str

    def __str__(self) -> str:
        return f"row {self.row}: {self.sentence}" if self.row else self.sentence


class Cost(NamedTuple):
    """By today's balances of the open flexible positions, in a year, exactly.

    `told` are the holders who earn less: whom the announcement would tell. Those whose
    interest is paused when it takes effect are in all but the interest.
    """

    positions: int
    balance: Decimal
    before: Decimal
    after: Decimal
    told: int

    @property
    def a_month_more(self) -> Decimal:
        return (self.after - self.before) / MONTHS


def faults(product: Product, rows: Sequence[Row]) -> list[Fault]:
    """A tier from 0 for each term, none twice, terms where the kind has them."""
    if not rows:
        return [Fault(None, "A rate chart has a row or more.")]
    found: list[Fault] = []
    seen: set[tuple[int | None, Decimal]] = set()
    for number, row in enumerate(rows, start=1):
        if (row.term_days is None) != (product.kind == ProductKind.FLEXIBLE):
            found.append(Fault(number, _KINDS))
        if (row.term_days, row.from_amount) in seen:
            found.append(Fault(number, "this term and amount stand above already."))
        seen.add((row.term_days, row.from_amount))
    gaps = sorted(
        term or 0
        for term in {row.term_days for row in rows}
        if (term, Decimal(0)) not in seen
    )
    return [*found, *(Fault(None, _gap(term)) for term in gaps)]


def late(
    product: Product, *, effective_on: date, rows: Sequence[Row], at: datetime
) -> list[Fault]:
    """Why the chart could not take effect that day; the database says the same."""
    first = earliest(product, at=at)
    if effective_on < first:
        return [Fault(None, f"New rates take effect on {first} at the earliest.")]
    ends = notice_ends(product, at=at)
    if effective_on < ends and is_cut(product, effective_on=effective_on, rows=rows):
        return [Fault(None, f"A lower rate takes effect on {ends} at the earliest.")]
    return []


def earliest(product: Product, *, at: datetime) -> date:
    """The first day for which rates may still be announced."""
    open_from = (DayClose.objects.aggregate(last=Max("day"))["last"] or date.min) + ONE_DAY
    is_first = not product.charts.filter(announced_at__isnull=False).exists()
    return open_from if is_first else max(open_from, business_day(at))


def notice_ends(product: Product, *, at: datetime) -> date:
    """The first day on which a cut announced now may take effect."""
    return business_day(at) + timedelta(days=product.notice_days)


def is_cut(product: Product, *, effective_on: date, rows: Sequence[Row]) -> bool:
    """Whether any amount would earn less than was announced for that day."""
    before = rows_of(catalogue.chart_on(product, effective_on))
    edges = {(row.term_days, row.from_amount) for row in (*before, *rows)}
    return any(_rate_at(rows, *edge) < _rate_at(before, *edge) for edge in edges)


def rows_of(chart: RateChart | None) -> list[Row]:
    """In the order of terms and amounts; none of no chart."""
    tiers = chart.tiers.order_by("term_days", "from_amount") if chart else []
    return [Row(x.term_days, x.from_amount, x.annual_rate) for x in tiers]


def cost(product: Product, *, effective_on: date, rows: Sequence[Row]) -> Cost:
    """Of a flexible product, against the rates of the day before; nothing remains."""
    with transaction.atomic(), connection.cursor() as cursor:
        chart = catalogue.add_chart(product=product, effective_on=effective_on, rows=rows)
        named: dict[str, Any] = {
            "product": product.pk,
            "chart": chart.pk,
            "effective_on": effective_on,
        }
        cursor.execute(sql("chart_cost"), named)
        found = Cost(*cursor.fetchone())
        transaction.set_rollback(True)
    return found


_KINDS = "rows of a fixed product have a term, those of a flexible one have none."


def _gap(term: int) -> str:
    if term:
        return f"{term} days: a term begins with a row from 0; 0 % is a rate too."
    return "The first row is from 0; 0 % is a rate too."


def _rate_at(rows: Iterable[Row], term: int | None, amount: Decimal) -> Decimal:
    reached = [x for x in rows if x.term_days == term and x.from_amount <= amount]
    return max(reached, key=lambda x: x.from_amount).annual_rate if reached else Decimal(0)
