"""Who is staff and with which roles: never one's own doing, and always in the trail."""

from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Group
from django.contrib.sessions.backends.db import SessionStore
from django.urls import reverse

from earn import staffing
from earn.audit import Actor
from earn.models import AuditEvent, User
from earn.staffing import StaffRefused
from tests.admin.staff import member
from tests.earn.people import on
from tests.portal.pages import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return member("ada", "administrator")


@pytest.fixture
def vera() -> User:
    return member("vera", "viewer")


def by(user: User) -> Actor:
    return Actor(user, on(0), "192.0.2.7")


def roles(user: User) -> set[str]:
    return set(User.objects.get(pk=user.pk).groups.values_list("name", flat=True))


def trail() -> list[Any]:
    return [
        (x.act, x.actor, x.subject, x.before, x.after, x.reason)
        for x in AuditEvent.objects.order_by("pk")
    ]


def test_roles_are_given_and_taken_with_a_reason(ada: User, vera: User) -> None:
    staffing.change_roles(vera, ["operator", "viewer"], by=by(ada), reason="New post")
    assert roles(vera) == {"operator", "viewer"}
    subject = f"user:{vera.pk}"
    before, after = {"roles": "viewer"}, {"roles": "operator, viewer"}
    assert trail() == [("CHANGE_ROLES", ada, subject, before, after, "New post")]


@pytest.mark.parametrize(
    ("asked", "reason", "says"),
    [
        (["operator"], " ", "Say why"),
        (["viewer"], "x", "already"),
        ([], "x", "end it instead"),
        (["king"], "x", "no role king"),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    ada: User, vera: User, asked: list[str], reason: str, says: str
) -> None:
    with pytest.raises(StaffRefused, match=says):
        staffing.change_roles(vera, asked, by=by(ada), reason=reason)
    assert (roles(vera), trail()) == ({"viewer"}, [])


def test_nobody_changes_their_own_roles(ada: User) -> None:
    member("other", "administrator")
    for act in (
        lambda: staffing.change_roles(ada, ["checker"], by=by(ada), reason="x"),
        lambda: staffing.end_staff(ada, by=by(ada), reason="x"),
    ):
        with pytest.raises(StaffRefused, match="their own roles"):
            act()
    assert (roles(ada), trail()) == ({"administrator"}, [])


def test_who_is_no_administrator_changes_no_roles(ada: User, vera: User) -> None:
    for name in ("viewer", "operator", "checker"):
        with pytest.raises(StaffRefused, match="does not allow"):
            staffing.change_roles(
                ada, ["viewer"], by=by(member(f"x{name}", name)), reason="x"
            )
    with pytest.raises(StaffRefused, match="does not allow"):
        staffing.make_staff("anna@example.com", ["viewer"], by=by(vera), reason="x")


def test_the_last_administrator_cannot_be_taken_away(ada: User) -> None:
    """Here by one who has the right, but not the role."""
    root = User.objects.create_superuser("root@example.com")
    with pytest.raises(StaffRefused, match="last administrator"):
        staffing.change_roles(ada, ["viewer"], by=by(root), reason="x")
    with pytest.raises(StaffRefused, match="last administrator"):
        staffing.end_staff(ada, by=by(root), reason="x")
    assert (roles(ada), trail()) == ({"administrator"}, [])
    member("other", "administrator")
    staffing.change_roles(ada, ["viewer"], by=by(root), reason="x")
    assert roles(ada) == {"viewer"}


def test_an_existing_user_becomes_staff(ada: User) -> None:
    user = User.objects.create_user("anna@example.com")
    staffing.make_staff(" Anna@example.com", ["checker"], by=by(ada), reason="Joined")
    user.refresh_from_db()
    assert (user.is_staff, roles(user)) == (True, {"checker"})
    assert [x[0] for x in trail()] == ["MAKE_STAFF"]
    with pytest.raises(StaffRefused, match="already"):
        staffing.make_staff("anna@example.com", ["viewer"], by=by(ada), reason="x")
    with pytest.raises(StaffRefused, match="Nobody signs in"):
        staffing.make_staff("nobody@example.com", ["viewer"], by=by(ada), reason="x")


def test_who_is_no_longer_staff_is_signed_out_and_has_no_role(
    ada: User, vera: User
) -> None:
    session = SessionStore()
    session.create()
    UserSession.objects.create(
        user=vera, session_key=session.session_key, ip="192.0.2.1", user_agent="x"
    )
    staffing.end_staff(vera, by=by(ada), reason="Left")
    vera.refresh_from_db()
    assert (vera.is_staff, roles(vera)) == (False, set())
    assert not session.exists(session.session_key)
    assert not UserSession.objects.filter(user=vera).exists()
    assert [x[0] for x in trail()] == ["END_STAFF"]


def test_the_pages_do_it_and_say_what_was_refused(ada: User, vera: User) -> None:
    client = signed_in(ada)
    page = reverse("admin:staff-member", args=[vera.pk])
    refused = client.post(page, {"roles": ["viewer"], "reason": "x", "do": "roles"})
    assert refused.status_code == 422
    assert "These are the roles already." in refused.content.decode()
    asked = {"roles": ["checker"], "reason": "x", "do": "roles"}
    assert client.post(page, asked).status_code == 302
    assert roles(vera) == {"checker"}
    User.objects.create_user("anna@example.com")
    new = {"email": "anna@example.com", "roles": ["viewer"], "reason": "x"}
    assert client.post(reverse("admin:staff"), new).status_code == 302
    assert client.post(page, {"reason": "x", "do": "end"}).status_code == 302
    text = client.get(reverse("admin:staff")).content.decode()
    assert ("anna@example.com" in text, "vera@example.com" in text) == (True, False)


def test_the_list_shows_roles_and_second_factors_in_few_queries(
    ada: User, django_assert_max_num_queries: Any
) -> None:
    from allauth.mfa.models import Authenticator  # noqa: PLC0415

    for n in range(5):
        user = member(f"many{n}", "viewer", "operator")
        Authenticator.objects.create(user=user, type="totp", data={"secret": "marked"})
    client = signed_in(ada)
    with django_assert_max_num_queries(12):
        text = client.get(reverse("admin:staff")).content.decode()
    assert text.count("operator, viewer") == 5
    assert "marked" not in text
    assert Group.objects.filter(user=ada).exists()
