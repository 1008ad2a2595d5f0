"""Design 8: in what order a scenario is played, and what its outcome says.

Most rates are 36.5 %, a thousandth a day: 1,000.00 earn 1.00.
"""

from typing import Any

import pytest

from earn.models import Position, Product
from tests.scenarios.documents import (
    REDEEMING,
    WALLET,
    Document,
    column,
    event,
    figures,
    fixed,
    flexible,
    played,
    position,
    redeem,
    subscribe,
)

pytestmark = pytest.mark.django_db
A_THOUSANDTH = [("0", "0.365")]


def savings(*events: Document, until: str, **product: Any) -> Document:
    return flexible(*events, until=until, **({"rows": A_THOUSANDTH} | product))


def refusals(outcome: Document) -> list[tuple[int, str]]:
    return [(x["event"], x["code"]) for x in outcome.get("refused", [])]


def kinds(outcome: Document) -> list[tuple[str, str]]:
    return [(entry["on"], entry["kind"]) for entry in outcome["entries"]]


# Days and moments


def test_a_day_is_closed_before_the_events_of_the_next_even_at_its_first_moment() -> None:
    shown = position(
        savings(
            subscribe("2026-03-01T23:59:59Z", "1000"),
            redeem("2026-03-04T00:00:00Z"),
            until="2026-03-04",
        )
    )
    assert column(shown, "day") == ["2026-03-02", "2026-03-03"]
    assert figures(shown) == ("REDEEMED", "0.00", "0.00", "2.00", "1002.00")


def test_events_on_until_are_played_and_the_day_itself_is_not_closed() -> None:
    shown = position(
        savings(
            subscribe("2026-03-01", "1000"),
            subscribe("2026-03-05T23:59:59.999999Z", "500"),
            until="2026-03-05",
        )
    )
    assert column(shown, "day") == ["2026-03-02", "2026-03-03", "2026-03-04"]
    assert figures(shown) == ("OPEN", "1500.00", "3.00", "0.00", "0.00")


def test_events_after_until_are_not_played() -> None:
    document = savings(
        subscribe("2026-03-01", "1000"),
        redeem("2026-03-06T00:00:00Z"),
        until="2026-03-05",
    )
    outcome = played(document)
    assert outcome["positions"][0]["state"] == "OPEN"
    assert outcome["not_played"] == [2]


def test_a_scenario_without_events_comes_to_nothing() -> None:
    outcome = played(savings(until="2026-03-05"))
    assert outcome == {"positions": [], "entries": [], "books": "balanced"}


@pytest.mark.parametrize("until", ["2026-03-01", "2026-03-02"])
def test_money_earns_nothing_until_the_close_of_the_day_after(until: str) -> None:
    shown = position(savings(subscribe("2026-03-01", "1000"), until=until))
    assert (figures(shown)[:3], shown["days"]) == (("OPEN", "1000.00", "0.00"), [])


def test_a_scenario_without_an_event_before_its_end_has_no_position() -> None:
    outcome = played(savings(subscribe("2026-03-02", "1000"), until="2026-03-01"))
    assert (outcome["positions"], outcome["entries"]) == ([], [])


def test_moments_fall_on_days_of_utc() -> None:
    """Half past midnight in Tokyo is still the day before; 20:00 in New York the next."""
    outcome = played(
        savings(
            subscribe("2026-03-02T00:30:00+09:00", "1000"),
            redeem("2026-03-04T20:00:00-05:00", "1000"),
            until="2026-03-06",
        )
    )
    (shown,) = outcome["positions"]
    assert column(shown, "day") == ["2026-03-02", "2026-03-03", "2026-03-04"]
    assert kinds(outcome)[-1] == ("2026-03-05", "REDEEM")


def test_events_are_played_in_order_of_time_and_refused_by_their_place_in_the_file() -> (
    None
):
    outcome = played(
        savings(
            redeem("2026-03-03"),
            redeem("2026-03-02"),
            subscribe("2026-03-01", "1000"),
            until="2026-03-03",
        )
    )
    assert figures(outcome["positions"][0])[0] == "REDEEMED"
    assert refusals(outcome) == [(1, "NOT_REDEEMABLE")]


