"""The commands that close, verify and explain: what they print, and their exit codes."""

import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from io import StringIO
from subprocess import CompletedProcess
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from earn import checks, close
from earn.management.commands import close_day
from earn.models import Customer, DayClose
from tests.config import processes
from tests.earn.people import close_to, customer, day, fixed, flexible, fund, on, subscribe

AsAppRole = Callable[[], AbstractContextManager[None]]


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


class Clock(datetime):
    """Stands at 00:05 on day 4 of the stories."""

    moment = on(4, hour=0, minute=5)

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        assert tz is UTC
        return cls.moment


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> type[Clock]:
    monkeypatch.setattr(Clock, "moment", Clock.moment)
    monkeypatch.setattr(close_day, "datetime", Clock)
    return Clock


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def fails(*words: str) -> CommandError:
    with pytest.raises(CommandError) as failure:
        run(*words)
    return failure.value


def process(*words: str) -> CompletedProcess[str]:
    """The command as the application's role, on the database of the tests."""
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    database = connection.settings_dict["NAME"]
    return processes.run(
        "manage.py",
        *words,
        DATABASE_URL=f"{server}/{database}?options=-c%20role%3Dearn_app",
        SECRET_KEY=os.environ["SECRET_KEY"],
        BROKER_URL="memory://",
    )


# close_day


def test_open_days_are_closed_and_each_is_printed(alice: Customer) -> None:
    subscribe(alice, flexible(), 1000, on(0))
    subscribe(alice, fixed(), 5000, on(0), term_days=10)
    lines = run("close_day", "--through", str(day(2))).splitlines()
    assert [line.split()[:4] for line in lines] == [
        ["day", "positions", "matured", "paid"],
        [str(day(0)), "0", "0", "0"],
        [str(day(1)), "2", "0", "0"],
        [str(day(2)), "2", "0", "0"],
    ]
    assert lines[2].endswith("USD 1.63")  # 1000 at 10 % and 5000 at 10 %: 0.27 + 1.36
    assert close.next_day(day(2)) is None


def test_a_dry_run_prints_what_the_next_close_accrues_and_closes_nothing(
    alice: Customer,
) -> None:
    assert "no day to close" in str(fails("close_day", "--dry-run"))
    subscribe(alice, flexible(), 1000, on(0))
    subscribe(alice, fixed(), 5000, on(0), term_days=10)
    close_to(0)
    first, *lines = run("close_day", "--dry-run").splitlines()
    assert first.startswith(f"{day(1)}, ")
    assert [line.split() for line in lines] == [
        ["product", "asset", "positions", "basis", "interest"],
        ["fixed", "USD", "1", "5000", "1.36"],
        ["flexible", "USD", "1", "1000", "0.27"],
    ]
    found = json.loads(run("close_day", "--dry-run", "--json"))
    assert (found["day"], found["products"][1]["interest"]) == (str(day(1)), "0.27")
    assert close.next_day(day(1)) == (day(1), None)
    assert fails("close_day", "--dry-run", "--through", str(day(1))).returncode == 2
    for stage in (None, "ACCRUE"):
        close.advance(day(1), stage, at=on(2))
    assert "is accrued already" in str(fails("close_day", "--dry-run"))


def test_a_second_run_finds_nothing_to_close(alice: Customer) -> None:
    fund(alice, at=on(0))
    run("close_day", "--through", str(day(1)))
    said = run("close_day", "--through", str(day(1)))
    assert said == f"Nothing to close: no day up to {day(1)} is open.\n"


def test_json_has_every_day_with_its_figures(alice: Customer) -> None:
    subscribe(alice, fixed(tiers=[(1, 0, "0.10")]), 1000, on(0), term_days=1)
    first, second = json.loads(run("close_day", "--json", "--through", str(day(1))))
    assert isinstance(second.pop("seconds"), float)
    assert second == {
        "day": str(day(1)),
        "positions": 1,
        "interest": {"USD": "0.27"},
        "matured": 1,
        "paid": 0,
    }
    assert (first["day"], first["interest"]) == (str(day(0)), {})


@pytest.mark.django_db
def test_json_of_nothing_is_an_empty_list() -> None:
    assert json.loads(run("close_day", "--json", "--through", str(day(1)))) == []


