"""A third engine, slow and obvious, that replays a history event by event in fractions.

It shares no code with the product. Amounts are whole numbers of the asset's unit, rates are
fractions, and money is kept in lots: what leaves takes the newest lot first, and what was
there at 00:00 and never left is what earns. `histories` draws random ones.
"""

from calendar import isleap
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from math import lcm

from hypothesis import strategies as st

LONGEST = 60
TEN_DIGITS = 10**10


@dataclass(frozen=True)
class Tier:
    from_units: int
    rate_in_ten_digits: int  # 500_000_000 is 0.05


@dataclass(frozen=True)
class Chart:
    effective_on: date
    tiers: tuple[Tier, ...]


@dataclass(frozen=True)
class Event:
    """deposit units · redeem, pay (interest) or capitalise that many hundredths of it.

    Or moved: the principal changed by `units` and the unpaid interest by `interest`.
    """

    day: date
    do: str
    units: int = 0
    percent: int = 0
    interest: int = 0


@dataclass(frozen=True)
class History:
    scale: int
    mode: str
    day_count: str
    compounding: str
    first_day: date
    days: int
    opening: int
    charts: tuple[Chart, ...]
    events: tuple[Event, ...]
    paused: frozenset[date] = frozenset()


@dataclass(frozen=True)
class Day:
    day: date
    basis: int
    interest: int
    accrued: int
    exact: Fraction  # units earned so far, to the last fraction

    def carry(self, scale: int) -> Fraction:
        """As the books keep it: of an amount, in parts of 1 / lcm(360, 365, 366)."""
        return (self.exact - self.accrued) * Fraction(lcm(360, 365, 366), 10**scale)


@dataclass(frozen=True)
class Moved:
    """What an event came to, in units: change of principal and of unpaid interest."""

    day: date
    principal: int
    interest: int


def replay(history: History) -> tuple[list[Day], list[Moved]]:
    principal, unpaid, accrued, exact = history.opening, 0, 0, Fraction(0)
    days, moved = [], []
    for day in _days_of(history):
        old = _earning(history, principal, unpaid)
        new: list[int] = []
        for event in history.events:
            if event.day != day:
                continue
            move = _move(event, principal, unpaid)
            moved.append(move)
            principal += move.principal
            unpaid += move.interest
            old -= _change(new, _earning(history, move.principal, move.interest))
        if day in history.paused:
            old = 0
        yearly = _yearly(history, day, old)
        exact += yearly * _share_of_year(history.day_count, history.first_day, day)
        interest = exact // 1 - accrued
        accrued += interest
        unpaid += interest
        days.append(Day(day, old, interest, accrued, exact))
    return days, moved


def amount(units: int, scale: int) -> Decimal:
    return Decimal(units).scaleb(-scale)


def rate(tier: Tier) -> Decimal:
    return Decimal(tier.rate_in_ten_digits).scaleb(-10)


def _days_of(history: History) -> list[date]:
    return [history.first_day + timedelta(days=n) for n in range(history.days)]


def _earning(history: History, principal: int, interest: int) -> int:
    return principal + interest if history.compounding == "DAILY" else principal


