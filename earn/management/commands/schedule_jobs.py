from datetime import timedelta
from typing import Any, NamedTuple

from django.core.management.base import BaseCommand
from django.db import transaction
from django_celery_beat.models import IntervalSchedule, PeriodicTask


class Job(NamedTuple):
    """`task` tells whether the job is there, whatever staff have called it since.

    It is a text: to ask Celery for a name at import would start the embedded servers.
    """

    name: str
    task: str
    every: timedelta
    description: str


JOBS = (
    Job(
        "Close the days that are over",
        "earn.tasks.drive_close",
        timedelta(minutes=2),
        "Drives the daily close from 00:05 UTC on; does nothing when all is closed.",
    ),
    Job(
        "Seal the journal",
        "earn.tasks.seal_entries",
        timedelta(minutes=1),
        "Puts the latest entries into the hash chain.",
    ),
    Job(
        "Sum up what will leave",
        "earn.tasks.reckon_liquidity",
        timedelta(minutes=10),
        "Keeps the liquidity ladder after each close; does nothing when that is done.",
    ),
    Job(
        "Verify the books",
        "earn.tasks.verify_books",
        timedelta(days=1),
        "Runs every check of the books; the desk shows what it found.",
    ),
    Job(
        "Compare the books with their sub-ledgers",
        "earn.tasks.compare_ledgers",
        timedelta(days=1),
        "Opens a break for each difference, and closes those that are gone.",
    ),
    Job(
        "Send mails",
        "earn.tasks.send_mails",
        timedelta(minutes=1),
        "Mails customers what they were told in the portal.",
    ),
    Job(
        "Pay out products that are wound up",
        "earn.tasks.wind_up",
        timedelta(minutes=10),
        "Pays the flexible positions of closed products to their customers.",
    ),
    Job(
        "End proposals whose time is over",
        "earn.tasks.expire_proposals",
        timedelta(minutes=10),
        "Nobody approves them any more; the audit trail says when they ended.",
    ),
    Job(
        "Forget what has expired",
        "earn.tasks.forget_expired",
        timedelta(minutes=10),
        "Clears counts of tries that count no more.",
    ),
)


class Command(BaseCommand):
    help = "Creates the periodic tasks that are missing; what staff changed stays."

    def handle(self, **_: Any) -> None:
        for job in JOBS:
            created = create(job)
            self.stdout.write(f"{job.name}: {'created' if created else 'already there'}")


def create(job: Job) -> bool:
    with transaction.atomic():
        if PeriodicTask.objects.filter(task=job.task).exists():
            return False
        _, created = PeriodicTask.objects.get_or_create(
            name=job.name,
            defaults={
                "task": job.task,
                "interval": _interval(job.every),
                "description": job.description,
                # after this there is a newer message, and beside it this one is useless
                "expire_seconds": job.every // timedelta(seconds=1),
            },
        )
    return bool(created)


def _interval(every: timedelta) -> IntervalSchedule:
    """Two equal intervals may exist: the model allows it."""
    wanted = {"every": every // timedelta(minutes=1), "period": IntervalSchedule.MINUTES}
    known = IntervalSchedule.objects.filter(**wanted).first()
    return known or IntervalSchedule.objects.create(**wanted)
