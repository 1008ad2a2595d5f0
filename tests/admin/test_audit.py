"""The audit trail: all that staff change stands in it, and it is found and exported."""

import csv
import io
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.db import connection, transaction
from django.test import Client, RequestFactory
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from earn import audit
from earn.audit import Actor, Cursor, Filter
from earn.desk import Desk, Recorded
from earn.models import AuditEvent, User
from ledger.look_only import LookOnly
from tests.admin.staff import member
from tests.earn.people import on
from tests.portal.pages import PASSWORD, create_user, signed_in

pytestmark = pytest.mark.django_db
NEW = "eight blue herons"


@pytest.fixture
def ada() -> User:
    return member("ada", "administrator")


def acted(
    user: User, subject: str, *, act: str = "LOOK", number: int = 0, **known: Any
) -> None:
    with transaction.atomic():
        audit.record(Actor(user, on(number), "192.0.2.7"), act, subject, **known)


def trail() -> list[tuple[str, str]]:
    return list(AuditEvent.objects.order_by("pk").values_list("act", "subject"))


# What is recorded


class Jobs(admin.ModelAdmin):  # type: ignore[type-arg]
    """A table such as a package may bring along."""

    actions = ("stop",)

    @admin.action
    def stop(self, _request: Any, queryset: Any) -> None:
        queryset.update(enabled=False)


class RecordedJobs(Recorded, Jobs):
    """What the desk makes of it."""


@pytest.fixture
def jobs() -> Any:
    return RecordedJobs(PeriodicTask, admin.site)


def job() -> PeriodicTask:
    interval = IntervalSchedule.objects.create(every=1, period="days")
    return PeriodicTask(name="a job", task="x", interval=interval)


def test_no_table_changes_anything_and_one_that_did_would_be_recorded() -> None:
    changing = {
        model._meta.label
        for model, table in admin.site._registry.items()
        if not isinstance(table, LookOnly)
    }
    assert changing == set()
    desk = Desk()
    desk.register(User, Jobs)
    assert isinstance(desk._registry[User], Recorded)


def request_of(user: User) -> Any:
    request = RequestFactory().post("/")
    request.user = user
    return request


def test_adding_changing_and_deleting_leave_their_trail(ada: User, jobs: Any) -> None:
    request, row = request_of(ada), job()
    jobs.save_model(request, row, None, change=False)
    jobs.save_model(request, row, None, change=True)
    subject = f"periodictask:{row.pk}"
    jobs.delete_model(request, row)
    added, changed, deleted = AuditEvent.objects.order_by("pk")
    assert {x.subject for x in (added, changed, deleted)} == {subject}
    assert [x.act for x in (added, changed, deleted)] == ["ADD", "CHANGE", "DELETE"]
    assert (added.before, deleted.after) == ({}, {})
    assert added.after.keys() == deleted.before.keys() != set()
    assert {x.actor for x in (added, changed, deleted)} == {ada}


def test_an_action_says_what_was_before(jobs: Any) -> None:
    row, request = job(), request_of(User.objects.create_superuser("root@example.com"))
    row.save()
    act, _name, _words = jobs.get_actions(request)["stop"]
    act(jobs, request, PeriodicTask.objects.all())
    event = AuditEvent.objects.get(act="STOP")
    assert event.subject == f"periodictask:{row.pk}"
    assert (event.before["enabled"], event.after["enabled"]) == ("True", "False")
    jobs.delete_queryset(request, PeriodicTask.objects.all())
    assert AuditEvent.objects.get(act="DELETE").before["name"] == "a job"


def test_only_who_may_change_a_table_acts_on_it(ada: User, jobs: Any) -> None:
    """Django offers an action to all who see the list."""
    for role in ("viewer", "operator", "checker"):
        assert jobs.get_actions(request_of(member(role, role))) == {}, role
    assert "stop" in jobs.get_actions(request_of(ada))


