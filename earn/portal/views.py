from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.views.decorators.http import require_safe

from earn.portal.overview import closed_days


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    return render(request, "portal/start.html", {"closes": closed_days()})


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """For browsers that ask by themselves, as on pages that name no icon."""
    return redirect(static("portal/favicon.svg"))
