"""The maturity instruction: what a customer wants to become of a fixed position."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from earn import orders, refusals
from earn.days import first_earning_day, last_earning_day, start_of
from earn.models import AtMaturity, Customer, Order, Position
from earn.redemptions import lock
from ledger.money import plain


def preview(
    *,
    position: Position,
    at_maturity: str,
    at: datetime,
    minimum_renewal_rate: Decimal | None = None,
) -> dict[str, Any]:
    """What an instruction given at this moment will do, as text.

    `next_matures_on` is when a renewal ends; its rate is that of its first day, so there is
    none to show yet. Raises NotRedeemable, and InLock after the product's cut-off.
    """
    matures_on, term_days = position.matures_on, position.term_days
    if position.state != Position.State.OPEN or matures_on is None or term_days is None:
        raise refusals.NotRedeemable(
            "Only an open fixed position has an instruction.", reason="NO_INSTRUCTION"
        )
    cutoff = start_of(matures_on) - timedelta(hours=position.product.renewal_cutoff_hours)
    if at >= cutoff:
        raise refusals.InLock(
            f"The instruction could be changed until {cutoff:%Y-%m-%d %H:%M} UTC.",
            until=cutoff.isoformat(),
        )
    renews = at_maturity in (AtMaturity.RENEW_PRINCIPAL, AtMaturity.RENEW_ALL)
    last_day = last_earning_day(matures_on, term_days - 1)
    return {
        "position": position.pk,
        "at_maturity": str(at_maturity),
        "minimum_renewal_rate": (
            None if minimum_renewal_rate is None else plain(minimum_renewal_rate)
        ),
        "matures_on": matures_on.isoformat(),
        "changeable_until": cutoff.isoformat(),
        "next_matures_on": first_earning_day(last_day).isoformat() if renews else None,
    }


def instruct(
    *,
    customer: Customer,
    position_id: int,
    at_maturity: str,
    key: str,
    at: datetime,
    minimum_renewal_rate: Decimal | None = None,
    confirmed: dict[str, Any] | None = None,
) -> Order:
    """Changes the maturity instruction until the product's cut-off.

    `minimum_renewal_rate` (a fraction) lets it renew only if the new rate is that high.
    Raises NotRedeemable, InLock, TermsChanged, KeyReused, Frozen.
    """
    instruction = AtMaturity(at_maturity)

    def act(order: Order) -> None:
        orders.check_not_frozen(customer, money_in=instruction != AtMaturity.PAY_OUT)
        position = lock(customer, position_id)
        order.preview = preview(
            position=position,
            at_maturity=instruction,
            minimum_renewal_rate=minimum_renewal_rate,
            at=at,
        )
        orders.check_terms(order.preview, confirmed)
        position.at_maturity = instruction
        position.minimum_renewal_rate = minimum_renewal_rate
        position.save(update_fields=["at_maturity", "minimum_renewal_rate"])
        order.position, order.product = position, position.product
        order.save()

    request = {
        "position": position_id,
        "at_maturity": str(instruction),
        "minimum_renewal_rate": (
            None if minimum_renewal_rate is None else plain(minimum_renewal_rate)
        ),
    }
    return orders.place(
        customer=customer,
        key=key,
        kind=Order.Kind.INSTRUCT,
        request=request,
        at=at,
        act=act,
    )
