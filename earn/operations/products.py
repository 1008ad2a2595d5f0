"""A product's state and its rates. The database holds their order and their notice."""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import IntegrityError, transaction

from earn import catalogue
from earn.catalogue import Row
from earn.models import Product, ProductKind
from earn.operations.outcome import (
    Change,
    Impossible,
    Outcome,
    amount_of,
    day_of,
    product_of,
)
from ledger.money import plain, unit
from ledger.posting import constraint_of


def set_state(request: dict[str, Any], *, key: str, at: datetime) -> Outcome:  # noqa: ARG001
    """`product`, `state`. What opens first lays out its quota in `shards` (1)."""
    product = product_of(request)
    before, after = product.state, str(request.get("state") or "")
    if after not in Product.State.values:
        raise Impossible("There is no such state.")
    subject = f"product:{product.code}"
    with _refused_by_the_database():
        if (before, after) == (Product.State.DRAFT, Product.State.OPEN):
            _lay_out(product, request)
        catalogue.set_state(product, after)
    return Outcome(subject=subject, changes=[Change(subject, "state", before, after)])


def announce_rates(request: dict[str, Any], *, key: str, at: datetime) -> Outcome:  # noqa: ARG001
    """`product`, `effective_on`, `rows` of `term_days`, `from` and `rate` (a fraction)."""
    product = product_of(request)
    effective_on = day_of(request, "effective_on")
    rows = [_row(product, row) for row in request.get("rows") or []]
    check_rows(product, rows)
    subject = f"product:{product.code}"
    before = catalogue.chart_on(product, effective_on)
    with _refused_by_the_database():
        chart = catalogue.add_chart(product=product, effective_on=effective_on, rows=rows)
        catalogue.announce(chart, at=at)
    changes = [
        Change(
            subject,
            f"rates from {effective_on}",
            _words(product, _rows_of(before)),
            _words(product, rows),
        )
    ]
    return Outcome(subject=subject, changes=changes)


def check_rows(product: Product, rows: list[Row]) -> None:
    """A tier from 0 for each term, none twice. Raises Impossible, naming the row."""
    if not rows:
        raise Impossible("A rate chart has a row or more.")
    seen: set[tuple[int | None, Decimal]] = set()
    for number, row in enumerate(rows, start=1):
        if (row.term_days is None) != (product.kind == ProductKind.FLEXIBLE):
            raise Impossible(
                f"row {number}: rows of a fixed product have a term, those of a flexible "
                "one have none."
            )
        if (row.term_days, row.from_amount) in seen:
            raise Impossible(f"row {number}: this term and amount stand above already.")
        seen.add((row.term_days, row.from_amount))
    for term in {row.term_days for row in rows}:
        if (term, Decimal(0)) not in seen:
            raise Impossible("Each term begins with a row from 0: 0 % is a rate too.")


def _lay_out(product: Product, request: dict[str, Any]) -> None:
    text = str(request.get("shards") or "1")
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:4]) <= 64):
        raise Impossible("shards: a whole number from 1 to 64.")
    if product.quota is not None and not product.quota_shards.exists():
        catalogue.create_quota(product, shards=int(text))


def _row(product: Product, row: dict[str, Any]) -> Row:
    term = str(row.get("term_days") or "")
    if term and not (term.isascii() and term.isdecimal() and 1 <= int(term[:6]) <= 36500):
        raise Impossible("term_days: a whole number of days from 1 to 36500.")
    lower = str(row.get("from") or "0")
    amount = (
        Decimal(0)
        if lower.strip("0.") == ""
        else amount_of({"from": lower}, "from", product.asset)
    )
    return Row(int(term) if term else None, amount, _rate(str(row.get("rate") or "")))


def _rate(text: str) -> Decimal:
    try:
        rate = Decimal(text)
    except InvalidOperation as error:
        raise Impossible("rate: a fraction such as 0.045 for 4.5 % a year.") from error
    is_finer = rate.is_finite() and rate != rate.quantize(unit(10))
    if not rate.is_finite() or not 0 <= rate < 10 or is_finer:
        raise Impossible("rate: from 0 to below 10, with 10 decimals at most.")
    return rate


def _rows_of(chart: Any) -> list[Row]:
    if chart is None:
        return []
    tiers = chart.tiers.order_by("term_days", "from_amount")
    return [Row(x.term_days, x.from_amount, x.annual_rate) for x in tiers]


def _words(product: Product, rows: list[Row]) -> str:
    return "; ".join(
        f"{f'{row.term_days} days ' if row.term_days else ''}from "
        f"{plain(row.from_amount)} {product.asset.code}: {plain(row.annual_rate * 100)} %"
        for row in sorted(rows, key=lambda row: (row.term_days or 0, row.from_amount))
    )


class _refused_by_the_database:
    """A rule of the database in its own words, for whoever proposes."""

    def __enter__(self) -> None:
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.savepoint.__exit__(kind, error, trace)
        if isinstance(error, IntegrityError) and constraint_of(error):
            sentence = str(error).splitlines()[0]
            raise Impossible(f"{sentence[:1].upper()}{sentence[1:]}.") from error
