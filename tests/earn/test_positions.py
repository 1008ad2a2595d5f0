"""What the database holds of a position whoever writes, the application and the owner."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from earn.models import Customer, Position
from ledger.posting import constraint_of
from tests.earn.people import (
    chart,
    close_to,
    day,
    fixed,
    flexible,
    on,
    redeem,
    subscribe,
)

pytestmark = pytest.mark.django_db
AsRole = Callable[[], AbstractContextManager[None]]


def run(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def broken_rule(statement: str, *parameters: Any) -> str:
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        run(statement, *parameters)
    return constraint_of(caught.value)


@pytest.fixture
def term(alice: Customer) -> Position:
    product = fixed(tiers=[(10, 0, "0.01")])
    position = subscribe(alice, product, 100, on(0), term_days=10)
    chart(product, day(2), (10, 0, "0.10"), at=on(1))
    return position


CHANGES = [
    "chart_id = (select max(id) from earn_ratechart)",
    "product_id = (select max(id) from earn_product)",
    "customer_id = (select max(id) from earn_customer)",
    "term_days = 11, matures_on = matures_on + 1",
    "matures_on = matures_on - 1, first_day = first_day - 1",
    "first_day = first_day + 1",
    "last_day = last_day + 1",
    "last_day = null",
    "opened_at = opened_at - interval '1 day'",
    "compounds = not compounds",
    "renews_id = id",
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_position_keeps_its_terms(
    term: Position, bob: Customer, as_app_role: AsRole, change: str
) -> None:
    subscribe(bob, flexible(), 100, on(0))  # another product, customer and chart
    statement = f"update earn_position set {change} where id = %s"  # noqa: S608
    assert broken_rule(statement, term.pk) == "position_terms_are_immutable"
    with as_app_role():
        assert broken_rule(statement, term.pk) == "position_terms_are_immutable"


def test_only_the_start_of_a_flexible_position_moves_and_only_back(
    alice: Customer,
) -> None:
    easy = subscribe(alice, flexible(), 100, on(0))
    run("update earn_position set first_day = first_day - 1 where id = %s", easy.pk)
    later = "update earn_position set first_day = first_day + 1 where id = %s"
    assert broken_rule(later, easy.pk) == "position_terms_are_immutable"


def test_a_position_that_has_ended_stays_ended(alice: Customer) -> None:
    gone = subscribe(alice, flexible(), 100, on(0))
    redeem(gone, on(1))
    close_to(1)
    back = "update earn_position set state = 'OPEN', closed_at = null where id = %s"
    assert broken_rule(back, gone.pk) == "positions_end_once"
    other = "update earn_position set state = 'MATURED' where id = %s"
    assert broken_rule(other, gone.pk) == "positions_end_once"


def test_a_fixed_position_begins_with_the_chart_in_force_on_its_first_day(
    term: Position, as_app_role: AsRole
) -> None:
    """The later chart pays ten times as much and takes effect a day after the first."""
    columns = [x.column for x in Position._meta.concrete_fields if x.column != "id"]
    taken = ["(select max(id) from earn_ratechart)" if x == "chart_id" else x
             for x in columns]  # fmt: skip
    statement = (
        f"insert into earn_position ({', '.join(columns)}) "  # noqa: S608
        f"select {', '.join(taken)} from earn_position where id = %s"
    )
    rule = "fixed_positions_begin_with_the_chart_in_force"
    assert broken_rule(statement, term.pk) == rule
    with as_app_role():
        assert broken_rule(statement, term.pk) == rule
    run(statement.replace("select max(id)", "select min(id)"), term.pk)


def test_the_maturity_follows_from_the_first_day_and_the_term(term: Position) -> None:
    columns = [x.column for x in Position._meta.concrete_fields if x.column != "id"]
    taken = ["matures_on + 1" if x == "matures_on" else x for x in columns]
    statement = (
        f"insert into earn_position ({', '.join(columns)}) "  # noqa: S608
        f"select {', '.join(taken)} from earn_position where id = %s"
    )
    assert broken_rule(statement, term.pk) == "maturity_follows_from_first_day_and_term"


def test_no_position_is_ever_deleted(term: Position) -> None:
    rule = "earn_position_is_append_only"
    assert broken_rule("delete from earn_position where id = %s", term.pk) == rule
    run("set constraints all immediate")
    assert broken_rule("truncate earn_position cascade") == rule
