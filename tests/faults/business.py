"""A small business that has everything to close on one evening, and a picture of it.

Alice, Bob, Charlie and Dave hold money of every kind. The day to be closed is the last of
a month: a delayed redemption falls due, interest is paid daily and monthly, two positions
were left before the day was closed, and terms mature that pay out, renew, and move.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import count
from typing import Any

from django.db import connection

from earn import close
from earn.models import (
    Accrual,
    CloseChunk,
    Customer,
    DayClose,
    Order,
    Position,
    Product,
    QuotaShard,
)
from ledger.models import Balance, BalanceDay, BookDay, DailyTotal, Entry, Posting
from tests.earn import people
from tests.earn.people import MONDAY, close_to, customer, on, redeem, subscribe

RATE = [(None, 0, "0.365"), (None, 2000, "0.0365")]
TERM = [(2, 0, "0.365"), (30, 0, "0.73")]
CHUNK = 2  # position ids: a handful of positions make several chunks
_years = count(1901)  # workers close no day that is not over

Names = dict[tuple[str, int], str]


@dataclass(frozen=True, slots=True)
class Business:
    """`last` is the number of the day that is to be closed; all days before it are."""

    last: int
    people: dict[str, Customer]
    products: dict[str, Product]
    positions: dict[str, Position]

    @property
    def day(self) -> date:
        return people.day(self.last)

    @property
    def morning(self) -> datetime:
        return on(self.last + 1, 0, 5)


def arrange() -> Business:
    """Each call plays in a year of its own: what messages of another test are still under
    way name days before this story began, of which there is nothing to close."""
    first = (date(next(_years), 1, 29) - MONDAY).days
    saved = {
        "saver": people.flexible("saver", RATE, compounding="DAILY"),
        "daily": people.flexible("daily", RATE, payout="DAILY"),
        "monthly": people.flexible("monthly", RATE, payout="MONTHLY", compounding="DAILY"),
        "scarce": people.flexible("scarce", quota=100),
        "patient": people.flexible("patient", RATE, settlement_delay_days=2),
        "term": people.fixed(
            "term", TERM, quota=100_000, early_rule="REDUCED_RATE", early_rate="0.1"
        ),
    }
    who = {name: customer(name) for name in ("Alice", "Bob", "Charlie", "Dave")}
    business = Business(first + 2, who, saved, {})
    _buy(business, on(first))
    close_to(first)
    redeem(business.positions["Dave patient"], on(first + 1), "300.03")
    subscribe(who["Alice"], saved["saver"], "50.05", on(first + 1))
    close_to(first + 1)
    redeem(business.positions["Bob saver"], on(first + 2), "100.01")
    leaving = on(first + 3, 0, 1)  # before the close
    redeem(business.positions["Dave saver"], leaving)
    redeem(business.positions["Dave term"], leaving)
    return business


def _buy(business: Business, at: datetime) -> None:
    for name, product, amount, choices in (
        ("Alice", "saver", "1000.01", {}),
        ("Bob", "saver", "2500.50", {}),
        ("Dave", "saver", "3000.03", {}),
        ("Bob", "daily", "10000.10", {}),
        ("Charlie", "monthly", "7777.77", {}),
        ("Dave", "patient", "700.07", {}),
        ("Dave", "term", "4321.00", {"term_days": 30}),
        ("Alice", "term", "5000.05", {"term_days": 2}),
        ("Bob", "term", "6000.06", {"term_days": 2, "at_maturity": "RENEW_ALL"}),
        ("Charlie", "term", "800.08", {"term_days": 2, "at_maturity": "TO_FLEXIBLE"}),
    ):
        position = subscribe(
            business.people[name], business.products[product], amount, at, **choices
        )
        business.positions[f"{name} {product}"] = position


def undisturbed(business: Business) -> dict[str, Any]:
    """What the close comes to when nothing goes wrong; it is then forgotten."""

    def story() -> dict[str, Any]:
        list(close.close_through(business.day, at=business.morning, chunk=CHUNK))
        return picture()

    return people.played(story)


def advance_until(business: Business, reached: Callable[[], bool]) -> None:
    while not reached():
        stage = close.stage_of(business.day)
        close.advance(business.day, stage, at=business.morning, chunk=CHUNK)


def picture() -> dict[str, Any]:
    """All that there is, by names that two runs of one story share."""
    names = _names()
    return {
        "accruals": _accruals(names),
        "entries": _entries(names),
        "balances": _balances(names),
        "positions": _positions(names),
        "orders": _rows(Order, *_ORDER, "state", "amount", "interest_settled"),
        "quotas": _rows(QuotaShard, "product__code", "number", "used"),
        "closes": _rows(DayClose, "day", *_CLOSE),
        "chunks": _rows(CloseChunk, "day", "number", "positions"),
        "days": [(day, bool(end)) for day, end in _rows(BookDay, "day", "ended_at")],
        "totals": _rows(DailyTotal, "day", "heading", "debits", "credits"),
        "tables": list(_tables()),
    }


def differences(expected: dict[str, Any]) -> dict[str, Any]:
    """Rows of a picture that are missing now, and that are there but should not be.

    How the work of a close was cut into chunks is no matter.
    """
    found = picture()
    found_otherwise = {}
    for name in expected.keys() - {"chunks"}:
        missing = Counter(map(repr, expected[name])) - Counter(map(repr, found[name]))
        besides = Counter(map(repr, found[name])) - Counter(map(repr, expected[name]))
        if missing or besides:
            found_otherwise[name] = {"missing": [*missing], "besides": [*besides]}
    return found_otherwise


_ORDER = ("customer__reference", "kind", "product__code", "at")
_CLOSE = ("stage", "step", "positions", "paid", "matured", "problem")


def _names() -> Names:
    """What positions and orders are called in codes and keys; twins are numbered."""
    told: Names = {}
    for p in Position.objects.select_related("customer", "product").order_by("pk"):
        told["position", p.pk] = f"{p.customer} {p.product} {p.term_days} {p.first_day}"
    for pk, *known in Order.objects.order_by("pk").values_list("pk", *_ORDER, "amount"):
        told["order", pk] = " ".join(map(str, known))
    before: Counter[str] = Counter()
    names = {}
    for key, text in told.items():
        before[text] += 1
        names[key] = f"{text} #{before[text]}"
    return names


def _named(names: Names, text: str) -> str:
    def name(found: re.Match[str]) -> str:
        of = "order" if found[1] in {"order", "redemption"} else "position"
        return f"{found[1]}:{names[of, int(found[2])]}"

    return re.sub(
        r"\b(order|redemption|position|maturity|interest|leaver):(\d+)", name, text
    )


def _rows(model: Any, *fields: str) -> list[tuple[Any, ...]]:
    return sorted(model.objects.values_list(*fields), key=repr)


def _accruals(names: Names) -> list[tuple[Any, ...]]:
    rows = Accrual.objects.values_list(
        "position_id", "day", "chart_id", "basis", "interest", "accrued", "carry"
    )
    return sorted((names["position", position], *row) for position, *row in rows)


def _entries(names: Names) -> list[Any]:
    lines: dict[int, list[Any]] = {}
    for entry, debit, credit, amount in Posting.objects.values_list(
        "entry_id", "debit__code", "credit__code", "amount"
    ):
        line = (_named(names, debit), _named(names, credit), amount)
        lines.setdefault(entry, []).append(line)
    entries = Entry.objects.values_list("pk", "key", "kind", "happened_at", "adjusting")
    return sorted(
        (_named(names, key), *row, sorted(lines[pk])) for pk, key, *row in entries
    )


def _balances(names: Names) -> list[tuple[Any, ...]]:
    present = Balance.objects.values_list("account__code", "debits", "credits", "version")
    ended = BalanceDay.objects.values_list("account__code", "debits", "credits", "day")
    rows = [(_named(names, code), *row) for code, *row in [*present, *ended]]
    return sorted(rows, key=repr)


def _positions(names: Names) -> list[tuple[Any, ...]]:
    return sorted(
        (
            names["position", row.pop("id")],
            names.get(("position", row.pop("renews_id"))),
            sorted(row.items()),
        )
        for row in Position.objects.values()
    )


def _tables() -> Iterator[tuple[str, int]]:
    """Tables of days with their rows, seen through the parent or not yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select relname from pg_class where relname ~ '^earn_accrual_[0-9]{8}$'"
        )
        names = sorted(name for (name,) in cursor.fetchall())
        for name in names:
            cursor.execute(f'select count(*) from "{name}"')
            yield name, cursor.fetchone()[0]
