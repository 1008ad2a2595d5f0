"""The hash chain, and that no change of history escapes it."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from threading import Event
from typing import Any

import pytest
from django.db import models, transaction

from ledger import checks, days, seals
from ledger.models import Account, Asset, Entry, Posting, Seal, SealedEntry, SealQueue
from tests.ledger.books import (
    DAY,
    asset,
    at,
    at_once,
    broken_rule,
    custody,
    day,
    deposit,
    enter,
    execute,
    fees,
    in_flight,
    line,
    past_the_rules,
    some_history,
    wallet,
)

pytestmark = pytest.mark.django_db
real_connections = pytest.mark.django_db(transaction=True)


def named() -> set[str]:
    """The entries and seals that the checks of the journal find fault with."""
    found = [x for x in checks.CHECKS if x.name in {"seals", "entries"}]
    return {violation.subject for check in found for violation in check.violations()}


def accused(entry: str, found: set[str]) -> bool:
    """Whether an entry or one of its lines is among those named."""
    return any(x == entry or x.startswith(f"{entry} line ") for x in found)


# Sealing


def test_a_seal_takes_every_entry_that_waits_and_nothing_else() -> None:
    of = asset()
    first = [deposit(of, "1").entry_id for _ in range(3)]
    assert seals.seal() == 1
    second = [deposit(of, "1").entry_id for _ in range(2)]
    assert seals.seal() == 2
    by_seal = {
        seal: list(
            SealedEntry.objects.filter(seal=seal)
            .order_by("position")
            .values_list("entry_id", flat=True)
        )
        for seal in (1, 2)
    }
    assert by_seal == {1: first, 2: second}
    assert list(Seal.objects.order_by("number").values_list("count", flat=True)) == [3, 2]
    assert named() == set()


def test_sealing_again_without_new_entries_makes_no_seal() -> None:
    deposit(asset(), "1")
    assert seals.seal() == 1
    assert seals.seal() is None
    assert Seal.objects.count() == 1


def test_a_day_is_sealed_once_however_often_it_is_asked_for() -> None:
    deposit(asset(), "1")
    days.end(DAY)
    number = seals.seal_day(DAY, attests=b"rows")
    assert seals.seal_day(DAY, attests=b"other rows") == number
    seal = Seal.objects.get()
    assert (seal.day, bytes(seal.attests or b"")) == (DAY, b"rows")


def test_a_day_without_entries_is_sealed_too() -> None:
    for number in range(2):
        days.end(day(number))
        assert seals.seal_day(day(number)) == number + 1
    assert list(Seal.objects.values_list("count", flat=True)) == [0, 0]
    assert named() == set()


def test_a_day_is_sealed_when_its_books_are_ended() -> None:
    deposit(asset(), "1")
    days.fence(DAY)
    rule = broken_rule(lambda: seals.seal_day(DAY, attests=b"early"))
    assert rule == "sealed_days_are_ended"
    assert Seal.objects.count() == 0


def test_every_seal_follows_the_one_before() -> None:
    some_history()
    seals.seal()
    chain = list(Seal.objects.order_by("number"))
    assert [x.number for x in chain] == [1, 2, 3]
    genesis = hashlib.sha256(b"earn ledger: the first seal").digest()
    hashes = [genesis, *(bytes(x.hash) for x in chain)]
    assert [bytes(x.previous) for x in chain] == hashes[:-1]


def some_seals(of: Asset, count: int) -> None:
    for _ in range(count):
        deposit(of, "1")
        seals.seal()


def made_again(lines: Iterable[str]) -> list[bytes]:
    return [hashlib.sha256(line.encode()).digest() for line in lines]


@pytest.mark.parametrize("at_once", [1, 2, 3, 100])
def test_the_chain_is_read_some_seals_at_a_time(at_once: int) -> None:
    of = asset()
    some_seals(of, 5)
    chain = [bytes(x.hash) for x in Seal.objects.order_by("number")]
    reading = seals.chain_texts(1, 10**17, at_once=at_once)
    first = next(reading)
    some_seals(of, 1)  # after the reading began
    assert made_again([first, *reading]) == chain
    assert made_again(seals.chain_texts(2, 4, at_once=at_once)) == chain[1:4]


@pytest.mark.parametrize("at_once", [1, 2, 3, 100])
def test_a_gap_in_the_numbers_does_not_end_the_chain(at_once: int) -> None:
    some_seals(asset(), 6)
    with past_the_rules("ledger_seal"):
        execute("delete from ledger_seal where number in (2, 3, 4)")
        chain = [bytes(x.hash) for x in Seal.objects.order_by("number")]
        assert made_again(seals.chain_texts(1, 6, at_once=at_once)) == chain
    assert len(chain) == 3


def test_no_more_of_the_chain_is_read_than_is_asked_for(
    django_assert_num_queries: Any,
) -> None:
    some_seals(asset(), 5)
    with django_assert_num_queries(2):
        reading = seals.chain_texts(1, 5, at_once=2)
        assert [next(reading), next(reading)]
    with django_assert_num_queries(3):
        assert len(list(reading)) == 3


def instant(moment: datetime) -> str:
    """UTC, without the zone and without zeros at the end of a fraction."""
    text = moment.astimezone(UTC).isoformat().removesuffix("+00:00")
    return text.rstrip("0") if "." in text else text


def test_anyone_can_make_a_seal_again() -> None:
    """With nothing but the rows, SHA-256 and JSON: an entry's hash, a root, a link."""
    of = asset()
    lines = [line(custody(of), wallet(of), "1.50"), line(wallet(of), fees(of), "0.25")]
    enter(*lines, note={"why": 'a "quote", ünï'})
    days.end(DAY)
    seals.seal_day(DAY, attests=b"rows")
    ((number, key, digest, recorded_at, note),) = execute(
        "select id, key, encode(digest, 'hex'), recorded_at, note::text from ledger_entry"
    )

    def account(x: Account) -> list[object]:
        owner = str(x.owner) if x.owner else None
        return [x.pk, x.code, x.kind, x.heading, owner, x.guarded]

    content = [number, key, digest, "TEST", instant(at()), instant(recorded_at)]
    content += ["2026-01-01", False, 2, "<note>", None]
    content.append(
        [
            [x.line, "2026-01-01", f"<{x.amount.normalize()}>", of.pk, "BTC", 8]
            + account(x.debit)
            + account(x.credit)
            for x in Posting.objects.order_by("line").select_related("debit", "credit")
        ]
    )
    text = json.dumps(content).replace('"<note>"', note)
    text = re.sub('"<([0-9.]+)>"', r"\1", text)
    sealed = SealedEntry.objects.get()
    assert bytes(sealed.hash) == hashlib.sha256(text.encode()).digest()
    seal = Seal.objects.get()
    root = (1).to_bytes(4) + bytes(sealed.hash)
    assert bytes(seal.root) == hashlib.sha256(root).digest()
    previous = hashlib.sha256(b"earn ledger: the first seal").hexdigest()
    link = [previous, 1, 1, bytes(seal.root).hex(), instant(seal.sealed_at)]
    link += ["2026-01-01", b"rows".hex()]
    assert bytes(seal.hash) == hashlib.sha256(json.dumps(link).encode()).digest()


