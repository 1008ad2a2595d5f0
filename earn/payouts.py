"""What a close pays to wallets: delayed redemptions, interest, and leavers' last days.

Each function settles one batch after `cursor` inside the caller's transaction and returns
the last id it dealt with (None when there was nothing left) and how many it paid.
"""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from earn import accruals, chart, early, telling
from earn.days import ONE_DAY, start_of
from earn.interest import Payout, pays_out
from earn.models import Order, Position, Product, ProductKind
from earn.sql import sql
from ledger.posting import Draft, Line, post_batch


def pay_redemptions(
    day: date, *, at: datetime, cursor: int, limit: int
) -> tuple[int | None, int]:
    """Pays the redemptions that fall due on the morning after `day`."""
    ids = [pk for (pk,) in due("due_redemptions", day, cursor=cursor, limit=limit)]
    if not ids:
        return None, 0
    orders = Order.objects.filter(pk__in=ids).select_related("product", "customer")
    post_batch(_redemption(order, day) for order in orders.order_by("pk"))
    Order.objects.filter(pk__in=ids).update(state=Order.State.DONE)
    telling.tell_of_redemptions(ids, at=at)
    return ids[-1], len(ids)


def pay_interest(
    day: date,
    *,
    at: datetime,  # noqa: ARG001
    cursor: int,
    limit: int,
) -> tuple[int | None, int]:
    """Pays the interest of positions whose product pays to the wallet on this day."""
    payouts = [str(payout) for payout in Payout if pays_out(payout, day)]
    accrued = dict(due("due_interest", day, cursor=cursor, limit=limit, payouts=payouts))
    if not accrued:
        return None, 0
    positions = load(accrued)
    drafts = []
    for position in positions:
        owed = accrued[position.pk] + position.true_up - position.interest_settled
        drafts.append(_interest(position, owed, day))
        position.interest_settled += owed
        if not _ended_early(position):
            position.interest_paid += owed
    post_batch(drafts)
    Position.objects.bulk_update(positions, ["interest_settled", "interest_paid"])
    return positions[-1].pk, len(positions)


def pay_leavers(
    day: date,
    *,
    at: datetime,  # noqa: ARG001
    cursor: int,
    limit: int,
) -> tuple[int | None, int]:
    """Pays those who left before their last days were closed, now that they are."""
    ids = [pk for (pk,) in due("due_leavers", day, cursor=cursor, limit=limit)]
    if not ids:
        return None, 0
    positions = load(ids)
    post_batch([draft for position in positions for draft in _leaver(position, day)])
    Position.objects.bulk_update(
        positions, ["interest_settled", "interest_paid", "true_up", "interest_due"]
    )
    return ids[-1], len(ids)


def due(
    name: str, day: date, *, cursor: int, limit: int, **parameters: Any
) -> list[tuple[Any, ...]]:
    """Rows of `<name>.sql`, which locks what a batch is going to settle, by id."""
    parameters |= {"day": day, "morning": day + ONE_DAY, "cursor": cursor, "limit": limit}
    with connection.cursor() as db:
        db.execute(sql(name), parameters)
        return list(db.fetchall())


def load(ids: Iterable[int]) -> list[Position]:
    """The positions that `due` has locked, by id, with what settling them needs."""
    positions = Position.objects.select_related("product__asset", "customer", "chart")
    return list(positions.filter(pk__in=list(ids)).order_by("pk"))


def _redemption(order: Order, day: date) -> Draft:
    product, amount = order.product, order.amount
    assert product is not None  # every redemption has a product and an amount
    assert amount is not None
    redeeming = chart.redeeming(order.customer, product.asset_id)
    wallet = chart.wallet(order.customer, product.asset_id)
    return Draft(
        key=f"redemption:{order.pk}",
        kind="REDEEM",
        lines=[Line(redeeming, wallet, amount)],
        happened_at=start_of(day + ONE_DAY),
        note={"order": order.pk, "position": order.position_id},
    )


def _interest(position: Position, amount: Decimal, day: date) -> Draft:
    product = position.product
    target = chart.wallet(position.customer, product.asset_id)
    if _ended_early(position):
        # what of it is kept is known when its last day is closed: until then given back
        target = chart.interest(product)
    return Draft(
        key=f"interest:{position.pk}:{day}",
        kind="PAY",
        lines=[Line(chart.accrued(product), target, amount)],
        happened_at=start_of(day + ONE_DAY),
        note={"position": position.pk},
    )


def _ended_early(position: Position) -> bool:
    is_fixed = position.product.kind == ProductKind.FIXED
    return is_fixed and position.state == Position.State.REDEEMED


def _leaver(position: Position, day: date) -> Iterable[Draft]:
    """Settles all that is owed; a fixed position by its early redemption rule."""
    product = position.product
    earned = accruals.earned(position)
    unit = accruals.last_unit(position, earned)
    paid, forfeited = earned.owed + unit, Decimal(0)
    if product.kind == ProductKind.FIXED:
        kept = early.settle(position, earned)
        paid, forfeited, unit = kept.paid, kept.forfeited, kept.true_up
    position.interest_settled += paid + forfeited
    position.interest_paid += paid
    position.true_up += unit
    position.interest_due = False
    lines = _leaver_lines(position, paid=paid, forfeited=forfeited, unit=unit)
    if lines:
        yield Draft(
            key=f"leaver:{position.pk}",
            kind="PAY",
            lines=lines,
            happened_at=start_of(day + ONE_DAY),
            note={"position": position.pk},
        )


def _leaver_lines(
    position: Position, *, paid: Decimal, forfeited: Decimal, unit: Decimal
) -> list[Line]:
    product: Product = position.product
    accrued, interest = chart.accrued(product), chart.interest(product)
    wallet = chart.wallet(position.customer, product.asset_id)
    lines = [
        (interest, accrued, unit),
        (accrued, wallet, paid),
        (accrued, interest, forfeited),
    ]
    return [Line(debit, credit, amount) for debit, credit, amount in lines if amount > 0]
