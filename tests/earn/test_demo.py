"""The demo, made small: some people on a few lively days, closed in this process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import InterfaceError, OperationalError, connection
from django_celery_beat.models import PeriodicTask
from kombu.exceptions import OperationalError as BrokerDown

from earn import checks, close, tasks
from earn.days import ONE_DAY, start_of
from earn.demo import fixtures, loading, report
from earn.demo.fixtures import Fixtures
from earn.demo.people import People, is_open_to
from earn.demo.play import Calendar, play
from earn.management.commands import play_demo
from earn.models import Customer, DayClose, Order, Position, QuotaShard, User
from ledger.models import Entry

FIRST_DAY = date(2026, 1, 26)  # the days pass the end of a month
DAYS = 8
MISSED = [4, 5]
PEOPLE = 24

books = pytest.mark.django_db(transaction=True)  # a rush has connections of its own


class Killed(BaseException):
    """As by SIGKILL: nobody catches it."""


class InProcess:
    def start(self, through: date, *, at: datetime) -> None:
        pass

    def wait(self, through: date, *, at: datetime) -> None:
        for _ in close.close_through(through, at=at):
            pass


@pytest.fixture(scope="module")
def source() -> Fixtures:
    """All that the demo plays, more often and sooner."""
    source = fixtures.read(Path(__file__).parents[2] / "fixtures")
    people = dict(source.people)
    people["count"] = PEOPLE
    people["joining"] = [{"first_day": 0, "last_day": 2, "weight": 1}]
    people["worker_misses_days"] = MISSED
    people["ignore_eligibility_per_thousand"] = 100
    people["ask_too_much_per_thousand"] = 100
    people["retry_with_same_key_per_thousand"] = 200
    people["rush"] = people["rush"] | {"days": [3], "customers": 30}
    people["archetypes"] = [_lively(archetype) for archetype in people["archetypes"]]
    return replace(source, people=people)


def _lively(archetype: dict[str, Any]) -> dict[str, Any]:
    chances = archetype["daily_per_thousand"].items()
    return archetype | {"daily_per_thousand": {do: 8 * chance for do, chance in chances}}


@pytest.fixture(scope="module")
def people(source: Fixtures) -> People:
    return People(source, PEOPLE)


def calendar(days: int = DAYS, *, more: int = 0) -> Calendar:
    last = FIRST_DAY + timedelta(days=days - 1 + more)
    return Calendar(first_day=FIRST_DAY, days=days, last=last)


def run(people: People, when: Calendar | None = None) -> None:
    when = when or calendar()
    loading.load(people.fixtures, first_day=when.first_day)
    for _ in play(people, when, InProcess()):
        pass


def broken() -> list[str]:
    return [f"{c.name}: {v}" for c, found in checks.everything() for v in found]


def orders() -> set[tuple[str, ...]]:
    """All orders, whatever the ids."""
    return {
        # the key of a cancellation names the id of an order
        (kind, key if kind != "CANCEL" else key.rpartition(":")[0], str(customer))
        for kind, key, customer in Order.objects.values_list(
            "kind", "key", "customer__reference"
        )
    }


@contextmanager
def killed_at(statement: int) -> Iterator[None]:
    """Kills whoever is about to send the statement of that number."""
    left = iter(range(statement))

    def count(execute: Callable[..., Any], *arguments: Any) -> Any:
        if next(left, None) is None:
            raise Killed
        return execute(*arguments)

    with connection.execute_wrapper(count):
        yield


# Who wants what


def test_people_want_the_same_in_every_run(source, people):
    again = People(source, PEOPLE)
    assert again.everybody == people.everybody
    for day in range(DAYS):
        assert again.rush(day) == people.rush(day)
        for person in people.everybody:
            assert again.intents(person, day) == people.intents(person, day)


def test_more_people_leave_the_first_ones_as_they_were(source, people):
    assert People(source, PEOPLE + 1).everybody[:PEOPLE] == people.everybody


def test_another_seed_is_another_demo(source, people):
    other = People(replace(source, people={**source.people, "seed": 1}), PEOPLE)
    assert other.everybody != people.everybody


def test_nobody_wants_anything_before_joining(people):
    late = next(person for person in people.everybody if person.joins == 2)
    assert people.intents(late, 1) == []
    assert people.intents(late, 2) != []


def test_wishes_are_in_the_order_of_time_and_within_the_day(people):
    for person in people.everybody:
        seconds = [intent.second for intent in people.intents(person, 4)]
        assert seconds == sorted(seconds)
        assert all(0 < second < 86_400 for second in seconds)


def test_most_buy_what_they_may_and_some_try_what_they_may_not(source, people):
    allowed = [
        is_open_to(person, source.products[intent.product])
        for person in people.everybody
        for day in range(DAYS)
        for intent in people.intents(person, day)
        if intent.do == "buy"
    ]
    assert 0 < allowed.count(False) < allowed.count(True) / 4


def test_money_for_a_product_reaches_its_minimum(source, people):
    for person in people.everybody:
        for intent in people.intents(person, person.joins):
            if intent.do == "buy":
                product = source.products[intent.product]
                assert product.floor(intent.amount) >= product.minimum


def test_a_ladder_is_the_same_product_every_few_days(people):
    person = next(p for p in people.everybody if "ladder" in p.archetype)
    rungs = [
        {(i.product, i.amount, i.term_days) for i in people.intents(person, day)}
        for day in (person.joins + 7 * rung for rung in range(4))
    ]
    assert set.intersection(*rungs)


def test_a_deposit_is_within_its_bounds_and_in_whole_steps(people):
    assert people.deposit("USDT", Decimal("0.0001")) == 1
    assert people.deposit("USDT", Decimal("1000000")) == 500_000
    assert people.deposit("USDT", Decimal("0.99999")) == Decimal("599.99")


# The days


@books
def test_the_days_are_played_and_closed_and_the_books_are_right(people):
    run(people)
    closed = DayClose.objects.filter(stage="CLOSED").values_list("day", flat=True)
    assert sorted(closed) == [FIRST_DAY + timedelta(days=n) for n in range(DAYS)]
    assert broken() == []
    assert set(Order.objects.values_list("kind", flat=True)) == set(Order.Kind.values)
    refused = Order.objects.filter(state="REFUSED").values_list("refusal__code", flat=True)
    assert {"NOT_ELIGIBLE", "INSUFFICIENT_FUNDS"} <= set(refused)


@books
def test_a_second_run_does_nothing(people):
    run(people, calendar(4))
    before = orders(), Entry.objects.count(), report.closes(), list(report.totals())
    run(people, calendar(4))
    assert (
        orders(),
        Entry.objects.count(),
        report.closes(),
        list(report.totals()),
    ) == before


@books
def test_a_run_on_a_later_day_only_closes(people):
    run(people, calendar(3))
    before = orders()
    run(people, calendar(3, more=2))
    assert orders() == before
    assert DayClose.objects.filter(stage="CLOSED").count() == 3 + 2
    assert broken() == []


@books
def test_a_longer_run_goes_on_where_the_last_one_ended(people):
    run(people, calendar(2))
    run(people, calendar(4))
    pieces = orders()
    call_command("flush", interactive=False, verbosity=0)
    run(people, calendar(4))
    assert orders() == pieces


@books
@pytest.mark.parametrize("seed", range(2))
def test_killed_anywhere_it_goes_on_to_the_same_orders(people, seed):
    run(people)
    undisturbed = orders()
    call_command("flush", interactive=False, verbosity=0)
    random, kills = Random(seed), 0
    while kills < 5:
        try:
            with killed_at(random.randrange(50, 2000)):
                run(people)
            break
        except Killed:
            kills += 1
    run(people)
    assert kills > 1
    assert orders() == undisturbed
    assert broken() == []


@books
def test_on_missed_days_nothing_is_closed_and_the_next_morning_catches_up(people):
    loading.load(people.fixtures, first_day=FIRST_DAY)
    closed = {
        played.index: DayClose.objects.filter(stage="CLOSED").count()
        for played in play(people, calendar(7), InProcess())
    }
    assert [closed[index] for index in range(3, 7)] == [3, 3, 3, 6]


@books
def test_orders_of_the_morning_are_played_while_the_day_before_is_closing(people):
    seen: list[int] = []

    class Watched(InProcess):
        def wait(self, through: date, *, at: datetime) -> None:
            seen.append(Order.objects.filter(at__gt=start_of(at.date())).count())
            super().wait(through, at=at)

    loading.load(people.fixtures, first_day=FIRST_DAY)
    for _ in play(people, calendar(4), Watched()):
        pass
    assert min(seen[:4]) > 0
    assert seen[4] == 0  # the last morning has no business


@books
def test_a_day_that_somebody_else_closed_is_left_and_the_next_ones_go_on(people):
    class Hasty(InProcess):
        def wait(self, through: date, *, at: datetime) -> None:
            super().wait(through + timedelta(days=through == FIRST_DAY), at=at)

    loading.load(people.fixtures, first_day=FIRST_DAY)
    played = [day.index for day in play(people, calendar(5), Hasty())]
    assert played == [0, 1, 2, 3, 4]
    assert not Order.objects.filter(
        at__date=FIRST_DAY + timedelta(days=1), at__hour__gte=13
    ).exists()
    assert Order.objects.filter(at__date=FIRST_DAY + timedelta(days=2)).exists()
    assert broken() == []


@books
def test_a_rush_takes_what_there_is_and_not_more(source):
    scarce = source.products["USDT-WEEKLY"]
    scarce = replace(scarce, terms={**scarce.terms, "quota": Decimal(4000)})
    products = {**source.products, scarce.code: scarce}
    run(People(replace(source, products=products), PEOPLE), calendar(4))
    bought = Position.objects.filter(product__code=scarce.code)
    used = QuotaShard.objects.filter(product__code=scarce.code).values_list(
        "used", flat=True
    )
    assert sum(position.principal for position in bought) == sum(used) <= 4000
    assert sum(used) >= 4000 - 8 * 50  # of each shard less than an order is left
    assert Order.objects.filter(refusal__code="SOLD_OUT").exists()


@books
def test_an_order_that_was_sent_twice_is_there_once(people):
    run(people, calendar(2))
    twice = [
        f"demo:{day}:{person.number}:{number}"
        for person in people.everybody
        for day in range(2)
        for number, intent in enumerate(people.intents(person, day))
        if intent.twice and intent.do == "buy"
    ]
    assert twice
    assert [Order.objects.filter(key=key).count() for key in twice] == [1] * len(twice)


# The command


class Clock(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        assert tz is UTC
        return start_of(FIRST_DAY + timedelta(days=3)) + timedelta(hours=10)


@pytest.fixture
def command(
    source: Fixtures, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> Callable[..., str]:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

    def call(*words: str) -> str:
        out = StringIO()
        call_command("play_demo", *words, stdout=out, stderr=StringIO())
        return out.getvalue()

    monkeypatch.setattr(play_demo, "datetime", Clock)
    monkeypatch.setattr(play_demo, "ByWorker", lambda **_: InProcess())
    monkeypatch.setattr(play_demo.fixtures, "read", lambda _: source)
    return call


@books
def test_the_command_prints_the_closes_the_totals_and_the_logins(command):
    said = command("--days", "3", "--customers", "20")
    lines = said.splitlines()
    assert lines[0].split()[:2] == ["day", "positions"]
    assert [line.split()[0] for line in lines[1:4]] == [
        "2026-01-26",
        "2026-01-27",
        "2026-01-28",
    ]
    assert lines[4].startswith("    3 days")
    assert "Customers: 20" in lines
    user = User.objects.get(email="customer@example.com")
    assert f"customer@example.com, password {play_demo.password(user.email)}" in said
    assert user.check_password(play_demo.password(user.email))
    assert Customer.objects.filter(user=user).exists()


@books
def test_the_command_prints_the_same_again(command):
    assert command("--days", "3") == command("--days", "3")


@books
def test_a_password_of_ones_own_is_not_told(command):
    command("--days", "1", "--customers", "1")
    user = User.objects.get(email="admin@example.com")
    user.set_password("secret of mine")
    user.save()
    assert "admin@example.com, password your own" in command("--days", "1")


@pytest.mark.django_db
@pytest.mark.parametrize("words", [("--days", "0"), ("--days", "x"), ("--customers", "-1")])
def test_a_bad_number_is_a_sentence(command, words):
    with pytest.raises(CommandError, match=f"{words[0]} is '{words[1]}': write a number"):
        command(*words)


@books
def test_somebody_elses_business_is_not_played_with(command):
    Customer.objects.create(reference="a real one")
    with pytest.raises(CommandError, match="set DATABASE_URL to an empty one") as failure:
        command()
    assert failure.value.returncode == 2


@books
def test_days_that_the_clock_would_close_are_not_played(command):
    call_command("schedule_jobs", stdout=StringIO())
    with pytest.raises(CommandError, match="disable that job") as failure:
        command("--days", "2", "--customers", "5")
    assert failure.value.returncode == 2
    PeriodicTask.objects.update(enabled=False)
    command("--days", "2", "--customers", "5")


@books
def test_a_schedule_does_not_keep_a_finished_demo_from_running_again(command):
    command("--days", "2", "--customers", "5")
    call_command("schedule_jobs", stdout=StringIO())
    command("--days", "2", "--customers", "5")


# The worker


@pytest.fixture
def messages(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[dict[str, str]]]:
    """Day 0 is played and open; each message for its close meets the next answer."""
    loading.load(people.fixtures, first_day=FIRST_DAY)
    next(play(people, calendar(2), InProcess()))
    monkeypatch.setattr(play_demo, "RESEND_SECONDS", 0)
    sent: list[dict[str, str]] = []

    def answer(*answers: Callable[[], object]) -> list[dict[str, str]]:
        left = iter(answers)

        def delay(**message: str) -> None:
            sent.append(message)
            next(left)()

        monkeypatch.setattr(tasks.drive_close, "delay", delay)
        return sent

    return answer


def lose() -> None:
    pass


def refuse() -> None:
    raise BrokerDown("connection refused")


def carry_out() -> None:
    InProcess().wait(FIRST_DAY, at=start_of(FIRST_DAY + ONE_DAY))


def stop() -> None:
    close.open_day(FIRST_DAY, at=start_of(FIRST_DAY + ONE_DAY))
    DayClose.objects.update(problem="2026-01-26: position 7: not accrued")


def drive() -> list[str]:
    said: list[str] = []
    closes = play_demo.ByWorker(say=said.append)
    closes.start(FIRST_DAY, at=start_of(FIRST_DAY + ONE_DAY))
    closes.wait(FIRST_DAY, at=start_of(FIRST_DAY + ONE_DAY))
    return said


@books
def test_the_worker_is_told_the_day_and_the_moment(messages):
    sent = messages(carry_out)
    drive()
    assert sent == [{"through": "2026-01-26", "at": "2026-01-27T00:00:00+00:00"}]


@books
def test_nothing_is_sent_for_a_day_that_is_closed(messages):
    carry_out()
    sent = messages()
    drive()
    assert sent == []


@books
def test_a_lost_message_is_sent_again(messages):
    sent = messages(lose, lose, carry_out)
    drive()
    assert sent == sent[:1] * 3


@books
def test_a_broker_that_is_away_is_asked_again(messages):
    messages(refuse, carry_out)
    assert drive() == ["The broker does not answer; trying again."]


@books
def test_a_worker_that_is_away_is_missed(messages, monkeypatch):
    monkeypatch.setattr(play_demo, "COMPLAIN_SECONDS", 0)
    messages(*[lose] * 20, carry_out)
    assert "The close does not move: is a worker running? Still waiting." in drive()


@books
def test_a_close_that_has_stopped_is_not_waited_for(messages):
    messages(stop, carry_out)
    with pytest.raises(close.CloseFailed, match="position 7: not accrued"):
        drive()


@pytest.mark.django_db
def test_what_an_outage_interrupted_is_done_again():
    said: list[str] = []
    failures = [OperationalError("server closed the connection"), InterfaceError("closed")]

    def act() -> None:
        if failures:
            raise failures.pop(0)

    play_demo.through_outages(act, say=said.append)
    assert said[0] == "The database has gone away (server closed the connection); waiting."
    assert len(said) == 2


@pytest.mark.django_db
def test_a_database_that_always_fails_ends_the_demo():
    def act() -> None:
        raise OperationalError("disk full")

    with pytest.raises(OperationalError, match="disk full"):
        play_demo.through_outages(act, say=lambda _: None)
