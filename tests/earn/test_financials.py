"""Balance sheet and income statement: in each asset exact, together at their prices."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from earn import financials, prices
from earn.days import end_of
from earn.financials import EXPENSE, INCOME
from earn.models import Customer
from ledger import posting
from ledger.models import Account, Asset
from ledger.posting import AccountName, Line
from tests.earn.people import (
    close_to,
    day,
    fixed,
    flexible,
    fund,
    key,
    money,
    on,
    subscribe,
)

pytestmark = pytest.mark.django_db


def book(of: Asset, debit: str, credit: str, amount: str, number: int) -> None:
    """Between two accounts of the house, on the day of that number."""
    kinds = {"treasury": "ASSET", "income": "INCOME", "equity": "EQUITY"}
    names = [AccountName(of.pk, x, kinds[x.split(":")[0]]) for x in (debit, credit)]
    line = Line(*names, Decimal(amount))
    posting.post(key=key(), kind="TEST", lines=[line], happened_at=on(number))


@pytest.fixture
def business(alice: Customer, bob: Customer) -> tuple[Asset, Asset]:
    """Two products in dollars at a thousandth a day, one in bitcoin; four closed days."""
    usd, btc = money(), money("BTC", 8)
    thousandth = [(None, 0, "0.365")]
    subscribe(alice, flexible("easy", thousandth), 1000, on(0))
    subscribe(bob, flexible("other", thousandth), 2000, on(0))
    subscribe(bob, fixed("term", [(10, 0, "0.365")], asset=btc), 1, on(0), term_days=10)
    book(usd, "treasury:custody", "equity:opening", "500", 0)
    book(usd, "treasury:deployed:north", "treasury:custody", "300", 0)
    book(usd, "treasury:custody", "income:yield:north", "5", 2)
    book(usd, "treasury:custody", "income:yield:south", "2", 3)
    close_to(4)
    return usd, btc


def test_of_many_prices_the_last_ones_alone_are_read(business: tuple[Asset, Asset]) -> None:
    """An asset may have thousands of them in two days."""
    _usd, btc = business
    for hour, price in ((8, 40_000), (9, 41_000), (10, 50_000), (12, 60_000)):
        prices.record([(btc, Decimal(price))], at=on(4, hour))
    at = on(4, 11)
    with CaptureQueriesContext(connection) as asked:
        (trial,) = financials.trial(at=at, asset=btc)
        reports = financials.balance_sheets(at=at)
        together = financials.consolidated(reports, at=at)
    assert trial.price == 50_000
    assert together.total("ASSET") == 3000 + 500 + 7 + 50_000
    of_prices = [x["sql"].lower() for x in asked if "earn_price" in x["sql"]]
    assert len(of_prices) == 2
    assert all("limit 1" in x for x in of_prices)


def test_products_and_venues_are_one_line_each(business: tuple[Asset, Asset]) -> None:
    usd, _btc = business
    (report,) = financials.income_statements(first=day(1), last=day(4), asset=usd)
    assert report.lines == [
        (EXPENSE, "product:*:interest", 12),
        (INCOME, "income:yield:*", 7),
    ]
    assert report.result == -5


@pytest.mark.parametrize(
    ("first", "last", "income", "expense"),
    [(1, 1, 0, 3), (2, 2, 5, 3), (2, 3, 7, 6), (0, 0, 0, 0), (0, 4, 7, 12)],
)
def test_an_income_statement_is_of_its_days_alone(
    business: tuple[Asset, Asset], first: int, last: int, income: int, expense: int
) -> None:
    usd, _btc = business
    reports = financials.income_statements(first=day(first), last=day(last), asset=usd)
    totals = [(x.total(INCOME), x.total(EXPENSE)) for x in reports]
    assert totals == ([(income, expense)] if income or expense else [])


@pytest.mark.usefixtures("business")
@pytest.mark.parametrize("number", range(5))
def test_assets_are_liabilities_and_equity_and_the_result(number: int) -> None:
    reports = financials.balance_sheets(at=end_of(day(number)))
    assert {x.asset.code for x in reports} == {"BTC", "USD"}
    assert all(x.is_balanced for x in reports)
    dollars = reports[1]
    assert dollars.total(Account.Kind.EQUITY) == 500
    assert dollars.total(Account.Kind.ASSET) == 3500 + (5 if number >= 2 else 0) + (
        2 if number >= 3 else 0
    )
    assert dollars.claims == dollars.total(Account.Kind.ASSET)


def test_a_sheet_whose_sides_differ_says_so(business: tuple[Asset, Asset]) -> None:
    usd, _btc = business
    (report,) = financials.balance_sheets(at=on(4), asset=usd)
    short = financials.AssetReport(report.lines[1:], usd)
    assert report.is_balanced
    assert not short.is_balanced


def test_all_together_is_exact_at_the_prices_of_the_moment(
    business: tuple[Asset, Asset],
) -> None:
    _usd, btc = business
    prices.record([(btc, Decimal("60000.005"))], at=on(3))
    prices.record([(btc, Decimal(1))], at=on(4, 11))
    reports = financials.income_statements(first=day(1), last=day(4))
    found = financials.consolidated(reports, at=on(4))
    assert found.missing == []
    assert found.total(EXPENSE) == 12 + Decimal("0.004") * Decimal("60000.005")
    sheet = financials.consolidated(financials.balance_sheets(at=on(4)), at=on(4))
    assert sheet.is_balanced
    assert sheet.total(Account.Kind.ASSET) == 3507 + Decimal("60000.005")


@pytest.mark.parametrize("hours_before", [None, 49])
def test_what_has_no_price_or_an_old_one_is_missing_and_in_no_sum(
    business: tuple[Asset, Asset], hours_before: int | None
) -> None:
    _usd, btc = business
    if hours_before:
        prices.record([(btc, Decimal(7))], at=on(4, 10 - hours_before))
    reports = financials.balance_sheets(at=on(4))
    found = financials.consolidated(reports, at=on(4))
    assert found.missing == [btc]
    assert found.total(Account.Kind.ASSET) == 3507
    (of_btc,) = financials.trial(at=on(4), asset=btc)
    assert of_btc.worth is None


def test_a_trial_balance_is_of_its_moment(alice: Customer) -> None:
    fund(alice, 5, at=on(0, 10))
    fund(alice, 7, at=on(0, 12))
    assert financials.trial(at=on(0, 9)) == []
    for hour, sum_ in ((11, 5), (12, 12)):
        (found,) = financials.trial(at=on(0, hour))
        assert (found.debits, found.credits, found.owned, found.worth) == (sum_,) * 4
