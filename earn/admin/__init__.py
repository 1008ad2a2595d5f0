"""What staff look at and propose. Nothing of money is edited here."""

from earn.admin import (
    closes,
    home,
    orders,
    people,
    positions,
    prices,
    products,
    proposals,
)

__all__ = [
    "closes",
    "home",
    "orders",
    "people",
    "positions",
    "prices",
    "products",
    "proposals",
]
