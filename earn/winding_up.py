"""Winding a product up: its flexible positions are paid out, each with all it has earned.

A position earns through the day before it is paid out, as by any redemption; what of it no
close has accrued yet, the next close pays. May be run at any time, by any number of
processes, and killed anywhere.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial

from earn import redemptions
from earn.days import business_day
from earn.models import Position, Product
from earn.refusals import Refusal
from ledger.posting import in_transaction


class NotAllPaid(Exception):
    """What was not foreseen befell some positions; `paid` others were paid all the same."""

    def __init__(self, failures: Mapping[int, Exception], *, paid: int) -> None:
        super().__init__("; ".join(f"position {n}: {x!r}" for n, x in failures.items()))
        self.paid = paid


def pay_out(*, at: datetime, limit: int) -> int:
    """Pays up to so many positions, the oldest first; how many it has.

    A frozen customer's wait. One that cannot be paid keeps nobody else waiting: NotAllPaid
    is raised when the others are paid.
    """
    paid = 0
    failures: dict[int, Exception] = {}
    for number in _owed(at, batch=limit):
        try:
            paid += in_transaction(partial(_pay, number, at))
        except Exception as failure:  # noqa: BLE001  told below, with all the others
            failures[number] = failure
        if limit in (paid, len(failures)):
            break  # so many failures have one reason, and more would not help
    if failures:
        raise NotAllPaid(failures, paid=paid) from next(iter(failures.values()))
    return paid


def _owed(at: datetime, *, batch: int) -> Iterator[int]:
    """Ids in order, beyond those too that stay open for now."""
    products = Product.objects.filter(wound_up_at__lte=at).values_list("pk", flat=True)
    due = Position.objects.filter(
        product__in=list(products),
        state=Position.State.OPEN,
        term_days=None,
        customer__frozen_out=False,
    )
    last = 0
    while found := list(
        due.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:batch]
    ):
        yield from found
        last = found[-1]


def _pay(position_id: int, at: datetime) -> bool:
    """Whether it was this call that paid; the lock spares customers a refused order."""
    found = Position.objects.select_for_update(skip_locked=True, of=("self",))
    position = (
        found.filter(pk=position_id, state=Position.State.OPEN)
        .select_related("customer")
        .first()
    )
    if position is None or position.customer.frozen_out:
        return False
    try:
        redemptions.redeem(
            customer=position.customer,
            position_id=position.pk,
            key=f"wind-up:{position.pk}:{business_day(at)}",
            at=at,
        )
    except Refusal:  # frozen in this moment: another day has another key
        return False
    return True
