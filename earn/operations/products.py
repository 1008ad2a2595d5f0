"""A product's state and its rates. The database holds their order and their notice."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from earn import catalogue, chart, repricing, terms, uptake
from earn.catalogue import Row
from earn.models import Product, ProductKind
from earn.operations.outcome import (
    Change,
    Fact,
    Impossible,
    Outcome,
    Unusual,
    amount_of,
    day_of,
    product_of,
    refused_by_the_database,
)
from ledger import balances
from ledger.money import format_amount, plain, round_half_up_to_unit, unit

STEEP = Decimal(1)  # a year
STEEPER = 5  # times the highest rate in force


def set_state(request: dict[str, Any], *, key: str, at: datetime) -> Outcome:  # noqa: ARG001
    """`product`, `state`. What opens first lays out its quota in `shards` (1).

    A draft may be edited until the last moment: all its terms are part of what opens it.
    """
    product = product_of(request)
    before, after = product.state, str(request.get("state") or "")
    if after not in Product.State.values:
        raise Impossible("There is no such state.")
    subject = f"product:{product.code}"
    changes = [Change(subject, "state", before, after)]
    if before == Product.State.DRAFT:
        told = terms.as_text(product).items()
        changes += [Change(subject, name, "", value) for name, value in told if value]
    if after == Product.State.CLOSED:
        changes.append(
            Change(subject, "open positions", "earn", _AFTER_CLOSING[product.kind])
        )
    with refused_by_the_database():
        if (before, after) == (Product.State.DRAFT, Product.State.OPEN):
            _lay_out(product, request)
        catalogue.set_state(product, after)
    return Outcome(subject=subject, changes=changes)


_AFTER_CLOSING: dict[str, str] = {
    ProductKind.FLEXIBLE: "earn on until their customers leave",
    ProductKind.FIXED: "run out as promised and are paid out",
}


def wind_up(request: dict[str, Any], *, key: str, at: datetime) -> Outcome:  # noqa: ARG001
    """`product`, flexible: it closes, and its positions are paid out one by one.

    How many that are is no part of the effect: customers leave while the proposal waits.
    """
    product = product_of(request)
    if product.kind == ProductKind.FIXED:
        raise Impossible("A fixed term was promised: close it, and its terms run out.")
    if product.wound_up_at:
        raise Impossible("This product is wound up already.")
    subject, before = f"product:{product.code}", product.state
    with refused_by_the_database():
        catalogue.wind_up(product, at=at)
    changes = [
        Change(subject, "state", before, Product.State.CLOSED),
        Change(subject, "open positions", "earn on", "paid out with all interest"),
    ]
    return Outcome(subject=subject, changes=changes)


def announce_rates(request: dict[str, Any], *, key: str, at: datetime) -> Outcome:  # noqa: ARG001
    """`product`, `effective_on`, `rows` of `term_days`, `from` and `rate` (a fraction)."""
    product = product_of(request)
    effective_on = day_of(request, "effective_on")
    rows = [row_of(product, row) for row in request.get("rows") or []]
    check_rows(product, rows)
    subject = f"product:{product.code}"
    before = repricing.rows_of(catalogue.chart_on(product, effective_on))
    with refused_by_the_database():
        made = catalogue.add_chart(product=product, effective_on=effective_on, rows=rows)
        catalogue.announce(made, at=at)
    changes = [
        Change(
            subject,
            f"rates from {effective_on}",
            rates_in_words(product, before),
            rates_in_words(product, rows),
        )
    ]
    return Outcome(subject=subject, changes=changes, unusual=_steep(before, rows))


def _steep(before: list[Row], rows: list[Row]) -> Unusual | None:
    """More than a whole year's money, or a slip of the point beside what is in force."""
    highest = max(row.annual_rate for row in rows)
    known = max((row.annual_rate for row in before), default=None)
    typed = plain(highest * 100)
    if highest > STEEP:
        return Unusual(f"{typed} % is more than {plain(STEEP * 100)} % a year.", typed)
    if known is not None and highest > 0 and highest >= STEEPER * known:
        return Unusual(
            f"The highest rate, {typed} %, is {STEEPER} times the one in force or more: "
            f"{plain(known * 100)} %. It is typed in percent.",
            typed,
        )
    return None


