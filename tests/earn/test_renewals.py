"""The maturity instruction: who may change it, and until when."""

from decimal import Decimal
from typing import Any

import pytest

from earn import renewals
from earn.models import Customer, Order, Position
from earn.refusals import Frozen, InLock, NotRedeemable, TermsChanged
from tests.earn.people import (
    close_to,
    day,
    fixed,
    flexible,
    key,
    now,
    on,
    redeem,
    refused,
    subscribe,
)

pytestmark = pytest.mark.django_db


def instruct(position: Position, number: int, hour: int = 10, **choices: Any) -> Order:
    choices = {
        "customer": position.customer,
        "at_maturity": "RENEW_ALL",
        "key": key(),
    } | choices
    return renewals.instruct(position_id=position.pk, at=on(number, hour), **choices)


def test_nothing_renews_unasked(alice: Customer) -> None:
    assert subscribe(alice, fixed(), 100, on(0), term_days=10).at_maturity == "PAY_OUT"


@pytest.mark.parametrize("wish", ["PAY_OUT", "RENEW_PRINCIPAL", "RENEW_ALL", "TO_FLEXIBLE"])
@pytest.mark.parametrize("rate", [None, Decimal(0), Decimal("0.0400000001")])
def test_a_customer_chooses_and_chooses_again(
    alice: Customer, wish: str, rate: Decimal | None
) -> None:
    position = subscribe(alice, fixed(), 100, on(0), term_days=10, at_maturity="RENEW_ALL")
    choices = {"at_maturity": wish, "minimum_renewal_rate": rate}
    shown = renewals.preview(position=position, at=on(1), **choices)
    order = instruct(position, 1, confirmed=shown, **choices)
    assert order.preview == shown
    assert (order.kind, order.state, order.position_id) == ("INSTRUCT", "DONE", position.pk)
    assert order.entry_id is None
    assert now(position).at_maturity == wish
    assert now(position).minimum_renewal_rate == rate


@pytest.mark.parametrize(
    ("wish", "next_matures_on"), [("RENEW_ALL", str(day(21))), ("PAY_OUT", None)]
)
def test_an_instruction_is_shown_with_its_dates(
    alice: Customer, wish: str, next_matures_on: str | None
) -> None:
    position = subscribe(alice, fixed(renewal_cutoff_hours=36), 100, on(0), term_days=10)
    rate = Decimal("0.05")
    assert renewals.preview(
        position=position, at_maturity=wish, minimum_renewal_rate=rate, at=on(1)
    ) == {
        "position": position.pk,
        "at_maturity": wish,
        "minimum_renewal_rate": "0.05",
        "matures_on": str(day(11)),
        "changeable_until": "2026-01-14T12:00:00+00:00",
        "next_matures_on": next_matures_on,
    }


def test_what_was_not_shown_is_not_instructed(alice: Customer) -> None:
    position = subscribe(alice, fixed(), 100, on(0), term_days=10)
    shown = renewals.preview(position=position, at_maturity="RENEW_PRINCIPAL", at=on(1))
    refusal = refused(lambda: instruct(position, 1, confirmed=shown))
    assert isinstance(refusal, TermsChanged)
    assert now(position).at_maturity == "PAY_OUT"


def test_a_frozen_account_is_not_told_to_pay_or_to_renew(alice: Customer) -> None:
    position = subscribe(alice, fixed(), 100, on(0), term_days=10)
    alice.frozen_out = True
    alice.save()
    assert isinstance(refused(lambda: instruct(position, 1, at_maturity="PAY_OUT")), Frozen)
    assert instruct(position, 1, at_maturity="RENEW_ALL").state == "DONE"


def test_a_wish_that_is_none_is_an_error_of_the_caller(alice: Customer) -> None:
    position = subscribe(alice, fixed(), 100, on(0), term_days=10)
    with pytest.raises(ValueError, match="SPEND"):
        instruct(position, 1, at_maturity="SPEND")


def test_the_instruction_may_be_changed_until_the_cut_off(alice: Customer) -> None:
    position = subscribe(alice, fixed(renewal_cutoff_hours=36), 100, on(0), term_days=10)
    instruct(position, 9, 11)  # matures on day 11 at 00:00
    refusal = refused(lambda: instruct(position, 9, 12, at_maturity="PAY_OUT"))
    assert isinstance(refusal, InLock)
    assert refusal.code == "IN_LOCK"
    assert refusal.message == "The instruction could be changed until 2026-01-14 12:00 UTC."
    assert refusal.figures == {"until": "2026-01-14T12:00:00+00:00"}
    assert now(position).at_maturity == "RENEW_ALL"


def test_without_a_cut_off_it_may_be_changed_until_maturity(alice: Customer) -> None:
    position = subscribe(alice, fixed(), 100, on(0), term_days=10)
    instruct(position, 10, 23)
    assert isinstance(refused(lambda: instruct(position, 11, 0)), InLock)


def test_only_an_open_fixed_position_has_an_instruction(alice: Customer) -> None:
    easy = subscribe(alice, flexible(), 100, on(0))
    ended = subscribe(alice, fixed(early_rule="FORFEIT_ALL"), 100, on(0), term_days=10)
    redeem(ended, on(1))
    matured = subscribe(alice, fixed("short", [(1, 0, "0.1")]), 100, on(0), term_days=1)
    close_to(1)
    for position in (easy, ended, matured):
        refusal = refused(lambda: instruct(position, 2))  # noqa: B023
        assert isinstance(refusal, NotRedeemable)
        assert refusal.message == "Only an open fixed position has an instruction."
