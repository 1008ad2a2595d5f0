"""A position's page: its story, its terms, and each day in words, figures and JSON."""

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from earn import catalogue, pauses, renewals
from earn.models import Customer, Position, Product
from earn.portal.outcomes import outcome, state
from earn.portal.renewed import chain
from earn.portal.timeline import Event, Timeline, timeline
from ledger.models import Entry
from tests.earn.people import (
    TERMS,
    chart,
    close_to,
    day,
    fixed,
    flexible,
    key,
    now,
    on,
    redeem,
    subscribe,
)
from tests.earn.test_explaining import tamper
from tests.portal.test_home import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def browse(alice: Customer) -> Callable[..., str]:
    client = signed_in(alice)

    def act(name: str, *args: Any) -> str:
        answer = client.get(reverse(f"portal:{name}", args=args))
        assert answer.status_code == 200
        return " ".join(unescape(answer.content.decode()).split())

    return act


def story(position: Position, number: int) -> Timeline:
    position = now(position)
    return timeline(position, chain(position), day(number))


def told(events: Any) -> list[tuple[date, str]]:
    return [(event.day, event.words) for event in events]


# The story


def test_a_fixed_term_tells_what_was_and_what_will_be(alice: Customer) -> None:
    position = subscribe(alice, fixed(), 1000, on(0), term_days=10)
    found = story(position, 3)
    assert told(found.past) == [
        (day(0), "You subscribed 1,000.00 USD."),
        (day(1), "First day that earns."),
    ]
    assert told(found.future) == [
        (day(10), "Last day that earns."),
        (day(11), "Matures. Your choice: Pay everything to my wallet."),
    ]


def test_money_in_and_out_stands_at_its_day(alice: Customer) -> None:
    slow = flexible(settlement_delay_days=5)
    position = subscribe(alice, slow, 1000, on(0))
    subscribe(alice, slow, 50, on(2))
    redeem(position, on(3), 200)
    found = story(position, 4)
    assert (day(2), "You subscribed 50.00 USD.") in told(found.past)
    assert (day(3), "You redeemed 200.00 USD of the principal.") in told(found.past)
    assert told(found.future) == [
        (day(8), "A redemption of 200.00 USD is paid to your wallet.")
    ]


def test_rates_that_changed_and_will_change_are_told_for_ones_own_balance(
    alice: Customer,
) -> None:
    product = flexible()
    position = subscribe(alice, product, 1000, on(0))
    chart(product, day(3), (None, 0, "0.20"), (None, 500, "0.10"), at=on(1))
    close_to(4)
    chart(product, day(9), (None, 0, "0.25"), at=on(5))
    found = story(position, 5)
    assert (
        day(3),
        "New rates: your balance earned 15 % a year from this day on.",
    ) in told(found.past)
    assert told(found.future) == [
        (day(9), "New rates: your balance of today will earn 25 % a year.")
    ]


def test_interest_that_was_paid_each_month_is_told(alice: Customer) -> None:
    position = subscribe(alice, flexible(payout="MONTHLY"), 1000, on(0))
    close_to(26)  # January
    found = story(position, 30)
    paid = now(position).interest_paid
    assert paid > 0
    words = f"Interest of {paid:.2f} USD was paid to your wallet."
    assert (date(2026, 2, 1), words) in told(found.past)
    coming = "The interest of the month is paid to your wallet."
    assert (date(2026, 3, 1), coming) in told(found.future)


def test_a_change_of_mind_is_told(alice: Customer) -> None:
    position = subscribe(alice, fixed(), 100, on(0), term_days=10)
    renewals.instruct(
        customer=alice,
        position_id=position.pk,
        at_maturity="RENEW_ALL",
        key=key(),
        at=on(2),
    )
    words = "You chose for maturity: Renew principal and interest."
    assert (day(2), words) in told(story(position, 3).past)


def renewed_twice(alice: Customer) -> list[Position]:
    product = fixed(tiers=[(10, 0, "0.365")])
    subscribe(alice, product, 1000, on(0), term_days=10, at_maturity="RENEW_ALL")
    close_to(25)
    return list(Position.objects.order_by("pk"))


