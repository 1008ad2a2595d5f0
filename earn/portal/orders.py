"""Cancelling, and what happens at maturity: forms and receipts."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from earn import redemptions
from earn.models import Customer, Order
from earn.portal.offers import name_of
from earn.portal.ordering import shown_then_placed
from earn.portal.people import for_customers
from earn.portal.reading import RateField
from earn.portal.refusing import sentence_of
from earn.portal.wording import AT_MATURITY, KIND, rows


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
    asset = order.product.asset if order.product else None
    shown = {
        "order": order,
        "kind": KIND[order.kind],
        "why_not": sentence_of(order),
        "rows": list(rows(order.preview, asset)) if order.preview and asset else [],
        "pending": order.state == Order.State.PENDING,
    }
    return render(request, "portal/receipt.html", shown)


def _order_of(customer: Customer, pk: int) -> Order:
    orders = Order.objects.select_related("product__asset", "position")
    return get_object_or_404(orders, pk=pk, customer=customer)
