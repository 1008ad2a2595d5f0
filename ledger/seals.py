"""The hash chain over the journal: made often, never inside a writing transaction."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection, transaction

from ledger.models import Entry, Seal
from ledger.sql import sql


class SealedLine(NamedTuple):
    """An entry with its hash and the number of its seal; None until it is sealed."""

    entry_id: int
    kind: str
    happened_at: datetime
    seal: int | None
    hash: str | None


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


def last_of_a_day() -> Seal | None:
    """The seal of the last day that was ended."""
    return Seal.objects.filter(day__isnull=False).order_by("-day").first()


def newest_of(owner: UUID, *, limit: int) -> list[SealedLine]:
    """The newest entries that touched the owner's accounts, newest first."""
    with connection.cursor() as cursor:
        cursor.execute(sql("sealed_entries"), {"owner": owner, "limit": limit})
        return [SealedLine(*row) for row in cursor]


def of_entry(entry_id: int) -> SealedLine | None:
    """The entry with its hash and seal; None where there is no such entry."""
    entries = Entry.objects.filter(pk=entry_id).select_related("sealed")
    for entry in entries:
        sealed = getattr(entry, "sealed", None)
        number, text = (
            (sealed.seal_id, bytes(sealed.hash).hex()) if sealed else (None, None)
        )
        return SealedLine(entry.pk, entry.kind, entry.happened_at, number, text)
    return None


def _call(statement: str, parameters: list[date | bytes | None]) -> int | None:
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        row = cursor.fetchone()
        return None if row is None or row[0] is None else int(row[0])
