from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from earn import catalogue, subscriptions
from earn.models import Customer, Product
from earn.refusals import BelowMinimum, NotAStep, NotEligible, NotOpen, TooManyDecimals
from earn.refusals import OverCustomerCap as OverCap
from tests.earn.people import (
    broken,
    buy,
    chart,
    close_to,
    customer,
    day,
    draft,
    fixed,
    flexible,
    fund,
    money,
    on,
    redeem,
    refused,
    subscribe,
)

pytestmark = pytest.mark.django_db


def _paused() -> Product:
    product = flexible()
    catalogue.set_state(product, Product.State.PAUSED)
    return product


def _closed() -> Product:
    product = _paused()
    catalogue.set_state(product, Product.State.CLOSED)
    return product


def _without_rates_yet() -> Product:
    product = draft("later")
    chart(product, day(9), (None, 0, "0.1"))
    catalogue.set_state(product, Product.State.OPEN)
    return product


CLOSED_DOORS: dict[str, tuple[Callable[[], Product], int | None]] = {
    "a draft": (lambda: draft("draft"), None),
    "paused": (_paused, None),
    "closed for good": (_closed, None),
    "before the sale": (lambda: flexible(sale_from=on(1, 10, 1)), None),
    "after the sale": (lambda: flexible(sale_until=on(1)), None),
    "a term that is not offered": (lambda: fixed(tiers=[(30, 0, "0.1")]), 31),
    "a fixed product without a term": (fixed, None),
    "a flexible product with a term": (flexible, 30),
    "rates that begin later": (_without_rates_yet, None),
}


@pytest.mark.parametrize("name", CLOSED_DOORS)
def test_a_product_that_is_not_open_sells_nothing(alice: Customer, name: str) -> None:
    make, term = CLOSED_DOORS[name]
    product = make()
    fund(alice, 100, at=on(0))
    refusal = refused(lambda: buy(alice, product, 100, on(1), term_days=term))
    assert isinstance(refusal, NotOpen)
    assert refusal.code == "NOT_OPEN"
    assert product.code in refusal.message
    with pytest.raises(NotOpen):
        subscriptions.preview(
            product=product, amount=Decimal(100), at=on(1), term_days=term
        )


def test_the_sale_is_open_from_its_first_moment_to_before_its_last(alice: Customer) -> None:
    product = flexible(sale_from=on(1), sale_until=on(2))
    subscribe(alice, product, 1, on(1))
    subscribe(alice, product, 1, on(2) - timedelta(microseconds=1))


ELIGIBILITY = [
    ({}, {"country": "", "kyc_level": 0}, True),
    ({"countries_allowed": ["DE", "FR"]}, {"country": "FR"}, True),
    ({"countries_allowed": ["DE", "FR"]}, {"country": "US"}, False),
    ({"countries_allowed": ["DE", "FR"]}, {"country": ""}, False),
    ({"countries_denied": ["US"]}, {"country": "DE"}, True),
    ({"countries_denied": ["US"]}, {"country": "US"}, False),
    ({"countries_denied": ["US"]}, {"country": ""}, False),
    ({"countries_allowed": ["US"], "countries_denied": ["US"]}, {"country": "US"}, False),
    ({"minimum_kyc_level": 2}, {"kyc_level": 2}, True),
    ({"minimum_kyc_level": 2}, {"kyc_level": 1}, False),
]


@pytest.mark.parametrize(("terms", "known", "may"), ELIGIBILITY)
def test_a_product_is_for_whom_it_is_meant(
    terms: dict[str, Any],
    known: dict[str, Any],
    may: bool,  # noqa: FBT001
) -> None:
    product, someone = flexible(**terms), customer("somebody", **known)
    fund(someone, 100, at=on(0))
    if may:
        assert buy(someone, product, 100, on(1)).position.principal == 100
    else:
        refusal = refused(lambda: buy(someone, product, 100, on(1)))
        assert isinstance(refusal, NotEligible)
        assert refusal.code == "NOT_ELIGIBLE"


def test_a_refusal_for_want_of_verification_says_which_level_is_asked_for() -> None:
    product = flexible(minimum_kyc_level=3)
    refusal = refused(lambda: buy(customer("new"), product, 1, on(1)))
    assert refusal.message == "flexible asks for verification level 3."
    assert refusal.figures == {"minimum_kyc_level": "3", "kyc_level": "2"}


