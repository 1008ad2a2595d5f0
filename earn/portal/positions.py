"""One position: its story and terms, every day's interest, and each day explained."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from earn import chart
from earn.close import accrual_key
from earn.days import business_day, start_of
from earn.explaining import ExplainedDay, NothingToExplain, explain_days
from earn.models import Accrual, Customer, Order, Position
from earn.portal import comparing, explaining
from earn.portal.charts import Chart, Series, X
from earn.portal.charts import chart as drawn
from earn.portal.offers import name_of, short
from earn.portal.outcomes import state
from earn.portal.people import for_customers, position_of
from earn.portal.renewed import chain
from earn.portal.timeline import current_rate, timeline
from earn.portal.wording import AT_MATURITY, KIND, PAYOUT, STATE
from ledger import balances, seals

DAYS = 31  # of a page of daily interest
CHARTED = 366


@require_safe
@for_customers
def position(request: HttpRequest, customer: Customer, pk: int) -> HttpResponse:
    found = position_of(customer, pk)
    at = datetime.now(UTC)
    today = business_day(at)
    days, earlier = page_of_days(found, request.GET.get("before", ""))
    orders = Order.objects.filter(position=found).exclude(state=Order.State.REFUSED)
    terms = chain(found)
    shown = {
        "position": found,
        "product": found.product,
        "asset": found.product.asset,
        "name": name_of(found.product),
        "badge": STATE[found.state],
        "state": state(found, today),
        "rate": current_rate(found, today),
        "at_maturity": AT_MATURITY[found.at_maturity],  # type: ignore[index]
        "payout": PAYOUT[found.product.payout],
        **_maturity(found, at),
        "owed": _owed(found),
        "is_open": found.state == Position.State.OPEN,
        "timeline": timeline(found, terms, today),
        "terms": terms if len(terms) > 1 else [],
        "charts": _charts(found),
        "days": days,
        "earlier": earlier,
        "orders": [(x, KIND[x.kind]) for x in orders.order_by("-at", "-pk")],
    }
    return render(request, "portal/position.html", shown)


@require_safe
@for_customers
def day(request: HttpRequest, customer: Customer, pk: int, day: date) -> HttpResponseBase:
    """One day's interest in words and figures; `?format=json` is for programs."""
    found = position_of(customer, pk)
    try:
        (explained,) = explain_days(position_id=found.pk, day=day)
    except NothingToExplain as error:
        raise Http404 from error
    if request.GET.get("format") == "json":
        return JsonResponse(explained.as_json() | {"position": found.pk})
    return render(request, "portal/day.html", in_words(found, explained))


def in_words(found: Position, explained: ExplainedDay) -> dict[str, Any]:
    day, asset = explained.explanation.day, found.product.asset
    posted = balances.posted([accrual_key(found.product, day)])
    lines = next(iter(posted.values()), [])
    moved = balances.statement(
        asset_id=asset.pk, code=chart.principal(found).code, first=day, last=day
    )
    return {
        "position": found,
        "asset": asset,
        "name": name_of(found.product),
        "explanation": explained.explanation,
        "differences": explaining.differences(explained),
        "sentences": list(explaining.sentences(explained, asset)),
        "figures": list(explaining.figures(explained, asset)),
        "movements": [(line, KIND.get(line.kind, _("Maturity"))) for line in moved],
        "opening": moved[0].balance - moved[0].credit + moved[0].debit if moved else None,
        "entry": seals.of_entry(lines[0].entry_id) if lines else None,
    }


def page_of_days(found: Position, before: str) -> tuple[list[Accrual], date | None]:
    """A page of days, newest first, and the day before which earlier ones are found."""
    rows = Accrual.objects.filter(position=found).order_by("-day")
    try:
        rows = rows.filter(day__lt=date.fromisoformat(before)) if before else rows
    except ValueError as error:
        raise Http404 from error
    page = list(rows[: DAYS + 1])
    return page[:DAYS], page[DAYS - 1].day if len(page) > DAYS else None


def _charts(found: Position) -> list[tuple[str, Chart]]:
    """Of the last year: what earned, and all interest since the first day."""
    rows = Accrual.objects.filter(position=found).order_by("-day")
    days = list(rows.values_list("day", "basis", "accrued")[:CHARTED])[::-1]
    asset = found.product.asset

    def words(value: Decimal) -> str:
        return short(value, asset.code)

    def x_words(x: X) -> str:
        return date_format(x, "MONTH_DAY_FORMAT") if isinstance(x, date) else str(x)

    if len(days) < 2:
        return []
    span = {"first": date_format(days[0][0]), "last": date_format(days[-1][0])}
    series = (
        (
            _("Balance that earned"),
            _("The balance that earned, from %(first)s to %(last)s.") % span,
            Series("", [(day, basis) for day, basis, _accrued in days], "STEP"),
        ),
        (
            _("Interest in all"),
            _("All interest since the first day, from %(first)s to %(last)s.") % span,
            Series("", [(day, accrued) for day, _basis, accrued in days]),
        ),
    )
    found_charts = (
        (title, drawn([one], summary=summary, value_words=words, x_words=x_words))
        for title, summary, one in series
    )
    return [(title, made) for title, made in found_charts if made]


def _maturity(found: Position, at: datetime) -> dict[str, Any]:
    """What an open fixed position comes to, and until when its instruction changes."""
    if found.matures_on is None or found.state != Position.State.OPEN:
        return {}
    cutoff = start_of(found.matures_on) - timedelta(
        hours=found.product.renewal_cutoff_hours
    )
    return {
        "of_the_term": comparing.at_maturity(found).interest,
        "changeable_until": cutoff,
        "may_change": at < cutoff,
    }


def _owed(found: Position) -> Decimal:
    """Interest earned and not yet paid, through the last closed day."""
    rows = Accrual.objects.filter(position=found).order_by("-day")
    last = rows.values_list("accrued", flat=True).first() or Decimal(0)
    return Decimal(last + found.true_up - found.interest_settled)
