import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.db.backends.postgresql.operations import DatabaseOperations
from psycopg.pq import TransactionStatus

from config.servers import Valkey

OURS = """
    select relname from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
      and not relispartition and relname ~ '^(earn|ledger)_'
"""
DAY_TABLES = """
    select relname from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r'
      and relname ~ '^earn_accrual_[0-9]{8}$'
"""


@pytest.fixture(scope="session", autouse=True)
def the_owner_may_truncate_between_tests() -> Iterator[None]:
    """The ledger forbids TRUNCATE by triggers, which Django's flush needs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "execute_sql_flush", flush)
        yield


def flush(operations: DatabaseOperations, sql_list: list[str]) -> None:
    with (
        transaction.atomic(using=operations.connection.alias),
        operations.connection.cursor() as cursor,
    ):
        cursor.execute("reset role")
        cursor.execute("set local session_replication_role = replica")
        cursor.execute("set local lock_timeout = '30s'")  # else a forgotten thread hangs us
        cursor.execute(DAY_TABLES)
        for (name,) in cursor.fetchall():
            cursor.execute(f'drop table "{name}"')
        cursor.execute(OURS)  # unmanaged tables too
        tables = ", ".join(f'"{name}"' for (name,) in cursor.fetchall())
        if tables:
            cursor.execute(f"truncate {tables} cascade")
        for sql in sql_list:
            cursor.execute(sql)


@pytest.fixture
def as_app_role() -> Callable[[], AbstractContextManager[None]]:
    """`with as_app_role(): ...` runs the block with the application's rights."""

    @contextmanager
    def act() -> Iterator[None]:
        with connection.cursor() as cursor:
            cursor.execute("set role earn_app")
        try:
            yield
        finally:
            leave_role()

    return act


def leave_role() -> None:
    # The rollback of a transaction that failed takes the role back by itself.
    if connection.connection.info.transaction_status != TransactionStatus.INERROR:
        with connection.cursor() as cursor:
            cursor.execute("reset role")


@pytest.fixture(scope="session")
def broker_url() -> Iterator[str]:
    home = Path(tempfile.mkdtemp(prefix="earn-broker-"))
    server = Valkey(home)
    server.start()
    yield server.url()
    server.stop()
    shutil.rmtree(home)
