"""Published worked examples, played through our own functions.

`fixtures/vectors/README.md` says where they come from and lists what we do not offer.
"""

import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from earn.days import DayCount, counted_days, year_fraction
from earn.interest import Chart, Compounding, Rounding, Tier, TierMode, accrue
from earn.projection import apy, apy_from_rate, project
from ledger.money import floor_to_unit, round_half_up_to_unit

D = Decimal
Record = dict[str, Any]
Figures = dict[str, Decimal | Fraction]

VECTORS = Path(__file__).parents[2] / "fixtures" / "vectors"
FILES = {path.name: json.loads(path.read_text()) for path in sorted(VECTORS.glob("*.json"))}
NOT_OFFERED = set(
    re.findall(r"^\| `([^`]+)` \| \S", (VECTORS / "README.md").read_text(), re.MULTILINE)
)
CONVENTIONS = {
    "ACT_365F": DayCount.ACT_365F,
    "ACT_360": DayCount.ACT_360,
    "ACT_ACT_ISDA": DayCount.ACT_ACT,
    "THIRTY_E_360": DayCount.THIRTY_E_360,
    "THIRTY_360_ISDA": DayCount.THIRTY_360,
}
START = date(2025, 1, 1)  # the examples name no dates; this year and the next have 365 days
FINEST = 18


def day_count(given: Record) -> Figures:
    convention = CONVENTIONS[given["convention"]]
    start, end = date.fromisoformat(given["start"]), date.fromisoformat(given["end"])
    return {
        "year_fraction": year_fraction(convention, start, end),
        "days": Fraction(counted_days(convention, start, end)),
    }


def round_money(given: Record) -> Figures:
    value, scale = D(given["value"]), given["places"]
    if given["mode"] == "half-up":
        return {"rounded": round_half_up_to_unit(value, scale=scale)}
    towards_zero = floor_to_unit(abs(value), scale=scale).copy_sign(value)
    return {"rounded": towards_zero}


def apy_general(given: Record) -> Figures:
    found = apy(
        principal=D(given["principal"]),
        interest=D(given["interest"]),
        days=given["days_in_term"],
    )
    return {"apy_pct": percent(found)}


def apye_general(given: Record) -> Figures:
    """Annual percentage yield earned: the same formula on the average daily balance."""
    days = given["days_in_period"]
    summed = sum(D(each["amount"]) * each["days"] for each in given["balances"])
    average = D(summed) / days
    found = apy(principal=average, interest=D(given["interest"]), days=days)
    return {"average_daily_balance": average, "apye_pct": percent(found)}


def compound_nominal(given: Record) -> Figures:
    principal = D(given["principal"])
    interest = grown(
        principal, D(given["rate"]), given["periods_per_year"], given["periods"]
    )
    return {"interest": cents(interest), "final": cents(principal + interest)}


def stepped_daily(given: Record) -> Figures:
    principal, days = D(given["principal"]), sum(each["days"] for each in given["steps"])
    charts, from_day = [], START
    for step in given["steps"]:
        charts.append(Chart(from_day, flat(step["rate"])))
        from_day += timedelta(days=step["days"])
    rows = accrue(
        charts=charts,
        mode=TierMode.SLICE,
        day_count=DayCount.ACT_365F,
        compounding=Compounding.DAILY,
        scale=FINEST,
        first_day=START,
        last_day=from_day - timedelta(days=1),
        principal=principal,
        movements={},
    )
    interest = cents(rows[-1].accrued)
    found = apy(principal=principal, interest=interest, days=days)
    return {"interest": interest, "apy_pct": percent(found)}


def tier_method_a(given: Record) -> Figures:
    principal = D(given["principal"])
    interest = cents(
        played(principal, tiers(given), days=given["days"], mode=TierMode.WHOLE)
    )
    found = apy(principal=principal, interest=interest, days=given["days"])
    return {"interest": interest, "apy_pct": percent(found)}


def tier_method_b(given: Record) -> Figures:
    """Each slice compounds on its own: a position for each, at that one rate."""
    principal, rows = D(given["principal"]), tiers(given)
    ends = [*(tier.from_amount for tier in rows[1:]), principal]
    parts = [
        played(min(end, principal) - tier.from_amount, flat(tier.annual_rate))
        for tier, end in zip(rows, ends, strict=True)
        if tier.from_amount < principal
    ]
    interest = cents(sum(parts, D(0)))
    found = apy(
        principal=D(given["apy_denominator"]), interest=interest, days=given["days"]
    )
    return {"interest": interest, "apy_pct": percent(found)}


def tiered_slice_simple(given: Record) -> Figures:
    found = project(
        amount=D(given["principal"]),
        tiers=tiers(given),
        mode=TierMode.SLICE,
        day_count=DayCount.ACT_365F,
        compounding=Compounding.NONE,
        scale=given["places"],
        rounding={"down": Rounding.FLOOR, "half-up": Rounding.HALF_UP}[given["mode"]],
        first_day=START,
        days=given["days"],
    )
    return {"interest": found.interest}


def rule_equal(given: Record) -> Figures:
    rate = D(given["rate_pct"]) / 100
    return {"apy_pct": percent(apy_from_rate(rate, Compounding.NONE))}


def daily_factor(given: Record) -> Figures:
    principal = D(given["principal"])
    interest = cents(played(principal, flat(given["rate"]), days=given["days"]))
    factor = played(D(1), flat(given["rate"]), days=given["days"])
    return {
        "factor": round_half_up_to_unit(factor, scale=9),
        "interest": interest,
        "balance": principal + interest,
    }


