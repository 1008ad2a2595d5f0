"""A customer whose money earns nothing for a while: exactly those days, and no other."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from earn import (
    agenda,
    close,
    day_totals,
    holdings,
    liquidity,
    pauses,
    proposals,
    repricing,
)
from earn.audit import Actor
from earn.catalogue import Row
from earn.explaining import explain_days
from earn.models import Accrual, Customer, Due, EarningPause, Position, User
from earn.proposals import ProposalRefused
from ledger.posting import constraint_of
from tests.admin.staff import member
from tests.earn.people import (
    bases,
    broken,
    chart,
    close_to,
    day,
    earned,
    fixed,
    flexible,
    key,
    on,
    redeem,
    subscribe,
    wallet,
)

pytestmark = pytest.mark.django_db
DOLLAR_A_DAY = [(None, 0, "0.365")]
TERM = [(10, 0, "0.365")]


def stop(who: Customer, first: int, *, at: int) -> EarningPause:
    """No new money comes in, and nothing is earned from day `first` on."""
    who.frozen_in = True
    who.save()
    return pauses.begin(who, day(first), at=on(at))


def start(who: Customer, first: int, *, at: int) -> None:
    assert pauses.end(who, day(first), at=on(at))


def test_paused_days_earn_nothing_and_the_others_what_they_always_did(
    alice: Customer, bob: Customer
) -> None:
    product = flexible(tiers=DOLLAR_A_DAY)
    hers, his = (subscribe(who, product, 1000, on(0)) for who in (alice, bob))
    stop(alice, 3, at=2)
    close_to(3)
    start(alice, 5, at=4)
    close_to(6)
    assert earned(hers) == {1: 1, 2: 1, 3: 0, 4: 0, 5: 1, 6: 1}
    assert earned(his) == dict.fromkeys(range(1, 7), 1)
    assert broken() == []


def test_what_compounds_and_what_was_carried_goes_on_where_it_stood(
    alice: Customer,
) -> None:
    """Compared with a customer of whom the paused days are no days at all."""
    product = flexible(tiers=[(None, 0, "0.0073")], compounding="DAILY")
    position = subscribe(alice, product, 1234, on(0))
    close_to(3)
    before = Accrual.objects.get(position=position, day=day(3))
    stop(alice, 4, at=3)
    close_to(5)
    start(alice, 6, at=5)
    close_to(6)
    rows = Accrual.objects.filter(position=position, day__gt=day(3)).order_by("day")
    paused, also, after = rows
    for row in (paused, also):
        assert (row.basis, row.interest, row.carry) == (0, 0, before.carry)
        assert row.accrued == before.accrued
    assert after.basis == 1234 + before.accrued
    assert broken() == []


def test_orders_of_a_paused_day_leave_its_basis_at_nothing(alice: Customer) -> None:
    position = subscribe(alice, flexible(tiers=DOLLAR_A_DAY), 1000, on(0))
    stop(alice, 2, at=1)
    redeem(position, on(2), 300)
    redeem(position, on(3), 200)
    close_to(4)
    assert bases(position) == {1: 1000, 2: 0, 3: 0, 4: 0}
    assert broken() == []


def test_a_term_comes_to_less_by_its_paused_days(alice: Customer) -> None:
    position = subscribe(alice, fixed(tiers=TERM), 1000, on(0), term_days=10)
    stop(alice, 4, at=3)
    start(alice, 7, at=6)
    close_to(10)
    assert wallet(alice) == 1000 + 7
    assert broken() == []
    assert sum(earned(position).values()) == 7


@pytest.mark.parametrize("first_paused", [1, 4])
def test_leaving_early_at_a_reduced_rate_counts_no_paused_day(
    alice: Customer, first_paused: int
) -> None:
    product = fixed(tiers=TERM, early_rule="REDUCED_RATE", early_rate="0.0365")
    position = subscribe(alice, product, 1000, on(0), term_days=10)
    stop(alice, first_paused, at=0)
    start(alice, first_paused + 2, at=0)
    close_to(7)
    redeem(position, on(8))
    assert wallet(alice) == 1000 + Decimal("0.50")  # five of seven days at 0.10
    assert broken() == []


def test_a_term_that_never_earned_is_left_with_its_principal(alice: Customer) -> None:
    product = fixed(tiers=TERM, early_rule="REDUCED_RATE", early_rate="0.0365")
    position = subscribe(alice, product, 1000, on(0), term_days=10)
    stop(alice, 1, at=0)
    close_to(3)
    redeem(position, on(4))
    assert wallet(alice) == 1000
    assert broken() == []


def test_what_is_expected_knows_of_the_pause(alice: Customer) -> None:
    position = subscribe(alice, fixed(tiers=TERM), 1000, on(0), term_days=10)
    stop(alice, 4, at=3)
    close_to(4)
    (mine,) = holdings.open_positions(alice, through=day(4), today=day(5))
    assert mine.expected == 0
    awaited = {
        x.kind: x.amount
        for x in agenda.events(alice, day(5), day(20), at=on(5))
        if x.amount
    }
    assert awaited == {"INTEREST": 3, "MATURITY": 1000}
    start(alice, 9, at=5)
    (interest,) = (
        x.amount
        for x in agenda.events(alice, day(5), day(20), at=on(5))
        if x.kind == "INTEREST"
    )
    close_to(10)
    assert interest == sum(earned(position).values()) == 5


def test_a_dry_run_of_the_close_leaves_paused_money_out(
    alice: Customer, bob: Customer
) -> None:
    """The day before the pause, in it, and the first one after."""
    product = flexible(tiers=[(None, 0, "0.0073")], compounding="DAILY")
    for who in (alice, bob):
        subscribe(who, product, 1234, on(0))
    stop(alice, 3, at=1)
    start(alice, 4, at=2)
    interest = []
    for number in (2, 3, 4):
        close_to(number - 1)
        foreseen = day_totals.ahead(day(number))
        close_to(number)
        accrued = day_totals.compared(day(number))
        assert {x: tuple(y) for x, y in foreseen.items()} == {
            x: tuple(y)[:3] for x, y in accrued.items()
        }
        interest.append(foreseen[product.pk].basis > 2000)
    assert interest == [True, False, True]


def test_new_rates_cost_nothing_for_who_is_paused_when_they_begin(
    alice: Customer, bob: Customer
) -> None:
    """On day 9 alone Bob's 1,000 earn; who is paused is told of a cut all the same."""
    product = flexible(tiers=DOLLAR_A_DAY)
    for who in (alice, bob):
        subscribe(who, product, 1000, on(0))
    stop(alice, 9, at=1)
    start(alice, 10, at=1)
    costs = [
        repricing.cost(product, effective_on=day(n), rows=[Row(None, Decimal(0), rate)])
        for n, rate in ((8, Decimal("0.1")), (9, Decimal("0.1")), (10, Decimal("0.1")))
    ]
    assert [(x.positions, x.before, x.after, x.told) for x in costs] == [
        (2, 730, 200, 2),
        (2, 365, 100, 2),
        (2, 730, 200, 2),
    ]


