"""The maturity instruction: what a customer wants to become of a fixed position."""

from datetime import datetime, timedelta
from decimal import Decimal

from earn import orders, refusals
from earn.days import start_of
from earn.models import AtMaturity, Customer, Order, Position
from earn.redemptions import lock
from ledger.money import plain


def instruct(
    *,
    customer: Customer,
    position_id: int,
    at_maturity: str,
    key: str,
    at: datetime,
    minimum_renewal_rate: Decimal | None = None,
) -> Order:
    """Changes the instruction until the product's cut-off; raises InLock after it.

    `minimum_renewal_rate` (a fraction) lets it renew only if the new rate is that high.
    """
    instruction = AtMaturity(at_maturity)

    def act(order: Order) -> None:
        position = lock(customer, position_id)
        product = position.product
        if position.state != Position.State.OPEN or position.matures_on is None:
            raise refusals.NotRedeemable("Only an open fixed position has an instruction.")
        cutoff = start_of(position.matures_on) - timedelta(
            hours=product.renewal_cutoff_hours
        )
        if at >= cutoff:
            raise refusals.InLock(
                f"The instruction could be changed until {cutoff:%Y-%m-%d %H:%M} UTC.",
                until=cutoff.isoformat(),
            )
        position.at_maturity = instruction
        position.minimum_renewal_rate = minimum_renewal_rate
        position.save(update_fields=["at_maturity", "minimum_renewal_rate"])
        order.position, order.product = position, product
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
