"""Searches and filters of tables that grow: by whole keys, each of which has an index."""

import re
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext

from earn.models import Customer, Order, Position, User
from tests.admin.staff import member
from tests.earn.people import customer, flexible, fund, on, subscribe
from tests.portal.pages import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def vera() -> Client:
    return signed_in(member("vera", "viewer"))


@pytest.fixture
def alice() -> Customer:
    return customer("Alice")


@pytest.fixture
def saved(alice: Customer) -> list[Position]:
    """Alice's and Bob's, in two products; Bob's reference is the id of Alice's."""
    bob = customer("Bob")
    found = [
        subscribe(who, flexible(code), 10, on(0))
        for who, code in ((alice, "easy"), (bob, "other"))
    ]
    Customer.objects.filter(pk=bob.pk).update(reference=str(found[0].pk))
    return found


def listed(client: Client, table: str, text: str) -> list[int]:
    answer: Any = client.get(f"/admin/earn/{table}/", {"q": text})
    assert answer.status_code == 200
    return [row.pk for row in answer.context["cl"].result_list]


def test_positions_are_found_by_id_and_by_customer(
    vera: Client, saved: list[Position], alice: Customer
) -> None:
    hers, his = (x.pk for x in saved)
    for text in ("Alice", str(alice.uuid), f" {alice.uuid.hex} "):
        assert listed(vera, "position", text) == [hers], text
    assert listed(vera, "position", str(his)) == [his]
    assert listed(vera, "position", str(hers)) == [his, hers]  # an id, and Bob's reference


def test_orders_are_found_by_product_too(vera: Client, saved: list[Position]) -> None:
    orders = Order.objects.filter(product__isnull=False).order_by("pk")
    hers, his = orders.values_list("pk", flat=True)
    assert listed(vera, "order", "easy") == [hers]
    assert his in listed(vera, "order", str(saved[0].pk))


@pytest.mark.usefixtures("saved")
@pytest.mark.parametrize("text", ["Ali", "nobody", "9" * 30, "٣", "a\x00b", "0x1", "%"])
@pytest.mark.parametrize("table", ["position", "order"])
def test_what_is_no_key_finds_nothing(vera: Client, table: str, text: str) -> None:
    found = listed(vera, table, text)
    assert found == [] or "\x00" in text


@pytest.mark.usefixtures("saved")
@pytest.mark.parametrize("table", ["position", "order"])
def test_no_search_asks_across_tables(vera: Client, table: str) -> None:
    """An OR over joined tables reads all rows."""
    with CaptureQueriesContext(connection) as asked:
        listed(vera, table, "Alice")
    wheres = [
        x["sql"].split(" WHERE ", 1)[1]
        for x in asked
        if f'FROM "earn_{table}"' in x["sql"] and " WHERE " in x["sql"]
    ]
    assert wheres
    for where in wheres:
        assert set(re.findall(r'"(earn_\w+)"', where)) == {f"earn_{table}"}, where


def test_staff_find_an_account_by_its_whole_address(vera: Client) -> None:
    User.objects.create_user("Dora@example.com", "a long password")
    (dora,) = listed(vera, "user", "dora@EXAMPLE.com")
    assert User.objects.get(pk=dora).email == "Dora@example.com"
    assert listed(vera, "user", "dora") == []


@pytest.mark.parametrize(
    ("rows", "index"),
    [
        (Order.objects.filter(state="REFUSED"), "order_not_done"),
        (Customer.objects.filter(frozen_in=True), "customer_frozen_in"),
        (Customer.objects.filter(frozen_out=True), "customer_frozen_out"),
    ],
)
def test_an_index_serves_each_filter(
    rows: QuerySet[Any], index: str, alice: Customer
) -> None:
    fund(alice, 1, at=on(0))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("set local enable_seqscan = off")
        assert index in rows.explain()


@pytest.mark.parametrize("table", ["order", "position", "user", "customer"])
def test_only_filters_that_an_index_serves_are_offered(vera: Client, table: str) -> None:
    """Another one would read the whole table."""
    served = {
        "order": ["state"],
        "position": [],
        "user": ["is_staff"],
        "customer": ["frozen_in", "frozen_out"],
    }
    answer: Any = vera.get(f"/admin/earn/{table}/")
    offered = [x.field_path for x in answer.context["cl"].filter_specs]
    assert offered == served[table]
