"""One position: its terms, every day's interest, and each day explained."""

from datetime import date
from decimal import Decimal

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from earn.explaining import NothingToExplain, explain_days
from earn.models import Accrual, Customer, Order, Position
from earn.portal.offers import name_of
from earn.portal.people import for_customers, position_of
from earn.portal.wording import AT_MATURITY, KIND, PAYOUT, STATE

DAYS = 31  # of a page of daily interest


@require_safe
@for_customers
def position(request: HttpRequest, customer: Customer, pk: int) -> HttpResponse:
    found = position_of(customer, pk)
    days, earlier = _days(found, request.GET.get("before", ""))
    orders = Order.objects.filter(position=found).exclude(state=Order.State.REFUSED)
    shown = {
        "position": found,
        "product": found.product,
        "asset": found.product.asset,
        "name": name_of(found.product),
        "state": STATE[found.state],
        "at_maturity": AT_MATURITY[found.at_maturity],  # type: ignore[index]
        "payout": PAYOUT[found.product.payout],
        "owed": _owed(found),
        "is_open": found.state == Position.State.OPEN,
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
    shown = {
        "position": found,
        "asset": found.product.asset,
        "name": name_of(found.product),
        "explained": explained,
        "explanation": explained.explanation,
    }
    return render(request, "portal/day.html", shown)


def _days(found: Position, before: str) -> tuple[list[Accrual], date | None]:
    """A page of days, newest first, and the day before which earlier ones are found."""
    rows = Accrual.objects.filter(position=found).order_by("-day")
    try:
        rows = rows.filter(day__lt=date.fromisoformat(before)) if before else rows
    except ValueError as error:
        raise Http404 from error
    page = list(rows[: DAYS + 1])
    return page[:DAYS], page[DAYS - 1].day if len(page) > DAYS else None


def _owed(found: Position) -> Decimal:
    """Interest earned and not yet paid, through the last closed day."""
    rows = Accrual.objects.filter(position=found).order_by("-day")
    last = rows.values_list("accrued", flat=True).first() or Decimal(0)
    return Decimal(last + found.true_up - found.interest_settled)
