"""Who may open what on the desk: every page of it, by enumeration, for every role."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client, RequestFactory
from django.urls import reverse

from earn.desk import Desk, DeskPage, crumb
from earn.models import CheckRun, User
from tests.admin.staff import ROLES, member
from tests.portal.pages import FOR_STAFF, routes, signed_in

pytestmark = pytest.mark.django_db
MAY = {
    "viewer": {"earn.look_at_desk"},
    "operator": {
        "earn.look_at_desk",
        "earn.make_proposal",
        "earn.reconcile",
        "earn.record_prices",
        "earn.run_jobs",
    },
    "checker": {"earn.look_at_desk", "earn.check_proposal"},
    "administrator": {
        *("earn.look_at_desk", "earn.run_jobs", "earn.change_user"),
        "django_celery_beat.change_periodictask",
    },
}


SENDS = {"prices": "earn.record_prices"}  # who looks may not always send
ANSWERS = {200, 302, 404, 405, 422}


@pytest.fixture
def business() -> User:
    """Whose number is that of a row which is there, of one table at least."""
    return User.objects.create_user("charlie@example.com")


@pytest.fixture
def people() -> dict[str, User]:
    return {role: member(role, role) for role in ROLES}


def addresses() -> Iterator[tuple[DeskPage, str]]:
    parameters = {route.name: route.parameters for route in routes()}
    for page in Desk.pages:
        name = f"admin:{page.name}"
        wanted = {x: FOR_STAFF[x] for x in parameters[name]}
        yield page, reverse(name, kwargs=wanted)


def test_every_role_opens_what_it_may_and_nothing_else(people: dict[str, User]) -> None:
    """What is open is looked at and sent an empty form: it answers, whatever it says."""
    wrong = []
    for role, user in people.items():
        client = signed_in(user)
        for page, address in addresses():
            for method in (client.get, client.post):
                status = method(address).status_code
                is_sent = method == client.post
                wanted = SENDS.get(page.name) if is_sent else None
                if (wanted or page.permission) not in MAY[role]:
                    is_right = status == 403
                else:
                    is_right = status in ANSWERS
                if not is_right:
                    wrong.append(f"{role} {method.__name__} {address}: {status}")
    assert wrong == []


def test_the_desk_is_in_utc_wherever_its_staff_live(people: dict[str, User]) -> None:
    User.objects.update(time_zone="Asia/Tokyo")
    CheckRun.objects.create(
        began_at=datetime(2026, 1, 5, 20, tzinfo=UTC),
        ended_at=datetime(2026, 1, 5, 20, 30, tzinfo=UTC),
        checks=1,
        violations=0,
        found=[],
    )
    client = signed_in(people["viewer"])
    for name in ("index", "earn_checkrun_changelist"):
        text = client.get(reverse(f"admin:{name}")).content.decode()
        assert "2026, 20:30" in text, name
        assert "All times are UTC" in text


def test_a_list_is_headed_by_what_it_lists(people: dict[str, User]) -> None:
    text = signed_in(people["viewer"]).get("/admin/earn/position/").content.decode()
    assert "<h1>Positions</h1>" in text
    assert "Select position" not in text


def test_each_page_below_another_leads_back_to_it(people: dict[str, User]) -> None:
    for name in ("audit", "breaks", "journal", "proposals"):
        assert reverse(f"admin:{name}") == crumb(name)["address"]
    text = signed_in(people["operator"]).get("/admin/proposals/new/deposit/")
    assert '<a href="/admin/proposals/">Approvals</a>' in text.content.decode()


def tables() -> Iterator[str]:
    for model in admin.site._registry:
        yield reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def test_no_role_adds_changes_or_deletes_a_row_of_any_table(
    people: dict[str, User], business: User
) -> None:
    from tests.portal.test_whose import everything  # noqa: PLC0415

    clients = {role: signed_in(user) for role, user in people.items()}
    before = everything()
    wrong = []
    for role, client in clients.items():
        for table in tables():
            for act in ("add/", f"{business.pk}/change/", f"{business.pk}/delete/"):
                status = client.post(table + act, {"post": "yes"}).status_code
                if status != 403:
                    wrong.append(f"{role} {table}{act}: {status}")
            history = client.get(f"{table}{business.pk}/history/").status_code
            if history not in (200, 302):
                wrong.append(f"{role} {table} history: {history}")
    assert wrong == []
    assert everything() == before


def test_no_table_offers_an_action(people: dict[str, User]) -> None:
    """So that none has to be tried: what is sent all the same is no action."""
    root = User.objects.create_superuser("root@example.com")
    for user in (*people.values(), root):
        request = RequestFactory().get("/")
        request.user = user
        offered = {
            model._meta.label: table.get_actions(request)
            for model, table in admin.site._registry.items()
        }
        assert {label for label, acts in offered.items() if acts} == set()


def test_django_s_own_pages_write_nothing(people: dict[str, User]) -> None:
    from tests.portal.test_whose import everything  # noqa: PLC0415

    ours = {f"admin:{page.name}" for page in Desk.pages}
    of_tables = {
        f"admin:{model._meta.app_label}_{model._meta.model_name}_{act}"
        for model in admin.site._registry
        for act in ("changelist", "add", "change", "delete", "history")
    }
    own = {
        route.name
        for route in routes()
        if route.name.startswith("admin:")
        and route.has_name
        and route.name not in ours | of_tables
    }
    words: dict[str, dict[str, Any]] = {
        "admin:login": {},
        "admin:password_change": {},
        "admin:password_change_done": {},
        "admin:autocomplete": {},
        "admin:jsi18n": {},
        "admin:app_list": {"app_label": "earn"},
    }
    assert own == {*words, "admin:logout"}
    clients = {role: signed_in(user) for role, user in people.items()}
    before = everything()
    for role, client in clients.items():
        for name, known in words.items():
            for method in (client.get, client.post):
                status = method(reverse(name, kwargs=known)).status_code
                assert status in ANSWERS | {403}, (role, name)
    assert everything() == before


def test_staff_without_a_role_open_nothing() -> None:
    client = signed_in(member("new"))
    for _page, address in addresses():
        assert client.get(address).status_code == 403, address


def test_no_page_of_the_desk_writes_when_it_is_opened(people: dict[str, User]) -> None:
    from tests.portal.test_whose import everything  # noqa: PLC0415

    client = signed_in(people["viewer"])
    before = everything()
    for _page, address in addresses():
        client.get(address)
    assert everything() == before


def test_the_menu_shows_what_the_role_may_open(people: dict[str, User]) -> None:
    for role, user in people.items():
        text = signed_in(user).get(reverse("admin:index")).content.decode()
        for page in Desk.pages:
            if page.label and not page.route.count("<"):
                is_there = f'href="{reverse(f"admin:{page.name}")}"' in text
                assert is_there == (page.permission in MAY[role]), page.name


def test_tables_are_looked_at_by_every_role(people: dict[str, User]) -> None:
    tables = [
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for model in admin.site._registry
        if model._meta.app_label in ("earn", "ledger")
    ]
    for user in people.values():
        client: Client = signed_in(user)
        answers: dict[str, Any] = {x: client.get(x).status_code for x in tables}
        assert {x for x, status in answers.items() if status != 200} == set()
