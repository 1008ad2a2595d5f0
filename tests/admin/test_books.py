"""The books on the desk: accounts, statements, what accountants draw up, the journal."""

import csv
import re
from collections.abc import Iterator
from decimal import Decimal
from io import BytesIO, StringIO
from typing import Any
from xml.etree import ElementTree
from zipfile import ZipFile

import pytest
from django.test import Client
from django.urls import reverse

from earn import prices
from earn.models import Customer, Order, Position
from ledger import posting, seals
from ledger.models import Entry
from ledger.posting import AccountName, Line
from tests.admin.staff import member
from tests.earn.people import (
    close_to,
    customer,
    day,
    flexible,
    fund,
    money,
    on,
    redeem,
    subscribe,
)
from tests.portal.pages import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer() -> Client:
    return signed_in(member("vera", "viewer"))


@pytest.fixture
def alice() -> Customer:
    """Who saves at 36.5 % in dollars: a thousandth a day, paid daily."""
    return customer("Alice")


@pytest.fixture
def position(alice: Customer) -> Position:
    product = flexible("easy", [(None, 0, "0.365")], payout="DAILY")
    found = subscribe(alice, product, 1000, on(0))
    close_to(3)
    return found


def get(client: Client, name: str, status: int = 200, **query: Any) -> str:
    answer = client.get(reverse(f"admin:{name}"), query)
    assert answer.status_code == status, name
    return answer.content.decode()


def cells(text: str) -> list[str]:
    """What stands in the cells of all tables, without the links around it."""
    found = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", text, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", "", x).split()) for x in found]


def test_headings_show_their_balances_and_lead_to_statements(
    viewer: Client, position: Position
) -> None:
    text = get(viewer, "accounts")
    found = cells(text)
    at = found.index("customer:*:wallet accounts by search")
    assert found[at + 1 : at + 3] == ["Liability", "3.00"]
    assert "?asset=USD&amp;code=treasury%3Acustody" in text
    wallet = f"customer:{position.customer.uuid}:wallet"
    assert wallet not in text


def test_an_account_is_found_by_its_code_and_by_its_customer(
    viewer: Client, position: Position
) -> None:
    wallet = f"customer:{position.customer.uuid}:wallet"
    answer = viewer.get(reverse("admin:accounts"), {"code": wallet})
    assert answer.status_code == 302
    assert "3.00 USD" in viewer.get(answer["Location"]).content.decode()
    text = get(viewer, "accounts", customer="Alice")
    assert f"position:{position.pk}:principal" in cells(text)
    assert "No such account." in get(viewer, "accounts", code="nothing")
    assert "There is no such asset." in get(viewer, "accounts", 422, asset="nothing")


