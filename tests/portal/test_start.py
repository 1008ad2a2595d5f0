from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import path

from config import urls
from earn import catalogue, close
from earn.interest import TierMode
from earn.models import Customer, Product, RateTier, User
from earn.portal import overview, views
from earn.portal.overview import headline
from ledger.models import Seal
from tests.earn.people import (
    ANNOUNCED,
    chart,
    close_to,
    day,
    draft,
    fixed,
    flexible,
    fund,
    money,
    on,
    subscribe,
)

USDT = [(None, 0, "0.12"), (None, 500, "0.008"), (None, 5000, "0.003")]


def page(client: Client, address: str = "/") -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def broken(_: Any) -> None:
    raise RuntimeError("a secret of the programmer")


# Closed days


@pytest.mark.django_db
def test_empty_books_say_so(client: Client) -> None:
    text = page(client)
    assert "No day has been closed yet." in text
    assert "No product is open." in text


def test_the_last_closed_day_is_shown_with_its_seal(
    client: Client, alice: Customer
) -> None:
    subscribe(alice, flexible(), 1000, on(0))
    close_to(3)
    seal = Seal.objects.get(day=day(3))
    text = page(client)
    assert '<time datetime="2026-01-08">8 January 2026</time>' in text
    assert f"No. {seal.number}" in text
    assert f"<code>{bytes(seal.hash).hex()}</code>" in text


def test_the_application_s_rights_suffice(
    client: Client, alice: Customer, as_app_role: Any
) -> None:
    subscribe(alice, flexible(quota="5000"), 1000, on(0))
    close_to(1)
    with as_app_role():
        assert "Flexible" in page(client)


def test_a_day_that_is_being_closed_is_not_shown(client: Client, alice: Customer) -> None:
    fund(alice, at=on(0))
    close_to(0)
    close.open_day(day(1), at=on(2))
    assert "2026-01-06" not in page(client)


def test_no_more_than_seven_days_are_shown(client: Client, alice: Customer) -> None:
    fund(alice, at=on(0))
    close_to(8)
    text = page(client)
    assert text.count('<th scope="row">') == overview.CLOSES
    assert '"2026-01-13">2026-01-13' in text
    assert "2026-01-06" not in text


def test_the_page_asks_four_things_however_much_there_is(
    client: Client, alice: Customer, django_assert_num_queries: Any
) -> None:
    for number in range(5):
        product = flexible(f"flexible-{number}", USDT, quota="9000", shards=2)
        subscribe(alice, product, 1000, on(0))
    close_to(4)
    staff = User.objects.create_superuser("root@example.com", "a long password")
    client.force_login(staff)
    with django_assert_num_queries(4):
        client.get("/")


# Products


def tiers(*rows: tuple[int | None, Any, str]) -> list[RateTier]:
    return [
        RateTier(term_days=term, from_amount=Decimal(lower), annual_rate=Decimal(rate))
        for term, lower, rate in rows
    ]


@pytest.mark.parametrize(
    ("mode", "rows", "says"),
    [
        ("SLICE", USDT, "12 % on the first 500 USDT"),
        ("SLICE", [(None, 0, "0.03")], "3 %"),
        (
            "SLICE",
            [(None, 0, "0"), (None, 1000, "0.0125")],
            "1.25 % on what is above 1,000 USDT",
        ),
        (
            "SLICE",
            [(None, 0, "0.01"), (None, "0.5", "0.02"), (None, 1500, "0.01")],
            "2 % from 0.5 to 1,500 USDT",
        ),
        ("WHOLE", [(None, 0, "0.05"), (None, 500, "0.01")], "5 % below 500 USDT"),
        ("WHOLE", [(None, 0, "0.01"), (None, 500, "0.05")], "5 % from 500 USDT"),
        ("SLICE", [(30, 0, "0.05"), (90, 0, "0.08")], "8 % for 90 days"),
        (
            "SLICE",
            [(90, 0, "0.08"), (90, 500, "0.01"), (30, 0, "0.05"), (30, 900, "0.05")],
            "8 % on the first 500 USDT for 90 days",
        ),
        ("SLICE", [(None, 0, "0.0000000001")], "0.00000001 %"),
    ],
)
def test_the_headline_is_the_best_rate_and_what_it_is_for(
    mode: str, rows: list[Any], says: str
) -> None:
    assert headline(tiers(*rows), TierMode(mode), "USDT") == says


