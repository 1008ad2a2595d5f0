from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import product
from random import Random

import pytest
from django.db import connection

from ledger import days
from ledger.balances import (
    Figures,
    available,
    balance_at,
    balances_at,
    balances_of,
    owned_by_day,
    statement,
    trial_balance,
)
from ledger.models import Account, BalanceDay, DailyTotal
from ledger.posting import AccountName
from tests.ledger.books import (
    DAY,
    Leg,
    accrued,
    asset,
    at,
    custody,
    day,
    deposit,
    enter,
    equity,
    fees,
    interest,
    line,
    random_history,
    wallet,
)

pytestmark = pytest.mark.django_db

DEBIT_NORMAL = {"ASSET", "EXPENSE"}
HISTORIES = list(product(range(4), (0, 3, 6)))  # seed, days ended of 6


def accounts(legs: Sequence[Leg]) -> dict[tuple[int, str], AccountName]:
    return {(x.account.asset_id, x.account.code): x.account for x in legs}


def naive_figures(legs: Sequence[Leg], name: AccountName, moment: datetime) -> Figures:
    amounts = [x.amount for x in legs if x.account == name and x.happened_at <= moment]
    debits = sum((x for x in amounts if x > 0), Decimal(0))
    credits = -sum((x for x in amounts if x < 0), Decimal(0))
    return Figures(name.kind, debits, credits)


def moments(legs: Sequence[Leg], seed: int) -> Iterator[datetime]:
    """Edges of days, the moments of entries and just before them, and some at random."""
    random = Random(seed)
    for number in range(-1, 8):
        yield at(number, 0)
        yield at(number, 0) - timedelta(microseconds=1)
    for x in random.sample(legs, min(10, len(legs))):
        yield x.happened_at
        yield x.happened_at - timedelta(microseconds=1)
    for _ in range(5):
        yield at(random.randrange(6), random.random() * 24)


@pytest.mark.parametrize(("seed", "ended"), HISTORIES)
def test_a_balance_at_any_moment_is_the_sum_of_what_had_happened(
    seed: int, ended: int
) -> None:
    legs = random_history(seed, ended=ended)
    by_asset = defaultdict(list)
    for (asset_id, code), _ in accounts(legs).items():
        by_asset[asset_id].append(code)
    for moment in moments(legs, seed):
        for asset_id, codes in by_asset.items():
            found = balances_at(asset_id=asset_id, codes=codes, at=moment)
            assert found == {
                code: naive_figures(legs, accounts(legs)[asset_id, code], moment)
                for code in codes
            }


@pytest.mark.parametrize(("seed", "ended"), HISTORIES)
def test_the_trial_balance_at_any_moment_is_the_sum_by_heading(
    seed: int, ended: int
) -> None:
    legs = random_history(seed, ended=ended)
    codes = {x.asset_id: x.asset.code for x in Account.objects.select_related("asset")}
    for moment in moments(legs, seed):
        expected: dict[tuple[str, str, str], list[Decimal]] = {}
        for (asset_id, code), name in accounts(legs).items():
            figures = naive_figures(legs, name, moment)
            key = (codes[asset_id], name.heading or code, name.kind)
            sums = expected.setdefault(key, [Decimal(0), Decimal(0)])
            sums[0] += figures.debits
            sums[1] += figures.credits
        found = trial_balance(at=moment)
        rows = {(x.asset, x.heading, x.kind): [x.debits, x.credits] for x in found}
        assert rows == {k: v for k, v in expected.items() if any(v)}
        for of in codes.values():
            mine = [x for x in found if x.asset == of]
            assert sum(x.debits for x in mine) == sum(x.credits for x in mine)
            assert sum(x.balance for x in mine if x.kind in DEBIT_NORMAL) == sum(
                x.balance for x in mine if x.kind not in DEBIT_NORMAL
            )


@pytest.mark.parametrize(("seed", "ended"), HISTORIES)
def test_a_statement_goes_from_the_opening_to_the_closing_balance(
    seed: int, ended: int
) -> None:
    legs = random_history(seed, ended=ended)
    for (asset_id, code), name in accounts(legs).items():
        for first, last in ((0, 5), (1, 3), (4, 4), (5, 1)):
            opening = balance_at(
                asset_id=asset_id, code=code, at=at(first, 0) - timedelta(microseconds=1)
            )
            lines = statement(
                asset_id=asset_id, code=code, first=day(first), last=day(last)
            )
            sign = 1 if name.kind in DEBIT_NORMAL else -1
            running = opening
            for x in lines:
                running += sign * (x.debit - x.credit)
                assert x.balance == running
            if first <= last:
                end = at(last + 1, 0) - timedelta(microseconds=1)
                assert running == balance_at(asset_id=asset_id, code=code, at=end)
            inside = [
                x
                for x in legs
                if x.account == name and day(first) <= x.happened_at.date() <= day(last)
            ]
            assert sorted(x.happened_at for x in lines) == [x.happened_at for x in lines]
            assert sorted(x.debit - x.credit for x in lines) == sorted(
                x.amount for x in inside
            )


@pytest.mark.parametrize("seed", range(4))
def test_what_the_end_of_a_day_stores_is_the_sum_through_that_day(seed: int) -> None:
    legs = random_history(seed, ended=6)
    ids = {(x.asset_id, x.code): x.pk for x in Account.objects.all()}
    for (asset_id, code), name in accounts(legs).items():
        moved = {x.happened_at.date() for x in legs if x.account == name}
        stored = BalanceDay.objects.filter(account_id=ids[asset_id, code])
        found = {x.day: (x.debits, x.credits) for x in stored}
        assert set(found) == (moved if name.guarded else set())
        for on in found:
            end = at((on - DAY).days + 1, 0) - timedelta(microseconds=1)
            figure = naive_figures(legs, name, end)
            assert found[on] == (figure.debits, figure.credits)
    for number in range(6):
        end = at(number + 1, 0) - timedelta(microseconds=1)
        totals = DailyTotal.objects.filter(day=day(number)).select_related("asset")
        assert {
            (x.asset.code, x.heading, x.kind): (x.debits, x.credits) for x in totals
        } == {
            (x.asset, x.heading, x.kind): (x.debits, x.credits)
            for x in trial_balance(at=end)
        }