def test_without_a_date_it_closes_through_yesterday(
    alice: Customer, clock: type[Clock]
) -> None:
    fund(alice, at=on(0))
    run("close_day")
    assert close.next_day(day(9)) == (day(4), None)
    assert set(DayClose.objects.values_list("closed_at", flat=True)) == {clock.moment}


def test_before_five_past_midnight_yesterday_stays_open(
    alice: Customer, clock: type[Clock]
) -> None:
    clock.moment = on(4, hour=0, minute=4)
    fund(alice, at=on(0))
    run("close_day")
    assert close.next_day(day(9)) == (day(3), None)


def test_a_day_that_is_not_over_is_refused(alice: Customer, clock: type[Clock]) -> None:
    clock.moment = on(4, hour=0, minute=4)
    fund(alice, at=on(0))
    failure = fails("close_day", "--through", str(day(3)))
    assert failure.returncode == 2
    assert str(failure) == (
        f"{day(3)} cannot be closed yet: a day is closed from 00:05 UTC of the next one "
        f"on, and {day(2)} is the latest now."
    )
    assert not DayClose.objects.exists()


@pytest.mark.parametrize("text", ["", "2026-02-30", "20260101", "2026-1-1", "yesterday"])
def test_what_is_no_date_is_refused(text: str) -> None:
    failure = fails("close_day", f"--through={text}")
    assert failure.returncode == 2
    assert str(failure) == (
        f"--through is {text!r}: write a date of the calendar, like 2026-01-31."
    )


def test_a_close_that_finds_a_violation_stops_with_its_sentence(
    alice: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fund(alice, at=on(0))
    close_to(0)
    wrong = [checks.Violation("position 7", "was forgotten")]
    monkeypatch.setattr(checks, "of_day", lambda _: wrong)
    out = StringIO()
    with pytest.raises(CommandError) as failure:
        call_command("close_day", "--json", "--through", str(day(1)), stdout=out)
    assert failure.value.returncode == 1
    assert str(failure.value) == (
        f"The close has stopped. {day(1)}: position 7: was forgotten"
    )
    assert json.loads(out.getvalue()) == []


def test_progress_is_for_terminals_alone(alice: Customer) -> None:
    subscribe(alice, flexible(), 1000, on(0))
    seen, unseen = Terminal(), StringIO()
    call_command("close_day", through=str(day(0)), stdout=StringIO(), stderr=unseen)
    call_command("close_day", through=str(day(1)), stdout=StringIO(), stderr=seen)
    assert unseen.getvalue() == ""
    assert f"{day(1)}: Accruing, 1 chunks left" in seen.getvalue()


# verify_books


@pytest.fixture
def books(transactional_db: None) -> None:  # noqa: ARG001
    subscribe(customer("Alice"), flexible(), 1000, on(0))
    close_to(2)


def break_the_books() -> None:
    """As a superuser could, with the triggers off: twelve balances that nobody posted."""
    with connection.cursor() as cursor:
        cursor.execute("begin; set local session_replication_role = replica")
        cursor.execute("""
            insert into ledger_balance
                (account_id, asset_id, debits, credits, held, version)
            select 1000 + n, 1, 0, 5, 0, 1 from generate_series(1, 12) n""")
        cursor.execute("commit")


@pytest.mark.usefixtures("books")
def test_right_books_are_said_to_be_right() -> None:
    lines = run("verify_books").splitlines()
    assert lines[-1] == "The books are right."
    assert {line.split()[1] for line in lines[:-1]} == {"0"}
    names = [check.name for check, _ in checks.everything()]
    assert [line.split()[0] for line in lines[:-1]] == names


@pytest.mark.usefixtures("books")
def test_wrong_books_end_in_1_with_the_first_ten_named() -> None:
    break_the_books()
    out = StringIO()
    with pytest.raises(CommandError) as failure:
        call_command("verify_books", stdout=out)
    assert failure.value.returncode == 1
    lines = out.getvalue().splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("balances"))
    assert lines[start].split()[1] == "12"
    named = lines[start + 1 : start + 11]
    assert len(set(named)) == 10
    assert all(line.startswith("   ") for line in named)
    assert lines[start + 11].startswith("overdrawn")


