"""Prices that staff record: all or none, and each wrong line is named."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from earn.models import AuditEvent, Price
from tests.admin.staff import member
from tests.earn.people import flexible, money
from tests.portal.pages import signed_in

pytestmark = pytest.mark.django_db
ADDRESS = "/admin/prices/"


@pytest.fixture
def olga() -> Client:
    for code in ("USD", "BTC", "ETH"):
        money(code)
    return signed_in(member("olga", "operator"))


def known() -> dict[str, Decimal]:
    return dict(Price.objects.values_list("asset__code", "price"))


def test_lines_become_prices_with_their_trail(olga: Client) -> None:
    answer = olga.post(ADDRESS, {"lines": "asset,price\nBTC,68000.5\n\nETH, 3100\n"})
    assert answer.status_code == 302
    assert known() == {"BTC": Decimal("68000.5"), "ETH": 3100}
    event = AuditEvent.objects.get()
    assert (event.act, event.after) == ("RECORD_PRICES", {"BTC": "68000.5", "ETH": "3100"})
    text = olga.get(ADDRESS).content.decode()
    assert "68000.5" in text
    assert "Fresh" in text


def test_what_needs_no_price_and_has_none_is_only_counted(olga: Client) -> None:
    olga.post(ADDRESS, {"lines": "BTC,68000.5"})
    flexible("coin", asset=money("SOL"))
    answer = olga.get(ADDRESS)
    assert [line.code for line in answer.context["lines"]] == ["BTC", "SOL"]
    assert "1 more asset has no product" in answer.content.decode()


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("BTC,68000\nDOGE,1", "line 2: there is no asset &#x27;DOGE&#x27;"),
        ("BTC,68000\nETH", "line 2: write an asset, a comma and its price"),
        ("BTC,0", "line 1: a price is above 0"),
        ("BTC,1e5", "line 1: Write the amount with digits and a point"),
        ("BTC,NaN", "line 1: Write the amount"),
        ("BTC,=1+1", "line 1: Write the amount"),
        ("BTC," + "9" * 400, "more than 20 digits"),
        ("BTC,1\nBTC,2", "line 2: BTC stands above already"),
        ("USD,1", "line 1: USD is what prices are in"),
        ('"BTC\n",1\nETH,x\n', "line 3: Write the amount"),
        ("BTC,1\nETH,1\x00", "line 2: There is a NUL byte"),
        ("BTC,1\nETH," + "1" * 140_000, "line 2: This is no CSV: field larger than"),
        ('BTC,"1', "line 1: This is no CSV"),
        ("\n", "there is no line of an asset and its price"),
    ],
)
def test_one_wrong_line_and_nothing_is_recorded(
    olga: Client, lines: str, sentence: str
) -> None:
    answer = olga.post(ADDRESS, {"lines": lines})
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert known() == {}
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"BTC,\xff1", "not UTF-8"),
        (b"BTC,1\n" * 200_000, "larger than a megabyte"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    olga: Client, content: bytes, sentence: str
) -> None:
    answer: Any = olga.post(ADDRESS, {"file": SimpleUploadedFile("p.csv", content)})
    assert answer.status_code == 422
    assert sentence in answer.content.decode()


def test_a_file_of_a_spreadsheet_is_read(olga: Client) -> None:
    file = SimpleUploadedFile("p.csv", b"\xef\xbb\xbfasset,price\r\nBTC,5\r\n")
    assert olga.post(ADDRESS, {"file": file}).status_code == 302
    assert known() == {"BTC": 5}


def test_a_file_with_the_ends_of_lines_of_old_machines_is_read(olga: Client) -> None:
    file = SimpleUploadedFile("p.csv", b"asset,price\rBTC,5\rETH,6\r")
    assert olga.post(ADDRESS, {"file": file}).status_code == 302
    assert known() == {"BTC": 5, "ETH": 6}


@pytest.mark.usefixtures("olga")
def test_who_only_looks_records_nothing() -> None:
    vera = signed_in(member("vera", "viewer"))
    assert vera.post(ADDRESS, {"lines": "BTC,5"}).status_code == 403
    assert known() == {}
    assert b"id_lines" not in vera.get(ADDRESS).content