@pytest.mark.parametrize("day_count", ["ACT/365F", "ACT/ACT", "30E/360", "30/360"])
def test_what_matures_is_summed_without_paused_days(
    alice: Customer, bob: Customer, day_count: str
) -> None:
    """Two pauses, one before the sum is made, and one that ends after the term."""
    term = fixed(tiers=[(40, 0, "0.365")], day_count=day_count)
    positions = [
        subscribe(who, term, "777.77", on(20), term_days=40) for who in (alice, bob)
    ]
    for first, last in ((22, 24), (27, 31)):
        stop(alice, first, at=20)
        start(alice, last, at=20)
    stop(alice, 58, at=20)
    close_to(24)
    liquidity.reckon()
    (due,) = Due.objects.values_list("due_on", "interest")
    close_to(60)
    assert due == (day(61), sum(sum(earned(x).values()) for x in positions))
    assert sum(earned(positions[0]).values()) < sum(earned(positions[1]).values())


def test_each_day_explains_the_pause(alice: Customer) -> None:
    position = subscribe(alice, flexible(tiers=DOLLAR_A_DAY), 1000, on(0))
    stop(alice, 2, at=1)
    close_to(2)
    found = list(explain_days(position_id=position.pk))
    assert [(x.is_paused, x.explanation.basis, x.differences) for x in found] == [
        (False, 1000, ()),
        (True, 0, ()),
    ]