def test_renewals_are_linked_both_ways(alice: Customer) -> None:
    first, second, third = renewed_twice(alice)
    found = [(x.words, x.address) for x in story(second, 25).past]
    before, after = (reverse("portal:position", args=[x.pk]) for x in (first, third))
    assert (f"Renewed from position {first.pk}.", before) in found
    assert (f"Renewed into position {third.pk}.", after) in found


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_chain_is_the_same_from_each_of_its_terms(alice: Customer, number: int) -> None:
    terms = chain(now(renewed_twice(alice)[number]))
    assert [x.principal for x in terms] == [1000, 1010, Decimal("1020.1")]
    assert [x.annual_rate for x in terms] == [Decimal("0.365")] * 3


def test_a_chain_takes_three_queries_however_long(alice: Customer) -> None:
    position = now(renewed_twice(alice)[0])
    with CaptureQueriesContext(
        connection,
    ) as queries:
        chain(position)
    assert len(queries) == 3


def test_what_moved_to_the_flexible_product_says_where(alice: Customer) -> None:
    flexible("easy")
    position = subscribe(
        alice, fixed(), 1000, on(0), term_days=10, at_maturity="TO_FLEXIBLE"
    )
    close_to(10)
    target = Position.objects.get(term_days=None)
    address = reverse("portal:position", args=[target.pk])
    found = [(x.words, x.address) for x in story(position, 12).past]
    assert (f"Moved to position {target.pk}.", address) in found
    assert "1,002.73 USD came in from a term that matured." in [
        x.words for x in story(target, 12).past
    ]


def test_a_story_of_many_events_is_cut(alice: Customer) -> None:
    product = flexible()
    for number in range(62):
        position = subscribe(alice, product, 1, on(0, minute=number % 60))
    found = story(position, 5)
    assert (len(found.past), found.is_cut) == (60, True)


# What became of it


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        ("PAY_OUT", "everything was paid to your wallet"),
        ("RENEW_PRINCIPAL", "the principal was renewed"),
        ("RENEW_ALL", "principal and interest were renewed"),
    ],
)
def test_what_was_asked_and_done_is_said(alice: Customer, choice: str, says: str) -> None:
    position = subscribe(alice, fixed(), 100, on(0), term_days=10, at_maturity=choice)
    close_to(10)
    assert says in outcome(now(position))


def test_a_rate_that_was_too_low_is_said_with_the_one_that_was_asked_for(
    alice: Customer, browse: Callable[..., str]
) -> None:
    position = subscribe(
        alice,
        fixed(),
        100,
        on(0),
        term_days=10,
        at_maturity="RENEW_ALL",
        minimum_renewal_rate=Decimal("0.5"),
    )
    close_to(10)
    says = "the rate of a new term was below the 50 % that you had asked for"
    assert says in browse("position", position.pk)


def test_a_product_that_closed_is_said(alice: Customer) -> None:
    product = fixed()
    position = subscribe(alice, product, 100, on(0), term_days=10, at_maturity="RENEW_ALL")
    catalogue.set_state(product, Product.State.PAUSED)
    close_to(10)
    assert "the product took no money on that day" in outcome(now(position))


@pytest.mark.parametrize(
    "code",
    ["SOLD_OUT", "NOT_OPEN", "NOT_ELIGIBLE", "OVER_CUSTOMER_CAP", "FROZEN", "ELSE"],
)
def test_each_reason_has_its_words(code: str) -> None:
    says = outcome(Position(outcome=code))
    assert says.startswith("Matured and paid to your wallet:")


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (0, "Not earning yet: its first day is 6 January 2026."),
        (3, "Earning since 6 January 2026; it matures on 16 January 2026, in 8 days."),
        (11, "Matured: the daily close is settling it."),
    ],
)
def test_its_state_is_a_sentence(alice: Customer, number: int, says: str) -> None:
    position = subscribe(alice, fixed(), 100, on(0), term_days=10)
    assert state(position, day(number)) == says


