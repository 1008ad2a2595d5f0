"""Files that are no scenario: a sentence that names the place, and never a traceback."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earn.scenario import BadScenario, read
from earn.simulation import play
from tests.scenarios.documents import (
    Document,
    event,
    fixed,
    flexible,
    redeem,
    subscribe,
)

Path = tuple[str | int, ...]
MISSING = object()

FIXED = fixed(
    subscribe("2026-03-01", "1000.00", 3, at_maturity="RENEW_ALL", minimum_rate="0.01"),
    redeem("2026-03-03", "ALL", position=1),
    event("instruct", "2026-03-04", at_maturity="PAY_OUT"),
    until="2026-03-06",
    charts=[
        ("2026-01-01", [(3, "0", "0.365"), (3, "500", "0.10")]),
        ("2026-03-04", [(3, "0", "0.05")]),
    ],
    day_count="30/360",
    tier_mode="SLICE",
    compounding="DAILY",
    payout="MONTHLY",
    final_rounding="HALF_UP",
    early_redemption={"rule": "FORFEIT_DAYS", "days": 1, "minimum_holding_days": 1},
    renewal_cutoff_hours=12,
)
FLEXIBLE = flexible(
    subscribe("2026-03-01", "1000.00"),
    redeem("2026-03-03", "400.00", position=1),
    event("cancel", "2026-03-04"),
    redeem("2026-03-05"),
    until="2026-03-06",
    rows=[("0", "0.365"), ("500", "0.10")],
    payout="ON_REDEMPTION",
    minimum="0.01",
    step="0.01",
    cap="5000.00",
    quota="10000.00",
    settlement_delay_days=2,
    notice_days=30,
)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ((), [], "the scenario: write an object in braces."),
        ((), None, "the scenario: write an object in braces."),
        (("asset",), MISSING, "asset: write an object in braces."),
        (("asset",), "USD", "asset: write an object in braces."),
        (("asset", "code"), "", "asset.code: write a code"),
        (("asset", "scale"), "2", "asset.scale: write a whole number from 0 to 18."),
        (("asset", "scale"), 19, "asset.scale: write a whole number from 0 to 18."),
        (("asset", "scale"), True, "asset.scale: write a whole number from 0 to 18."),
        (("asset", "decimals"), 2, "asset: decimals is not known; it may have code,"),
        (("product",), MISSING, "product: write an object in braces."),
        (("product", "kind"), MISSING, "product.kind: write one of FLEXIBLE, FIXED."),
        (("product", "kind"), "fixed", "product.kind: write one of FLEXIBLE, FIXED."),
        (("product", "kind"), ["FIXED"], "product.kind: write one of FLEXIBLE, FIXED."),
        (("product", "day_count"), "ACT/364", "product.day_count: write one of ACT/365F,"),
        (("product", "tier_mode"), {}, "product.tier_mode: write one of SLICE, WHOLE."),
        (("product", "compounding"), 1, "product.compounding: write one of DAILY, NONE."),
        (("product", "payout"), "WEEKLY", "product.payout: write one of ON_REDEMPTION,"),
        (("product", "final_rounding"), "UP", "product.final_rounding: write one of FLOOR"),
        (("product", "minimum"), 100, "product.minimum: Write the amount as text"),
        (("product", "minimum"), "-1", "product.minimum: Write the amount with digits"),
        (("product", "step"), "0.001", "product.step: The amount has 3 decimals"),
        (("product", "cap"), "1e3", "product.cap: Write the amount with digits"),
        (("product", "notice_days"), "1", "product.notice_days: write a whole number"),
        (("product", "colour"), "red", "product: colour is not known; it may have"),
        (("product", "early_redemption"), 5, "product.early_redemption: write an object"),
        (
            ("product", "early_redemption", "rule"),
            "KEEP",
            "product.early_redemption.rule: write one of FORBIDDEN,",
        ),
        (
            ("product", "early_redemption", "days"),
            MISSING,
            "product.early_redemption.days: write a whole number from 1",
        ),
        (
            ("product", "early_redemption", "days"),
            0,
            "product.early_redemption.days: write a whole number from 1",
        ),
        (
            ("product", "early_redemption"),
            {"rule": "REDUCED_RATE"},
            "product.early_redemption.rate: write the annual rate as a fraction",
        ),
        (("product", "charts"), [], "product.charts: write a list with one item or more."),
        (
            ("product", "settlement_delay_days"),
            32_768,
            "product.settlement_delay_days: write a whole number from 0 to 32767.",
        ),
        (("product", "charts"), {}, "product.charts: write a list with one item or more."),
        (("product", "charts", 1), None, "product.charts[2]: write an object in braces."),
        (
            ("product", "charts", 0, "effective_on"),
            "2026-02-30",
            "product.charts[1].effective_on: write a date like",
        ),
        (("product", "charts", 0, "rows"), MISSING, "product.charts[1].rows: write a list"),
        (
            ("product", "charts", 0, "rows", 1, "from"),
            "0",
            "product.charts[1].rows: two rows of one term begin at the same amount.",
        ),
        (
            ("product", "charts", 0, "rows", 0, "from"),
            0,
            "product.charts[1].rows[1].from: Write the amount as text",
        ),
        (
            ("product", "charts", 0, "rows", 1, "rate"),
            "5 %",
            "product.charts[1].rows[2].rate: write the annual rate as a fraction",
        ),
        (
            ("product", "charts", 0, "rows", 1, "rate"),
            "-0.01",
            "product.charts[1].rows[2].rate: write the annual rate as a fraction",
        ),
        (
            ("product", "charts", 0, "rows", 1, "rate"),
            "100",
            "product.charts[1].rows[2].rate: write the annual rate as a fraction",
        ),
        (
            ("product", "charts", 0, "rows", 1, "term_days"),
            MISSING,
            "product.charts[1].rows[2].term_days: write a whole number from 1",
        ),
        (
            ("product", "charts", 0, "rows", 1, "term_days"),
            0,
            "product.charts[1].rows[2].term_days: write a whole number from 1",
        ),
        (("events",), MISSING, "events: write a list."),
        (("events", 1), "redeem", "events[2]: write an object in braces."),
        (("events", 0, "do"), "buy", "events[1].do: write one of subscribe,"),
        (("events", 0, "do"), MISSING, "events[1].do: write one of subscribe,"),
        (("events", 0, "at"), "2026-03-01", "events[1].at: write a moment like"),
        (("events", 0, "at"), "2026-03-01T10:00:00", "events[1].at: write a moment like"),
        (("events", 0, "at"), "2026-03-01T24:30:00Z", "events[1].at: write a moment like"),
        (("events", 0, "at"), 1772359200, "events[1].at: write a moment like"),
        (("events", 0, "amount"), MISSING, "events[1].amount: Write the amount as text"),
        (("events", 0, "amount"), "ALL", "events[1].amount: Write the amount with digits"),
        (("events", 0, "amount"), "1,000", "events[1].amount: Write the amount with"),
        (("events", 0, "amount"), "9" * 21, "events[1].amount: The amount has more than"),
        (("events", 1, "amount"), "all", "events[2].amount: Write the amount with digits"),
        (("events", 0, "term_days"), "3", "events[1].term_days: write a whole number from"),
        (("events", 0, "at_maturity"), "RENEW", "events[1].at_maturity: write one of"),
        (("events", 0, "minimum_rate"), 0, "events[1].minimum_rate: write the annual rate"),
        (("events", 1, "position"), 0, "events[2].position: write a whole number from 1"),
        (("events", 1, "position"), "1", "events[2].position: write a whole number from 1"),
        (("events", 2, "to"), "PAY_OUT", "events[3]: to is not known; it may have"),
        (("until",), MISSING, 'until: write a date like "2026-01-31".'),
        (("until",), "2026-03-06T00:00:00Z", 'until: write a date like "2026-01-31".'),
        (("until",), 20260306, 'until: write a date like "2026-01-31".'),
    ],
)
def test_what_is_wrong_is_named_with_its_place(path: Path, value: Any, says: str) -> None:
    with pytest.raises(BadScenario) as bad:
        read(with_value(FIXED, path, value))
    assert str(bad.value).startswith(says)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("product", "payout"), "AT_MATURITY", "product.payout: a flexible product has no"),
        (
            ("product", "charts", 0, "rows", 0, "term_days"),
            30,
            "product.charts[1].rows[1].term_days: a flexible product has no term",
        ),
    ],
)
def test_a_flexible_product_has_no_term(path: Path, value: Any, says: str) -> None:
    with pytest.raises(BadScenario) as bad:
        read(with_value(FLEXIBLE, path, value))
    assert str(bad.value).startswith(says)


@pytest.mark.django_db
@pytest.mark.parametrize("document", [FIXED, FLEXIBLE])
def test_the_files_that_these_tests_spoil_are_good(document: Document) -> None:
    assert play(read(document))["books"] == "balanced"


MOST = "99999999999999999999.99"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "later",
    [
        subscribe("2026-03-02", MOST),
        redeem("2026-03-04"),  # with its interest it has 21 digits
    ],
)
def test_money_that_outgrows_the_books_is_a_sentence(later: Document) -> None:
    first = subscribe("2026-03-01", MOST)
    document = flexible(first, later, until="2026-03-06", rows=[("0", "0.05")])
    with pytest.raises(BadScenario, match="^events: the money outgrows the 20 digits"):
        play(read(document))


JUNK: list[Any] = [
    *(MISSING, None, True, 0, -1, 1, 18, 10**30, 1.5, [], {}, [None], {"a": 1}),
    *("", " ", "0", "-0", "00", "0.0", "1.", ".5", "1e5", "NaN", "Infinity", "ALL", "all"),
    *("0.000000000000000001", "99999999999999999999", "99.9999999999", "\x00", "\ud800"),
    *("2026-03-02", "2026-02-30", "0000-00-00", "20260302", "2026-W10-1"),
    *("2026-03-02T00:00:00Z", "2026-03-02T10:00:00", "2026-03-02T10:00:00+23:59"),
    *("2026-03-03T24:00:00Z", "2026-03-02 10:00Z", "FIXED", "FLEXIBLE", "WHOLE", "NONE"),
    *(
        "ACT/ACT",
        "DAILY",
        "RENEW_PRINCIPAL",
        "TO_FLEXIBLE",
        "cancel",
        "redeem",
        "subscribe",
    ),
]


def with_value(document: Any, path: Path, value: Any) -> Any:
    """A copy with another value at a path, or without what was there."""
    if not path:
        return value
    changed = deepcopy(document)
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    if value is not MISSING:
        inner[path[-1]] = value
    else:
        del inner[path[-1]]
    return changed


def places(item: Any, path: Path = ()) -> Iterator[Path]:
    yield path
    named = item.items() if isinstance(item, dict) else ()
    numbered = enumerate(item) if isinstance(item, list) else ()
    for step, inner in (*named, *numbered):
        yield from places(inner, (*path, step))


@st.composite
def spoiled(draw: st.DrawFn) -> Any:
    document: Any = draw(st.sampled_from([FIXED, FLEXIBLE]))
    for _ in range(draw(st.sampled_from([1, 1, 2]))):
        path = draw(st.sampled_from(list(places(document))[1:] or [("asset",)]))
        document = with_value(document, path, draw(st.sampled_from(JUNK)))
    return document


@pytest.mark.django_db
@settings(max_examples=600, deadline=None, derandomize=True)
@given(spoiled())
def test_whatever_a_file_holds_it_is_played_or_answered_with_a_sentence(
    document: Any,
) -> None:
    try:
        outcome = play(read(document))
    except BadScenario:
        return
    assert outcome["books"] == "balanced"
    numbers = [x for x in leaves(json.loads(json.dumps(outcome))) if isinstance(x, float)]
    assert numbers == []


def leaves(item: Any) -> Iterator[Any]:
    for path in places(item):
        inner = item
        for step in path:
            inner = inner[step]
        if not isinstance(inner, dict | list):
            yield inner
