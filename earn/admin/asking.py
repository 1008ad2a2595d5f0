"""What staff ask the books for: moments, periods, references. Nothing here writes."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from earn.admin.proposing import CustomerField
from earn.days import end_of
from earn.journal import Question
from ledger.journal import Before, Place
from ledger.models import Asset
from ledger.money import InvalidAmount, parse_amount

FIRST, LAST = date(1970, 1, 1), date(9000, 12, 31)
_BOUNDS = [MinValueValidator(FIRST), MaxValueValidator(LAST)]


class DayField(forms.DateField):
    def __init__(self, **options: Any) -> None:
        widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        super().__init__(widget=widget, required=False, validators=_BOUNDS, **options)


class CodeOfAsset(forms.CharField):
    """An asset by its code; nothing is None."""

    def __init__(self, **options: Any) -> None:
        known: dict[str, Any] = {"label": _("Asset"), "required": False, "max_length": 200}
        super().__init__(**(known | options))
        self.widget.attrs |= {"size": 10, "autocomplete": "off"}

    def clean(self, value: Any) -> Any:
        code = super().clean(value)
        if not code:
            return None
        found = Asset.objects.filter(code=code).first()
        if found is None:
            raise forms.ValidationError(_("There is no such asset."), code="unknown")
        return found


class NumberField(forms.CharField):
    """The number of a row; nothing is None."""

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        if not (text.isascii() and text.isdecimal() and len(text) < 19):
            raise forms.ValidationError(_("Write a whole number."), code="number")
        return int(text)


class MomentForm(forms.Form):
    """A moment in UTC: the end of a day unless a time is named, and never after now."""

    asset = CodeOfAsset()
    on = DayField(label=_("Day (UTC)"))
    time = forms.TimeField(
        label=_("Time (UTC)"),
        required=False,
        input_formats=["%H:%M:%S", "%H:%M", "%H:%M:%S.%f"],
        widget=forms.TimeInput(attrs={"type": "time", "step": "1"}, format="%H:%M:%S"),
    )

    def moment(self, now: datetime) -> datetime:
        day, hour = self.cleaned_data.get("on"), self.cleaned_data.get("time")
        if day is None:
            return now
        asked = end_of(day) if hour is None else datetime.combine(day, hour, tzinfo=UTC)
        return min(asked, now)


def moment_asked(at: datetime) -> dict[str, str]:
    """The fields of a MomentForm that ask for just this moment."""
    day = at.astimezone(UTC).date()
    if at == end_of(day):
        return {"on": str(day)}
    return {"on": str(day), "time": f"{at.astimezone(UTC):%H:%M:%S.%f}"}


class PeriodForm(forms.Form):
    """From one day through another; the last `usual` days where none is named."""

    asset = CodeOfAsset()
    first = DayField(label=_("First day"))
    last = DayField(label=_("Last day"))
    usual = 31

    def clean(self) -> dict[str, Any]:
        known = super().clean() or self.cleaned_data
        first, last = known.get("first"), known.get("last")
        if first and last and first > last:
            raise forms.ValidationError(_("The last day is before the first one."))
        return known

    def period(self, now: datetime) -> tuple[date, date]:
        last = self.cleaned_data.get("last") or now.astimezone(UTC).date()
        first = self.cleaned_data.get("first") or last - timedelta(days=self.usual - 1)
        return min(first, last), last


_REFERENCES = ("key", "entry", "account", "position", "order", "customer")


class SearchForm(PeriodForm):
    key = forms.CharField(label=_("Key of the entry"), required=False, max_length=200)
    entry = NumberField(label=_("Number of the entry"), required=False)
    account = forms.CharField(label=_("Account"), required=False, max_length=300)
    position = NumberField(label=_("Position"), required=False)
    order = NumberField(label=_("Order"), required=False)
    customer = CustomerField(
        label=_("Customer"),
        required=False,
        max_length=200,
        help_text=_("Reference, number or UUID"),
    )
    kind = forms.CharField(
        label=_("Kind"), required=False, max_length=60, help_text=_("As DEPOSIT or ACCRUE")
    )
    amount = forms.CharField(label=_("Amount"), required=False, max_length=60)

    def clean(self) -> dict[str, Any]:
        known = super().clean()
        named = [x for x in _REFERENCES if known.get(x) not in (None, "")]
        asset, amount = known.get("asset"), known.get("amount")
        if len(named) > 1:
            raise forms.ValidationError(_("Name one reference: the others narrow it down."))
        if amount and asset is None and "asset" not in self.errors:
            self.add_error("asset", _("An amount is searched for with its asset."))
        elif amount and asset:
            self._read_amount(amount, asset)
        elif asset and not named:
            self.add_error("amount", _("With an asset, name an amount or a reference."))
        return known

    def question(self) -> Question:
        known = {key: value for key, value in self.cleaned_data.items() if value != ""}
        if "customer" in known:
            known["customer"] = CustomerField.found(known["customer"])
        return Question(**known)

    def _read_amount(self, amount: str, asset: Asset) -> None:
        try:
            self.cleaned_data["amount"] = parse_amount(amount, scale=asset.scale)
        except InvalidAmount as error:
            self.add_error("amount", str(error))


def place(request: HttpRequest) -> Place | None:
    """Where a page of a statement begins; None for the first one, and for what is none."""
    words = request.GET.get("after", "").split("_")
    if len(words) != 3:
        return None
    try:
        found = Place(date.fromisoformat(words[0]), _number(words[1]), _number(words[2]))
    except ValueError:
        return None
    return found if FIRST <= found.day <= LAST else None


def place_text(found: Place) -> str:
    return f"{found.day}_{found.entry_id}_{found.line}"


def before(request: HttpRequest) -> Before | None:
    """Where a page of entries begins; None for the first one, and for what is none."""
    day, _sign, entry = request.GET.get("before", "").partition("_")
    try:
        return Before(date.fromisoformat(day), _number(entry))
    except ValueError:
        return None


def before_text(day: date, entry_id: int) -> str:
    return f"{day}_{entry_id}"


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise ValueError(text)
    return int(text)
