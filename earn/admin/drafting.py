"""Drafts of products: made, copied and edited by one person, opened by two."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from earn import drafts
from earn.admin.catalogue import crumb, product_of
from earn.admin.terms_forms import DraftForm
from earn.desk import actor, page, show
from earn.models import Product
from earn.proposals import MAKE

METHODS = ["GET", "HEAD", "POST"]


@page("products/new/", name="draft-new", permission=MAKE)
@require_http_methods(METHODS)
def new(request: HttpRequest) -> HttpResponse:
    return _kept(request, Product(), _("New product"))


@page("products/<int:object_id>/copy/", name="draft-copy", permission=MAKE)
@require_http_methods(METHODS)
def copy(request: HttpRequest, object_id: int) -> HttpResponse:
    """Its rates come next: those of the product it was copied from are filled in."""
    known = product_of(object_id)
    title = _("Copy of %(product)s") % {"product": known.code}
    return _kept(request, drafts.copy_of(known), title, like=known)


@page("products/<int:object_id>/edit/", name="draft-edit", permission=MAKE)
@require_http_methods(METHODS)
def edit(request: HttpRequest, object_id: int) -> HttpResponse:
    known = product_of(object_id)
    if known.state != Product.State.DRAFT:
        messages.error(request, _("It has opened: its terms change by a proposal."))
        return redirect("admin:product", known.pk)
    return _kept(request, known, _("Draft %(product)s") % {"product": known.code})


def _kept(
    request: HttpRequest, draft: Product, title: str, *, like: Product | None = None
) -> HttpResponse:
    is_sent, is_new = request.method == "POST", draft.pk is None
    form = DraftForm(request.POST if is_sent else None, draft=draft)
    if is_sent and form.is_valid():
        try:
            drafts.keep(draft, by=actor(request))
        except drafts.NotADraft as refused:
            messages.error(request, str(refused))
            return redirect("admin:product", draft.pk)
        messages.success(request, _("The draft is kept."))
        if is_new:
            query = f"?like={like.pk}" if like else ""
            return redirect(reverse("admin:rates", args=[draft.pk]) + query)
        return redirect("admin:product", draft.pk)
    status = 422 if is_sent else 200
    crumbs = [crumb()]
    return show(request, "desk/draft.html", title, status=status, form=form, crumbs=crumbs)
