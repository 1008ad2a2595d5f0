"""What the demo has come to, read from the database alone."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from django.db.models import Count, F, QuerySet, Sum

from earn.models import Accrual, Customer, DayClose, Order, Position
from ledger.models import BookDay
from ledger.money import floor_to_unit, format_amount

ASSETS = 4  # that have a column: those with most positions
DECIMALS = 6  # that are shown of an amount

Column = tuple[Callable[[Decimal], str], list[Decimal]]


def closes() -> tuple[list[str], list[list[str]]]:
    """Headings and rows: a row for each closed day, and one with the sums."""
    days = list(DayClose.objects.filter(stage=DayClose.Stage.CLOSED).order_by("day"))
    columns = _columns(days)
    rows = [
        [close.day.isoformat(), *(show(figures[n]) for show, figures in columns.values())]
        for n, close in enumerate(days)
    ]
    sums = (show(sum(figures, Decimal(0))) for show, figures in columns.values())
    return ["day", *columns], [*rows, [f"{len(days)} days", *sums]]


def totals() -> Iterator[str]:
    """Customers and positions; orders by kind and state; refusals by code."""
    yield f"Customers: {Customer.objects.count():,}"
    yield f"Positions: {_counts(Position.objects.all(), 'state')}"
    for kind in Order.Kind:
        yield f"{kind.label}: {_counts(Order.objects.filter(kind=kind), 'state')}"
    refused = Order.objects.filter(state=Order.State.REFUSED)
    yield f"Refused because: {_counts(refused, 'refusal__code')}"


def _columns(days: Sequence[DayClose]) -> dict[str, Column]:
    """By heading, how a column is written and its figures, one for each of the days."""
    seconds = _seconds()
    columns: dict[str, Column] = {
        "positions": (_whole, [Decimal(x.positions) for x in days])
    }
    for code, scale in _top_assets().items():
        interest = _interest(code)
        figures = [interest.get(x.day, Decimal(0)) for x in days]
        columns[f"{code} interest"] = partial(_amount, scale=scale), figures
    return columns | {
        "paid": (_whole, [Decimal(x.paid) for x in days]),
        "matured": (_whole, [Decimal(x.matured) for x in days]),
        "seconds": (partial(_amount, scale=2), [seconds[x.day] for x in days]),
    }


def _top_assets() -> dict[str, int]:
    """Scales by code."""
    counted = (
        Position.objects.values_list("product__asset__code", "product__asset__scale")
        .annotate(positions=Count("pk"))
        .order_by("-positions", "product__asset__code")
    )
    return {code: scale for code, scale, _ in counted[:ASSETS]}


def _interest(code: str) -> dict[date, Decimal]:
    rows = Accrual.objects.filter(chart__product__asset__code=code).values_list("day")
    return dict(rows.annotate(interest=Sum("interest")).order_by())


def _seconds() -> dict[date, Decimal]:
    """How long each close took from fencing its day to ending it, all waits included."""
    ended = BookDay.objects.filter(ended_at__isnull=False)
    took = ended.annotate(took=F("ended_at") - F("fenced_at")).values_list("day", "took")
    return {day: Decimal(x // timedelta(milliseconds=1)) / 1000 for day, x in took}


def _counts(rows: QuerySet[Any], column: str) -> str:
    counted = (
        rows.values_list(column).annotate(count=Count("pk")).order_by("-count", column)
    )
    return ", ".join(f"{count:,} {name}" for name, count in counted) or "none"


def _whole(figure: Decimal) -> str:
    return f"{figure:,.0f}"


def _amount(figure: Decimal, *, scale: int) -> str:
    shown = min(scale, DECIMALS)
    return format_amount(floor_to_unit(figure, scale=shown), scale=shown)
