"""Finding and reckoning as one types, in a real browser."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.earn.people import fixed, flexible, money

pytestmark = pytest.mark.django_db(transaction=True)


def places(page: Page, *selectors: str) -> list[Any]:
    """Where these stand on the page; what an answer replaces must leave them there."""
    return [page.locator(selector).first.bounding_box() for selector in selectors]


def test_the_list_follows_what_is_typed_and_its_address_can_be_shared(
    page: Page, live_server: Any
) -> None:
    flexible("usd-flex")
    fixed("btc-term", asset=money("BTC", scale=8))
    page.goto(f"{live_server.url}/explore/")
    expect(page.locator(".offer")).to_have_count(2)
    before = places(page, "h1", "#id_q", "#found", ".offer")
    page.get_by_label("Token or name").press_sequentially("btc")
    expect(page.locator(".offer")).to_have_count(1)
    assert places(page, "h1", "#id_q", "#found", ".offer")[:3] == before[:3]
    assert places(page, ".offer")[0]["y"] == before[3]["y"]
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
    around = ("#result", "#id_amount", "h1")
    before = places(page, *around)
    page.get_by_label("Amount in USD").press_sequentially("1000")
    expect(page.locator("#result")).to_contain_text("Value at maturity")
    expect(page.locator("#result")).to_contain_text("1,002.73 USD")
    assert places(page, *around)[1:] == before[1:]
    assert places(page, *around)[0]["y"] == before[0]["y"]
    below = places(page, "#rules", "footer")
    page.get_by_label("Amount in USD").fill("2000")
    expect(page.locator("#result")).to_contain_text("2,005.47 USD")
    assert places(page, "#rules", "footer") == below
    page.get_by_label("Term", exact=True).select_option("30")
    expect(page.locator("#result")).to_contain_text("2,019.72 USD")
    expect(page.locator("#months")).to_contain_text("Interest")
    page.get_by_label("Amount in USD").fill("1000.555")
    expect(page.locator("#result")).to_contain_text("USD has 2 decimals at most.")


NOT_FETCHED = "These figures could not be fetched. Check your connection and type again."


@pytest.fixture
def broken_page(chromium: Browser) -> Iterator[Page]:
    """A page whose requests may fail, which its console is allowed to say."""
    context = chromium.new_context()
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def test_no_old_figure_stands_beside_an_amount_that_could_not_be_reckoned(
    broken_page: Page, live_server: Any
) -> None:
    fixed("term")
    page = broken_page
    page.goto(f"{live_server.url}/explore/term/")
    page.get_by_label("Amount in USD").fill("1000")
    expect(page.locator("#result")).to_contain_text("1,002.73 USD")
    page.context.set_offline(True)
    page.get_by_label("Amount in USD").fill("5000")
    expect(page.locator("#result")).to_have_text(NOT_FETCHED)
    expect(page.locator("#months")).to_be_empty()
    page.context.set_offline(False)
    page.get_by_label("Amount in USD").fill("2000")
    expect(page.locator("#result")).to_contain_text("2,005.47 USD")
    expect(page.locator("#months")).to_contain_text("Interest")
    expect(page.locator("[aria-busy]")).to_have_count(0)


def test_an_answer_on_its_way_is_seen_and_a_failed_search_leaves_no_old_list(
    broken_page: Page, live_server: Any
) -> None:
    flexible("usd-flex")
    page = broken_page
    page.goto(f"{live_server.url}/explore/")
    held: list[Any] = []
    page.route("**/explore/?*", lambda route: held.append(route))
    page.get_by_label("Token or name").fill("btc")
    expect(page.locator("#products")).to_have_attribute("aria-busy", "true")
    expect(page.locator("#products")).to_have_css("opacity", "0.5")
    held[0].fulfill(status=500, body="")
    expect(page.locator("#products")).to_have_text(NOT_FETCHED)
    expect(page.locator(".offer")).to_have_count(0)
    expect(page.locator("#found")).to_be_empty()
    expect(page.locator("[aria-busy]")).to_have_count(0)
