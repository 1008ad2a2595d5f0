"""Design 4 to 7 in scenarios: payouts, rounding, early exits, maturity, charts.

Most rates are 36.5 %, a thousandth a day: 1,000.00 earn 1.00. Every other figure is worked
out in the test, from exact fractions.
"""

from fractions import Fraction
from typing import Any

import pytest

from tests.scenarios.documents import (
    Document,
    after,
    column,
    compounded,
    event,
    figures,
    fixed,
    flexible,
    floored,
    played,
    position,
    redeem,
    subscribe,
)

pytestmark = pytest.mark.django_db
T = "2026-03-01"


def term(*events: Document, until: str, days: int = 10, **product: Any) -> Document:
    """1,000.00 from 1 March on for ten days, unless the test says otherwise."""
    rows = {"rows": [(days, "0", "0.365")]}
    return fixed(*(events or [subscribe(T, "1000", days)]), until=until, **(rows | product))


def left_early(day: str, rule: Any, **product: Any) -> Document:
    """The position of 1,000.00 that is redeemed on a day."""
    return position(
        term(
            subscribe(T, "1000", 10),
            redeem(day),
            until=day,
            early_redemption=rule,
            **product,
        )
    )


def states(outcome: Document) -> list[tuple[str, str, str, str]]:
    return [
        (x["state"], x["principal"], x["interest_paid"], x["received"])
        for x in outcome["positions"]
    ]


# The term


def test_a_term_earns_from_the_next_day_through_its_last_and_matures_then() -> None:
    day_before = position(term(until="2026-03-11"))
    assert figures(day_before) == ("OPEN", "1000.00", "9.00", "0.00", "0.00")
    shown = position(term(until="2026-03-12"))
    assert (shown["matures_on"], shown["days"][0]["day"]) == ("2026-03-12", "2026-03-02")
    assert len(shown["days"]) == 10
    assert figures(shown) == ("MATURED", "0.00", "0.00", "10.00", "1010.00")


def test_nothing_is_earned_after_maturity() -> None:
    shown = position(term(until="2026-03-20"))
    assert (len(shown["days"]), figures(shown)[3]) == (10, "10.00")


def test_a_matured_position_is_not_redeemed() -> None:
    outcome = played(
        term(
            subscribe(T, "1000", 10),
            redeem("2026-03-12T00:00:00Z"),
            until="2026-03-12",
            early_redemption={"rule": "FORFEIT_ALL"},
        )
    )
    assert outcome["refused"][0]["code"] == "NOT_REDEEMABLE"
    assert figures(outcome["positions"][0])[0] == "MATURED"


def test_a_cut_of_the_rate_does_not_touch_a_running_term() -> None:
    outcome = played(
        term(
            subscribe(T, "1000", 10),
            subscribe("2026-03-04", "1000", 10),
            until="2026-03-15",
            charts=[
                ("2026-03-05", [(10, "0", "0.0365")]),  # the file need not be in order
                ("2026-01-01", [(10, "0", "0.365")]),
            ],
        )
    )
    old, new = outcome["positions"]
    assert set(column(old, "rate")) == {"0.365"}
    assert set(column(new, "rate")) == {"0.0365"}
    assert (old["interest_paid"], new["interest_paid"]) == ("10.00", "1.00")


def test_the_amount_and_the_term_choose_the_rate() -> None:
    outcome = played(
        fixed(
            subscribe(T, "1000", 7),
            subscribe(T, "3000", 7),
            subscribe(T, "3000", 14),
            until="2026-03-16",
            rows=[
                (7, "0", "0.0365"),
                (14, "0", "0.073"),
                (7, "2000", "0.73"),
                (14, "2000", "0"),
            ],
        )
    )
    # by slice: 2,000 at 3.65 % and 1,000 at 73 %; 2,000 at 7.3 % and a cap above
    assert [x["interest_paid"] for x in outcome["positions"]] == ["0.70", "15.40", "5.60"]


# Rounding


