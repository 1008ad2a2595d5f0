"""One product: its rates and rules in plain words, and what an amount would earn."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from earn import catalogue
from earn.days import (
    ONE_DAY,
    DayCount,
    business_day,
    first_earning_day,
    last_earning_day,
    maturity_date,
)
from earn.interest import Chart as Rates
from earn.interest import Compounding, Payout, Rounding, Tier, TierMode, blended_rate
from earn.models import Product, ProductKind, RateChart
from earn.portal.charts import Chart, Series, X
from earn.portal.charts import chart as drawn
from earn.portal.filters import amount, isolated, percent
from earn.portal.offers import (
    badge,
    headline,
    headline_marked,
    in_days,
    is_partial,
    name_of,
    risk_text_of,
    share_left,
    short,
    standing,
)
from earn.portal.reading import AmountField
from earn.portal.refusing import sentence
from earn.portal.wording import PAYOUT
from earn.projection import Projection, project
from earn.refusals import Refusal
from earn.subscriptions import early_terms

YEAR = 365  # how long the calculator keeps money in a flexible product
WIDEST = 100  # of the bars beside the rates
PARTS = 40  # of the curve of blended rates


class Line(NamedTuple):
    """One line of a rate table; `upper` is empty in the last one."""

    lower: str
    upper: str
    rate: Decimal
    width: int


class Term(NamedTuple):
    """Rates of a term with its days; a flexible product has one, without an end.

    `picture` is None where the rate is the same for every amount.
    """

    term_days: int | None
    lines: list[Line]
    picture: Chart | None
    last_day: date | None
    matures_on: date | None


class Version(NamedTuple):
    chart: RateChart
    headline: str
    best: Decimal


class CalculatorForm(forms.Form):
    def __init__(self, product: Product, terms: Sequence[Term], asked: Any) -> None:
        super().__init__(asked if "amount" in asked else None)
        self.product = product
        self.fields["amount"] = AmountField(
            product.asset,
            required=False,
            label=_("Amount in %(asset)s") % {"asset": product.asset.code},
        )
        if product.kind == ProductKind.FIXED:
            self.fields["term"] = forms.TypedChoiceField(
                label=_("Term"),
                coerce=int,
                choices=[(x.term_days, in_days(x.term_days or 0)) for x in terms],
            )

    def clean_amount(self) -> Decimal | None:
        amount: Decimal | None = self.cleaned_data["amount"]
        if amount is None:
            return None
        try:
            catalogue.check_amount(self.product, amount)
        except Refusal as refusal:
            raise forms.ValidationError(sentence(refusal, self.product.asset)) from refusal
        return amount


@require_safe
def product(request: HttpRequest, code: str) -> HttpResponse:
    return render(request, "portal/product.html", _page(request, code))


@require_safe
@vary_on_headers("HX-Request")
def calculator(request: HttpRequest, code: str) -> HttpResponse:
    part = "portal/_calculator.html" if is_partial(request) else "portal/product.html"
    return render(request, part, _page(request, code))


def _page(request: HttpRequest, code: str) -> dict[str, Any]:
    public = Product.objects.select_related("asset").exclude(state=Product.State.DRAFT)
    product = get_object_or_404(public, code=code)
    return about(product, request.GET, at=datetime.now(UTC))


def about(product: Product, asked: Any, *, at: datetime) -> dict[str, Any]:
    """Everything that the page of a product says; `asked` is what the calculator is."""
    left = catalogue.quota_left(product)
    comes_on = business_day(max(at, product.sale_from or at))
    chart = catalogue.chart_on(product, first_earning_day(comes_on))
    terms = _terms(product, chart, comes_on)
    form = CalculatorForm(product, terms, asked)
    history = _history(product)
    return {
        "product": product,
        "asset": product.asset,
        "name": name_of(product),
        "standing": standing(product, left, at),
        "left": left,
        "left_shown": "" if left is None else amount(left, product.asset),
        "share": share_left(product, left),
        "quota": short(product.quota, product.asset.code) if product.quota else "",
        "badge": badge(product.asset.code),
        "risk_text": risk_text_of(product),
        "limits": _limits(product),
        "who": _who(product),
        "payout": PAYOUT[product.payout],
        "early": early_terms(product),
        "chart": chart,
        "headline": _headline(product, chart),
        "terms": terms,
        "first_day": first_earning_day(comes_on),
        "history": history,
        "over_time": _over_time(history, first_earning_day(business_day(at))),
        "form": form,
        **_reckoned(form, chart, first_earning_day(comes_on)),
    }


def _limits(product: Product) -> dict[str, str]:
    """The amounts in a product's rules that are set, as text."""
    amounts = {name: getattr(product, name) for name in ("minimum", "step", "customer_cap")}
    return {x: short(amount, product.asset.code) for x, amount in amounts.items() if amount}