def aer_simple_term(given: Record) -> Figures:
    days = 365 * int(given["years"])
    interest = played(D(1), flat(given["rate"]), days=days, compounding=Compounding.NONE)
    return {"aer_pct": percent(apy(principal=D(1), interest=interest, days=days))}


def aer_nominal(given: Record) -> Figures:
    periods = given["periods_per_year"]
    interest = grown(D(1), D(given["rate"]), periods, periods)
    found = apy(principal=D(1), interest=interest, days=365)
    return {"aer": round_half_up_to_unit(found, scale=given["places"])}


def aer_table(given: Record) -> Figures:
    principal, rate = D(given["principal"]), D(given["rate"])
    periods = given["periods_per_year"]
    year = grown(principal, rate, periods, periods)
    figures: Figures = {
        "aer_pct": percent(apy(principal=principal, interest=year, days=365)),
        "interest_12m": cents(year),
    }
    if periods == 12:
        figures["interest_6m"] = cents(grown(principal, rate, 12, 6))
    if periods == 365:  # half a year is no whole number of days but under 30/360
        to_july = (date(2025, 7, 1) - START).days
        figures["interest_6m"] = cents(
            played(principal, flat(rate), days=to_july, day_count=DayCount.THIRTY_360)
        )
    return figures


PLAYED: dict[str, Callable[[Record], Figures]] = {
    function.__name__: function
    for function in (
        *(day_count, round_money, apy_general, apye_general, compound_nominal),
        *(stepped_daily, tier_method_a, tier_method_b, tiered_slice_simple, rule_equal),
        *(daily_factor, aer_simple_term, aer_nominal, aer_table),
    )
}


def flat(rate: str | Decimal) -> list[Tier]:
    return [Tier(D(0), D(rate))]


def tiers(given: Record) -> list[Tier]:
    """The sources give the upper end of each tier, we the lower."""
    starts = [D(0), *(D(row["up_to"]) for row in given["tiers"] if row["up_to"])]
    rates = [D(row["rate"]) for row in given["tiers"]]
    return [Tier(start, rate) for start, rate in zip(starts, rates, strict=True)]


def played(
    amount: Decimal,
    rows: list[Tier],
    *,
    days: int = 365,
    mode: TierMode = TierMode.SLICE,
    day_count: DayCount = DayCount.ACT_365F,
    compounding: Compounding = Compounding.DAILY,
    first_day: date = START,
) -> Decimal:
    """Interest at the finest scale, as the sources round only at the end."""
    return project(
        amount=amount,
        tiers=rows,
        mode=mode,
        day_count=day_count,
        compounding=compounding,
        scale=FINEST,
        rounding=Rounding.FLOOR,
        first_day=first_day,
        days=days,
    ).interest


def grown(principal: Decimal, rate: Decimal, a_year: int, periods: int) -> Decimal:
    """Interest of that many periods, each a term whose interest is renewed into the next.

    365 a year are days of a compounding position; fewer are months on 30/360.
    """
    if a_year == 365:
        return played(principal, flat(rate), days=periods)
    balance, month = principal, 0
    for _ in range(periods):
        first_day, month = month_start(month), month + 12 // a_year
        balance += played(
            balance,
            flat(rate),
            days=(month_start(month) - first_day).days,
            day_count=DayCount.THIRTY_360,
            compounding=Compounding.NONE,
            first_day=first_day,
        )
    return balance - principal


def month_start(number: int) -> date:
    return date(START.year + number // 12, number % 12 + 1, 1)


def cents(amount: Decimal) -> Decimal:
    return round_half_up_to_unit(amount, scale=2)


def percent(fraction: Decimal) -> Decimal:
    return cents(100 * fraction)


def label(record: Record, figure: str) -> str:
    """What README.md would call this figure, were it not offered."""
    given = record["inputs"]
    if record["kind"] == "day_count":
        return f"day_count {given['convention']}"
    if record["kind"] == "round_money":
        return f"round_money {given['mode']}"
    if record["kind"] == "aer_table" and figure == "interest_6m":
        return f"aer_table interest_6m {given['periods_per_year']}"
    return str(record["kind"])


FIGURES = [
    (record, figure)
    for records in FILES.values()
    for record in records
    for figure in record["expected"]
]
OFFERED = [each for each in FIGURES if label(*each) not in NOT_OFFERED]


@pytest.mark.parametrize(
    ("record", "figure"),
    OFFERED,
    ids=[f"{record['id']}-{name}" for record, name in OFFERED],
)
def test_a_published_figure_is_ours(record: Record, figure: str) -> None:
    found = PLAYED[record["kind"]](record["inputs"])[figure]
    assert found == type(found)(record["expected"][figure])


def test_every_figure_is_played_or_listed_as_not_offered() -> None:
    left_out = {label(*each) for each in FIGURES} - {label(*each) for each in OFFERED}
    assert left_out == NOT_OFFERED
    assert {record["kind"] for record, _ in OFFERED} == set(PLAYED)
    assert (len(FIGURES), len(OFFERED)) == (678, 227)


def test_the_files_are_whole() -> None:
    assert {
        name: len({each["id"] for each in records}) for name, records in FILES.items()
    } == {
        "aer_uk.json": 7,
        "crypto_exchanges.json": 6,
        "irs_daily_compounding.json": 2,
        "reg_dd_appendix_a.json": 13,
        "rounding.json": 73,
        "strata_daycount.json": 560,
    }
