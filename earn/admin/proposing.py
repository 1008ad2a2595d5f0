"""The forms in which staff propose, one for each operation; they become requests."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from earn import chart
from earn.admin.figures import in_words
from earn.models import Customer, Operation, Product, Venue
from earn.operations import limits
from earn.operations.books import WALLET
from ledger.models import Asset

YES = [("no", _("No")), ("yes", _("Yes"))]
EARNING = [
    ("", _("Stays as it is")),
    ("pause", _("Earns nothing")),
    ("resume", _("Earns again")),
]


def _assets() -> list[tuple[str, str]]:
    codes = Asset.objects.order_by("code").values_list("code", flat=True)
    return [("", "-"), *((code, code) for code in codes)]


def _venues() -> list[tuple[str, str]]:
    names = Venue.objects.order_by("code").values_list("code", "name")
    return [("", "-"), *((code, f"{code}: {name}") for code, name in names)]


def _where() -> list[tuple[str, Any]]:
    """What an adjustment may name: a wallet, the house’s accounts, two of each venue."""
    venues = list(Venue.objects.order_by("code").values_list("code", flat=True))
    families = (chart.DEPLOYED, chart.YIELDS)
    codes = [f"{family}{venue}" for family in families for venue in venues]
    return [
        (WALLET, _("The customer’s wallet")),
        *((code, code) for code in (*chart.HOUSE, *codes)),
    ]


class CustomerField(forms.CharField):
    """By the platform's reference, the number or the UUID; becomes the number."""

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return ""
        found = Customer.objects.filter(reference=text).first() or _numbered(text)
        if found is None:
            raise forms.ValidationError(
                _("No customer has that reference, number or UUID."), code="unknown"
            )
        return str(found.pk)

    @staticmethod
    def found(number: str) -> Customer:
        """The customer of what `clean` gave."""
        return Customer.objects.get(pk=int(number))


def _numbered(text: str) -> Customer | None:
    if text.isascii() and text.isdecimal() and len(text) < 19:
        return Customer.objects.filter(pk=int(text)).first()
    try:
        field = forms.UUIDField().clean(text)
    except forms.ValidationError:
        return None
    return Customer.objects.filter(uuid=field).first()


class Request(forms.Form):
    """`cleaned_data` is the request of the operation, as text."""

    def as_request(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if value != ""}


class MoneyForm(Request):
    customer = CustomerField(label=_("Customer"), max_length=200)
    asset = forms.ChoiceField(label=_("Asset"), choices=_assets)
    amount = forms.CharField(label=_("Amount"), max_length=60)


class AdjustmentForm(Request):
    asset = forms.ChoiceField(label=_("Asset"), choices=_assets)
    debit = forms.ChoiceField(label=_("Debit"), choices=_where)
    credit = forms.ChoiceField(label=_("Credit"), choices=_where)
    amount = forms.CharField(label=_("Amount"), max_length=60)
    customer = CustomerField(
        label=_("Customer"),
        max_length=200,
        required=False,
        help_text=_("Where a wallet is debited or credited."),
    )


class ReversalForm(Request):
    entry = forms.CharField(label=_("Key of the entry"), max_length=200)
    why = forms.CharField(
        label=_("Reason in the books"),
        max_length=200,
        help_text=_("Stays in the books for ever: no personal data."),
    )


