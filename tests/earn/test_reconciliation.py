"""Control accounts beside their sub-ledgers: equal while all is well, named when not."""

from typing import Any

import pytest
from django.db import connection

from earn import reconciliation
from earn.audit import Actor
from earn.models import AuditEvent, Customer, Position, User
from tests.admin.staff import member
from tests.earn.people import close_to, fixed, flexible, fund, money, on, redeem, subscribe

pytestmark = pytest.mark.django_db


@pytest.fixture
def business(alice: Customer, bob: Customer) -> Position:
    """Something in each control account, a closed and an open day."""
    euro = money("EUR")
    slow = flexible("slow", [(None, 0, "0.365")], settlement_delay_days=9)
    position = subscribe(alice, slow, 1000, on(0))
    subscribe(bob, fixed("term", asset=euro), 500, on(0), term_days=10)
    left = subscribe(bob, flexible("left"), 100, on(0))
    close_to(2)
    redeem(position, on(3), 300)
    redeem(left, on(3))
    fund(bob, 7, at=on(3))
    return position


def figures() -> dict[tuple[str, str, str], tuple[Any, Any]]:
    return {
        (x.asset, x.control, x.against): (x.books, x.subledger)
        for x in reconciliation.compare()
    }


@pytest.mark.usefixtures("business")
def test_each_control_account_is_beside_what_it_controls() -> None:
    found = figures()
    assert found["USD", "customer:*:redeeming", "orders"] == (300, 300)
    assert found["USD", "customer:*:wallet", "accounts"][0] > 107
    assert found["USD", "position:*:principal", "accounts"] == (700, 700)
    assert found["USD", "position:*:principal", "positions"] == (700, 700)
    assert found["EUR", "position:*:principal", "positions"] == (500, 500)
    books, accruals = found["EUR", "product:*:accrued", "accruals"]
    assert books == accruals > 0
    assert all(books == below for books, below in found.values())


@pytest.fixture
def olga() -> User:
    return member("olga", "operator")


@pytest.mark.usefixtures("business")
def test_what_agrees_is_kept_with_its_figures_and_its_checks(olga: User) -> None:
    made = reconciliation.run(by=Actor(olga, on(3, 12), "192.0.2.7"))
    assert made.violations == 0
    assert {x["check"] for x in made.checks} == {
        *("equation", "overdrawn", "control", "settled", "principal", "redeeming", "quota"),
    }
    assert {x["difference"] for x in made.figures} == {"0"}
    event = AuditEvent.objects.get(act="RECONCILE")
    assert (event.actor, event.after) == (olga, {"violations": 0})


def test_a_position_that_was_tampered_with_is_found(business: Position, olga: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("set constraints all immediate")
        cursor.execute("set local session_replication_role = replica")
        cursor.execute(
            "update earn_position set principal = 705 where id = %s", [business.pk]
        )
        cursor.execute("set local session_replication_role = origin")
    made = reconciliation.run(by=Actor(olga, on(3, 12), None))
    (wrong,) = [x for x in made.figures if x["difference"] != "0"]
    assert (wrong["against"], wrong["difference"]) == ("positions", "-5")
    found = {x["check"]: x["first"] for x in made.checks}
    assert found["principal"] == [
        [f"position {business.pk}", found["principal"][0][1]],
    ]
    assert made.violations >= 2


def test_what_the_books_hold_and_nothing_stands_behind_is_a_difference(
    business: Position,
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("set constraints all immediate")
        cursor.execute("set local session_replication_role = replica")
        cursor.execute("update earn_order set state = 'CANCELLED' where state = 'PENDING'")
        cursor.execute("set local session_replication_role = origin")
    assert business
    assert figures()["USD", "customer:*:redeeming", "orders"] == (300, 0)


def test_empty_books_agree(olga: User) -> None:
    made = reconciliation.run(by=Actor(olga, on(0), None))
    assert (made.figures, made.violations) == ([], 0)
