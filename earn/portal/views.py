from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.views.decorators.http import require_safe

from earn.portal.explore import found
from earn.portal.offers import Standing
from earn.portal.overview import closed_days

OFFERS = 3


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    _, offers = found({"sort": "rate"}, at=datetime.now(UTC))
    on_sale = [offer for offer in offers if offer.standing is Standing.ON_SALE]
    shown = {"closes": closed_days(), "offers": on_sale[:OFFERS]}
    return render(request, "portal/start.html", shown)


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """For browsers that ask by themselves, as on pages that name no icon."""
    return redirect(static("portal/favicon.svg"))
