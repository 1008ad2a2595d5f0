from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta
from decimal import Decimal
from threading import Event
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from earn import catalogue
from earn.models import Customer, Product, RateChart, RateTier
from ledger.posting import constraint_of
from tests.earn.people import (
    ANNOUNCED,
    at_once,
    bases,
    broken,
    chart,
    close_to,
    day,
    draft,
    earned,
    fixed,
    flexible,
    on,
    rows,
    subscribe,
)

pytestmark = pytest.mark.django_db
AsRole = Callable[[], AbstractContextManager[None]]
NOTICE = 30
BEFORE = [(None, 0, "0.10"), (None, 1000, "0.05")]


def broken_rule(act: Callable[[], Any]) -> str:
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        act()
    return constraint_of(caught.value)


def run(sql: str, *parameters: Any) -> Callable[[], Any]:
    def act() -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)

    return act


ALTERATIONS = [
    "update earn_ratechart set effective_on = effective_on + 1 where id = %s",
    "update earn_ratechart set announced_at = null where id = %s",
    "update earn_ratechart set version = 9 where id = %s",
    "delete from earn_ratechart where id = %s",
    "update earn_ratetier set annual_rate = 0.5 where chart_id = %s",
    "update earn_ratetier set from_amount = 7 where chart_id = %s",
    "update earn_ratetier set chart_id = chart_id + 1000 where chart_id = %s",
    "delete from earn_ratetier where chart_id = %s",
    "insert into earn_ratetier (chart_id, from_amount, annual_rate) values (%s, 500, 0.5)",
]


@pytest.mark.parametrize("alteration", ALTERATIONS)
def test_an_announced_chart_never_changes(alteration: str, as_app_role: AsRole) -> None:
    announced = flexible().charts.get()
    alter = run(alteration, announced.pk)
    assert broken_rule(alter) == "announced_charts_are_immutable"
    with as_app_role():
        assert broken_rule(alter) == "announced_charts_are_immutable"


@pytest.mark.parametrize("alteration", ALTERATIONS)
def test_temporary_tables_are_not_taken_for_the_catalogue(
    alteration: str, as_app_role: AsRole
) -> None:
    announced = flexible().charts.get()
    with as_app_role():
        for table in ("ratechart", "ratetier", "product", "dayclose"):
            run(f"create temp table earn_{table} (like public.earn_{table})")()
        alter = run(alteration.replace("earn_", "public.earn_"), announced.pk)
        assert broken_rule(alter) == "announced_charts_are_immutable"


def test_a_temporary_table_shortens_no_notice(as_app_role: AsRole) -> None:
    product = flexible(notice_days=NOTICE)
    cut = catalogue.add_chart(
        product=product, effective_on=day(1), rows=rows((None, 0, "0.0001"))
    )
    with as_app_role():
        run("create temp table earn_product as select id, kind, 0 notice_days"
            " from public.earn_product")()  # fmt: skip
        announce = run(
            "update public.earn_ratechart set announced_at = %s where id = %s",
            on(0),
            cut.pk,
        )
        assert broken_rule(announce) == "cuts_wait_for_their_notice"


def test_a_tier_is_not_moved_into_an_announced_chart() -> None:
    product = flexible()
    later = chart(product, day(0), (None, 5, "0.2"), at=None)
    move = run(
        "update earn_ratetier set chart_id = %s where chart_id = %s",
        product.charts.get(version=1).pk,
        later.pk,
    )
    assert broken_rule(move) == "announced_charts_are_immutable"


def test_a_chart_that_is_not_announced_may_change_and_go() -> None:
    product = flexible()
    waiting = chart(product, day(0), (None, 0, "0.2"), at=None)
    waiting.tiers.update(annual_rate="0.3")
    waiting.effective_on = day(1)
    waiting.save()
    waiting.tiers.all().delete()
    waiting.delete()
    assert product.charts.count() == 1


def in_flight(act: Callable[[], Any], done: Event) -> Callable[[], None]:
    """Does it in a transaction that is committed a while after `done` is set."""

    def run_slowly() -> None:
        with transaction.atomic():
            act()
            done.set()
            run("select pg_sleep(0.3)")()

    return run_slowly


def after(done: Event, act: Callable[[], Any]) -> Callable[[], None]:
    def run_then() -> None:
        done.wait(20)
        act()

    return run_then


