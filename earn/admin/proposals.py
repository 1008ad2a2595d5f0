"""Proposals: what waits, what each would do, and the word of a second person."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from earn import proposals
from earn.admin.proposing import FORMS, shown
from earn.desk import actor, crumb, page, show
from earn.models import Operation, Proposal
from earn.proposals import CHECK, MAKE, ConfirmationNeeded, KeyRefused, ProposalRefused

SECTION = gettext_lazy("Today")
WAITING, DECIDED = 200, 50  # of a page


@page("proposals/", name="proposals", label=gettext_lazy("Approvals"), section=SECTION)
@require_safe
def proposal_list(request: HttpRequest) -> HttpResponse:
    at = datetime.now(UTC)
    user = actor(request).user
    waiting = list(proposals.waiting(at=at).select_related("maker")[: WAITING + 1])
    mine = proposals.waiting_for(user, at=at).filter(pk__in=[x.pk for x in waiting])
    decided = proposals.decided(before=_before(request)).select_related("maker")
    shown = list(decided[: DECIDED + 1])
    return show(
        request,
        "desk/proposals.html",
        _("Approvals"),
        waiting=waiting[:WAITING],
        are_more_waiting=len(waiting) > WAITING,
        for_me=set(mine.values_list("pk", flat=True)),
        decided=shown[:DECIDED],
        older=shown[DECIDED - 1].pk if len(shown) > DECIDED else None,
        operations=Operation.choices if user.has_perm(MAKE) else [],
    )


@page("proposals/new/<slug:operation>/", name="propose", permission=MAKE)
@require_http_methods(["GET", "HEAD", "POST"])
def propose(request: HttpRequest, operation: str) -> HttpResponse:
    """Fill in, look at what would happen, send; nothing is kept before."""
    kind = operation.upper().replace("-", "_")
    if kind not in FORMS:
        raise Http404
    is_sent = request.method == "POST"
    form = FORMS[kind](request.POST if is_sent else None, initial=request.GET.dict())
    known = {
        "form": form,
        "reason": request.POST.get("reason", ""),
        "key": request.POST.get("key") or str(uuid4()),
        "operation": Operation(kind).label,
    }
    if is_sent and form.is_valid():
        try:
            if request.POST.get("step") == "send":
                return _sent(request, kind, form.as_request(), known)
            known["trial"] = proposals.try_out(
                kind, form.as_request(), at=datetime.now(UTC)
            )
        except ConfirmationNeeded as needed:
            known["problem"] = str(needed)
            known["trial"] = proposals.try_out(
                kind, form.as_request(), at=datetime.now(UTC)
            )
        except KeyRefused as refused:
            known |= {"problem": str(refused), "key": str(uuid4())}
        except ProposalRefused as refused:
            known["problem"] = str(refused)
    is_wrong = is_sent and (not form.is_valid() or "problem" in known)
    title = _("Propose: %(operation)s") % {"operation": Operation(kind).label}
    status = 422 if is_wrong else 200
    known["crumbs"] = [crumb("proposals")]
    return show(request, "desk/propose.html", title, status=status, **known)


@page("proposals/<int:object_id>/", name="proposal")
@require_safe
def proposal(request: HttpRequest, object_id: int) -> HttpResponse:
    if object_id > 2**63 - 1:
        raise Http404
    found = get_object_or_404(
        Proposal.objects.select_related("maker", "asset"), pk=object_id
    )
    user, at = actor(request).user, datetime.now(UTC)
    is_waiting = found.state == Proposal.State.WAITING
    is_mine = found.maker_id == user.pk and is_waiting
    may_judge = proposals.waiting_for(user, at=at).filter(pk=found.pk).exists()
    facts = []
    if is_mine or may_judge:  # for whoever decides: it may read each position of a product
        facts = proposals.facts(found.operation, found.request, at=at)
    return show(
        request,
        "desk/proposal.html",
        str(found),
        crumbs=[crumb("proposals")],
        proposal=found,
        asked=shown(found.operation, found.request),
        verdicts=found.verdicts.select_related("checker").order_by("pk"),
        may_judge=may_judge,
        may_withdraw=is_mine,
        is_expired=is_waiting and found.expires_at <= at,
        facts_now=facts,
    )


@page("proposals/<int:object_id>/approve/", name="approve", permission=CHECK)
@require_POST
def approve(request: HttpRequest, object_id: int) -> HttpResponse:
    comment = request.POST.get("comment", "")
    return _decided(
        request,
        object_id,
        lambda: proposals.approve(object_id, by=actor(request), comment=comment),
    )


@page("proposals/<int:object_id>/reject/", name="reject", permission=CHECK)
@require_POST
def reject(request: HttpRequest, object_id: int) -> HttpResponse:
    comment = request.POST.get("comment", "")
    return _decided(
        request,
        object_id,
        lambda: proposals.reject(object_id, by=actor(request), comment=comment),
    )


@page("proposals/<int:object_id>/withdraw/", name="withdraw", permission=MAKE)
@require_POST
def withdraw(request: HttpRequest, object_id: int) -> HttpResponse:
    return _decided(
        request, object_id, lambda: proposals.withdraw(object_id, by=actor(request))
    )


def _before(request: HttpRequest) -> int | None:
    text = request.GET.get("before", "")
    is_number = text.isascii() and text.isdecimal() and len(text) < 19
    return int(text) if is_number else None


def _sent(
    request: HttpRequest, kind: str, asked: dict[str, Any], known: dict[str, Any]
) -> HttpResponse:
    made = proposals.propose(
        kind,
        asked,
        key=known["key"],
        reason=known["reason"],
        by=actor(request),
        confirmed=request.POST.get("confirmed", ""),
    )
    messages.success(request, _("Proposed. Somebody else has to approve it."))
    return redirect("admin:proposal", made.pk)


def _decided(
    request: HttpRequest, object_id: int, act: Callable[[], Proposal]
) -> HttpResponse:
    if object_id > 2**63 - 1:
        raise Http404
    try:
        found = act()
    except ProposalRefused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, found.get_state_display())
    return redirect("admin:proposal", object_id)
