"""Everything that ever happened, with its type: what the books say, and orders in vain."""

from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from earn import activity, redemptions, renewals
from earn.activity import BadCursor, Cursor, Event, Type, happened
from earn.models import Customer, Position
from ledger import posting
from tests.earn.people import (
    buy,
    close_to,
    fixed,
    flexible,
    fund,
    key,
    money,
    now,
    on,
    redeem,
    refused,
    subscribe,
)

pytestmark = pytest.mark.django_db


def types(who: Customer, **filters: Any) -> list[str]:
    """Oldest first."""
    return [str(event.type) for event in reversed(happened(customer=who, **filters))]


def test_the_codes_of_version_1_stay_what_they_are() -> None:
    """Programs of others rely on them: a change needs another version and a changelog."""
    assert activity.VERSION == 1
    assert {str(type) for type in Type} == {
        "DEPOSIT",
        "WITHDRAWAL",
        "SUBSCRIPTION",
        "REDEMPTION",
        "REDEMPTION_REQUESTED",
        "REDEMPTION_PAID",
        "REDEMPTION_CANCELLED",
        "EARLY_REDEMPTION",
        "INTEREST_PAID",
        "INTEREST_CAPITALISED",
        "CLAWBACK",
        "MATURITY_PAID",
        "RENEWAL",
        "MOVED_TO_FLEXIBLE",
        "CORRECTION",
        "ADJUSTMENT",
        "INSTRUCTION_CHANGED",
        "ORDER_REFUSED",
    }


def test_money_in_and_out_of_a_flexible_product(alice: Customer) -> None:
    position = subscribe(alice, flexible(), 1000, on(0))
    close_to(3)
    redeem(position, on(4), 400)
    redeem(now(position), on(4, 11))
    assert types(alice) == [
        "DEPOSIT",
        "SUBSCRIPTION",
        "INTEREST_PAID",
        "REDEMPTION",
        "REDEMPTION",
    ]


def test_a_delayed_redemption_is_asked_for_then_paid_or_taken_back(alice: Customer) -> None:
    slow = flexible("slow", settlement_delay_days=2)
    position = subscribe(alice, slow, 1000, on(0))
    redeem(position, on(0), 300)
    order = redeem(now(position), on(0, 11), 200)
    redemptions.cancel(customer=alice, order_id=order.pk, key=key(), at=on(1))
    close_to(2)
    found = happened(customer=alice)
    assert types(alice) == [
        "DEPOSIT",
        "SUBSCRIPTION",
        "REDEMPTION_REQUESTED",
        "REDEMPTION_REQUESTED",
        "REDEMPTION_CANCELLED",
        "REDEMPTION_PAID",
    ]
    changes = [(x.wallet, x.in_products, x.redeeming) for x in reversed(found)]
    assert changes == [
        (1000, 0, 0),
        (-1000, 1000, 0),
        (0, -300, 300),
        (0, -200, 200),
        (0, 200, -200),
        (300, 0, -300),
    ]


def test_a_fixed_term_is_renewed_moved_paid_or_left_early(alice: Customer) -> None:
    flexible()
    product = fixed(early_rule="FORFEIT_ALL")
    for instruction in ("RENEW_ALL", "TO_FLEXIBLE", "PAY_OUT"):
        subscribe(alice, product, 1000, on(0), term_days=10, at_maturity=instruction)
    left = subscribe(alice, product, 1000, on(0), term_days=10)
    close_to(2)
    redeem(left, on(3))
    close_to(10)
    found = Counter(types(alice, types=set(Type) - {Type.DEPOSIT, Type.SUBSCRIPTION}))
    assert found == {
        "EARLY_REDEMPTION": 1,
        "RENEWAL": 1,
        "MOVED_TO_FLEXIBLE": 1,
        "INTEREST_CAPITALISED": 2,
        "MATURITY_PAID": 1,
        "INTEREST_PAID": 1,
    }


def test_interest_that_was_paid_too_early_is_clawed_back(alice: Customer) -> None:
    product = fixed(early_rule="FORFEIT_ALL", payout="DAILY", tiers=[(10, 0, "0.365")])
    position = subscribe(alice, product, 1000, on(0), term_days=10)
    close_to(3)
    redeem(position, on(4))
    found = happened(customer=alice, types={Type.CLAWBACK, Type.INTEREST_PAID})
    assert [(str(x.type), x.total) for x in found] == [
        ("CLAWBACK", -3),
        ("INTEREST_PAID", 1),
        ("INTEREST_PAID", 1),
        ("INTEREST_PAID", 1),
    ]


