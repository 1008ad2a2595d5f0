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
from django.db.models import OuterRef, Subquery

from earn import csvs
from earn.models import Price
from earn.sql import sql
from ledger.models import Asset
from ledger.money import MAX_SCALE, parse_amount, unit

STALE = timedelta(hours=48)  # a price that is older says nothing any more
MOST_TOLD = 20  # lines that are wrong, of a list of prices


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


def latest(*, at: datetime) -> Prices:
    """The last price of every asset at a moment, and no others, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(sql("latest_prices"), {"since": at - STALE, "at": at})
        return Prices({asset: [Quote(when, price)] for asset, when, price in cursor})


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


class BadPrices(ValueError):
    """A list of prices that cannot be read; the message names each line that is wrong."""


def read(text: str) -> list[tuple[Asset, Decimal]]:
    """Lines of "asset,price", with or without that heading. Raises BadPrices."""
    lines = _rows(text)
    codes = {row[0] for _, row in lines}
    assets = {asset.code: asset for asset in Asset.objects.filter(code__in=codes)}
    found: dict[str, tuple[Asset, Decimal]] = {}
    wrong = []
    for number, row in lines:
        try:
            asset, price = _line(row, assets)
        except ValueError as error:
            wrong.append(f"line {number}: {error}")
            continue
        if asset.code in found:
            wrong.append(f"line {number}: {asset.code} stands above already")
        found[asset.code] = asset, price
    if not found and not wrong:
        wrong.append("there is no line of an asset and its price")
    if wrong:
        raise BadPrices("; ".join(wrong[:MOST_TOLD]))
    return list(found.values())


def _rows(text: str) -> list[tuple[int, list[str]]]:
    try:
        lines = list(csvs.rows(text))
    except csvs.BadCSV as bad:
        raise BadPrices(f"line {bad.line}: {bad.sentence}") from bad
    has_heading = lines and [word.lower() for word in lines[0][1]] == ["asset", "price"]
    return lines[1:] if has_heading else lines


def _line(row: list[str], assets: Mapping[str, Asset]) -> tuple[Asset, Decimal]:
    if len(row) != 2:
        raise ValueError("write an asset, a comma and its price")
    code = row[0]
    if code not in assets:
        raise ValueError(f"there is no asset {code[:40]!r}")
    if code == settings.REPORTING_CURRENCY:
        raise ValueError(f"{code} is what prices are in: its price is always 1")
    price = parse_amount(row[1], scale=MAX_SCALE)
    if price == 0:
        raise ValueError("a price is above 0; what has none is left out")
    return assets[code], price


def newest() -> dict[int, Quote]:
    """The last price of each asset, by its id."""
    last = Price.objects.filter(asset=OuterRef("pk")).order_by("-at")
    rows = Asset.objects.annotate(
        last_at=Subquery(last.values("at")[:1]),
        last_price=Subquery(last.values("price")[:1]),
    ).filter(last_at__isnull=False)
    return {
        asset: Quote(at, price)
        for asset, at, price in rows.values_list("pk", "last_at", "last_price")
    }
