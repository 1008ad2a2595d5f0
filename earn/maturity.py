"""Settling fixed positions at 00:00 UTC of their maturity date, as was instructed."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from earn import accruals, catalogue, chart, telling
from earn.days import start_of
from earn.interest import TierMode, blended_rate
from earn.models import AtMaturity, Position, Product, ProductKind, RateChart
from earn.orders import check_not_frozen
from earn.payouts import due, load
from earn.refusals import NotOpen, Refusal, SoldOut, TermsChanged
from earn.subscriptions import add, fixed_position, flexible_position
from ledger.posting import Draft, Line, post_batch


class RateTooLow(TermsChanged):
    """The renewal would earn less than the customer asks for."""

    code = "RATE_TOO_LOW"


class Batch:
    """Positions that have left, and what they give back to quotas and take from them.

    Quotas are counted here and applied last. A quota is a hot row: locked while the rest of
    a batch is looked at, it would keep every order waiting, and wait itself for balances
    that such an order holds.
    """

    def __init__(self) -> None:
        self.left: list[int] = []
        self._taken: dict[Product, Decimal] = defaultdict(Decimal)
        self._free: dict[Product, Decimal] = {}

    def leave(self, position: Position) -> None:
        self.left.append(position.pk)
        self._taken[position.product] -= position.principal

    def take(self, product: Product, amount: Decimal) -> None:
        """Raises SoldOut by what was left when the batch first looked."""
        taken = self._taken[product] + amount
        if product.quota is not None:
            if product not in self._free:
                self._free[product] = catalogue.quota_left(product) or Decimal(0)
            if taken > self._free[product]:
                raise catalogue.sold_out(product, self._free[product] - taken + amount)
        self._taken[product] = taken

    def apply(self) -> None:
        """Raises SoldOut if others took in the meantime what the batch had counted on."""
        for product in sorted(self._taken, key=lambda product: product.pk):
            catalogue.release_quota(product, -self._taken[product])
            catalogue.take_quota(product, self._taken[product])


@dataclass(slots=True)
class Settlement:
    """One maturing position: `interest` is what it is owed, `target` where it goes on."""

    position: Position
    interest: Decimal
    unit: Decimal
    target: Position | None = None
    moved_interest: Decimal = field(default=Decimal(0))
    annual_rate: Decimal | None = None
    outcome: str = AtMaturity.PAY_OUT

    @property
    def moved(self) -> Decimal:
        return Decimal(self.position.principal + self.moved_interest)


def settle(day: date, *, at: datetime, cursor: int, limit: int) -> tuple[int | None, int]:
    """Settles a batch of positions due on the morning after `day`; last id and number.

    Inside the caller's transaction; None when there was nothing left.
    """
    ids = [pk for (pk,) in due("due_maturities", day, cursor=cursor, limit=limit)]
    if not ids:
        return None, 0
    while not _settled(ids, at):
        pass  # a quota was taken by others just now: decide again by what is left
    return ids[-1], len(ids)


def _settled(ids: Sequence[int], at: datetime) -> bool:
    try:
        with transaction.atomic():
            _settle(load(ids), at)
    except SoldOut:
        return False
    return True


def _settle(positions: Sequence[Position], at: datetime) -> None:
    batch = Batch()
    settlements = [_settlement(position, batch) for position in positions]
    news = [_news(settlement) for settlement in settlements]
    post_batch([_draft(settlement) for settlement in settlements])
    Position.objects.bulk_update(
        positions,
        [
            "state",
            "principal",
            "closed_at",
            "interest_settled",
            "interest_paid",
            "true_up",
            "outcome",
            "touched_on",
        ],
    )
    telling.tell_of_maturities(news, at=at)
    batch.apply()


def _settlement(position: Position, batch: Batch) -> Settlement:
    earned = accruals.earned(position)
    unit = accruals.last_unit(position, earned)
    settlement = Settlement(position, earned.owed + unit, unit)
    batch.leave(position)
    if position.at_maturity == AtMaturity.PAY_OUT:
        return settlement
    try:
        with transaction.atomic():
            _go_on(settlement, batch)
    except Refusal as refusal:
        # full, closed, not for this customer any more, or the rate too low: paid out
        return Settlement(position, earned.owed + unit, unit, outcome=refusal.code)
    return settlement


def _go_on(settlement: Settlement, batch: Batch) -> None:
    """Finds where the money goes on; raises the Refusal that keeps it from doing so."""
    position = settlement.position
    check_not_frozen(position.customer, money_in=True)
    if position.at_maturity != AtMaturity.RENEW_PRINCIPAL:
        settlement.moved_interest = settlement.interest
    product, term_days = _destination(position)
    rates, annual_rate = _admit(position, product, term_days, settlement.moved)
    target = _target(position, product, term_days, rates)
    catalogue.check_cap(product, position.customer, settlement.moved, leaving=batch.left)
    add(target, settlement.moved, max(target.touched_on, _matures_on(position)))
    batch.take(product, settlement.moved)
    settlement.target, settlement.outcome = target, position.at_maturity
    # in a flexible position it joins other money, and they share a rate
    settlement.annual_rate = None if term_days is None else annual_rate


def _target(
    position: Position, product: Product, term_days: int | None, rates: RateChart
) -> Position:
    """The position that the money goes on in: a new one, or the flexible one, locked."""
    day = _matures_on(position)
    if term_days is None:
        target = flexible_position(position.customer, product, start_of(day), day)
        # it may be younger when the close is late: what moves earns from `day` all the same
        target.first_day = min(target.first_day, day)
        return target
    target = fixed_position(
        customer=position.customer,
        product=product,
        at=start_of(day),
        first_day=day,
        term_days=term_days,
        rates=rates,
    )
    target.at_maturity = position.at_maturity
    target.minimum_renewal_rate = position.minimum_renewal_rate
    target.renews = position
    return target


def _destination(position: Position) -> tuple[Product, int | None]:
    """The product that the money moves to, and its term."""
    if position.at_maturity != AtMaturity.TO_FLEXIBLE:
        return position.product, position.term_days
    product = (
        Product.objects.select_related("asset")
        .filter(
            asset=position.product.asset,
            kind=ProductKind.FLEXIBLE,
            state=Product.State.OPEN,
        )
        .order_by("pk")
        .first()
    )
    if product is None:
        raise NotOpen("There is no flexible product of this asset.", reason="NO_FLEXIBLE")
    return product, None


def _admit(
    position: Position, product: Product, term_days: int | None, amount: Decimal
) -> tuple[RateChart, Decimal]:
    """The chart of the new term and the rate of the amount in it, if the product takes the
    money at the customer's rate."""
    day = _matures_on(position)
    catalogue.check_open(product, start_of(day))
    catalogue.check_eligible(product, position.customer)
    rates, tiers = catalogue.offer(product, term_days=term_days, first_day=day)
    rate = blended_rate(amount, tiers, TierMode(product.tier_mode))
    if position.minimum_renewal_rate is not None and rate < position.minimum_renewal_rate:
        raise RateTooLow("The rate is below the one you asked for.")
    return rates, rate


