"""Today: the state of the day at a glance."""

from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from earn import proposals
from earn.desk import actor, page, show
from earn.models import DayClose


@page("", name="index", label=gettext_lazy("Today"), section=gettext_lazy("Today"))
@require_safe
def today(request: HttpRequest) -> HttpResponse:
    at = datetime.now(UTC)
    closed = DayClose.objects.filter(stage=DayClose.Stage.CLOSED).order_by("-day").first()
    return show(
        request,
        "desk/today.html",
        _("Today"),
        closed=closed,
        for_me=proposals.waiting_for(actor(request).user, at=at).select_related("maker"),
    )
