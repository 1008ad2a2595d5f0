"""Taking money out of a flexible product, at once or after some days, and late closes."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from earn import catalogue, redemptions
from earn.models import Customer, Order, Position, Product
from earn.refusals import (
    BelowMinimum,
    InsufficientFunds,
    NotOpen,
    NotRedeemable,
    OverCustomerCap,
    SoldOut,
    TermsChanged,
    TooManyDecimals,
)
from ledger.models import Entry
from tests.earn.people import (
    bases,
    broken,
    buy,
    close_to,
    customer,
    day,
    earned,
    fixed,
    flexible,
    fund,
    key,
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
DAILY_DOLLAR = [(None, 0, "0.365")]  # 1000 earn 1.00 a day


def cents(text: str) -> Decimal:
    return Decimal(text)


def test_a_part_is_redeemed_and_the_rest_goes_on_earning(alice: Customer) -> None:
    position = subscribe(alice, flexible(), 1000, on(0))
    order = redeem(position, on(0), "300.50")
    assert (order.state, order.amount) == ("DONE", cents("300.50"))
    assert wallet(alice) == cents("300.50")
    assert now(position).principal == cents("699.50")
    assert now(position).state == "OPEN"
    close_to(1)
    assert bases(position) == {1: cents("699.50")}
    assert broken() == []


@pytest.mark.parametrize("compounding", ["DAILY", "NONE"])
@pytest.mark.parametrize("amount", [None, "whole"])
def test_all_leaves_with_everything_earned_and_ends_the_position(
    alice: Customer, compounding: str, amount: str | None
) -> None:
    product = flexible(compounding=compounding, tiers=DAILY_DOLLAR)
    position = subscribe(alice, product, 1000, on(0))
    close_to(2)
    whole = "1002.00" if compounding == "DAILY" else "1000.00"
    order = redeem(position, on(3), amount and whole)
    assert wallet(alice) == cents("1002.00")
    assert order.amount == cents(whole)
    position = now(position)
    assert (position.state, position.principal) == ("REDEEMED", 0)
    assert (position.last_day, position.closed_at) == (day(2), on(3))
    assert position.interest_paid == cents("2.00")
    assert not position.interest_due
    close_to(4)
    assert list(earned(position)) == [1, 2]
    assert broken() == []


def test_interest_that_compounds_is_taken_first(alice: Customer) -> None:
    product = flexible(compounding="DAILY", tiers=DAILY_DOLLAR)
    position = subscribe(alice, product, 1000, on(0))
    close_to(2)
    shown = redemptions.preview(position=now(position), amount=Decimal("1.50"), at=on(3))
    assert (shown["interest_kept"], shown["principal_left"]) == ("1.50", "1000.00")
    redeem(position, on(3), "1.50", confirmed=shown)
    assert now(position).principal == 1000
    redeem(position, on(3), "10")
    assert now(position).principal == cents("990.50")
    assert wallet(alice) == cents("11.50")
    close_to(4)
    assert bases(position) == {
        1: 1000, 2: 1001, 3: cents("990.50"), 4: cents("991.49"),
    }  # fmt: skip
    assert broken() == []


def test_interest_that_does_not_compound_is_paid_beside(alice: Customer) -> None:
    product = flexible(tiers=DAILY_DOLLAR)
    position = subscribe(alice, product, 1000, on(0))
    close_to(2)
    shown = redemptions.preview(position=now(position), amount=Decimal(100), at=on(3))
    assert (shown["amount"], shown["received"]) == ("100.00", "102.00")
    assert (shown["interest_kept"], shown["principal_left"]) == ("2.00", "900.00")
    redeem(position, on(3), 100, confirmed=shown)
    assert wallet(alice) == 102
    close_to(4)
    assert earned(position) == {1: 1, 2: 1, 3: cents("0.90"), 4: cents("0.90")}
    assert broken() == []


@pytest.mark.parametrize(
    ("amount", "kind"),
    [
        ("0", BelowMinimum),
        ("-1", BelowMinimum),
        ("1000.01", InsufficientFunds),
        ("1.005", TooManyDecimals),
        ("NaN", TooManyDecimals),
    ],
)
def test_an_amount_that_cannot_be_redeemed_is_refused(
    alice: Customer, amount: str, kind: type
) -> None:
    position = subscribe(alice, flexible(), 1000, on(0))
    refusal = refused(lambda: redeem(position, on(1), amount))
    assert type(refusal) is kind
    if kind is InsufficientFunds:
        assert refusal.message == "The position holds 1000.00 USD."
        assert refusal.figures == {"balance": "1000.00"}


def test_a_closed_position_is_not_redeemed_again(alice: Customer) -> None:
    position = subscribe(alice, flexible(), 1000, on(0))
    redeem(position, on(1))
    refusal = refused(lambda: redeem(position, on(1)))
    assert isinstance(refusal, NotRedeemable)
    assert refusal.code == "NOT_REDEEMABLE"
    assert refusal.message == "This position is closed."


@pytest.mark.parametrize("state", [Product.State.PAUSED, Product.State.CLOSED])
def test_customers_may_leave_a_product_that_takes_nobody_in(
    alice: Customer, state: str
) -> None:
    product = flexible(sale_until=on(1))
    position = subscribe(alice, product, 1000, on(0))
    catalogue.set_state(product, Product.State.PAUSED)
    catalogue.set_state(product, state)
    redeem(position, on(2), 400)
    redeem(position, on(3))
    assert wallet(alice) == 1000


# Settled some days later


@pytest.fixture
def slow(db: None) -> Product:  # noqa: ARG001
    return flexible("slow", settlement_delay_days=3, tiers=DAILY_DOLLAR, quota=5000)


def test_a_delayed_redemption_waits_on_a_balance_of_its_own(
    alice: Customer, slow: Product
) -> None:
    position = subscribe(alice, slow, 1000, on(0))
    shown = redemptions.preview(position=now(position), amount=Decimal(400), at=on(1))
    assert shown["due_on"] == "2026-01-09"
    order = redeem(position, on(1), 400, confirmed=shown)
    assert (order.state, order.due_on) == ("PENDING", day(4))
    assert (wallet(alice), redeeming(alice), now(position).principal) == (0, 400, 600)
    assert used(slow) == 600
    close_to(2)
    assert (wallet(alice), redeeming(alice)) == (0, 400)
    close_to(3)
    assert (wallet(alice), redeeming(alice)) == (400, 0)
    order.refresh_from_db()
    assert order.state == "DONE"
    paid = Entry.objects.get(key=f"redemption:{order.pk}")
    assert paid.happened_at == on(4, 0)
    assert earned(position) == {1: cents("0.60"), 2: cents("0.60"), 3: cents("0.60")}
    assert broken() == []


def test_interest_beside_a_delayed_redemption_is_paid_at_once(
    alice: Customer, slow: Product
) -> None:
    position = subscribe(alice, slow, 1000, on(0))
    close_to(2)
    redeem(position, on(3))
    assert (wallet(alice), redeeming(alice)) == (2, 1000)
    close_to(5)
    assert (wallet(alice), redeeming(alice)) == (1002, 0)
    assert broken() == []


def test_delayed_redemptions_are_paid_late_but_once_when_closes_are_late(
    alice: Customer, slow: Product
) -> None:
    position = subscribe(alice, slow, 1000, on(0))
    for number in (1, 2, 3):
        redeem(position, on(number), 100)
    assert redeeming(alice) == 300
    close_to(9)
    assert (wallet(alice), redeeming(alice)) == (300, 0)
    assert Entry.objects.filter(key__startswith="redemption:").count() == 3
    assert broken() == []


def cancel(order: Order, number: int, hour: int = 10, **others: Any) -> Order:
    choices = {"customer": order.customer, "key": key()} | others
    return redemptions.cancel(order_id=order.pk, at=on(number, hour), **choices)


def test_a_cancelled_redemption_earns_again_from_the_next_day(
    alice: Customer, slow: Product
) -> None:
    position = subscribe(alice, slow, 1000, on(0))
    order = redeem(position, on(1), 400)
    cancelled = cancel(order, 3, 23)
    assert (cancelled.kind, cancelled.state, cancelled.amount) == ("CANCEL", "DONE", 400)
    order.refresh_from_db()
    assert order.state == "CANCELLED"
    assert (redeeming(alice), now(position).principal, used(slow)) == (0, 1000, 1000)
    close_to(5)
    assert bases(position) == {1: 600, 2: 600, 3: 600, 4: 1000, 5: 1000}
    assert wallet(alice) == 0
    assert broken() == []


def test_a_cancellation_is_shown_and_carried_out_as_shown(
    alice: Customer, slow: Product
) -> None:
    order = redeem(subscribe(alice, slow, 1000, on(0)), on(1), 400)
    shown = redemptions.preview_cancel(redemption=order, at=on(2))
    assert shown == {
        "redemption": order.pk,
        "product": slow.code,
        "asset": "USD",
        "amount": "400.00",
        "was_due_on": str(day(4)),
        "first_day": str(day(3)),
    }
    later = refused(lambda: cancel(order, 3, confirmed=shown))  # earns a day later
    assert isinstance(later, TermsChanged)
    assert cancel(order, 2, confirmed=shown).preview == shown


def test_a_redemption_is_cancelled_until_the_moment_it_is_due(
    alice: Customer, slow: Product
) -> None:
    position = subscribe(alice, slow, 1000, on(0))
    order = redeem(position, on(1), 400)
    too_late = refused(lambda: cancel(order, 4, 0))  # though no close has paid it yet
    assert isinstance(too_late, NotRedeemable)
    assert too_late.message == "This redemption is not pending any more."
    close_to(3)
    assert isinstance(refused(lambda: cancel(order, 4, 1)), NotRedeemable)
    assert wallet(alice) == 400


def test_cancelling_twice_puts_the_money_back_once(alice: Customer, slow: Product) -> None:
    position = subscribe(alice, slow, 1000, on(0))
    order = redeem(position, on(1), 400)
    cancel(order, 1)
    assert isinstance(refused(lambda: cancel(order, 1)), NotRedeemable)
    assert now(position).principal == 1000


def test_a_cancelled_full_exit_opens_a_new_position(alice: Customer, slow: Product) -> None:
    position = subscribe(alice, slow, 1000, on(0))
    order = redeem(position, on(1))
    cancelled = cancel(order, 2)
    assert cancelled.position_id != position.pk
    again = now(cancelled.position)
    assert (again.principal, again.first_day) == (1000, day(3))
    assert now(position).state == "REDEEMED"
    close_to(4)
    assert (list(earned(position)), list(earned(again))) == ([], [3, 4])
    assert broken() == []


def test_what_is_cancelled_joins_the_position_opened_since(
    alice: Customer, slow: Product
) -> None:
    order = redeem(subscribe(alice, slow, 1000, on(0)), on(1))
    since = subscribe(alice, slow, 50, on(2))
    assert cancel(order, 2).position_id == since.pk
    assert now(since).principal == 1050


def test_a_cancellation_finds_its_room_taken(
    alice: Customer, bob: Customer, slow: Product
) -> None:
    order = redeem(subscribe(alice, slow, 1000, on(0)), on(1))
    subscribe(bob, slow, 4500, on(1))
    refusal = refused(lambda: cancel(order, 2))
    assert isinstance(refusal, SoldOut)
    assert refusal.figures == {"left": "500.00"}
    order.refresh_from_db()
    assert order.state == "PENDING"
    close_to(3)
    assert wallet(alice) == 1000


def test_a_cancellation_does_not_lift_the_customer_over_the_cap(alice: Customer) -> None:
    product = flexible(settlement_delay_days=3, customer_cap=1000)
    order = redeem(subscribe(alice, product, 1000, on(0)), on(1), 400)
    subscribe(alice, product, 300, on(1))
    refusal = refused(lambda: cancel(order, 1))
    assert isinstance(refusal, OverCustomerCap)
    assert refusal.figures == {"left": "100.00"}


def test_a_closed_product_takes_nothing_back(alice: Customer, slow: Product) -> None:
    order = redeem(subscribe(alice, slow, 1000, on(0)), on(1))
    catalogue.set_state(slow, Product.State.PAUSED)
    catalogue.set_state(slow, Product.State.CLOSED)
    assert isinstance(refused(lambda: cancel(order, 2)), NotOpen)


def test_a_term_that_was_ended_early_is_not_taken_back(alice: Customer) -> None:
    product = fixed(early_rule="FORFEIT_ALL", settlement_delay_days=3)
    position = subscribe(alice, product, 1000, on(0), term_days=10)
    order = redeem(position, on(1))
    assert order.state == "PENDING"
    refusal = refused(lambda: cancel(order, 2))
    assert isinstance(refusal, NotRedeemable)
    close_to(3)
    assert wallet(alice) == 1000
    assert broken() == []


def test_charlie_cancels_nothing_of_alices(
    alice: Customer, charlie: Customer, slow: Product
) -> None:
    order = redeem(subscribe(alice, slow, 1000, on(0)), on(1))
    assert isinstance(refused(lambda: cancel(order, 2, customer=charlie)), NotRedeemable)


# Closes that come late: what was earned does not depend on when it is counted

Step = tuple[int, str, Any]
START = 22  # five days before the end of the month
END = START + 11
STORIES: dict[str, list[Step]] = {
    "all of it": [(0, "in", 1000), (8, "all", None)],
    "leaving and coming back": [(0, "in", 1000), (2, "all", None), (2, "in", 700),
                                (8, "all", None)],
    "a part that stays": [(0, "in", 1000), (3, "out", 300)],
    "less than the interest": [(0, "in", 5000), (4, "out", 1), (9, "all", None)],
    "parts on days in a row": [(0, "in", 1000), (3, "out", 100), (4, "out", "50.50"),
                               (5, "in", 20), (6, "out", 30), (10, "all", None)],
}  # fmt: skip
TERMS: dict[str, dict[str, Any]] = {
    "simple": {},
    "simple, paid daily": {"payout": "DAILY"},
    "simple, paid monthly, half up": {"payout": "MONTHLY", "final_rounding": "HALF_UP"},
    "compounding, half up": {"compounding": "DAILY", "final_rounding": "HALF_UP"},
    "compounding, paid daily": {"payout": "DAILY", "compounding": "DAILY"},
    "compounding, paid monthly": {"payout": "MONTHLY", "compounding": "DAILY"},
}
CASES = [
    (story, terms)
    for story in STORIES
    for terms in TERMS
    # What is redeemed is taken from interest first. Interest that is not counted yet stays
    # in the position when it is counted, and a month's end then pays it to the wallet: the
    # customer owns as much as by a timely close, but less of it earns.
    if terms != "compounding, paid monthly"
    or not any(x[1] == "out" for x in STORIES[story])
]


def live(product: Product, story: list[Step], behind: Callable[[int], int]) -> Any:
    """Plays a story; before the orders of a day the closes to `behind(day)` are made."""
    who = customer("Alice")
    fund(who, 10_000, at=on(START))
    for number, what, amount in story:
        if (through := behind(number)) >= 0:
            close_to(START + through)
        if what == "in":
            buy(who, product, amount, on(START + number))
        else:
            redeem(Position.objects.get(state="OPEN"), on(START + number), amount)
    close_to(END)
    assert broken() == []
    positions = Position.objects.order_by("pk")
    rows = [list(bases(position).values()) for position in positions]
    owned = sum((position.principal for position in positions), wallet(who))
    return rows, [position.interest_paid for position in positions], owned


@pytest.mark.parametrize(("story", "terms"), CASES)
@pytest.mark.usefixtures("usd")
def test_a_late_close_pays_what_a_timely_one_would_have_paid(
    story: str, terms: str
) -> None:
    def told(behind: Callable[[int], int]) -> Any:
        product = flexible(tiers=[(None, 0, "0.2"), (None, 1000, "0.3")], **TERMS[terms])
        return live(product, STORIES[story], behind)

    timely = played(lambda: told(lambda number: number - 1))
    never = played(lambda: told(lambda number: -1))  # noqa: ARG005
    days_late = played(lambda: told(lambda number: number - 6))
    assert timely[0] == never[0] == days_late[0]
    if story != "a part that stays":  # of which the split may differ, not what it earns
        assert timely == never == days_late


def test_the_close_of_the_last_day_pays_who_left_before_it(alice: Customer) -> None:
    product = flexible(tiers=DAILY_DOLLAR)
    position = subscribe(alice, product, 1000, on(0))
    close_to(1)
    order = redeem(position, on(4))
    assert (wallet(alice), order.preview["earned_through"]) == (1001, "2026-01-06")
    assert now(position).interest_due
    close_to(2)
    assert wallet(alice) == 1001
    close_to(3)
    assert wallet(alice) == 1003
    assert not now(position).interest_due
    assert now(position).interest_paid == 3
    close_to(5)
    assert wallet(alice) == 1003
    assert broken() == []
