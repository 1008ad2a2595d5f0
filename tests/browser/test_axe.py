"""axe finds nothing on any page, in both themes."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect

from earn.models import Customer, Order, Position, User
from tests.earn.people import (
    close_to,
    customer,
    day,
    fixed,
    flexible,
    on,
    redeem,
    subscribe,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice() -> Customer:
    """With something of everything."""
    who = customer("Alice")
    who.user = User.objects.create_user("alice@example.com")
    who.save()
    slow = flexible("slow", settlement_delay_days=5, risk_text="It may be lost.", quota=900)
    term = fixed("term", early_rule="FORFEIT_ALL")
    redeem(subscribe(who, slow, 300, on(0)), on(0), 100)
    subscribe(who, term, 100, on(0), term_days=10)
    close_to(2)
    return who


def for_everybody() -> Iterator[str]:
    for name in ("account_login", "account_signup", "account_reset_password"):
        yield reverse(name)
    for name in ("portal:start", "portal:explore"):
        yield reverse(name)
    yield f"{reverse('portal:product', args=['term'])}?amount=100&term=10"
    yield reverse("portal:product", args=["slow"])


def of_ones_own() -> Iterator[str]:
    for name in ("portal:home", "portal:activity", "portal:verify"):
        yield reverse(name)
    for name in ("portal:notifications", "portal:notification-preferences"):
        yield reverse(name)
    for name in ("mfa_index", "usersessions_list", "account_email"):
        yield reverse(name)
    for position in Position.objects.all():
        yield reverse("portal:position", args=[position.pk])
        yield reverse("portal:position-day", args=[position.pk, day(1)])
        yield reverse("portal:redeem", args=[position.pk])
    yield reverse("portal:instruct", args=[Position.objects.get(term_days=10).pk])
    for code in ("slow", "term"):
        yield reverse("portal:subscribe", args=[code])
    for order in Order.objects.all():
        yield reverse("portal:receipt", args=[order.pk])


@pytest.fixture
def judge(page: Page) -> Any:
    """What axe finds wrong with the page as it is, in light and in dark."""

    def act() -> list[str]:
        found = []
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            for fault in Axe().run(page).response["violations"]:
                where = [node["html"][:120] for node in fault["nodes"]]
                found.append(f"{page.url} {scheme}: {fault['id']}: {where}")
        return found

    return act


@pytest.mark.usefixtures("alice")
def test_pages_for_everybody(page: Page, live_server: Any, judge: Any) -> None:
    found = []
    for address in for_everybody():
        page.goto(f"{live_server.url}{address}")
        found += judge()
    assert found == []


def test_pages_of_ones_own(
    alice: Customer, page: Page, live_server: Any, judge: Any
) -> None:
    client = Client()
    assert alice.user is not None
    client.force_login(alice.user)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value}
    page.context.add_cookies([cookie | {"url": live_server.url}])
    found = []
    for address in of_ones_own():
        page.goto(f"{live_server.url}{address}")
        found += judge()
    position = Position.objects.get(term_days=None, state="OPEN")
    page.goto(f"{live_server.url}{reverse('portal:redeem', args=[position.pk])}")
    page.get_by_role("button", name="Show what will happen").click()
    expect(page.get_by_role("heading", name="What will happen")).to_be_visible()
    found += judge()
    assert found == []
