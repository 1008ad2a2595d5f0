from decimal import Decimal
from typing import Any

import pytest

from earn.models import Customer, Position
from earn.refusals import InsufficientFunds
from earn.subscriptions import preview
from tests.earn.people import (
    ANNOUNCED,
    bases,
    broken,
    buy,
    chart,
    close_to,
    day,
    earned,
    fixed,
    flexible,
    fund,
    money,
    now,
    on,
    redeem,
    refused,
    subscribe,
    wallet,
)

pytestmark = pytest.mark.django_db


def test_money_moves_from_the_wallet_into_the_position(
    alice: Customer, bob: Customer
) -> None:
    product = flexible()
    fund(alice, 150, at=on(0))
    fund(bob, 150, at=on(0))
    order = buy(alice, product, 100, on(0))
    assert (wallet(alice), wallet(bob)) == (50, 150)
    position = now(order.position)
    assert (position.principal, position.state) == (100, "OPEN")
    assert (position.customer, position.product) == (alice, product)
    assert (position.first_day, position.last_day, position.matures_on) == (
        day(1),
        None,
        None,
    )
    assert (order.kind, order.state, order.amount) == ("SUBSCRIBE", "DONE", 100)
    assert order.entry.note == {"order": order.pk, "position": position.pk}
    assert broken() == []


def test_more_than_the_wallet_holds_is_not_subscribed(alice: Customer) -> None:
    product = flexible()
    fund(alice, 100, at=on(0))
    fund(alice, 100, at=on(0), asset=money("EUR"))
    refusal = refused(lambda: buy(alice, product, "100.01", on(0)))
    assert isinstance(refusal, InsufficientFunds)
    assert refusal.code == "INSUFFICIENT_FUNDS"
    assert refusal.message == "The wallet holds less USD than that."


def test_subscribing_again_adds_to_the_open_flexible_position(alice: Customer) -> None:
    product, other = flexible(), flexible("other")
    first = subscribe(alice, product, 100, on(0))
    again = subscribe(alice, product, 50, on(3))
    beside = subscribe(alice, other, 7, on(3))
    assert again.pk == first.pk != beside.pk
    assert now(first).principal == 150
    assert now(first).first_day == day(1)
    redeem(first, on(4))
    anew = subscribe(alice, product, 30, on(4))
    assert anew.pk != first.pk
    assert now(anew).first_day == day(5)


def test_each_fixed_subscription_is_a_position_of_its_own(alice: Customer) -> None:
    product = fixed(tiers=[(10, 0, "0.1"), (30, 0, "0.2")])
    one = subscribe(alice, product, 100, on(0), term_days=10)
    two = subscribe(alice, product, 100, on(0), term_days=10)
    three = subscribe(alice, product, 100, on(0), term_days=30, at_maturity="RENEW_ALL")
    assert len({one.pk, two.pk, three.pk}) == 3
    assert [x.term_days for x in (one, two, three)] == [10, 10, 30]
    assert (now(one).at_maturity, now(three).at_maturity) == ("PAY_OUT", "RENEW_ALL")


def test_the_dates_of_a_term_are_those_of_the_design(alice: Customer) -> None:
    position = subscribe(alice, fixed(), 100, on(0, 23, 59), term_days=10)
    assert (position.first_day, position.last_day) == (day(1), day(10))
    assert position.matures_on == day(11)
    close_to(11)
    assert list(earned(position)) == list(range(1, 11))


def test_the_preview_of_a_flexible_product_names_rate_and_first_day() -> None:
    product = flexible(
        tiers=[(None, 0, "0.12"), (None, 500, "0.02")],
        compounding="DAILY",
        settlement_delay_days=3,
        risk_version=4,
    )
    shown = preview(product=product, amount=Decimal(1000), at=on(0))
    assert shown == {
        "product": "flexible",
        "asset": "USD",
        "amount": "1000.00",
        "chart_version": 1,
        "annual_rate": "0.0700000000",
        "first_day": "2026-01-06",
        "payout": "ON_REDEMPTION",
        "day_count": "ACT/365F",
        "compounding": "DAILY",
        "early_redemption": {},
        "settlement_delay_days": 3,
        "risk_version": 4,
    }


def test_the_preview_of_a_flexible_product_names_the_next_rate_that_is_announced() -> None:
    """Of this amount: what the slice above it will earn is none of its business."""
    product = flexible(tiers=[(None, 0, "0.12"), (None, 500, "0.02")])
    chart(product, day(5), (None, 0, "0.12"), (None, 500, "0.01"))
    chart(product, day(9), (None, 0, "0.06"), (None, 500, "0.01"))
    chart(product, day(3), (None, 0, "0.01"), at=None)  # not announced

    def shown(amount: int, number: int) -> tuple[str | None, str | None]:
        found = preview(product=product, amount=Decimal(amount), at=on(number))
        return found.get("next_rate"), found.get("next_rate_on")

    assert shown(500, 0) == ("0.0600000000", str(day(9)))
    assert shown(1000, 0) == ("0.0650000000", str(day(5)))
    assert shown(1000, 4) == ("0.0350000000", str(day(9)))
    assert shown(1000, 8) == (None, None)


