import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Permission
from django.core import mail
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from earn.demo import loading
from earn.models import Customer, User
from earn.portal import presence

ALICE, PASSWORD, NEW_PASSWORD = "alice@example.com", "seven grey geese", "eight grey geese"
CODE = re.compile(r"^[A-Z0-9]{4}-[A-Z0-9]{4}$", re.MULTILINE)
INLINE = re.compile(
    r"""<style|\sstyle=|\son[a-z]+=|<script(?![^>]*(?:src=|application/json))"""
)
SECURITY = "/account/2fa/"
PAGES_FOR_ALL = ["account_login", "account_signup", "account_reset_password"]
PAGES_OF_ONES_OWN = [
    "account_change_password",
    "account_email",
    "account_logout",
    "account_reauthenticate",
    "mfa_index",
    "mfa_reauthenticate",
    "mfa_deactivate_totp",
    "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes",
    "mfa_list_webauthn",
    "mfa_add_webauthn",
    "usersessions_list",
]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nobody_has_tried_too_often() -> None:
    cache.clear()  # where allauth counts


@pytest.fixture
def alice() -> User:
    user = User.objects.create_user(ALICE, PASSWORD)
    Customer.objects.create(user=user)
    confirm(user)
    return user


def confirm(user: User) -> None:
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)


def words(answer: HttpResponse) -> str:
    """The text of a page of ours, without what differs each time."""
    assert answer.status_code == 200
    text = " ".join(answer.content.decode().split())
    assert "Skip to the content" in text
    assert INLINE.findall(text) == []
    return re.sub(r'(csrfmiddlewaretoken" value=)"[^"]*"', r"\1", text)


def page(client: Client, name: str) -> str:
    return words(client.get(reverse(name)))


def sign_up(client: Client, email: str = ALICE, password: str = PASSWORD) -> HttpResponse:
    fields = {"email": email, "password1": password, "password2": password}
    return client.post(reverse("account_signup"), fields)


def sign_in(client: Client, email: str = ALICE, password: str = PASSWORD) -> HttpResponse:
    fields = {"login": email, "password": password, "next": SECURITY}
    return client.post(reverse("account_login"), fields)


def show_password(client: Client) -> None:
    answer = client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    assert answer.status_code == 302


def is_signed_in(client: Client) -> bool:
    return client.get(SECURITY).status_code == 200


def mailed_code() -> str:
    found = CODE.search(str(mail.outbox[-1].body))
    assert found
    return found[0]


def app_code(secret: str) -> str:
    counter = int(time.time()) // 30
    return totp.format_hotp_value(totp.hotp_value(secret, counter))


def activate_app(client: Client) -> str:
    """The secret of the app, which is from now on asked for its codes."""
    show_password(client)
    answer = client.get(reverse("mfa_activate_totp"))
    secret = str(answer.context["form"].secret)
    answer = client.post(reverse("mfa_activate_totp"), {"code": app_code(secret)})
    assert (answer.status_code, answer["Location"]) == (
        302,
        reverse("mfa_view_recovery_codes"),
    )
    return secret


# Signing up


def test_who_signs_up_confirms_the_address_and_becomes_a_customer(client: Client) -> None:
    answer = sign_up(client)
    assert answer["Location"] == reverse("account_email_verification_sent")
    assert mail.outbox[0].to == [ALICE]
    assert mail.outbox[0].subject == "Earn: Please confirm your email address"
    assert f"<strong>{ALICE}</strong>" in words(client.get(answer["Location"]))
    assert not is_signed_in(client)

    answer = client.post(answer["Location"], {"code": mailed_code()})
    assert (answer.status_code, answer["Location"]) == (302, "/home/")
    text = page(client, "mfa_index")
    assert text.count(f"You have confirmed {ALICE}.") == 1
    assert text.count(f"Successfully signed in as {ALICE}.") == 1
    customer = Customer.objects.get(user__email=ALICE)
    assert customer.user
    assert customer.user.joined_at
    assert not customer.user.is_staff