def test_a_statement_names_what_happened_and_who_is_on_the_other_side() -> None:
    of = asset()
    deposit(of, "5", key="in", happened_at=at(0))
    enter(
        line(wallet(of), fees(of), "1"),
        line(interest(of), wallet(of), "0.25"),
        key="out",
        happened_at=at(1),
        note={"why": ["test"]},
    )
    name = wallet(of)
    first, second, third = statement(asset_id=of.pk, code=name.code, first=DAY, last=day(1))
    assert (first.key, first.kind, first.counter_account) == (
        "in",
        "TEST",
        custody(of).code,
    )
    assert (first.debit, first.credit, first.balance) == (0, 5, 5)
    assert (second.line, second.note, second.counter_account) == (
        1,
        {"why": ["test"]},
        fees(of).code,
    )
    assert (second.debit, second.credit, second.balance) == (1, 0, 4)
    assert (third.line, third.counter_account, third.balance) == (
        2,
        interest(of).code,
        Decimal("4.25"),
    )


def test_the_legs_of_a_posting_are_its_debit_above_zero_and_its_credit_below() -> None:
    of = asset()
    posted = deposit(of, "30")
    with connection.cursor() as cursor:
        cursor.execute(
            """select a.code, c.code, l.line, l.day, l.debit, l.credit, l.amount
               from ledger_leg l
               join ledger_account a on a.id = l.account_id
               join ledger_account c on c.id = l.counter_id
               where l.entry_id = %s order by l.amount desc""",
            [posted.entry_id],
        )
        legs = cursor.fetchall()
    assert legs == [
        (custody(of).code, wallet(of).code, 1, DAY, 30, 0, 30),
        (wallet(of).code, custody(of).code, 1, DAY, 0, 30, -30),
    ]


def test_a_statement_begins_with_what_earlier_days_left() -> None:
    of = asset()
    deposit(of, "5", happened_at=at(0))
    deposit(of, "1", happened_at=at(3))
    name = custody(of)
    (only,) = statement(asset_id=of.pk, code=name.code, first=day(2), last=day(3))
    assert (only.debit, only.balance) == (1, 6)


def test_an_account_that_was_never_named_has_nothing() -> None:
    of = asset()
    assert balance_at(asset_id=of.pk, code="nobody", at=at()) == 0
    assert available(asset_id=of.pk, code="nobody") == 0
    assert statement(asset_id=of.pk, code="nobody", first=DAY, last=DAY) == []
    assert balances_at(asset_id=of.pk, codes=["nobody"], at=at()) == {}


def test_accounts_of_one_code_in_two_assets_are_two() -> None:
    btc, usd = asset(), asset("USD", 2)
    deposit(btc, "5")
    deposit(usd, "7")
    assert balance_at(asset_id=btc.pk, code=custody(btc).code, at=at()) == 5
    assert balance_at(asset_id=usd.pk, code=custody(usd).code, at=at()) == 7
    owner = wallet(btc).owner
    assert owner is not None
    code = wallet(btc).code
    assert balances_of(owner) == {("BTC", code): 5, ("USD", code): 7}


@pytest.mark.parametrize(
    ("name", "balance"),
    [(custody, 9), (interest, 9), (accrued, -9), (fees, -9), (equity, -9)],
)
def test_a_balance_is_positive_on_the_normal_side(name: object, balance: int) -> None:
    of = asset()
    other = equity if name is not equity else custody
    enter(line(name(of), other(of), "9"))  # type: ignore[operator]
    assert balance_at(asset_id=of.pk, code=name(of).code, at=at()) == balance  # type: ignore[operator]


def test_the_moment_of_an_entry_is_in_its_balance() -> None:
    of = asset()
    deposit(of, "5", happened_at=at(0, 12))
    before = at(0, 12) - timedelta(microseconds=1)
    code = wallet(of).code
    assert balance_at(asset_id=of.pk, code=code, at=before) == 0
    assert balance_at(asset_id=of.pk, code=code, at=at(0, 12)) == 5


def test_what_is_recorded_later_counts_when_it_happened() -> None:
    of = asset()
    deposit(of, "5", happened_at=at(4))
    deposit(of, "1", happened_at=at(2))
    code = wallet(of).code
    assert balance_at(asset_id=of.pk, code=code, at=at(3)) == 1
    assert available(asset_id=of.pk, code=code) == 6


def test_what_an_owner_held_when_each_day_was_over() -> None:
    coin, other = asset(), asset("ETH", 18)
    deposit(coin, "3", happened_at=at(0))
    deposit(coin, "8", customer=2, happened_at=at(0))
    enter(line(wallet(coin), custody(coin), "1"), happened_at=at(2))
    deposit(other, "0.5", happened_at=at(2))
    for number in range(4):
        days.end(day(number))
    owner = wallet(coin).owner
    assert owner
    assert owned_by_day(owner, [day(n) for n in (-1, 0, 1, 2, 3)]) == {
        (day(0), coin.pk): 3,
        (day(1), coin.pk): 3,
        (day(2), coin.pk): 2,
        (day(2), other.pk): Decimal("0.5"),
        (day(3), coin.pk): 2,
        (day(3), other.pk): Decimal("0.5"),
    }
