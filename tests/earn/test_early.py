"""Ending a fixed term before its maturity: what is kept, what is lost, under every rule.

1000.00 at 36.5 % earn 1.00 a day, which makes every figure one that can be seen.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from earn import redemptions
from earn.models import Customer, Order, Position, Product
from earn.refusals import InLock, InsufficientFunds, NotRedeemable
from tests.earn.people import (
    broken,
    buy,
    close_to,
    customer,
    day,
    fixed,
    fund,
    now,
    on,
    played,
    redeem,
    redeeming,
    refused,
    subscribe,
    used,
    wallet,
)

pytestmark = pytest.mark.django_db
TERM = 60
DOLLAR_A_DAY = [(TERM, 0, "0.365")]
START = 20  # Sunday the 25th: the month ends on day 26
FORFEIT_ALL = {"early_rule": "FORFEIT_ALL"}
REDUCED = {"early_rule": "REDUCED_RATE", "early_rate": "0.0730"}  # 0.20 a day
FORFEIT_DAYS = {"early_rule": "FORFEIT_DAYS", "early_days": 3}


def term(**terms: Any) -> Product:
    return fixed(tiers=DOLLAR_A_DAY, **terms)


def started(who: Customer, product: Product) -> Position:
    return subscribe(who, product, 1000, on(START), term_days=TERM)


def leave(position: Position, days: int, *, closed: bool = True) -> Order:
    """Ends it after some days have been earned; shown first, and carried out as shown."""
    if closed:
        close_to(START + days)
    at = on(START + days + 1)
    shown = redemptions.preview(position=now(position), at=at)
    return redeem(position, at, confirmed=shown)


def test_a_term_that_must_be_kept_is_kept(alice: Customer) -> None:
    position = started(alice, term(early_rule="FORBIDDEN"))
    refusal = refused(lambda: redeem(position, on(START + 5)))
    assert isinstance(refusal, NotRedeemable)
    assert refusal.message == "This position is paid on 2026-03-27 and not before."
    assert refusal.figures == {"matures_on": "2026-03-27"}
    with pytest.raises(NotRedeemable):
        redemptions.preview(position=now(position), at=on(START + 5))


# rule, payout, days earned: interest kept of all, lost, and received at the exit
CASES = [
    (FORFEIT_ALL, "AT_MATURITY", 10, "0.00", "10.00", "1000.00"),
    (FORFEIT_ALL, "DAILY", 10, "0.00", "10.00", "990.00"),
    (FORFEIT_ALL, "MONTHLY", 10, "0.00", "10.00", "994.00"),  # 6.00 paid, 4.00 owed
    (REDUCED, "AT_MATURITY", 10, "2.00", "8.00", "1002.00"),
    (REDUCED, "DAILY", 10, "2.00", "8.00", "992.00"),
    (REDUCED, "MONTHLY", 10, "2.00", "8.00", "996.00"),
    (REDUCED, "MONTHLY", 5, "1.00", "4.00", "1001.00"),  # nothing paid yet
    (FORFEIT_DAYS, "AT_MATURITY", 10, "7.00", "3.00", "1007.00"),
    (FORFEIT_DAYS, "DAILY", 10, "7.00", "3.00", "997.00"),
    (FORFEIT_DAYS, "MONTHLY", 10, "7.00", "3.00", "1001.00"),
    (FORFEIT_DAYS, "MONTHLY", 7, "4.00", "3.00", "998.00"),  # 6.00 paid, 1.00 owed
    (FORFEIT_DAYS, "AT_MATURITY", 3, "0.00", "3.00", "1000.00"),
    (FORFEIT_DAYS, "AT_MATURITY", 4, "1.00", "3.00", "1001.00"),
    (FORFEIT_DAYS, "DAILY", 2, "0.00", "2.00", "998.00"),
]


@pytest.mark.parametrize(("rule", "payout", "days", "kept", "lost", "received"), CASES)
def test_an_early_end_gives_what_its_rule_leaves(
    alice: Customer,
    rule: dict[str, Any],
    payout: str,
    days: int,
    kept: str,
    lost: str,
    received: str,
) -> None:
    product = term(payout=payout, quota=5000, **rule)
    position = started(alice, product)
    close_to(START + days)
    before = wallet(alice)
    order = leave(position, days)
    assert order.preview is not None
    assert order.preview["received"] == received
    assert order.preview["interest_lost"] == lost
    assert order.preview["leaves"] is True
    assert order.preview["principal_left"] == "0.00"
    assert order.preview["last_day"] == str(day(START + days))
    assert wallet(alice) - before == Decimal(received)
    assert wallet(alice) == 1000 + Decimal(kept)
    position = now(position)
    assert (position.state, position.principal) == ("REDEEMED", 0)
    assert position.interest_paid - position.clawed_back == Decimal(kept)
    assert used(product) == 0
    close_to(START + days + 2)
    assert wallet(alice) == 1000 + Decimal(kept)
    assert broken() == []


@pytest.mark.parametrize("rule", [FORFEIT_ALL, REDUCED, FORFEIT_DAYS])
def test_leaving_on_the_day_of_coming_gives_the_principal_back(
    alice: Customer, rule: dict[str, Any]
) -> None:
    position = started(alice, term(**rule))
    order = redeem(position, on(START, 12))
    assert order.preview is not None
    assert order.preview["received"] == "1000.00"
    close_to(START + 1)
    assert wallet(alice) == 1000
    assert broken() == []


def test_the_last_fraction_of_what_is_kept_is_rounded_as_the_product_says(
    alice: Customer, bob: Customer
) -> None:
    rule = {"early_rule": "REDUCED_RATE", "early_rate": "0.05475"}  # 0.015 a day of 100
    products = [
        fixed(x, DOLLAR_A_DAY, final_rounding=x, **rule) for x in ("FLOOR", "HALF_UP")
    ]
    down, up = (
        subscribe(who, product, 100, on(START), term_days=TERM)
        for who, product in zip((alice, bob), products, strict=True)
    )
    leave(down, 5)  # 0.075
    leave(up, 5)
    assert (wallet(alice), wallet(bob)) == (Decimal("100.07"), Decimal("100.08"))
    assert broken() == []


def test_a_reduced_rate_above_the_agreed_one_pays_what_was_agreed(
    alice: Customer,
) -> None:
    product = term(early_rule="REDUCED_RATE", early_rate="0.730")
    position = started(alice, product)
    close_to(START + 1)
    redeem(position, on(START + 4))  # two of its days are not closed yet
    close_to(START + 5)
    assert wallet(alice) == Decimal("1003.00")
    assert broken() == []


def test_the_minimum_holding_time_comes_before_the_rule(alice: Customer) -> None:
    product = term(minimum_holding_days=5, **FORFEIT_ALL)
    position = started(alice, product)
    refusal = refused(lambda: redeem(position, on(START + 4, 23)))
    assert isinstance(refusal, InLock)
    assert refusal.code == "IN_LOCK"
    assert refusal.message == f"This position can be redeemed from {day(START + 5)} on."
    assert refusal.figures == {"from_day": str(day(START + 5))}
    assert redeem(position, on(START + 5, 0)).state == "DONE"


def test_a_term_is_ended_as_a_whole(alice: Customer) -> None:
    position = started(alice, term(**FORFEIT_ALL))
    part = refused(lambda: redeem(position, on(START + 1), "999.99"))
    assert isinstance(part, NotRedeemable)
    assert part.message == "A fixed position is redeemed as a whole."
    more = refused(lambda: redeem(position, on(START + 1), "1000.01"))
    assert isinstance(more, InsufficientFunds)
    assert redeem(position, on(START + 1), "1000").amount == 1000


def test_the_whole_of_a_compounding_term_is_what_its_balance_shows(alice: Customer) -> None:
    position = started(alice, term(compounding="DAILY", **FORFEIT_DAYS))
    close_to(START + 5)
    more = refused(lambda: redeem(position, on(START + 6), "1005.02"))
    assert more.message == "The position holds 1005.01 USD."
    redeem(position, on(START + 6), "1005.01")
    assert wallet(alice) == 1002


def test_a_matured_term_is_settled_and_not_ended_early(alice: Customer) -> None:
    product = fixed(tiers=[(5, 0, "0.365")], **FORFEIT_ALL)
    position = subscribe(alice, product, 1000, on(0), term_days=5)
    refusal = refused(lambda: redeem(position, on(6, 0)))
    assert isinstance(refusal, NotRedeemable)
    assert "has matured" in refusal.message
    close_to(5)
    assert isinstance(refused(lambda: redeem(position, on(6))), NotRedeemable)
    assert wallet(alice) == 1005


def test_what_is_left_after_a_claw_back_is_settled_later(alice: Customer) -> None:
    product = term(payout="DAILY", settlement_delay_days=2, **FORFEIT_ALL)
    position = started(alice, product)
    order = leave(position, 10)
    assert (wallet(alice), redeeming(alice)) == (10, 990)
    assert (order.state, order.amount) == ("PENDING", 990)
    close_to(START + 12)
    assert (wallet(alice), redeeming(alice)) == (1000, 0)
    assert broken() == []


@pytest.mark.parametrize("delay", [0, 3])
def test_no_more_is_clawed_back_than_there_is(alice: Customer, delay: int) -> None:
    product = fixed(
        tiers=[(TERM, 0, "73")], payout="DAILY", settlement_delay_days=delay, **FORFEIT_ALL
    )  # a fifth of itself a day: in six days more is paid than was brought
    position = started(alice, product)
    close_to(START + 6)
    assert wallet(alice) == 1200
    order = leave(position, 6)
    assert order.preview is not None
    assert (order.preview["received"], order.preview["interest_lost"]) == (
        "0.00",
        "1000.00",
    )
    assert (order.state, order.amount) == ("DONE", 0)
    assert now(position).clawed_back == 1000
    close_to(START + 10)
    assert wallet(alice) == 1200
    assert broken() == []


# Ended while some of its days are not closed

Terms = dict[str, Any]
LATE: list[Terms] = [
    {"payout": payout, "compounding": compounding, "final_rounding": rounding, **rule}
    for rule in (FORFEIT_ALL, REDUCED, FORFEIT_DAYS)
    for payout in ("AT_MATURITY", "DAILY", "MONTHLY")
    for compounding, rounding in (("NONE", "FLOOR"), ("DAILY", "HALF_UP"))
]


@pytest.mark.parametrize("terms", LATE)
@pytest.mark.usefixtures("usd")
def test_late_closes_give_what_timely_ones_give(terms: Terms) -> None:
    def story(closed: Callable[[int], int]) -> Any:
        product = fixed(tiers=[(TERM, 0, "0.3333")], **terms)
        who = customer("Alice")
        fund(who, "1234.56", at=on(START))
        position = buy(who, product, "1234.56", on(START), term_days=TERM).position
        close_to(START + closed(9))
        redeem(position, on(START + 10))
        close_to(START + 11)
        assert broken() == []
        end = now(position)
        rows = list(position.accruals.order_by("day").values_list("basis", "accrued"))
        return rows, end.interest_paid - end.clawed_back, wallet(who)

    timely = played(lambda: story(lambda days: days))
    assert len(timely[0]) == 9
    for missed in (1, 4, 10):  # the month ends after the sixth day
        assert played(lambda: story(lambda days: days - missed)) == timely  # noqa: B023
