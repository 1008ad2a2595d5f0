"""Gives the application's role its rights after each migration.

It reads the books and calls the functions that write them; it never inserts, updates,
deletes or truncates there. A server without that role (APP_ROLE) needs no grants.
"""

from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.db import connections
from psycopg import sql


def grant(*, using: str, **_: Any) -> None:
    tables = {"ledger_asset": "select, insert, update"}
    grant_tables(using=using, prefix="ledger_", rights="select", exceptions=tables)
    with connections[using].cursor() as cursor:
        role = sql.Identifier(settings.APP_ROLE) if _role_exists(cursor) else None
        # functions that write run with their owner's rights: nobody else's to call
        cursor.execute(
            """select oid::regprocedure::text from pg_proc
               where pronamespace = 'public'::regnamespace and prosecdef"""
        )
        for (function,) in cursor.fetchall():
            name = sql.SQL(function)
            cursor.execute(sql.SQL("revoke all on function {} from public").format(name))
            if role:
                cursor.execute(
                    sql.SQL("grant execute on function {} to {}").format(name, role)
                )


def grant_tables(
    *, using: str, prefix: str, rights: str, exceptions: dict[str, str] | None = None
) -> None:
    """Grants `rights` on every table and sequence whose name begins with `prefix`."""
    with connections[using].cursor() as cursor:
        if not _role_exists(cursor):
            return
        role = sql.Identifier(settings.APP_ROLE)
        for name, kind in _relations(cursor, prefix):
            wanted = (
                "usage, select" if kind == "S" else (exceptions or {}).get(name, rights)
            )
            on = sql.SQL("sequence" if kind == "S" else "table")
            table = sql.Identifier(name)
            cursor.execute(sql.SQL("revoke all on {} {} from {}").format(on, table, role))
            cursor.execute(
                sql.SQL("grant {} on {} {} to {}").format(sql.SQL(wanted), on, table, role)
            )


def _relations(cursor: Any, prefix: str) -> Collection[tuple[str, str]]:
    cursor.execute(
        """select relname, relkind::text from pg_class
           where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'S')
             and starts_with(relname, %s)""",
        [prefix],
    )
    return list(cursor.fetchall())


def _role_exists(cursor: Any) -> bool:
    cursor.execute("select 1 from pg_roles where rolname = %s", [settings.APP_ROLE])
    return cursor.fetchone() is not None
