"""The terms of a product as a form: all of a draft, fewer of what has opened."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from earn.admin.figures import in_words
from earn.admin.proposing import FORMS, Request, fraction
from earn.models import Operation, Product
from earn.operations import Impossible
from earn.operations.selling import fill_in
from ledger.models import Asset
from ledger.money import plain

LANGUAGES = settings.LANGUAGES
SOURCE = LANGUAGES[0][0]  # its risk text is the product's own, the others translate it
NUMBERS = {
    "minimum_holding_days": _("Days before an early exit is possible"),
    "settlement_delay_days": _("Days until redeemed money arrives"),
    "renewal_cutoff_hours": _("Hours before maturity when instructions end"),
    "notice_days": _("Days of notice before a cut"),
}
CHOICES = {
    "kind": _("Kind"),
    "day_count": _("Day count"),
    "tier_mode": _("Tiers: by slice or by the whole balance"),
    "compounding": _("Compounding"),
    "payout": _("Interest is paid"),
    "final_rounding": _("Last fraction of a unit"),
    "early_rule": _("Leaving a fixed term early"),
}
# which field a constraint of the product is about, and what it wants
CONSTRAINTS = {
    "payout_fits_the_kind": (
        "payout",
        _(
            "A flexible product pays on redemption, a fixed one at maturity; or daily, or "
            "monthly."
        ),
    ),
    "early_redemption_has_its_figure": (
        "early_rule",
        _(
            "“Reduced rate” needs a rate and “Forfeit days” a number of days; the others "
            "have neither."
        ),
    ),
    "limits_are_positive": ("quota", _("Limits are above 0, or empty.")),
    "periods_are_not_negative": ("notice_days", _("Periods are 0 or longer.")),
    "sale_ends_after_it_begins": ("sale_until", _("The sale ends after it begins.")),
}


def _text(label: Any, help_text: Any = "", **options: Any) -> forms.CharField:
    return forms.CharField(
        label=label, help_text=help_text, required=False, max_length=200, **options
    )


def _moment(label: Any) -> forms.CharField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"})
    return _text(label, widget=widget)


class TermsForm(Request):
    """What may change of a product at any time: how it is called, offered, described."""

    product = forms.SlugField(label=_("Product"), max_length=60)
    sale_from = _moment(_("On sale from (UTC)"))
    sale_until = _moment(_("On sale until (UTC)"))
    minimum = _text(_("Smallest amount of an order"))
    step_of_orders = _text(_("Amounts go in steps of"))
    customer_cap = _text(_("Most that one customer holds"))
    quota = _text(_("Quota: most that all customers hold"))
    countries_allowed = _text(
        _("Countries allowed"), _("Two letters each, such as DE FR; empty: all.")
    )
    countries_denied = _text(_("Countries denied"))
    minimum_kyc_level = _text(_("Lowest verification level"))

    def __init__(self, data: Any = None, *, initial: Any = None, **known: Any) -> None:
        asked = initial or {}
        code = str(asked.get("product", "")).replace("\x00", "")
        found = Product.objects.filter(code=code).select_related("asset").first()
        filled = _initial(found) if found else {}
        super().__init__(data, initial={**filled, **asked}, **known)
        for language, name in LANGUAGES:
            label = _("Name: %(language)s") % {"language": name}
            self.fields[f"name_{language}"] = _text(label)
        for language, name in LANGUAGES:
            self.fields[f"risk_{language}"] = forms.CharField(
                label=_("Risks: %(language)s") % {"language": name},
                required=False,
                max_length=20_000,
                widget=forms.Textarea(attrs={"rows": 3}),
            )

    def as_request(self) -> dict[str, Any]:
        """With what is empty, too: a limit may be taken away."""
        known = self.cleaned_data
        languages = [code for code, _name in LANGUAGES]
        apart = ("name_", "risk_", "step_of_orders")
        return {
            **{x: y for x, y in known.items() if not x.startswith(apart)},
            "step": known["step_of_orders"],  # a button of the proposal has the name
            "names": {x: known[f"name_{x}"] for x in languages if known[f"name_{x}"]},
            "risk_text": known[f"risk_{SOURCE}"],
            "risk_translations": {
                x: known[f"risk_{x}"]
                for x in languages
                if x != SOURCE and known[f"risk_{x}"]
            },
        }


class DraftForm(TermsForm):
    """All terms. `filled` is the product as the form says it, when it is valid."""

    product = None  # type: ignore[assignment]  # a draft is named by its own code
    code = forms.SlugField(label=_("Code"), max_length=60)
    asset = forms.ModelChoiceField(
        Asset.objects.order_by("code"), to_field_name="code", label=_("Asset")
    )
    early_rate = _text(_("Rate of an early exit, % a year"), _("For “Reduced rate”."))
    early_days = forms.IntegerField(
        label=_("Days lost by an early exit"),
        help_text=_("For “Forfeit days”."),
        required=False,
        min_value=1,
        max_value=32_767,
    )

    def __init__(self, data: Any = None, *, draft: Product) -> None:
        super().__init__(data, initial=_initial(draft))
        self.draft = draft
        for name, label in CHOICES.items():
            column = Product._meta.get_field(name)
            assert isinstance(column, models.Field)  # no relation from elsewhere
            choices = [(code, in_words(str(said))) for code, said in column.flatchoices]
            self.fields[name] = forms.ChoiceField(label=label, choices=choices)
        for name, label in NUMBERS.items():
            self.fields[name] = forms.IntegerField(
                label=label, min_value=0, max_value=32_767
            )
        self.order_fields(_FIRST)

    def clean_code(self) -> str:
        code = str(self.cleaned_data["code"])
        if Product.objects.filter(code=code).exclude(pk=self.draft.pk).exists():
            raise ValidationError(_("Another product has this code."), code="taken")
        return code

    def clean_early_rate(self) -> Decimal | None:
        text = str(self.cleaned_data["early_rate"])
        if not text:
            return None
        if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,8})?", text):
            raise ValidationError(
                _("A figure such as 0.5, below 1000, with 8 decimals at most."),
                code="invalid",
            )
        return Decimal(fraction(text))

    def clean(self) -> dict[str, Any]:
        if not self.errors:
            self._fill()
        return self.cleaned_data

    def _fill(self) -> None:
        known, draft = self.cleaned_data, self.draft
        for name in ("code", "asset", "early_rate", "early_days", *CHOICES, *NUMBERS):
            setattr(draft, name, known[name])
        try:
            fill_in(draft, self.as_request())
        except Impossible as error:
            name, _colon, sentence = str(error).partition(": ")
            self.add_error("step_of_orders" if name == "step" else name, sentence)
        for constraint in Product._meta.constraints:
            try:
                constraint.validate(Product, draft)
            except ValidationError:
                name, wanted = CONSTRAINTS[constraint.name]
                self.add_error(name, wanted)


_FIRST = [
    *("code", "asset", "kind", "payout", "compounding", "tier_mode", "day_count"),
    *("final_rounding", "early_rule", "early_rate", "early_days", *NUMBERS),
]


def _initial(product: Product) -> dict[str, Any]:
    """The fields as they stand: amounts without needless zeros, moments in UTC."""
    amounts = ("minimum", "customer_cap", "quota")
    same = ("code", "minimum_kyc_level", "early_days", *CHOICES, *NUMBERS)
    rate = product.early_rate
    return {
        **{name: getattr(product, name) for name in same},
        **{name: _amount(getattr(product, name)) for name in amounts},
        **{name: _utc(getattr(product, name)) for name in ("sale_from", "sale_until")},
        **{
            name: " ".join(getattr(product, name))
            for name in ("countries_allowed", "countries_denied")
        },
        **{f"name_{code}": text for code, text in product.names.items()},
        **{f"risk_{code}": text for code, text in product.risk_translations.items()},
        f"risk_{SOURCE}": product.risk_text,
        "step_of_orders": _amount(product.step),
        "asset": product.asset.code if product.asset_id else "",
        "early_rate": "" if rate is None else plain(rate * 100),
    }


def _amount(amount: Decimal | None) -> str:
    return "" if amount is None else plain(Decimal(amount))


def _utc(at: datetime | None) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat() if at else ""


class WindUpForm(Request):
    product = forms.SlugField(label=_("Product"), max_length=60)


FORMS[Operation.TERMS] = TermsForm
FORMS[Operation.WIND_UP] = WindUpForm
