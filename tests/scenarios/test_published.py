"""Published figures, reached by whole scenarios: orders, closes and the books.

A source that rounds once at the end is played at 18 decimals and rounded then. Sources are
those of fixtures/vectors, which give the document and the place of each figure.
"""

from decimal import Decimal
from fractions import Fraction

import pytest

from ledger.money import round_half_up_to_unit
from tests.scenarios.documents import (
    after,
    column,
    figures,
    fixed,
    flexible,
    played,
    position,
    redeem,
    subscribe,
)

D = Decimal
pytestmark = pytest.mark.django_db

# Money that comes on 31 December 2024 earns from New Year on; 2025 has 365 days.
EVE = "2024-12-31"
HTX = [("0", "0.10"), ("2000", "0.08"), ("5000", "0.05")]


def rounded(amount: str | Decimal, places: int = 2) -> str:
    return str(round_half_up_to_unit(D(amount), scale=places))


def test_reg_dd_an_introductory_rate_of_7_percent_for_91_days_then_5_earns_56_52() -> None:
    """Appendix A, I.C: two versions of a flexible product's chart."""
    shown = position(
        flexible(
            subscribe(EVE, "1000"),
            until="2026-01-01",
            charts=[("2025-01-01", [("0", "0.07")]), ("2025-04-02", [("0", "0.05")])],
            compounding="DAILY",
            scale=18,
        )
    )
    rates = column(shown, "rate")
    assert (rates.count("0.07"), rates.count("0.05")) == (91, 274)
    assert rounded(shown["accrued"]) == "56.52"


def test_fixed_terms_that_compound_daily_earn_what_regulators_print() -> None:
    """One product; what begins on another day has that day's chart for life.

    Reg DD, Appendix A: I.A a 182-day certificate at 6 %; I.D method A, 8,000 in its second
    tier; method B, each slice at its own rate: 2,500 at 5.25, 12,500 at 5.50, 85,000 at
    5.75 %. IRS Rev. Proc. 95-17: 6 % for 76 days, then 92 on the grown balance; the factor
    is the interest of 1. Prosper: 100 at 5 % for a year.
    """
    method_a = [(365, "0", "0.0525"), (365, "2500", "0.0550"), (365, "15000", "0.0575")]
    method_b = [(365, "0", "0.0525"), (365, "12500", "0.0550"), (365, "85000", "0.0575")]
    at_6 = [(days, "0", "0.06") for days in (76, 92, 182)]
    outcome = played(
        fixed(
            subscribe(EVE, "8000", 365),
            *(subscribe("2025-01-01", x, 365) for x in ("1000", "2500", "12500", "85000")),
            subscribe("2025-01-02", "100", 365),
            subscribe("2025-01-02", "1000", 182),
            *(subscribe("2025-01-02", x, 76) for x in ("10000", "1")),
            *(subscribe("2025-01-02", x, 92) for x in ("10125.70", "1")),
            until="2026-01-03",
            charts=[
                ("2025-01-01", method_a),
                ("2025-01-02", method_b),
                ("2025-01-03", [(365, "0", "0.05"), *at_6]),
            ],
            tier_mode="WHOLE",
            compounding="DAILY",
            scale=18,
        )
    )
    whole, one, *slices, prosper, cd, irs_76, one_76, irs_92, one_92 = [
        D(x["interest_paid"]) for x in outcome["positions"]
    ]
    assert {x["state"] for x in outcome["positions"]} == {"MATURED"}
    assert rounded(whole) == "452.29"
    assert rounded(one) == "53.90"
    assert [rounded(slices[0] + slices[1]), rounded(sum(slices, D(0)))] == [
        "841.45",
        "5871.79",
    ]
    assert rounded(prosper) == "5.13"
    assert rounded(cd) == "30.37"
    assert [rounded(irs_76), rounded(one_76, 9)] == ["125.70", "0.012570476"]
    assert [rounded(irs_92), rounded(one_92, 9)] == ["154.28", "0.015236961"]


