"""A customer's balances and entries beside the seals that cover them."""

import pytest
from django.urls import reverse

from earn.models import Customer
from ledger import seals
from ledger.models import Seal, SealedEntry
from tests.earn.people import close_to, day, flexible, fund, on, subscribe
from tests.portal.test_home import signed_in

pytestmark = pytest.mark.django_db


def page(who: Customer) -> str:
    answer = signed_in(who).get(reverse("portal:verify"))
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_without_a_closed_day_there_is_no_seal(alice: Customer) -> None:
    text = page(alice)
    assert "No day has been closed yet." in text
    assert "Nothing yet." in text


def test_balances_are_those_at_the_end_of_the_sealed_day(alice: Customer) -> None:
    position = subscribe(alice, flexible(), 500, on(0))
    fund(alice, "7.25", at=on(1))
    close_to(1)
    fund(alice, 1000, at=on(2))  # after the seal
    text, seal = page(alice), Seal.objects.get(day=day(1))
    for part in (seal.hash, seal.previous, seal.root, seal.attests):
        assert bytes(part or b"").hex() in text
    assert f"position:{position.pk}:principal" in text
    assert "500.00 USD" in text
    assert "7.25 USD" in text
    assert "1,007.25" not in text


def test_only_ones_own_entries_are_listed_with_hash_and_seal(
    alice: Customer, bob: Customer
) -> None:
    fund(alice, 5, at=on(0))
    fund(bob, 6, at=on(0))
    seals.seal()
    fund(alice, 7, at=on(0))
    newest = seals.newest_of(alice.uuid, limit=5)
    sealed = SealedEntry.objects.order_by("entry_id").first()
    assert sealed is not None
    assert [(x.seal, x.hash) for x in newest] == [
        (None, None),
        (1, bytes(sealed.hash).hex()),
    ]
    text = page(alice)
    assert bytes(sealed.hash).hex() in text
    assert "not yet" in text
    assert len(seals.newest_of(alice.uuid, limit=1)) == 1