def test_a_flexible_position_says_when_it_was_redeemed(alice: Customer) -> None:
    position = subscribe(alice, flexible(), 100, on(0))
    assert "Earning every day since" in state(position, day(2))
    redeem(position, on(3))
    assert state(now(position), day(4)) == "Redeemed completely on 8 January 2026."


# The page


def test_the_page_has_it_all_in_words(alice: Customer, browse: Callable[..., str]) -> None:
    second = renewed_twice(alice)[1]
    page = browse("position", second.pk)
    for words in (
        "So far",
        "Still to come",
        "One money, term after term",
        f"{second.pk}, this one",
        "36.5 %",
        "1,020.10 USD",
        "Balance that earned",
        "principal and interest were renewed together",
    ):
        assert words in page
    assert page.count("<svg") == 2


def test_the_chart_s_figures_stand_in_the_table_of_days(
    alice: Customer, browse: Callable[..., str]
) -> None:
    position = subscribe(alice, flexible(), 1000, on(0))
    close_to(1)
    assert "<svg" not in browse("position", position.pk)  # one day is no line
    close_to(2)
    page = browse("position", position.pk)
    assert 'href="#days"' in page
    assert "All interest since the first day, from 6 January 2026" in page


def test_queries_do_not_grow_with_the_days(
    alice: Customer, browse: Callable[..., str]
) -> None:
    position = subscribe(alice, flexible(payout="MONTHLY"), 1000, on(0))
    close_to(2)

    def needed() -> int:
        with CaptureQueriesContext(connection) as queries:
            browse("position", position.pk)
        return len(queries)

    few = needed()
    close_to(30)
    assert needed() <= few


# The instruction


def test_each_choice_is_told_with_its_dates(
    alice: Customer, browse: Callable[..., str]
) -> None:
    at = datetime.now(UTC)  # the page reads the clock itself
    position = subscribe(
        alice, fixed("term", TERMS, renewal_cutoff_hours=24), 100, at, term_days=10
    )
    page = browse("instruct", position.pk)
    matures = at + timedelta(days=11)
    for words in (
        "Chosen now: <strong>Pay everything to my wallet</strong>",
        f"{matures.day} {matures:%B %Y}",
        "begins a new term of 10 days",
        "move to the flexible product",
        "You may change it until",
    ):
        assert words in page


def test_after_the_cut_off_there_is_no_form(
    alice: Customer, browse: Callable[..., str]
) -> None:
    position = subscribe(alice, fixed(), 100, on(0), term_days=10)
    page = browse("instruct", position.pk)
    assert "The instruction could be changed until" in page
    assert "What was chosen: Pay everything to my wallet." in page
    assert "<form" not in page


# A day


@pytest.mark.parametrize("mode", ["SLICE", "WHOLE"])
@pytest.mark.parametrize("day_count", ["ACT/365F", "30E/360"])
def test_anyone_computes_the_interest_from_the_json_alone(
    alice: Customer, mode: str, day_count: str
) -> None:
    tiers = [(None, 0, "0.12"), (None, 500, "0.008")]
    product = flexible(
        tiers=tiers, tier_mode=mode, day_count=day_count, compounding="DAILY"
    )
    position = subscribe(alice, product, 1234, on(0))
    close_to(28)
    client = signed_in(alice)
    for number in (1, 2, 26, 28):
        address = reverse("portal:position-day", args=[position.pk, day(number)])
        recompute(client.get(address, {"format": "json"}).content)


def recompute(text: bytes) -> None:
    told = json.loads(text, parse_float=Fraction)
    basis, unit = Fraction(told["basis"]), Fraction(told["unit"])
    yearly = Fraction(0)
    starts = [Fraction(tier["from"]) for tier in told["tiers"]]
    rates = [Fraction(tier["annual_rate"]) for tier in told["tiers"]]
    for start, end, rate in zip(starts, [*starts[1:], basis], rates, strict=True):
        if told["tier_mode"] == "WHOLE" and start <= basis:
            yearly = basis * rate
        elif told["tier_mode"] == "SLICE" and start < basis:
            yearly += (min(end, basis) - start) * rate
    x = Fraction(told["carry_in"]) + yearly * told["days"] * told["L"] / told["year_basis"]
    interest = x // (told["L"] * unit) * unit
    assert interest == Fraction(told["interest"])
    assert x - interest * told["L"] == Fraction(told["carry_out"])
    slices = [(Fraction(s["amount"]), Fraction(s["annual_rate"])) for s in told["slices"]]
    assert sum(amount * rate for amount, rate in slices) == yearly
    assert told["chart_version"] == 1


