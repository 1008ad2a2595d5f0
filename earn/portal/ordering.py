"""How every order of a customer goes: a form, what will happen, confirmed, a receipt.

The preview travels through the page, signed, and the order's key with it, from the form on:
a second click, a reload or a second tab sends the same key and gets the same order; what
has changed since it was shown is shown again, and not executed.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.core import signing
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from earn.models import Order
from earn.portal.people import RESUMED, customer_of
from earn.portal.refusing import sentence
from earn.portal.wording import changes, rows
from earn.refusals import KeyReused, Refusal, TermsChanged
from ledger.models import Asset
from ledger.posting import TryAgain

SALT = "earn.portal.order"
LASTS = timedelta(days=1)  # what was shown; older, it is shown again
Preview = Callable[[], dict[str, Any]]
Place = Callable[[str, dict[str, Any]], Order]


def shown_then_placed(
    request: HttpRequest,
    form: forms.Form,
    *,
    asset: Asset,
    preview: Preview,
    place: Place,
    page: dict[str, Any],
) -> HttpResponse:
    """One step of an order. `preview` and `place` raise Refusal and are called with a valid
    form only; `place` gets the key and the preview that was confirmed.

    A form that is bound on GET has nothing to choose: the preview is shown at once. `page`
    goes to its `template`, and what its `beside` says of the preview as well.
    """

    def answer(*, status: int = 200, **told: Any) -> HttpResponse:
        resumed = request.method == "GET" and RESUMED in request.GET
        shown = {"form": form, "key": uuid4(), "resumed": resumed} | page | told
        template = page.get("template", "portal/order.html")
        return render(request, template, shown, status=status)

    if not form.is_bound:
        return answer()
    key = _key(request)
    if not form.is_valid():
        return answer(status=422, key=key)
    try:
        done = _placed(request, key, asset, place)
        if isinstance(done, Order):
            return redirect("portal:receipt", done.pk)
        what = preview()
    except Refusal as refusal:
        form.add_error(None, sentence(refusal, asset))
        return answer(status=422 if request.method == "POST" else 200)
    before = done.pop("before", what)
    return answer(
        rows=list(rows(what, asset)),
        changed=list(changes(before, what, asset)),
        signed=signing.dumps(what, salt=_salt(request)),
        beside=page["beside"](what) if "beside" in page else None,
        **done,
    )


def _placed(
    request: HttpRequest, key: UUID, asset: Asset, place: Place
) -> Order | dict[str, Any]:
    """The order that was confirmed; or, when there is none, what the next page tells."""
    if request.POST.get("step") != "confirm":
        return _used_before(request, key)
    confirmed = _confirmed(request)
    if _is_old(request) and not _earlier(request, key):
        return {"before": confirmed, "key": key}
    try:
        return place(f"portal:{key}", confirmed)
    except TermsChanged as refusal:
        return {"notice": sentence(refusal, asset), "before": confirmed}
    except KeyReused as refusal:
        return {"notice": sentence(refusal, asset)}
    except TryAgain:
        busy = _("The books were busy; nothing was done. Please try again.")
        return {"notice": busy, "key": key}


def _key(request: HttpRequest) -> UUID:
    """The page's own, from its form on; a new one where something else was sent."""
    try:
        return UUID(request.POST.get("key", ""))
    except ValueError:
        return uuid4()


def _used_before(request: HttpRequest, key: UUID) -> dict[str, Any]:
    """Who goes back to the form of an order wants another order, and is told of the first.

    All other pages keep their key, so that a preview that is loaded twice is one order.
    """
    earlier = _earlier(request, key)
    return {"earlier": earlier} if earlier else {"key": key}


def _earlier(request: HttpRequest, key: UUID) -> Order | None:
    orders = Order.objects.filter(customer__user=request.user.pk, key=f"portal:{key}")
    return orders.first()


def _salt(request: HttpRequest) -> str:
    """What was shown on a page to somebody is confirmed there and by them alone."""
    customer = customer_of(request)
    assert customer is not None  # who orders is one
    return f"{SALT}:{customer.uuid}:{request.path}"


def _is_old(request: HttpRequest) -> bool:
    try:
        signing.loads(request.POST["signed"], salt=_salt(request), max_age=LASTS)
    except signing.SignatureExpired:
        return True
    return False


def _confirmed(request: HttpRequest) -> dict[str, Any]:
    try:
        signed = request.POST.get("signed", "")
        confirmed: dict[str, Any] = signing.loads(signed, salt=_salt(request))
    except signing.BadSignature as error:
        raise BadRequest("The preview was changed on its way.") from error
    return confirmed
