from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earn.days import DayCount
from earn.interest import (
    Accrual,
    Chart,
    Compounding,
    Movement,
    Payout,
    Rounding,
    Tier,
    TierMode,
    accrue,
    final_unit,
    pays_out,
)
from earn.projection import (
    Accrued,
    EarlyRule,
    Projection,
    apy,
    apy_from_rate,
    entitlement,
    project,
)
from tests.earn import fractions_engine as engine

D = Decimal
JANUARY = date(2026, 1, 1)
THREE = [Tier(D(0), D("0.12")), Tier(D(500), D("0.008")), Tier(D(5000), D("0.003"))]


def projected(
    amount: str,
    *,
    days: int,
    tiers: list[Tier] | None = None,
    compounding: Compounding = Compounding.NONE,
    day_count: DayCount = DayCount.ACT_365F,
    rounding: Rounding = Rounding.FLOOR,
    scale: int = 2,
    first_day: date = JANUARY,
    payout: Payout = Payout.AT_MATURITY,
) -> Projection:
    return project(
        amount=D(amount),
        tiers=tiers or THREE,
        mode=TierMode.SLICE,
        day_count=day_count,
        compounding=compounding,
        scale=scale,
        rounding=rounding,
        first_day=first_day,
        days=days,
        payout=payout,
    )


def at(rate: str) -> list[Tier]:
    return [Tier(D(0), D(rate))]


@pytest.mark.parametrize(
    ("principal", "interest", "days", "percent"),
    [
        ("1000", "61.68", 365, "6.1680"),
        ("1000", "133.13", 730, "6.4486"),
        ("1000", "30.37", 182, "6.1837"),
        ("1000", "0", 90, "0.0000"),
    ],
)
def test_a_yield_is_that_of_a_year_of_365_days(
    principal: str, interest: str, days: int, percent: str
) -> None:
    found = apy(principal=D(principal), interest=D(interest), days=days)
    assert round(100 * found, 4) == D(percent)


def test_a_yield_is_not_rounded() -> None:
    tenth = apy(principal=D(1000), interest=D(100), days=730)
    assert abs((1 + tenth) ** 2 - D("1.1")) < D("1E-75")


@pytest.mark.parametrize(("principal", "days"), [("0", 10), ("-1", 10), ("100", 0)])
def test_a_yield_needs_a_principal_and_a_day(principal: str, days: int) -> None:
    with pytest.raises(ValueError, match="A yield needs"):
        apy(principal=D(principal), interest=D(1), days=days)


@pytest.mark.parametrize(
    ("compounding", "day_count", "percent"),
    [
        (Compounding.NONE, DayCount.ACT_365F, "5.0000"),
        (Compounding.NONE, DayCount.ACT_ACT, "5.0000"),
        (Compounding.NONE, DayCount.ACT_360, "5.0694"),
        (Compounding.NONE, DayCount.THIRTY_360, "5.0000"),
        (Compounding.DAILY, DayCount.ACT_365F, "5.1267"),
        (Compounding.DAILY, DayCount.ACT_ACT, "5.1267"),
        (Compounding.DAILY, DayCount.ACT_360, "5.1998"),
        (Compounding.DAILY, DayCount.THIRTY_E_360, "5.1267"),
    ],
)
def test_the_yield_of_a_rate_depends_on_compounding_and_day_count(
    compounding: Compounding, day_count: DayCount, percent: str
) -> None:
    found = apy_from_rate(D("0.05"), compounding, day_count=day_count)
    assert round(100 * found, 4) == D(percent)
    played = projected(
        "1000000", tiers=at("0.05"), days=365, scale=18, compounding=compounding,
        day_count=day_count,
    )  # fmt: skip
    assert round(100 * played.apy, 3) == round(100 * found, 3)


def test_a_projection_names_both_rates_and_every_month() -> None:
    found = projected("10000", days=365)
    assert found.interest == D("111.00")
    assert found.final_balance == D("10111.00")
    assert found.blended_annual_rate == D("0.0111")
    assert found.apy == D("0.0111")
    assert [month[:2] for month in found.by_month] == [(2026, n) for n in range(1, 13)]
    assert found.by_month[:3] == (
        (2026, 1, D("9.42")),  # 31 days of 111 / 365 are 9.427
        (2026, 2, D("8.52")),  # 59 days 17.942, less what January has paid
        (2026, 3, D("9.42")),
    )


