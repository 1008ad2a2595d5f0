"""What a balance earns: tiers, one exact day, a history of days, and why.

Rates are annual simple rates as fractions (0.05 is 5 %). Tiers are in ascending order of
`from_amount`. The same rule is written once more in SQL; tests hold the two equal.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import (
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    FloatOperation,
    Inexact,
    InvalidOperation,
    Overflow,
    localcontext,
)
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from earn.days import ONE_DAY, DayCount, DayFraction, day_fraction, is_month_end
from ledger.money import format_amount, plain, unit

L = 1_603_080  # least common multiple of the year bases 360, 365 and 366
ZERO = Decimal(0)
RATE_PLACES = Decimal("1E-10")  # rates are NUMERIC(12,10)
FORMULA = (
    "x = carry_in + sum(slice.amount * slice.annual_rate) * days * L / year_basis; "
    "interest = floor(x / (L * unit)) * unit; carry_out = x - interest * L"
)

# A figure that would need rounding, or a float, is a failure here and never a wrong number.
_EXACT = Context(
    prec=80, traps=[Inexact, FloatOperation, InvalidOperation, DivisionByZero, Overflow]
)


class TierMode(StrEnum):
    SLICE = "SLICE"  # each slice of the balance at its own rate
    WHOLE = "WHOLE"  # the whole balance at the rate of its band


class Compounding(StrEnum):
    DAILY = "DAILY"  # interest earns from the next day on, until it is paid out
    NONE = "NONE"


class Payout(StrEnum):
    """When interest goes to the wallet."""

    ON_REDEMPTION = "ON_REDEMPTION"
    DAILY = "DAILY"
    MONTHLY = "MONTHLY"  # what was earned through the last day of a calendar month
    AT_MATURITY = "AT_MATURITY"


class Rounding(StrEnum):
    """What becomes of the last fraction of a unit when a position is paid out."""

    FLOOR = "FLOOR"
    HALF_UP = "HALF_UP"


@dataclass(frozen=True, slots=True)
class Tier:
    from_amount: Decimal
    annual_rate: Decimal

    def __post_init__(self) -> None:
        if self.from_amount < 0 or self.annual_rate < 0:
            raise ValueError(f"A tier neither starts nor pays below zero: {self}.")


class Chart(NamedTuple):
    effective_on: date
    tiers: Sequence[Tier]


class Pause(NamedTuple):
    """Days that earn nothing, both ends included; `last` is None while it lasts."""

    first: date
    last: date | None = None


class Slice(NamedTuple):
    from_amount: Decimal
    amount: Decimal
    annual_rate: Decimal

    @property
    def annual_interest(self) -> Decimal:
        return self.amount * self.annual_rate


class DayInterest(NamedTuple):
    """Whole units of interest, and what is carried to the next day, 0 <= carry < L * unit.

    The carry counts in parts of 1/L: carry / L is an amount.
    """

    interest: Decimal
    carry: Decimal


class Movement(NamedTuple):
    """One change of a position's money: of its principal, and of its interest not yet paid.

    Deposit (a, 0), redemption (-a, 0), interest paid out (0, -i), capitalised (i, -i); if
    the last unit was settled with it, (0, unit) comes before.
    """

    principal: Decimal
    interest: Decimal = ZERO


class Accrual(NamedTuple):
    """A position's day. `accrued` is all interest since its first day, paid out or not."""

    day: date
    basis: Decimal
    rate: Decimal
    days: int
    year_basis: int
    interest: Decimal
    accrued: Decimal
    carry: Decimal


def slices(basis: Decimal, tiers: Sequence[Tier], mode: TierMode) -> tuple[Slice, ...]:
    """Splits the balance by tier, [from, next); below the first tier it earns nothing."""
    if basis < 0:
        raise ValueError(f"A balance below zero earns nothing and owes nothing: {basis}.")
    if basis == 0:
        return ()
    reached = [tier for tier in tiers if tier.from_amount <= basis]
    if not reached or reached[0].from_amount > 0:
        reached.insert(0, Tier(ZERO, ZERO))
    if mode is TierMode.WHOLE:
        return (Slice(reached[-1].from_amount, basis, reached[-1].annual_rate),)
    ends = [*(tier.from_amount for tier in reached[1:]), basis]
    return tuple(
        Slice(tier.from_amount, end - tier.from_amount, tier.annual_rate)
        for tier, end in zip(reached, ends, strict=True)
        if end > tier.from_amount
    )


