"""The interest that a customer received in a year, with its value at receipt.

Interest is received when it reaches the wallet, leaves with a redemption, or is added to
the principal; what is taken back counts against it. A report is of a year through a closed
day, in a currency, with the prices that were known at a moment: asked for again with the
same three it is the same, byte for byte.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.conf import settings

from earn import activity, documents, prices, statements
from earn.activity import Event, Type
from earn.documents import Document
from earn.models import Customer
from earn.prices import Prices, Quote
from earn.statements import NotFinished
from ledger import balances
from ledger.models import Asset
from ledger.money import format_amount, plain

VERSION = 1
_TYPES = {
    Type.INTEREST_PAID,
    Type.INTEREST_CAPITALISED,
    Type.CLAWBACK,
    Type.CORRECTION,
    Type.ADJUSTMENT,
}


@dataclass(frozen=True, slots=True)
class Receipt:
    """`worth` is None where a price is missing, and then the prices are None too."""

    event: Event
    amount: Decimal
    asset: Asset
    worth: Decimal | None = None
    price: Quote | None = None
    currency_price: Quote | None = None


def last_days(customer: Customer) -> list[date]:
    """The last closed day of each year since the customer's first; the newest is first."""
    first, last = balances.first_day_of(customer.uuid), statements.closed_through()
    if first is None or last is None:
        return []
    years = range(last.year, first.year - 1, -1)
    return [min(date(year, 12, 31), last) for year in years]


def income(
    *, customer: Customer, through: date, currency: Asset | None, known_at: datetime
) -> Document:
    """All interest received in a year through one of its days, which is closed.

    Raises NotFinished, also for a moment that is still to come.
    """
    first = date(through.year, 1, 1)
    last = {last.year: last for last in last_days(customer)}.get(through.year)
    if last is None or through > last or known_at > prices.settled_at():
        raise NotFinished(f"{through}, {known_at}")
    receipts = _receipts(customer, first, through, currency, known_at)
    assets = sorted({receipt.asset.code: receipt.asset for receipt in receipts}.items())
    return documents.hashed(
        {
            "document": "INCOME",
            "version": VERSION,
            "type_codes_version": activity.VERSION,
            "customer": str(customer.uuid),
            "year": through.year,
            "first_day": first.isoformat(),
            "last_day": through.isoformat(),
            "currency": currency and currency.code,
            "prices_in": settings.REPORTING_CURRENCY,
            "prices_known_at": documents.moment(known_at),
            "worth": _worth(receipts, currency),
            "receipts_without_price": sum(x.worth is None for x in receipts),
            "assets": [
                _of_asset(asset, [x for x in receipts if x.asset == asset], currency)
                for _code, asset in assets
            ],
        }
    )


_COLUMNS = (
    "record", "asset", "type", "at", "entry", "line", "position", "product", "amount",
    "currency", "worth", "price", "price_at", "currency_price", "currency_price_at",
    "value",
)  # fmt: skip


def as_csv(document: Document) -> bytes:
    """One table; `record` tells what a row is. What describes the report comes last."""
    return documents.as_csv(_COLUMNS, _rows(document))


def _rows(document: Document) -> Iterator[Document]:
    known = {"currency": document["currency"]}
    for asset in document["assets"]:
        code = known | {"asset": asset["asset"]}
        for receipt in asset["receipts"]:
            yield {"record": "RECEIPT"} | code | receipt
        yield {"record": "TOTAL", "amount": asset["amount"], "worth": asset["worth"]} | code
        yield {"record": "WITHOUT_PRICE", "amount": asset["amount_without_price"]} | code
    yield {"record": "TOTAL", "worth": document["worth"]} | known
    yield from documents.about(document)


def _receipts(
    customer: Customer,
    first: date,
    last: date,
    currency: Asset | None,
    known_at: datetime,
) -> list[Receipt]:
    """The oldest first."""
    events = activity.happened(customer=customer, types=_TYPES, first=first, last=last)
    found = [x for x in reversed(events) if statements.interest_received(x)]
    if not found:
        return []
    wanted = {event.asset_id for event in found if event.asset_id}
    assets = {asset.pk: asset for asset in Asset.objects.filter(pk__in=wanted)}
    known = prices.load(
        [*assets.values(), *([currency] if currency else [])],
        since=found[0].at,
        until=found[-1].at,
        known_at=known_at,
    )
    return [_receipt(x, assets[x.asset_id or 0], currency, known) for x in found]


def _receipt(event: Event, asset: Asset, currency: Asset | None, known: Prices) -> Receipt:
    amount = statements.interest_received(event)
    if currency is None:
        return Receipt(event, amount, asset)
    worth = known.value(amount, asset, currency, event.at)
    if worth is None or asset == currency:
        return Receipt(event, amount, asset, worth)
    quotes = (known.quote(asset, event.at), known.quote(currency, event.at))
    return Receipt(event, amount, asset, worth, *quotes)


def _of_asset(
    asset: Asset, receipts: Sequence[Receipt], currency: Asset | None
) -> Document:
    def text(found: Sequence[Receipt]) -> str:
        return format_amount(sum((x.amount for x in found), Decimal(0)), scale=asset.scale)

    without = [receipt for receipt in receipts if receipt.worth is None]
    return {
        "asset": asset.code,
        "amount": text(receipts),
        "worth": _worth(receipts, currency),
        "amount_without_price": text(without),
        "receipts_without_price": len(without),
        "receipts": [
            statements.movement(x.event)
            | {"amount": text([x]), "worth": _worth([x], currency)}
            | _quoted(x)
            for x in receipts
        ],
    }


def _worth(receipts: Sequence[Receipt], currency: Asset | None) -> str | None:
    """Of those that have a price; None where none has, for that is not zero."""
    known = [receipt.worth for receipt in receipts if receipt.worth is not None]
    if currency is None or (receipts and not known):
        return None
    return format_amount(sum(known, Decimal(0)), scale=currency.scale)


def _quoted(receipt: Receipt) -> Document:
    price, other = receipt.price, receipt.currency_price
    return {
        "price": price and plain(price.price),
        "price_at": price and documents.moment(price.at),
        "currency_price": other and plain(other.price),
        "currency_price_at": other and documents.moment(other.at),
    }
