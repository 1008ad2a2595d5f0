"""Statements and term sheets as files: who gets them, and that they never change."""

import base64
import csv
import hashlib
import re
from collections.abc import Callable
from decimal import Decimal
from html import unescape
from io import BytesIO, StringIO
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.translation import override
from pypdf import PdfReader

from earn import catalogue, prices
from earn.models import Customer, Order, Position, Product, User
from earn.portal import papers
from earn.typesetting import NotTypeset, typeset
from ledger import posting
from ledger.models import Entry
from tests.earn.people import (
    buy,
    close_to,
    customer,
    day,
    fixed,
    flexible,
    fund,
    key,
    money,
    on,
    refused,
    subscribe,
)
from tests.portal.test_home import signed_in

pytestmark = pytest.mark.django_db
FORMS = ("pdf", "csv", "json")
Get = Callable[..., Any]


@pytest.fixture
def january(alice: Customer) -> Customer:
    product = fixed(
        "term",
        tiers=[(10, 0, "0.365")],
        names={"en": "Ten days", "zh-hans": "十天定期", "ar": "عشرة أيام"},
        risk_text="You may lose it all.",
        risk_translations={"zh-hans": "您可能会损失全部资金。"},
    )
    subscribe(alice, product, 2000, on(0), term_days=10)
    close_to(26)
    return alice


def get(who: Customer, name: str, *args: Any, **query: str) -> Any:
    return signed_in(who).get(reverse(f"portal:{name}", args=args), query)


def read(answer: Any) -> str:
    """The words of a PDF."""
    return "\n".join(
        page.extract_text() for page in PdfReader(BytesIO(answer.content)).pages
    )


def test_the_page_lists_each_period_that_is_over_in_every_form(january: Customer) -> None:
    page = get(january, "statements").content.decode()
    assert "January 2026" in page
    for form in FORMS:
        assert reverse("portal:statement", args=["2026-01", form]) in page
    assert reverse("portal:statement", args=["2026-Q1", "pdf"]) not in page
    close_to(85)
    page = get(january, "statements").content.decode()
    assert reverse("portal:statement", args=["2026-Q1", "pdf"]) in page


def test_before_the_first_month_is_over_there_is_none(alice: Customer) -> None:
    fund(alice, 5, at=on(0))
    page = get(alice, "statements").content.decode()
    assert "There is none yet" in page


def test_the_page_takes_few_queries(
    january: Customer, django_assert_max_num_queries: Any
) -> None:
    client = signed_in(january)
    with django_assert_max_num_queries(8):
        client.get(reverse("portal:statements"))


@pytest.mark.parametrize("form", FORMS)
def test_a_file_carries_its_name_and_hashes(january: Customer, form: str) -> None:
    answer = get(january, "statement", "2026-01", form)
    said = get(january, "statement", "2026-01", "json").json()["sha256"]
    digest = base64.b64encode(hashlib.sha256(answer.content).digest()).decode()
    assert answer["Content-Disposition"] == f'attachment; filename="earn-2026-01.{form}"'
    assert answer["ETag"] == f'W/"{said}"'
    assert answer["Content-Digest"] == f"sha-256=:{digest}:"
    words = read(answer) if form == "pdf" else answer.content.decode()
    assert said in words


