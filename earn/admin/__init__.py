"""What staff look at and propose. Nothing of money is edited here."""

from earn.admin import (
    catalogue,
    closes,
    console,
    drafting,
    home,
    orders,
    people,
    positions,
    prices,
    products,
    proposals,
    rates,
    schedules,
    terms_forms,
)

__all__ = [
    "catalogue",
    "closes",
    "console",
    "drafting",
    "home",
    "orders",
    "people",
    "positions",
    "prices",
    "products",
    "proposals",
    "rates",
    "schedules",
    "terms_forms",
]