AMOUNTS: list[tuple[dict[str, Any], str, type | None, dict[str, str]]] = [
    ({"minimum": 10}, "10", None, {}),
    ({"minimum": 10}, "9.99", BelowMinimum, {"minimum": "10.00"}),
    ({}, "0", BelowMinimum, {"minimum": "0.01"}),
    ({}, "-5", BelowMinimum, {"minimum": "0.01"}),
    ({"step": "0.50"}, "10.50", None, {}),
    ({"step": "0.50"}, "10.51", NotAStep, {"step": "0.50", "nearest": "10.50"}),
    ({"step": "0.50"}, "0.49", NotAStep, {"step": "0.50", "nearest": "0.50"}),
    (
        {"minimum": "0.60", "step": "0.50"},
        "0.70",
        NotAStep,
        {"step": "0.50", "nearest": "1.00"},
    ),
    ({}, "10.001", TooManyDecimals, {"scale": "2"}),
    ({"minimum": 100}, "10.001", TooManyDecimals, {"scale": "2"}),
    ({}, "NaN", TooManyDecimals, {"scale": "2"}),
    ({}, "Infinity", TooManyDecimals, {"scale": "2"}),
]


@pytest.mark.parametrize(("terms", "amount", "kind", "figures"), AMOUNTS)
def test_an_amount_fits_the_minimum_the_step_and_the_asset(
    alice: Customer,
    terms: dict[str, Any],
    amount: str,
    kind: type | None,
    figures: dict[str, str],
) -> None:
    product = flexible(**terms)
    fund(alice, 1000, at=on(0))
    if kind is None:
        assert buy(alice, product, amount, on(1)).amount == Decimal(amount)
        return
    refusal = refused(lambda: buy(alice, product, amount, on(1)))
    assert type(refusal) is kind
    assert refusal.figures == figures
    assert all(figure in refusal.message for figure in figures.values())
    with pytest.raises(kind):
        subscriptions.preview(product=product, amount=Decimal(amount), at=on(1))


@pytest.mark.parametrize("scale", [0, 8, 18])
def test_the_smallest_amount_is_a_unit_of_the_asset(alice: Customer, scale: int) -> None:
    asset = money(f"S{scale}", scale)
    product = flexible(asset=asset)
    unit = Decimal(1).scaleb(-scale)
    assert subscribe(alice, product, unit, on(0)).principal == unit
    refusal = refused(lambda: buy(alice, product, unit / 2, on(0)))
    assert refusal.message == f"S{scale} has {scale} decimals; the amount has more."


def test_a_customer_holds_up_to_the_cap_and_no_unit_more(
    alice: Customer, bob: Customer
) -> None:
    product = flexible(customer_cap=100)
    subscribe(alice, product, "99.99", on(0))
    fund(alice, 100, at=on(0))
    refusal = refused(lambda: buy(alice, product, "0.02", on(0)))
    assert isinstance(refusal, OverCap)
    assert refusal.figures == {"left": "0.01"}
    assert refusal.message == "You may add 0.01 USD at most."
    buy(alice, product, "0.01", on(0))
    subscribe(bob, product, 100, on(0))  # each has a cap of their own
    assert broken() == []


def test_all_terms_of_a_fixed_product_count_together_for_the_cap(alice: Customer) -> None:
    product = fixed(customer_cap=100)
    subscribe(alice, product, 60, on(0), term_days=10)
    fund(alice, 100, at=on(0))
    over = refused(lambda: buy(alice, product, 41, on(0), term_days=30))
    assert over.figures == {"left": "40.00"}
    buy(alice, product, 40, on(0), term_days=30)


def test_what_was_redeemed_or_has_matured_makes_room_under_the_cap(alice: Customer) -> None:
    easy, term = flexible(customer_cap=100), fixed(customer_cap=100)
    position = subscribe(alice, easy, 100, on(0))
    subscribe(alice, term, 100, on(0), term_days=10)
    redeem(position, on(1), 40)
    assert refused(lambda: buy(alice, easy, 41, on(1))).figures == {"left": "40.00"}
    buy(alice, easy, 40, on(1))
    close_to(10)
    subscribe(alice, term, 100, on(11), term_days=10)


def test_a_cap_below_what_is_held_leaves_nothing_not_less(alice: Customer) -> None:
    product = flexible()
    subscribe(alice, product, 100, on(0))
    product.customer_cap = Decimal(50)
    product.save()
    fund(alice, 100, at=on(0))
    assert refused(lambda: buy(alice, product, 1, on(1))).figures == {"left": "0.00"}