def test_a_seal_does_not_depend_on_the_settings_of_the_session() -> None:
    some_history()
    seals.seal()
    for setting in (
        "time zone 'Asia/Tokyo'",
        "datestyle = 'German, DMY'",
        "bytea_output = 'escape'",
        "intervalstyle = 'sql_standard'",
        "extra_float_digits = -5",
    ):
        execute(f"set local {setting}")
    assert named() == set()


def test_an_entry_of_a_transaction_that_fails_is_not_waited_for() -> None:
    of = asset()
    with transaction.atomic():
        deposit(of, "1")
        transaction.set_rollback(True)
    assert not SealQueue.objects.exists()
    assert seals.seal() is None


# At the same time


@real_connections
def test_a_low_id_that_commits_late_is_sealed_by_the_next_seal() -> None:
    of = asset()
    deposit(of, "1")
    entered, sealed = Event(), Event()

    def late() -> int:
        with transaction.atomic():
            low = deposit(of, "1", customer=2).entry_id
            entered.set()
            assert sealed.wait(30)
        return low

    def early() -> int:
        assert entered.wait(30)
        high = deposit(of, "1", customer=3).entry_id
        assert seals.seal() == 1
        sealed.set()
        return high

    low, high = at_once(late, early)
    assert low < high
    assert seals.seal() == 2
    assert SealedEntry.objects.get(entry_id=high).seal_id == 1
    assert SealedEntry.objects.get(entry_id=low).seal_id == 2
    assert named() == set()


