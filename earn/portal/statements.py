"""Statements and income reports: what there is, and each as CSV, JSON or PDF."""

import base64
import hashlib
from collections.abc import Callable
from typing import NamedTuple

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from earn import documents, statements, terms
from earn.documents import Document
from earn.models import Customer, Order
from earn.portal import statement_papers, term_sheets
from earn.portal.people import for_customers
from earn.statements import Period

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "pdf": "application/pdf",
}


_WRITERS = {"csv": statements.as_csv, "json": documents.as_json}


class Listed(NamedTuple):
    period: Period
    name: str


class IsoPeriod:
    """A month, quarter or year in an address, as in 2026-08, 2026-Q3 or 2026."""

    regex = "[1-9][0-9]{3}(?:-Q[1-4]|-0[1-9]|-1[0-2])?"

    def to_python(self, text: str) -> Period:
        return Period.read(text)

    def to_url(self, period: Period | str) -> str:
        return period if isinstance(period, str) else period.code


class Form:
    """How a document is written."""

    regex = "csv|json|pdf"

    def to_python(self, text: str) -> str:
        return text

    def to_url(self, form: str) -> str:
        return form


@require_safe
@for_customers
def listed(request: HttpRequest, customer: Customer) -> HttpResponse:
    periods = statements.periods(customer)
    years: dict[int, list[Listed]] = {}
    for period in periods:
        found = years.setdefault(period.first.year, [])
        found.append(Listed(period, statement_papers.period_name(period)))
    shown: dict[str, object] = {
        "years": years,
        "through": statements.closed_through(),
        "income": [],
    }
    return render(request, "portal/statements.html", shown)


@require_safe
@for_customers
def statement(
    request: HttpRequest, customer: Customer, period: Period, form: str
) -> HttpResponse:
    try:
        document = statements.statement(customer=customer, period=period)
    except statements.NotFinished as error:
        raise Http404 from error
    return _answer(request, document, form, f"earn-{period.code}", statement_papers.paper)


@require_safe
@for_customers
def term_sheet(
    request: HttpRequest, customer: Customer, pk: int, form: str
) -> HttpResponse:
    order = get_object_or_404(
        Order.objects.select_related("customer"),
        pk=pk,
        customer=customer,
        terms__isnull=False,
        preview__isnull=False,
    )
    if form == "csv":
        raise Http404  # rules make no table
    document = terms.sheet(order)
    return _answer(request, document, form, f"earn-terms-{pk}", term_sheets.paper)


def _answer(
    request: HttpRequest,
    document: Document,
    form: str,
    name: str,
    paper: Callable[[Document, str], bytes],
) -> HttpResponse:
    """The document as a file. Its ETag is the content's hash, as the file says it too."""
    if form == "pdf":
        body = paper(document, _language(request))
    else:
        body = _WRITERS[form](document)
    etag = f'W/"{document["sha256"]}"'
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    response = HttpResponse(
        body,
        content_type=TYPES[form],
        headers={
            "Content-Disposition": f'attachment; filename="{name}.{form}"',
            "Content-Digest": f"sha-256=:{digest}:",
            "Cache-Control": "private, no-cache",
            "ETag": etag,
        },
    )
    same = get_conditional_response(request, etag=etag, response=response)
    return same or response


def _language(request: HttpRequest) -> str:
    """Named in the address, so that an address has one paper; English where it is not."""
    language = request.GET.get("language", "en")
    if language not in dict(settings.LANGUAGES):
        raise Http404
    return language
