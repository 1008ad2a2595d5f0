"""Redeeming in the portal: leaving beside staying, and only by whom it truly is."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.core.cache import cache
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse

from earn import redemptions
from earn.models import Customer, Order, Position, User
from earn.portal.comparing import compare
from tests.earn.people import (
    ANNOUNCED,
    chart,
    close_to,
    day,
    fixed,
    flexible,
    now,
    on,
    redeem,
    subscribe,
    wallet,
)
from tests.portal.pages import create_credential
from tests.portal.test_accounts import activate_app, app_code
from tests.portal.test_home import signed_in
from tests.portal.test_orders import Page

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)  # the pages read the clock themselves
YESTERDAY = NOW - timedelta(days=1)
PASSWORD = "seven grey geese"
RECORDS = "account_authentication_methods"
DOLLAR_A_DAY = [(None, 0, "0.365")]


def address(position: Position) -> str:
    return reverse("portal:redeem", args=[position.pk])


def seen(client: Client, position: Position) -> Page:
    return Page(client.get(address(position)))


# Leaving beside staying


def both(position: Position, number: int, amount: str | None = None) -> Any:
    """The comparison on a day, in figures."""
    wanted = Decimal(amount) if amount else None
    what = redemptions.preview(position=now(position), at=on(number), amount=wanted)
    return compare(now(position), what, on(number))


def test_a_fixed_term_left_early_stands_beside_its_maturity(alice: Customer) -> None:
    term = fixed(tiers=[(10, 0, "0.365")], early_rule="FORFEIT_ALL")
    position = subscribe(alice, term, 1000, on(0), term_days=10)
    close_to(4)
    found = both(position, 5)
    assert (found.leave.received, found.leave.kept, found.leave.lost) == (1000, 0, 4)
    assert (found.stay.received, found.stay.kept, found.stay.lost) == (1010, 10, 0)
    assert (found.leave.on, found.stay.on) == (day(5), day(11))
    assert (found.gain, found.days, found.is_final) == (10, 6, True)


def test_staying_comes_to_what_the_books_then_pay(alice: Customer) -> None:
    term = fixed(
        tiers=[(10, 0, "0.0733")],
        early_rule="REDUCED_RATE",
        early_rate="0.01",
        payout="DAILY",
        final_rounding="HALF_UP",
    )
    position = subscribe(alice, term, 777, on(0), term_days=10)
    close_to(4)
    before, found = wallet(alice), both(position, 5)
    close_to(10)
    assert wallet(alice) - before == found.stay.received


def test_what_was_paid_and_is_taken_back_is_lost(alice: Customer) -> None:
    term = fixed(tiers=[(10, 0, "0.365")], early_rule="FORFEIT_ALL", payout="DAILY")
    position = subscribe(alice, term, 1000, on(0), term_days=10)
    close_to(4)
    found = both(position, 5)
    assert (found.leave.received, found.leave.lost) == (996, 4)
    assert found.stay.received == 1006


@pytest.mark.parametrize("compounding", ["NONE", "DAILY"])
@pytest.mark.parametrize("amount", [None, "400"])
def test_flexible_money_stands_beside_thirty_days_more(
    alice: Customer, compounding: str, amount: str | None
) -> None:
    tiers = [(None, 0, "0.365"), (None, 500, "0.073")]
    position = subscribe(alice, flexible(tiers=tiers, compounding=compounding), 900, on(0))
    close_to(4)
    found = both(position, 5, amount)
    redeem(position, on(5), amount)
    left = [(now(position), amount)] if amount else []
    assert found.left == sum((x.principal for x, _ in left), Decimal(0))
    assert found.leave.on == day(5)
    assert found.stay.on == day(35)
    assert found.gain > 0
    # the last 400 are in the second slice: 8 cents a day, if nothing compounds
    if amount and compounding == "NONE":
        assert found.gain == Decimal("2.40")


def test_a_delayed_redemption_names_its_day(alice: Customer) -> None:
    slow = flexible(settlement_delay_days=5)
    position = subscribe(alice, slow, 100, on(0))
    found = both(position, 2)
    assert (found.leave.on, found.stay.on) == (day(7), day(37))
    assert (found.through, found.is_final) == (None, False)


def test_a_fixed_position_shows_both_ways_at_once(alice: Customer) -> None:
    term = fixed(early_rule="FORFEIT_ALL")
    position = subscribe(alice, term, 100, YESTERDAY, term_days=10)
    page = seen(signed_in(alice), position)
    for words in ("Leave now", "Stay until maturity", "Interest you lose", "Staying"):
        assert words in page.text
    done = Page(signed_in(alice).post(address(position), page.hidden | {"step": "confirm"}))
    assert done.status == 302
    assert now(position).state == "REDEEMED"


def test_a_part_shows_what_stays(alice: Customer) -> None:
    position = subscribe(alice, flexible(), 800, YESTERDAY)
    answer = signed_in(alice).post(address(position), {"part": "PART", "amount": "300"})
    page = Page(answer)
    for words in ("Stay 30 days", "Stays in the position", "500.00 USD", "may change"):
        assert words in page.text


def test_the_amount_of_the_address_is_filled_in(alice: Customer) -> None:
    position = subscribe(alice, flexible(), 800, YESTERDAY)
    answer = signed_in(alice).get(address(position), {"part": "PART", "amount": "12.5"})
    text = Page(answer).text
    assert 'value="12.5"' in text
    assert re.search(r'value="PART"[^>]*checked', text)


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        ({"early_rule": "FORBIDDEN"}, "This position cannot be ended early. It is paid on"),
        (
            {"early_rule": "FORFEIT_ALL", "minimum_holding_days": 5},
            "This position can be redeemed from",
        ),
    ],
)
def test_what_cannot_be_redeemed_says_from_when_on_and_has_no_form(
    alice: Customer, terms: dict[str, Any], says: str
) -> None:
    position = subscribe(alice, fixed(**terms), 100, NOW, term_days=10)
    page = seen(signed_in(alice), position)
    assert (page.status, says in page.text) == (200, True)
    assert "<form" not in page.text


def test_a_closed_position_has_no_form(alice: Customer) -> None:
    position = subscribe(alice, flexible(), 100, YESTERDAY)
    redeem(position, NOW)
    page = seen(signed_in(alice), position)
    assert "This position is closed already." in page.text
    assert "<form" not in page.text


def test_somebody_elses_position_is_not_there(alice: Customer, bob: Customer) -> None:
    position = subscribe(alice, flexible(), 100, YESTERDAY)
    assert seen(signed_in(bob), position).status == 404


# Only by whom it truly is


@pytest.fixture
def position(alice: Customer) -> Position:
    cache.clear()  # where allauth counts who tries too often
    alice.user = User.objects.create_user("alice@example.com", PASSWORD)
    alice.save()
    EmailAddress.objects.create(
        user=alice.user, email=alice.user.email, verified=True, primary=True
    )
    return subscribe(alice, flexible(), 800, YESTERDAY)


@pytest.fixture
def client(position: Position) -> Client:  # noqa: ARG001
    """Alice has just signed in."""
    who = Client()
    fields = {"login": "alice@example.com", "password": PASSWORD}
    assert who.post(reverse("account_login"), fields).status_code == 302
    return who


@pytest.fixture
def ages(client: Client) -> Callable[[int], None]:
    """Puts all that was shown so many minutes into the past."""

    def act(minutes: int) -> None:
        session = client.session
        for record in session[RECORDS]:
            record["at"] -= minutes * 60
        session.save()

    return act


def asked(answer: Any, *, by: str = "account_reauthenticate") -> bool:
    return bool(
        answer.status_code == 302 and answer["Location"].startswith(f"{reverse(by)}?")
    )


def prove(client: Client, answer: Any, password: str = PASSWORD) -> Any:
    """Fills in the page that asks, to which `answer` leads."""
    form = Page(client.get(answer["Location"]))
    return client.post(
        reverse("account_reauthenticate"), form.hidden | {"password": password}
    )


def test_who_has_just_signed_in_is_not_asked(client: Client, position: Position) -> None:
    page = seen(client, position)
    assert (page.status, "How much" in page.text) == (200, True)
    shown = Page(client.post(address(position), {"part": "ALL"}))
    done = client.post(address(position), shown.hidden | {"step": "confirm"})
    assert (asked(done), now(position).state) == (False, "REDEEMED")


def test_fourteen_minutes_are_recent_and_fifteen_are_not(
    client: Client, position: Position, ages: Callable[[int], None]
) -> None:
    ages(14)
    assert seen(client, position).status == 200
    ages(1)
    assert asked(client.get(address(position)))


def test_who_was_asked_comes_back_with_the_amount(
    client: Client, position: Position, ages: Callable[[int], None]
) -> None:
    ages(16)
    answer = client.post(address(position), {"part": "PART", "amount": "12.5"})
    assert asked(answer)
    back = prove(client, answer)
    assert back["Location"] == f"{address(position)}?part=PART&amount=12.5"
    assert 'value="12.5"' in Page(client.get(back["Location"])).text


def test_too_old_at_the_last_click_nothing_happens_before_it_is_shown_again(
    alice: Customer, client: Client, position: Position, ages: Callable[[int], None]
) -> None:
    shown = Page(client.post(address(position), {"part": "PART", "amount": "300"}))
    ages(16)
    answer = client.post(address(position), shown.hidden | {"step": "confirm"})
    assert asked(answer)
    back = prove(client, answer)
    assert (wallet(alice), Order.objects.filter(kind="REDEEM").count()) == (0, 0)
    again = Page(client.post(back["Location"], {"part": "PART", "amount": "300"}))
    client.post(address(position), again.hidden | {"step": "confirm"})
    assert wallet(alice) == 300


def test_a_wrong_password_does_not_do(
    client: Client, position: Position, ages: Callable[[int], None]
) -> None:
    ages(16)
    answer = prove(client, client.get(address(position)), "eight grey geese")
    assert answer.status_code == 200
    assert asked(client.get(address(position)))


def test_a_code_of_the_app_does(
    client: Client, position: Position, ages: Callable[[int], None]
) -> None:
    secret = activate_app(client)
    ages(16)
    where = client.get(address(position))["Location"].partition("?")[2]
    code = {"code": app_code(secret), "next": address(position)}
    page = client.get(f"{reverse('mfa_reauthenticate')}?{where}")
    assert page.status_code == 200
    cache.clear()  # where allauth keeps that the code was used to activate the app
    back = client.post(reverse("mfa_reauthenticate"), code)
    assert back["Location"] == address(position)
    assert seen(client, position).status == 200


def test_who_has_an_app_is_asked_for_its_code_and_the_password_does_not_do(
    client: Client, position: Position
) -> None:
    """Though the password was shown just now: it may be all that a thief has."""
    activate_app(client)
    answer = client.get(address(position))
    assert asked(answer, by="mfa_reauthenticate")
    assert (
        reverse("account_reauthenticate") not in Page(client.get(answer["Location"])).text
    )
    where = f"{reverse('account_reauthenticate')}?next={address(position)}"
    assert asked(client.post(where, {"password": PASSWORD}), by="mfa_reauthenticate")
    assert asked(client.get(address(position)), by="mfa_reauthenticate")


def test_a_code_of_long_ago_is_asked_for_again(
    client: Client, position: Position, ages: Callable[[int], None]
) -> None:
    secret = activate_app(client)
    cache.clear()  # as above
    where = f"{reverse('mfa_reauthenticate')}?next={address(position)}"
    client.post(where, {"code": app_code(secret)})
    ages(14)
    assert seen(client, position).status == 200
    ages(1)
    assert asked(client.get(address(position)), by="mfa_reauthenticate")


def test_who_has_a_passkey_is_asked_for_it_unless_it_signed_them_in(
    alice: Customer, client: Client, position: Position
) -> None:
    assert alice.user
    passkey = Authenticator.objects.create(
        user=alice.user,
        type=Authenticator.Type.WEBAUTHN,
        data={"name": "laptop", "credential": create_credential()},
    )
    RecoveryCodes.activate(alice.user)
    answer = client.get(address(position))
    assert asked(answer, by="mfa_reauthenticate_webauthn")
    assert reverse("mfa_reauthenticate") in Page(client.get(answer["Location"])).text
    request = HttpRequest()
    request.session, request.user = client.session, alice.user
    post_authentication(request, passkey, passwordless=True)
    request.session.save()
    assert seen(client, position).status == 200


def test_the_end_of_the_session_in_between_asks_to_sign_in(
    client: Client, position: Position
) -> None:
    shown = Page(client.post(address(position), {"part": "ALL"}))
    client.logout()
    answer = client.post(address(position), shown.hidden | {"step": "confirm"})
    assert answer["Location"].startswith(reverse("account_login"))
    assert now(position).state == "OPEN"


def test_rates_that_are_announced_count_for_staying_from_their_day_on(
    alice: Customer,
) -> None:
    easy = flexible(tiers=DOLLAR_A_DAY)
    position = subscribe(alice, easy, 1000, on(0))
    chart(easy, day(3), (None, 0, "0.73"), at=ANNOUNCED + timedelta(days=1))
    chart(easy, day(5), (None, 0, "0"), at=ANNOUNCED + timedelta(days=2))
    assert both(position, 2).gain == 1 + 2 + 2
    assert both(position, 3).gain == 2 + 2
    assert both(position, 5).gain == 0
