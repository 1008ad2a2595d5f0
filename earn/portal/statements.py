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

from earn import documents, reports, statements, terms
from earn.documents import Document
from earn.models import Customer, Order
from earn.portal import income_papers, statement_papers, term_sheets
from earn.portal.people import for_customers
from earn.statements import Period

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "pdf": "application/pdf",
}


class Written(NamedTuple):
    """How a kind of document is written as PDF, in a language, and as CSV, if it can be."""

    paper: Callable[[Document, str], bytes]
    as_csv: Callable[[Document], bytes] | None


STATEMENT = Written(statement_papers.paper, statements.as_csv)
INCOME = Written(income_papers.paper, reports.as_csv)
TERM_SHEET = Written(term_sheets.paper, None)  # rules make no table


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
        "income": reports.years(customer),
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
    return _answer(request, document, form, f"earn-{period.code}", STATEMENT)


@require_safe
@for_customers
def income(request: HttpRequest, customer: Customer, year: int, form: str) -> HttpResponse:
    try:
        document = reports.income(customer=customer, year=year)
    except statements.NotFinished as error:
        raise Http404 from error
    return _answer(request, document, form, f"earn-income-{year}", INCOME)


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
    return _answer(request, terms.sheet(order), form, f"earn-terms-{pk}", TERM_SHEET)


def _answer(
    request: HttpRequest, document: Document, form: str, name: str, written: Written
) -> HttpResponse:
    """The document as a file. Its ETag is the content's hash, as the file says it too."""
    if form == "pdf":
        body = written.paper(document, _language(request))
    elif form == "json":
        body = documents.as_json(document)
    elif written.as_csv:
        body = written.as_csv(document)
    else:
        raise Http404
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
