"""The income of a year: every receipt with what it was worth, and what has no price."""

import csv
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest

from earn import documents, prices, reports
from earn.holdings import currency_of
from earn.models import Customer
from earn.statements import NotFinished
from ledger.models import Asset
from tests.earn.people import (
    close_to,
    day,
    fixed,
    flexible,
    fund,
    money,
    now,
    on,
    redeem,
    subscribe,
)

pytestmark = pytest.mark.django_db
DOLLAR_A_DAY = [(None, 0, "0.365")]


@pytest.fixture
def bitcoin() -> Asset:
    return money("BTC", 8)


def of(who: Customer, year: int = 2026) -> dict[str, Any]:
    """All there is of a year, in the customer's own currency."""
    of_year = [x for x in reports.last_days(who) if x.year == year]
    return reports.income(
        customer=who,
        through=of_year[0],
        currency=currency_of(who),
        known_at=prices.settled_at(),
    )


def earn_a_day(who: Customer, asset: Asset) -> None:
    """One unit of the asset, paid on the morning after; the first on that of day 2."""
    daily = flexible("daily", DOLLAR_A_DAY, payout="DAILY", asset=asset)
    subscribe(who, daily, 1000, on(0))


def receipts(who: Customer) -> list[dict[str, Any]]:
    return [x for asset in of(who)["assets"] for x in asset["receipts"]]


def test_each_receipt_is_worth_what_the_price_of_its_moment_says(
    alice: Customer, bitcoin: Asset
) -> None:
    money("USD")
    earn_a_day(alice, bitcoin)
    prices.record([(bitcoin, Decimal(50_000))], at=on(1))
    prices.record([(bitcoin, Decimal(60_000))], at=on(2, hour=23))
    close_to(3)
    first, second = receipts(alice)
    assert first["type"] == "INTEREST_PAID"
    assert (first["amount"], first["worth"]) == ("1.00000000", "50000.00")
    assert (second["amount"], second["worth"]) == ("1.00000000", "60000.00")
    assert (second["price"], second["price_at"]) == (
        "60000",
        "2026-01-07T23:00:00.000000Z",
    )
    assert second["currency_price"] == "1"
    assert of(alice)["worth"] == "110000.00"
    assert of(alice)["currency"] == "USD"


def test_a_missing_price_is_missing_and_the_totals_say_so(
    alice: Customer, bitcoin: Asset
) -> None:
    money("USD")
    subscribe(
        alice, flexible("b", DOLLAR_A_DAY, payout="DAILY", asset=bitcoin), 1000, on(0)
    )
    prices.record([(bitcoin, Decimal(50_000))], at=on(2))
    close_to(4)
    report = of(alice)
    (asset,) = report["assets"]
    assert [x["worth"] for x in asset["receipts"]] == [None, "50000.00", "50000.00"]
    assert asset["receipts"][0]["price"] is None
    assert asset["worth"] == report["worth"] == "100000.00"
    assert asset["amount_without_price"] == "1.00000000"
    assert report["receipts_without_price"] == asset["receipts_without_price"] == 1


def test_where_no_price_is_known_the_total_is_not_zero(
    alice: Customer, bitcoin: Asset
) -> None:
    money("USD")
    subscribe(
        alice, flexible("b", DOLLAR_A_DAY, payout="DAILY", asset=bitcoin), 1000, on(0)
    )
    close_to(2)
    assert of(alice)["worth"] is None
    assert of(alice)["assets"][0]["worth"] is None


def test_asked_for_as_of_then_a_report_knows_no_later_price_and_no_later_day(
    alice: Customer, bitcoin: Asset
) -> None:
    dollar, euro = money(), money("EUR")
    earn_a_day(alice, bitcoin)
    close_to(2)
    prices.record([(bitcoin, Decimal(50_000))], at=on(1))
    then = prices.settled_at()

    def made() -> dict[str, Any]:
        return reports.income(
            customer=alice, through=day(2), currency=dollar, known_at=then
        )

    before = made()
    assert before["worth"] == "50000.00"
    assert before["prices_known_at"] == documents.moment(then)
    prices.record([(bitcoin, Decimal(60_000))], at=on(1, hour=11))
    alice.display_currency = euro
    alice.save()
    close_to(3)
    assert made() == before
    assert of(alice)["last_day"] == str(day(3))


