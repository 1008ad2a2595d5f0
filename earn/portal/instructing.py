"""What happens at maturity: each choice with its dates, and until when it is changed."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from earn import renewals
from earn.days import start_of
from earn.models import AtMaturity, Customer, Order, Position
from earn.portal.filters import percent
from earn.portal.offers import in_days, name_of
from earn.portal.ordering import shown_then_placed
from earn.portal.orders import MaturityForm
from earn.portal.people import filled_in, for_customers, position_of
from earn.portal.refusing import sentence
from earn.portal.wording import AT_MATURITY
from earn.refusals import Refusal
from ledger.money import plain

TEMPLATE = "portal/instruct.html"


@require_http_methods(["GET", "POST"])
@for_customers
def instruct(request: HttpRequest, customer: Customer, pk: int) -> HttpResponse:
    position = position_of(customer, pk)
    at = datetime.now(UTC)
    page = _page(position)
    if request.method == "GET" and (why_not := _why_not(position, at)):
        return render(request, TEMPLATE, page | {"why_not": why_not})
    form = MaturityForm(request.POST if request.method == "POST" else None)
    rate = position.minimum_renewal_rate
    form.initial = {
        "at_maturity": position.at_maturity,
        "minimum_rate": "" if rate is None else plain(rate * 100),
    } | filled_in(request)

    def order(key: str, confirmed: dict[str, Any]) -> Order:
        return renewals.instruct(
            customer=customer,
            position_id=pk,
            key=key,
            at=at,
            confirmed=confirmed,
            **form.instruction(),
        )

    return shown_then_placed(
        request,
        form,
        asset=position.product.asset,
        preview=lambda: renewals.preview(position=position, at=at, **form.instruction()),
        place=order,
        page=page,
    )


def _page(position: Position) -> dict[str, Any]:
    page = {
        "template": TEMPLATE,
        "title": _("%(product)s at maturity") % {"product": name_of(position.product)},
        "back": reverse("portal:position", args=[position.pk]),
        "act": _("Change"),
    }
    if position.matures_on is None or position.term_days is None:
        return page
    hours = timedelta(hours=position.product.renewal_cutoff_hours)
    return page | {
        "now": _now(position),
        "changeable_until": start_of(position.matures_on) - hours,
        "choices": list(_choices(position.matures_on, position.term_days)),
    }


def _now(position: Position) -> str:
    chosen = AT_MATURITY[position.at_maturity]  # type: ignore[index]
    if position.minimum_renewal_rate is None:
        return str(chosen)
    return _("%(choice)s, from a rate of %(rate)s on") % {
        "choice": chosen,
        "rate": percent(position.minimum_renewal_rate),
    }


def _choices(matures_on: date, term_days: int) -> Iterator[tuple[str, str]]:
    """Each choice and, with its dates, what it does."""
    told = {
        "day": date_format(matures_on),
        "term": in_days(term_days),
        "next": date_format(matures_on + timedelta(days=term_days)),
    }
    sentences = {
        AtMaturity.PAY_OUT: _(
            "On %(day)s principal and interest are paid to your wallet. Nothing renews."
        ),
        AtMaturity.RENEW_PRINCIPAL: _(
            "On %(day)s the principal begins a new term of %(term)s at the rate of that "
            "day, which matures on %(next)s. The interest is paid to your wallet."
        ),
        AtMaturity.RENEW_ALL: _(
            "On %(day)s principal and interest begin a new term of %(term)s together, at "
            "the rate of that day, which matures on %(next)s."
        ),
        AtMaturity.TO_FLEXIBLE: _(
            "On %(day)s principal and interest move to the flexible product of the same "
            "asset, from which you may redeem on any day."
        ),
    }
    for choice, words in sentences.items():
        yield str(AT_MATURITY[choice]), words % told


def _why_not(position: Position, at: datetime) -> str:
    try:
        renewals.preview(position=position, at_maturity=position.at_maturity, at=at)
    except Refusal as refusal:
        return sentence(refusal, position.product.asset)
    return ""
