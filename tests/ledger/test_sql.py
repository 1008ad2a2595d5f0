"""The SQL files: each can be planned and says what it does."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import transaction

import ledger.sql
from ledger.posting import Draft, post_batch
from ledger.sql import sql
from tests.ledger.books import (
    DAY,
    asset,
    at,
    custody,
    execute,
    line,
    some_history,
    wallet,
)

pytestmark = pytest.mark.django_db

FOLDER = Path(ledger.sql.__file__).parent
FILES = sorted(FOLDER.rglob("*.sql"))
DEFINITIONS = {"constraints", "days", "legs", "post", "seal", "texts", "triggers"}
STATEMENTS = [x for x in FILES if x.stem not in DEFINITIONS]
PARAMETERS = {
    "account": 1,
    "accounts": [1],
    "amount": Decimal(1),
    "asset": 1,
    "at": at(),
    "before": 9,
    "before_day": DAY,
    "codes": ["treasury:custody"],
    "day": DAY,
    "days": [DAY],
    "entries": [1],
    "entry": 1,
    "first": DAY,
    "highest": 1,
    "kind": "TEST",
    "last": DAY,
    "limit": 5,
    "line": 1,
    "noted": "{}",
    "owner": "00000000-0000-0000-0000-000000000001",
    "lowest": 1,
    "through": DAY,
    "whole": [1],
}


def named(path: Path) -> str:
    return str(path.relative_to(FOLDER))


@pytest.mark.parametrize("path", STATEMENTS, ids=named)
def test_every_statement_can_be_planned(path: Path) -> None:
    some_history()
    text = sql(path.stem, folder=path.parent)
    wanted = set(re.findall(r"%\((\w+)\)s", text))
    parameters = {name: PARAMETERS[name] for name in wanted} or None
    plan = execute(f"explain {text}", parameters)
    assert "cost=" in str(plan)


@pytest.mark.parametrize("path", FILES, ids=named)
def test_every_file_says_on_its_first_line_what_it_does(path: Path) -> None:
    first = path.read_text().splitlines()[0]
    assert re.fullmatch(r"-- [A-Z].*[^,;]", first)


@pytest.mark.parametrize("path", FILES, ids=named)
def test_sql_is_written_in_lower_case(path: Path) -> None:
    code = re.sub(r"--.*|'[^']*'", "", path.read_text())
    assert (
        re.findall(r"\b(SELECT|FROM|WHERE|JOIN|INSERT|UPDATE|DELETE|CREATE)\b", code) == []
    )


@pytest.mark.parametrize(
    "table", ["ledger_posting", "ledger_sealedentry", "ledger_balanceday"]
)
def test_tables_that_are_filled_in_bulk_check_no_key_row_by_row_at_commit(
    table: str,
) -> None:
    deferred = execute(
        "select conname from pg_constraint where conrelid = %s::regclass and condeferrable",
        [table],
    )
    assert deferred == []


def test_every_trigger_of_the_books_is_switched_on() -> None:
    found = execute(
        """select tgrelid::regclass::text || '.' || tgname, tgenabled from pg_trigger
           where tgrelid::regclass::text like 'ledger%'"""
    )
    assert found
    assert [name for name, enabled in found if enabled != "O"] == []


def scans() -> dict[str, int]:
    """How often this transaction has read each of the large tables from end to end."""
    return dict(
        execute(
            """select relname, seq_scan from pg_stat_xact_user_tables where relname in
               ('ledger_account', 'ledger_balance', 'ledger_entry', 'ledger_posting')"""
        )
    )


@pytest.mark.parametrize("size", [1, 500])
def test_posting_never_reads_a_table_from_end_to_end(size: int) -> None:
    """Not even after a batch, whose plans the session keeps."""
    of = asset()
    before = scans()
    for batch, number in enumerate((size, 1, 1)):
        names = [wallet(of, x) for x in range(number)]
        lines = [line(custody(of), name, "1") for name in names]
        with transaction.atomic():
            post_batch(
                [Draft(f"{batch} {x.credit.code}", "TEST", [x], at()) for x in lines]
            )
    assert scans() == before
