"""Lists of tables that grow: page by page without a count, and no row is lost between."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from earn.admin.orders import OrderAdmin
from earn.models import Order
from tests.admin.staff import member
from tests.earn.people import customer, fund, on
from tests.portal.pages import signed_in

pytestmark = pytest.mark.django_db
LIST = "/admin/earn/order/"


@pytest.fixture
def vera() -> Client:
    return signed_in(member("vera", "viewer"))


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Seven, newest first, of which a page shows three."""
    monkeypatch.setattr(OrderAdmin, "list_per_page", 3)
    alice = customer("Alice")
    for _ in range(7):
        fund(alice, 1, at=on(0))
    return list(Order.objects.order_by("-pk").values_list("pk", flat=True))


def shown(client: Client, address: str) -> tuple[list[int], str]:
    changes = client.get(address).context["cl"]
    return [row.pk for row in changes.result_list], changes.older


def test_every_row_is_on_one_page_also_when_new_ones_come(
    vera: Client, orders: list[int]
) -> None:
    found, older = shown(vera, LIST)
    assert found == orders[:3]
    fund(customer("Bob"), 1, at=on(0))
    while older:
        page, older = shown(vera, f"{LIST}{older}")
        found += page
    assert found == orders


def test_nothing_is_counted_and_nothing_is_skipped(vera: Client, orders: list[int]) -> None:
    with CaptureQueriesContext(connection) as asked:
        shown(vera, f"{LIST}?p={orders[2]}&state__exact=DONE")
    on_orders = [x["sql"].lower() for x in asked if '"earn_order"' in x["sql"]]
    assert on_orders
    assert not [x for x in on_orders if "count(" in x or "offset" in x]


def test_a_filter_stays_from_page_to_page(vera: Client, orders: list[int]) -> None:
    Order.objects.filter(pk__in=orders[::2]).update(state="REFUSED", entry=None, refusal={})
    found, older = shown(vera, f"{LIST}?state__exact=REFUSED")
    rest, _ = shown(vera, f"{LIST}{older}")
    assert found + rest == orders[::2]


@pytest.mark.parametrize("key", ["x", "-1", "9" * 30, "%00", ""])
def test_a_key_that_is_none_shows_no_error(
    vera: Client, orders: list[int], key: str
) -> None:
    answer: Any = vera.get(f"{LIST}?p={key}")
    assert answer.status_code == 200
    assert len(answer.context["cl"].result_list) in (0, min(3, len(orders)))


def test_the_estimate_costs_nothing_and_may_be_unknown(vera: Client) -> None:
    answer: Any = vera.get(LIST)
    estimate = answer.context["cl"].estimate
    assert estimate is None or estimate > 0
