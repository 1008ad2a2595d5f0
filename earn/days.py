"""Business days are UTC dates: their bounds, value dates, and how days are counted.

Money subscribed on T earns from T+1. A term of N days earns on T+1 .. T+N and matures at
00:00 UTC of T+N+1. The interest period is half-open: [first earning day, maturity).
"""

from calendar import isleap, monthrange
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

ONE_DAY = timedelta(days=1)


class DayCount(StrEnum):
    ACT_365F = "ACT/365F"
    ACT_360 = "ACT/360"
    ACT_ACT = "ACT/ACT"  # ISDA: each day over the length of its own calendar year
    THIRTY_E_360 = "30E/360"
    THIRTY_360 = "30/360"  # bond basis (ISDA 2006, 4.16 f)


class DayFraction(NamedTuple):
    """What one day counts: days / year_basis of a year. Under 30/360 days is 0 to 3."""

    days: int
    year_basis: int


def first_earning_day(subscribed_on: date) -> date:
    return subscribed_on + ONE_DAY


def last_earning_day(subscribed_on: date, term_days: int) -> date:
    return subscribed_on + timedelta(days=term_days)


def maturity_date(subscribed_on: date, term_days: int) -> date:
    """The morning after the last earning day: the money is due at its 00:00 UTC."""
    return last_earning_day(subscribed_on, term_days) + ONE_DAY


def start_of(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)


def end_of(day: date) -> datetime:
    """The last microsecond of the day, which is PostgreSQL's grain as well."""
    return datetime.combine(day, time.max, tzinfo=UTC)


def business_day(at: datetime) -> date:
    """Raises ValueError for a moment without a time zone."""
    if at.utcoffset() is None:
        raise ValueError("A moment needs a time zone to fall on a business day.")
    return at.astimezone(UTC).date()


def is_month_end(day: date) -> bool:
    return day.day == monthrange(day.year, day.month)[1]


def counted_days(day_count: DayCount, start: date, end: date) -> int:
    """Days from start to end, the end not included, as the convention counts them."""
    if start > end:
        raise ValueError(f"{start} is after {end}.")
    if day_count is DayCount.THIRTY_E_360:
        return _months_of_30(start, end, min(start.day, 30), min(end.day, 30))
    if day_count is DayCount.THIRTY_360:
        last = min(end.day, 30) if start.day >= 30 else end.day
        return _months_of_30(start, end, min(start.day, 30), last)
    return (end - start).days


def year_fraction(day_count: DayCount, start: date, end: date) -> Fraction:
    """Years from start to end, the end not included. Exact."""
    days = counted_days(day_count, start, end)
    if day_count is DayCount.ACT_ACT:
        return _years(end) - _years(start)
    return Fraction(days, _year_basis(day_count, start))


def day_fraction(day_count: DayCount, *, first_day: date, day: date) -> DayFraction:
    """What `day` counts in a position whose first earning day is `first_day`.

    The days of 30/360 do not add up, so each is the difference of two counts from the
    first day; the sum over a position's days is then the convention's own figure.
    """
    if day < first_day:
        raise ValueError(f"{day} is before the first earning day {first_day}.")
    if day_count in (DayCount.THIRTY_E_360, DayCount.THIRTY_360):
        before = counted_days(day_count, first_day, day)
        days = counted_days(day_count, first_day, day + ONE_DAY) - before
    else:
        days = 1
    return DayFraction(days, _year_basis(day_count, day))


def _months_of_30(start: date, end: date, first: int, last: int) -> int:
    return 360 * (end.year - start.year) + 30 * (end.month - start.month) + last - first


def _year_basis(day_count: DayCount, day: date) -> int:
    if day_count is DayCount.ACT_365F:
        return 365
    if day_count is DayCount.ACT_ACT:
        return _year_length(day)
    return 360


def _year_length(day: date) -> int:
    return 366 if isleap(day.year) else 365


def _years(day: date) -> Fraction:
    return day.year + Fraction((day - date(day.year, 1, 1)).days, _year_length(day))
