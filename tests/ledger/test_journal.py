"""Leafing through the journal: pages of a statement, and entries by what they hold."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from ledger import balances, journal
from ledger.journal import Before, Wanted
from ledger.models import Account, Asset, Entry
from ledger.posting import reverse
from tests.ledger.books import (
    asset,
    at,
    custody,
    day,
    deposit,
    enter,
    execute,
    interest,
    line,
    some_history,
    wallet,
)

pytestmark = pytest.mark.django_db


def account(of: Asset, code: str) -> Account:
    return Account.objects.get(asset=of, code=code)


def pages(of: Account, size: int, **days: Any) -> list[Any]:
    after, found = None, []
    while part := journal.page(of, limit=size, after=after, **days):
        assert len(part) <= size
        found += part
        after = journal.place_of(part[-1])
    return found


@pytest.mark.parametrize("code", ["treasury:custody", f"customer:{UUID(int=2)}:wallet"])
@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(("first", "last"), [(0, 2), (1, 1), (1, 2)])
def test_pages_of_a_statement_are_the_statement(
    code: str, size: int, first: int, last: int
) -> None:
    of, _usd = some_history()
    days = {"first": day(first), "last": day(last)}
    whole = balances.statement(asset_id=of.pk, code=code, **days)
    assert whole
    assert pages(account(of, code), size, **days) == whole
    assert list(journal.lines(account(of, code), **days)) == whole


def test_lines_of_one_moment_and_of_one_entry_are_neither_lost_nor_told_twice() -> None:
    of = asset()
    for _ in range(3):
        enter(*[line(custody(of), wallet(of), x) for x in ("1", "2")], happened_at=at(0))
    found = pages(account(of, "treasury:custody"), 1, first=day(0), last=day(0))
    assert [x.balance for x in found] == [1, 3, 4, 6, 7, 9]
    assert len({(x.entry_id, x.line) for x in found}) == 6


def everything(wanted: Wanted, size: int) -> list[int]:
    before, found = None, []
    while part := journal.search(wanted, limit=size, before=before):
        assert len(part) <= size
        found += part
        last = Entry.objects.get(pk=part[-1])
        before = Before(last.day, last.pk)
    return found


def newest_first(**known: Any) -> list[int]:
    found = Entry.objects.filter(**known).order_by("-day", "-pk")
    return list(found.values_list("pk", flat=True))


@pytest.mark.parametrize("size", [1, 2, 50])
def test_every_page_of_a_search_goes_on_where_the_last_one_ended(size: int) -> None:
    btc, _usd = some_history()
    hers = account(btc, f"customer:{UUID(int=1)}:wallet").pk
    hers_in_all = [
        x.pk
        for x in Entry.objects.order_by("-day", "-pk")
        if x.postings.filter(debit=hers).exists() or x.postings.filter(credit=hers).exists()
    ]
    assert len(hers_in_all) == 9
    assert everything(Wanted(), size) == newest_first()
    assert everything(Wanted(kind="TEST"), size) == newest_first()
    assert everything(Wanted(kind="OTHER"), size) == []
    assert everything(Wanted(first=day(1), last=day(1)), size) == newest_first(day=day(1))
    assert everything(Wanted(accounts=[hers]), size) == hers_in_all
    amount = Wanted(asset_id=btc.pk, amount=Decimal("0.02"))
    assert everything(amount, size) == newest_first(note={"of": "BTC"})
    assert everything(Wanted(accounts=[]), size) == []


def test_what_is_asked_for_together_has_to_be_together() -> None:
    btc, usd = some_history()
    hers = account(btc, f"customer:{UUID(int=1)}:wallet").pk
    one = {"asset_id": btc.pk, "amount": Decimal(1)}
    (found,) = journal.search(
        Wanted(accounts=[hers], first=day(2), last=day(2), **one), limit=9
    )
    assert found in newest_first(day=day(2))
    assert len(journal.search(Wanted(**one), limit=9)) == 3
    assert journal.search(Wanted(kind="OTHER", **one), limit=9) == []
    wrong = {"asset_id": usd.pk, "amount": Decimal(1)}
    assert journal.search(Wanted(accounts=[hers], **wrong), limit=9) == []


def test_of_whole_accounts_every_entry_of_others_those_with_the_note() -> None:
    of = asset()
    mine = deposit(of, "5", customer=1).entry_id
    deposit(of, "6", customer=2)
    noted = deposit(of, "7", customer=2, note={"position": 4, "order": 9}).entry_id
    first, second = (account(of, wallet(of, x).code).pk for x in (1, 2))
    asked = Wanted(accounts=[second], whole=[first], noted={"position": 4})
    assert journal.search(asked, limit=9) == [noted, mine]
    assert journal.search(Wanted(accounts=[second], noted={"order": 8}), limit=9) == []


def test_an_entry_says_what_it_reverses_and_what_reverses_it() -> None:
    of = asset()
    wrong = deposit(of, "5").entry_id
    right = reverse(entry_id=wrong, key="back", happened_at=at(), reason="typo").entry_id
    first, second = journal.written([wrong, right], lines=5)
    assert first.reversed_by == second.entry
    assert (first.reverses, second.reverses) == (None, first.entry)
    assert (first.seal, first.hash) == (None, "")


def test_entries_are_told_with_their_first_lines_and_their_seal(
    django_assert_num_queries: Any,
) -> None:
    some_history()
    wanted = newest_first(note={"of": "BTC"})
    with django_assert_num_queries(2):
        found = journal.written(wanted, lines=2)
        assert [x.entry.pk for x in found] == wanted
        assert [len(x.lines) for x in found] == [2, 2, 2]
        assert {x.left_out for x in found} == {1}
        assert found[0].lines[0].asset.code == "BTC"
        assert [x.seal for x in found] == [None, 2, 1]
        assert len(found[1].hash) == 64


@pytest.mark.parametrize(
    ("index", "wanted"),
    [
        ("entry_kind", "select id from ledger_entry where kind = 'RARE' and day <= %s"),
        (
            "posting_amount",
            "select entry_id from ledger_posting where asset_id = 1 and amount = 7"
            " and day <= %s",
        ),
    ],
)
def test_a_search_has_its_index(index: str, wanted: str) -> None:
    of = asset()
    enter(line(interest(of), wallet(of), "1"))
    execute("set local enable_seqscan = off")
    text = f"explain {wanted} order by day desc limit 50"
    assert index in str(execute(text, [day(0)]))
