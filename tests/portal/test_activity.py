"""The page of everything that ever happened."""

from typing import Any

import pytest
from django.urls import reverse

from earn.activity import Type
from earn.models import Customer, Order, Position
from earn.portal.activity import PAGE
from earn.portal.wording import EVENT
from tests.earn.people import (
    buy,
    close_to,
    customer,
    fixed,
    flexible,
    fund,
    money,
    on,
    redeem,
    refused,
    subscribe,
)
from tests.portal.test_home import signed_in

pytestmark = pytest.mark.django_db


def page(who: Customer, **asked: Any) -> str:
    answer = signed_in(who).get(reverse("portal:activity"), asked)
    assert answer.status_code == 200
    return answer.content.decode().split("</form>")[1]


def test_every_type_has_its_words() -> None:
    assert set(EVENT) == set(Type)


def test_everything_is_listed_with_its_sign_and_its_place_in_the_books(
    alice: Customer,
) -> None:
    position = subscribe(alice, flexible(names={"en": "Easy"}, minimum=10), 50, on(0))
    refused(lambda: buy(alice, position.product, 5, on(1)))
    close_to(1)
    shown = page(alice)
    words = ["Order refused", "Subscription", "Subscription", "−50.00 USD", "Deposit",
             "+50.00 USD"]  # fmt: skip
    places = [-1]
    for word in words:
        places.append(shown.index(word, places[-1] + 1))
    assert f"position {position.pk}" in shown
    entry = Order.objects.get(kind="DEPOSIT").entry_id
    assert f"entry {entry}" in shown
    assert "Easy" in shown


def test_an_amount_that_was_refused_for_its_decimals_is_shown_with_them(
    alice: Customer,
) -> None:
    fund(alice, 5, at=on(0))
    refused(lambda: fund(alice, "1234.5678", at=on(0)))
    assert "1,234.5678 USD" in page(alice)


def test_a_renewal_shows_what_went_on_without_a_sign(alice: Customer) -> None:
    subscribe(alice, fixed(), 1000, on(0), term_days=10, at_maturity="RENEW_ALL")
    close_to(10)
    shown = page(alice, type="RENEWAL")
    assert "1,000.00 USD" in shown
    assert "+1,000.00 USD" not in shown
    assert "−1,000.00 USD" not in shown


def test_filters_choose_and_are_kept_by_the_next_page(alice: Customer) -> None:
    for number in range(PAGE + 1):
        fund(alice, 100 + number, at=on(0))
    fund(alice, 7, at=on(1), asset=money("EUR"))
    shown = page(alice, type="DEPOSIT", asset="USD")
    assert "7.00 EUR" not in shown
    assert 'href="?type=DEPOSIT&amp;asset=USD&amp;before=' in shown
    found = page(alice, asset="EUR")
    assert found.count("<li>") == 1
    assert page(alice, **{"from": on(1).date(), "to": on(1).date()}).count("<li>") == 1
    assert "Nothing like this has happened." in page(alice, type="CLAWBACK")


def test_product_and_position_are_filters_too(alice: Customer) -> None:
    one = subscribe(alice, flexible("one"), 10, on(0))
    subscribe(alice, flexible("two"), 20, on(0))
    assert page(alice, product="one").count("<li>") == 1
    assert page(alice, position=one.pk).count("<li>") == 1


def test_pages_go_back_without_losing_or_repeating_an_event(
    alice: Customer, django_assert_max_num_queries: Any
) -> None:
    for number in range(2 * PAGE + 1):
        fund(alice, 1 + number, at=on(0))
    client, seen = signed_in(alice), []
    query = "?"
    while query:
        with django_assert_max_num_queries(7):
            answer = client.get(f"{reverse('portal:activity')}{query}")
        days = answer.context["days"]
        seen += [row.event.number for _moment, rows in days for row in rows]
        query = answer.context["earlier"] and f"?{answer.context['earlier']}"
    entries = Order.objects.order_by("-entry_id").values_list("entry_id", flat=True)
    assert seen == list(entries)


@pytest.mark.parametrize(
    "asked",
    [
        {"type": "DEPOSITS"},
        {"asset": "NONE"},
        {"product": "none"},
        {"position": "-1"},
        {"position": "9" * 30},
        {"from": "yesterday"},
        {"to": "2026-02-30"},
        {"before": "-1"},
        {"before": "1.1.1." + "9" * 30},
    ],
)
def test_what_is_no_filter_is_not_there(alice: Customer, asked: dict[str, str]) -> None:
    client = signed_in(alice)
    assert client.get(reverse("portal:activity"), asked).status_code == 404


def test_nobody_sees_what_happened_to_another(alice: Customer, bob: Customer) -> None:
    slow = flexible("slow", settlement_delay_days=5)
    redeem(subscribe(alice, slow, 100, on(0)), on(0), 50)
    fund(bob, 77, at=on(0))
    position = Position.objects.get(customer=alice)
    assert "77.00" not in page(alice)
    assert page(bob).count("<li>") == 1
    assert "Nothing like this has happened." in page(bob, position=position.pk)
    assert "Nothing like this has happened." in page(bob, product="slow")
    assert "Nothing has happened yet." in page(customer("Charlie"))
