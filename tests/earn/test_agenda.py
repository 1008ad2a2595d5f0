"""What was paid, and what is expected: the same to the unit once it has happened."""

from datetime import datetime
from decimal import Decimal

import pytest
from pytest_django import DjangoAssertNumQueries

from earn import agenda
from earn.agenda import Event, Kind
from earn.models import Customer
from tests.earn.people import (
    chart,
    close_to,
    day,
    fixed,
    flexible,
    money,
    on,
    redeem,
    subscribe,
)

pytestmark = pytest.mark.django_db
ODD = [(None, 0, "0.0731"), (None, 500, "0.0213")]
ODD_TERM = [(40, 0, "0.0731"), (40, 500, "0.0213")]


def found(who: Customer, at: datetime, *, first: int = 0, last: int = 90) -> list[Event]:
    return agenda.events(who, day(first), day(last), at=at)


def said(who: Customer, at: datetime, **span: int) -> list[tuple[str, int, object, bool]]:
    return [
        (str(x.kind), (x.day - day(0)).days, x.amount, x.is_expected)
        for x in found(who, at, **span)
    ]


def keys(who: Customer, at: datetime) -> set[str]:
    return {x.key for x in found(who, at)}


def amounts(who: Customer, at: datetime, *, is_expected: bool) -> dict[str, Decimal]:
    return {
        x.key: x.amount
        for x in found(who, at)
        if x.amount is not None and x.is_expected == is_expected
    }


def test_nothing_is_nothing(alice: Customer) -> None:
    assert found(alice, on(0)) == []


def test_a_term_matures_with_its_interest_and_its_last_day_to_choose(
    alice: Customer,
) -> None:
    term = fixed(tiers=[(10, 0, "0.365")], renewal_cutoff_hours=30)
    subscribe(alice, term, 1000, on(0), term_days=10)
    expected = [
        ("CHANGE", 9, None, True),  # until 18:00 of it
        ("MATURITY", 11, Decimal(1000), True),
        ("INTEREST", 11, Decimal(10), True),
    ]
    assert sorted(said(alice, on(0))) == sorted(expected)
    close_to(10)
    assert sorted(said(alice, on(11))) == [
        ("INTEREST", 11, Decimal(10), False),
        ("MATURITY", 11, Decimal(1000), False),
    ]


@pytest.mark.parametrize("compounding", ["NONE", "DAILY"])
@pytest.mark.parametrize("rounding", ["FLOOR", "HALF_UP"])
@pytest.mark.parametrize("payout", ["AT_MATURITY", "MONTHLY", "DAILY"])
@pytest.mark.parametrize("closed", [0, 7, 26, 33])
def test_what_is_expected_of_a_term_is_what_the_books_pay(
    alice: Customer, compounding: str, rounding: str, payout: str, closed: int
) -> None:
    term = fixed(
        tiers=ODD_TERM,
        asset=money("ODD", 5),
        compounding=compounding,
        final_rounding=rounding,
        payout=payout,
    )
    subscribe(alice, term, "777.77", on(0), term_days=40)
    close_to(closed)
    expected = amounts(alice, on(closed + 1), is_expected=True)
    close_to(41)
    happened = amounts(alice, on(42), is_expected=False)
    assert expected
    assert {key: happened[key] for key in expected} == expected


def test_monthly_interest_of_a_flexible_product_follows_the_rates_as_announced(
    alice: Customer,
) -> None:
    easy = flexible(tiers=ODD, payout="MONTHLY", compounding="DAILY", asset=money("ODD", 5))
    chart(easy, day(40), (None, 0, "0.09"), at=on(0))
    subscribe(alice, easy, "777.77", on(0))
    close_to(12)
    expected = amounts(alice, on(13), is_expected=True)
    close_to(86)
    happened = amounts(alice, on(87), is_expected=False)
    assert list(expected) == list(happened)
    assert [key[-10:] for key in expected] == ["2026-02-01", "2026-03-01", "2026-04-01"]
    assert expected == happened


