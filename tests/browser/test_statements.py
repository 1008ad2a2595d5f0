"""Statements and activity in a real browser: filtered, downloaded, and judged by axe."""

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect

from earn.models import Customer, User
from tests.earn.people import close_to, customer, fixed, flexible, on, subscribe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice(page: Page, live_server: Any) -> Customer:
    """Signed in, after a month with a flexible and a fixed position."""
    who = customer("Alice", user=User.objects.create_user("alice@example.com"))
    subscribe(who, flexible(names={"en": "Easy"}), 1000, on(0))
    subscribe(who, fixed(names={"en": "Ten days"}), 2000, on(0), term_days=10)
    close_to(26)
    client = Client()
    client.force_login(who.user)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value}
    page.context.add_cookies([cookie | {"url": live_server.url}])
    return who


def faults(page: Page) -> list[str]:
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        found += [
            f"{page.url} {scheme}: {fault['id']}: {fault['nodes'][0]['html'][:120]}"
            for fault in Axe().run(page).response["violations"]
        ]
    return found


def is_wider_than_the_screen(page: Page) -> bool:
    wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    return bool(wide)


@pytest.mark.usefixtures("alice")
def test_a_statement_is_downloaded_from_its_list(page: Page, live_server: Any) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto(f"{live_server.url}{reverse('portal:statements')}")
    assert faults(page) == []
    assert not is_wider_than_the_screen(page)
    for form in ("PDF", "CSV", "JSON"):
        with page.expect_download() as download:
            page.get_by_role("link", name=f"January 2026 as {form}").click()
        assert download.value.suggested_filename == f"earn-2026-01.{form.lower()}"
        assert Path(download.value.path()).stat().st_size > 1000
        expect(page.get_by_role("status")).to_have_text("The file is made.")


@pytest.mark.usefixtures("alice")
def test_a_file_asked_for_after_the_session_has_ended_leads_to_the_sign_in(
    page: Page, live_server: Any
) -> None:
    page.goto(f"{live_server.url}{reverse('portal:statements')}")
    page.context.clear_cookies()
    page.get_by_role("link", name="January 2026 as CSV").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert "2026-01" in page.url  # and from there to the file


@pytest.mark.usefixtures("alice")
def test_activity_is_filtered_and_leads_to_the_receipt_and_its_term_sheet(
    page: Page, live_server: Any
) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto(f"{live_server.url}{reverse('portal:activity')}")
    page.get_by_text("Filter", exact=True).click()
    assert faults(page) == []
    assert not is_wider_than_the_screen(page)
    page.get_by_label("What").select_option(label="Subscription")
    page.get_by_label("Product").select_option(label="Ten days")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("main").get_by_role("listitem")).to_have_count(1)
    page.get_by_role("link", name="Subscription").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Term sheet (PDF)").click()
    assert download.value.suggested_filename.endswith(".pdf")
    expect(page.get_by_role("status")).to_have_text("The file is made.")
