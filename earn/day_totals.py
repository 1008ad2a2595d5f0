"""What the closes of days came to: interest by asset and product, and what stands out."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count

from earn.days import ONE_DAY
from earn.models import CloseChunk, DayClose
from earn.sql import sql

STANDS_OUT = Decimal("0.20")  # of the day before, either way


class ProductDay(NamedTuple):
    """Interest that a day's close posted for a product, and the day before."""

    product: str
    asset: str
    interest: Decimal
    before: Decimal

    @property
    def change(self) -> Decimal | None:
        """As a fraction of the day before; None where that had none."""
        return (self.interest - self.before) / self.before if self.before else None

    @property
    def shown_change(self) -> Decimal | None:
        """The same to a tenth of a percent: no page shows more."""
        return None if self.change is None else Decimal(f"{self.change:.3f}") + 0  # no -0

    @property
    def stands_out(self) -> bool:
        return self.change is None or abs(self.change) > STANDS_OUT


class Compared(NamedTuple):
    """The accruals of a product on a day, and what the charts give on their bases."""

    positions: int
    basis: Decimal
    interest: Decimal
    expected: Decimal
    first_version: int
    last_version: int
    least_days: int
    most_days: int


class Ahead(NamedTuple):
    """What a close would accrue for a product, if nothing moved until it is made."""

    positions: int
    basis: Decimal
    interest: Decimal


class Chunks(NamedTuple):
    done: int
    all: int


def interest_of(days: Sequence[date]) -> dict[date, dict[str, Decimal]]:
    """By day and asset, from the entries of the closes."""
    found: dict[date, dict[str, Decimal]] = {day: {} for day in days}
    for day, _product, asset, amount in _posted(days):
        found[day][asset] = found[day].get(asset, Decimal(0)) + amount
    return found


def by_product(day: date) -> list[ProductDay]:
    """Every product that had interest on the day or the day before, by code."""
    sums: dict[tuple[str, str], dict[date, Decimal]] = {}
    for on, product, asset, amount in _posted([day - ONE_DAY, day]):
        sums.setdefault((product, asset), {})[on] = amount
    return [
        ProductDay(
            product, asset, of.get(day, Decimal(0)), of.get(day - ONE_DAY, Decimal(0))
        )
        for (product, asset), of in sorted(sums.items())
    ]


def chunks_of(days: Sequence[date]) -> dict[date, Chunks]:
    rows = CloseChunk.objects.filter(day__in=days).values_list("day")
    counted = rows.annotate(done=Count("done_at"), all=Count("number"))
    return {day: Chunks(done, every) for day, done, every in counted}


def compared(day: date) -> dict[int, Compared]:
    """By number of the product. Reads every accrual of the day."""
    return {number: Compared(*row) for number, *row in _by_chart("day_compared", day)}


def ahead(day: date) -> dict[int, Ahead]:
    """By number of the product: a dry run of the first day that no close has accrued.

    By the rule and the bases of the close itself. Reads every open position.
    """
    return {number: Ahead(*row) for number, *row in _by_chart("day_ahead", day)}


def is_accrued(day: date) -> bool:
    """Whether its close has all interest already, and there is nothing to foresee."""
    return DayClose.objects.filter(day=day, digest__isnull=False).exists()


def causes(now: Compared, before: Compared | None) -> list[str]:
    """Codes of what made a product's interest differ: BEGAN, RATES, DAYS, BASIS."""
    if before is None:
        return ["BEGAN"]
    seen = {
        "RATES": (now.first_version, now.last_version)
        != (before.first_version, before.last_version),
        "DAYS": (now.least_days, now.most_days) != (before.least_days, before.most_days),
        "BASIS": now.basis != before.basis,
    }
    return [code for code, is_so in seen.items() if is_so]


def _posted(days: Sequence[date]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql("interest_of_days"), {"days": list(days)})
        return list(cursor.fetchall())


def _by_chart(name: str, day: date) -> list[Any]:
    text = sql(name).replace("/* bands */", sql("chart_bands"))
    with connection.cursor() as cursor:
        cursor.execute(text, {"day": day})
        return list(cursor.fetchall())
