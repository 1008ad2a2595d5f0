"""The desk in real Chromium: every page of it is for everybody, and its main stories."""

from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from earn.models import User
from tests.admin.pages import create_things, pages_of_the_desk, tables_of_the_desk
from tests.admin.staff import ROLES, member
from tests.browser.looking import Heard
from tests.browser.test_axe import judge, shape
from tests.earn.people import wallet
from tests.portal.pages import Alice, create_alice, signed_in

TABLES = ("/admin/earn/", "/admin/ledger/", "/admin/django_celery_beat/")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice() -> Alice:
    return create_alice()


def enter(page: Page, user: User, url: str) -> None:
    """The same browser, now of this member of staff."""
    session = signed_in(user).cookies["sessionid"].value
    page.context.clear_cookies()
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": url}])


def test_every_page_of_the_desk_is_for_everybody(
    alice: Alice, chromium: Browser, live_server: Any
) -> None:
    everything = member("everything", *ROLES)
    things = create_things(alice)
    context = chromium.new_context()
    page, heard, found = context.new_page(), Heard(), []
    heard.listen(page)
    enter(page, everything, live_server.url)
    for address in (*pages_of_the_desk(things), *tables_of_the_desk()):
        answer = page.goto(f"{live_server.url}{address}")
        if answer is None or answer.status != 200 or not page.url.endswith(address):
            found.append(f"{address} leads to {page.url}, {answer and answer.status}")
        # Django's tables have the colours of any other page
        themes = 1 if address.startswith(TABLES) else 2
        found += [*judge(page, themes=themes), *shape(page, "ltr")]
    context.close()
    # axe's own, when it reads a style sheet that imports another; ours have an address
    ours = [message for message in heard if not message.startswith(": ")]
    assert found + ours == []


def test_a_deposit_is_proposed_by_one_and_done_by_another(
    alice: Alice, page: Page, live_server: Any
) -> None:
    before = wallet(alice.customer)
    enter(page, member("olga", "operator"), live_server.url)
    page.goto(f"{live_server.url}/admin/proposals/")
    page.get_by_role("link", name="Deposit by hand").click()
    page.get_by_label("Customer").fill("Alice")
    page.get_by_label("Asset").select_option("USD")
    page.get_by_label("Amount").fill("12.50")
    page.get_by_label("Reason").fill("Wire 4711")
    page.get_by_role("button", name="Show what will happen").click()
    line = page.get_by_role("row", name="treasury:custody")
    expect(line.get_by_role("cell", name="12.5 USD")).to_be_visible()
    page.get_by_role("button", name="Propose").click()
    expect(page.get_by_text("Somebody else has to approve it.")).to_be_visible()
    expect(page.get_by_role("button", name="Approve and carry out")).to_have_count(0)
    assert wallet(alice.customer) == before

    enter(page, member("carl", "checker"), live_server.url)
    page.goto(f"{live_server.url}/admin/")
    page.get_by_role("button", name="Menu").press("Enter")  # folded away on a phone
    page.get_by_role("link", name="Approvals", exact=True).click()
    page.get_by_role("link", name="Deposit by hand: customer").click()
    page.get_by_role("button", name="Approve and carry out").dblclick()
    expect(page.get_by_text("approves")).to_be_visible()
    assert wallet(alice.customer) - before == Decimal("12.50")
