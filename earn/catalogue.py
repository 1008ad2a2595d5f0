"""The catalogue: rate charts, who may buy what, and what is left of a quota."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import QuerySet, Sum

from earn import refusals, telling
from earn.interest import Chart, Tier
from earn.models import (
    Customer,
    Position,
    Product,
    ProductKind,
    QuotaShard,
    RateChart,
    RateTier,
)
from ledger.money import floor_to_unit, format_amount, is_whole_units, plain, unit


class Row(NamedTuple):
    """One line of a rate chart; `term_days` is None for a flexible product."""

    term_days: int | None
    from_amount: Decimal
    annual_rate: Decimal


def add_chart(*, product: Product, effective_on: date, rows: Iterable[Row]) -> RateChart:
    """A draft of the next version; it changes nothing until it is announced."""
    with transaction.atomic():
        last = product.charts.order_by("-version").first()
        chart = RateChart.objects.create(
            product=product,
            version=last.version + 1 if last else 1,
            effective_on=effective_on,
        )
        RateTier.objects.bulk_create(RateTier(chart=chart, **row._asdict()) for row in rows)
    return chart


def announce(chart: RateChart, *, at: datetime) -> None:
    """From now on the chart is promised, and whoever it costs is told.

    Cuts keep their notice, by the database's rule.
    """
    with transaction.atomic():
        chart.announced_at = at
        chart.save(update_fields=["announced_at"])
        telling.tell_of_rates(chart, at=at)


def set_state(product: Product, state: str) -> None:
    """Opens, pauses or closes; the database holds the order of states."""
    product.state = state
    product.save(update_fields=["state"])


def wind_up(product: Product, *, at: datetime) -> None:
    """Closes it for good; from now on `winding_up` pays its positions out."""
    product.state, product.wound_up_at = Product.State.CLOSED, at
    product.save(update_fields=["state", "wound_up_at"])


def create_quota(product: Product, *, shards: int = 1) -> None:
    """Spreads the product's quota over shards, the last one taking the uneven rest."""
    if product.quota is None:
        return
    part = (product.quota / shards).quantize(Decimal(1).scaleb(-product.asset.scale))
    while part * shards > product.quota:
        part -= Decimal(1).scaleb(-product.asset.scale)
    rest = product.quota - part * (shards - 1)
    QuotaShard.objects.bulk_create(
        QuotaShard(product=product, number=n, capacity=part if n < shards - 1 else rest)
        for n in range(shards)
    )


class QuotaInUse(Exception):
    """A quota cannot be less than what customers hold of it."""


def change_quota(product: Product, quota: Decimal) -> None:
    """Spreads what is added evenly; what is taken away was free. Raises QuotaInUse.

    The product's row is the caller's to lock and to save.
    """
    shards = list(product.quota_shards.select_for_update().order_by("number"))
    more = quota - sum((shard.capacity for shard in shards), Decimal(0))
    part = floor_to_unit(abs(more) / len(shards), scale=product.asset.scale)
    for shard in shards:
        if more < 0:
            taken = min(shard.capacity - shard.used, -more)
            shard.capacity, more = shard.capacity - taken, more + taken
        else:
            added = more if shard is shards[-1] else part
            shard.capacity, more = shard.capacity + added, more - added
    if more:
        used = sum((shard.used for shard in shards), Decimal(0))
        raise QuotaInUse(f"{plain(used)} {product.asset.code} are in use already.")
    QuotaShard.objects.bulk_update(shards, ["capacity"])


def chart_on(product: Product, day: date) -> RateChart | None:
    """The announced chart that is in force on a day."""
    return (
        product.charts.filter(announced_at__isnull=False, effective_on__lte=day)
        .order_by("-effective_on", "-version")
        .first()
    )


def charts_after(product: Product, day: date) -> QuerySet[RateChart]:
    """Those that are announced for later days, the next one first."""
    later = product.charts.filter(announced_at__isnull=False, effective_on__gt=day)
    # of two for the same day the later version is in force
    return later.order_by("effective_on", "-version").distinct("effective_on")


