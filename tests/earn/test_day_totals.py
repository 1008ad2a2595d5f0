"""The console's figures of a day are those of the books and of the rule."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from earn import close, day_totals
from earn.day_totals import Chunks, ProductDay
from earn.models import Customer, Product
from earn.sql import sql
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


@pytest.fixture
def easy(alice: Customer, bob: Customer) -> Product:
    """From day 1 on 1000 at 36.5 %, from day 3 on 3000; a term in another asset."""
    product = flexible("easy", [(None, 0, "0.365"), (None, 2500, "0.1825")])
    subscribe(alice, product, 1000, on(0))
    euro = money("EUR", 4)
    subscribe(bob, fixed("term", asset=euro), 3650, on(0), term_days=10)
    subscribe(alice, product, 2000, on(2))
    close_to(4)
    return product


@pytest.mark.usefixtures("easy")
def test_interest_by_day_and_asset_is_that_of_the_books() -> None:
    found = day_totals.interest_of([day(0), day(2), day(3)])
    assert found == {
        day(0): {},
        day(2): {"EUR": 1, "USD": 1},
        day(3): {"EUR": 1, "USD": Decimal("2.75")},
    }
    assert close.accrual_key(Product(code="easy"), day(3)) == f"accrual:{day(3)}:easy"
    for on_day, interest in found.items():
        assert close.report(on_day).interest == interest


@pytest.mark.usefixtures("easy")
def test_a_product_that_differs_by_a_fifth_stands_out() -> None:
    rows = {row.product: row for row in day_totals.by_product(day(3))}
    assert rows["easy"] == ProductDay("easy", "USD", Decimal("2.75"), Decimal(1))
    assert (rows["easy"].change, rows["easy"].stands_out) == (Decimal("1.75"), True)
    assert not rows["term"].stands_out
    assert [x.stands_out for x in day_totals.by_product(day(4))] == [False, False]
    assert all(x.stands_out for x in day_totals.by_product(day(1)))  # there was none before


def test_a_fifth_itself_does_not_stand_out() -> None:
    interest = ("12", "12.01", "8", "7.9")
    rows = [ProductDay("easy", "USD", Decimal(x), Decimal(10)) for x in interest]
    assert [row.stands_out for row in rows] == [False, True, False, True]


def test_accruals_are_what_the_charts_give(easy: Product) -> None:
    now, before = (day_totals.compared(day(n))[easy.pk] for n in (3, 2))
    assert (now.positions, now.basis) == (1, 3000)
    assert now.interest == now.expected == Decimal("2.75")
    assert day_totals.causes(now, before) == ["BASIS"]
    assert day_totals.causes(before, None) == ["BEGAN"]


def test_other_rates_are_named_as_the_cause(easy: Product) -> None:
    chart(easy, day(5), (None, 0, "0.73"), at=on(4))
    close_to(5)
    now, before = (day_totals.compared(day(n))[easy.pk] for n in (5, 4))
    assert now.interest == now.expected == 6
    assert day_totals.causes(now, before) == ["RATES"]


@pytest.mark.parametrize("day_count", ["ACT/360", "ACT/ACT", "30E/360", "30/360"])
def test_every_day_count_is_compared_right(alice: Customer, day_count: str) -> None:
    product = flexible("odd", day_count=day_count, tier_mode="WHOLE", compounding="DAILY")
    subscribe(alice, product, "1234.56", on(20))
    close_to(28)
    for number in (21, 26, 28):
        found = day_totals.compared(day(number))[product.pk]
        assert found.interest == found.expected
        assert bool(found.interest) == bool(found.most_days)


@pytest.mark.parametrize("day_count", ["ACT/365F", "ACT/360", "30E/360", "30/360"])
@pytest.mark.parametrize("compounding", ["DAILY", "NONE"])
def test_a_dry_run_comes_to_what_the_close_then_does(
    alice: Customer, bob: Customer, day_count: str, compounding: str
) -> None:
    tiers = [(None, 0, "0.365"), (None, 2500, "0.1825")]
    odd = flexible("odd", tiers, day_count=day_count, compounding=compounding)
    term = fixed("term")
    saved = subscribe(alice, odd, "1234.56", on(22))
    subscribe(bob, term, 777, on(22), term_days=10)
    left = subscribe(bob, odd, 5000, on(22))
    for number in range(23, 28):
        close_to(number - 1)
        if number == 25:  # the day is over, and its close comes late
            redeem(saved, on(25), 200)
            subscribe(alice, odd, 3000, on(26))
            redeem(left, on(26))
        foreseen = day_totals.ahead(day(number))
        close_to(number)
        accrued = day_totals.compared(day(number))
        assert {x: tuple(y) for x, y in foreseen.items()} == {
            x: tuple(y)[:3] for x, y in accrued.items()
        }


@pytest.mark.parametrize("name", ["interest_of_days", "uptake", "chart_cost"])
def test_every_statement_can_be_planned(name: str) -> None:
    product = flexible("easy")
    known = {
        "days": [day(0)],
        "products": [product.pk],
        "product": product.pk,
        "chart": product.charts.get().pk,
        "effective_on": day(0),
    }
    with connection.cursor() as cursor:
        cursor.execute(f"explain {sql(name)}", known)
        assert "cost=" in str(cursor.fetchall())


def test_chunks_are_counted(alice: Customer, as_app_role: Any) -> None:
    subscribe(alice, flexible("easy"), 100, on(0))
    subscribe(alice, flexible("other"), 100, on(0))
    close.open_day(day(0), at=on(1), chunk=1)
    close.accrue(day(0), 1)
    with as_app_role():
        found = day_totals.chunks_of([day(0)])[day(0)]
    assert found.done == 1
    assert found.all > 2
    assert isinstance(found, Chunks)