@pytest.mark.parametrize(
    ("rounding", "amount", "scale", "rate", "days", "interest"),
    [
        # 100 * 5 % * 10 / 365 = 0.13698..
        ("FLOOR", "100", 2, "0.05", 10, "0.13"),
        ("HALF_UP", "100", 2, "0.05", 10, "0.14"),
        # a half exactly: 73 * 50 % * 5 / 365
        ("FLOOR", "73", 0, "0.50", 5, "0"),
        ("HALF_UP", "73", 0, "0.50", 5, "1"),
        ("HALF_UP", "72", 0, "0.50", 5, "0"),
        # yen: 10,000,000 * 0.1 % * 3 / 365 = 82.19..
        ("HALF_UP", "10000000", 0, "0.001", 3, "82"),
        # the smallest balance there is
        ("HALF_UP", "0.000000000000000001", 18, "0.10", 3, "0.000000000000000000"),
    ],
)
def test_the_last_fraction_is_settled_at_the_end(
    *, rounding: str, amount: str, scale: int, rate: str, days: int, interest: str
) -> None:
    shown = position(
        fixed(
            subscribe(T, amount, days),
            until=after(T, days + 1),
            rows=[(days, "0", rate)],
            final_rounding=rounding,
            scale=scale,
        )
    )
    assert (shown["interest_paid"], shown["accrued"]) == (interest, floored(0, scale))


def test_a_customer_who_leaves_a_flexible_product_is_rounded_once_at_the_end() -> None:
    """33.35 earn 0.03335 a day: 0.3335 in ten days, 0.43355 in 13, 0.4669 in 14."""
    start = subscribe(T, "33.35")
    terms = {"rows": [("0", "0.365")], "final_rounding": "HALF_UP"}

    def left(*events: Document, until: str) -> Document:
        return position(flexible(start, *events, until=until, **terms))

    assert left(until="2026-03-16")["accrued"] == "0.46"
    assert left(redeem("2026-03-16", "1"), until="2026-03-16")["interest_paid"] == "0.46"
    assert left(redeem("2026-03-16"), until="2026-03-16")["interest_paid"] == "0.47"
    assert left(redeem("2026-03-15"), until="2026-03-15")["interest_paid"] == "0.43"


def test_the_carry_is_never_lost_between_days() -> None:
    """3.35 earn 0.00335 a day: the first cent on the third day."""
    shown = position(
        flexible(subscribe(T, "3.35"), until="2026-03-12", rows=[("0", "0.365")])
    )
    found = ["0.00", "0.00", "0.01", "0.01", "0.01", "0.02", "0.02", "0.02", "0.03", "0.03"]
    assert column(shown, "accrued") == found


# Payouts


def test_a_flexible_product_pays_monthly_on_the_first_of_the_month() -> None:
    outcome = played(
        flexible(
            subscribe("2026-01-28", "1000"),
            until="2026-03-02",
            rows=[("0", "0.365")],
            payout="MONTHLY",
            compounding="DAILY",
        )
    )
    (shown,) = outcome["positions"]
    january = compounded("1000", ["0.365"] * 3) - 1000  # 29, 30 and 31 January
    february = compounded("1000", ["0.365"] * 28) - 1000
    paid = [(x["on"], x["lines"][0][1]) for x in outcome["entries"] if x["kind"] == "PAY"]
    assert [on for on, _ in paid] == ["2026-02-01", "2026-03-01"]
    assert paid[0][1] == floored(january) == "3.00"
    assert shown["days"][3]["basis"] == "1000.00"  # 1 February: the interest has left
    # what a month leaves over of a cent goes on into the next
    assert abs(Fraction(paid[1][1]) - february) <= Fraction(1, 100)
    assert figures(shown)[1:3] == ("1000.00", "1.00")


def test_daily_payouts_do_not_compound() -> None:
    shown = position(
        flexible(
            subscribe(T, "1000"),
            until="2026-03-10",
            rows=[("0", "0.365")],
            payout="DAILY",
            compounding="DAILY",
        )
    )
    assert set(column(shown, "basis")) == {"1000.00"}
    assert figures(shown) == ("OPEN", "1000.00", "0.00", "8.00", "8.00")


@pytest.mark.parametrize("payout", ["AT_MATURITY", "MONTHLY", "DAILY"])
@pytest.mark.parametrize("compounding", ["NONE", "DAILY"])
def test_a_term_across_two_months_pays_all_it_earned(payout: str, compounding: str) -> None:
    """From 22 March through 10 April: ten days, a month's end, ten days."""
    shown = position(
        fixed(
            subscribe("2026-03-21", "5000", 20),
            until="2026-04-11",
            rows=[(20, "0", "0.365")],
            payout=payout,
            compounding=compounding,
        )
    )
    each = Fraction(5000, 1000)
    earned = {
        ("NONE", "AT_MATURITY"): 20 * each,
        ("NONE", "MONTHLY"): 20 * each,
        ("NONE", "DAILY"): 20 * each,
        ("DAILY", "AT_MATURITY"): compounded("5000", ["0.365"] * 20) - 5000,
        ("DAILY", "DAILY"): 20 * each,
    }
    if (compounding, payout) == ("DAILY", "MONTHLY"):
        # each month compounds on its own: 5000 * (1.001^10 - 1) = 50.226 less what floors
        assert shown["interest_paid"] == "100.45"
    else:
        assert shown["interest_paid"] == floored(earned[compounding, payout])
    assert figures(shown) == (
        "MATURED",
        "0.00",
        "0.00",
        shown["interest_paid"],
        floored(5000 + Fraction(shown["interest_paid"])),
    )


