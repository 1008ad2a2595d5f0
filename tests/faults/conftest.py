import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from psycopg import sql

from config.servers import Valkey
from earn import close
from tests.config import processes
from tests.earn import people
from tests.faults import business as stories
from tests.faults.business import Business
from tests.faults.crew import Broker, Crew, wait_until
from tests.faults.locks import address

PASSWORD = "only-for-tests"


@pytest.fixture(scope="session", autouse=True)
def nobody_waits_for_ever() -> Iterator[None]:
    def bound(connection: BaseDatabaseWrapper, **_: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("set lock_timeout = '60s'")

    connection_created.connect(bound)
    yield
    connection_created.disconnect(bound)


@pytest.fixture(scope="session")
def worker_url(django_db_setup: None) -> Iterator[str]:  # noqa: ARG001
    """The test database as somebody who has the application's rights and no more."""
    name = f"earn_tests_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    known = address()
    role = sql.Identifier(name)
    with psycopg.connect(**known, autocommit=True) as owner:
        owner.execute(sql.SQL("drop role if exists {}").format(role))
        owner.execute(
            sql.SQL("create role {} login password {} in role earn_app").format(
                role, PASSWORD
            )
        )
        place = f"{known['host']}:{known['port'] or 5432}/{known['dbname']}"
        yield f"postgresql://{name}:{PASSWORD}@{place}"
        owner.execute(sql.SQL("drop role {}").format(role))


@pytest.fixture(scope="session")
def the_broker() -> Iterator[Broker]:
    home = Path(tempfile.mkdtemp(prefix="earn-faults-broker-"))
    server = Valkey(home)
    server.start()
    broker = Broker(server)
    yield broker
    broker.close()
    server.stop()
    shutil.rmtree(home)


@pytest.fixture
def broker(the_broker: Broker) -> Broker:
    """Empty of what other tests have left in it."""
    the_broker.lose_everything()
    return the_broker


@pytest.fixture(scope="session")
def crew(
    worker_url: str, the_broker: Broker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Crew]:
    env = processes.environment(
        DATABASE_URL=worker_url,
        BROKER_URL=the_broker.url,
        SECRET_KEY="only-for-tests-" * 3,
        EARN_VAR=os.environ["EARN_VAR"],
    )
    crew = Crew(env=env, home=tmp_path_factory.mktemp("crew"))
    yield crew
    crew.end()


@pytest.fixture
def business(db: None) -> Business:  # noqa: ARG001
    return stories.arrange()


@pytest.fixture
def undisturbed(business: Business) -> dict[str, Any]:
    """The picture of the business after a close in which nothing went wrong."""
    return stories.undisturbed(business)


@pytest.fixture
def closes(crew: Crew, business: Business) -> Callable[[], None]:
    """Waits until the day is closed."""

    def act(day: Any = None) -> None:
        wanted = day or business.day
        try:
            wait_until(
                lambda: close.stage_of(wanted) == close.Stage.CLOSED, f"{wanted} is closed"
            )
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{crew.said()}") from failure

    return act


@pytest.fixture
def right(undisturbed: dict[str, Any]) -> Callable[[], None]:
    """Demands that all is as if nothing had happened, each thing there once."""

    def act() -> None:
        assert stories.differences(undisturbed) == {}
        assert people.broken() == []

    return act