@pytest.mark.parametrize(
    ("instruction", "kinds"),
    [
        ("RENEW_PRINCIPAL", {"RENEWAL", "INTEREST"}),
        ("RENEW_ALL", {"RENEWAL", "ADDED"}),
        ("TO_FLEXIBLE", {"MOVE", "ADDED"}),
    ],
)
def test_what_goes_on_is_said_before_and_after_under_the_same_names(
    alice: Customer, instruction: str, kinds: set[str]
) -> None:
    flexible()
    term = fixed()
    subscribe(alice, term, 1000, on(0), term_days=10, at_maturity=instruction)
    before = {x.key: x.kind for x in found(alice, on(1), last=11) if x.amount}
    close_to(10)
    after = {
        x.key: x.kind
        for x in found(alice, on(11), last=11)
        if x.amount and not x.is_expected
    }
    assert set(before.values()) == kinds
    assert before == after


def test_a_redemption_on_its_way_is_there_until_it_is_paid(alice: Customer) -> None:
    slow = flexible("slow", settlement_delay_days=5)
    redeem(subscribe(alice, slow, 300, on(0)), on(0), 100)
    assert said(alice, on(0)) == [("REDEMPTION", 5, Decimal(100), True)]
    # what a late close has yet to pay is never said to have been paid
    assert said(alice, on(8)) == [("REDEMPTION", 8, Decimal(100), True)]
    before = keys(alice, on(0))
    assert keys(alice, on(8)) == keys(alice, on(9)) == before
    close_to(4)
    assert said(alice, on(5)) == [("REDEMPTION", 5, Decimal(100), False)]
    assert keys(alice, on(5)) == before


def test_a_term_that_was_left_early_is_paid_when_its_money_comes(alice: Customer) -> None:
    term = fixed(early_rule="FORFEIT_ALL", settlement_delay_days=5)
    redeem(subscribe(alice, term, 300, on(0), term_days=10), on(1))
    assert said(alice, on(2)) == [("REDEMPTION", 6, Decimal(300), True)]
    close_to(5)
    assert said(alice, on(6)) == [("REDEMPTION", 6, Decimal(300), False)]


def test_a_redemption_at_once_is_a_payout_of_its_day(alice: Customer) -> None:
    redeem(subscribe(alice, flexible(), 300, on(0)), on(3), 100)
    assert said(alice, on(4)) == [("REDEMPTION", 3, Decimal(100), False)]


def test_only_the_days_that_were_asked_for(alice: Customer) -> None:
    subscribe(alice, fixed(), 1000, on(0), term_days=10)
    assert said(alice, on(1), last=9) == []
    assert {x.kind for x in found(alice, on(1), first=10, last=10)} == {Kind.CHANGE}


def test_nothing_of_bobs(alice: Customer, bob: Customer) -> None:
    subscribe(bob, fixed(), 1000, on(0), term_days=10)
    assert found(alice, on(1)) == []


def test_interest_of_every_day_is_routine(alice: Customer) -> None:
    subscribe(alice, flexible(payout="DAILY"), 1000, on(0))
    close_to(2)
    events = found(alice, on(3), last=5)
    assert [x.is_expected for x in events] == [False, False, True, True]
    assert all(x.is_routine for x in events)


def test_queries_do_not_grow_with_what_one_has(
    alice: Customer, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(6):
        subscribe(alice, fixed(f"term-{number}"), 1000, on(0), term_days=10)
        subscribe(alice, flexible(f"easy-{number}", payout="MONTHLY"), 1000, on(0))
    close_to(2)
    with django_assert_max_num_queries(8):
        assert len(found(alice, on(3))) > 20


def test_an_order_and_a_close_change_what_is_expected(alice: Customer) -> None:
    subscribe(alice, fixed(), 1000, on(0), term_days=10)
    assert agenda.changed_at(alice, at=on(1)) == on(0)
    close_to(2)
    assert agenda.changed_at(alice, at=on(3)) == on(3, hour=0, minute=5)
    close_to(3, at=on(6))
    assert agenda.changed_at(alice, at=on(6)) == on(6)  # it was late
