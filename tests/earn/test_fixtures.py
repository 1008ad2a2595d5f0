"""What the demo's input promises to whoever loads and plays it."""

import json
import re
from collections import Counter
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "fixtures"


def read(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


LISTED = read("assets.json")
ASSETS = {asset["code"]: asset for asset in LISTED["assets"]}
PRODUCTS = {product["code"]: product for product in read("products.json")}
PEOPLE = read("people.json")

LANGUAGES = {"en", "zh-hans", "ja", "es", "ar"}
each_product = pytest.mark.parametrize("product", PRODUCTS.values(), ids=PRODUCTS)
each_archetype = pytest.mark.parametrize(
    "archetype", PEOPLE["archetypes"], ids=lambda archetype: archetype["name"]
)


def decimals(amount: str) -> int:
    return max(0, -int(Decimal(amount).as_tuple().exponent))


def fits_scale(amount: str, *, asset: str) -> bool:
    return decimals(amount) <= ASSETS[asset]["scale"]


def tiers(chart: dict[str, Any]) -> dict[int | None, list[tuple[Decimal, Decimal]]]:
    found: dict[int | None, list[tuple[Decimal, Decimal]]] = {}
    for row in chart["rows"]:
        found.setdefault(row["term_days"], []).append(
            (Decimal(row["from"]), Decimal(row["rate"]))
        )
    return found


def rate_at(amount: Decimal, bands: list[tuple[Decimal, Decimal]]) -> Decimal:
    return next(rate for start, rate in reversed(bands) if start <= amount)


def is_cut(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether any amount of any term earns less, or a term is no longer offered."""
    old, new = tiers(before), tiers(after)
    return any(
        term not in new or rate_at(edge, new[term]) < rate_at(edge, old[term])
        for term in old
        for edge, _ in old[term] + new.get(term, [])
    )


def versions(product: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return list(pairwise(product["charts"]))


# Assets


def test_there_are_at_least_1300_assets():
    assert len(LISTED["assets"]) >= 1300


def test_codes_of_assets_are_unique_and_sorted():
    codes = [asset["code"] for asset in LISTED["assets"]]
    assert codes == sorted(set(codes))


def test_codes_are_short_upper_case_ascii():
    assert [c for c in ASSETS if not re.fullmatch(r"[A-Z0-9.]{1,16}", c)] == []


def test_names_are_plain_text_and_no_addresses():
    for asset in LISTED["assets"]:
        name = asset["name"]
        assert name == " ".join(name.split()) != ""
        assert name.isprintable()
        assert not re.search(r"\w\.[a-z]{2,}", name), name


def test_scales_are_0_to_18():
    assert {asset["scale"] for asset in LISTED["assets"]} <= set(range(19))


def test_every_kind_of_asset_is_there():
    kinds = Counter(asset["kind"] for asset in LISTED["assets"])
    assert set(kinds) == {"CRYPTO", "FIAT", "TOKENISED"}


@pytest.mark.parametrize(
    ("code", "scale", "kind"),
    [
        ("BTC", 8, "CRYPTO"),
        ("USDT", 6, "CRYPTO"),
        ("USDC", 6, "CRYPTO"),
        ("ETH", 18, "CRYPTO"),
        ("SOL", 9, "CRYPTO"),
        ("DOT", 10, "CRYPTO"),
        ("USD", 2, "FIAT"),
        ("EUR", 2, "FIAT"),
        ("JPY", 0, "FIAT"),
        ("PAXG", 18, "TOKENISED"),
        ("XAUT", 6, "TOKENISED"),
    ],
)
def test_the_known_assets_have_their_own_scale(code, scale, kind):
    assert (ASSETS[code]["scale"], ASSETS[code]["kind"]) == (scale, kind)


def test_every_source_is_named_with_its_version_and_licence():
    assert LISTED["sources"]
    for source in LISTED["sources"]:
        assert set(source) == {"package", "version", "licence"}
        assert re.fullmatch(r"\d+\.\d+\.\d+", source["version"])


# Products


def test_there_are_at_least_40_products_with_codes_of_their_own():
    assert len(PRODUCTS) == len(read("products.json")) >= 40


def test_both_kinds_of_product_are_offered():
    assert {p["kind"] for p in PRODUCTS.values()} == {"FLEXIBLE", "FIXED"}


@pytest.mark.parametrize(
    ("field", "choices"),
    [
        ("day_count", {"ACT/365F", "ACT/360", "ACT/ACT", "30E/360", "30/360"}),
        ("tier_mode", {"SLICE", "WHOLE"}),
        ("compounding", {"DAILY", "NONE"}),
        ("payout", {"ON_REDEMPTION", "DAILY", "MONTHLY", "AT_MATURITY"}),
        ("final_rounding", {"FLOOR", "HALF_UP"}),
    ],
)
def test_every_choice_is_made_by_some_product(field, choices):
    assert {p[field] for p in PRODUCTS.values()} == choices


def test_every_rule_of_early_redemption_is_played_by_a_fixed_product():
    rules = {
        p["early_redemption"]["rule"] for p in PRODUCTS.values() if p["kind"] == "FIXED"
    }
    assert rules == {"FORBIDDEN", "FORFEIT_ALL", "REDUCED_RATE", "FORFEIT_DAYS"}


@pytest.mark.parametrize(
    "is_offered",
    [
        lambda p: p["settlement_delay_days"] > 0,
        lambda p: p["countries_allowed"],
        lambda p: p["countries_denied"],
        lambda p: p["minimum_kyc_level"] == 2,
        lambda p: p["customer_cap"],
        lambda p: p["quota_shards"] > 1,
        lambda p: p["early_redemption"]["minimum_holding_days"] > 0,
    ],
    ids=["delay", "allowed", "denied", "kyc", "cap", "shards", "holding time"],
)
def test_every_limit_is_set_by_some_product(is_offered):
    assert [p["code"] for p in PRODUCTS.values() if is_offered(p)]


def test_the_terms_of_the_exchanges_are_offered():
    offered = {
        row["term_days"]
        for product in PRODUCTS.values()
        for chart in product["charts"]
        for row in chart["rows"]
    }
    assert offered == {None, 7, 14, 30, 60, 90, 120, 365}


@pytest.mark.parametrize(
    ("code", "bands"),
    [
        ("USDT-FLEX", {"0": "0.12", "500": "0.008", "5000": "0.003"}),
        ("USDC-FLEX", {"0": "0.03", "1000": "0.015"}),
        ("BTC-FLEX", {"0": "0.05", "5": "0.03", "10": "0"}),
    ],
)
def test_the_first_chart_is_what_the_exchanges_publish(code, bands):
    rows = PRODUCTS[code]["charts"][0]["rows"]
    assert {row["from"]: row["rate"] for row in rows} == bands


def test_a_weekly_product_has_a_small_quota():
    weekly = PRODUCTS["USDT-WEEKLY"]
    assert {row["term_days"] for row in weekly["charts"][0]["rows"]} == {7}
    assert Decimal(weekly["quota"]) <= 24_000


@each_product
def test_a_product_has_the_same_fields_as_every_other(product):
    assert list(product) == list(PRODUCTS["USDT-FLEX"])
    early = product["early_redemption"]
    assert set(early) == {"rule", "rate", "days", "minimum_holding_days"}
    assert (early["rate"] is not None) == (early["rule"] == "REDUCED_RATE")
    assert (early["days"] is not None) == (early["rule"] == "FORFEIT_DAYS")


@each_product
def test_a_product_is_named_in_every_language(product):
    assert set(product["names"]) == LANGUAGES
    assert all(name.strip() for name in product["names"].values())
    assert product["risk_text"].strip()
    translations = product["risk_translations"]
    assert set(translations) == LANGUAGES - {"en"}
    assert all(text.strip() for text in translations.values())


@each_product
def test_amounts_of_a_product_are_within_the_scale_of_its_asset(product):
    amounts = [product["minimum"], product["step"]]
    amounts += [a for a in (product["customer_cap"], product["quota"]) if a]
    amounts += [row["from"] for chart in product["charts"] for row in chart["rows"]]
    assert [a for a in amounts if not fits_scale(a, asset=product["asset"])] == []


@each_product
def test_minimum_and_cap_are_whole_steps(product):
    step = Decimal(product["step"])
    assert step > 0
    assert Decimal(product["minimum"]) >= step
    assert Decimal(product["minimum"]) % step == 0
    assert Decimal(product["customer_cap"] or 0) % step == 0


@each_product
def test_every_shard_of_a_quota_is_whole_and_holds_one_customer(product):
    if product["quota"] is None:
        assert product["quota_shards"] == 1
        return
    share = Decimal(product["quota"]) / product["quota_shards"]
    assert share % Decimal(product["step"]) == 0
    assert share >= Decimal(product["customer_cap"] or product["minimum"])


@each_product
def test_rates_are_fractions_of_at_most_ten_decimals(product):
    rates = [row["rate"] for chart in product["charts"] for row in chart["rows"]]
    rates.append(product["early_redemption"]["rate"] or "0")
    assert all(decimals(rate) <= 10 and 0 <= Decimal(rate) < 1 for rate in rates)


@each_product
def test_terms_belong_to_fixed_products_alone(product):
    terms = {row["term_days"] for chart in product["charts"] for row in chart["rows"]}
    assert (None in terms) == (product["kind"] == "FLEXIBLE")
    assert len(terms) == 1 or None not in terms


@each_product
def test_bands_of_a_term_start_at_zero_and_rise(product):
    for chart in product["charts"]:
        for bands in tiers(chart).values():
            starts = [start for start, _ in bands]
            assert starts[0] == 0
            assert starts == sorted(set(starts))


@each_product
def test_interest_is_paid_at_maturity_by_fixed_products_alone(product):
    unfit = {"FLEXIBLE": "AT_MATURITY", "FIXED": "ON_REDEMPTION"}
    assert product["payout"] != unfit[product["kind"]]


@each_product
def test_a_chart_is_in_force_from_the_first_day(product):
    assert product["charts"][0]["effective_after_days"] <= 0


@each_product
def test_charts_follow_each_other_and_are_announced_first(product):
    for chart in product["charts"]:
        assert chart["announced_after_days"] <= chart["effective_after_days"]
    for before, after in versions(product):
        assert before["effective_after_days"] < after["effective_after_days"] < 90
        assert before["announced_after_days"] < after["announced_after_days"]


@each_product
def test_a_cut_waits_for_its_notice(product):
    for before, after in versions(product):
        waits = after["effective_after_days"] - after["announced_after_days"]
        assert waits >= product["notice_days"] or not is_cut(before, after)


def test_rates_are_cut_with_notice_and_raised_without_during_the_demo():
    cuts, rises = Counter(), Counter()
    for product in PRODUCTS.values():
        for before, after in versions(product):
            waits = after["effective_after_days"] - after["announced_after_days"]
            (cuts if is_cut(before, after) else rises)[waits > 0] += 1
    assert cuts[True] >= 1
    assert cuts[False] == 0
    assert rises[False] >= 1


@each_product
def test_money_of_a_fixed_product_has_a_flexible_one_to_go_to(product):
    target = PRODUCTS[f"{product['asset']}-FLEX"]
    assert (target["asset"], target["kind"]) == (product["asset"], "FLEXIBLE")


# People


def test_there_are_500_customers_for_90_days():
    assert (PEOPLE["count"], PEOPLE["days"]) == (500, 90)


def test_the_worker_misses_three_days_in_a_row():
    first, *others = PEOPLE["worker_misses_days"]
    assert others == [first + 1, first + 2]


def test_people_join_within_the_days_played():
    for span in PEOPLE["joining"]:
        assert 0 <= span["first_day"] <= span["last_day"] < PEOPLE["days"]


def test_people_speak_languages_that_the_products_are_named_in():
    spoken = {code for c in PEOPLE["countries"] for code in c["languages"]}
    assert spoken == LANGUAGES


def test_some_customers_live_nowhere_that_we_know():
    assert "" in {country["country"] for country in PEOPLE["countries"]}


def test_every_country_that_a_product_names_has_people():
    named = {
        code
        for p in PRODUCTS.values()
        for code in p["countries_allowed"] + p["countries_denied"]
    }
    assert named <= {country["country"] for country in PEOPLE["countries"]}


@each_archetype
def test_an_archetype_buys_assets_that_have_products_and_sizes(archetype):
    for asset in archetype["assets"]:
        assert asset in PEOPLE["deposits"]
        sold = {p["kind"] for p in PRODUCTS.values() if p["asset"] == asset}
        assert sold & set(archetype["kinds"]), asset


@each_archetype
def test_an_archetype_names_every_action_and_leaves_time_for_none(archetype):
    first = PEOPLE["archetypes"][0]["daily_per_thousand"]
    assert list(archetype["daily_per_thousand"]) == list(first)
    assert 0 < sum(archetype["daily_per_thousand"].values()) < 1000


@each_archetype
def test_an_archetype_chooses_among_the_four_instructions(archetype):
    instructions = {"PAY_OUT", "RENEW_PRINCIPAL", "RENEW_ALL", "TO_FLEXIBLE"}
    assert set(archetype["at_maturity"]) <= instructions


@pytest.mark.parametrize("asset", PEOPLE["deposits"])
def test_deposits_are_within_the_scale_of_their_asset(asset):
    sizes = PEOPLE["deposits"][asset]
    assert all(fits_scale(amount, asset=asset) for amount in sizes.values())
    least, typical, most = (Decimal(sizes[k]) for k in ("least", "typical", "most"))
    assert 0 < least < typical < most
    assert all(amount % Decimal(sizes["step"]) == 0 for amount in (least, typical, most))


@pytest.mark.parametrize("asset", PEOPLE["deposits"])
def test_a_typical_deposit_buys_a_product(asset):
    minimums = [Decimal(p["minimum"]) for p in PRODUCTS.values() if p["asset"] == asset]
    assert Decimal(PEOPLE["deposits"][asset]["typical"]) >= min(minimums)


def test_every_asset_with_a_product_has_a_size_of_deposits():
    assert {p["asset"] for p in PRODUCTS.values()} == set(PEOPLE["deposits"])


def test_the_rush_asks_for_more_than_the_quota():
    rush = PEOPLE["rush"]
    product = PRODUCTS[rush["product"]]
    people = Counter({c["country"]: c["weight"] for c in PEOPLE["countries"]})
    shut_out = people[""] + sum(people[code] for code in product["countries_denied"])
    eligible = rush["customers"] * (people.total() - shut_out) // people.total()
    assert eligible * Decimal(rush["amount"]["least"]) > Decimal(product["quota"])


def test_the_amounts_of_the_rush_are_orders_that_the_product_takes():
    amount, product = PEOPLE["rush"]["amount"], PRODUCTS[PEOPLE["rush"]["product"]]
    assert Decimal(amount["least"]) >= Decimal(product["minimum"])
    assert Decimal(amount["most"]) <= Decimal(product["customer_cap"])
    assert Decimal(amount["step"]) % Decimal(product["step"]) == 0
    assert Decimal(amount["least"]) % Decimal(product["step"]) == 0


def test_the_rush_returns_on_the_day_its_product_matures():
    days = PEOPLE["rush"]["days"]
    assert {later - day for day, later in pairwise(days)} == {8}
    assert days[-1] < PEOPLE["days"]


def test_every_asset_of_a_product_has_a_price_but_the_reporting_currency() -> None:
    prices = read("prices.json")
    assert set(prices) == {x["asset"] for x in PRODUCTS.values()} - {"USD"}
    assert all(Decimal(x["start"]) > 0 and 0 < x["swing"] < 1000 for x in prices.values())
