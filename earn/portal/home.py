"""What a customer has: in all, by asset, by position; what it earned, and what is next."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from earn import accruals, holdings, prices
from earn.days import business_day
from earn.holdings import DayWorth, OpenPosition, Worth
from earn.models import Customer, DayClose, Order
from earn.portal.charts import Chart, Series, X, chart
from earn.portal.offers import name_of
from earn.portal.people import for_customers
from earn.portal.wording import KIND
from ledger.models import Asset
from ledger.money import plain

LATEST = 5
DAYS = 90  # of the charts


class Shown(NamedTuple):
    """A position as a card of the page."""

    position: Any
    name: str
    last_interest: Decimal
    owed: Decimal
    begins: bool
    is_settled: bool  # by the close, which is late


@require_safe
@for_customers
def home(request: HttpRequest, customer: Customer) -> HttpResponse:
    at = datetime.now(UTC)
    closed_through = accruals.horizon()
    today = business_day(at)
    positions = holdings.open_positions(customer, through=closed_through, today=today)
    held = holdings.held(customer, positions)
    orders = Order.objects.filter(customer=customer).select_related("product__asset")
    latest = orders.exclude(state=Order.State.REFUSED).order_by("-at", "-pk")[:LATEST]
    shown = {
        "held": [(x, None) for x in held],
        "positions": [_shown(x, today) for x in positions],
        "maturing": _maturing(positions),
        "closed_through": closed_through,
        "pending": orders.filter(state=Order.State.PENDING).order_by("due_on", "pk"),
        "latest": [(order, KIND[order.kind]) for order in latest],
    }
    currency = holdings.currency_of(customer)
    if currency and held:
        known = prices.load([*(x.asset for x in held), currency], since=at, until=at)
        worth = holdings.worth(held, currency, known=known, at=at)
        shown |= {
            "worth": worth,
            "held": [(x, known.value(x.all, x.asset, currency, at)) for x in held],
            **_charts(customer, worth),
        }
    return render(request, "portal/home.html", shown)


def _shown(open_position: OpenPosition, today: date) -> Shown:
    position = open_position.position
    return Shown(
        position=position,
        name=name_of(position.product),
        last_interest=open_position.last_interest,
        owed=open_position.owed,
        begins=position.first_day > today,
        is_settled=position.matures_on is not None and position.matures_on <= today,
    )


def _maturing(positions: list[OpenPosition]) -> list[OpenPosition]:
    fixed = [x for x in positions if x.position.matures_on]
    return sorted(fixed, key=lambda x: (x.position.matures_on, x.position.pk))[:LATEST]


def _charts(customer: Customer, worth: Worth) -> dict[str, Any]:
    """Of the last days that are closed; nothing before there is one."""
    closed = DayClose.objects.filter(stage=DayClose.Stage.CLOSED).order_by("-day")
    last = closed.values_list("day", flat=True).first()
    if last is None:
        return {}
    days = holdings.history(customer, last=last, days=DAYS, currency=worth.currency)
    currency = worth.currency
    return {
        "days": days[::-1],
        "money_chart": _chart(
            Series(_("Money"), [(x.day, x.money) for x in days]),
            currency,
            _("Your money at the end of each day, in %(currency)s"),
        ),
        "interest_chart": _chart(
            Series(_("Interest"), [(x.day, x.interest) for x in days], "BARS"),
            currency,
            _("Your interest of each day, in %(currency)s"),
        ),
        "earned": _earned(days),
    }


def _chart(series: Series, currency: Asset, summary: str) -> Chart | None:
    def figures(value: Decimal) -> str:
        return number_format(plain(value), use_l10n=True, force_grouping=True)

    return chart(
        [series],
        summary=summary % {"currency": currency.code},
        value_words=figures,
        x_words=_day,
    )


def _day(day: X) -> str:
    assert isinstance(day, date)
    return date_format(day, "MONTH_DAY_FORMAT")


def _earned(days: list[DayWorth]) -> Decimal | None:
    """Interest of all the days; None if one of them is unknown."""
    known = [x.interest for x in days if x.interest is not None]
    return sum(known, Decimal(0)) if len(known) == len(days) else None
