"""A PostgreSQL for the tests, started before pytest-django reads the settings, once for
all workers of xdist. A DATABASE_URL that is set is used instead: its role must be able to
create databases and roles."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import psycopg
import psycopg.sql
import pytest

from config.servers import Postgres

APP_ROLE = "earn_app"


# A wrapper runs before pytest-django's own hook, which reads the settings.
@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None]:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        _prepare()
    yield


def _prepare() -> None:
    home = Path(tempfile.mkdtemp(prefix="earn-test-"))
    home.chmod(0o755)  # the user nobody must reach it when root runs the tests
    atexit.register(shutil.rmtree, home)
    if "DATABASE_URL" in os.environ:
        _use_given()
    else:
        _start(home)
    os.environ["OWNER_DATABASE_URL"] = os.environ["DATABASE_URL"]
    os.environ["EARN_VAR"] = str(home / "var")
    (home / "var" / "static").mkdir(parents=True)
    os.environ["BROKER_URL"] = "memory://"
    os.environ["APP_ROLE"] = APP_ROLE
    os.environ["SECRET_KEY"] = "only-for-tests-" * 3
    os.environ["DEBUG"] = "1"  # static files as they lie in the apps, and no HTTPS


def _start(home: Path) -> None:
    server = Postgres(home / "postgres", durable=False)
    atexit.register(server.stop)
    server.start()
    server.add(role=APP_ROLE, database="earn")
    os.environ["DATABASE_URL"] = server.url()


def _use_given() -> None:
    owner = os.environ.get("OWNER_DATABASE_URL") or os.environ["DATABASE_URL"]
    os.environ["DATABASE_URL"] = owner
    role = psycopg.sql.Identifier(APP_ROLE)
    with psycopg.connect(owner, autocommit=True) as connection:
        known = connection.execute("select 1 from pg_roles where rolname = %s", [APP_ROLE])
        if known.fetchone() is None:
            connection.execute(psycopg.sql.SQL("create role {}").format(role))
