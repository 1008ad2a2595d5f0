from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from earn import catalogue
from earn.models import Product
from ledger.posting import constraint_of
from tests.earn.people import ANNOUNCED, chart, draft, fixed, flexible, money

pytestmark = pytest.mark.django_db
DRAFT, OPEN, PAUSED, CLOSED = Product.State
AsRole = Callable[[], AbstractContextManager[None]]


def broken_rule(act: Callable[[], Any]) -> str:
    """The name of the rule by which the database refused."""
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        act()
    return constraint_of(caught.value)


@pytest.mark.parametrize(
    ("kind", "terms", "rule"),
    [
        ("FLEXIBLE", {"payout": "AT_MATURITY"}, "payout_fits_the_kind"),
        ("FLEXIBLE", {"payout": "WEEKLY"}, "payout_fits_the_kind"),
        ("FIXED", {"payout": "ON_REDEMPTION"}, "payout_fits_the_kind"),
        ("PERPETUAL", {"payout": "DAILY"}, "payout_fits_the_kind"),
        ("FIXED", {"early_rule": "REDUCED_RATE"}, "early_redemption_has_its_figure"),
        (
            "FIXED",
            {"early_rule": "REDUCED_RATE", "early_rate": "-0.01"},
            "early_redemption_has_its_figure",
        ),
        (
            "FIXED",
            {"early_rule": "REDUCED_RATE", "early_rate": "0.01", "early_days": 3},
            "early_redemption_has_its_figure",
        ),
        ("FIXED", {"early_rule": "FORFEIT_DAYS"}, "early_redemption_has_its_figure"),
        (
            "FIXED",
            {"early_rule": "FORFEIT_DAYS", "early_days": 0},
            "early_redemption_has_its_figure",
        ),
        (
            "FIXED",
            {"early_rule": "FORFEIT_ALL", "early_days": 3},
            "early_redemption_has_its_figure",
        ),
        (
            "FIXED",
            {"early_rule": "FORBIDDEN", "early_rate": "0.01"},
            "early_redemption_has_its_figure",
        ),
        ("FIXED", {"early_rule": "ASK_NICELY"}, "early_redemption_has_its_figure"),
        ("FLEXIBLE", {"minimum": "-0.01"}, "limits_are_positive"),
        ("FLEXIBLE", {"step": "0"}, "limits_are_positive"),
        ("FLEXIBLE", {"customer_cap": "0"}, "limits_are_positive"),
        ("FLEXIBLE", {"quota": "0"}, "limits_are_positive"),
        ("FLEXIBLE", {"minimum_holding_days": -1}, "periods_are_not_negative"),
        ("FLEXIBLE", {"settlement_delay_days": -1}, "periods_are_not_negative"),
        ("FLEXIBLE", {"renewal_cutoff_hours": -1}, "periods_are_not_negative"),
        ("FLEXIBLE", {"notice_days": -1}, "periods_are_not_negative"),
        ("FLEXIBLE", {"minimum_kyc_level": -1}, "periods_are_not_negative"),
        (
            "FLEXIBLE",
            {"sale_from": ANNOUNCED, "sale_until": ANNOUNCED},
            "sale_ends_after_it_begins",
        ),
        ("FLEXIBLE", {"state": OPEN}, "product_states_follow_their_order"),
    ],
)
def test_a_field_out_of_its_bounds_is_refused_by_name(
    kind: str, terms: dict[str, Any], rule: str
) -> None:
    assert broken_rule(lambda: draft("odd", kind=kind, **terms)) == rule


@pytest.mark.parametrize(
    ("kind", "terms"),
    [
        ("FIXED", {"early_rule": "REDUCED_RATE", "early_rate": "0"}),
        ("FIXED", {"early_rule": "FORFEIT_DAYS", "early_days": 1}),
        ("FIXED", {"early_rule": "FORFEIT_ALL", "payout": "MONTHLY"}),
        ("FLEXIBLE", {"payout": "DAILY", "minimum": "0", "step": "0.01", "quota": "0.01"}),
        (
            "FLEXIBLE",
            {"sale_from": ANNOUNCED, "sale_until": datetime(2030, 1, 1, tzinfo=UTC)},
        ),
    ],
)
def test_a_field_on_its_bound_is_taken(kind: str, terms: dict[str, Any]) -> None:
    assert draft("edge", kind=kind, **terms).state == DRAFT


def test_a_code_names_one_product() -> None:
    draft("twin")
    with pytest.raises(IntegrityError, match="code"), transaction.atomic():
        draft("twin")


WAYS = {
    DRAFT: [],
    OPEN: [OPEN],
    PAUSED: [OPEN, PAUSED],
    CLOSED: [OPEN, PAUSED, CLOSED],
}


@pytest.mark.parametrize("start", WAYS)
@pytest.mark.parametrize("end", [*WAYS, "GONE"])
def test_states_follow_their_order(start: str, end: str) -> None:
    product = draft("p")
    chart(product, ANNOUNCED.date(), (None, 0, "0.1"))
    for state in WAYS[start]:
        catalogue.set_state(product, state)
    allowed = {(DRAFT, OPEN), (OPEN, PAUSED), (PAUSED, OPEN), (PAUSED, CLOSED)}
    if start == end or (start, end) in allowed:
        catalogue.set_state(product, end)
        assert Product.objects.get(pk=product.pk).state == end
    else:
        rule = broken_rule(lambda: catalogue.set_state(product, end))
        assert rule == "product_states_follow_their_order"
        assert Product.objects.get(pk=product.pk).state == start


