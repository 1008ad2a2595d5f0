"""Reading notifications in a real browser, on a phone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from earn import telling
from earn.models import Customer, Notification, User
from earn.telling import Wish
from tests.earn.people import customer, flexible, redeem, subscribe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice() -> Customer:
    """She has redeemed twice."""
    who = customer("Alice")
    who.user = User.objects.create_user("alice@example.com")
    who.save()
    at = datetime.now(UTC) - timedelta(hours=1)
    position = subscribe(who, flexible("easy"), 500, at)
    for amount in (20, 30):
        redeem(position, at, amount)
    return who


@pytest.fixture
def site(alice: Customer, live_server: Any, page: Page) -> str:
    """Where the pages are; Alice is signed in."""
    assert alice.user is not None
    client = Client()
    client.force_login(alice.user)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value}
    page.context.add_cookies([cookie | {"url": live_server.url}])
    return str(live_server.url)


def test_news_are_found_in_the_menu_read_and_marked(page: Page, site: str) -> None:
    page.goto(f"{site}/explore/")
    page.get_by_role("link", name="Notifications (2)").click()
    expect(
        page.get_by_role("heading", name="Your redemption of easy was paid")
    ).to_have_count(2)
    expect(page.get_by_text("30.00 USD")).to_be_visible()
    expect(page.get_by_text("New", exact=True)).to_have_count(2)
    page.get_by_role("button", name="Mark all as read").click()
    expect(page.get_by_text("You have read everything.")).to_be_visible()
    expect(page.get_by_text("New", exact=True)).to_have_count(0)
    expect(page.get_by_role("link", name="Notifications", exact=True)).to_be_visible()
    assert not Notification.objects.filter(read_at=None).exists()
    page.get_by_role("link", name="See the receipt").first.click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_a_kind_is_switched_off_by_keyboard_and_no_page_scrolls_sideways(
    alice: Customer, page: Page, site: str
) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    for address in ("/notifications/", "/notifications/preferences/"):
        page.goto(f"{site}{address}")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 360
    page.get_by_role("checkbox", name="By mail: A term matures in 7 days").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Keep this choice").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your choice is kept.")).to_be_visible()
    wish = telling.wishes(alice)["MATURES_IN_7_DAYS"]
    assert wish == Wish(in_portal=True, by_mail=False)
