"""The interest that a customer received in a year, with its value at receipt."""

from earn import statements
from earn.models import Customer
from ledger import balances


def years(customer: Customer) -> list[int]:
    """Those that have a closed day since the customer's first one, the newest first."""
    first, last = balances.first_day_of(customer.uuid), statements.closed_through()
    if first is None or last is None:
        return []
    return list(range(last.year, first.year - 1, -1))