def _news(settlement: Settlement) -> telling.Settled:
    """Before the position is emptied."""
    target = settlement.target
    return telling.Settled(
        position=settlement.position.pk,
        principal=settlement.position.principal,
        interest=settlement.interest,
        moved=settlement.moved if target else Decimal(0),
        annual_rate=settlement.annual_rate,
        target=target.pk if target else None,
    )


def _draft(settlement: Settlement) -> Draft:
    position, product = settlement.position, settlement.position.product
    matures_on = _matures_on(position)
    wallet = chart.wallet(position.customer, product.asset_id)
    target = chart.principal(settlement.target) if settlement.target else wallet
    accrued, principal = chart.accrued(product), chart.principal(position)
    interest_to = target if settlement.moved_interest else wallet
    lines = [
        (chart.interest(product), accrued, settlement.unit),
        (accrued, interest_to, settlement.interest),
        (principal, target, position.principal),
    ]
    draft = Draft(
        key=f"maturity:{position.pk}",
        kind="MATURE",
        lines=[
            Line(debit, credit, amount) for debit, credit, amount in lines if amount > 0
        ],
        happened_at=start_of(matures_on),
        note={"position": position.pk, "outcome": str(settlement.outcome)},
    )
    _close(settlement)
    return draft


def _close(settlement: Settlement) -> None:
    position = settlement.position
    position.principal = Decimal(0)
    position.interest_settled += settlement.interest
    position.interest_paid += settlement.interest
    position.true_up += settlement.unit
    position.state = Position.State.MATURED
    position.closed_at = start_of(_matures_on(position))
    position.touched_on = _matures_on(position)
    position.outcome = settlement.outcome


def _matures_on(position: Position) -> date:
    assert position.matures_on is not None  # every fixed position has a maturity
    return position.matures_on