def test_a_rate_of_zero_earns_and_posts_nothing() -> None:
    outcome = played(
        term(subscribe(T, "1000", 3), until="2026-03-05", rows=[(3, "0", "0")])
    )
    assert states(outcome) == [("MATURED", "0.00", "0.00", "1000.00")]
    assert "ACCRUE" not in {entry["kind"] for entry in outcome["entries"]}


# Leaving early


def test_a_term_without_early_redemption_is_kept_to_its_end() -> None:
    outcome = played(
        term(subscribe(T, "1000", 10), redeem("2026-03-05"), until="2026-03-12")
    )
    assert [x["code"] for x in outcome["refused"]] == ["NOT_REDEEMABLE"]
    assert states(outcome) == [("MATURED", "0.00", "10.00", "1010.00")]


@pytest.mark.parametrize(
    ("rule", "day", "interest"),
    [
        ({"rule": "FORFEIT_ALL"}, "2026-03-08", "0.00"),
        # six days at 3.65 %: a ten-thousandth a day
        ({"rule": "REDUCED_RATE", "rate": "0.0365"}, "2026-03-08", "0.60"),
        ({"rule": "REDUCED_RATE", "rate": "0"}, "2026-03-08", "0.00"),
        ({"rule": "FORFEIT_DAYS", "days": 2}, "2026-03-08", "4.00"),
        ({"rule": "FORFEIT_DAYS", "days": 6}, "2026-03-08", "0.00"),
        ({"rule": "FORFEIT_DAYS", "days": 365}, "2026-03-08", "0.00"),
        # on the day of the subscription and on the first day nothing has been earned yet
        ({"rule": "REDUCED_RATE", "rate": "0.0365"}, "2026-03-01", "0.00"),
        ({"rule": "FORFEIT_DAYS", "days": 1}, "2026-03-02", "0.00"),
        # on the last day that earns, nine days have
        ({"rule": "FORFEIT_DAYS", "days": 1}, "2026-03-11", "8.00"),
    ],
)
def test_leaving_early_keeps_what_the_rule_leaves(
    rule: Document, day: str, interest: str
) -> None:
    shown = left_early(day, rule)
    kept = Fraction(interest)
    assert figures(shown) == ("REDEEMED", "0.00", "0.00", interest, floored(1000 + kept))


def test_what_is_lost_by_leaving_early_goes_back_to_the_house() -> None:
    outcome = played(
        term(
            subscribe(T, "1000", 10),
            redeem("2026-03-08"),
            until="2026-03-08",
            early_redemption={"rule": "FORFEIT_DAYS", "days": 2},
        )
    )
    assert outcome["entries"][-1]["lines"][2:4] == [
        ["product:scenario:accrued", "2.00"],
        ["product:scenario:interest", "-2.00"],
    ]


@pytest.mark.parametrize(
    ("rule", "clawed_back"),
    [
        ({"rule": "FORFEIT_ALL"}, "6.00"),
        ({"rule": "REDUCED_RATE", "rate": "0.0365"}, "5.40"),
        ({"rule": "FORFEIT_DAYS", "days": 2}, "2.00"),
    ],
)
def test_what_was_paid_out_beyond_the_entitlement_is_clawed_back(
    rule: Document, clawed_back: str
) -> None:
    """Six days of 1.00 were paid to the wallet, the last one by this morning's close."""
    shown = left_early("2026-03-08", rule, payout="DAILY")
    assert shown["interest_paid"] == "6.00"
    assert shown["received"] == floored(1006 - Fraction(clawed_back))


