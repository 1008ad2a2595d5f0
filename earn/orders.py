"""What every order shares: its key, its one transaction, and how it is refused."""

from collections.abc import Callable
from datetime import datetime
from json import dumps
from typing import Any

from django.db import connection, transaction

from earn import refusals
from earn.models import Customer, Order
from earn.refusals import Refusal
from earn.sql import sql
from ledger import balances, posting
from ledger.models import Asset
from ledger.money import format_amount


class Short(Exception):
    """An account that an order debits holds less than that; told once it can be asked."""

    def __init__(self, account: posting.AccountName, message: str) -> None:
        super().__init__(message)
        self.account = account
        self.message = message


def place(
    *,
    customer: Customer,
    key: str,
    kind: str,
    request: dict[str, Any],
    at: datetime,
    act: Callable[[Order], None],
) -> Order:
    """Carries an order out once: `act` fills in the order inside of one transaction.

    A replayed key answers with the first order, or raises the first refusal again. Raises
    a Refusal; it is stored, so that a late duplicate cannot succeed. Raises TryAgain, of
    which nothing is stored: the same key may be sent again with a later `at`.
    """
    order, refusal = posting.in_transaction(
        lambda: _place(customer, key, kind, request, at, act)
    )
    if refusal:
        raise refusal
    return order


def _place(
    customer: Customer,
    key: str,
    kind: str,
    request: dict[str, Any],
    at: datetime,
    act: Callable[[Order], None],
) -> tuple[Order, Refusal | None]:
    order, is_new = _claim(customer, key, kind, request, at)
    if not is_new:
        return order, _answer(order, kind, request)
    try:
        with transaction.atomic():
            act(order)
    except Short as short:
        return _refused(order, _insufficient(short))
    except Refusal as refusal:
        return _refused(order, refusal)
    return order, None


def _refused(order: Order, refusal: Refusal) -> tuple[Order, Refusal]:
    order = Order.objects.get(pk=order.pk)
    order.state = Order.State.REFUSED
    order.refusal = refusal.as_json()
    order.save(update_fields=["state", "refusal"])
    return order, refusal


def _insufficient(short: Short) -> Refusal:
    account = short.account
    asset = Asset.objects.get(pk=account.asset_id)
    held = balances.available(asset_id=asset.pk, code=account.code)
    text = format_amount(held, scale=asset.scale)
    return refusals.InsufficientFunds(short.message, wallet=text)


def _claim(
    customer: Customer, key: str, kind: str, request: dict[str, Any], at: datetime
) -> tuple[Order, bool]:
    """Takes the key before anything else; a twin in flight is waited for here."""
    parameters: list[Any] = [customer.pk, key, kind, dumps(request), at]
    with connection.cursor() as cursor:
        cursor.execute(sql("claim_order"), parameters)
        row = cursor.fetchone()
    if row is None:
        return Order.objects.get(customer=customer, key=key), False
    return Order(
        pk=row[0], customer=customer, key=key, kind=kind, request=request, at=at
    ), True


def _answer(order: Order, kind: str, request: dict[str, Any]) -> Refusal | None:
    if order.kind != kind or order.request != request:
        return refusals.KeyReused("This key was used for another order; take a new one.")
    return Refusal.from_json(order.refusal) if order.refusal else None


def post(
    order: Order, lines: list[posting.Line], *, kind: str | None = None, short: str = ""
) -> None:
    """Posts the order's entry. Raises TryAgain, and Short in the words `short`: `place`
    makes it the refusal InsufficientFunds, with what the first line's debit still holds."""
    note = {"order": order.pk}
    if order.position_id:
        note["position"] = order.position_id
    try:
        posted = posting.post(
            key=f"order:{order.pk}",
            kind=kind or order.kind,
            lines=lines,
            happened_at=order.at,
            note=note,
        )
    except posting.InsufficientFunds as error:
        raise Short(lines[0].debit, short or "There is not enough money.") from error
    except posting.DayIsClosed as error:
        # the clock was read before the close began: nothing is remembered under the key
        raise posting.TryAgain(f"The books of {order.at:%Y-%m-%d} are closed.") from error
    order.entry_id = posted.entry_id


def check_terms(preview: dict[str, Any], confirmed: dict[str, Any] | None) -> None:
    """Raises TermsChanged unless what will happen is what was shown."""
    if confirmed is not None and confirmed != preview:
        raise refusals.TermsChanged(
            "The terms have changed since you saw them; look again."
        )


def check_not_frozen(customer: Customer, *, money_in: bool = False) -> None:
    if customer.frozen_in if money_in else customer.frozen_out:
        raise refusals.Frozen("This account is frozen; please contact support.")
