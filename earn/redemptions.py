"""Taking money out: flexible redemptions, early exits, and cancelling what is pending."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from earn import accruals, catalogue, chart, early, orders, refusals, telling
from earn.accruals import Earned
from earn.days import ONE_DAY, business_day, first_earning_day, start_of
from earn.early import Kept
from earn.models import Customer, Order, Position, Product, ProductKind
from earn.projection import EarlyRule
from earn.subscriptions import add, flexible_position
from ledger.money import format_amount, plain
from ledger.posting import Line


@dataclass(frozen=True, slots=True)
class Plan:
    """What a redemption does.

    Of what was asked for, `principal` comes from the principal and `interest` from interest
    that compounds, the interest first. `paid` is interest that goes to the wallet besides.
    """

    principal: Decimal
    interest: Decimal
    paid: Decimal
    forfeited: Decimal
    clawed_back: Decimal
    true_up: Decimal
    earned: Earned
    leaves: bool
    last_day: date
    due_on: date | None

    @property
    def amount(self) -> Decimal:
        return self.principal + self.interest

    @property
    def kept(self) -> Decimal:
        return self.interest + self.paid


def preview(
    *, position: Position, at: datetime, amount: Decimal | None = None
) -> dict[str, Any]:
    """What redeeming `amount` (None: all of it) does at this moment, as text."""
    return _shown(position, _plan(position, amount, at))


def redeem(
    *,
    customer: Customer,
    position_id: int,
    key: str,
    at: datetime,
    amount: Decimal | None = None,
    confirmed: dict[str, Any] | None = None,
) -> Order:
    """Redeems an amount or, with None, everything with all interest earned so far.

    A fixed position is redeemed whole and by its early redemption rule. The order stays
    PENDING until `due_on` when the product settles later. Raises a Refusal:
    NotRedeemable, InLock, InsufficientFunds, TooManyDecimals, BelowMinimum, TermsChanged,
    KeyReused, Frozen.
    """

    def act(order: Order) -> None:
        orders.check_not_frozen(customer)
        position = lock(customer, position_id)
        plan = _plan(position, amount, at)
        order.preview = _shown(position, plan)
        orders.check_terms(order.preview, confirmed)
        order.position, order.product = position, position.product
        order.amount = plan.amount
        order.interest_settled = plan.kept + plan.forfeited
        order.due_on = plan.due_on
        order.state = Order.State.PENDING if plan.due_on else Order.State.DONE
        _apply(position, plan, at)
        orders.post(order, _lines(position, plan))
        order.save()
        if order.state == Order.State.DONE:
            telling.tell_of_redemptions([order.pk], at=at)
        catalogue.release_quota(position.product, plan.principal + plan.clawed_back)

    asked = None if amount is None else plain(amount)
    request = {"position": position_id, "amount": asked}
    return orders.place(
        customer=customer, key=key, kind=Order.Kind.REDEEM, request=request, at=at, act=act
    )


def preview_cancel(*, redemption: Order, at: datetime) -> dict[str, Any]:
    """What taking a pending redemption back does at this moment, as text.

    Raises NotRedeemable when it is not pending any more or had ended a fixed term, NotOpen.
    """
    due_on, product, amount = redemption.due_on, redemption.product, redemption.amount
    is_pending = redemption.state == Order.State.PENDING
    if not is_pending or due_on is None or at >= start_of(due_on):
        raise refusals.NotRedeemable(
            "This redemption is not pending any more.", reason="NOT_PENDING"
        )
    assert product is not None  # every redemption has a product and an amount
    assert amount is not None
    if product.kind == ProductKind.FIXED:
        raise refusals.NotRedeemable(
            "A fixed term that was ended early stays ended.", reason="ENDED_EARLY"
        )
    if product.state == Product.State.CLOSED:
        raise refusals.NotOpen(
            f"{product.code} is closed; the money will be paid out.",
            due_on=due_on.isoformat(),
        )
    return {
        "redemption": redemption.pk,
        "product": product.code,
        "asset": product.asset.code,
        "amount": format_amount(amount, scale=product.asset.scale),
        "was_due_on": due_on.isoformat(),
        "first_day": first_earning_day(business_day(at)).isoformat(),
    }


def cancel(
    *,
    customer: Customer,
    order_id: int,
    key: str,
    at: datetime,
    confirmed: dict[str, Any] | None = None,
) -> Order:
    """Puts a pending redemption back into its product; it earns again from the next day.

    Raises NotRedeemable, NotOpen, OverCustomerCap, SoldOut when the quota is gone,
    TermsChanged, KeyReused, Frozen.
    """

    def act(order: Order) -> None:
        orders.check_not_frozen(customer, money_in=True)
        pending = _locked_order(customer, order_id)
        order.preview = preview_cancel(redemption=pending, at=at)
        orders.check_terms(order.preview, confirmed)
        product, amount = pending.product, pending.amount
        assert product is not None  # as the preview has found
        assert amount is not None
        day = business_day(at)
        position = flexible_position(customer, product, at, first_earning_day(day))
        catalogue.check_cap(product, customer, amount)
        add(position, amount, day)
        order.position, order.product, order.amount = position, product, amount
        order.interest_settled = Decimal(0)
        redeeming = chart.redeeming(customer, product.asset_id)
        orders.post(order, [Line(redeeming, chart.principal(position), amount)])
        order.save()
        pending.state = Order.State.CANCELLED
        pending.save(update_fields=["state"])
        catalogue.take_quota(product, amount)

    request = {"order": order_id}
    return orders.place(
        customer=customer, key=key, kind=Order.Kind.CANCEL, request=request, at=at, act=act
    )


def lock(customer: Customer, position_id: int) -> Position:
    """The customer's position, locked; somebody else's is not there."""
    position = (
        Position.objects.select_for_update(of=("self",))
        .select_related("product__asset", "customer", "chart")
        .filter(customer=customer, pk=position_id)
        .first()
    )
    if position is None:
        raise refusals.NotRedeemable("There is no such position.", reason="UNKNOWN")
    return position


def _locked_order(customer: Customer, order_id: int) -> Order:
    order = (
        Order.objects.select_for_update(of=("self",))
        .select_related("product__asset")
        .filter(customer=customer, pk=order_id)
        .first()
    )
    if order is None:
        raise refusals.NotRedeemable("There is no such redemption.", reason="UNKNOWN")
    return order


def _plan(position: Position, amount: Decimal | None, at: datetime) -> Plan:
    if position.state != Position.State.OPEN:
        raise refusals.NotRedeemable("This position is closed.", reason="CLOSED")
    if position.product.kind == ProductKind.FIXED:
        return _early(position, amount, business_day(at))
    return _flexible(position, amount, business_day(at))


def _flexible(position: Position, amount: Decimal | None, day: date) -> Plan:
    earned = accruals.earned(position, last_day=day - ONE_DAY)
    if accruals.awaits_payout(position, earned, before=day):
        earned = earned._replace(owed=Decimal(0))
    held = accruals.balance(position, earned)
    leaves = amount is None or amount == held
    if amount is not None and not leaves:
        _check_amount(position.product, amount, held)
    unit = accruals.last_unit(position, earned) if leaves else Decimal(0)
    interest, paid = earned.owed + unit, Decimal(0)
    if not position.compounds:
        interest, paid = Decimal(0), interest
    if amount is not None and not leaves:
        interest = min(interest, amount)
    return Plan(
        principal=position.principal if leaves or amount is None else amount - interest,
        interest=interest,
        paid=paid,
        forfeited=Decimal(0),
        clawed_back=Decimal(0),
        true_up=unit,
        earned=earned,
        leaves=leaves,
        last_day=day - ONE_DAY,
        due_on=_due_on(position.product, day),
    )


def _early(position: Position, amount: Decimal | None, day: date) -> Plan:
    product = position.product
    assert position.matures_on is not None  # every fixed position has a maturity
    if day >= position.matures_on:
        raise refusals.NotRedeemable(
            "This position has matured and is being settled.", reason="MATURED"
        )
    if product.early_rule == EarlyRule.FORBIDDEN:
        raise refusals.NotRedeemable(
            f"This position is paid on {position.matures_on} and not before.",
            matures_on=position.matures_on.isoformat(),
        )
    free_on = position.first_day - ONE_DAY + timedelta(days=product.minimum_holding_days)
    if day < free_on:
        raise refusals.InLock(
            f"This position can be redeemed from {free_on} on.",
            from_day=free_on.isoformat(),
        )
    earned = accruals.earned(position, last_day=day - ONE_DAY)
    held = accruals.balance(position, earned)
    if amount is not None and amount not in (position.principal, held):
        _check_amount(product, amount, held)
        raise refusals.NotRedeemable(
            "A fixed position is redeemed as a whole.", reason="WHOLE_ONLY"
        )
    kept = early.settle(position, earned)
    if accruals.awaits_payout(position, earned, before=day):
        kept = Kept(Decimal(0), Decimal(0), kept.clawed_back, Decimal(0))
    left = position.principal - kept.clawed_back
    return Plan(
        principal=left,
        interest=Decimal(0),
        paid=kept.paid,
        forfeited=kept.forfeited,
        clawed_back=kept.clawed_back,
        true_up=kept.true_up,
        earned=earned,
        leaves=True,
        last_day=day - ONE_DAY,
        due_on=_due_on(product, day) if left else None,
    )


def _due_on(product: Product, day: date) -> date | None:
    delay = product.settlement_delay_days
    return day + timedelta(days=delay) if delay else None


def _check_amount(product: Product, amount: Decimal, held: Decimal) -> None:
    asset = product.asset
    catalogue.check_decimals(amount, scale=asset.scale, code=asset.code)
    if amount <= 0:
        raise refusals.BelowMinimum(f"The amount is above 0 {asset.code}.")
    if amount > held:
        text = format_amount(held, scale=asset.scale)
        raise refusals.InsufficientFunds(
            f"The position holds {text} {asset.code}.", balance=text
        )


def _apply(position: Position, plan: Plan, at: datetime) -> None:
    position.principal -= plan.principal + plan.clawed_back
    position.interest_settled += plan.kept + plan.forfeited
    position.interest_paid += plan.kept
    position.true_up += plan.true_up
    position.clawed_back += plan.clawed_back
    position.touched_on = business_day(at)
    if plan.leaves:
        position.state, position.closed_at = Position.State.REDEEMED, at
        position.last_day = plan.last_day
        position.interest_due = not plan.earned.is_final
    position.save()


def _lines(position: Position, plan: Plan) -> list[Line]:
    product, customer = position.product, position.customer
    accrued, interest = chart.accrued(product), chart.interest(product)
    principal = chart.principal(position)
    wallet = chart.wallet(customer, product.asset_id)
    target = chart.redeeming(customer, product.asset_id) if plan.due_on else wallet
    lines = [
        (interest, accrued, plan.true_up),
        (accrued, wallet, plan.paid),
        (accrued, target, plan.interest),
        (accrued, interest, plan.forfeited),
        (principal, interest, plan.clawed_back),
        (principal, target, plan.principal),
    ]
    return [Line(debit, credit, amount) for debit, credit, amount in lines if amount > 0]


def _shown(position: Position, plan: Plan) -> dict[str, Any]:
    asset = position.product.asset

    def text(amount: Decimal) -> str:
        return format_amount(amount, scale=asset.scale)

    return {
        "position": position.pk,
        "asset": asset.code,
        "amount": text(plan.amount),
        "leaves": plan.leaves,
        "principal_left": text(position.principal - plan.principal - plan.clawed_back),
        "interest_kept": text(plan.kept),
        "interest_lost": text(plan.forfeited + plan.clawed_back),
        "received": text(plan.amount + plan.paid),
        "earned_through": plan.earned.day and plan.earned.day.isoformat(),
        "last_day": plan.last_day.isoformat() if plan.leaves else None,
        "due_on": plan.due_on and plan.due_on.isoformat(),
    }
