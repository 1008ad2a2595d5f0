"""What a customer sees of what is theirs, and that nobody else does."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.formats import date_format

from earn import prices
from earn.days import ONE_DAY
from earn.models import Customer, User
from tests.earn.people import (
    close_to,
    day,
    fixed,
    flexible,
    fund,
    money,
    on,
    redeem,
    subscribe,
)

pytestmark = pytest.mark.django_db
DOLLAR_A_DAY = [(None, 0, "0.365")]


def signed_in(who: Customer, **options: Any) -> Client:
    if who.user is None:
        who.user = User.objects.create_user(f"{who.reference}@example.com")
        who.save()
    client = Client(**options)
    client.force_login(who.user)
    return client


@pytest.fixture
def browse(alice: Customer) -> Callable[..., str]:
    client = signed_in(alice)

    def act(name: str, *args: Any, status: int = 200) -> str:
        answer = client.get(reverse(f"portal:{name}", args=args))
        assert answer.status_code == status
        return answer.content.decode()

    return act


def test_a_customer_without_money_is_told_so(browse: Callable[..., str]) -> None:
    page = browse("home")
    assert "There is no money here yet." in page
    assert "No day has been closed yet." in page


def test_home_shows_wallet_products_redemptions_and_interest(
    alice: Customer, browse: Callable[..., str]
) -> None:
    easy = flexible(tiers=DOLLAR_A_DAY)
    slow = flexible("slow", settlement_delay_days=5)
    term = fixed(tiers=[(10, 0, "0.365")])
    subscribe(alice, easy, 1000, on(0))
    subscribe(alice, term, 2000, on(0), term_days=10)
    redeem(subscribe(alice, slow, 300, on(0)), on(0), 100)
    fund(alice, "7.50", at=on(0))
    close_to(3)
    page = browse("home")
    by_asset = page[page.index('id="assets"') :]
    cells = [
        cell.split("<")[0].strip()
        for cell in by_asset.split('class="number">')[1:]
        if "</td>" in cell
    ]
    # three days of 1.00 and of 2.00, and of 200 at ten percent
    assert cells == ["7.50", "3,200.00", "100.00", "9.16", "3,316.66"]
    assert '<p class="sum">3,316.66 USD</p>' in page
    assert "8 January 2026, the last closed day" in page
    assert "3.00 USD of interest owed to you; the last closed day earned 1.00 USD" in page
    assert f'<time datetime="{day(5)}">' in page  # the redemption on its way


def test_totals_are_in_the_customer_s_currency_at_its_prices(
    alice: Customer, browse: Callable[..., str]
) -> None:
    euro, coin = money("EUR"), money("COIN", 8)
    now = datetime.now(UTC)
    prices.record([(euro, Decimal("1.25")), (coin, Decimal(40))], at=now)
    fund(alice, 100, at=on(0))
    fund(alice, "0.5", asset=coin, at=on(0))
    assert '<p class="sum">120.00 USD</p>' in browse("home")
    alice.display_currency = euro
    alice.save()
    assert '<p class="sum">96.00 EUR</p>' in browse("home")


def test_what_has_no_price_is_named_and_not_counted(
    alice: Customer, browse: Callable[..., str]
) -> None:
    fund(alice, 100, at=on(0))
    fund(alice, "0.5", asset=money("COIN", 8), at=on(0))
    page = browse("home")
    assert '<p class="sum">100.00 USD</p>' in page
    assert "<strong>0.50000000 COIN</strong>" in page
    assert "no price" in page


def test_charts_show_money_and_interest_of_each_closed_day(
    alice: Customer, browse: Callable[..., str]
) -> None:
    subscribe(alice, flexible(tiers=DOLLAR_A_DAY), 1000, on(0))
    close_to(2)
    page = browse("home")
    assert page.count('<svg viewBox="0 0 1000 300"') == 2
    assert "2.00 USD in 3 days" in page
    rows = [row.split("</tr>")[0] for row in page.split("<tr>")[2:5]]
    shown = [re.findall(r"[\d,.]+ USD", row) for row in rows]
    assert shown == [["1,000.00 USD", "1.00 USD"]] * 2 + [["1,000.00 USD", "0.00 USD"]]


def test_the_page_asks_as_much_for_many_positions_as_for_one(
    alice: Customer, django_assert_max_num_queries: Any
) -> None:
    for number in range(8):
        subscribe(alice, flexible(f"flexible-{number}"), 1000, on(0))
        subscribe(alice, fixed(f"fixed-{number}"), 1000, on(0), term_days=10)
    close_to(2)
    client = signed_in(alice)
    with django_assert_max_num_queries(21):  # two of them for the session and its user
        client.get(reverse("portal:home"))


def test_a_position_that_begins_tomorrow_says_so(
    alice: Customer, browse: Callable[..., str]
) -> None:
    today = datetime.now(UTC)
    subscribe(alice, flexible(), 1000, today)
    day_after = date_format(today.date() + ONE_DAY, "DATE_FORMAT")
    assert f"Earns from {day_after}" in " ".join(browse("home").split())


def test_home_says_what_today_is_expected_to_earn(
    alice: Customer, browse: Callable[..., str]
) -> None:
    today = datetime.now(UTC)
    subscribe(alice, flexible(tiers=DOLLAR_A_DAY), 1000, today - ONE_DAY)
    subscribe(alice, flexible("new", tiers=DOLLAR_A_DAY), 5000, today)
    page = " ".join(browse("home").split())
    assert "<dt>Expected today</dt> <dd>1.00 USD</dd>" in page


def test_a_term_that_the_late_close_has_not_settled_is_not_said_to_earn(
    alice: Customer, browse: Callable[..., str]
) -> None:
    late = datetime.now(UTC) - 11 * ONE_DAY
    subscribe(alice, fixed(), 1000, late, term_days=10)
    page = " ".join(browse("home").split())
    assert "Matured: the daily close is settling it." in page
    assert "Matures on" not in page
    assert "> Earning <" not in page
    assert "<dt>Expected today</dt> <dd>0.00 USD</dd>" in page
    term = subscribe(alice, fixed("long"), 1000, late, term_days=30)
    page = " ".join(browse("home").split())
    assert f"Matures on {date_format(term.matures_on)} <" in page


def test_a_position_shows_each_days_interest(
    alice: Customer, browse: Callable[..., str]
) -> None:
    position = subscribe(alice, flexible(tiers=DOLLAR_A_DAY), 1000, on(0))
    assert "None of its days has been closed yet." in browse("position", position.pk)
    close_to(2)
    page = browse("position", position.pk)
    assert page.index("/2026-01-07/") < page.index("/2026-01-06/")
    assert ">7 Jan 2026</a>" in page
    assert "2.00 USD" in page
    assert "1,000.00" in page


def test_a_long_history_comes_in_pages(alice: Customer) -> None:
    position = subscribe(alice, flexible(), 1000, on(0))
    close_to(40)
    client = signed_in(alice)
    address = reverse("portal:position", args=[position.pk])
    first = client.get(address).content.decode()
    assert str(day(40)) in first
    assert str(day(9)) not in first
    second = client.get(f"{address}?before={day(10)}").content.decode()
    assert f'href="?before={day(10)}"' in first
    assert str(day(9)) in second
    assert str(day(10)) not in second
    assert client.get(f"{address}?before=soon").status_code == 404


def test_a_day_is_explained_in_words_figures_and_json(
    alice: Customer, browse: Callable[..., str]
) -> None:
    product = flexible(tiers=[(None, 0, "0.12"), (None, 500, "0.008")])
    position = subscribe(alice, product, 1000, on(0))
    close_to(1)
    page = browse("position-day", position.pk, day(1))
    assert "On 6 January 2026 the balance was never below 1,000.00 USD." in page
    assert "at 12 % a year" in page
    assert "it is what the books say" in page
    address = reverse("portal:position-day", args=[position.pk, day(1)])
    found = signed_in(alice).get(address, {"format": "json"}).json()
    assert (found["position"], found["basis"], found["agrees"]) == (
        position.pk,
        "1000.00",
        True,
    )
    assert [part["annual_rate"] for part in found["slices"]] == ["0.12", "0.008"]
    browse("position-day", position.pk, day(2), status=404)