def announced_after(product: Product, day: date) -> list[Chart]:
    """The rates of a flexible product that are promised for later days."""
    charts = charts_after(product, day).prefetch_related("tiers")
    return [
        Chart(
            chart.effective_on,
            [Tier(x.from_amount, x.annual_rate) for x in chart.tiers.all()],
        )
        for chart in charts
    ]


def tiers_of(chart: RateChart, term_days: int | None) -> tuple[Tier, ...]:
    """The chart's tiers for a term, lowest amount first; empty when it has no such term."""
    rows = chart.tiers.filter(term_days=term_days).order_by("from_amount")
    return tuple(Tier(x.from_amount, x.annual_rate) for x in rows)


class Rates:
    """The charts of positions: the one of a fixed term, all announced of a flexible."""

    def __init__(self, positions: Collection[Position]) -> None:
        fixed = {x.chart_id for x in positions if x.chart_id}
        flexible = {x.product_id for x in positions if not x.chart_id}
        tiers = RateTier.objects.select_related("chart").order_by("from_amount")
        self._rows = [
            *tiers.filter(chart__in=fixed),
            *tiers.filter(
                chart__product__in=flexible,
                chart__announced_at__isnull=False,
                term_days=None,
            ),
        ]

    def of(self, position: Position) -> list[Chart]:
        """A fixed position has one for life: it counts as in effect from the first day."""
        tiers: dict[tuple[date, int, int], list[Tier]] = {}
        for row in self._rows:
            chart = row.chart
            is_its = (
                chart.pk == position.chart_id
                if position.chart_id
                else chart.product_id == position.product_id
            )
            if is_its and row.term_days == position.term_days:
                since = date.min if position.chart_id else chart.effective_on
                tier = Tier(row.from_amount, row.annual_rate)
                tiers.setdefault((since, chart.version, chart.pk), []).append(tier)
        return [Chart(since, found) for (since, _, _), found in sorted(tiers.items())]


def offer(
    product: Product, *, term_days: int | None, first_day: date
) -> tuple[RateChart, Sequence[Tier]]:
    """The chart and tiers for money that begins to earn on `first_day`; raises NotOpen."""
    chart = chart_on(product, first_day)
    tiers = tiers_of(chart, term_days) if chart else ()
    if chart is None or not tiers:
        if term_days is None:
            raise refusals.NotOpen(f"{product.code} is not offered.", reason="NO_RATE")
        raise refusals.NotOpen(
            f"{product.code} is not offered for {term_days} days.", days=str(term_days)
        )
    return chart, tiers


def check_amount(product: Product, amount: Decimal) -> None:
    """Raises TooManyDecimals, BelowMinimum or NotAStep."""
    asset = product.asset
    check_decimals(amount, scale=asset.scale, code=asset.code)
    if amount < product.minimum or amount <= 0:
        least = _text(max(unit(asset.scale), product.minimum), product)
        raise refusals.BelowMinimum(
            f"The smallest amount is {least} {asset.code}.", minimum=least
        )
    if product.step and amount % product.step:
        step = _text(product.step, product)
        nearest = _text(_nearest(product, amount, product.step), product)
        raise refusals.NotAStep(
            f"Amounts go in steps of {step} {asset.code}; {nearest} would do.",
            step=step,
            nearest=nearest,
        )


def smallest(product: Product) -> Decimal:
    """The least amount that an order takes, in whole steps."""
    least: Decimal = max(unit(product.asset.scale), product.minimum)
    step: Decimal | None = product.step
    if not step or not least % step:
        return least
    return least - least % step + step


def _nearest(product: Product, amount: Decimal, step: Decimal) -> Decimal:
    """The whole number of steps next below, or next above where that is too little."""
    below = amount - amount % step
    return below if below and below >= product.minimum else below + step


def check_decimals(amount: Decimal, *, scale: int, code: str) -> None:
    if not is_whole_units(amount, scale=scale):
        raise refusals.TooManyDecimals(
            f"{code} has {scale} decimals; the amount has more.", scale=str(scale)
        )


