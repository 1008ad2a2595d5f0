"""What all orders share: keys, remembered refusals, and many of them at the same moment."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from earn import catalogue, redemptions, renewals
from earn.models import AtMaturity, Customer, Order, Position, Product
from earn.refusals import (
    BY_CODE,
    Frozen,
    InsufficientFunds,
    KeyReused,
    NotRedeemable,
    OverCustomerCap,
    Refusal,
    SoldOut,
    TermsChanged,
)
from ledger.posting import TryAgain
from tests.earn.people import (
    at_once,
    broken,
    buy,
    chart,
    close_to,
    customer,
    day,
    fixed,
    flexible,
    footprint,
    fund,
    key,
    now,
    on,
    redeem,
    refused,
    subscribe,
    used,
    wallet,
)

pytestmark = pytest.mark.django_db
racing = pytest.mark.django_db(transaction=True)


def test_every_refusal_of_the_design_has_its_code() -> None:
    assert set(BY_CODE) == {
        "NOT_OPEN", "NOT_ELIGIBLE", "BELOW_MINIMUM", "NOT_A_STEP", "TOO_MANY_DECIMALS",
        "OVER_CUSTOMER_CAP", "SOLD_OUT", "INSUFFICIENT_FUNDS", "NOT_REDEEMABLE", "IN_LOCK",
        "TERMS_CHANGED", "KEY_REUSED", "FROZEN",
    }  # fmt: skip


# The same key again


def _subscribe(who: Customer, name: str, at: Any = None) -> Order:
    product = Product.objects.get(code="flexible")
    return buy(who, product, 50, at or on(1), key=name)


def _redeem(who: Customer, name: str, at: Any = None) -> Order:
    position = Position.objects.get(customer=who, product__code="held")
    return redeem(position, at or on(1), 50, key=name)


def _cancel(who: Customer, name: str, at: Any = None) -> Order:
    pending = Order.objects.get(customer=who, key="to cancel")
    return redemptions.cancel(customer=who, order_id=pending.pk, key=name, at=at or on(1))


def _instruct(who: Customer, name: str, at: Any = None) -> Order:
    position = Position.objects.get(customer=who, product__code="fixed")
    return renewals.instruct(
        customer=who, position_id=position.pk, at_maturity="RENEW_ALL", key=name,
        at=at or on(1), minimum_renewal_rate=Decimal(0),
    )  # fmt: skip


ACTS: dict[str, Callable[..., Order]] = {
    "subscribe": _subscribe,
    "redeem": _redeem,
    "cancel": _cancel,
    "instruct": _instruct,
}


@pytest.fixture
def ready(alice: Customer) -> Customer:
    """Alice has what each kind of order needs."""
    flexible()
    slow = flexible("held", settlement_delay_days=5)
    position = subscribe(alice, slow, 500, on(0))
    subscribe(alice, fixed(), 100, on(0), term_days=10)
    redeem(position, on(0), 100, key="to cancel")
    fund(alice, 50, at=on(0))
    return alice


@pytest.mark.parametrize("name", ACTS)
def test_the_same_key_answers_with_the_first_order_and_moves_nothing(
    ready: Customer, name: str
) -> None:
    first = ACTS[name](ready, "once")
    before = footprint()
    again = ACTS[name](ready, "once", on(2))
    assert again.pk == first.pk
    assert again.preview == first.preview
    assert (again.state, again.amount, again.at) == (first.state, first.amount, on(1))
    assert again.position_id == first.position_id
    assert footprint() == before
    assert Order.objects.filter(key="once").count() == 1


@pytest.mark.parametrize("first", ACTS)
@pytest.mark.parametrize("second", ACTS)
def test_a_key_belongs_to_one_kind_of_order(
    ready: Customer, first: str, second: str
) -> None:
    if first != second:
        ACTS[first](ready, "once")
        refusal = refused(lambda: ACTS[second](ready, "once"))
        assert isinstance(refusal, KeyReused)
        assert refusal.code == "KEY_REUSED"
        assert Order.objects.get(key="once").kind == first.upper()


@pytest.mark.parametrize(
    "other",
    [
        {"amount": 51},
        {"term_days": 11},
        {"at_maturity": AtMaturity.RENEW_ALL},
        {"minimum_renewal_rate": Decimal("0.01")},
        {"product": "fixed-2"},
    ],
)
def test_a_key_belongs_to_one_content(alice: Customer, other: dict[str, Any]) -> None:
    tiers = [(10, 0, "0.1"), (11, 0, "0.1")]
    products = {code: fixed(code, tiers) for code in ("fixed", "fixed-2")}
    order = {"product": "fixed", "amount": 50, "term_days": 10, "key": "once", "at": on(0)}

    def send(change: dict[str, Any]) -> Order:
        wanted = order | change
        return buy(alice, products[wanted.pop("product")], **wanted)

    fund(alice, 500, at=on(0))
    send({})
    assert isinstance(refused(lambda: send(other)), KeyReused)
    assert send({"amount": "50.00"}).amount == 50  # the same amount, written otherwise


def test_keys_of_two_customers_do_not_meet(alice: Customer, bob: Customer) -> None:
    product = flexible()
    orders = []
    for who in (alice, bob):
        fund(who, 10, at=on(0))
        orders.append(buy(who, product, 10, on(0), key="mine"))
    assert orders[0].pk != orders[1].pk
    assert orders[0].position_id != orders[1].position_id


@pytest.mark.parametrize("length", [0, 129])
def test_a_key_is_1_to_128_characters_long(alice: Customer, length: int) -> None:
    with pytest.raises(Exception, match="order_key_is_1_to_128_long"):
        buy(alice, flexible(), 1, on(0), key="k" * length)


# A refusal is remembered


def test_a_refusal_is_told_again_even_when_it_would_succeed_now(alice: Customer) -> None:
    product = flexible(quota=100, minimum=10)
    first = refused(lambda: buy(alice, product, 50, on(0), key="late"))
    assert isinstance(first, InsufficientFunds)
    fund(alice, 50, at=on(0))
    again = refused(lambda: buy(alice, product, 50, on(1), key="late"))
    assert type(again) is type(first)
    assert (again.message, again.figures) == (first.message, first.figures)
    stored = Order.objects.get(key="late")
    assert stored.state == "REFUSED"
    assert stored.entry_id is None
    assert stored.refusal["code"] == "INSUFFICIENT_FUNDS"
    assert buy(alice, product, 50, on(1), key="fresh").state == "DONE"


def test_the_figures_of_a_refusal_are_remembered_with_it(
    alice: Customer, bob: Customer
) -> None:
    product = flexible(quota=100)
    position = subscribe(bob, product, 70, on(0))
    fund(alice, 50, at=on(0))
    send = lambda: buy(alice, product, 50, on(0), key="rush")  # noqa: E731
    assert refused(send).figures == {"left": "30.00"}
    redeem(position, on(0))
    again = refused(send)
    assert isinstance(again, SoldOut)
    assert again.figures == {"left": "30.00"}


def test_another_order_under_the_key_of_a_refusal_is_a_reuse(alice: Customer) -> None:
    product = flexible()
    refused(lambda: buy(alice, product, 50, on(0), key="late"))
    assert isinstance(
        refused(lambda: buy(alice, product, 49, on(0), key="late")), KeyReused
    )
    assert Order.objects.get(key="late").refusal["code"] == "INSUFFICIENT_FUNDS"


@pytest.mark.parametrize("name", ACTS)
def test_nothing_moves_for_a_frozen_account(ready: Customer, name: str) -> None:
    money_in = name != "redeem"
    ready.frozen_in, ready.frozen_out = money_in, not money_in
    ready.save()
    refusal = refused(lambda: ACTS[name](ready, "cold"))
    assert isinstance(refusal, Frozen)
    assert refusal.code == "FROZEN"
    assert "frozen" in refusal.message
    ready.frozen_in, ready.frozen_out = not money_in, money_in
    ready.save()
    assert ACTS[name](ready, "thawed").state in ("DONE", "PENDING")


@pytest.mark.usefixtures("ready")
def test_charlie_finds_nothing_of_alices(charlie: Customer) -> None:
    position = Position.objects.get(product__code="held")
    term = Position.objects.get(product__code="fixed")
    pending = Order.objects.get(key="to cancel")
    subscribe(charlie, Product.objects.get(code="held"), 1, on(0))
    acts = [
        lambda: redeem(position, on(1), customer=charlie),
        lambda: redeem(term, on(1), 100, customer=charlie),
        lambda: redemptions.cancel(
            customer=charlie, order_id=pending.pk, key=key(), at=on(1)
        ),
        lambda: renewals.instruct(
            customer=charlie, position_id=term.pk, at_maturity="RENEW_ALL", key=key(),
            at=on(1),
        ),
        lambda: redeem(Position(pk=10**9, customer=charlie), on(1)),
    ]  # fmt: skip
    sentences = {type(r): r.message for r in map(refused, acts)}
    assert set(sentences) == {NotRedeemable}
    assert refused(acts[0]).message == refused(acts[4]).message  # as if it were not there
    assert now(term).at_maturity == "PAY_OUT"


# What was shown is what happens


def test_terms_that_changed_since_they_were_shown_are_not_carried_out(
    alice: Customer,
) -> None:
    from earn.subscriptions import preview

    product = flexible()
    fund(alice, 200, at=on(0))
    shown = preview(product=product, amount=Decimal(100), at=on(0))
    assert buy(alice, product, 100, on(0, 11), confirmed=shown).preview == shown
    tomorrow = refused(lambda: buy(alice, product, 100, on(1), confirmed=shown))
    assert isinstance(tomorrow, TermsChanged)
    assert tomorrow.code == "TERMS_CHANGED"
    chart(product, day(1), (None, 0, "0.2"), at=on(0))
    assert isinstance(
        refused(lambda: buy(alice, product, 100, on(0), confirmed=shown)), TermsChanged
    )
    fresh = preview(product=product, amount=Decimal(100), at=on(0))
    assert (fresh["chart_version"], fresh["annual_rate"]) == (2, "0.2000000000")
    assert buy(alice, product, 100, on(0), confirmed=fresh).preview == fresh


def test_a_redemption_shown_before_a_close_is_not_carried_out_after_it(
    alice: Customer,
) -> None:
    position = subscribe(alice, flexible(), 1000, on(0))
    close_to(1)
    shown = redemptions.preview(position=now(position), at=on(3))
    close_to(2)
    assert isinstance(
        refused(lambda: redeem(position, on(3), confirmed=shown)), TermsChanged
    )
    shown = redemptions.preview(position=now(position), at=on(3))
    assert redeem(position, on(3), confirmed=shown).preview == shown


# An order of a day that is being closed


def test_an_order_of_a_closed_day_is_told_to_try_again_and_is_not_remembered(
    ready: Customer,
) -> None:
    close_to(1)
    before = footprint()
    for name in ("subscribe", "redeem", "cancel"):
        with pytest.raises(TryAgain, match="2026-01-06 are closed"), transaction.atomic():
            ACTS[name](ready, name, on(1, 23))
    assert footprint() == before
    assert not Order.objects.filter(key__in=ACTS).exists()
    for name in ("subscribe", "redeem", "cancel"):
        assert ACTS[name](ready, name, on(2)).state in ("DONE", "PENDING")


# Many at the same moment


def kinds(outcomes: list[Any]) -> Counter[str]:
    return Counter(x.state if isinstance(x, Order) else type(x).__name__ for x in outcomes)


@racing
@pytest.mark.parametrize("shards", [1, 3])
def test_the_last_of_a_quota_is_never_sold_twice(shards: int) -> None:
    product = flexible(quota="100", shards=shards)
    people = [customer(f"customer {n}") for n in range(16)]
    for who in people:
        fund(who, 50, at=on(0))
    amounts = [7, 11, 13, 17] * 4
    rush = [
        lambda who=who, amount=amount: buy(who, product, amount, on(0))
        for who, amount in zip(people, amounts, strict=True)
    ]
    outcomes = at_once(*rush)
    assert set(kinds(outcomes)) == {"DONE", "SoldOut"}
    sold = sum(x.amount for x in outcomes if isinstance(x, Order))
    assert used(product) == sold <= 100
    left = catalogue.quota_left(product)
    # who was refused, was refused for want of quota
    refusals = [
        amount
        for amount, x in zip(amounts, outcomes, strict=True)
        if isinstance(x, Refusal)
    ]
    assert all(amount > left for amount in refusals)
    assert broken() == []


@racing
def test_a_rush_with_people_leaving_keeps_quota_and_principal_equal() -> None:
    product = flexible(quota="60", shards=3)
    people = [customer(f"customer {n}") for n in range(8)]
    positions = [subscribe(who, product, 5, on(0)) for who in people[:4]]
    for who in people:
        fund(who, 50, at=on(0))
    acts = [lambda p=p: redeem(p, on(1)) for p in positions]
    acts += [lambda who=who: buy(who, product, 9, on(1)) for who in people[4:]]
    acts += [lambda who=who: buy(who, product, 9, on(1)) for who in people[:4]]
    outcomes = at_once(*acts)
    assert set(kinds(outcomes)) <= {"DONE", "SoldOut"}
    principal = sum(p.principal for p in Position.objects.all())
    assert used(product) == principal <= 60
    assert broken() == []


@racing
def test_sixteen_twins_of_one_order_are_one_order(alice: Customer) -> None:
    product = fixed()
    fund(alice, 1000, at=on(0))
    twin = lambda: buy(alice, product, 50, on(0), term_days=10, key="twin")  # noqa: E731
    outcomes = at_once(*[twin] * 16)
    assert len({order.pk for order in outcomes}) == 1
    assert Position.objects.count() == 1
    assert wallet(alice) == 950


@racing
def test_twins_of_a_refused_order_are_all_refused(alice: Customer) -> None:
    product = flexible()
    twin = lambda: buy(alice, product, 50, on(0), key="twin")  # noqa: E731
    assert kinds(at_once(*[twin] * 6)) == {"InsufficientFunds": 6}
    assert Order.objects.filter(key="twin").count() == 1


@racing
def test_two_orders_of_a_customer_do_not_pass_the_cap_together(alice: Customer) -> None:
    easy, term = flexible(customer_cap=100), fixed(customer_cap=100)
    fund(alice, 1000, at=on(0))
    orders = [lambda: buy(alice, term, 60, on(0), term_days=10)] * 4
    orders += [lambda: buy(alice, easy, 60, on(0))] * 4
    outcomes = at_once(*orders)
    for part in (outcomes[:4], outcomes[4:]):
        assert kinds(part) == {"DONE": 1, "OverCustomerCap": 3}
        assert all(
            x.figures == {"left": "40.00"} for x in part if isinstance(x, OverCustomerCap)
        )
    assert wallet(alice) == 880


@racing
def test_what_the_wallet_holds_is_spent_once(alice: Customer) -> None:
    easy, term = flexible(), fixed()
    fund(alice, 100, at=on(0))
    orders = [lambda: buy(alice, easy, 100, on(0))] * 3
    orders += [lambda: buy(alice, term, 100, on(0), term_days=10)] * 3
    assert kinds(at_once(*orders)) == {"DONE": 1, "InsufficientFunds": 5}
    assert wallet(alice) == 0
    assert broken() == []


@racing
def test_two_first_subscriptions_open_one_position(alice: Customer, bob: Customer) -> None:
    product = flexible()
    for who in (alice, bob):
        fund(who, 100, at=on(0))
    orders = [lambda who=who: buy(who, product, 10, on(0)) for who in (alice, bob) * 4]
    assert kinds(at_once(*orders)) == {"DONE": 8}
    held = Position.objects.values_list("customer_id", "principal")
    assert sorted(held) == sorted([(alice.pk, 40), (bob.pk, 40)])
    assert broken() == []


@racing
def test_a_balance_is_redeemed_once(alice: Customer) -> None:
    position = subscribe(alice, flexible(), 100, on(0))
    outcomes = at_once(*[lambda: redeem(position, on(1), 60)] * 4)
    assert kinds(outcomes) == {"DONE": 1, "InsufficientFunds": 3}
    assert all(
        x.figures == {"balance": "40.00"}
        for x in outcomes
        if isinstance(x, InsufficientFunds)
    )
    assert kinds(at_once(*[lambda: redeem(position, on(1))] * 4)) == {
        "DONE": 1,
        "NotRedeemable": 3,
    }
    assert wallet(alice) == 100
    assert broken() == []


@racing
def test_subscribing_and_redeeming_meet_in_some_order(alice: Customer) -> None:
    product = flexible()
    position = subscribe(alice, product, 100, on(0))
    fund(alice, 100, at=on(0))
    acts = [lambda: buy(alice, product, 10, on(1))] * 3
    acts += [lambda: redeem(position, on(1), 20)] * 3 + [lambda: redeem(position, on(1))]
    outcomes = at_once(*acts)
    assert set(kinds(outcomes)) <= {"DONE", "NotRedeemable"}
    total = wallet(alice) + sum(p.principal for p in Position.objects.all())
    assert total == 200
    assert Position.objects.filter(state="OPEN").count() <= 1
    assert broken() == []


@racing
def test_a_pending_redemption_is_cancelled_once(alice: Customer) -> None:
    position = subscribe(alice, flexible(settlement_delay_days=2), 100, on(0))
    order = redeem(position, on(1), 60)
    cancel = lambda: redemptions.cancel(  # noqa: E731
        customer=alice, order_id=order.pk, key=key(), at=on(1)
    )
    assert kinds(at_once(*[cancel] * 4)) == {"DONE": 1, "NotRedeemable": 3}
    assert now(position).principal == 100
    assert broken() == []
