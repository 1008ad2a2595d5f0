"""The hash chain over the journal: made often, never inside a writing transaction."""

from array import array
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction

from ledger.models import Entry, Seal, SealedEntry
from ledger.sql import sql

AT_ONCE = 500  # texts, of a kilobyte or so each


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
    owner: UUID, *, through: date = date.max, at_once: int = AT_ONCE
) -> Iterator[SealedText]:
    """What is hashed of the sealed entries that touched the owner's accounts, by number.

    An entry that touched another owner's accounts too is left out: it would tell of them.
    Which they are is settled at once, their texts are read `at_once`, each time by a query
    of its own: a reader who takes hours holds no transaction open.
    """
    numbers = _sealed_of(owner, through=through)
    return _texts(numbers, at_once)


def text_of(owner: UUID, entry_id: int) -> SealedText | None:
    """That of one entry; None unless `texts_of` the owner would have it."""
    return next(_texts(_sealed_of(owner, entry_id=entry_id), AT_ONCE), None)


def chain_texts(first: int, last: int, *, at_once: int = AT_ONCE) -> Iterator[str]:
    """What is hashed of these seals: each begins with the hash of the text before it.

    They are read `at_once`, and never one that is made while they are read.
    """
    newest_now = newest()
    return _links(first, min(last, newest_now.number if newest_now else 0), at_once)


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


def _sealed_of(
    owner: UUID, *, through: date = date.max, entry_id: int | None = None
) -> "array[int]":
    """Numbers alone, eight bytes each, however many there are."""
    parameters: dict[str, Any] = {"owner": owner, "through": through, "entry": entry_id}
    with connection.cursor() as cursor:
        cursor.execute(sql("sealed_of_owner"), parameters)
        return array("q", (number for (number,) in cursor))


def _texts(numbers: "array[int]", at_once: int) -> Iterator[SealedText]:
    for start in range(0, len(numbers), at_once):
        some = numbers[start : start + at_once].tolist()
        yield from map(SealedText._make, _rows("sealed_texts", entries=some))


def _links(lowest: int, highest: int, at_once: int) -> Iterator[str]:
    """Numbers may have gaps: the next ones begin after the last that was found."""
    while found := _rows("seal_texts", lowest=lowest, highest=highest, limit=at_once):
        yield from (text for _, text in found)
        lowest = found[-1][0] + 1


def _rows(name: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql(name), parameters)
        return list(cursor)


def _call(statement: str, parameters: list[date | bytes | None]) -> int | None:
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        row = cursor.fetchone()
        return None if row is None or row[0] is None else int(row[0])
