"""Every page in both themes and both directions: axe finds nothing, and nothing is cut off.

The pages are those of the URL configuration, so that a new page cannot be forgotten.
"""

from itertools import groupby
from typing import Any

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import Browser, Page, expect

from earn.models import Order, Position
from tests.browser.looking import Visitors, looks, visiting
from tests.portal.pages import Alice, create_alice

pytestmark = pytest.mark.django_db(transaction=True)
WIDTHS = (360, 1920)
SHAPE = """() => ({
    dir: document.documentElement.dir,
    headings: document.querySelectorAll("h1").length,
    title: document.title.trim(),
    over: document.documentElement.scrollWidth - document.documentElement.clientWidth,
})"""
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


@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("ar", "rtl")])
def test_every_page_is_for_everybody(
    alice: Alice, chromium: Browser, live_server: Any, language: str, direction: str
) -> None:
    visitors = Visitors(alice)
    found = []
    chosen = {"name": "django_language", "value": language, "url": live_server.url}
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


def test_what_an_order_shows_is_for_everybody_too(
    alice: Alice, chromium: Browser, live_server: Any
) -> None:
    visitors, found = Visitors(alice), []
    open_one = Position.objects.get(term_days=None, state="OPEN")
    with visiting(chromium, visitors, "Alice", live_server.url) as (_, page, heard):
        page.goto(f"{live_server.url}/positions/{open_one.pk}/redeem/")
        page.get_by_role("button", name="Show what will happen").click()
        expect(page.get_by_role("heading", name="What will happen")).to_be_visible()
        found += [*judge(page), *shape(page, "ltr")]
        orders = [f"/orders/{order.pk}/" for order in Order.objects.all()]
        for path in ("/explore/slow/", "/explore/slow/subscribe/", *orders):
            page.goto(f"{live_server.url}{path}")
            found += [*judge(page), *shape(page, "ltr")]
        found += heard
    assert found == []