@pytest.mark.parametrize(
    ("days", "rounding", "interest"),
    [
        (1, Rounding.FLOOR, "0.30"),  # 0.304
        (1, Rounding.HALF_UP, "0.30"),
        (6, Rounding.FLOOR, "1.82"),  # 1.8246
        (31, Rounding.FLOOR, "9.42"),  # 9.4273
        (31, Rounding.HALF_UP, "9.43"),
        (365, Rounding.HALF_UP, "111.00"),
    ],
)
def test_the_last_fraction_is_settled_at_the_end(
    days: int, rounding: Rounding, interest: str
) -> None:
    found = projected("10000", days=days, rounding=rounding)
    assert found.interest == D(interest)
    assert sum(part for *_, part in found.by_month) == found.interest
    assert found.final_balance == 10000 + found.interest


def test_paying_out_daily_stops_interest_on_interest() -> None:
    simple = projected("10000", days=90, tiers=at("0.08"))
    paid = projected(
        "10000",
        days=90,
        tiers=at("0.08"),
        compounding=Compounding.DAILY,
        payout=Payout.DAILY,
    )
    assert paid.interest == simple.interest
    assert paid.final_balance == 10000


def test_paying_out_monthly_compounds_within_the_month_only() -> None:
    paid = projected(
        "10000",
        days=41,
        tiers=at("0.365"),
        compounding=Compounding.DAILY,
        payout=Payout.MONTHLY,
    )
    (_, _, january), (_, _, february) = paid.by_month
    assert paid.final_balance == 10000 + february
    ten_days = projected("10000", days=10, tiers=at("0.365"), compounding=Compounding.DAILY)
    assert february - ten_days.interest in (D(0), D("0.01"))  # January's carry
    assert january > D("310.00")


def test_nothing_earns_nothing() -> None:
    found = projected("0", days=3)
    assert found.interest == found.apy == found.blended_annual_rate == 0


def test_a_projection_of_no_days_is_refused() -> None:
    with pytest.raises(ValueError, match="a day at least"):
        projected("100", days=0)


@settings(max_examples=100, deadline=None)
@given(engine.histories(events=0), st.sampled_from(Rounding), st.sampled_from(Payout))
def test_a_projection_is_what_the_books_will_say(
    drawn: engine.History, rounding: Rounding, payout: Payout
) -> None:
    chart = drawn.charts[0]
    tiers = [
        Tier(engine.amount(tier.from_units, drawn.scale), engine.rate(tier))
        for tier in chart.tiers
    ]
    amount = engine.amount(drawn.opening, drawn.scale)
    found = project(
        amount=amount,
        tiers=tiers,
        mode=TierMode(drawn.mode),
        day_count=DayCount(drawn.day_count),
        compounding=Compounding(drawn.compounding),
        scale=drawn.scale,
        rounding=rounding,
        first_day=drawn.first_day,
        days=drawn.days,
        payout=payout,
    )
    rows, unpaid = booked(drawn, tiers, payout)
    last = final_unit(carry=rows[-1].carry, scale=drawn.scale, rounding=rounding)
    assert found.interest == rows[-1].accrued + last
    assert found.final_balance == amount + unpaid + last
    by_month = [
        (*month, sum(row.interest for row in part))
        for month, part in groupby(rows, key=lambda row: (row.day.year, row.day.month))
    ]
    by_month[-1] = (*by_month[-1][:2], by_month[-1][2] + last)
    assert list(found.by_month) == by_month
    assert found.blended_annual_rate == rows[0].rate


def booked(
    drawn: engine.History, tiers: list[Tier], payout: Payout
) -> tuple[list[Accrual], Decimal]:
    """Plays the books day by day, paying each morning what the day before has fixed."""
    movements: dict[date, list[Movement]] = {}
    unpaid, paid, rows = D(0), D(0), []
    for offset in range(drawn.days):
        day = drawn.first_day + timedelta(days=offset)
        rows = accrue(
            charts=[Chart(drawn.first_day, tiers)],
            mode=TierMode(drawn.mode),
            day_count=DayCount(drawn.day_count),
            compounding=Compounding(drawn.compounding),
            scale=drawn.scale,
            first_day=drawn.first_day,
            last_day=day,
            principal=engine.amount(drawn.opening, drawn.scale),
            movements=movements,
        )
        unpaid = rows[-1].accrued - paid
        if pays_out(payout, day):
            movements[day + timedelta(days=1)] = [Movement(D(0), -unpaid)]
            paid, unpaid = rows[-1].accrued, D(0)
    return rows, unpaid


