"""The limits of operations: how much at once and on a day, and what has gone today."""

from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from earn import proposals
from earn.desk import page, show
from earn.models import Operation
from earn.proposals import MAKE

PAGE = 200


@page(
    "limits/", name="limits", label=gettext_lazy("Limits"), section=gettext_lazy("Treasury")
)
@require_safe
def limit_list(request: HttpRequest) -> HttpResponse:
    after = request.GET.get("after", "").replace("\x00", "")
    code, _space, operation = after.partition(" ")
    found = proposals.limits(at=datetime.now(UTC), after=(code, operation), most=PAGE + 1)
    shown = found[:PAGE]
    last = shown[-1].limit if len(found) > PAGE else None
    return show(
        request,
        "desk/limits.html",
        _("Limits of operations"),
        rows=shown,
        after=f"{last.asset.code} {last.operation}" if last else "",
        propose=Operation.LIMIT if request.user.has_perm(MAKE) else "",
    )
