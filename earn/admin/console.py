"""The daily close: how far each day has come, what it came to, and what stands out."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe
from kombu.exceptions import OperationalError

from earn import close, day_totals, jobs, overview, prices, tasks, uptake
from earn.day_totals import Ahead, Chunks, Compared
from earn.days import ONE_DAY
from earn.desk import actor, page, show
from earn.models import DayClose, Product
from earn.overview import Total
from ledger import seals
from ledger.models import Asset, Seal

SECTION = gettext_lazy("Jobs")
RUN = "earn.run_jobs"
PAGE = 10
MOST_PRODUCTS = 200  # of a day's page; what stands out is shown whole
MOST_POSITIONS = 2_000_000  # whose accruals a page may read
MOST_FORESEEN = 100_000  # positions that a page may reckon: about a second
CAUSES = {
    "BEGAN": gettext_lazy("it had no interest the day before"),
    "RATES": gettext_lazy("other rates are in force"),
    "DAYS": gettext_lazy("the day counts differently"),
    "BASIS": gettext_lazy("the balances changed"),
}


class Line(NamedTuple):
    """A day of the list. `seconds` is None until it is closed; `worth` is of its interest,
    at the prices of now, None without a reporting currency."""

    close: DayClose
    chunks: Chunks
    seconds: timedelta | None
    interest: list[tuple[Asset, Decimal]]
    worth: Total | None
    seal: Seal | None


class Difference(NamedTuple):
    """A product on a day beside the day before; `causes` is empty where none was found."""

    product: Product
    now: Compared
    before: Compared | None
    change: Decimal | None
    causes: list[str]


class Foreseen(NamedTuple):
    """What the next close would accrue for a product; `before` is the last one's."""

    product: Product
    ahead: Ahead
    before: Decimal


@page("closes/", name="closes", label=gettext_lazy("Daily close"), section=SECTION)
@require_safe
def close_list(request: HttpRequest) -> HttpResponse:
    at = datetime.now(UTC)
    before = _day(request.GET["before"]) if request.GET.get("before") else date.max
    found = list(DayClose.objects.filter(day__lt=before).order_by("-day")[: PAGE + 1])
    last = tasks.last_closable(at)
    return show(
        request,
        "desk/closes.html",
        _("Daily close"),
        lines=_lines(found[:PAGE], at=at),
        currency=overview.reporting_currency(),
        earlier=found[PAGE - 1].day if len(found) > PAGE else None,
        is_first=before == date.max,
        next_day=close.next_day(last),
        last=last,
        is_paused=jobs.is_close_paused(),
    )


@page("closes/go-on/", name="close-go-on", permission=RUN)
@require_POST
def go_on(request: HttpRequest) -> HttpResponse:
    """Sends the driver: of one day alone, or through yesterday."""
    text = request.POST.get("through", "")
    through = _day(text) if text else None
    if through and through > tasks.last_closable(datetime.now(UTC)):
        messages.error(request, _("This day is not over."))
        return redirect("admin:closes")
    named = {"through": through.isoformat() if through else None}
    send = partial(tasks.drive_close.apply_async, kwargs=named, retry=False)
    try:
        jobs.drive(through, by=actor(request), send=send)
    except OperationalError:
        messages.error(
            request,
            _(
                "The broker does not answer: nothing was sent. On a server, manage.py "
                "close_day closes without it."
            ),
        )
    else:
        messages.success(request, _("Sent. A worker goes on with the close."))
    return redirect("admin:closes")


@page("closes/ahead/", name="close-ahead")
@require_safe
def ahead(request: HttpRequest) -> HttpResponse:
    """A dry run of the next day's interest, beside that of the last one."""
    unclosed = close.next_day(date.max)
    day = unclosed[0] if unclosed else None
    is_accrued = bool(day and day_totals.is_accrued(day))
    is_large = uptake.is_more_than(MOST_FORESEEN)
    rows = _foreseen(day) if day and not is_accrued and not is_large else []
    return show(
        request,
        "desk/close_ahead.html",
        _("The next close"),
        crumbs=[_crumb()],
        day=day,
        is_accrued=is_accrued,
        is_large=is_large,
        most=MOST_FORESEEN,
        rows=rows,
    )


