"""What was paid to a customer on which day, and what is going to be.

What has happened is read from the books. What is to come is what the books will do if
nothing moves in the meantime and rates stay as announced: it is marked as expected.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from earn import accruals, activity, pauses
from earn.activity import Type
from earn.catalogue import Rates
from earn.days import ONE_DAY, DayCount, business_day, start_of
from earn.interest import Pause, Payout, Rounding, TierMode
from earn.models import (
    Accrual,
    AtMaturity,
    Customer,
    DayClose,
    Order,
    Position,
    Product,
)
from earn.projection import payments


class Kind(StrEnum):
    INTEREST = "INTEREST"  # to the wallet
    ADDED = "ADDED"  # interest that goes on with the principal
    MATURITY = "MATURITY"  # principal to the wallet
    RENEWAL = "RENEWAL"  # principal into a new term
    MOVE = "MOVE"  # principal into the flexible product
    REDEMPTION = "REDEMPTION"  # to the wallet
    CHANGE = "CHANGE"  # last day to change the maturity instruction


_HAPPENED = {
    Type.INTEREST_PAID: Kind.INTEREST,
    Type.INTEREST_CAPITALISED: Kind.ADDED,
    Type.MATURITY_PAID: Kind.MATURITY,
    Type.RENEWAL: Kind.RENEWAL,
    Type.MOVED_TO_FLEXIBLE: Kind.MOVE,
    Type.REDEMPTION: Kind.REDEMPTION,
    Type.EARLY_REDEMPTION: Kind.REDEMPTION,
    Type.REDEMPTION_PAID: Kind.REDEMPTION,
}
_INSTRUCTED = {
    AtMaturity.PAY_OUT: (Kind.MATURITY, Kind.INTEREST),
    AtMaturity.RENEW_PRINCIPAL: (Kind.RENEWAL, Kind.INTEREST),
    AtMaturity.RENEW_ALL: (Kind.RENEWAL, Kind.ADDED),
    AtMaturity.TO_FLEXIBLE: (Kind.MOVE, Kind.ADDED),
}
_SUBJECT = {
    Kind.INTEREST: "interest",
    Kind.ADDED: "interest",
    Kind.MATURITY: "principal",
    Kind.RENEWAL: "principal",
    Kind.MOVE: "principal",
    Kind.REDEMPTION: "redemption",
    Kind.CHANGE: "change",
}


class Event(NamedTuple):
    """One thing of one day. `order_id` is that of a redemption on its way or paid.

    `due_on` is the day that it is named by, where another one has come meanwhile;
    `settled_at` is when it was written into the books, of which a close may be late.
    """

    day: date
    kind: Kind
    product: Product
    amount: Decimal | None
    is_expected: bool
    position_id: int | None
    order_id: int | None = None
    due_on: date | None = None
    settled_at: datetime | None = None

    @property
    def key(self) -> str:
        """Its name for ever: what was expected has the same one when it has happened."""
        number = self.order_id if self.kind == Kind.REDEMPTION else self.position_id
        return f"{_SUBJECT[self.kind]}-{number}-{self.due_on or self.day}"

    @property
    def is_routine(self) -> bool:
        """Interest of every single day, which a list of what comes is better without."""
        return self.kind == Kind.INTEREST and self.product.payout == Payout.DAILY


def events(customer: Customer, first: date, last: date, *, at: datetime) -> list[Event]:
    """Of the days `first` to `last`, in order; the number of queries does not grow."""
    found: dict[str, Event] = {}
    for event in (*_happened(customer, first, last), *_expected(customer, last, at)):
        if first <= event.day <= last:
            same = found.get(event.key)
            found[event.key] = _together(same, event) if same else event
    return sorted(found.values(), key=_order)


def changed_at(customer: Customer, *, at: datetime) -> datetime:
    """When what is expected was last counted anew: by an order or the close of a day."""
    orders = Order.objects.filter(customer=customer).exclude(state=Order.State.REFUSED)
    ordered = orders.order_by("-at").values_list("at", flat=True).first()
    closes = DayClose.objects.exclude(stage=DayClose.Stage.ACCRUE).order_by("-day")
    closed = closes.values_list("closed_at", "opened_at").first() or ()
    known: list[datetime] = [x for x in (ordered, *closed) if x]
    return max(known, default=at.min.replace(tzinfo=at.tzinfo))


def _together(one: Event, other: Event) -> Event:
    """Interest can leave a position twice a day: by the close and with a redemption."""
    amounts = [x.amount for x in (one, other) if x.amount is not None]
    settled = [x.settled_at for x in (one, other) if x.settled_at is not None]
    return one._replace(
        amount=sum(amounts, Decimal(0)),
        is_expected=one.is_expected or other.is_expected,
        settled_at=max(settled, default=None),
    )


def _order(event: Event) -> tuple[date, str, int]:
    return event.day, event.product.code, event.position_id or 0


# What has happened


def _happened(customer: Customer, first: date, last: date) -> Iterator[Event]:
    rows = activity.happened(
        customer=customer, types=list(_HAPPENED), first=first, last=last
    )
    products = Product.objects.select_related("asset").in_bulk(
        {row.product_id for row in rows if row.product_id}
    )
    for row in rows:
        is_on_its_way = row.redeeming > 0  # and paid on a later day
        if row.product_id and row.wallet >= 0 and not is_on_its_way:
            yield Event(
                day=business_day(row.at),
                kind=_HAPPENED[row.type],
                product=products[row.product_id],
                amount=row.amount,
                is_expected=False,
                position_id=row.position_id,
                order_id=row.order_id,
                settled_at=row.recorded_at,
            )


# What is expected


def _expected(customer: Customer, last: date, at: datetime) -> Iterator[Event]:
    positions = list(
        Position.objects.filter(customer=customer, state=Position.State.OPEN)
        .select_related("product__asset")
        .order_by("pk")
    )
    horizon, today = accruals.horizon(), business_day(at)
    rows = _rows(customer, horizon) if horizon else {}
    rates, paused = Rates(positions), pauses.of(customer.pk)
    for position in positions:
        row = rows.get(position.pk)
        yield from _of_position(position, last, horizon, row, rates, paused)
        yield from _last_changes(position)
    yield from _redemptions(customer, today)


def _rows(customer: Customer, day: date) -> dict[int, Accrual]:
    found = Accrual.objects.filter(position__customer=customer, day=day)
    return {row.position_id: row for row in found}


def _of_position(
    position: Position,
    last: date,
    horizon: date | None,
    row: Accrual | None,
    rates: Rates,
    paused: Sequence[Pause],
) -> Iterator[Event]:
    if not _has_something(position, last):
        return
    product = position.product
    start = max(horizon + ONE_DAY, position.first_day) if horizon else position.first_day
    end = position.last_day if position.last_day and position.last_day < last else last
    accrued, carry = (row.accrued, row.carry) if row else (Decimal(0), Decimal(0))
    principal, interest = _INSTRUCTED[AtMaturity(position.at_maturity)]
    for payment in payments(
        principal=position.principal,
        unpaid=accrued + position.true_up - position.interest_settled,
        carry=carry,
        charts=rates.of(position),
        mode=TierMode(product.tier_mode),
        day_count=DayCount(product.day_count),
        compounds=position.compounds,
        scale=product.asset.scale,
        rounding=Rounding(product.final_rounding),
        payout=Payout(product.payout),
        first_day=position.first_day,
        start=start,
        last_day=end,
        ends=end == position.last_day,
        pauses=paused,
    ):
        kind = interest if payment.day == position.matures_on else Kind.INTEREST
        if payment.interest:
            yield _awaited(payment.day, kind, position, payment.interest)
    if position.matures_on:
        yield _awaited(position.matures_on, principal, position, position.principal)


def _awaited(day: date, kind: Kind, position: Position, amount: Decimal | None) -> Event:
    return Event(
        day=day,
        kind=kind,
        product=position.product,
        amount=amount,
        is_expected=True,
        position_id=position.pk,
    )


def _has_something(position: Position, last: date) -> bool:
    pays = position.product.payout in (Payout.DAILY, Payout.MONTHLY)
    return pays or (position.matures_on is not None and position.matures_on <= last)


def _last_changes(position: Position) -> Iterator[Event]:
    if position.matures_on:
        hours = position.product.renewal_cutoff_hours
        cutoff = start_of(position.matures_on) - timedelta(hours=hours)
        day = business_day(cutoff - timedelta(microseconds=1))
        yield _awaited(day, Kind.CHANGE, position, None)


def _redemptions(customer: Customer, today: date) -> Iterator[Event]:
    """Those on their way; what a late close has yet to pay is due today."""
    orders = Order.objects.filter(customer=customer, state=Order.State.PENDING)
    for order in orders.select_related("product__asset").order_by("pk"):
        if order.product and order.due_on:
            yield Event(
                day=max(order.due_on, today),
                kind=Kind.REDEMPTION,
                product=order.product,
                amount=order.amount,
                is_expected=True,
                position_id=order.position_id,
                order_id=order.pk,
                due_on=order.due_on,
            )