def test_fixed_terms_at_simple_interest_pay_what_banks_print() -> None:
    """One product; what begins on another day has that day's chart for life.

    HTX: 9,000 at 10, 8 and 5 % by slice. A UK bond of 10,000 at 4.25 % gross. CoinLoan:
    1,000 at 10.3 %. Then certificates of a year that forfeit their last 90 days of simple
    interest when they are left early:
    10,000 at 4.00 % left after 180 days: 197.26 accrued, 10,000 * 0.04 * 90 / 365 = 98.63
    are kept. 5,000 at 4.50 % left after 100: 5,000 * 0.045 * 10 / 365 = 6.16. 10,000 at
    4.50 % left after 60: nothing is kept, and no principal is lost.
    """
    outcome = played(
        fixed(
            subscribe(EVE, "9000", 365),
            subscribe("2025-01-01", "10000", 365),
            subscribe("2025-01-02", "1000", 365),
            subscribe("2025-01-03", "10000", 365),
            subscribe("2025-01-04", "5000", 365),
            subscribe("2025-01-04", "10000", 365),
            redeem("2025-03-06", position=6),
            redeem("2025-04-15", position=5),
            redeem("2025-07-03", position=4),
            until="2026-01-03",
            charts=[
                ("2025-01-01", [(365, *row) for row in HTX]),
                ("2025-01-02", [(365, "0", "0.0425")]),
                ("2025-01-03", [(365, "0", "0.103")]),
                ("2025-01-04", [(365, "0", "0.04")]),
                ("2025-01-05", [(365, "0", "0.045")]),
            ],
            early_redemption={"rule": "FORFEIT_DAYS", "days": 90},
        )
    )
    assert [len(x["days"]) for x in outcome["positions"]] == [365, 365, 365, 180, 100, 60]
    assert [figures(x) for x in outcome["positions"]] == [
        ("MATURED", "0.00", "0.00", "640.00", "9640.00"),
        ("MATURED", "0.00", "0.00", "425.00", "10425.00"),
        ("MATURED", "0.00", "0.00", "103.00", "1103.00"),
        ("REDEEMED", "0.00", "0.00", "98.63", "10098.63"),
        ("REDEEMED", "0.00", "0.00", "6.16", "5006.16"),
        ("REDEEMED", "0.00", "0.00", "0.00", "10000.00"),
    ]


def test_reg_dd_1000_at_6_percent_compounded_monthly_earn_61_68() -> None:
    """Appendix A, I.A: twelve months of 30 days on ACT/360, each renewed with interest."""
    outcome = played(
        fixed(
            subscribe(EVE, "1000", 30, at_maturity="RENEW_ALL"),
            subscribe(EVE, "10000", 90),
            until="2025-12-27",
            rows=[(30, "0", "0.06"), (90, "0", "0.05")],
            day_count="ACT/360",
            scale=18,
        )
    )
    *_, last = outcome["positions"]
    assert (len(outcome["positions"]), last["state"]) == (14, "OPEN")
    assert rounded(last["principal"]) == "1061.68"
    # the money market's quarter of 10,000 at 5 %
    assert D(outcome["positions"][1]["interest_paid"]) == 125


def test_bitget_10000_at_12_and_0_8_and_0_3_percent_earn_0_30410958_a_day() -> None:
    shown = position(
        flexible(
            subscribe(EVE, "10000"),
            until="2025-01-02",
            rows=[("0", "0.12"), ("500", "0.008"), ("5000", "0.003")],
            scale=8,
        )
    )
    assert shown["accrued"] == "0.30410958"
    assert column(shown, "rate") == ["0.0111"]  # 60 + 36 + 15 of 10,000


def test_half_a_year_of_5_percent_compounded_daily_on_30_360_earns_2_53() -> None:
    shown = position(
        flexible(
            subscribe(EVE, "100"),
            until="2025-07-01",
            rows=[("0", "0.05")],
            compounding="DAILY",
            day_count="30/360",
            scale=18,
        )
    )
    assert rounded(shown["accrued"]) == "2.53"


