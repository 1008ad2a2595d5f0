"""Statements: they add up, they say all that happened, and they never change."""

import csv
import hashlib
import json
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.db import connection

from earn import documents, statements
from earn.activity import Type, happened
from earn.models import Customer, Product
from earn.statements import BadPeriod, DoesNotAddUp, NotFinished, Period
from ledger import posting
from ledger.models import Entry, Seal
from tests.earn.people import (
    close_to,
    fixed,
    flexible,
    fund,
    key,
    money,
    now,
    on,
    redeem,
    subscribe,
)

pytestmark = pytest.mark.django_db
JANUARY = Period.read("2026-01")
DOLLAR_A_DAY = [(None, 0, "0.365")]


def of(who: Customer, period: str = "2026-01") -> dict[str, Any]:
    return statements.statement(customer=who, period=Period.read(period))


@pytest.fixture
def january(alice: Customer, bob: Customer) -> Customer:
    """Alice after a month in which everything happened; Bob's month is his own."""
    easy = flexible("easy", DOLLAR_A_DAY, payout="DAILY")
    slow = flexible("slow", settlement_delay_days=40)
    subscribe(alice, easy, 1000, on(0))
    redeem(subscribe(alice, slow, 300, on(0)), on(1), 100)
    subscribe(alice, fixed(tiers=[(10, 0, "0.365")]), 2000, on(0), term_days=10)
    fund(alice, 7, at=on(2), asset=money("EUR"))
    subscribe(bob, easy, 500, on(0))
    close_to(60)
    return alice


def test_a_statement_is_made_of_balances_movements_and_interest(january: Customer) -> None:
    euros, dollars = of(january)["assets"]
    assert (euros["asset"], dollars["asset"]) == ("EUR", "USD")
    assert euros["closing"] == {
        "wallet": "7.00",
        "in_products": "0.00",
        "redeeming": "0.00",
        "total": "7.00",
    }
    # 25 days of a dollar are paid on the mornings through January 31; ten of two at once
    assert dollars["closing"] == {
        "wallet": "2045.00",
        "in_products": "1200.00",
        "redeeming": "100.00",
        "total": "3345.00",
    }
    assert dollars["interest"]["received"] == "45.00"
    accrued = {x["product"]: (x["days"], x["accrued"]) for x in _interest(dollars)}
    assert accrued["easy"] == (26, "26.00")
    assert accrued["fixed"] == (10, "20.00")
    types = [movement["type"] for movement in dollars["movements"]]
    assert types[:2] == ["DEPOSIT", "SUBSCRIPTION"]
    assert types.count("INTEREST_PAID") == 26
    assert types.count("MATURITY_PAID") == 1


