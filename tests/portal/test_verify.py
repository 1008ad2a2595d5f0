"""A customer's balances and entries beside the seals that cover them."""

import re
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from earn import chart
from earn.days import start_of
from earn.models import Customer, Position
from earn.portal import verify
from ledger import balances, posting, seals
from ledger.models import Account, Entry, Seal, SealedEntry
from ledger.posting import Line
from tests.earn.people import (
    close_to,
    day,
    fixed,
    flexible,
    fund,
    money,
    on,
    redeem,
    subscribe,
)
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


def test_the_page_takes_as_many_queries_for_nine_assets_as_for_one(
    alice: Customer, django_assert_max_num_queries: Any
) -> None:
    fund(alice, 5, at=on(0))
    for number in range(8):
        fund(alice, number + 1, at=on(0), asset=money(f"A{number}"))
    close_to(0)
    client = signed_in(alice)
    with django_assert_max_num_queries(8):
        text = client.get(reverse("portal:verify")).content.decode()
    for shown in ("5.00 USD", "1.00 A0", "8.00 A7"):
        assert shown in text


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


# The files and the lines that check them


class Files:
    """What a browser would download from a page, and the lines that the page shows."""

    def __init__(self, who: Customer, folder: Path) -> None:
        self.client, self.folder = signed_in(who), folder

    def open(self, address: str) -> str:
        """Downloads all that the page offers."""
        text = unescape(self.client.get(address).content.decode())
        for link in re.findall(r'<a href="([^"]*)" download>', text):
            self.save(link)
        return text

    def save(self, address: str) -> str:
        answer = self.client.get(address)
        assert answer.status_code == 200, address
        name = answer.headers["Content-Disposition"].split('"')[1]
        (self.folder / name).write_bytes(answer.getvalue())
        return name

    def run(self, text: str) -> subprocess.CompletedProcess[str]:
        """The last lines of Python that the page shows."""
        recipe = re.findall(r"<pre[^>]*><code>(.*?)</code></pre>", text, re.DOTALL)[-1]
        assert len(recipe.strip().splitlines()) <= 10
        return subprocess.run(
            [sys.executable, "-c", recipe],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def files(alice: Customer, tmp_path: Path) -> Files:
    return Files(alice, tmp_path)


def some_history(alice: Customer, bob: Customer) -> Position:
    """With entries of several lines, and of a second customer in the same seals."""
    product = flexible(compounding="DAILY", payout="MONTHLY")
    position = subscribe(alice, product, 500, on(0))
    subscribe(bob, product, 600, on(0))
    subscribe(alice, fixed(), 70, on(0), term_days=10, at_maturity="RENEW_ALL")
    seals.seal()
    close_to(3)
    redeem(position, on(4), 120)
    close_to(32)
    fund(alice, 5, at=on(33))
    seals.seal()
    return position


def test_the_text_of_each_entry_makes_its_hash(alice: Customer, bob: Customer) -> None:
    some_history(alice, bob)
    found = list(seals.texts_of(alice.uuid))
    stored = {x.entry_id: bytes(x.hash).hex() for x in SealedEntry.objects.all()}
    assert len(found) > 7
    for one in found:
        assert sha256(one.text.encode()).hexdigest() == one.hash == stored[one.entry_id]


@pytest.mark.parametrize("at_once", [1, 2, 7, 1000])
def test_ones_entries_are_the_same_however_many_are_read_at_once(
    alice: Customer, bob: Customer, at_once: int
) -> None:
    """All of the sealed days in order of their numbers, and none that comes meanwhile."""
    some_history(alice, bob)
    reading = seals.texts_of(alice.uuid, through=day(32), at_once=at_once)
    first = next(reading)
    fund(alice, 1, at=on(33))
    seals.seal()
    found = [first, *reading]
    wanted = (
        Entry.objects.filter(day__lte=day(32))
        .filter(
            Q(postings__debit__owner=alice.uuid) | Q(postings__credit__owner=alice.uuid)
        )
        .distinct()
        .order_by("pk")
    )
    assert [x.entry_id for x in found] == [x.pk for x in wanted]
    assert [x.hash for x in found] == [sha256(x.text.encode()).hexdigest() for x in found]


@pytest.mark.parametrize("name", ["chain", "entries-text"])
@pytest.mark.parametrize("lines", [1, 3])
def test_a_file_is_sent_in_pieces_and_is_the_same(
    alice: Customer,
    bob: Customer,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    lines: int,
) -> None:
    some_history(alice, bob)
    client, address = signed_in(alice), reverse(f"portal:{name}")
    whole = client.get(address).getvalue()
    monkeypatch.setattr(verify, "LINES", lines)
    pieces = list(client.get(address).streaming_content)
    assert b"".join(pieces) == whole
    assert {piece.count(b"\n") for piece in pieces[:-1]} == {lines}
    assert whole.endswith(b"\n")


def test_ten_lines_of_python_find_an_entry_in_its_seal_and_the_chain(
    alice: Customer, bob: Customer, files: Files
) -> None:
    some_history(alice, bob)
    newest = Seal.objects.order_by("-number").first()
    assert newest is not None
    for one in seals.texts_of(alice.uuid):
        text = files.open(reverse("portal:entry", args=[one.entry_id]))
        assert one.hash in text
        done = files.run(text)
        assert (done.stderr, done.stdout.strip()) == ("", bytes(newest.hash).hex())


@pytest.mark.parametrize("name", ["entry", "hashes", "seals"])
def test_they_fail_when_a_file_was_changed(
    alice: Customer, bob: Customer, files: Files, name: str
) -> None:
    some_history(alice, bob)
    first = next(seals.texts_of(alice.uuid))
    text = files.open(reverse("portal:entry", args=[first.entry_id]))
    (path,) = [x for x in files.folder.iterdir() if name in x.name]
    changed = path.read_bytes()
    path.write_bytes(changed.replace(b"1", b"2", 1))
    assert "AssertionError" in files.run(text).stderr


def test_nine_lines_add_ones_entries_up_to_ones_balances(
    alice: Customer, bob: Customer, files: Files
) -> None:
    some_history(alice, bob)
    text = files.open(reverse("portal:verify"))
    done = files.run(text)
    assert done.stderr == ""
    printed = [line.split() for line in done.stdout.splitlines()]
    hashes = {int(x[1]): x[2] for x in printed if x[0] == "entry"}
    assert hashes == {
        x.entry_id: x.hash for x in seals.texts_of(alice.uuid, through=day(32))
    }
    sums = {x[0]: Decimal(x[1]) for x in printed if x[0] != "entry"}
    asset = money()
    for code in [x.code for x in Account.objects.filter(owner=alice.uuid)]:
        stored = balances.balance_at(
            asset_id=asset.pk, code=code, at=start_of(day(33)) - timedelta(microseconds=1)
        )
        assert sums[code] == stored


def test_the_chain_between_two_days_hangs_together(
    alice: Customer, bob: Customer, files: Files
) -> None:
    some_history(alice, bob)
    name = files.save(f"{reverse('portal:chain')}?first={day(1)}&last={day(9)}")
    lines = (files.folder / name).read_bytes().splitlines()
    first, last = (Seal.objects.get(day=day(n)) for n in (1, 9))
    assert len(lines) == last.number - first.number + 1
    for line, seal in zip(
        lines, Seal.objects.filter(number__gte=first.number), strict=False
    ):
        assert sha256(line).digest() == bytes(seal.hash)


@pytest.mark.parametrize("query", ["first=soon", "last=2020-01-01", "first=2026-99-99"])
def test_a_chain_of_no_such_day_is_not_there(
    alice: Customer, bob: Customer, query: str
) -> None:
    some_history(alice, bob)
    answer = signed_in(alice).get(f"{reverse('portal:chain')}?{query}")
    assert answer.status_code == 404


def test_before_the_first_seal_there_are_no_files(alice: Customer) -> None:
    client = signed_in(alice)
    for name, args in (("chain", []), ("entries-text", []), ("seal-hashes", [1])):
        assert client.get(reverse(f"portal:{name}", args=args)).status_code == 404


def test_an_entry_that_no_seal_holds_yet_has_no_page(alice: Customer) -> None:
    fund(alice, 5, at=on(0))
    (one,) = seals.newest_of(alice.uuid, limit=1)
    address = reverse("portal:entry", args=[one.entry_id])
    assert signed_in(alice).get(address).status_code == 404


def test_ones_files_say_nothing_of_others(
    alice: Customer, bob: Customer, files: Files
) -> None:
    some_history(alice, bob)
    entries = {x.entry_id for x in seals.texts_of(alice.uuid)}
    assert not entries & {x.entry_id for x in seals.texts_of(bob.uuid)}
    assert not Entry.objects.filter(pk__in=entries, kind="ACCRUE").exists()
    files.open(reverse("portal:verify"))
    for entry in entries:
        files.open(reverse("portal:entry", args=[entry]))
    theirs = [str(bob.uuid), *Account.objects.filter(owner=bob.uuid).values_list("code")]
    everything = "".join(x.read_text() for x in files.folder.iterdir())
    assert str(alice.uuid) in everything
    for secret in theirs:
        assert str(secret).strip("(),'") not in everything


def test_an_entry_that_touches_two_owners_is_shown_to_neither(
    alice: Customer, bob: Customer
) -> None:
    fund(alice, 9, at=on(0))
    asset = money()
    with transaction.atomic():
        posting.post(
            key="gift",
            kind="GIFT",
            lines=[
                Line(chart.wallet(alice, asset.pk), chart.wallet(bob, asset.pk), Decimal(4))
            ],
            happened_at=on(0),
        )
    seals.seal()
    entry = Entry.objects.get(key="gift")
    for who in (alice, bob):
        assert entry.pk not in [x.entry_id for x in seals.texts_of(who.uuid)]
        address = reverse("portal:entry-text", args=[entry.pk])
        assert signed_in(who).get(address).status_code == 404
