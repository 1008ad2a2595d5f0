"""Interest that goes to the wallet each day or month, and what is settled at the end."""

from decimal import Decimal
from unittest.mock import patch

import pytest

from earn import close
from earn.models import Customer, Position
from ledger.models import Entry
from tests.earn.people import (
    MONDAY,
    bases,
    broken,
    close_to,
    day,
    earned,
    fixed,
    flexible,
    now,
    on,
    redeem,
    subscribe,
    wallet,
)

pytestmark = pytest.mark.django_db
DOLLAR_A_DAY = [(None, 0, "0.365")]


def paid(position: Position) -> dict[int, Decimal]:
    """What closes paid to the wallet, by number of the day that was closed."""
    entries = Entry.objects.filter(key__startswith=f"interest:{position.pk}:")
    return {
        (entry.day - MONDAY).days - 1: entry.postings.get().amount
        for entry in entries.order_by("day")
    }


@pytest.mark.parametrize("compounding", ["NONE", "DAILY"])
def test_interest_is_paid_every_day(alice: Customer, compounding: str) -> None:
    product = flexible(payout="DAILY", tiers=DOLLAR_A_DAY, compounding=compounding)
    position = subscribe(alice, product, 1000, on(0))
    for number in (1, 2, 3):
        close_to(number)
        assert wallet(alice) == number
    assert paid(position) == {1: 1, 2: 1, 3: 1}
    assert Entry.objects.filter(kind="PAY").first().happened_at == on(2, 0)
    assert bases(position) == {1: 1000, 2: 1000, 3: 1000}
    assert now(position).interest_paid == 3
    assert broken() == []


def test_interest_is_paid_on_the_morning_after_a_month_has_ended(alice: Customer) -> None:
    product = flexible(payout="MONTHLY", tiers=DOLLAR_A_DAY)
    position = subscribe(alice, product, 1000, on(0))  # 5 January
    close_to(25)
    assert wallet(alice) == 0
    close_to(55)
    assert paid(position) == {26: 26, 54: 28}  # 31 January, 28 February
    assert wallet(alice) == 54
    assert Entry.objects.get(key=f"interest:{position.pk}:{day(26)}").day == day(27)
    assert broken() == []


def test_monthly_interest_compounds_within_the_month(alice: Customer) -> None:
    product = flexible(payout="MONTHLY", compounding="DAILY", tiers=DOLLAR_A_DAY)
    position = subscribe(alice, product, 1000, on(23))
    close_to(28)
    assert bases(position) == {
        24: 1000,
        25: 1001,
        26: Decimal("1002.00"),
        27: 1000,
        28: 1001,
    }
    assert paid(position) == {26: Decimal("3.00")}
    assert broken() == []


def test_a_day_that_earns_less_than_a_unit_pays_nothing_and_loses_nothing(
    alice: Customer,
) -> None:
    product = flexible(payout="DAILY", tiers=[(None, 0, "0.0365")])
    position = subscribe(alice, product, 40, on(0))  # 0.004 a day
    close_to(6)
    assert paid(position) == {3: Decimal("0.01"), 5: Decimal("0.01")}
    assert wallet(alice) == Decimal("0.02")
    assert broken() == []


def test_a_position_that_earns_nothing_is_paid_nothing(alice: Customer) -> None:
    product = flexible(payout="DAILY", tiers=[(None, 0, "0")])
    position = subscribe(alice, product, 1000, on(0))
    close_to(3)
    assert earned(position) == {1: 0, 2: 0, 3: 0}
    assert not Entry.objects.filter(kind__in=["PAY", "ACCRUE"]).exists()
    redeem(position, on(4))
    assert wallet(alice) == 1000
    assert broken() == []


@pytest.mark.parametrize(("rounding", "end"), [("FLOOR", "0.07"), ("HALF_UP", "0.08")])
def test_only_the_last_payment_is_rounded(alice: Customer, rounding: str, end: str) -> None:
    product = flexible(
        payout="DAILY", tiers=[(None, 0, "0.05475")], final_rounding=rounding
    )
    position = subscribe(alice, product, 100, on(0))  # 0.015 a day
    close_to(5)
    cents = [int(amount * 100) for amount in paid(position).values()]
    assert cents == [1, 2, 1, 2, 1]
    redeem(position, on(6), 10)
    assert wallet(alice) == Decimal("10.07")
    redeem(position, on(6))
    assert wallet(alice) == 100 + Decimal(end)
    assert now(position).true_up == Decimal(end) - Decimal("0.07")
    assert broken() == []


def test_a_term_that_pays_daily_gives_back_its_bare_principal(alice: Customer) -> None:
    product = fixed(tiers=[(4, 0, "0.365")], payout="DAILY")
    position = subscribe(alice, product, 1000, on(0), term_days=4, at_maturity="RENEW_ALL")
    close_to(4)
    assert paid(position) == {1: 1, 2: 1, 3: 1, 4: 1}
    assert wallet(alice) == 4
    assert Position.objects.get(renews=position).principal == 1000
    assert now(position).interest_paid == 4
    assert broken() == []


def test_a_term_that_pays_monthly_gives_the_rest_at_its_end(alice: Customer) -> None:
    product = fixed(tiers=[(10, 0, "0.365")], payout="MONTHLY")
    position = subscribe(alice, product, 1000, on(20), term_days=10)
    close_to(26)
    assert wallet(alice) == 6
    close_to(30)
    assert wallet(alice) == 1010
    assert paid(position) == {26: 6}
    assert broken() == []


def test_what_a_redemption_has_settled_is_not_paid_again(alice: Customer) -> None:
    product = flexible(payout="MONTHLY", tiers=DOLLAR_A_DAY)
    position = subscribe(alice, product, 1000, on(20))
    close_to(23)
    redeem(position, on(24), 500)
    assert wallet(alice) == 503
    close_to(26)
    assert paid(position) == {26: Decimal("1.50")}
    assert broken() == []


def test_many_are_paid_in_batches_each_of_them_once(alice: Customer, bob: Customer) -> None:
    products = [flexible(f"p{n}", DOLLAR_A_DAY, payout="DAILY") for n in range(5)]
    slow = flexible("slow", DOLLAR_A_DAY, settlement_delay_days=2)
    for product in products:
        subscribe(alice, product, 1000, on(0))
        subscribe(bob, product, 1000, on(0))
    leaver = subscribe(alice, slow, 500, on(0))
    for amount in (100, 100, None):
        redeem(leaver, on(1), amount)
    with patch.object(close, "BATCH", 2):
        close_to(2)
    assert (wallet(alice), wallet(bob)) == (500 + 10, 10)
    assert broken() == []
