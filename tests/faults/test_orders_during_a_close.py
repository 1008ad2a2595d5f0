"""Customers who act while a day is being closed, and race it and each other."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from earn import close
from earn.models import Order, Position
from earn.refusals import NotRedeemable, SoldOut
from ledger.posting import TryAgain
from tests.earn import people
from tests.earn.people import buy, fund, now, on, redeem, subscribe, used, wallet
from tests.faults.business import CHUNK, Business, picture
from tests.faults.crew import Broker, Crew, wait_until
from tests.faults.locks import AT, PLACES, Hold, Place, held, outcome, threads

pytestmark = pytest.mark.django_db(transaction=True, reset_sequences=True)


def close_the_day(business: Business) -> None:
    list(close.close_through(business.day, at=business.morning, chunk=CHUNK))


def yesterday(found: dict[str, Any], business: Business) -> Any:
    """What the close says of the day: its accruals and what was posted of them."""
    accruals = [row for row in found["accruals"] if row[1] == business.day]
    posted = [row for row in found["entries"] if row[0].startswith("accrual:")]
    return accruals, posted


def test_what_customers_do_while_their_chunk_is_accrued_never_waits_nor_changes_yesterday(
    crew: Crew,
    broker: Broker,
    business: Business,
    undisturbed: dict[str, Any],
    closes: Callable[[], None],
) -> None:
    crew.work()
    at = on(business.last + 1, 0, 6)
    AT["accrue"].bring(business)  # positions 1 to 4 are accrued, 7 and later are not begun
    with held(AT["accrue"].lock(business)) as hold:
        broker.drive(business.day, business.morning)
        hold.stopped()
        for name, position in business.positions.items():
            who, product = position.customer, position.product
            if name in {"Dave saver", "Dave term"}:
                continue  # gone already
            if product.kind == "FLEXIBLE":
                subscribe(who, product, "1111.11", at)
                redeem(position, at, "600.00")
            else:
                subscribe(who, product, "1111.11", at, term_days=30)
    closes()
    assert yesterday(picture(), business) == yesterday(undisturbed, business)
    assert people.broken() == []


def test_customers_who_never_stop_ordering_do_not_change_the_day_being_closed(
    crew: Crew,
    broker: Broker,
    business: Business,
    undisturbed: dict[str, Any],
    closes: Callable[[], None],
) -> None:
    crew.work(2)
    close.open_day(business.day, at=business.morning, chunk=1)
    begun: list[str] = []

    def trade(name: str) -> str | None:
        position = business.positions[name]
        for n in range(1000):
            at = on(business.last + 1, 1, n % 60)
            subscribe(position.customer, position.product, "500.50", at)
            redeem(position, at, "300.30")
            begun.append(name)
            if close.stage_of(business.day) == close.Stage.CLOSED:
                return name
        return None

    traders = ("Alice saver", "Bob daily", "Charlie monthly")
    with threads() as start:
        trading = [start(partial(trade, name)) for name in traders]
        wait_until(lambda: len(set(begun)) == 3, "everybody trades")
        broker.drive(business.day, business.morning)
        closes()
    assert tuple(outcome(trader) for trader in trading) == traders
    assert yesterday(picture(), business) == yesterday(undisturbed, business)
    people.close_to(business.last + 1)
    assert people.broken() == []


LEAVING = ("Alice saver", "Bob saver", "Bob daily", "Charlie monthly", "Dave patient")


def leave(business: Business, name: str) -> Order:
    return redeem(business.positions[name], on(business.last + 1, 0, 6))


def wallets(business: Business) -> dict[str, Decimal]:
    """What everybody has at last, when redemptions that settle later are paid."""
    people.close_to(business.last + 2)
    assert people.broken() == []
    return {name: wallet(who) for name, who in business.people.items()}


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_whenever_in_a_close_customers_leave_they_leave_with_the_same_money(
    place: Place, business: Business, undisturbed: dict[str, Any]
) -> None:
    def one_after_the_other() -> dict[str, Decimal]:
        close_the_day(business)
        for name in LEAVING:
            leave(business, name)
        return wallets(business)

    expected = people.played(one_after_the_other)
    place.bring(business)
    with threads() as start:
        with held(place.lock(business)) as hold:
            closing = start(lambda: close_the_day(business))
            hold.stopped()
            leaving = [start(partial(leave, business, name)) for name in LEAVING]
            wait_until(
                lambda: all_wait_or_are_done([closing, *leaving], hold),
                "everybody has left or waits",
            )
        assert outcome(closing) is None
        assert all(isinstance(outcome(x), Order) for x in leaving)
    assert yesterday(picture(), business) == yesterday(undisturbed, business)
    assert wallets(business) == expected


def all_wait_or_are_done(futures: list[Any], hold: Hold) -> bool:
    return len(hold.behind()) >= sum(not future.done() for future in futures)


MATURING = ("Alice term", "Bob term", "Charlie term")


def test_a_redemption_that_comes_before_the_close_wins_and_the_close_finds_it_gone(
    business: Business,
) -> None:
    at = on(business.last, 23, 59)
    with threads() as start:
        with held(AT["mature"].lock(business)) as hold:  # the last that a redemption writes
            leaving = [
                start(partial(redeem, business.positions[name], at)) for name in MATURING
            ]
            hold.stopped(3)
            closing = start(lambda: close_the_day(business))
            hold.stopped(4)
        assert outcome(closing) is None
        assert {outcome(x).state for x in leaving} == {Order.State.DONE}
    assert {states(business)[name] for name in MATURING} == {Position.State.REDEEMED}
    assert people.broken() == []


def test_a_redemption_that_comes_after_the_close_has_begun_is_told_to_try_again(
    business: Business, right: Callable[[], None]
) -> None:
    at = on(business.last, 23, 59)
    keys = {name: people.key() for name in MATURING}

    def late(name: str) -> Order:
        return redeem(business.positions[name], at, key=keys[name])

    with threads() as start:
        with held(AT["open"].lock(business)) as hold:  # the day is fenced by then
            closing = start(lambda: close_the_day(business))
            hold.stopped()
            leaving = [start(partial(late, name)) for name in MATURING]
            hold.stopped(4)
        assert outcome(closing) is None
        assert {type(outcome(x)) for x in leaving} == {TryAgain}
    right()
    for name in MATURING:
        with pytest.raises(NotRedeemable):
            redeem(business.positions[name], business.morning, key=keys[name])
    assert {states(business)[name] for name in MATURING} == {Position.State.MATURED}


def test_redemptions_that_race_the_maturity_of_their_positions_get_one_or_the_other(
    business: Business,
) -> None:
    at = on(business.last, 23, 59)
    *leaving, closing = people.at_once(
        *(partial(redeem, business.positions[name], at) for name in MATURING),
        lambda: close_the_day(business),
    )
    assert closing is None
    for name, order in zip(MATURING, leaving, strict=True):
        won = isinstance(order, Order)
        assert won or isinstance(order, TryAgain)
        assert states(business)[name] == ("REDEEMED" if won else "MATURED")
    assert people.broken() == []


def states(business: Business) -> dict[str, str]:
    return {name: now(position).state for name, position in business.positions.items()}


def test_the_last_of_a_quota_is_sold_once_while_a_day_is_closed(business: Business) -> None:
    scarce = business.products["scarce"]
    rush = [people.customer(f"customer {n}") for n in range(6)]
    at = on(business.last + 1, 0, 6)
    for who in rush:
        fund(who, 40, at=at)
    *orders, closing = people.at_once(
        *(partial(buy, who, scarce, 40, at) for who in rush),
        lambda: close_the_day(business),
    )
    assert closing is None
    assert sum(isinstance(order, Order) for order in orders) == 2
    assert sum(isinstance(order, SoldOut) for order in orders) == 4
    assert used(scarce) == 80
    assert people.broken() == []


def test_a_rush_on_a_quota_that_maturing_positions_give_back_and_renewals_need(
    business: Business,
) -> None:
    term = business.products["term"]
    at = on(business.last + 1, 0, 6)
    rush = [people.customer(f"customer {n}") for n in range(6)]
    for who in rush:
        fund(who, 2000, at=at)
    AT["mature"].bring(business)
    filler = people.customer("filler")
    subscribe(filler, term, term.quota - used(term), at, term_days=30)
    with threads() as start:
        with held(AT["mature"].lock(business)) as hold:
            closing = start(lambda: close_the_day(business))
            hold.stopped()
            buying = [
                start(partial(buy, who, term, 2000, at, term_days=30)) for who in rush
            ]
            hold.stopped(7)
        assert outcome(closing) is None
        outcomes = [outcome(order) for order in buying]
    # 5800.13 were given back, of which the renewal took its interest
    assert sum(isinstance(x, Order) for x in outcomes) == 2
    assert sum(isinstance(x, SoldOut) for x in outcomes) == 4
    assert used(term) <= term.quota
    assert people.broken() == []
