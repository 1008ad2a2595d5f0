"""The books as files: what a page shows, or a period of the journal, for other tools."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from earn import financials, prices
from earn.admin.asking import MomentForm, PeriodForm
from earn.admin.books import SECTION
from earn.days import end_of
from earn.desk import page, show
from earn.financials import AssetReport
from earn.spreadsheets import Row, as_csv, as_xlsx
from ledger import exports, journal
from ledger.models import Account

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    columns: tuple[str, ...]
    rows: Iterable[Row]


@page("books/export/", name="books-export", label=gettext_lazy("Exports"), section=SECTION)
@require_safe
def export(request: HttpRequest) -> HttpResponseBase:
    """`what` in `form`; without them the page that offers both."""
    what, form = request.GET.get("what", ""), request.GET.get("form", "")
    asked = _FORMS.get(what, PeriodForm)(request.GET)
    if not what or not asked.is_valid():
        status = 422 if what else 200
        known = {"moment": MomentForm(), "period": PeriodForm(), "asked": asked}
        return show(request, "desk/exports.html", _("Exports"), status=status, **known)
    now = datetime.now(UTC)
    if (what, form) == ("journal", "beancount"):
        return _beancount(asked, now)
    if what not in _TABLES or form not in ("csv", "xlsx"):
        raise Http404
    table = _TABLES[what](asked, request, now)
    return _xlsx(table) if form == "xlsx" else _csv(table)


def _trial(form: MomentForm, _request: HttpRequest, now: datetime) -> Table:
    at = form.moment(now)

    def rows() -> Iterator[Row]:
        for trial in financials.trial(at=at, asset=form.cleaned_data["asset"]):
            for row in trial.rows:
                worth = None if trial.price is None else row.balance * trial.price
                figures = (row.debits, row.credits, row.balance, trial.price, worth)
                yield (at, row.asset, row.kind, row.heading, *figures)

    columns = ("at", "asset", "kind", "heading", "debits", "credits", "balance", "price")
    worth = f"worth_{financials.currency().code}"
    return Table(f"trial-{at:%Y-%m-%dT%H%M%SZ}", (*columns, worth), rows())


def _balance_sheet(form: MomentForm, _request: HttpRequest, now: datetime) -> Table:
    at = form.moment(now)

    def reports() -> list[AssetReport]:
        return financials.balance_sheets(at=at, asset=form.cleaned_data["asset"])

    name = f"balance-sheet-{at:%Y-%m-%dT%H%M%SZ}"
    return _report(name, ("at",), (at,), reports, at)


def _income_statement(form: PeriodForm, _request: HttpRequest, now: datetime) -> Table:
    first, last = form.period(now)

    def reports() -> list[AssetReport]:
        asset = form.cleaned_data["asset"]
        return financials.income_statements(first=first, last=last, asset=asset)

    name, at = f"income-statement-{first}-{last}", min(end_of(last), now)
    return _report(name, ("first", "last"), (first, last), reports, at)


def _report(
    name: str,
    columns: tuple[str, ...],
    when: tuple[date, ...],
    reports: Callable[[], list[AssetReport]],
    at: datetime,
) -> Table:
    """Each line of each asset, with its exact worth at the prices of `at`."""

    def rows() -> Iterator[Row]:
        known = prices.latest(at=at)
        for report in reports():
            quote = known.quote(report.asset, at)
            for kind, line, amount in report.lines:
                worth = quote and amount * quote.price
                price = quote and quote.price
                yield (*when, report.asset.code, kind, line, amount, price, worth)

    worth = f"worth_{financials.currency().code}"
    return Table(
        name, (*columns, "asset", "kind", "line", "amount", "price", worth), rows()
    )


def _statement(form: PeriodForm, request: HttpRequest, now: datetime) -> Table:
    code, asset = request.GET.get("code", ""), form.cleaned_data["asset"]
    found = Account.objects.filter(asset=asset, code=code.replace("\x00", "")).first()
    if asset is None or found is None:
        raise Http404
    first, last = form.period(now)

    def rows() -> Iterator[Row]:
        before = journal.opening(found, first=first)
        yield (None, None, None, "OPENING", None, None, None, None, None, before, None)
        for x in journal.lines(found, first=first, last=last):
            head = (x.entry_id, x.line, x.key, x.kind, x.happened_at, x.recorded_at)
            note = json.dumps(x.note, ensure_ascii=False)
            yield (*head, x.counter_account, x.debit, x.credit, x.balance, note)

    columns = (
        *("entry", "line", "key", "kind", "happened_at", "recorded_at"),
        *("counter_account", "debit", "credit", "balance", "note"),
    )
    return Table(f"statement-{asset.code}-{code}-{first}-{last}", columns, rows())


def _journal(form: PeriodForm, _request: HttpRequest, now: datetime) -> Table:
    first, last = form.period(now)
    rows: Any = exports.table(first=first, last=last)
    return Table(f"journal-{first}-{last}", exports.COLUMNS, rows)


_FORMS: dict[str, Any] = {"trial": MomentForm, "balance-sheet": MomentForm}
_TABLES: dict[str, Callable[..., Table]] = {
    "trial": _trial,
    "balance-sheet": _balance_sheet,
    "income": _income_statement,
    "statement": _statement,
    "journal": _journal,
}


def _csv(table: Table) -> HttpResponseBase:
    return _streamed(as_csv(table.columns, _at_once(table.rows)), "text/csv", table, "csv")


def _xlsx(table: Table) -> HttpResponseBase:
    """Made on disk before it is sent: its table of contents is at its end."""
    file = as_xlsx(table.columns, _at_once(table.rows))
    name = _file_name(table.name, "xlsx")
    return FileResponse(file, content_type=XLSX, as_attachment=True, filename=name)


def _beancount(form: PeriodForm, now: datetime) -> HttpResponseBase:
    first, last = form.period(now)
    pieces = exports.export(form="beancount", first=first, last=last)
    table = Table(f"journal-{first}-{last}", (), ())
    return _streamed(pieces, "text/plain", table, "beancount")


def _at_once(rows: Iterable[Row]) -> Iterator[Row]:
    """All of it as the books are at one moment, however long the reader takes."""
    with exports.one_moment():
        yield from rows


def _streamed(
    pieces: Iterable[str], kind: str, table: Table, ending: str
) -> HttpResponseBase:
    content = (piece.encode() for piece in pieces)
    answer = StreamingHttpResponse(content, content_type=f"{kind}; charset=utf-8")
    name = _file_name(table.name, ending)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _file_name(name: str, ending: str) -> str:
    return f"{re.sub('[^A-Za-z0-9._-]+', '-', name)[:150]}.{ending}"