def test_events_of_one_moment_keep_the_order_of_the_file() -> None:
    at = "2026-03-01T12:00:00Z"
    there = played(savings(subscribe(at, "10"), redeem(at), until="2026-03-01"))
    back = played(savings(redeem(at), subscribe(at, "10"), until="2026-03-01"))
    assert (figures(there["positions"][0])[0], refusals(there)) == ("REDEEMED", [])
    assert figures(back["positions"][0])[0] == "OPEN"
    assert refusals(back) == [(1, "NOT_REDEEMABLE")]


def test_one_moment_in_two_time_zones_is_one_moment() -> None:
    outcome = played(
        savings(
            subscribe("2026-03-01T13:00:00+01:00", "10"),
            redeem("2026-03-01T12:00:00Z"),
            until="2026-03-01",
        )
    )
    assert refusals(outcome) == []


# Positions


def test_a_flexible_product_has_one_open_position_that_further_money_joins() -> None:
    outcome = played(
        savings(
            subscribe("2026-03-01", "1000"),
            subscribe("2026-03-02", "500"),
            redeem("2026-03-05"),
            subscribe("2026-03-05T12:00:00Z", "2000"),
            until="2026-03-07",
        )
    )
    first, second = outcome["positions"]
    # 1.00 for 2 March, then 1.50 on the 3rd and the 4th
    assert column(first, "basis") == ["1000.00", "1500.00", "1500.00"]
    assert figures(first) == ("REDEEMED", "0.00", "0.00", "4.00", "1504.00")
    assert (second["position"], column(second, "day")) == (2, ["2026-03-06"])


def test_each_subscription_of_a_fixed_product_is_a_position_numbered_as_it_came() -> None:
    outcome = played(
        fixed(
            subscribe("2026-03-02", "200", 3),
            subscribe("2026-03-01", "100", 5),
            subscribe("2026-03-02T11:00:00Z", "300", 2),
            redeem("2026-03-04", position=3),
            until="2026-03-07",
            rows=[(days, "0", "0.365") for days in (2, 3, 5)],
            early_redemption={"rule": "FORFEIT_ALL"},
        )
    )
    assert [
        (x["position"], x["state"], x["received"], x["matures_on"])
        for x in outcome["positions"]
    ] == [
        (1, "MATURED", "100.50", "2026-03-07"),
        (2, "MATURED", "200.60", "2026-03-06"),
        (3, "REDEEMED", "300.00", "2026-03-05"),
    ]


def test_a_position_that_is_not_there_is_refused_and_the_scenario_goes_on() -> None:
    outcome = played(
        savings(
            redeem("2026-03-01"),
            subscribe("2026-03-02", "1000"),
            redeem("2026-03-03", position=2),
            redeem("2026-03-03T11:00:00Z", position=1),
            until="2026-03-03",
        )
    )
    assert refusals(outcome) == [(1, "NOT_REDEEMABLE"), (3, "NOT_REDEEMABLE")]
    assert figures(outcome["positions"][0])[0] == "REDEEMED"


# Amounts


@pytest.mark.parametrize(
    ("compounding", "whole", "paid"),
    [("NONE", "1000.00", "2.00"), ("DAILY", "1002.00", "2.00")],
)
def test_redeeming_the_whole_balance_is_all(
    compounding: str, whole: str, paid: str
) -> None:
    outcomes = [
        position(
            savings(
                subscribe("2026-03-01", "1000"),
                redeem("2026-03-04", amount),
                until="2026-03-05",
                compounding=compounding,
            )
        )
        for amount in (whole, "ALL")
    ]
    assert outcomes[0] == outcomes[1]
    assert figures(outcomes[0]) == ("REDEEMED", "0.00", "0.00", paid, "1002.00")


@pytest.mark.parametrize(
    ("compounding", "amount"), [("NONE", "1000.01"), ("DAILY", "1002.01")]
)
def test_more_than_the_balance_is_insufficient_funds(compounding: str, amount: str) -> None:
    outcome = played(
        savings(
            subscribe("2026-03-01", "1000"),
            redeem("2026-03-04", amount),
            redeem("2026-03-04T11:00:00Z"),
            until="2026-03-05",
            compounding=compounding,
        )
    )
    assert refusals(outcome) == [(2, "INSUFFICIENT_FUNDS")]
    assert outcome["positions"][0]["received"] == "1002.00"


