"""Databases of their own for simulations, beside the one that is in use.

A scenario has a calendar of its own, which books in use cannot take. A scratch database is
made when it is first needed, made anew when the migrations have changed, and used by one
process at a time: whoever plays in one holds an advisory lock on its number.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import DatabaseError
from psycopg import sql

LOCK = 7304
SLOTS = 4  # simulations side by side; a fifth one waits
LONGEST_NAME = 50  # of PostgreSQL's 63, the rest for our suffix
DUMMY = "django.db.backends.dummy"

Say = Callable[[str], object]


class NoScratchDatabase(Exception):
    """There is none and none can be made; the message says what to do."""


@contextmanager
def scratch_database(*, say: Say) -> Iterator[None]:
    """Leads the default connection to empty books until the block ends.

    Call it outside of transactions. `say` is told what takes long. Raises
    NoScratchDatabase.
    """
    given = settings.SIMULATION_DATABASE
    with _given(given, say) if given["ENGINE"] != DUMMY else _own(say):
        yield


@contextmanager
def _own(say: Say) -> Iterator[None]:
    with closing(connection.copy()) as main:
        slot = _take_slot(main, say, slots=SLOTS)
        name = f"{main.settings_dict['NAME'][:LONGEST_NAME]}_simulation"
        name += f"_{slot}" if slot > 1 else ""
        if not _is_current(main, name):
            _make(main, name, say)
        with _led_to(NAME=name):
            yield


@contextmanager
def _given(database: dict[str, object], say: Say) -> Iterator[None]:
    with _led_to(**database), closing(connection.copy()) as lock:
        _reach(lock)
        _take_slot(lock, say, slots=1)
        stamp = _stamp()
        if stamp is None and _has_tables():
            raise NoScratchDatabase(
                "SIMULATION_DATABASE_URL leads to a database with tables: give it an "
                "empty one, which simulations alone use."
            )
        if stamp != _digest():
            _migrate(say)
        yield


def _reach(database: BaseDatabaseWrapper) -> None:
    try:
        database.ensure_connection()
    except DatabaseError as error:
        reason = str(error).strip().splitlines()[0]
        raise NoScratchDatabase(
            f"SIMULATION_DATABASE_URL does not lead to a database ({reason}): check it and "
            "the server."
        ) from error


def _take_slot(lock: BaseDatabaseWrapper, say: Say, *, slots: int) -> int:
    """The number of a slot that nobody has; it is ours until the connection is closed."""
    with lock.cursor() as cursor:
        for slot in range(1, slots + 1):
            cursor.execute("select pg_try_advisory_lock(%s, %s)", [LOCK, slot])
            if cursor.fetchone() == (True,):
                return slot
        say("Waiting for another simulation to end ...")
        cursor.execute("select pg_advisory_lock(%s, 1)", [LOCK])
        return 1


def _is_current(main: BaseDatabaseWrapper, name: str) -> bool:
    with main.cursor() as cursor:
        cursor.execute("select 1 from pg_database where datname = %s", [name])
        if cursor.fetchone() is None:
            return False
    with _led_to(NAME=name):
        return _stamp() == _digest()


def _make(main: BaseDatabaseWrapper, name: str, say: Say) -> None:
    """Anew, whatever was there: half of one, or one with older functions."""
    try:
        with main.cursor() as cursor:
            for query in (
                "drop database if exists {} with (force)",
                "create database {} template template0 encoding 'UTF8'",
            ):
                cursor.execute(sql.SQL(query).format(sql.Identifier(name)))
    except DatabaseError as error:
        raise NoScratchDatabase(
            f"Simulations need the database {name}, which this role cannot make "
            f"({str(error).strip()}): grant it CREATEDB, or set SIMULATION_DATABASE_URL to "
            "an empty database."
        ) from error
    with _led_to(NAME=name):
        _migrate(say)


def _migrate(say: Say) -> None:
    say(f"Preparing the database {connection.settings_dict['NAME']} for simulations ...")
    call_command("migrate", interactive=False, verbosity=0)
    with connection.cursor() as cursor:  # last, so that half a database is never current
        stamp = sql.Literal(_digest())
        query = sql.SQL("comment on table django_migrations is {}").format(stamp)
        cursor.execute(query)


def _stamp() -> str | None:
    stamp: str | None = _asked(
        "select obj_description(to_regclass('django_migrations'), 'pg_class')"
    )
    return stamp


def _has_tables() -> bool:
    return bool(
        _asked(
            "select exists (select from pg_class where relkind in ('r', 'p')"
            " and relnamespace = 'public'::regnamespace)"
        )
    )


def _asked(query: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query)
        (answer,) = cursor.fetchone()
        return answer


def _digest() -> str:
    """Another one whenever a migration changes, or the SQL that it reads."""
    digest = sha256()
    for app in apps.get_app_configs():
        folder = Path(app.path)
        for path in sorted([*folder.glob("migrations/*.py"), *folder.glob("sql/*.sql")]):
            digest.update(f"{app.label}/{path.name}".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


@contextmanager
def _led_to(**changes: object) -> Iterator[None]:
    """Points the default connection elsewhere until the block ends."""
    before: dict[str, Any] = connection.settings_dict
    connection.close()
    connection.settings_dict = {**before, **changes}
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict = before