def add_a_lower_tier(waiting: RateChart) -> None:
    tier = {"from_amount": Decimal(5), "annual_rate": Decimal("0.01")}
    RateTier.objects.create(chart=waiting, **tier)


@pytest.mark.django_db(transaction=True)
def test_a_tier_waits_for_an_announcement_in_flight_and_is_too_late() -> None:
    waiting = chart(flexible(), day(0), (None, 0, "0.2"), at=None)
    announced = Event()
    outcomes = at_once(
        in_flight(lambda: catalogue.announce(waiting, at=on(0)), announced),
        after(announced, lambda: add_a_lower_tier(waiting)),
    )
    assert outcomes[0] is None
    assert constraint_of(outcomes[1]) == "announced_charts_are_immutable"
    assert waiting.tiers.count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_announcement_waits_for_a_tier_in_flight_and_looks_at_it() -> None:
    product = flexible(notice_days=NOTICE)
    waiting = chart(product, day(0), (None, 0, "0.2"), at=None)
    added = Event()
    outcomes = at_once(
        in_flight(lambda: add_a_lower_tier(waiting), added),
        after(added, lambda: catalogue.announce(waiting, at=on(0))),
    )
    assert outcomes[0] is None
    assert constraint_of(outcomes[1]) == "cuts_wait_for_their_notice"
    assert catalogue.chart_on(product, day(0)) != waiting


def test_versions_count_up_and_are_unique() -> None:
    product = flexible()
    second = chart(product, day(0), (None, 0, "0.2"), at=on(0))
    third = chart(product, day(0), (None, 0, "0.3"), at=on(0))
    assert (second.version, third.version) == (2, 3)
    twin = lambda: RateChart.objects.create(  # noqa: E731
        product=product, version=3, effective_on=day(1)
    )
    assert broken_rule(twin) == "one_chart_a_version"


@pytest.mark.parametrize(
    ("kind", "tiers", "rule"),
    [
        ("FLEXIBLE", [], "announced_charts_have_tiers"),
        ("FLEXIBLE", [(30, 0, "0.1")], "tiers_fit_the_kind"),
        ("FIXED", [(None, 0, "0.1")], "tiers_fit_the_kind"),
        ("FIXED", [(30, 0, "0.1"), (None, 0, "0.1")], "tiers_fit_the_kind"),
        ("FLEXIBLE", [(None, 0, "0.1"), (None, 0, "0.2")], "one_tier_from_an_amount"),
        ("FIXED", [(30, 5, "0.1"), (30, 5, "0.1")], "one_tier_from_an_amount"),
        ("FLEXIBLE", [(None, -1, "0.1")], "tier_figures_are_in_range"),
        ("FLEXIBLE", [(None, 0, "-0.1")], "tier_figures_are_in_range"),
        ("FIXED", [(0, 0, "0.1")], "tier_figures_are_in_range"),
        ("FIXED", [(36501, 0, "0.1")], "tier_figures_are_in_range"),
    ],
)
def test_a_chart_that_makes_no_sense_is_refused(kind: str, tiers: Any, rule: str) -> None:
    product = draft("p", kind=kind)
    assert broken_rule(lambda: chart(product, day(0), *tiers)) == rule


RISES = {
    "the same again": BEFORE,
    "a tier pays more": [(None, 0, "0.11"), (None, 1000, "0.05")],
    "the upper tier pays more": [(None, 0, "0.10"), (None, 1000, "0.06")],
    "the lower rate begins later": [(None, 0, "0.10"), (None, 2000, "0.05")],
    "the upper tier is gone": [(None, 0, "0.10")],
    "a better tier is added": [
        (None, 0, "0.10"),
        (None, 1000, "0.05"),
        (None, 5000, "0.2"),
    ],
}
CUTS = {
    "a tier pays less": [(None, 0, "0.0999999999"), (None, 1000, "0.05")],
    "the upper tier pays less": [(None, 0, "0.10"), (None, 1000, "0.0499999999")],
    "the lower rate begins sooner": [(None, 0, "0.10"), (None, 999, "0.05")],
    "a lower tier is added above": [*BEFORE, (None, 10**15, "0.04")],
    "small amounts earn nothing": [(None, 1, "0.10"), (None, 1000, "0.05")],
    "more for some, less for others": [(None, 0, "0.5"), (None, 1000, "0.04")],
    "only the upper tier is left": [(None, 1000, "0.5")],
}


