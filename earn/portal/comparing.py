"""Leaving now beside staying: what comes of both, by the functions that the books use."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from earn import accruals, catalogue, holdings, pauses
from earn.days import business_day
from earn.models import Position
from earn.projection import Projection

STAY_DAYS = 30  # that a flexible position is compared with


@dataclass(frozen=True, slots=True)
class Way:
    """`received` goes to the wallet from now on, `kept` is the interest in it."""

    received: Decimal
    kept: Decimal
    lost: Decimal
    on: date


@dataclass(frozen=True, slots=True)
class Comparison:
    """Leaving and staying; `gain` is what staying brings more, `left` what goes on earning.

    `through` is the last day whose interest is counted when leaving, None for none yet, and
    `is_final` whether it is the last that the position earns by then.
    """

    leave: Way
    stay: Way
    left: Decimal
    through: date | None
    is_final: bool

    @property
    def gain(self) -> Decimal:
        return self.stay.received - self.leave.received

    @property
    def days(self) -> int:
        return (self.stay.on - self.leave.on).days


def compare(position: Position, preview: dict[str, Any], at: datetime) -> Comparison:
    """`preview` is that of the redemption at this moment."""
    day = business_day(at)
    leave = Way(
        received=Decimal(preview["received"]),
        kept=Decimal(preview["interest_kept"]),
        lost=Decimal(preview["interest_lost"]),
        on=date.fromisoformat(preview["due_on"]) if preview["due_on"] else day,
    )
    through = preview["earned_through"]
    return Comparison(
        leave=leave,
        stay=_to_maturity(position) if position.matures_on else _on(position, leave, day),
        left=Decimal(preview["principal_left"]),
        through=date.fromisoformat(through) if through else None,
        is_final=through == (day - timedelta(days=1)).isoformat(),
    )


def at_maturity(position: Position) -> Projection:
    """What a fixed position earns from its first day through its last."""
    return holdings.of_term(position, pauses.of(position.customer_id))


def _to_maturity(position: Position) -> Way:
    assert position.matures_on is not None  # the caller looked
    rest = at_maturity(position).interest - position.interest_paid
    return Way(position.principal + rest, rest, Decimal(0), position.matures_on)


def _on(position: Position, leave: Way, day: date) -> Way:
    """The same money taken out after STAY_DAYS more days at the rates announced so far."""
    rates = catalogue.chart_on(position.product, day)
    tiers = catalogue.tiers_of(rates, None) if rates else ()
    asked = leave.received - (Decimal(0) if position.compounds else leave.kept)
    held = accruals.balance(position, accruals.earned(position))
    later = catalogue.announced_after(position.product, day)
    paused = pauses.of(position.customer_id)

    def earned(amount: Decimal) -> Decimal:
        return holdings.projected(
            position,
            amount,
            tiers,
            first_day=day,
            days=STAY_DAYS,
            paused=paused,
            later=later,
        ).interest

    gain = earned(max(held, asked)) - earned(max(held - asked, Decimal(0)))
    return Way(
        received=leave.received + gain,
        kept=leave.kept + gain,
        lost=Decimal(0),
        on=leave.on + timedelta(days=STAY_DAYS),
    )
