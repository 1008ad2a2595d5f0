"""Ordering in a real browser: by keyboard, clicked twice, gone back, in two tabs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from playwright.sync_api import Page, Route, expect

from earn.models import Customer, Order, Position, User
from tests.earn.people import (
    chart,
    customer,
    fixed,
    flexible,
    fund,
    now,
    subscribe,
    wallet,
)

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "correct horse battery"


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
    fixed("term", risk_text="You may lose it.")
    page.goto(f"{home}/explore/term/subscribe/")
    tab_to(page, "#id_amount")
    page.keyboard.type("250")
    tab_to(page, "#id_term")
    page.keyboard.press("ArrowDown")
    tab_to(page, "[name=at_maturity]")
    page.keyboard.press("ArrowDown")
    tab_to(page, "#id_risk")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Matures on")).to_be_visible()
    tab_to(page, "[name=step]")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Done.", exact=True)).to_be_visible()
    assert wallet(alice) == 750
    position = Position.objects.get()
    assert (position.term_days, position.at_maturity) == (30, "RENEW_PRINCIPAL")


def tab_to(page: Page, selector: str) -> None:
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("(is) => document.activeElement.matches(is)", selector):
            return
    raise AssertionError(f"The keyboard does not reach {selector}.")


def test_a_double_click_subscribes_once(alice: Customer, page: Page, home: str) -> None:
    flexible("easy")
    preview(page, home, "400")
    page.get_by_role("button", name="Subscribe").dblclick()
    expect(page.get_by_text("Done.", exact=True)).to_be_visible()
    assert (subscriptions(), wallet(alice)) == (1, 600)


def test_back_and_confirm_again_is_the_same_order(
    alice: Customer, page: Page, home: str
) -> None:
    flexible("easy")
    preview(page, home, "400")
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_text("Done.", exact=True)).to_be_visible()
    receipt = page.url
    page.go_back()
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_text("Done.", exact=True)).to_be_visible()
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
        expect(tab.get_by_text("Done.", exact=True)).to_be_visible()
    assert (subscriptions(), wallet(alice)) == (2, 300)


def test_one_page_in_two_tabs_is_one_order(alice: Customer, page: Page, home: str) -> None:
    flexible("easy")
    page.goto(f"{home}/explore/easy/subscribe/")
    page.get_by_label("Amount").fill("400")
    page.get_by_role("button", name="Show what will happen").click()
    page.reload()  # the browser sends the form once more
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_text("Done.", exact=True)).to_be_visible()
    receipt = page.url
    page.go_back()
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_text("Done.", exact=True)).to_be_visible()
    assert page.url == receipt
    assert (subscriptions(), wallet(alice)) == (1, 600)


def test_signed_out_in_mid_order_one_is_back_at_it_after_signing_in(
    alice: Customer, page: Page, home: str
) -> None:
    fixed("term")
    assert alice.user is not None
    alice.user.set_password(PASSWORD)
    alice.user.save()
    EmailAddress.objects.create(
        user=alice.user, email=alice.user.email, verified=True, primary=True
    )
    page.context.clear_cookies()
    page.goto(f"{home}/explore/term/subscribe/")
    sign_in(page)
    page.get_by_label("Amount").fill("400")
    page.get_by_label("Term", exact=True).select_option("30")
    page.get_by_label("Renew principal and interest").check()
    page.get_by_role("button", name="Show what will happen").click()
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert (subscriptions(), wallet(alice)) == (0, 1000)
    sign_in(page)
    expect(page.get_by_text("Your session had ended")).to_be_visible()
    expect(page.get_by_label("Amount")).to_have_value("400")
    expect(page.get_by_label("Term", exact=True)).to_have_value("30")
    expect(page.get_by_label("Renew principal and interest")).to_be_checked()
    page.get_by_role("button", name="Show what will happen").click()
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_text("Done.", exact=True)).to_be_visible()
    assert (subscriptions(), wallet(alice)) == (1, 600)


def sign_in(page: Page) -> None:
    page.get_by_label("Email").fill("alice@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_offline_in_mid_order_the_page_says_so_and_loses_nothing(
    alice: Customer, page: Page, home: str
) -> None:
    flexible("easy")
    preview(page, home, "400")
    page.context.set_offline(True)
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("alert")).to_contain_text("nothing was sent just now")
    assert (subscriptions(), wallet(alice)) == (0, 1000)
    page.context.set_offline(False)
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_text("Done.", exact=True)).to_be_visible()
    assert (subscriptions(), wallet(alice)) == (1, 600)


def test_an_answer_that_is_lost_is_no_second_order(
    alice: Customer, chromium: Any, page: Page, home: str
) -> None:
    flexible("easy")
    other = chromium.new_context()  # whose console may complain
    other.add_cookies(page.context.cookies())
    page = other.new_page()
    preview(page, home, "400")

    def lose(route: Route) -> None:
        route.fetch(max_redirects=0)  # it arrives, and is done
        route.abort("connectionreset")

    page.route("**/subscribe/", lose, times=1)
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("alert")).to_contain_text("it will not be done twice")
    expect(page.get_by_role("button", name="Subscribe")).to_be_enabled()
    assert (subscriptions(), wallet(alice)) == (1, 600)
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_text("Done.", exact=True)).to_be_visible()
    assert (subscriptions(), wallet(alice)) == (1, 600)
    other.close()


def test_the_button_waits_for_the_answer(page: Page, home: str) -> None:
    flexible("easy")
    preview(page, home, "400")
    held: list[Route] = []
    page.route("**/subscribe/", lambda route: held.append(route), times=1)
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("button", name="Sending")).to_be_disabled()
    assert subscriptions() == 0
    held[0].continue_()
    expect(page.get_by_text("Done.", exact=True)).to_be_visible()
    assert subscriptions() == 1


def test_terms_that_changed_in_between_are_marked_and_confirmed_again(
    alice: Customer, page: Page, home: str
) -> None:
    product = flexible("easy")
    preview(page, home, "400")
    at = datetime.now(UTC)
    chart(product, at.date(), (None, 0, "0.20"), at=at)
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("heading", name="What has changed")).to_be_visible()
    expect(page.locator("del").first).to_have_text("Before: 10 %")
    expect(page.locator("ins").first).to_have_text("Now: 20 %")
    assert (subscriptions(), wallet(alice)) == (0, 1000)
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_text("Done.", exact=True)).to_be_visible()
    assert (subscriptions(), wallet(alice)) == (1, 600)


def test_the_most_is_filled_in_and_the_rest_of_the_form_stays(
    page: Page, home: str
) -> None:
    fixed("term", customer_cap="250")
    page.goto(f"{home}/explore/term/subscribe/")
    page.get_by_label("Term", exact=True).select_option("30")
    page.get_by_role("link", name="Use 250.00 USD").click()
    expect(page.get_by_label("Amount")).to_have_value("250.00")
    expect(page.get_by_label("Term", exact=True)).to_have_value("30")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What will happen")).to_be_visible()


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
    expect(page.get_by_text("Done.", exact=True)).to_be_visible()
    assert now(position).principal == 379.5
