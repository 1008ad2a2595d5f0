"""What the application's role may do with the books, and what it may not even try."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.db import connection

from ledger import checks, days, exports, seals
from ledger.balances import balance_at, balances_of, statement, trial_balance
from ledger.grants import grant
from ledger.models import Asset
from ledger.posting import reverse
from tests.ledger.books import (
    DAY,
    at,
    broken_rule,
    day,
    deposit,
    execute,
    some_history,
    sqlstate,
    wallet,
)

pytestmark = pytest.mark.django_db
Acting = Callable[[], AbstractContextManager[None]]

DENIED = "42501"
TABLES = [
    "ledger_account",
    "ledger_balance",
    "ledger_balanceday",
    "ledger_bookday",
    "ledger_dailytotal",
    "ledger_entry",
    "ledger_posting",
    "ledger_seal",
    "ledger_sealedentry",
    "ledger_sealqueue",
]
FIRST_COLUMN = {
    "ledger_account": "code",
    "ledger_balance": "credits",
    "ledger_balanceday": "credits",
    "ledger_bookday": "ended_at",
    "ledger_dailytotal": "credits",
    "ledger_entry": "kind",
    "ledger_posting": "amount",
    "ledger_seal": "hash",
    "ledger_sealedentry": "hash",
    "ledger_sealqueue": "entry_id",
}


@pytest.fixture
def denied(as_app_role: Acting) -> Callable[[str], bool]:
    def ask(statement: str) -> bool:
        with as_app_role():
            return sqlstate(lambda: execute(statement)) == DENIED

    return ask


@pytest.mark.parametrize("table", TABLES)
def test_the_application_writes_no_table_of_the_books(
    table: str, denied: Callable[[str], bool]
) -> None:
    some_history()
    column = FIRST_COLUMN[table]
    assert denied(f"insert into {table} select * from {table} limit 1")
    assert denied(f"insert into {table} default values")
    assert denied(f"update {table} set {column} = {column}")
    assert denied(f"delete from {table}")
    assert denied(f"truncate {table} cascade")
    assert denied(f"select from {table} for update")
    assert denied(f"lock table {table} in exclusive mode")


@pytest.mark.parametrize(
    "statement",
    [
        "insert into ledger_entrytext (entry_id) values (1)",
        "update ledger_entrytext set entry_id = entry_id",
        "delete from ledger_entrytext",
    ],
)
def test_no_entry_is_written_through_its_text(
    statement: str, denied: Callable[[str], bool]
) -> None:
    assert denied(statement)


def test_every_table_but_that_of_assets_is_among_those_tried_here() -> None:
    found = execute(
        "select relname from pg_class where relnamespace = 'public'::regnamespace"
        " and relkind in ('r', 'p', 'v', 'm') and starts_with(relname, 'ledger_')"
    )
    views = {"ledger_leg", "ledger_entrytext"}  # the one of two legs: nobody can write it
    assert {name for (name,) in found} == {*TABLES, "ledger_asset"} | views


@pytest.mark.parametrize(
    "statement",
    [
        "set session_replication_role = replica",
        "alter table ledger_posting disable trigger all",
        "alter table ledger_balance drop constraint not_overdrawn",
        "drop trigger append_only on ledger_entry",
        "drop table ledger_seal cascade",
        "create table public.mine (id int)",
        "create schema mine",
        "create trigger mine before insert on ledger_balance for each row"
        " execute function ledger_append_only()",
        "create or replace function public.ledger_refuse(p_rule text, p_sentence text)"
        " returns void language sql as 'select'",
        "select setval('ledger_entry_id_seq', 1)",
        "delete from ledger_asset",
        "truncate ledger_asset cascade",
    ],
)
def test_the_application_cannot_take_the_rules_away(
    statement: str, denied: Callable[[str], bool]
) -> None:
    some_history()
    assert denied(statement)


def test_the_application_names_assets_but_changes_neither_code_nor_scale(
    as_app_role: Acting,
) -> None:
    with as_app_role():
        of = Asset.objects.create(code="NEW", name="new", scale=2, kind="FIAT")
        Asset.objects.filter(pk=of.pk).update(name="New")
        rule = broken_rule(lambda: Asset.objects.filter(pk=of.pk).update(scale=3))
    assert rule == "asset_is_immutable"


def test_the_application_keeps_the_books_with_its_own_rights(as_app_role: Acting) -> None:
    btc, usd = some_history()
    with as_app_role():
        posted = deposit(btc, "1", happened_at=at(2))
        reverse(entry_id=posted.entry_id, key="undo", happened_at=at(2), reason="test")
        days.fence(day(2))
        days.end(day(2))
        assert seals.seal_day(day(2)) is not None
        assert seals.seal() is None
        name = wallet(usd)
        assert balance_at(asset_id=usd.pk, code=name.code, at=at(2)) > 0
        assert balances_of(name.owner)
        assert trial_balance(at=at(2))
        assert statement(asset_id=usd.pk, code=name.code, first=DAY, last=day(2))
        assert not any(check.violations() for check in checks.CHECKS)
        for form in ("beancount", "hledger", "csv"):
            assert "".join(exports.export(form=form, first=day(1)))


def test_the_application_sees_every_table_of_the_books(as_app_role: Acting) -> None:
    some_history()
    with as_app_role():
        for table in [*TABLES, "ledger_asset"]:
            execute(f"select * from {table} limit 1")


def test_functions_of_the_owner_are_nobody_elses_but_the_applications() -> None:
    found = execute(
        """select oid::regprocedure::text,
                  has_function_privilege('earn_app', oid, 'execute'),
                  has_function_privilege('public', oid, 'execute')
           from pg_proc
           where pronamespace = 'public'::regnamespace and prosecdef
             and starts_with(proname, 'ledger_')"""
    )
    assert {name.split("(")[0] for name, _, _ in found} >= {
        "ledger_post",
        "ledger_fence_day",
        "ledger_end_day",
        "ledger_close_account",
        "ledger_seal_entries",
    }
    assert {(ours, everybodys) for _, ours, everybodys in found} == {(True, False)}


@pytest.mark.parametrize(
    "attempt",
    [
        "select * from ledger_post('[]', '[]')",
        "select ledger_fence_day('2026-01-01')",
        "select ledger_end_day('2026-01-01')",
        "select ledger_seal_entries()",
        "select ledger_close_account(1, 'x', now())",
        "select * from ledger_entry",
    ],
)
def test_another_role_may_neither_call_nor_read(attempt: str) -> None:
    execute("create role stranger")
    execute("set local role stranger")
    assert sqlstate(lambda: execute(attempt)) == DENIED
    execute("reset role")


def test_functions_with_the_owners_rights_look_nowhere_else() -> None:
    found = execute(
        """select oid::regprocedure::text, proconfig from pg_proc
           where pronamespace = 'public'::regnamespace and prosecdef"""
    )
    assert found
    pinned = "search_path=pg_catalog, public, pg_temp"
    assert [name for name, settings in found if pinned not in (settings or [])] == []


def test_rights_are_taken_from_everybody_where_the_role_is_missing(
    settings: Any,
) -> None:
    execute("grant execute on function ledger_post(jsonb, jsonb) to public")
    settings.APP_ROLE = "no_such_role"
    grant(using=connection.alias)
    ((left,),) = execute(
        """select count(*) from pg_proc p, aclexplode(p.proacl) a
           where p.proname = 'ledger_post' and a.grantee = 0"""
    )
    assert left == 0
