"""Makes orders of what customers want, from what they hold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from django.db.models import Q

from earn import funds, redemptions, renewals, subscriptions
from earn.demo.people import Intent, People
from earn.models import Customer, Order, Position, Product
from earn.refusals import Refusal
from ledger import balances
from ledger.models import Asset
from ledger.money import floor_to_unit, unit
from ledger.posting import TryAgain

ATTEMPTS = 5

Send = Callable[[], Order]


@dataclass(frozen=True, slots=True)
class Market:
    """What all customers share."""

    people: People
    products: Mapping[str, Product]
    assets: Mapping[str, Asset]

    @staticmethod
    def of(people: People) -> "Market":
        products = Product.objects.select_related("asset")
        return Market(
            people=people,
            products={product.code: product for product in products},
            assets={asset.code: asset for asset in Asset.objects.all()},
        )

    def product(self, pk: int) -> Product:
        return next(product for product in self.products.values() if product.pk == pk)


@dataclass(frozen=True, slots=True)
class Turn:
    """One customer's wish at its moment, with the key of the order that it becomes."""

    market: Market
    customer: Customer
    intent: Intent
    key: str
    at: datetime

    def order(self) -> Send | None:
        """The order that the wish comes to; None if there is nothing to act on."""
        return _ORDERS[self.intent.do](self)


def sent(order: Send) -> str | None:
    """Sends an order until it is done or refused; the code of the refusal.

    Raises TryAgain when it stays neither, as on a day that is closed.
    """
    for _ in range(ATTEMPTS):
        try:
            order()
        except Refusal as refusal:
            return refusal.code
        except TryAgain:
            continue
        return None
    raise TryAgain(f"neither done nor refused in {ATTEMPTS} attempts")


def available(customer: Customer, asset: Asset) -> Decimal:
    """What the customer's wallet holds."""
    code = f"customer:{customer.uuid}:wallet"
    return balances.available(asset_id=asset.pk, code=code)


def deposit(
    customer: Customer, asset: Asset, amount: Decimal, *, key: str, at: datetime
) -> None:
    sent(
        partial(
            funds.deposit, customer=customer, asset=asset, amount=amount, key=key, at=at
        )
    )


def _buy(turn: Turn) -> Send:
    intent = turn.intent
    product = turn.market.products[intent.product]
    amount = intent.amount
    if intent.too_much:
        amount += available(turn.customer, product.asset)
    else:
        _deposit(turn, product.asset, amount)
    return _subscribe(turn, product, amount, intent.term_days)


def _top_up(turn: Turn) -> Send | None:
    position = _pick(turn, term_days=None)
    if position is None:
        return None
    amount = turn.market.people.deposit(position.product.asset.code, turn.intent.times)
    _deposit(turn, position.product.asset, amount)
    return _subscribe(turn, position.product, amount, None)


def _subscribe(
    turn: Turn, product: Product, amount: Decimal, term_days: int | None
) -> Send:
    intent = turn.intent
    amount -= amount % (product.step or unit(product.asset.scale))
    at_maturity = intent.at_maturity if term_days else "PAY_OUT"
    terms: dict[str, Any] = {
        "product": product,
        "amount": amount,
        "term_days": term_days,
        "at_maturity": at_maturity,
        "at": turn.at,
    }
    if intent.same_rate and term_days:
        rate = subscriptions.preview(**terms)["annual_rate"]
        terms["minimum_renewal_rate"] = Decimal(rate)
    return partial(subscriptions.subscribe, customer=turn.customer, key=turn.key, **terms)


def _deposit(turn: Turn, asset: Asset, amount: Decimal) -> None:
    """The key names the asset: a replay that finds another position takes another key."""
    key = f"{turn.key}:in:{asset.code}"
    deposit(turn.customer, asset, amount, key=key, at=turn.at)


def _redeem_part(turn: Turn) -> Send | None:
    position = _pick(turn, term_days=None)
    if position is None:
        return None
    part = position.principal * turn.intent.thousandths / 1000
    if turn.intent.too_much:
        part = position.principal * 2 + 1
    return _redeem(turn, position, floor_to_unit(part, scale=position.product.asset.scale))


def _redeem_all(turn: Turn) -> Send | None:
    position = _pick(turn, term_days=None)
    return _redeem(turn, position, None) if position else None


def _redeem_again(turn: Turn) -> Send | None:
    position = _pick(turn, term_days=None, product__code=turn.intent.product)
    return _redeem(turn, position, turn.intent.amount) if position else None


def _exit_early(turn: Turn) -> Send | None:
    position = _pick(turn, term_days__isnull=False)
    return _redeem(turn, position, None) if position else None


def _redeem(turn: Turn, position: Position, amount: Decimal | None) -> Send:
    return partial(
        redemptions.redeem,
        customer=turn.customer,
        position_id=position.pk,
        amount=amount,
        key=turn.key,
        at=turn.at,
    )


def _change_instruction(turn: Turn) -> Send | None:
    position = _pick(turn, term_days__isnull=False)
    if position is None:
        return None
    return partial(
        renewals.instruct,
        customer=turn.customer,
        position_id=position.pk,
        at_maturity=turn.intent.at_maturity,
        key=turn.key,
        at=turn.at,
    )


def _withdraw(turn: Turn) -> Send | None:
    held = {
        asset: amount
        for (asset, code), amount in balances.balances_of(turn.customer.uuid).items()
        if code.endswith(":wallet") and amount > 0
    }
    if not held:
        return None
    asset = turn.market.assets[sorted(held)[turn.intent.pick % len(held)]]
    part = floor_to_unit(
        held[asset.code] * turn.intent.thousandths / 1000, scale=asset.scale
    )
    amount = held[asset.code] * 2 if turn.intent.too_much else part or held[asset.code]
    return partial(
        funds.withdraw,
        customer=turn.customer,
        asset=asset,
        amount=amount,
        key=turn.key,
        at=turn.at,
    )


def _pick(turn: Turn, **which: object) -> Position | None:
    """One of the positions that the customer has subscribed to.

    Not one that a close makes or settles on this day: it may be running, or be killed, and
    what is picked must not depend on how far it is.
    """
    subscribed = Order.objects.filter(
        customer=turn.customer, kind=Order.Kind.SUBSCRIBE, state=Order.State.DONE
    )
    still_running = Q(matures_on=None) | Q(matures_on__gt=turn.at.date())
    positions = Position.objects.filter(
        still_running,
        pk__in=subscribed.values("position"),
        state=Position.State.OPEN,
        **which,
    )
    found = list(positions.order_by("product", "opened_at", "pk"))
    if not found:
        return None
    position = found[turn.intent.pick % len(found)]
    position.product = turn.market.product(position.product_id)
    return position


_ORDERS: dict[str, Callable[[Turn], Send | None]] = {
    "buy": _buy,
    "top_up": _top_up,
    "redeem_part": _redeem_part,
    "redeem_all": _redeem_all,
    "redeem_again": _redeem_again,
    "exit_early": _exit_early,
    "change_instruction": _change_instruction,
    "withdraw": _withdraw,
}
