"""Messages that come twice, five times, from two beats, late, or not at all."""

import json
from collections.abc import Callable

import pytest
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from earn import close, tasks
from tests.faults.business import CHUNK, Business
from tests.faults.crew import BEAT, Broker, Crew, wait_until
from tests.faults.locks import AT, held

pytestmark = pytest.mark.django_db(transaction=True, reset_sequences=True)


@pytest.mark.parametrize("times", [2, 5])
def test_a_message_that_is_delivered_several_times_does_its_work_once(
    times: int,
    crew: Crew,
    broker: Broker,
    business: Business,
    closes: Callable[[], None],
    right: Callable[[], None],
) -> None:
    crew.work(2)
    close.open_day(business.day, at=business.morning, chunk=CHUNK)
    for number in close.chunks_left(business.day):
        broker.accrue(business.day, number, business.morning, times=times)
    broker.drive(business.day, business.morning, times=times)
    closes()
    wait_until(broker.is_quiet, "messages come to an end")
    right()


def test_two_beats_and_two_workers_close_a_day_once(
    crew: Crew,
    business: Business,
    closes: Callable[[], None],
    right: Callable[[], None],
) -> None:
    crew.work(2)
    arguments = {"through": business.day.isoformat(), "at": business.morning.isoformat()}
    PeriodicTask.objects.create(
        name="Close",
        task=tasks.drive_close.name,
        kwargs=json.dumps(arguments),
        interval=IntervalSchedule.objects.create(every=1, period="seconds"),
    )
    beats = [crew.start(BEAT) for _ in range(2)]
    due = "Sending due task Close"
    wait_until(lambda: all(due in beat.said() for beat in beats), "both beats have sent it")
    closes()
    for beat in beats:
        beat.kill()
    right()


def test_the_next_driver_goes_on_when_the_broker_has_forgotten_every_message(
    crew: Crew,
    broker: Broker,
    business: Business,
    closes: Callable[[], None],
    right: Callable[[], None],
) -> None:
    crew.work()
    AT["accrue"].bring(business)
    with held(AT["accrue"].lock(business)) as hold:
        broker.drive(business.day, business.morning)
        hold.stopped()
        broker.lose_everything()
        others = close.chunks_left(business.day)[1:]
    wait_until(
        lambda: close.chunks_left(business.day) == others, "the chunk in work is done"
    )
    assert broker.is_quiet()
    broker.drive(business.day, business.morning)
    closes()
    right()


def test_the_close_goes_on_when_the_broker_was_killed_and_started_again(
    crew: Crew,
    broker: Broker,
    business: Business,
    closes: Callable[[], None],
    right: Callable[[], None],
) -> None:
    crew.work()
    AT["accrue"].bring(business)
    with held(AT["accrue"].lock(business)) as hold:
        broker.drive(business.day, business.morning)
        hold.stopped()
        broker.kill()
    broker.server.start()
    assert broker.server.url() == broker.url
    broker.drive(business.day, business.morning)
    closes()
    right()
