"""What a customer has: by asset, by position, and what it was worth on each day."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import Sum

from earn import catalogue, chart, pauses, prices
from earn.catalogue import Rates
from earn.days import ONE_DAY, DayCount, day_fraction, start_of
from earn.interest import (
    Chart,
    Compounding,
    Pause,
    Payout,
    Rounding,
    Tier,
    TierMode,
    is_paused,
    one_day,
    pays_out,
    tiers_on,
)
from earn.models import Accrual, Customer, Position
from earn.prices import Prices
from earn.projection import Projection, project
from earn.sql import sql
from ledger import balances
from ledger.models import Asset

NOTHING = Decimal(0)
INSTANT = timedelta(microseconds=1)


class OpenPosition(NamedTuple):
    """A position with its interest of the last closed day and what it is owed.

    `expected` is what today's close will accrue if nothing moves until then.
    """

    position: Position
    last_interest: Decimal
    owed: Decimal
    expected: Decimal


class Held(NamedTuple):
    """One asset: free in the wallet, in products, asked back, and interest not yet paid.

    `last_interest` is that of the last closed day, a part of `owed` until it is paid;
    `expected` is that of today, which is no part of anything yet.
    """

    asset: Asset
    wallet: Decimal
    invested: Decimal
    redeeming: Decimal
    owed: Decimal
    last_interest: Decimal
    expected: Decimal

    @property
    def all(self) -> Decimal:
        return self.wallet + self.invested + self.redeeming + self.owed


class Worth(NamedTuple):
    """The same figures of all assets in one currency, but of those without a price."""

    currency: Asset
    all: Decimal
    wallet: Decimal
    invested: Decimal
    redeeming: Decimal
    owed: Decimal
    last_interest: Decimal
    expected: Decimal
    without_price: Sequence[Held]


class DayWorth(NamedTuple):
    """Money when a day was over, and interest of the day; None where a price is missing."""

    day: date
    money: Decimal | None
    interest: Decimal | None


def open_positions(
    customer: Customer, *, through: date | None, today: date
) -> list[OpenPosition]:
    """By asset; with the interest through a day, which is the last closed one."""
    positions = list(
        Position.objects.filter(customer=customer, state=Position.State.OPEN)
        .select_related("product__asset", "chart")
        .order_by("product__asset__code", "pk")
    )
    rows = {}
    if through:
        accrued = Accrual.objects.filter(position__customer=customer, day=through)
        rows = {row.position_id: row for row in accrued}
    ahead = _Ahead(customer, positions, through=through, today=today)
    return [_open(position, rows.get(position.pk), ahead) for position in positions]


def _open(position: Position, row: Accrual | None, ahead: "_Ahead") -> OpenPosition:
    accrued, interest = (row.accrued, row.interest) if row else (NOTHING, NOTHING)
    owed = accrued + position.true_up - position.interest_settled
    carry = row.carry if row else NOTHING
    expected = ahead.interest(position, owed=owed, carry=carry)
    return OpenPosition(position, interest, owed, expected)


class _Ahead:
    """What the days from the first that is not closed through today will accrue."""

    def __init__(
        self,
        customer: Customer,
        positions: Sequence[Position],
        *,
        through: date | None,
        today: date,
    ) -> None:
        self._today = today
        self._rates = Rates(positions)
        self._pauses = pauses.of(customer.pk)
        first = min((position.first_day for position in positions), default=today)
        start = max(first, through + ONE_DAY) if through else first
        self._days = _span(start, today)
        parameters: dict[str, Any] = {"customer": customer.pk, "days": self._days}
        with connection.cursor() as cursor:
            cursor.execute(sql("expected_corrections"), parameters)
            self._corrections = {(pk, day): moved for pk, day, moved in cursor}

    def interest(self, position: Position, *, owed: Decimal, carry: Decimal) -> Decimal:
        """Of today, after the days before it that are still to be closed."""
        if position.last_day and position.last_day < self._today:
            return NOTHING
        product, charts = position.product, self._rates.of(position)
        interest = NOTHING
        for day in self._days:
            if day >= position.first_day:
                interest, carry = one_day(
                    basis=self._basis(position, day, owed),
                    tiers=tiers_on(charts, day),
                    mode=TierMode(product.tier_mode),
                    fraction=day_fraction(
                        DayCount(product.day_count), first_day=position.first_day, day=day
                    ),
                    scale=product.asset.scale,
                    carry=carry,
                )
                is_paid = pays_out(Payout(product.payout), day)
                owed = NOTHING if is_paid else owed + interest
        return interest

    def _basis(self, position: Position, day: date, owed: Decimal) -> Decimal:
        """What stays all day of what is there now; an order may come while this is read."""
        if is_paused(self._pauses, day):
            return NOTHING
        moved = self._corrections.get((position.pk, day), NOTHING)
        held = position.principal + (owed if position.compounds else NOTHING)
        return max(Decimal(held + moved), NOTHING)


def _span(first: date, last: date) -> list[date]:
    return [first + n * ONE_DAY for n in range((last - first).days + 1)]


def of_term(position: Position, paused: Sequence[Pause]) -> Projection:
    """What a fixed position earns from its first day through its last."""
    assert position.chart is not None  # every fixed position has a chart and a term
    assert position.term_days is not None
    return projected(
        position,
        position.principal,
        catalogue.tiers_of(position.chart, position.term_days),
        first_day=position.first_day,
        days=position.term_days,
        paused=paused,
    )


def projected(
    position: Position,
    amount: Decimal,
    tiers: Sequence[Tier],
    *,
    first_day: date,
    days: int,
    paused: Sequence[Pause],
    later: Sequence[Chart] = (),
) -> Projection:
    """What an amount would earn by the rules of the position's product."""
    product = position.product
    return project(
        amount=amount,
        tiers=tiers,
        mode=TierMode(product.tier_mode),
        day_count=DayCount(product.day_count),
        compounding=Compounding(product.compounding),
        scale=product.asset.scale,
        rounding=Rounding(product.final_rounding),
        first_day=first_day,
        days=days,
        payout=Payout(product.payout),
        pauses=paused,
        later=later,
    )


