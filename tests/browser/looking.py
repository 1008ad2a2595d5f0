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
    """Each page once, as the first of the visitors sees it who sees it at all."""
    found = []
    for route in routes():
        page = page_of(route)
        if page is None or page.may == May.STAFF:
            continue
        address = address_of(route, alice)
        for query in ("", *page.also):
            who = _first(visitors, f"{address}{query}")
            found += [Look(route.name, f"{address}{query}", who)] if who else []
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
    """What went wrong in the pages of a context."""

    def listen(self, page: Page) -> None:
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.append(f"{page.url}: {error}"))

    def _hear(self, message: ConsoleMessage) -> None:
        refused = "status of 422" in message.text  # of a page that we have asked for
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