def test_more_than_a_fixed_position_holds_is_insufficient_funds_a_part_is_refused() -> None:
    outcome = played(
        fixed(
            subscribe("2026-03-01", "1000", 10),
            redeem("2026-03-04", "1000.01"),
            redeem("2026-03-05", "400"),
            redeem("2026-03-06", "1000"),
            until="2026-03-06",
            rows=[(10, "0", "0.365")],
            early_redemption={"rule": "FORFEIT_ALL"},
        )
    )
    assert refusals(outcome) == [(2, "INSUFFICIENT_FUNDS"), (3, "NOT_REDEEMABLE")]
    assert figures(outcome["positions"][0]) == (
        *("REDEEMED", "0.00", "0.00", "0.00", "1000.00"),
    )


def test_interest_that_compounds_leaves_first_and_interest_paid_counts_it() -> None:
    """1.00 + 1.001, floored: 2.00 accrued; 1.50 of it leave, then 0.50 and 99.50 more."""
    shown = position(
        savings(
            subscribe("2026-03-01", "1000"),
            redeem("2026-03-04T09:00:00Z", "1.50"),
            redeem("2026-03-04T10:00:00Z", "100"),
            until="2026-03-05",
            compounding="DAILY",
        )
    )
    assert column(shown, "basis") == ["1000.00", "1001.00", "900.50"]
    assert figures(shown) == ("OPEN", "900.50", "0.90", "2.00", "101.50")


def test_interest_that_does_not_compound_is_paid_with_every_redemption() -> None:
    shown = position(
        savings(
            subscribe("2026-03-01", "1000"),
            redeem("2026-03-03", "400"),
            until="2026-03-05",
        )
    )
    assert column(shown, "interest") == ["1.00", "0.60", "0.60"]
    assert figures(shown) == ("OPEN", "600.00", "1.20", "1.00", "401.00")


def test_money_that_came_today_leaves_first_and_costs_nothing_of_what_was_there() -> None:
    shown = position(
        savings(
            subscribe("2026-03-01", "1000"),
            redeem("2026-03-03T08:00:00Z", "300"),
            subscribe("2026-03-03T09:00:00Z", "500"),
            redeem("2026-03-03T10:00:00Z", "400"),
            until="2026-03-05",
        )
    )
    # 3 March: 700 were never left; 800 earn from the 4th on
    assert column(shown, "basis") == ["1000.00", "700.00", "800.00"]


def test_money_that_comes_and_goes_on_one_day_earns_nothing() -> None:
    shown = position(
        savings(
            subscribe("2026-03-01T00:00:00Z", "1000"),
            redeem("2026-03-01T23:59:59.999999Z"),
            until="2026-03-04",
        )
    )
    assert (figures(shown), shown["days"]) == (
        ("REDEEMED", "0.00", "0.00", "0.00", "1000.00"),
        [],
    )


def test_received_is_payouts_parts_and_the_rest_together() -> None:
    shown = position(
        savings(
            subscribe("2026-03-01", "1000"),
            redeem("2026-03-04", "500"),
            redeem("2026-03-06"),
            until="2026-03-07",
            payout="DAILY",
        )
    )
    # the money of 4 March: 500 stayed all day
    assert column(shown, "interest") == ["1.00", "1.00", "0.50", "0.50"]
    assert figures(shown) == ("REDEEMED", "0.00", "0.00", "3.00", "1003.00")


# Refusals


def test_a_refused_subscription_moves_no_money_and_opens_nothing() -> None:
    outcome = played(
        savings(
            subscribe("2026-03-01", "99.99"),
            subscribe("2026-03-02", "100.005"),
            subscribe("2026-03-03", "150"),
            subscribe("2026-03-04", "1100"),
            subscribe("2026-03-05", "1000"),
            subscribe("2026-03-06", "100"),
            subscribe("2026-03-06", "-100"),
            redeem("2026-03-06", "-0.01"),
            until="2026-03-06",
            minimum="100",
            step="100",
            cap="1000",
        )
    )
    assert refusals(outcome) == [
        (1, "BELOW_MINIMUM"),
        (2, "TOO_MANY_DECIMALS"),
        (3, "NOT_A_STEP"),
        (4, "OVER_CUSTOMER_CAP"),
        (6, "OVER_CUSTOMER_CAP"),
        (7, "BELOW_MINIMUM"),
        (8, "BELOW_MINIMUM"),
    ]
    assert all(refused["message"].endswith(".") for refused in outcome["refused"])
    assert len(outcome["positions"]) == 1
    assert kinds(outcome) == [("2026-03-05", "DEPOSIT"), ("2026-03-05", "SUBSCRIBE")]


