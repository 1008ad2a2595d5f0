"""The chart of accounts: which ledger account is whose. Codes are spelled here alone."""

import re

from earn.models import Customer, Position, Product
from ledger.posting import AccountName

WALLETS = "customer:*:wallet"
REDEEMING = "customer:*:redeeming"
PRINCIPALS = "position:*:principal"
BUDGETS = "budget:*"


def wallet(customer: Customer, asset_id: int) -> AccountName:
    """Free money of the customer."""
    code = f"customer:{customer.uuid}:wallet"
    return AccountName(asset_id, code, "LIABILITY", WALLETS, customer.uuid, guarded=True)


def redeeming(customer: Customer, asset_id: int) -> AccountName:
    """Asked back, not yet due."""
    code = f"customer:{customer.uuid}:redeeming"
    return AccountName(asset_id, code, "LIABILITY", REDEEMING, customer.uuid, guarded=True)


def principal(position: Position) -> AccountName:
    """Money in a position; its owner is the customer."""
    asset_id = position.product.asset_id
    code = f"position:{position.pk}:principal"
    return AccountName(
        asset_id, code, "LIABILITY", PRINCIPALS, position.customer.uuid, guarded=True
    )


def accrued(product: Product) -> AccountName:
    """Interest owed and not yet paid: the control account over the accrual rows."""
    return AccountName(product.asset_id, f"product:{product.code}:accrued", "LIABILITY")


def interest(product: Product) -> AccountName:
    """Cost of interest."""
    return AccountName(product.asset_id, f"product:{product.code}:interest", "EXPENSE")


def custody(asset_id: int) -> AccountName:
    """The coins that stand behind what customers hold."""
    return AccountName(asset_id, "treasury:custody", "ASSET")


def is_of_interest(code: str | None) -> bool:
    """Whether what customers receive from the account, or give back to it, is interest."""
    return bool(re.fullmatch(r"product:.+:(accrued|interest)", code or ""))
