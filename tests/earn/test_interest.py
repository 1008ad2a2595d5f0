import json
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal, Inexact
from fractions import Fraction
from math import lcm

import pytest
from hypothesis import given, settings

from earn.days import DayCount, DayFraction
from earn.interest import (
    FORMULA,
    Accrual,
    Chart,
    Compounding,
    L,
    Movement,
    Payout,
    Rounding,
    Slice,
    Tier,
    TierMode,
    accrue,
    annual_interest,
    blended_rate,
    explain,
    final_unit,
    lowest_balance,
    one_day,
    pays_out,
    slices,
    tiers_on,
)
from tests.earn import fractions_engine as engine

D = Decimal
ONE_OF_365 = DayFraction(1, 365)
JANUARY = date(2026, 1, 1)
NEW_YEAR_2024 = date(2024, 1, 1)


def tiers(*rows: tuple[str, str]) -> list[Tier]:
    return [Tier(D(start), D(rate)) for start, rate in rows]


THREE = tiers(("0", "0.12"), ("500", "0.008"), ("5000", "0.003"))
FROM_100 = tiers(("100", "0.02"), ("1000", "0.03"))


def history(
    charts: Sequence[Chart],
    *,
    days: int,
    principal: str,
    scale: int = 2,
    mode: TierMode = TierMode.SLICE,
    day_count: DayCount = DayCount.ACT_365F,
    compounding: Compounding = Compounding.NONE,
    movements: dict[date, list[Movement]] | None = None,
    first_day: date = JANUARY,
) -> list[Accrual]:
    return accrue(
        charts=charts,
        mode=mode,
        day_count=day_count,
        compounding=compounding,
        scale=scale,
        first_day=first_day,
        last_day=first_day + timedelta(days=days - 1),
        principal=D(principal),
        movements=movements or {},
    )


def flat(rate: str) -> list[Chart]:
    return [Chart(JANUARY - timedelta(days=1000), tiers(("0", rate)))]


def test_the_common_denominator_is_the_least_of_all_year_bases() -> None:
    assert lcm(360, 365, 366) == L


@pytest.mark.parametrize(
    ("basis", "expected"),
    [
        ("0", []),
        ("0.01", [("0", "0.01", "0.12")]),
        ("499.99", [("0", "499.99", "0.12")]),
        ("500", [("0", "500", "0.12")]),
        ("500.01", [("0", "500", "0.12"), ("500", "0.01", "0.008")]),
        (
            "10000",
            [("0", "500", "0.12"), ("500", "4500", "0.008"), ("5000", "5000", "0.003")],
        ),
    ],
)
def test_each_slice_of_the_balance_has_its_own_rate(
    basis: str, expected: list[tuple[str, str, str]]
) -> None:
    assert slices(D(basis), THREE, TierMode.SLICE) == tuple(
        Slice(D(start), D(amount), D(rate)) for start, amount, rate in expected
    )


@pytest.mark.parametrize(
    ("basis", "start", "rate"),
    [
        ("499.99", "0", "0.12"),
        ("500", "500", "0.008"),
        ("4999.99", "500", "0.008"),
        ("5000", "5000", "0.003"),
        ("1E+20", "5000", "0.003"),
    ],
)
def test_the_whole_balance_has_the_rate_of_its_band(
    basis: str, start: str, rate: str
) -> None:
    expected = (Slice(D(start), D(basis), D(rate)),)
    assert slices(D(basis), THREE, TierMode.WHOLE) == expected


@pytest.mark.parametrize(
    ("mode", "basis", "yearly"),
    [
        (TierMode.SLICE, "99.99", "0"),
        (TierMode.SLICE, "100", "0"),
        (TierMode.SLICE, "300", "4"),
        (TierMode.SLICE, "1100", "21"),
        (TierMode.WHOLE, "99.99", "0"),
        (TierMode.WHOLE, "100", "2"),
        (TierMode.WHOLE, "1000", "30"),
    ],
)
def test_below_the_first_tier_nothing_is_earned(
    mode: TierMode, basis: str, yearly: str
) -> None:
    assert annual_interest(D(basis), FROM_100, mode) == D(yearly)
    split = slices(D(basis), FROM_100, mode)
    assert sum(part.amount for part in split) == D(basis)
    assert split[0].from_amount == 0 or mode is TierMode.WHOLE


