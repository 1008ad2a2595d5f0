"""How much an operation may move at once and on a day."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from earn.models import Operation, OperationLimit
from earn.operations.outcome import (
    Change,
    Impossible,
    Outcome,
    Unusual,
    amount_of,
    asset_of,
)
from ledger.money import plain

MONEY = {
    Operation.DEPOSIT,
    Operation.WITHDRAWAL,
    Operation.ADJUSTMENT,
    Operation.REVERSAL,
    Operation.DEPLOY,
    Operation.RECALL,
    Operation.YIELD,
}


def set_limit(request: dict[str, Any], *, key: str, at: datetime) -> Outcome:  # noqa: ARG001
    """`limited` (an operation that moves money), `asset`, `at_once`, `a_day`."""
    operation, asset = str(request.get("limited") or ""), asset_of(request)
    if operation not in MONEY:
        raise Impossible("Only operations that move money have limits.")
    at_once = amount_of(request, "at_once", asset)
    a_day = amount_of(request, "a_day", asset)
    if a_day < at_once:
        raise Impossible("The limit of a day holds one operation at least.")
    known = OperationLimit.objects.select_for_update().filter(
        operation=operation, asset=asset
    )
    before = known.first()
    subject = f"limit:{operation}:{asset.code}"
    changes = [
        Change(subject, name, plain(getattr(before, name)) if before else "none", plain(to))
        for name, to in (("at_once", at_once), ("a_day", a_day))
    ]
    OperationLimit.objects.update_or_create(
        operation=operation, asset=asset, defaults={"at_once": at_once, "a_day": a_day}
    )
    raised = _raised(before, at_once, a_day)
    return Outcome(subject=subject, changes=changes, unusual=raised)


def _raised(
    before: OperationLimit | None, at_once: Decimal, a_day: Decimal
) -> Unusual | None:
    """Where there was no limit, none is raised."""
    if before is None:
        return None
    if at_once > before.at_once:
        return Unusual("This raises the limit at once.", plain(at_once))
    if a_day > before.a_day:
        return Unusual("This raises the limit of a day.", plain(a_day))
    return None
