"""Maturities and payouts: a month at a glance, what comes next, and an address for both."""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from earn import agenda, feeds
from earn.agenda import Event
from earn.days import business_day
from earn.models import Customer
from earn.portal.dates import MOST_AHEAD, Month
from earn.portal.feed import sentence
from earn.portal.offers import name_of
from earn.portal.people import for_customers
from earn.portal.wording import CALENDAR

AHEAD = timedelta(days=92)  # of what comes next
MOST = 20  # things of what comes next
MOST_A_DAY = 3  # things in a day of the month; the list below has them all

Span = tuple[date, date]


class Shown(NamedTuple):
    event: Event
    label: str
    name: str
    sentence: str


class Day(NamedTuple):
    day: date
    is_today: bool
    is_beside: bool  # of a month beside
    events: list[Shown]
    more: int


@require_safe
@for_customers
def calendar(request: HttpRequest, customer: Customer) -> HttpResponse:
    """`month` is one like 2026-01; the present one without it."""
    at = datetime.now(UTC)
    today = business_day(at)
    month = _month(request.GET.get("month", ""), today)
    weeks = month.weeks()
    first, last = weeks[0][0], weeks[-1][-1]
    events = _events(customer, (first, last), (today, today + AHEAD), at)
    days = [_day(day, month, today, events) for week in weeks for day in week]
    coming = [_shown(x) for x in events if _is_coming(x, today)]
    shown = {
        "month": month.first,
        "before": month.plus(-1),
        "after": _after(month, today),
        "is_this_month": month == Month.of(today),
        "weekdays": weeks[0],
        "weeks": [days[n : n + 7] for n in range(0, len(days), 7)],
        "listed": [x for x in days if x.events and not x.is_beside],
        "coming": coming[:MOST],
        "address": _address(request, customer),
    }
    return render(request, "portal/calendar.html", shown)


@require_POST
@for_customers
def address(request: HttpRequest, customer: Customer) -> HttpResponse:
    """`do` makes a new address, which ends the one before, or switches it off."""
    if request.POST.get("do") == "off":
        feeds.switch_off(customer)
        messages.success(request, _("Your calendar address is switched off."))
    else:
        feeds.renew(customer, at=datetime.now(UTC))
        messages.success(request, _("Your calendar has a new address."))
    return redirect(f"{reverse('portal:calendar')}#address")


def _events(customer: Customer, one: Span, other: Span, at: datetime) -> list[Event]:
    """Of two spans, read at once where they touch."""
    if one[0] <= other[1] and other[0] <= one[1]:
        first, last = min(one[0], other[0]), max(one[1], other[1])
        return agenda.events(customer, first, last, at=at)
    return [
        event for span in (one, other) for event in agenda.events(customer, *span, at=at)
    ]


def _month(text: str, today: date) -> Month:
    """No calendar goes further back than a date can, nor far ahead."""
    try:
        month = Month.read(text) if text else Month.of(today)
        month.plus(-1).weeks()
    except (ValueError, OverflowError) as error:
        raise Http404 from error
    if month > Month.of(today).plus(MOST_AHEAD):
        raise Http404
    return month


def _after(month: Month, today: date) -> Month | None:
    return month.plus(1) if month < Month.of(today).plus(MOST_AHEAD) else None


def _is_coming(event: Event, today: date) -> bool:
    return today <= event.day <= today + AHEAD and not event.is_routine


def _day(day: date, month: Month, today: date, events: list[Event]) -> Day:
    found = [_shown(event) for event in events if event.day == day]
    is_beside = Month.of(day) != month
    return Day(day, day == today, is_beside, found, max(0, len(found) - MOST_A_DAY))


def _shown(event: Event) -> Shown:
    label = str(CALENDAR[event.kind])
    return Shown(event, label, name_of(event.product), sentence(event))


def _address(request: HttpRequest, customer: Customer) -> str:
    feed = feeds.of(customer)
    if feed is None:
        return ""
    path = reverse("portal:calendar-feed", args=[feeds.token_of(feed)])
    return request.build_absolute_uri(path)
