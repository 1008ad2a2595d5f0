"""Redeeming: how much, what comes of it beside staying, and only by whom it truly is."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from earn import accruals, redemptions
from earn.models import Customer, Order, Position, ProductKind
from earn.portal import reauthentication
from earn.portal.comparing import compare
from earn.portal.offers import name_of
from earn.portal.ordering import shown_then_placed
from earn.portal.orders import PlainForm
from earn.portal.people import filled_in, for_customers, position_of
from earn.portal.reading import AmountField
from earn.portal.refusing import sentence
from earn.refusals import Refusal

PARTS = [("ALL", gettext_lazy("Everything")), ("PART", gettext_lazy("A part"))]
TEMPLATE = "portal/redeem.html"


class RedeemForm(PlainForm):
    """Of a fixed position there is nothing to choose: it is redeemed whole."""

    part = forms.ChoiceField(
        label=gettext_lazy("How much"),
        choices=PARTS,
        initial="ALL",
        widget=forms.RadioSelect,
    )

    def __init__(self, position: Position, data: Any = None) -> None:
        super().__init__(data)
        asset = position.product.asset
        self.fields["amount"] = AmountField(
            asset, label=_("Amount of the part"), required=False
        )
        if position.product.kind == ProductKind.FIXED:
            self.fields = {}

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        if found.get("part") == "PART" and "amount" in found and not found["amount"]:
            self.add_error("amount", _("Write how much."))
        return found

    def amount(self) -> Decimal | None:
        """None for everything."""
        is_part = self.cleaned_data.get("part") == "PART"
        return self.cleaned_data["amount"] if is_part else None


@require_http_methods(["GET", "POST"])
@for_customers
def redeem(request: HttpRequest, customer: Customer, pk: int) -> HttpResponse:
    position = position_of(customer, pk)
    at = datetime.now(UTC)
    if reauthentication.is_due(request, at):
        return reauthentication.ask(request, back=_with_what_was_typed(request))
    page = _page(position, at)
    if request.method == "GET" and (why_not := _why_not(position, at)):
        return render(request, TEMPLATE, page | {"why_not": why_not})
    is_asked = request.method == "POST" or position.product.kind == ProductKind.FIXED
    form = RedeemForm(position, request.POST if is_asked else None)
    form.initial = filled_in(request)

    def order(key: str, confirmed: dict[str, Any]) -> Order:
        return redemptions.redeem(
            customer=customer,
            position_id=pk,
            amount=form.amount(),
            key=key,
            at=at,
            confirmed=confirmed,
        )

    return shown_then_placed(
        request,
        form,
        asset=position.product.asset,
        preview=lambda: redemptions.preview(position=position, amount=form.amount(), at=at),
        place=order,
        page=page,
    )


def _page(position: Position, at: datetime) -> dict[str, Any]:
    earned = accruals.earned(position)
    return {
        "template": TEMPLATE,
        "title": _("Redeem from %(product)s") % {"product": name_of(position.product)},
        "back": reverse("portal:position", args=[position.pk]),
        "act": _("Redeem"),
        "position": position,
        "of": position.product.asset,
        "owed": earned.owed,
        "closed_through": earned.day,
        "beside": lambda preview: compare(position, preview, at),
    }


def _why_not(position: Position, at: datetime) -> str:
    """What keeps all of it from being redeemed, and from when on it does not."""
    try:
        redemptions.preview(position=position, at=at)
    except Refusal as refusal:
        return sentence(refusal, position.product.asset)
    return ""


def _with_what_was_typed(request: HttpRequest) -> str:
    """The address of this page with its form filled in."""
    typed = {k: request.POST[k] for k in ("part", "amount") if request.POST.get(k)}
    return f"{request.path}?{urlencode(typed)}" if typed else request.get_full_path()
