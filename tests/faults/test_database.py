"""PostgreSQL that ends a session, or dies itself, in the middle of a close."""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import psycopg
import pytest
from django.core.management import call_command
from django.db import OperationalError, connection

from config.servers import HOST, Postgres, command_of
from earn import close
from tests.earn import people
from tests.faults import business as stories
from tests.faults.business import Business, picture
from tests.faults.crew import Broker, Crew, wait_until
from tests.faults.locks import AT, are_gone, held, outcome, reached, threads

pytestmark = pytest.mark.django_db(transaction=True, reset_sequences=True)


@pytest.mark.parametrize("place", ["accrue", "attach", "interest", "mature"])
def test_a_close_goes_on_with_the_next_driver_when_its_session_was_ended(
    place: str,
    crew: Crew,
    broker: Broker,
    business: Business,
    closes: Callable[[], None],
    right: Callable[[], None],
) -> None:
    crew.work()
    AT[place].bring(business)
    before = picture()
    with held(AT[place].lock(business)) as hold:
        broker.drive(business.day, business.morning)
        stopped = hold.stopped()
        broker.lose_everything()  # or the worker would go on with the other chunks
        end_sessions(stopped)
    assert picture() == before
    broker.drive(business.day, business.morning)
    closes()
    right()


def end_sessions(pids: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select pg_terminate_backend(pid) from unnest(%s) pid", [pids])
    wait_until(lambda: are_gone(pids), "the sessions have ended")


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server of its own, on which COMMIT stops between the disk and the answer: it waits
    for a copy that does not exist. `synchronous_commit` exempts all sessions but one."""
    home = Path(tempfile.mkdtemp(prefix="earn-faults-postgres-"))
    home.chmod(0o755)  # the user nobody must reach it
    server = Postgres(home)
    server.start()
    server.add(role="earn_app", database="earn")
    with psycopg.connect(server.url(), autocommit=True) as owner:
        owner.execute("alter database earn set synchronous_commit = local")
        owner.execute("alter system set synchronous_standby_names = 'nobody'")
    kill(server)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(home)


@pytest.fixture
def elsewhere(server: Postgres, db: None) -> Iterator[None]:  # noqa: ARG001
    """All of Django's connections lead to that server."""
    connection.close()
    known = {"HOST": HOST, "PORT": str(server.port), "USER": "earn", "NAME": "earn"}
    secret = (server.home / "earn.password").read_text()
    with patch.dict(connection.settings_dict, known | {"PASSWORD": secret}):
        try:
            call_command("migrate", verbosity=0)
            yield
            call_command("flush", verbosity=0, interactive=False)
        finally:
            connection.close()


def kill(server: Postgres, first: Iterable[int] = ()) -> None:
    """SIGKILL for the postmaster; its children end when they notice.

    `first` are sessions that stop before: of two that notice, one could still take the lock
    of the other, and commit.
    """
    pid = int(server.pid_file.read_text().splitlines()[0])
    assert server.mark in command_of(pid)
    for session in first:
        os.kill(session, signal.SIGSTOP)
    os.kill(pid, signal.SIGKILL)
    for session in first:
        os.kill(session, signal.SIGKILL)
    wait_until(lambda: not command_of(pid), "the server is dead")


def start_again(server: Postgres) -> None:
    connection.close()
    server.start()
    connection.settings_dict["PORT"] = str(server.port)


def test_a_server_killed_in_the_commit_of_any_step_has_that_step_once(
    server: Postgres,
    elsewhere: None,  # noqa: ARG001
) -> None:
    business = stories.arrange()
    expected = stories.undisturbed(business)
    stages = [reached(business)[0]]
    while stages[-1] != close.Stage.CLOSED:
        before = picture()
        with threads() as start:
            closing = start(lambda: step(business))
            wait_until(commit_waits, "a commit is on disk and not answered")
            kill(server)
            assert isinstance(outcome(closing), OperationalError)
        start_again(server)
        assert picture() != before
        stages.append(reached(business)[0])
    assert set(stages) == {None, "ACCRUE", "POST", "PAY", "MATURE", "CLOSED"}
    assert stories.differences(expected) == {}
    assert people.broken() == []


def step(business: Business) -> None:
    with connection.cursor() as cursor:
        cursor.execute("set synchronous_commit = on")
    close.advance(business.day, reached(business)[0], at=business.morning, chunk=8)


def commit_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("select from pg_stat_activity where wait_event = 'SyncRep'")
        return cursor.fetchone() is not None


def test_a_server_killed_before_a_commit_has_nothing_of_it(
    server: Postgres,
    elsewhere: None,  # noqa: ARG001
) -> None:
    business = stories.arrange()
    expected = stories.undisturbed(business)
    AT["mature"].bring(business)
    before = picture()
    with threads() as start:
        with suppress(psycopg.OperationalError), held(AT["mature"].lock(business)) as hold:
            closing = start(lambda: step(business))
            kill(server, first=hold.stopped())
        assert isinstance(outcome(closing), OperationalError)
    start_again(server)
    assert picture() == before
    list(close.close_through(business.day, at=business.morning))
    assert stories.differences(expected) == {}
    assert people.broken() == []
