"""How much of each product is taken up: principal, holders, and what its quota has left."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db import connection
from django.db.models import Max, Sum

from earn.models import Position, Product, QuotaShard
from earn.sql import sql


class Uptake(NamedTuple):
    """Of the open positions of a product. `used` is None where there is no quota."""

    positions: int = 0
    holders: int = 0
    principal: Decimal = Decimal(0)
    used: Decimal | None = None


class Left(NamedTuple):
    """What is still there when a product closes; `waiting` belong to frozen customers."""

    waiting: int
    last_maturity: date | None


def of(products: Iterable[Product]) -> dict[int, Uptake]:
    """By the number of the product; one query, however many there are."""
    numbers = [product.pk for product in products]
    shards = QuotaShard.objects.filter(product__in=numbers).values_list("product")
    used = dict(shards.annotate(Sum("used")))
    with connection.cursor() as cursor:
        cursor.execute(sql("uptake"), {"products": numbers})
        rows = {row[0]: row[1:] for row in cursor.fetchall()}
    return {n: Uptake(*rows.get(n, ()))._replace(used=used.get(n)) for n in numbers}


def is_more_than(most: int, *, flexible_of: Product | None = None) -> bool:
    """Whether so many positions are open, or flexible ones of a product; counts no further.

    For pages that read them all: above it they leave the work to a command.
    """
    found = Position.objects.filter(state=Position.State.OPEN)
    if flexible_of:
        found = found.filter(product=flexible_of, term_days=None)
    return found.order_by()[: most + 1].count() > most


def left_of(product: Product) -> Left:
    """What winding up waits for, and until when fixed terms run."""
    opened = Position.objects.filter(product=product, state=Position.State.OPEN)
    waiting = opened.filter(term_days=None, customer__frozen_out=True).count()
    terms = opened.filter(term_days__isnull=False)
    return Left(waiting, terms.aggregate(last=Max("matures_on"))["last"])