def test_a_quota_is_sold_out_and_is_free_again_when_money_leaves() -> None:
    outcome = played(
        savings(
            subscribe("2026-03-01", "600"),
            subscribe("2026-03-02", "400.01"),
            redeem("2026-03-03", "0.01"),
            subscribe("2026-03-04", "400.01"),
            until="2026-03-04",
            quota="1000",
        )
    )
    assert refusals(outcome) == [(2, "SOLD_OUT")]
    assert outcome["positions"][0]["principal"] == "1000.00"


def test_a_term_or_a_day_without_rates_is_not_open() -> None:
    outcome = played(
        fixed(
            subscribe("2026-02-27", "100", 30),
            subscribe("2026-02-28", "100", 60),
            subscribe("2026-02-28", "100", 30),
            until="2026-02-28",
            charts=[("2026-03-01", [(30, "0", "0.05")])],
        )
    )
    assert refusals(outcome) == [(1, "NOT_OPEN"), (2, "NOT_OPEN")]
    assert len(outcome["positions"]) == 1


# Redemptions that settle later


def test_a_delayed_redemption_leaves_the_position_now_and_is_received_when_due() -> None:
    document = savings(
        subscribe("2026-03-01", "1000"),
        redeem("2026-03-04T12:00:00Z", "400"),
        until="2026-03-05",
        settlement_delay_days=2,
    )
    waiting = played(document)
    (shown,) = waiting["positions"]
    assert figures(shown) == ("OPEN", "600.00", "0.60", "2.00", "2.00")
    assert waiting["entries"][-2]["lines"] == [
        ["product:scenario:accrued", "2.00"],
        [WALLET, "-2.00"],
        ["position:1:principal", "400.00"],
        [REDEEMING, "-400.00"],
    ]
    paid = played(document | {"until": "2026-03-06"})
    assert figures(paid["positions"][0]) == ("OPEN", "600.00", "1.20", "2.00", "402.00")
    assert paid["entries"][-1] == {
        "on": "2026-03-06",
        "kind": "REDEEM",
        "lines": [[REDEEMING, "400.00"], [WALLET, "-400.00"]],
    }


def test_a_cancelled_redemption_goes_back_and_earns_from_the_next_day() -> None:
    outcome = played(
        savings(
            subscribe("2026-03-01", "1000"),
            redeem("2026-03-03", "400"),
            event("cancel", "2026-03-04"),
            event("cancel", "2026-03-05"),
            until="2026-03-06",
            settlement_delay_days=3,
        )
    )
    (shown,) = outcome["positions"]
    assert column(shown, "basis") == ["1000.00", "600.00", "600.00", "1000.00"]
    assert shown["received"] == "1.00"  # the interest of the first day
    assert refusals(outcome) == [(4, "NOT_REDEEMABLE")]


def test_a_cancelled_redemption_of_all_opens_the_next_position() -> None:
    outcome = played(
        savings(
            subscribe("2026-03-01", "1000"),
            redeem("2026-03-03"),
            event("cancel", "2026-03-04"),
            until="2026-03-06",
            settlement_delay_days=3,
        )
    )
    first, second = outcome["positions"]
    # what was earned was paid to the wallet when the money left
    assert figures(first) == ("REDEEMED", "0.00", "0.00", "1.00", "1.00")
    assert figures(second) == ("OPEN", "1000.00", "1.00", "0.00", "0.00")
    assert column(second, "day") == ["2026-03-05"]


def test_each_pending_redemption_is_cancelled_by_its_position_the_newest_first() -> None:
    outcome = played(
        savings(
            subscribe("2026-03-01", "1000"),
            redeem("2026-03-02T10:00:00Z", "100"),
            redeem("2026-03-02T11:00:00Z", "200"),
            redeem("2026-03-02T12:00:00Z"),
            subscribe("2026-03-02T13:00:00Z", "50"),
            redeem("2026-03-02T14:00:00Z", "10", position=2),
            event("cancel", "2026-03-02T15:00:00Z"),
            event("cancel", "2026-03-02T16:00:00Z"),
            event("cancel", "2026-03-02T17:00:00Z", position=2),
            event("cancel", "2026-03-02T18:00:00Z", position=2),
            until="2026-03-05",
            settlement_delay_days=3,
        )
    )
    first, second = outcome["positions"]
    assert refusals(outcome) == [(10, "NOT_REDEEMABLE")]
    assert second["principal"] == "950.00"  # 40, the last 700, then the 200, then the 10
    assert first["received"] == "100.00"


