"""How every order of a customer goes: a form, what will happen, confirmed, a receipt.

The preview travels through the page, signed, and the order's key with it: a second click,
a reload or a second tab sends the same key and gets the same order; what has changed since
it was shown is shown again, and not executed.
"""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django import forms
from django.core import signing
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from earn.models import Order
from earn.portal.refusing import sentence
from earn.portal.wording import rows
from earn.refusals import KeyReused, Refusal, TermsChanged
from ledger.models import Asset
from ledger.posting import TryAgain

SALT = "earn.portal.order"
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
    if not form.is_bound:
        return _page(request, form, page)
    if not form.is_valid():
        return _page(request, form, page, status=422)
    key = request.POST.get("key", "")
    try:
        if request.POST.get("step") == "confirm":
            order = place(f"portal:{key}", _confirmed(request))
            return redirect("portal:receipt", order.pk)
    except TermsChanged:
        page |= {"notice": _("The terms have changed since you saw them. Look again:")}
    except KeyReused:
        page |= {"notice": _("This page was used for another order. Look again:")}
    except TryAgain:
        page |= {"notice": _("The books were busy; nothing was done. Please try again.")}
    except Refusal as refusal:
        form.add_error(None, sentence(refusal, asset))
        return _page(request, form, page, status=422)
    return _shown(request, form, asset, preview, page)


def _shown(
    request: HttpRequest,
    form: forms.Form,
    asset: Asset,
    preview: Preview,
    page: dict[str, Any],
) -> HttpResponse:
    try:
        what = preview()
    except Refusal as refusal:
        form.add_error(None, sentence(refusal, asset))
        return _page(request, form, page, status=422)
    shown = {
        "rows": list(rows(what, asset)),
        "signed": signing.dumps(what, salt=SALT),
        "beside": page["beside"](what) if "beside" in page else None,
    }
    return _page(request, form, page | shown)


def _confirmed(request: HttpRequest) -> dict[str, Any]:
    try:
        confirmed: dict[str, Any] = signing.loads(request.POST.get("signed", ""), salt=SALT)
    except signing.BadSignature as error:
        raise BadRequest("The preview was changed on its way.") from error
    return confirmed


def _page(
    request: HttpRequest, form: forms.Form, page: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """Each page that is shown has a key of its own: it is for one order."""
    shown = page | {"form": form, "key": uuid4()}
    template = page.get("template", "portal/order.html")
    return render(request, template, shown, status=status)
