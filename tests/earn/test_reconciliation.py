"""Control accounts beside their sub-ledgers: equal while all is well, named when not."""

from typing import Any

import pytest
from django.db import connection

from earn import breaks, reconciliation
from earn.audit import Actor, Itself
from earn.models import AuditEvent, Break, Customer, Position, Reconciliation, User
from earn.tasks import compare_ledgers
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
    assert (event.actor, event.after["violations"]) == (olga, 0)


def tamper(position: Position, principal: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("set constraints all immediate")
        cursor.execute("set local session_replication_role = replica")
        cursor.execute(
            "update earn_position set principal = %s where id = %s",
            [principal, position.pk],
        )
        cursor.execute("set local session_replication_role = origin")


def test_a_difference_is_one_break_from_the_first_night_until_it_is_gone(
    business: Position, olga: User
) -> None:
    tamper(business, 705)
    reconciliation.run(by=Itself(on(3, 12)))
    control, principal = Break.objects.order_by("kind")
    assert (control.subject, control.stated, control.books) == (
        "position:*:principal = positions",
        705,
        700,
    )
    assert (principal.kind, principal.subject, principal.difference) == (
        "PRINCIPAL",
        f"position:{business.pk}:principal",
        5,
    )
    breaks.assign(principal.pk, owner=olga, by=Actor(olga, on(3, 13), None))
    tamper(business, 706)
    reconciliation.run(by=Itself(on(4)))
    assert Break.objects.filter(opened_at=on(3, 12), resolved_at=None).count() == 2
    assert Break.objects.count() == 2
    tamper(business, 700)
    reconciliation.run(by=Actor(olga, on(5), None))
    for found in Break.objects.all():
        assert (found.resolved_at, found.resolved_by) == (on(5), None)
        assert found.note == "The difference is gone: a later comparison agrees."
    assert AuditEvent.objects.filter(act="RESOLVE_BREAK").count() == 2
    events = AuditEvent.objects.filter(act="RECONCILE").order_by("pk")
    counts = [(x.after["breaks_opened"], x.after["breaks_closed"]) for x in events]
    assert counts == [(2, 0), (0, 0), (0, 2)]


@pytest.mark.usefixtures("business")
def test_the_nightly_task_compares_and_names_nobody(as_app_role: Any) -> None:
    with as_app_role():
        compare_ledgers()
    made = Reconciliation.objects.get()
    assert (made.by, made.violations) == (None, 0)
    assert AuditEvent.objects.get(act="RECONCILE").actor is None


def test_a_position_that_was_tampered_with_is_found(business: Position, olga: User) -> None:
    tamper(business, 705)
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
