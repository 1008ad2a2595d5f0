"""Every page in both themes and both directions: axe finds nothing, and nothing is cut off.

The pages are those of the URL configuration, so that a new page cannot be forgotten.
"""

from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import Browser, Page, expect

from earn.models import Order
from tests.browser.looking import Visitors, looks, visiting
from tests.earn.people import fund, redeem, subscribe
from tests.portal.pages import Alice, create_alice

pytestmark = pytest.mark.django_db(transaction=True)
WIDTHS = (360, 1920)
SHAPE = """() => ({
    dir: document.documentElement.dir,
    headings: document.querySelectorAll("h1").length,
    title: document.title.trim(),
    over: document.documentElement.scrollWidth - document.documentElement.clientWidth,
})"""
SEND = """(fields) => {
    const form = document.querySelector("main form");
    for (const [name, value] of Object.entries(fields)) {
        for (const field of form.querySelectorAll(`[name=${name}]`)) {
            if (field.type === "radio") field.checked = field.value === value;
            else if (field.type === "checkbox") field.checked = true;
            else field.value = value;
        }
    }
    form.noValidate = true;
    form.requestSubmit();
}"""
NOW = datetime.now(UTC)  # the pages read the clock themselves
FOR_ALL = {"rules": {"target-size": {"enabled": True}}}
FOR_COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}


@pytest.fixture
def alice() -> Alice:
    return create_alice()


def judge(page: Page, *, themes: int = 2) -> list[str]:
    """What axe finds wrong; of the dark theme, only what colours can make wrong."""
    page.evaluate(AXE_FILE_PATH.read_text())
    found = []
    for scheme, options in (("light", FOR_ALL), ("dark", FOR_COLOURS))[:themes]:
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for fault in page.evaluate("(wanted) => axe.run(wanted)", options)["violations"]:
            where = [node["html"][:120] for node in fault["nodes"]]
            found.append(f"{page.url} {scheme}: {fault['id']}: {where}")
    return found


def shape(page: Page, direction: str) -> list[str]:
    """What is wrong with the page as a whole, at its narrowest and at its widest."""
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        is_so = page.evaluate(SHAPE)
        if is_so["over"] > 0:
            found.append(f"{page.url}: {is_so['over']} px too wide for {width}")
    if is_so["headings"] != 1:
        found.append(f"{page.url}: {is_so['headings']} headings of level 1")
    if not is_so["title"]:
        found.append(f"{page.url}: no title")
    if is_so["dir"] != direction:
        found.append(f"{page.url}: its direction is {is_so['dir']}")
    return found


def in_language(language: str, url: str) -> Any:
    """The cookie of a visitor who has chosen it."""
    return {"name": "django_language", "value": language, "url": url}


@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("ar", "rtl")])
def test_every_page_is_for_everybody(
    alice: Alice, chromium: Browser, live_server: Any, language: str, direction: str
) -> None:
    visitors = Visitors(alice)
    found = []
    chosen = in_language(language, live_server.url)
    for who, pages in groupby(looks(alice, visitors), key=lambda look: look.who):
        with visiting(chromium, visitors, who, live_server.url) as (context, page, heard):
            context.add_cookies([chosen])
            for look in pages:
                page.goto(f"{live_server.url}{look.address}")
                if not page.url.endswith(look.address):
                    found.append(f"{look.name} leads to {page.url}")
                # colours are the same in both directions
                themes = 2 if direction == "ltr" else 1
                found += [*judge(page, themes=themes), *shape(page, direction)]
            found += heard
    assert found == []


def send(page: Page, address: str, **fields: str) -> None:
    """Sends the form of a page as it is filled in, whatever the browser thinks of it."""
    page.goto(address)
    with page.expect_navigation():
        page.evaluate(SEND, fields)


def test_what_an_order_shows_is_for_everybody_too(
    alice: Alice, chromium: Browser, live_server: Any
) -> None:
    """Previews, refusals and receipts, in Arabic: what fits there fits elsewhere."""
    fund(alice.customer, 100, at=NOW)
    term = subscribe(alice.customer, alice.fixed.product, 100, NOW, term_days=10)
    leaving = redeem(alice.flexible, NOW, 10)
    visitors, found = Visitors(alice), []
    good = {"amount": "1", "risk": "1", "at_maturity": "RENEW_ALL", "term": "10"}
    bad = {"amount": "x", "minimum_rate": "x"}
    saved = f"/positions/{alice.flexible.pk}/redeem/"
    instruct = f"/positions/{term.pk}/at-maturity/"
    with visiting(chromium, visitors, "Alice", live_server.url) as (context, page, heard):
        context.add_cookies([in_language("ar", live_server.url)])
        for path, fields, is_shown in (
            ("/explore/term/subscribe/", bad, False),
            ("/explore/slow/subscribe/", {"amount": "99999", "risk": "1"}, False),
            ("/explore/term/subscribe/", good, True),
            (saved, {"part": "PART", "amount": ""}, False),
            (saved, {"part": "PART", "amount": "1"}, True),
            (instruct, bad, False),
            (instruct, {"at_maturity": "RENEW_ALL"}, True),
            ("/account/password/change/", {"oldpassword": "x"}, False),
        ):
            send(page, f"{live_server.url}{path}", **fields)
            assert page.locator("[name=signed]").count() == is_shown, path
            found += [*judge(page), *shape(page, "rtl")]
        receipts = [
            f"/orders/{order.pk}/" for order in Order.objects.exclude(kind="DEPOSIT")
        ]
        previews = [f"/positions/{term.pk}/redeem/", f"/orders/{leaving.pk}/cancel/"]
        for path in ("/explore/slow/", *previews, *receipts):
            page.goto(f"{live_server.url}{path}")
            found += [*judge(page), *shape(page, "rtl")]
        found += heard
    assert found == []


def test_errors_are_for_everybody_too(
    alice: Alice, chromium: Browser, live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, found = live_server.url, []
    with visiting(chromium, Visitors(alice), "Alice", url) as (context, page, heard):
        heard.expected |= {f"{url}/no/such/", f"{url}/preferences/", f"{url}/"}
        page.goto(f"{url}/no/such/")
        found += [*judge(page), *shape(page, "ltr")]
        page.goto(f"{url}/preferences/")
        context.clear_cookies(name="csrftoken")
        with page.expect_navigation():
            page.evaluate(SEND, {})
        expect(page.get_by_role("heading", name="The page has grown old")).to_be_visible()
        found += [*judge(page), *shape(page, "ltr")]
        monkeypatch.setattr("earn.portal.views.closed_days", lambda: 1 / 0)
        page.goto(f"{url}/")
        expect(page.get_by_role("heading", name="Something is broken")).to_be_visible()
        found += [*judge(page), *shape(page, "ltr"), *heard]
    assert found == []