def test_whoever_has_it_already_gets_it_not_again(january: Customer) -> None:
    client, address = (
        signed_in(january),
        reverse("portal:statement", args=["2026-01", "pdf"]),
    )
    etag = client.get(address)["ETag"]
    assert client.get(address, headers={"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize("form", FORMS)
def test_made_again_after_later_business_it_has_the_same_bytes(
    january: Customer, form: str
) -> None:
    query = {"language": "zh-hans"} if form == "pdf" else {}
    before = get(january, "statement", "2026-01", form, **query).content
    deposit = Entry.objects.filter(kind="DEPOSIT").order_by("pk")[0]
    fund(january, 3000, at=on(27))
    posting.reverse(entry_id=deposit.pk, key=key(), happened_at=on(27), reason="an error")
    Product.objects.update(names={"zh-hans": "别的名字"})
    Customer.objects.update(display_currency=money("EUR"))
    january.refresh_from_db()
    close_to(30)
    assert get(january, "statement", "2026-01", form, **query).content == before


def test_the_pdf_says_what_happened_and_how_to_check_it(january: Customer) -> None:
    words = read(get(january, "statement", "2026-01", "pdf"))
    for word in (
        "January 2026",
        str(january.uuid),
        "Subscription",
        "Principal paid at maturity",
        "-2,000.00",
        "2,020.00",
        "How to check this statement",
    ):
        assert word in words


def test_the_pdf_is_an_archive_that_can_be_read_aloud(january: Customer) -> None:
    pdf = PdfReader(BytesIO(get(january, "statement", "2026-01", "pdf").content))
    assert pdf.trailer["/Root"]["/MarkInfo"]["/Marked"]
    described = pdf.trailer["/Root"]["/Metadata"].get_data().decode()
    assert "<pdfaid:part>2</pdfaid:part>" in described
    assert "<pdfuaid:part>1</pdfuaid:part>" in described
    assert str(pdf.trailer["/Root"]["/Lang"]) == "en"


@pytest.mark.parametrize(
    ("language", "word"), [("zh-hans", "2026年1月"), ("ja", "2026年1月"), ("ar", "يناير")]
)
def test_the_pdf_is_in_the_language_of_its_address(
    january: Customer, language: str, word: str
) -> None:
    answer = get(january, "statement", "2026-01", "pdf", language=language)
    words = read(answer)
    assert word.replace(" ", "") in words.replace(" ", "")
    plain = get(january, "statement", "2026-01", "pdf").content
    assert answer.content != plain


def test_figures_and_codes_are_the_same_in_every_language(january: Customer) -> None:
    plain = [get(january, "statement", "2026-01", form).content for form in ("csv", "json")]
    User.objects.update(language="ar", time_zone="Asia/Tokyo")
    again = [get(january, "statement", "2026-01", form).content for form in ("csv", "json")]
    assert again == plain
    rows = list(csv.DictReader(StringIO(plain[0].decode())))
    assert {"SUBSCRIPTION", "MATURITY_PAID"} <= {row["type"] for row in rows}
    assert "-2000.00" in {row["wallet"] for row in rows}


@pytest.mark.parametrize(
    "path",
    [
        "2026-02.csv",
        "2026-Q1.pdf",
        "2026.json",
        "2026-13.csv",
        "2026-01.xml",
        "2026-01.pdf?language=tlh",
    ],
)
def test_what_is_not_over_and_what_is_nothing_is_not_there(
    january: Customer, path: str
) -> None:
    client = signed_in(january)
    assert client.get(reverse("portal:statements") + path).status_code == 404


def test_the_same_address_is_another_customers_own_statement(january: Customer) -> None:
    bob = customer("Bob's sister")
    hers = get(january, "statement", "2026-01", "json").json()
    his = get(bob, "statement", "2026-01", "json").json()
    assert his["customer"] == str(bob.uuid) != hers["customer"]
    assert his["assets"] == []


def test_a_letter_that_no_font_has_is_an_error_and_not_a_hole() -> None:
    paper = {
        "brand": "Earn",
        "title": "\U00013000",  # an Egyptian hieroglyph
        "subtitle": "",
        "lang": "en",
        "rtl": False,
        "sha256": "",
        "blocks": [],
    }
    with pytest.raises(NotTypeset):
        typeset("paper", paper, at=on(0))
    assert typeset("paper", paper | {"title": "账 口座 مرحبا"}, at=on(0))[:5] == b"%PDF-"


def test_markup_in_the_data_stays_text() -> None:
    with override("en"):
        made = papers.pdf(
            {"sha256": "0"},
            title="*x* #panic() $a$",
            subtitle="]",
            blocks=iter([papers.text("= no heading \\ _x_")]),
            at=on(0),
        )
    words = "\n".join(page.extract_text() for page in PdfReader(BytesIO(made)).pages)
    assert "*x* #panic() $a$" in words
    assert "= no heading \\ _x_" in words


def test_eighteen_decimals_fit_on_the_page(alice: Customer) -> None:
    ether = money("ETH", 18)
    fund(alice, "12345678901234567890.123456789012345678", at=on(0), asset=ether)
    close_to(26)
    words = read(get(alice, "statement", "2026-01", "pdf"))
    assert "12,345,678,901,234,567,890.123456789012345678" in words


# Term sheets


@pytest.fixture
def order(january: Customer) -> Order:
    return Order.objects.get(customer=january, kind="SUBSCRIBE")


def test_the_receipt_of_a_subscription_has_its_term_sheet(order: Order) -> None:
    page = get(order.customer, "receipt", order.pk).content.decode()
    assert f"{reverse('portal:term-sheet', args=[order.pk, 'pdf'])}?language=en" in page
    deposit = Order.objects.get(customer=order.customer, kind="DEPOSIT")
    assert "term sheet" not in get(order.customer, "receipt", deposit.pk).content.decode()


def test_a_term_sheet_says_what_was_agreed(order: Order) -> None:
    words = read(get(order.customer, "term-sheet", order.pk, "pdf"))
    for word in (
        "Term sheet",
        "Ten days",
        "2,000.00 USD",
        "36.5 %",
        "16 January 2026",
        "20.00 USD",
        "ACT/365F",
        "You may lose it all.",
        "You accepted version 1 of this text.",
    ):
        assert word in words
    document = get(order.customer, "term-sheet", order.pk, "json").json()
    assert document["sha256"] in words
    assert document["agreed"] == order.preview


def test_a_term_sheet_is_in_the_language_of_its_address(order: Order) -> None:
    answer = get(order.customer, "term-sheet", order.pk, "pdf", language="zh-hans")
    words = read(answer)
    assert "十天定期" in words
    assert "您可能会损失全部资金。" in words


def test_later_changes_of_the_product_reach_no_term_sheet(order: Order) -> None:
    before = [
        get(order.customer, "term-sheet", order.pk, form).content for form in FORMS[::2]
    ]
    product = Product.objects.get()
    product.names = {"en": "Something else"}
    product.risk_text, product.risk_version = "None at all.", 2
    product.minimum, product.customer_cap = 5, 5000
    product.save()
    chart = catalogue.add_chart(
        product=product, effective_on=day(40), rows=[catalogue.Row(10, 0, "0.5")]
    )
    catalogue.announce(chart, at=on(27))
    catalogue.set_state(product, Product.State.PAUSED)
    close_to(30)
    after = [
        get(order.customer, "term-sheet", order.pk, form).content for form in FORMS[::2]
    ]
    assert after == before


def test_an_order_without_terms_has_no_term_sheet(order: Order) -> None:
    Order.objects.update(terms=None)
    for form in FORMS:
        assert get(order.customer, "term-sheet", order.pk, form).status_code == 404
    assert "term sheet" not in get(order.customer, "receipt", order.pk).content.decode()


def test_a_refused_order_has_no_term_sheet(alice: Customer) -> None:
    refused(lambda: buy(alice, flexible(), 5, on(0)))
    order = Order.objects.get()
    assert get(alice, "term-sheet", order.pk, "pdf").status_code == 404


def test_nobody_else_gets_a_term_sheet(order: Order) -> None:
    assert get(customer("Charlie"), "term-sheet", order.pk, "pdf").status_code == 404
    address = reverse("portal:term-sheet", args=[order.pk, "pdf"])
    assert Client().get(address).status_code == 302


def test_every_rule_that_a_product_can_have_is_in_words(alice: Customer) -> None:
    easy = flexible(
        "easy", compounding="DAILY", final_rounding="HALF_UP", tier_mode="WHOLE",
        settlement_delay_days=2, notice_days=3, step=1,
    )  # fmt: skip
    strict = fixed(
        "strict", early_rule="FORFEIT_DAYS", early_days=7, minimum_holding_days=3,
        renewal_cutoff_hours=12, minimum=10, customer_cap=10**6,
    )  # fmt: skip
    position = subscribe(alice, easy, 100, on(0))
    other = subscribe(alice, strict, 100, on(0), term_days=30)
    words = _terms(alice, position) + _terms(alice, other)
    for word in (
        "Flexible, without a term",
        "Daily: interest earns from the next day on",
        "Rounded half up",
        "The whole balance earns the rate of the line that it falls in.",
        "2 days after you redeem",
        "announced 3 days before",
        "the interest of the last 7 days is lost; not before 3 days have passed",
        "until 12 hours before maturity",
        "1,000,000 USD",
    ):
        assert word in words.replace("\n", " ")


def _terms(who: Customer, position: Position) -> str:
    order = Order.objects.get(position=position, kind="SUBSCRIBE")
    return read(get(who, "term-sheet", order.pk, "pdf"))


# Income


def test_the_income_of_a_year_is_listed_and_comes_in_every_form(january: Customer) -> None:
    page = get(january, "statements").content.decode()
    for form in FORMS:
        assert reverse("portal:income", args=[2026, form]) in page
        known = {"known_at": "2026-02-01T00:00:00Z"}
        answer = get(january, "income", 2026, form, **known)
        said = get(january, "income", 2026, "json", **known).json()["sha256"]
        words = read(answer) if form == "pdf" else answer.content.decode()
        assert said in words
        assert "20.00" in words


def test_the_income_says_what_has_no_price(alice: Customer) -> None:
    ether = money("ETH", 18)
    daily = flexible("e", [(None, 0, "0.365")], payout="DAILY", asset=ether)
    subscribe(alice, daily, 1000, on(0))
    close_to(3)
    words = read(get(alice, "income", 2026, "pdf")).replace("\n", " ")
    assert "no price" in words
    assert "2 receipts have no price" in words
    assert read(get(alice, "income", 2026, "pdf", language="ar"))


def test_the_income_names_each_price_that_was_used(alice: Customer) -> None:
    ether, euro = money("ETH", 18), money("EUR")
    daily = flexible("e", [(None, 0, "0.365")], payout="DAILY", asset=ether)
    subscribe(alice, daily, 1000, on(0))
    prices.record([(ether, Decimal("3000.5")), (euro, Decimal("1.25"))], at=on(1))
    alice.display_currency = euro
    alice.save()
    close_to(2)
    words = read(get(alice, "income", 2026, "pdf"))
    for word in ("3,000.5", "Price of EUR", "1.25", "2,400.40"):
        assert word in words


def test_a_link_of_the_income_gives_the_same_file_whatever_comes_later(
    alice: Customer,
) -> None:
    ether, euro = money("ETH", 18), money("EUR")
    daily = flexible("e", [(None, 0, "0.365")], payout="DAILY", asset=ether)
    subscribe(alice, daily, 1000, on(0))
    prices.record([(ether, Decimal(3000)), (euro, Decimal(2))], at=on(1))
    alice.display_currency = euro
    alice.save()
    close_to(2)
    page = get(alice, "statements").content.decode()
    links = [unescape(x) for x in re.findall(r'href="([^"]*/income/[^"]*)"', page)]
    assert len(links) == 3
    client = signed_in(alice)
    before = [client.get(link) for link in links]
    words = read(before[0]).replace("\n", " ")
    assert "Worth is in EUR" in words
    assert re.search(r"known_at=(\S*)T(\S*)Z", links[0].replace("%3A", ":"))[2] in words  # type: ignore[index]
    for answer in before:
        assert 'filename="earn-income-2026-EUR.' in answer["Content-Disposition"]
    prices.record([(ether, Decimal(4000))], at=on(1, hour=11))
    alice.display_currency = ether
    alice.save()
    close_to(3)
    for link, answer in zip(links, before, strict=True):
        assert client.get(link).content == answer.content
    assert get(alice, "income", 2026, "json").json()["currency"] == "ETH"


@pytest.mark.parametrize(
    "query",
    [
        "currency=XXX",
        "currency=",
        "currency=%00",
        "known_at=yesterday",
        "known_at=2026-01-31T00:00:00",
        "known_at=9999-01-01T00:00:00Z",
        "known_at=0001-01-01T00:00:00%2B14:00",
        "through=2026-02-31",
        "through=2025-12-31",
        "through=2026-12-31",
    ],
)
def test_an_income_of_what_is_nothing_is_not_there(january: Customer, query: str) -> None:
    address = reverse("portal:income", args=[2026, "json"])
    assert signed_in(january).get(f"{address}?{query}").status_code == 404


@pytest.mark.parametrize("path", ["2025.pdf", "2027.csv", "99999.json", "2026.xml"])
def test_another_year_has_no_income_yet(january: Customer, path: str) -> None:
    client = signed_in(january)
    address = f"{reverse('portal:statements')}income/{path}"
    assert client.get(address).status_code == 404
