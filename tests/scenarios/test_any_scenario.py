"""Random scenarios, played by the product and worked out by the model."""

from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scenarios.documents import Document, fixed, flexible, played
from tests.scenarios.model import Model

DAYS = 14
STARTS = [
    *(date(2023, 12, 26), date(2024, 2, 24), date(2025, 2, 20), date(2026, 1, 26)),
    *(date(2026, 4, 24), date(2026, 6, 15)),
]
TIMES = ["00:00:00Z", "09:30:00Z", "09:30:00Z", "23:59:59.999999Z", "23:30:00+01:00"]
RATES = ["0", "0.0001", "0.05", "0.365", "3.65", "36.5"]
TERMS = [1, 3, 6, 9]


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1))
def test_a_scenario_comes_to_what_the_model_says(seed: int) -> None:
    document = drawn(Random(seed))
    expected = Model(document).play()
    outcome = played(document)
    assert refusals(outcome) == expected["refused"]
    assert outcome["positions"] == expected["positions"]


def refusals(outcome: Document) -> list[tuple[int, str]]:
    return [(x["event"], x["code"]) for x in outcome.get("refused", [])]


def drawn(draw: Random) -> Document:
    start = draw.choice(STARTS)
    is_fixed, scale = draw.random() < 0.5, draw.choice([0, 2, 2, 8, 18])
    events = [event(draw, start, scale, n, is_fixed=is_fixed) for n in range(9)]
    until = (start + timedelta(days=draw.choice([DAYS, DAYS, 6]))).isoformat()
    terms = fixed_terms(draw) if is_fixed else flexible_terms(draw)
    return (fixed if is_fixed else flexible)(
        *events,
        until=until,
        scale=scale,
        charts=charts(draw, start, TERMS if is_fixed else [None]),
        day_count=draw.choice(["ACT/365F", "ACT/360", "ACT/ACT", "30E/360", "30/360"]),
        tier_mode=draw.choice(["SLICE", "WHOLE"]),
        compounding=draw.choice(["DAILY", "NONE"]),
        final_rounding=draw.choice(["FLOOR", "HALF_UP"]),
        settlement_delay_days=draw.choice([0, 0, 2]),
        **terms,
    )


def fixed_terms(draw: Random) -> dict[str, Any]:
    rule = draw.choice(["FORFEIT_ALL", "REDUCED_RATE", "FORFEIT_DAYS", "FORBIDDEN"])
    early: Document = {"rule": rule, "minimum_holding_days": draw.choice([0, 0, 0, 2])}
    if rule == "REDUCED_RATE":
        early["rate"] = draw.choice(["0", "0.0001", "0.08"])
    if rule == "FORFEIT_DAYS":
        early["days"] = draw.choice([1, 2, 30])
    return {
        "payout": draw.choice(["AT_MATURITY", "DAILY", "MONTHLY"]),
        "early_redemption": early,
        "renewal_cutoff_hours": draw.choice([0, 12, 36]),
    }


def flexible_terms(draw: Random) -> dict[str, Any]:
    terms: dict[str, Any] = {
        "payout": draw.choice(["ON_REDEMPTION", "DAILY", "MONTHLY"]),
        "notice_days": draw.choice([0, 7]),
    }
    for name, choices in LIMITS.items():
        if draw.random() < 0.2:
            terms[name] = draw.choice(choices)
    return terms


LIMITS = {
    "minimum": ["1", "100"],
    "step": ["1", "7"],
    "cap": ["1500", "1000000"],
    "quota": ["1500", "1000000"],
}


def charts(draw: Random, start: date, terms: list[Any]) -> list[tuple[str, list[Any]]]:
    later = [start + timedelta(days=n) for n in draw.sample(range(1, DAYS), 2)]
    found = [
        (on.isoformat(), [row for term in terms for row in rows(draw, term)])
        for on in (start, *later)
    ]
    draw.shuffle(found)
    return found


def rows(draw: Random, term: int | None) -> list[tuple[Any, ...]]:
    starts = {draw.choice(["0", "0", "100"]), *draw.sample(["100", "1000", "5000"], 2)}
    kept = sorted(starts, key=int)[: draw.randint(1, 3)]
    row = [(lower, draw.choice(RATES)) for lower in kept]
    return [x if term is None else (term, *x) for x in row]


def event(draw: Random, start: date, scale: int, n: int, *, is_fixed: bool) -> Document:
    on = start + timedelta(days=draw.randrange(2 if n < 2 else DAYS))
    found: Document = {"at": f"{on}T{draw.choice(TIMES)}"}
    rest = ["instruct"] if is_fixed else ["redeem", "redeem", "cancel"]
    do = draw.choice(["subscribe", "redeem", "redeem", *rest])
    if n < 2 or do == "subscribe":
        found |= {"do": "subscribe", "amount": amount(draw, scale)}
        instructed(draw, found)
        return found | ({"term_days": draw.choice(TERMS)} if is_fixed else {})
    found["do"] = do
    if is_fixed or draw.random() < 0.1:
        found["position"] = draw.randint(1, 4)
    if do == "redeem":
        part = draw.choice(["100", "0.01", "1", "50", "1000", "ALL"])
        found["amount"] = "ALL" if is_fixed and draw.random() < 0.8 else part
    if do == "instruct":
        instructed(draw, found)
    return found


def instructed(draw: Random, found: Document) -> None:
    if draw.random() < 0.7:
        found["at_maturity"] = draw.choice(
            ["PAY_OUT", "PAY_OUT", "RENEW_PRINCIPAL", "RENEW_ALL"]
        )
    if draw.random() < 0.3:
        found["minimum_rate"] = draw.choice(["0", "0.05", "0.2"])


def amount(draw: Random, scale: int) -> str:
    whole = draw.choice(["1000", "99.99", "100", "7", "5000", "12345.67", "1000000"])
    digits = Decimal(whole).quantize(Decimal(1).scaleb(-scale))
    return format(digits if draw.random() < 0.95 else Decimal(whole), "f")
