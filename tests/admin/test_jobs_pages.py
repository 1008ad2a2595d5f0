"""The daily close and the schedules on the desk."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_celery_beat.models import PeriodicTask
from kombu.exceptions import OperationalError
from kombu.simple import SimpleQueue

from earn import close, tasks
from earn.management.commands.schedule_jobs import JOBS
from earn.models import AuditEvent, CloseChunk, Customer, DayClose, Product
from tests.admin.staff import member
from tests.earn import people
from tests.earn.people import chart, close_to, day, fixed, flexible, money, on, subscribe
from tests.portal.pages import signed_in

pytestmark = pytest.mark.django_db
CLOSES = "/admin/closes/"
AHEAD = f"{CLOSES}ahead/"


@pytest.fixture
def vera() -> Client:
    return signed_in(member("vera", "viewer"))


@pytest.fixture
def ada() -> Client:
    return signed_in(member("ada", "administrator"))


@pytest.fixture
def alice() -> Customer:
    money()
    return people.customer("Alice")


@pytest.fixture
def easy(alice: Customer) -> Product:
    """Closed through day 4: nothing on day 0, 1 a day, and 3 from day 3 on."""
    product = flexible("easy", [(None, 0, "0.365")])
    subscribe(alice, product, 1000, on(0))
    subscribe(alice, fixed("term", asset=money("EUR", 4)), 365, on(0), term_days=30)
    subscribe(alice, product, 2000, on(2))
    close_to(4)
    return product


@pytest.fixture
def queue() -> Iterator[SimpleQueue]:
    """The in-memory broker's queue, as a worker sees it; empty at first and at last."""
    with current_app.connection_for_read() as broker:
        name = current_app.conf.task_default_queue
        queue = broker.SimpleQueue(name, serializer="json")
        queue.clear()
        yield queue
        queue.clear()
        queue.close()


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


# Days


@pytest.mark.usefixtures("easy")
def test_each_day_says_how_far_it_is_and_what_it_came_to(vera: Client) -> None:
    answer = vera.get(CLOSES)
    lines = answer.context["lines"]
    assert [line.close.day for line in lines] == [day(n) for n in (4, 3, 2, 1, 0)]
    assert [(str(amount), asset.code) for asset, amount in lines[0].interest] == [
        ("0.120000000000000000", "EUR"),
        ("3.000000000000000000", "USD"),
    ]
    assert lines[0].chunks == (1, 1)
    assert lines[0].seal.day == day(4)
    shown = text(answer)
    assert "3.00 USD 2 assets, 1 without a price" in shown
    assert "EUR 0.1200 EUR USD 3.00 USD" in text(vera.get(f"{CLOSES}{day(4)}/"))
    assert "Go on with" not in shown  # a viewer looks


