"""Every page there is, with whoever sees it: by enumeration of the addresses."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.earn.people import customer
from tests.portal.pages import (
    Alice,
    May,
    address_of,
    create_user,
    page_of,
    routes,
    signed_in,
)

SHOWN = (200, 422)  # 422: a page that says why it is too late
# What no visitor sees as a page, by name. Whatever else is not seen has broken.
FILES = {
    "portal:calendar-feed",
    "portal:chain",
    "portal:entries-text",
    "portal:entry-text",
    "portal:favicon.ico",
    "portal:income",
    "portal:seal-hashes",
    "portal:statement",
    "portal:term-sheet",
    "mfa_download_recovery_codes",
}
ONLY_SENT_TO = {"portal:calendar-address", "set_language"}
IN_THE_MIDDLE = {  # of signing in or of a reset: test_recovery and test_accounts go there
    "account_complete_password_reset",
    "account_confirm_password_reset_code",
    "account_email_verification_sent",
    "mfa_authenticate",
}
LEADS_ELSEWHERE = {  # ways that are switched off, and doors to pages that are seen
    "account_confirm_login_code",
    "account_set_password",
    "admin:login",
    "admin:logout",
    "mfa_login_webauthn",
}
UNSEEN = FILES | ONLY_SENT_TO | IN_THE_MIDDLE | LEADS_ELSEWHERE


class Look(NamedTuple):
    name: str
    address: str
    who: str


class Visitors:
    """Alice has something of everything, Nina nothing yet, and nobody is signed in."""

    def __init__(self, alice: Alice) -> None:
        nina = create_user("nina@example.com")
        customer("Nina", user=nina)
        self.clients = {
            "Alice": signed_in(alice.customer.user),
            "Nina": signed_in(nina),
            "nobody": Client(),
        }

    def cookies(self, who: str, url: str) -> list[Any]:
        found = self.clients[who].cookies.get("sessionid")
        return [{"name": "sessionid", "value": found.value, "url": url}] if found else []


def looks(alice: Alice, visitors: Visitors) -> list[Look]:
    """Each page once, as the first of the visitors sees it who sees it at all.

    Fails if what nobody sees is not what is known to be no page.
    """
    found, unseen = [], set()
    for route in routes():
        page = page_of(route)
        if page is None or page.may == May.STAFF:
            continue
        address = address_of(route, alice)
        for query in ("", *page.also):
            who = _first(visitors, f"{address}{query}")
            if who:
                found.append(Look(route.name, f"{address}{query}", who))
            else:
                unseen.add(f"{route.name}{query}")
    assert unseen == UNSEEN
    empty = ("portal:home", "portal:calendar", "portal:activity")
    found += [Look(name, reverse(name), "Nina") for name in empty]
    return sorted(found, key=lambda look: list(visitors.clients).index(look.who))


def _first(visitors: Visitors, address: str) -> str:
    for who, client in visitors.clients.items():
        answer = client.get(address)
        is_page = answer.get("Content-Type", "").startswith("text/html")
        if answer.status_code in SHOWN and is_page and b"<html" in answer.content:
            return who
    return ""


class Heard(list[str]):
    """What went wrong in the pages of a context; `expected` are addresses of errors."""

    def __init__(self) -> None:
        super().__init__()
        self.expected: set[str] = set()

    def listen(self, page: Page) -> None:
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.append(f"{page.url}: {error}"))

    def _hear(self, message: ConsoleMessage) -> None:
        refused = "status of 422" in message.text  # of a page that we have asked for
        refused |= message.location["url"] in self.expected
        if message.type in ("error", "warning") and not refused:
            self.append(f"{message.location['url']}: {message.text}")


@contextmanager
def visiting(
    chromium: Browser, visitors: Visitors, who: str, url: str, **options: Any
) -> Iterator[tuple[BrowserContext, Page, Heard]]:
    """A browser of the visitor's own; every page of it is listened to."""
    context = chromium.new_context(**options)
    context.add_cookies(visitors.cookies(who, url))
    page, heard = context.new_page(), Heard()
    heard.listen(page)
    yield context, page, heard
    context.close()
