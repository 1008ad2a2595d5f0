"""The terms that one money went through, each the renewal of the one before."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from earn.interest import Tier, TierMode, blended_rate
from earn.models import Accrual, Position, RateTier


class Term(NamedTuple):
    """`principal` is what earned on its first day, `annual_rate` what all of it earned."""

    position: Position
    principal: Decimal
    annual_rate: Decimal


def chain(position: Position) -> list[Term]:
    """From the first term to the last, this one among them; alone if it never renewed.

    Four queries, however long: a renewal stays with its customer and product.
    """
    if position.term_days is None:
        return []
    return _terms(position, _linked(position))


def _linked(position: Position) -> list[Position]:
    found = Position.objects.filter(
        customer_id=position.customer_id, product_id=position.product_id
    ).exclude(term_days=None)
    by_id = {one.pk: one for one in found}
    after = {one.renews_id: one for one in by_id.values() if one.renews_id}
    linked = [by_id[position.pk]]
    while (before := by_id.get(linked[0].renews_id or 0)) is not None:
        linked.insert(0, before)
    while (later := after.get(linked[-1].pk)) is not None:
        linked.append(later)
    return linked


def _terms(position: Position, linked: Sequence[Position]) -> list[Term]:
    first_days = {one.first_day for one in linked}
    rows = Accrual.objects.filter(position__in=linked, day__in=first_days)
    bases = {(row.position_id, row.day): row.basis for row in rows}
    tiers = _tiers(linked)
    mode = TierMode(position.product.tier_mode)
    terms = []
    for one in linked:
        principal: Decimal = bases.get((one.pk, one.first_day)) or one.principal
        key = (one.chart_id or 0, one.term_days or 0)
        terms.append(Term(one, principal, blended_rate(principal, tiers[key], mode)))
    return terms


def _tiers(linked: Sequence[Position]) -> dict[tuple[int, int], list[Tier]]:
    """By chart and term, lowest amount first."""
    found: defaultdict[tuple[int, int], list[Tier]] = defaultdict(list)
    rows = RateTier.objects.filter(chart__in={one.chart_id for one in linked})
    for row in rows.exclude(term_days=None).order_by("from_amount"):
        found[row.chart_id, row.term_days or 0].append(
            Tier(row.from_amount, row.annual_rate)
        )
    return found