@pytest.mark.parametrize("name", RISES)
def test_a_rise_takes_effect_on_the_day_it_is_announced(name: str) -> None:
    product = flexible(tiers=BEFORE, notice_days=NOTICE)
    risen = chart(product, day(0), *RISES[name], at=on(0))
    assert catalogue.chart_on(product, day(0)) == risen


@pytest.mark.parametrize("name", CUTS)
def test_a_cut_waits_for_its_notice(name: str) -> None:
    product = flexible(tiers=BEFORE, notice_days=NOTICE)
    for number in (0, NOTICE - 1):
        cut = lambda: chart(product, day(number), *CUTS[name], at=on(0, 23))  # noqa: B023, E731
        assert broken_rule(cut) == "cuts_wait_for_their_notice"
    cut_in_time = chart(product, day(NOTICE), *CUTS[name], at=on(0, 23))
    assert catalogue.chart_on(product, day(NOTICE)) == cut_in_time


FIXED_BEFORE = [(30, 0, "0.10"), (90, 0, "0.12")]


@pytest.mark.parametrize(
    ("tiers", "is_cut"),
    [
        ([(30, 0, "0.10")], True),
        ([(30, 0, "0.09"), (90, 0, "0.20")], True),
        ([(30, 0, "0.10"), (90, 0, "0.12"), (90, 500, "0.11")], True),
        ([(30, 0, "0.10"), (90, 0, "0.12"), (60, 0, "0.01")], False),
        ([(30, 0, "0.10"), (90, 0, "0.13")], False),
    ],
)
def test_terms_are_compared_each_with_itself(tiers: Any, is_cut: bool) -> None:  # noqa: FBT001
    product = fixed(tiers=FIXED_BEFORE, notice_days=NOTICE)
    change = lambda: chart(product, day(0), *tiers, at=on(0))  # noqa: E731
    if is_cut:
        assert broken_rule(change) == "cuts_wait_for_their_notice"
    else:
        changed = change()
        assert catalogue.chart_on(product, day(0)) == changed


def test_the_sentence_of_a_refused_cut_names_the_earliest_day() -> None:
    product = flexible(notice_days=NOTICE)
    with pytest.raises(IntegrityError, match=str(day(NOTICE))), transaction.atomic():
        chart(product, day(5), (None, 0, "0.09"), at=on(0))


@pytest.mark.parametrize(
    ("promised", "then"),
    [
        # a promised rise is not taken back, on its day or later
        ((10, "0.20"), (10, "0.10")),
        ((10, "0.20"), (11, "0.10")),
        ((0, "0.20"), (0, "0.10")),
        ((0, "0.20"), (29, "0.10")),
        # an announced cut is not brought forward, nor made deeper
        ((NOTICE, "0.05"), (NOTICE - 1, "0.05")),
        ((NOTICE + 20, "0.05"), (NOTICE + 20, "0.04")),
    ],
)
def test_a_second_announcement_smuggles_no_cut(
    promised: tuple[int, str], then: tuple[int, str]
) -> None:
    product = flexible(notice_days=NOTICE)
    chart(product, day(promised[0]), (None, 0, promised[1]), at=on(0))
    announced = 25 if then[0] > NOTICE else 0
    smuggled = lambda: chart(  # noqa: E731
        product, day(then[0]), (None, 0, then[1]), at=on(announced)
    )
    assert broken_rule(smuggled) == "cuts_wait_for_their_notice"


def test_a_rise_until_a_higher_rise_is_no_cut() -> None:
    product = flexible(notice_days=NOTICE)
    chart(product, day(10), (None, 0, "0.20"), at=on(0))
    between = chart(product, day(1), (None, 0, "0.15"), at=on(1))
    assert catalogue.chart_on(product, day(9)) == between
    assert catalogue.chart_on(product, day(10)) != between


@pytest.mark.django_db(transaction=True)
def test_two_announcements_at_once_do_not_overlook_each_other() -> None:
    product = flexible(notice_days=NOTICE)
    rise = chart(product, day(5), (None, 0, "0.20"), at=None)
    back = chart(product, day(6), (None, 0, "0.10"), at=None)
    promised = Event()
    outcomes = at_once(
        in_flight(lambda: catalogue.announce(rise, at=on(0)), promised),
        after(promised, lambda: catalogue.announce(back, at=on(0))),
    )
    assert outcomes[0] is None
    assert constraint_of(outcomes[1]) == "cuts_wait_for_their_notice"
    assert catalogue.chart_on(product, day(9)) == rise


