"""Who is staff: roles are given and taken here, with a reason that stays in the trail."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from earn import staffing
from earn.admin.audit import SECTION
from earn.desk import actor, crumb, page, show
from earn.models import User
from earn.roles import ROLES
from earn.staffing import CHANGE, StaffRefused


class Roles(forms.Form):
    roles = forms.MultipleChoiceField(
        label=gettext_lazy("Roles"),
        choices=[(name, name) for name in ROLES],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=2000, widget=forms.Textarea({"rows": 2})
    )


class NewMember(Roles):
    email = forms.EmailField(
        label=gettext_lazy("Email address"),
        help_text=gettext_lazy("Of somebody who signs in here already."),
    )
    field_order = ("email", "roles", "reason")


@page(
    "staff/", name="staff", label=gettext_lazy("Staff"), section=SECTION, permission=CHANGE
)
@require_http_methods(["GET", "HEAD", "POST"])
def staff(request: HttpRequest) -> HttpResponse:
    form = NewMember(request.POST if request.method == "POST" else None)
    if form.is_valid():
        asked = form.cleaned_data

        def act() -> User:
            return staffing.make_staff(
                asked["email"], asked["roles"], by=actor(request), reason=asked["reason"]
            )

        if _done(form, act):
            messages.success(request, _("This is a member of staff now."))
            return redirect("admin:staff")
    return show(
        request,
        "desk/staff.html",
        _("Staff"),
        status=422 if form.errors else 200,
        members=staffing.members(),
        form=form,
    )


@page("staff/<int:object_id>/", name="staff-member", permission=CHANGE)
@require_http_methods(["GET", "HEAD", "POST"])
def staff_member(request: HttpRequest, object_id: int) -> HttpResponse:
    if object_id > 2**63 - 1:
        raise Http404
    user = get_object_or_404(User, pk=object_id, is_staff=True)
    known = staffing.member(user)
    initial: dict[str, Any] = {"roles": known.roles}
    form = Roles(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid() and _done(form, lambda: _change(request, user, form.cleaned_data)):
        messages.success(request, _("Changed."))
        return redirect("admin:staff")
    return show(
        request,
        "desk/staff_member.html",
        user.email,
        crumbs=[crumb("staff")],
        status=422 if form.errors else 200,
        member=known,
        form=form,
        is_me=user.pk == actor(request).user.pk,
    )


def _change(request: HttpRequest, user: User, asked: dict[str, Any]) -> None:
    by, reason = actor(request), asked["reason"]
    if request.POST.get("do") == "end":
        staffing.end_staff(user, by=by, reason=reason)
    else:
        staffing.change_roles(user, asked["roles"], by=by, reason=reason)


def _done(form: forms.Form, act: Callable[[], object]) -> bool:
    """Whether it was; what was refused stands above the form."""
    try:
        act()
    except StaffRefused as refused:
        form.add_error(None, str(refused))
        return False
    return True
