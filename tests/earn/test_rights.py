"""The application's role does all business, and touches history with functions alone."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.db import ProgrammingError, connection, transaction

from earn import redemptions, renewals
from earn.models import Customer
from tests.earn.people import (
    broken,
    close_to,
    day,
    fixed,
    flexible,
    key,
    now,
    on,
    redeem,
    redeeming,
    refused,
    subscribe,
    wallet,
)

pytestmark = pytest.mark.django_db
AsRole = Callable[[], AbstractContextManager[None]]


def test_the_applications_role_can_do_all_business(
    alice: Customer, bob: Customer, as_app_role: AsRole
) -> None:
    easy = flexible(payout="DAILY", tiers=[(None, 0, "0.365")], quota=9000, shards=2)
    slow = flexible("slow", settlement_delay_days=2, customer_cap=9000)
    term = fixed(
        tiers=[(3, 0, "0.365")], customer_cap=9000, early_rule="FORFEIT_ALL", quota=9000
    )
    with as_app_role():
        position = subscribe(alice, easy, 1000, on(0))
        waiting = subscribe(alice, slow, 1000, on(0))
        subscribe(alice, term, 1000, on(0), term_days=3, at_maturity="TO_FLEXIBLE")
        renewed = subscribe(bob, term, 1000, on(0), term_days=3)
        ended = subscribe(bob, term, 1000, on(0), term_days=3)
        renewals.instruct(
            customer=bob,
            position_id=renewed.pk,
            at_maturity="RENEW_ALL",
            key=key(),
            at=on(1),
        )
        order = redeem(waiting, on(1), 400)
        redemptions.cancel(customer=alice, order_id=order.pk, key=key(), at=on(1))
        redeem(waiting, on(1), 300)
        redeem(ended, on(2))  # before its last day is closed
        refused(lambda: redeem(ended, on(2)))
        close_to(4)
        assert now(position).principal == 2003
        assert wallet(alice) == 300 + 5  # three times 1.00, then 2.00
        assert wallet(bob) == 1000
        assert redeeming(alice) == 0
        assert broken() == []


def rights() -> dict[tuple[str, str], set[str]]:
    """What the role may do to each table, partition and sequence, by (schema's) name."""
    with connection.cursor() as cursor:
        cursor.execute(
            """select relname, relkind::text, array_agg(privilege)
               from pg_class
               cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE',
                                       'REFERENCES', 'TRIGGER']) privilege
               where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
                 and relname ~ '^(earn|ledger)_'
                 and has_table_privilege('earn_app', oid, privilege)
               group by 1, 2"""
        )
        return {(name, kind): set(allowed) for name, kind, allowed in cursor.fetchall()}


READ = {"SELECT"}
HISTORY = {
    "ledger_account", "ledger_balance", "ledger_balanceday", "ledger_bookday",
    "ledger_dailytotal", "ledger_entry", "ledger_posting", "ledger_seal",
    "ledger_sealedentry", "ledger_sealqueue", "earn_accrual", "earn_band",
    "earn_closechunk",
}  # fmt: skip
KEPT = {
    "earn_customer", "earn_knowndevice", "earn_notification", "earn_notificationpreference",
    "earn_order", "earn_position", "earn_product", "ledger_asset",
}  # fmt: skip


def test_history_is_read_only_and_business_is_never_deleted(alice: Customer) -> None:
    subscribe(alice, flexible(), 1000, on(0))
    close_to(2)
    found = {name: allowed for (name, _), allowed in rights().items()}
    assert {name for name, allowed in found.items() if allowed == READ} >= HISTORY
    for name in KEPT:
        assert found[name] == {"SELECT", "INSERT", "UPDATE"}, name
    assert found["earn_dayclose"] == {"SELECT", "UPDATE"}
    assert not any(allowed & {"TRUNCATE", "TRIGGER"} for allowed in found.values())
    # a day's own table is reached through its parent alone, before it is attached and after
    partitions = [name for name in found if name.startswith("earn_accrual_")]
    assert partitions == []


def test_a_days_own_table_is_out_of_reach_while_it_is_filled(
    alice: Customer, as_app_role: AsRole
) -> None:
    from earn import close

    subscribe(alice, flexible(), 1000, on(0))
    close_to(0)
    with as_app_role():
        close.open_day(day(1), at=on(2))
        table = f"earn_accrual_{day(1):%Y%m%d}"
        for statement in (f"select from {table}", f"delete from {table}"):  # noqa: S608
            _is_denied(statement)
        close_to(1)
        for statement in (f"select from {table}", f"truncate {table}"):  # noqa: S608
            _is_denied(statement)


DENIED = [
    f"{verb.format(table)}"
    for table in sorted(HISTORY)
    for verb in ("insert into {} default values", "delete from {}", "truncate {}")
] + [
    "update ledger_entry set note = '{}'",
    "update ledger_posting set amount = 1",
    "update ledger_balance set credits = 1",
    "update earn_accrual set interest = 1",
    "update earn_closechunk set done_at = null",
    "insert into earn_dayclose (day, opened_at) values ('2020-01-01', now())",
    "delete from earn_dayclose",
    "delete from earn_position",
    "delete from earn_order",
    "delete from earn_notification",
    "delete from earn_customer",
    "truncate earn_order cascade",
    "alter table earn_accrual disable trigger all",
    "set session_replication_role = replica",
    "drop function earn_take_quota",
]


@pytest.mark.parametrize("statement", DENIED)
def test_the_applications_role_is_denied(statement: str, as_app_role: AsRole) -> None:
    with as_app_role():
        _is_denied(statement)


def test_every_function_looks_at_our_tables_whatever_the_caller_calls_his_own() -> None:
    """A temporary table comes before all others in a search path that is not pinned."""
    with connection.cursor() as cursor:
        cursor.execute(
            """select proname from pg_proc join pg_language l on l.oid = prolang
               where pronamespace = 'public'::regnamespace and proname ~ '^(earn|ledger)_'
                 and not (lanname = 'sql' and provolatile = 'i')
                 and 'search_path=pg_catalog, public, pg_temp' <> all (
                     coalesce(proconfig, '{}'))"""
        )
        assert cursor.fetchall() == []


def _is_denied(statement: str) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied|must be owner"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