def test_a_top_tier_without_a_rate_caps_what_earns() -> None:
    capped = tiers(("0", "0.05"), ("1000", "0"))
    assert annual_interest(D("5000"), capped, TierMode.SLICE) == 50
    assert annual_interest(D("5000"), capped, TierMode.WHOLE) == 0


def test_a_balance_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="below zero"):
        slices(D("-0.01"), THREE, TierMode.SLICE)


@pytest.mark.parametrize("row", [("-1", "0.05"), ("0", "-0.05")])
def test_a_tier_below_zero_is_refused(row: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="below zero"):
        tiers(row)


@pytest.mark.parametrize(
    ("basis", "mode", "rate"),
    [
        ("0", TierMode.SLICE, "0.0000000000"),
        ("500", TierMode.SLICE, "0.1200000000"),
        ("10000", TierMode.SLICE, "0.0111000000"),
        ("7000", TierMode.SLICE, "0.0145714286"),
        ("7000", TierMode.WHOLE, "0.0030000000"),
    ],
)
def test_the_blended_rate_is_that_of_the_whole_balance(
    basis: str, mode: TierMode, rate: str
) -> None:
    assert f"{blended_rate(D(basis), THREE, mode):f}" == rate


def test_a_tie_of_the_blended_rate_goes_to_the_even_digit() -> None:
    half = tiers(("0", "0"), ("1", "0.0000000001"))
    assert blended_rate(D(2), half, TierMode.SLICE) == 0
    half = tiers(("0", "0.0000000002"), ("1", "0.0000000001"))
    assert blended_rate(D(2), half, TierMode.SLICE) == D("2E-10")


def test_one_satoshi_is_paid_on_the_day_it_has_been_earned() -> None:
    rows = history(flat("0.0005"), days=146, principal="0.0001", scale=8)
    paid = [number for number, row in enumerate(rows, start=1) if row.interest]
    assert paid == [73, 146]
    assert rows[72].interest == D("0.00000001")
    assert rows[72].carry == 0


def test_a_day_pays_whole_units_and_carries_the_rest() -> None:
    day = one_day(
        basis=D("1000.00"),
        tiers=tiers(("0", "0.05")),
        mode=TierMode.SLICE,
        fraction=ONE_OF_365,
        scale=2,
        carry=D(0),
    )
    assert day.interest == D("0.13")
    assert Fraction(day.carry) / L == Fraction(50, 365) - Fraction(13, 100)


def test_a_day_that_counts_nothing_keeps_the_carry() -> None:
    day = one_day(
        basis=D("1000"),
        tiers=THREE,
        mode=TierMode.SLICE,
        fraction=DayFraction(0, 360),
        scale=2,
        carry=D("12.5"),
    )
    assert day == (D(0), D("12.5"))