def _interest(asset: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = asset["interest"]["by_position"]
    return found


def test_a_movement_says_what_when_where_and_how_much(january: Customer) -> None:
    dollars = of(january)["assets"][1]
    asked = next(x for x in dollars["movements"] if x["type"] == "REDEMPTION_REQUESTED")
    entry = Entry.objects.get(pk=asked["entry"])
    assert asked == {
        "at": "2026-01-06T10:00:00.000000Z",
        "type": "REDEMPTION_REQUESTED",
        "entry": entry.pk,
        "line": asked["line"],
        "position": entry.note["position"],
        "product": "slow",
        "from": f"position:{entry.note['position']}:principal",
        "to": f"customer:{january.uuid}:redeeming",
        "amount": asked["amount"],
        "wallet": "0.00",
        "in_products": f"-{asked['amount']}",
        "redeeming": asked["amount"],
    }


def test_months_follow_each_other_and_make_up_quarters_and_years(january: Customer) -> None:
    close_to(360)
    months = [of(january, f"2026-{month:02d}") for month in range(1, 13)]
    for before, after in zip(months, months[1:], strict=False):
        for one, next_one in zip(before["assets"], after["assets"], strict=True):
            assert one["closing"] == next_one["opening"]
    quarters = [of(january, f"2026-Q{number}") for number in range(1, 5)]
    year = of(january, "2026")
    for parts in (months, quarters):
        movements = [x for part in parts for x in part["assets"][1]["movements"]]
        assert movements == year["assets"][1]["movements"]
        accrued = [Decimal(part["assets"][1]["interest"]["accrued"]) for part in parts]
        assert sum(accrued) == Decimal(year["assets"][1]["interest"]["accrued"])
    assert year["assets"][1]["opening"]["total"] == "0.00"


def test_nothing_of_another_customers_is_in_it(january: Customer, bob: Customer) -> None:
    written = documents.as_json(of(january)).decode()
    assert str(bob.uuid) not in written
    his = of(bob)["assets"]
    assert [asset["closing"]["in_products"] for asset in his] == ["500.00"]


def test_no_name_and_no_address_is_in_it(january: Customer) -> None:
    written = documents.as_json(of(january)).decode()
    assert str(january.uuid) in written
    assert january.reference
    assert january.reference not in written


def test_a_statement_made_again_is_the_same_byte_for_byte(january: Customer) -> None:
    before = of(january)
    entry = Entry.objects.filter(kind="DEPOSIT", postings__amount=7).get()
    Customer.objects.filter(pk=january.pk).update(reference="renamed", country="FR")
    Product.objects.update(names={"en": "Another name"})
    posting.reverse(entry_id=entry.pk, key=key(), happened_at=on(61), reason="an error")
    subscribe(january, Product.objects.get(code="easy"), 100, on(61))
    close_to(70)
    after = of(january)
    for write in (documents.as_json, statements.as_csv):
        assert write(after) == write(before)


def test_a_correction_is_a_movement_of_the_day_it_was_made(january: Customer) -> None:
    entry = Entry.objects.filter(kind="DEPOSIT", postings__amount=7).get()
    posting.reverse(entry_id=entry.pk, key=key(), happened_at=on(61), reason="an error")
    close_to(90)
    euros = of(january, "2026-03")["assets"][0]
    assert [x["type"] for x in euros["movements"]] == ["CORRECTION"]
    assert (euros["opening"]["wallet"], euros["closing"]["wallet"]) == ("7.00", "0.00")


def test_interest_that_is_corrected_counts_as_taken_back(january: Customer) -> None:
    paid = Entry.objects.filter(kind="PAY", key__startswith="interest:").order_by("pk")[0]
    posting.reverse(entry_id=paid.pk, key=key(), happened_at=on(61), reason="an error")
    (undone,) = happened(customer=january, types={Type.CORRECTION})
    assert (undone.wallet, statements.interest_received(undone)) == (-1, -1)


def test_what_does_not_add_up_is_never_a_statement(january: Customer) -> None:
    with connection.cursor() as cursor:
        cursor.execute("alter table ledger_balanceday disable trigger all")
        cursor.execute("update ledger_balanceday set credits = credits + 0.01")
        cursor.execute("delete from ledger_balanceday where day < '2026-01-20'")
    with pytest.raises(DoesNotAddUp, match="EUR|USD"):
        of(january)


def test_its_hash_is_that_of_everything_else_in_it(january: Customer) -> None:
    written = json.loads(documents.as_json(of(january)))
    said = written.pop("sha256")
    canonical = json.dumps(
        written, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    assert said == hashlib.sha256(canonical.encode()).hexdigest()


def test_it_names_the_seal_of_its_last_day(january: Customer) -> None:
    seal = Seal.objects.get(day=JANUARY.last)
    assert of(january)["seal"] == {
        "number": seal.number,
        "day": "2026-01-31",
        "hash": bytes(seal.hash).hex(),
    }


def test_a_period_whose_last_day_is_not_closed_has_no_statement(alice: Customer) -> None:
    fund(alice, 1, at=on(0))
    close_to(25)
    with pytest.raises(NotFinished):
        of(alice)
    assert statements.periods(alice) == []
    close_to(26)
    assert of(alice)["assets"]
    assert [period.code for period in statements.periods(alice)] == ["2026-01"]


def test_periods_are_those_that_are_over_since_the_first_day(january: Customer) -> None:
    close_to(90)
    codes = [period.code for period in statements.periods(january)]
    assert codes == ["2026-Q1", "2026-03", "2026-02", "2026-01"]


def test_whoever_never_had_anything_has_no_periods(bob: Customer) -> None:
    assert statements.periods(bob) == []


@pytest.mark.parametrize(
    ("code", "first", "last"),
    [
        ("2026-02", "2026-02-01", "2026-02-28"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2026-12", "2026-12-01", "2026-12-31"),
        ("2026-Q1", "2026-01-01", "2026-03-31"),
        ("2026-Q4", "2026-10-01", "2026-12-31"),
        ("2026", "2026-01-01", "2026-12-31"),
    ],
)
def test_a_period_has_its_first_and_last_day(code: str, first: str, last: str) -> None:
    period = Period.read(code)
    assert (str(period.first), str(period.last)) == (first, last)


@pytest.mark.parametrize(
    "text", ["", "26", "2026-13", "2026-00", "2026-Q5", "2026-1", "9999-12", "2026-01-01"]
)
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(BadPeriod):
        Period.read(text)


# CSV


def test_the_csv_says_the_same_as_the_json(january: Customer) -> None:
    document = of(january)
    rows = list(csv.DictReader(StringIO(statements.as_csv(document).decode())))
    dollars = document["assets"][1]
    mine = [row for row in rows if row["asset"] == "USD"]
    assert [row["record"] for row in mine[:2]] == ["OPENING", "MOVEMENT"]
    moved = [row for row in mine if row["record"] == "MOVEMENT"]
    assert [row["wallet"] for row in moved] == [x["wallet"] for x in dollars["movements"]]
    for name in ("wallet", "in_products", "redeeming"):
        total = sum(
            Decimal(row[name]) for row in mine if row["record"] in {"OPENING", "MOVEMENT"}
        )
        assert str(total) == dollars["closing"][name]
    about = {row["type"]: row["value"] for row in rows if row["record"] == "ABOUT"}
    assert about["sha256"] == document["sha256"]
    assert about["seal_hash"] == document["seal"]["hash"]
    assert about["customer"] == str(january.uuid)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM", "\tx", "\rx"])
def test_a_text_is_never_a_formula_and_a_figure_stays_a_number(text: str) -> None:
    written = documents.as_csv(
        ["product", "wallet"], [{"product": text, "wallet": "-1.00"}]
    )
    read = next(csv.DictReader(StringIO(written.decode(), newline="")))
    assert read == {"product": f"'{text}", "wallet": "-1.00"}


def test_a_position_that_is_left_keeps_its_interest_in_the_statement(
    alice: Customer,
) -> None:
    position = subscribe(alice, flexible(tiers=DOLLAR_A_DAY), 1000, on(0))
    close_to(3)
    redeem(now(position), on(4))
    close_to(30)
    (dollars,) = of(alice)["assets"]
    assert dollars["interest"]["accrued"] == "3.00"
    assert dollars["interest"]["received"] == "3.00"
    assert dollars["closing"]["wallet"] == "1003.00"
