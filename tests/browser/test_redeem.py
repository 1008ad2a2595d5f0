"""Redeeming in a real browser: what is left beside what stays, and who it truly is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from axe_playwright_python.sync_playwright import Axe
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from earn.models import Customer, User
from tests.earn.people import customer, fixed, flexible, now, subscribe, wallet

pytestmark = pytest.mark.django_db(transaction=True)
EMAIL, PASSWORD = "alice@example.com", "seven grey geese"
RECORDS = "account_authentication_methods"
YESTERDAY = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture
def alice() -> Customer:
    who = customer("Alice")
    who.user = User.objects.create_user(EMAIL, PASSWORD)
    who.save()
    EmailAddress.objects.create(user=who.user, email=EMAIL, verified=True, primary=True)
    return who


@pytest.fixture
def home(alice: Customer, live_server: Any, page: Page) -> str:  # noqa: ARG001
    """Where the pages are; Alice signs in."""
    page.goto(f"{live_server.url}/account/login/")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(f"{live_server.url}/home/")
    return str(live_server.url)


def an_hour_later() -> None:
    """All that was shown of oneself is an hour old."""
    (stored,) = Session.objects.all()
    session = stored.get_session_store_class()(stored.session_key)
    for record in session[RECORDS]:
        record["at"] -= 3600
    session.save()


def test_leaving_early_stands_beside_staying_and_is_one_click(
    alice: Customer, page: Page, home: str
) -> None:
    term = fixed("term", early_rule="FORFEIT_ALL")
    position = subscribe(alice, term, 500, YESTERDAY, term_days=10)
    page.goto(f"{home}/positions/{position.pk}/")
    page.get_by_role("link", name="Redeem").click()
    expect(page.get_by_role("heading", name="Leave now")).to_be_visible()
    expect(page.get_by_role("heading", name="Stay until maturity")).to_be_visible()
    expect(page.get_by_text("501.36 USD")).to_be_visible()
    assert Axe().run(page).response["violations"] == []
    page.get_by_role("button", name="Redeem").click()
    expect(page.get_by_text("Done.")).to_be_visible()
    assert (wallet(alice), now(position).state) == (500, "REDEEMED")


def test_an_hour_later_the_password_is_asked_and_the_amount_is_still_there(
    alice: Customer, page: Page, home: str
) -> None:
    position = subscribe(alice, flexible("easy"), 500, YESTERDAY)
    page.goto(f"{home}/positions/{position.pk}/redeem/")
    page.get_by_label("A part").check()
    page.get_by_label("Amount").fill("120.50")
    an_hour_later()
    page.get_by_role("button", name="Show what will happen").click()
    page.get_by_label("Password").fill("eight grey geese")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("Incorrect password.")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_label("Amount")).to_have_value("120.50")
    page.get_by_role("button", name="Show what will happen").click()
    expect(page.get_by_text("379.50 USD")).to_be_visible()
    an_hour_later()
    page.get_by_role("button", name="Redeem").click()
    page.get_by_label("Password").fill(PASSWORD)
    assert wallet(alice) == 0
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("button", name="Show what will happen").click()
    page.get_by_role("button", name="Redeem").click()
    expect(page.get_by_text("Done.")).to_be_visible()
    assert (wallet(alice), now(position).principal) == (120.5, 379.5)