def test_orders_that_moved_nothing_are_there_too(alice: Customer) -> None:
    position = subscribe(alice, fixed(), 1000, on(0), term_days=10)
    renewals.instruct(
        customer=alice,
        position_id=position.pk,
        at_maturity="RENEW_ALL",
        key=key(),
        at=on(1),
    )
    refused(lambda: redeem(position, on(2)))
    refused(lambda: buy(alice, flexible(), 5, on(3)))
    changed, kept, short = reversed(happened(customer=alice)[:3])
    assert (changed.type, changed.position_id) == ("INSTRUCTION_CHANGED", position.pk)
    assert (kept.type, kept.position_id, kept.product) == (
        "ORDER_REFUSED",
        position.pk,
        "fixed",
    )
    assert (short.product, short.amount, short.entry_id) == ("flexible", 5, None)


def test_a_correction_and_what_nobody_foresaw_have_types_of_their_own(
    alice: Customer,
) -> None:
    fund(alice, 100, at=on(0))
    (deposit,) = happened(customer=alice)
    posting.reverse(
        entry_id=deposit.number, key=key(), happened_at=on(1), reason="not theirs"
    )
    reversed_ = happened(customer=alice)[0]
    assert (reversed_.type, reversed_.wallet) == ("CORRECTION", -100)


@pytest.fixture
def stories(alice: Customer, bob: Customer) -> list[Event]:
    """Alice's whole history; Bob has one as well."""
    easy, term = flexible(), fixed()
    for number in range(8):
        fund(alice, 1 + number, at=on(0))  # all at one moment
    fund(alice, 7, at=on(1), asset=money("EUR"))
    subscribe(alice, easy, 1000, on(0))
    subscribe(alice, term, 2000, on(0), term_days=10)
    subscribe(bob, easy, 500, on(0))
    refused(lambda: buy(alice, easy, 10**6, on(2)))
    close_to(12)
    return happened(customer=alice)


def test_pages_neither_lose_nor_repeat_an_event(
    alice: Customer, stories: list[Event], django_assert_num_queries: Any
) -> None:
    for size in (1, 3, 7):
        seen: list[Event] = []
        before = None
        while True:
            with django_assert_num_queries(1):
                page = happened(customer=alice, before=before, limit=size)
            if not page:
                break
            seen += page
            before = Cursor.read(str(page[-1].cursor))
        assert seen == stories


def test_filters_choose_and_pages_keep_them(alice: Customer, stories: list[Event]) -> None:
    term = next(x for x in stories if x.product == "fixed")
    position = Position.objects.select_related("product").get(pk=term.position_id)

    def kept(**filters: Any) -> list[Event]:
        found = happened(customer=alice, **filters)
        again = happened(customer=alice, **filters, before=found[0].cursor)
        assert again == found[1:]
        return found

    assert kept(types={Type.DEPOSIT}) == [x for x in stories if x.type == "DEPOSIT"]
    assert kept(asset=money("EUR")) == [x for x in stories if x.asset == "EUR"]
    assert kept(product=position.product) == [x for x in stories if x.product == "fixed"]
    assert kept(position_id=position.pk) == kept(product=position.product)
    assert kept(first=on(1).date(), last=on(2).date()) == [
        x for x in stories if on(1).date() <= x.at.date() <= on(2).date()
    ]


def test_everything_in_the_wallet_is_the_sum_of_what_happened(
    stories: list[Event],
) -> None:
    dollars = [x for x in stories if x.asset == "USD"]
    assert sum(x.wallet for x in dollars) == sum(range(1, 9)) + Decimal("2005.47")


@pytest.mark.parametrize(
    "text",
    ["", "1.2.3", "1.2.3.4.5", "-1.1.1.1", "a.1.1.1", "1.1.1.９", "9" * 30 + ".1.1.1",
     "999999999999999999.1.1.1", "1.9999999999.1.1"],
)  # fmt: skip
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        Cursor.read(text)


def test_a_day_far_away_finds_nothing(alice: Customer) -> None:
    assert happened(customer=alice, first=date(9999, 12, 31)) == []
