"""The catalogue for everybody: finding a product, reading it, and what it would earn."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django import forms
from django.contrib.postgres.aggregates import ArrayAgg
from django.core.paginator import Page, Paginator
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum, Window
from django.db.models.functions import TruncDate
from django.forms.utils import flatatt
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
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
    Standing,
    headline,
    in_days,
    is_partial,
    name_of,
    short,
    standing,
)

PAGE = 24


class Offer(NamedTuple):
    """One product of the list; `left` is None when there is no quota."""

    product: Product
    name: str
    headline: str
    terms: tuple[int, ...]
    minimum: str
    standing: Standing
    left: Decimal | None


class LongSelect(forms.Select):
    """Without a template for each option: there may be more than a thousand assets."""

    def render(  # Django's signature
        self,
        name: str,
        value: Any,
        attrs: Any = None,
        renderer: Any = None,  # noqa: ARG002
    ) -> SafeString:
        options = [
            (key, " selected" if str(key) == str(value or "") else "", label)
            for key, label in self.choices
        ]
        inner = format_html_join("", '<option value="{}"{}>{}</option>', options)
        return format_html("<select{}>{}</select>", flatatt(attrs | {"name": name}), inner)


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
        widget=LongSelect,
    )
    asset = forms.CharField(
        label=gettext_lazy("Asset"), required=False, max_length=60, widget=LongSelect
    )
    sort = forms.ChoiceField(
        label=gettext_lazy("Sort by"),
        required=False,
        choices=[("", gettext_lazy("Asset")), ("rate", gettext_lazy("Best rate"))],
    )
    page = forms.IntegerField(required=False, min_value=1, max_value=100_000)

    def offer_choices(self, assets: Iterable[str], terms: Iterable[int]) -> None:
        everything = [("", _("All"))]
        self.fields["asset"].widget.choices = [*everything, *((x, x) for x in assets)]
        self.fields["term"].widget.choices = [
            *everything,
            *((n, in_days(n)) for n in terms),
        ]


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
    search.offer_choices(assets, terms)
    return render(request, "portal/explore.html", shown)


def found(wanted: dict[str, Any], *, at: datetime) -> tuple[Page[int], list[Offer]]:
    """A page of what is wanted, in two queries however many products there are."""
    number, term_days = wanted.get("page") or 1, wanted.get("term")
    order = ("asset__code", "kind", "code")
    start = (number - 1) * PAGE
    rows: list[Any] = list(
        _matching(wanted, at)
        .annotate(left=_left(), total=Window(Count("*")))
        .select_related("asset")
        .order_by(*(("-best", *order) if wanted.get("sort") == "rate" else order))[
            start : start + PAGE
        ]
    )
    if number > 1 and not rows:
        raise Http404
    tiers = defaultdict(list)
    for tier in RateTier.objects.filter(chart__in=[row.in_force for row in rows]):
        tiers[tier.chart_id].append(tier)
    page = Paginator(range(rows[0].total if rows else 0), PAGE).page(number)
    return page, [_offer(row, tiers[row.in_force], term_days, at) for row in rows]


def _on_view(at: datetime) -> QuerySet[Product]:
    """On sale or opening soon; what is sold out stays in view."""
    not_over = Q(sale_until=None) | Q(sale_until__gt=at)
    return Product.objects.filter(not_over, state=Product.State.OPEN)


def _matching(wanted: dict[str, Any], at: datetime) -> QuerySet[Product, Any]:
    """With `in_force`, the chart for the first money that can come, and its `best` rate."""
    in_time = Q(effective_on__lte=first_earning_day(business_day(at))) | Q(
        effective_on__lte=OuterRef("opens_on") + ONE_DAY
    )
    charts = RateChart.objects.filter(
        in_time, product=OuterRef("pk"), announced_at__isnull=False
    ).order_by("-effective_on", "-version")
    tiers = RateTier.objects.filter(chart=OuterRef("in_force"))
    if wanted.get("term"):
        tiers = tiers.filter(term_days=wanted["term"])
    exact = {"kind": wanted.get("kind"), "asset__code": wanted.get("asset")}
    return (
        _on_view(at)
        .filter(_named(wanted.get("q") or ""), **{k: v for k, v in exact.items() if v})
        .annotate(opens_on=TruncDate("sale_from", tzinfo=UTC))
        .annotate(in_force=Subquery(charts.values("pk")[:1]))
        .annotate(best=Subquery(tiers.order_by("-annual_rate").values("annual_rate")[:1]))
        .filter(Exists(tiers))
    )


def _named(text: str) -> Q:
    """Products whose token or name has the text in it, in any case of letters."""
    names = {f"names__{language}__icontains" for language in (get_language() or "en", "en")}
    places = {"asset__code__icontains", "asset__name__icontains", "code__icontains"} | names
    return Q(*((place, text) for place in places), _connector=Q.OR) if text else Q()


def _left() -> Subquery:
    shards = QuotaShard.objects.filter(product=OuterRef("pk")).values("product")
    return Subquery(shards.annotate(left=Sum(F("capacity") - F("used"))).values("left"))


def _choices(at: datetime) -> tuple[list[str], list[int]]:
    """The assets and terms to filter by, in one query."""
    terms = "charts__tiers__term_days"
    found = _on_view(at).aggregate(
        assets=ArrayAgg("asset__code", distinct=True, default=[]),
        terms=ArrayAgg(terms, distinct=True, filter=Q(**{f"{terms}__gt": 0}), default=[]),
    )
    return found["assets"], found["terms"]


def _offer(
    row: Any, tiers: Sequence[RateTier], term_days: int | None, at: datetime
) -> Offer:
    asked = [tier for tier in tiers if term_days in (None, tier.term_days)]
    asset = row.asset.code
    return Offer(
        product=row,
        name=name_of(row),
        headline=headline(asked, TierMode(row.tier_mode), asset),
        terms=tuple(sorted({tier.term_days for tier in tiers if tier.term_days})),
        minimum=short(row.minimum, asset) if row.minimum else "",
        standing=standing(row, row.left, at),
        left=row.left,
    )
