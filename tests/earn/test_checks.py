"""Each check finds the violation that is planted for it, and names its subject."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from earn import checks
from earn.models import Customer, Order, Position
from tests.earn.people import (
    broken,
    close_to,
    day,
    fixed,
    flexible,
    on,
    redeem,
    subscribe,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(alice: Customer, bob: Customer) -> dict[str, Any]:
    """Three closed days; ids under short names."""
    easy = flexible(quota=5000, compounding="DAILY", tiers=[(None, 0, "0.365")])
    slow = flexible("slow", settlement_delay_days=9, quota=100_000)
    term = fixed(tiers=[(2, 0, "0.10"), (9, 0, "0.10")])
    moved = subscribe(alice, easy, 1000, on(0))
    ended = subscribe(bob, easy, 1000, on(0))
    matured = subscribe(bob, term, 5000, on(0), term_days=2)
    running = subscribe(bob, term, 5000, on(0), term_days=9)
    waiting = redeem(subscribe(alice, slow, 7000, on(0)), on(1), 2000)
    close_to(1)
    redeem(moved, on(2), 300)
    redeem(ended, on(2))
    close_to(3)
    assert broken() == []
    return {
        "moved": moved.pk,
        "ended": ended.pk,
        "matured": matured.pk,
        "running": running.pk,
        "waiting": waiting.pk,
        "alice": alice.uuid,
        "easy": easy.pk,
        "chart": slow.charts.get().pk,
        "first": day(0),
        "day": day(2),
    }


# check, what is done behind its back, and whom it must name
PLANTED = [
    (
        "accrual_days",
        "delete from earn_accrual where position_id = %(moved)s and day = %(day)s",
        "position {moved}",
    ),
    (
        "accrual_days",
        "update earn_accrual set position_id = 10000000 "
        "where position_id = %(ended)s and day = %(day)s - 1",
        "position 10000000",
    ),
    (
        "accrual_days",
        "update earn_position set last_day = last_day + 1 where id = %(ended)s",
        "position {ended}",
    ),
    (
        "accrual_days",
        "update earn_position set first_day = first_day + 1 where id = %(moved)s",
        "position {moved}",
    ),
    *(
        (
            "accrual_rule",
            f"update earn_accrual set {change} "  # noqa: S608
            "where position_id = %(moved)s and day = %(day)s",
            "position {moved} on {day}",
        )
        for change in (
            "interest = interest + 0.01",
            "interest = interest + 0.01, accrued = accrued + 0.01",
            "accrued = accrued - 0.01",
            "carry = carry + 1",
            "days = 2",
            "year_basis = 366",
            "chart_id = (select max(id) from earn_ratechart)",
            "basis = basis + 100",
        )
    ),
    (
        "accrual_rule",
        "update earn_ratetier set annual_rate = 0.2 where chart_id in "
        "(select id from earn_ratechart where product_id = %(easy)s)",
        "position {moved} on {day}",
    ),
    (
        "accrual_basis",
        "update earn_accrual set basis = basis + 0.01 "
        "where position_id = %(moved)s and day = %(day)s",
        "position {moved} on {day}",
    ),
    (
        "accrual_basis",
        "update earn_accrual set basis = basis - 0.01 "
        "where position_id = %(running)s and day = %(day)s",
        "position {running} on {day}",
    ),
    (
        "accrual_basis",  # the redemption is said to have come a day later
        "update ledger_posting p set day = p.day + 1 from ledger_account a where "
        "a.id = p.debit_id and a.code = 'position:%(moved)s:principal'; "
        "update ledger_entry e set day = e.day + 1, happened_at = happened_at + '1 day' "
        "from ledger_posting p where p.entry_id = e.id and p.day <> e.day",
        "position {moved} on {day}",
    ),
    *(
        (
            "accrual_digests",
            f"update earn_accrual set {change} "  # noqa: S608
            "where position_id = %(moved)s and day = %(day)s",
            "accruals of {day}, chunk 0",
        )
        for change in (
            "basis = basis + 0.01",
            "interest = interest + 0.01",
            "carry = carry + 1",
            "chart_id = (select max(id) from earn_ratechart)",
        )
    ),
    (
        "accrual_digests",
        "delete from earn_accrual where position_id = %(running)s and day = %(day)s",
        "accruals of {day}, chunk 0",
    ),
    (
        "accrual_digests",
        "update earn_closechunk set digest = sha256('x') where day = %(day)s",
        "accruals of {day}, chunk 0",
    ),
    (
        "accrual_digests",
        "update earn_dayclose set digest = sha256('x') where day = %(day)s",
        "accruals of {day}",
    ),
    (
        "accrual_digests",
        "update ledger_seal set attests = sha256('x') where day = %(day)s",
        "accruals of {day}",
    ),
    *(
        ("accrual_digests", change, "accruals of {first}")
        for change in (
            "update earn_ratetier set annual_rate = 0.5 where chart_id = %(chart)s",
            "update earn_ratetier set from_amount = 1 where chart_id = %(chart)s",
            "update earn_ratechart set version = 7 where id = %(chart)s",
            "update earn_ratechart set effective_on = %(day)s where id = %(chart)s",
            "update earn_ratechart set announced_at = null where id = %(chart)s",
            "delete from earn_ratetier where chart_id = %(chart)s",
        )
    ),
    (
        "accrual_entries",
        "update ledger_posting set amount = amount + 1 where entry_id = "
        "(select id from ledger_entry where key = 'accrual:' || %(day)s || ':fixed')",
        "accrual:{day}:fixed",
    ),
    (
        "accrual_entries",
        "delete from ledger_entry where key = 'accrual:' || %(day)s || ':flexible'",
        "accrual:{day}:flexible",
    ),
    (
        "accrual_entries",
        "update ledger_entry set key = 'accrual:2020-01-01:fixed' "
        "where key = 'accrual:' || %(day)s || ':fixed'",
        "accrual:2020-01-01:fixed",
    ),
    (
        "control",
        "update earn_position set interest_settled = interest_settled + 0.01 "
        "where id = %(moved)s",
        "flexible",
    ),
    (
        "control",
        "update earn_position set true_up = 0.01 where id = %(running)s",
        "fixed",
    ),
    (
        "control",  # a total that the trial balance stands on
        "update ledger_dailytotal set credits = credits + 1 "
        "where heading = 'product:flexible:accrued'",
        "flexible",
    ),
    (
        "settled",
        "update earn_position set interest_settled = interest_settled + 0.01 "
        "where id = %(matured)s",
        "position {matured}",
    ),
    (
        "settled",
        "update earn_position set true_up = 0.01 where id = %(ended)s",
        "position {ended}",
    ),
    (
        "principal",
        "update earn_position set principal = principal + 0.01 where id = %(running)s",
        "position {running}",
    ),
    (
        "principal",
        "update ledger_balance set credits = credits + 1 where account_id = "
        "(select id from ledger_account where code = 'position:%(moved)s:principal')",
        "position {moved}",
    ),
    (
        "principal",  # an account of a position that there is not
        "update ledger_account set code = 'position:10000000:principal' "
        "where code = 'position:%(running)s:principal'",
        "position 10000000",
    ),
    (
        "quota",
        "update earn_quotashard set used = used + 1 where capacity = 5000",
        "flexible",
    ),
    (
        "quota",
        "update earn_quotashard set capacity = 6000 where capacity = 5000",
        "flexible",
    ),
    ("quota", "update earn_product set quota = 6000 where id = %(easy)s", "flexible"),
    ("quota", "delete from earn_quotashard where capacity = 5000", "flexible"),
    (
        "quota",
        "update earn_position set principal = principal + 1 where id = %(moved)s",
        "flexible",
    ),
    (
        "due",
        "update earn_position set state = 'OPEN', closed_at = null where id = %(matured)s",
        "position {matured}",
    ),
    (
        "due",
        "update earn_position set interest_due = true where id = %(ended)s",
        "position {ended}",
    ),
    (
        "due",
        "update earn_order set due_on = %(day)s where id = %(waiting)s",
        "order {waiting}",
    ),
    (
        "redeeming",
        "update earn_order set state = 'CANCELLED' where id = %(waiting)s",
        "customer {alice}",
    ),
    (
        "redeeming",
        "update earn_order set amount = amount - 1 where id = %(waiting)s",
        "customer {alice}",
    ),
    (
        "redeeming",
        "update ledger_balance set debits = debits + 1 where account_id = "
        "(select id from ledger_account where code like '%%:redeeming')",
        "customer {alice}",
    ),
    ("closed_days", "delete from earn_dayclose where day = %(day)s", "day 2026-01-08"),
    (
        "closed_days",
        "update earn_dayclose set stage = 'SEAL' where day = %(day)s",
        "day {day}",
    ),
    (
        "closed_days",
        "update ledger_bookday set ended_at = null where day = %(day)s",
        "day {day}",
    ),
    ("closed_days", "delete from ledger_seal where day = %(day)s", "day {day}"),
]


def plant(statements: str, world: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("set local session_replication_role = replica")
        for statement in statements.split("; "):
            cursor.execute(statement, world)
            assert cursor.rowcount > 0  # or nothing was planted
        cursor.execute("set local session_replication_role = origin")


def subjects(name: str) -> list[str]:
    return [
        violation.subject
        for check, found in checks.everything()
        for violation in found
        if check.name == name
    ]


@pytest.mark.parametrize(("name", "statements", "subject"), PLANTED)
def test_a_check_names_what_was_planted(
    world: dict[str, Any], name: str, statements: str, subject: str
) -> None:
    plant(statements, world)
    assert subject.format(**world) in subjects(name)


def test_every_check_has_had_something_planted_for_it() -> None:
    assert {check.name for check in checks.CHECKS} == {name for name, _, _ in PLANTED}


@pytest.mark.parametrize(
    ("statements", "subject"),
    [
        (
            "delete from earn_accrual where position_id = %(moved)s and day = %(day)s + 1",
            "position {moved}",
        ),
        (
            "update earn_accrual set position_id = %(ended)s "
            "where position_id = %(moved)s and day = %(day)s + 1",
            "position {ended}",
        ),
    ],
)
def test_a_day_is_not_sealed_while_a_position_was_passed_over(
    world: dict[str, Any], statements: str, subject: str
) -> None:
    assert checks.of_day(day(3)) == []
    plant(statements, world)
    named = [violation.subject for violation in checks.of_day(day(3))]
    assert subject.format(**world) in named


@pytest.mark.parametrize(
    ("act", "subject"),
    [
        (lambda: Position.objects.filter(term_days=9).update(true_up=1), "fixed"),
        (
            lambda: Order.objects.filter(state="PENDING").update(amount=1),
            "customer {alice}",
        ),
    ],
)
def test_what_a_day_is_checked_for_includes_the_balances_that_orders_move(
    world: dict[str, Any], act: Callable[[], Any], subject: str
) -> None:
    act()
    named = [violation.subject for violation in checks.of_day(day(3))]
    assert subject.format(**world) in named


def test_the_checks_are_silent_before_the_first_day_is_closed(alice: Customer) -> None:
    position = subscribe(alice, flexible(quota=5000, settlement_delay_days=1), 1000, on(0))
    assert broken() == []
    redeem(position, on(1), Decimal(10))
    redeem(position, on(3))
    assert broken() == []
