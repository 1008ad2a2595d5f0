"""Finding and reckoning as one types, in a real browser."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.earn.people import fixed, flexible, money

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_list_follows_what_is_typed_and_its_address_can_be_shared(
    page: Page, live_server: Any
) -> None:
    flexible("usd-flex")
    fixed("btc-term", asset=money("BTC", scale=8))
    page.goto(f"{live_server.url}/explore/")
    expect(page.locator(".offer")).to_have_count(2)
    page.get_by_label("Token or name").press_sequentially("btc")
    expect(page.locator(".offer")).to_have_count(1)
    expect(page.get_by_role("status")).to_contain_text("1 product")
    assert "q=btc" in page.url
    shared = page.url
    page.get_by_label("Token or name").fill("")
    expect(page.locator(".offer")).to_have_count(2)
    page.goto(shared)
    expect(page.locator(".offer")).to_have_count(1)
    page.go_back()
    expect(page.locator(".offer")).to_have_count(2)
    page.get_by_label("Asset").fill("us")
    expect(page.locator(".offer")).to_have_count(1)
    expect(page.get_by_role("link", name="usd-flex")).to_be_visible()


def test_the_calculator_answers_as_one_types(page: Page, live_server: Any) -> None:
    fixed("term")
    page.goto(f"{live_server.url}/explore/term/")
    page.get_by_label("Amount in USD").press_sequentially("1000")
    expect(page.locator("#result")).to_contain_text("Value at maturity")
    expect(page.locator("#result")).to_contain_text("1,002.73 USD")
    page.get_by_label("Term", exact=True).select_option("30")
    expect(page.locator("#result")).to_contain_text("1,009.86 USD")
    expect(page.locator("#months")).to_contain_text("Interest")
    page.get_by_label("Amount in USD").fill("1000.555")
    expect(page.locator("#result")).to_contain_text("USD has 2 decimals at most.")
