"""Everything that ever happened to a customer, newest first, a page at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from earn.activity import BadCursor, Cursor, Event, Type, happened
from earn.models import Customer, Product
from earn.portal.filters import amount, asked, isolated
from earn.portal.offers import name_of
from earn.portal.people import for_customers
from earn.portal.wording import EVENT, KIND
from ledger.models import Asset

PAGE = 25
_FILTERS = ("type", "asset", "product", "position", "from", "to")


@dataclass(frozen=True, slots=True)
class Row:
    """An event in words. `direction` is "plus", "minus" or nothing."""

    event: Event
    label: str
    order: str
    product: str
    amount: str
    direction: str
    address: str


@require_safe
@for_customers
def activity(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Filters choose, and the page is of what was `before` a cursor; 404 for no filter."""
    asked = {name: request.GET[name] for name in _FILTERS if request.GET.get(name)}
    events = happened(
        customer=customer, **_read(asked), before=_before(request), limit=PAGE + 1
    )
    page, more = events[:PAGE], len(events) > PAGE
    assets = list(Asset.objects.filter(account__owner=customer.uuid).distinct())
    products = _products(customer, page)
    shown = {
        "days": _by_day(_rows(page, assets, products)),
        "asked": asked,
        "types": [(str(type), label) for type, label in EVENT.items()],
        "assets": sorted(asset.code for asset in assets),
        "products": sorted(
            ((product.code, name_of(product)) for product in products.values()),
            key=lambda pair: pair[1],
        ),
        "filters": urlencode(asked),
        "earlier": urlencode(asked | {"before": page[-1].cursor}) if more else "",
        "is_first": "before" not in request.GET,
    }
    return render(request, "portal/activity.html", shown)


def _read(asked: dict[str, str]) -> dict[str, Any]:
    """What was asked, as `happened` takes it. Raises Http404."""
    if any("\x00" in text for text in asked.values()):  # which no text of the books has
        raise Http404
    try:
        return {_NAMES[name]: _READERS[name](text) for name, text in asked.items()}
    except (ValueError, Asset.DoesNotExist, Product.DoesNotExist) as error:
        raise Http404 from error


def _before(request: HttpRequest) -> Cursor | None:
    text = request.GET.get("before")
    try:
        return Cursor.read(text) if text else None
    except BadCursor as error:
        raise Http404 from error


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise ValueError(text)
    return int(text)


_NAMES = {
    "type": "types",
    "asset": "asset",
    "product": "product",
    "position": "position_id",
    "from": "first",
    "to": "last",
}
_READERS: dict[str, Any] = {
    "type": lambda text: [Type(text)],
    "asset": lambda text: Asset.objects.get(code=text),
    "product": lambda text: Product.objects.exclude(state="DRAFT").get(code=text),
    "position": _number,
    "from": date.fromisoformat,
    "to": date.fromisoformat,
}


def _products(customer: Customer, page: list[Event]) -> dict[int, Product]:
    """Those that the customer ever had, and those on the page, by id."""
    known = {event.product_id for event in page if event.product_id}
    wanted = Q(position__customer=customer) | Q(pk__in=known)
    return {product.pk: product for product in Product.objects.filter(wanted).distinct()}


def _rows(
    page: list[Event], assets: list[Asset], products: dict[int, Product]
) -> Iterator[Row]:
    by_id = {asset.pk: asset for asset in assets}
    for event in page:
        product = products.get(event.product_id or 0)
        asset = by_id.get(event.asset_id or 0)
        change = event.wallet or event.total
        yield Row(
            event=event,
            label=str(EVENT[event.type]),
            order=_refused(event),
            product=name_of(product) if product else "",
            amount=_amount(event, asset),
            direction="plus" if change > 0 else "minus" if change < 0 else "",
            address=_address(event),
        )


def _refused(event: Event) -> str:
    """What was refused."""
    if event.type != Type.ORDER_REFUSED or event.order_kind is None:
        return ""
    return str(KIND[event.order_kind])


def _amount(event: Event, asset: Asset | None) -> str:
    """With the sign of what it did to the wallet or, where that is nothing, in all."""
    if event.amount is None or asset is None:
        return ""
    change = event.wallet or event.total
    shown = amount(abs(change), asset) if change else asked(event.amount, asset)
    sign = "+" if change > 0 else "\u2212" if change < 0 else ""
    return isolated(f"{sign}{shown}")


def _address(event: Event) -> str:
    if event.order_id:
        return reverse("portal:receipt", args=[event.order_id])
    if event.position_id:
        return reverse("portal:position", args=[event.position_id])
    return ""


def _by_day(rows: Iterator[Row]) -> list[tuple[date, list[Row]]]:
    """Business days, which are UTC dates as those of the filter, with their rows."""
    found = groupby(rows, key=lambda row: row.event.at.astimezone(UTC).date())
    return [(day, list(of_day)) for day, of_day in found]
