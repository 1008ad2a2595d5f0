"""Pages in the reader's language and time zone, totals in the reader's currency."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.formats import date_format

from earn import prices
from earn.days import ONE_DAY, start_of
from earn.models import Customer, Order, User
from ledger.models import Asset
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
from tests.portal.test_home import signed_in

pytestmark = pytest.mark.django_db
PAGE = "/preferences/"
CHOSEN = {"language": "ar", "time_zone": "Asia/Tokyo", "currency": "EUR"}


@pytest.fixture
def euro() -> Asset:
    """A currency with a price; the dollar that prices are in is there too."""
    money()
    euro = money("EUR")
    prices.record([(euro, Decimal(2))], at=on(0))
    return euro


def user_of(who: Customer) -> User:
    assert who.user
    who.user.refresh_from_db()
    return who.user


def test_what_is_chosen_is_kept_and_shown(alice: Customer, euro: Asset) -> None:
    client = signed_in(alice)
    answer = client.post(PAGE, CHOSEN, follow=True)
    assert answer.redirect_chain == [(PAGE, 302)]
    user = user_of(alice)
    alice.refresh_from_db()
    assert (user.language, user.time_zone) == ("ar", "Asia/Tokyo")
    assert alice.display_currency == euro
    page = client.get(PAGE).content.decode()
    assert '<html lang="ar" dir="rtl">' in page
    assert '<option value="Asia/Tokyo" selected>' in page
    assert '<option value="EUR" selected>' in page


def test_the_chosen_language_wins_over_the_browser_s(alice: Customer) -> None:
    client = signed_in(alice, headers={"Accept-Language": "es"})
    assert '<html lang="es"' in client.get(PAGE).content.decode()
    User.objects.filter(pk=user_of(alice).pk).update(language="ja")
    assert '<html lang="ja"' in client.get(PAGE).content.decode()
    assert (
        '<html lang="es"'
        in Client(headers={"Accept-Language": "es"}).get("/").content.decode()
    )


def test_moments_are_shown_in_the_time_zone_of_who_reads(alice: Customer) -> None:
    subscribe(alice, flexible(), 1000, on(0, hour=20))
    order = Order.objects.get(kind="SUBSCRIBE")
    client, receipt = signed_in(alice), reverse("portal:receipt", args=[order.pk])
    assert "5 January 2026, 20:00 UTC" in client.get(receipt).content.decode()
    zones = {"Asia/Tokyo": "6 January 2026, 05:00 JST", "America/Sao_Paulo": "17:00 UTC-03"}
    for zone, shown in zones.items():
        User.objects.filter(pk=user_of(alice).pk).update(time_zone=zone)
        assert shown in client.get(receipt).content.decode()


@pytest.fixture
def read_in_tokyo(alice: Customer) -> Callable[..., str]:
    client = signed_in(alice)
    User.objects.filter(pk=user_of(alice).pk).update(time_zone="Asia/Tokyo")

    def act(name: str, *args: Any) -> str:
        answer = client.get(reverse(f"portal:{name}", args=args))
        assert answer.status_code == 200
        return " ".join(answer.content.decode().split())

    return act


@pytest.mark.parametrize("page", ["position", "instruct"])
def test_until_when_an_instruction_changes_is_said_in_that_time_zone(
    alice: Customer, read_in_tokyo: Callable[..., str], page: str
) -> None:
    yesterday = datetime.now(UTC) - ONE_DAY  # the page reads the clock itself
    position = subscribe(alice, fixed(), 1000, yesterday, term_days=10)
    assert position.matures_on
    hours = timedelta(hours=position.product.renewal_cutoff_hours)
    until = start_of(position.matures_on) - hours
    there = until.astimezone(ZoneInfo("Asia/Tokyo"))
    shown = read_in_tokyo(page, position.pk)
    assert date_format(there, "DATETIME_FORMAT") + " JST" in shown
    assert f"{there:%H:%M} UTC" not in shown


def test_what_moved_on_a_day_is_told_in_that_time_zone(
    alice: Customer, read_in_tokyo: Callable[..., str]
) -> None:
    position = subscribe(alice, flexible(), 1000, on(0))
    redeem(position, on(1, hour=20), 100)
    close_to(1)
    shown = read_in_tokyo("position-day", position.pk, day(1))
    assert "7 January 2026, 05:00 JST" in shown
    assert "05:00 UTC" not in shown


def test_a_visitor_after_another_reads_in_utc_again(alice: Customer) -> None:
    client = signed_in(alice)
    User.objects.filter(pk=user_of(alice).pk).update(time_zone="Asia/Tokyo")
    client.get(PAGE)
    soon = flexible("soon")
    soon.sale_from = on(365_000)
    soon.save()
    page = Client().get(reverse("portal:product", args=["soon"])).content.decode()
    assert "10:00 UTC" in page


@pytest.mark.usefixtures("euro")
@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("language", "tlh", "Select a valid choice."),
        ("time_zone", "Mars/Olympus", "Choose a time zone from the list."),
        ("time_zone", "../etc/passwd", "Choose a time zone from the list."),
        ("currency", "DOGE", "Select a valid choice."),
    ],
)
def test_what_is_not_offered_is_refused_and_nothing_changes(
    alice: Customer, field: str, value: str, sentence: str
) -> None:
    answer = signed_in(alice).post(PAGE, {**CHOSEN, field: value})
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    alice.refresh_from_db()
    assert (user_of(alice).language, user_of(alice).time_zone) == ("", "UTC")
    assert alice.display_currency is None


@pytest.mark.usefixtures("euro")
def test_a_currency_without_a_price_is_not_offered(alice: Customer) -> None:
    money("JPY", 0)
    page = signed_in(alice).get(PAGE).content.decode()
    assert '<option value="EUR">' in page
    assert "JPY" not in page


def test_staff_choose_language_and_time_zone(client: Client) -> None:
    staff = User.objects.create_superuser("root@example.com", "a long password")
    client.force_login(staff)
    assert "currency" not in client.get(PAGE).content.decode()
    client.post(PAGE, {"language": "es", "time_zone": "Europe/Madrid"})
    staff.refresh_from_db()
    assert staff.language == "es"


def test_a_visitor_chooses_a_language_below_each_page(client: Client) -> None:
    page = client.get("/explore/").content.decode()
    assert '<form class="languages" method="post" action="/language/">' in page
    answer = client.post("/language/", {"language": "ja", "next": "/explore/?q=BTC"})
    assert answer["Location"] == "/explore/?q=BTC"
    assert '<html lang="ja"' in client.get("/explore/").content.decode()
    answer = client.post("/language/", {"language": "es", "next": "https://evil.example/"})
    assert answer["Location"] == "/"


@pytest.mark.usefixtures("euro")
def test_totals_follow_at_once(alice: Customer, monkeypatch: Any) -> None:
    fund(alice, 100, at=on(0))
    monkeypatch.setattr(prices, "STALE", on(400_000) - on(0))
    client = signed_in(alice)
    client.post(PAGE, {**CHOSEN, "language": "en"})
    assert "50.00 EUR" in client.get(reverse("portal:home")).content.decode()