def test_a_change_that_cannot_be_recorded_does_not_happen(
    ada: User, jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_given: Any, **_known: Any) -> None:
        raise RuntimeError("no trail")

    monkeypatch.setattr(audit, "record", fail)
    row = job()
    with pytest.raises(RuntimeError, match="no trail"):
        jobs.save_model(request_of(ada), row, None, change=False)
    assert not PeriodicTask.objects.exists()


def sign_in(email: str, password: str) -> None:
    asked = {"login": email, "password": password}
    Client(HTTP_USER_AGENT="x").post(reverse("account_login"), asked)


def test_sign_ins_of_staff_and_attempts_at_them_are_recorded() -> None:
    user = create_user("vera@example.com")
    User.objects.filter(pk=user.pk).update(is_staff=True)
    create_user("charlie@example.com")
    sign_in("vera@example.com", "wrong")
    sign_in("charlie@example.com", "wrong")
    sign_in("nobody@example.com", "wrong")
    sign_in("vera@example.com", PASSWORD)
    sign_in("charlie@example.com", PASSWORD)
    subject = f"user:{user.pk}"
    assert trail() == [("SIGN_IN_FAILED", subject), ("SIGN_IN", subject)]
    failed, done = AuditEvent.objects.order_by("pk")
    assert (failed.actor, failed.ip, failed.after) == (
        None,
        "127.0.0.1",
        {"wrong": "password"},
    )
    assert done.actor == user
    assert EmailAddress.objects.filter(user=user).exists()


def test_a_new_password_of_staff_is_recorded_and_chosen_where_everybody_does() -> None:
    users = [create_user("vera@example.com"), create_user("charlie@example.com")]
    User.objects.filter(pk=users[0].pk).update(is_staff=True)
    for user in users:
        client = signed_in(User.objects.get(pk=user.pk))
        client.post(
            reverse("account_change_password"),
            {"oldpassword": PASSWORD} | dict.fromkeys(("password1", "password2"), NEW),
        )
        user.refresh_from_db()
        assert user.check_password(NEW)
    assert trail() == [("CHANGE_PASSWORD", f"user:{users[0].pk}")]
    vera = signed_in(User.objects.get(pk=users[0].pk))
    asked = {"old_password": NEW} | dict.fromkeys(("new_password1", "new_password2"), "x")
    for name in ("password_change", "password_change_done"):
        answer = vera.post(reverse(f"admin:{name}"), asked)
        assert answer.headers["Location"] == reverse("account_change_password")


def test_a_wrong_second_factor_of_staff_is_recorded() -> None:
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret  # noqa: PLC0415

    user = create_user("vera@example.com")
    User.objects.filter(pk=user.pk).update(is_staff=True)
    TOTP.activate(user, generate_totp_secret())
    client = Client()
    client.post(
        reverse("account_login"), {"login": "vera@example.com", "password": PASSWORD}
    )
    client.post(reverse("mfa_authenticate"), {"code": "000000"})
    (event,) = AuditEvent.objects.all()
    assert (event.act, event.after) == ("SIGN_IN_FAILED", {"wrong": "second factor"})


# Searching and exporting


def found(client: Client, **asked: str) -> list[str]:
    answer = client.get(reverse("admin:audit"), asked)
    assert answer.status_code == 200
    return [x.subject for x in answer.context["events"]]


def test_the_trail_is_found_by_who_what_about_and_when(ada: User) -> None:
    vera = member("vera", "viewer")
    acted(ada, "customer:1", number=0)
    acted(ada, "product:easy", number=1, act="CLOSE")
    acted(vera, "customer:2", number=2)
    client = signed_in(vera)
    assert found(client) == ["customer:2", "product:easy", "customer:1"]
    assert found(client, who="ada@example.com") == ["product:easy", "customer:1"]
    assert found(client, act="CLOSE") == ["product:easy"]
    assert found(client, reference="customer:2") == ["customer:2"]
    assert found(client, first="2026-01-06") == ["customer:2", "product:easy"]
    assert found(client, first="2026-01-06", last="2026-01-06") == ["product:easy"]
    assert found(client, who="nobody@example.com") == []
    assert found(client, reference="9" * 30) == []


