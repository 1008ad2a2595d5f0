"""The calendar for programs (RFC 5545), under an address that only its owner has."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import translation
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from icalendar import Calendar
from icalendar import Event as Entry

from earn import agenda, feeds
from earn.agenda import Event, Kind
from earn.days import ONE_DAY, business_day
from earn.models import Customer
from earn.portal.filters import amount
from earn.portal.offers import name_of

BACK, AHEAD = timedelta(days=366), timedelta(days=366)
REFRESH = timedelta(hours=12)
TYPE = "text/calendar; charset=utf-8"
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)  # revisions count seconds from it


@require_safe
def feed(request: HttpRequest, token: str) -> HttpResponseBase:
    """Needs no session. Whoever is refused learns nothing: there is no such page."""
    found = feeds.find(token)
    if found is None:
        raise Http404
    at = datetime.now(UTC)
    feeds.note_reading(found, at=at)
    customer = found.customer
    language = customer.user.language if customer.user else ""
    with translation.override(language or settings.LANGUAGE_CODE):
        content = calendar_of(customer, at=at, link=request.build_absolute_uri).to_ical()
    response = HttpResponse(content, content_type=TYPE)
    response["Content-Disposition"] = 'inline; filename="earn.ics"'
    response["ETag"] = f'"{hashlib.sha256(content).hexdigest()}"'
    response["X-Robots-Tag"] = "noindex"
    response["Referrer-Policy"] = "no-referrer"
    patch_cache_control(response, private=True, no_cache=True)
    unchanged = get_conditional_response(request, etag=response["ETag"], response=response)
    return unchanged or response


def calendar_of(
    customer: Customer, *, at: datetime, link: Callable[[str], str]
) -> Calendar:
    """The same bytes until something has changed; `link` makes an address of a path."""
    calendar = Calendar()
    calendar.add("prodid", "-//Earn//Calendar//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("x-wr-calname", _("Earn: maturities and payouts"))
    calendar.add("refresh-interval", REFRESH, parameters={"value": "DURATION"})
    calendar.add("x-published-ttl", "PT12H")
    today = business_day(at)
    changed = agenda.changed_at(customer, at=at)
    for event in agenda.events(customer, today - BACK, today + AHEAD, at=at):
        if not event.is_routine:
            calendar.add_component(_entry(event, customer, changed, link))
    return calendar


def _entry(
    event: Event, customer: Customer, changed: datetime, link: Callable[[str], str]
) -> Entry:
    """What is expected may change with each order and close, what has happened does not.

    Revisions never fall: what was expected is revised when it was written into the books,
    after all that can have changed it, and not on its day, of which a close may be late.
    """
    moments = [event.settled_at, changed if event.is_expected else None]
    revised = max(x for x in moments if x).replace(microsecond=0)
    entry = Entry()
    entry.add("uid", f"{event.key}@{customer.uuid}")
    entry.add("dtstamp", revised)
    entry.add("last-modified", revised)
    entry.add("sequence", max(0, int((revised - EPOCH).total_seconds())))
    entry.add("dtstart", event.day)
    entry.add("dtend", event.day + ONE_DAY)
    entry.add("summary", sentence(event))
    entry.add("status", "TENTATIVE" if event.is_expected else "CONFIRMED")
    entry.add("transp", "TRANSPARENT")
    entry.add("class", "PRIVATE")
    if event.position_id:
        entry.add("url", link(reverse("portal:position", args=[event.position_id])))
    return entry


def sentence(event: Event) -> str:
    """What happens, or has happened, in one line."""
    words = _EXPECTED if event.is_expected else _DONE
    asset = event.product.asset
    return words[event.kind]() % {
        "amount": amount(event.amount, asset) if event.amount is not None else "",
        "product": name_of(event.product),
    }


_EXPECTED: dict[Kind, Callable[[], str]] = {
    Kind.INTEREST: lambda: _("%(amount)s of interest expected from %(product)s"),
    Kind.ADDED: lambda: _("%(amount)s of interest expected to go on from %(product)s"),
    Kind.MATURITY: lambda: _("%(product)s matures: %(amount)s goes to your wallet"),
    Kind.RENEWAL: lambda: _("%(product)s matures: %(amount)s is to be renewed"),
    Kind.MOVE: lambda: _(
        "%(product)s matures: %(amount)s is to go on in the flexible product"
    ),
    Kind.REDEMPTION: lambda: _("%(amount)s redeemed from %(product)s is to be paid"),
    Kind.CHANGE: lambda: _("Last day to change what happens when %(product)s matures"),
}
_DONE: dict[Kind, Callable[[], str]] = {
    Kind.INTEREST: lambda: _("%(amount)s of interest paid from %(product)s"),
    Kind.ADDED: lambda: _("%(amount)s of interest from %(product)s went on with it"),
    Kind.MATURITY: lambda: _("%(product)s matured: %(amount)s went to your wallet"),
    Kind.RENEWAL: lambda: _("%(product)s matured: %(amount)s was renewed"),
    Kind.MOVE: lambda: _("%(product)s matured: %(amount)s went to the flexible product"),
    Kind.REDEMPTION: lambda: _("%(amount)s redeemed from %(product)s was paid"),
    Kind.CHANGE: lambda: _("Last day to change what happens when %(product)s matures"),
}
