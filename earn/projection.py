"""What a position will have earned, and what of it is kept when it is ended early."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from earn.days import ONE_DAY, DayCount, day_fraction
from earn.interest import (
    ZERO,
    Chart,
    Compounding,
    Pause,
    Payout,
    Rounding,
    Tier,
    TierMode,
    blended_rate,
    final_unit,
    is_paused,
    one_day,
    pays_out,
    tiers_on,
)


class EarlyRule(StrEnum):
    FORBIDDEN = "FORBIDDEN"
    FORFEIT_ALL = "FORFEIT_ALL"
    REDUCED_RATE = "REDUCED_RATE"
    FORFEIT_DAYS = "FORFEIT_DAYS"


class Projection(NamedTuple):
    """`interest` is all of it, `final_balance` what is in the position at its end.

    `by_month` is in order: (year, month, interest of its days), the sum being `interest`.
    """

    interest: Decimal
    by_month: tuple[tuple[int, int, Decimal], ...]
    blended_annual_rate: Decimal
    apy: Decimal
    final_balance: Decimal


class Accrued(NamedTuple):
    """All interest through a day, and its carry: the last two columns of an accrual row."""

    accrued: Decimal
    carry: Decimal


def apy(*, principal: Decimal, interest: Decimal, days: int) -> Decimal:
    """Annual percentage yield as a fraction, not rounded.

    The general formula of US Regulation DD (12 CFR 1030), Appendix A, part I, over 100.
    """
    if principal <= 0 or days <= 0:
        raise ValueError("A yield needs a principal above zero and at least one day.")
    return (1 + interest / principal) ** (Decimal(365) / days) - 1


def apy_from_rate(
    annual_rate: Decimal,
    compounding: Compounding,
    *,
    day_count: DayCount = DayCount.ACT_365F,
) -> Decimal:
    """The yield of a year of 365 days at one rate, whatever the amount; not rounded."""
    year_basis = 365 if day_count in (DayCount.ACT_365F, DayCount.ACT_ACT) else 360
    days = 365 if day_count is DayCount.ACT_360 else year_basis
    if compounding is Compounding.NONE:
        return annual_rate * days / year_basis
    return (1 + annual_rate / year_basis) ** days - 1


def project(
    *,
    amount: Decimal,
    tiers: Sequence[Tier],
    mode: TierMode,
    day_count: DayCount,
    compounding: Compounding,
    scale: int,
    rounding: Rounding,
    first_day: date,
    days: int,
    payout: Payout = Payout.AT_MATURITY,
    later: Sequence[Chart] = (),
    pauses: Sequence[Pause] = (),
) -> Projection:
    """Plays the days that the books will play, so the figure is theirs to the unit.

    `later` are charts that take the place of `tiers` on days to come.
    """
    if days < 1:
        raise ValueError(f"A projection runs for a day at least, not for {days}.")
    by_month: defaultdict[tuple[int, int], Decimal] = defaultdict(Decimal)
    unpaid = carry = ZERO
    charts = [Chart(date.min, tiers), *later]
    for offset in range(days):
        day = first_day + offset * ONE_DAY
        held = amount + unpaid if compounding is Compounding.DAILY else amount
        interest, carry = one_day(
            basis=ZERO if is_paused(pauses, day) else held,
            tiers=tiers_on(charts, day),
            mode=mode,
            fraction=day_fraction(day_count, first_day=first_day, day=day),
            scale=scale,
            carry=carry,
        )
        by_month[day.year, day.month] += interest
        unpaid = ZERO if pays_out(payout, day) else unpaid + interest
    last = final_unit(carry=carry, scale=scale, rounding=rounding)
    by_month[day.year, day.month] += last
    total = sum(by_month.values(), ZERO)
    return Projection(
        interest=total,
        by_month=tuple((year, month, part) for (year, month), part in by_month.items()),
        blended_annual_rate=blended_rate(amount, tiers, mode),
        apy=apy(principal=amount, interest=total, days=days) if amount else ZERO,
        final_balance=amount + unpaid + last,
    )


class Payment(NamedTuple):
    """Interest that leaves the position on the morning of `day`."""

    day: date
    interest: Decimal


def payments(
    *,
    principal: Decimal,
    unpaid: Decimal,
    carry: Decimal,
    charts: Sequence[Chart],
    mode: TierMode,
    day_count: DayCount,
    compounds: bool,
    scale: int,
    rounding: Rounding,
    payout: Payout,
    first_day: date,
    start: date,
    last_day: date,
    ends: bool,
    pauses: Sequence[Pause] = (),
) -> Iterator[Payment]:
    """What a position will pay if nothing moves: the days `start` to `last_day` played on.

    `unpaid` and `carry` are what the days before `start` have left. With `ends`, the last
    day is that of its term, and the rest is settled on the morning after it.
    """
    for offset in range((last_day - start).days + 1):
        day = start + offset * ONE_DAY
        held = principal + unpaid if compounds else principal
        interest, carry = one_day(
            basis=ZERO if is_paused(pauses, day) else held,
            tiers=tiers_on(charts, day),
            mode=mode,
            fraction=day_fraction(day_count, first_day=first_day, day=day),
            scale=scale,
            carry=carry,
        )
        unpaid += interest
        if pays_out(payout, day) and not (ends and day == last_day):
            yield Payment(day + ONE_DAY, unpaid)
            unpaid = ZERO
    if ends:
        last = final_unit(carry=carry, scale=scale, rounding=rounding)
        yield Payment(last_day + ONE_DAY, unpaid + last)


def entitlement(
    *,
    rule: EarlyRule,
    principal: Decimal,
    first_day: date,
    last_day: date,
    day_count: DayCount,
    compounding: Compounding,
    scale: int,
    rounding: Rounding,
    accrued_on: Callable[[date], Accrued],
    reduced_rate: Decimal = ZERO,
    forfeit_days: int = 0,
    payout: Payout = Payout.AT_MATURITY,
    pauses: Sequence[Pause] = (),
) -> Decimal:
    """All the interest that is kept when a term is ended after `last_day` was earned.

    It counts from the first day on, what was already paid out included: the caller pays or
    claws back the difference. It is never more than what was accrued, a reduced rate above
    the agreed one notwithstanding. `accrued_on` is asked for one day from first to last.
    """
    days_run = (last_day - first_day).days + 1
    if rule is EarlyRule.FORBIDDEN:
        raise ValueError("This product is not redeemed early.")
    if rule is EarlyRule.REDUCED_RATE and days_run > 0:
        reduced = project(
            amount=principal,
            tiers=[Tier(ZERO, reduced_rate)],
            mode=TierMode.SLICE,
            day_count=day_count,
            compounding=compounding,
            scale=scale,
            rounding=rounding,
            first_day=first_day,
            days=days_run,
            payout=payout,
            pauses=pauses,
        ).interest
        return min(reduced, _accrued(accrued_on(last_day), scale, rounding))
    if rule is EarlyRule.FORFEIT_DAYS and days_run > forfeit_days:
        day = last_day - forfeit_days * ONE_DAY
        return _accrued(accrued_on(day), scale, rounding)
    return ZERO


def _accrued(through: Accrued, scale: int, rounding: Rounding) -> Decimal:
    return through.accrued + final_unit(carry=through.carry, scale=scale, rounding=rounding)
