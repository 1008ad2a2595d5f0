"""Everything that ever happened to a customer: what the books say, and orders in vain.

Each event has a type with a stable code, for programs to keep: a code never changes its
meaning and none is taken away; a new one, or another rule, makes VERSION one higher.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from django.db import connection

from earn import chart
from earn.models import Customer, Product
from earn.sql import sql
from ledger.models import Asset

VERSION = 1


class Type(StrEnum):
    DEPOSIT = "DEPOSIT"  # money came into the wallet
    WITHDRAWAL = "WITHDRAWAL"  # money left the wallet
    SUBSCRIPTION = "SUBSCRIPTION"  # from the wallet into a product
    REDEMPTION = "REDEMPTION"  # from a flexible product to the wallet, at once
    REDEMPTION_REQUESTED = "REDEMPTION_REQUESTED"  # left the product, paid on a later day
    REDEMPTION_PAID = "REDEMPTION_PAID"  # what was asked back reached the wallet
    REDEMPTION_CANCELLED = "REDEMPTION_CANCELLED"  # what was asked back stays after all
    EARLY_REDEMPTION = "EARLY_REDEMPTION"  # a fixed term was left before its end
    INTEREST_PAID = "INTEREST_PAID"  # to the wallet, or with a redemption on its way
    INTEREST_CAPITALISED = "INTEREST_CAPITALISED"  # added to the principal of a position
    CLAWBACK = "CLAWBACK"  # interest paid before that an early exit did not earn
    MATURITY_PAID = "MATURITY_PAID"  # principal of a fixed term, paid at its end
    RENEWAL = "RENEWAL"  # principal of a fixed term went on in a new one
    MOVED_TO_FLEXIBLE = "MOVED_TO_FLEXIBLE"  # the same, in the flexible product
    CORRECTION = "CORRECTION"  # mirror image of an earlier entry
    ADJUSTMENT = "ADJUSTMENT"  # anything else in the books
    INSTRUCTION_CHANGED = "INSTRUCTION_CHANGED"  # what happens at maturity; nothing moved
    ORDER_REFUSED = "ORDER_REFUSED"  # nothing moved; the order says why


class Role(StrEnum):
    """What an account is to the customer; HOUSE is any that is not theirs."""

    WALLET = "WALLET"
    FLEXIBLE = "FLEXIBLE"
    FIXED = "FIXED"
    REDEEMING = "REDEEMING"
    HOUSE = "HOUSE"


class Rule(NamedTuple):
    """The type of a posting by the kind of its entry and its two accounts."""

    kind: str
    role_from: Role  # debited
    role_to: Role  # credited
    type: Type


RULES = (
    Rule("DEPOSIT", Role.HOUSE, Role.WALLET, Type.DEPOSIT),
    Rule("WITHDRAW", Role.WALLET, Role.HOUSE, Type.WITHDRAWAL),
    Rule("SUBSCRIBE", Role.WALLET, Role.FLEXIBLE, Type.SUBSCRIPTION),
    Rule("SUBSCRIBE", Role.WALLET, Role.FIXED, Type.SUBSCRIPTION),
    Rule("REDEEM", Role.FLEXIBLE, Role.WALLET, Type.REDEMPTION),
    Rule("REDEEM", Role.FLEXIBLE, Role.REDEEMING, Type.REDEMPTION_REQUESTED),
    Rule("REDEEM", Role.FIXED, Role.WALLET, Type.EARLY_REDEMPTION),
    Rule("REDEEM", Role.FIXED, Role.REDEEMING, Type.EARLY_REDEMPTION),
    Rule("REDEEM", Role.FIXED, Role.HOUSE, Type.CLAWBACK),
    Rule("REDEEM", Role.HOUSE, Role.WALLET, Type.INTEREST_PAID),
    Rule("REDEEM", Role.HOUSE, Role.REDEEMING, Type.INTEREST_PAID),
    Rule("REDEEM", Role.REDEEMING, Role.WALLET, Type.REDEMPTION_PAID),
    Rule("CANCEL", Role.REDEEMING, Role.FLEXIBLE, Type.REDEMPTION_CANCELLED),
    Rule("PAY", Role.HOUSE, Role.WALLET, Type.INTEREST_PAID),
    Rule("MATURE", Role.FIXED, Role.WALLET, Type.MATURITY_PAID),
    Rule("MATURE", Role.FIXED, Role.FIXED, Type.RENEWAL),
    Rule("MATURE", Role.FIXED, Role.FLEXIBLE, Type.MOVED_TO_FLEXIBLE),
    Rule("MATURE", Role.HOUSE, Role.WALLET, Type.INTEREST_PAID),
    Rule("MATURE", Role.HOUSE, Role.FIXED, Type.INTEREST_CAPITALISED),
    Rule("MATURE", Role.HOUSE, Role.FLEXIBLE, Type.INTEREST_CAPITALISED),
)
MOVED_NOTHING = {Type.INSTRUCTION_CHANGED, Type.ORDER_REFUSED}
_IN_PRODUCTS = {Role.FLEXIBLE, Role.FIXED}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ALL = 1_000_000_000  # rows: more than anybody has


class BadCursor(ValueError):
    """No page begins after this."""


class Cursor(NamedTuple):
    """Where a page ends. An event keeps its place for ever: none is lost in between."""

    at: datetime
    source: int
    number: int
    line: int

    def __str__(self) -> str:
        microseconds = (self.at - _EPOCH) // timedelta(microseconds=1)
        return f"{microseconds}.{self.source}.{self.number}.{self.line}"

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """The cursor of that text; raises BadCursor."""
        parts = text.split(".")
        if len(parts) != 4 or not all(_is_number(part) for part in parts):
            raise BadCursor(text)
        try:
            at = _EPOCH + timedelta(microseconds=int(parts[0]))
        except OverflowError as error:
            raise BadCursor(text) from error
        source, number, line = map(int, parts[1:])
        if max(source, line) > 2**31 - 1:
            raise BadCursor(text)
        return cls(at, source, number, line)


@dataclass(frozen=True, slots=True)
class Event:
    """A posting that touched the customer's accounts, or an order that moved nothing.

    `number` is that of the entry or, where nothing moved, of the order.
    """

    at: datetime
    recorded_at: datetime
    source: int
    number: int
    line: int
    type: Type
    asset_id: int | None
    asset: str | None
    scale: int | None
    amount: Decimal | None
    role_from: Role
    role_to: Role
    order_kind: str | None  # where nothing moved
    order_id: int | None
    position_id: int | None
    product_id: int | None
    product: str | None
    account_from: str | None
    account_to: str | None

    @property
    def entry_id(self) -> int | None:
        return None if self.type in MOVED_NOTHING else self.number

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.at, self.source, self.number, self.line)

    @property
    def wallet(self) -> Decimal:
        return self._change({Role.WALLET})

    @property
    def in_products(self) -> Decimal:
        return self._change(_IN_PRODUCTS)

    @property
    def redeeming(self) -> Decimal:
        return self._change({Role.REDEEMING})

    @property
    def total(self) -> Decimal:
        """What it added to all that the customer has."""
        return self.wallet + self.in_products + self.redeeming

    def _change(self, roles: Collection[Role]) -> Decimal:
        amount = self.amount or Decimal(0)
        return amount * ((self.role_to in roles) - (self.role_from in roles))


def happened(
    *,
    customer: Customer,
    types: Collection[Type] | None = None,
    asset: Asset | None = None,
    product: Product | None = None,
    position_id: int | None = None,
    first: date = date.min,
    last: date = date.max,
    before: Cursor | None = None,
    limit: int = _ALL,
) -> list[Event]:
    """Newest first, in one query; with `before`, the page that follows that cursor."""
    parameters: dict[str, Any] = {
        "customer": customer.pk,
        "owner": customer.uuid,
        "wallets": chart.WALLETS,
        "redeeming": chart.REDEEMING,
        "principals": chart.PRINCIPALS,
        "kinds": [rule.kind for rule in RULES],
        "froms": [str(rule.role_from) for rule in RULES],
        "tos": [str(rule.role_to) for rule in RULES],
        "types": [str(rule.type) for rule in RULES],
        "wanted": None if types is None else [str(type) for type in types],
        "asset": asset and asset.pk,
        "product": product and product.pk,
        "position": position_id,
        "first": first,
        "last": last,
        "before": before and before.at,
        "source": before and before.source,
        "number": before and before.number,
        "line": before and before.line,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql("activity"), parameters)
        columns = [c.name for c in cursor.description or ()]
        return list(_events(columns, cursor.fetchall()))


def _events(columns: list[str], rows: list[tuple[object, ...]]) -> Iterator[Event]:
    for row in rows:
        known = dict(zip(columns, row, strict=True))
        known["type"] = Type(str(known["type"]))
        known["role_from"] = Role(str(known["role_from"]))
        known["role_to"] = Role(str(known["role_to"]))
        yield Event(**known)  # type: ignore[arg-type]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19
