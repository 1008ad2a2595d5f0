"""Treasury on the desk, and today's page: what is shown, and what is shouted."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_celery_beat.models import PeriodicTask

from earn import admin as desk
from earn import catalogue, chart, checks, close, liquidity, prices, proposals, tasks
from earn.audit import Actor
from earn.models import Customer, DayClose, Operation, Product, Proposal, Venue
from ledger import posting
from ledger.checks import Check, Violation
from ledger.models import Asset
from ledger.posting import Line
from tests.admin.staff import member
from tests.earn import people
from tests.earn.people import (
    close_to,
    day,
    fixed,
    flexible,
    fund,
    key,
    money,
    on,
    subscribe,
)
from tests.portal.pages import signed_in

pytestmark = pytest.mark.django_db
D = Decimal
PAGES = ("index", "liquidity", "coverage", "stress", "venues")
NEVER = [(None, 0, "0")]
DAILY = [(10, 0, "0.365")]


class Clock(datetime):
    """Stands at ten on day 2 of the stories."""

    moment = on(2)

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        assert tz is UTC
        return cls.moment


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> type[Clock]:
    monkeypatch.setattr(Clock, "moment", Clock.moment)
    for edge in (desk.home, desk.treasury):
        monkeypatch.setattr(edge, "datetime", Clock)
    return Clock


@pytest.fixture
def usd(db: None) -> Asset:  # noqa: ARG001
    return money()


@pytest.fixture
def browse(business: Customer) -> Callable[..., str]:  # noqa: ARG001
    """What a viewer reads on a page of a desk where there is business."""
    client = signed_in(member("vera", "viewer"))

    def act(name: str, query: str = "", status: int = 200) -> str:
        return seen(client, name, query, status)

    return act


def seen(client: Client, name: str, query: str = "", status: int = 200) -> str:
    answer = client.get(reverse(f"admin:{name}") + query)
    assert answer.status_code == status
    text = re.sub(r"<[^>]+>", " ", answer.content.decode().split("<main", 1)[-1])
    return " ".join(text.split())


def move(
    operation: str, amount: str, venue: str = "bank", asset: str = "USD", number: int = 0
) -> None:
    """Proposed by one and approved by another."""
    users = [
        member(f"{name}{key()}", role)
        for name, role in (("m", "operator"), ("c", "checker"))
    ]
    request = {"venue": venue, "asset": asset, "amount": amount, "paid_to": "venue"}
    made = proposals.propose(
        operation, request, key=key(), reason="Plan", by=Actor(users[0], on(number))
    )
    proposals.approve(made.pk, by=Actor(users[1], on(number)))


@pytest.fixture
def business(usd: Asset) -> Customer:
    """Alice has 1,000 free, 2,000 flexible, and 3,000 for ten days: 3 a day, due on day 11.

    Of the 6,000 in custody 5,500 are at a bank that gives back in a week; it has yielded 7.
    """
    alice = people.customer("Alice")
    fund(alice, 1000, at=on(0), asset=usd)
    subscribe(alice, flexible(tiers=NEVER, quota=2100), 2000, on(0))
    subscribe(alice, fixed(tiers=DAILY), 3000, on(0), term_days=10)
    Venue.objects.create(code="bank", name="A bank", notice_days=7)
    move("DEPLOY", "5500")
    move("YIELD", "7")
    call_command("schedule_jobs", stdout=StringIO())
    close_to(1)
    liquidity.reckon()
    return alice


# Today


def test_today_has_the_figures_of_the_last_closed_day(browse: Callable[..., str]) -> None:
    page = browse("index")
    assert "Last closed day 6 January 2026 yesterday, as it should be" in page
    assert "Assets 6,007.00 USD" in page
    assert "Liabilities 6,003.00 USD" in page
    assert (
        "Net interest margin of the month 4.00 USD 7.00 USD of yield less 3.00 USD" in page
    )
    assert "USD 6,003.00 6,007.00 6,003.00 4.00 " in page
    assert "flexible 2,000.00 USD 2,100.00 USD 95.23 %" in page


def test_today_sets_what_is_due_against_what_is_liquid(browse: Callable[..., str]) -> None:
    """500 in custody; 5,507 more from day 9 on. 3,030 are due on day 11; 1,000 are free."""
    page = browse("index")
    assert "1 day 0 1,000.00 500.00 suffices if wallets stay" in page
    assert "7 days 0 1,000.00 6,007.00 suffices" in page
    assert "30 days 3,030.00 1,000.00 6,007.00 suffices" in page
    assert "does not suffice" not in page


@pytest.mark.usefixtures("business")
def test_a_clean_day_shouts_nothing() -> None:
    page = signed_in(member("anna", "viewer")).get(reverse("admin:index"))
    assert b'class="alarm"' not in page.content


def test_a_paused_and_a_missing_close_are_shouted(browse: Callable[..., str]) -> None:
    job = PeriodicTask.objects.filter(task=tasks.drive_close.name)
    job.update(enabled=False)
    assert "The close is paused" in browse("index")
    job.delete()
    assert "No job closes the days." in browse("index")


def test_a_failed_close_is_shouted_with_its_problem(
    browse: Callable[..., str], clock: type[Clock]
) -> None:
    clock.moment = on(3)
    close.open_day(day(2), at=on(3))
    page = browse("index")
    assert "Close that is running 7 January 2026 Accruing, 0 of 1 parts accrued" in page
    DayClose.objects.filter(day=day(2)).update(problem="2026-01-07: quota: 1 missing")
    page = browse("index")
    assert "The close of 7 January 2026 has failed" in page
    assert "quota: 1 missing" in page


def test_days_that_lie_open_are_shouted_from_the_second_on(
    browse: Callable[..., str], clock: type[Clock]
) -> None:
    clock.moment = on(3)
    assert "1 day later is over and not closed" in browse("index")
    assert "1 day is over and not closed." not in browse("index")
    clock.moment = on(4)
    assert "2 days are over and not closed." in browse("index")


def test_the_last_run_of_the_checks_is_shown_with_its_age(
    browse: Callable[..., str], clock: type[Clock]
) -> None:
    assert "Books checked never" in browse("index")
    checks.keep([], began_at=on(0), ended_at=on(0, 11))
    assert "Books checked right" in browse("index")
    assert "more than two days ago" not in browse("index")
    clock.moment = on(2, 12)
    assert "more than two days ago" in browse("index")
    wrong = (Check("balances", "a balance equals its postings"), [Violation("a", "b")])
    checks.keep([wrong], began_at=on(1), ended_at=on(2))
    page = browse("index")
    assert "The books are wrong: 1 violation. a balance equals its postings (1)" in page


def test_what_waits_for_me_is_named(business: Customer) -> None:
    maria, carl = member("maria", "operator"), member("carl", "checker")
    request = {"customer": str(business.pk), "asset": "USD", "amount": "5"}
    at = datetime.now(UTC)
    proposals.propose("DEPOSIT", request, key=key(), reason="x", by=Actor(maria, at))
    page = seen(signed_in(carl), "index")
    assert "Approvals waiting for you 1 1 waits in all" in page
    page = seen(signed_in(maria), "index")
    assert "Approvals waiting for you 0 1 waits in all" in page


def test_what_has_no_price_is_missing_and_never_zero(
    business: Customer, browse: Callable[..., str], clock: type[Clock]
) -> None:
    btc = money("BTC", 8)
    fund(business, "0.5", at=on(2), asset=btc)
    close_to(2)
    clock.moment = on(3)
    page = browse("index")
    assert "no price of the last two days is known: BTC" in page
    assert "BTC no price 0.50000000 0.50000000" in page
    prices.record([(btc, D(50000))], at=on(3))
    page = browse("index")
    assert "BTC 25,000.00 0.50000000 0.50000000" in page


def test_empty_books_are_a_page_too() -> None:
    client = signed_in(member("anna", "viewer"))
    for name in PAGES:
        seen(client, name)
    assert "The reporting currency is no asset here" in seen(client, "index")


# Liquidity


def test_the_ladder_shouts_the_first_day_that_cannot_be_paid(
    browse: Callable[..., str],
) -> None:
    page = browse("liquidity", "?asset=USD")
    assert "does not suffice" not in page
    glance = "USD 16 Jan 2026 over 90 days 7 Jan 2026 1,000.00 500.00 6,007.00 3,030.00"
    assert glance in page
    Venue.objects.update(notice_days=60)
    page = browse("liquidity", "?asset=USD")
    assert "USD on 16 January 2026, at most 2,530.00 USD missing" in page
    assert "USD on 16 January 2026" in browse("index")


@pytest.mark.usefixtures("business")
def test_the_ladder_leaves_out_assets_of_which_there_is_nothing() -> None:
    money("EUR")
    answer = signed_in(member("anna", "viewer")).get(reverse("admin:liquidity"))
    assert [x.stock.asset.code for x in answer.context["rows"]] == ["USD"]
    assert answer.context["assets"] == ["USD"]


@pytest.mark.usefixtures("business")
def test_the_ladder_is_shown_by_day_and_by_week() -> None:
    client = signed_in(member("anna", "viewer"))
    for query in ("", "?asset=USD"):
        answer = client.get(reverse("admin:liquidity") + query)
        text = answer.content.decode()
        assert text.count("Due until then") >= 1
        assert len(answer.context["rungs"]) == 40
        assert [x.due for x in answer.context["rungs"] if x.due] == [3030]


def test_what_is_due_of_an_asset_without_price_or_coins_is_named(
    business: Customer, browse: Callable[..., str], clock: type[Clock]
) -> None:
    """A bitcoin is due on day 41, and all of them are lost: the worst asset of all."""
    btc = money("BTC", 8)
    money("ETH", 18)  # of which there is nothing
    term = people.draft("coins", kind="FIXED", asset=btc)
    people.chart(term, day(2), (38, 0, "0"), at=on(2))
    catalogue.set_state(term, Product.State.OPEN)
    subscribe(business, term, 1, on(2), term_days=38)
    with transaction.atomic():
        losses = Line(chart.house(btc.pk, "expense:losses"), chart.custody(btc.pk), D(1))
        posting.post(key=key(), kind="ADJUST", lines=[losses], happened_at=on(2))
    close_to(2)
    liquidity.reckon()
    clock.moment = on(3)
    page = browse("liquidity")
    assert "no price of the last two days is known: BTC" in page
    assert "BTC, ETH" not in page
    assert "BTC on 15 February 2026, at most 1.00000000 BTC missing" in page


@pytest.mark.parametrize("query", ["?asset=%00", "?asset=NONE", "?after=%00", "?after=ZZZ"])
def test_what_the_query_does_not_mean_is_ignored(
    browse: Callable[..., str], query: str
) -> None:
    for name in PAGES:
        browse(name, query)


def test_assets_come_by_pages(business: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk.treasury, "ROWS", 2)
    for code in ("AAA", "BBB", "CCC"):
        fund(business, 10, at=on(2), asset=money(code))
    close_to(2)
    for name in ("liquidity", "coverage", "venues"):
        client = signed_in(member(f"anna{key()}", "viewer"))
        first = client.get(reverse(f"admin:{name}"))
        assert first.context["after"] == "BBB"
        second = client.get(reverse(f"admin:{name}") + "?after=BBB")
        assert (len(second.context["rows"]), second.context["after"]) == (2, "")


# Coverage, stress, venues


def test_coverage_below_all_is_shouted(browse: Callable[..., str]) -> None:
    page = browse("coverage")
    assert "USD 100.0666 % 0 6,003.00 500.00 5,507.00" in page
    assert "USD 1,000.00 5,000.00 0 3.00" in page
    assert "Customers hold more" not in page
    close_to(3)  # 3 a day, and no more yield: 9 are owed and 7 have been earned
    page = browse("coverage")
    assert "Customers hold more than the house has: USD " in page
    assert "USD 99.9667 % 2.00 6,009.00" in page
    assert "1 asset is not covered" in browse("index")


def test_stress_takes_its_percentage_from_the_query(browse: Callable[..., str]) -> None:
    """500 in custody tomorrow; 30 % of 2,000 are 600, and the bank is back on day 9."""
    page = browse("stress")
    assert "1 asset could not pay: USD, 100.00 USD missing" in page
    assert re.search(r"USD 2,000.00 600.00 100.00 \S*14\S*", page)
    page = browse("stress", "?percent=25")
    assert "Every asset could pay." in page


@pytest.mark.parametrize("percent", ["0", "101", "-5", "x", "1e1", "٣٠", "9" * 5000, ""])
def test_a_percentage_that_is_none_is_refused(
    browse: Callable[..., str], percent: str
) -> None:
    assert "from 1 to 100" in browse("stress", f"?percent={percent}", status=422)


@pytest.mark.usefixtures("business")
def test_venues_lead_operators_to_proposals() -> None:
    client = signed_in(member("olga", "operator"))
    page = client.get(reverse("admin:venues")).content.decode()
    address = reverse("admin:propose", args=["recall"]) + "?asset=USD&amp;venue=bank"
    assert address in page
    form = client.get(address.replace("&amp;", "&")).content.decode()
    assert '<option value="bank" selected>' in form
    viewer = signed_in(member("vera", "viewer"))
    assert address not in viewer.get(reverse("admin:venues")).content.decode()
    assert "5,507.00" in seen(viewer, "venues")


@pytest.mark.parametrize("operation", ["deploy", "recall", "yield", "venue"])
@pytest.mark.usefixtures("business")
def test_each_operation_is_proposed_by_its_form(operation: str) -> None:
    client = signed_in(member("olga", "operator"))
    address = reverse("admin:propose", args=[operation])
    fields = {"venue": "bank", "asset": "USD", "amount": "5", "paid_to": "custody"}
    if operation == "venue":
        fields = {"code": "new", "name": "New one", "notice_days": "3"}
    sent = fields | {"reason": "Plan", "key": key(), "step": "send"}
    answer = client.post(address, sent)
    assert answer.status_code == 302
    kept = Proposal.objects.get(state="WAITING")
    assert (kept.operation, kept.request) == (
        Operation(operation.upper()),
        {x: y for x, y in fields.items() if x != "paid_to" or operation == "yield"},
    )


def test_a_page_takes_as_many_queries_whatever_there_is(
    business: Customer, django_assert_max_num_queries: Any
) -> None:
    client = signed_in(member("anna", "viewer"))

    def count() -> dict[str, int]:
        counted = {}
        for name, query in (*((x, "") for x in PAGES), ("liquidity", "?asset=USD")):
            client.get(reverse(f"admin:{name}") + query)  # what is cached, is
            with django_assert_max_num_queries(40) as queries:
                assert client.get(reverse(f"admin:{name}") + query).status_code == 200
            counted[f"{name}{query}"] = len(queries)
        return counted

    before = count()
    assert max(before.values()) <= 32, before
    for number in range(4):
        asset = money(f"C{number}")
        product = people.draft(f"c{number}", asset=asset, quota=10)
        people.chart(product, day(2), *NEVER, at=on(2))
        catalogue.create_quota(product)
        catalogue.set_state(product, Product.State.OPEN)
        subscribe(people.customer(f"C{number}"), product, 10, on(2))
        Venue.objects.create(code=f"v{number}", name="V", notice_days=number)
        prices.record([(asset, D(1))], at=on(2))
        move("DEPLOY", "1", venue=f"v{number}", asset=f"C{number}", number=2)
        maria = member(f"maria{number}", "operator")
        request = {"customer": str(business.pk), "asset": "USD", "amount": "5"}
        by = Actor(maria, datetime.now(UTC))
        proposals.propose("DEPOSIT", request, key=key(), reason="x", by=by)
    close_to(2)
    liquidity.reckon()
    assert count() == before


@pytest.mark.usefixtures("business")
def test_no_page_reads_positions_or_accruals() -> None:
    """There are millions of them."""
    client = signed_in(member("anna", "viewer"))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        for name in PAGES:
            client.get(reverse(f"admin:{name}"))
    texts = "\n".join(query["sql"] for query in queries)
    assert "earn_outlook" in texts
    assert not re.search(r"earn_(position|accrual)\b", texts)


@pytest.mark.usefixtures("business")
def test_the_applications_rights_suffice(as_app_role: Any) -> None:
    client = signed_in(member("anna", "viewer"))
    with as_app_role():
        for name in PAGES:
            assert client.get(reverse(f"admin:{name}")).status_code == 200
