"""What a customer was told, newest first, and where they want to be told."""

from datetime import UTC, datetime
from typing import NamedTuple

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from earn import telling
from earn.models import OPTIONAL, Customer, News, Notification
from earn.portal.notices import words_of
from earn.portal.people import for_customers
from earn.telling import Wish

PAGE = 20

KINDS = {
    News.MATURES_IN_7_DAYS: gettext_lazy("A term matures in 7 days"),
    News.MATURES_IN_1_DAY: gettext_lazy("A term matures tomorrow"),
    News.MATURED: gettext_lazy("A term has matured and was paid out"),
    News.RENEWED: gettext_lazy("A term was renewed or has moved on"),
    News.NOT_RENEWED: gettext_lazy("A term was not renewed, and why"),
    News.RATE_CUT: gettext_lazy("A rate will fall"),
    News.REDEMPTION_PAID: gettext_lazy("A redemption was paid"),
    News.NEW_DEVICE: gettext_lazy("A sign-in from a new device"),
}
MONEY_MOVED = gettext_lazy("Your money has moved: you always hear of it.")
ALWAYS = {
    News.MATURED: MONEY_MOVED,
    News.RENEWED: MONEY_MOVED,
    News.NOT_RENEWED: MONEY_MOVED,
    News.REDEMPTION_PAID: MONEY_MOVED,
    News.RATE_CUT: gettext_lazy("You must have time to decide before a rate falls."),
    News.NEW_DEVICE: gettext_lazy("It may be somebody else: you always hear of it."),
}


class Choice(NamedTuple):
    """A row of the preferences; `always` is why there is nothing to choose, or empty."""

    kind: str
    label: str
    wish: Wish
    always: str


@require_http_methods(["GET", "HEAD", "POST"])
@for_customers
def notifications(request: HttpRequest, customer: Customer) -> HttpResponse:
    """A page of them, those `before` a number; POST marks all up to a number as read."""
    if request.method == "POST":
        through = _number(request.POST.get("through", ""))
        telling.mark_read(customer, through=through, at=datetime.now(UTC))
        return redirect("portal:notifications")
    page = list(_page(customer, request.GET.get("before", ""))[: PAGE + 1])
    shown = {
        "notifications": list(zip(page[:PAGE], words_of(page[:PAGE]), strict=True)),
        "through": max((x.pk for x in page[:PAGE]), default=0),
        "unread": Notification.objects.filter(
            customer=customer, in_portal=True, read_at=None
        ).count(),
        "is_first": "before" not in request.GET,
        "next_before": page[PAGE - 1].pk if len(page) > PAGE else None,
    }
    return render(request, "portal/notifications.html", shown)


@require_http_methods(["GET", "HEAD", "POST"])
@for_customers
def preferences(request: HttpRequest, customer: Customer) -> HttpResponse:
    if request.method == "POST":
        telling.choose(customer, _chosen(request))
        messages.success(request, _("Your choice is kept."))
        return redirect("portal:notification-preferences")
    found = telling.wishes(customer)
    choices = [
        Choice(str(kind), str(label), found[kind], str(ALWAYS.get(kind, "")))
        for kind, label in KINDS.items()
    ]
    return render(request, "portal/notification_preferences.html", {"choices": choices})


def _page(customer: Customer, before: str) -> QuerySet[Notification]:
    """Newest first by when it happened: what a late close tells of has its own place."""
    found = Notification.objects.filter(customer=customer, in_portal=True)
    found = found.select_related("product__asset", "position__product")
    if before:
        last = get_object_or_404(found, pk=_number(before))
        found = found.filter(Q(at__lt=last.at) | Q(at=last.at, pk__lt=last.pk))
    return found.order_by("-at", "-pk")


def _chosen(request: HttpRequest) -> dict[str, Wish]:
    return {
        str(kind): Wish(
            in_portal=f"portal-{kind}" in request.POST,
            by_mail=f"mail-{kind}" in request.POST,
        )
        for kind in OPTIONAL
    }


def _number(text: str) -> int:
    """Raises Http404."""
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise Http404
    return int(text)