def test_the_application_s_rights_suffice_for_everything(
    client: Client, as_app_role: Any
) -> None:
    with as_app_role():
        sign_up(client)
        client.post(reverse("account_email_verification_sent"), {"code": mailed_code()})
        activate_app(client)
        assert "Chrome" not in page(client, "usersessions_list")


def test_a_wrong_code_confirms_nothing(client: Client) -> None:
    sign_up(client)
    confirm_page = reverse("account_email_verification_sent")
    text = words(client.post(confirm_page, {"code": "AAAA-AAAA"}))
    assert text.count("Incorrect code.") == 1
    assert 'aria-invalid="true" aria-describedby="id_code_error"' in text
    assert not is_signed_in(client)


def test_a_lost_code_is_sent_again(client: Client) -> None:
    sign_up(client)
    cache.clear()  # as if ten seconds had passed
    client.post(reverse("account_email_verification_sent"), {"action": "resend"})
    assert len(mail.outbox) == 2
    client.post(reverse("account_email_verification_sent"), {"code": mailed_code()})
    assert is_signed_in(client)


@pytest.mark.usefixtures("alice")
def test_a_used_address_looks_like_a_new_one(client: Client) -> None:
    known, unknown = client, Client()
    answers = [sign_up(known, ALICE), sign_up(unknown, "bob@example.com")]
    assert answers[0]["Location"] == answers[1]["Location"]
    pages = [page(one, "account_email_verification_sent") for one in (known, unknown)]
    assert pages[0].replace(ALICE, "") == pages[1].replace("bob@example.com", "")
    assert [message.subject for message in mail.outbox] == [
        "Earn: Account already exists",
        "Earn: Please confirm your email address",
    ]
    assert User.objects.filter(email=ALICE).count() == 1


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("grey7", "This password is too short. It must contain at least 8 characters."),
        ("password1", "This password is too common."),
        ("8374650183", "This password is entirely numeric."),
        ("alice@example", "The password is too similar to the email."),
    ],
)
def test_a_weak_password_is_refused_with_a_reason(
    client: Client, password: str, says: str
) -> None:
    text = words(sign_up(client, password=password))
    assert text.count(says) == 1
    assert not User.objects.exists()


def test_two_different_passwords_are_refused(client: Client) -> None:
    fields = {"email": ALICE, "password1": PASSWORD, "password2": NEW_PASSWORD}
    text = words(client.post(reverse("account_signup"), fields))
    assert text.count("You must type the same password each time.") == 1


# Signing in and out


@pytest.mark.usefixtures("alice")
def test_signing_in_and_out(client: Client) -> None:
    answer = sign_in(client)
    assert (answer.status_code, answer["Location"]) == (302, SECURITY)
    text = words(client.get(SECURITY))
    assert text.count(f"Successfully signed in as {ALICE}.") == 1
    assert "Successfully signed in" not in words(client.get(SECURITY))

    assert "Are you sure" in page(client, "account_logout")
    answer = client.post(reverse("account_logout"), follow=True)
    assert answer.redirect_chain == [("/", 302)]
    assert words(answer).count("You have signed out.") == 1
    assert not is_signed_in(client)


@pytest.mark.usefixtures("alice")
def test_who_signs_in_comes_home(client: Client) -> None:
    fields = {"login": ALICE, "password": PASSWORD}
    assert client.post(reverse("account_login"), fields)["Location"] == "/home/"


@pytest.mark.usefixtures("alice")
def test_a_wrong_password_and_an_unknown_address_say_the_same(client: Client) -> None:
    sentence = "The email address and/or password you specified are not correct."
    pages = [
        words(sign_in(client, ALICE, "wrong")),
        words(sign_in(client, "bob@example.com", "wrong")),
    ]
    assert [text.count(sentence) for text in pages] == [1, 1]
    assert pages[0].replace(ALICE, "") == pages[1].replace("bob@example.com", "")


@pytest.mark.usefixtures("alice")
def test_after_many_wrong_passwords_the_right_one_waits_too(client: Client) -> None:
    for _ in range(5):
        sign_in(client, password="wrong")
    text = words(sign_in(client))
    assert text.count("Too many failed login attempts. Try again later.") == 1
    assert not is_signed_in(client)