def test_a_row_that_earned_in_spite_of_a_pause_is_found(alice: Customer) -> None:
    position = subscribe(alice, flexible(tiers=DOLLAR_A_DAY), 1000, on(0))
    close_to(2)
    alice.frozen_in = True
    alice.save()
    with connection.cursor() as cursor:
        cursor.execute("set local session_replication_role = replica")
        cursor.execute(
            "insert into earn_earningpause (customer_id, from_day, made_at)"
            " values (%s, %s, %s)",
            [alice.pk, day(2), on(1)],
        )
    assert broken() == [
        f"accrual_basis: position {position.pk} on {day(2)}: basis 1000.000000000000000000,"
        " the journal shows 0"
    ]
    (difference,) = list(explain_days(position_id=position.pk))[1].differences
    assert difference.sentence() == "The day was paused, the row has a basis of 1000."


def broken_rule(act: Callable[[], Any]) -> str:
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        act()
    return constraint_of(error.value) or ""


def test_a_pause_begins_tomorrow_at_the_earliest(alice: Customer) -> None:
    assert broken_rule(lambda: stop(alice, 2, at=2)) == "pauses_begin_later"
    stop(alice, 3, at=2)


def test_a_pause_never_begins_on_a_day_that_is_closed_or_being_closed(
    alice: Customer,
) -> None:
    subscribe(alice, flexible(), 1000, on(0))
    close_to(3)
    assert broken_rule(lambda: stop(alice, 3, at=1)) == "pauses_begin_later"
    close.advance(day(4), None, at=on(5))
    assert broken_rule(lambda: stop(alice, 4, at=1)) == "pauses_begin_later"
    stop(alice, 5, at=1)


def test_a_pause_ends_tomorrow_at_the_earliest_and_after_what_is_closed(
    alice: Customer,
) -> None:
    subscribe(alice, flexible(), 1000, on(0))
    stop(alice, 2, at=1)
    close_to(4)
    assert broken_rule(lambda: pauses.end(alice, day(5), at=on(5))) == "pauses_end_later"
    assert broken_rule(lambda: pauses.end(alice, day(4), at=on(2))) == "pauses_end_later"
    start(alice, 6, at=5)


def test_pauses_of_a_customer_never_overlap(alice: Customer, bob: Customer) -> None:
    stop(alice, 5, at=1)
    assert broken_rule(lambda: stop(alice, 9, at=1)) == "pauses_never_overlap"
    stop(bob, 9, at=1)
    start(alice, 8, at=2)
    assert broken_rule(lambda: stop(alice, 7, at=2)) == "pauses_never_overlap"
    stop(alice, 8, at=2)


def test_a_pause_that_is_called_off_has_no_day(alice: Customer) -> None:
    stop(alice, 5, at=1)
    start(alice, 3, at=2)
    (pause,) = pauses.of(alice.pk)
    assert (pause.first, pause.last) == (day(5), day(4))
    stop(alice, 4, at=2)


def test_a_pause_only_ends_and_only_once(alice: Customer) -> None:
    pause = stop(alice, 5, at=1)
    known = EarningPause.objects.filter(pk=pause.pk)
    assert broken_rule(lambda: known.update(from_day=day(6))) == "pauses_end_once"
    assert broken_rule(lambda: known.update(until_day=day(7))) == "ended_pauses_have_a_time"
    assert (
        broken_rule(lambda: known.update(until_day=day(3), ended_at=on(2)))
        == "pauses_do_not_end_before_they_begin"
    )
    start(alice, 8, at=2)
    assert broken_rule(lambda: known.update(until_day=day(9))) == "pauses_end_once"
    assert broken_rule(known.delete) == "earn_earningpause_is_append_only"


def test_no_new_money_comes_in_where_none_would_earn(alice: Customer) -> None:
    rule = "paused_customers_take_no_money"
    assert broken_rule(lambda: pauses.begin(alice, day(2), at=on(1))) == rule
    stop(alice, 2, at=1)
    thawed = Customer.objects.filter(pk=alice.pk)
    assert broken_rule(lambda: thawed.update(frozen_in=False)) == rule
    start(alice, 3, at=2)
    assert thawed.update(frozen_in=False) == 1


# By four eyes


@pytest.fixture
def maria() -> User:
    return member("maria", "operator")


@pytest.fixture
def carl() -> User:
    return member("carl", "checker")


def freeze(maria: User, who: Customer, number: int = 1, **asked: str) -> Any:
    request = {"customer": str(who.pk)} | asked
    by = Actor(maria, on(number))
    return proposals.propose("FREEZE", request, key=key(), reason="A court order", by=by)