def test_the_preview_of_a_term_names_dates_interest_and_yield() -> None:
    product = fixed(
        tiers=[(365, 0, "0.05")], early_rule="REDUCED_RATE", early_rate="0.005",
        minimum_holding_days=7,
    )  # fmt: skip
    shown = preview(
        product=product, amount=Decimal(10000), at=on(0), term_days=365,
        at_maturity="RENEW_ALL", minimum_renewal_rate=Decimal("0.0400"),
    )  # fmt: skip
    assert shown["first_day"] == "2026-01-06"
    assert shown["last_day"] == "2027-01-05"
    assert shown["matures_on"] == "2027-01-06"
    assert (shown["interest"], shown["apy"]) == ("500.00", "0.05")
    assert (shown["at_maturity"], shown["minimum_renewal_rate"]) == ("RENEW_ALL", "0.04")
    assert shown["early_redemption"] == {
        "rule": "REDUCED_RATE",
        "rate": "0.005",
        "days": None,
        "minimum_holding_days": 7,
    }


KINDS_OF_TERM: list[dict[str, Any]] = [
    {},
    {"compounding": "DAILY"},
    {"compounding": "DAILY", "payout": "MONTHLY"},
    {"payout": "DAILY"},
    {"payout": "MONTHLY", "final_rounding": "HALF_UP"},
    {"day_count": "30/360"},
    {"day_count": "30E/360", "tier_mode": "WHOLE"},
    {"day_count": "ACT/ACT", "compounding": "DAILY", "final_rounding": "HALF_UP"},
    {"day_count": "ACT/360", "final_rounding": "HALF_UP"},
]


@pytest.mark.parametrize("terms", KINDS_OF_TERM)
@pytest.mark.parametrize(("amount", "scale"), [("1234.56", 2), ("7777", 0), ("0.1", 18)])
def test_the_interest_that_is_shown_is_paid_to_the_unit(
    alice: Customer, terms: dict[str, Any], amount: str, scale: int
) -> None:
    asset = money(f"S{scale}", scale)
    tiers = [(9, 0, "0.0777777777"), (9, 1000, "0.0333333333")]
    product = fixed(tiers=tiers, asset=asset, **terms)
    start = on(23)  # earns from 29 January, over the end of the month
    shown = preview(product=product, amount=Decimal(amount), at=start, term_days=9)
    fund(alice, amount, at=start, asset=asset)
    position = buy(alice, product, amount, start, term_days=9, confirmed=shown).position
    close_to(23 + 9)
    position = now(position)
    assert position.state == "MATURED"
    assert position.interest_paid == Decimal(shown["interest"])
    assert wallet(alice, asset) == Decimal(amount) + Decimal(shown["interest"])
    assert str(position.matures_on) == shown["matures_on"]
    assert broken() == []


def test_a_term_keeps_its_chart_for_life_and_new_money_takes_the_new_one(
    alice: Customer,
) -> None:
    product = fixed(tiers=[(4, 0, "0.0365")])
    old = subscribe(alice, product, 1000, on(0), term_days=4)
    chart(product, day(2), (4, 0, "0.3650"), at=ANNOUNCED)
    new = subscribe(alice, product, 1000, on(1), term_days=4)
    close_to(5)
    assert sum(earned(old).values()) == Decimal("0.40")
    assert sum(earned(new).values()) == Decimal("4.00")
    assert (now(old).chart.version, now(new).chart.version) == (1, 2)


@pytest.mark.parametrize("compounding", ["DAILY", "NONE"])
def test_money_that_comes_and_goes_on_one_day_earns_nothing(
    alice: Customer, compounding: str
) -> None:
    product = flexible(compounding=compounding, tiers=[(None, 0, "0.365")])
    position = subscribe(alice, product, 1000, on(0, 9))
    redeem(position, on(0, 10))
    close_to(1)
    assert earned(position) == {}
    held = subscribe(alice, product, 1000, on(2))
    subscribe(alice, product, 500, on(4, 9))
    redeem(held, on(4, 10), 500)
    close_to(5)
    basis = bases(held)
    assert basis[4] - basis[3] == (1 if compounding == "DAILY" else 0)
    assert basis[3] == 1000
    assert broken() == []


def test_what_leaves_in_a_day_lowers_that_day_though_it_comes_back(alice: Customer) -> None:
    product = flexible()
    position = subscribe(alice, product, 1000, on(0))
    redeem(position, on(2, 9), 300)
    buy(alice, product, 300, on(2, 11))
    close_to(3)
    assert bases(position) == {1: 1000, 2: 700, 3: 1000}


def test_orders_at_both_ends_of_a_day_belong_to_it(alice: Customer) -> None:
    product = flexible()
    position = subscribe(alice, product, 100, on(0, 0))
    subscribe(alice, product, 100, on(0, 23, 59))
    subscribe(alice, product, 100, on(1, 0))
    close_to(2)
    assert bases(position) == {1: 200, 2: 300}
    assert Position.objects.count() == 1
