"""What each page is for, in a real browser; and three of them in other languages."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.utils.formats import date_format
from playwright.sync_api import Locator, Page, expect

from earn.models import Customer, Order, Position
from tests.earn.people import (
    close_to,
    customer,
    day,
    fixed,
    flexible,
    fund,
    now,
    on,
    redeem,
    subscribe,
)
from tests.portal.pages import create_user, signed_in

pytestmark = pytest.mark.django_db(transaction=True)
DOLLAR_A_DAY = [(None, 0, "0.365")]  # of a thousand
YESTERDAY = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture
def alice() -> Customer:
    return customer("Alice", user=create_user("alice@example.com"))


@pytest.fixture
def home(alice: Customer, live_server: Any, page: Page) -> str:
    """Where the pages are; Alice is signed in."""
    session = signed_in(alice.user).cookies["sessionid"].value
    cookie = {"name": "sessionid", "value": session, "url": live_server.url}
    page.context.add_cookies([cookie])  # type: ignore[list-item]
    return str(live_server.url)


@pytest.fixture
def saved(alice: Customer) -> Position:
    """A thousand that earned a dollar on each of three days, beside a small wallet."""
    easy = flexible("easy", DOLLAR_A_DAY, names={"en": "Easy"})
    position = subscribe(alice, easy, 1000, on(0))
    fund(alice, "250.50", at=on(0))
    close_to(3)
    return position


def heading(page: Page) -> Locator:
    return page.get_by_role("heading", level=1)


@pytest.mark.usefixtures("saved")
def test_home_tells_the_total_day_by_day_and_leads_to_the_position(
    page: Page, home: str
) -> None:
    page.goto(f"{home}/home/")
    expect(heading(page)).to_have_text("What you have")
    expect(page.get_by_text("1,253.50 USD").first).to_be_visible()
    for name in ("Your money at the end of each day", "Your interest of each day"):
        expect(page.get_by_role("img", name=name)).to_be_visible()
    last_day = page.get_by_role("row", name="8 January 2026")
    expect(last_day).to_be_hidden()
    page.get_by_text("The same as a table").focus()
    page.keyboard.press("Enter")
    expect(last_day.get_by_role("cell")).to_have_text(["1,250.50 USD", "1.00 USD"])
    page.get_by_role("link", name="Easy").click()
    expect(heading(page)).to_have_text("Easy")


def test_a_position_tells_its_story_and_explains_each_day(
    page: Page, home: str, saved: Position
) -> None:
    page.goto(f"{home}/positions/{saved.pk}/")
    story = page.get_by_role("region", name="Its story")
    expect(story.get_by_text("You subscribed 1,000.00 USD.")).to_be_visible()
    day_3 = date_format(day(3), "SHORT_DATE_FORMAT")
    page.get_by_role("link", name=day_3).click()
    expect(heading(page)).to_have_text("Interest of 8 January 2026")
    words = page.get_by_role("region", name="In words")
    expect(words.get_by_text("1,000.00 USD at 36.5 % a year")).to_be_visible()
    expect(words.get_by_text("it is what the books say")).to_be_visible()
    with page.expect_response("**?format=json") as answer:
        page.get_by_role("link", name="The same as JSON").click()
    assert answer.value.json()["interest"] == "1.00"


@pytest.mark.usefixtures("saved")
def test_the_private_address_of_the_calendar_is_made_copied_and_revoked(
    page: Page, home: str
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{home}/calendar/")
    page.get_by_role("button", name="Make a private address").click()
    address = page.get_by_label("Your private address").input_value()
    page.get_by_role("button", name="Copy", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == address
    assert "BEGIN:VCALENDAR" in page.request.get(address).text()
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_text("Your calendar address is switched off.")).to_be_visible()
    assert page.request.get(address).status == 404


@pytest.mark.usefixtures("saved")
def test_an_entry_is_checked_with_nothing_but_what_the_page_gives(
    page: Page, home: str, tmp_path: Path
) -> None:
    page.goto(f"{home}/verify/")
    page.get_by_role("region", name="Your newest entries").get_by_role("link").first.click()
    check = page.get_by_role("region", name="Check it yourself")
    files = check.get_by_role("link").all()
    for link in files:
        with page.expect_download() as download:
            link.click()
        download.value.save_as(tmp_path / link.inner_text())
    assert len(files) == len(list(tmp_path.iterdir())) == 3
    recipe = [sys.executable, "-c", check.locator("pre").inner_text()]
    printed = subprocess.check_output(recipe, cwd=tmp_path, text=True).strip()
    expect(page.get_by_role("region", name="its seal").get_by_text(printed)).to_be_visible()


def test_what_happens_at_maturity_is_changed_once_it_has_been_shown(
    alice: Customer, page: Page, home: str
) -> None:
    position = subscribe(alice, fixed("term"), 500, YESTERDAY, term_days=10)
    page.goto(f"{home}/positions/{position.pk}/")
    page.get_by_role("link", name="Change what happens at maturity").click()
    page.get_by_label("At maturity").select_option(label="Renew principal and interest")
    page.get_by_label("Renew only from this rate").fill("4.5")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What will happen")).to_be_visible()
    expect(page.get_by_text("4.5 %")).to_be_visible()
    assert now(position).at_maturity == "PAY_OUT"
    page.get_by_role("button", name="Change").click()
    expect(page.get_by_text("Done.", exact=True)).to_be_visible()
    stored = now(position)
    assert (stored.at_maturity, stored.minimum_renewal_rate) == (
        "RENEW_ALL",
        Decimal("0.045"),
    )
    page.get_by_role("link", name="See the position").click()
    terms = page.get_by_role("region", name="Terms")
    expect(terms.get_by_text("Renew principal and interest")).to_be_visible()


def test_a_redemption_on_its_way_is_put_back(
    alice: Customer, page: Page, home: str
) -> None:
    slow = flexible("slow", settlement_delay_days=5)
    position = subscribe(alice, slow, 300, YESTERDAY)
    redemption = redeem(position, datetime.now(UTC), 100)
    page.goto(f"{home}/home/")
    coming = page.get_by_role("region", name="On its way to your wallet")
    coming.get_by_role("link", name="100.00 USD").click()
    page.get_by_role("link", name="Cancel it").click()
    expect(page.get_by_role("heading", name="What will happen")).to_be_visible()
    page.get_by_role("button", name="Put it back").click()
    expect(page.get_by_text("Done.", exact=True)).to_be_visible()
    assert now(position).principal == 300
    assert Order.objects.get(pk=redemption.pk).state == "CANCELLED"
    page.goto(f"{home}/orders/{redemption.pk}/")
    expect(page.get_by_text("Cancelled. The money went back")).to_be_visible()
    expect(page.get_by_role("link", name="Cancel it")).to_have_count(0)


class Written(NamedTuple):
    """What a language makes of the headings, figures and dates of the same pages."""

    language: str
    home: str
    total: str
    day: str
    explore: str
    rate: str
    subscribe: str
    amount: str
    typed: str


CHINESE = Written(
    "zh-hans",
    home="您的资产",
    total="1,253.50 USD",
    day="2026年1月8日",
    explore="浏览产品",
    rate="36.5%",
    subscribe="申购 Easy",
    amount="金额",
    typed="100.50",
)
JAPANESE = Written(
    "ja",
    home="保有資産",
    total="1,253.50 USD",
    day="2026年1月8日",
    explore="商品を探す",
    rate="36.5%",
    subscribe="Easyの申込",
    amount="金額",
    typed="100.50",
)
SPANISH = Written(
    "es",
    home="Sus fondos",
    total="1.253,50 USD",
    day="8 de enero de 2026",
    explore="Explorar",
    rate="36,5\N{NO-BREAK SPACE}%",
    subscribe="Suscribir Easy",
    amount="Importe",
    typed="100,50",
)


@pytest.mark.usefixtures("saved")
@pytest.mark.parametrize("written", [CHINESE, JAPANESE, SPANISH], ids=lambda x: x.language)
def test_home_explore_and_an_order_are_written_as_the_language_writes(
    alice: Customer, page: Page, home: str, written: Written
) -> None:
    assert alice.user is not None
    alice.user.language = written.language
    alice.user.save()
    main = page.get_by_role("main")

    page.goto(f"{home}/home/")
    expect(page.locator("html")).to_have_attribute("lang", written.language)
    expect(heading(page)).to_have_text(written.home)
    expect(main).to_contain_text(written.total)
    expect(main).to_contain_text(written.day)

    page.goto(f"{home}/explore/")
    expect(page.locator("html")).to_have_attribute("lang", written.language)
    expect(heading(page)).to_have_text(written.explore)
    expect(main).to_contain_text(written.rate)

    page.goto(f"{home}/explore/easy/subscribe/")
    page.get_by_label(written.amount).fill(written.typed)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=2)).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", written.language)
    expect(heading(page)).to_have_text(written.subscribe)
    expect(main.get_by_text(f"{written.typed} USD", exact=True).first).to_be_visible()
    expect(main).to_contain_text(written.rate)
