"""What becomes of a fixed position at 00:00 UTC of its maturity date."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest
from django.db import transaction

from earn import catalogue, close, maturity
from earn.models import Customer, Order, Position, Product
from earn.refusals import NotRedeemable, Refusal
from ledger.models import Entry
from ledger.posting import TryAgain
from tests.earn.people import (
    ANNOUNCED,
    at_once,
    bases,
    broken,
    buy,
    chart,
    close_to,
    customer,
    day,
    earned,
    fixed,
    flexible,
    fund,
    money,
    now,
    on,
    played,
    redeem,
    refused,
    subscribe,
    used,
    wallet,
)

pytestmark = pytest.mark.django_db
racing = pytest.mark.django_db(transaction=True)
TERM = 4
DOLLAR_A_DAY = [(TERM, 0, "0.365")]


def term(**terms: Any) -> Product:
    return fixed(tiers=DOLLAR_A_DAY, **terms)


def held(who: Customer, product: Product, wish: str = "RENEW_ALL", **more: Any) -> Position:
    """1000.00 for four days: matures on day 5 with 4.00 of interest."""
    return subscribe(who, product, 1000, on(0), term_days=TERM, at_maturity=wish, **more)


def next_of(position: Position) -> Position:
    return Position.objects.get(renews=position)


def test_a_position_is_paid_out_by_the_close_of_its_last_day(alice: Customer) -> None:
    position = held(alice, term(quota=1000), "PAY_OUT")
    close_to(3)
    assert (wallet(alice), now(position).state) == (0, "OPEN")
    close_to(4)
    assert wallet(alice) == 1004
    position = now(position)
    assert (position.state, position.principal) == ("MATURED", 0)
    assert (position.closed_at, position.outcome) == (on(5, 0), "PAY_OUT")
    assert (position.interest_paid, position.last_day) == (4, day(4))
    entry = Entry.objects.get(key=f"maturity:{position.pk}")
    assert (entry.happened_at, entry.kind) == (on(5, 0), "MATURE")
    assert used(position.product) == 0
    close_to(6)
    assert wallet(alice) == 1004
    assert list(earned(position)) == [1, 2, 3, 4]
    assert broken() == []


@pytest.mark.parametrize(
    ("wish", "goes_on", "paid"), [("RENEW_PRINCIPAL", 1000, 4), ("RENEW_ALL", 1004, 0)]
)
def test_a_renewal_earns_from_the_morning_of_maturity_on(
    alice: Customer, wish: str, goes_on: int, paid: int
) -> None:
    product = term(quota=1004)
    first = held(alice, product, wish, minimum_renewal_rate=Decimal("0.365"))
    close_to(4)
    assert wallet(alice) == paid
    assert (now(first).state, now(first).outcome) == ("MATURED", wish)
    second = next_of(first)
    assert (second.principal, second.state) == (goes_on, "OPEN")
    assert (second.opened_at, second.first_day) == (on(5, 0), day(5))
    assert (second.last_day, second.matures_on) == (day(8), day(9))
    assert (second.at_maturity, second.minimum_renewal_rate) == (wish, Decimal("0.365"))
    assert used(product) == goes_on
    close_to(5)
    assert list(earned(first)) == [1, 2, 3, 4]
    assert bases(second) == {5: goes_on}
    assert broken() == []


def test_renewals_form_a_chain(alice: Customer) -> None:
    first = held(alice, term())
    close_to(12)
    second, third = next_of(first), next_of(next_of(first))
    fourth = next_of(third)
    chain = [first, second, third, fourth]
    assert [now(p).state for p in chain] == ["MATURED"] * 3 + ["OPEN"]
    days = [number for p in chain for number in earned(p)]
    assert days == list(range(1, 13))
    assert [bases(p).get(n) for p, n in ((second, 5), (third, 9))] == [
        1004,
        Decimal("1008.01"),
    ]
    assert wallet(alice) == 0
    assert broken() == []


def test_a_renewal_takes_the_rates_of_its_first_day(alice: Customer) -> None:
    product = term()
    first = held(alice, product, "RENEW_PRINCIPAL")
    chart(product, day(5), (TERM, 0, "0.730"), at=ANNOUNCED)
    chart(product, day(6), (TERM, 0, "0.999"), at=ANNOUNCED)
    close_to(6)
    assert now(first).chart.version == 1
    assert next_of(first).chart.version == 2
    assert earned(next_of(first)) == {5: 2, 6: 2}


def test_money_moves_on_into_a_new_flexible_position(alice: Customer) -> None:
    easy = flexible(tiers=[(None, 0, "0.365")], quota=1004)
    position = held(alice, term(quota=1000), "TO_FLEXIBLE")
    close_to(5)
    assert (now(position).state, now(position).outcome) == ("MATURED", "TO_FLEXIBLE")
    target = Position.objects.get(product=easy)
    assert (target.principal, target.first_day, target.term_days) == (1004, day(5), None)
    assert bases(target) == {5: 1004}
    assert (wallet(alice), used(position.product), used(easy)) == (0, 0, 1004)
    assert broken() == []


def test_money_moves_on_into_the_flexible_position_that_is_there(alice: Customer) -> None:
    easy = flexible(compounding="DAILY", tiers=[(None, 0, "0.365")])
    there = subscribe(alice, easy, 1000, on(2))
    for _ in range(2):
        held(alice, Product.objects.filter(code="fixed").first() or term(), "TO_FLEXIBLE")
    close_to(5)
    assert now(there).principal == 3008
    assert bases(there) == {3: 1000, 4: 1001, 5: 3010}
    assert broken() == []


def _paused(product: Product) -> None:
    catalogue.set_state(product, Product.State.PAUSED)


def _closed(product: Product) -> None:
    _paused(product)
    catalogue.set_state(product, Product.State.CLOSED)


def _changed(**columns: Any) -> Callable[[Product], None]:
    def act(product: Product) -> None:
        Product.objects.filter(pk=product.pk).update(**columns)

    return act


def _known(**columns: Any) -> Callable[[Product], None]:
    return lambda _: Customer.objects.filter(reference="Alice").update(**columns) and None


def _no_longer_offered(product: Product) -> None:
    chart(product, day(5), (TERM + 1, 0, "0.365"), at=ANNOUNCED)


REASONS: dict[str, tuple[Callable[[Product], None], str]] = {
    "paused": (_paused, "NOT_OPEN"),
    "closed": (_closed, "NOT_OPEN"),
    "the sale has ended": (_changed(sale_until=on(5, 0)), "NOT_OPEN"),
    "the term is gone": (_no_longer_offered, "NOT_OPEN"),
    "not for that country": (_changed(countries_denied=["DE"]), "NOT_ELIGIBLE"),
    "verification asked for": (_changed(minimum_kyc_level=9), "NOT_ELIGIBLE"),
    "the country is not known": (_known(country=""), "NOT_ELIGIBLE"),
    "over the cap": (_changed(customer_cap=Decimal("1003.99")), "OVER_CUSTOMER_CAP"),
    "no new money in": (_known(frozen_in=True), "FROZEN"),
}


@pytest.mark.parametrize("name", REASONS)
def test_what_cannot_renew_is_paid_out_and_says_why(alice: Customer, name: str) -> None:
    change, code = REASONS[name]
    product = term(quota=5000, countries_allowed=["DE", "FR"])
    position = held(alice, product)
    change(product)
    close_to(5)
    assert (now(position).state, now(position).outcome) == ("MATURED", code)
    assert wallet(alice) == 1004
    assert Position.objects.count() == 1
    assert used(product) == 0
    assert Entry.objects.get(kind="MATURE").note["outcome"] == code
    assert broken() == []


FLEXIBLE_REASONS: dict[str, tuple[dict[str, Any], Callable[[Product], None], str]] = {
    "paused": ({}, _paused, "NOT_OPEN"),
    "of another kind of customer": (
        {"minimum_kyc_level": 9},
        lambda _: None,
        "NOT_ELIGIBLE",
    ),
    "full": ({"quota": "1003.99"}, lambda _: None, "SOLD_OUT"),
    "over the cap": ({"customer_cap": "1003.99"}, lambda _: None, "OVER_CUSTOMER_CAP"),
    "a lower rate than asked for": ({}, lambda _: None, "RATE_TOO_LOW"),
}


@pytest.mark.parametrize("name", FLEXIBLE_REASONS)
def test_what_the_flexible_product_does_not_take_is_paid_out(
    alice: Customer, name: str
) -> None:
    terms, change, code = FLEXIBLE_REASONS[name]
    easy = flexible(tiers=[(None, 0, "0.05")], **terms)
    change(easy)
    rate = Decimal("0.0500000001") if code == "RATE_TOO_LOW" else Decimal("0.05")
    position = held(alice, term(), "TO_FLEXIBLE", minimum_renewal_rate=rate)
    close_to(5)
    assert now(position).outcome == code
    assert wallet(alice) == 1004
    assert not Position.objects.filter(product=easy).exists()
    assert broken() == []


def test_there_may_be_no_flexible_product_to_move_to(alice: Customer) -> None:
    flexible("euro", asset=money("EUR"))
    position = held(alice, term(), "TO_FLEXIBLE")
    close_to(4)
    assert now(position).outcome == "NOT_OPEN"
    assert wallet(alice) == 1004


@pytest.mark.parametrize(
    ("wish", "rate", "outcome"),
    [
        ("RENEW_ALL", "0.0750000000", "RENEW_ALL"),
        ("RENEW_ALL", "0.0750000001", "RATE_TOO_LOW"),
        ("RENEW_PRINCIPAL", "0.0750000001", "RENEW_PRINCIPAL"),
        ("RENEW_PRINCIPAL", "0.0760000000", "RATE_TOO_LOW"),
    ],
)
def test_it_renews_at_the_rate_that_the_customer_asked_for_or_not_at_all(
    alice: Customer, wish: str, rate: str, outcome: str
) -> None:
    product = fixed(tiers=[(TERM, 0, "0.10"), (TERM, 1000, "0.05")])
    position = subscribe(  # with 1.64 of interest it is 2000.00, at 7.5 % together
        alice, product, "1998.36", on(0), term_days=TERM,
        at_maturity=wish, minimum_renewal_rate=Decimal(rate),
    )  # fmt: skip
    close_to(4)
    assert now(position).interest_paid == Decimal("1.64")
    assert now(position).outcome == outcome
    assert broken() == []


def test_the_last_half_of_a_unit_is_paid_by_half_up_alone(
    alice: Customer, bob: Customer
) -> None:
    for who, rounding in ((alice, "FLOOR"), (bob, "HALF_UP")):
        product = fixed(rounding, [(5, 0, "0.05475")], final_rounding=rounding)
        subscribe(who, product, 100, on(0), term_days=5)  # 0.015 a day, 0.075 in all
    close_to(5)
    assert (wallet(alice), wallet(bob)) == (Decimal("100.07"), Decimal("100.08"))
    down, up = Position.objects.order_by("pk")
    assert (down.true_up, up.true_up) == (0, Decimal("0.01"))
    assert broken() == []


def test_a_full_product_renews_what_it_holds_but_no_interest(
    alice: Customer, bob: Customer
) -> None:
    product = term(quota=2000)
    same, more = held(alice, product, "RENEW_PRINCIPAL"), held(bob, product, "RENEW_ALL")
    close_to(4)
    assert now(same).outcome == "RENEW_PRINCIPAL"
    assert now(more).outcome == "SOLD_OUT"
    assert (wallet(alice), wallet(bob), used(product)) == (4, 1004, 1000)
    assert broken() == []


def test_who_leaves_makes_room_for_the_interest_of_who_stays(
    alice: Customer, bob: Customer
) -> None:
    product = term(quota=2000, shards=3)
    held(alice, product, "PAY_OUT")
    stays = held(bob, product, "RENEW_ALL")
    close_to(4)
    assert now(stays).outcome == "RENEW_ALL"
    assert used(product) == 1004
    assert broken() == []


@pytest.mark.parametrize(
    ("cap", "outcomes"),
    [(2008, ["RENEW_ALL"] * 2), (2007, ["RENEW_ALL", "OVER_CUSTOMER_CAP"])],
)
def test_the_cap_counts_what_renews_once(
    alice: Customer, cap: int, outcomes: list[str]
) -> None:
    product = term(customer_cap=cap)
    positions = [held(alice, product), held(alice, product)]
    close_to(4)
    assert [now(p).outcome for p in positions] == outcomes
    assert broken() == []


def test_many_mature_in_batches_each_of_them_once(alice: Customer) -> None:
    product = term()
    positions = [held(alice, product, w) for w in ("PAY_OUT", "RENEW_ALL") * 3]
    with patch.object(close, "BATCH", 2):
        close_to(5)
    assert [now(p).outcome for p in positions] == ["PAY_OUT", "RENEW_ALL"] * 3
    assert wallet(alice) == 3 * 1004
    assert Position.objects.filter(state="OPEN").count() == 3
    assert broken() == []


def test_a_position_without_interest_gives_its_principal_back(alice: Customer) -> None:
    product = fixed(tiers=[(TERM, 0, "0")])
    positions = [held(alice, product, wish) for wish in ("PAY_OUT", "RENEW_ALL")]
    close_to(5)
    assert wallet(alice) == 1000
    assert next_of(positions[1]).principal == 1000
    assert broken() == []


# Late closes

LATE = [
    ("flexible, empty before", [(5, "in", 0)]),
    ("flexible, subscribed the day after", [(6, "in", 500)]),
    ("flexible, some redeemed since", [(2, "in", 500), (6, "out", 100), (7, "in", 30)]),
]


@pytest.mark.parametrize("compounding", ["NONE", "DAILY"])
@pytest.mark.parametrize(("name", "story"), LATE)
def test_moving_on_late_earns_as_moving_on_in_time(
    usd: Any,  # noqa: ARG001
    name: str,  # noqa: ARG001
    story: list[tuple[int, str, int]],
    compounding: str,
) -> None:
    def told(*, late: bool) -> Any:
        easy = flexible(tiers=[(None, 0, "0.365")], compounding=compounding)
        who = customer("Alice")
        fund(who, 600, at=on(0))
        held(who, term(), "TO_FLEXIBLE")
        for number, what, amount in story:
            if not late:
                close_to(number - 1)
            if what == "out":
                redeem(Position.objects.get(product=easy), on(number), amount)
            elif amount:
                buy(who, easy, amount, on(number))
        close_to(9)
        assert broken() == []
        target = Position.objects.get(product=easy)
        rows = bases(target)
        redeem(target, on(10))
        return rows, wallet(who)

    timely = played(lambda: told(late=False))
    assert 5 in timely[0]
    assert played(lambda: told(late=True)) == timely


def test_a_matured_position_waits_for_its_late_close(alice: Customer) -> None:
    position = held(alice, term(early_rule="FORFEIT_ALL"))
    assert isinstance(refused(lambda: redeem(position, on(8))), NotRedeemable)
    close_to(7)
    second = next_of(position)
    assert (second.first_day, second.opened_at) == (day(5), on(5, 0))
    assert bases(second) == {5: 1004, 6: 1004, 7: 1004}
    assert broken() == []


# Many at the same moment


@racing
def test_ending_early_and_maturing_happen_one_or_the_other(alice: Customer) -> None:
    position = held(alice, term(early_rule="FORFEIT_ALL"), "PAY_OUT")
    close_to(3)
    exits = [lambda: redeem(position, on(4, 23))] * 3
    *left, days = at_once(*exits, lambda: close_to(4))
    assert days == [day(4)]
    done = [x for x in left if isinstance(x, Order)]
    assert len(done) <= 1
    assert all(isinstance(x, Order | TryAgain | NotRedeemable) for x in left)
    state = "REDEEMED" if done else "MATURED"
    assert now(position).state == state
    assert wallet(alice) == (1000 if done else 1004)
    assert broken() == []


@racing
def test_orders_go_on_while_positions_mature() -> None:
    product, easy = term(quota="9000", shards=2), flexible(quota=100_000)
    people = [customer(f"customer {n}") for n in range(6)]
    for who in people:
        for wish in ("RENEW_ALL", "TO_FLEXIBLE", "PAY_OUT"):
            fund(who, 500, at=on(0))
            buy(who, product, 400, on(0), term_days=TERM, at_maturity=wish)
        subscribe(who, easy, 10, on(0))
    close_to(3)
    orders: list[Callable[[], Any]] = []
    for who in people:
        orders.append(lambda who=who: buy(who, product, 100, on(5), term_days=TERM))
        orders.append(lambda who=who: buy(who, easy, 5, on(5)))
    with patch.object(close, "BATCH", 5):
        outcomes = at_once(*orders, lambda: close_to(4), lambda: close_to(4))
    assert [x for x in outcomes if not isinstance(x, Order | Refusal | list)] == []
    assert Entry.objects.filter(kind="MATURE").count() == 18
    close_to(6)
    assert broken() == []


@racing
def test_a_quota_that_is_taken_while_a_batch_is_looked_at_is_not_counted_on(
    alice: Customer, bob: Customer
) -> None:
    product = term(quota=1010)
    position = held(alice, product)
    fund(bob, 10, at=on(0))
    close_to(3)
    post = maturity.post_batch

    def taken_meanwhile(drafts: Any) -> Any:
        with patch.object(maturity, "post_batch", post):
            at_once(lambda: buy(bob, product, 10, on(5), term_days=TERM, key="meanwhile"))
        return post(drafts)

    with patch.object(maturity, "post_batch", taken_meanwhile):
        close_to(4)
    assert now(position).outcome == "SOLD_OUT"
    assert (wallet(alice), used(product)) == (1004, 10)
    assert broken() == []


@racing
def test_an_order_never_waits_for_a_quota_that_a_batch_looks_at(
    alice: Customer, bob: Customer
) -> None:
    product = term(quota=5000)
    held(alice, product)
    fund(bob, 10, at=on(0))
    close_to(3)
    post = maturity.post_batch
    orders = []

    def meanwhile(drafts: Any) -> Any:
        orders.extend(at_once(lambda: buy(bob, product, 10, on(5), term_days=TERM)))
        return post(drafts)

    with patch.object(maturity, "post_batch", meanwhile), transaction.atomic():
        maturity.settle(day(4), at=on(5), cursor=0, limit=10)
        transaction.set_rollback(True)
    assert [type(x) for x in orders] == [Order]