PROTECTED = {
    "code": "other",
    "asset": lambda: money("EUR"),
    "kind": "FLEXIBLE",
    "day_count": "ACT/360",
    "tier_mode": "WHOLE",
    "compounding": "DAILY",
    "payout": "DAILY",
    "final_rounding": "HALF_UP",
    "early_rate": "0.02",
    "minimum_holding_days": 5,
    "settlement_delay_days": 5,
    "renewal_cutoff_hours": 5,
    "notice_days": 5,
}


@pytest.mark.parametrize("state", [OPEN, PAUSED, CLOSED])
@pytest.mark.parametrize("column", PROTECTED)
def test_a_term_never_changes_once_the_product_has_opened(column: str, state: str) -> None:
    product = fixed(early_rule="REDUCED_RATE", early_rate="0.01")
    for step in WAYS[state][1:]:
        catalogue.set_state(product, step)
    value = PROTECTED[column]
    setattr(product, column, value() if callable(value) else value)
    if column == "kind":
        product.payout = "DAILY"
    rule = broken_rule(product.save)
    assert rule == "product_terms_are_immutable"


@pytest.mark.parametrize(
    "terms",
    [
        {"early_rule": "FORFEIT_ALL", "early_days": None},
        {"early_rule": "FORFEIT_DAYS", "early_days": 4},
    ],
)
def test_the_early_redemption_rule_never_changes(terms: dict[str, Any]) -> None:
    product = fixed(early_rule="FORFEIT_DAYS", early_days=3)
    for column, value in terms.items():
        setattr(product, column, value)
    assert broken_rule(product.save) == "product_terms_are_immutable"


def test_a_draft_may_still_become_anything() -> None:
    product = draft("p")
    product.kind, product.payout, product.notice_days = "FIXED", "MONTHLY", 30
    product.save()
    assert Product.objects.get(pk=product.pk).notice_days == 30


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("minimum", 5),
        ("step", 5),
        ("customer_cap", 5),
        ("minimum_kyc_level", 5),
        ("countries_denied", ["FR"]),
        ("sale_until", datetime(2030, 1, 1, tzinfo=UTC)),
        ("risk_version", 2),
        ("names", {"en": "Easy"}),
    ],
)
def test_who_may_buy_and_how_much_may_change_while_it_is_open(
    column: str, value: Any
) -> None:
    product = flexible()
    setattr(product, column, value)
    product.save()
    assert getattr(Product.objects.get(pk=product.pk), column) == value


RISKS = {"risk_text": "All.", "risk_translations": {"es": "Todo."}, "risk_version": 3}


@pytest.mark.parametrize(
    "changed",
    [
        {"risk_text": "Some."},
        {"risk_translations": {"es": "Algo."}},
        {"risk_translations": {"es": "Todo.", "ja": "全部。"}},
        {"risk_translations": {}},
        {"risk_text": "Some.", "risk_version": 2},
        {"risk_version": 2},
    ],
)
def test_a_risk_text_that_was_offered_changes_with_a_higher_version(
    changed: dict[str, Any],
) -> None:
    product = flexible(**RISKS)
    writing = lambda: Product.objects.update(**changed)  # noqa: E731
    assert broken_rule(writing) == "changed_risk_texts_have_a_higher_version"
    Product.objects.update(**changed | {"risk_version": 4})
    product.refresh_from_db()
    assert product.risk_version == 4
    assert product.risk_text == changed.get("risk_text", "All.")


def test_the_risk_text_of_a_draft_needs_no_new_version() -> None:
    draft("p", **RISKS)
    Product.objects.update(risk_text="Some.", risk_version=1)
    assert Product.objects.get().risk_text == "Some."


def test_a_product_opens_with_announced_rates_only() -> None:
    product = draft("p")
    opening = lambda: catalogue.set_state(product, OPEN)  # noqa: E731
    assert broken_rule(opening) == "open_products_have_rates"
    waiting = chart(product, ANNOUNCED.date(), (None, 0, "0.1"), at=None)
    assert broken_rule(opening) == "open_products_have_rates"
    catalogue.announce(waiting, at=ANNOUNCED)
    opening()
    assert Product.objects.get(pk=product.pk).state == OPEN


def test_a_product_opens_with_its_whole_quota_only() -> None:
    product = draft("p", quota=100)
    chart(product, ANNOUNCED.date(), (None, 0, "0.1"))
    opening = lambda: catalogue.set_state(product, OPEN)  # noqa: E731
    assert broken_rule(opening) == "open_products_have_their_quota"
    catalogue.create_quota(product, shards=3)
    opening()
    product.quota += 1
    assert broken_rule(product.save) == "open_products_have_their_quota"


def test_the_applications_role_is_held_to_the_same_rules(as_app_role: AsRole) -> None:
    product = flexible()
    with as_app_role():
        product.day_count = "ACT/360"
        assert broken_rule(product.save) == "product_terms_are_immutable"
        product.refresh_from_db()
        closing = lambda: catalogue.set_state(product, CLOSED)  # noqa: E731
        assert broken_rule(closing) == "product_states_follow_their_order"
        with pytest.raises(Exception, match="permission denied"), transaction.atomic():
            connection.cursor().execute("delete from earn_product")
