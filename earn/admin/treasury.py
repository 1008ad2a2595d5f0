"""Treasury: what is liquid against what leaves, coverage, stress, and coins at venues."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from earn import liquidity, overview, prices, treasury
from earn.admin.figures import days_chart
from earn.days import business_day
from earn.desk import page, show
from earn.liquidity import Ladder, Rung
from earn.models import CheckRun, Venue
from earn.portal.charts import Chart, Series
from earn.proposals import MAKE
from earn.treasury import Stock
from ledger.look_only import LookOnly
from ledger.models import Asset
from ledger.money import unit

SECTION = gettext_lazy("Treasury")
ROWS = 100  # assets on a page
PERCENT = 30  # of flexible money, if nobody says otherwise
T = TypeVar("T")


@admin.register(Venue)
class VenueAdmin(LookOnly):
    list_display = ("code", "name", "notice_days")
    search_fields = ("code", "name")
    ordering = ("code",)
    fields = ("code", "name", "notice_days")


@admin.register(CheckRun)
class CheckRunAdmin(LookOnly):
    list_display = ("id", "began_at", "ended_at", "checks", "violations")
    ordering = ("-pk",)
    fields = ("began_at", "ended_at", "checks", "violations", "found")


@page("treasury/", name="liquidity", label=gettext_lazy("Liquidity"), section=SECTION)
@require_safe
def ladder(request: HttpRequest) -> HttpResponse:
    """Of the asset that is asked for, else of all in the reporting currency."""
    at = datetime.now(UTC)
    today = business_day(at)
    stocks = treasury.stocks()
    found = liquidity.ladders(stocks, today=today)
    chosen = _named(stocks, request.GET.get("asset", ""))
    held = [x for x in found if x.stock.all or x.due_in_30 or x.short_on]
    rows, after = _paged(held, request, code=lambda row: row.stock.asset.code)
    return show(
        request,
        "desk/liquidity.html",
        _("Liquidity"),
        rows=rows,
        after=after,
        short=[x for x in found if x.short_on],
        top=ROWS,
        assets=[x.stock.asset.code for x in held],
        reckoned=liquidity.reckoned_through(),
        **(_of_asset(chosen, today) if chosen else _of_all(found, today, at)),
    )


@page(
    "treasury/coverage/", name="coverage", label=gettext_lazy("Coverage"), section=SECTION
)
@require_safe
def coverage(request: HttpRequest) -> HttpResponse:
    """As of the last closed day: both sides are of one moment."""
    at = datetime.now(UTC)
    closed = overview.closes(today=business_day(at)).last
    found = treasury.standings(closed.day) if closed else []
    currency, known = overview.reporting_currency(), prices.latest(at=at)
    shown: dict[str, Any] = {}
    if currency:
        shown = {
            name: overview.total(
                [(x.asset, getattr(x, name)) for x in found], currency, known=known, at=at
            )
            for name in ("owed", "covered_by", "missing")
        }
    rows, after = _paged(found, request, code=lambda row: row.asset.code)
    return show(
        request,
        "desk/coverage.html",
        _("Coverage"),
        closed=closed,
        rows=rows,
        after=after,
        uncovered=[x for x in found if x.missing],
        top=ROWS,
        currency=currency,
        **shown,
    )


@page("treasury/stress/", name="stress", label=gettext_lazy("Stress"), section=SECTION)
@require_safe
def stress(request: HttpRequest) -> HttpResponse:
    asked = request.GET.get("percent", str(PERCENT))
    is_right = asked.isascii() and asked.isdecimal() and 1 <= int(asked[:4]) <= 100
    percent = int(asked) if is_right else PERCENT
    today = business_day(datetime.now(UTC))
    found = liquidity.stress(treasury.stocks(), percent=percent, today=today)
    rows, after = _paged(
        [x for x in found if x.leaves], request, code=lambda row: row.asset.code
    )
    return show(
        request,
        "desk/stress.html",
        _("Stress"),
        status=200 if is_right else 422,
        is_wrong=not is_right,
        percent=percent,
        rows=rows,
        after=after,
        missing=[x for x in found if x.missing],
        top=ROWS,
        horizon=liquidity.HORIZON,
        reckoned=liquidity.reckoned_through(),
    )


@page(
    "treasury/venues/", name="venues", label=gettext_lazy("Coins at work"), section=SECTION
)
@require_safe
def venues(request: HttpRequest) -> HttpResponse:
    stocks = [x for x in treasury.stocks() if x.all or x.deployed or x.earned]
    rows, after = _paged(stocks, request, code=lambda row: row.asset.code)
    known = list(Venue.objects.order_by("code"))
    return show(
        request,
        "desk/venues.html",
        _("Coins at work"),
        venues=known,
        rows=[(stock, _at_venues(stock, known)) for stock in rows],
        after=after,
        may_propose=request.user.has_perm(MAKE),
    )


def _at_venues(stock: Stock, known: Sequence[Venue]) -> list[dict[str, Any]]:
    return [
        {
            "venue": venue,
            "deployed": stock.deployed.get(venue.code, Decimal(0)),
            "earned": stock.earned.get(venue.code, Decimal(0)),
        }
        for venue in known
        if venue.code in stock.deployed or venue.code in stock.earned
    ]


def _of_asset(stock: Stock, today: date) -> dict[str, Any]:
    rungs = liquidity.ladder(stock, today=today)
    rate = liquidity.rates().get(stock.asset.pk, Decimal(0))
    return {
        "chosen": stock.asset,
        "unit": stock.asset,
        "rate": rate.quantize(Decimal("0.000001")),
        **_rungs(rungs, stock.asset),
    }


def _of_all(found: Sequence[Ladder], today: date, at: datetime) -> dict[str, Any]:
    stocks = [x.stock for x in found]
    currency = overview.reporting_currency()
    if currency is None:
        return {"unit": None}
    known = prices.latest(at=at)
    rates = overview.rates([x.asset for x in stocks], currency, known=known, at=at)
    rungs = liquidity.ladder_of_all(stocks, rates, unit=unit(currency.scale), today=today)
    unpriced = [
        x.stock.asset for x in found if x.stock.asset.pk not in rates and not x.is_empty
    ]
    return {"unit": currency, "unpriced": unpriced, **_rungs(rungs, currency)}


def _rungs(rungs: Sequence[Rung], asset: Asset) -> dict[str, Any]:
    return {"rungs": liquidity.by_week(rungs), "chart": _chart(rungs, asset)}


def _chart(rungs: Sequence[Rung], asset: Asset) -> Chart | None:
    """All that is due until each day, and all that is liquid by then."""
    due, so_far = Decimal(0), []
    for rung in rungs:
        due += rung.due
        so_far.append((rung.first, due, rung.remaining + due))
    return days_chart(
        [
            Series(_("Due until then"), [(day, due) for day, due, _liquid in so_far]),
            Series(
                _("Liquid by then"), [(day, liquid) for day, _due, liquid in so_far], "STEP"
            ),
        ],
        summary=_("What is due against what is liquid in the next 90 days, in %(code)s")
        % {"code": asset.code},
    )


def _named(stocks: Sequence[Stock], code: str) -> Stock | None:
    return next((x for x in stocks if x.asset.code == code), None)


def _paged(
    rows: Sequence[T], request: HttpRequest, *, code: Callable[[T], str]
) -> tuple[list[T], str]:
    """Those after the code that the query names, and where the next page begins, if any."""
    after = request.GET.get("after", "")
    left = [row for row in rows if code(row) > after]
    return left[:ROWS], code(left[ROWS - 1]) if len(left) > ROWS else ""
