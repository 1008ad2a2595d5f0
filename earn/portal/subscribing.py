"""Subscribing: how much and for how long, what may be put in, and what happens then."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from earn import catalogue, orders, subscriptions
from earn.days import business_day, first_earning_day
from earn.models import Customer, Order, Product, ProductKind, RateTier
from earn.portal.filters import amount
from earn.portal.offers import in_days, name_of, risk_text_of, short
from earn.portal.ordering import shown_then_placed
from earn.portal.orders import MaturityForm
from earn.portal.people import filled_in, for_customers
from earn.portal.reading import AmountField
from earn.portal.refusing import sentence
from earn.portal.wording import AT_MATURITY, AT_MATURITY_MEANS
from earn.refusals import Refusal, TermsChanged
from earn.subscriptions import Room

LIMITS = {
    "wallet": gettext_lazy("all that is in your wallet"),
    "cap": gettext_lazy("the most that one customer may still add"),
    "quota": gettext_lazy("all that is left of this product"),
}

TOO_LITTLE = {
    "wallet": gettext_lazy(
        "Your wallet holds %(left)s, and the smallest amount is %(smallest)s."
    ),
    "cap": gettext_lazy(
        "You may still add %(left)s, and the smallest amount is %(smallest)s."
    ),
    "quota": gettext_lazy(
        "%(left)s are left of this product, and the smallest amount is %(smallest)s."
    ),
}


class Tick(forms.CheckboxInput):
    """A checkbox that sends the version of what it stands beside."""

    def __init__(self, version: str) -> None:
        super().__init__(check_test=lambda value: value == version)
        self.version = version

    def format_value(self, value: Any) -> str:  # noqa: ARG002
        return self.version

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:  # noqa: ARG002
        return data.get(name)


class ConsentField(forms.Field):
    """Agrees to one version of a text: what was ticked beside another one is no consent."""

    def __init__(self, version: int, *, is_confirmed: bool, **options: Any) -> None:
        super().__init__(widget=Tick(str(version)), **options)
        self.version = str(version)
        self.is_confirmed = is_confirmed

    def validate(self, value: Any) -> None:
        if self.is_confirmed and not value:  # there was nothing to accept when it was shown
            told = _("This product has a text of its risks now. Read it, then accept it.")
            raise forms.ValidationError(told, code="changed")
        super().validate(value)
        if value != self.version:
            told = _("The text of the risks has changed. Read it, then accept it again.")
            raise forms.ValidationError(told, code="changed")


class SubscribeForm(MaturityForm):
    field_order = ("amount", "term")

    def __init__(
        self, product: Product, terms: list[int], data: Any, initial: dict[str, str]
    ) -> None:
        super().__init__(data)
        self.initial = initial
        self.fields["amount"] = AmountField(product.asset, label=_("Amount"))
        self.fields["term"] = forms.TypedChoiceField(
            label=_("Term"),
            coerce=int,
            choices=[(n, in_days(n)) for n in terms],
        )
        self.fields["at_maturity"] = forms.ChoiceField(
            label=_("At maturity"),
            choices=AT_MATURITY.items(),
            initial="PAY_OUT",
            widget=forms.RadioSelect,
        )
        if product.kind == ProductKind.FLEXIBLE:
            for name in ("term", "at_maturity", "minimum_rate"):
                del self.fields[name]
        if product.risk_text:
            self.fields["risk"] = ConsentField(
                product.risk_version,
                is_confirmed=bool(data) and data.get("step") == "confirm",
                label=_("I have read the risks and accept them."),
                help_text=risk_text_of(product),
            )
        self.order_fields(self.field_order)

    def clean(self) -> dict[str, Any] | None:
        if self.has_error("risk", "changed"):
            self.add_error(None, sentence(TermsChanged(""), None))
        return super().clean()

    def instructions(self) -> Iterator[tuple[Any, Any]]:
        """Each choice for maturity, and what it means."""
        for radio in self["at_maturity"]:
            yield radio, AT_MATURITY_MEANS[radio.data["value"]]

    def choices(self) -> dict[str, Any]:
        """The amount and, of a fixed term, what was chosen for it."""
        found: dict[str, Any] = {"amount": self.cleaned_data["amount"]}
        if "term" in self.fields:
            found |= {"term_days": self.cleaned_data["term"], **self.instruction()}
        return found


@require_http_methods(["GET", "POST"])
@for_customers
def subscribe(request: HttpRequest, customer: Customer, code: str) -> HttpResponse:
    products = Product.objects.select_related("asset").exclude(state=Product.State.DRAFT)
    product = get_object_or_404(products, code=code)
    at = datetime.now(UTC)
    room = subscriptions.room(customer=customer, product=product)
    asked = request.POST if request.method == "POST" else None
    form = SubscribeForm(product, _terms(product, at), asked, filled_in(request))

    def preview() -> dict[str, Any]:
        shown = subscriptions.preview(product=product, at=at, **form.choices())
        _check_welcome(customer, product, at)
        subscriptions.check_room(product, room, form.cleaned_data["amount"])
        return shown

    def order(key: str, confirmed: dict[str, Any]) -> Order:
        return subscriptions.subscribe(
            customer=customer,
            product=product,
            key=key,
            at=at,
            confirmed=confirmed,
            **form.choices(),
        )

    return shown_then_placed(
        request,
        form,
        asset=product.asset,
        preview=preview,
        place=order,
        page={
            "template": "portal/subscribe.html",
            "title": _("Subscribe to %(product)s") % {"product": name_of(product)},
            "back": reverse("portal:product", args=[product.code]),
            "act": _("Subscribe"),
            "product": product,
            "asset": product.asset,
            "wallet": room.wallet,
            "wallet_after": lambda: room.wallet - form.cleaned_data["amount"],
            "barred": _barred(customer, product, at),
            **_most(product, room),
        },
    )


def _check_welcome(customer: Customer, product: Product, at: datetime) -> None:
    """Raises NotOpen, NotEligible or Frozen, whatever the amount."""
    catalogue.check_open(product, at)
    orders.check_not_frozen(customer, money_in=True)
    catalogue.check_eligible(product, customer)


def _barred(customer: Customer, product: Product, at: datetime) -> str:
    """Why this customer cannot subscribe at all, told before anything is filled in."""
    try:
        _check_welcome(customer, product, at)
    except Refusal as refusal:
        return sentence(refusal, product.asset)
    return ""


def _most(product: Product, room: Room) -> dict[str, Any]:
    """The largest amount that an order takes, in whole steps, and what limits it."""
    limits = {name: left for name, left in room._asdict().items() if left is not None}
    name = min(limits, key=lambda limit: limits[limit])
    left, smallest = max(limits[name], Decimal(0)), catalogue.smallest(product)
    most = left - left % product.step if product.step else left
    told = {
        "left": amount(left, product.asset),
        "smallest": short(smallest, product.asset.code),
    }
    return {
        "most": most if most >= smallest else Decimal(0),
        "limit": LIMITS[name],
        "too_little": TOO_LITTLE[name] % told,
    }


def _terms(product: Product, at: datetime) -> list[int]:
    rates = catalogue.chart_on(product, first_earning_day(business_day(at)))
    tiers = RateTier.objects.filter(chart=rates, term_days__isnull=False)
    return sorted({tier.term_days for tier in tiers if tier.term_days})
