"""Jobs are paused and resumed with a reason that is kept."""

import pytest
from django.core.management import call_command
from django_celery_beat.models import PeriodicTask, PeriodicTasks

from earn import jobs
from earn.audit import Actor
from earn.models import AuditEvent
from earn.tasks import drive_close
from tests.admin.staff import member as staff
from tests.earn.people import on

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Actor:
    call_command("schedule_jobs", verbosity=0)
    return Actor(staff("ada", "administrator"), on(0))


def test_a_paused_close_is_known_and_its_trail_kept(ada: Actor) -> None:
    job = PeriodicTask.objects.get(task=drive_close.name)
    assert drive_close.name == jobs.CLOSE
    assert not jobs.is_close_paused()
    seen = PeriodicTasks.last_change()
    jobs.switch(job.pk, is_on=False, by=ada, reason=" Migration ")
    assert jobs.is_close_paused()
    assert PeriodicTasks.last_change() != seen  # beat reads the schedule anew
    jobs.switch(job.pk, is_on=False, by=ada, reason="Again")
    jobs.switch(job.pk, is_on=True, by=ada, reason="Over")
    assert not jobs.is_close_paused()
    trail = AuditEvent.objects.order_by("pk").values_list("act", "subject", "reason")
    assert list(trail) == [
        ("PAUSE_JOB", f"job:{jobs.CLOSE}", "Migration"),
        ("RESUME_JOB", f"job:{jobs.CLOSE}", "Over"),
    ]


def test_no_job_is_paused_without_a_reason(ada: Actor) -> None:
    job = PeriodicTask.objects.get(task=jobs.CLOSE)
    with pytest.raises(jobs.NoReason):
        jobs.switch(job.pk, is_on=False, by=ada, reason=" ")
    assert not jobs.is_close_paused()


def test_a_close_that_is_not_scheduled_is_as_bad_as_a_paused_one(ada: Actor) -> None:
    PeriodicTask.objects.filter(task=jobs.CLOSE).delete()
    assert jobs.is_close_paused()
    assert ada.user.is_staff
