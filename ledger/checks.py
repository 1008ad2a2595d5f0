"""The books check themselves: each invariant is a query that returns what is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from django.db import connection

from ledger.sql import sql

_FOLDER = Path(__file__).parent / "sql" / "checks"


class Violation(NamedTuple):
    """`subject` names the row, `detail` says what it should have been."""

    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class Check:
    """One invariant. `name` is the file that finds violations, `says` what must hold."""

    name: str
    says: str
    folder: Path = _FOLDER

    def violations(
        self, parameters: Mapping[str, Any] | None = None, *, limit: int = 1000
    ) -> list[Violation]:
        return found_by([self], parameters or {}, limit=limit)


def found_by(
    checks: Sequence[Check], parameters: Mapping[str, Any], *, limit: int = 1000
) -> list[Violation]:
    """What several checks find, asked in one statement."""
    texts = [f"({sql(x.name, folder=x.folder)}\n)" for x in checks]
    with connection.cursor() as cursor:
        cursor.execute(" union all ".join(texts), parameters)
        return [Violation(str(a), str(b)) for a, b in cursor.fetchmany(limit)]


CHECKS = (
    Check(
        "balances", "a balance equals the sum of its postings, its version their entries"
    ),
    Check("overdrawn", "no guarded account is below zero"),
    Check("entries", "an entry has its lines, on its day, in whole units of the asset"),
    Check("equation", "assets + expense = liabilities + equity + income, per asset"),
    Check(
        "day_balances", "balances and totals of ended days equal the postings up to them"
    ),
    Check("seals", "every entry is sealed or queued, and every seal can be made again"),
)
