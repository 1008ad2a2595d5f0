"""The catalogue for everybody: finding a product, reading it, and what it would earn."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django import forms
from django.core.paginator import Page, Paginator
from django.db.models import (
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    Window,
)
from django.db.models.functions import TruncDate
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from earn.days import (
    ONE_DAY,
    business_day,
    first_earning_day,
)
from earn.interest import TierMode
from earn.models import Product, ProductKind, QuotaShard, RateChart, RateTier
from earn.portal.offers import (
    Badge,
    Standing,
    badge,
    headline_marked,
    in_days,
    is_partial,
    name_of,
    roughly,
    share_left,
    short,
    standing,
)
from ledger.models import Asset

PAGE = 24


class Offer(NamedTuple):
    """One product of the list; `left` is None when there is no quota."""

    product: Product
    name: str
    badge: Badge
    headline: SafeString
    terms: tuple[str, ...]
    minimum: str
    standing: Standing
    left: Decimal | None
    left_shown: str
    share: int | None
    quota: str


class Search(forms.Form):
    """What is asked of the list; what cannot be understood is left out."""

    q = forms.CharField(label=gettext_lazy("Token or name"), required=False, max_length=60)
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        required=False,
        choices=[
            ("", gettext_lazy("All")),
            (ProductKind.FLEXIBLE, gettext_lazy("Flexible")),
            (ProductKind.FIXED, gettext_lazy("Fixed term")),
        ],
    )
    term = forms.IntegerField(
        label=gettext_lazy("Term"),
        required=False,
        min_value=1,
        max_value=36500,
        widget=forms.Select,
    )
    asset = forms.CharField(
        label=gettext_lazy("Asset"),
        required=False,
        max_length=60,
        widget=forms.TextInput({"list": "assets", "autocomplete": "off"}),
    )
    sort = forms.ChoiceField(
        label=gettext_lazy("Sort by"),
        required=False,
        choices=[("", gettext_lazy("Asset")), ("rate", gettext_lazy("Best rate"))],
    )
    page = forms.IntegerField(required=False, min_value=1, max_value=100_000)

    def clean_asset(self) -> str:
        return str(self.cleaned_data["asset"]).upper()

    def offer_terms(self, terms: Iterable[int]) -> None:
        choices = [("", _("All")), *((str(n), in_days(n)) for n in terms)]
        self.fields["term"].widget.choices = choices


@require_safe
@vary_on_headers("HX-Request")
def products(request: HttpRequest) -> HttpResponse:
    search = Search(request.GET)
    search.is_valid()
    at = datetime.now(UTC)
    page, offers = found(search.cleaned_data, at=at)
    numbers = page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)
    shown = {"search": search, "page": page, "offers": offers, "numbers": numbers}
    if is_partial(request):
        return render(request, "portal/_explore_list.html", shown)
    assets, terms = _choices(at)
    search.offer_terms(terms)
    return render(request, "portal/explore.html", shown | {"assets": assets})


def found(wanted: dict[str, Any], *, at: datetime) -> tuple[Page[int], list[Offer]]:
    """A page of what is wanted, in two queries however many products there are."""
    number, term_days = wanted.get("page") or 1, wanted.get("term")
    order = ("product__asset__code", "product__kind", "product__code")
    start = (number - 1) * PAGE
    charts: list[Any] = list(
        _matching(wanted, at)
        .annotate(left=_left(), total=Window(Count("*")))
        .order_by(*(("-best", *order) if wanted.get("sort") == "rate" else order))[
            start : start + PAGE
        ]
    )
    if number > 1 and not charts:
        raise Http404
    tiers = defaultdict(list)
    for tier in RateTier.objects.filter(chart__in=charts):
        tiers[tier.chart_id].append(tier)
    page = Paginator(range(charts[0].total if charts else 0), PAGE).page(number)
    return page, [_offer(chart, tiers[chart.pk], term_days, at) for chart in charts]


def _on_view(at: datetime) -> QuerySet[Product]:
    """On sale or opening soon; what is sold out stays in view."""
    not_over = Q(sale_until=None) | Q(sale_until__gt=at)
    return Product.objects.filter(not_over, state=Product.State.OPEN)


def _matching(wanted: dict[str, Any], at: datetime) -> QuerySet[RateChart, Any]:
    """The chart of each product for the first money that can come, with its best rate."""
    tiers = RateTier.objects.filter(chart=OuterRef("pk"))
    if wanted.get("term"):
        tiers = tiers.filter(term_days=wanted["term"])
    kind = Q(kind=wanted["kind"]) if wanted.get("kind") else Q()
    products = _on_view(at).filter(
        kind, _of_asset(wanted.get("asset") or ""), _named(wanted.get("q") or "")
    )
    return (
        RateChart.objects.filter(Exists(tiers), pk__in=_in_force(products, at))
        .annotate(best=Subquery(tiers.order_by("-annual_rate").values("annual_rate")[:1]))
        .select_related("product__asset")
    )


def _in_force(products: QuerySet[Product], at: datetime) -> QuerySet[RateChart, Any]:
    """One chart a product, all found in one pass."""
    opens_on = TruncDate("product__sale_from", tzinfo=UTC)
    in_time = Q(effective_on__lte=first_earning_day(business_day(at))) | Q(
        effective_on__lte=opens_on + ONE_DAY
    )
    return (
        RateChart.objects.filter(in_time, product__in=products, announced_at__isnull=False)
        .order_by("product", "-effective_on", "-version")
        .distinct("product")
        .values("pk")
    )


def _of_asset(code: str) -> Q:
    """Of the asset of that code; while there is none, of those that begin with it."""
    if not code:
        return Q()
    begins = ~Exists(Asset.objects.filter(code=code)) & Q(asset__code__startswith=code)
    return Q(asset__code=code) | Q(begins)


def _named(text: str) -> Q:
    """Products whose token or name has the text in it, in any case of letters."""
    names = {f"names__{language}__icontains" for language in (get_language() or "en", "en")}
    places = {"asset__code__icontains", "asset__name__icontains", "code__icontains"} | names
    return Q(*((place, text) for place in places), _connector=Q.OR) if text else Q()


def _left() -> Subquery:
    shards = QuotaShard.objects.filter(product=OuterRef("product")).values("product")
    return Subquery(shards.annotate(left=Sum(F("capacity") - F("used"))).values("left"))


def _choices(at: datetime) -> tuple[list[str], list[int]]:
    """The assets and terms to filter by, in one query."""
    shown = _on_view(at)
    terms = RateTier.objects.filter(chart__product__in=shown, term_days__isnull=False)
    assets = shown.values_list("asset__code", Value(0))
    found = assets.union(terms.values_list(Value(""), "term_days"))
    return (
        sorted(code for code, _ in found if code),
        sorted(term for _, term in found if term),
    )


def _offer(
    chart: Any, tiers: Sequence[RateTier], term_days: int | None, at: datetime
) -> Offer:
    product = chart.product
    asked = [tier for tier in tiers if term_days in (None, tier.term_days)]
    asset = product.asset.code
    return Offer(
        product=product,
        name=name_of(product),
        badge=badge(asset),
        headline=headline_marked(asked, TierMode(product.tier_mode), asset),
        terms=tuple(map(in_days, sorted({x.term_days for x in tiers if x.term_days}))),
        minimum=short(product.minimum, asset) if product.minimum else "",
        standing=standing(product, chart.left, at),
        left=chart.left,
        left_shown="" if chart.left is None else roughly(chart.left, product.asset),
        share=share_left(product, chart.left),
        quota=short(product.quota, asset) if product.quota else "",
    )
