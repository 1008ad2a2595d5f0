"""Today at a glance: each figure worked out by hand."""

from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django_celery_beat.models import PeriodicTask

from earn import catalogue, checks, close, overview, prices, tasks
from earn.models import CheckRun, Customer, DayClose, Outlook, Product
from ledger.models import Asset
from tests.earn.people import (
    buy,
    close_to,
    day,
    flexible,
    fund,
    money,
    on,
    redeem,
    subscribe,
)

pytestmark = pytest.mark.django_db
D = Decimal


def test_before_the_first_close_no_day_is_behind() -> None:
    assert overview.closes(today=day(1)) == (None, 0, None, 0, 0)


def test_days_that_are_over_and_not_closed_are_counted(alice: Customer) -> None:
    fund(alice, at=on(0))
    close_to(1)
    found = [overview.closes(today=day(n)) for n in (1, 2, 3, 5)]
    assert [x.behind for x in found] == [0, 0, 1, 3]
    assert {x.last.day for x in found if x.last} == {day(1)}


def test_a_running_close_says_how_far_it_has_come(alice: Customer) -> None:
    for code in ("a", "b", "c"):
        subscribe(alice, flexible(code), 10, on(0))
    close_to(0)
    with connection.cursor() as cursor:  # chunks are ranges of ids: let them be few
        cursor.execute("select max(id) from earn_position")
        highest = cursor.fetchone()[0]
    close.open_day(day(1), at=on(2), chunk=highest // 2)
    for number in close.chunks_left(day(1))[:2]:
        close.accrue(day(1), number)
    found = overview.closes(today=day(2))
    assert found.last is not None
    assert found.running is not None
    assert (found.last.day, found.running.day, found.behind) == (day(0), day(1), 1)
    assert (found.running.stage, found.done) == (DayClose.Stage.ACCRUE, 2)
    assert found.chunks == highest // (highest // 2) + 1


def test_a_job_is_on_paused_or_missing() -> None:
    name = tasks.drive_close.name
    assert overview.is_on(name) is None
    call_command("schedule_jobs", stdout=StringIO())
    assert overview.is_on(name) is True
    PeriodicTask.objects.filter(task=name).update(enabled=False)
    assert overview.is_on(name) is False


def test_redemptions_wait_until_their_day_and_are_overdue_after_it(
    alice: Customer,
) -> None:
    slow = flexible("slow", settlement_delay_days=3)
    position = subscribe(alice, slow, 100, on(0))
    for number in (0, 1):  # due on days 3 and 4
        redeem(position, on(number), 10)
    found = [overview.redemptions(today=day(n)) for n in (3, 4, 5)]
    assert found == [(2, 0), (2, 1), (2, 2)]
    close_to(2)
    assert overview.redemptions(today=day(3)) == (1, 0)


def test_products_of_whose_quota_nine_tenths_are_used_are_named(alice: Customer) -> None:
    quotas = {"full": 100, "nearly": 111, "half": 200, "closed": 100}
    for code, quota in quotas.items():
        subscribe(alice, flexible(code, quota=quota, shards=2), 100, on(0))
    subscribe(alice, flexible("endless"), 100, on(0))
    catalogue.set_state(Product.objects.get(code="closed"), Product.State.PAUSED)
    found = [(x.product.code, x.used, x.capacity) for x in overview.nearly_sold_out()]
    assert found == [("full", 100, 100), ("nearly", 100, 111)]


def test_just_nine_tenths_are_nearly_all(alice: Customer) -> None:
    product = flexible(quota=1000)
    fund(alice, 2000, at=on(0))
    buy(alice, product, "899.99", on(0))
    assert overview.nearly_sold_out() == []
    buy(alice, product, "0.01", on(0))
    assert [x.share for x in overview.nearly_sold_out()] == [D("0.9")]


def test_what_has_no_price_is_left_out_by_name(usd: Asset) -> None:
    btc, eth = money("BTC", 8), money("ETH", 18)
    prices.record([(btc, D(60000)), (eth, D(3000))], at=on(0))
    prices.record([(btc, D(50000))], at=on(2))
    late = on(2, 11)  # the price of ETH is 49 hours old
    known = prices.latest(at=late)
    amounts = [(btc, D("0.5")), (eth, D(2)), (usd, D(7))]
    found = overview.total(amounts, usd, known=known, at=late)
    assert found == (25007, [eth])
    assert overview.rates([btc, eth, usd], usd, known=known, at=late) == {
        btc.pk: 50000,
        usd.pk: 1,
    }
    nothing = overview.total([(eth, D(0))], usd, known=known, at=late)
    assert nothing == (0, [])


def test_the_latest_prices_are_those_of_any_span(usd: Asset) -> None:
    btc = money("BTC", 8)
    for number in range(5):
        prices.record([(btc, D(100 + number))], at=on(number))
    for at in (on(0) - timedelta(1), on(2), on(3, 9), on(4), on(6, 10), on(6, 11)):
        span = prices.load([btc], since=at, until=at)
        assert prices.latest(at=at).quote(btc, at) == span.quote(btc, at), at
        assert prices.latest(at=at).value(D(2), btc, usd, at) == span.value(
            D(2), btc, usd, at
        )


def test_without_the_reporting_currency_there_is_none() -> None:
    assert overview.reporting_currency() is None
    usd = money()
    assert overview.reporting_currency() == usd


# Runs of the checks


def test_a_run_is_kept_with_what_it_found(alice: Customer) -> None:
    fund(alice, at=on(0))
    good = checks.keep(list(checks.everything()), began_at=on(0), ended_at=on(0, 11))
    assert (good.violations, good.found, good.checks) == (0, [], 18)
    with connection.cursor() as cursor:
        cursor.execute("set local session_replication_role = replica")
        cursor.execute("update ledger_balance set credits = credits + 1")
    bad = checks.keep(list(checks.everything()), began_at=on(1), ended_at=on(1))
    assert checks.last_run() == bad
    names = {x["check"]: x["violations"] for x in bad.found}
    assert names["balances"] == 1
    assert bad.violations == sum(names.values())


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"violations": 1}, "check_runs_count_what_they_found"),
        ({"found": [{"check": "x"}]}, "check_runs_count_what_they_found"),
        ({"violations": -1}, "check_runs_count_what_they_found"),
        ({"ended_at": on(0) - timedelta(1)}, "check_runs_end_after_they_began"),
    ],
)
def test_a_run_that_cannot_be_is_refused(wrong: dict[str, Any], rule: str) -> None:
    known = {"began_at": on(0), "ended_at": on(0), "checks": 1, "violations": 0}
    with pytest.raises(IntegrityError, match=rule), transaction.atomic():
        CheckRun.objects.create(**known | wrong)


@pytest.mark.django_db(transaction=True)
def test_the_jobs_keep_the_outlook_and_a_run(alice: Customer, as_app_role: Any) -> None:
    fund(alice, at=on(0))
    close_to(0)
    with as_app_role():
        tasks.reckon_liquidity()
        tasks.verify_books()
    assert Outlook.objects.filter(day=day(0)).exists()
    run = checks.last_run()
    assert run is not None
    assert (run.violations, run.checks) == (0, 18)
