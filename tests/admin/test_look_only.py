"""Staff look at everything here, and change nothing."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.db.models import Model
from django.test import Client
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from earn import checks
from earn.models import Customer, Order, Position, Product, QuotaShard, User, Venue
from ledger.look_only import LookOnly
from ledger.models import Entry
from tests.earn import people
from tests.earn.people import close_to, day, fixed, flexible, on, redeem, subscribe

PAGES = sorted(
    f"{model._meta.app_label}/{model._meta.model_name}"
    for model, page in admin.site._registry.items()
    if isinstance(page, LookOnly) and model._meta.app_label in ("earn", "ledger")
)


@pytest.fixture
def business(db: None) -> None:  # noqa: ARG001
    """Some rows in every table."""
    alice, bob = people.customer("Alice"), people.customer("Bob")
    daily = flexible(payout="DAILY", quota="9000")
    subscribe(alice, daily, 1000, on(0))
    position = subscribe(bob, daily, 500, on(0))
    subscribe(bob, fixed(tiers=[(2, 0, "0.10")]), 700, on(0), term_days=2)
    close_to(4)
    redeem(position, on(5))
    Venue.objects.create(code="bank", name="A bank", notice_days=7)
    checks.keep([], began_at=on(5), ended_at=on(5))


@pytest.fixture
def superuser(db: None) -> User:  # noqa: ARG001
    return User.objects.create_superuser("root@example.com", "a long password")


@pytest.fixture
def staff(superuser: User) -> Iterator[Client]:
    client = Client()
    client.force_login(superuser)
    return client


def rows(page: str) -> list[Model]:
    (model,) = (x for x in admin.site._registry if str(x._meta.label_lower) == page)
    return list(model._default_manager.all())


def label(page: str) -> str:
    return page.replace("/", ".")


def test_the_tables_that_staff_look_at() -> None:
    assert PAGES == [
        "earn/checkrun",
        "earn/customer",
        "earn/dayclose",
        "earn/order",
        "earn/position",
        "earn/product",
        "earn/ratechart",
        "earn/user",
        "earn/venue",
        "ledger/account",
        "ledger/asset",
        "ledger/bookday",
        "ledger/entry",
        "ledger/seal",
    ]


@pytest.mark.usefixtures("business")
@pytest.mark.parametrize("page", PAGES)
def test_every_row_is_shown_and_none_can_be_changed(page: str, staff: Client) -> None:
    assert staff.get(f"/admin/{page}/").status_code == 200
    assert staff.get(f"/admin/{page}/add/").status_code == 403
    found = rows(label(page))
    assert found
    for row in found:
        address = f"/admin/{page}/{row.pk}"
        assert staff.get(f"{address}/change/").status_code == 200
        assert staff.post(f"{address}/change/", {"state": "CLOSED"}).status_code == 403
        assert staff.post(f"{address}/delete/", {"post": "yes"}).status_code == 403
    assert rows(label(page)) == found


@pytest.mark.usefixtures("business")
def test_the_application_s_rights_suffice(staff: Client, as_app_role: Any) -> None:
    with as_app_role():
        for page in PAGES:
            assert staff.get(f"/admin/{page}/").status_code == 200
            (model,) = (
                x for x in admin.site._registry if x._meta.label_lower == label(page)
            )
            row = model._default_manager.first()
            assert staff.get(f"/admin/{page}/{row.pk}/change/").status_code == 200


@pytest.mark.usefixtures("business")
@pytest.mark.parametrize("page", PAGES)
def test_no_action_deletes_what_is_chosen(page: str, staff: Client) -> None:
    found = rows(label(page))
    chosen = {"action": "delete_selected", "_selected_action": [found[0].pk], "post": "yes"}
    staff.post(f"/admin/{page}/", chosen)
    assert rows(label(page)) == found


@pytest.mark.usefixtures("business")
def test_an_entry_shows_its_lines(staff: Client) -> None:
    entry = Entry.objects.get(kind="REDEEM")
    page = staff.get(f"/admin/ledger/entry/{entry.pk}/change/").content.decode()
    statement = "/admin/books/account/?asset=USD&amp;code=position%3A"
    assert f'<td>1</td><td><a href="{statement}' in page
    assert "<td>500 USD</td>" in page
    assert "not sealed yet" in page


@pytest.mark.usefixtures("business")
def test_an_account_shows_its_balance(staff: Client) -> None:
    page = staff.get("/admin/ledger/account/", {"q": "product:flexible:accrued"})
    assert "summed by the day" in page.content.decode()
    wallet = f"customer:{Customer.objects.get(reference='Bob').uuid}:wallet"
    page = staff.get("/admin/ledger/account/", {"q": wallet})
    assert '<td class="field-balance_now">1200.92</td>' in page.content.decode()


@pytest.mark.usefixtures("business")
def test_a_position_shows_its_last_days(staff: Client) -> None:
    position = Position.objects.get(customer__reference="Alice")
    page = staff.get(f"/admin/earn/position/{position.pk}/change/").content.decode()
    newest = f"<tr><td>{day(4)}</td><td>1000</td><td>0.27</td><td>1.09</td></tr>"
    assert newest in page


@pytest.mark.usefixtures("business")
def test_a_product_shows_its_charts_and_its_quota(staff: Client) -> None:
    product = Product.objects.get(code="flexible")
    page = staff.get(f"/admin/earn/product/{product.pk}/change/").content.decode()
    assert f"/admin/earn/ratechart/{product.charts.get().pk}/change/" in page
    assert str(QuotaShard.objects.get(product=product).used) in page


@pytest.mark.usefixtures("business")
@pytest.mark.parametrize("page", ["earn/position", "earn/order", "ledger/account"])
def test_a_list_asks_as_much_for_many_rows_as_for_few(
    page: str, staff: Client, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(8):
        staff.get(f"/admin/{page}/")


@pytest.mark.usefixtures("business")
def test_customers_and_strangers_are_kept_out(client: Client) -> None:
    for email in ("", "charlie@example.com"):
        if email:
            client.force_login(User.objects.create_user(email, "a long password"))
        answer = client.get("/admin/earn/position/")
        assert answer.status_code == 302
        assert answer["Location"].startswith("/admin/login/")


@pytest.mark.usefixtures("business")
def test_staff_without_a_right_see_nothing(client: Client) -> None:
    clerk = User.objects.create_user("clerk@example.com", "a long password", is_staff=True)
    client.force_login(clerk)
    assert client.get("/admin/earn/position/").status_code == 403
    assert not Order.objects.filter(customer__user=clerk).exists()


def test_no_table_goes_round_the_reason_of_a_pause(staff: Client) -> None:
    """Not by a job, not by its interval: the page of schedules asks why."""
    call_command("schedule_jobs", verbosity=0)
    job = PeriodicTask.objects.get(task="earn.tasks.drive_close")
    before = [list(model.objects.values()) for model in (PeriodicTask, IntervalSchedule)]
    tables = {"periodictask": job.pk, "intervalschedule": job.interval_id}
    for table, number in tables.items():
        address = f"/admin/django_celery_beat/{table}/"
        assert staff.get(address).status_code == 200
        assert staff.get(f"{address}{number}/change/").status_code == 200
        assert staff.post(f"{address}{number}/change/", {"every": "9"}).status_code == 403
        assert staff.post(f"{address}{number}/delete/", {"post": "yes"}).status_code == 403
        assert staff.post(f"{address}add/", {"every": "9"}).status_code == 403
        for act in ("disable_tasks", "toggle_tasks", "run_tasks", "delete_selected"):
            chosen = {"action": act, "_selected_action": [number], "post": "yes"}
            staff.post(address, chosen)
    after = [list(model.objects.values()) for model in (PeriodicTask, IntervalSchedule)]
    assert after == before


def test_no_password_alone_opens_the_admin(client: Client, superuser: User) -> None:
    """Staff sign in like everybody, with their second factor."""
    known = {"username": superuser.email, "password": "a long password"}
    answer = client.post("/admin/login/?next=/admin/", known)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/account/login/")
    assert client.get("/admin/").status_code == 302


def test_no_secret_of_a_second_factor_is_to_be_seen(staff: Client) -> None:
    for model in ("mfa/authenticator", "account/emailaddress", "usersessions/usersession"):
        assert staff.get(f"/admin/{model}/").status_code == 404
