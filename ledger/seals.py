"""The hash chain over the journal: made often, never inside a writing transaction."""

from collections.abc import Iterable
from datetime import date

from django.db import connection, transaction

from ledger.models import Seal


def seal() -> int | None:
    """Seals every entry that waits for one; the seal's number, or None if none waits."""
    return _call("select ledger_seal_entries()", [])


def seal_day(day: date, *, attests: bytes | None = None) -> int | None:
    """The seal that ends a day; the same one however often it is asked for.

    `attests` is a digest of rows outside the journal that the day rests on.
    """
    return _call("select ledger_seal_entries(%s, %s)", [day, attests])


def of_days(days: Iterable[date]) -> dict[date, Seal]:
    """The seals that end these days, where they are made."""
    return {seal.day: seal for seal in Seal.objects.filter(day__in=days) if seal.day}


def _call(statement: str, parameters: list[date | bytes | None]) -> int | None:
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        row = cursor.fetchone()
        return None if row is None or row[0] is None else int(row[0])
