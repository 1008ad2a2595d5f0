"""Schedules: what runs by itself, when it ran last, and what is paused."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe
from django_celery_beat.models import PeriodicTask

from earn import jobs
from earn.admin.catalogue import LARGEST
from earn.admin.console import SECTION
from earn.desk import actor, page, show
from earn.management.commands.schedule_jobs import JOBS

CHANGE = "django_celery_beat.change_periodictask"


class Scheduled(NamedTuple):
    """`what` explains our own jobs; `next_at` is None while beat has never sent it."""

    job: PeriodicTask
    what: str
    every: str
    next_at: datetime | None


@page("schedules/", name="schedules", label=gettext_lazy("Schedules"), section=SECTION)
@require_safe
def schedule_list(request: HttpRequest) -> HttpResponse:
    found = PeriodicTask.objects.select_related("interval", "crontab", "solar", "clocked")
    rows = list(_scheduled(found.order_by("name"), datetime.now(UTC)))
    there = {row.job.task for row in rows}
    return show(
        request,
        "desk/schedules.html",
        _("Schedules"),
        rows=rows,
        missing=[job for job in JOBS if job.task not in there],
        is_close_paused=jobs.is_close_paused(),
    )


@page("schedules/<int:object_id>/switch/", name="schedule-switch", permission=CHANGE)
@require_POST
def switch(request: HttpRequest, object_id: int) -> HttpResponse:
    if object_id > LARGEST:
        raise Http404
    is_on = request.POST.get("to") == "on"
    reason = request.POST.get("reason", "").replace("\x00", "")
    try:
        job = jobs.switch(object_id, is_on=is_on, by=actor(request), reason=reason)
    except PeriodicTask.DoesNotExist as error:
        raise Http404 from error
    except jobs.NoReason as refused:
        messages.error(request, str(refused))
    else:
        said = _("Resumed: %(job)s") if is_on else _("Paused: %(job)s")
        messages.success(request, said % {"job": job.name})
    return redirect("admin:schedules")


def _scheduled(found: Iterable[PeriodicTask], at: datetime) -> Iterator[Scheduled]:
    explained = {job.task: job.description for job in JOBS}
    for job in found:
        every = job.interval or job.crontab or job.solar or job.clocked
        what = explained.get(job.task) or job.description or job.task
        yield Scheduled(job, what, str(every), _next(job, at))


def _next(job: PeriodicTask, at: datetime) -> datetime | None:
    """What beat would send it at; what is overdue, now."""
    if not job.enabled or job.last_run_at is None:
        return None
    left: timedelta = job.schedule.remaining_estimate(job.last_run_at)
    return at + max(left, timedelta(0))
