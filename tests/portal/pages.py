"""Every address there is: who may open it, and what of Alice's it takes to make one.

A new page is declared in PAGES, in one line; the tests of whose it is, of axe, of its
weight and the like then find it by themselves. The pages of staff need no line.
"""

import hashlib
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from allauth.account.internal.flows.login import record_authentication
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.http import HttpRequest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from fido2.utils import websafe_encode
from fido2.webauthn import AttestationObject, AuthenticatorData, CollectedClientData

from earn import feeds
from earn.models import CalendarFeed, Customer, Order, Position, User
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

PASSWORD = "seven grey geese"


class May(StrEnum):
    """Who may open a page; everybody else is sent to sign in, or finds nothing there."""

    EVERYBODY = "everybody"
    SIGNED_IN = "whoever is signed in, staff too"
    CUSTOMERS = "each customer, who sees what is theirs"
    OWNER = "the customer whose thing its address names"
    HOLDER = "whoever holds the address, which nobody can guess"
    STAFF = "staff"


class Alice(NamedTuple):
    """With something of everything that an address can name."""

    customer: Customer
    flexible: Position
    fixed: Position
    redemption: Order
    passkey: Authenticator
    feed: CalendarFeed


class Page(NamedTuple):
    """`also` are queries with which the page looks different."""

    may: May
    args: Callable[[Alice], list[Any]] = lambda _alice: []
    also: tuple[str, ...] = ()


def of_product(alice: Alice) -> list[Any]:
    return [alice.fixed.product.code]


def of_position(alice: Alice) -> list[Any]:
    return [alice.flexible.pk]


def of_term(alice: Alice) -> list[Any]:
    return [alice.fixed.pk]


def of_day(alice: Alice) -> list[Any]:
    return [alice.flexible.pk, day(25)]


def of_subscription(alice: Alice) -> list[Any]:
    order = Order.objects.get(kind=Order.Kind.SUBSCRIBE, position=alice.fixed)
    return [order.pk, "pdf"]


def of_statement(_alice: Alice) -> list[Any]:
    return ["2026-01", "json"]


def of_year(_alice: Alice) -> list[Any]:
    return [2026, "csv"]


def of_redemption(alice: Alice) -> list[Any]:
    return [alice.redemption.pk]


def of_feed(alice: Alice) -> list[Any]:
    return [feeds.token_of(alice.feed)]


def of_entry(alice: Alice) -> list[Any]:
    return [alice.redemption.entry_id]


def of_seal(_alice: Alice) -> list[Any]:
    return [1]


def of_passkey(alice: Alice) -> list[Any]:
    return [alice.passkey.pk]


PAGES = {
    "portal:favicon.ico": Page(May.EVERYBODY),
    "portal:start": Page(May.EVERYBODY),
    "portal:explore": Page(May.EVERYBODY),
    "portal:product": Page(May.EVERYBODY, of_product, also=("?amount=100&term=10",)),
    "portal:calculator": Page(May.EVERYBODY, of_product),
    "portal:subscribe": Page(May.CUSTOMERS, of_product),
    "portal:home": Page(May.CUSTOMERS),
    "portal:activity": Page(May.CUSTOMERS),
    "portal:notifications": Page(May.CUSTOMERS),
    "portal:notification-preferences": Page(May.CUSTOMERS),
    "portal:preferences": Page(May.SIGNED_IN),
    "portal:statements": Page(May.CUSTOMERS),
    "portal:statement": Page(May.CUSTOMERS, of_statement),
    "portal:income": Page(May.CUSTOMERS, of_year),
    "portal:term-sheet": Page(May.OWNER, of_subscription),
    "portal:verify": Page(May.CUSTOMERS),
    "portal:chain": Page(May.CUSTOMERS),
    "portal:entries-text": Page(May.CUSTOMERS),
    "portal:entry": Page(May.OWNER, of_entry),
    "portal:entry-text": Page(May.OWNER, of_entry),
    "portal:seal-hashes": Page(May.CUSTOMERS, of_seal),
    "portal:receipt": Page(May.OWNER, of_redemption),
    "portal:cancel": Page(May.OWNER, of_redemption),
    "portal:position": Page(May.OWNER, of_position),
    "portal:position-day": Page(May.OWNER, of_day),
    "portal:redeem": Page(May.OWNER, of_position),
    "portal:instruct": Page(May.OWNER, of_term),
    "portal:calendar": Page(May.CUSTOMERS, also=("?month=2026-02",)),
    "portal:calendar-address": Page(May.CUSTOMERS),
    "portal:calendar-feed": Page(May.HOLDER, of_feed),
    "account_login": Page(May.EVERYBODY),
    "account_signup": Page(May.EVERYBODY),
    "account_inactive": Page(May.EVERYBODY),
    "account_logout": Page(May.EVERYBODY),
    "account_reauthenticate": Page(May.SIGNED_IN),
    "account_email": Page(May.SIGNED_IN),
    "account_change_password": Page(May.SIGNED_IN),
    "account_set_password": Page(May.SIGNED_IN),
    # in the middle of signing in or of a reset, which only the visitor's session knows
    "account_email_verification_sent": Page(May.EVERYBODY),
    "account_confirm_login_code": Page(May.EVERYBODY),
    "account_reset_password": Page(May.EVERYBODY),
    "account_confirm_password_reset_code": Page(May.EVERYBODY),
    "account_complete_password_reset": Page(May.EVERYBODY),
    "account_password_reset_completed": Page(May.EVERYBODY),
    "mfa_authenticate": Page(May.EVERYBODY),
    "mfa_login_webauthn": Page(May.EVERYBODY),
    "mfa_index": Page(May.SIGNED_IN),
    "mfa_reauthenticate": Page(May.SIGNED_IN),
    "mfa_activate_totp": Page(May.SIGNED_IN),
    "mfa_deactivate_totp": Page(May.SIGNED_IN),
    "mfa_view_recovery_codes": Page(May.SIGNED_IN),
    "mfa_generate_recovery_codes": Page(May.SIGNED_IN),
    "mfa_download_recovery_codes": Page(May.SIGNED_IN),
    "mfa_list_webauthn": Page(May.SIGNED_IN),
    "mfa_add_webauthn": Page(May.SIGNED_IN),
    "mfa_reauthenticate_webauthn": Page(May.SIGNED_IN),
    "mfa_remove_webauthn": Page(May.OWNER, of_passkey),
    "mfa_edit_webauthn": Page(May.OWNER, of_passkey),
    "usersessions_list": Page(May.SIGNED_IN),
    "set_language": Page(May.EVERYBODY),
    "admin:login": Page(May.EVERYBODY),
    "admin:logout": Page(May.EVERYBODY),
}