@pytest.mark.usefixtures("books")
def test_json_counts_every_violation_and_names_ten() -> None:
    break_the_books()
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("verify_books", "--json", stdout=out)
    result = json.loads(out.getvalue())
    found = {check["check"]: check for check in result["checks"]}
    assert result["violations"] >= 12
    assert found["balances"]["violations"] == 12
    assert len(found["balances"]["first"]) == 10
    assert set(found["balances"]["first"][0]) == {"subject", "detail"}


@pytest.mark.usefixtures("books")
def test_all_checks_see_one_snapshot_and_cannot_write(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []

    def look() -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute("show transaction_isolation")
            seen.append(cursor.fetchone())
            cursor.execute("show transaction_read_only")
            seen.append(cursor.fetchone())
        return []

    monkeypatch.setattr(checks, "everything", look)
    run("verify_books")
    assert seen == [("repeatable read",), ("on",)]


@pytest.mark.usefixtures("books")
def test_the_application_may_verify_the_books(as_app_role: AsAppRole) -> None:
    with as_app_role():
        assert run("verify_books").endswith("The books are right.\n")


# explain


def test_a_position_is_explained_day_by_day(alice: Customer) -> None:
    position = subscribe(alice, flexible(), 1000, on(0))
    close_to(2)
    said = run("explain", str(position.pk))
    assert said.count("The stored row agrees.") == 2
    assert f"On {day(1)} the balance was never below 1000.00." in said
    assert "Accrued in all: 0.54, by version 1 of the rates." in said


def test_one_day_is_explained_as_json(alice: Customer) -> None:
    position = subscribe(alice, flexible(), 1000, on(0))
    close_to(2)
    said = json.loads(run("explain", str(position.pk), "--json", "--day", str(day(2))))
    assert (said["position"], said["agrees"]) == (position.pk, True)
    (shown,) = said["days"]
    assert shown["day"] == str(day(2))
    assert (shown["interest"], shown["accrued"]) == ("0.27", "0.54")
    assert (shown["agrees"], shown["differences"], shown["chart_version"]) == (True, [], 1)


def test_a_day_that_differs_ends_in_1(alice: Customer) -> None:
    position = subscribe(alice, flexible(), 1000, on(0))
    close_to(2)
    with connection.cursor() as cursor:
        cursor.execute("set local session_replication_role = replica")
        cursor.execute("update earn_accrual set interest = 9 where day = %s", [day(2)])
    failure = fails("explain", str(position.pk), "--json")
    assert failure.returncode == 1
    assert str(failure) == f"Position {position.pk} differs on {day(2)}."


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["7"], "There is no position 7."),
        (["x"], "POSITION is 'x': write a number."),
        (["-7"], "POSITION is '-7': write a number."),
        (["9" * 30], f"POSITION is '{'9' * 30}': write a number."),
        (["7", "--day=1"], "--day is '1': write a date of the calendar, like 2026-01-31."),
    ],
)
def test_what_cannot_be_explained_ends_in_2(words: list[str], says: str) -> None:
    failure = (
        fails("explain", "--", *words) if words == ["-7"] else fails("explain", *words)
    )
    assert (failure.returncode, str(failure)) == (2, says)


# As processes


@pytest.mark.usefixtures("books")
def test_stdout_of_json_is_json_alone_and_bad_input_one_sentence() -> None:
    closed = process("close_day", "--json", "--through", str(day(3)))
    assert (closed.returncode, closed.stderr) == (0, "")
    assert [x["day"] for x in json.loads(closed.stdout)] == [str(day(3))]
    bad = process("close_day", "--through", "2026-02-30")
    assert (bad.returncode, bad.stdout, bad.stderr.count("\n")) == (2, "", 1)


@pytest.mark.usefixtures("books")
def test_verify_books_tells_scripts_by_its_exit_code() -> None:
    right = process("verify_books", "--json")
    assert (right.returncode, right.stderr) == (0, "")
    assert json.loads(right.stdout)["violations"] == 0
    break_the_books()
    wrong = process("verify_books", "--json")
    assert wrong.returncode == 1
    assert json.loads(wrong.stdout)["violations"] >= 12
    assert "Traceback" not in wrong.stderr
