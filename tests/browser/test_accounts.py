import re
import time
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from axe_playwright_python.sync_playwright import Axe
from django.core import mail
from django.urls import reverse
from playwright.sync_api import Page, expect

from earn.models import Customer, User

ALICE, PASSWORD = "alice@example.com", "seven grey geese"
CODE = re.compile(r"^[A-Z0-9]{4}-[A-Z0-9]{4}$", re.MULTILINE)
SECURITY = "/account/2fa/"
PAGES_FOR_ALL = ["account_login", "account_signup", "account_reset_password"]
PAGES_OF_ONES_OWN = [
    "mfa_index",
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "mfa_list_webauthn",
    "account_change_password",
    "account_email",
    "account_reauthenticate",
    "usersessions_list",
    "account_logout",
]
PAGES_WITH_AN_APP = [
    "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes",
    "mfa_reauthenticate",
    "mfa_deactivate_totp",
]
KEY_IN_THIS_DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
MOST_TABS = 40

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice() -> User:
    user = User.objects.create_user(ALICE, PASSWORD)
    Customer.objects.create(user=user)
    EmailAddress.objects.create(user=user, email=ALICE, verified=True, primary=True)
    return user


@pytest.fixture
def address(live_server: Any) -> str:
    """By name: browsers keep passkeys for names only."""
    return str(live_server.url).replace("127.0.0.1", "localhost")


def tab_to(page: Page, selector: str) -> None:
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate("(is) => document.activeElement.matches(is)", selector):
            return
    raise AssertionError(f"The keyboard does not reach {selector} on {page.url}")


def write(page: Page, selector: str, text: str) -> None:
    tab_to(page, selector)
    page.keyboard.type(text)


def sign_in(page: Page, address: str) -> None:
    page.goto(f"{address}{reverse('account_login')}?next={SECURITY}")
    page.get_by_label("Email").fill(ALICE)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def show_password(page: Page, address: str, then: str) -> None:
    page.goto(f"{address}{reverse(then)}")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    expect(page).to_have_url(f"{address}{reverse(then)}")


def look_at(page: Page, address: str, names: list[str]) -> None:
    for name in names:
        page.goto(f"{address}{reverse(name)}")
        expect(page).to_have_url(re.compile(re.escape(reverse(name))))
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        assert page.evaluate(OVERFLOW) == 0, f"{name} is wider than a phone"


def test_signing_up_and_in_needs_no_mouse(page: Page, address: str) -> None:
    page.goto(f"{address}{reverse('account_signup')}?next={SECURITY}")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # skips the menu
    write(page, "#id_email", ALICE)
    write(page, "#id_password1", PASSWORD)
    write(page, "#id_password2", PASSWORD)
    page.keyboard.press("Enter")
    expect(
        page.get_by_role("heading", name="Enter email verification code")
    ).to_be_visible()
    assert Axe().run(page).response["violations"] == []
    code = CODE.search(str(mail.outbox[-1].body))
    assert code
    write(page, "#id_code", code[0])
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"You have confirmed {ALICE}.")).to_be_visible()
    assert Customer.objects.filter(user__email=ALICE).exists()

    page.goto(f"{address}{reverse('account_logout')}")
    tab_to(page, "main button")
    page.keyboard.press("Enter")
    expect(page.get_by_text("You have signed out.")).to_be_visible()

    page.goto(f"{address}{reverse('account_login')}?next={SECURITY}")
    write(page, "#id_login", ALICE)
    write(page, "#id_password", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Security", exact=True)).to_be_visible()


@pytest.mark.usefixtures("alice")
def test_a_passkey_is_added_and_signs_in(page: Page, address: str) -> None:
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": KEY_IN_THIS_DEVICE})
    sign_in(page, address)
    show_password(page, address, then="mfa_add_webauthn")
    page.get_by_label("Name").fill("This laptop")
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("Security key added.")).to_be_visible()
    page.goto(f"{address}{reverse('mfa_list_webauthn')}")
    expect(page.get_by_role("heading", name="This laptop")).to_be_visible()
    expect(page.get_by_text("Not used yet.")).to_be_visible()
    page.get_by_role("link", name="Rename").click()
    page.get_by_label("Name").fill("That laptop")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="That laptop")).to_be_visible()

    page.goto(f"{address}{reverse('account_logout')}")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    page.goto(f"{address}{reverse('account_login')}?next={SECURITY}")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("You have added 1 key.")).to_be_visible()

    page.goto(f"{address}{reverse('account_logout')}")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    sign_in(page, address)
    page.get_by_role("button", name="Use a security key").click()
    expect(page.get_by_text("You have added 1 key.")).to_be_visible()

    page.goto(f"{address}{reverse('mfa_list_webauthn')}")
    page.get_by_role("link", name="Remove").click()
    page.get_by_role("button", name="Use a security key").click()  # no password does
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Security key removed.")).to_be_visible()


def test_the_picture_of_the_secret_is_shown_and_activates_the_app(
    page: Page, address: str, alice: User
) -> None:
    sign_in(page, address)
    show_password(page, address, then="mfa_activate_totp")
    picture = page.get_by_alt_text("QR code of the secret below")
    assert picture.evaluate("(picture) => picture.naturalWidth") > 0
    secret = page.locator("#authenticator_secret").inner_text()
    code = totp.format_hotp_value(totp.hotp_value(secret, int(time.time()) // 30))
    page.get_by_label("Authenticator code").fill(code)
    page.get_by_role("button", name="Activate").click()
    expect(page.get_by_text("Authenticator app activated.")).to_be_visible()
    expect(
        page.get_by_role("list", name="Unused codes").get_by_role("listitem")
    ).to_have_count(10)
    assert Authenticator.objects.filter(user=alice).count() == 2
    look_at(page, address, PAGES_WITH_AN_APP)


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_keeps_the_policy_and_fits_a_phone(
    page: Page, address: str, scheme: Any
) -> None:
    page.emulate_media(color_scheme=scheme)
    look_at(page, address, PAGES_FOR_ALL)
    sign_in(page, address)
    show_password(page, address, then="mfa_activate_totp")
    look_at(page, address, PAGES_OF_ONES_OWN)
