"""How much an operation may move at once and on a day."""

from datetime import datetime
from typing import Any

from earn.models import Operation, OperationLimit
from earn.operations.outcome import Change, Impossible, Outcome, amount_of, asset_of
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
    return Outcome(subject=subject, changes=changes)
