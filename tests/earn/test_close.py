"""The daily close: each day once and in order, whatever happens meanwhile."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from decimal import Decimal
from threading import Event, Thread
from typing import Any
from unittest.mock import patch

import pytest
from django.db import IntegrityError, connection, transaction

from earn import checks, close, maturity, payouts
from earn.close import CloseFailed
from earn.days import ONE_DAY
from earn.models import Accrual, CloseChunk, Customer, DayClose, Position, QuotaShard
from ledger import days, seals
from ledger.models import BookDay, Entry, Posting, Seal
from ledger.posting import TryAgain, constraint_of
from tests.earn.people import (
    at_once,
    bases,
    broken,
    buy,
    chart,
    close_to,
    customer,
    day,
    earned,
    fixed,
    flexible,
    fund,
    money,
    now,
    on,
    played,
    redeem,
    redeeming,
    subscribe,
    wallet,
)

pytestmark = pytest.mark.django_db
AsRole = Callable[[], AbstractContextManager[None]]
racing = pytest.mark.django_db(transaction=True)
DOLLAR_A_DAY = [(None, 0, "0.365")]
STAGES = ["ACCRUE", "POST", "PAY", "MATURE", "SEAL", "CLOSED"]


def step(stage: str | None, number: int) -> str | None:
    return close.advance(day(number), stage, at=on(number + 1, 0, 5))


def go_to(wanted: str, number: int) -> None:
    """Takes the close of a day step by step to a stage, or past one that is passed over."""
    stage = close.stage_of(day(number))
    while stage is None or STAGES.index(stage) < STAGES.index(wanted):
        stage = step(stage, number)


def broken_rule(act: Callable[[], Any]) -> str:
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        act()
    return constraint_of(caught.value)


def a_bit_of_everything(who: Customer) -> None:
    """On day 4 interest is posted and paid, a redemption falls due, terms end and renew."""
    daily = flexible("daily", DOLLAR_A_DAY, payout="DAILY")
    slow = flexible("slow", DOLLAR_A_DAY, settlement_delay_days=2, quota=5000)
    term = fixed(tiers=[(4, 0, "0.365")], quota=9000)
    subscribe(who, daily, 1000, on(0))
    position = subscribe(who, slow, 1000, on(0))
    for wish in ("PAY_OUT", "RENEW_ALL", "TO_FLEXIBLE"):
        subscribe(who, term, 1000, on(0), term_days=4, at_maturity=wish)
    redeem(position, on(3), 300)


def everything_of(who: Customer) -> Any:
    positions = Position.objects.order_by("pk")
    return (
        wallet(who),
        redeeming(who),
        [(p.state, p.principal, p.interest_paid, p.outcome) for p in positions],
        list(Accrual.objects.order_by("position_id", "day").values_list("day", "accrued")),
    )


# In order


def test_the_first_day_to_close_is_that_of_the_first_entry(alice: Customer) -> None:
    assert close.next_day(day(5)) is None
    assert close_to(5) == []
    fund(alice, 1, at=on(3))
    assert close.next_day(day(2)) is None
    assert close.next_day(day(5)) == (day(3), None)
    assert close_to(5) == [day(3), day(4), day(5)]
    assert close_to(5) == []
    assert broken() == []


def test_a_day_is_not_closed_before_the_days_before_it(alice: Customer) -> None:
    fund(alice, 1, at=on(3))
    early = lambda number: close.open_day(day(number), at=on(9))  # noqa: E731
    assert broken_rule(lambda: early(4)) == "days_close_in_order"
    close_to(3)
    assert broken_rule(lambda: early(5)) == "days_close_in_order"
    early(4)
    assert broken_rule(lambda: early(5)) == "days_close_in_order"
    assert close_to(5) == [day(4), day(5)]


@pytest.mark.parametrize(
    "change",
    [
        "update earn_dayclose set stage = 'PAY' where day = %s",
        "update earn_dayclose set positions = 7 where day = %s",
        "update earn_dayclose set day = day - 100 where day = %s",
        "delete from earn_dayclose where day = %s",
    ],
)
def test_a_closed_day_stays_as_it_is(alice: Customer, change: str) -> None:
    fund(alice, 1, at=on(0))
    close_to(0)
    rule = broken_rule(lambda: connection.cursor().execute(change, [day(0)]))
    assert rule in ("stages_only_advance", "earn_dayclose_is_append_only")


@pytest.mark.parametrize(
    ("at_stage", "change", "rule"),
    [
        ("ACCRUE", "stage = 'POST'", "accruals_come_first"),
        ("ACCRUE", "stage = 'CLOSED'", "accruals_come_first"),
        ("ACCRUE", "stage = 'POST', digest = sha256('x')", "accruals_come_first"),
        ("ACCRUE", "digest = sha256('x')", "digests_are_written_once"),
        ("POST", "digest = sha256('x')", "digests_are_written_once"),
        ("POST", "digest = null", "digests_are_written_once"),
        ("POST", "stage = 'CLOSED'", "closed_days_are_sealed"),
    ],
)
def test_no_part_of_a_close_is_passed_over(
    alice: Customer, as_app_role: AsRole, at_stage: str, change: str, rule: str
) -> None:
    subscribe(alice, flexible(), 365, on(0))
    go_to(at_stage, 0)
    skip = lambda: connection.cursor().execute(f"update earn_dayclose set {change}")  # noqa: E731, S608
    assert broken_rule(skip) == rule
    with as_app_role():
        assert broken_rule(skip) == rule
    close_to(0)
    assert broken() == []


def test_a_day_that_is_not_ended_takes_no_seal_with_digests_of_anyones_choice(
    alice: Customer, as_app_role: AsRole
) -> None:
    subscribe(alice, flexible(), 365, on(0))
    go_to("POST", 0)
    with as_app_role():
        early = lambda: seals.seal_day(day(0), attests=b"anything")  # noqa: E731
        assert broken_rule(early) == "sealed_days_are_ended"
        close_to(0)
    assert broken() == []


@pytest.mark.parametrize("chunk", [0, -1])
def test_a_day_is_laid_out_in_chunks_of_one_position_or_more(
    alice: Customer, chunk: int
) -> None:
    fund(alice, 1, at=on(0))
    none = lambda: close.open_day(day(0), at=on(1), chunk=chunk)  # noqa: E731
    assert broken_rule(none) == "chunks_have_positions"


def test_a_stage_is_never_gone_back_to(alice: Customer) -> None:
    fund(alice, 1, at=on(0))
    go_to("POST", 0)
    back = "update earn_dayclose set stage = 'ACCRUE'"
    assert broken_rule(lambda: connection.cursor().execute(back)) == "stages_only_advance"


def test_accruals_are_never_changed_not_even_by_their_owner(alice: Customer) -> None:
    subscribe(alice, flexible(), 1000, on(0))
    close_to(1)
    partition = f"earn_accrual_{day(1):%Y%m%d}"
    for table in ("earn_accrual", partition):
        for change in (
            f"update {table} set interest = 5",  # noqa: S608
            f"delete from {table}",  # noqa: S608
            f"truncate {table}",
        ):
            rule = broken_rule(lambda: connection.cursor().execute(change))  # noqa: B023
            assert rule.endswith("_is_append_only")


# What a close does


def test_interest_is_posted_once_a_product_and_day(alice: Customer, bob: Customer) -> None:
    easy, more = flexible(tiers=DOLLAR_A_DAY), flexible("more", [(None, 0, "0.73")])
    flexible("unsold", DOLLAR_A_DAY)
    nothing = flexible("nothing", [(None, 0, "0")])
    euro = flexible("euro", DOLLAR_A_DAY, asset=money("EUR"))
    for who in (alice, bob):
        for product in (easy, more, nothing):
            subscribe(who, product, 1000, on(0))
    subscribe(alice, euro, 500, on(0))
    close_to(1)
    entries = Entry.objects.filter(kind="ACCRUE")
    found = {e.key: e.postings.get() for e in entries}
    assert {name: posting.amount for name, posting in found.items()} == {
        f"accrual:{day(1)}:flexible": 2,
        f"accrual:{day(1)}:more": 4,
        f"accrual:{day(1)}:euro": Decimal("0.50"),
    }
    posting = found[f"accrual:{day(1)}:more"]
    assert posting.debit.code == "product:more:interest"
    assert posting.credit.code == "product:more:accrued"
    assert {e.happened_at for e in entries} == {on(2, 0) - timedelta(microseconds=1)}
    report = close.report(day(1))
    assert report.interest == {"USD": 6, "EUR": Decimal("0.50")}
    assert (report.positions, report.paid, report.matured) == (7, 0, 0)


def test_a_closed_day_is_ended_sealed_and_attested(alice: Customer) -> None:
    subscribe(alice, flexible(), 1000, on(0))
    close_to(1, at=on(2, 3))
    closed = DayClose.objects.get(day=day(1))
    assert (closed.stage, closed.opened_at, closed.closed_at) == (
        "CLOSED",
        on(2, 3),
        on(2, 3),
    )
    assert BookDay.objects.get(day=day(1)).ended_at is not None
    assert bytes(Seal.objects.get(day=day(1)).attests) == bytes(closed.digest)


def test_closing_again_changes_nothing(alice: Customer) -> None:
    a_bit_of_everything(alice)
    close_to(5)
    before = everything_of(alice), Entry.objects.count(), Seal.objects.count()
    assert close_to(5) == []
    for stage in STAGES[:-1]:  # a driver that woke up late
        assert step(stage, 4) == "CLOSED"
    assert close.accrue(day(4), 0) is None
    assert close.open_day(day(4), at=on(9)) == "CLOSED"
    assert (everything_of(alice), Entry.objects.count(), Seal.objects.count()) == before


@pytest.mark.usefixtures("usd")
def test_the_size_of_a_chunk_changes_nothing() -> None:
    def story(size: int) -> Any:
        who = customer("Alice")
        a_bit_of_everything(who)
        list(close.close_through(day(5), at=on(9), chunk=size))
        assert broken() == []
        return everything_of(who), CloseChunk.objects.filter(day=day(5)).count()

    whole, chunks = played(lambda: story(50_000))
    parts, many = played(lambda: story(2))
    assert parts == whole
    assert chunks < many


def test_the_books_are_right_at_every_stage(alice: Customer) -> None:
    a_bit_of_everything(alice)
    close_to(3)
    stage, seen = None, []
    with patch.object(close, "BATCH", 1):
        while stage != "CLOSED":
            stage = step(stage, 4)
            seen.append(stage)
            assert broken() == []
    assert seen[0] == "ACCRUE"
    assert len(seen) > 6


@pytest.mark.usefixtures("usd")
def test_missed_days_are_made_up_for_as_if_none_had_been_missed() -> None:
    def story(*mornings: int) -> Any:
        who = customer("Alice")
        a_bit_of_everything(who)
        for number in mornings:
            close_to(number)
        chart_of = Position.objects.first().product
        chart(chart_of, day(8), (None, 0, "0.73"), at=on(7))
        close_to(10)
        assert broken() == []
        return everything_of(who)

    assert played(lambda: story()) == played(lambda: story(3, 4, 5, 6, 7))


# Orders meanwhile


@pytest.mark.parametrize("compounding", ["NONE", "DAILY"])
@pytest.mark.parametrize("stage", [None, *STAGES])
def test_orders_during_a_close_never_change_the_day_that_is_closed(
    alice: Customer, stage: str | None, compounding: str
) -> None:
    easy = flexible(tiers=DOLLAR_A_DAY, compounding=compounding)
    term = fixed(tiers=[(30, 0, "0.365")], early_rule="FORFEIT_DAYS", early_days=1)
    kept, part, all_of_it = (
        subscribe(who, easy, 1000, on(0)) for who in (alice, customer("B"), customer("C"))
    )
    ended = subscribe(alice, term, 1000, on(0), term_days=30)
    close_to(2)
    if stage is not None:
        go_to(stage, 3)
    subscribe(alice, easy, 5000, on(4, 0, 6))
    redeem(part, on(4, 0, 6), 600)
    redeem(all_of_it, on(4, 0, 6))
    redeem(ended, on(4, 0, 6))
    close_to(4)
    for position in (kept, part, all_of_it, ended):
        assert {n: x for n, x in earned(position).items() if n < 4} == {1: 1, 2: 1, 3: 1}
    opening = {"NONE": 1000, "DAILY": 1003}[compounding]
    assert bases(kept)[4] == opening
    assert bases(part)[4] == {"NONE": 400, "DAILY": 403}[compounding]
    assert [now(p).interest_paid for p in (all_of_it, ended)] == [3, 2]
    assert broken() == []


@racing
def test_an_order_that_commits_while_a_chunk_is_read_is_read_whole_or_not_at_all(
    alice: Customer,
) -> None:
    """The chunk is held up at a table that it reads; the order does not wait for it."""
    position = subscribe(alice, flexible(tiers=DOLLAR_A_DAY), 1000, on(0))
    close_to(0)
    close.open_day(day(1), at=on(2))
    locked, redeemed = Event(), Event()

    def hold_up() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("lock table earn_band in access exclusive mode")
            locked.set()
            redeemed.wait(20)
        connection.close()

    def accrue() -> None:
        close.accrue(day(1), 0)
        connection.close()

    threads = [Thread(target=hold_up), Thread(target=accrue)]
    threads[0].start()
    locked.wait(20)
    threads[1].start()
    _wait_until_somebody_waits()
    redeem(position, on(2), 600)
    redeemed.set()
    for thread in threads:
        thread.join()
    close_to(1)
    assert bases(position) == {1: 1000}
    assert broken() == []


def _wait_until_somebody_waits() -> None:
    with connection.cursor() as cursor:
        for _ in range(2000):
            cursor.execute("select count(*) from pg_locks where not granted")
            if cursor.fetchone() != (0,):
                return
            cursor.execute("select pg_sleep(0.005)")
    raise AssertionError("nobody waits")


@racing
def test_an_order_of_the_day_in_flight_is_waited_for(alice: Customer) -> None:
    product = flexible(tiers=DOLLAR_A_DAY)
    position = subscribe(alice, product, 1000, on(0))
    fund(alice, 500, at=on(1))
    close_to(0)
    posted, opening = Event(), Event()

    def order() -> None:
        with transaction.atomic():
            redeem(position, on(1, 23), 400)
            posted.set()
            opening.wait(20)

    def begin() -> Any:
        posted.wait(20)
        opening.set()  # it commits at some moment from now on
        return close.open_day(day(1), at=on(2))

    assert at_once(order, begin) == [None, "ACCRUE"]
    close_to(1)
    assert bases(position) == {1: 600}
    with pytest.raises(TryAgain):
        buy(alice, product, 500, on(1, 23))
    assert broken() == []


# Two at once, and one that dies


@racing
def test_two_drivers_close_each_day_once(alice: Customer) -> None:
    a_bit_of_everything(alice)
    outcomes = at_once(*[lambda: close_to(5)] * 3)
    assert all(isinstance(x, list) for x in outcomes)
    assert {x for found in outcomes for x in found} == {day(n) for n in range(6)}
    assert list(DayClose.objects.order_by("day").values_list("day", "stage")) == [
        (day(n), "CLOSED") for n in range(6)
    ]
    assert Seal.objects.filter(day__isnull=False).count() == 6
    assert Entry.objects.filter(kind="MATURE").count() == 3
    assert wallet(alice) == 300 + 1004 + 6  # the interest: four times 1.00, then 2.00
    assert broken() == []


@racing
def test_two_workers_never_accrue_the_same_chunk() -> None:
    for n in range(4):
        subscribe(customer(f"customer {n}"), flexible(f"p{n}", DOLLAR_A_DAY), 1000, on(0))
    close_to(0)
    close.open_day(day(1), at=on(2), chunk=2)
    numbers = close.chunks_left(day(1))[-3:]  # with the four positions, or some of them
    work = [lambda n=n: close.accrue(day(1), n) for n in numbers * 4]
    done = [x for x in at_once(*work) if x is not None]
    assert len(done) == len(numbers)
    assert sum(done) == Position.objects.count() == 4
    assert not set(numbers) & set(close.chunks_left(day(1)))
    close_to(1)
    assert broken() == []


PARTS: list[tuple[Any, str]] = [
    (close, "post_batch"),
    (payouts, "post_batch"),
    (maturity, "post_batch"),
    (checks, "of_day"),
    (days, "end"),
    (seals, "seal_day"),
]


@racing
@pytest.mark.parametrize(("module", "name"), PARTS)
def test_a_close_that_dies_after_any_part_goes_on_as_if_it_had_not(
    alice: Customer, module: Any, name: str
) -> None:
    a_bit_of_everything(alice)
    close_to(3)
    real = getattr(module, name)

    def die(*args: Any, **kwargs: Any) -> Any:
        real(*args, **kwargs)
        raise ConnectionError("the machine is gone")

    with patch.object(module, name, die), pytest.raises(ConnectionError):
        close_to(4)
    assert broken() == []
    assert close_to(4) == [day(4)]
    assert wallet(alice) == 300 + 1004 + 4
    outcomes = Position.objects.filter(state="MATURED").order_by("pk")
    assert [p.outcome for p in outcomes] == ["PAY_OUT", "RENEW_ALL", "TO_FLEXIBLE"]
    assert broken() == []


# The chain stops where something is wrong


def test_a_violation_stops_the_chain_of_days_until_it_is_mended(alice: Customer) -> None:
    product = flexible(quota=5000, tiers=DOLLAR_A_DAY)
    position = subscribe(alice, product, 1000, on(0))
    close_to(1)
    shard = QuotaShard.objects.get()
    QuotaShard.objects.update(used=999)
    for _ in range(2):  # trying again does not help
        with pytest.raises(CloseFailed, match=f"{day(2)}: flexible: quota"):
            close_to(4)
    stopped = DayClose.objects.get(day=day(2))
    assert stopped.stage != "CLOSED"
    assert "flexible: quota" in stopped.problem
    assert "used 999" in stopped.problem
    assert close.next_day(day(4)) == (day(2), stopped.stage)
    assert not Seal.objects.filter(day=day(2)).exists()
    redeem(position, on(4), 10)  # customers go on meanwhile
    QuotaShard.objects.update(used=shard.used - 10)
    assert close_to(4) == [day(2), day(3), day(4)]
    assert DayClose.objects.get(day=day(2)).problem == ""
    assert earned(position) == {1: 1, 2: 1, 3: 1, 4: Decimal("0.99")}
    assert broken() == []


def test_a_close_without_anything_to_do_closes_all_the_same(alice: Customer) -> None:
    fund(alice, 1, at=on(0))
    close_to(2)
    assert DayClose.objects.filter(stage="CLOSED", positions=0).count() == 3
    assert Posting.objects.count() == 1
    assert day(0) + ONE_DAY == day(1)
    assert broken() == []
