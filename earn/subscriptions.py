"""Subscribing: what will happen, and making exactly that happen."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from earn import catalogue, chart, orders, refusals, terms
from earn.days import (
    DayCount,
    business_day,
    first_earning_day,
    last_earning_day,
    maturity_date,
)
from earn.interest import Compounding, Payout, Rounding, Tier, TierMode, blended_rate
from earn.models import (
    AtMaturity,
    Customer,
    Order,
    Position,
    Product,
    ProductKind,
    RateChart,
)
from earn.projection import project
from ledger import balances
from ledger.money import format_amount, plain
from ledger.posting import Line


def preview(
    *,
    product: Product,
    amount: Decimal,
    at: datetime,
    term_days: int | None = None,
    at_maturity: str = AtMaturity.PAY_OUT,
    minimum_renewal_rate: Decimal | None = None,
) -> dict[str, Any]:
    """Dates, rates and figures of a subscription at this moment, as text.

    Raises NotOpen, TooManyDecimals, BelowMinimum, NotAStep.
    """
    offer = _offer(product, amount, at, term_days)
    return _shown(product, amount, offer, at_maturity, minimum_renewal_rate)


class _Offer(NamedTuple):
    """What is on offer at a moment: the rates of the first day that earns."""

    subscribed_on: date
    term_days: int | None
    rates: RateChart
    tiers: Sequence[Tier]

    @property
    def first_day(self) -> date:
        return first_earning_day(self.subscribed_on)


def _offer(
    product: Product, amount: Decimal, at: datetime, term_days: int | None
) -> _Offer:
    catalogue.check_open(product, at)
    catalogue.check_amount(product, amount)
    subscribed_on = business_day(at)
    first_day = first_earning_day(subscribed_on)
    rates, tiers = catalogue.offer(product, term_days=term_days, first_day=first_day)
    return _Offer(subscribed_on, term_days, rates, tiers)


def _shown(
    product: Product,
    amount: Decimal,
    offer: _Offer,
    at_maturity: str,
    minimum_renewal_rate: Decimal | None,
) -> dict[str, Any]:
    rates, tiers, first_day = offer.rates, offer.tiers, offer.first_day
    subscribed_on, term_days = offer.subscribed_on, offer.term_days
    scale = product.asset.scale
    shown: dict[str, Any] = {
        "product": product.code,
        "asset": product.asset.code,
        "amount": format_amount(amount, scale=scale),
        "chart_version": rates.version,
        "annual_rate": _annual_rate(product, amount, tiers),
        "first_day": first_day.isoformat(),
        "payout": product.payout,
        "day_count": product.day_count,
        "compounding": product.compounding,
        "early_redemption": early_terms(product),
        "settlement_delay_days": product.settlement_delay_days,
        "risk_version": product.risk_version,
    }
    if term_days is None:
        return shown | _next_rate(product, amount, offer)
    figures = project(
        amount=amount,
        tiers=tiers,
        mode=TierMode(product.tier_mode),
        day_count=DayCount(product.day_count),
        compounding=Compounding(product.compounding),
        scale=scale,
        rounding=Rounding(product.final_rounding),
        first_day=first_day,
        days=term_days,
        payout=Payout(product.payout),
    )
    return shown | {
        "term_days": term_days,
        "last_day": last_earning_day(subscribed_on, term_days).isoformat(),
        "matures_on": maturity_date(subscribed_on, term_days).isoformat(),
        "interest": format_amount(figures.interest, scale=scale),
        "apy": plain(Decimal(f"{figures.apy:.6f}")),  # quantize fails beyond 80 digits
        "at_maturity": str(at_maturity),
        "minimum_renewal_rate": _rate(minimum_renewal_rate),
    }


def _next_rate(product: Product, amount: Decimal, offer: _Offer) -> dict[str, str]:
    """What is announced already: the rate of this amount when it next changes, and when."""
    today = _annual_rate(product, amount, offer.tiers)
    for rates in catalogue.charts_after(product, offer.first_day):
        tiers = catalogue.tiers_of(rates, offer.term_days)
        rate = _annual_rate(product, amount, tiers)
        if rate != today:
            return {"next_rate": rate, "next_rate_on": rates.effective_on.isoformat()}
    return {}


def _annual_rate(product: Product, amount: Decimal, tiers: Sequence[Tier]) -> str:
    return format(blended_rate(amount, tiers, TierMode(product.tier_mode)), "f")


def early_terms(product: Product) -> dict[str, Any]:
    """What leaving early costs; the rule has no meaning for a flexible product."""
    return {} if product.kind == ProductKind.FLEXIBLE else terms.early(product)


class Room(NamedTuple):
    """What a customer could put into a product at this moment, by what limits it."""

    wallet: Decimal
    cap: Decimal | None
    quota: Decimal | None


def room(*, customer: Customer, product: Product) -> Room:
    """For a page that is read: an order looks again, under its locks."""
    wallet = chart.wallet(customer, product.asset_id)
    return Room(
        wallet=balances.available(asset_id=wallet.asset_id, code=wallet.code),
        cap=catalogue.cap_left(product, customer),
        quota=catalogue.quota_left(product),
    )


def check_room(product: Product, room: Room, amount: Decimal) -> None:
    """Raises OverCustomerCap, InsufficientFunds or SoldOut, as an order would."""
    if room.cap is not None and amount > room.cap:
        raise catalogue.over_cap(product, room.cap)
    if amount > room.wallet:
        held = format_amount(room.wallet, scale=product.asset.scale)
        raise refusals.InsufficientFunds(_short(product), wallet=held)
    if room.quota is not None and amount > room.quota:
        raise catalogue.sold_out(product, room.quota)


def subscribe(
    *,
    customer: Customer,
    product: Product,
    amount: Decimal,
    key: str,
    at: datetime,
    term_days: int | None = None,
    at_maturity: str = AtMaturity.PAY_OUT,
    minimum_renewal_rate: Decimal | None = None,
    confirmed: dict[str, Any] | None = None,
) -> Order:
    """Moves money from the wallet into the product; `order.position` is where it is now.

    Adds to the customer's open position of a flexible product. Raises a Refusal: NotOpen,
    NotEligible, BelowMinimum, NotAStep, TooManyDecimals, OverCustomerCap, SoldOut,
    InsufficientFunds, TermsChanged, KeyReused, Frozen.
    """
    instruction = AtMaturity(at_maturity)

    def act(order: Order) -> None:
        orders.check_not_frozen(customer, money_in=True)
        offer = _offer(product, amount, at, term_days)
        order.preview = _shown(product, amount, offer, instruction, minimum_renewal_rate)
        orders.check_terms(order.preview, confirmed)
        catalogue.check_eligible(product, customer)
        order.terms = terms.frozen(
            product=product, rates=offer.rates, tiers=offer.tiers, term_days=term_days
        )
        position = _position(customer, product, at, offer)
        catalogue.check_cap(product, customer, amount)
        if term_days is not None:
            position.at_maturity = instruction
            position.minimum_renewal_rate = minimum_renewal_rate
        add(position, amount, business_day(at))
        order.product, order.position, order.amount = product, position, amount
        wallet = chart.wallet(customer, product.asset_id)
        line = Line(wallet, chart.principal(position), amount)
        orders.post(order, [line], short=_short(product))
        order.save()
        catalogue.take_quota(product, amount)

    request = {
        "product": product.code,
        "amount": plain(amount),
        "term_days": term_days,
        "at_maturity": str(instruction),
        "minimum_renewal_rate": _rate(minimum_renewal_rate),
    }
    return orders.place(
        customer=customer,
        key=key,
        kind=Order.Kind.SUBSCRIBE,
        request=request,
        at=at,
        act=act,
    )


def add(position: Position, amount: Decimal, day: date) -> None:
    """Adds principal to a locked position on a business day."""
    position.principal += amount
    position.touched_on = day
    position.save()


def flexible_position(
    customer: Customer, product: Product, at: datetime, day: date
) -> Position:
    """The customer's open position, locked; or a new one that earns from `day` on."""
    return _locked(customer, product) or _opened(customer, product, at, day)


