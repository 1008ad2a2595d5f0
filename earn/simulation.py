"""Plays a scenario through the real engine in a transaction that is rolled back."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import DataError, transaction
from psycopg.errors import NumericValueOutOfRange

from earn import catalogue, checks, close, funds, redemptions, renewals, subscriptions
from earn.days import ONE_DAY, start_of
from earn.interest import Tier, TierMode, blended_rate
from earn.models import Accrual, Customer, Order, Position, Product
from earn.refusals import Refusal
from earn.scenario import BadScenario, Event, Scenario
from ledger import balances
from ledger.models import Asset, Entry
from ledger.money import format_amount, plain

TOO_MUCH = (
    "events: the money outgrows the 20 digits before the point that the books hold; "
    "write smaller amounts or rates."
)
_CUSTOMER = UUID(int=1)


class BooksNotEmpty(Exception):
    """A scenario has its own calendar: it is played on books without any."""


@dataclass(slots=True)
class _Play:
    scenario: Scenario
    product: Product
    customer: Customer
    refused: list[dict[str, Any]] = field(default_factory=list)


def play(scenario: Scenario) -> dict[str, Any]:
    """The outcome of a scenario as design 8 spells it; nothing remains in the database.

    Raises BooksNotEmpty where days were closed already, and BadScenario.
    """
    with transaction.atomic():
        try:
            if balances.first_day() is not None:
                raise BooksNotEmpty("Scenarios are played on books without entries.")
            state = _set_up(scenario)
            _run(state)
            return _outcome(state)
        except DataError as error:
            if not isinstance(error.__cause__, NumericValueOutOfRange):
                raise
            raise BadScenario(TOO_MUCH) from error
        finally:
            transaction.set_rollback(True)


def _set_up(scenario: Scenario) -> _Play:
    asset = Asset.objects.create(
        code=scenario.asset_code,
        name=scenario.asset_code,
        scale=scenario.scale,
        kind=Asset.Kind.FIAT,
    )
    product = Product.objects.create(asset=asset, **scenario.terms)
    product.refresh_from_db()  # amounts as the books read them
    announced_at = scenario.first_day - timedelta(days=product.notice_days + 1)
    for effective_on, rows in scenario.charts:
        chart = catalogue.add_chart(product=product, effective_on=effective_on, rows=rows)
        early = min(announced_at, effective_on - timedelta(days=product.notice_days + 1))
        catalogue.announce(chart, at=start_of(early))
    catalogue.create_quota(product)
    catalogue.set_state(product, Product.State.OPEN)
    customer = Customer.objects.create(uuid=_CUSTOMER)
    return _Play(scenario, product, customer)


def _run(state: _Play) -> None:
    """Each day's events, after the close of the day before; `until` is not closed."""
    scenario = state.scenario
    events = sorted(enumerate(scenario.events, 1), key=lambda x: (x[1].at, x[0]))
    day = min([scenario.until, *(event.day for _, event in events)])
    begun = False  # the first day that is closed has an entry
    while day <= scenario.until:
        for number, event in events:
            if event.day == day:
                _do(state, number, event)
        begun = begun or balances.first_day() is not None
        if begun and day < scenario.until:
            _close(day)
        day += ONE_DAY


def _close(day: date) -> None:
    """On the morning after. No other process closes these days: what is next is known."""
    stage = None
    while stage != close.Stage.CLOSED:
        stage = close.advance(day, stage, at=start_of(day + ONE_DAY))


def _positions() -> list[int]:
    """Ids of the positions in the order in which they came to be; number 1 is the first."""
    return list(Position.objects.order_by("pk").values_list("pk", flat=True))


def _do(state: _Play, number: int, event: Event) -> None:
    try:
        with transaction.atomic():  # what is refused leaves no deposit behind
            _ACTS[event.do](state, event, f"event-{number}")
    except Refusal as refusal:
        state.refused.append(
            {"event": number, "code": refusal.code, "message": refusal.message}
        )


def _subscribe(state: _Play, event: Event, key: str) -> None:
    assert event.amount is not None  # the scenario's reader asks for it
    asset = state.product.asset
    free = balances.available(
        asset_id=asset.pk, code=f"customer:{state.customer.uuid}:wallet"
    )
    missing = event.amount - free
    if missing > 0 and missing == missing.quantize(Decimal(1).scaleb(-asset.scale)):
        funds.deposit(
            customer=state.customer,
            asset=asset,
            amount=missing,
            key=f"{key}-deposit",
            at=event.at,
        )
    subscriptions.subscribe(
        customer=state.customer,
        product=state.product,
        amount=event.amount,
        key=key,
        at=event.at,
        term_days=event.term_days,
        at_maturity=event.at_maturity,
        minimum_renewal_rate=event.minimum_rate,
    )