def paused(maria: User, carl: User, who: Customer, first: date) -> Any:
    made = freeze(
        maria, who, frozen_in="yes", earning="pause", earning_on=first.isoformat()
    )
    return proposals.approve(made.pk, by=Actor(carl, on(1, 11)))


def test_the_proposal_says_what_each_term_loses_and_the_books_agree(
    maria: User, carl: User, alice: Customer
) -> None:
    position: Position = subscribe(alice, fixed(tiers=TERM), 1000, on(0), term_days=10)
    done = paused(maria, carl, alice, day(4))
    assert [(x["subject"], x["before"], x["after"]) for x in done.effect["changes"]] == [
        (f"customer:{alice.pk}", "no", "yes"),
        (f"customer:{alice.pk}", "yes", f"not from {day(4)} on"),
        (f"position:{position.pk}", "10.00 USD", "3.00 USD"),
    ]
    close_to(10)
    assert wallet(alice) == 1003
    assert broken() == []


def test_ending_the_freeze_as_a_whole_is_one_proposal(
    maria: User, carl: User, alice: Customer
) -> None:
    paused(maria, carl, alice, day(2))
    asked = {"frozen_in": "no", "earning": "resume", "earning_on": str(day(3))}
    made = freeze(maria, alice, 2, **asked)
    proposals.approve(made.pk, by=Actor(carl, on(2, 11)))
    alice.refresh_from_db()
    assert (alice.frozen_in, EarningPause.objects.get().until_day) == (False, day(2))


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"earning": "pause", "earning_on": "2026-01-09"}, "where no new money comes in"),
        (
            {"frozen_in": "yes", "earning": "pause", "earning_on": "2026-01-06"},
            "2026-01-07 or later",
        ),
        ({"frozen_in": "yes", "earning": "pause"}, "write the day"),
        ({"earning": "resume", "earning_on": "2026-01-09"}, "Interest is not paused"),
        ({"earning": "stop", "earning_on": "2026-01-09"}, "pause or resume"),
    ],
)
def test_what_cannot_be_paused_is_refused_in_words(
    maria: User, alice: Customer, asked: dict[str, str], says: str
) -> None:
    with pytest.raises(ProposalRefused, match=says):
        freeze(maria, alice, **asked)


def test_new_money_waits_until_the_last_paused_day(
    maria: User, carl: User, alice: Customer
) -> None:
    """Also where the pause is known to end later."""
    paused(maria, carl, alice, day(2))
    with pytest.raises(ProposalRefused, match="comes in"):
        freeze(maria, alice, 2, frozen_in="no")
    asked = {"frozen_in": "no", "earning": "resume", "earning_on": str(day(9))}
    with pytest.raises(ProposalRefused, match="while its interest is paused"):
        freeze(maria, alice, 2, **asked)
    with pytest.raises(ProposalRefused, match="paused already"):
        freeze(maria, alice, 2, earning="pause", earning_on=str(day(9)))


def test_an_approval_after_its_day_is_refused(
    maria: User, carl: User, alice: Customer
) -> None:
    """What was to begin tomorrow is not made to begin on a day that was earned."""
    asked = {"frozen_in": "yes", "earning": "pause", "earning_on": str(day(2))}
    made = freeze(maria, alice, **asked)
    with pytest.raises(ProposalRefused, match="or later"):
        proposals.approve(made.pk, by=Actor(carl, on(2)))
    assert not EarningPause.objects.exists()


def test_a_rate_that_rises_meanwhile_is_earned_after_the_pause(alice: Customer) -> None:
    product = flexible(tiers=DOLLAR_A_DAY)
    position = subscribe(alice, product, 1000, on(0))
    chart(product, day(3), (None, 0, "0.73"), at=on(1))
    stop(alice, 2, at=1)
    start(alice, 5, at=2)
    close_to(5)
    assert earned(position) == {1: 1, 2: 0, 3: 0, 4: 0, 5: 2}
    assert broken() == []


def test_the_application_s_rights_suffice(alice: Customer, as_app_role: Any) -> None:
    position = subscribe(alice, flexible(tiers=DOLLAR_A_DAY), 1000, on(0))
    with as_app_role():
        stop(alice, 2, at=1)
        close_to(2)
        start(alice, 3, at=2)
        Customer.objects.filter(pk=alice.pk).update(frozen_in=False)
    assert earned(position) == {1: 1, 2: 0}
