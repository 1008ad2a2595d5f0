"""Ordering in a real browser: by keyboard, clicked twice, gone back, in two tabs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from earn.models import Customer, Order, User
from tests.earn.people import customer, fixed, flexible, fund, now, subscribe, wallet

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice() -> Customer:
    who = customer("Alice")
    who.user = User.objects.create_user("alice@example.com")
    who.save()
    fund(who, 1000, at=datetime.now(UTC) - timedelta(days=1))
    return who


@pytest.fixture
def home(alice: Customer, live_server: Any, page: Page) -> str:
    """Where the pages are; Alice is signed in."""
    assert alice.user is not None
    client = Client()
    client.force_login(alice.user)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value}
    page.context.add_cookies([cookie | {"url": live_server.url}])
    return str(live_server.url)


def subscriptions() -> int:
    return Order.objects.filter(kind="SUBSCRIBE", state="DONE").count()


def preview(page: Page, home: str, amount: str) -> None:
    page.goto(f"{home}/explore/easy/subscribe/")
    page.get_by_label("Amount").fill(amount)
    page.get_by_role("button", name="Show what will happen").click()
    expect(page.get_by_role("heading", name="What will happen")).to_be_visible()


def test_a_term_is_bought_by_keyboard_alone(alice: Customer, page: Page, home: str) -> None:
    fixed("term")
    page.goto(f"{home}/explore/term/subscribe/")
    page.get_by_label("Amount").focus()
    page.keyboard.type("250")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Matures on")).to_be_visible()
    page.get_by_role("button", name="Subscribe").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Done.")).to_be_visible()
    assert wallet(alice) == 750


def test_a_double_click_subscribes_once(alice: Customer, page: Page, home: str) -> None:
    flexible("easy")
    preview(page, home, "400")
    page.get_by_role("button", name="Subscribe").dblclick()
    expect(page.get_by_text("Done.")).to_be_visible()
    assert (subscriptions(), wallet(alice)) == (1, 600)


def test_back_and_confirm_again_is_the_same_order(
    alice: Customer, page: Page, home: str
) -> None:
    flexible("easy")
    preview(page, home, "400")
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_text("Done.")).to_be_visible()
    receipt = page.url
    page.go_back()
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_text("Done.")).to_be_visible()
    assert page.url == receipt
    assert (subscriptions(), wallet(alice)) == (1, 600)


def test_two_tabs_are_two_orders_when_both_are_meant(
    alice: Customer, page: Page, home: str
) -> None:
    flexible("easy")
    preview(page, home, "400")
    other = page.context.new_page()
    preview(other, home, "300")
    for tab in (page, other):
        tab.get_by_role("button", name="Subscribe").click()
        expect(tab.get_by_text("Done.")).to_be_visible()
    assert (subscriptions(), wallet(alice)) == (2, 300)


def test_signed_out_in_mid_order_nothing_happens_and_the_page_comes_back(
    alice: Customer, page: Page, home: str
) -> None:
    flexible("easy")
    preview(page, home, "400")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Subscribe").click()
    expect(page).to_have_url(f"{home}/account/login/?next=/explore/easy/subscribe/")
    assert (subscriptions(), wallet(alice)) == (0, 1000)


def test_redeeming_shows_what_is_kept_and_what_stays(
    alice: Customer, page: Page, home: str
) -> None:
    position = subscribe(
        alice, flexible("easy"), 500, datetime.now(UTC) - timedelta(days=1)
    )
    page.goto(f"{home}/home/")
    page.get_by_role("link", name="easy").click()
    page.get_by_role("link", name="Redeem").click()
    page.get_by_label("A part").check()
    page.get_by_label("Amount").fill("120.50")
    page.get_by_role("button", name="Show what will happen").click()
    expect(page.get_by_text("379.50 USD")).to_be_visible()
    page.get_by_role("button", name="Redeem").click()
    expect(page.get_by_text("Done.")).to_be_visible()
    assert now(position).principal == 379.5
