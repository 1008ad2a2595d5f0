"""The journal: entries by any reference, and each of them whole."""

from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from earn import journal
from earn.admin.asking import SearchForm, before, before_text
from earn.admin.books import SECTION
from earn.desk import crumb, page, show
from earn.operations.books import REVERSIBLE
from earn.proposals import MAKE
from ledger import journal as books
from ledger.journal import Before, Written

ENTRIES = 25
FIRST_LINES = 8
ALL_LINES = 500


@page("books/journal/", name="journal", label=gettext_lazy("Journal"), section=SECTION)
@require_safe
def journal_page(request: HttpRequest) -> HttpResponse:
    form = SearchForm(request.GET)
    known: dict[str, Any] = {"form": form}
    if form.is_valid():
        known |= _found(form, before(request))
    status = 200 if form.is_valid() else 422
    return show(request, "desk/journal.html", _("Journal"), status=status, **known)


def _found(form: SearchForm, begin: Before | None) -> dict[str, Any]:
    ids = journal.find(form.question(), limit=ENTRIES + 1, before=begin)
    entries = books.written(ids[:ENTRIES], lines=FIRST_LINES)
    asked = {name: text for name, text in form.data.items() if name in form.fields and text}
    more = ""
    if len(ids) > ENTRIES:
        last = entries[-1].entry
        more = urlencode(asked | {"before": before_text(last.day, last.pk)})
    return {
        "entries": entries,
        "more": more,
        "asked": urlencode(asked),
        "is_first": begin is None,
        "is_search": bool(asked),
    }


@page("books/entries/<int:object_id>/", name="entry")
@require_safe
def entry(request: HttpRequest, object_id: int) -> HttpResponse:
    found = books.written([object_id], lines=ALL_LINES) if object_id < 2**63 else []
    if not found:
        raise Http404
    may_propose = request.user.has_perm(MAKE)
    return show(
        request,
        "desk/entry.html",
        _("Entry %(number)s") % {"number": object_id},
        crumbs=[crumb("journal")],
        one=found[0],
        reversal=_reversal(found[0]) if may_propose else "",
        adjustment=_adjustment(found[0]) if may_propose else "",
        may_be_reversed=_may_be_reversed(found[0]),
        same_day=_same_day(found[0].entry.day),
    )


def _reversal(one: Written) -> str:
    return urlencode({"entry": one.entry.key}) if _may_be_reversed(one) else ""


def _may_be_reversed(one: Written) -> bool:
    return one.entry.kind in REVERSIBLE and one.reversed_by is None


def _adjustment(one: Written) -> str:
    """The form of an adjustment, with what the first line says of it."""
    line = one.lines[0]
    return urlencode({"asset": line.asset.code, "debit": line.credit, "credit": line.debit})


def _same_day(day: date) -> str:
    return urlencode({"first": str(day), "last": str(day)})
