"""The periodic jobs: paused and resumed by an administrator, never without a reason."""

from collections.abc import Callable
from datetime import date

from django.db import transaction
from django_celery_beat.models import PeriodicTask

from earn import audit
from earn.audit import Actor

CLOSE = "earn.tasks.drive_close"


class NoReason(Exception):
    """A job is not paused, and not resumed, without saying why."""


def switch(job_id: int, *, is_on: bool, by: Actor, reason: str) -> PeriodicTask:
    """What is so already is left alone. Raises NoReason, and DoesNotExist."""
    if not reason.strip():
        raise NoReason("Say why: the reason is kept.")

    with transaction.atomic():
        job = PeriodicTask.objects.select_for_update(of=("self",)).get(pk=job_id)
        if job.enabled != is_on:
            before, job.enabled = job.enabled, is_on
            job.save()
            audit.record(
                by,
                "RESUME_JOB" if is_on else "PAUSE_JOB",
                f"job:{job.task}",
                before={"enabled": before},
                after={"enabled": is_on},
                reason=reason.strip(),
            )
    return job


def is_close_paused() -> bool:
    """Whether nothing drives the close: its job is paused, or there is none."""
    return not PeriodicTask.objects.filter(task=CLOSE, enabled=True).exists()


def drive(through: date | None, *, by: Actor, send: Callable[[], object]) -> None:
    """Sends the driver of the close, through a day or through yesterday.

    What `send` raises leaves no trail: nothing was sent.
    """
    with transaction.atomic():
        audit.record(
            by,
            "DRIVE_CLOSE",
            f"close:{through}" if through else "close",
            after={"through": str(through or "yesterday")},
        )
        send()
