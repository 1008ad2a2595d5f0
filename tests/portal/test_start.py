import re
from typing import Any

import pytest
from django.test import Client
from django.urls import path

from config import urls
from earn import close
from earn.models import Customer, User
from earn.portal import overview
from ledger.models import Seal
from tests.earn.people import close_to, day, flexible, fund, on, subscribe


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
        assert "6 January 2026" in page(client)


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
    assert '"2026-01-13">13 January 2026<' in text
    assert "2026-01-06" not in text


def test_the_page_asks_six_things_however_much_there_is(
    client: Client, alice: Customer, django_assert_num_queries: Any
) -> None:
    for number in range(5):
        product = flexible(f"flexible-{number}", quota="9000", shards=2)
        subscribe(alice, product, 1000, on(0))
    close_to(4)
    staff = User.objects.create_superuser("root@example.com", "a long password")
    client.force_login(staff)
    with django_assert_num_queries(6):
        client.get("/")


@pytest.mark.django_db
def test_the_products_are_one_click_away_and_the_best_rates_named(client: Client) -> None:
    for number in range(5):
        flexible(f"FLEX-{number}", [(None, 0, f"0.0{number + 1}")])
    text = page(client)
    assert '<a class="button" href="/explore/">Explore the products</a>' in text
    names = re.findall(r"/explore/([A-Z0-9-]+)/", text)
    assert names == ["FLEX-4", "FLEX-3", "FLEX-2"]


# Around it


@pytest.mark.django_db
def test_nothing_is_inline_and_nothing_comes_from_elsewhere(client: Client) -> None:
    flexible()
    answer = client.get("/")
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    text = answer.content.decode()
    assert not [part for part in ("<style", "style=", "<script>", "://") if part in text]


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


def test_who_is_signed_in_as_a_customer_is_not_asked_to_sign_in_as_staff(
    client: Client, alice: Customer
) -> None:
    alice.user = User.objects.create_user("alice@example.com")
    alice.save()
    client.force_login(alice.user)
    assert 'href="/admin/"' not in page(client)
    client.force_login(User.objects.create_superuser("root@example.com"))
    text = page(client)
    assert '<a href="/admin/">Staff desk</a>' in text
    assert "Staff sign-in" not in text


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
