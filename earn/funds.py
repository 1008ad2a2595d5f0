"""Money into and out of the wallet, by staff or by the surrounding platform."""

from datetime import datetime
from decimal import Decimal

from earn import chart, orders, refusals
from earn.catalogue import check_decimals
from earn.models import Customer, Order
from ledger.models import Asset
from ledger.money import plain
from ledger.posting import Line


def deposit(
    *, customer: Customer, asset: Asset, amount: Decimal, key: str, at: datetime
) -> Order:
    """Dr custody, Cr wallet. Raises TooManyDecimals, BelowMinimum, Frozen, KeyReused."""
    line = Line(chart.custody(asset.pk), chart.wallet(customer, asset.pk), amount)
    return _move(customer, asset, amount, key, at, Order.Kind.DEPOSIT, line)


def withdraw(
    *, customer: Customer, asset: Asset, amount: Decimal, key: str, at: datetime
) -> Order:
    """Dr wallet, Cr custody. Raises InsufficientFunds and what `deposit` raises."""
    line = Line(chart.wallet(customer, asset.pk), chart.custody(asset.pk), amount)
    return _move(customer, asset, amount, key, at, Order.Kind.WITHDRAW, line)


def _move(
    customer: Customer,
    asset: Asset,
    amount: Decimal,
    key: str,
    at: datetime,
    kind: str,
    line: Line,
) -> Order:
    def act(order: Order) -> None:
        check_decimals(amount, scale=asset.scale, code=asset.code)
        if amount <= 0:
            raise refusals.BelowMinimum(f"The amount is above 0 {asset.code}.")
        orders.check_not_frozen(customer, money_in=kind == Order.Kind.DEPOSIT)
        orders.post(order, [line], short=f"The wallet holds less {asset.code} than that.")
        order.amount = amount
        order.save()

    request = {"asset": asset.code, "amount": plain(amount)}
    return orders.place(
        customer=customer, key=key, kind=kind, request=request, at=at, act=act
    )
