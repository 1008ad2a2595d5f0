"""Customers: finding one, all of one on a page, and each day of interest explained."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from earn import activity, audit, customers, pauses, staffing
from earn.activity import Cursor, Event
from earn.audit import Filter
from earn.customers import FEW, How, Match
from earn.days import ONE_DAY, business_day
from earn.desk import page, show
from earn.explaining import NothingToExplain, explain_days
from earn.interest import is_paused
from earn.models import Customer, Order, Position
from earn.portal.devices import browser_of, system_of
from earn.portal.offers import name_of
from earn.portal.positions import in_words, page_of_days
from earn.portal.wording import EVENT
from earn.proposals import MAKE
from ledger.money import plain

SECTION = gettext_lazy("Customers")
PAGE = 50
HOW = {
    How.REFERENCE: gettext_lazy("reference"),
    How.NUMBER: gettext_lazy("number"),
    How.UUID: gettext_lazy("UUID"),
    How.EMAIL: gettext_lazy("email address"),
    How.POSITION: gettext_lazy("number of a position"),
    How.ORDER: gettext_lazy("number of an order"),
}


@page("customers/", name="customers", label=SECTION, section=SECTION)
@require_safe
def customer_list(request: HttpRequest) -> HttpResponse:
    text = _query(request)
    by = request.GET.get("by", "")
    how = How(by) if by in (How.REFERENCE, How.EMAIL) else None
    if text and how:
        known = _beginning(request, text, how)
    elif text:
        known = _found(text)
    else:
        known = _newest(request)
    rows = [(match.customer, HOW[match.how]) for match in known.pop("matches")]
    title = _("Customers")
    return show(request, "desk/customers.html", title, q=text, rows=rows, **known)


@page("customers/<int:object_id>/", name="customer")
@require_safe
def customer(request: HttpRequest, object_id: int) -> HttpResponse:
    found, at = _customer(object_id), datetime.now(UTC)
    subject = f"customer:{found.pk}"
    events = activity.happened(customer=found, limit=PAGE + 1)
    orders = customers.orders(found, limit=PAGE + 1)
    positions = customers.positions(found, state=Position.State.OPEN, limit=PAGE + 1)
    return show(
        request,
        "desk/customer.html",
        str(found),
        crumbs=_crumbs(),
        customer=found,
        subject=subject,
        pauses=pauses.of(found.pk),
        is_paused=is_paused(pauses.of(found.pk), business_day(at)),
        freeze=_freeze_address(found, at) if request.user.has_perm(MAKE) else "",
        holdings=customers.holdings(found, at=at),
        positions=positions[:PAGE],
        more_positions=len(positions) > PAGE,
        orders=_told(orders[:PAGE]),
        more_orders=len(orders) > PAGE,
        events=_events(found, events[:PAGE]),
        more_events=len(events) > PAGE,
        consents=customers.consents(found, limit=PAGE),
        notifications=customers.notifications(found, limit=FEW),
        **_of_the_user(found),
        trail=audit.page(Filter(reference=subject), limit=FEW),
    )


@page("customers/<int:object_id>/positions/", name="customer-positions")
@require_safe
def positions(request: HttpRequest, object_id: int) -> HttpResponse:
    found = _customer(object_id)
    rows = customers.positions(found, before=_number(request), limit=PAGE + 1)
    known = {"positions": rows[:PAGE], "older": _older(rows)}
    return _list(request, found, "desk/customer_positions.html", _("Positions"), known)


@page("customers/<int:object_id>/orders/", name="customer-orders")
@require_safe
def orders(request: HttpRequest, object_id: int) -> HttpResponse:
    found = _customer(object_id)
    rows = customers.orders(found, before=_number(request), limit=PAGE + 1)
    known = {"orders": _told(rows[:PAGE]), "older": _older(rows)}
    return _list(request, found, "desk/customer_orders.html", _("Orders"), known)


@page("customers/<int:object_id>/entries/", name="customer-entries")
@require_safe
def entries(request: HttpRequest, object_id: int) -> HttpResponse:
    found = _customer(object_id)
    text = request.GET.get("before")
    try:
        before = Cursor.read(text) if text else None
    except activity.BadCursor as error:
        raise Http404 from error
    rows = activity.happened(customer=found, before=before, limit=PAGE + 1)
    older = urlencode({"before": rows[PAGE - 1].cursor}) if len(rows) > PAGE else ""
    known = {"events": _events(found, rows[:PAGE]), "older": older}
    return _list(request, found, "desk/customer_entries.html", _("Entries"), known)


@page("positions/<int:object_id>/explain/", name="explain-position")
@require_safe
def explain_position(request: HttpRequest, object_id: int) -> HttpResponse:
    """What the customer sees of it, by the very same functions; one day with `?day=`."""
    if object_id > 2**63 - 1:
        raise Http404
    rows = Position.objects.select_related("customer", "product__asset", "chart")
    found = get_object_or_404(rows, pk=object_id)
    days, earlier = page_of_days(found, request.GET.get("before", ""))
    return show(
        request,
        "desk/explain_position.html",
        _("Position %(n)s") % {"n": found.pk},
        crumbs=[*_crumbs(), _crumb(found.customer)],
        position=found,
        asset=found.product.asset,
        days=days,
        earlier=earlier.isoformat() if earlier else "",
        name=name_of(found.product),
        explained=_day(found, request.GET.get("day", "")),
    )


def _day(found: Position, text: str) -> dict[str, Any] | None:
    if not text:
        return None
    try:
        (explained,) = explain_days(position_id=found.pk, day=date.fromisoformat(text))
    except (NothingToExplain, ValueError) as error:
        raise Http404 from error
    return in_words(found, explained)


def _query(request: HttpRequest) -> str:
    """Of a NUL, which nothing of ours has, nothing is asked."""
    text = request.GET.get("q", "").strip()[:200]
    return "" if "\x00" in text else text


def _found(text: str) -> dict[str, Any]:
    matches = customers.find(text)
    by = [How.REFERENCE, How.EMAIL]
    more = [
        (HOW[how], urlencode({"q": text, "by": how}))
        for how in by
        if sum(match.how == how for match in matches) >= FEW
    ]
    return {"matches": matches, "more": more}


def _beginning(request: HttpRequest, text: str, how: How) -> dict[str, Any]:
    after = request.GET.get("after", "")
    after = "" if "\x00" in after else after
    found = customers.beginning(text, how, after=after, limit=PAGE + 1)
    older = ""
    if len(found) > PAGE:
        last = found[PAGE - 1]
        email = last.user.email.lower() if last.user else ""
        key = email if how == How.EMAIL else last.reference
        older = urlencode({"q": text, "by": how, "after": key})
    return {"matches": [Match(x, how) for x in found[:PAGE]], "older": older}


def _newest(request: HttpRequest) -> dict[str, Any]:
    found = customers.newest(before=_number(request), limit=PAGE + 1)
    matches = [Match(x, How.NUMBER) for x in found[:PAGE]]
    return {"matches": matches, "older": _older(found)}


def _customer(number: int) -> Customer:
    if number > 2**63 - 1:
        raise Http404
    rows = Customer.objects.select_related("user", "display_currency")
    return get_object_or_404(rows, pk=number)


def _of_the_user(found: Customer) -> dict[str, Any]:
    """What they sign in from and with: kinds and names, no key and no secret."""
    if found.user is None:
        return {"visits": [], "factors": []}
    visits = [
        (browser_of(x.agent), system_of(x.agent), x.since, x.seen)
        for x in customers.visits(found, limit=FEW)
    ]
    factors = staffing.factors_of([found.user]).get(found.user.pk, [])
    return {"visits": visits, "factors": factors}


def _freeze_address(found: Customer, at: datetime) -> str:
    """The form of the proposal, filled in as things are."""
    words = {True: "yes", False: "no"}
    known = {
        "customer": found.pk,
        "frozen_in": words[found.frozen_in],
        "frozen_out": words[found.frozen_out],
    }
    if pauses.is_paused_after(found, business_day(at)):
        known |= {"earning": "resume", "earning_on": business_day(at) + ONE_DAY}
    return f"{reverse('admin:propose', args=['freeze'])}?{urlencode(known)}"


def _told(rows: list[Order]) -> list[tuple[Order, str, int | None]]:
    """With their amount, and with the entry that has reversed them since."""
    reversals = customers.reversals(rows)
    return [(x, _amount(x), reversals.get(x.pk)) for x in rows]


def _amount(order: Order) -> str:
    """Of deposits and withdrawals the request names the asset."""
    if order.amount is None:
        return ""
    asset = order.product.asset if order.product else order.request["asset"]
    return f"{_grouped(order.amount)} {asset}"


def _events(found: Customer, rows: list[Event]) -> list[tuple[Event, str, str, str, str]]:
    """With what happened in words, its amount, and from which account to which."""
    return [
        (
            x,
            str(EVENT[x.type]),
            "" if x.amount is None else f"{_grouped(x.amount)} {x.asset or ''}",
            _account(found, x.account_from),
            _account(found, x.account_to),
        )
        for x in rows
    ]


def _account(found: Customer, code: str | None) -> str:
    """Their own accounts without the number that all of them begin with."""
    return (code or "").removeprefix(f"customer:{found.uuid}:")


def _grouped(amount: Decimal) -> str:
    return number_format(plain(amount), use_l10n=True, force_grouping=True)


def _number(request: HttpRequest) -> int | None:
    text = request.GET.get("before", "")
    is_number = text.isascii() and text.isdecimal() and len(text) < 19
    return int(text) if is_number else None


def _older(rows: list[Any]) -> str:
    return urlencode({"before": rows[PAGE - 1].pk}) if len(rows) > PAGE else ""


def _crumbs() -> list[Mapping[str, str]]:
    return [{"label": str(SECTION), "address": reverse("admin:customers")}]


def _crumb(found: Customer) -> Mapping[str, str]:
    return {"label": str(found), "address": reverse("admin:customer", args=[found.pk])}


def _list(
    request: HttpRequest, found: Customer, template: str, title: str, known: dict[str, Any]
) -> HttpResponse:
    crumbs = [*_crumbs(), _crumb(found)]
    title = f"{found}: {title}"
    return show(request, template, title, crumbs=crumbs, customer=found, **known)
