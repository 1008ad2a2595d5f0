from collections.abc import Callable

import pytest
from django.db import transaction

from ledger import checks, days
from ledger.balances import available, balance_at, trial_balance
from ledger.models import BookDay, DailyTotal, Entry
from ledger.posting import DayIsClosed
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
    fees,
    in_flight,
    line,
    random_history,
    wallet,
)

pytestmark = pytest.mark.django_db
real_connections = pytest.mark.django_db(transaction=True)


def sound() -> bool:
    return not any(check.violations() for check in checks.CHECKS)


# Fencing


def test_a_fenced_day_takes_adjusting_entries_only() -> None:
    of = asset()
    deposit(of, "1", happened_at=at(0))
    days.fence(DAY)
    with pytest.raises(DayIsClosed):
        deposit(of, "1", happened_at=at(0, 23.99))
    deposit(of, "2", happened_at=at(0), adjusting=True)
    deposit(of, "4", happened_at=at(1, 0))
    assert available(asset_id=of.pk, code=wallet(of).code) == 7


def test_days_before_a_fenced_one_are_fenced_with_it() -> None:
    of = asset()
    days.fence(day(3))
    with pytest.raises(DayIsClosed):
        deposit(of, "1", happened_at=at(1))
    deposit(of, "1", happened_at=at(1), adjusting=True)


def test_a_replay_is_answered_although_its_day_is_closed() -> None:
    of = asset()
    first = deposit(of, "1", key="k")
    days.end(DAY)
    assert deposit(of, "1", key="k") == (first.entry_id, True)


def test_a_day_may_be_fenced_again() -> None:
    days.fence(DAY)
    days.fence(DAY)
    assert BookDay.objects.get().ended_at is None


def test_the_last_fenced_day_is_known() -> None:
    assert days.last_fenced() is None
    days.fence(day(2))
    days.fence(day(1))
    assert days.last_fenced() == day(2)


# Ending


def test_a_day_that_has_ended_takes_nothing() -> None:
    of = asset()
    deposit(of, "1")
    days.fence(DAY)
    days.end(DAY)
    for adjusting in (False, True):
        with pytest.raises(DayIsClosed):
            deposit(of, "1", adjusting=adjusting)
    deposit(of, "1", happened_at=at(1))
    assert sound()


def test_a_day_may_be_ended_without_a_fence_and_twice() -> None:
    deposit(asset(), "1")
    days.end(DAY)
    ended_at = BookDay.objects.get().ended_at
    days.end(DAY)
    assert BookDay.objects.get().ended_at == ended_at
    assert DailyTotal.objects.count() == 2


def test_days_end_in_order() -> None:
    of = asset()
    deposit(of, "1", happened_at=at(0))
    deposit(of, "1", happened_at=at(1))
    assert broken_rule(lambda: days.end(day(1))) == "days_end_in_order"
    days.end(day(0))
    days.end(day(1))
    assert sound()


def test_an_earlier_day_is_not_ended_after_a_later_one() -> None:
    days.end(day(3))
    assert broken_rule(lambda: days.end(day(2))) == "days_end_in_order"


def test_days_without_entries_may_be_passed_over() -> None:
    of = asset()
    deposit(of, "1", happened_at=at(0))
    days.end(day(0))
    days.end(day(4))
    deposit(of, "1", happened_at=at(9))
    days.end(day(9))
    assert balance_at(asset_id=of.pk, code=custody(of).code, at=at(6)) == 1
    assert balance_at(asset_id=of.pk, code=custody(of).code, at=at(9)) == 2
    assert sound()


def test_a_day_without_entries_keeps_the_totals_of_the_day_before() -> None:
    of = asset()
    deposit(of, "1", happened_at=at(0))
    for number in range(3):
        days.end(day(number))
    totals = DailyTotal.objects.filter(heading=custody(of).code).order_by("day")
    assert [(x.day, x.debits) for x in totals] == [(day(n), 1) for n in range(3)]


def test_nothing_is_known_of_a_past_that_ended_before_the_first_entry() -> None:
    days.end(DAY)
    assert trial_balance(at=at(0)) == []
    assert not DailyTotal.objects.exists()


