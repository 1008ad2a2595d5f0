"""Chromium for the pages that a live server serves.

Playwright keeps an event loop running in the thread of the tests, in which Django refuses
to ask the database: allowed here, and only while the tests of this folder run. Chromium
lives as long as they do, not for the whole session, or the loop would reach other tests.
"""

import shutil
from collections.abc import Iterator

import pytest
from django.core.cache import cache
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.browser.chromium import FLAGS

NO_CHROMIUM = (
    "There is no `chromium`: these tests need one. On Debian: "
    "apt-get install --no-install-recommends chromium"
)
WAIT_MILLISECONDS = 10_000


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        pytest.fail(NO_CHROMIUM, pytrace=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            yield browser
            browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of a new visitor; at its end nothing may have gone wrong in it.

    A breach of the content security policy is an error of the console too.
    """
    cache.clear()  # where allauth counts who tries too often
    wrong: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            wrong.append(f"{page.url}: {message.text}")

    context = chromium.new_context(viewport={"width": 390, "height": 844})
    context.set_default_timeout(WAIT_MILLISECONDS)
    page = context.new_page()
    page.on("console", hear)
    page.on("pageerror", lambda error: wrong.append(f"{page.url}: {error}"))
    yield page
    context.close()
    assert wrong == []
