"""Preferences in a real browser: a language from right to left, and one's time zone."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect

from earn.models import Order, User
from tests.earn.people import customer, flexible, subscribe

pytestmark = pytest.mark.django_db(transaction=True)
EVENING = datetime(2026, 1, 5, 20, tzinfo=UTC)
WIDTHS = "[document.documentElement.scrollWidth, innerWidth]"


def test_a_language_from_right_to_left_and_the_time_of_tokyo(
    page: Page, live_server: Any
) -> None:
    alice = customer("Alice")
    alice.user = User.objects.create_user("alice@example.com")
    alice.save()
    subscribe(alice, flexible(), 1000, EVENING)
    client = Client()
    client.force_login(alice.user)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value}
    page.context.add_cookies([cookie | {"url": live_server.url}])
    page.goto(f"{live_server.url}{reverse('portal:preferences')}")
    asked = page.locator("main form")
    asked.locator("[name=language]").select_option("ar")
    asked.locator("[name=time_zone]").select_option("Asia/Tokyo")
    asked.locator("button").click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(asked.locator("[name=time_zone]")).to_have_value("Asia/Tokyo")
    scrolled, width = page.evaluate(WIDTHS)
    assert scrolled <= width
    receipt = reverse("portal:receipt", args=[Order.objects.get(kind="SUBSCRIBE").pk])
    page.goto(f"{live_server.url}{receipt}")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(page.locator("main time").first).to_contain_text("05:00 JST")
