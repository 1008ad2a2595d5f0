"""The books against their sub-ledgers: each control account and what it controls."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db import connection, transaction

from earn import audit, checks
from earn.audit import Actor
from earn.models import Reconciliation
from earn.sql import sql
from ledger.money import plain

_NAMED = 10  # of what a check finds


class Compared(NamedTuple):
    """`against` says which rows make up the sub-ledger: accounts, positions, ..."""

    asset: str
    control: str
    against: str
    books: Decimal
    subledger: Decimal

    @property
    def difference(self) -> Decimal:
        return self.books - self.subledger


def compare() -> list[Compared]:
    """Each control account of each asset beside the sum of its sub-ledger, now."""
    day = checks.accrued_through() or date.min
    with connection.cursor() as cursor:
        cursor.execute(sql("subledgers"), {"day": day})
        return [Compared(*row) for row in cursor]


def run(*, by: Actor) -> Reconciliation:
    """Compares and checks in one snapshot, and keeps what it came to."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("set transaction isolation level repeatable read")
        compared = compare()
        found = list(checks.of_ledgers())
        differing = sum(1 for x in compared if x.difference)
        made = Reconciliation.objects.create(
            at=by.at,
            by=by.user,
            figures=[_figures(x) for x in compared],
            checks=[
                {
                    "check": check.name,
                    "says": check.says,
                    "violations": len(wrong),
                    "first": [list(x) for x in wrong[:_NAMED]],
                }
                for check, wrong in found
            ],
            violations=differing + sum(len(wrong) for _check, wrong in found),
        )
        audit.record(
            by,
            "RECONCILE",
            f"reconciliation:{made.pk}",
            after={"violations": made.violations},
        )
        return made


def _figures(x: Compared) -> dict[str, str]:
    return {
        "asset": x.asset,
        "control": x.control,
        "against": x.against,
        "books": plain(x.books),
        "subledger": plain(x.subledger),
        "difference": plain(x.difference),
    }