@page("closes/<slug:day>/", name="close")
@require_safe
def one_day(request: HttpRequest, day: str) -> HttpResponse:
    found = get_object_or_404(DayClose, day=_day(day))
    (line,) = _lines([found], at=datetime.now(UTC))
    rows = day_totals.by_product(found.day)
    after = request.GET.get("after", "").replace("\x00", "")
    further = [row for row in rows if row.product > after]
    assets = _assets({row.asset for row in rows})
    return show(
        request,
        "desk/close.html",
        _("Close of %(day)s") % {"day": date_format(found.day)},
        crumbs=[_crumb()],
        line=line,
        currency=overview.reporting_currency(),
        unusual=[(row, assets[row.asset]) for row in rows if row.stands_out],
        rows=[(row, assets[row.asset]) for row in further[:MOST_PRODUCTS]],
        after=further[MOST_PRODUCTS - 1].product if len(further) > MOST_PRODUCTS else "",
        may_compare=found.digest is not None and found.positions <= MOST_POSITIONS,
        most=MOST_POSITIONS,
    )


@page("closes/<slug:day>/compared/", name="close-compared")
@require_safe
def compared(request: HttpRequest, day: str) -> HttpResponse:
    """Beside the charts and the day before; it reads every accrual of both days."""
    found = get_object_or_404(DayClose, day=_day(day), digest__isnull=False)
    if found.positions > MOST_POSITIONS:
        raise Http404
    differences = _differences(found.day)
    return show(
        request,
        "desk/close_compared.html",
        _("%(day)s against the charts") % {"day": date_format(found.day)},
        crumbs=[_crumb(), _crumb(found.day)],
        day=found.day,
        wrong=[x for x in differences if x.now.interest != x.now.expected],
        unusual=[x for x in differences if _stands_out(x.change)],
        products=len(differences),
    )


def _foreseen(day: date) -> list[Foreseen]:
    sums = day_totals.ahead(day)
    last = {row.product: row.before for row in day_totals.by_product(day)}
    products = Product.objects.filter(pk__in=sums).select_related("asset").order_by("code")
    return [Foreseen(x, sums[x.pk], last.get(x.code, Decimal(0))) for x in products]


def _differences(day: date) -> list[Difference]:
    now, before = day_totals.compared(day), day_totals.compared(day - ONE_DAY)
    products = Product.objects.filter(pk__in=now).select_related("asset").order_by("code")
    return [
        Difference(
            product,
            now[product.pk],
            before.get(product.pk),
            _change(now[product.pk], before.get(product.pk)),
            [
                str(CAUSES[code])
                for code in day_totals.causes(now[product.pk], before.get(product.pk))
            ],
        )
        for product in products
    ]


def _change(now: Compared, before: Compared | None) -> Decimal | None:
    if before is None or not before.interest:
        return None
    return (now.interest - before.interest) / before.interest


def _stands_out(change: Decimal | None) -> bool:
    return change is None or abs(change) > day_totals.STANDS_OUT


def _lines(found: Sequence[DayClose], *, at: datetime) -> list[Line]:
    days = [one.day for one in found]
    chunks = day_totals.chunks_of(days)
    interest = day_totals.interest_of(days)
    sealed = seals.of_days(days)
    assets = _assets({code for sums in interest.values() for code in sums})
    sums = {
        day: [(assets[code], amount) for code, amount in sorted(of.items())]
        for day, of in interest.items()
    }
    currency, known = overview.reporting_currency(), prices.latest(at=at)
    return [
        Line(
            one,
            chunks.get(one.day, Chunks(0, 0)),
            one.closed_at - one.opened_at if one.closed_at else None,
            sums[one.day],
            overview.total(sums[one.day], currency, known=known, at=at)
            if currency
            else None,
            sealed.get(one.day),
        )
        for one in found
    ]


def _assets(codes: set[str]) -> dict[str, Asset]:
    return {asset.code: asset for asset in Asset.objects.filter(code__in=codes)}


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Http404 from error


def _crumb(day: date | None = None) -> dict[str, str]:
    if day:
        address = reverse("admin:close", args=[day])
        return {"address": address, "label": date_format(day)}
    return {"address": reverse("admin:closes"), "label": _("Daily close")}
