from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask
from django_celery_beat.schedulers import ModelEntry

from config.celery import app
from earn.tasks import (
    compare_ledgers,
    drive_close,
    expire_proposals,
    forget_expired,
    reckon_liquidity,
    seal_entries,
    send_mails,
    verify_books,
    wind_up,
)

pytestmark = pytest.mark.django_db


def schedule() -> list[str]:
    out = StringIO()
    call_command("schedule_jobs", stdout=out)
    return out.getvalue().splitlines()


def jobs() -> list[dict[str, Any]]:
    return list(PeriodicTask.objects.order_by("pk").values())


def job(task: str) -> PeriodicTask:
    return PeriodicTask.objects.get(task=task)


def test_missing_jobs_are_created_and_on() -> None:
    assert schedule() == [
        "Close the days that are over: created",
        "Seal the journal: created",
        "Sum up what will leave: created",
        "Verify the books: created",
        "Compare the books with their sub-ledgers: created",
        "Send mails: created",
        "Pay out products that are wound up: created",
        "End proposals whose time is over: created",
        "Forget what has expired: created",
    ]
    every = {x.task: str(x.interval) for x in PeriodicTask.objects.filter(enabled=True)}
    assert every == {
        drive_close.name: "every 2 minutes",
        seal_entries.name: "every minute",
        reckon_liquidity.name: "every 10 minutes",
        verify_books.name: "every 1440 minutes",
        compare_ledgers.name: "every 1440 minutes",
        send_mails.name: "every minute",
        wind_up.name: "every 10 minutes",
        expire_proposals.name: "every 10 minutes",
        forget_expired.name: "every 10 minutes",
    }


def test_a_message_that_has_waited_for_its_successor_is_dropped() -> None:
    schedule()
    assert (
        job(drive_close.name).expire_seconds,
        job(seal_entries.name).expire_seconds,
    ) == (
        120,
        60,
    )


def test_a_second_run_changes_nothing() -> None:
    schedule()
    before = jobs()
    assert schedule() == [
        "Close the days that are over: already there",
        "Seal the journal: already there",
        "Sum up what will leave: already there",
        "Verify the books: already there",
        "Compare the books with their sub-ledgers: already there",
        "Send mails: already there",
        "Pay out products that are wound up: already there",
        "End proposals whose time is over: already there",
        "Forget what has expired: already there",
    ]
    assert jobs() == before
    assert IntervalSchedule.objects.count() == 4


def test_what_staff_changed_stays() -> None:
    schedule()
    changed = job(drive_close.name)
    changed.name = "Nightly"
    changed.enabled = False
    changed.interval = None
    changed.crontab = CrontabSchedule.objects.create(minute="5", hour="0")
    changed.kwargs = '{"through": "2026-01-31"}'
    changed.save()
    before = jobs()
    schedule()
    assert jobs() == before


def test_a_job_that_staff_deleted_comes_back_alone() -> None:
    schedule()
    kept = job(seal_entries.name).pk
    job(drive_close.name).delete()
    assert schedule()[0] == "Close the days that are over: created"
    assert job(seal_entries.name).pk == kept


def test_an_interval_that_exists_twice_is_no_obstacle() -> None:
    for _ in range(2):
        IntervalSchedule.objects.create(every=2, period=IntervalSchedule.MINUTES)
    schedule()
    assert IntervalSchedule.objects.filter(every=2).count() == 2


def test_beat_finds_a_task_behind_each_job() -> None:
    schedule()
    for row in PeriodicTask.objects.all():
        assert ModelEntry(row, app=app).task in app.tasks


def test_the_application_may_schedule(as_app_role: Any) -> None:
    with as_app_role():
        schedule()
    assert len(jobs()) == 9
