"""Finding customers, and what staff see of one: nothing of it is secret."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, TypeVar
from uuid import UUID

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db.models import F, Model, Q, QuerySet
from django.db.models.fields.json import KT
from django.db.models.functions import Collate, Lower

from earn import chart, prices
from earn.models import Customer, Notification, Order, Position
from ledger import balances
from ledger.models import Asset, Entry

FEW = 20  # of the customers whose reference or address begins so, at first
NOTHING = Decimal(0)
Row = TypeVar("Row", bound=Model)


class How(StrEnum):
    """By what a customer was found."""

    REFERENCE = "REFERENCE"
    NUMBER = "NUMBER"
    UUID = "UUID"
    EMAIL = "EMAIL"
    POSITION = "POSITION"
    ORDER = "ORDER"


class Match(NamedTuple):
    customer: Customer
    how: How


class Holding(NamedTuple):
    """Of one asset, as the books have it now; `worth` is None without a fresh price."""

    asset: Asset
    wallet: Decimal
    redeeming: Decimal
    principal: Decimal
    worth: Decimal | None

    @property
    def all(self) -> Decimal:
        return self.wallet + self.redeeming + self.principal


@dataclass(frozen=True, slots=True)
class Holdings:
    """`currency` is None while the reporting currency is no asset here; `total` is of the
    assets that have a price."""

    rows: Sequence[Holding]
    currency: Asset | None

    @property
    def total(self) -> Decimal:
        return sum((x.worth for x in self.rows if x.worth is not None), NOTHING)

    @property
    def without_price(self) -> list[str]:
        return [x.asset.code for x in self.rows if x.worth is None]


class Consent(NamedTuple):
    """A risk text that was accepted, by the version that was shown."""

    order_id: int
    at: datetime
    product: str
    version: str


class Visit(NamedTuple):
    """A session that lasts: what it was opened with, never its key."""

    agent: str
    since: datetime
    seen: datetime


def find(text: str) -> list[Match]:
    """Whoever the text names: exactly, or by the beginning of a reference or an address.

    Each way is a look into an index. Of those that only begin so there are FEW; the others
    are found by `beginning`.
    """
    found = [*_named(text), *_numbered(text)]
    for how in (How.REFERENCE, How.EMAIL):
        found += [Match(x, how) for x in beginning(text, how, limit=FEW)]
    return list({match.customer.pk: match for match in reversed(found)}.values())[::-1]


def beginning(text: str, how: How, *, after: str = "", limit: int) -> list[Customer]:
    """Those whose reference or address begins so, in its order, after one of them."""
    is_email = how == How.EMAIL
    # in the order of their bytes, as the index is, whatever the database's own order
    key = Collate(Lower("user__email") if is_email else F("reference"), "C")
    found = Customer.objects.alias(key=key)
    found = found.filter(key__startswith=text.lower() if is_email else text)
    if after:
        found = found.filter(key__gt=after)
    return list(found.select_related("user").order_by("key")[:limit])


def newest(*, before: int | None = None, limit: int) -> list[Customer]:
    found = Customer.objects.select_related("user").order_by("-pk")
    return list((found.filter(pk__lt=before) if before else found)[:limit])


def holdings(customer: Customer, *, at: datetime) -> Holdings:
    """What the books hold for the customer, by asset."""
    sums = balances.owned_now(customer.uuid)
    assets = {x.pk: x for x in Asset.objects.filter(pk__in={asset for asset, _ in sums})}
    currency = Asset.objects.filter(code=settings.REPORTING_CURRENCY).first()
    known = prices.load(
        [*assets.values(), *([currency] if currency else [])], since=at, until=at
    )
    rows = []
    for asset in sorted(assets.values(), key=lambda x: x.code):
        wallet, redeeming, principal = (
            sums.get((asset.pk, heading), NOTHING)
            for heading in (chart.WALLETS, chart.REDEEMING, chart.PRINCIPALS)
        )
        amount = wallet + redeeming + principal
        worth = known.value(amount, asset, currency, at) if currency else None
        rows.append(Holding(asset, wallet, redeeming, principal, worth))
    return Holdings([x for x in rows if x.all], currency)


def positions(
    customer: Customer, *, before: int | None = None, state: str = "", limit: int
) -> list[Position]:
    """Newest first; with `state`, those of it."""
    found = Position.objects.filter(customer=customer).select_related("product__asset")
    found = found.filter(state=state) if state else found
    return _page(found, before, limit)


def reversals(orders: Sequence[Order]) -> dict[int, int]:
    """The entry that took an order's money back, by id of the order; of few orders."""
    entries = [order.entry_id for order in orders if order.entry_id]
    found = Entry.objects.filter(reverses__in=entries)
    mirrors = {mirror.reverses_id: mirror.pk for mirror in found}
    return {x.pk: mirrors[x.entry_id] for x in orders if x.entry_id in mirrors}


def orders(customer: Customer, *, before: int | None = None, limit: int) -> list[Order]:
    found = Order.objects.filter(customer=customer).select_related("product__asset")
    return _page(found, before, limit)


def consents(customer: Customer, *, limit: int) -> list[Consent]:
    """The latest, of orders that were carried out."""
    found = Order.objects.filter(
        customer=customer, kind=Order.Kind.SUBSCRIBE, terms__isnull=False
    ).exclude(state=Order.State.REFUSED)
    rows = found.order_by("-pk").values_list(
        "pk", "at", "product__code", KT("terms__risk__version")
    )
    return [Consent(*row) for row in rows[:limit]]


def notifications(customer: Customer, *, limit: int) -> list[Notification]:
    found = Notification.objects.filter(customer=customer, in_portal=True)
    return list(found.select_related("product").order_by("-at", "-pk")[:limit])


def visits(customer: Customer, *, limit: int) -> list[Visit]:
    rows = UserSession.objects.filter(user=customer.user_id).order_by("-last_seen_at")
    known = rows.values_list("user_agent", "created_at", "last_seen_at")
    return [Visit(*row) for row in known[:limit]]


def _page(found: QuerySet[Row], before: int | None, limit: int) -> list[Row]:
    """By the customer's index; + 0 keeps the planner from walking the whole primary key
    to find the few rows of one customer in their order."""
    found = found.filter(pk__lt=before) if before else found
    return list(found.order_by((F("pk") + 0).desc())[:limit])


def _named(text: str) -> Iterable[Match]:
    known = Customer.objects.select_related("user")
    yield from (Match(x, How.REFERENCE) for x in known.filter(reference=text))
    try:
        uuid = UUID(text)
    except ValueError:
        return
    yield from (Match(x, How.UUID) for x in known.filter(uuid=uuid))


def _numbered(text: str) -> Iterable[Match]:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        return
    number = int(text)
    ways = (
        (How.NUMBER, Q(pk=number)),
        (How.POSITION, Q(pk__in=Position.objects.filter(pk=number).values("customer"))),
        (How.ORDER, Q(pk__in=Order.objects.filter(pk=number).values("customer"))),
    )
    for how, found in ways:
        for customer in Customer.objects.select_related("user").filter(found):
            yield Match(customer, how)
