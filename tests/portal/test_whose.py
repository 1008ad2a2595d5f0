"""Alice owns, Bob saves beside her, Charlie is nobody: every address there is, by name.

The addresses are those of the URL configuration, so that a new page cannot be forgotten.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from earn.models import User
from tests.earn.people import customer
from tests.portal.pages import (
    PAGES,
    Alice,
    May,
    addresses,
    create_alice,
    create_user,
    page_of,
    routes,
    signed_in,
)

pytestmark = pytest.mark.django_db
METHODS = ["get", "head", "post"]
NOT_THERE = (404, 405)
READ_OF_ADDRESSES = """
    after amount asset before first format from kind language last month next page part
    position product q resumed sort term to type
"""
QUERIES = tuple(READ_OF_ADDRESSES.split())


@pytest.fixture
def alice() -> Alice:
    return create_alice()


@pytest.fixture
def bob() -> Client:
    user = create_user("bob@example.com")
    customer("Bob", user=user)
    return signed_in(user)


@pytest.fixture
def clerk() -> Client:
    """Staff who may do everything that staff do, and are no customer."""
    return signed_in(User.objects.create_superuser("clerk@example.com"))


def everything() -> dict[str, str]:
    """A digest of every table; sessions come and go with whoever looks."""
    with connection.cursor() as db:
        tables = sorted(set(connection.introspection.table_names()) - {"django_session"})
        digest = "select '{0}', md5(string_agg(t::text, '|' order by t::text)) from {0} t"
        db.execute(" union all ".join(digest.format(table) for table in tables))
        return dict(db.fetchall())


def send(client: Client, method: str, address: str) -> HttpResponse:
    found: HttpResponse = getattr(client, method)(address)
    return found


def is_sent_to_sign_in(answer: Any) -> bool:
    doors = (reverse("account_login"), reverse("admin:login"))
    return answer.status_code == 302 and answer["Location"].startswith(doors)


def test_every_page_says_who_may_open_it() -> None:
    unknown = [route.name for route in routes() if page_of(route) is None]
    assert unknown == [], (
        "These addresses are new: say who may open them in PAGES of tests/portal/pages.py, "
        "with a function that makes their arguments from what Alice has."
    )
    gone = set(PAGES) - {route.name for route in routes()}
    assert gone == set(), "These are no addresses any more: take them out of PAGES."


def test_everybody_opens_what_is_for_everybody(alice: Alice) -> None:
    for name, address in addresses(alice, May.EVERYBODY).items():
        answer = Client().get(address)
        assert answer.status_code in (200, 302), name


def test_alice_opens_what_is_hers(alice: Alice) -> None:
    hers = signed_in(alice.customer.user)
    for name, address in addresses(alice, May.OWNER, May.CUSTOMERS, May.HOLDER).items():
        # 405: it only takes orders; 422: it is too late for this one
        assert hers.get(address).status_code in (200, 405, 422), name


def test_bob_does_not_find_what_is_alices(alice: Alice, bob: Client) -> None:
    before = everything()
    for name, address in addresses(alice, May.OWNER).items():
        for method in METHODS:
            answer = send(bob, method, address)
            assert answer.status_code in NOT_THERE, f"{method} {name}"
            assert everything() == before, f"{method} {name} changed something"


def test_staff_do_not_find_what_is_a_customers(alice: Alice, clerk: Client) -> None:
    found = addresses(alice, May.OWNER, May.CUSTOMERS)
    before = everything()
    for name, address in found.items():
        for method in METHODS:
            answer = send(clerk, method, address)
            assert answer.status_code in NOT_THERE, f"{method} {name}"
            assert everything() == before, f"{method} {name} changed something"


def test_charlie_is_sent_to_sign_in(alice: Alice) -> None:
    found = addresses(alice, May.OWNER, May.CUSTOMERS, May.SIGNED_IN, May.STAFF)
    before = everything()
    for name, address in found.items():
        for method in METHODS:
            answer = send(Client(), method, address)
            is_kept_out = is_sent_to_sign_in(answer) or answer.status_code == 405
            assert is_kept_out, f"{method} {name}: {answer.status_code}"
    assert everything() == before


def test_bobs_pages_say_nothing_of_alice(alice: Alice, bob: Client) -> None:
    secrets = ["alice", str(alice.customer.uuid), *addresses(alice, May.OWNER).values()]
    for name, address in addresses(alice, May.CUSTOMERS, May.SIGNED_IN).items():
        answer = bob.get(address)
        # 404: to take an authenticator app away one has to have one
        assert answer.status_code in (200, 302, 404, 405), name
        text = answer.getvalue().decode().lower()
        assert [secret for secret in secrets if secret.lower() in text] == [], name


def test_customers_do_not_open_what_is_for_staff(alice: Alice) -> None:
    hers = signed_in(alice.customer.user)
    before = everything()
    for name, address in addresses(alice, May.STAFF).items():
        for method in METHODS:
            answer = send(hers, method, address)
            is_kept_out = is_sent_to_sign_in(answer) or answer.status_code == 403
            assert is_kept_out, f"{method} {name}: {answer.status_code}"
    assert everything() == before


def test_an_address_that_is_a_key_opens_with_no_other(alice: Alice) -> None:
    for name, address in addresses(alice, May.HOLDER).items():
        assert Client().get(address).status_code == 200, name
        for place in (len(address) // 2, len(address) // 3):
            other = "A" if address[place] != "A" else "B"
            forged = f"{address[:place]}{other}{address[place + 1 :]}"
            assert Client().get(forged).status_code == 404, name


def odd(address: str) -> Iterator[str]:
    """The address with each of its numbers one that no row has, and with odd texts."""
    for found in re.finditer(r"(?<=/)[0-9]+(?=[/.])", address):
        for number in ("0", "9" * 20):
            yield f"{address[: found.start()]}{number}{address[found.end() :]}"
    yield f"{address}?{urlencode(dict.fromkeys(QUERIES, chr(0)))}"
    for name in QUERIES:
        yield f"{address}?{name}=%00"


def test_no_address_falls_over_what_is_no_number_or_text_of_ours(alice: Alice) -> None:
    hers = signed_in(alice.customer.user)
    found = addresses(alice, May.EVERYBODY, May.OWNER, May.CUSTOMERS, May.HOLDER)
    wrong = [
        address
        for name, known in found.items()
        if name.startswith("portal:")
        for address in odd(known)
        if hers.get(address).status_code >= 500
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "address",
    [
        "/activity/?asset=%00",
        "/activity/?product=%00",
        *(
            f"/{path.format('9' * 20)}"
            for path in (
                "positions/{}/",
                "orders/{}/",
                "verify/entries/{}/",
                "verify/entries/{}.json",
                "verify/seals/{}/hashes.txt",
            )
        ),
    ],
)
def test_what_cannot_be_there_is_not_there(bob: Client, address: str) -> None:
    assert bob.get(address).status_code == 404
