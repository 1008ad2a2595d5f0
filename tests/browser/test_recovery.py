"""Getting in with a second factor, and again after the password is forgotten.

The pages in the middle of it open for nobody who is not there: axe judges them here.
"""

import re
import time
from typing import Any

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from axe_playwright_python.sync_playwright import Axe
from django.core import mail
from playwright.sync_api import Page, expect

from earn.models import User
from tests.earn.people import customer
from tests.portal.pages import PASSWORD, create_user

pytestmark = pytest.mark.django_db(transaction=True)
EMAIL, NEW_PASSWORD = "alice@example.com", "eight grey geese"
CODE = re.compile(r"^[A-Z0-9]{4}-[A-Z0-9]{4}$", re.MULTILINE)
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture
def alice() -> User:
    user = create_user(EMAIL)
    customer("Alice", user=user)
    return user


@pytest.fixture
def codes(alice: User) -> list[str]:
    """Alice’s recovery codes; she has an app too."""
    totp.TOTP.activate(alice, SECRET)
    return RecoveryCodes.activate(alice).get_unused_codes()


def app_code() -> str:
    """What the app shows now."""
    return totp.format_hotp_value(totp.hotp_value(SECRET, int(time.time()) // 30))


def sign_in(page: Page, url: str) -> None:
    page.goto(f"{url}/account/login/")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")


def send_code(page: Page, code: str) -> None:
    page.get_by_label("Code").fill(code)
    page.keyboard.press("Enter")


def is_at(page: Page, heading: str) -> None:
    """On a page in which axe finds nothing."""
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    assert Axe().run(page).response["violations"] == []


@pytest.mark.usefixtures("codes")
def test_the_code_of_the_app_lets_in_and_a_wrong_one_does_not(
    page: Page, live_server: Any
) -> None:
    sign_in(page, live_server.url)
    is_at(page, "Two-factor authentication")
    send_code(page, "000 000")
    expect(page.get_by_text("Incorrect code.")).to_be_visible()
    page.goto(f"{live_server.url}/home/")
    is_at(page, "Two-factor authentication")
    send_code(page, app_code())
    expect(page.get_by_role("heading", level=1)).to_have_text("What you have")


def test_a_recovery_code_lets_in_once(
    page: Page, live_server: Any, codes: list[str]
) -> None:
    sign_in(page, live_server.url)
    send_code(page, codes[0])
    expect(page.get_by_role("heading", level=1)).to_have_text("What you have")
    page.context.clear_cookies()
    sign_in(page, live_server.url)
    send_code(page, codes[0])
    expect(page.get_by_text("Incorrect code.")).to_be_visible()
    send_code(page, codes[1])
    expect(page.get_by_role("heading", level=1)).to_have_text("What you have")


def test_a_forgotten_password_is_replaced_by_the_code_of_the_mail(
    page: Page, live_server: Any, alice: User
) -> None:
    page.goto(f"{live_server.url}/account/login/")
    page.get_by_role("link", name="Forgot your password?").click()
    is_at(page, "Password reset")
    page.get_by_label("Email").fill(EMAIL)
    page.keyboard.press("Enter")
    is_at(page, "Enter password reset code")
    code = CODE.search(str(mail.outbox[-1].body))
    assert code
    assert mail.outbox[-1].to == [EMAIL]
    send_code(page, code[0])
    is_at(page, "Change password")
    page.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    page.get_by_label("New password (again)").fill(NEW_PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Password successfully changed.")).to_be_visible()
    alice.refresh_from_db()
    assert alice.check_password(NEW_PASSWORD)
    page.goto(f"{live_server.url}/home/")
    expect(page.get_by_role("heading", level=1)).to_have_text("What you have")
