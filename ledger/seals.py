"""The hash chain over the journal: made often, never inside a writing transaction."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction

from ledger.models import Entry, Seal, SealedEntry
from ledger.sql import sql


class SealedLine(NamedTuple):
    """An entry with its hash and the number of its seal; None until it is sealed."""

    entry_id: int
    kind: str
    happened_at: datetime
    seal: int | None
    hash: str | None


class SealedText(NamedTuple):
    """The very text of an entry whose SHA-256 is its `hash`, the `place`th of its seal."""

    entry_id: int
    seal: int
    place: int
    hash: str
    text: str


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


def texts_of(
    owner: UUID, *, through: date = date.max, entry_id: int | None = None
) -> list[SealedText]:
    """What is hashed of the sealed entries that touched the owner's accounts, by number.

    An entry that touched another owner's accounts too is left out: it would tell of them.
    """
    parameters: dict[str, Any] = {"owner": owner, "through": through, "entry": entry_id}
    with connection.cursor() as cursor:
        cursor.execute(sql("sealed_texts"), parameters)
        return [SealedText(*row) for row in cursor]


def chain_texts(first: int, last: int) -> list[str]:
    """What is hashed of these seals: each begins with the hash of the text before it."""
    with connection.cursor() as cursor:
        cursor.execute(sql("seal_texts"), {"lowest": first, "highest": last})
        return [text for (text,) in cursor]


def hashes_of(number: int) -> Iterator[str]:
    """The hashes of the entries of a seal, in the order in which its root covers them."""
    rows = SealedEntry.objects.filter(seal_id=number).order_by("position", "entry_id")
    for found in rows.values_list("hash", flat=True).iterator():
        yield bytes(found).hex()


def numbered(number: int) -> Seal | None:
    return Seal.objects.filter(number=number).first()


def newest() -> Seal | None:
    return Seal.objects.order_by("-number").first()


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