def test_what_is_known_at_a_moment_to_come_is_not_known_yet(alice: Customer) -> None:
    fund(alice, 5, at=on(0))
    close_to(0)
    soon = prices.settled_at() + timedelta(minutes=1)
    with pytest.raises(NotFinished):
        reports.income(customer=alice, through=day(0), currency=None, known_at=soon)


def test_a_price_that_is_added_later_is_in_a_report_that_is_made_later(
    alice: Customer, bitcoin: Asset
) -> None:
    money("USD")
    subscribe(
        alice, flexible("b", DOLLAR_A_DAY, payout="DAILY", asset=bitcoin), 1000, on(0)
    )
    close_to(2)
    before = of(alice)
    assert of(alice)["assets"] == before["assets"]
    prices.record([(bitcoin, Decimal(50_000))], at=on(1))
    after = of(alice)
    assert after["worth"] == "50000.00"
    assert after["sha256"] != before["sha256"]


def test_the_currency_is_the_one_the_customer_chose(
    alice: Customer, bitcoin: Asset
) -> None:
    earn_a_day(alice, money())
    alice.display_currency = bitcoin
    alice.save()
    prices.record([(bitcoin, Decimal(50_000))], at=on(1))
    close_to(2)
    (receipt,) = receipts(alice)
    assert (of(alice)["currency"], receipt["worth"]) == ("BTC", "0.00002000")
    assert receipt["currency_price"] == "50000"


def test_interest_in_the_currency_itself_needs_no_price(alice: Customer) -> None:
    earn_a_day(alice, money())
    close_to(2)
    (receipt,) = receipts(alice)
    assert (receipt["worth"], receipt["price"]) == ("1.00", None)


def test_interest_that_is_capitalised_or_taken_back_counts(alice: Customer) -> None:
    term = fixed(tiers=[(10, 0, "0.365")])
    subscribe(alice, term, 1000, on(0), term_days=10, at_maturity="RENEW_ALL")
    hasty = fixed("hasty", [(10, 0, "0.365")], early_rule="FORFEIT_ALL", payout="DAILY")
    position = subscribe(alice, hasty, 1000, on(0), term_days=10)
    close_to(2)
    redeem(now(position), on(3))
    close_to(11)
    found = [(x["type"], x["amount"]) for x in receipts(alice)]
    assert found == [
        ("INTEREST_PAID", "1.00"),
        ("INTEREST_PAID", "1.00"),
        ("CLAWBACK", "-2.00"),
        ("INTEREST_CAPITALISED", "10.00"),
    ]
    assert of(alice)["worth"] == "10.00"


def test_the_years_are_those_with_a_closed_day(alice: Customer, bob: Customer) -> None:
    fund(alice, 5, at=on(0))
    assert reports.last_days(alice) == []
    close_to(0)
    assert reports.last_days(alice) == [day(0)]
    assert reports.last_days(bob) == []
    assert of(alice)["assets"] == []
    assert of(alice)["worth"] == "0.00"
    close_to(365)
    assert reports.last_days(alice) == [day(365), date(2026, 12, 31)]


@pytest.mark.parametrize("through", [date(2025, 12, 31), day(1), date(2027, 1, 1)])
def test_a_year_without_a_closed_day_has_no_report(alice: Customer, through: date) -> None:
    fund(alice, 5, at=on(0))
    close_to(0)
    with pytest.raises(NotFinished):
        reports.income(
            customer=alice, through=through, currency=None, known_at=prices.settled_at()
        )


def test_the_csv_says_the_same_and_keeps_figures_as_numbers(alice: Customer) -> None:
    hasty = fixed("hasty", [(10, 0, "0.365")], early_rule="FORFEIT_ALL", payout="DAILY")
    position = subscribe(alice, hasty, 1000, on(0), term_days=10)
    close_to(2)
    redeem(now(position), on(3))
    close_to(3)
    report = of(alice)
    rows = list(csv.DictReader(StringIO(reports.as_csv(report).decode())))
    mine = [(x["record"], x["amount"], x["worth"]) for x in rows if x["asset"]]
    assert mine == [
        ("RECEIPT", "1.00", "1.00"),
        ("RECEIPT", "1.00", "1.00"),
        ("RECEIPT", "-2.00", "-2.00"),
        ("TOTAL", "0.00", "0.00"),
        ("WITHOUT_PRICE", "0.00", ""),
    ]
    about = {row["type"]: row["value"] for row in rows if row["record"] == "ABOUT"}
    assert about["sha256"] == report["sha256"] == documents.sha256(report)
