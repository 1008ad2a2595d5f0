"""What an operation says it did, and how it reads what it was asked."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction

from earn.models import Customer, Product
from ledger.models import Asset
from ledger.money import parse_amount
from ledger.posting import constraint_of


class Impossible(Exception):
    """The operation cannot be carried out as it is asked; the message says why."""


@dataclass(frozen=True, slots=True)
class Change:
    """A figure or state that is not money: `subject` as the audit trail names it."""

    subject: str
    what: str
    before: str
    after: str

    def as_json(self) -> dict[str, str]:
        return {
            "subject": self.subject,
            "what": self.what,
            "before": self.before,
            "after": self.after,
        }


class Fact(NamedTuple):
    """What helps to judge an operation, as things stand: shown, and never compared."""

    what: str
    value: str


@dataclass(frozen=True, slots=True)
class Unusual:
    """A slip is more likely than the wish: `to_type` is the figure to be typed again."""

    why: str
    to_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`asset` and `amount` are what its limits count; None where it moves no money.

    Whether an amount is unusual is judged by others of its kind; other figures say it
    themselves.
    """

    subject: str
    entries: list[int] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    asset: Asset | None = None
    amount: Decimal | None = None
    unusual: Unusual | None = None


class refused_by_the_database:
    """A rule of the database in its own words, for whoever proposes."""

    def __enter__(self) -> None:
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.savepoint.__exit__(kind, error, trace)
        if isinstance(error, IntegrityError) and constraint_of(error):
            sentence = str(error).splitlines()[0]
            raise Impossible(f"{sentence[:1].upper()}{sentence[1:]}.") from error


def customer_of(request: dict[str, Any]) -> Customer:
    found = Customer.objects.filter(pk=_number(request.get("customer"))).first()
    if found is None:
        raise Impossible("There is no such customer.")
    return found


def product_of(request: dict[str, Any]) -> Product:
    """Locked, so that two operations on it come one after the other."""
    found = Product.objects.select_for_update().select_related("asset")
    product = found.filter(code=request.get("product") or "").first()
    if product is None:
        raise Impossible("There is no such product.")
    return product


def asset_of(request: dict[str, Any]) -> Asset:
    found = Asset.objects.filter(code=request.get("asset") or "").first()
    if found is None:
        raise Impossible("There is no such asset.")
    return found


def amount_of(request: dict[str, Any], name: str, asset: Asset) -> Decimal:
    """Above zero, in whole units, with no more decimals than the asset has."""
    try:
        amount = parse_amount(str(request.get(name) or ""), scale=asset.scale)
    except ValueError as error:
        raise Impossible(f"{name}: {error}") from error
    if amount <= 0:
        raise Impossible(f"{name}: an amount is above 0.")
    return amount


def day_of(request: dict[str, Any], name: str) -> date:
    try:
        return date.fromisoformat(str(request.get(name) or ""))
    except ValueError as error:
        raise Impossible(f"{name}: write the day as 2026-01-31.") from error


def _number(text: Any) -> int:
    written = str(text or "")
    is_number = written.isascii() and written.isdecimal() and len(written) < 19
    return int(written) if is_number else 0
