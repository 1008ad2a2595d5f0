"""The terms of a product as they are when somebody subscribes, frozen into the order.

What is frozen is all that a term sheet needs: later changes of the product, its names, its
rates or its risk text reach no paper about an order of before.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from earn import documents
from earn.documents import Document
from earn.interest import Tier
from earn.models import Order, Product, RateChart
from ledger.money import plain

VERSION = 1


def frozen(
    *, product: Product, rates: RateChart, tiers: Sequence[Tier], term_days: int | None
) -> dict[str, Any]:
    """The product's rules, the rates of the chosen term, and the risks, as text."""
    asset = product.asset
    return {
        "version": VERSION,
        "product": product.code,
        "names": product.names,
        "kind": product.kind,
        "asset": {"code": asset.code, "name": asset.name, "decimals": asset.scale},
        "chart": {
            "version": rates.version,
            "effective_on": rates.effective_on.isoformat(),
            "term_days": term_days,
            "tiers": [
                {"from": plain(x.from_amount), "annual_rate": plain(x.annual_rate)}
                for x in tiers
            ],
        },
        "tier_mode": product.tier_mode,
        "day_count": product.day_count,
        "compounding": product.compounding,
        "payout": product.payout,
        "final_rounding": product.final_rounding,
        "early_redemption": early(product),
        "settlement_delay_days": product.settlement_delay_days,
        "renewal_cutoff_hours": product.renewal_cutoff_hours,
        "notice_days": product.notice_days,
        "minimum": _plain(product.minimum),
        "step": _plain(product.step),
        "customer_cap": _plain(product.customer_cap),
        "risk": {
            "version": product.risk_version,
            "text": product.risk_text,
            "translations": product.risk_translations,
        },
    }


def sheet(order: Order) -> Document:
    """The term sheet of a subscription: what was agreed, from the order alone."""
    return documents.hashed(
        {
            "document": "TERM_SHEET",
            "version": VERSION,
            "order": order.pk,
            "customer": str(order.customer.uuid),
            "at": documents.moment(order.at),
            "agreed": order.preview,
            "terms": order.terms,
        }
    )


def early(product: Product) -> dict[str, Any]:
    """What leaving early costs; without a meaning for a flexible product."""
    return {
        "rule": product.early_rule,
        "rate": _plain(product.early_rate),
        "days": product.early_days,
        "minimum_holding_days": product.minimum_holding_days,
    }


def as_text(product: Product) -> dict[str, str]:
    """Every term by the name of its field, as text: to be shown, kept and compared.

    What stands in several languages has a name for each, such as `names.en`.
    """
    return dict(_texts(product))


def _texts(product: Product) -> Iterator[tuple[str, str]]:
    for field in Product._meta.concrete_fields:
        if field.name in _NO_TERMS:
            continue
        value = getattr(product, field.attname)
        if isinstance(value, dict):
            yield from ((f"{field.name}.{code}", value[code]) for code in sorted(value))
        else:
            yield field.name, product.asset.code if field.name == "asset" else _text(value)


_NO_TERMS = {"id", "state", "wound_up_at"}


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return ", ".join(value) if isinstance(value, list) else str(value)


def _plain(number: Decimal | None) -> str | None:
    return None if number is None else plain(Decimal(number))  # a default is an int