@pytest.mark.django_db
def test_open_products_are_shown_with_name_rate_and_terms(client: Client) -> None:
    money("USDT", scale=6)
    flexible(
        "USDT-FLEX", USDT, asset=money("USDT"), names={"en": "USDT Flexible"}, minimum="1"
    )
    fixed("USD-FIXED", [(30, 0, "0.05"), (7, 0, "0.02")])
    text = page(client)
    assert '<h3>USDT Flexible</h3> <p class="rate">12 % on the first 500 USDT</p>' in text
    assert "Flexible · from 1 USDT" in text
    assert '<h3>USD-FIXED</h3> <p class="rate">5 % for 30 days</p>' in text
    assert "Fixed for 7, 30 days" in text


@pytest.mark.django_db
def test_products_that_nobody_can_buy_are_not_shown(client: Client) -> None:
    chart(draft("DRAFT"), ANNOUNCED.date(), (None, 0, "0.10"))
    catalogue.set_state(flexible("PAUSED"), Product.State.PAUSED)
    flexible("LATER", sale_from=on(0) + timedelta(days=36500))
    flexible("OVER", sale_until=on(0))
    flexible("NOW", sale_from=on(0))
    text = page(client)
    assert [name for name in ("DRAFT", "PAUSED", "LATER", "OVER") if name in text] == []
    assert "NOW" in text


@pytest.mark.django_db
def test_a_chart_shows_from_the_day_before_it_takes_effect() -> None:
    product = flexible("FLEX")
    chart(product, day(9), (None, 0, "0.20"), at=on(0))
    chart(product, day(20), (None, 0, "0.30"), at=None)
    shown = [overview.overview(at=on(number)).offers[0].rate for number in (7, 8, 30)]
    assert shown == ["10 %", "20 %", "20 %"]


def test_what_is_sold_out_says_so(client: Client, alice: Customer) -> None:
    product = flexible("SCARCE", quota="1000", shards=2, minimum="10")
    assert "sold out" not in page(client)
    subscribe(alice, product, 995, on(0))
    assert "<strong>sold out</strong>" in page(client)


# Around it


@pytest.mark.django_db
def test_nothing_is_inline_and_nothing_comes_from_elsewhere(client: Client) -> None:
    flexible()
    answer = client.get("/")
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    text = answer.content.decode()
    assert not [part for part in ("<style", "style=", "<script", "://") if part in text]


@pytest.mark.django_db
def test_the_icon_is_found_where_browsers_look_by_themselves(client: Client) -> None:
    answer = client.get("/favicon.ico")
    assert (answer.status_code, answer["Location"]) == (302, "/static/portal/favicon.svg")


@pytest.mark.django_db
def test_staff_find_their_sign_in(client: Client) -> None:
    assert 'href="/admin/"' in page(client)
    assert (
        client.get("/admin/", follow=True).redirect_chain[0][0].startswith("/admin/login/")
    )


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_the_page_is_read_only(client: Client, method: str) -> None:
    assert getattr(client, method)("/").status_code == 405


@pytest.mark.django_db
def test_a_wrong_address_is_told_kindly(client: Client) -> None:
    answer = client.get("/no/such/page")
    assert answer.status_code == 404
    assert "There is no such page" in answer.content.decode()


@pytest.mark.django_db
def test_a_fault_shows_nothing_of_the_inside(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(urls, "urlpatterns", [path("broken", broken), *urls.urlpatterns])
    settings.ROOT_URLCONF = "config.urls"
    answer = Client(raise_request_exception=False).get("/broken")
    text = answer.content.decode()
    assert answer.status_code == 500
    assert "Something is broken on our side" in text
    assert "secret" not in text
    assert "Traceback" not in text


def test_the_view_hands_the_clock_in(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = []

    def look(*, at: Any) -> overview.Overview:
        moments.append(at)
        return overview.Overview([], [])

    monkeypatch.setattr(views, "overview", look)
    page(client)
    assert moments[0].tzinfo is not None
