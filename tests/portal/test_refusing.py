"""Why an order is not carried out, in the words and figures of the reader."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation

from earn import catalogue, refusals
from earn.models import Customer, Order
from earn.portal import refusing
from earn.portal.refusing import sentence, sentence_of
from earn.refusals import Refusal
from ledger.models import Asset
from tests.earn.people import buy, fixed, flexible, fund, on, redeem, subscribe

USD = Asset(code="USD", scale=2)
SOURCES = sorted(Path(refusals.__file__).parent.glob("*.py"))
REASONS = sorted(
    {x for path in SOURCES for x in re.findall(r'reason="(\w+)"', path.read_text())}
)
STATES = ["PAUSED", "CLOSED"]  # of a product, which are reasons too

SAYS: list[tuple[str, dict[str, str], str]] = [
    ("NOT_OPEN", {}, "not open for subscription. Choose another product."),
    (
        "NOT_OPEN",
        {"opens_at": "2026-01-09T10:00:00+00:00"},
        "opens on 9 January 2026, 10:00 UTC",
    ),
    (
        "NOT_OPEN",
        {"ended_at": "2026-01-09T10:00:00+00:00"},
        "ended on 9 January 2026, 10:00 UTC",
    ),
    ("NOT_OPEN", {"days": "1"}, "not offered for 1 day. Choose another term."),
    ("NOT_OPEN", {"days": "31"}, "not offered for 31 days. Choose another term."),
    ("NOT_OPEN", {"due_on": "2026-01-09"}, "paid to your wallet on 9 January 2026."),
    ("NOT_ELIGIBLE", {}, "not offered in your country."),
    ("NOT_ELIGIBLE", {"reason": "COUNTRY_UNKNOWN"}, "we do not know yours yet."),
    ("NOT_ELIGIBLE", {"minimum_kyc_level": "3"}, "level 3. Please contact support"),
    (
        "NOT_ELIGIBLE",
        {"minimum_kyc_level": "3", "kyc_level": "1"},
        "level 3, and yours is 1. Please contact support",
    ),
    ("BELOW_MINIMUM", {"minimum": "1500.00"}, "The smallest amount is 1,500.00 USD."),
    ("BELOW_MINIMUM", {}, "above zero"),
    ("NOT_A_STEP", {"step": "0.50"}, "in steps of 0.50 USD."),
    ("NOT_A_STEP", {"step": "0.50", "nearest": "10.50"}, "10.50 USD would do."),
    ("TOO_MANY_DECIMALS", {"scale": "2"}, "USD has 2 decimals at most."),
    ("TOO_MANY_DECIMALS", {"scale": "1"}, "USD has 1 decimal at most."),
    ("TOO_MANY_DECIMALS", {"scale": "0"}, "Enter a whole number."),
    ("OVER_CUSTOMER_CAP", {"left": "40.00"}, "still add 40.00 USD. Enter that or less."),
    ("OVER_CUSTOMER_CAP", {"left": "0.00"}, "Choose another product."),
    ("SOLD_OUT", {"left": "39.50"}, "39.50 USD are left of this product."),
    ("SOLD_OUT", {"left": "0.00"}, "This product is sold out."),
    ("INSUFFICIENT_FUNDS", {"balance": "10.00"}, "This position holds 10.00 USD."),
    ("INSUFFICIENT_FUNDS", {"wallet": "1000.00"}, "Your wallet holds 1,000.00 USD."),
    ("INSUFFICIENT_FUNDS", {"wallet": "0.00"}, "holds no USD. Deposit some first."),
    ("INSUFFICIENT_FUNDS", {}, "Your wallet holds less than that."),
    ("NOT_REDEEMABLE", {}, "cannot be redeemed"),
    ("NOT_REDEEMABLE", {"matures_on": "2026-03-27"}, "It is paid on 27 March 2026"),
    ("IN_LOCK", {"from_day": "2026-01-09"}, "from 9 January 2026 on. Come back then."),
    ("IN_LOCK", {"until": "2026-01-09T12:00:00+00:00"}, "until 9 January 2026, 12:00 UTC"),
    ("IN_LOCK", {}, "cannot be redeemed yet"),
    ("TERMS_CHANGED", {}, "nothing was done. Look at the new ones"),
    ("KEY_REUSED", {}, "Open it again"),
    ("FROZEN", {}, "Please contact support."),
]


@pytest.mark.parametrize(("code", "figures", "says"), SAYS)
def test_a_refusal_says_what_is_wrong_and_what_to_do(
    code: str, figures: dict[str, str], says: str
) -> None:
    refusal = refusals.BY_CODE[code]("for programs", **figures)
    assert says in sentence(refusal, USD)
    assert "for programs" not in sentence(refusal, USD)


@pytest.mark.parametrize("code", refusals.BY_CODE)
def test_every_code_has_its_sentence(code: str) -> None:
    assert code in {told for told, _, _ in SAYS}
    assert code in refusing._BY_CODE


@pytest.mark.parametrize("reason", REASONS + STATES)
def test_every_reason_has_a_sentence_of_its_own(reason: str) -> None:
    assert len(REASONS) >= 8
    kinds = (refusals.NotOpen, refusals.NotRedeemable, refusals.NotEligible)
    told = [sentence(kind("", reason=reason), USD) for kind in kinds]
    assert told != [sentence(kind(""), USD) for kind in kinds]


def test_figures_are_written_as_the_language_writes_them() -> None:
    refusal = refusals.BelowMinimum("", minimum="1500.50")
    with translation.override("es"):
        assert "1.500,50 USD" in sentence(refusal, USD)


# As they are raised


def refusal_of(act: Any) -> Order:
    with pytest.raises(Refusal):
        act()
    return Order.objects.latest("pk")


def test_a_short_wallet_says_what_it_holds(alice: Customer) -> None:
    product = flexible()
    fund(alice, "120.50", at=on(0))
    order = refusal_of(lambda: buy(alice, product, 121, on(1)))
    assert order.refusal is not None
    assert order.refusal["figures"] == {"wallet": "120.50"}
    assert sentence_of(order).startswith("Your wallet holds 120.50 USD.")


def test_the_asset_is_found_for_each_kind_of_order(alice: Customer, bob: Customer) -> None:
    held = subscribe(alice, flexible("held", settlement_delay_days=5), 100, on(0))
    term = subscribe(alice, fixed(), 100, on(0), term_days=10)
    pending = redeem(held, on(1), 40)
    told = [
        refusal_of(lambda: redeem(held, on(1), "60.01")),
        refusal_of(lambda: redeem(term, on(1))),
        refusal_of(lambda: redeem(held, on(1), customer=bob)),
    ]
    assert [sentence_of(order) for order in told] == [
        "This position holds 60.00 USD. Enter that or less.",
        "This position cannot be ended early. It is paid on 16 January 2026; its page "
        "says until when you may change what happens then.",
        "This is not there. Go back to Home and choose it again.",
    ]
    assert sentence_of(pending) == ""
    for asked, asset in (({"order": pending.pk}, USD), ({"asset": "USD"}, USD)):
        order = Order(customer=alice, request=asked)
        assert str(refusing.asset_of(order)) == str(asset)
    assert refusing.asset_of(Order(customer=alice, request={"order": 0})) is None
    assert refusing.asset_of(Order(customer=bob, request={"order": pending.pk})) is None


def test_closed_doors_say_when_they_open(alice: Customer) -> None:
    soon, over = flexible("soon", sale_from=on(5)), flexible("over", sale_until=on(1))
    paused, term = flexible("paused"), fixed()
    catalogue.set_state(paused, "PAUSED")
    orders = [
        refusal_of(lambda p=p, c=c: buy(alice, p, 1, on(2), **c))
        for p, c in ((soon, {}), (over, {}), (paused, {}), (term, {"term_days": 7}))
    ]
    for order, says in zip(
        orders,
        ("opens on 10 January 2026", "ended on 6 January 2026", "is paused", "for 7 days"),
        strict=True,
    ):
        assert says in sentence_of(order)
