"""Connections that are lost at the commit of an order, before it arrives or after."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from select import select
from threading import Thread
from unittest.mock import patch

import pytest
from django.db import OperationalError, connection

from earn import funds
from earn.models import Order
from tests.earn import people
from tests.earn.people import buy, fund, on, redeem
from tests.faults.business import Business, picture
from tests.faults.locks import address, outcome, threads

pytestmark = pytest.mark.django_db(transaction=True, reset_sequences=True)

COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"


def carry(listener: socket.socket, server: socket.socket, *, delivers: bool) -> None:
    """One session, up to its COMMIT: that arrives or not, and is never answered."""
    client, _ = listener.accept()
    listener.close()  # nobody comes back this way
    with client, server:
        while True:
            for source in select([client, server], [], [], 60)[0]:
                data = source.recv(65536)
                if COMMIT in data:
                    if delivers:
                        server.sendall(data)
                        server.recv(65536)
                    return
                (server if source is client else client).sendall(data)


@contextmanager
def breaking_wire(*, delivers: bool) -> Iterator[None]:
    """Connections that are opened in this block lead over such a wire."""
    known = address()
    server = socket.create_connection((known["host"], int(known["port"])))
    listener = socket.create_server(("127.0.0.1", 0))
    end = {"HOST": "127.0.0.1", "PORT": str(listener.getsockname()[1])}
    wire = Thread(target=carry, args=(listener, server), kwargs={"delivers": delivers})
    wire.start()
    with patch.dict(connection.settings_dict, end):
        yield
    wire.join()


def subscribing(business: Business) -> Callable[[], Order]:
    product, key = business.products["daily"], people.key()
    at = on(business.last + 1)
    return lambda: buy(business.people["Alice"], product, "70.07", at, key=key)


def redeeming(business: Business) -> Callable[[], Order]:
    position, key = business.positions["Alice saver"], people.key()
    return lambda: redeem(position, on(business.last + 1), key=key)


def withdrawing(business: Business) -> Callable[[], Order]:
    key = people.key()
    return lambda: funds.withdraw(
        customer=business.people["Alice"],
        asset=people.money(),
        amount=Decimal("70.07"),
        key=key,
        at=on(business.last + 1),
    )


@pytest.mark.parametrize("arrange", [subscribing, redeeming, withdrawing])
@pytest.mark.parametrize("delivers", [True, False], ids=["after", "before"])
def test_an_order_whose_answer_was_lost_is_sent_again_and_done_once(
    delivers: bool,  # noqa: FBT001
    arrange: Callable[[Business], Callable[[], Order]],
    business: Business,
) -> None:
    fund(business.people["Alice"], 100, at=on(business.last + 1))
    order = arrange(business)
    before = picture()
    expected = people.played(lambda: (order(), picture())[1])
    with breaking_wire(delivers=delivers), threads() as start:
        assert isinstance(outcome(start(order)), OperationalError)
    assert picture() == (expected if delivers else before)
    first, second = order(), order()
    assert first.pk == second.pk
    assert picture() == expected
    assert people.broken() == []
