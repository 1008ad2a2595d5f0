"""Prices of the demo's assets: a seeded walk from day 0, the same in every run."""

from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from random import Random

from earn import prices
from earn.days import ONE_DAY, start_of
from earn.demo.fixtures import Fixtures
from earn.models import Price
from ledger.models import Asset

DIGITS = Context(prec=8, rounding=ROUND_HALF_EVEN)
WHOLE = 10_000  # steps are in parts of this


def record(fixtures: Fixtures, *, first_day: date, through: date) -> None:
    """One price a day, at 00:00, of each asset that has one; what is there stays."""
    assets = Asset.objects.in_bulk(list(fixtures.prices), field_name="code")
    walks = {code: _walk(code, *fixtures.prices[code]) for code in sorted(assets)}
    known = set(Price.objects.values_list("at", flat=True).distinct())
    for number in range((through - first_day).days + 1):
        moment = start_of(first_day + number * ONE_DAY)
        quotes = [(assets[code], next(walk)) for code, walk in walks.items()]
        if moment not in known:
            prices.record(quotes, at=moment)


def _walk(code: str, start: Decimal, swing: int) -> Iterator[Decimal]:
    """Begins at `start`; each day is up to `swing` ten-thousandths up or down."""
    random, price = Random(f"price of {code}"), start
    while True:
        yield price
        price = DIGITS.multiply(price, 1 + Decimal(random.randint(-swing, swing)) / WHOLE)