@pytest.mark.usefixtures("easy")
def test_days_go_on_by_the_earliest_shown(
    vera: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("earn.admin.console.PAGE", 3)
    first = vera.get(CLOSES)
    assert first.context["earlier"] == day(2)
    second = vera.get(f"{CLOSES}?before={day(2)}")
    assert [line.close.day for line in second.context["lines"]] == [day(1), day(0)]
    assert second.context["earlier"] is None


@pytest.mark.usefixtures("easy")
def test_days_ask_as_much_for_many_as_for_few(
    vera: Client, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(14):
        vera.get(CLOSES)


def test_a_day_that_has_stopped_says_why(vera: Client, alice: Customer) -> None:
    subscribe(alice, flexible("easy"), 100, on(0))
    close.open_day(day(0), at=on(1), chunk=1)
    DayClose.objects.filter(day=day(0)).update(problem="control: 5 are missing")
    answer = vera.get(f"{CLOSES}{day(0)}/")
    assert "control: 5 are missing" in text(answer)
    chunks = answer.context["line"].chunks
    assert (chunks.done, chunks.all) == (0, CloseChunk.objects.count())
    assert answer.context["line"].seconds is None


@pytest.mark.usefixtures("easy")
def test_a_day_shows_its_products_and_what_stands_out(vera: Client) -> None:
    answer = vera.get(f"{CLOSES}{day(3)}/")
    assert [row.product for row, _ in answer.context["unusual"]] == ["easy"]
    assert [row.product for row, _ in answer.context["rows"]] == ["easy", "term"]
    shown = text(answer)
    assert "easy 3.00 USD 1.00 USD 200 %" in shown
    assert "term 0.1200 EUR 0.1200 EUR 0 %" in shown
    after = vera.get(f"{CLOSES}{day(3)}/?after=easy")
    assert [row.product for row, _ in after.context["rows"]] == ["term"]


def test_a_day_beside_the_charts_names_the_cause(vera: Client, easy: Product) -> None:
    chart(easy, day(5), (None, 0, "0.73"), at=on(4))
    close_to(5)
    for number, cause in ((1, "it had no interest"), (3, "balances"), (5, "other rates")):
        answer = vera.get(f"{CLOSES}{day(number)}/compared/")
        assert answer.context["wrong"] == []
        assert "easy" in [x.product.code for x in answer.context["unusual"]]
        assert cause in text(answer)
    calm = vera.get(f"{CLOSES}{day(2)}/compared/")
    assert calm.context["unusual"] == []
    assert "all 2 products is to the last unit" in text(calm)


@pytest.mark.usefixtures("easy")
def test_what_is_too_large_for_a_page_is_left_to_the_command(
    vera: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("earn.admin.console.MOST_POSITIONS", 1)
    assert "verify_books checks them" in text(vera.get(f"{CLOSES}{day(3)}/"))
    assert vera.get(f"{CLOSES}{day(3)}/compared/").status_code == 404


@pytest.mark.parametrize(
    "address", ["2026-02-30/", "soon/", "2026-01-01/", "2026-01-01/compared/", "?before=x"]
)
def test_what_is_no_day_is_not_there(vera: Client, address: str) -> None:
    assert vera.get(f"{CLOSES}{address}").status_code == 404


@pytest.mark.usefixtures("easy")
def test_the_next_close_is_foreseen_beside_the_last(vera: Client) -> None:
    answer = vera.get(AHEAD)
    assert answer.context["day"] == day(5)
    assert "easy 1 3,000.00 USD 3.00 USD 3.00 USD" in text(answer)
    assert not DayClose.objects.filter(day=day(5)).exists()


@pytest.mark.usefixtures("easy")
def test_a_dry_run_that_is_too_large_for_a_page_is_a_command(
    vera: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("earn.admin.console.MOST_FORESEEN", 2)
    assert "3.00 USD" in text(vera.get(AHEAD))  # two are open
    monkeypatch.setattr("earn.admin.console.MOST_FORESEEN", 1)
    with CaptureQueriesContext(connection) as asked:
        answer = vera.get(AHEAD)
    shown = text(answer)
    assert "manage.py close_day --dry-run" in shown
    assert "3.00 USD" not in shown
    assert not [x for x in asked if "earn_corrections" in x["sql"]]


def test_before_anything_has_happened_there_is_nothing_to_foresee(vera: Client) -> None:
    assert "No day can be closed yet." in text(vera.get(AHEAD))
    assert vera.get(CLOSES).status_code == 200


# Going on


@pytest.mark.usefixtures("easy")
@pytest.mark.parametrize(
    ("sent", "through"), [({}, None), ({"through": str(day(5))}, str(day(5)))]
)
def test_going_on_sends_the_driver_and_is_kept(
    ada: Client, queue: SimpleQueue, sent: dict[str, str], through: str | None
) -> None:
    answer = ada.post(f"{CLOSES}go-on/", sent, follow=True)
    assert "Sent. A worker goes on" in text(answer)
    message = queue.get(block=False)
    assert message.headers["task"] == tasks.drive_close.name
    assert message.payload[1] == {"through": through}
    event = AuditEvent.objects.get()
    assert (event.act, event.after) == (
        "DRIVE_CLOSE",
        {"through": through or "yesterday"},
    )


@pytest.mark.usefixtures("easy")
def test_a_broker_that_is_silent_is_said_and_nothing_kept(
    ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(**_: Any) -> None:
        raise OperationalError("Connection refused")

    monkeypatch.setattr(tasks.drive_close, "apply_async", unreachable)
    answer = ada.post(f"{CLOSES}go-on/", follow=True)
    assert "The broker does not answer" in text(answer)
    assert not AuditEvent.objects.exists()


def test_no_day_is_closed_before_it_is_over(ada: Client, queue: SimpleQueue) -> None:
    answer = ada.post(f"{CLOSES}go-on/", {"through": "2999-01-01"}, follow=True)
    assert "This day is not over." in text(answer)
    assert ada.post(f"{CLOSES}go-on/", {"through": "x"}).status_code == 404
    with pytest.raises(queue.Empty):
        queue.get(block=False)


# Schedules


@pytest.fixture
def job() -> PeriodicTask:
    call_command("schedule_jobs", verbosity=0)
    return PeriodicTask.objects.get(task=tasks.drive_close.name)


SCHEDULES = "/admin/schedules/"


def test_each_job_is_explained_with_its_last_and_next_run(
    vera: Client, job: PeriodicTask
) -> None:
    answer = vera.get(SCHEDULES)
    rows = {row.job.task: row for row in answer.context["rows"]}
    assert len(rows) == len(JOBS)
    assert rows[job.task].what.startswith("Drives the daily close")
    assert rows[job.task].next_at is None
    assert 'name="reason"' not in answer.content.decode()
    ran_at = tasks.datetime.now(tasks.UTC) - timedelta(seconds=30)
    PeriodicTask.objects.filter(pk=job.pk).update(last_run_at=ran_at)
    rows = {row.job.task: row for row in vera.get(SCHEDULES).context["rows"]}
    late = rows[job.task].next_at - ran_at - timedelta(minutes=2)
    assert abs(late) < timedelta(seconds=10)


def test_a_paused_close_is_shouted(ada: Client, job: PeriodicTask) -> None:
    assert "is paused" not in text(ada.get(SCHEDULES)) + text(ada.get(CLOSES))
    address = reverse("admin:schedule-switch", args=[job.pk])
    answer = ada.post(address, {"to": "off", "reason": "Moving house"}, follow=True)
    for page in (answer, ada.get(CLOSES)):
        assert "The close is paused" in text(page)
    event = AuditEvent.objects.get()
    assert (event.act, event.reason, event.ip) == ("PAUSE_JOB", "Moving house", "127.0.0.1")
    ada.post(address, {"to": "on", "reason": "Moved"})
    assert "The close is paused" not in text(ada.get(SCHEDULES))


def test_no_job_is_paused_without_a_reason_or_by_an_operator(
    ada: Client, job: PeriodicTask
) -> None:
    address = reverse("admin:schedule-switch", args=[job.pk])
    answer = ada.post(address, {"to": "off", "reason": "  "}, follow=True)
    assert "Say why" in text(answer)
    operator = signed_in(member("maria", "operator"))
    assert operator.post(address, {"to": "off", "reason": "x"}).status_code == 403
    assert ada.post(reverse("admin:schedule-switch", args=[10**20])).status_code == 404
    assert (
        ada.post(
            reverse("admin:schedule-switch", args=[10**6]), {"reason": "x"}
        ).status_code
        == 404
    )
    job.refresh_from_db()
    assert job.enabled
    assert not AuditEvent.objects.exists()


def test_a_job_that_is_missing_is_named(vera: Client, job: PeriodicTask) -> None:
    job.delete()
    assert "“Close the days that are over” is not scheduled" in text(vera.get(SCHEDULES))


@pytest.mark.usefixtures("easy")
def test_the_application_s_rights_suffice(
    ada: Client, job: PeriodicTask, queue: SimpleQueue, as_app_role: Any
) -> None:
    switch = reverse("admin:schedule-switch", args=[job.pk])
    with as_app_role():
        for page in (
            CLOSES,
            f"{CLOSES}{day(3)}/",
            f"{CLOSES}{day(3)}/compared/",
            SCHEDULES,
        ):
            assert ada.get(page).status_code == 200
        assert ada.post(f"{CLOSES}go-on/").status_code == 302
        ada.post(switch, {"to": "off", "reason": "x"})
    assert AuditEvent.objects.count() == 2
    assert queue.qsize() == 1