def test_a_statement_of_days_begins_with_its_balance_and_goes_on_page_by_page(
    viewer: Client, alice: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, amount in enumerate((5, 7, 11, 13)):
        fund(alice, amount, at=on(number))
    monkeypatch.setattr("earn.admin.books.LINES", 1)
    asked = {"asset": "USD", "code": "treasury:custody", "first": day(1), "last": day(2)}
    text = get(viewer, "account", **asked)
    assert [x for x in cells(text) if re.fullmatch(r"[0-9.]+\.00", x)] == [
        *("5.00", "7.00", "12.00"),
    ]
    (more,) = re.findall(r'href="\?([^"]+)">Later lines', text)
    text = viewer.get(f"{reverse('admin:account')}?{more.replace('&amp;', '&')}")
    figures = [x for x in cells(text.content.decode()) if x.endswith(".00")]
    assert figures == ["12.00", "11.00", "23.00"]
    assert "Later lines" not in text.content.decode()


def test_no_account_no_asset_no_page(viewer: Client, alice: Customer) -> None:
    fund(alice, 5, at=on(0))
    assert "Nothing was ever posted" in get(viewer, "account", 404, asset="USD", code="x")
    for asked in ({}, {"asset": "USD"}, {"asset": "X", "code": "treasury:custody"}):
        assert viewer.get(reverse("admin:account"), asked).status_code == 404
    known = {"asset": "USD", "code": "treasury:custody"}
    get(viewer, "account", 422, **known, first="2026-02-01", last="2026-01-01")
    get(viewer, "account", 422, **known, first="0001-01-01")
    for after in ("x", "0001-01-01_1_1", "2026-01-05_1_x"):
        get(viewer, "account", **known, after=after)


@pytest.mark.parametrize("name", ["accounts", "account", "trial", "journal", "entry"])
def test_odd_numbers_and_texts_never_break_a_page(
    viewer: Client, alice: Customer, name: str
) -> None:
    fund(alice, 5, at=on(0))
    number = Entry.objects.get().pk
    known = {"kwargs": {"object_id": number}} if name == "entry" else {}
    address = reverse(f"admin:{name}", **known)
    asked = {"asset": "USD", "code": "treasury:custody"}
    for field in (
        *("asset", "code", "customer", "first", "last", "after", "before", "key", "kind"),
        *("entry", "order", "position", "account", "amount", "on", "time"),
    ):
        for value in ("\x00", "9" * 30, "-1", "NaN", "1e9", "x" * 400):
            answer = viewer.get(address, asked | {field: value})
            assert answer.status_code < 500, (field, value)
    assert viewer.get(f"/admin/books/entries/{'9' * 20}/").status_code == 404


def test_the_trial_balance_at_a_moment_with_what_it_is_worth(
    viewer: Client, alice: Customer
) -> None:
    euro, btc = money("EUR"), money("BTC", 8)
    fund(alice, 10, at=on(0, 10))
    fund(alice, 20, at=on(0, 10), asset=euro)
    fund(alice, 1, at=on(0, 10), asset=btc)
    fund(alice, 5, at=on(0, 12))
    prices.record([(euro, Decimal("1.25"))], at=on(0, 9))
    asked = {"on": day(0), "time": "11:00"}
    text = get(viewer, "trial", **asked)
    assert "Debits equal credits" in text
    assert cells(text)[5:] == [
        *("BTC", "1.00000000", "1.00000000", "0", "no price"),
        *("EUR", "20.00", "20.00", "0", "25.00"),
        *("USD", "10.00", "10.00", "0", "10.00"),
        *("All that have a price", "35.00"),
    ]
    assert "1 asset has no price" in text
    assert "15.00" in get(viewer, "trial", on=day(0))
    text = get(viewer, "trial", asset="EUR", **asked)
    found = cells(text)
    at = found.index("Liability")
    assert found[at + 1 : at + 4] == ["0", "20.00", "20.00"]


@pytest.mark.usefixtures("position")
def test_the_income_statement_and_the_balance_sheet(viewer: Client) -> None:
    period = {"first": day(1), "last": day(2)}
    text = get(viewer, "income-statement", asset="USD", **period)
    assert cells(text)[-6:] == [
        *("product:*:interest", "2.00", "Together", "2.00"),
        *("Result: income less expense", "-2.00"),
    ]
    text = get(viewer, "income-statement", **period)
    assert cells(text)[-4:] == ["USD", "0.00", "2.00", "-2.00"]
    text = get(viewer, "balance-sheet", on=day(3))
    assert "Assets = liabilities + equity + income - expense" in text
    assert cells(text)[-4:] == ["USD", "1,000.00", "1,000.00", "-3.00"]
    assert "nothing to tell" in get(viewer, "balance-sheet", on="2020-01-01")


@pytest.mark.usefixtures("position")
def test_an_entry_is_found_by_any_reference(viewer: Client, alice: Customer) -> None:
    order = Order.objects.get(kind="SUBSCRIBE")
    subscription = Entry.objects.get(kind="SUBSCRIBE")
    deposit = Entry.objects.get(kind="DEPOSIT")
    owned = ["PAY_INTEREST", "SUBSCRIBE", "DEPOSIT"]
    cases: list[tuple[dict[str, Any], set[str]]] = [
        ({"key": deposit.key}, {"DEPOSIT"}),
        ({"entry": deposit.pk}, {"DEPOSIT"}),
        ({"order": order.pk}, {"SUBSCRIBE"}),
        ({"position": order.position_id}, {"SUBSCRIBE", *owned[:1]}),
        ({"customer": "Alice"}, set(owned)),
        ({"customer": str(alice.uuid), "kind": "DEPOSIT"}, {"DEPOSIT"}),
        ({"account": "product:easy:interest"}, {"ACCRUE"}),
        ({"kind": "ACCRUE"}, {"ACCRUE"}),
        ({"first": day(0), "last": day(0)}, {"DEPOSIT", "SUBSCRIBE"}),
        ({"asset": "USD", "amount": "1000"}, {"DEPOSIT", "SUBSCRIBE"}),
        ({"asset": "USD", "amount": "999"}, set()),
        ({"position": 99}, set()),
        ({"order": 99}, set()),
    ]
    kinds = set(Entry.objects.values_list("kind", flat=True))
    (paid,) = kinds - {"ACCRUE", "DEPOSIT", "SUBSCRIBE"}
    for asked, wanted in cases:
        text = get(viewer, "journal", **asked)
        found = set(re.findall(r"<strong>([A-Z_]+)</strong>", text))
        assert found == {paid if x == "PAY_INTEREST" else x for x in wanted}, asked
    assert subscription.key in get(viewer, "journal", order=order.pk)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"key": "a", "order": "1"}, "Name one reference"),
        ({"amount": "5"}, "searched for with its asset"),
        ({"asset": "USD"}, "name an amount or a reference"),
        ({"asset": "USD", "amount": "0.001"}, "3 decimals; this asset has 2"),
        ({"customer": "nobody"}, "No customer has that"),
        ({"order": "12a"}, "whole number"),
    ],
)
def test_what_cannot_be_searched_for_is_said(
    viewer: Client, asked: dict[str, str], sentence: str
) -> None:
    money()
    assert sentence in get(viewer, "journal", 422, **asked)


