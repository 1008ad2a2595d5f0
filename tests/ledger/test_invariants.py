"""What the database holds whoever writes: the tables' owner tries to break each rule here.
What the application may not even try is in test_rights."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from ledger import checks
from ledger.models import Account, Asset, Balance, BookDay, Posting
from ledger.posting import AccountName
from tests.ledger.books import (
    DAY,
    accrued,
    asset,
    at,
    broken_rule,
    custody,
    day,
    deposit,
    enter,
    entry_by_hand,
    execute,
    fees,
    in_flight,
    interest,
    line,
    some_history,
    wallet,
)
from tests.ledger.books import account_id as id_of

pytestmark = pytest.mark.django_db
real_connections = pytest.mark.django_db(transaction=True)

Naming = Callable[[Asset], AccountName]

HISTORY = [
    "ledger_entry",
    "ledger_posting",
    "ledger_seal",
    "ledger_sealedentry",
    "ledger_balanceday",
    "ledger_dailytotal",
]
KEPT = ["ledger_asset", "ledger_account", "ledger_balance", "ledger_bookday"]
A_COLUMN = {
    "ledger_entry": "kind",
    "ledger_posting": "amount",
    "ledger_seal": "day",
    "ledger_sealedentry": "position",
    "ledger_balanceday": "debits",
    "ledger_dailytotal": "debits",
}


def close_account(of: Asset, code: str) -> None:
    execute("select ledger_close_account(%s, %s, %s)", [of.pk, code, at(1)])


# An entry and its lines


def lawful(**changes: object) -> dict[str, object]:
    """A line that may be written by hand, with changes."""
    of = Asset.objects.get(code="BTC")
    plain = {"asset": of.pk, "debit": id_of(custody(of)), "credit": id_of(wallet(of))}
    return plain | {"amount": Decimal(1)} | changes


def some_entry() -> tuple[int, dict[str, Any]]:
    """An entry of one line, and the line that reverses it."""
    posting = Posting.objects.order_by("entry_id").first()
    assert posting is not None
    reversed_line = {
        "asset": posting.asset_id,
        "debit": posting.credit_id,
        "credit": posting.debit_id,
        "amount": posting.amount,
    }
    return posting.entry_id, reversed_line


@pytest.fixture
def books() -> Asset:
    of = asset()
    deposit(of, "5")
    deposit(asset("USD", 2), "5")
    return of


def test_a_lawful_entry_may_be_written_by_hand(books: Asset) -> None:
    entry_by_hand(lawful(), lawful(amount=Decimal(2)))
    assert Balance.objects.get(account_id=id_of(wallet(books))).credits == 8


def dollars(side: str) -> dict[str, object]:
    usd = Asset.objects.get(code="USD")
    name = custody(usd) if side == "debit" else wallet(usd)
    return lawful(**{side: id_of(name)})


UNLAWFUL: dict[str, tuple[str, Callable[[], dict[str, object]]]] = {
    "debit is credit": (
        "debit_and_credit_differ",
        lambda: lawful(credit=lawful()["debit"]),
    ),
    "debit of another asset": ("debit_shares_the_asset", lambda: dollars("debit")),
    "credit of another asset": ("credit_shares_the_asset", lambda: dollars("credit")),
    "no such debit": ("debit_shares_the_asset", lambda: lawful(debit=404)),
    "no such credit": ("credit_shares_the_asset", lambda: lawful(credit=404)),
    "nothing": ("amount_is_positive", lambda: lawful(amount=Decimal(0))),
    "less than nothing": ("amount_is_positive", lambda: lawful(amount=Decimal(-1))),
    "half a unit": (
        "amount_is_in_whole_units",
        lambda: lawful(amount=Decimal("0.000000005")),
    ),
    "a line of another day": ("entry_has_all_its_lines", lambda: lawful(day=day(1))),
    "the house pays from an empty wallet": (
        "not_overdrawn",
        lambda: lawful(debit=lawful()["credit"], credit=lawful()["debit"], amount=7),
    ),
}


@pytest.mark.parametrize("what", UNLAWFUL)
@pytest.mark.usefixtures("books")
def test_an_unlawful_line_is_refused_by_its_rule(what: str) -> None:
    rule, unlawful = UNLAWFUL[what]
    assert broken_rule(lambda: entry_by_hand(unlawful())) == rule
    assert broken_rule(lambda: entry_by_hand(lawful(), unlawful())) == rule


@pytest.mark.usefixtures("books")
def test_an_entry_has_a_line_or_more() -> None:
    assert broken_rule(entry_by_hand) == "an_entry_has_a_line_or_more"


@pytest.mark.parametrize("said", [1, 3])
@pytest.mark.usefixtures("books")
def test_an_entry_has_as_many_lines_as_it_says(said: int) -> None:
    rule = broken_rule(lambda: entry_by_hand(lawful(), lawful(), lines=said))
    assert rule == "entry_has_all_its_lines"


@pytest.mark.usefixtures("books")
def test_an_entry_without_its_lines_is_refused() -> None:
    assert broken_rule(lambda: entry_by_hand(lines=1)) == "entry_has_all_its_lines"


@pytest.mark.usefixtures("books")
def test_a_line_is_not_added_to_an_entry_later() -> None:
    rule = broken_rule(
        lambda: execute(
            "insert into ledger_posting (entry_id, line, day, asset_id, debit_id,"
            " credit_id, amount) select entry_id, 2, day, asset_id, debit_id, credit_id,"
            " amount from ledger_posting"
        )
    )
    assert rule == "entry_has_all_its_lines"


@pytest.mark.usefixtures("books")
def test_a_line_belongs_to_an_entry() -> None:
    rule = broken_rule(
        lambda: execute(
            "insert into ledger_posting (entry_id, line, day, asset_id, debit_id,"
            " credit_id, amount) select 404, line, day, asset_id, debit_id, credit_id,"
            " amount from ledger_posting limit 1"
        )
    )
    assert rule == "posting_belongs_to_an_entry"


@pytest.mark.parametrize(
    ("happened_at", "wrong"),
    [
        (at(0, 0), day(-1)),
        (at(0, 0) - timedelta(microseconds=1), DAY),
        (at(0, 23.5), day(1)),
    ],
)
@pytest.mark.usefixtures("books")
def test_the_day_of_an_entry_is_the_utc_date_of_its_moment(
    happened_at: datetime, wrong: object
) -> None:
    rule = broken_rule(lambda: entry_by_hand(lawful(), happened_at=happened_at, day=wrong))
    assert rule == "entry_day_is_the_utc_date_of_happened_at"


def test_the_day_of_an_entry_does_not_follow_the_time_zone_of_the_session() -> None:
    execute("set local time zone 'Pacific/Auckland'")
    of = asset()
    deposit(of, "1", happened_at=at(0, 23.9))
    assert execute("select day from ledger_entry") == [(DAY,)]


@pytest.mark.usefixtures("books")
def test_a_key_is_used_once() -> None:
    entry_by_hand(lawful(), key="k")
    assert broken_rule(lambda: entry_by_hand(lawful(), key="k")) == "ledger_entry_key_key"


@pytest.mark.usefixtures("books")
def test_an_entry_is_reversed_once() -> None:
    entry, undone = some_entry()
    entry_by_hand(undone, key="undo", reverses_id=entry)
    rule = broken_rule(lambda: entry_by_hand(undone, key="again", reverses_id=entry))
    assert rule == "ledger_entry_reverses_id_key"


@pytest.mark.usefixtures("books")
def test_a_reversal_has_the_lines_of_its_entry_the_other_way_round() -> None:
    entry, undone = some_entry()
    as_it_was = undone | {"debit": undone["credit"], "credit": undone["debit"]}
    of = Asset.objects.get(code="BTC")
    deposit(of, "1", customer=9)
    other = undone | {"credit": id_of(wallet(of, 9))}
    less = undone | {"amount": undone["amount"] / 2}
    for lines in ([as_it_was], [other], [less], [undone, undone], [undone | {"line": 2}]):
        rule = broken_rule(lambda: entry_by_hand(*lines, reverses_id=entry))  # noqa: B023
        assert rule == "reversal_mirrors_its_entry"


@pytest.mark.usefixtures("books")
def test_an_entry_reverses_one_that_is_there() -> None:
    rule = broken_rule(lambda: entry_by_hand(lawful(), reverses_id=404))
    assert rule == "entry_reverses_an_entry"


# History is only added to


@pytest.mark.parametrize("table", HISTORY)
def test_history_is_never_updated(table: str) -> None:
    some_history()
    column = A_COLUMN[table]
    rule = broken_rule(lambda: execute(f"update {table} set {column} = {column}"))
    assert rule == f"{table}_is_append_only"


@pytest.mark.parametrize("table", HISTORY + KEPT)
def test_nothing_is_ever_deleted(table: str) -> None:
    some_history()
    rule = broken_rule(lambda: execute(f"delete from {table}"))
    assert rule == f"{table}_is_append_only"


@pytest.mark.parametrize("table", [*HISTORY, *KEPT, "ledger_sealqueue"])
def test_nothing_is_ever_truncated(table: str) -> None:
    some_history()
    # without it, foreign keys from the other tables would refuse in its place
    execute("set constraints all immediate")
    others = [x for x in [*HISTORY, *KEPT, "ledger_sealqueue"] if x != table]
    for other in others:
        execute(f"alter table {other} disable trigger never_truncated")
    assert broken_rule(lambda: execute(f"truncate {table} cascade")) == (
        f"{table}_is_append_only"
    )


def test_every_table_of_the_books_is_among_those_guarded_here() -> None:
    found = execute(
        "select relname from pg_class where relnamespace = 'public'::regnamespace"
        " and relkind in ('r', 'p') and starts_with(relname, 'ledger_')"
    )
    assert {name for (name,) in found} == {*HISTORY, *KEPT, "ledger_sealqueue"}


# Balances


@pytest.mark.parametrize(
    "change",
    [
        "credits = credits + 1",
        "debits = debits + 1",
        "debits = debits - 1",
        "version = version + 1",
        "version = version + 1, credits = credits + 1",
        "held = 1",
        "asset_id = asset_id + 1",
        "account_id = 404",
    ],
)
@pytest.mark.usefixtures("books")
def test_a_balance_is_not_moved_but_by_postings(change: str) -> None:
    rule = broken_rule(lambda: execute(f"update ledger_balance set {change}"))
    assert rule == "balance_follows_postings"


@pytest.mark.parametrize("credits", [0, 1])
def test_a_balance_is_not_made_by_hand(books: Asset, credits: int) -> None:
    rule = broken_rule(
        lambda: execute(
            "insert into ledger_balance (account_id, asset_id, debits, credits, held,"
            " version) values (%s, %s, 0, %s, 0, 0)",
            [id_of(custody(books)), books.pk, credits],
        )
    )
    assert rule == "balance_follows_postings"


def test_the_version_of_a_balance_counts_its_entries_without_a_gap(books: Asset) -> None:
    name = wallet(books)
    for number in range(2, 5):
        enter(line(custody(books), name, "1"), line(custody(books), name, "1"))
        assert Balance.objects.get(account_id=id_of(name)).version == number


def test_a_guarded_account_has_a_balance_from_the_beginning(books: Asset) -> None:
    name = wallet(books, 9)
    execute(
        "insert into ledger_account (asset_id, kind, code, heading, owner, guarded)"
        " values (%s, 'LIABILITY', %s, 'customer:*:wallet', %s, true)",
        [books.pk, name.code, name.owner],
    )
    assert Balance.objects.get(account_id=id_of(name)).version == 0


# Accounts and assets


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("asset_id", 404),
        ("kind", "EQUITY"),
        ("code", "other"),
        ("heading", "other"),
        ("owner", UUID(int=9)),
        ("guarded", False),
        ("id", 404),
    ],
)
def test_an_account_is_never_edited(books: Asset, column: str, value: object) -> None:
    name = wallet(books)
    rule = broken_rule(
        lambda: execute(
            f"update ledger_account set {column} = %s where id = %s", [value, id_of(name)]
        )
    )
    assert rule == "account_is_immutable"


def test_every_column_of_an_account_is_among_those_tried_here() -> None:
    tried = {"asset_id", "kind", "code", "heading", "owner", "guarded", "id"}
    columns = {x.column for x in Account._meta.concrete_fields}
    assert columns - {"closed_at"} == tried


@pytest.mark.parametrize("change", ["id = 404", "code = 'XBT'", "scale = 9"])
@pytest.mark.usefixtures("books")
def test_code_and_scale_of_an_asset_never_change(change: str) -> None:
    rule = broken_rule(
        lambda: execute(f"update ledger_asset set {change} where code = 'BTC'")
    )
    assert rule == "asset_is_immutable"


@pytest.mark.usefixtures("books")
def test_the_name_of_an_asset_may_change() -> None:
    execute("update ledger_asset set name = 'Bitcoin', kind = 'TOKENISED'")
    assert {x.name for x in Asset.objects.all()} == {"Bitcoin"}


@pytest.mark.parametrize("scale", [-1, 19])
def test_an_asset_has_0_to_18_decimals(scale: int) -> None:
    assert broken_rule(lambda: asset("ODD", scale)) == "asset_scale_is_0_to_18"


@pytest.mark.parametrize(
    ("rule", "columns"),
    [
        ("guarded_accounts_are_liabilities", {"kind": "EQUITY"}),
        (
            "unguarded_accounts_are_their_own_heading",
            {"guarded": False, "owner": None, "heading": "other"},
        ),
        ("owned_accounts_are_guarded", {"guarded": False, "heading": "c"}),
        ("one_account_per_asset_and_code", {"code": "treasury:custody"}),
    ],
)
def test_an_account_makes_sense(
    books: Asset, rule: str, columns: dict[str, object]
) -> None:
    plain = {"asset": books, "kind": "LIABILITY", "code": "c", "heading": "h"}
    plain |= {"owner": UUID(int=9), "guarded": True}
    assert broken_rule(lambda: Account.objects.create(**plain | columns)) == rule


def test_a_closed_account_takes_nothing(books: Asset) -> None:
    enter(line(wallet(books), fees(books), "5"))
    close_account(books, wallet(books).code)
    assert broken_rule(lambda: deposit(books, "1")) == "account_is_open"
    assert broken_rule(lambda: entry_by_hand(lawful())) == "account_is_open"


def test_a_closed_house_account_takes_nothing(books: Asset) -> None:
    lines = [line(interest(books), accrued(books), "1")]
    enter(*lines)
    enter(line(accrued(books), interest(books), "1"))
    close_account(books, accrued(books).code)
    assert broken_rule(lambda: enter(*lines)) == "account_is_open"


def test_an_account_with_money_is_not_closed(books: Asset) -> None:
    for name in (wallet(books), custody(books)):
        rule = broken_rule(lambda code=name.code: close_account(books, code))
        assert rule == "account_is_empty"


def test_an_account_is_closed_once_and_never_opened_again(books: Asset) -> None:
    enter(line(wallet(books), fees(books), "5"))
    close_account(books, wallet(books).code)
    for again in ("null", "now()"):
        rule = broken_rule(
            lambda value=again: execute(
                f"update ledger_account set closed_at = {value} where closed_at <> 'today'"
            )
        )
        assert rule == "account_is_immutable"


@real_connections
@pytest.mark.parametrize("name", [wallet, accrued])
def test_closing_an_account_waits_for_the_entry_in_flight(name: Naming) -> None:
    of = asset()
    enter(line(custody(of), name(of), "1"))
    enter(line(name(of), custody(of), "1"))
    _, answer = in_flight(
        lambda: enter(line(custody(of), name(of), "1")),
        lambda: broken_rule(lambda: close_account(of, name(of).code)),
    )
    assert answer == "account_is_empty"


@real_connections
@pytest.mark.parametrize("name", [wallet, accrued])
def test_an_entry_waits_for_the_closing_of_its_account(name: Naming) -> None:
    of = asset()
    enter(line(custody(of), name(of), "1"))
    enter(line(name(of), custody(of), "1"))
    _, answer = in_flight(
        lambda: close_account(of, name(of).code),
        lambda: broken_rule(lambda: enter(line(custody(of), name(of), "1"))),
    )
    assert answer == "account_is_open"
    assert not any(check.violations() for check in checks.CHECKS)


# Days


@pytest.mark.parametrize(
    "change",
    ["day = day + 100", "fenced_at = fenced_at - interval '1 day'", "ended_at = null"],
)
def test_a_day_that_has_ended_is_never_changed(change: str) -> None:
    some_history()
    rule = broken_rule(lambda: execute(f"update ledger_bookday set {change}"))
    assert rule == "day_is_immutable"


@pytest.mark.parametrize(
    "change", ["day = day + 100", "fenced_at = now() - interval '1 d'"]
)
def test_a_day_is_fenced_once(change: str) -> None:
    BookDay.objects.create(day=DAY)
    rule = broken_rule(lambda: execute(f"update ledger_bookday set {change}"))
    assert rule == "day_is_immutable"
