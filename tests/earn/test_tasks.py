"""The close by tasks, over a broker that loses and repeats: the books are the same."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from celery import current_app
from django.db import connection
from kombu.simple import SimpleQueue

from earn import close, liquidity
from earn.days import ONE_DAY
from earn.models import Accrual, CloseChunk, Customer, DayClose, Due
from earn.tasks import accrue_chunk, drive_close, last_closable, seal_entries
from ledger.models import Entry, Seal, SealQueue
from tests.earn.people import (
    broken,
    day,
    fixed,
    flexible,
    fund,
    on,
    played,
    subscribe,
    wallet,
)

Message = Any


@pytest.fixture
def queue() -> Iterator[SimpleQueue]:
    """The in-memory broker's queue, as a worker sees it; empty at first."""
    with current_app.connection_for_read() as broker:
        name = current_app.conf.task_default_queue
        queue = broker.SimpleQueue(name, serializer="json")
        queue.clear()
        yield queue
        queue.clear()
        queue.close()


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A position or two to a chunk, so that there are several."""
    real = close.open_day

    def open_day(*words: Any, at: Any, chunk: int = 0) -> str | None:  # noqa: ARG001
        return real(*words, at=at, chunk=1)

    monkeypatch.setattr(close, "open_day", open_day)


@pytest.fixture
def eager() -> Iterator[None]:
    """A message is dealt with where it is sent."""
    current_app.conf.task_always_eager = True
    yield
    current_app.conf.task_always_eager = False


def take(queue: SimpleQueue) -> Message | None:
    try:
        message = queue.get(block=False)
    except queue.Empty:
        return None
    message.ack()
    return message


def deliver(message: Message) -> None:
    words, named, _ = message.payload
    current_app.tasks[message.headers["task"]](*words, **named)


def work(queue: SimpleQueue, *, most: int | None = None, times: int = 1) -> int:
    """Does up to `most` messages, each so many times; how many there were."""
    done = 0
    while done != most and (message := take(queue)) is not None:
        for _ in range(times):
            deliver(message)
        done += 1
    return done


def savings(alice: Customer, bob: Customer) -> None:
    """Three positions: one of them matures, one is paid daily."""
    with connection.cursor() as cursor:  # chunks are ranges of ids: let them be few
        cursor.execute("alter sequence earn_position_id_seq restart")
    subscribe(alice, flexible(payout="DAILY"), 1000, on(0))
    subscribe(alice, fixed(tiers=[(2, 0, "0.10")]), 5000, on(0), term_days=2)
    subscribe(bob, flexible("second"), 700, on(1))


def drive(number: int = 4, *, hour: int = 0, minute: int = 5) -> None:
    """What beat sends at a moment of day `number`."""
    drive_close(at=on(number, hour=hour, minute=minute).isoformat())


def books() -> dict[str, Any]:
    """All that the close leaves behind, whatever the moments and row numbers."""
    return {
        "closes": list(
            DayClose.objects.order_by("day").values_list(
                "day", "stage", "positions", "paid", "matured"
            )
        ),
        "chunks": CloseChunk.objects.filter(done_at=None).count(),
        "accruals": list(
            Accrual.objects.order_by("day", "position_id").values_list(
                "day", "basis", "interest", "accrued", "carry"
            )
        ),
        "entries": sorted(
            Entry.objects.exclude(kind__in=["DEPOSIT", "SUBSCRIBE"]).values_list(
                "kind", "day", "lines"
            )
        ),
        "broken": broken(),
    }


@pytest.fixture
def right(alice: Customer, bob: Customer, queue: SimpleQueue) -> dict[str, Any]:  # noqa: ARG001
    """The books after four days, closed in one process without any trouble."""

    def story() -> dict[str, Any]:
        savings(alice, bob)
        list(close.close_through(day(3), at=on(4, hour=0, minute=5), chunk=1))
        return books()

    found: dict[str, Any] = played(story)
    assert [stage for _, stage, *_ in found["closes"]] == ["CLOSED"] * 4
    assert found["broken"] == []
    return found


def test_one_message_of_beat_closes_every_day_that_is_over(
    right: dict[str, Any], alice: Customer, bob: Customer, queue: SimpleQueue
) -> None:
    savings(alice, bob)
    drive()
    work(queue)
    assert books() == right
    assert wallet(alice) == Decimal("5000") + Decimal("2.73") + Decimal("0.82")


def test_what_will_leave_is_summed_up_when_a_day_is_closed(
    alice: Customer, queue: SimpleQueue
) -> None:
    subscribe(alice, fixed(), 1000, on(0), term_days=10)
    drive(2)
    work(queue)
    assert liquidity.reckoned_through() == day(1)
    assert Due.objects.get().due_on == day(11)


@pytest.mark.usefixtures("small_chunks")
def test_each_chunk_is_a_message_of_its_own(
    right: dict[str, Any], alice: Customer, bob: Customer, queue: SimpleQueue
) -> None:
    savings(alice, bob)
    drive()
    names = []
    while message := take(queue):
        names.append(message.headers["task"])
        deliver(message)
    assert names.count(accrue_chunk.name) == CloseChunk.objects.count()
    assert CloseChunk.objects.filter(day=day(2)).count() >= 3
    assert books() == right


@pytest.mark.usefixtures("small_chunks")
def test_everything_twice_is_everything_once(
    right: dict[str, Any], alice: Customer, bob: Customer, queue: SimpleQueue
) -> None:
    savings(alice, bob)
    drive()
    drive()
    work(queue, times=2)
    assert books() == right


@pytest.mark.usefixtures("small_chunks")
def test_beat_picks_up_what_was_lost_after_any_message(
    right: dict[str, Any], alice: Customer, bob: Customer, queue: SimpleQueue
) -> None:
    def story(survivors: int) -> int:
        savings(alice, bob)
        drive()
        done = work(queue, most=survivors)
        queue.clear()
        drive()
        work(queue)
        assert books() == right, f"after {survivors} messages"
        return done

    survivors = 0
    while played(partial(story, survivors)) == survivors:
        survivors += 1
    assert survivors > 20


@pytest.mark.usefixtures("small_chunks")
def test_messages_in_any_order_come_to_the_same(
    right: dict[str, Any], alice: Customer, bob: Customer, queue: SimpleQueue
) -> None:
    savings(alice, bob)
    drive()
    waiting: list[Message] = []
    while message := take(queue):
        waiting.append(message)
        while late := take(queue):
            waiting.append(late)
        deliver(waiting.pop())  # the newest first
    while waiting:
        deliver(waiting.pop())
        work(queue)
    assert books() == right


def test_a_chunk_of_a_day_that_is_closed_changes_nothing(
    right: dict[str, Any], alice: Customer, bob: Customer, queue: SimpleQueue
) -> None:
    savings(alice, bob)
    drive()
    work(queue)
    accrue_chunk(str(day(2)), 0)
    assert work(queue) == 0
    assert books() == right


@pytest.mark.usefixtures("eager")
def test_run_at_once_it_closes_a_day_too(alice: Customer, queue: SimpleQueue) -> None:
    subscribe(alice, flexible(), 1000, on(0))
    drive(2)
    assert close.next_day(day(1)) is None
    assert work(queue) == 0
    assert broken() == []


def test_yesterday_is_closed_from_five_past_midnight_on(
    alice: Customer, queue: SimpleQueue
) -> None:
    fund(alice, at=on(0))
    drive(2, minute=4)
    work(queue)
    assert close.next_day(day(9)) == (day(1), None)
    drive(2, minute=5)
    work(queue)
    assert close.next_day(day(9)) == (day(2), None)


@pytest.mark.parametrize(
    ("moment", "last"),
    [
        ("2026-03-01T00:04:59.999999+00:00", "2026-02-27"),
        ("2026-03-01T00:05:00+00:00", "2026-02-28"),
        ("2026-03-01T23:59:59+00:00", "2026-02-28"),
    ],
)
def test_the_last_day_that_may_be_closed(moment: str, last: str) -> None:
    assert last_closable(datetime.fromisoformat(moment)) == date.fromisoformat(last)


def test_the_clock_is_that_of_the_worker_unless_a_calendar_is_played(
    alice: Customer, queue: SimpleQueue
) -> None:
    fund(alice, at=datetime.now(UTC) - timedelta(days=3))
    drive_close()
    work(queue)
    assert close.next_day(date.max) == (last_closable(datetime.now(UTC)) + ONE_DAY, None)


def test_a_played_calendar_ends_on_its_day(alice: Customer, queue: SimpleQueue) -> None:
    fund(alice, at=on(0))
    drive_close(through=str(day(1)), at=on(9).isoformat())
    work(queue)
    assert close.next_day(day(9)) == (day(2), None)
    assert set(DayClose.objects.values_list("closed_at", flat=True)) == {on(9)}


@pytest.mark.django_db
def test_empty_books_have_nothing_to_close(queue: SimpleQueue) -> None:
    drive()
    assert work(queue) == 0
    assert not DayClose.objects.exists()


def test_sealing_takes_the_entries_that_wait(alice: Customer) -> None:
    fund(alice, at=on(0))
    assert SealQueue.objects.count() == 1
    seal_entries()
    seal_entries()
    assert SealQueue.objects.count() == 0
    assert Seal.objects.count() == 1
