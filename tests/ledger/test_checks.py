"""Each check finds the violation that is planted for it, and nothing in sound books."""

import pytest

from ledger import seals
from ledger.checks import CHECKS, Check
from tests.ledger.books import (
    accrued,
    asset,
    at,
    deposit,
    enter,
    execute,
    line,
    past_the_rules,
    random_history,
    some_history,
    wallet,
)

pytestmark = pytest.mark.django_db

ALL = {x.name: x for x in CHECKS}
WALLET = "customer:00000000-0000-0000-0000-000000000001:wallet"
ROWS = {
    "account": "ledger_account where id = {wallet}",
    "balance": "ledger_balance where account_id = {wallet}",
    "entry": "ledger_entry where id = {first}",
    "posting": "ledger_posting where entry_id = {first}",
    "closing": "ledger_balanceday where account_id = {wallet}",
    "total": "ledger_dailytotal where heading = 'income:fees'",
    "seal": "ledger_seal where number = 1",
    "queue": "ledger_sealqueue where true",
}
GONE = "gone"

# by check: the rows that somebody changes past the rules, how, and the subject to be named
PLANTED: dict[str, list[tuple[str, str, str]]] = {
    "balances": [
        ("balance", "credits = credits + 1", WALLET),
        ("balance", "debits = debits + 1", WALLET),
        ("balance", "version = version + 1", WALLET),
        ("balance", "asset_id = 2000000000", WALLET),
        ("balance", "account_id = 2000000000", "account 2000000000"),
        ("balance", GONE, WALLET),
        ("posting", "amount = amount + 1", WALLET),
        ("posting", GONE, WALLET),
        ("account", "guarded = false", "account {wallet}"),
    ],
    "overdrawn": [
        ("balance", "debits = 999", WALLET),
        ("balance", "held = 999", WALLET),
    ],
    "entries": [
        ("posting", GONE, "entry {first}"),
        ("posting", "entry_id = 2000000000", "entry 2000000000 line 1"),
        ("entry", "lines = 0", "entry {first}"),
        ("entry", "lines = 2", "entry {first}"),
        ("posting", "day = day + 1", "entry {first} line 1"),
        ("entry", "day = day + 1", "entry {first} line 1"),
        ("entry", "happened_at = '2027-01-01'", "entry {first} line 1"),
        ("posting", "debit_id = credit_id", "entry {first} line 1"),
        ("posting", "amount = -1", "entry {first} line 1"),
        ("posting", "amount = 1e-9", "entry {first} line 1"),
        ("posting", "asset_id = {usd}", "entry {first} line 1"),
        ("posting", "asset_id = 2000000000", "entry {first} line 1"),
        ("posting", "credit_id = 2000000000", "entry {first} line 1"),
        ("account", "asset_id = {usd}, code = 'other'", "entry {first} line 1"),
    ],
    "equation": [
        ("posting", "credit_id = 2000000000", "BTC"),
        ("account", GONE, "BTC"),
    ],
    "day_balances": [
        ("closing", "credits = credits + 1", WALLET),
        ("closing", "debits = debits + 1", WALLET),
        ("closing", "day = day - 100", WALLET),
        ("closing", "account_id = 2000000000", "account 2000000000"),
        ("closing", GONE, WALLET),
        ("total", "debits = debits + 1", "income:fees"),
        ("total", "credits = credits + 1", "income:fees"),
        ("total", "kind = 'EQUITY'", "income:fees"),
        ("total", "heading = 'other'", "other"),
        ("total", GONE, "income:fees"),
        ("posting", "amount = amount + 1", WALLET),
    ],
    "seals": [
        ("entry", "kind = 'OTHER'", "entry {first}"),
        ("queue", GONE, "entry {last}"),
        ("seal", "sealed_at = now()", "seal 1"),
    ],
}


def numbers() -> dict[str, int]:
    (row,) = execute(
        """select (select min(id) from ledger_account where code = %s),
                  (select min(id) from ledger_entry), (select max(id) from ledger_entry),
                  (select id from ledger_asset where code = 'USD')""",
        [WALLET],
    )
    return dict(zip(("wallet", "first", "last", "usd"), row, strict=True))


def planted(rows: str, change: str) -> str:
    table, where = ROWS[rows].split(" ", 1)
    if change == GONE:
        return f"delete from {table} {where}"
    return f"update {table} set {change} {where}"


def test_every_check_has_its_violations_here() -> None:
    assert set(PLANTED) == set(ALL)


@pytest.mark.parametrize(
    ("check", "rows", "change", "subject"),
    [(name, *x) for name, plants in PLANTED.items() for x in plants],
)
def test_a_planted_violation_is_named(
    check: str, rows: str, change: str, subject: str
) -> None:
    some_history()
    assert ALL[check].violations() == []
    known = numbers()
    with past_the_rules():
        execute(planted(rows, change).format(**known))
        found = ALL[check].violations()
    assert subject.format(**known) in {x.subject for x in found}
    assert all(x.detail for x in found)
    assert ALL[check].violations() == []


@pytest.mark.parametrize("check", CHECKS, ids=lambda x: x.name)
@pytest.mark.parametrize(("seed", "ended"), [(0, 0), (1, 3), (2, 6)])
def test_sound_books_violate_nothing(check: Check, seed: int, ended: int) -> None:
    random_history(seed, ended=ended)
    seals.seal()
    assert check.violations() == []


@pytest.mark.parametrize("check", CHECKS, ids=lambda x: x.name)
def test_empty_books_violate_nothing(check: Check) -> None:
    assert check.violations() == []


def test_the_equation_holds_of_books_on_one_side_alone() -> None:
    of = asset()
    enter(line(accrued(of), wallet(of), "1"))
    assert ALL["equation"].violations() == []


def test_a_check_stops_at_its_limit() -> None:
    of = asset()
    for customer in range(5):
        deposit(of, "1", customer=customer, happened_at=at())
    with past_the_rules("ledger_balance"):
        execute("update ledger_balance set credits = credits + 1")
        assert len(ALL["balances"].violations(limit=3)) == 3
        assert len(ALL["balances"].violations()) == 5


def test_every_check_says_what_must_hold() -> None:
    assert all(x.says for x in CHECKS)
    assert {x.name for x in CHECKS} == {
        x.stem for folder in {x.folder for x in CHECKS} for x in folder.glob("*.sql")
    }
