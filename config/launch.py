"""What a command line needs before Django starts: a database, its role, its tables."""

import errno
import os
import signal
import subprocess
import sys
from typing import Any

import psycopg

from config import embedded
from config import environment as env
from config.servers import ServerError

OFFLINE = frozenset(
    {
        "check",
        "collectstatic",
        "compilemessages",
        "diffsettings",
        "findstatic",
        "help",
        "makemessages",
        "makemigrations",
        "startapp",
        "version",
    }
)
BY_OWNER = frozenset({"migrate", "simulate", "sqlmigrate", "sqlflush", "flush", "test"})
WITHOUT_TABLES = frozenset({"migrate", "simulate", "sqlmigrate", "test"})
OLDEST = 15


def manage(arguments: list[str]) -> None:
    try:
        prepare(arguments)
    except (env.BadSetting, ServerError) as error:
        env.stop(error)
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    try:
        execute_from_command_line(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough, like `head`
        forsake_output()
        sys.exit(128 + signal.SIGPIPE)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        env.stop(
            f"The database did not go on ({reason}): see that its server is well, then run "
            "this again. What was done stays done, what was not is undone."
        )
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EIO}:
            raise
        forsake_output()
        env.stop(f"The output is cut off ({error.strerror}): make room, then run it again.")


def forsake_output() -> None:
    """At its end Python would try once more to write what is left, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def prepare(arguments: list[str]) -> None:
    command = arguments[1] if len(arguments) > 1 else "help"
    if command in OFFLINE or command.startswith("-") or {"--help", "-h"} & {*arguments}:
        return
    ours = not env.text("DATABASE_URL")
    embedded.ensure()
    if command in BY_OWNER and env.text("OWNER_DATABASE_URL"):
        os.environ["DATABASE_URL"] = env.text("OWNER_DATABASE_URL")
    reach("DATABASE_URL").close()
    if command not in WITHOUT_TABLES:
        check_tables(may_migrate=ours)


def reach(name: str) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection to the database that the variable names. Raises BadSetting."""
    try:
        env.database(name)
        connection = psycopg.connect(env.text(name), connect_timeout=10, autocommit=True)
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[0]
        sentence = (
            f"{name} does not lead to a database ({reason}): check it and the server."
        )
        raise env.BadSetting(sentence) from error
    if connection.info.server_version < OLDEST * 10_000:
        raise env.BadSetting(
            f"{name} leads to a PostgreSQL older than {OLDEST}: upgrade it."
        )
    return connection


def check_tables(*, may_migrate: bool) -> None:
    """The embedded database is migrated unasked; a real one is for its owner to migrate."""
    with reach("OWNER_DATABASE_URL" if may_migrate else "DATABASE_URL") as connection:
        # A second command waits here, and then finds nothing left to do.
        connection.execute("select pg_advisory_lock(hashtext('earn.migrate'))")
        lacking = unapplied(connection)
        if lacking and may_migrate:
            migrate()
        elif lacking:
            raise env.BadSetting(
                f"The database lacks {lacking} migrations: first run `manage.py migrate` "
                "with OWNER_DATABASE_URL set to its owner."
            )


def unapplied(connection: psycopg.Connection[tuple[Any, ...]]) -> int:
    import django
    from django.db.migrations.loader import MigrationLoader

    django.setup()
    try:
        applied = {*connection.execute("select app, name from django_migrations")}
    except psycopg.errors.UndefinedTable:
        applied = set()
    except psycopg.errors.InsufficientPrivilege:  # a stricter owner: his to know
        return 0
    known = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    return sum(key not in applied and not known[key].replaces for key in known)


def migrate() -> None:
    command = [sys.executable, str(env.ROOT / "manage.py"), "migrate", "--noinput", "-v0"]
    done = subprocess.run(command, stdout=sys.stderr, check=False)
    if done.returncode:
        raise ServerError("The embedded database could not be migrated: see above.")
