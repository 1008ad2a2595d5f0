"""What may change of a product that has opened: how it is called, offered and described.

The database holds the rest of its terms fixed.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from earn import catalogue, terms
from earn.models import Product
from earn.operations.outcome import (
    Change,
    Impossible,
    Outcome,
    amount_of,
    product_of,
    refused_by_the_database,
)

RISKS = ("risk_text", "risk_translations")


def change_terms(request: dict[str, Any], *, key: str, at: datetime) -> Outcome:  # noqa: ARG001
    """`product`, and the terms as they are to be; what is not named stays.

    Empty is none. A risk text that changes gets the next version: customers accept it anew.
    """
    product = product_of(request)
    if product.state == Product.State.DRAFT:
        raise Impossible("A draft is edited freely: nothing needs to be proposed.")
    before, quota = terms.as_text(product), product.quota
    risks = [getattr(product, name) for name in RISKS]
    fill_in(product, request)
    product.risk_version += risks != [getattr(product, name) for name in RISKS]
    subject = f"product:{product.code}"
    changes = _changes(subject, before, terms.as_text(product))
    if not changes:
        raise Impossible("The terms are just so already.")
    with refused_by_the_database():
        _save(product, quota)
    return Outcome(subject=subject, changes=changes)


def fill_in(product: Product, request: dict[str, Any]) -> None:
    """Reads what is named into the product, which is not saved. Raises Impossible, whose
    message begins with the name."""
    for name, read in _READERS.items():
        if name in request:
            setattr(product, name, read(request, name, product))
    begins, ends = product.sale_from, product.sale_until
    if begins and ends and ends <= begins:
        raise Impossible("sale_until: the sale ends after it begins.")


def _save(product: Product, quota_before: Decimal | None) -> None:
    if product.quota != quota_before:
        if product.quota is None or quota_before is None:
            raise Impossible(
                "quota: it is counted from the first position on or never; its amount may "
                "change."
            )
        try:
            catalogue.change_quota(product, product.quota)
        except catalogue.QuotaInUse as error:
            raise Impossible(f"quota: {error}") from error
    product.save()


def _changes(subject: str, before: dict[str, str], after: dict[str, str]) -> list[Change]:
    names = dict.fromkeys([*before, *after])
    return [
        Change(subject, name, before.get(name, ""), after.get(name, ""))
        for name in names
        if before.get(name, "") != after.get(name, "")
    ]


def _amount(request: dict[str, Any], name: str, product: Product) -> Decimal | None:
    return amount_of(request, name, product.asset) if request[name] else None


def _minimum(request: dict[str, Any], name: str, product: Product) -> Decimal:
    is_none = not str(request[name] or "").strip("0.")
    return Decimal(0) if is_none else amount_of(request, name, product.asset)


def _moment(request: dict[str, Any], name: str, _: Product) -> datetime | None:
    text = str(request[name] or "")
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError as error:
        raise Impossible(f"{name}: write the moment as 2026-01-31T10:00Z.") from error
    return found and (found if found.tzinfo else found.replace(tzinfo=UTC))


def _countries(request: dict[str, Any], name: str, _: Product) -> list[str]:
    codes = str(request[name] or "").upper().replace(",", " ").split()
    if not all(len(code) == 2 and code.isascii() and code.isalpha() for code in codes):
        raise Impossible(f"{name}: codes of two letters, such as DE FR.")
    return sorted(set(codes))


def _level(request: dict[str, Any], name: str, _: Product) -> int:
    text = str(request[name] or "0")
    if not (text.isascii() and text.isdecimal() and len(text) < 5):
        raise Impossible(f"{name}: a whole number.")
    return int(text)


def _words(request: dict[str, Any], name: str, _: Product) -> str:
    return str(request[name] or "")


def _by_language(request: dict[str, Any], name: str, _: Product) -> dict[str, str]:
    found = request[name]
    if not isinstance(found, dict):
        raise Impossible(f"{name}: a text for each language.")
    return {str(code): str(text) for code, text in found.items() if text}


_READERS: dict[str, Callable[[dict[str, Any], str, Product], Any]] = {
    "names": _by_language,
    "sale_from": _moment,
    "sale_until": _moment,
    "minimum": _minimum,
    "step": _amount,
    "customer_cap": _amount,
    "quota": _amount,
    "countries_allowed": _countries,
    "countries_denied": _countries,
    "minimum_kyc_level": _level,
    "risk_text": _words,
    "risk_translations": _by_language,
}
