from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earn.days import (
    ONE_DAY,
    DayCount,
    DayFraction,
    business_day,
    counted_days,
    day_fraction,
    end_of,
    first_earning_day,
    is_month_end,
    last_earning_day,
    maturity_date,
    start_of,
    year_fraction,
)


@pytest.mark.parametrize(
    ("subscribed_on", "term_days", "first", "last", "matures"),
    [
        (date(2026, 1, 1), 365, date(2026, 1, 2), date(2027, 1, 1), date(2027, 1, 2)),
        (date(2026, 1, 1), 1, date(2026, 1, 2), date(2026, 1, 2), date(2026, 1, 3)),
        (date(2024, 2, 28), 2, date(2024, 2, 29), date(2024, 3, 1), date(2024, 3, 2)),
        (date(2026, 2, 28), 30, date(2026, 3, 1), date(2026, 3, 30), date(2026, 3, 31)),
        (date(2026, 12, 31), 7, date(2027, 1, 1), date(2027, 1, 7), date(2027, 1, 8)),
    ],
)
def test_a_term_earns_its_days_from_the_day_after_and_is_due_the_morning_after(
    subscribed_on: date, term_days: int, first: date, last: date, matures: date
) -> None:
    assert first_earning_day(subscribed_on) == first
    assert last_earning_day(subscribed_on, term_days) == last
    assert maturity_date(subscribed_on, term_days) == matures
    assert (last - first).days + 1 == term_days


def test_a_day_begins_and_ends_in_utc_to_the_microsecond() -> None:
    day = date(2026, 3, 29)
    assert start_of(day) == datetime(2026, 3, 29, tzinfo=UTC)
    assert end_of(day) + timedelta(microseconds=1) == start_of(day + ONE_DAY)
    assert business_day(start_of(day)) == business_day(end_of(day)) == day


def test_a_moment_elsewhere_falls_on_the_utc_day() -> None:
    tokyo = timezone(timedelta(hours=9))
    assert business_day(datetime(2026, 1, 1, 8, 59, tzinfo=tokyo)) == date(2025, 12, 31)
    assert business_day(datetime(2026, 1, 1, 9, 0, tzinfo=tokyo)) == date(2026, 1, 1)


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        business_day(datetime(2026, 1, 1, 12, 0))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("day", "is_end"),
    [
        (date(2024, 2, 28), False),
        (date(2024, 2, 29), True),
        (date(2026, 2, 28), True),
        (date(2026, 4, 30), True),
        (date(2026, 5, 30), False),
        (date(2026, 12, 31), True),
    ],
)
def test_the_last_day_of_a_month(day: date, *, is_end: bool) -> None:
    assert is_month_end(day) is is_end


@pytest.mark.parametrize(
    ("day_count", "year", "expected"),
    [
        (DayCount.ACT_365F, 2024, (1, 365)),
        (DayCount.ACT_365F, 2026, (1, 365)),
        (DayCount.ACT_360, 2024, (1, 360)),
        (DayCount.ACT_ACT, 2024, (1, 366)),
        (DayCount.ACT_ACT, 2026, (1, 365)),
        (DayCount.ACT_ACT, 2100, (1, 365)),
        (DayCount.ACT_ACT, 2000, (1, 366)),
    ],
)
def test_an_actual_day_counts_one(
    day_count: DayCount, year: int, expected: tuple[int, int]
) -> None:
    day = date(year, 7, 31)
    assert day_fraction(day_count, first_day=date(1999, 1, 1), day=day) == expected


THIRTIES = [
    # first day, day, 30E/360, 30/360
    (date(2026, 1, 15), date(2026, 1, 29), 1, 1),
    (date(2026, 1, 15), date(2026, 1, 30), 0, 1),
    (date(2026, 1, 15), date(2026, 1, 31), 1, 0),
    (date(2026, 1, 15), date(2026, 2, 27), 1, 1),
    (date(2026, 1, 15), date(2026, 2, 28), 3, 3),
    (date(2026, 1, 15), date(2026, 4, 30), 1, 1),
    (date(2024, 1, 15), date(2024, 2, 28), 1, 1),
    (date(2024, 1, 15), date(2024, 2, 29), 2, 2),
    (date(2026, 1, 30), date(2026, 1, 30), 0, 0),
    (date(2026, 1, 30), date(2026, 1, 31), 1, 1),
    (date(2026, 1, 31), date(2026, 1, 31), 1, 1),
    (date(2026, 1, 30), date(2026, 3, 30), 0, 0),
    (date(2026, 2, 28), date(2026, 3, 30), 0, 1),
    (date(2026, 2, 28), date(2026, 3, 31), 1, 0),
]


@pytest.mark.parametrize(("first_day", "day", "european", "bond"), THIRTIES)
def test_a_day_of_30_360_is_the_difference_of_two_counts(
    first_day: date, day: date, european: int, bond: int
) -> None:
    fractions = [
        day_fraction(DayCount.THIRTY_E_360, first_day=first_day, day=day),
        day_fraction(DayCount.THIRTY_360, first_day=first_day, day=day),
    ]
    assert fractions == [DayFraction(european, 360), DayFraction(bond, 360)]


def test_a_full_month_of_30_360_counts_30_however_long_it_is() -> None:
    for month in range(1, 12):
        start, end = date(2026, month, 1), date(2026, month + 1, 1)
        assert counted_days(DayCount.THIRTY_E_360, start, end) == 30
        assert counted_days(DayCount.THIRTY_360, start, end) == 30


def test_a_day_before_the_first_is_refused() -> None:
    day = date(2026, 1, 1)
    with pytest.raises(ValueError, match="before the first earning day"):
        day_fraction(DayCount.ACT_365F, first_day=day + ONE_DAY, day=day)


@pytest.mark.parametrize("day_count", DayCount)
def test_a_period_that_ends_before_it_starts_is_refused(day_count: DayCount) -> None:
    for count in (counted_days, year_fraction):
        with pytest.raises(ValueError, match="is after"):
            count(day_count, date(2026, 1, 2), date(2026, 1, 1))
        assert count(day_count, date(2026, 1, 31), date(2026, 1, 31)) == 0


def test_act_act_splits_a_period_at_the_new_year() -> None:
    fraction = year_fraction(DayCount.ACT_ACT, date(2023, 12, 1), date(2025, 2, 1))
    assert fraction == Fraction(31, 365) + 1 + Fraction(31, 365)
    fraction = year_fraction(DayCount.ACT_ACT, date(2023, 12, 1), date(2024, 3, 1))
    assert fraction == Fraction(31, 365) + Fraction(60, 366)


@given(
    st.sampled_from(DayCount),
    st.dates(date(2023, 1, 1), date(2029, 1, 1)),
    st.integers(1, 500),
)
def test_the_days_of_a_position_add_up_to_the_convention(
    day_count: DayCount, first_day: date, length: int
) -> None:
    days = [
        day_fraction(day_count, first_day=first_day, day=first_day + n * ONE_DAY)
        for n in range(length)
    ]
    end = first_day + length * ONE_DAY
    assert sum(Fraction(*day) for day in days) == year_fraction(day_count, first_day, end)
    assert sum(day.days for day in days) == counted_days(day_count, first_day, end)
    assert all(0 <= day.days <= 3 for day in days)
    assert day_count in (DayCount.THIRTY_E_360, DayCount.THIRTY_360) or {
        day.days for day in days
    } == {1}