@pytest.mark.parametrize("seed", range(3))
def test_ending_days_changes_no_balance(seed: int) -> None:
    random_history(seed, ended=0)
    moments = [at(number, hour) for number in range(7) for hour in (0, 12)]
    before = [trial_balance(at=x) for x in moments]
    for number in range(6):
        days.end(day(number))
        assert [trial_balance(at=x) for x in moments] == before
    assert sound()


# At the same time


@real_connections
def test_fencing_a_day_waits_for_its_entries_in_flight() -> None:
    of = asset()
    days.fence(day(-1))

    def fence_and_count() -> int:
        days.fence(DAY)
        return Entry.objects.filter(day=DAY).count()

    _, counted = in_flight(lambda: deposit(of, "1"), fence_and_count)
    assert counted == 1


@real_connections
def test_an_entry_waits_for_the_fencing_of_its_day_and_is_refused() -> None:
    of = asset()
    _, answer = in_flight(lambda: days.fence(DAY), lambda: deposit(of, "1"))
    assert isinstance(answer, DayIsClosed)


@real_connections
def test_fencing_a_day_keeps_the_next_days_entries_running() -> None:
    of = asset()
    days.fence(day(-1))
    deposit(of, "1", happened_at=at(1))
    with transaction.atomic():
        days.fence(DAY)
        (answer,) = at_once(lambda: deposit(of, "2", happened_at=at(1)))
    assert not isinstance(answer, Exception)


@real_connections
@pytest.mark.parametrize("close", [days.fence, days.end])
def test_closing_a_day_waits_for_entries_of_days_passed_over(
    close: Callable[[object], None],
) -> None:
    of = asset()
    days.end(day(-3))

    def close_and_count() -> int:
        close(day(1))
        return Entry.objects.filter(day=DAY).count()

    _, answer = in_flight(lambda: deposit(of, "1", happened_at=at(0)), close_and_count)
    if close is days.fence:
        assert answer == 1
    else:  # the entry came first: its day has to be ended before
        assert "precede" in str(answer)
    assert sound()


@real_connections
def test_the_first_day_of_all_waits_for_every_entry_in_flight() -> None:
    of = asset()
    _, answer = in_flight(
        lambda: deposit(of, "1", happened_at=at(0)), lambda: days.end(day(1))
    )
    assert "precede" in str(answer)


@real_connections
def test_ending_a_day_waits_for_its_adjusting_entries_in_flight() -> None:
    of = asset()
    days.fence(DAY)
    _, answer = in_flight(lambda: deposit(of, "1", adjusting=True), lambda: days.end(DAY))
    assert answer is None
    assert DailyTotal.objects.get(heading=custody(of).code).debits == 1
    assert sound()


@real_connections
def test_after_a_fence_nothing_of_the_day_commits_any_more() -> None:
    of = asset()
    days.fence(day(-1))
    deposit(of, "100", happened_at=at(0))

    def spend() -> int:
        for number in range(25):
            try:
                enter(line(wallet(of), fees(of), "0.1"), happened_at=at(0))
            except DayIsClosed:
                return number
        return 25

    def fence() -> int:
        days.fence(DAY)
        return Entry.objects.count()

    *_, counted = at_once(*[spend] * 4, fence)
    assert Entry.objects.count() == counted
    assert sound()


@real_connections
def test_a_day_that_two_end_at_once_is_ended_once() -> None:
    deposit(asset(), "1")
    assert at_once(*[lambda: days.end(DAY)] * 4) == [None] * 4
    assert BookDay.objects.count() == 1
    assert sound()


@real_connections
def test_days_that_are_ended_at_once_end_in_order() -> None:
    of = asset()
    for number in range(3):
        deposit(of, "1", happened_at=at(number))
    answers = at_once(*[lambda n=number: days.end(day(n)) for number in range(3)])
    for x in answers:
        assert x is None or "precede" in str(x)
    for number in range(3):
        days.end(day(number))
    assert sound()
