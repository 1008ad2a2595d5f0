"""What is said of rates before they are announced is what the announcement then does."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError

from earn import catalogue, repricing
from earn.models import Customer, Notification, Product, RateChart
from ledger.posting import constraint_of
from tests.earn.people import (
    close_to,
    customer,
    day,
    draft,
    fixed,
    flexible,
    on,
    rows,
    subscribe,
)

pytestmark = pytest.mark.django_db
TIERED = [(None, 0, "0.10"), (None, 500, "0.05")]


def told(product: Product, *tiers: Any) -> list[str]:
    return [str(fault) for fault in repricing.faults(product, rows(*tiers))]


@pytest.mark.parametrize(
    ("tiers", "faults"),
    [
        ([], ["A rate chart has a row or more."]),
        ([(None, 0, "0.1"), (None, 5, "0.2")], []),
        ([(None, 5, "0.1")], ["The first row is from 0; 0 % is a rate too."]),
        (
            [(None, 0, "0.1"), (None, 5, "0.1"), (None, 5, "0.2")],
            ["row 3: this term and amount stand above already."],
        ),
        (
            [(None, 0, "0.1"), (30, 0, "0.1")],
            [
                "row 2: rows of a fixed product have a term, those of a flexible one have "
                "none."
            ],
        ),
    ],
)
def test_each_fault_is_named_with_its_row(tiers: Any, faults: list[str]) -> None:
    assert told(draft("easy"), *tiers) == faults


def test_each_term_begins_at_zero() -> None:
    product = draft("term", kind="FIXED")
    found = told(product, (30, 0, "0.1"), (90, 10, "0.1"), (60, 1, "0.1"))
    assert found == [
        "60 days: a term begins with a row from 0; 0 % is a rate too.",
        "90 days: a term begins with a row from 0; 0 % is a rate too.",
    ]


def broken_rule(act: Callable[[], Any]) -> str | None:
    try:
        act()
    except IntegrityError as error:
        return constraint_of(error)
    return None


def announce(product: Product, effective_on: date, *tiers: Any, at: Any) -> RateChart:
    made = catalogue.add_chart(
        product=product, effective_on=effective_on, rows=rows(*tiers)
    )
    catalogue.announce(made, at=at)
    return made


@pytest.mark.parametrize(
    ("first", "rate", "fault", "rule"),
    [
        (9, "0.01", None, None),
        (
            8,
            "0.01",
            "A lower rate takes effect on 2026-01-14",
            "cuts_wait_for_their_notice",
        ),
        (8, "0.20", None, None),
        (2, "0.20", None, None),
        (1, "0.20", "New rates take effect on 2026-01-07", "rates_never_change_the_past"),
    ],
)
def test_what_comes_too_late_is_said_as_the_database_says_it(
    alice: Customer, first: int, rate: str, fault: str | None, rule: str | None
) -> None:
    product = flexible("easy", notice_days=7)
    subscribe(alice, product, 100, on(0))
    tier = (None, 0, rate)
    found = repricing.late(product, effective_on=day(first), rows=rows(tier), at=on(2))
    assert [str(x).startswith(fault or "-") for x in found] == [True] * bool(fault)
    assert broken_rule(lambda: announce(product, day(first), tier, at=on(2))) == rule


def test_no_day_that_is_being_closed_gets_new_rates(alice: Customer) -> None:
    product = flexible("easy")
    subscribe(alice, product, 100, on(0))
    close_to(2)
    assert repricing.earliest(product, at=on(2)) == day(3)


@pytest.mark.parametrize("mode", ["SLICE", "WHOLE"])
def test_the_cost_is_exact_and_nothing_remains(
    alice: Customer, bob: Customer, charlie: Customer, mode: str
) -> None:
    product = flexible("easy", TIERED, tier_mode=mode)
    for who, amount in ((alice, 100), (bob, 500), (charlie, 1200)):
        subscribe(who, product, amount, on(0))
    new = rows((None, 0, "0.12"), (None, 1000, "0.01"))
    cost = repricing.cost(product, effective_on=day(9), rows=new)
    before = {"SLICE": 10 + 50 + 50 + 35, "WHOLE": 10 + 25 + 60}[mode]
    after = {"SLICE": 12 + 60 + 120 + 2, "WHOLE": 12 + 60 + 12}[mode]
    assert (cost.positions, cost.balance) == (3, 1800)
    assert (cost.before, cost.after) == (before, after)
    assert cost.a_month_more * 12 == after - before
    assert product.charts.count() == 1


def test_interest_that_compounds_is_part_of_the_balance(alice: Customer) -> None:
    product = flexible("easy", [(None, 0, "0.365")], compounding="DAILY")
    subscribe(alice, product, 1000, on(0))
    close_to(1)
    cost = repricing.cost(product, effective_on=day(9), rows=rows((None, 0, "0.73")))
    assert (cost.balance, cost.before) == (1001, Decimal("365.365"))
    assert cost.a_month_more * 12 == Decimal("365.365")


@pytest.mark.parametrize("mode", ["SLICE", "WHOLE"])
@pytest.mark.parametrize(
    "new", [[(None, 0, "0.12"), (None, 600, "0.02")], [(None, 0, "0.09")], TIERED]
)
def test_whoever_is_counted_is_told(mode: str, new: Any) -> None:
    product = flexible("easy", TIERED, tier_mode=mode)
    for number, amount in enumerate((50, 499, 500, 601, 900, 5000)):
        subscribe(customer(f"Saver {number}"), product, amount, on(0))
    subscribe(customer("Other"), flexible("other", TIERED), 900, on(0))
    cost = repricing.cost(product, effective_on=day(9), rows=rows(*new))
    announce(product, day(9), *new, at=on(1))
    assert Notification.objects.filter(kind="RATE_CUT").count() == cost.told


def test_a_product_that_has_no_rates_yet_costs_all_of_the_new_ones() -> None:
    cost = repricing.cost(draft("easy"), effective_on=day(0), rows=rows((None, 0, "0.1")))
    assert cost == repricing.Cost(0, Decimal(0), Decimal(0), Decimal(0), 0)


def test_a_cut_of_one_term_is_a_cut() -> None:
    product = fixed("term")
    better = rows((10, 0, "0.11"), (30, 0, "0.13"))
    assert not repricing.is_cut(product, effective_on=day(1), rows=better)
    assert repricing.is_cut(product, effective_on=day(1), rows=better[:1])


def test_the_application_s_rights_suffice(alice: Customer, as_app_role: Any) -> None:
    product = flexible("easy")
    subscribe(alice, product, 100, on(0))
    with as_app_role():
        cost = repricing.cost(product, effective_on=day(9), rows=rows((None, 0, "0.2")))
    assert (cost.before, cost.after, cost.told) == (10, 20, 0)