def test_what_is_not_well_written_is_said_and_never_fails(ada: User) -> None:
    client = signed_in(ada)
    page = reverse("admin:audit")
    for asked in ({"first": "soon"}, {"act": "NOTHING"}, {"who": "\x00"}):
        assert client.get(page, asked).status_code == 422, asked
    for before in ("1", "x.y", f"{'9' * 18}.1", "1.2.3"):
        assert client.get(page, {"before": before}).status_code == 404, before
    assert client.get(reverse("admin:audit-event", args=[9**30])).status_code == 404


def test_pages_of_the_trail_lose_nothing_where_moments_are_the_same(ada: User) -> None:
    for n in range(7):
        acted(ada, f"x:{n}", number=n // 3)
    wanted, seen, before = Filter(), [], None
    while page := audit.page(wanted, before=before, limit=2):
        seen += [x.subject for x in page]
        before = Cursor.read(str(Cursor.of(page[-1])))
    assert seen == [f"x:{n}" for n in reversed(range(7))]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (Filter(), "audit_at"),
        (Filter(who="ada@example.com"), "audit_of_actor"),
        (Filter(act="LOOK"), "audit_of_act"),
        (Filter(reference="customer:1"), "audit_of_subject"),
    ],
)
def test_every_search_reads_an_index_in_its_order(
    ada: User, wanted: Filter, index: str
) -> None:
    acted(ada, "customer:1")
    (first,) = audit.page(Filter(), limit=1)
    with connection.cursor() as cursor:
        cursor.execute("set local enable_seqscan = off")
        cursor.execute("set local enable_bitmapscan = off")
    rows = audit._matching(wanted).filter(at__lte=first.at).order_by("-at", "-pk")[:9]
    plan = rows.explain()
    assert f"using {index} " in plan
    assert "Sort" not in plan


def test_the_list_asks_as_much_for_many_as_for_few(
    ada: User, django_assert_max_num_queries: Any
) -> None:
    for n in range(30):
        acted(member(f"m{n}"), f"x:{n}")
    client = signed_in(ada)
    with django_assert_max_num_queries(8):
        client.get(reverse("admin:audit"))


def test_an_event_shows_before_and_after(ada: User) -> None:
    acted(ada, "x:1", before={"state": "OPEN"}, after={"state": "<b>", "new": [1]})
    event = AuditEvent.objects.get()
    page = signed_in(ada).get(reverse("admin:audit-event", args=[event.pk]))
    assert page.context["differences"] == [("state", "OPEN", "<b>"), ("new", None, "[1]")]
    assert "&lt;b&gt;" in page.content.decode()


def exported(client: Client, **asked: str) -> list[list[str]]:
    answer: Any = client.get(reverse("admin:audit-export"), asked)
    text = b"".join(answer.streaming_content).decode()
    return list(csv.reader(io.StringIO(text)))


def test_the_export_is_what_the_search_finds_and_no_formula(ada: User) -> None:
    acted(ada, "x:1", reason='=HYPERLINK("http://example.com")', after={"a": "é"})
    acted(ada, "-2+3")
    header, minus, first = exported(signed_in(ada))
    assert header[:3] == ["number", "at", "recorded_at"]
    known = dict(zip(header, first, strict=True))
    assert known["reason"] == '\'=HYPERLINK("http://example.com")'
    assert (known["who"], known["at"], known["after"]) == (
        "ada@example.com",
        "2026-01-05T10:00:00.000000Z",
        '{"a": "é"}',
    )
    assert minus[header.index("subject")] == "'-2+3"
    assert len(exported(signed_in(ada), reference="x:1")) == 2


def test_the_whole_trail_is_read_page_by_page(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_PAGE", 2)
    for n in range(5):
        acted(ada, f"x:{n}")
    assert [x.subject for x in audit.whole(Filter())] == [f"x:{n}" for n in (4, 3, 2, 1, 0)]