def test_the_past_never_changes(alice: Customer) -> None:
    product = flexible()
    subscribe(alice, product, 365, on(0))
    close_to(3)
    yesterday = lambda: chart(product, day(4), (None, 0, "0.9"), at=on(5))  # noqa: E731
    assert broken_rule(yesterday) == "rates_never_change_the_past"
    closed = lambda: chart(product, day(3), (None, 0, "0.9"), at=on(-60))  # noqa: E731
    assert broken_rule(closed) == "rates_never_change_the_past"
    assert chart(product, day(4), (None, 0, "0.9"), at=on(4)).version == 2
    close_to(4)
    assert broken() == []


def test_the_first_chart_may_reach_back_but_to_no_closed_day(alice: Customer) -> None:
    product = draft("p")
    assert chart(product, date(2020, 1, 1), (None, 0, "0.1"), at=on(0)).version == 1
    subscribe(alice, flexible("q"), 365, on(0))
    close_to(0)
    late = draft("late")
    closed = lambda: chart(late, day(0), (None, 0, "0.1"), at=on(1))  # noqa: E731
    assert broken_rule(closed) == "rates_never_change_the_past"
    assert chart(late, day(1), (None, 0, "0.1"), at=on(1)).version == 1


def test_the_chart_of_a_day_is_the_latest_announced_one_in_effect() -> None:
    product = flexible()
    first = product.charts.get()
    second = chart(product, day(5), (None, 0, "0.2"))
    third = chart(product, day(5), (None, 0, "0.3"))
    chart(product, day(6), (None, 0, "0.9"), at=None)
    days = [ANNOUNCED.date() - timedelta(days=1), ANNOUNCED.date(), day(4), day(5), day(6)]
    found = [catalogue.chart_on(product, x) for x in days]
    assert found == [None, first, first, third, third]
    assert second not in found


@pytest.mark.parametrize("mode", ["SLICE", "WHOLE"])
@pytest.mark.parametrize("amount", ["999.99", "1000.00", "1000.01"])
def test_the_edge_of_a_tier_belongs_to_the_upper_one(
    alice: Customer, mode: str, amount: str
) -> None:
    product = flexible(tiers=[(None, 0, "0.3650"), (None, 1000, "0.0365")], tier_mode=mode)
    position = subscribe(alice, product, amount, on(0))
    close_to(1)
    expected = {
        ("SLICE", "999.99"): "0.99",
        ("SLICE", "1000.00"): "1.00",
        ("SLICE", "1000.01"): "1.00",
        ("WHOLE", "999.99"): "0.99",
        ("WHOLE", "1000.00"): "0.10",
        ("WHOLE", "1000.01"): "0.10",
    }
    assert bases(position) == {1: Decimal(amount)}
    assert earned(position) == {1: Decimal(expected[mode, amount])}


def test_an_amount_below_the_first_tier_earns_nothing(alice: Customer) -> None:
    product = flexible(tiers=[(None, 100, "0.365")])
    position = subscribe(alice, product, "99.99", on(0))
    close_to(1)
    assert earned(position) == {1: Decimal(0)}
    subscribe(alice, product, "100.01", on(2))
    close_to(3)
    assert earned(position) == {1: Decimal(0), 2: Decimal(0), 3: Decimal("0.10")}


def test_flexible_days_take_the_rate_of_their_day_and_fixed_terms_keep_theirs(
    alice: Customer,
) -> None:
    easy = flexible(tiers=[(None, 0, "0.0365")])
    term = fixed(tiers=[(30, 0, "0.0365")])
    flowing = subscribe(alice, easy, 1000, on(0))
    kept = subscribe(alice, term, 1000, on(0), term_days=30)
    for product, months in ((easy, None), (term, 30)):
        chart(product, day(2), (months, 0, "0.073"), at=on(1))
    later = subscribe(alice, term, 1000, on(1), term_days=30)
    close_to(3)
    one, two = Decimal("0.10"), Decimal("0.20")
    assert earned(flowing) == {1: one, 2: two, 3: two}
    assert earned(kept) == {1: one, 2: one, 3: one}
    assert earned(later) == {2: two, 3: two}
    assert Product.objects.count() == 2
