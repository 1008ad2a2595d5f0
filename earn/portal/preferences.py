"""How pages are shown to whoever reads them: language, time zone, currency of totals."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.forms.utils import flatatt
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from earn.models import Customer, Price, User
from earn.portal.people import customer_of
from ledger.models import Asset

if TYPE_CHECKING:
    _UserForm = forms.ModelForm[User]
else:
    _UserForm = forms.ModelForm

# Coins in which people count; any other would need its price at every moment of a chart.
COINS = ("BTC", "ETH", "USDT", "USDC")
NO_PLACES = ("Etc/", "SystemV/", "posix/", "right/", "localtime", "Factory")


class Reader:
    """Middleware: the pages in the language and the time zone of whoever is signed in.

    Goes behind Django's LocaleMiddleware, whose choice counts where nobody chose here.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with timezone.override(None):
            if request.user.is_authenticated:
                _show_as_chosen(request, request.user)
            return self.get_response(request)


def _show_as_chosen(request: HttpRequest, user: User) -> None:
    timezone.activate(user.time_zone)
    if user.language:
        translation.activate(user.language)
        request.LANGUAGE_CODE = translation.get_language()


class LongSelect(forms.Select):
    """Without a template for each option: there are hundreds of time zones."""

    def render(  # Django's signature
        self,
        name: str,
        value: Any,
        attrs: Any = None,
        renderer: Any = None,  # noqa: ARG002
    ) -> SafeString:
        options = format_html_join(
            "",
            '<option value="{}"{}>{}</option>',
            (
                (key, mark_safe(" selected") if key == value else "", label)
                for key, label in self.choices
            ),
        )
        head = flatatt({**(attrs or {}), "name": name})
        return format_html("<select{}>{}</select>", head, options)


def _languages() -> list[tuple[str, str]]:
    return [("", _("As my browser says; mails in English")), *settings.LANGUAGES]


class PreferencesForm(_UserForm):
    """Of a user; the currency is asked of customers alone."""

    language = forms.ChoiceField(
        label=gettext_lazy("Language"), choices=_languages, required=False
    )
    currency = forms.ModelChoiceField(
        Asset.objects.none(),
        label=gettext_lazy("Totals in"),
        to_field_name="code",
        required=False,
    )

    class Meta:
        model = User
        fields = ["language", "time_zone"]
        labels = {"time_zone": gettext_lazy("Time zone")}
        help_texts = {
            "time_zone": gettext_lazy(
                "Moments are shown in it. Business days stay UTC dates everywhere."
            ),
        }

    def __init__(self, customer: Customer | None, **options: Any) -> None:
        super().__init__(label_suffix="", **options)
        zones = [(zone, zone.replace("_", " ")) for zone in _time_zones()]
        self.fields["time_zone"].widget = LongSelect(choices=zones)
        if customer is None:
            del self.fields["currency"]
            return
        field = self.fields["currency"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = currencies()
        field.empty_label = settings.REPORTING_CURRENCY
        if customer.display_currency:
            self.initial["currency"] = customer.display_currency.code

    def clean_time_zone(self) -> str:
        zone: str = self.cleaned_data["time_zone"]
        if zone not in _time_zones():
            raise forms.ValidationError(_("Choose a time zone from the list."))
        return zone


def currencies() -> QuerySet[Asset]:
    """Currencies and the coins in which people count, as far as they have a price."""
    priced = Exists(Price.objects.filter(asset=OuterRef("pk")))
    among = Q(kind=Asset.Kind.FIAT) | Q(code__in=COINS)
    return (
        Asset.objects.filter(among, priced)
        .exclude(code=settings.REPORTING_CURRENCY)
        .order_by("code")
    )


@require_http_methods(["GET", "POST"])
@login_required
def preferences(request: HttpRequest) -> HttpResponse:
    assert request.user.is_authenticated
    customer = customer_of(request)
    asked = request.POST if request.method == "POST" else None
    form = PreferencesForm(customer, data=asked, instance=request.user)
    if asked is None or not form.is_valid():
        status = 200 if asked is None else 422
        shown = {"form": form}
        return render(request, "portal/preferences.html", shown, status=status)
    with transaction.atomic():
        form.save()
        if customer:
            customer.display_currency = form.cleaned_data["currency"]
            customer.save(update_fields=["display_currency"])
    with translation.override(request.user.language or request.LANGUAGE_CODE):
        messages.success(request, _("Your preferences are kept."))
    return redirect("portal:preferences")


@cache
def _time_zones() -> tuple[str, ...]:
    """Places and UTC; not the names that only programs use."""
    names = sorted(name for name in available_timezones() if "/" in name)
    return ("UTC", *(name for name in names if not name.startswith(NO_PLACES)))
