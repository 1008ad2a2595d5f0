from decimal import Decimal
from typing import Any

import pytest

from earn import funds
from earn.models import Customer, Order
from earn.refusals import (
    BelowMinimum,
    Frozen,
    InsufficientFunds,
    KeyReused,
    TooManyDecimals,
)
from ledger.models import Asset, Posting
from tests.earn.people import broken, key, money, on, refused, wallet

pytestmark = pytest.mark.django_db


def move(name: str, who: Customer, amount: Any, **more: Any) -> Order:
    act = {"deposit": funds.deposit, "withdraw": funds.withdraw}[name]
    choices = {"asset": money(), "key": key(), "at": on(0)} | more
    return act(customer=who, amount=Decimal(amount), **choices)


def test_a_deposit_and_a_withdrawal_move_custody_and_wallet(alice: Customer) -> None:
    move("deposit", alice, "100.10")
    order = move("withdraw", alice, "40.05")
    assert wallet(alice) == Decimal("60.05")
    assert order.amount == Decimal("40.05")
    legs = Posting.objects.order_by("entry_id").values_list("debit__code", "credit__code")
    mine = f"customer:{alice.uuid}:wallet"
    assert list(legs) == [("treasury:custody", mine), (mine, "treasury:custody")]
    assert broken() == []


def test_more_than_the_wallet_holds_is_not_withdrawn(
    alice: Customer, bob: Customer
) -> None:
    move("deposit", alice, 100)
    move("deposit", bob, 100)
    move("deposit", alice, 100, asset=money("EUR"))
    refusal = refused(lambda: move("withdraw", alice, "100.01"))
    assert isinstance(refusal, InsufficientFunds)
    assert refusal.code == "INSUFFICIENT_FUNDS"
    assert refusal.message == "The wallet holds less USD than that."
    move("withdraw", alice, 100)
    assert (wallet(alice), wallet(bob)) == (0, 100)


@pytest.mark.parametrize("name", ["deposit", "withdraw"])
@pytest.mark.parametrize(
    ("amount", "kind"),
    [
        ("0", BelowMinimum),
        ("-1", BelowMinimum),
        ("0.001", TooManyDecimals),
        ("NaN", TooManyDecimals),
    ],
)
def test_amounts_are_above_nothing_and_whole_units(
    alice: Customer, name: str, amount: str, kind: type
) -> None:
    assert type(refused(lambda: move(name, alice, amount))) is kind


def test_a_float_is_no_amount(alice: Customer, usd: Asset) -> None:
    with pytest.raises(TypeError):
        funds.deposit(customer=alice, asset=usd, amount=1.5, key=key(), at=on(0))


def test_frozen_in_takes_no_deposit_and_frozen_out_pays_no_withdrawal(
    alice: Customer,
) -> None:
    move("deposit", alice, 100)
    alice.frozen_in = True
    assert isinstance(refused(lambda: move("deposit", alice, 1)), Frozen)
    move("withdraw", alice, 1)
    alice.frozen_in, alice.frozen_out = False, True
    assert isinstance(refused(lambda: move("withdraw", alice, 1)), Frozen)
    move("deposit", alice, 1)
    assert wallet(alice) == 100


def test_a_deposit_sent_twice_is_made_once(alice: Customer) -> None:
    first = move("deposit", alice, 100, key="wire-1")
    again = move("deposit", alice, "100.00", key="wire-1", at=on(3))
    assert again.pk == first.pk
    assert wallet(alice) == 100
    for other in (
        lambda: move("deposit", alice, 101, key="wire-1"),
        lambda: move("withdraw", alice, 100, key="wire-1"),
        lambda: move("deposit", alice, 100, key="wire-1", asset=money("EUR")),
    ):
        assert isinstance(refused(other), KeyReused)
