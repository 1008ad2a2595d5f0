"""Products: what is offered, how much of it is taken up, and what may be done with each."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from earn import chart, proposals, uptake
from earn.catalogue import Row
from earn.days import business_day
from earn.desk import page, show
from earn.interest import TierMode
from earn.models import Product, ProductKind, RateChart
from earn.operations.products import rates_in_words
from earn.portal.charts import Chart, Series, X
from earn.portal.charts import chart as drawn
from earn.portal.filters import percent
from earn.portal.offers import headline, name_of
from earn.portal.product import about
from earn.uptake import Uptake
from ledger import balances

SECTION = gettext_lazy("Products")
PAGE = 25
SHOWN = timedelta(days=730)  # of the past, in the picture; the table has all
AHEAD = timedelta(days=30)  # that the picture shows of the last rates
LARGEST = 2**63 - 1


class Offered(NamedTuple):
    """A line of the list. `share` is the part of the quota that is used."""

    product: Product
    name: str
    rate: str
    uptake: Uptake
    share: Decimal | None


class Version(NamedTuple):
    """A chart on the time line; `standing` is PAST, NOW, AHEAD or REPLACED."""

    chart: RateChart
    standing: str
    words: str
    best: Decimal


@page("products/", name="products", label=gettext_lazy("Products"), section=SECTION)
@require_safe
def product_list(request: HttpRequest) -> HttpResponse:
    asked = {
        name: text
        for name in ("q", "state", "kind")
        if (text := request.GET.get(name, "").replace("\x00", "").strip())
    }
    after = request.GET.get("after", "").replace("\x00", "")
    found = list(_found(asked).filter(code__gt=after)[: PAGE + 1])
    shown, more = found[:PAGE], len(found) > PAGE
    return show(
        request,
        "desk/products.html",
        _("Products"),
        rows=_offered(shown, business_day(datetime.now(UTC))),
        asked=asked,
        states=Product.State.choices,
        kinds=ProductKind.choices,
        is_first=not after,
        filters=urlencode(asked),
        further=urlencode(asked | {"after": shown[-1].code}) if more else "",
    )


@page("products/<int:object_id>/", name="product")
@require_safe
def product(request: HttpRequest, object_id: int) -> HttpResponse:
    found, at = product_of(object_id), datetime.now(UTC)
    today = business_day(at)
    versions = _versions(found, today)
    taken = uptake.of([found])[found.pk]
    owed = chart.accrued(found)
    waiting = proposals.waiting(at=at).filter(subject=f"product:{found.code}")
    return show(
        request,
        "desk/product.html",
        found.code,
        **about(found, {}, at=at),
        crumbs=[crumb()],
        versions=versions,
        timeline=_timeline(versions, today),
        uptake=taken,
        quota_used=_share(found, taken),
        owed=balances.balance_at(asset_id=owed.asset_id, code=owed.code, at=at),
        left_over=uptake.left_of(found),
        waiting=waiting.order_by("pk"),
        has_rates=bool(versions),
    )


def crumb() -> dict[str, Any]:
    return {"address": reverse("admin:products"), "label": _("Products")}


def product_of(object_id: int) -> Product:
    """Raises Http404, also for a number that no database has."""
    if object_id > LARGEST:
        raise Http404
    return get_object_or_404(Product.objects.select_related("asset"), pk=object_id)


def _found(asked: dict[str, str]) -> QuerySet[Product]:
    found = Product.objects.select_related("asset").order_by("code")
    text = asked.get("q")
    if text:
        found = found.filter(
            Q(code__icontains=text) | Q(asset__code__iexact=text) | Q(names__icontains=text)
        )
    exact = {name: asked[name] for name in ("state", "kind") if name in asked}
    return found.filter(**exact)


def _offered(products: Sequence[Product], today: date) -> list[Offered]:
    announced = RateChart.objects.filter(
        product__in=products, announced_at__isnull=False, effective_on__lte=today
    )
    newest = announced.order_by("product", "-effective_on", "-version").distinct("product")
    charts = {x.product_id: x for x in newest.prefetch_related("tiers")}
    taken = uptake.of(products)
    return [
        Offered(
            product,
            name_of(product),
            _headline(product, charts.get(product.pk)),
            taken[product.pk],
            _share(product, taken[product.pk]),
        )
        for product in products
    ]


def _headline(product: Product, chart: RateChart | None) -> str:
    if chart is None:
        return ""
    return headline(chart.tiers.all(), TierMode(product.tier_mode), product.asset.code)


def _share(product: Product, taken: Uptake) -> Decimal | None:
    if not product.quota or taken.used is None:
        return None
    return Decimal(f"{taken.used / product.quota:.3f}")


def _versions(product: Product, today: date) -> list[Version]:
    """All announced charts, the latest first."""
    announced = product.charts.filter(announced_at__isnull=False).prefetch_related("tiers")
    charts = list(announced.order_by("-effective_on", "-version"))
    in_force = next((x for x in charts if x.effective_on <= today), None)
    seen: set[date] = set()
    versions = []
    for one in charts:
        if one.effective_on in seen:
            standing = "REPLACED"
        elif one == in_force:
            standing = "NOW"
        else:
            standing = "AHEAD" if one.effective_on > today else "PAST"
        seen.add(one.effective_on)
        rows = [Row(x.term_days, x.from_amount, x.annual_rate) for x in one.tiers.all()]
        best = max(row.annual_rate for row in rows)
        versions.append(Version(one, standing, rates_in_words(product, rows), best))
    return versions


def _timeline(versions: Sequence[Version], today: date) -> Chart | None:
    """The best rate over time: as it was and is, and as it is announced to be."""
    steps = {
        x.chart.effective_on: x.best for x in versions[::-1] if x.standing != "REPLACED"
    }
    past = _since(today - SHOWN, {day: x for day, x in steps.items() if day <= today})
    ahead = {day: x for day, x in steps.items() if day > today}
    if past:
        past[today] = list(past.values())[-1]
        ahead = {today: past[today], **ahead}
    if ahead:
        ahead[max(ahead) + AHEAD] = list(ahead.values())[-1]
    found = ((_("Until today"), past), (_("From today on"), ahead))
    return drawn(
        [Series(label, list(points.items()), "STEP") for label, points in found if points],
        summary=_("The best rate over time, as in the table"),
        value_words=percent,
        x_words=lambda day: date_format(_date(day), "SHORT_DATE_FORMAT"),
    )


def _since(first: date, steps: dict[date, Decimal]) -> dict[date, Decimal]:
    """Without what was over by then; what was still in force begins there."""
    before = [best for day, best in steps.items() if day < first]
    kept = {day: best for day, best in steps.items() if day >= first}
    return {first: before[-1], **kept} if before else kept


def _date(x: X) -> date:
    assert isinstance(x, date)  # of an axis of days
    return x
