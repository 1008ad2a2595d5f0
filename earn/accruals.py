"""Reading accrual rows: what a position has earned through the last day that is visible."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from earn.days import ONE_DAY
from earn.interest import Compounding, Payout, Rounding, final_unit, pays_out
from earn.models import Accrual, DayClose, Position

_PAID = [DayClose.Stage.MATURE, DayClose.Stage.SEAL, DayClose.Stage.CLOSED]


class Earned(NamedTuple):
    """All interest through `day` (None: no day yet), what of it is owed, and the carry."""

    day: date | None
    accrued: Decimal
    owed: Decimal
    carry: Decimal
    is_final: bool


def horizon() -> date | None:
    """The last day whose accruals can be seen."""
    attached = DayClose.objects.exclude(stage=DayClose.Stage.ACCRUE)
    return attached.order_by("-day").values_list("day", flat=True).first()


def earned(position: Position, *, last_day: date | None = None) -> Earned:
    """What the position has earned so far, if `last_day` is the last one that earns.

    Call it after the position is locked, so that no close comes between.
    """
    last_day = last_day or position.last_day
    visible = horizon()
    day = min(visible, last_day) if visible and last_day else visible
    is_final = last_day is not None and (
        last_day < position.first_day or (day is not None and day >= last_day)
    )
    if day is None or day < position.first_day:
        return Earned(None, Decimal(0), Decimal(0), Decimal(0), is_final)
    accrued, carry = row(position, day)
    owed = accrued + position.true_up - position.interest_settled
    return Earned(day, accrued, owed, carry, is_final)


def awaits_payout(position: Position, interest: Earned, *, before: date) -> bool:
    """Whether a late close has yet to pay the interest to the wallet, as of a day before.

    From then on it no longer compounds: it is that close's to settle.
    """
    payout = Payout(position.product.payout)
    if not position.compounds or interest.is_final:
        return False
    paid = DayClose.objects.filter(stage__in=_PAID).order_by("-day")
    through = paid.values_list("day", flat=True).first()
    first = max(through + ONE_DAY, position.first_day) if through else position.first_day
    return any(pays_out(payout, first + n * ONE_DAY) for n in range((before - first).days))


def row(position: Position, day: date) -> tuple[Decimal, Decimal]:
    """Accrued total and carry as of a day."""
    return Accrual.objects.values_list("accrued", "carry").get(
        position_id=position.pk, day=day
    )


def last_unit(position: Position, interest: Earned) -> Decimal:
    """The unit that final rounding adds at the last payout, 0 before it."""
    if not interest.is_final or interest.day is None:
        return Decimal(0)
    product = position.product
    return final_unit(
        carry=interest.carry,
        scale=product.asset.scale,
        rounding=Rounding(product.final_rounding),
    )


def balance(position: Position, interest: Earned) -> Decimal:
    """What the customer sees as the position's balance and may redeem."""
    if position.product.compounding == Compounding.DAILY:
        return Decimal(position.principal + interest.owed)
    return Decimal(position.principal)
