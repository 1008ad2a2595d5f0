"""`simulate` and the databases that it plays in."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from subprocess import PIPE, Popen
from threading import Barrier, Thread
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError, connection
from psycopg.errors import OutOfMemory

from earn import checks, simulation
from earn.management import scratch
from earn.management.commands import simulate
from earn.management.scratch import NoScratchDatabase, scratch_database
from earn.models import Customer, Product
from ledger.models import Asset, Entry
from tests.config import processes
from tests.earn.people import customer, fund, money, on

SAVINGS: dict[str, Any] = {
    "asset": {"code": "USD", "scale": 2},
    "product": {
        "kind": "FIXED",
        "day_count": "ACT/365F",
        "tier_mode": "SLICE",
        "compounding": "NONE",
        "payout": "AT_MATURITY",
        "final_rounding": "FLOOR",
        "early_redemption": {"rule": "REDUCED_RATE", "rate": "0.005"},
        "charts": [
            {
                "effective_on": "2026-01-01",
                "rows": [{"term_days": 365, "from": "0", "rate": "0.05"}],
            }
        ],
    },
    "events": [
        {
            "at": "2026-01-01T10:00:00Z",
            "do": "subscribe",
            "amount": "10000.00",
            "term_days": 365,
            "at_maturity": "PAY_OUT",
        },
        {"at": "2026-01-11T09:00:00Z", "do": "redeem", "amount": "ALL"},
        {"at": "2026-01-12T09:00:00Z", "do": "redeem", "amount": "ALL"},
    ],
    "until": "2026-01-13",
}
WALLET = "customer:00000000-0000-0000-0000-000000000001:wallet"
COUNT = "select (select count(*) from ledger_asset) + (select count(*) from ledger_entry)"


@pytest.fixture(scope="module", autouse=True)
def no_database_is_left(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:  # noqa: ARG001
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "select datname from pg_database where datname ~ %s",
            [f"^{connection.settings_dict['NAME']}_simulation"],
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f'drop database "{name}" with (force)')


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "savings.json"
    path.write_text(json.dumps(SAVINGS))
    return path


def run(*words: object) -> str:
    out = StringIO()
    call_command("simulate", *map(str, words), stdout=out, stderr=StringIO())
    return out.getvalue()


def refused(text: str, path: Path) -> str:
    path.write_text(text)
    with pytest.raises(CommandError) as failure:
        run(path)
    assert failure.value.returncode == 2
    return str(failure.value)


def asked(query: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query)
        (answer,) = cursor.fetchone() or (None,)
        return answer


def in_scratch(query: str) -> Any:
    with scratch_database(say=print):
        return asked(query)


# What comes out


@pytest.mark.django_db(transaction=True)
def test_json_has_positions_entries_and_books_as_promised(file: Path) -> None:
    outcome = json.loads(run(file, "--json"))
    assert list(outcome) == ["positions", "entries", "books", "refused"]
    (position,) = outcome["positions"]
    days = position.pop("days")
    assert position == {
        "position": 1,
        "state": "REDEEMED",
        "principal": "0.00",
        "accrued": "0.00",
        "interest_paid": "1.23",
        "received": "10001.23",
        "matures_on": "2027-01-02",
    }
    assert len(days) == 9
    assert days[1] == {
        "day": "2026-01-03",
        "basis": "10000.00",
        "rate": "0.05",
        "interest": "1.37",
        "accrued": "2.73",
    }
    assert outcome["entries"][:2] == [
        {
            "on": "2026-01-01",
            "kind": "DEPOSIT",
            "lines": [["treasury:custody", "10000.00"], [WALLET, "-10000.00"]],
        },
        {
            "on": "2026-01-01",
            "kind": "SUBSCRIBE",
            "lines": [[WALLET, "10000.00"], ["position:1:principal", "-10000.00"]],
        },
    ]
    assert outcome["books"] == "balanced"
    assert outcome["refused"] == [
        {"event": 3, "code": "NOT_REDEEMABLE", "message": "This position is closed."}
    ]


@pytest.mark.django_db(transaction=True)
def test_people_get_a_table(file: Path) -> None:
    lines = run(file).splitlines()
    assert lines[0] == "Position 1: REDEEMED, matures on 2027-01-02"
    assert "  interest paid 1.23" in lines
    assert ["2026-01-03", "10000.00", "0.05", "1.37", "2.73"] in [x.split() for x in lines]
    assert "Refused: event 3, NOT_REDEEMABLE: This position is closed." in lines
    assert lines[-1] == "The books: balanced."


@pytest.mark.django_db(transaction=True)
def test_nothing_remains_here_or_there(file: Path) -> None:
    fund(customer("Alice"), at=on(0))
    run(file)
    assert [Entry.objects.count(), Asset.objects.count()] == [1, 1]
    assert not Product.objects.exists()
    assert in_scratch(COUNT) == 0
    days = "select count(*) from pg_class where relname ~ 'earn_accrual_2'"
    assert in_scratch(days) == 0


@pytest.mark.django_db(transaction=True)
def test_a_scenario_is_played_whatever_the_main_database_holds(file: Path) -> None:
    money("USD", scale=7)
    fund(customer("Alice"), at=on(0), asset=money("USD"))
    assert json.loads(run(file, "--json"))["books"] == "balanced"


@pytest.mark.django_db(transaction=True)
def test_books_that_do_not_balance_end_in_1(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {"positions": [], "entries": [], "books": "account 7: is wrong"}
    monkeypatch.setattr(simulation, "play", lambda _: wrong)
    out = StringIO()
    with pytest.raises(CommandError) as failure:
        call_command("simulate", str(file), "--json", stdout=out)
    assert failure.value.returncode == 1
    assert json.loads(out.getvalue()) == wrong


@pytest.mark.django_db(transaction=True)
def test_a_close_that_finds_a_violation_ends_in_1(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = [checks.Violation("position 7", "was forgotten")]
    monkeypatch.setattr(checks, "of_day", lambda _: wrong)
    with pytest.raises(CommandError) as failure:
        run(file, "--json")
    assert failure.value.returncode == 1
    says = "The close has stopped. 2026-01-01: position 7: was forgotten"
    assert str(failure.value) == says


@pytest.mark.django_db(transaction=True)
def test_more_days_than_the_server_has_locks_for_are_a_sentence(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def play(_: Any) -> None:
        raise OperationalError("out of shared memory") from OutOfMemory()

    monkeypatch.setattr(simulation, "play", play)
    assert refused(file.read_text(), file) == simulate.TOO_LONG


@pytest.mark.django_db(transaction=True)
def test_a_dash_reads_the_scenario_from_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    text = json.dumps(SAVINGS | {"until": "2026-01-03"})
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(text.encode())))
    assert json.loads(run("-", "--json"))["books"] == "balanced"


# What goes in


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "This is not JSON: line 1, column 1: Expecting value."),
        (
            '{"asset":\n  {,}}',
            "This is not JSON: line 2, column 4: Expecting property name enclosed in "
            "double quotes.",
        ),
        ('{"until": NaN}', "NaN is not JSON: write numbers with digits."),
        ('{"until": -Infinity}', "-Infinity is not JSON: write numbers with digits."),
        ('{"a": 1, "b": 2, "a": 3}', '"a" stands twice in one object: which one counts?'),
        ("[" * 200_000, "The JSON is nested too deeply."),
        ("[]", "the scenario: write an object in braces."),
    ],
)
def test_what_is_no_scenario_is_a_sentence(text: str, says: str, tmp_path: Path) -> None:
    assert refused(text, tmp_path / "bad.json") == says


@pytest.mark.parametrize("number", ["100.5", "1e3", "100", "1" * 5000])
def test_an_amount_that_is_a_number_is_refused(number: str, file: Path) -> None:
    text = file.read_text().replace('"10000.00"', number)
    says = 'Write the amount as text, like "1250.50", not as a number.'
    assert refused(text, file) == f"events[1].amount: {says}"


def test_a_rate_that_is_a_number_is_refused(file: Path) -> None:
    text = file.read_text().replace('"0.05"', "0.05")
    assert refused(text, file).startswith(
        "product.charts[1].rows[1].rate: write the annual"
    )


def test_no_number_becomes_a_float() -> None:
    numbers = simulate.parse("[0.1, 1e2, -0.0, 1.0e-400, 7, 123456789012345678901]")
    assert not any(isinstance(number, float) for number in numbers)


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as failure:
        run(tmp_path / "missing.json")
    assert failure.value.returncode == 2
    says = f"{tmp_path}/missing.json cannot be read: No such file or directory."
    assert str(failure.value) == says


def test_a_file_that_is_not_text_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CommandError, match="image is no file of UTF-8 text"):
        run(tmp_path / "image")


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (["asset", "code"], "\x00", "asset.code: write a code"),
        (["asset", "code"], "\ud800", "asset.code: write a code"),
        (["product", "step"], "0", "product.step: write an amount above 0."),
        (["product", "quota"], "0.00", "product.quota: write an amount above 0."),
        (["until"], "0001-01-01", "until: write a year from 1900 to 2199."),
        (["until"], "9999-12-31", "until: write a year from 1900 to 2199."),
        (["events", 0, "at"], "0001-01-01T00:00:00+14:00", "events[1].at: write a moment"),
    ],
)
def test_what_the_database_could_not_take_is_a_sentence(
    path: list[Any], value: str, says: str, file: Path
) -> None:
    document = json.loads(file.read_text())
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    assert refused(json.dumps(document), file).startswith(says)


@pytest.mark.django_db(transaction=True)
def test_an_amount_of_nothing_is_refused_as_a_customer_s_order_is(file: Path) -> None:
    file.write_text(file.read_text().replace('"10000.00"', '"0"'))
    refusals = json.loads(run(file, "--json"))["refused"]
    assert [refusal["code"] for refusal in refusals] == [
        "BELOW_MINIMUM",
        "NOT_REDEEMABLE",
        "NOT_REDEEMABLE",
    ]


# Where it is played


@pytest.mark.django_db(transaction=True)
def test_a_scratch_database_is_made_once_and_again_when_migrations_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    oid = "select oid from pg_database where datname = current_database()"
    first = in_scratch(oid)
    assert in_scratch(oid) == first
    monkeypatch.setattr(scratch, "_digest", lambda: "another one")
    assert in_scratch(oid) != first


@pytest.mark.django_db(transaction=True)
def test_half_a_scratch_database_is_made_anew() -> None:
    with scratch_database(say=print), connection.cursor() as cursor:
        cursor.execute("comment on table django_migrations is null")
        cursor.execute("drop table earn_order cascade")
    assert in_scratch("select count(*) from earn_order") == 0


@pytest.mark.django_db(transaction=True)
def test_two_at_once_play_in_two_databases() -> None:
    both = Barrier(2)
    names = []

    def take() -> None:
        try:
            with scratch_database(say=print):
                names.append(asked("select current_database()"))
                both.wait(timeout=60)
        finally:
            connection.close()

    threads = [Thread(target=take) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    name = connection.settings_dict["NAME"]
    assert sorted(names) == [f"{name}_simulation", f"{name}_simulation_2"]


@pytest.mark.django_db(transaction=True)
def test_when_all_are_taken_it_waits_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "SLOTS", 1)
    said: list[str] = []
    names = []

    def wait() -> None:
        try:
            with scratch_database(say=said.append):
                names.append(asked("select current_database()"))
        finally:
            connection.close()

    with scratch_database(say=print):
        waiter = Thread(target=wait)
        waiter.start()
        waiter.join(0.5)
        assert (waiter.is_alive(), names) == (True, [])
    waiter.join()
    assert names == [f"{connection.settings_dict['NAME']}_simulation"]
    assert said == ["Waiting for another simulation to end ..."]


@pytest.mark.django_db(transaction=True)
def test_a_role_that_may_make_no_database_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scratch, "LONGEST_NAME", 3)  # a name that nobody has made
    monkeypatch.setitem(
        connection.settings_dict, "OPTIONS", {"options": "-c role=earn_app"}
    )
    connection.close()
    says = "grant it CREATEDB, or set SIMULATION_DATABASE_URL to an empty database"
    with pytest.raises(NoScratchDatabase, match=says), scratch_database(say=print):
        pass
    connection.close()


# A database that was given


@pytest.fixture
def given(settings: Any) -> Iterator[str]:
    name = f"{connection.settings_dict['NAME']}_given"
    with closing(connection.copy()) as owner, owner.cursor() as cursor:
        cursor.execute(f'create database "{name}"')
        settings.SIMULATION_DATABASE = connection.settings_dict | {"NAME": name}
        yield name
        connection.close()
        cursor.execute(f'drop database "{name}" with (force)')


@pytest.mark.django_db(transaction=True)
def test_a_given_database_is_prepared_once_and_used(given: str, file: Path) -> None:
    said: list[str] = []
    for _ in range(2):
        with scratch_database(say=said.append):
            assert asked("select current_database()") == given
    assert said == [f"Preparing the database {given} for simulations ..."]
    assert json.loads(run(file, "--json"))["books"] == "balanced"


@pytest.mark.django_db(transaction=True)
def test_a_given_database_that_is_in_use_is_refused(settings: Any, file: Path) -> None:
    settings.SIMULATION_DATABASE = dict(connection.settings_dict)
    says = "SIMULATION_DATABASE_URL leads to a database with tables: give it an empty one"
    assert refused(file.read_text(), file).startswith(says)
    assert not Customer.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_given_database_that_does_not_answer_is_a_sentence(
    settings: Any, file: Path
) -> None:
    settings.SIMULATION_DATABASE = connection.settings_dict | {"NAME": "nowhere"}
    says = "SIMULATION_DATABASE_URL does not lead to a database"
    assert refused(file.read_text(), file).startswith(says)


# As processes


def process(*words: object) -> Popen[str]:
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    url = f"{server}/{connection.settings_dict['NAME']}"
    return Popen(
        [sys.executable, "manage.py", "simulate", *map(str, words)],
        cwd=processes.ROOT,
        env=processes.environment(
            DATABASE_URL=f"{url}?options=-c%20role%3Dearn_app",
            OWNER_DATABASE_URL=url,
            SECRET_KEY=os.environ["SECRET_KEY"],
            BROKER_URL="memory://",
        ),
        stdout=PIPE,
        stderr=PIPE,
        text=True,
    )


@pytest.mark.django_db(transaction=True)
def test_side_by_side_both_play_and_stdout_is_json_alone(file: Path) -> None:
    both = [process(file, "--json") for _ in range(2)]
    said = [one.communicate(timeout=120) for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert said[0][0] == said[1][0]
    assert json.loads(said[0][0])["books"] == "balanced"


@pytest.mark.django_db(transaction=True)
def test_bad_input_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{")
    bad = process(tmp_path / "bad.json", "--json")
    out, err = bad.communicate(timeout=120)
    assert (bad.returncode, out, err.count("\n")) == (2, "", 1)
    assert "This is not JSON: line 1, column 2" in err