def test_a_day_names_what_moved_and_the_entry_that_posted_it(
    alice: Customer, browse: Callable[..., str]
) -> None:
    position = subscribe(alice, flexible(), 1000, on(0))
    close_to(0)
    redeem(position, on(1), 300)
    close_to(1)
    page = browse("position-day", position.pk, day(1))
    assert "Before: 1,000.00 USD of principal" in page
    assert re.search(r"Redemption: 300\.00 USD out, 700\.00 USD then \(entry \d+\)", page)
    assert "never below 700.00 USD" in page
    entry = Entry.objects.get(key=f"accrual:{day(1)}:flexible")
    assert f"posted by entry {entry.pk}," in page
    assert bytes(entry.sealed.hash).hex() in page


def test_a_day_without_movements_says_so(
    alice: Customer, browse: Callable[..., str]
) -> None:
    position = subscribe(alice, flexible(compounding="DAILY"), 1000, on(0))
    close_to(1)
    page = browse("position-day", position.pk, day(1))
    assert "No principal came in or went out on that day." in page
    assert "Interest compounds here" in page


def test_an_exact_value_that_goes_on_says_so(
    alice: Customer, browse: Callable[..., str]
) -> None:
    position = subscribe(alice, flexible(), 1000, on(0))
    close_to(1)
    assert "20/73 = 0.273972602739… USD" in browse("position-day", position.pk, day(1))


def test_what_differs_from_the_rule_comes_first(
    alice: Customer, browse: Callable[..., str]
) -> None:
    position = subscribe(alice, flexible(), 1000, on(0))
    close_to(1)
    tamper(position, 1, interest="0.28")
    page = browse("position-day", position.pk, day(1))
    assert page.index("The books and the rule differ") < page.index("In words")
    assert "Interest of the day: the books say 0.28, it should be 0.27." in page
    assert "it is what the books say" not in page


def test_a_sum_is_written_as_the_language_writes_it(alice: Customer) -> None:
    position = subscribe(alice, flexible(), 1000, on(0))
    close_to(1)
    address = reverse("portal:position-day", args=[position.pk, day(1)])
    answer = signed_in(alice).get(address, headers={"Accept-Language": "es"})
    assert "0,273972602739" in answer.content.decode()


def test_each_figure_keeps_its_asset_behind_it_from_right_to_left(
    alice: Customer,
) -> None:
    position = subscribe(alice, flexible(), 200, on(0))
    close_to(1)
    address = reverse("portal:position-day", args=[position.pk, day(1)])
    answer = signed_in(alice).get(address, headers={"Accept-Language": "ar"})
    page = answer.content.decode()
    assert "\u206620 USD\u2069" in page  # in a year
    assert not re.search("\u2069 [A-Z]", page)  # a code that is left outside


def test_events_of_one_day_have_their_order() -> None:
    assert sorted([Event(day(1), 4, "earns"), Event(day(1), 2, "bought")])[0].rank == 2


def test_a_paused_day_says_why_nothing_earned(
    alice: Customer, browse: Callable[..., str]
) -> None:
    position = subscribe(alice, flexible(), 1000, on(0))
    alice.frozen_in = True
    alice.save()
    pauses.begin(alice, day(2), at=on(1))
    close_to(2)
    earned, paused = (browse("position-day", position.pk, day(n)) for n in (1, 2))
    assert ("never below" in earned, "its interest paused" in earned) == (True, False)
    assert ("never below" in paused, "its interest paused" in paused) == (False, True)
