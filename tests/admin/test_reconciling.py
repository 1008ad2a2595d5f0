"""Reconciliation on the desk: whoever may looks, takes statements in, resolves breaks."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from earn.custody import BadStatement, Problem
from earn.models import Break, CustodyStatement, Customer, Reconciliation, User, Venue
from tests.admin.staff import member
from tests.earn.people import customer, day, fund, on
from tests.portal.pages import signed_in

pytestmark = pytest.mark.django_db
HEADER = "as_of,asset,venue,balance,reference\n"


@pytest.fixture
def alice() -> Customer:
    found = customer("Alice")
    fund(found, 100, at=on(0))
    Venue.objects.create(code="north", name="North", notice_days=1)
    return found


@pytest.fixture
def olga() -> User:
    return member("olga", "operator")


@pytest.fixture
def operator(olga: User) -> Client:
    return signed_in(olga)


@pytest.fixture
def viewer() -> Client:
    return signed_in(member("vera", "viewer"))


def upload(client: Client, rows: str | bytes) -> Any:
    data = rows if isinstance(rows, bytes) else (HEADER + rows).encode()
    file = SimpleUploadedFile("vault.csv", data, "text/csv")
    return client.post(reverse("admin:upload-custody-statement"), {"file": file})


@pytest.mark.usefixtures("alice")
def test_books_and_sub_ledgers_are_compared_by_whoever_runs_jobs(
    operator: Client, viewer: Client
) -> None:
    page, run = reverse("admin:reconciliation"), reverse("admin:reconcile")
    assert viewer.post(run).status_code == 403
    assert "Nobody has compared them yet." in viewer.get(page).content.decode()
    assert "Compare now" not in viewer.get(page).content.decode()
    assert operator.post(run).status_code == 302
    text = viewer.get(page).content.decode()
    assert "everything agrees" in text
    assert "customer:*:wallet" in text
    assert Reconciliation.objects.count() == 1


@pytest.mark.usefixtures("alice")
def test_breaks_of_ours_and_omitted_holdings_are_shown_as_what_they_are(
    operator: Client, viewer: Client
) -> None:
    upload(operator, f"{day(0)},USD,north,0,\n")
    statement, omitted = CustodyStatement.objects.get(), Break.objects.get()
    address = reverse("admin:custody-statement", args=[statement.pk])
    assert "not stated that day" in viewer.get(address).content.decode()
    own = Break.objects.create(
        kind="CONTROL",
        asset=omitted.asset,
        subject="customer:*:wallet = accounts",
        as_of=on(1),
        opened_at=on(1),
        stated=3,
        books=5,
    )
    text = viewer.get(reverse("admin:breaks")).content.decode()
    assert "customer:*:wallet = accounts" in text
    assert "-2.00 USD" in text
    for one, words in ((own, "Control account:"), (omitted, "which says nothing of it")):
        answer = viewer.get(reverse("admin:break", args=[one.pk]))
        assert words in answer.content.decode()


@pytest.mark.usefixtures("alice")
def test_a_statement_becomes_lines_and_breaks_with_their_age_and_owner(
    operator: Client, viewer: Client, olga: User
) -> None:
    answer = upload(operator, f"{day(0)},USD,,99.50,cold vault\n{day(0)},USD,north,0,\n")
    statement, found = CustodyStatement.objects.get(), Break.objects.get()
    address = reverse("admin:custody-statement", args=[statement.pk])
    assert answer["Location"] == address
    text = viewer.get(address).content.decode()
    assert "agrees" in text
    assert "cold vault" in text
    text = viewer.get(reverse("admin:breaks")).content.decode()
    assert "-0.50 USD" in text
    assert "nobody" in text
    one = reverse("admin:break", args=[found.pk])
    assert "still -0.50 USD apart" in viewer.get(one).content.decode()
    operator.post(reverse("admin:assign-break", args=[found.pk]), {"owner": olga.pk})
    assert olga.email in viewer.get(reverse("admin:breaks")).content.decode()
    note = {"note": "<b>Fee</b> of the vault"}
    operator.post(reverse("admin:resolve-break", args=[found.pk]), note)
    assert "There is none." in viewer.get(reverse("admin:breaks")).content.decode()
    text = viewer.get(f"{reverse('admin:breaks')}?state=resolved").content.decode()
    assert "&lt;b&gt;Fee&lt;/b&gt; of the vault" in text
    answer = operator.post(
        reverse("admin:resolve-break", args=[found.pk]), {"note": "x"}, follow=True
    )
    assert "This break is resolved already." in answer.content.decode()


@pytest.mark.usefixtures("alice")
def test_a_viewer_takes_in_assigns_and_resolves_nothing(
    operator: Client, viewer: Client
) -> None:
    assert upload(viewer, f"{day(0)},USD,,1,\n").status_code == 403
    upload(operator, f"{day(0)},USD,,1,\n")
    number = Break.objects.get().pk
    for name in ("assign-break", "resolve-break"):
        answer = viewer.post(reverse(f"admin:{name}", args=[number]), {"note": "x"})
        assert answer.status_code == 403
    assert Break.objects.get().resolved_at is None
    for name in ("custody-statements", "break"):
        known = [number] if name == "break" else []
        text = viewer.get(reverse(f"admin:{name}", args=known)).content.decode()
        assert 'method="post" action="/admin/books' not in text


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (HEADER + "2026-01-05,USD,,1,\n2026-01-05,USD,,x,\n", "line 3:"),
        (HEADER.encode() + b"2026-01-05,USD,,1,caf\xe9\n", "line 2:"),
        (b"a" * 1_500_000, "1,000,000 bytes at most"),
        (b"<script>alert(1)</script>", "The first line has to be"),
    ],
)
@pytest.mark.usefixtures("alice")
def test_a_bad_file_is_told_line_by_line_and_leaves_nothing(
    operator: Client, data: str | bytes, sentence: str
) -> None:
    raw = data if isinstance(data, bytes) else data.encode()
    answer = upload(operator, raw)
    assert answer.status_code == 422
    assert sentence in " ".join(answer.content.decode().split())
    assert not CustodyStatement.objects.exists()


@pytest.mark.usefixtures("alice")
def test_no_file_and_the_same_file_are_answered_with_a_sentence(operator: Client) -> None:
    answer = operator.post(reverse("admin:upload-custody-statement"))
    assert "Choose a file." in answer.content.decode()
    rows = f"{day(0)},USD,,100,\n"
    assert upload(operator, rows)["Location"] == upload(operator, rows)["Location"]
    assert CustodyStatement.objects.count() == 1


@pytest.mark.usefixtures("alice")
def test_lists_go_on_page_by_page_and_ask_as_much_for_many_rows(
    operator: Client, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    Venue.objects.bulk_create(
        Venue(code=f"v{number}", name="V", notice_days=1) for number in range(30)
    )
    rows = "".join(f"{day(0)},USD,v{number},1,\n" for number in range(30))
    upload(operator, rows)
    statement = CustodyStatement.objects.get()
    for name, known in (("breaks", []), ("custody-statement", [statement.pk])):
        with django_assert_max_num_queries(12):
            operator.get(reverse(f"admin:{name}", args=known))
    monkeypatch.setattr("earn.admin.reconciling.ROWS", 20)
    text = operator.get(reverse("admin:breaks")).content.decode()
    last = Break.objects.order_by("-pk")[19].pk
    assert f'href="?before={last}"' in text
    rest = operator.get(f"{reverse('admin:breaks')}?before={last}").content.decode()
    assert "Earlier ones" not in rest
    assert f">{last - 1}</a>" in rest


def test_numbers_that_no_row_has_are_not_there(operator: Client, olga: User) -> None:
    for number in ("0", "9" * 20):
        for path in ("custody/{}/", "breaks/{}/"):
            address = f"/admin/books/{path.format(number)}"
            assert operator.get(address).status_code == 404
        for act in ("assign", "resolve"):
            address = f"/admin/books/breaks/{number}/{act}/"
            asked = {"note": "x", "owner": olga.pk}
            assert operator.post(address, asked).status_code == 404
    for query in ("?before=%00", "?before=x", f"?before={'9' * 30}", "?state=%00"):
        assert operator.get(f"/admin/books/breaks/{query}").status_code == 200


@pytest.mark.usefixtures("alice")
def test_of_a_huge_file_no_more_is_kept_than_shows_it_is_too_large(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []

    def sent(data: bytes, **_known: Any) -> Any:
        sizes.append(len(data))
        raise BadStatement([Problem(None, "Too large.")])

    monkeypatch.setattr("earn.custody.take_in", sent)
    upload(operator, b"a" * 3_000_000)
    files = [SimpleUploadedFile(f"{n}.csv", b"a" * 900_000) for n in range(3)]
    operator.post(reverse("admin:upload-custody-statement"), {"file": files})
    assert sizes == [1_000_001, 0]  # the last file counts; the others took the room


def test_a_huge_file_is_never_spooled_to_the_disk(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spooled(*_args: Any, **_known: Any) -> Any:
        raise AssertionError("on the disk")

    monkeypatch.setattr("django.core.files.uploadedfile.TemporaryUploadedFile", spooled)
    monkeypatch.setattr("django.core.files.uploadhandler.TemporaryUploadedFile", spooled)
    assert upload(operator, b"a" * 3_000_000).status_code == 422