def test_the_largest_balance_at_the_finest_scale_and_rate_is_exact() -> None:
    basis, rate = D("99999999999999999999.999999999999999999"), D("99.9999999999")
    carry = (L * D("1E-18")).next_minus().quantize(D("1E-28"), rounding="ROUND_DOWN")
    day = one_day(
        basis=basis,
        tiers=[Tier(D(0), rate)],
        mode=TierMode.SLICE,
        fraction=DayFraction(3, 360),
        scale=18,
        carry=carry,
    )
    exact = Fraction(carry) / L + Fraction(basis) * Fraction(rate) * 3 / 360
    assert Fraction(day.interest) + Fraction(day.carry) / L == exact
    assert day.interest == Decimal(exact * 10**18 // 1).scaleb(-18)


def test_a_figure_that_would_need_rounding_fails() -> None:
    too_fine = Tier(D(0), D(1) + D("1E-70"))
    with pytest.raises(Inexact):
        annual_interest(D("12345678901234567890"), [too_fine], TierMode.SLICE)


@pytest.mark.parametrize("mode", TierMode)
def test_a_float_is_refused(mode: TierMode) -> None:
    rates = tiers(("0", "0.05"))
    floats = [Tier(0.0, 0.05)]  # type: ignore[arg-type]
    with pytest.raises((TypeError, ArithmeticError)):
        annual_interest(1000.0, rates, mode)  # type: ignore[arg-type]
    with pytest.raises((TypeError, ArithmeticError)):
        annual_interest(D(1000), floats, mode)


@pytest.mark.parametrize(
    ("parts", "rounding", "paid"),
    [
        (Fraction(0), Rounding.HALF_UP, "0"),
        (Fraction(49, 100), Rounding.HALF_UP, "0"),
        (Fraction(1, 2), Rounding.HALF_UP, "0.01"),
        (Fraction(99, 100), Rounding.HALF_UP, "0.01"),
        (Fraction(1, 2), Rounding.FLOOR, "0"),
        (Fraction(99, 100), Rounding.FLOOR, "0"),
    ],
)
def test_the_last_fraction_of_a_unit_is_settled_by_the_mode(
    parts: Fraction, rounding: Rounding, paid: str
) -> None:
    carry = D(parts.numerator) / D(parts.denominator) * L * D("0.01")
    assert final_unit(carry=carry, scale=2, rounding=rounding) == D(paid)


@pytest.mark.parametrize(
    ("opening", "movements", "lowest"),
    [
        ("1000", [], "1000"),
        ("1000", ["500"], "1000"),
        ("1000", ["-300"], "700"),
        ("1000", ["500", "-300"], "1000"),
        ("1000", ["-300", "500"], "700"),
        ("1000", ["100", "-150", "50", "-20"], "950"),
        ("1000", ["-1000"], "0"),
        ("0", ["1000", "-1000"], "0"),
    ],
)
def test_the_newest_money_leaves_first(
    opening: str, movements: list[str], lowest: str
) -> None:
    assert lowest_balance(D(opening), [D(each) for each in movements]) == D(lowest)


def test_more_cannot_leave_than_was_there() -> None:
    with pytest.raises(ValueError, match="More left"):
        lowest_balance(D("10"), [D("-10.01"), D("5")])


@pytest.mark.parametrize(
    ("payout", "paying"),
    [
        (Payout.DAILY, [27, 28, 29, 30]),
        (Payout.MONTHLY, [29]),
        (Payout.ON_REDEMPTION, []),
        (Payout.AT_MATURITY, []),
    ],
)
def test_interest_goes_to_the_wallet_every_day_month_or_not_before_the_end(
    payout: Payout, paying: list[int]
) -> None:
    february = [date(2024, 2, 27) + timedelta(days=n) for n in range(4)]
    days = [day for day in february if pays_out(payout, day)]
    assert days == [date(2024, 2, 1) + timedelta(days=n - 1) for n in paying]


def test_the_latest_chart_in_effect_counts_whatever_the_order() -> None:
    old, new = Chart(JANUARY, THREE), Chart(date(2026, 2, 1), FROM_100)
    assert tiers_on([new, old], date(2026, 1, 31)) == THREE
    assert tiers_on([new, old], date(2026, 2, 1)) == FROM_100
    with pytest.raises(ValueError, match="No rate chart is in effect on 2025-12-31"):
        tiers_on([new, old], date(2025, 12, 31))


def test_a_year_at_simple_interest_earns_the_rate() -> None:
    rows = history(flat("0.05"), days=365, principal="10000.00")
    assert rows[-1].accrued == 500
    assert rows[-1].carry == 0
    assert {row.basis for row in rows} == {D("10000.00")}
    assert {row.rate for row in rows} == {D("0.05")}


@pytest.mark.parametrize(
    ("day_count", "first_day", "earned"),
    [
        (DayCount.ACT_365F, NEW_YEAR_2024, "36.60"),
        (DayCount.ACT_360, NEW_YEAR_2024, "37.10"),
        (DayCount.ACT_ACT, NEW_YEAR_2024, "36.50"),
        (DayCount.THIRTY_E_360, NEW_YEAR_2024, "36.50"),
        (DayCount.THIRTY_360, NEW_YEAR_2024, "36.50"),
    ],
)
def test_a_leap_year_earns_what_its_day_count_says(
    day_count: DayCount, first_day: date, earned: str
) -> None:
    rows = history(
        flat("0.0365"), days=366, principal="1000", day_count=day_count, first_day=first_day
    )
    assert rows[-1].accrued == D(earned)


def test_interest_earns_interest_only_when_compounding() -> None:
    daily = history(flat("0.365"), days=3, principal="1000", compounding=Compounding.DAILY)
    assert [row.basis for row in daily] == [D("1000"), D("1001.00"), D("1002.00")]
    simple = history(flat("0.365"), days=3, principal="1000")
    assert [row.basis for row in simple] == [D("1000")] * 3


def test_interest_paid_out_no_longer_earns() -> None:
    second = JANUARY + timedelta(days=1)
    rows = history(
        flat("0.365"),
        days=3,
        principal="1000",
        compounding=Compounding.DAILY,
        movements={second: [Movement(D(0), D("-1.00"))]},
    )
    assert [row.basis for row in rows] == [D("1000"), D("1000.00"), D("1001.00")]
    assert [row.accrued for row in rows] == [D(1), D(2), D("3.00")]


def test_capitalised_interest_earns_from_the_next_day_on_without_compounding() -> None:
    second = JANUARY + timedelta(days=1)
    rows = history(
        flat("0.365"),
        days=3,
        principal="1000",
        movements={second: [Movement(D("1.00"), D("-1.00"))]},
    )
    assert [row.basis for row in rows] == [D("1000"), D("1000"), D("1001.00")]


def test_money_of_the_day_earns_from_the_next() -> None:
    second = JANUARY + timedelta(days=1)
    rows = history(
        flat("0.365"),
        days=3,
        principal="1000",
        movements={second: [Movement(D(500)), Movement(D(-200)), Movement(D(-400))]},
    )
    assert [row.basis for row in rows] == [D("1000"), D("900"), D("900")]


def test_a_new_rate_counts_from_its_day() -> None:
    charts = [*flat("0.365"), Chart(JANUARY + timedelta(days=1), tiers(("0", "0.73")))]
    rows = history(charts, days=2, principal="1000")
    assert [(row.rate, row.interest) for row in rows] == [
        (D("0.365"), D(1)),
        (D("0.73"), D(2)),
    ]


def test_the_carry_survives_a_change_of_rate_and_balance() -> None:
    """0.4 of a cent, then 0.6 of a cent at another rate and balance: one cent, no less."""
    second = JANUARY + timedelta(days=1)
    charts = [*flat("0.0146"), Chart(second, tiers(("0", "0.0438")))]
    rows = history(
        charts, days=2, principal="100", movements={second: [Movement(D("-50"))]}
    )
    assert [row.interest for row in rows] == [0, D("0.01")]
    assert rows[-1].carry == 0


def test_a_row_names_its_day_count() -> None:
    rows = history(
        flat("0.05"),
        days=3,
        principal="1",
        day_count=DayCount.THIRTY_360,
        first_day=date(2026, 2, 27),
    )
    assert [(row.day.day, row.days, row.year_basis) for row in rows] == [
        (27, 1, 360),
        (28, 3, 360),
        (1, 1, 360),
    ]


def product_rows(drawn: engine.History, moved: list[engine.Moved]) -> list[Accrual]:
    """The same history through the product's own rule."""
    movements: dict[date, list[Movement]] = {}
    for move in moved:
        movements.setdefault(move.day, []).append(
            Movement(
                engine.amount(move.principal, drawn.scale),
                engine.amount(move.interest, drawn.scale),
            )
        )
    return accrue(
        charts=[
            Chart(
                chart.effective_on,
                [
                    Tier(engine.amount(tier.from_units, drawn.scale), engine.rate(tier))
                    for tier in chart.tiers
                ],
            )
            for chart in drawn.charts
        ],
        mode=TierMode(drawn.mode),
        day_count=DayCount(drawn.day_count),
        compounding=Compounding(drawn.compounding),
        scale=drawn.scale,
        first_day=drawn.first_day,
        last_day=drawn.first_day + timedelta(days=drawn.days - 1),
        principal=engine.amount(drawn.opening, drawn.scale),
        movements=movements,
    )


@settings(max_examples=300, deadline=None)
@given(engine.histories())
def test_any_history_equals_its_replay_in_fractions(drawn: engine.History) -> None:
    replayed, moved = engine.replay(drawn)
    rows = product_rows(drawn, moved)
    assert [
        (row.day, row.basis, row.interest, row.accrued, Fraction(row.carry)) for row in rows
    ] == [
        (
            day.day,
            engine.amount(day.basis, drawn.scale),
            engine.amount(day.interest, drawn.scale),
            engine.amount(day.accrued, drawn.scale),
            day.carry(drawn.scale),
        )
        for day in replayed
    ]


@settings(max_examples=100, deadline=None)
@given(engine.histories())
def test_nothing_is_rounded_up_and_nothing_is_lost(drawn: engine.History) -> None:
    rows = product_rows(drawn, engine.replay(drawn)[1])
    unit = Fraction(1, 10**drawn.scale)
    total = Fraction(0)
    for row in rows:
        yearly = annual_interest(row.basis, tiers_of(drawn, row.day), TierMode(drawn.mode))
        total += Fraction(yearly) * row.days / row.year_basis
        assert 0 <= Fraction(row.carry) < L * unit
        assert Fraction(row.interest) % unit == 0
        assert Fraction(row.accrued) == total // unit * unit
        assert Fraction(row.accrued) + Fraction(row.carry) / L == total


@settings(max_examples=50, deadline=None)
@given(engine.histories())
def test_every_row_is_derived_anew_from_itself_and_its_chart(drawn: engine.History) -> None:
    carry = D(0)
    for row in product_rows(drawn, engine.replay(drawn)[1]):
        step = explain(
            day=row.day,
            basis=row.basis,
            tiers=tiers_of(drawn, row.day),
            mode=TierMode(drawn.mode),
            fraction=DayFraction(row.days, row.year_basis),
            scale=drawn.scale,
            carry=carry,
        )
        assert (step.interest, step.carry_out) == (row.interest, row.carry)
        settled = Fraction(step.interest) + Fraction(step.carry_out) / L
        assert Fraction(step.carry_in) / L + step.exact == settled
        assert D(json.loads(json.dumps(step.as_json()))["carry_out"]) == row.carry
        carry = row.carry


def tiers_of(drawn: engine.History, day: date) -> list[Tier]:
    latest = max(
        (chart for chart in drawn.charts if chart.effective_on <= day),
        key=lambda chart: chart.effective_on,
    )
    return [
        Tier(engine.amount(tier.from_units, drawn.scale), engine.rate(tier))
        for tier in latest.tiers
    ]


def test_an_explanation_shows_every_step_of_a_day() -> None:
    first = explain(
        day=JANUARY,
        basis=D("10000.00"),
        tiers=THREE,
        mode=TierMode.SLICE,
        fraction=ONE_OF_365,
        scale=2,
        carry=L * D("0.006"),
    )
    assert first.as_json() == {
        "day": "2026-01-01",
        "formula": FORMULA,
        "L": 1603080,
        "unit": "0.01",
        "basis": "10000.00",
        "tier_mode": "SLICE",
        "tiers": [
            {"from": "0", "annual_rate": "0.12"},
            {"from": "500", "annual_rate": "0.008"},
            {"from": "5000", "annual_rate": "0.003"},
        ],
        "slices": [
            {"from": "0", "amount": "500", "annual_rate": "0.12", "annual_interest": "60"},
            {
                "from": "500",
                "amount": "4500",
                "annual_rate": "0.008",
                "annual_interest": "36",
            },
            {
                "from": "5000",
                "amount": "5000",
                "annual_rate": "0.003",
                "annual_interest": "15",
            },
        ],
        "annual_interest": "111",
        "days": 1,
        "year_basis": 365,
        "exact": {"fraction": "111/365", "decimal": "0.304109589041"},
        "carry_in": "9618.48",
        "interest": "0.31",
        "carry_out": "175.68",
        "words": [
            "On 2026-01-01 the balance was never below 10000.00.",
            "500 of it, from 0 on, at 12 % a year: 60 a year.",
            "4500 of it, from 500 on, at 0.8 % a year: 36 a year.",
            "5000 of it, from 5000 on, at 0.3 % a year: 15 a year.",
            "Together 111 a year, and the day counts 1/365 of a year: "
            "exactly 111/365, or 0.304109589041.",
            "The days before carried over 0.600000 of a unit.",
            "Interest of the day is 0.31, whole units of 0.01; "
            "0.010958 of a unit is carried on.",
        ],
    }


def test_a_whole_balance_in_one_band_is_explained_in_one_step() -> None:
    step = explain(
        day=JANUARY,
        basis=D("10000"),
        tiers=THREE,
        mode=TierMode.WHOLE,
        fraction=ONE_OF_365,
        scale=0,
        carry=D(0),
    )
    assert step.sentences()[1] == "All of it at 0.3 % a year: 30 a year."


def test_a_day_without_a_balance_is_explained_too() -> None:
    empty = explain(
        day=JANUARY,
        basis=D("0.00"),
        tiers=THREE,
        mode=TierMode.SLICE,
        fraction=ONE_OF_365,
        scale=2,
        carry=D(0),
    )
    assert empty.slices == ()
    assert empty.as_json()["interest"] == "0.00"
    assert len(empty.sentences()) == 4