def test_a_reduced_rate_and_forfeited_days_compound_as_the_product_does() -> None:
    reduced = left_early(
        "2026-03-11",
        {"rule": "REDUCED_RATE", "rate": "3.65"},
        compounding="DAILY",
        rows=[(10, "0", "7.30")],
    )
    forfeited = left_early(
        "2026-03-11", {"rule": "FORFEIT_DAYS", "days": 4}, compounding="DAILY"
    )
    assert reduced["received"] == floored(compounded("1000", ["3.65"] * 9))
    assert forfeited["received"] == floored(compounded("1000", ["0.365"] * 5))


def test_early_exits_are_rounded_half_up_where_the_product_is() -> None:
    """600 at 0.365 % a year, a hundred-thousandth a day: 0.006 a day, one day kept."""
    found = [
        position(
            term(
                subscribe(T, "600", 10),
                redeem("2026-03-04"),
                until="2026-03-04",
                rows=[(10, "0", "0.00365")],
                early_redemption={"rule": "FORFEIT_DAYS", "days": 1},
                final_rounding=rounding,
            )
        )["interest_paid"]
        for rounding in ("FLOOR", "HALF_UP")
    ]
    assert found == ["0.00", "0.01"]


def test_a_minimum_holding_time_locks_the_way_out() -> None:
    outcome = played(
        term(
            subscribe(T, "1000", 10),
            redeem("2026-03-05T23:59:59.999999Z"),
            redeem("2026-03-06T00:00:00Z"),
            until="2026-03-06",
            early_redemption={"rule": "FORFEIT_ALL", "minimum_holding_days": 5},
        )
    )
    assert [x["code"] for x in outcome["refused"]] == ["IN_LOCK"]
    assert states(outcome) == [("REDEEMED", "0.00", "0.00", "1000.00")]


# At maturity


@pytest.mark.parametrize(
    ("at_maturity", "expected"),
    [
        ("PAY_OUT", [("MATURED", "0.00", "2.00", "1002.00")]),
        (
            "RENEW_PRINCIPAL",
            [("MATURED", "0.00", "2.00", "2.00"), ("OPEN", "1000.00", "0.00", "0.00")],
        ),
        (
            "RENEW_ALL",
            [("MATURED", "0.00", "2.00", "0.00"), ("OPEN", "1002.00", "0.00", "0.00")],
        ),
        # this scenario's asset has no flexible product: paid out
        ("TO_FLEXIBLE", [("MATURED", "0.00", "2.00", "1002.00")]),
    ],
)
def test_money_goes_on_as_the_customer_asked(
    at_maturity: str, expected: list[tuple[str, str, str, str]]
) -> None:
    outcome = played(
        term(
            subscribe(T, "1000", 2, at_maturity=at_maturity),
            until="2026-03-05",
            days=2,
        )
    )
    assert states(outcome) == expected


def test_a_renewed_term_earns_without_a_gap_and_renews_again_by_its_own_rate() -> None:
    outcome = played(
        fixed(
            subscribe(T, "1000", 3, at_maturity="RENEW_ALL"),
            until="2026-03-09",
            charts=[
                ("2026-01-01", [(3, "0", "0.365")]),
                ("2026-03-05", [(3, "0", "3.65")]),
            ],
        )
    )
    first, second, third = outcome["positions"]
    days = column(first, "day") + column(second, "day") + column(third, "day")
    assert days == [after("2026-03-02", n) for n in range(7)]
    assert [x["matures_on"] for x in (first, second, third)] == [
        "2026-03-05",
        "2026-03-08",
        "2026-03-11",
    ]
    # 3.00; then 1 % of 1,003.00 a day; then of 1,033.09
    assert [x["interest_paid"] for x in (first, second)] == ["3.00", "30.09"]
    assert (third["principal"], third["accrued"]) == ("1033.09", "10.33")


@pytest.mark.parametrize(
    ("minimum", "renewed"), [("0.20", False), ("0.10", True), ("0", True)]
)
def test_a_renewal_happens_only_at_the_customer_s_minimum_rate(
    minimum: str, *, renewed: bool
) -> None:
    outcome = played(
        fixed(
            subscribe(T, "1000", 2, at_maturity="RENEW_ALL", minimum_rate=minimum),
            until="2026-03-05",
            charts=[
                ("2026-01-01", [(2, "0", "0.365")]),
                ("2026-03-04", [(2, "0", "0.10")]),
            ],
        )
    )
    assert (len(outcome["positions"]) == 2) is renewed
    assert outcome["positions"][0]["received"] == ("0.00" if renewed else "1002.00")