def _who(product: Product) -> str:
    """Who may put money in, by country and verification."""
    denied, allowed = set(product.countries_denied), product.countries_allowed
    told = {
        "countries": isolated(", ".join(x for x in allowed if x not in denied)),
        "others": isolated(", ".join(product.countries_denied)),
        "level": product.minimum_kyc_level,
    }
    if product.minimum_kyc_level:
        if allowed:
            words = _("Customers from verification level %(level)s on, in %(countries)s")
        elif denied:
            words = _(
                "Customers from verification level %(level)s on, in all countries but "
                "%(others)s"
            )
        else:
            words = _("Customers from verification level %(level)s on, in all countries")
    elif allowed:
        words = _("Customers in %(countries)s")
    elif denied:
        words = _("Customers in all countries but %(others)s")
    else:
        words = _("Customers in all countries")
    return words % told


def _terms(product: Product, chart: RateChart | None, comes_on: date) -> list[Term]:
    tiers = list(chart.tiers.order_by("term_days", "from_amount")) if chart else []
    most = max((tier.annual_rate for tier in tiers), default=Decimal(0))
    by_term = defaultdict(list)
    for tier in tiers:
        by_term[tier.term_days].append(Tier(tier.from_amount, tier.annual_rate))
    return [
        Term(
            term_days=term_days,
            lines=_lines(found, most, product.asset.code),
            picture=_by_amount(product, found),
            last_day=last_earning_day(comes_on, term_days) if term_days else None,
            matures_on=maturity_date(comes_on, term_days) if term_days else None,
        )
        for term_days, found in by_term.items()
    ]


def _by_amount(product: Product, tiers: Sequence[Tier]) -> Chart | None:
    """The rate of each part of a balance, and that of the whole balance, by its amount."""
    if len(tiers) < 2 and not tiers[0].from_amount:
        return None
    end = tiers[-1].from_amount * 2
    ends = [] if not tiers[0].from_amount else [Tier(Decimal(0), Decimal(0))]
    edges: list[tuple[X, Decimal | None]] = [
        *((tier.from_amount, tier.annual_rate) for tier in (*ends, *tiers)),
        (end, tiers[-1].annual_rate),
    ]
    steps = Series(_("Rate of the next unit"), edges, "STEP")
    if TierMode(product.tier_mode) is not TierMode.SLICE:
        return _picture(product, [steps._replace(label=_("Rate of the whole balance"))])
    amounts = {end * n / PARTS for n in range(1, PARTS + 1)} | {
        x.from_amount for x in tiers
    }
    blended: list[tuple[X, Decimal | None]] = [
        (amount, _rounded(blended_rate(amount, tiers, TierMode.SLICE)))
        for amount in sorted(amounts - {Decimal(0)})
    ]
    return _picture(product, [steps, Series(_("Rate of the whole balance"), blended)])


def _picture(product: Product, series: Sequence[Series]) -> Chart | None:
    return drawn(
        series,
        summary=_("Annual rate by amount, as in the table"),
        value_words=percent,
        x_words=lambda amount: short(_amount(amount), product.asset.code),
    )


def _amount(x: X) -> Decimal:
    assert isinstance(x, Decimal)  # of an axis of amounts
    return x


