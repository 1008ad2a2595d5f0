"""What happened to a position and what is still to come, as events with their dates."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby

from django.urls import reverse
from django.utils.translation import gettext as _

from earn import accruals, catalogue, chart
from earn.days import ONE_DAY, business_day, is_month_end
from earn.interest import Payout, TierMode, blended_rate
from earn.models import Accrual, Order, Position, RateChart
from earn.portal.filters import amount, percent
from earn.portal.outcomes import outcome
from earn.portal.renewed import Term
from earn.portal.wording import AT_MATURITY
from ledger import balances
from ledger.balances import StatementLine

SHOWN = 60  # of the past; a position of many years has more


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """`rank` orders what falls on one day; `address` leads to more."""

    day: date
    rank: int
    words: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    past: Sequence[Event]
    future: Sequence[Event]
    is_cut: bool


def timeline(position: Position, terms: Sequence[Term], today: date) -> Timeline:
    """`terms` are those of its chain of renewals."""
    events = sorted(
        [
            *_money(position, today),
            *_orders(position),
            *_rates(position, today),
            *_interest(position, today),
            *_days(position),
            *_renewals(position, terms),
        ]
    )
    past = [event for event in events if event.day <= today]
    future = [event for event in events if event.day > today]
    return Timeline(past[-SHOWN:], future, is_cut=len(past) > SHOWN)


def _money(position: Position, today: date) -> Iterator[Event]:
    """In and out of the principal, as the books have it."""
    code = chart.principal(position).code
    lines = balances.statement(
        asset_id=position.product.asset_id,
        code=code,
        first=business_day(position.opened_at),
        last=today,
    )
    for _entry, found in groupby(lines, key=lambda line: line.entry_id):
        one = list(found)
        if words := _moved(position, one):
            yield Event(business_day(one[0].happened_at), 2, words)


def _moved(position: Position, lines: Sequence[StatementLine]) -> str:
    """What the lines of one entry did to the principal."""
    asset, kind = position.product.asset, lines[0].kind
    into = sum((line.credit for line in lines), Decimal(0))
    out = sum((line.debit for line in lines), Decimal(0))
    words = {
        "SUBSCRIBE": _("You subscribed %(amount)s."),
        "CANCEL": _("A redemption was taken back: %(amount)s came in again."),
        "REDEEM": _("You redeemed %(amount)s of the principal."),
        "MATURE": _("%(amount)s came in from a term that matured.") if into else "",
    }
    return words.get(kind, "") % {"amount": amount(into or out, asset)}


def _orders(position: Position) -> Iterator[Event]:
    """What was asked for, and the redemptions that were or will be paid later."""
    orders = Order.objects.filter(position=position).exclude(state=Order.State.REFUSED)
    for order in orders.filter(kind__in=["INSTRUCT", "REDEEM"]).order_by("pk"):
        address = reverse("portal:receipt", args=[order.pk])
        if order.kind == Order.Kind.INSTRUCT:
            chosen = AT_MATURITY[order.request["at_maturity"]]
            words = _("You chose for maturity: %(choice)s.") % {"choice": chosen}
            yield Event(business_day(order.at), 3, words, address)
        elif order.due_on and order.state != Order.State.CANCELLED:
            words = _("A redemption of %(amount)s is paid to your wallet.") % {
                "amount": amount(order.amount or Decimal(0), position.product.asset)
            }
            yield Event(order.due_on, 1, words, address)


def _rates(position: Position, today: date) -> Iterator[Event]:
    """Of a flexible position: a fixed one keeps its rates for life."""
    if position.term_days is not None:
        return
    product = position.product
    charts = product.charts.filter(
        announced_at__isnull=False, effective_on__gt=position.first_day
    ).order_by("effective_on", "version")
    changes = [x for x in charts if x.effective_on <= (position.last_day or date.max)]
    days = [x.effective_on for x in changes]
    rows = Accrual.objects.filter(position=position, day__in=days)
    bases = dict(rows.values_list("day", "basis"))
    for change in changes[-SHOWN:]:
        known = bases.get(change.effective_on)
        if change.effective_on <= today and known is None:
            continue  # the day is not closed yet, or earned nothing
        yield _new_rate(position, change, known)


def _new_rate(position: Position, change: RateChart, basis: Decimal | None) -> Event:
    tiers = catalogue.tiers_of(change, None)
    mode = TierMode(position.product.tier_mode)
    if basis is None:
        rate = blended_rate(position.principal, tiers, mode)
        words = _("New rates: your balance of today will earn %(rate)s a year.")
    else:
        rate = blended_rate(basis, tiers, mode)
        words = _("New rates: your balance earned %(rate)s a year from this day on.")
    return Event(change.effective_on, 0, words % {"rate": percent(rate)})


def _interest(position: Position, today: date) -> Iterator[Event]:
    """What was paid to the wallet month by month; of each day would be too many."""
    if position.product.payout != Payout.MONTHLY:
        return
    last = min(position.last_day or today, today)
    ends = [x for x in _each_day(position.first_day, last) if is_month_end(x)]
    keys = {f"interest:{position.pk}:{day}": day for day in ends}
    for key, lines in balances.posted(keys).items():
        words = _("Interest of %(amount)s was paid to your wallet.") % {
            "amount": amount(lines[0].amount, position.product.asset)
        }
        yield Event(keys[key] + ONE_DAY, 1, words)
    if position.state == Position.State.OPEN:
        coming = next(x for x in _each_day(today, today + 31 * ONE_DAY) if is_month_end(x))
        if position.last_day is None or coming <= position.last_day:
            words = _("The interest of the month is paid to your wallet.")
            yield Event(coming + ONE_DAY, 1, words)


def _each_day(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _days(position: Position) -> Iterator[Event]:
    yield Event(position.first_day, 4, _("First day that earns."))
    if position.last_day and position.last_day >= position.first_day:
        yield Event(position.last_day, 5, _("Last day that earns."))
    if position.matures_on is None or position.state == Position.State.REDEEMED:
        return
    if position.state == Position.State.MATURED:
        yield Event(position.matures_on, 0, outcome(position))
    else:
        words = _("Matures. Your choice: %(choice)s.") % {
            "choice": AT_MATURITY[position.at_maturity]  # type: ignore[index]
        }
        yield Event(position.matures_on, 0, words)


def _renewals(position: Position, terms: Sequence[Term]) -> Iterator[Event]:
    ids = [term.position.pk for term in terms]
    if position.renews_id:
        words = _("Renewed from position %(n)s.") % {"n": position.renews_id}
        address = reverse("portal:position", args=[position.renews_id])
        yield Event(position.first_day, 1, words, address)
    if position.pk in ids[:-1] and position.matures_on:
        into = ids[ids.index(position.pk) + 1]
        words = _("Renewed into position %(n)s.") % {"n": into}
        address = reverse("portal:position", args=[into])
        yield Event(position.matures_on, 1, words, address)
    if position.outcome == "TO_FLEXIBLE" and (moved_to := _moved_to(position)):
        words = _("Moved to position %(n)s.") % {"n": moved_to}
        address = reverse("portal:position", args=[moved_to])
        yield Event(position.matures_on or position.first_day, 1, words, address)


def _moved_to(position: Position) -> int | None:
    """The flexible position that took the money at maturity, by the books."""
    lines = balances.posted([f"maturity:{position.pk}"]).get(f"maturity:{position.pk}", [])
    for line in lines:
        kind, number, *_rest = f"{line.credit}::".split(":")
        if kind == "position":
            return int(number)
    return None


def current_rate(position: Position, today: date) -> Decimal:
    """What all of the balance earns a year today, or on its first day if that is later."""
    day = max(today, position.first_day)
    rates = position.chart or catalogue.chart_on(position.product, day)
    if rates is None:
        return Decimal(0)
    held = accruals.balance(position, accruals.earned(position))
    tiers = catalogue.tiers_of(rates, position.term_days)
    return blended_rate(held, tiers, TierMode(position.product.tier_mode))
