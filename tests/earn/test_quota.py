from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from earn import catalogue
from earn.models import Customer, QuotaShard
from earn.refusals import SoldOut
from ledger.posting import constraint_of
from tests.earn.people import (
    broken,
    buy,
    close_to,
    draft,
    fixed,
    flexible,
    fund,
    money,
    on,
    redeem,
    refused,
    subscribe,
    used,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("quota", "scale", "shards", "expected"),
    [
        ("100", 2, 1, ["100"]),
        ("100", 2, 3, ["33.33", "33.33", "33.34"]),
        ("0.05", 2, 4, ["0.01", "0.01", "0.01", "0.02"]),
        ("0.02", 2, 4, ["0", "0", "0", "0.02"]),
        ("7", 0, 2, ["3", "4"]),
        ("1", 18, 3, ["0.333333333333333333"] * 2 + ["0.333333333333333334"]),
    ],
)
def test_shards_hold_whole_units_and_together_the_quota(
    quota: str, scale: int, shards: int, expected: list[str]
) -> None:
    product = draft("p", asset=money(f"A{scale}", scale), quota=quota)
    catalogue.create_quota(product, shards=shards)
    laid_out = product.quota_shards.order_by("number").values_list("capacity", flat=True)
    assert list(laid_out) == [Decimal(x) for x in expected]


def test_a_product_without_a_quota_is_never_sold_out(alice: Customer) -> None:
    product = flexible()
    catalogue.create_quota(product, shards=4)
    assert QuotaShard.objects.count() == 0
    assert catalogue.quota_left(product) is None
    assert subscribe(alice, product, 10**12, on(0)).principal == 10**12


@pytest.mark.parametrize("shards", [1, 4])
def test_an_order_takes_the_rest_of_the_quota_to_the_last_unit(
    alice: Customer, bob: Customer, shards: int
) -> None:
    product = flexible(quota=100, shards=shards)
    subscribe(alice, product, "60.50", on(0))
    fund(bob, 100, at=on(0))
    too_much = refused(lambda: buy(bob, product, "39.51", on(0)))
    assert isinstance(too_much, SoldOut)
    assert too_much.figures == {"left": "39.50"}
    assert too_much.message == "39.50 USD are left of flexible."
    buy(bob, product, "39.50", on(0))
    assert used(product) == 100
    assert refused(lambda: buy(bob, product, "0.01", on(0))).figures == {"left": "0.00"}
    assert broken() == []


@pytest.mark.parametrize("shards", [1, 4])
def test_money_that_leaves_makes_room_again(alice: Customer, shards: int) -> None:
    product = flexible(quota=100, shards=shards)
    position = subscribe(alice, product, 100, on(0))
    redeem(position, on(1), "30")
    assert used(product) == 70
    buy(alice, product, "30", on(1))
    redeem(position, on(2))
    assert used(product) == 0
    assert broken() == []


def test_interest_that_compounds_takes_no_quota(alice: Customer) -> None:
    product = flexible(quota=1000, compounding="DAILY", tiers=[(None, 0, "0.365")])
    position = subscribe(alice, product, 1000, on(0))
    close_to(2)
    redeem(position, on(3), "2.50")  # 2.00 of it is interest
    assert used(product) == Decimal("999.50")
    assert broken() == []


def test_a_term_that_ends_early_gives_all_its_principal_back(alice: Customer) -> None:
    product = fixed(
        quota=1000, early_rule="FORFEIT_ALL", payout="DAILY", tiers=[(10, 0, "0.365")]
    )
    position = subscribe(alice, product, 1000, on(0), term_days=10)
    close_to(2)
    redeem(position, on(3))  # 2.00 of the principal is clawed back
    assert used(product) == 0
    assert broken() == []


def test_more_is_never_given_back_than_was_taken(alice: Customer) -> None:
    product = flexible(quota=100)
    subscribe(alice, product, 10, on(0))
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        catalogue.release_quota(product, Decimal("10.01"))
    assert constraint_of(caught.value) == "not_oversold"


@pytest.mark.parametrize("change", ["used = -0.01", "used = capacity + 0.01"])
def test_a_shard_is_never_oversold_whoever_writes(change: str) -> None:
    product = flexible(quota=100)
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        connection.cursor().execute(
            f"update earn_quotashard set {change} where product_id = %s",  # noqa: S608
            [product.pk],
        )
    assert constraint_of(caught.value) == "not_oversold"


def test_a_quota_without_shards_sells_nothing() -> None:
    product = draft("p", quota=100)
    with pytest.raises(SoldOut):
        catalogue.take_quota(product, Decimal(1))