STRATA = [
    # Strata's DayCountTest: start, end, days that 30/360 counts, days that 30E/360 counts
    ("2012-02-28", "2012-03-28", 30, 30),
    ("2012-02-29", "2012-03-28", 29, 29),
    ("2012-03-01", "2012-03-28", 27, 27),
    # 30/360 keeps an end on the 31st unless the start is on the 30th or 31st
    ("2012-02-28", "2012-03-31", 33, 32),
    ("2012-03-30", "2012-05-31", 60, 60),
    ("2012-03-31", "2012-05-31", 60, 60),
    ("2012-03-29", "2012-05-31", 62, 61),
]


@pytest.mark.parametrize(("day_count", "which"), [("30/360", 2), ("30E/360", 3)])
def test_strata_months_of_thirty_days(day_count: str, which: int) -> None:
    """Interest period [start, end): at 360 % simple, a unit a day of 360."""
    terms = [(row, days_between(row[0], row[1])) for row in STRATA]
    outcome = played(
        fixed(
            *(subscribe(after(row[0], -1), "100", days) for row, days in terms),
            until="2012-05-31",
            rows=[(days, "0", "3.6") for days in sorted({days for _, days in terms})],
            day_count=day_count,
        )
    )
    found = {
        (x["days"][0]["day"], x["matures_on"]): x["interest_paid"]
        for x in outcome["positions"]
    }
    assert found == {(row[0], row[1]): f"{row[which]}.00" for row in STRATA}


@pytest.mark.parametrize(
    ("start", "end", "fraction"),
    [
        ("2012-02-29", "2012-03-29", Fraction(29, 366)),
        ("2012-03-01", "2012-03-28", Fraction(9, 122)),
        ("2011-12-28", "2012-02-28", Fraction(4, 365) + Fraction(58, 366)),
        ("2012-12-28", "2013-02-28", Fraction(4, 366) + Fraction(58, 365)),
    ],
)
def test_strata_actual_actual_counts_each_day_over_its_own_year(
    start: str, end: str, fraction: Fraction
) -> None:
    days = days_between(start, end)
    shown = position(
        fixed(
            subscribe(after(start, -1), str(365 * 366), days),
            until=end,
            rows=[(days, "0", "1")],
            day_count="ACT/ACT",
        )
    )
    assert Fraction(shown["interest_paid"]) == 365 * 366 * fraction


def test_the_first_satoshi_of_0_0001_btc_at_0_05_percent_is_paid_on_day_73() -> None:
    """Design 5.4: 0.0001 * 0.0005 / 365 a day is a 73rd of a satoshi."""
    shown = position(
        flexible(
            subscribe(EVE, "0.0001"), until="2025-03-16", rows=[("0", "0.0005")], scale=8
        )
    )
    assert [day["day"] for day in shown["days"] if D(day["interest"])] == ["2025-03-14"]
    assert shown["days"][72]["day"] == "2025-03-14"
    assert shown["accrued"] == "0.00000001"


def test_a_uk_bond_that_pays_monthly_pays_the_days_of_each_month() -> None:
    """10,000 at 4.25 % are 1.1643.. a day: 36.09 for January, and what is over goes on."""
    outcome = played(
        fixed(
            subscribe(EVE, "10000", 100),
            until="2025-04-11",
            rows=[(100, "0", "0.0425")],
            payout="MONTHLY",
        )
    )
    paid = [
        (entry["on"], entry["lines"][0][1])
        for entry in outcome["entries"]
        if entry["kind"] == "PAY"
    ]
    assert paid == [
        ("2025-02-01", "36.09"),
        ("2025-03-01", "32.60"),
        ("2025-04-01", "36.10"),
    ]
    assert figures(outcome["positions"][0]) == (
        *("MATURED", "0.00", "0.00", "116.43", "10116.43"),
    )


def days_between(start: str, end: str) -> int:
    days = 0
    while after(start, days) != end:
        days += 1
    return days