def annual_interest(basis: Decimal, tiers: Sequence[Tier], mode: TierMode) -> Decimal:
    """What the balance would earn in a year, exact: raises decimal.Inexact if it cannot."""
    with localcontext(_EXACT):
        return sum((part.annual_interest for part in slices(basis, tiers, mode)), ZERO)


def blended_rate(basis: Decimal, tiers: Sequence[Tier], mode: TierMode) -> Decimal:
    """The one rate that this balance as a whole earns, to 10 places; for reading only."""
    if basis == 0:
        return ZERO.quantize(RATE_PLACES)
    rate = annual_interest(basis, tiers, mode) / basis
    return rate.quantize(RATE_PLACES, rounding=ROUND_HALF_EVEN)


def one_day(
    *,
    basis: Decimal,
    tiers: Sequence[Tier],
    mode: TierMode,
    fraction: DayFraction,
    scale: int,
    carry: Decimal,
) -> DayInterest:
    """Pays the whole units earned so far, carries the rest; nothing is rounded or lost."""
    yearly = annual_interest(basis, tiers, mode)
    with localcontext(_EXACT):
        earned = carry + yearly * fraction.days * (L // fraction.year_basis)
        units, left = divmod(earned, L * unit(scale))
        return DayInterest(units * unit(scale), left)


def final_unit(*, carry: Decimal, scale: int, rounding: Rounding) -> Decimal:
    """What settles the carry at payout: nothing, or one unit if half a unit was earned."""
    owed = rounding is Rounding.HALF_UP and 2 * carry >= L * unit(scale)
    return unit(scale) if owed else ZERO


def pays_out(payout: Payout, day: date) -> bool:
    """Whether the close of this day pays the interest earned so far to the wallet."""
    return payout is Payout.DAILY or (payout is Payout.MONTHLY and is_month_end(day))


def is_paused(pauses: Iterable[Pause], day: date) -> bool:
    """Whether nothing earns on that day, so that its basis is 0."""
    return any(x.first <= day and (x.last is None or day <= x.last) for x in pauses)


def lowest_balance(opening: Decimal, movements: Sequence[Decimal]) -> Decimal:
    """The balance that was there all day, if the newest money is the first to leave.

    Movements are signed and in order of time. Raises ValueError if it falls below zero.
    """
    balance = lowest = opening
    for movement in movements:
        balance += movement
        lowest = min(lowest, balance)
    if lowest < 0:
        raise ValueError(f"More left the position than it held: {lowest}.")
    return lowest


def tiers_on(charts: Sequence[Chart], day: date) -> Sequence[Tier]:
    """The tiers of the latest chart in effect. Raises ValueError if there is none yet."""
    in_effect = [chart for chart in charts if chart.effective_on <= day]
    if not in_effect:
        raise ValueError(f"No rate chart is in effect on {day}.")
    return max(in_effect, key=lambda chart: chart.effective_on).tiers


def accrue(
    *,
    charts: Sequence[Chart],
    mode: TierMode,
    day_count: DayCount,
    compounding: Compounding,
    scale: int,
    first_day: date,
    last_day: date,
    principal: Decimal,
    movements: Mapping[date, Sequence[Movement]],
    pauses: Sequence[Pause] = (),
) -> list[Accrual]:
    """Every day's interest of a position that held `principal` at 00:00 of its first day.

    The movements of a day are in order of time. A fixed position has one chart for life.
    """
    held = Movement(principal)
    carry = accrued = ZERO
    rows = []
    for offset in range((last_day - first_day).days + 1):
        day = first_day + offset * ONE_DAY
        moves = movements.get(day, ())
        basis = lowest_balance(
            _earning(held, compounding), [_earning(move, compounding) for move in moves]
        )
        basis = ZERO if is_paused(pauses, day) else basis
        tiers = tiers_on(charts, day)
        fraction = day_fraction(day_count, first_day=first_day, day=day)
        interest, carry = one_day(
            basis=basis, tiers=tiers, mode=mode, fraction=fraction, scale=scale, carry=carry
        )
        accrued += interest
        rate = blended_rate(basis, tiers, mode)
        rows.append(Accrual(day, basis, rate, *fraction, interest, accrued, carry))
        held = Movement(
            held.principal + sum(move.principal for move in moves),
            held.interest + sum(move.interest for move in moves) + interest,
        )
    return rows


def _earning(money: Movement, compounding: Compounding) -> Decimal:
    if compounding is Compounding.DAILY:
        return money.principal + money.interest
    return money.principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One accrual row derived anew: carry_in / L + exact = interest + carry_out / L."""

    day: date
    scale: int
    basis: Decimal
    mode: TierMode
    tiers: tuple[Tier, ...]
    slices: tuple[Slice, ...]
    annual_interest: Decimal
    fraction: DayFraction
    exact: Fraction
    carry_in: Decimal
    interest: Decimal
    carry_out: Decimal

    @property
    def exact_decimal(self) -> str:
        """Cut, not rounded."""
        return _truncated(self.exact, places=self.scale + 10)

    @property
    def carried_in(self) -> str:
        """The part of a unit that was carried over, cut after six decimals."""
        return self._parts(self.carry_in)

    @property
    def carried_out(self) -> str:
        return self._parts(self.carry_out)

    def sentences(self) -> list[str]:
        return [
            f"On {self.day} the balance was never below {self._amount(self.basis)}.",
            *(
                f"{self._of_it(part)} at {plain(part.annual_rate * 100)} % a year: "
                f"{plain(part.annual_interest)} a year."
                for part in self.slices
            ),
            f"Together {plain(self.annual_interest)} a year, and the day counts "
            f"{self.fraction.days}/{self.fraction.year_basis} of a year: "
            f"exactly {self.exact}, or {self.exact_decimal}.",
            f"The days before carried over {self.carried_in} of a unit.",
            f"Interest of the day is {self._amount(self.interest)}, whole units of "
            f"{unit(self.scale):f}; {self.carried_out} of a unit is carried on.",
        ]

    def as_json(self) -> dict[str, object]:
        """Amounts, rates and carries as plain decimals; `decimal` is cut, not rounded."""
        return {
            "day": self.day.isoformat(),
            "formula": FORMULA,
            "L": L,
            "unit": f"{unit(self.scale):f}",
            "basis": self._amount(self.basis),
            "tier_mode": str(self.mode),
            "tiers": [
                {
                    "from": plain(tier.from_amount),
                    "annual_rate": plain(tier.annual_rate),
                }
                for tier in self.tiers
            ],
            "slices": [
                {
                    "from": plain(part.from_amount),
                    "amount": plain(part.amount),
                    "annual_rate": plain(part.annual_rate),
                    "annual_interest": plain(part.annual_interest),
                }
                for part in self.slices
            ],
            "annual_interest": plain(self.annual_interest),
            "days": self.fraction.days,
            "year_basis": self.fraction.year_basis,
            "exact": {
                "fraction": str(self.exact),
                "decimal": self.exact_decimal,
            },
            "carry_in": plain(self.carry_in),
            "interest": self._amount(self.interest),
            "carry_out": plain(self.carry_out),
            "words": self.sentences(),
        }

    def _of_it(self, part: Slice) -> str:
        if part.amount == self.basis:
            return "All of it"
        return f"{plain(part.amount)} of it, from {plain(part.from_amount)} on,"

    def _amount(self, amount: Decimal) -> str:
        return format_amount(amount, scale=self.scale)

    def _parts(self, carry: Decimal) -> str:
        return _truncated(Fraction(carry) / Fraction(L * unit(self.scale)), places=6)


def explain(
    *,
    day: date,
    basis: Decimal,
    tiers: Sequence[Tier],
    mode: TierMode,
    fraction: DayFraction,
    scale: int,
    carry: Decimal,
) -> Explanation:
    """Derives a day's interest step by step; `carry` is that of the day before."""
    earned = one_day(
        basis=basis, tiers=tiers, mode=mode, fraction=fraction, scale=scale, carry=carry
    )
    yearly = annual_interest(basis, tiers, mode)
    return Explanation(
        day=day,
        scale=scale,
        basis=basis,
        mode=mode,
        tiers=tuple(tiers),
        slices=slices(basis, tiers, mode),
        annual_interest=yearly,
        fraction=fraction,
        exact=Fraction(yearly) * Fraction(*fraction),
        carry_in=carry,
        interest=earned.interest,
        carry_out=earned.carry,
    )


def _truncated(number: Fraction, *, places: int) -> str:
    quotient = Decimal(number.numerator) / Decimal(number.denominator)
    return f"{quotient.quantize(Decimal(1).scaleb(-places), rounding=ROUND_DOWN):f}"