def _move(event: Event, principal: int, unpaid: int) -> Moved:
    if event.do == "deposit":
        return Moved(event.day, event.units, 0)
    if event.do == "moved":
        return Moved(event.day, event.units, event.interest)
    if event.do == "redeem":
        return Moved(event.day, -(principal * event.percent // 100), 0)
    interest = unpaid * event.percent // 100
    return Moved(event.day, interest if event.do == "capitalise" else 0, -interest)


def _change(lots: list[int], change: int) -> int:
    """Adds a lot, or takes from the newest; returns what today's lots could not give."""
    if change > 0:
        lots.append(change)
        return 0
    wanted = -change
    while wanted and lots:
        taken = min(wanted, lots[-1])
        wanted -= taken
        lots[-1] -= taken
        if lots[-1] == 0:
            lots.pop()
    return wanted


def _yearly(history: History, day: date, basis: int) -> Fraction:
    tiers: tuple[Tier, ...] = ()
    for chart in sorted(history.charts, key=lambda chart: chart.effective_on):
        if chart.effective_on <= day:
            tiers = chart.tiers
    yearly = Fraction(0)
    for number, tier in enumerate(tiers):
        last = number + 1 == len(tiers)
        rate = Fraction(tier.rate_in_ten_digits, TEN_DIGITS)
        in_band = basis >= tier.from_units and (
            last or basis < tiers[number + 1].from_units
        )
        if history.mode == "WHOLE":
            yearly += basis * rate if in_band else 0
        else:
            top = basis if last else min(basis, tiers[number + 1].from_units)
            yearly += max(0, top - tier.from_units) * rate
    return yearly


def _share_of_year(day_count: str, first_day: date, day: date) -> Fraction:
    if day_count == "ACT/365F":
        return Fraction(1, 365)
    if day_count == "ACT/360":
        return Fraction(1, 360)
    if day_count == "ACT/ACT":
        return Fraction(1, 366 if isleap(day.year) else 365)
    through = _thirty(day_count, first_day, day + timedelta(days=1))
    return Fraction(through - _thirty(day_count, first_day, day), 360)


def _thirty(day_count: str, start: date, end: date) -> int:
    first, last = start.day, end.day
    if first == 31:
        first = 30
    if last == 31 and (day_count == "30E/360" or first == 30):
        last = 30
    months = 12 * (end.year - start.year) + end.month - start.month
    return 30 * months + last - first


def _sizes(scale: int) -> st.SearchStrategy[int]:
    """From one unit to 10^15 whole units, each order of magnitude as likely."""
    orders = st.sampled_from([10**order for order in range(15 + scale)])
    return orders.flatmap(lambda lowest: st.integers(lowest, 10 * lowest))


@st.composite
def _tiers(draw: st.DrawFn, scale: int) -> tuple[Tier, ...]:
    starts = draw(st.sets(_sizes(scale), max_size=3))
    if draw(st.booleans()) or not starts:
        starts.add(0)
    rates = st.integers(0, 2 * 10**9) | st.integers(0, 10**12 - 1)  # to 20 %, to 9,999 %
    return tuple(Tier(start, draw(rates)) for start in sorted(starts))


@st.composite
def histories(draw: st.DrawFn, *, events: int = 8) -> History:
    scale = draw(st.integers(0, 18))
    first_day = draw(
        st.dates(date(2023, 11, 1), date(2028, 4, 1))
        | st.dates(date(2023, 12, 25), date(2024, 1, 5))
        | st.dates(date(2024, 1, 28), date(2024, 3, 2))
        | st.dates(date(2026, 1, 28), date(2026, 3, 2))
    )
    days = draw(st.integers(1, LONGEST))
    some_day = st.integers(0, days - 1).map(lambda n: first_day + timedelta(days=n))
    changes = draw(st.lists(some_day, max_size=4, unique=True))
    effective = [first_day - timedelta(days=draw(st.integers(0, 9))), *changes]
    moves = st.builds(Event, some_day, st.just("deposit"), units=_sizes(scale)) | st.builds(
        Event,
        some_day,
        st.sampled_from(["redeem", "pay", "capitalise"]),
        percent=st.integers(1, 100) | st.just(100),
    )
    return History(
        scale=scale,
        mode=draw(st.sampled_from(["SLICE", "WHOLE"])),
        day_count=draw(
            st.sampled_from(["ACT/365F", "ACT/360", "ACT/ACT", "30E/360", "30/360"])
        ),
        compounding=draw(st.sampled_from(["DAILY", "NONE"])),
        first_day=first_day,
        days=days,
        opening=draw(_sizes(scale)),
        charts=tuple(Chart(on, draw(_tiers(scale))) for on in dict.fromkeys(effective)),
        events=tuple(draw(st.lists(moves, max_size=events))),
    )