def _rounded(rate: Decimal) -> Decimal:
    """To a hundredth of a percent: a picture shows no more."""
    return Decimal(f"{rate:.4f}")


def _over_time(history: Sequence[Version], until: date) -> Chart | None:
    """The best rate of each version from the day on which it took effect."""
    points = {x.chart.effective_on: x.best for x in reversed(history)}
    if not points:
        return None
    last = max(points)
    points.setdefault(max(until, last + ONE_DAY), points[last])
    return drawn(
        [Series(_("Best rate"), list(points.items()), "STEP")],
        summary=_("The best rate over time, as in the table"),
        value_words=percent,
        x_words=lambda day: date_format(_date(day), "SHORT_DATE_FORMAT"),
    )


def _date(x: X) -> date:
    assert isinstance(x, date)  # of an axis of days
    return x


def _lines(tiers: Sequence[Tier], most: Decimal, asset: str) -> list[Line]:
    """From zero on: what is below the first tier earns nothing."""
    if tiers[0].from_amount:
        tiers = [Tier(Decimal(0), Decimal(0)), *tiers]
    uppers = [*(short(tier.from_amount, asset) for tier in tiers[1:]), ""]
    return [
        Line(
            lower=short(tier.from_amount, asset),
            upper=upper,
            rate=tier.annual_rate,
            width=int(WIDEST * tier.annual_rate / most) if most else 0,
        )
        for tier, upper in zip(tiers, uppers, strict=True)
    ]


def _headline(product: Product, chart: RateChart | None) -> str:
    mode, asset = TierMode(product.tier_mode), product.asset.code
    return headline_marked(chart.tiers.all(), mode, asset) if chart else ""


def _history(product: Product) -> list[Version]:
    """All announced rates, the latest first."""
    charts = product.charts.filter(announced_at__isnull=False).prefetch_related("tiers")
    return [
        Version(
            chart,
            headline(chart.tiers.all(), TierMode(product.tier_mode), product.asset.code),
            max(tier.annual_rate for tier in chart.tiers.all()),
        )
        for chart in charts.order_by("-effective_on", "-version")
    ]


def _reckoned(
    form: CalculatorForm, chart: RateChart | None, first_day: date
) -> dict[str, Any]:
    """The calculator's answer to a form that asks something it can answer."""
    if chart is None or not form.is_valid() or form.cleaned_data["amount"] is None:
        return {}
    amount, term_days = form.cleaned_data["amount"], form.cleaned_data.get("term")
    tiers = catalogue.tiers_of(chart, term_days)
    later = [] if term_days else catalogue.announced_after(form.product, first_day)
    figures = earnings(
        form.product, tiers, amount, first_day, term_days or YEAR, later=later
    )
    mode = TierMode(form.product.tier_mode)
    return {
        "later": [
            (x.effective_on, blended_rate(amount, x.tiers, mode))
            for x in sorted(later)
            if (x.effective_on - first_day).days < YEAR
        ],
        "amount": amount,
        "days": term_days or YEAR,
        "subscribe_with": urlencode(
            {"amount": form.data["amount"], "term": term_days or ""}
        ),
        "figures": figures,
        "apy": Decimal(f"{figures.apy:.6f}"),  # to as many digits as an order shows
        "months": [(date(year, month, 1), x) for year, month, x in figures.by_month],
        "paid_out": amount + figures.interest - figures.final_balance,
    }


def earnings(
    product: Product,
    tiers: Sequence[Tier],
    amount: Decimal,
    first_day: date,
    days: int,
    *,
    later: Sequence[Rates] = (),
) -> Projection:
    """What the books will come to, if no more rates are announced."""
    return project(
        amount=amount,
        tiers=tiers,
        mode=TierMode(product.tier_mode),
        day_count=DayCount(product.day_count),
        compounding=Compounding(product.compounding),
        scale=product.asset.scale,
        rounding=Rounding(product.final_rounding),
        first_day=first_day,
        days=days,
        payout=Payout(product.payout),
        later=later,
    )