def test_the_journal_goes_on_where_a_page_ended(
    viewer: Client, alice: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        fund(alice, 5, at=on(number // 2))
    monkeypatch.setattr("earn.admin.journal.ENTRIES", 2)
    address, found = f"{reverse('admin:journal')}?kind=DEPOSIT", []
    for _ in range(3):
        text = viewer.get(address).content.decode()
        found += re.findall(r"entries/([0-9]+)/\">Entry", text)
        more = re.findall(r'href="(\?[^"]+)">Earlier', text)
        address = (
            f"{reverse('admin:journal')}{more[0]}".replace("&amp;", "&") if more else ""
        )
    assert address == ""
    wanted = Entry.objects.order_by("-day", "-pk").values_list("pk", flat=True)
    assert [int(x) for x in found] == list(wanted)


def test_an_entry_shows_its_seal_and_what_may_be_proposed_from_it(
    viewer: Client, alice: Customer
) -> None:
    fund(alice, 5, at=on(0))
    entry = Entry.objects.get()
    seals.seal()
    address = reverse("admin:entry", args=[entry.pk])
    seen = viewer.get(address).content.decode()
    assert "seal 1" in seen
    assert "Propose a reversal" not in seen
    operator = signed_in(member("olga", "operator"))
    text = operator.get(address).content.decode()
    (link,) = re.findall(r'href="([^"]+)">Propose a reversal', text)
    assert f'value="{entry.key}"' in operator.get(link).content.decode()
    posting.reverse(entry_id=entry.pk, key="back", happened_at=on(0), reason="typo")
    text = operator.get(address).content.decode()
    assert "Propose a reversal" not in text
    assert f"reversed by entry {Entry.objects.get(key='back').pk}" in text
    assert "Propose an adjustment" in text


@pytest.mark.usefixtures("position")
def test_no_kind_of_business_is_offered_for_reversal() -> None:
    entry = Entry.objects.get(kind="SUBSCRIBE")
    operator = signed_in(member("olga", "operator"))
    text = operator.get(reverse("admin:entry", args=[entry.pk])).content.decode()
    assert "Propose a reversal" not in text
    assert "never a reversal" in text


def table(answer: Any) -> list[list[str]]:
    assert answer.status_code == 200
    return list(csv.reader(StringIO(answer.getvalue().decode(), newline="")))


def sheet(answer: Any) -> Iterator[list[tuple[str, str]]]:
    """Rows of (type, text) of the first sheet; type n is a number."""
    with ZipFile(BytesIO(answer.getvalue())) as book:
        root = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    for row in root.iter(f"{space}row"):
        yield [
            (cell.get("t", "n"), "".join(cell.itertext())) for cell in row.iter(f"{space}c")
        ]


def export(client: Client, **asked: Any) -> Any:
    return client.get(reverse("admin:books-export"), asked)


def test_files_of_the_trial_balance(viewer: Client, alice: Customer) -> None:
    fund(alice, "12.50", at=on(0))
    rows = table(export(viewer, what="trial", form="csv", on=day(0)))
    assert rows[0][-1] == "worth_USD"
    assert rows[-1][1:] == [
        *("USD", "ASSET", "treasury:custody", "12.5", "0", "12.5", "1", "12.5"),
    ]
    found = list(sheet(export(viewer, what="trial", form="xlsx", on=day(0))))
    assert found[-1][3:5] == [("inlineStr", "treasury:custody"), ("n", "12.5")]
    assert export(viewer, what="trial", form="beancount").status_code == 404
    assert export(viewer, what="nothing", form="csv").status_code == 404
    assert export(viewer, what="trial", form="csv", on="x").status_code == 422


@pytest.mark.usefixtures("position")
def test_files_of_the_balance_sheet_and_of_the_income_statement(viewer: Client) -> None:
    fund(customer("Bob"), 2, at=on(4), asset=money("BTC"))
    page = get(viewer, "balance-sheet", on=day(4))
    assert "what=balance-sheet&amp;form=csv" in page
    rows = table(export(viewer, what="balance-sheet", form="csv", on=day(4)))
    assert rows[0][1:] == [*("asset", "kind", "line", "amount", "price", "worth_USD")]
    assert rows[1][1:] == ["BTC", "ASSET", "treasury:custody", "2", "", ""]
    assert ["USD", "EXPENSE", "product:*:interest", "3", "1", "3"] in [x[1:] for x in rows]
    asked = {"what": "income", "first": day(1), "last": day(2)}
    assert "what=income&amp;form=xlsx" in get(viewer, "income-statement", **asked)
    rows = table(export(viewer, form="csv", **asked))
    days = [str(day(1)), str(day(2))]
    assert rows[1:] == [[*days, "USD", "EXPENSE", "product:*:interest", "2", "1", "2"]]
    found = list(sheet(export(viewer, form="xlsx", asset="USD", **asked)))
    assert found[-1][4:6] == [("inlineStr", "product:*:interest"), ("n", "2")]
    assert export(viewer, what="balance-sheet", form="csv", on="x").status_code == 422


def test_a_file_of_a_statement_is_the_statement(viewer: Client, alice: Customer) -> None:
    for number, amount in enumerate((5, 7, 11)):
        fund(alice, amount, at=on(number))
    asked = {"asset": "USD", "code": "treasury:custody", "first": day(1), "last": day(2)}
    rows = table(export(viewer, what="statement", form="csv", **asked))
    assert [(row[3], row[9]) for row in rows[1:]] == [
        *(("OPENING", "5"), ("DEPOSIT", "12"), ("DEPOSIT", "23")),
    ]
    asked["code"] = "nothing"
    assert export(viewer, what="statement", form="csv", **asked).status_code == 404


EVIL = ("=1+1", "+1", "-1", "@x", "\tx")


def test_formulas_are_harmless_and_numbers_stay_numbers(
    viewer: Client, alice: Customer
) -> None:
    usd, fine = money(), money("FINE", 18)
    wallet = AccountName(usd.pk, "expense:losses", "EXPENSE")
    custody = AccountName(usd.pk, "treasury:custody", "ASSET")
    for number, text in enumerate(EVIL):
        posting.post(
            key=text,
            kind=text,
            lines=[Line(wallet, custody, Decimal(number + 1))],
            happened_at=on(0),
        )
    fund(alice, "1.000000000000000001", at=on(0), asset=fine)
    period = {"first": day(0), "last": day(0)}
    for what, cell in (("journal", 2), ("statement", 3)):
        asked = period | {"asset": "USD", "code": "treasury:custody"}
        rows = table(export(viewer, what=what, form="csv", **asked))
        assert {f"'{x}" for x in EVIL} <= {row[cell] for row in rows}
        rows = list(sheet(export(viewer, what=what, form="xlsx", **asked)))
        types = {kind for row in rows for kind, text in row if text in EVIL}
        assert types - {"n"} == {"inlineStr"}
        assert all(
            text != "=1+1" or kind == "inlineStr" for row in rows for kind, text in row
        )
    rows = table(export(viewer, what="statement", form="csv", **asked))
    assert [row[9] for row in rows[2:]] == ["-1", "-3", "-6", "-10", "-15"]
    rows = list(sheet(export(viewer, what="statement", form="xlsx", **asked)))
    assert ("n", "-15") in rows[-1]
    rows = list(sheet(export(viewer, what="journal", form="xlsx", **period)))
    assert ("inlineStr", "1.000000000000000001") in rows[-1]


def test_a_journal_for_beancount_begins_with_what_was_before(
    viewer: Client, alice: Customer
) -> None:
    fund(alice, 5, at=on(0))
    fund(alice, 7, at=on(1))
    answer = export(viewer, what="journal", form="beancount", first=day(1), last=day(1))
    text = answer.getvalue().decode()
    assert "OPENING" in text
    assert "5.00 USD" in text
    assert text.count("DEPOSIT") == 1
    assert answer["Content-Disposition"].endswith('.beancount"')


def test_pages_ask_as_much_for_many_rows_as_for_few(
    viewer: Client, position: Position, django_assert_max_num_queries: Any
) -> None:
    redeem(position, on(4), 10)
    for _ in range(20):
        fund(position.customer, 5, at=on(4))
    entry = Entry.objects.first()
    assert entry
    addresses = [
        reverse("admin:accounts"),
        f"{reverse('admin:accounts')}?customer=Alice",
        f"{reverse('admin:account')}?asset=USD&code=treasury:custody&first={day(0)}",
        reverse("admin:trial"),
        reverse("admin:balance-sheet"),
        reverse("admin:income-statement"),
        f"{reverse('admin:journal')}?customer=Alice",
        reverse("admin:entry", args=[entry.pk]),
    ]
    for address in addresses:
        with django_assert_max_num_queries(12):
            assert viewer.get(address).status_code == 200


def test_the_application_s_rights_suffice(
    viewer: Client, position: Position, as_app_role: Any
) -> None:
    with as_app_role():
        for name in ("accounts", "trial", "balance-sheet", "income-statement", "journal"):
            get(viewer, name)
        assert table(export(viewer, what="journal", form="csv", first=day(0)))
        get(viewer, "journal", position=position.pk)


@pytest.mark.usefixtures("position")
def test_whoever_is_staff_without_a_role_sees_no_books() -> None:
    client = signed_in(member("new"))
    entry = Entry.objects.filter(kind="SUBSCRIBE").get()
    assert client.get(reverse("admin:entry", args=[entry.pk])).status_code == 403