class FreezeForm(Request):
    customer = CustomerField(label=_("Customer"), max_length=200)
    frozen_in = forms.ChoiceField(label=_("No new money in"), choices=YES)
    frozen_out = forms.ChoiceField(label=_("No money out"), choices=YES)
    earning = forms.ChoiceField(
        label=_("Interest"), choices=EARNING, required=False, initial=""
    )
    earning_on = forms.DateField(
        label=_("Interest changes from"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_(
            "Tomorrow or later, and after the approval. While interest is paused no new "
            "money comes in."
        ),
    )

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        day = found.get("earning_on")
        found["earning_on"] = day.isoformat() if day else ""
        if bool(found.get("earning")) != bool(day) and "earning_on" not in self.errors:
            self.add_error(
                "earning_on", _("A day is needed where interest changes, and only there.")
            )
        return found


class StateForm(Request):
    product = forms.SlugField(label=_("Product"), max_length=60)
    state = forms.ChoiceField(
        label=_("State"), choices=[x for x in Product.State.choices if x[0] != "DRAFT"]
    )
    shards = forms.CharField(
        label=_("Parts of the quota"),
        max_length=2,
        required=False,
        help_text=_("When it opens first: more than one spreads an announced rush."),
    )


class RatesForm(Request):
    """Rows as lines: term in days (none of a flexible product), from, rate in percent."""

    product = forms.SlugField(label=_("Product"), max_length=60)
    effective_on = forms.DateField(
        label=_("In force from"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    rows = forms.CharField(
        label=_("Rates"),
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=_(
            "A line for each tier: term in days, from amount, rate in percent a year, "
            "with a space between. Of a flexible product without the term: 0 4.5"
        ),
    )

    def clean_effective_on(self) -> str:
        return str(self.cleaned_data["effective_on"].isoformat())

    def clean_rows(self) -> list[dict[str, str]]:
        lines = self.cleaned_data["rows"].splitlines()
        found = [
            _tier(number, line.split())
            for number, line in enumerate(lines, start=1)
            if line.strip()
        ]
        if not found:
            raise forms.ValidationError(_("Write one line or more."))
        return found


class LimitForm(Request):
    limited = forms.ChoiceField(
        label=_("Operation"),
        choices=[x for x in Operation.choices if x[0] in limits.MONEY],
    )
    asset = forms.ChoiceField(label=_("Asset"), choices=_assets)
    at_once = forms.CharField(label=_("Most at once"), max_length=60)
    a_day = forms.CharField(label=_("Most on a day (UTC)"), max_length=60)


class VenueForm(Request):
    code = forms.CharField(
        label=_("Code"),
        max_length=40,
        help_text=_(
            "Names its accounts for ever. A code that is known: its terms are changed."
        ),
    )
    name = forms.CharField(label=_("Name"), max_length=100)
    notice_days = forms.CharField(
        label=_("Days of notice"),
        max_length=3,
        help_text=_("From asking for the coins until custody has them again."),
    )


class CoinsForm(Request):
    venue = forms.ChoiceField(label=_("Venue"), choices=_venues)
    asset = forms.ChoiceField(label=_("Asset"), choices=_assets)
    amount = forms.CharField(label=_("Amount"), max_length=60)


class YieldForm(CoinsForm):
    paid_to = forms.ChoiceField(
        label=_("Paid"),
        choices=[("venue", _("It stays at the venue")), ("custody", _("To custody"))],
    )


FORMS: dict[str, type[Request]] = {
    Operation.DEPOSIT: MoneyForm,
    Operation.WITHDRAWAL: MoneyForm,
    Operation.ADJUSTMENT: AdjustmentForm,
    Operation.REVERSAL: ReversalForm,
    Operation.FREEZE: FreezeForm,
    Operation.PRODUCT: StateForm,
    Operation.RATES: RatesForm,
    Operation.LIMIT: LimitForm,
    Operation.VENUE: VenueForm,
    Operation.DEPLOY: CoinsForm,
    Operation.RECALL: CoinsForm,
    Operation.YIELD: YieldForm,
}


def shown(operation: str, request: dict[str, Any]) -> dict[str, str]:
    """What was asked, as people read it: in the order and by the labels of its form."""
    fields = FORMS[operation].base_fields if operation in FORMS else {}
    names = [*(x for x in fields if x in request), *(x for x in request if x not in fields)]
    return {
        str(fields[name].label) if name in fields else in_words(name): _said(request[name])
        for name in names
        if request[name]
    }


def _said(value: Any) -> str:
    """Of rows each one, of what has names each of them; what is empty is left out."""
    if isinstance(value, list):
        return "; ".join(_said(x) for x in value)
    if isinstance(value, dict):
        return ", ".join(f"{in_words(x).lower()} {y}" for x, y in value.items() if y)
    return str(value)


def _tier(number: int, words: list[str]) -> dict[str, str]:
    if len(words) not in (2, 3):
        raise forms.ValidationError(
            _("Line %(n)s has %(words)s figures: two or three are needed.")
            % {"n": number, "words": len(words)}
        )
    *term, lower, percent = words
    return {"term_days": term[0] if term else "", "from": lower, "rate": fraction(percent)}


def fraction(percent: str) -> str:
    """4.5 is 0.045; what is no figure is left to the operation, which says so."""
    whole, _point, decimals = percent.rstrip("%").partition(".")
    if not (f"{whole}{decimals}".isascii() and f"{whole}{decimals}".isdecimal()):
        return percent
    digits = whole.rjust(3, "0")
    return f"{digits[:-2]}.{digits[-2:]}{decimals}"
