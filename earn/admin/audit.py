"""The audit trail: who did what, from where, before and after; searched and exported."""

import csv
import json
from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from earn import audit
from earn.audit import BadCursor, Cursor, Filter
from earn.desk import crumb, page, show
from earn.documents import moment
from earn.models import AuditEvent
from ledger.exports import guarded

SECTION = gettext_lazy("Audit")
PAGE = 100
COLUMNS = (
    *("number", "at", "recorded_at", "who", "ip", "act", "subject", "before", "after"),
    *("reason", "proposal"),
)


class Search(forms.Form):
    who = forms.CharField(label=gettext_lazy("Who"), max_length=254, required=False)
    act = forms.ChoiceField(label=gettext_lazy("Act"), required=False)
    reference = forms.CharField(
        label=gettext_lazy("About"),
        max_length=200,
        required=False,
        help_text=gettext_lazy("customer:12, product:easy, or a proposal’s number."),
    )
    first = forms.DateField(label=gettext_lazy("From"), required=False)
    last = forms.DateField(label=gettext_lazy("To"), required=False)

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        codes = [(code, code) for code in audit.acts()]
        self.fields["act"].choices = [("", gettext_lazy("All")), *codes]  # type: ignore[attr-defined]
        for name in ("first", "last"):
            self.fields[name].widget = forms.DateInput({"type": "date"}, "%Y-%m-%d")

    def wanted(self) -> Filter:
        """What is well written of it; the rest is said beside its field."""
        known = self.cleaned_data if self.is_bound else {}
        return Filter(**{name: x for name, x in known.items() if x})


@page("audit/", name="audit", label=gettext_lazy("Audit trail"), section=SECTION)
@require_safe
def trail(request: HttpRequest) -> HttpResponse:
    form, wanted = _read(request)
    events = audit.page(wanted, before=_before(request), limit=PAGE + 1)
    shown, more = events[:PAGE], len(events) > PAGE
    asked = _asked(wanted)
    return show(
        request,
        "desk/audit.html",
        _("Audit trail"),
        status=200 if form.is_valid() else 422,
        form=form,
        events=shown,
        export=urlencode(asked),
        older=urlencode(asked | {"before": str(Cursor.of(shown[-1]))}) if more else "",
        is_first="before" not in request.GET,
    )


@page("audit/<int:object_id>/", name="audit-event")
@require_safe
def event(request: HttpRequest, object_id: int) -> HttpResponse:
    if object_id > 2**63 - 1:
        raise Http404
    rows = AuditEvent.objects.select_related("actor", "proposal")
    found = get_object_or_404(rows, pk=object_id)
    return show(
        request,
        "desk/audit_event.html",
        f"{found.act} {found.subject}",
        crumbs=[crumb("audit")],
        event=found,
        differences=list(differences(found)),
    )


@page("audit.csv", name="audit-export")
@require_safe
def export(request: HttpRequest) -> StreamingHttpResponse:
    """All that the search finds, a row at a time; it is never held as a whole."""
    _form, wanted = _read(request)
    answer = StreamingHttpResponse(_lines(wanted), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="audit.csv"'
    return answer


def differences(event: AuditEvent) -> Iterator[tuple[str, str | None, str | None]]:
    """(what, before, after), first what changed; None where one of them has it not."""
    for name in dict.fromkeys([*event.before, *event.after]):
        yield name, _text(event.before.get(name)), _text(event.after.get(name))


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _read(request: HttpRequest) -> tuple[Search, Filter]:
    """A NUL, which no text of ours has, finds nothing and is said by the form."""
    form = Search(request.GET)
    form.is_valid()
    return form, form.wanted()


def _before(request: HttpRequest) -> Cursor | None:
    text = request.GET.get("before")
    try:
        return Cursor.read(text) if text else None
    except BadCursor as error:
        raise Http404 from error


def _asked(wanted: Filter) -> dict[str, str]:
    names = ("who", "act", "reference", "first", "last")
    values = {name: getattr(wanted, name) for name in names}
    return {
        name: x.isoformat() if isinstance(x, date) else x for name, x in values.items() if x
    }


class _Echo:
    """What a csv.writer writes is what its writerow returns."""

    def write(self, text: str) -> str:
        return text


def _lines(wanted: Filter) -> Iterator[str]:
    writer = csv.writer(_Echo(), lineterminator="\r\n")
    yield str(writer.writerow(COLUMNS))
    for found in audit.whole(wanted):
        yield str(writer.writerow([guarded(cell) for cell in _row(found)]))


def _row(found: AuditEvent) -> Iterator[object]:
    yield found.pk
    yield moment(found.at)
    yield moment(found.recorded_at)
    yield found.actor.email if found.actor else ""
    yield found.ip or ""
    yield found.act
    yield found.subject
    yield json.dumps(found.before, ensure_ascii=False, sort_keys=True)
    yield json.dumps(found.after, ensure_ascii=False, sort_keys=True)
    yield found.reason
    yield found.proposal_id or ""