def entitled(
    rule: EarlyRule,
    *,
    days_run: int,
    rounding: Rounding = Rounding.FLOOR,
    reduced_rate: str = "0",
    forfeit_days: int = 0,
    day_count: DayCount = DayCount.ACT_365F,
    compounding: Compounding = Compounding.NONE,
) -> Decimal:
    last_day = JANUARY + timedelta(days=days_run - 1)
    rows = accrue(
        charts=[Chart(JANUARY, at("0.05"))],
        mode=TierMode.SLICE,
        day_count=day_count,
        compounding=compounding,
        scale=2,
        first_day=JANUARY,
        last_day=last_day,
        principal=D("10000"),
        movements={},
    )
    by_day = {row.day: Accrued(row.accrued, row.carry) for row in rows}
    return entitlement(
        rule=rule,
        principal=D("10000"),
        first_day=JANUARY,
        last_day=last_day,
        day_count=day_count,
        compounding=compounding,
        scale=2,
        rounding=rounding,
        accrued_on=by_day.__getitem__,
        reduced_rate=D(reduced_rate),
        forfeit_days=forfeit_days,
    )


def test_all_is_forfeited() -> None:
    assert entitled(EarlyRule.FORFEIT_ALL, days_run=99) == 0


@pytest.mark.parametrize(
    ("days_run", "rounding", "day_count", "kept"),
    [
        (99, Rounding.FLOOR, DayCount.ACT_365F, "13.56"),  # 10000 * 0.005 * 99 / 365
        (100, Rounding.FLOOR, DayCount.ACT_365F, "13.69"),  # 13.6986
        (100, Rounding.HALF_UP, DayCount.ACT_365F, "13.70"),
        (90, Rounding.FLOOR, DayCount.ACT_360, "12.50"),
        (90, Rounding.FLOOR, DayCount.THIRTY_360, "12.50"),
        (0, Rounding.HALF_UP, DayCount.ACT_365F, "0"),
    ],
)
def test_a_reduced_rate_is_paid_for_the_days_run(
    days_run: int, rounding: Rounding, day_count: DayCount, kept: str
) -> None:
    found = entitled(
        EarlyRule.REDUCED_RATE,
        days_run=days_run,
        rounding=rounding,
        day_count=day_count,
        reduced_rate="0.005",
    )
    assert found == D(kept)


def test_a_reduced_rate_is_never_the_better_one() -> None:
    for rounding, kept in ((Rounding.FLOOR, "13.69"), (Rounding.HALF_UP, "13.70")):
        found = entitled(
            EarlyRule.REDUCED_RATE, days_run=10, rounding=rounding, reduced_rate="0.06"
        )
        assert found == D(kept)  # 10000 * 0.05 * 10 / 365: 13.6986


def test_a_reduced_rate_compounds_as_the_product_does() -> None:
    found = entitled(
        EarlyRule.REDUCED_RATE,
        days_run=300,
        reduced_rate="0.04",
        compounding=Compounding.DAILY,
    )
    expected = projected(
        "10000", days=300, tiers=at("0.04"), compounding=Compounding.DAILY
    ).interest
    assert found == expected
    assert found > entitled(EarlyRule.REDUCED_RATE, days_run=300, reduced_rate="0.04")


@pytest.mark.parametrize(
    ("days_run", "forfeit_days", "rounding", "kept"),
    [
        (99, 30, Rounding.FLOOR, "94.52"),  # 69 days of 10000 * 0.05 / 365: 94.5205
        (101, 30, Rounding.FLOOR, "97.26"),  # 71 days: 97.2603
        (100, 30, Rounding.FLOOR, "95.89"),  # 70 days: 95.8904
        (35, 30, Rounding.HALF_UP, "6.85"),  # 5 days: 6.8493
        (35, 30, Rounding.FLOOR, "6.84"),
        (31, 30, Rounding.FLOOR, "1.36"),
        (30, 30, Rounding.HALF_UP, "0"),
        (29, 30, Rounding.HALF_UP, "0"),
        (0, 30, Rounding.HALF_UP, "0"),
        (5, 0, Rounding.FLOOR, "6.84"),
    ],
)
def test_the_interest_of_the_last_days_is_forfeited(
    days_run: int, forfeit_days: int, rounding: Rounding, kept: str
) -> None:
    found = entitled(
        EarlyRule.FORFEIT_DAYS,
        days_run=days_run,
        forfeit_days=forfeit_days,
        rounding=rounding,
    )
    assert found == D(kept)


def test_a_forbidden_redemption_has_no_entitlement() -> None:
    with pytest.raises(ValueError, match="not redeemed early"):
        entitled(EarlyRule.FORBIDDEN, days_run=10)
