"""Prices in the reporting currency: how old each is, and lists of new ones."""

from datetime import UTC, datetime
from typing import NamedTuple

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from earn import audit, csvs, prices
from earn.desk import actor, page, show
from earn.models import Product
from earn.prices import BadPrices, Quote
from ledger.models import Asset
from ledger.money import plain

RECORD = "earn.record_prices"


class Line(NamedTuple):
    code: str
    price: str
    at: datetime | None
    is_stale: bool


@page(
    "prices/", name="prices", label=gettext_lazy("Prices"), section=gettext_lazy("Treasury")
)
@require_http_methods(["GET", "HEAD", "POST"])
def price_list(request: HttpRequest) -> HttpResponse:
    """Shows the last prices, and what needs one; takes a list of new ones, all or none."""
    text = ""
    if request.method == "POST":
        if not actor(request).user.has_perm(RECORD):
            raise PermissionDenied
        try:
            text = _sent(request)
            return _recorded(request, text)
        except BadPrices as problem:
            return _shown(request, text=text, problem=str(problem))
    return _shown(request)


def _sent(request: HttpRequest) -> str:
    """The file if there is one, else what was typed."""
    file = request.FILES.get("file")
    if file is None:
        return request.POST.get("lines", "")
    if (file.size or 0) > csvs.MOST_BYTES:
        raise BadPrices(_("the file is larger than a megabyte"))
    try:
        return csvs.text_of(file.read())
    except csvs.BadCSV as bad:
        raise BadPrices(f"line {bad.line}: {bad.sentence}") from bad


def _recorded(request: HttpRequest, text: str) -> HttpResponse:
    found, by = prices.read(text), actor(request)
    with transaction.atomic():
        prices.record(found, at=by.at)
        after = {asset.code: plain(price) for asset, price in found}
        audit.record(by, "RECORD_PRICES", "prices", after=after)
    told = ngettext("%(n)s price recorded.", "%(n)s prices recorded.", len(found))
    messages.success(request, told % {"n": len(found)})
    return redirect("admin:prices")


def _shown(request: HttpRequest, *, text: str = "", problem: str = "") -> HttpResponse:
    at, newest = datetime.now(UTC), prices.newest()
    others = Asset.objects.exclude(code=settings.REPORTING_CURRENCY).order_by("code")
    offered = Product.objects.order_by().values("asset")
    shown = others.filter(Q(pk__in=newest) | Q(pk__in=offered))
    return show(
        request,
        "desk/prices.html",
        _("Prices"),
        status=422 if problem else 200,
        lines=[_line(asset, newest.get(asset.pk), at) for asset in shown],
        left_out=others.count() - len(shown),
        currency=settings.REPORTING_CURRENCY,
        may_record=actor(request).user.has_perm(RECORD),
        problem=problem,
        text=text,
    )


def _line(asset: Asset, quote: Quote | None, at: datetime) -> Line:
    if quote is None:
        return Line(asset.code, "", None, is_stale=False)
    is_stale = at - quote.at > prices.STALE
    return Line(asset.code, plain(quote.price), quote.at, is_stale)