@real_connections
def test_a_sealer_waits_for_the_one_before() -> None:
    of = asset()
    days.end(day(-1))

    def post_and_seal() -> int | None:
        deposit(of, "1")
        return seals.seal()

    assert in_flight(lambda: seals.seal_day(day(-1)), post_and_seal) == [1, 2]
    assert named() == set()


@real_connections
def test_many_who_seal_at_once_make_one_chain() -> None:
    of = asset()

    def work(customer: int) -> None:
        for _ in range(10):
            deposit(of, "1", customer=customer)
            seals.seal()

    assert at_once(*[lambda n=n: work(n) for n in range(1, 7)]) == [None] * 6
    seals.seal()
    assert SealedEntry.objects.count() == Entry.objects.count() == 60
    assert not SealQueue.objects.exists()
    assert named() == set()


# Changing history

CHANGED = {
    models.TextField: "{0} || 'x'",
    models.BinaryField: "sha256(coalesce({0}, ''))",
    models.DateTimeField: "{0} + interval '1 microsecond'",
    models.DateField: "coalesce({0}, '2026-01-01') + 100",
    models.BooleanField: "not {0}",
    models.JSONField: "{0} || '{{\"added\": 1}}'",
    models.UUIDField: "'00000000-0000-0000-0000-00000000abcd'::uuid",
    models.DecimalField: "{0} + 0.00000001",
    models.IntegerField: "coalesce({0}, 0) + 1000",
    models.ForeignKey: "coalesce({0}, 0) + 1000",
}
MAY_CHANGE = {
    ("ledger_account", "closed_at"),
    ("ledger_asset", "name"),
    ("ledger_asset", "kind"),
}


def columns() -> Iterator[tuple[str, str, str]]:
    """Table, column, and what else to write into it, of all that the seals cover."""
    for model in (Entry, Posting, Seal, SealedEntry, Account, Asset):
        for field in model._meta.concrete_fields:
            where = (model._meta.db_table, str(field.column))
            if field.column and where not in MAY_CHANGE:
                yield *where, changed(field)


def changed(field: models.Field) -> str:
    kinds = [x for x in CHANGED if isinstance(field, x)]
    if isinstance(field, models.DateTimeField):  # a DateField, to Django
        kinds.remove(models.DateField)
    (kind,) = kinds
    return CHANGED[kind].format(f"t.{field.column}")


KEYS = {
    "ledger_entry": "id",
    "ledger_posting": "entry_id, line",
    "ledger_seal": "number",
    "ledger_sealedentry": "entry_id",
    "ledger_account": "id",
    "ledger_asset": "id",
}
TOUCHED = """
    select distinct 'entry ' || e.id, 'seal ' || l.number
    from ledger_sealedentry s
    join ledger_seal l on l.number = s.seal_id
    join ledger_entry e on e.id = s.entry_id
    join ledger_posting p on p.entry_id = e.id
    join ledger_account a on a.id in (p.debit_id, p.credit_id)
    join ledger_asset u on u.id = p.asset_id
    where '{table} ' || ({row})::text in (
        'ledger_sealedentry ' || s.ctid, 'ledger_seal ' || l.ctid,
        'ledger_entry ' || e.ctid, 'ledger_posting ' || p.ctid,
        'ledger_account ' || a.ctid, 'ledger_asset ' || u.ctid)
"""


def row(table: str, *, last: bool = False) -> str:
    """A query for the place of the first or last row, by its key."""
    order = KEYS[table].replace(",", " desc,") + " desc" if last else KEYS[table]
    return f"select ctid from {table} order by {order} limit 1"


def touched(place: str, table: str) -> list[tuple[str, str]]:
    """The sealed entries, with their seals, that a change of that row is a change of."""
    return execute(TOUCHED.format(table=table, row=place))


