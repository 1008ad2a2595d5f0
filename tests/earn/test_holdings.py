"""What today is expected to earn is what its close then accrues, to the unit."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal

import pytest

from earn import holdings
from earn.models import Customer
from tests.earn.people import chart, close_to, day, earned, fixed, flexible, on, redeem
from tests.earn.people import subscribe as put

AsRole = Callable[[], AbstractContextManager[None]]
pytestmark = pytest.mark.django_db
STEPS = [(None, 0, "0.10"), (None, 500, "0.0333333333"), (None, 2000, "0.01")]


def expected(who: Customer, *, through: int | None, today: int) -> dict[int, Decimal]:
    closed = None if through is None else day(through)
    found = holdings.open_positions(who, through=closed, today=day(today))
    return {x.position.pk: x.expected for x in found}


@pytest.mark.parametrize("closed", [9, 8, 4])
def test_today_earns_what_was_expected_also_while_the_close_is_late(
    alice: Customer, closed: int, as_app_role: AsRole
) -> None:
    easy = flexible("easy", STEPS, compounding="DAILY")
    chart(easy, day(9), (None, 0, "0.2"), (None, 700, "0.3"))
    chart(easy, day(11), (None, 0, "0.9"))
    monthly = flexible("monthly", STEPS, payout="MONTHLY", day_count="30/360")
    daily = flexible(
        "daily", STEPS, payout="DAILY", compounding="DAILY", day_count="ACT/360"
    )
    term = fixed("term", [(10, 0, "0.07"), (30, 0, "0.12")], tier_mode="WHOLE")
    mine = [
        put(alice, easy, "1234.56", on(0)),
        put(alice, monthly, "777.77", on(1)),
        put(alice, daily, "2345.67", on(0)),
        put(alice, term, 999, on(0), term_days=10),
        put(alice, term, 888, on(2), term_days=30),
    ]
    close_to(closed)
    put(alice, easy, 500, on(10, hour=9))
    redeem(mine[0], on(10, hour=10), "333.33")
    put(alice, monthly, 100, on(10))
    redeem(mine[2], on(10), "1000.01")
    begins_tomorrow = put(alice, term, 500, on(10), term_days=10)
    with as_app_role():
        told = expected(alice, through=closed, today=10)
    close_to(10)
    assert told == {x.pk: earned(x)[10] for x in mine} | {begins_tomorrow.pk: 0}
    assert all(told[x.pk] > 0 for x in mine)


def test_a_position_past_its_last_day_is_expected_to_earn_nothing(alice: Customer) -> None:
    position = put(alice, fixed(), 1000, on(0), term_days=10)
    close_to(9)
    assert expected(alice, through=9, today=10)[position.pk] > 0
    assert expected(alice, through=9, today=11) == {position.pk: 0}


def test_before_any_day_is_closed_the_first_one_is_expected(alice: Customer) -> None:
    position = put(alice, flexible(tiers=[(None, 0, "0.365")]), 1000, on(0))
    assert expected(alice, through=None, today=0) == {position.pk: 0}
    assert expected(alice, through=None, today=1) == {position.pk: 1}
    assert expected(alice, through=None, today=2) == {position.pk: 1}