def test_the_instruction_is_changed_until_the_cut_off() -> None:
    def told(at: str) -> tuple[list[str], int]:
        outcome = played(
            term(
                subscribe(T, "1000", 3),
                event("instruct", at, at_maturity="RENEW_ALL"),
                until="2026-03-05",
                days=3,
                renewal_cutoff_hours=24,
            )
        )
        refused = [x["code"] for x in outcome.get("refused", [])]
        return refused, len(outcome["positions"])

    assert told("2026-03-03T23:59:59Z") == ([], 2)
    assert told("2026-03-04T00:00:00Z") == (["IN_LOCK"], 1)


def test_a_term_of_a_day_is_renewed_every_day() -> None:
    outcome = played(
        term(
            subscribe(T, "1000", 1, at_maturity="RENEW_PRINCIPAL"),
            until="2026-03-05",
            days=1,
        )
    )
    assert [(column(x, "day"), x["received"]) for x in outcome["positions"]] == [
        (["2026-03-02"], "1.00"),
        (["2026-03-03"], "1.00"),
        (["2026-03-04"], "1.00"),
        ([], "0.00"),
    ]


# Charts and balances of every size


def test_of_two_charts_of_one_day_the_later_in_the_file_counts() -> None:
    shown = position(
        flexible(
            subscribe(T, "1000"),
            until="2026-03-04",
            charts=[
                ("2026-03-03", [("0", "0.0365")]),
                ("2026-03-01", [("0", "3.65")]),
                ("2026-03-01", [("0", "0.365")]),
            ],
            notice_days=30,
        )
    )
    assert column(shown, "interest") == ["1.00", "0.10"]


def test_a_hundred_tiers_by_slice_are_a_sum_of_a_hundred() -> None:
    """Each 100 at a rate of its own, 0.365 %, 0.73 % .. 36.5 %: 0.001 * n * 100 / 100."""
    rows = [(str(100 * n), f"0.{365 * (n + 1):05}") for n in range(100)]
    shown = position(flexible(subscribe(T, "10000"), until="2026-03-03", rows=rows))
    assert shown["accrued"] == floored(Fraction(sum(range(101)), 1000))


@pytest.mark.parametrize("mode", ["SLICE", "WHOLE"])
def test_a_whole_balance_changes_its_band_when_interest_lifts_it(mode: str) -> None:
    shown = position(
        flexible(
            subscribe(T, "999.50"),
            until="2026-03-04",
            rows=[("0", "0.365"), ("1000", "3.65")],
            tier_mode=mode,
            compounding="DAILY",
        )
    )
    # 0.9995 of the first day lift 999.50 to 1,000.49; 0.0095 of it are carried over to
    # 1,000 * 0.001 + 0.49 * 0.01 = 1.0049, or to 1,000.49 * 0.01 = 10.0049
    second = {"SLICE": "1.01", "WHOLE": "10.01"}[mode]
    assert column(shown, "basis") == ["999.50", "1000.49"]
    assert column(shown, "interest") == ["0.99", second]


def test_a_quadrillion_and_a_wei_are_exact_together() -> None:
    outcome = played(
        fixed(
            subscribe(T, "1000000000000000", 3),
            subscribe(T, "0.000000000000000365", 3),
            until="2026-03-05",
            rows=[(3, "0", "0.1234567891")],
            scale=18,
        )
    )
    exact = Fraction("0.1234567891") * 3 / 365
    assert [x["interest_paid"] for x in outcome["positions"]] == [
        floored(10**15 * exact, 18),
        floored(Fraction("0.000000000000000365") * exact, 18),
    ]


def test_a_first_day_on_29_february_counts_by_its_convention() -> None:
    """From 29 February through 1 March 2024: two days, of 366 or of 365."""
    found = {
        day_count: position(
            fixed(
                subscribe("2024-02-28", "36500000", 2),
                until="2024-03-02",
                rows=[(2, "0", "0.01")],
                day_count=day_count,
            )
        )["interest_paid"]
        for day_count in ("ACT/365F", "ACT/360", "ACT/ACT", "30E/360", "30/360")
    }
    yearly = Fraction(365000)
    assert found == {
        "ACT/365F": floored(yearly * 2 / 365),
        "ACT/360": floored(yearly * 2 / 360),
        "ACT/ACT": floored(yearly * 2 / 366),
        # 29 February to 2 March of months of thirty days: 3
        "30E/360": floored(yearly * 3 / 360),
        "30/360": floored(yearly * 3 / 360),
    }
