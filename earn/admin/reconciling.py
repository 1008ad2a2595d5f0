"""Reconciliation: the books beside their sub-ledgers, and beside what custodians say."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from earn import breaks as differences
from earn import custody, reconciliation
from earn.admin.books import SECTION
from earn.breaks import BreakRefused
from earn.custody import BadStatement, Problem
from earn.desk import actor, crumb, page, show
from earn.models import Break, CustodyLine, CustodyStatement, Reconciliation, User
from ledger import balances

RECONCILE = "earn.reconcile"
RUN = "earn.run_jobs"
ROWS = 50
ALL_LINES = 500


@page(
    "books/reconciliation/",
    name="reconciliation",
    label=gettext_lazy("Reconciliation"),
    section=SECTION,
)
@require_safe
def latest(request: HttpRequest) -> HttpResponse:
    """What the last comparison came to."""
    last = Reconciliation.objects.select_related("by").order_by("-pk").first()
    return show(
        request,
        "desk/reconciliation.html",
        _("Reconciliation"),
        last=last,
        may_run=request.user.has_perm(RUN),
        open_breaks=Break.objects.filter(resolved_at=None)[: ROWS + 1].count(),
        most=ROWS,
    )


@page("books/reconciliation/run/", name="reconcile", permission=RUN)
@require_POST
def reconcile(request: HttpRequest) -> HttpResponse:
    made = reconciliation.run(by=actor(request))
    if made.violations:
        messages.error(request, _("The books and their sub-ledgers differ."))
    else:
        messages.success(request, _("The books and their sub-ledgers agree."))
    return redirect("admin:reconciliation")


@page(
    "books/custody/",
    name="custody-statements",
    label=gettext_lazy("Custody statements"),
    section=SECTION,
)
@require_safe
def statements(request: HttpRequest) -> HttpResponse:
    return _statements(request)


def _statements(
    request: HttpRequest, problems: list[Problem] | None = None
) -> HttpResponse:
    found = CustodyStatement.objects.select_related("by")
    rows, more = _page_of(found, request)
    return show(
        request,
        "desk/custody_statements.html",
        _("Custody statements"),
        status=422 if problems else 200,
        statements=rows,
        more=more,
        problems=problems or [],
        may_upload=request.user.has_perm(RECONCILE),
        columns=",".join(custody.COLUMNS),
        most_lines=custody.MOST_LINES,
    )


@page("books/custody/upload/", name="upload-custody-statement", permission=RECONCILE)
@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile):
        return _statements(request, [Problem(None, _("Choose a file."))])
    data = file.read()
    name = (file.name or "").replace("\x00", "")[:200]
    try:
        taken = custody.take_in(data, name=name, by=actor(request))
    except BadStatement as bad:
        return _statements(request, list(bad.problems))
    if taken.is_new:
        messages.success(request, _("Taken in, and compared with the books."))
    else:
        messages.info(request, _("This very file was taken in before: here it is."))
    return redirect("admin:custody-statement", taken.statement.pk)


@page("books/custody/<int:object_id>/", name="custody-statement")
@require_safe
def statement(request: HttpRequest, object_id: int) -> HttpResponse:
    found = get_object_or_404(
        CustodyStatement.objects.select_related("by"), pk=_number(object_id)
    )
    after = _asked_number(request, "after")
    lines = CustodyLine.objects.filter(statement=found, number__gt=after)
    lines = lines.select_related("asset", "break", "repeats").order_by("number")
    rows = list(lines[: ALL_LINES + 1])
    return show(
        request,
        "desk/custody_statement.html",
        str(found),
        crumbs=[crumb("custody-statements")],
        statement=found,
        lines=[
            (x, _account(x), x.repeats or getattr(x, "break", None))
            for x in rows[:ALL_LINES]
        ],
        more=rows[ALL_LINES - 1].number if len(rows) > ALL_LINES else "",
        breaks=found.breaks.count(),
        omitted=found.breaks.filter(line=None).select_related("asset").order_by("pk"),
    )


@page("books/breaks/", name="breaks", label=gettext_lazy("Breaks"), section=SECTION)
@require_safe
def breaks(request: HttpRequest) -> HttpResponse:
    is_open = request.GET.get("state") != "resolved"
    found = Break.objects.filter(resolved_at__isnull=is_open)
    rows, more = _page_of(found.select_related("asset", "owner", "resolved_by"), request)
    at = datetime.now(UTC)
    return show(
        request,
        "desk/breaks.html",
        _("Breaks"),
        breaks=[(x, (at - x.as_of).days) for x in rows],
        more=more,
        is_open=is_open,
    )


@page("books/breaks/<int:object_id>/", name="break")
@require_safe
def one_break(request: HttpRequest, object_id: int) -> HttpResponse:
    found = get_object_or_404(
        Break.objects.select_related("asset", "line", "statement", "owner", "resolved_by"),
        pk=_number(object_id),
    )
    at = datetime.now(UTC)
    may_act = request.user.has_perm(RECONCILE) and found.resolved_at is None
    return show(
        request,
        "desk/break.html",
        str(found),
        crumbs=[crumb("breaks")],
        one=found,
        age=(at - found.as_of).days,
        **(_books_now(found) if found.kind == Break.Kind.CUSTODY else {}),
        again=found.repeats.select_related("statement").order_by("-pk").first(),
        may_act=may_act,
        owners=differences.reconcilers().order_by("email") if may_act else [],
    )


def _books_now(found: Break) -> dict[str, Any]:
    now = balances.balance_at(asset_id=found.asset_id, code=found.subject, at=found.as_of)
    return {"books_now": now, "difference_now": found.stated - now}


@page("books/breaks/<int:object_id>/assign/", name="assign-break", permission=RECONCILE)
@require_POST
def assign(request: HttpRequest, object_id: int) -> HttpResponse:
    owner = get_object_or_404(User, pk=_number(_posted_number(request, "owner")))
    return _acted(
        request,
        object_id,
        lambda: differences.assign(object_id, owner=owner, by=actor(request)),
        _("Assigned."),
    )


@page("books/breaks/<int:object_id>/resolve/", name="resolve-break", permission=RECONCILE)
@require_POST
def resolve(request: HttpRequest, object_id: int) -> HttpResponse:
    note = request.POST.get("note", "").replace("\x00", "")[:2000]
    return _acted(
        request,
        object_id,
        lambda: differences.resolve(object_id, note=note, by=actor(request)),
        _("Resolved."),
    )


def _acted(
    request: HttpRequest, object_id: int, act: Callable[[], Break], said: str
) -> HttpResponse:
    _number(object_id)
    try:
        act()
    except Break.DoesNotExist as error:
        raise Http404 from error
    except BreakRefused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, said)
    return redirect("admin:break", object_id)


def _account(line: CustodyLine) -> str:
    return custody.account_of(line.asset, line.venue)


def _page_of(found: QuerySet[Any], request: HttpRequest) -> tuple[list[Any], str]:
    """The newest before a number, and the number before which the next page is."""
    before = _asked_number(request, "before")
    found = found.filter(pk__lt=before) if before else found
    rows = list(found.order_by("-pk")[: ROWS + 1])
    return rows[:ROWS], str(rows[ROWS - 1].pk) if len(rows) > ROWS else ""


def _asked_number(request: HttpRequest, name: str) -> int:
    return _read(request.GET.get(name, ""))


def _posted_number(request: HttpRequest, name: str) -> int:
    return _read(request.POST.get(name, ""))


def _read(text: str) -> int:
    """0 for what is no number of ours."""
    is_number = text.isascii() and text.isdecimal() and len(text) < 10
    return int(text) if is_number else 0


def _number(object_id: int) -> int:
    if object_id > 2**63 - 1:
        raise Http404
    return object_id
