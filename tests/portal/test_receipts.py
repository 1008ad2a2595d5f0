"""What a receipt says of an order: in which product, how much, and where it is booked."""

import re
from collections.abc import Callable
from decimal import Decimal
from html import unescape

import pytest
from django.urls import reverse

from earn import funds, redemptions
from earn.models import Customer, Order
from earn.refusals import Refusal
from ledger import seals
from tests.earn.people import (
    buy,
    fixed,
    flexible,
    fund,
    key,
    money,
    on,
    redeem,
    subscribe,
)
from tests.portal.test_home import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def pairs(alice: Customer) -> Callable[..., dict[str, str]]:
    """What stands on Alice's receipt of her newest order, or of another one."""
    client = signed_in(alice)

    def act(order: Order | None = None) -> dict[str, str]:
        order = order or alice.order_set.latest("pk")
        page = client.get(reverse("portal:receipt", args=[order.pk])).content.decode()
        found = re.findall(r"<dt>(.*?)</dt>\s*<dd>\s*(.*?)\s*</dd>", page, re.DOTALL)
        return {label: unescape(value) for label, value in found}

    return act


def refuse(act: Callable[[], object]) -> None:
    with pytest.raises(Refusal):
        act()


def test_money_that_came_or_went_is_named_with_its_asset(
    alice: Customer, pairs: Callable[..., dict[str, str]]
) -> None:
    fund(alice, "120.50", at=on(0))
    assert pairs()["Amount"] == "120.50 USD"
    wei = money("ETH", 18)
    fund(alice, "2", at=on(0), asset=wei)
    funds.withdraw(customer=alice, asset=wei, amount=Decimal("0.5"), key=key(), at=on(0))
    assert pairs()["Amount"] == "0.500000000000000000 ETH"
    assert "Product" not in pairs()


def test_each_order_of_a_product_names_it_and_leads_there(
    alice: Customer, pairs: Callable[..., dict[str, str]]
) -> None:
    slow = flexible("slow", names={"en": "Slow & steady"}, settlement_delay_days=5)
    position = subscribe(alice, slow, 300, on(0))
    link = '<a href="/explore/slow/">Slow & steady</a>'
    assert (pairs()["Product"], pairs()["Amount"]) == (link, "300.00 USD")
    leaving = redeem(position, on(1), 100)
    assert (pairs()["Product"], pairs()["Amount"]) == (link, "100.00 USD")
    redemptions.cancel(customer=alice, order_id=leaving.pk, key=key(), at=on(1))
    assert (pairs()["Product"], pairs()["Amount"]) == (link, "100.00 USD")


def test_an_entry_leads_to_its_page_once_it_is_sealed(
    alice: Customer, pairs: Callable[..., dict[str, str]]
) -> None:
    fund(alice, 5, at=on(0))
    entry = alice.order_set.latest("pk").entry_id
    assert pairs()["Entry in the books"] == f"{entry}"
    seals.seal()
    address = reverse("portal:entry", args=[entry])
    assert pairs()["Entry in the books"] == f'<a href="{address}">{entry}</a>'


def test_a_refused_order_says_what_was_asked(
    alice: Customer, pairs: Callable[..., dict[str, str]]
) -> None:
    term = fixed("term", names={"en": "Term"})
    refuse(
        lambda: buy(alice, term, 121, on(1), term_days=10, at_maturity="RENEW_ALL",
                    minimum_renewal_rate=Decimal("0.045"))
    )  # fmt: skip
    told = pairs()
    assert told["Product"] == '<a href="/explore/term/">Term</a>'
    assert told["Amount asked for"] == "121.00 USD"
    assert told["Term"] == "10 days"
    assert told["At maturity"] == "Renew principal and interest"
    assert told["Renew only from a rate of"] == "4.5 %"
    refuse(lambda: buy(alice, flexible("easy"), 121, on(1)))
    assert "At maturity" not in pairs()


def test_a_refused_redemption_says_how_much_of_what(
    alice: Customer, bob: Customer, pairs: Callable[..., dict[str, str]]
) -> None:
    position = subscribe(alice, flexible("easy"), 60, on(0))
    refuse(lambda: redeem(position, on(1), "60.001"))  # more decimals than there are
    told = pairs()
    assert told["Amount asked for"] == "60.001 USD"
    assert told["Product"] == '<a href="/explore/easy/">easy</a>'
    locked = subscribe(alice, fixed(early_rule="FORBIDDEN"), 60, on(0), term_days=10)
    refuse(lambda: redeem(locked, on(1)))
    assert pairs()["Amount asked for"] == "Everything"
    hers = subscribe(bob, flexible("of-bob"), 60, on(0))
    refuse(lambda: redeem(hers, on(1), 5, customer=alice))
    assert "Product" not in pairs()  # of what is not hers she learns nothing


def test_why_an_order_was_refused_stands_on_its_receipt(alice: Customer) -> None:
    product = flexible(customer_cap=100)
    fund(alice, 500, at=on(0))
    refuse(lambda: buy(alice, product, 101, on(1)))
    address = reverse("portal:receipt", args=[alice.order_set.latest("pk").pk])
    assert "you may still add 100.00 USD." in signed_in(alice).get(address).content.decode()
