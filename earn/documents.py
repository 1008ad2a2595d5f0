"""Documents that anyone can check: content with its hash, as JSON and as CSV.

Figures are plain decimals with a point, moments are UTC, codes are the same in every
language: the same content gives the same bytes.
"""

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from ledger.exports import guarded

Document = dict[str, Any]
_FIGURES = {
    "amount",
    "wallet",
    "in_products",
    "redeeming",
    "worth",
    "price",
    "currency_price",
}


def hashed(content: Document) -> Document:
    """The content with the SHA-256 of its canonical JSON."""
    return content | {"sha256": sha256(content)}


def sha256(content: Document) -> str:
    """Of keys in order, no spaces, UTF-8, and without the field `sha256` itself."""
    rest = {key: value for key, value in content.items() if key != "sha256"}
    canonical = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def as_json(document: Document) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def as_csv(columns: Iterable[str], rows: Iterable[Document]) -> bytes:
    """CSV of rows by column. Texts are guarded against being taken for formulas."""
    columns = list(columns)
    text = StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(name, row.get(name)) for name in columns])
    return text.getvalue().encode()


def _cell(column: str, value: object) -> object:
    """Figures stay numbers, a minus before them or not."""
    return value if column in _FIGURES else guarded(value)


def about(document: Document) -> Iterator[Document]:
    """Rows that describe the document: one for each of its plain fields."""
    for name, value in document.items():
        if name == "seal":
            for part, known in value.items():
                yield {"record": "ABOUT", "type": f"seal_{part}", "value": known}
        elif not isinstance(value, list):
            yield {"record": "ABOUT", "type": name, "value": value}


def moment(at: datetime) -> str:
    """A moment in UTC as ISO 8601 has it, to the microsecond."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
