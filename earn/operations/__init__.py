"""What needs four eyes, each a function of its request: run dry first, then for good.

An operation reads its request (texts, as the form or a program sent them), acts, and says
what it did. It raises Impossible or a Refusal in words for whoever proposes it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from earn.models import Operation
from earn.operations import books, limits, money, people, products, selling, treasury
from earn.operations.outcome import Change, Fact, Impossible, Outcome, Unusual

Act = Callable[..., Outcome]

ACTS: Mapping[str, Act] = {
    Operation.DEPOSIT: money.deposit,
    Operation.WITHDRAWAL: money.withdraw,
    Operation.ADJUSTMENT: books.adjust,
    Operation.REVERSAL: books.reverse,
    Operation.FREEZE: people.freeze,
    Operation.PRODUCT: products.set_state,
    Operation.RATES: products.announce_rates,
    Operation.WIND_UP: products.wind_up,
    Operation.TERMS: selling.change_terms,
    Operation.LIMIT: limits.set_limit,
    Operation.VENUE: treasury.set_venue,
    Operation.DEPLOY: treasury.deploy,
    Operation.RECALL: treasury.recall,
    Operation.YIELD: treasury.book_yield,
}


FACTS: Mapping[str, Callable[..., list[Fact]]] = {
    Operation.RATES: products.facts_of_rates,
    Operation.WIND_UP: products.facts_of_winding_up,
}


def facts(operation: str, request: dict[str, Any], *, at: datetime) -> list[Fact]:
    """Of what it would cost and concern now. Raises Impossible."""
    found = FACTS.get(operation)
    return found(request, at=at) if found else []


def run(operation: str, request: dict[str, Any], *, key: str, at: datetime) -> Outcome:
    """Carries it out inside the caller's transaction; `key` makes its entries unique."""
    return ACTS[operation](request, key=key, at=at)


__all__ = ["ACTS", "Change", "Fact", "Impossible", "Outcome", "Unusual", "facts", "run"]
