"""The books against their sub-ledgers: each control account and what it controls."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db import connection, transaction

from earn import audit, breaks, checks
from earn.audit import Actor, Itself
from earn.models import Break, Reconciliation
from earn.sql import sql
from ledger.models import Asset
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
    def subject(self) -> str:
        """As a break names it."""
        return f"{self.control} = {self.against}"

    @property
    def difference(self) -> Decimal:
        return self.books - self.subledger


def compare() -> list[Compared]:
    """Each control account of each asset beside the sum of its sub-ledger, now."""
    day = checks.accrued_through() or date.min
    with connection.cursor() as cursor:
        cursor.execute(sql("subledgers"), {"day": day})
        return [Compared(*row) for row in cursor]


def run(*, by: Actor | Itself) -> Reconciliation:
    """Compares and checks in one snapshot, and keeps what it came to and its breaks."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("set transaction isolation level repeatable read")
        breaks.one_at_a_time()  # before the snapshot begins
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
            after={"violations": made.violations} | _settled(compared, found, by),
        )
        return made


def _settled(
    compared: list[Compared], found: list[checks.Result], by: Actor | Itself
) -> dict[str, int]:
    """Breaks as they are to be after the comparison; how many were opened and closed."""
    assets = dict(Asset.objects.values_list("code", "pk"))
    controls = {
        (assets[x.asset], x.subject): (x.subledger, x.books)
        for x in compared
        if x.difference
    }
    principals = _principals_apart() if _is_violated("principal", found) else {}
    counts = [
        breaks.settle(Break.Kind.CONTROL, controls, by=by),
        breaks.settle(Break.Kind.PRINCIPAL, principals, by=by),
    ]
    opened, closed = (sum(x) for x in zip(*counts, strict=True))
    return {"breaks_opened": opened, "breaks_closed": closed}


def _is_violated(name: str, found: list[checks.Result]) -> bool:
    return any(wrong for check, wrong in found if check.name == name)


def _principals_apart() -> dict[breaks.Subject, breaks.Figures]:
    with connection.cursor() as cursor:
        cursor.execute(sql("principals_apart"))
        return {(asset, code): (says, holds) for asset, code, says, holds in cursor}


def _figures(x: Compared) -> dict[str, str]:
    return {
        "asset": x.asset,
        "control": x.control,
        "against": x.against,
        "books": plain(x.books),
        "subledger": plain(x.subledger),
        "difference": plain(x.difference),
    }