def _opened(customer: Customer, product: Product, at: datetime, day: date) -> Position:
    draft = Position(
        customer=customer,
        product=product,
        opened_at=at,
        first_day=day,
        touched_on=business_day(at),
        compounds=product.compounding == Compounding.DAILY,
    )
    # a twin that opens it at the same moment is waited for by the unique index
    Position.objects.bulk_create([draft], ignore_conflicts=True)
    return _locked(customer, product) or _opened(customer, product, at, day)


def _locked(customer: Customer, product: Product) -> Position | None:
    return (
        Position.objects.select_for_update(of=("self",))
        .select_related("product__asset", "customer")
        .filter(
            customer=customer, product=product, term_days=None, state=Position.State.OPEN
        )
        .first()
    )


def fixed_position(
    *,
    customer: Customer,
    product: Product,
    at: datetime,
    first_day: date,
    term_days: int,
    rates: RateChart,
) -> Position:
    """A position that keeps its chart for life; not saved."""
    last_day = last_earning_day(first_day, term_days - 1)
    return Position(
        customer=customer,
        product=product,
        chart=rates,
        term_days=term_days,
        opened_at=at,
        first_day=first_day,
        last_day=last_day,
        matures_on=first_earning_day(last_day),
        touched_on=business_day(at),
        compounds=product.compounding == Compounding.DAILY,
    )


def _position(
    customer: Customer, product: Product, at: datetime, offer: _Offer
) -> Position:
    if offer.term_days is None:
        return flexible_position(customer, product, at, offer.first_day)
    position = fixed_position(
        customer=customer,
        product=product,
        at=at,
        first_day=offer.first_day,
        term_days=offer.term_days,
        rates=offer.rates,
    )
    position.save()
    return position


def _short(product: Product) -> str:
    return f"The wallet holds less {product.asset.code} than that."


def _rate(rate: Decimal | None) -> str | None:
    return None if rate is None else plain(rate)