# Numbers


def test_the_rate_is_that_of_the_whole_balance_and_has_no_idle_digits() -> None:
    shown = position(
        flexible(
            subscribe("2026-03-01", "99"),
            subscribe("2026-03-02", "201"),
            subscribe("2026-03-03", "700"),
            until="2026-03-05",
            rows=[("100", "0.03"), ("200", "0.10")],
        )
    )
    # 99 are below the first tier; 300 earn 3 + 10 a year, 1,000 earn 3 + 80
    assert column(shown, "rate") == ["0", "0.0433333333", "0.083"]


@pytest.mark.parametrize(
    ("scale", "amount", "rate", "one"),
    [
        (0, "100", "0.10", "0"),
        (18, "0.000000000000000001", "0.0000000001", "0.000000000000000000"),
        (2, "1000000000000000.00", "0.00", "0.00"),
        (8, "0.00000001", "99.9999999999", "0.00000000"),
    ],
)
def test_no_number_is_written_with_an_exponent(
    scale: int, amount: str, rate: str, one: str
) -> None:
    shown = position(
        flexible(
            subscribe("2026-03-01", amount),
            until="2026-03-03",
            rows=[("0", rate)],
            scale=scale,
        )
    )
    assert shown["principal"] == amount
    assert (column(shown, "basis"), column(shown, "interest")) == ([amount], [one])
    assert column(shown, "rate") == [rate.rstrip("0").rstrip(".") or "0"]
    assert shown["matures_on"] is None


def test_a_deposit_is_what_is_missing_and_entries_show_both_legs_debit_positive() -> None:
    outcome = played(
        savings(
            subscribe("2026-03-01", "1000"),
            redeem("2026-03-03", "300"),
            subscribe("2026-03-03", "500"),
            until="2026-03-03",
        )
    )
    assert outcome["entries"] == [
        {
            "on": "2026-03-01",
            "kind": "DEPOSIT",
            "lines": [["treasury:custody", "1000.00"], [WALLET, "-1000.00"]],
        },
        {
            "on": "2026-03-01",
            "kind": "SUBSCRIBE",
            "lines": [[WALLET, "1000.00"], ["position:1:principal", "-1000.00"]],
        },
        {
            "on": "2026-03-02",
            "kind": "ACCRUE",
            "lines": [
                ["product:scenario:interest", "1.00"],
                ["product:scenario:accrued", "-1.00"],
            ],
        },
        {
            "on": "2026-03-03",
            "kind": "REDEEM",
            "lines": [
                ["product:scenario:accrued", "1.00"],
                [WALLET, "-1.00"],
                ["position:1:principal", "300.00"],
                [WALLET, "-300.00"],
            ],
        },
        {
            "on": "2026-03-03",
            "kind": "DEPOSIT",
            "lines": [["treasury:custody", "199.00"], [WALLET, "-199.00"]],
        },
        {
            "on": "2026-03-03",
            "kind": "SUBSCRIBE",
            "lines": [[WALLET, "500.00"], ["position:1:principal", "-500.00"]],
        },
    ]


def test_nothing_remains_and_the_next_scenario_begins_anew() -> None:
    document = savings(subscribe("2026-03-01", "1000"), until="2026-03-03")
    assert played(document) == played(document)
    assert not Product.objects.exists()
    assert not Position.objects.exists()


@pytest.mark.parametrize("scale", [0, 2, 18])
def test_an_amount_finer_than_the_asset_is_refused_and_the_scenario_goes_on(
    scale: int,
) -> None:
    finer = "1." + "0" * scale + "1"
    outcome = played(
        savings(
            subscribe("2026-03-01", finer),
            subscribe("2026-03-01", "1000"),
            redeem("2026-03-02", finer),
            until="2026-03-02",
            scale=scale,
        )
    )
    assert refusals(outcome) == [(1, "TOO_MANY_DECIMALS"), (3, "TOO_MANY_DECIMALS")]
