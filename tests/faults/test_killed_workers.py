"""Workers that are killed in the middle of each stage, and what the next driver finds."""

from collections.abc import Callable

import pytest

from tests.faults.business import Business, picture
from tests.faults.crew import Broker, Crew, wait_until
from tests.faults.locks import AT, PLACES, Place, are_gone, held

pytestmark = pytest.mark.django_db(transaction=True, reset_sequences=True)


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_worker_killed_in_a_stage_leaves_nothing_half_done_and_the_next_closes_the_day(
    place: Place,
    crew: Crew,
    broker: Broker,
    business: Business,
    closes: Callable[[], None],
    right: Callable[[], None],
) -> None:
    crew.work()
    place.bring(business)
    before = picture()
    with held(place.lock(business)) as hold:
        broker.drive(business.day, business.morning)
        stopped = hold.stopped()
        crew.kill_workers()
    wait_until(lambda: are_gone(stopped), "the killed worker's transaction has ended")
    assert picture() == before
    crew.work()
    broker.drive(business.day, business.morning)
    closes()
    right()


def test_a_chunk_whose_process_is_killed_is_delivered_again_by_the_worker(
    crew: Crew,
    broker: Broker,
    business: Business,
    closes: Callable[[], None],
    right: Callable[[], None],
) -> None:
    (worker,) = crew.work()
    AT["accrue"].bring(business)
    with held(AT["accrue"].lock(business)) as hold:
        broker.drive(business.day, business.morning)
        (stopped,) = hold.stopped()
        worker.kill_children()
        wait_until(
            lambda: set(hold.stopped()) - {stopped}, "another process has the message"
        )
    closes()
    right()


def test_the_message_of_a_killed_worker_comes_back_with_nobody_sending_it(
    crew: Crew,
    broker: Broker,
    business: Business,
    closes: Callable[[], None],
    right: Callable[[], None],
) -> None:
    crew.work(1, VISIBILITY_TIMEOUT="1")
    AT["interest"].bring(business)
    with held(AT["interest"].lock(business)) as hold:
        broker.drive(business.day, business.morning)
        hold.stopped()
        crew.kill_workers()
    crew.work(1, VISIBILITY_TIMEOUT="1")
    closes()
    right()


def test_a_job_that_outlasts_the_timeout_of_its_message_is_done_once_by_two_workers(
    crew: Crew,
    broker: Broker,
    business: Business,
    closes: Callable[[], None],
    right: Callable[[], None],
) -> None:
    workers = crew.work(2, VISIBILITY_TIMEOUT="1")
    AT["accrue"].bring(business)
    said = [len(worker.said()) for worker in workers]
    with held(AT["accrue"].lock(business)) as hold:
        broker.accrue(business.day, 2, business.morning)
        hold.stopped()
        wait_until(
            lambda: any(
                "succeeded" in worker.said()[start:]
                for worker, start in zip(workers, said, strict=True)
            ),
            "the second worker was given the message too, and found the chunk taken",
        )
    broker.drive(business.day, business.morning)
    closes()
    right()