def held(customer: Customer, positions: Sequence[OpenPosition]) -> list[Held]:
    """By code of the asset; assets of which nothing is left are not named."""
    found = balances.balances_of(customer.uuid)
    codes = {asset for (asset, _), balance in found.items() if balance}
    return [
        _of_asset(asset, customer, found, positions)
        for asset in Asset.objects.filter(code__in=codes).order_by("code")
    ]


def _of_asset(
    asset: Asset,
    customer: Customer,
    found: dict[tuple[str, str], Decimal],
    positions: Iterable[OpenPosition],
) -> Held:
    mine = [x for x in positions if x.position.product.asset_id == asset.pk]
    return Held(
        asset=asset,
        wallet=found.get((asset.code, chart.wallet(customer, asset.pk).code), NOTHING),
        invested=sum((x.position.principal for x in mine), NOTHING),
        redeeming=found.get(
            (asset.code, chart.redeeming(customer, asset.pk).code), NOTHING
        ),
        owed=sum((x.owed for x in mine), NOTHING),
        last_interest=sum((x.last_interest for x in mine), NOTHING),
        expected=sum((x.expected for x in mine), NOTHING),
    )


def currency_of(customer: Customer) -> Asset | None:
    """What totals are shown in; None while the reporting currency is no asset here."""
    if customer.display_currency is not None:
        return customer.display_currency
    return Asset.objects.filter(code=settings.REPORTING_CURRENCY).first()


def worth(rows: Sequence[Held], currency: Asset, *, known: Prices, at: datetime) -> Worth:
    """Each figure is the sum of its assets' values, each rounded."""
    without = [x for x in rows if known.value(x.all, x.asset, currency, at) is None]

    def total(name: str) -> Decimal:
        amounts = [(getattr(x, name), x.asset) for x in rows if x not in without]
        values = [known.value(amount, asset, currency, at) for amount, asset in amounts]
        return sum((value for value in values if value is not None), NOTHING)

    parts = {name: total(name) for name in ("wallet", "invested", "redeeming", "owed")}
    return Worth(
        currency=currency,
        all=sum(parts.values(), NOTHING),
        **parts,
        last_interest=total("last_interest"),
        expected=total("expected"),
        without_price=without,
    )


def history(
    customer: Customer, *, last: date, days: int, currency: Asset
) -> list[DayWorth]:
    """Of the days through `last`, which has ended, that the customer had anything on.

    Interest counts as money once it is paid or added to its position.
    """
    span = [last - n * ONE_DAY for n in range(days - 1, -1, -1)]
    money = balances.owned_by_day(customer.uuid, span)
    interest = _interest_by_day(customer, span)
    assets = Asset.objects.in_bulk({asset for _, asset in [*money, *interest]})
    known = prices.load(
        [*assets.values(), currency],
        since=start_of(span[0]),
        until=start_of(last + ONE_DAY),
    )
    begun = min((day for day, _ in money), default=last)
    return [
        DayWorth(
            day,
            _sum(money, day, assets.values(), currency, known),
            _sum(interest, day, assets.values(), currency, known),
        )
        for day in span
        if day >= begun
    ]


def _interest_by_day(
    customer: Customer, span: Sequence[date]
) -> dict[tuple[date, int], Decimal]:
    rows = Accrual.objects.filter(
        position__customer=customer, day__gte=span[0], day__lte=span[-1]
    ).values("day", "position__product__asset")
    return {
        (row["day"], row["position__product__asset"]): row["interest"]
        for row in rows.annotate(interest=Sum("interest"))
    }


def _sum(
    amounts: dict[tuple[date, int], Decimal],
    day: date,
    assets: Iterable[Asset],
    currency: Asset,
    known: Prices,
) -> Decimal | None:
    """In the prices of the end of the day; None if one is missing of what is not zero."""
    end, total = start_of(day + ONE_DAY) - INSTANT, NOTHING
    for asset in assets:
        amount = amounts.get((day, asset.pk), NOTHING)
        value = known.value(amount, asset, currency, end) if amount else NOTHING
        if value is None:
            return None
        total += value
    return total
