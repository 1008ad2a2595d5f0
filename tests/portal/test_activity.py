"""The list of everything a customer ordered."""

import pytest
from django.urls import reverse

from earn.models import Customer, Order
from earn.portal.activity import PAGE
from tests.earn.people import buy, flexible, fund, on, refused, subscribe
from tests.portal.test_home import signed_in

pytestmark = pytest.mark.django_db


def test_every_order_is_listed_with_its_outcome_the_refused_ones_too(
    alice: Customer,
) -> None:
    product = flexible(minimum=10)
    subscribe(alice, product, 50, on(0))
    refused(lambda: buy(alice, product, 5, on(1)))
    page = signed_in(alice).get(reverse("portal:activity")).content.decode()
    words = ["Subscription", "Refused", "Subscription", "50.00 USD", "Deposit", "50.00 USD"]
    places = []
    for word in words:
        places.append(page.index(word, places[-1] + 1 if places else page.index("<tbody")))
    assert places == sorted(places)


def test_a_kind_is_chosen_and_another_word_is_not_there(alice: Customer) -> None:
    subscribe(alice, flexible(), 50, on(0))
    client, address = signed_in(alice), reverse("portal:activity")
    page = client.get(address, {"kind": "DEPOSIT"}).content.decode()
    assert page.count("/orders/") == 1
    for wrong in ({"kind": "DEPOSITS"}, {"before": "-1"}, {"before": "9" * 30}):
        assert client.get(address, wrong).status_code == 404


def test_pages_go_back_without_losing_or_repeating_an_order(
    alice: Customer, django_assert_max_num_queries: object
) -> None:
    for number in range(2 * PAGE + 1):
        fund(alice, 1 + number, at=on(0))
    client, address, seen = signed_in(alice), reverse("portal:activity"), []
    before: str | None = ""
    while before is not None:
        with django_assert_max_num_queries(6):  # type: ignore[operator]
            answer = client.get(address, {"before": before} if before else {})
        seen += [order.pk for order, *_ in answer.context["orders"]]
        before = answer.context["next_before"]
    assert seen == list(Order.objects.order_by("-pk").values_list("pk", flat=True))
