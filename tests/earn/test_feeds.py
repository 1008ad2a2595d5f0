"""Private addresses: made by the secret key, ended by a new one."""

from collections.abc import Callable
from typing import Any

import pytest

from earn import feeds
from earn.models import CalendarFeed, Customer, User
from tests.earn.people import on

pytestmark = pytest.mark.django_db


def token(who: Customer) -> str:
    feed = feeds.of(who)
    assert feed is not None
    return feeds.token_of(feed)


def test_an_address_finds_its_customer(alice: Customer, bob: Customer) -> None:
    for who in (alice, bob):
        feeds.renew(who, at=on(0))
    found = feeds.find(token(alice))
    assert found is not None
    assert found.customer == alice
    assert token(alice) != token(bob)


def test_a_new_address_ends_the_one_before(alice: Customer) -> None:
    feeds.renew(alice, at=on(0))
    before = token(alice)
    feeds.renew(alice, at=on(1))
    assert feeds.find(before) is None
    assert feeds.find(token(alice)) is not None
    assert CalendarFeed.objects.count() == 1


def test_an_address_is_switched_off(alice: Customer) -> None:
    feeds.renew(alice, at=on(0))
    before = token(alice)
    feeds.switch_off(alice)
    assert feeds.find(before) is None
    assert feeds.of(alice) is None


def test_what_the_database_knows_makes_no_address(alice: Customer, settings: Any) -> None:
    feeds.renew(alice, at=on(0))
    known = token(alice)
    settings.SECRET_KEY = "another key, as whoever has the database alone would guess"
    assert token(alice) != known
    assert feeds.find(known) is None


def test_an_address_outlives_a_change_of_the_key_that_keeps_the_old(
    alice: Customer, settings: Any
) -> None:
    feeds.renew(alice, at=on(0))
    known, old = token(alice), settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "a new key" * 8, [old]
    assert feeds.find(known) is not None


FORGED: list[Callable[[str], str]] = [
    str.upper,
    lambda token: token[:-1],
    lambda token: f"{token}A",
    lambda token: token[:32],
    lambda token: token[32:],
    lambda _: "",
    lambda _: "g" * 75,
]


@pytest.mark.parametrize("forge", FORGED)
def test_what_is_forged_finds_nothing(alice: Customer, forge: Any) -> None:
    feeds.renew(alice, at=on(0))
    assert feeds.find(forge(token(alice))) is None


def test_the_seal_of_one_number_opens_no_other(alice: Customer, bob: Customer) -> None:
    for who in (alice, bob):
        feeds.renew(who, at=on(0))
    assert feeds.find(token(alice)[:32] + token(bob)[32:]) is None


def test_who_is_shut_out_is_shut_out_here_too(alice: Customer) -> None:
    alice.user = User.objects.create_user("alice@example.com", is_active=False)
    alice.save()
    feeds.renew(alice, at=on(0))
    assert feeds.find(token(alice)) is None


def test_a_reading_is_noted_once_an_hour(alice: Customer) -> None:
    feeds.renew(alice, at=on(0))
    feed = CalendarFeed.objects.get()
    for moment, noted in (
        (on(1, hour=8), on(1, hour=8)),
        (on(1, hour=8, minute=59), on(1, hour=8)),
        (on(1, hour=9), on(1, hour=9)),
    ):
        feeds.note_reading(feed, at=moment)
        feed.refresh_from_db()
        assert feed.read_at == noted
