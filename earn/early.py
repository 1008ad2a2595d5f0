"""What of a fixed position's interest is kept when the customer leaves before maturity."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from earn import accruals, pauses
from earn.accruals import Earned
from earn.days import DayCount
from earn.interest import Compounding, Payout, Rounding
from earn.models import Position
from earn.projection import Accrued, EarlyRule, entitlement


class Kept(NamedTuple):
    """Interest `paid` now, `forfeited` of what was accrued, `clawed_back` of what was paid.

    `true_up` is the unit that final rounding adds; it is part of `paid`.
    """

    paid: Decimal
    forfeited: Decimal
    clawed_back: Decimal
    true_up: Decimal


def settle(position: Position, interest: Earned) -> Kept:
    """Settles what was earned through `interest.day` by the product's rule.

    Before the last days are closed only whole units are settled; their close calls this
    again, and it pays the rest.
    """
    entitled = _entitled(position, interest)
    already = position.interest_paid - position.clawed_back
    due = entitled - already
    if due < 0:
        clawed_back = min(-due, position.principal)
        return Kept(Decimal(0), interest.owed, clawed_back, Decimal(0))
    true_up = max(due - interest.owed, Decimal(0))
    return Kept(due, interest.owed + true_up - due, Decimal(0), true_up)


def _entitled(position: Position, interest: Earned) -> Decimal:
    if interest.day is None:
        return Decimal(0)
    product = position.product

    def accrued_on(day: date) -> Accrued:
        return Accrued(*accruals.row(position, day))

    return entitlement(
        rule=EarlyRule(product.early_rule),
        principal=_principal(position),
        first_day=position.first_day,
        last_day=interest.day,
        day_count=DayCount(product.day_count),
        compounding=Compounding(product.compounding),
        scale=product.asset.scale,
        rounding=Rounding(product.final_rounding) if interest.is_final else Rounding.FLOOR,
        accrued_on=accrued_on,
        reduced_rate=product.early_rate or Decimal(0),
        forfeit_days=product.early_days or 0,
        payout=Payout(product.payout),
        pauses=pauses.of(position.customer_id),
    )


def _principal(position: Position) -> Decimal:
    """What earned: a fixed position's principal is the basis of its first day.

    Where that one was paused, of the first that was not; 0 if none has earned.
    """
    days = position.accruals.order_by("day").values_list("basis", flat=True)
    first = days.get(day=position.first_day)
    return first or days.filter(basis__gt=0).first() or Decimal(0)
