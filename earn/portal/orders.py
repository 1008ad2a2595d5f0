"""Cancelling, and what happens at maturity: forms and receipts."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from earn import redemptions
from earn.models import Customer, Order, Product
from earn.portal.filters import amount, asked
from earn.portal.offers import name_of
from earn.portal.ordering import shown_then_placed
from earn.portal.people import for_customers
from earn.portal.reading import RateField
from earn.portal.refusing import asset_of, product_of, sentence_of
from earn.portal.wording import AT_MATURITY, KIND, rows
from ledger import seals
from ledger.models import Asset


class PlainForm(forms.Form):
    """Labels stand above their fields and need no colon."""

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, label_suffix="")


class MaturityForm(PlainForm):
    at_maturity = forms.ChoiceField(
        label=gettext_lazy("At maturity"), choices=AT_MATURITY.items(), initial="PAY_OUT"
    )
    minimum_rate = RateField(
        label=gettext_lazy("Renew only from this rate (% a year)"), required=False
    )

    def instruction(self) -> dict[str, Any]:
        return {
            "at_maturity": self.cleaned_data["at_maturity"],
            "minimum_renewal_rate": self.cleaned_data["minimum_rate"],
        }


@require_http_methods(["GET", "POST"])
@for_customers
def cancel(request: HttpRequest, customer: Customer, pk: int) -> HttpResponse:
    redemption = _order_of(customer, pk)
    product = redemption.product
    at = datetime.now(UTC)
    if product is None or redemption.kind != Order.Kind.REDEEM:
        return render(request, "404.html", status=404)

    def order(key: str, confirmed: dict[str, Any]) -> Order:
        return redemptions.cancel(
            customer=customer, order_id=pk, key=key, at=at, confirmed=confirmed
        )

    return shown_then_placed(
        request,
        PlainForm(request.POST),
        asset=product.asset,
        preview=lambda: redemptions.preview_cancel(redemption=redemption, at=at),
        place=order,
        page={
            "title": _("Cancel a redemption from %(name)s") % {"name": name_of(product)},
            "back": reverse("portal:receipt", args=[pk]),
            "act": _("Put it back"),
        },
    )


@require_safe
@for_customers
def receipt(request: HttpRequest, customer: Customer, pk: int) -> HttpResponse:
    order = _order_of(customer, pk)
    product, asset = product_of(order), asset_of(order)
    shown = {
        "order": order,
        "kind": KIND[order.kind],
        "why_not": sentence_of(order),
        "product": name_of(product) if product else "",
        "product_page": _page_of(product),
        "amount": _amount(order, asset),
        "rows": list(_rows(order, asset)) if asset else [],
        "pending": order.state == Order.State.PENDING,
        "is_sealed": _is_sealed(customer, order),
    }
    return render(request, "portal/receipt.html", shown)


def _page_of(product: Product | None) -> str:
    """None while it is a draft."""
    if product is None or product.state == Product.State.DRAFT:
        return ""
    return reverse("portal:product", args=[product.code])


def _amount(order: Order, asset: Asset | None) -> str:
    """What was moved, or was to be; an order of everything has no figure."""
    if order.amount is None and order.kind == Order.Kind.REDEEM:
        return _asked(order, asset) or _("Everything")
    if order.amount is None or asset is None:
        return _asked(order, asset)
    return amount(order.amount, asset)


def _asked(order: Order, asset: Asset | None) -> str:
    """As it was asked, which may be refused for just that."""
    text = order.request.get("amount")
    if not text or asset is None:
        return ""
    return asked(Decimal(text), asset)


def _rows(order: Order, asset: Asset) -> Iterator[tuple[str, str]]:
    """What else it was confirmed against or, of a refused one, what else was asked."""
    told = dict(order.preview or order.request)
    told.pop("amount", None)
    if order.kind == Order.Kind.SUBSCRIBE and not told.get("term_days"):
        told.pop("at_maturity", None)  # which a flexible product does not have
    return rows(told, asset)


def _is_sealed(customer: Customer, order: Order) -> bool:
    """Whether Verify has a page of its entry."""
    return bool(order.entry_id and seals.text_of(customer.uuid, order.entry_id))


def _order_of(customer: Customer, pk: int) -> Order:
    orders = Order.objects.select_related("product__asset", "position")
    return get_object_or_404(orders, pk=pk, customer=customer)
