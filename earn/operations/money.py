"""Money into and out of a customer's wallet, by hand."""

from datetime import datetime
from typing import Any

from earn import funds
from earn.operations.outcome import Outcome, amount_of, asset_of, customer_of


def deposit(request: dict[str, Any], *, key: str, at: datetime) -> Outcome:
    """`customer`, `asset`, `amount`."""
    return _move(funds.deposit, request, key=key, at=at)


def withdraw(request: dict[str, Any], *, key: str, at: datetime) -> Outcome:
    """`customer`, `asset`, `amount`."""
    return _move(funds.withdraw, request, key=key, at=at)


def _move(move: Any, request: dict[str, Any], *, key: str, at: datetime) -> Outcome:
    customer, asset = customer_of(request), asset_of(request)
    amount = amount_of(request, "amount", asset)
    order = move(customer=customer, asset=asset, amount=amount, key=key, at=at)
    return Outcome(
        subject=f"customer:{customer.pk}",
        entries=[order.entry_id],
        asset=asset,
        amount=amount,
    )
