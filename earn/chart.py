"""The chart of accounts: which ledger account is whose. Codes are spelled here alone."""

import re

from earn.models import Customer, Position, Product
from ledger.posting import AccountName

WALLETS = "customer:*:wallet"
REDEEMING = "customer:*:redeeming"
PRINCIPALS = "position:*:principal"
BUDGETS = "budget:*"

CUSTODY = "treasury:custody"
DEPLOYED = "treasury:deployed:"  # and the venue
YIELDS = "income:yield:"  # and the venue
ACCRUED = "product:%:accrued"  # as patterns of SQL
INTEREST = "product:%:interest"


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
    return AccountName(asset_id, CUSTODY, "ASSET")


HOUSE = {
    CUSTODY: "ASSET",
    "suspense": "LIABILITY",
    "income:fees": "INCOME",
    "income:penalties": "INCOME",
    "expense:marketing": "EXPENSE",
    "expense:losses": "EXPENSE",
    "equity:opening": "EQUITY",
}
_VENUES = {DEPLOYED: "ASSET", YIELDS: "INCOME"}


def house(asset_id: int, code: str) -> AccountName:
    """An account of the house that staff may name. Raises LookupError for any other."""
    family, colon, venue = code.rpartition(":")
    kind = HOUSE.get(code) or (is_venue(venue) and _VENUES.get(family + colon)) or ""
    if not kind:
        raise LookupError(f"{code} is no account that may be named by hand")
    return AccountName(asset_id, code, kind)


def deployed(asset_id: int, venue: str) -> AccountName:
    """Coins that work at a venue."""
    return house(asset_id, f"{DEPLOYED}{venue}")


def earned_at(asset_id: int, venue: str) -> AccountName:
    """What the coins at a venue have earned."""
    return house(asset_id, f"{YIELDS}{venue}")


def venue_of(code: str) -> str:
    """The venue whose account of the house this is; nothing of any other."""
    family, colon, venue = code.rpartition(":")
    return venue if family + colon in _VENUES else ""


def is_venue(name: str) -> bool:
    return bool(re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", name))


def is_of_interest(code: str | None) -> bool:
    """Whether what customers receive from the account, or give back to it, is interest."""
    return bool(re.fullmatch(r"product:.+:(accrued|interest)", code or ""))


def family(heading: str) -> str:
    """The line of a report that a heading belongs to: product:*:interest."""
    for pattern, name in _FAMILIES:
        if re.fullmatch(pattern, heading):
            return name
    return heading


_FAMILIES = (
    (r"product:.+:accrued", "product:*:accrued"),
    (r"product:.+:interest", "product:*:interest"),
    (r"treasury:deployed:.+", "treasury:deployed:*"),
    (r"income:yield:.+", "income:yield:*"),
)
