"""What amounts are worth in another currency: for showing alone, never for the books.

Prices are in the reporting currency (REPORTING_CURRENCY); any other currency is reached
through its own price. What has no price, or an old one, has no value: never zero.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from django.conf import settings
from django.db import connection

from earn.models import Price
from earn.sql import sql
from ledger.models import Asset
from ledger.money import unit

STALE = timedelta(hours=48)  # a price that is older says nothing any more


class Quote(NamedTuple):
    at: datetime
    price: Decimal


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices of some assets over a span of time: by id of the asset, in order of time."""

    quotes: Mapping[int, Sequence[Quote]]

    def quote(self, asset: Asset, at: datetime) -> Quote | None:
        """The last price at the moment that is not stale by then."""
        if asset.code == settings.REPORTING_CURRENCY:
            return Quote(at, Decimal(1))
        quotes = self.quotes.get(asset.pk, ())
        found = bisect_right(quotes, at, key=lambda quote: quote.at)
        last = quotes[found - 1] if found else None
        return last if last and at - last.at <= STALE else None

    def value(
        self, amount: Decimal, asset: Asset, currency: Asset, at: datetime
    ) -> Decimal | None:
        """In whole units of the currency, rounded to its last decimal; None is unknown."""
        if asset.pk == currency.pk:
            return amount
        ours, theirs = self.quote(asset, at), self.quote(currency, at)
        if ours is None or theirs is None:
            return None
        worth = amount * ours.price / theirs.price
        return worth.quantize(unit(currency.scale), rounding=ROUND_HALF_UP)


def load(
    assets: Iterable[Asset],
    *,
    since: datetime,
    until: datetime,
    known_at: datetime | None = None,
) -> Prices:
    """Prices for moments from `since` to `until`, in one query; as known by a moment."""
    rows = Price.objects.filter(
        asset__in={asset.pk for asset in assets}, at__gte=since - STALE, at__lte=until
    )
    if known_at is not None:
        rows = rows.filter(recorded_at__lte=known_at)
    quotes = defaultdict(list)
    for asset, at, price in rows.order_by("at").values_list("asset", "at", "price"):
        quotes[asset].append(Quote(at, price))
    return Prices(quotes)


def value(amount: Decimal, asset: Asset, currency: Asset, at: datetime) -> Decimal | None:
    """One amount at one moment; whoever has several loads their prices at once."""
    return load([asset, currency], since=at, until=at).value(amount, asset, currency, at)


def settled_at() -> datetime:
    """What was known by then, and by any earlier moment, is the same for ever.

    Waits for prices that are just being recorded.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql("known_prices"))
        row: tuple[datetime] = cursor.fetchone()
        return row[0]


def record(prices: Iterable[tuple[Asset, Decimal]], *, at: datetime) -> None:
    """Keeps the prices of a moment; those that are known of it already stay."""
    Price.objects.bulk_create(
        (Price(asset=asset, at=at, price=price) for asset, price in prices),
        ignore_conflicts=True,
    )