@pytest.mark.parametrize(("table", "column", "value"), list(columns()))
def test_a_change_of_any_column_of_history_is_named(
    table: str, column: str, value: str
) -> None:
    some_history()
    assert named() == set()
    expected = touched(row(table), table)
    with past_the_rules(*KEYS):
        execute(f"update {table} t set {column} = {value} where ctid = ({row(table)})")
        found = named()
    assert expected
    for entry, seal in expected:
        assert seal in found or accused(entry, found)
    assert named() == set()


def copied(table: str, **changes: str) -> str:
    """A statement that adds a row like the first one, with changes."""
    ((names,),) = execute(
        "select array_agg(attname::text order by attnum) from pg_attribute"
        " where attrelid = %s::regclass and attnum > 0 and not attisdropped",
        [table],
    )
    values = [changes.get(x, x) for x in names]
    return (
        f"insert into {table} ({', '.join(names)}) select {', '.join(values)}"
        f" from {table} where ctid = ({row(table)})"
    )


ADDED: dict[str, tuple[Callable[[], str], str]] = {
    "entry": (
        lambda: copied("ledger_entry", id="2000000000", key="'added'", reverses_id="null"),
        "entry 2000000000",
    ),
    "posting": (lambda: copied("ledger_posting", line="7"), "entry {entry}"),
    "posting without entry": (
        lambda: copied("ledger_posting", entry_id="2000000000"),
        "entry 2000000000 line 1",
    ),
    "seal": (
        lambda: copied("ledger_seal", number="2000000000", hash="'x'", day="null"),
        "seal 2000000000",
    ),
    "sealed entry": (
        lambda: copied("ledger_sealedentry", entry_id="2000000000"),
        "entry 2000000000",
    ),
}


@pytest.mark.parametrize("what", ADDED)
def test_a_row_that_is_smuggled_into_history_is_named(what: str) -> None:
    some_history()
    make, subject = ADDED[what]
    ((entry,),) = execute("select min(id) from ledger_entry")
    with past_the_rules():
        execute(make())
        assert subject.format(entry=entry) in named()


@pytest.mark.parametrize("table", [x for x in KEYS if x != "ledger_seal"])
@pytest.mark.parametrize("last", [False, True])
def test_a_row_that_is_taken_from_history_is_named(table: str, last: bool) -> None:  # noqa: FBT001
    some_history()
    seals.seal()
    place = row(table, last=last)
    expected = touched(place, table)
    with past_the_rules():
        execute(f"delete from {table} where ctid = ({place})")
        found = named()
    assert expected
    for entry, _ in expected:
        assert accused(entry, found)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_seal_that_is_taken_away_is_missed(number: int) -> None:
    some_history()
    seals.seal()
    sealed = SealedEntry.objects.filter(seal_id=number).values_list("entry_id", flat=True)
    expected = {f"entry {x}" for x in sealed} | {f"seal {n}" for n in {number + 1} & {2, 3}}
    with past_the_rules():
        execute(f"delete from ledger_seal where number = {number}")
        assert named() == expected


def test_two_entries_cannot_trade_their_content() -> None:
    of = asset()
    deposit(of, "1", customer=1, key="one")
    deposit(of, "2", customer=2, key="two")
    seals.seal()
    with past_the_rules():
        execute("update ledger_posting set entry_id = 2000000000 where amount = 1")
        execute(
            "update ledger_posting p set entry_id = id from ledger_entry"
            " where key = 'one' and amount = 2"
        )
        execute(
            "update ledger_posting p set entry_id = id from ledger_entry"
            " where key = 'two' and amount = 1"
        )
        assert len(named()) == 2


def test_fields_that_run_together_make_another_hash() -> None:
    of = asset()
    deposit(of, "1", key="a,b")
    seals.seal()
    with past_the_rules():
        execute("update ledger_entry set key = 'a', kind = 'b\",\"TEST'")
        assert len(named()) == 1


def test_what_happens_after_the_last_seal_is_no_violation() -> None:
    of, _ = some_history()
    seals.seal()
    deposit(of, "1", happened_at=at(2))
    days.end(day(2))
    execute("select ledger_close_account(%s, 'nobody', now())", [of.pk])
    execute("update ledger_asset set name = 'renamed', kind = 'TOKENISED'")
    assert named() == set()