def check_open(product: Product, at: datetime) -> None:
    """Raises NotOpen outside of the product's state and sale window."""
    told: dict[str, str] = {}
    if product.state != Product.State.OPEN:
        told = {"reason": str(product.state)}
    elif product.sale_from and at < product.sale_from:
        told = {"opens_at": product.sale_from.isoformat()}
    elif product.sale_until and at >= product.sale_until:
        told = {"ended_at": product.sale_until.isoformat()}
    if told:
        raise refusals.NotOpen(f"{product.code} is not open for subscription.", **told)


def check_eligible(product: Product, customer: Customer) -> None:
    """Raises NotEligible; a country that is not known is no country that is allowed."""
    known = customer.country
    allowed, denied = product.countries_allowed, product.countries_denied
    if (allowed or denied) and not known:
        raise refusals.NotEligible(
            f"{product.code} is not offered where the country is not known.",
            reason="COUNTRY_UNKNOWN",
        )
    if (allowed and known not in allowed) or known in denied:
        raise refusals.NotEligible(f"{product.code} is not offered in your country.")
    if customer.kyc_level < product.minimum_kyc_level:
        raise refusals.NotEligible(
            f"{product.code} asks for verification level {product.minimum_kyc_level}.",
            minimum_kyc_level=str(product.minimum_kyc_level),
            kyc_level=str(customer.kyc_level),
        )


def check_cap(
    product: Product, customer: Customer, amount: Decimal, *, leaving: Collection[int] = ()
) -> None:
    """Raises OverCustomerCap with what is left of it; `leaving` positions do not count.

    Of a flexible product the caller has locked the customer's one position.
    """
    if product.customer_cap is None:
        return
    if product.kind == ProductKind.FIXED:
        # each order opens a position of its own: two of them must not pass together
        Customer.objects.select_for_update(no_key=True).get(pk=customer.pk)
    left = cap_left(product, customer, leaving=leaving)
    if left is not None and amount > left:
        raise over_cap(product, left)


def cap_left(
    product: Product, customer: Customer, *, leaving: Collection[int] = ()
) -> Decimal | None:
    """What a customer may still add; None for a product without a cap."""
    if product.customer_cap is None:
        return None
    cap: Decimal = product.customer_cap
    return max(cap - held_by(product, customer, leaving=leaving), Decimal(0))


def over_cap(product: Product, left: Decimal) -> refusals.OverCustomerCap:
    text = _text(left, product)
    return refusals.OverCustomerCap(
        f"You may add {text} {product.asset.code} at most.", left=text
    )


def held_by(
    product: Product, customer: Customer, *, leaving: Collection[int] = ()
) -> Decimal:
    """Principal that a customer has in a product."""
    positions = Position.objects.filter(
        product=product, customer=customer, state=Position.State.OPEN
    ).exclude(pk__in=leaving)
    return positions.aggregate(sum=Sum("principal"))["sum"] or Decimal(0)


def take_quota(product: Product, amount: Decimal) -> None:
    """Raises SoldOut with what is left. The last statement of an order: the row is hot."""
    if product.quota is None or amount <= 0:
        return
    with connection.cursor() as cursor:
        cursor.execute("select earn_take_quota(%s, %s)", [product.pk, amount])
        (taken,) = cursor.fetchone() or (False,)
    if not taken:
        raise sold_out(product, quota_left(product) or Decimal(0))


def sold_out(product: Product, left: Decimal) -> refusals.SoldOut:
    text = _text(left, product)
    return refusals.SoldOut(
        f"{text} {product.asset.code} are left of {product.code}.", left=text
    )


def release_quota(product: Product, amount: Decimal) -> None:
    if product.quota is None or amount <= 0:
        return
    with connection.cursor() as cursor:
        cursor.execute("select earn_release_quota(%s, %s)", [product.pk, amount])


def quota_left(product: Product) -> Decimal | None:
    """None for a product without a quota."""
    if product.quota is None:
        return None
    sums = product.quota_shards.aggregate(capacity=Sum("capacity"), used=Sum("used"))
    return (sums["capacity"] or Decimal(0)) - (sums["used"] or Decimal(0))


def _text(amount: Decimal, product: Product) -> str:
    return format_amount(amount, scale=product.asset.scale)
