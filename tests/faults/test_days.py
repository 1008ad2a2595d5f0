"""Days that were missed, and clocks that jump."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from earn.models import DayClose
from ledger.models import BookDay
from tests.earn import people
from tests.earn.people import on, subscribe
from tests.faults.business import Business, differences, picture
from tests.faults.crew import Broker, Crew, wait_until
from tests.faults.locks import AT

pytestmark = pytest.mark.django_db(transaction=True, reset_sequences=True)


def trade(business: Business, number: int) -> None:
    """What customers do on the days that the worker is away."""
    bob, alice = business.people["Bob"], business.people["Alice"]
    subscribe(bob, business.products["saver"], "123.45", on(number))
    subscribe(alice, business.products["term"], "678.90", on(number), term_days=2)


def test_a_worker_that_was_away_for_three_days_closes_them_in_order_as_if_in_time(
    crew: Crew, broker: Broker, business: Business, closes: Callable[..., None]
) -> None:
    crew.work()
    missed = [business.last + n for n in range(3)]

    def in_time() -> dict[str, Any]:
        for number in missed:
            trade(business, number)
            people.close_to(number)
        return picture()

    expected = people.played(in_time)
    for number in missed:
        trade(business, number)
    morning = on(missed[-1] + 1, 0, 5)
    broker.drive(people.day(missed[-1]), morning)
    closes(people.day(missed[-1]))
    assert differences(expected) == {}
    assert people.broken() == []
    closed = DayClose.objects.filter(closed_at=morning).order_by("day")
    assert [row.day for row in closed] == [people.day(number) for number in missed]


@pytest.mark.usefixtures("business")
@pytest.mark.parametrize("act", ["fence", "end"])
def test_a_worker_whose_clock_has_jumped_does_not_shut_the_books(
    worker_url: str, act: str
) -> None:
    with psycopg.connect(worker_url) as worker:
        (today,) = worker.execute(
            "select (clock_timestamp() at time zone 'UTC')::date"
        ).fetchone() or (None,)
        with pytest.raises(psycopg.errors.CheckViolation, match="is not over") as refused:
            worker.execute(f"select ledger_{act}_day(%s)", [today])
    assert refused.value.diag.constraint_name == "day_is_over"
    assert not BookDay.objects.filter(day__gte=today).exists()


@pytest.mark.parametrize("place", ["open", "accrue", "interest", "seal"])
def test_a_clock_that_jumps_back_does_nothing_and_the_right_one_goes_on(
    place: str,
    crew: Crew,
    broker: Broker,
    business: Business,
    closes: Callable[[], None],
    right: Callable[[], None],
) -> None:
    (worker,) = crew.work()
    AT[place].bring(business)
    before = picture()
    for moment in (timedelta(minutes=6), timedelta(days=1), timedelta(days=400)):
        broker.tick(business.morning - moment)
    wait_until(broker.is_quiet, "the worker has read the wrong clock")
    assert picture() == before
    broker.tick(business.morning)
    closes()
    broker.tick(business.morning - timedelta(days=1))
    wait_until(broker.is_quiet, "the worker has read the wrong clock again")
    right()
