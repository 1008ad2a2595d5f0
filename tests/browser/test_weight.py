"""What a page weighs on its way to a phone, and that nothing in it jumps.

Pages are weighed as they come, compressed by the middleware. Static files are weighed as
WhiteNoise keeps them in production: compressed once, and under names that browsers keep
for ever, so that a file counts for the first page alone that asks for it.
"""

import gzip
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, Response

from tests.browser.looking import Look, Visitors, looks, visiting
from tests.portal.pages import create_alice

pytestmark = pytest.mark.django_db(transaction=True)
PHONE = {"width": 390, "height": 844}
FIRST_LOAD, LATER = 150_000, 30_000  # bytes
STILL = 0.001  # of the screen: rounding to whole pixels, which no eye sees
SHIFTS = """() => new Promise((done) => {
    let sum = 0;
    const add = (list) => list.getEntries().forEach((entry) => { sum += entry.value; });
    new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
    setTimeout(() => done(sum), 100);
})"""


def is_static(url: str) -> bool:
    return urlsplit(url).path.startswith(f"/{settings.STATIC_URL.strip('/')}/")


def size_of(response: Response) -> int:
    if 300 <= response.status < 400:  # has no body to ask for
        return 0
    if is_static(response.url):
        return len(gzip.compress(response.body(), 9))
    return int(response.request.sizes()["responseBodySize"])


def weights(fetched: list[Response], kept: set[str]) -> tuple[int, int]:
    """Bytes of everything, and of what a browser that has seen other pages fetches."""
    sizes = {x.url: size_of(x) for x in fetched}
    files = {url for url in sizes if is_static(url)}
    later = sum(size for url, size in sizes.items() if url not in kept)
    kept |= files
    return sum(sizes.values()), later


def weigh(page: Page, pages: Iterable[Look], url: str) -> Iterator[str]:
    """Looks at one page after the other, as one visitor; what is too heavy or moves."""
    kept: set[str] = set()
    fetched: list[Response] = []
    page.on("response", lambda answer: fetched.append(answer))
    for number, look in enumerate(pages):
        fetched.clear()
        page.goto(f"{url}{look.address}")
        first, later = weights(fetched, kept)
        shifts = page.evaluate(SHIFTS)
        if not 0 < first <= FIRST_LOAD:
            yield f"{look.name} weighs {first} bytes at first"
        if number and not 0 < later <= LATER:
            yield f"{look.name} weighs {later} bytes later on"
        if shifts > STILL:
            yield f"{look.name} shifts by {shifts}"


def test_every_page_is_light_and_still(chromium: Browser, live_server: Any) -> None:
    alice = create_alice()
    visitors, wrong = Visitors(alice), []
    for who, pages in groupby(looks(alice, visitors), key=lambda look: look.who):
        visit = visiting(chromium, visitors, who, live_server.url, viewport=PHONE)
        with visit as (_, page, _heard):
            wrong += weigh(page, pages, live_server.url)
    assert wrong == []
