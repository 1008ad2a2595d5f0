"""What the start page shows: the last closed days and what is on offer, in four queries."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum

from earn.days import business_day, first_earning_day
from earn.interest import TierMode
from earn.models import DayClose, Product, RateChart, RateTier
from ledger import seals
from ledger.models import Seal
from ledger.money import plain

CLOSES = 7


class ClosedDay(NamedTuple):
    close: DayClose
    seal: Seal | None

    @property
    def hash(self) -> str:
        return bytes(self.seal.hash).hex() if self.seal else ""


class Offer(NamedTuple):
    """`rate` is the best one, with the amounts that it is for."""

    name: str
    asset: str
    rate: str
    terms: tuple[int, ...]
    minimum: str
    is_sold_out: bool


class Overview(NamedTuple):
    closes: list[ClosedDay]
    offers: list[Offer]


def overview(*, at: datetime) -> Overview:
    return Overview(closes=_closes(), offers=_offers(at))


def _closes() -> list[ClosedDay]:
    closed = DayClose.objects.filter(stage=DayClose.Stage.CLOSED).order_by("-day")
    closes = list(closed[:CLOSES])
    sealed = seals.of_days(close.day for close in closes)
    return [ClosedDay(close, sealed.get(close.day)) for close in closes]


def _offers(at: datetime) -> list[Offer]:
    """Open products that have a rate for money that comes now, by asset."""
    on_sale = Q(state=Product.State.OPEN) & _at_or_unset(at)
    products = (
        Product.objects.filter(on_sale)
        .select_related("asset")
        .annotate(left=Sum(F("quota_shards__capacity") - F("quota_shards__used")))
        .order_by("asset__code", "kind", "code")
    )
    tiers = defaultdict(list)
    for tier in _tiers(on=first_earning_day(business_day(at))):
        tiers[tier.chart.product_id].append(tier)
    return [
        _offer(product, product.left, tiers[product.pk])
        for product in products
        if tiers[product.pk]
    ]


def _at_or_unset(at: datetime) -> Q:
    begun = Q(sale_from=None) | Q(sale_from__lte=at)
    return begun & (Q(sale_until=None) | Q(sale_until__gt=at))


def _tiers(*, on: date) -> QuerySet[RateTier]:
    in_force = (
        RateChart.objects.filter(
            product=OuterRef("chart__product"), announced_at__isnull=False
        )
        .filter(effective_on__lte=on)
        .order_by("-effective_on", "-version")
        .values("pk")[:1]
    )
    return RateTier.objects.filter(
        chart__product__state=Product.State.OPEN, chart=Subquery(in_force)
    ).select_related("chart")


def _offer(product: Product, left: Decimal | None, tiers: Sequence[RateTier]) -> Offer:
    asset = product.asset.code
    return Offer(
        name=product.names.get("en", product.code),
        asset=asset,
        rate=headline(tiers, TierMode(product.tier_mode), asset),
        terms=tuple(sorted({tier.term_days for tier in tiers if tier.term_days})),
        minimum=f"{grouped(product.minimum)} {asset}" if product.minimum else "",
        is_sold_out=left is not None and (left <= 0 or left < product.minimum),
    )


def headline(tiers: Iterable[RateTier], mode: TierMode, asset: str) -> str:
    """The best rate of a chart, like "12 % on the first 500 USDT"."""
    ordered = sorted(tiers, key=lambda tier: (tier.term_days or 0, tier.from_amount))
    best = max(ordered, key=lambda tier: tier.annual_rate)
    above = [
        tier.from_amount
        for tier in ordered
        if tier.term_days == best.term_days and tier.from_amount > best.from_amount
    ]
    amounts = _amounts(best.from_amount, above[0] if above else None, mode, asset)
    term = f"for {best.term_days} days" if best.term_days else ""
    return " ".join(filter(None, (f"{plain(best.annual_rate * 100)} %", amounts, term)))


def _amounts(lower: Decimal, upper: Decimal | None, mode: TierMode, asset: str) -> str:
    """Which part of a balance a tier is for; nothing to say when it is for all of it."""
    sliced = mode is TierMode.SLICE
    if upper is None:
        above = "on what is above" if sliced else "from"
        return f"{above} {grouped(lower)} {asset}" if lower else ""
    if lower:
        return f"from {grouped(lower)} to {grouped(upper)} {asset}"
    return f"{'on the first' if sliced else 'below'} {grouped(upper)} {asset}"


def grouped(amount: Decimal) -> str:
    return f"{amount.normalize():,f}"
