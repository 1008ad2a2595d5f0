"""The desk: Django's admin with pages of our own around its tables.

A page is a function of a request, made known by `page`. It shows and proposes; nothing here
writes money. Whatever a table of the admin lets staff change is recorded, whoever wrote the
table's admin: `Desk.register` sees to it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar

from allauth.account.adapter import get_adapter
from django.contrib.admin import AdminSite, ModelAdmin, site
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from earn import audit
from earn.audit import Actor
from earn.models import User
from ledger.look_only import LookOnly

if TYPE_CHECKING:
    Table = ModelAdmin[Any]
else:
    Table = ModelAdmin

LOOK = "earn.look_at_desk"
SECTIONS = (
    _("Today"),
    _("Products"),
    _("Customers"),
    _("Treasury"),
    _("Books"),
    _("Jobs"),
    _("Audit"),
)
NOT_HERE = {
    "auth.Group",  # roles stand in `earn.roles` and are given by `earn.staffing`
    # allauth's own would show secrets of second factors, and edit what people prove
    "account.EmailAddress",
    "mfa.Authenticator",
    "usersessions.UserSession",
}
# jobs are paused on the page of schedules, with a reason: no other way goes round it
LOOKED_AT = "django_celery_beat"
View = Callable[..., HttpResponseBase]
Words = str | Promise


@dataclass(frozen=True, slots=True)
class DeskPage:
    """`label` is empty for a page that other pages lead to."""

    route: str
    name: str
    view: View
    permission: str
    label: Words
    section: Words


class Recorded(Table):
    """Each change of a row, and each act on it, stands in the audit trail: in one
    transaction with it, before and after."""

    def save_model(
        self,
        request: HttpRequest,
        obj: Model,
        form: Any,
        change: bool,  # noqa: FBT001
    ) -> None:
        with transaction.atomic():
            before = _stored(obj) if change else {}
            super().save_model(request, obj, form, change)
            act = "CHANGE" if change else "ADD"
            _record(request, act, _subject(obj), before, _stored(obj))

    def save_formset(
        self,
        request: HttpRequest,
        form: Any,
        formset: Any,
        change: bool,  # noqa: FBT001
    ) -> None:
        """Rows that are edited below another one."""
        with transaction.atomic():
            known = {_subject(row): _stored(row) for row in formset.queryset}
            gone = {_subject(one.instance) for one in formset.deleted_forms}
            super().save_formset(request, form, formset, change)
            for row in (*formset.new_objects, *(x for x, _ in formset.changed_objects)):
                before = known.get(_subject(row), {})
                act = "CHANGE" if before else "ADD"
                _record(request, act, _subject(row), before, _stored(row))
            for subject in gone & set(known):
                _record(request, "DELETE", subject, known[subject], {})

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        with transaction.atomic():
            _record(request, "DELETE", _subject(obj), _stored(obj), {})
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        with transaction.atomic():
            for row in queryset:
                _record(request, "DELETE", _subject(row), _stored(row), {})
            super().delete_queryset(request, queryset)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """For whoever may change the table: Django offers them to all who see it."""
        if not (self.has_change_permission(request) or self.has_delete_permission(request)):
            return {}
        offered: dict[str, Any] = super().get_actions(request)
        return {
            name: (act if name == "delete_selected" else _recorded(act, name), name, words)
            for name, (act, _name, words) in offered.items()
        }


class Desk(AdminSite):
    site_header = "Earn"
    site_title = "Earn"
    index_title = _("Today")
    enable_nav_sidebar = True  # templates/admin/nav_sidebar.html: ours
    pages: ClassVar[list[DeskPage]] = []

    def register(self, model_or_iterable: Any, admin_class: Any = None, **o: Any) -> None:
        """What may change anything is recorded, also where others wrote it.

        What is in NOT_HERE has no table; those of LOOKED_AT change nothing.
        """
        models = [model_or_iterable]
        if not isinstance(model_or_iterable, type):
            models = list(model_or_iterable)
        models = [model for model in models if model._meta.label not in NOT_HERE]
        table = admin_class or ModelAdmin
        if models and models[0]._meta.app_label == LOOKED_AT:
            shut = {"__module__": __name__, "actions": (), "grows": False}
            table = type(table.__name__, (LookOnly, table), shut)
        if not issubclass(table, LookOnly | Recorded):
            table = type(table.__name__, (Recorded, table), {"__module__": __name__})
        super().register(models, table, **o)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        ours = [
            path(one.route, self.admin_view(_guarded(one)), name=one.name)
            for one in self.pages
        ]
        theirs = super().get_urls()
        # nothing of ours has a page of its own outside; a number that is none is a 500
        return [*ours, *(x for x in theirs if getattr(x, "name", "") != "view_on_site")]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:  # noqa: FBT001, FBT002
        """Of staff alone, and in UTC whatever zone they live in: so are the books."""
        return super().admin_view(_in_utc(view), cacheable)

    def password_change(  # type: ignore[override]
        self,
        request: HttpRequest,  # noqa: ARG002
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> HttpResponse:
        """Where everybody changes it: after signing in anew, with mails and a trail."""
        return redirect("account_change_password")

    def password_change_done(  # type: ignore[override]
        self,
        request: HttpRequest,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return self.password_change(request, extra_context)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        return super().each_context(request) | {"desk_menu": list(self._menu(request))}

    def _menu(self, request: HttpRequest) -> Iterable[dict[str, Any]]:
        """The sections as SECTIONS has them, in each the pages as they were made known."""
        here = request.resolver_match.view_name if request.resolver_match else ""
        sections: dict[str, list[dict[str, Any]]] = {}
        for one in self.pages:
            if one.label and request.user.has_perm(one.permission):
                name = f"{self.name}:{one.name}"
                item = {"label": one.label, "address": reverse(name), "here": name == here}
                sections.setdefault(str(one.section), []).append(item)
        order = [str(section) for section in SECTIONS]
        return (
            {"label": label, "pages": sections[label]}
            for label in sorted(sections, key=order.index)
        )


def page(
    route: str,
    *,
    name: str,
    label: Words = "",
    section: Words = "",
    permission: str = LOOK,
) -> Callable[[View], View]:
    """Makes a view known under `admin:<name>`, for staff with the permission."""

    def add(view: View) -> View:
        Desk.pages.append(DeskPage(route, name, view, permission, label, section))
        return view

    return add


def show(
    request: HttpRequest, template: str, title: Words, *, status: int = 200, **known: Any
) -> HttpResponse:
    """A page of the desk, with its menu; `title` is its heading."""
    context = {**site.each_context(request), "title": title, **known}
    return render(request, template, context, status=status)


def crumb(name: str) -> dict[str, str]:
    """Leads back to a page of the menu, by the name it is known under."""
    label = next(one.label for one in Desk.pages if one.name == name)
    return {"address": reverse(f"{site.name}:{name}"), "label": str(label)}


def actor(request: HttpRequest) -> Actor:
    """Whoever acts, now, from where; the edge reads the clock here."""
    assert isinstance(request.user, User)
    return Actor(user=request.user, at=datetime.now(UTC), ip=address_of(request))


def address_of(request: HttpRequest) -> str | None:
    """Where a request comes from, also through our proxies; None where nothing says so."""
    try:
        return str(get_adapter().get_client_ip(request))
    except PermissionDenied:
        return None


def may(request: HttpRequest, permission: str) -> None:
    """Raises PermissionDenied unless the role of whoever asks allows it."""
    if not request.user.has_perm(permission):
        raise PermissionDenied


def _guarded(one: DeskPage) -> View:
    @wraps(one.view)
    def act(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        may(request, one.permission)
        return one.view(request, *args, **kwargs)

    return act


def _in_utc(view: View) -> View:
    """Until the answer is sent: a page may be written after its view has returned."""

    @wraps(view)
    def act(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        timezone.activate(UTC)
        return view(request, *args, **kwargs)

    return act


def _stored(row: Model) -> dict[str, str | None]:
    """A row as the database has it, as text; of many-to-many fields nothing."""
    found = type(row)._default_manager.filter(pk=row.pk).first()
    if found is None:
        return {}
    values = {x.name: x.value_from_object(found) for x in found._meta.concrete_fields}
    return {name: None if x is None else str(x) for name, x in values.items()}


def _subject(row: Model) -> str:
    return f"{row._meta.model_name}:{row.pk}"


def _record(
    request: HttpRequest,
    act: str,
    subject: str,
    before: dict[str, str | None],
    after: dict[str, str | None],
) -> None:
    """Of a change, what differs; of a row that is new or gone, all of it."""
    if before and after:
        differs = [name for name in after if before.get(name) != after[name]]
        before = {name: before.get(name) for name in differs}
        after = {name: after[name] for name in differs}
    audit.record(actor(request), act, subject, before=before, after=after)


def _recorded(act: View, name: str) -> View:
    """An action on chosen rows that leaves its trail for each of them."""

    @wraps(act)
    def recorded(table: Any, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        with transaction.atomic():
            known = [(row, _stored(row)) for row in queryset]
            answer = act(table, request, queryset)
            for row, before in known:
                _record(request, name.upper(), _subject(row), before, _stored(row))
        return answer

    return recorded