def _redeem(state: _Play, event: Event, key: str) -> None:
    redemptions.redeem(
        customer=state.customer,
        position_id=_position(event),
        amount=event.amount,
        key=key,
        at=event.at,
    )


def _cancel(state: _Play, event: Event, key: str) -> None:
    """Takes back the newest redemption of the position that is still pending."""
    pending = Order.objects.filter(
        position_id=_position(event), kind=Order.Kind.REDEEM, state=Order.State.PENDING
    )
    newest = pending.order_by("-pk").values_list("pk", flat=True).first()
    redemptions.cancel(customer=state.customer, order_id=newest or 0, key=key, at=event.at)


def _instruct(state: _Play, event: Event, key: str) -> None:
    renewals.instruct(
        customer=state.customer,
        position_id=_position(event),
        at_maturity=event.at_maturity,
        minimum_renewal_rate=event.minimum_rate,
        key=key,
        at=event.at,
    )


def _position(event: Event) -> int:
    """Id of the position that the event names; 0, which is nobody's, when there is none."""
    numbered = _positions()[event.position - 1 : event.position]
    return numbered[0] if numbered else 0


_ACTS: dict[str, Callable[[_Play, Event, str], None]] = {
    "subscribe": _subscribe,
    "redeem": _redeem,
    "cancel": _cancel,
    "instruct": _instruct,
}


def _outcome(state: _Play) -> dict[str, Any]:
    broken = [v for _, found in checks.everything() for v in found]
    outcome = {
        "positions": [
            _shown(state, n, Position.objects.get(pk=pk))
            for n, pk in enumerate(_positions(), 1)
        ],
        "entries": list(_entries(state)),
        "books": "balanced" if not broken else f"{broken[0].subject}: {broken[0].detail}",
    }
    events = enumerate(state.scenario.events, 1)
    late = [number for number, event in events if event.day > state.scenario.until]
    remarks = {"refused": state.refused, "not_played": late}
    return outcome | {name: found for name, found in remarks.items() if found}


def _shown(state: _Play, number: int, position: Position) -> dict[str, Any]:
    days = list(_days(state, position))
    accrued = position.accruals.order_by("-day").values_list("accrued", flat=True).first()
    owed = (accrued or Decimal(0)) + position.true_up - position.interest_settled
    return {
        "position": number,
        "state": position.state,
        "principal": _text(state, position.principal),
        "accrued": _text(state, owed),
        "interest_paid": _text(state, position.interest_paid),
        "received": _text(state, _received(state, position)),
        "matures_on": position.matures_on and position.matures_on.isoformat(),
        "days": days,
    }


def _days(state: _Play, position: Position) -> Iterator[dict[str, str]]:
    mode = TierMode(state.product.tier_mode)
    tiers: dict[int, tuple[Tier, ...]] = {}
    for row in (
        Accrual.objects.filter(position=position).select_related("chart").order_by("day")
    ):
        if row.chart_id not in tiers:
            tiers[row.chart_id] = catalogue.tiers_of(row.chart, position.term_days)
        rate = blended_rate(row.basis, tiers[row.chart_id], mode)
        yield {
            "day": row.day.isoformat(),
            "basis": _text(state, row.basis),
            "rate": plain(rate),
            "interest": _text(state, row.interest),
            "accrued": _text(state, row.accrued),
        }


def _received(state: _Play, position: Position) -> Decimal:
    return balances.credited(
        asset_id=state.product.asset_id,
        code=f"customer:{state.customer.uuid}:wallet",
        position=position.pk,
    )


def _entries(state: _Play) -> Iterator[dict[str, Any]]:
    """Each entry's legs, debit positive; positions by the scenario's numbers."""
    names = {
        f"position:{pk}:principal": f"position:{n}:principal"
        for n, pk in enumerate(_positions(), 1)
    }
    for entry in Entry.objects.order_by("happened_at", "id").prefetch_related(
        "postings__debit", "postings__credit"
    ):
        lines: list[list[str]] = []
        for posting in sorted(entry.postings.all(), key=lambda p: p.line):
            amount = _text(state, posting.amount)
            lines.append([names.get(posting.debit.code, posting.debit.code), amount])
            lines.append(
                [names.get(posting.credit.code, posting.credit.code), f"-{amount}"]
            )
        yield {"on": entry.day.isoformat(), "kind": entry.kind, "lines": lines}


def _text(state: _Play, amount: Decimal) -> str:
    return format_amount(amount, scale=state.scenario.scale)
