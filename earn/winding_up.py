"""Winding a product up: its flexible positions are paid out, each with all it has earned.

A position earns through the day before it is paid out, as by any redemption; what of it no
close has accrued yet, the next close pays. May be run at any time, by any number of
processes, and killed anywhere.
"""

from datetime import datetime
from functools import partial

from earn import redemptions
from earn.days import business_day
from earn.models import Position, Product
from earn.refusals import Refusal
from ledger.posting import in_transaction


def pay_out(*, at: datetime, limit: int) -> int:
    """Pays up to so many positions; how many it has. A frozen customer's wait."""
    products = Product.objects.filter(wound_up_at__lte=at).values_list("pk", flat=True)
    due = Position.objects.filter(
        product__in=list(products),
        state=Position.State.OPEN,
        term_days=None,
        customer__frozen_out=False,
    )
    numbers = list(due.values_list("pk", flat=True)[:limit])
    return sum(in_transaction(partial(_pay, number, at)) for number in numbers)


def _pay(position_id: int, at: datetime) -> bool:
    """Whether it was this call that paid; the lock spares customers a refused order."""
    found = Position.objects.select_for_update(skip_locked=True, of=("self",))
    position = (
        found.filter(pk=position_id, state=Position.State.OPEN)
        .select_related("customer")
        .first()
    )
    if position is None or position.customer.frozen_out:
        return False
    try:
        redemptions.redeem(
            customer=position.customer,
            position_id=position.pk,
            key=f"wind-up:{position.pk}:{business_day(at)}",
            at=at,
        )
    except Refusal:  # frozen in this moment: another day has another key
        return False
    return True
