"""The desk: Django's admin with pages of our own around its tables.

A page is a function of a request, made known by `page`. It shows and proposes; nothing here
writes money.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ClassVar

from django.contrib.admin import AdminSite, site
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from earn.audit import Actor
from earn.models import User

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


class Desk(AdminSite):
    site_header = "Earn"
    site_title = "Earn"
    index_title = _("Today")
    enable_nav_sidebar = True  # templates/admin/nav_sidebar.html: ours
    pages: ClassVar[list[DeskPage]] = []

    def get_urls(self) -> list[URLPattern | URLResolver]:
        ours = [
            path(one.route, self.admin_view(_guarded(one)), name=one.name)
            for one in self.pages
        ]
        return [*ours, *super().get_urls()]

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


def actor(request: HttpRequest) -> Actor:
    """Whoever acts, now, from where; the edge reads the clock here."""
    assert isinstance(request.user, User)
    address = request.META.get("REMOTE_ADDR") or None
    return Actor(user=request.user, at=datetime.now(UTC), ip=address)


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