def create_user(email: str) -> User:
    user = User.objects.create_user(email, PASSWORD)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def create_credential() -> dict[str, Any]:
    """What a browser registers; of a device that keeps its key to itself."""
    device = AuthenticatorData.create(
        hashlib.sha256(b"localhost").digest(), AuthenticatorData.FLAG.UP, 0
    )
    client = CollectedClientData.create("webauthn.create", b"challenge", "http://localhost")
    response = {
        "clientDataJSON": websafe_encode(client),
        "attestationObject": websafe_encode(AttestationObject.create("none", device, {})),
    }
    name = websafe_encode(b"laptop")
    return {"id": name, "rawId": name, "type": "public-key", "response": response}


def add_factors(user: User) -> Authenticator:
    """All there are; the passkey, which addresses name."""
    passkey = Authenticator.objects.create(
        user=user,
        type=Authenticator.Type.WEBAUTHN,
        data={"name": "Alice’s laptop", "credential": create_credential()},
    )
    TOTP.activate(user, generate_totp_secret())
    RecoveryCodes.activate(user)
    return passkey


def create_alice() -> Alice:
    user = create_user("alice@example.com")
    who = customer("Alice", user=user)
    passkey = add_factors(user)
    slow = flexible("slow", settlement_delay_days=5, risk_text="It may be lost.", quota=900)
    term = fixed("term", early_rule="FORFEIT_ALL", risk_text="It may be lost.")
    saved = subscribe(who, slow, 300, on(24))
    redemption = redeem(saved, on(24), 100)
    kept = subscribe(who, term, 100, on(24), term_days=10)
    close_to(27)  # January is over
    feed = CalendarFeed.objects.create(customer=who, created_at=on(24))
    return Alice(who, saved, kept, redemption, passkey, feed)


def signed_in(user: User | None, **options: Any) -> Client:
    """Just now and by all that they have, so that nothing asks for it again."""
    assert user is not None
    client = Client(**options)
    client.force_login(user)
    request = HttpRequest()
    request.session = client.session
    for method in ("password", "mfa"):
        record_authentication(request, user, method, reauthenticated=True)
    request.session.save()
    return client


# What the configuration of the addresses says


class Route(NamedTuple):
    """One pattern; what has no name is called by its route."""

    name: str
    path: str
    parameters: tuple[str, ...]
    has_name: bool


FOR_STAFF = {
    "app_label": "earn",
    "content_type_id": 1,
    "day": "2026-01-05",
    "object_id": 1,
    "operation": "deposit",
    "url": "nowhere",
}


def routes() -> list[Route]:
    return list(_walk(get_resolver(), "", ""))


def _walk(resolver: URLResolver, path: str, namespace: str) -> Iterator[Route]:
    for found in resolver.url_patterns:
        below = f"{path}{found.pattern}"
        if isinstance(found, URLPattern):
            name = f"{namespace}{found.name or below}"
            parameters = tuple(found.pattern.regex.groupindex)
            yield Route(name, below, parameters, has_name=bool(found.name))
        else:
            inner = f"{found.namespace}:" if found.namespace else ""
            yield from _walk(found, below, namespace + inner)


def page_of(route: Route) -> Page | None:
    """What is declared of it; all that the site of staff has is for staff."""
    if route.name in PAGES:
        return PAGES[route.name]
    return Page(May.STAFF) if route.name.startswith("admin:") else None


def address_of(route: Route, alice: Alice) -> str:
    """With Alice's own things in it."""
    page = page_of(route)
    assert page is not None
    if page.may == May.STAFF and route.has_name:
        wanted = {name: FOR_STAFF[name] for name in route.parameters}
        return reverse(route.name, kwargs=wanted)
    if route.has_name:
        return reverse(route.name, args=page.args(alice))
    path = route.path.replace("(?P<url>.*)$", "nowhere")
    return "/" + path.replace("<path:object_id>", "1")


def addresses(alice: Alice, *may: May) -> dict[str, str]:
    """By name, of the pages that these may open."""
    return {
        route.name: address_of(route, alice)
        for route in routes()
        if (page := page_of(route)) and page.may in may
    }