def facts_of_rates(request: dict[str, Any], *, at: datetime) -> list[Fact]:  # noqa: ARG001
    """Cost and who is told, by today's balances; open fixed positions keep their rates."""
    product = _seen(request)
    if product.kind == ProductKind.FIXED:
        return [Fact("concerns", "new terms alone, and nobody is told")]
    rows = [row_of(product, row) for row in request.get("rows") or []]
    with refused_by_the_database():
        cost = repricing.cost(
            product, effective_on=day_of(request, "effective_on"), rows=rows
        )
    return [
        Fact("open positions", str(cost.positions)),
        Fact("their balances", _amount(cost.balance, product)),
        Fact("more interest a month", _amount(cost.a_month_more, product)),
        Fact("holders who earn less and are told", str(cost.told)),
    ]


def facts_of_winding_up(request: dict[str, Any], *, at: datetime) -> list[Fact]:
    """Whom it pays how much, as of now."""
    product = _seen(request)
    taken, accrued = uptake.of([product])[product.pk], chart.accrued(product)
    owed = balances.balance_at(asset_id=accrued.asset_id, code=accrued.code, at=at)
    return [
        Fact("open positions", str(taken.positions)),
        Fact("their principal", _amount(taken.principal, product)),
        Fact("interest accrued and owed", _amount(owed, product)),
    ]


def _seen(request: dict[str, Any]) -> Product:
    """Not locked: nothing is done to it."""
    found = Product.objects.select_related("asset")
    product = found.filter(code=request.get("product") or "").first()
    if product is None:
        raise Impossible("There is no such product.")
    return product


def _amount(amount: Decimal, product: Product) -> str:
    whole = round_half_up_to_unit(amount, scale=product.asset.scale)
    return f"{format_amount(whole, scale=product.asset.scale)} {product.asset.code}"


def check_rows(product: Product, rows: list[Row]) -> None:
    """A tier from 0 for each term, none twice. Raises Impossible, naming the row."""
    for fault in repricing.faults(product, rows):
        raise Impossible(str(fault))


def _lay_out(product: Product, request: dict[str, Any]) -> None:
    text = str(request.get("shards") or "1")
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:4]) <= 64):
        raise Impossible("shards: a whole number from 1 to 64.")
    if product.quota is not None and not product.quota_shards.exists():
        catalogue.create_quota(product, shards=int(text))


def row_of(product: Product, row: dict[str, Any]) -> Row:
    """A row as it was asked for: texts. Raises Impossible."""
    term = str(row.get("term_days") or "")
    if term and not (
        term.isascii() and term.isdecimal() and len(term) < 6 and 1 <= int(term) <= 36500
    ):
        raise Impossible("term_days: a whole number of days from 1 to 36500.")
    lower = str(row.get("from") or "0")
    amount = (
        Decimal(0)
        if lower.strip("0.") == ""
        else amount_of({"from": lower}, "from", product.asset)
    )
    return Row(int(term) if term else None, amount, _rate(str(row.get("rate") or "")))


def _rate(text: str) -> Decimal:
    if not re.fullmatch(r"[0-9]{1,20}(\.[0-9]{1,20})?", text):
        raise Impossible("rate: a fraction such as 0.045 for 4.5 % a year.")
    rate = Decimal(text)
    if rate >= 10 or rate != rate.quantize(unit(10)):
        raise Impossible("rate: from 0 to below 10, with 10 decimals at most.")
    return rate


def rates_in_words(product: Product, rows: list[Row]) -> str:
    """In one line, by term and amount."""
    return "; ".join(
        f"{f'{row.term_days} days ' if row.term_days else ''}from "
        f"{plain(row.from_amount)} {product.asset.code}: {plain(row.annual_rate * 100)} %"
        for row in sorted(rows, key=lambda row: (row.term_days or 0, row.from_amount))
    )