@pytest.mark.usefixtures("alice")
def test_nobody_is_sent_to_another_site(client: Client) -> None:
    fields = {"login": ALICE, "password": PASSWORD, "next": "https://evil.example/"}
    assert client.post(reverse("account_login"), fields)["Location"] == "/home/"


def test_staff_who_are_no_customers_sign_in_after_confirming_their_address(
    client: Client,
) -> None:
    User.objects.create_superuser("root@example.com", PASSWORD)
    answer = sign_in(client, "root@example.com")
    assert answer["Location"] == reverse("account_email_verification_sent")
    answer = client.post(answer["Location"], {"code": mailed_code()})
    assert answer["Location"] == SECURITY
    assert is_signed_in(client)
    assert not Customer.objects.exists()


def test_the_demo_s_logins_sign_in_at_once(client: Client) -> None:
    for _ in range(2):
        loading.login(ALICE, password=PASSWORD, at=datetime.now(UTC), is_staff=False)
    assert sign_in(client)["Location"] == SECURITY
    assert EmailAddress.objects.count() == 1


def test_staff_sign_in_to_the_admin_with_their_permissions(client: Client) -> None:
    staff = User.objects.create_user("staff@example.com", PASSWORD, is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_product"))
    EmailAddress.objects.create(user=staff, email=staff.email, verified=True, primary=True)
    asked = client.get("/admin/", follow=True)
    assert asked.redirect_chain[-1][0] == f"{reverse('account_login')}?next=%2Fadmin%2F"
    fields = {"login": "staff@example.com", "password": PASSWORD, "next": "/admin/"}
    answer = client.post(reverse("account_login"), fields, follow=True)
    assert answer.redirect_chain[-1][0] == "/admin/"
    assert client.get("/admin/earn/product/").status_code == 200
    assert client.get("/admin/earn/customer/").status_code == 403


# Recovery and changes


@pytest.mark.usefixtures("alice")
def test_a_forgotten_password_is_replaced_with_a_code(client: Client) -> None:
    answer = client.post(reverse("account_reset_password"), {"email": ALICE}, follow=True)
    assert words(answer).count(ALICE) == 1
    answer = client.post(
        reverse("account_confirm_password_reset_code"),
        {"code": mailed_code()},
        follow=True,
    )
    assert 'autocomplete="new-password"' in words(answer)
    answer = client.post(
        reverse("account_complete_password_reset"),
        {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD},
    )
    assert answer.status_code == 302
    assert is_signed_in(client)
    assert mail.outbox[-1].subject == "Earn: Password reset"
    assert sign_in(Client(), password=PASSWORD).status_code == 200
    assert sign_in(Client(), password=NEW_PASSWORD).status_code == 302


@pytest.mark.usefixtures("alice")
def test_recovery_does_not_tell_who_has_an_account(client: Client) -> None:
    pages = [
        words(client.post(reverse("account_reset_password"), {"email": email}, follow=True))
        for email in (ALICE, "bob@example.com")
    ]
    assert pages[0].replace(ALICE, "") == pages[1].replace("bob@example.com", "")
    assert mail.outbox[-1].subject == "Earn: Unknown account"


@pytest.mark.usefixtures("alice")
def test_a_new_password_signs_out_everywhere_else(client: Client) -> None:
    elsewhere = Client()
    for one in (client, elsewhere):
        sign_in(one)
    fields = {
        "oldpassword": PASSWORD,
        "password1": NEW_PASSWORD,
        "password2": NEW_PASSWORD,
    }
    answer = client.post(reverse("account_change_password"), fields, follow=True)
    assert words(answer).count("Password successfully changed.") == 1
    assert is_signed_in(client)
    assert not is_signed_in(elsewhere)
    assert mail.outbox[-1].subject == "Earn: Password changed"


def test_a_new_address_counts_once_it_is_confirmed(client: Client, alice: User) -> None:
    sign_in(client)
    fields = {"email": "alice@example.org", "action_add": ""}
    asks = client.post(reverse("account_email"), fields)["Location"]
    assert asks.startswith(reverse("account_reauthenticate"))
    answer = client.post(asks, {"password": PASSWORD, "next": reverse("account_email")})
    assert answer["Location"] == reverse("account_email_verification_sent")
    alice.refresh_from_db()
    assert alice.email == ALICE
    assert mail.outbox[-1].to == ["alice@example.org"]
    client.post(answer["Location"], {"code": mailed_code()})
    alice.refresh_from_db()
    assert alice.email == "alice@example.org"
    assert sign_in(Client(), "alice@example.org").status_code == 302


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("name", ["mfa_activate_totp", "mfa_add_webauthn"])
def test_before_second_factors_change_one_shows_the_password_again(
    client: Client, name: str
) -> None:
    sign_in(client)
    asks = client.get(reverse(name))["Location"]
    assert asks.startswith(reverse("account_reauthenticate"))
    fields = {"password": "wrong", "next": reverse(name)}
    assert words(client.post(asks, fields)).count("Incorrect password.") == 1
    assert client.get(reverse(name)).status_code == 302
    answer = client.post(asks, {**fields, "password": PASSWORD})
    assert answer["Location"] == reverse(name)
    assert page(client, name)


# Second factors and sessions


@pytest.mark.django_db(transaction=True)  # allauth tells of it after the commit
@pytest.mark.usefixtures("alice")
def test_an_app_is_activated_with_a_code_and_asked_for_from_then_on(client: Client) -> None:
    sign_in(client)
    show_password(client)
    text = page(client, "mfa_activate_totp")
    assert 'src="data:image/svg+xml' in text
    text = words(client.post(reverse("mfa_activate_totp"), {"code": "000000"}))
    assert text.count("Incorrect code.") == 1
    assert not Authenticator.objects.exists()
    secret = activate_app(client)
    text = page(client, "mfa_view_recovery_codes")
    assert text.count("Authenticator app activated.") == 1
    assert text.count("A new set of recovery codes has been generated.") == 1
    assert mail.outbox[0].subject == "Earn: Authenticator app activated"

    phone = Client()
    assert sign_in(phone)["Location"].startswith(reverse("mfa_authenticate"))
    assert not is_signed_in(phone)
    text = words(phone.post(reverse("mfa_authenticate"), {"code": "000000"}))
    assert text.count("Incorrect code.") == 1
    phone.post(reverse("mfa_authenticate"), {"code": app_code(secret)})
    assert is_signed_in(phone)


@pytest.mark.usefixtures("alice")
def test_the_picture_of_the_secret_is_readable_on_a_dark_page(client: Client) -> None:
    sign_in(client)
    show_password(client)
    svg = client.get(reverse("mfa_activate_totp")).context["totp_svg"]
    assert 'fill="white"' in svg


@pytest.mark.usefixtures("alice")
def test_the_database_alone_gives_no_second_factor_away(
    client: Client, settings: Any
) -> None:
    sign_in(client)
    secret = activate_app(client)
    kept = [str(factor.data) for factor in Authenticator.objects.all()]
    assert len(kept) == 2
    assert [text for text in kept if secret in text] == []
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another key " * 5
    settings.SECRET_KEY_FALLBACKS = [old]
    phone = Client()
    sign_in(phone)
    phone.post(reverse("mfa_authenticate"), {"code": app_code(secret)})
    assert is_signed_in(phone)


@pytest.mark.usefixtures("alice")
def test_a_recovery_code_lets_in_once(client: Client) -> None:
    sign_in(client)
    activate_app(client)
    codes = client.get(reverse("mfa_download_recovery_codes")).content.decode().split()
    assert len(codes) == 10
    assert [
        code for code in codes if code not in page(client, "mfa_view_recovery_codes")
    ] == []
    first, second = Client(), Client()
    for one in (first, second):
        sign_in(one)
        one.post(reverse("mfa_authenticate"), {"code": codes[0]})
    assert is_signed_in(first)
    assert not is_signed_in(second)
    assert "9 codes are left." in page(client, "mfa_index")


@pytest.mark.usefixtures("alice")
def test_the_app_can_be_given_up(client: Client) -> None:
    sign_in(client)
    activate_app(client)
    answer = client.post(reverse("mfa_deactivate_totp"), follow=True)
    assert words(answer).count("Authenticator app deactivated.") == 1
    assert sign_in(Client())["Location"] == SECURITY


@pytest.mark.usefixtures("alice")
def test_the_other_sessions_are_signed_out(client: Client) -> None:
    phone = Client(headers={"User-Agent": "Mozilla/5.0 (Android 15) Firefox/140.0"})
    for one in (client, phone):
        sign_in(one)
        one.get(SECURITY)
    text = page(client, "usersessions_list")
    assert "Firefox · Android" in text
    assert text.count("This one") == 1
    assert "Sign out other sessions" in text
    answer = client.post(reverse("usersessions_list"), follow=True)
    assert words(answer).count("Signed out of all other sessions.") == 1
    assert is_signed_in(client)
    assert not is_signed_in(phone)


@pytest.mark.usefixtures("alice")
def test_a_session_in_use_does_not_look_asleep(client: Client) -> None:
    """It is noted every few minutes, not with each page."""
    phone = Client(headers={"User-Agent": "Mozilla/5.0 (Android 15) Firefox/140.0"})
    sign_in(phone)
    long_ago = datetime.now(UTC) - timedelta(hours=5)
    UserSession.objects.update(created_at=long_ago, last_seen_at=long_ago)
    session = phone.session
    session[presence.SEEN] = int(long_ago.timestamp())
    session.save()
    phone.get(SECURITY)
    seen = UserSession.objects.get().last_seen_at
    assert seen - long_ago > timedelta(hours=4)
    phone.get(SECURITY)
    assert UserSession.objects.get().last_seen_at == seen
    sign_in(client)
    text = " ".join(page(client, "usersessions_list").split())
    assert "signed in 5 hours ago, last seen now" in text


def test_news_come_in_the_language_of_signing_up(client: Client) -> None:
    client.cookies["django_language"] = "es"
    sign_up(client)
    assert User.objects.get().language == "es"


@pytest.mark.usefixtures("alice")
def test_nobody_sees_another_one_s_sessions(client: Client) -> None:
    bob = User.objects.create_user("bob@example.com", PASSWORD)
    confirm(bob)
    phone = Client(headers={"User-Agent": "Mozilla/5.0 (Android 15) Firefox/140.0"})
    sign_in(phone)
    phone.get(SECURITY)
    sign_in(client, "bob@example.com")
    assert "Android" not in page(client, "usersessions_list")


# Each page


@pytest.mark.parametrize("name", PAGES_FOR_ALL)
def test_pages_for_all_are_ours(client: Client, name: str) -> None:
    assert "· Earn </title>" in page(client, name)


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("name", PAGES_OF_ONES_OWN)
def test_pages_of_one_s_own_are_ours_and_for_who_is_signed_in(
    client: Client, name: str
) -> None:
    assert client.get(reverse(name)).status_code == 302
    sign_in(client)
    if name != "account_reauthenticate":  # which is for who has nothing but a password
        activate_app(client)
    text = page(client, name)
    assert "· Earn </title>" in text
    assert text.count("<h1") == 1


def test_fields_keep_what_browsers_and_readers_need(client: Client) -> None:
    text = page(client, "account_signup")
    assert '<label for="id_email">Email</label> <input type="email" name="email"' in text
    assert 'autocomplete="email"' in text
    assert text.count('autocomplete="new-password"') == 2
    assert 'aria-describedby="id_password1_helptext"' in text
    assert 'id="id_password1_helptext"' in text
    assert "placeholder" not in text
    assert 'autocomplete="current-password"' in page(client, "account_login")


@pytest.mark.usefixtures("alice")
def test_behind_a_proxy_who_guesses_locks_out_nobody_else(settings: Any) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    for number in range(40):
        guesser = Client(headers={"X-Forwarded-For": f"198.51.100.{number}, 192.0.2.1"})
        sign_in(guesser, f"nobody-{number}@example.com", password="wrong")
    visitor = Client(headers={"X-Forwarded-For": "203.0.113.9"})
    assert sign_in(visitor).status_code == 302
