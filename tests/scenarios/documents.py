"""Scenario files as the tests write them, and how they are played."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from earn.scenario import read
from earn.simulation import play

Document = dict[str, Any]
WALLET = "customer:00000000-0000-0000-0000-000000000001:wallet"
REDEEMING = "customer:00000000-0000-0000-0000-000000000001:redeeming"


def flexible(*events: Document, until: str, scale: int = 2, **product: Any) -> Document:
    """`rows` are (from, rate); `charts` are several of (effective_on, rows)."""
    return _document("FLEXIBLE", events, until, scale, product)


def fixed(*events: Document, until: str, scale: int = 2, **product: Any) -> Document:
    """`rows` are (term_days, from, rate)."""
    return _document("FIXED", events, until, scale, product)


def subscribe(at: str, amount: str, term_days: int | None = None, **more: Any) -> Document:
    event = {"at": moment(at), "do": "subscribe", "amount": amount, **more}
    return event if term_days is None else event | {"term_days": term_days}


def redeem(at: str, amount: str = "ALL", **more: Any) -> Document:
    return {"at": moment(at), "do": "redeem", "amount": amount, **more}


def event(do: str, at: str, **more: Any) -> Document:
    return {"at": moment(at), "do": do, **more}


def moment(at: str) -> str:
    """A day alone is its 10 o'clock."""
    return at if "T" in at else f"{at}T10:00:00Z"


def played(document: Document) -> Document:
    """The outcome, whose books balance and whose entries do, too."""
    outcome = play(read(document))
    assert outcome["books"] == "balanced"
    for entry in outcome["entries"]:
        assert sum(Decimal(amount) for _, amount in entry["lines"]) == 0
    return outcome


def position(document: Document, number: int = 1) -> Document:
    """One position of the outcome of a scenario that refuses nothing."""
    outcome = played(document)
    assert outcome.get("refused", []) == []
    shown: Document = outcome["positions"][number - 1]
    return shown


def figures(shown: Document) -> tuple[str, str, str, str, str]:
    """state, principal, accrued, interest_paid, received"""
    return (
        shown["state"],
        shown["principal"],
        shown["accrued"],
        shown["interest_paid"],
        shown["received"],
    )


def column(shown: Document, name: str) -> list[str]:
    return [day[name] for day in shown["days"]]


def floored(exact: Fraction, scale: int = 2) -> str:
    """Whole units only, written with all decimals."""
    return format(Decimal(exact * 10**scale // 1).scaleb(-scale), f".{scale}f")


def compounded(
    principal: str, rates: Sequence[str], *, basis: int = 365, scale: int = 2
) -> Fraction:
    """Balance after a day at each rate, when whole units earn from the next day on."""
    balance, carry, unit = Fraction(principal), Fraction(0), Fraction(1, 10**scale)
    for rate in rates:
        carry += balance * Fraction(rate) / basis
        paid = carry // unit * unit
        balance, carry = balance + paid, carry - paid
    return balance


def after(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def _document(
    kind: str, events: Sequence[Document], until: str, scale: int, product: dict[str, Any]
) -> Document:
    rows = product.pop("rows", None)
    charts = product.pop("charts", None) or [(_DAWN, rows)]
    return {
        "asset": {"code": "USD", "scale": scale},
        "product": {
            "kind": kind,
            "charts": [
                {"effective_on": on, "rows": [_row(row) for row in rows]}
                for on, rows in charts
            ],
            **product,
        },
        "events": list(events),
        "until": until,
    }


def _row(row: Sequence[Any]) -> Document:
    *term, lower, rate = row
    shown = {"from": lower, "rate": rate}
    return {"term_days": term[0], **shown} if term else shown


_DAWN = "2000-01-01"
