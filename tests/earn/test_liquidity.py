"""The ladder: what is due on which day against what is liquid, worked out by hand."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

import earn.sql
from earn import chart, liquidity
from earn.days import DayCount, year_fraction
from earn.interest import L
from earn.liquidity import Ladder, Rung
from earn.models import Customer, Due, Outlook, Venue
from earn.models.positions import AtMaturity
from earn.treasury import stocks
from ledger import posting
from ledger.models import Asset
from ledger.posting import Line
from tests.earn.people import (
    close_to,
    day,
    fixed,
    flexible,
    fund,
    key,
    money,
    now,
    on,
    redeem,
    subscribe,
    wallet,
)

pytestmark = pytest.mark.django_db
TENTH = [(10, 0, "0.365"), (40, 0, "0.365")]  # 1,000 earn a unit of money a day
D = Decimal


def dues() -> list[tuple[date, Decimal, Decimal, Decimal]]:
    rows = Due.objects.order_by("asset", "due_on")
    return [(x.due_on, x.principal, x.interest, x.stays) for x in rows]


def deploy(amount: int, venue: str, *, notice: int, number: int = 0) -> None:
    Venue.objects.get_or_create(code=venue, defaults={"name": venue, "notice_days": notice})
    asset = money().pk
    with transaction.atomic():
        posting.post(
            key=key(),
            kind="DEPLOY",
            lines=[Line(chart.deployed(asset, venue), chart.custody(asset), D(amount))],
            happened_at=on(number),
        )


def rungs(today: int) -> list[Rung]:
    (stock,) = stocks()
    return liquidity.ladder(stock, today=day(today))


def at_a_glance(today: int) -> Ladder:
    (ladder,) = liquidity.ladders(stocks(), today=day(today))
    return ladder


def due_by_number(found: Iterable[Rung], today: int) -> dict[int, Decimal]:
    return {(x.first - day(today)).days: x.due for x in found if x.due}


# What is kept after a close


def test_what_matures_is_summed_with_the_interest_that_is_paid_with_it(
    alice: Customer, bob: Customer
) -> None:
    """1,000 and 2,000 for 10 days at 36.5 %: 30 in all, whatever the day it is asked."""
    term = fixed(tiers=TENTH)
    subscribe(alice, term, 1000, on(0), term_days=10)
    subscribe(bob, term, 2000, on(0), term_days=10)
    subscribe(bob, term, 1000, on(1), term_days=10)
    close_to(0)
    assert liquidity.reckon() == day(0)
    wanted = [(day(11), 3000, 30, 0), (day(12), 1000, 10, 0)]
    assert dues() == wanted
    close_to(3)
    assert liquidity.reckon() == day(3)
    assert dues() == wanted


def test_the_interest_expected_is_what_is_paid(alice: Customer) -> None:
    """777.77 at 10 % of the first 500 and 5 % above, for 10 days: 63.8885 a year, 1.75."""
    term = fixed(tiers=[(10, 0, "0.10"), (10, 500, "0.05")], day_count="ACT/365F")
    subscribe(alice, term, "777.77", on(0), term_days=10)
    close_to(4)
    liquidity.reckon()
    assert dues() == [(day(11), D("777.77"), D("1.75"), 0)]
    close_to(10)
    assert wallet(alice) == D("777.77") + D("1.75")


def test_what_customers_asked_to_renew_or_move_stays(alice: Customer) -> None:
    term = fixed(tiers=TENTH)
    flexible()
    for choice in AtMaturity.values:
        subscribe(alice, term, 1000, on(0), term_days=10, at_maturity=choice)
    close_to(0)
    liquidity.reckon()
    # 1,000 renewed; 1,010 renewed with interest; 1,010 moved to the flexible product
    assert dues() == [(day(11), 4000, 40, 3020)]


def test_interest_that_is_paid_before_the_end_is_not_due_at_the_end(
    alice: Customer,
) -> None:
    """Day 0 is 5 January: a term of 40 days ends with 14 February, its last month began
    on the 1st. What is paid daily leaves one day for the end."""
    for payout in ("DAILY", "MONTHLY"):
        term = fixed(payout.lower(), tiers=TENTH, payout=payout)
        subscribe(alice, term, 1000, on(0), term_days=40)
    close_to(1)
    liquidity.reckon()
    assert dues() == [(day(41), 2000, 1 + 14, 0)]
    assert Outlook.objects.get(day=day(1)).paid_interest == 2


def test_an_outlook_keeps_what_earned_and_what_left(alice: Customer, bob: Customer) -> None:
    easy = flexible()
    subscribe(alice, easy, 1000, on(0))
    position = subscribe(bob, easy, 500, on(0))
    subscribe(alice, fixed(early_rule="FORFEIT_ALL"), 400, on(0), term_days=10)
    redeem(position, on(1), 300)
    redeem(
        subscribe(bob, fixed("other", early_rule="FORFEIT_ALL"), 9, on(0), term_days=10),
        on(1),
    )
    close_to(1)
    liquidity.reckon()
    kept = Outlook.objects.order_by("day").values_list("day", "flexible", "redeemed")
    assert list(kept) == [(day(0), 0, 0), (day(1), 1200, 300)]


def test_days_that_were_missed_are_caught_up_with_as_far_as_they_count(
    alice: Customer,
) -> None:
    subscribe(alice, flexible(), 1000, on(0))
    close_to(30)
    assert liquidity.reckon() == day(30)
    days = Outlook.objects.order_by("day").values_list("day", flat=True)
    assert list(days) == [day(n) for n in range(3, 31)]
    assert liquidity.reckoned_through() == day(30)


def test_a_day_is_reckoned_once(alice: Customer) -> None:
    assert liquidity.reckon() is None
    term = fixed(tiers=TENTH)
    subscribe(alice, term, 1000, on(0), term_days=10)
    close_to(1)
    assert liquidity.reckon() == day(1)
    subscribe(alice, term, 1000, on(2), term_days=10)
    before = dues()
    assert liquidity.reckon() is None
    assert dues() == before


def test_the_share_that_leaves_is_the_mean_of_the_days_that_had_something(
    alice: Customer,
) -> None:
    """A fifth on day 1, none on day 2, an eighth on day 3: (0.2 + 0 + 0.125) / 3."""
    position = subscribe(alice, flexible(tiers=[(None, 0, "0")]), 1000, on(0))
    redeem(position, on(1), 200)
    redeem(now(position), on(3), 100)
    close_to(3)
    liquidity.reckon()
    (rate,) = liquidity.rates().values()
    assert round(rate, 10) == round(D("0.325") / 3, 10)


@pytest.mark.parametrize("day_count", list(DayCount))
@pytest.mark.parametrize(
    "first", [date(2023, 12, 30), date(2024, 1, 31), date(2026, 2, 28)]
)
def test_years_of_sql_are_those_of_python(day_count: DayCount, first: date) -> None:
    with connection.cursor() as cursor:
        for days in (0, 1, 29, 31, 60, 366, 800):
            end = first + timedelta(days=days)
            cursor.execute(
                "select earn_years(%s, %s, %s, %s)",
                [str(day_count), first, end, first.day >= 30],
            )
            assert cursor.fetchone() == (year_fraction(day_count, first, end) * L,), end


# The ladder


def test_each_day_has_what_is_due_and_what_is_left(alice: Customer, bob: Customer) -> None:
    """Custody has 6,000 after 3,000 of 9,000 went to venues.

    Of flexible 2,000 a tenth left on day 1, so the mean of day 1 alone is 0.1: 180 a day of
    1,800. Redeemed with two days' delay: 200 on day 3. A term of 3,000 ends on day 11.
    """
    slow = flexible("slow", tiers=[(None, 0, "0")], settlement_delay_days=2)
    position = subscribe(alice, slow, 2000, on(0))
    subscribe(bob, fixed(tiers=TENTH), 3000, on(0), term_days=10)
    fund(bob, 4000, at=on(0))
    deploy(1000, "quick", notice=0)
    deploy(2000, "bank", notice=7)
    redeem(position, on(1), 200)
    close_to(1)
    liquidity.reckon()
    found = rungs(2)
    assert len(found) == 91
    assert due_by_number(found[:11], 2) == {
        1: 200 + 180,
        **{n: 180 for n in range(2, 9)},
        9: 3030 + 180,
        10: 180,
    }
    assert [(n, x.back) for n, x in enumerate(found) if x.back] == [(0, 1000), (7, 2000)]
    assert [(found[n].custody_left, found[n].remaining) for n in (0, 1, 7, 9)] == [
        (6000, 7000),
        (5620, 6620),
        (4540, 7540),
        (1150, 4150),
    ]


def test_free_money_may_leave_today_and_is_not_due(alice: Customer, bob: Customer) -> None:
    """Custody has 1,700 of 5,000 and gets 2,500 on day 4; 500 of the 1,300 came today.

    3,030 are due on day 11: 4,200 suffice, and 2,900, without what is free, do not.
    """
    subscribe(bob, fixed(tiers=TENTH), 3000, on(0), term_days=10)
    fund(alice, 800, at=on(0))
    subscribe(bob, flexible(tiers=[(None, 0, "0")]), 700, on(0))
    deploy(2500, "bank", notice=2)
    deploy(800, "lost", notice=100)
    close_to(1)
    liquidity.reckon()
    fund(alice, 500, at=on(2))
    found = rungs(2)
    assert [(n, x.free) for n, x in enumerate(found) if x.free] == [(0, 1300)]
    assert [found[n].due for n in (0, 9)] == [0, 3030]
    assert [(found[n].remaining, found[n].emptied) for n in (0, 1, 2, 9)] == [
        (1700, 400),
        (1700, 400),
        (4200, 2900),
        (1170, -130),
    ]
    ladder = at_a_glance(2)
    assert (ladder.stock.free, ladder.short_on, ladder.emptied_on) == (1300, None, day(11))
    weeks = liquidity.by_week(found)
    assert (sum(x.free for x in weeks), weeks[-1].emptied) == (1300, -130)
    fund(bob, 1, at=on(2))  # what is free itself changes nothing
    assert at_a_glance(2).emptied_on == day(11)


def test_the_first_day_that_cannot_be_paid_is_named(alice: Customer, bob: Customer) -> None:
    """3,030 are due on day 11 and custody has 2,000; 900 are back at once, 500 too late."""
    subscribe(bob, fixed(tiers=TENTH), 3000, on(0), term_days=10)
    fund(alice, 400, at=on(0))
    deploy(900, "quick", notice=0)
    deploy(500, "slow", notice=20)
    close_to(1)
    liquidity.reckon()
    ladder = at_a_glance(2)
    assert (ladder.due_in_1, ladder.due_in_7, ladder.due_in_30) == (0, 0, 3030)
    assert (ladder.custody_short_on, ladder.short_on) == (day(11), day(11))
    assert ladder.short_by == 3030 - 2000 - 900
    fund(alice, 130, at=on(2))
    ladder = at_a_glance(2)
    assert (ladder.custody_short_on, ladder.short_on, ladder.short_by) == (day(11), None, 0)


def test_what_should_have_been_paid_is_due_today(alice: Customer) -> None:
    slow = flexible("slow", tiers=[(None, 0, "0")], settlement_delay_days=2)
    redeem(subscribe(alice, slow, 2000, on(0)), on(0), 2000)
    subscribe(alice, fixed(tiers=TENTH), 1000, on(0), term_days=10)
    close_to(0)
    liquidity.reckon()
    assert due_by_number(rungs(20), 20) == {0: 3010}


def test_interest_is_paid_out_each_day_from_tomorrow_on(alice: Customer) -> None:
    subscribe(alice, flexible(payout="DAILY", tiers=[(None, 0, "0.365")]), 1000, on(0))
    close_to(1)
    liquidity.reckon()
    assert {x.paying for x in rungs(2)[1:]} == {1}
    assert rungs(2)[0].due == 0


def test_beyond_a_month_days_are_summed_by_week(alice: Customer) -> None:
    subscribe(alice, flexible(payout="DAILY", tiers=[(None, 0, "0.365")]), 1000, on(0))
    close_to(1)
    liquidity.reckon()
    weeks = liquidity.by_week(rungs(2))
    assert len(weeks) == 31 + 9
    assert [(x.last - x.first).days + 1 for x in weeks[30:]] == [1, *[7] * 8, 4]
    assert [x.due for x in weeks[30:]] == [1, *[7] * 8, 4]
    assert weeks[-1].custody_left == 1000 + 0 - 90


def test_all_assets_are_summed_at_their_prices(alice: Customer, btc: Asset) -> None:
    subscribe(alice, fixed(tiers=TENTH), 1000, on(0), term_days=10)
    subscribe(alice, fixed("b", tiers=TENTH, asset=btc), 2, on(0), term_days=10)
    subscribe(alice, fixed("x", tiers=TENTH, asset=money("XXX")), 7, on(0), term_days=10)
    close_to(0)
    liquidity.reckon()
    prices = {money().pk: D(1), btc.pk: D("50000.005")}
    found = liquidity.ladder_of_all(
        stocks(), prices, unit=D("0.01"), today=day(1), horizon=10
    )
    # 1,010 and 2.02 of 50,000.005 each; 1,000 and 2 are in custody
    assert found[10].due == D("102010.01") + D("0.00")
    assert found[10].remaining == D("101000.01") - D("102010.01")


@pytest.fixture
def btc() -> Asset:
    return money("BTC", 8)


def test_free_money_of_all_assets_is_summed_at_their_prices(
    alice: Customer, btc: Asset
) -> None:
    """100 and half a bitcoin at 50,000 are free; of XXX nobody knows the price."""
    for asset, amount in ((money(), 100), (btc, "0.5"), (money("XXX"), 7)):
        fund(alice, amount, at=on(0), asset=asset)
    prices = {money().pk: D(1), btc.pk: D(50_000)}
    today, tomorrow = liquidity.ladder_of_all(
        stocks(), prices, unit=D("0.01"), today=day(1), horizon=1
    )
    assert (today.free, today.emptied, today.remaining) == (25_100, 0, 25_100)
    assert (tomorrow.free, tomorrow.emptied) == (0, 0)


def test_stress_says_what_is_missing_and_when_it_is_back(alice: Customer) -> None:
    """Of 10,000 flexible, 9,000 are deployed: 4,000 come back tomorrow, 5,000 in 5 days.

    Half of it leaves tomorrow: 5,000 against 1,000 and the 4,000 that come back: nothing is
    missing. Of 80 %, 3,000 are missing until the rest is back.
    """
    subscribe(alice, flexible(tiers=[(None, 0, "0")]), 10_000, on(0))
    deploy(4000, "quick", notice=1)
    deploy(5000, "slow", notice=5)
    close_to(1)
    liquidity.reckon()
    (half,) = liquidity.stress(stocks(), percent=50, today=day(2))
    assert (half.flexible, half.leaves, half.missing) == (10_000, 5000, 0)
    assert half.back_on == day(3)
    (most,) = liquidity.stress(stocks(), percent=80, today=day(2))
    assert (most.leaves, most.missing, most.back_on) == (8000, 3000, day(7))


def test_what_is_lost_for_good_is_not_said_to_come_back(alice: Customer) -> None:
    subscribe(alice, flexible(tiers=[(None, 0, "0")]), 1000, on(0))
    with transaction.atomic():
        posting.post(
            key=key(),
            kind="ADJUST",
            lines=[
                Line(
                    chart.house(money().pk, "expense:losses"),
                    chart.custody(money().pk),
                    D(500),
                )
            ],
            happened_at=on(0),
        )
    close_to(1)
    liquidity.reckon()
    (found,) = liquidity.stress(stocks(), percent=100, today=day(2))
    assert (found.missing, found.back_on) == (500, None)


def test_the_applications_rights_suffice(alice: Customer, as_app_role: Any) -> None:
    subscribe(alice, fixed(tiers=TENTH), 1000, on(0), term_days=10)
    close_to(0)
    with as_app_role():
        assert liquidity.reckon() == day(0)
        assert at_a_glance(1).due_in_30 == 1010


# What the database holds


AN_OUTLOOK = {"day": day(0), "flexible": 1, "redeemed": 1, "paid_interest": 1}
A_DUE = {"due_on": day(0), "principal": 1, "interest": 1, "stays": 2}


@pytest.mark.parametrize(
    ("model", "known", "wrong", "rule"),
    [
        (Outlook, AN_OUTLOOK, {"flexible": -1}, "outlooks_are_not_negative"),
        (Outlook, AN_OUTLOOK, {"redeemed": -1}, "outlooks_are_not_negative"),
        (Outlook, AN_OUTLOOK, {"paid_interest": -1}, "outlooks_are_not_negative"),
        (Outlook, AN_OUTLOOK, {}, "one_outlook_a_day"),
        (Due, A_DUE, {"stays": 3}, "dues_hold_what_stays"),
        (Due, A_DUE, {"interest": -1, "stays": 0}, "dues_hold_what_stays"),
        (Due, A_DUE, {}, "one_due_a_morning"),
    ],
)
def test_what_is_kept_is_sane(
    usd: Asset, model: Any, known: dict[str, Any], wrong: dict[str, Any], rule: str
) -> None:
    if not wrong:
        model.objects.create(asset=usd, **known)
    with pytest.raises(IntegrityError, match=rule), transaction.atomic():
        model.objects.create(asset=usd, **known | wrong)


STATEMENTS = {
    "free_wallets": {"wallets": chart.WALLETS},
    "outlook": {"day": day(0), "principals": chart.PRINCIPALS},
    "dues": {"day": day(0)},
    "latest_prices": {"since": on(0), "at": on(1)},
    "margin": {"first": day(0), "last": day(1), "yields": "a%", "interest": "b%"},
    "standing": {
        "day": day(0),
        **dict.fromkeys(
            ("custody", "deployed", "wallets", "principals", "redeeming", "accrued"), "x"
        ),
    },
    **dict.fromkeys(
        ("ladder", "ladders", "ladder_of_all", "stress"),
        {
            "today": day(0),
            "last": day(1),
            "assets": [1],
            "amounts": [D(1)],
            "back": [None],
            "free_of": [1],
            "free": [D(1)],
            "priced": [1],
            "prices": [D(1)],
            "share": D("0.3"),
        },
    ),
}


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_every_statement_can_be_planned_and_says_what_it_does(name: str) -> None:
    text = earn.sql.sql(name)
    first = Path(earn.sql.__file__).with_name(f"{name}.sql").read_text().splitlines()[0]
    assert first.startswith("-- ")
    assert first[3].isupper()
    with connection.cursor() as cursor:
        cursor.execute(f"explain {text}", STATEMENTS[name])
        assert "cost=" in str(cursor.fetchall())
