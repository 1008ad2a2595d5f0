"""Statements and income reports: what there is, and each as CSV, JSON or PDF."""

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import NamedTuple
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from earn import documents, prices, reports, statements, terms
from earn.documents import Document
from earn.holdings import currency_of
from earn.models import Customer, Order
from earn.portal import income_papers, statement_papers, term_sheets
from earn.portal.people import for_customers
from earn.statements import Period
from ledger.models import Asset

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


class Income(NamedTuple):
    """The last closed day of a year, and what its report's address asks for besides."""

    through: date
    query: str


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
    at = datetime.now(UTC).replace(microsecond=0)
    shown: dict[str, object] = {
        "years": years,
        "income": _incomes(customer, at=at),
        "known_at": at,
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
    """What the address leaves open is the reader's currency, and what is known now."""
    currency = _currency(request, customer)
    through, known_at = _through(request, customer, year), _known_at(request)
    try:
        document = reports.income(
            customer=customer, through=through, currency=currency, known_at=known_at
        )
    except statements.NotFinished as error:
        raise Http404 from error
    name = f"earn-income-{year}" + (f"-{currency.code}" if currency else "")
    return _answer(request, document, form, name, INCOME)


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


def _incomes(customer: Customer, *, at: datetime) -> list[Income]:
    currency = currency_of(customer)
    asked = {"currency": currency.code} if currency else {}
    asked["known_at"] = f"{at:%Y-%m-%dT%H:%M:%SZ}"
    return [
        Income(last, urlencode({"through": last.isoformat()} | asked))
        for last in reports.last_days(customer)
    ]


def _currency(request: HttpRequest, customer: Customer) -> Asset | None:
    code = request.GET.get("currency")
    if code is None:
        return currency_of(customer)
    if "\x00" in code:  # which no text of the books has
        raise Http404
    return get_object_or_404(Asset, code=code)


def _through(request: HttpRequest, customer: Customer, year: int) -> date:
    text = request.GET.get("through")
    try:
        asked = [date.fromisoformat(text)] if text else reports.last_days(customer)
    except ValueError as error:
        raise Http404 from error
    for through in asked:
        if through.year == year:
            return through
    raise Http404


def _known_at(request: HttpRequest) -> datetime:
    text = request.GET.get("known_at")
    if text is None:
        return prices.settled_at()
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Http404 from error
    raise Http404


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
