"""Every word that a customer reads can be translated: in a language where each one is
marked, none is left without the mark. Of pages as they open, and of what comes after:
previews, refusals, errors, mails, papers."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from zoneinfo import available_timezones

import pytest
from allauth.account.adapter import get_adapter
from allauth.core.context import request_context
from django.conf import settings
from django.core import mail
from django.http import HttpResponse
from django.shortcuts import render
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import translation
from django.views import defaults
from django.views.csrf import csrf_failure

from earn.models import AtMaturity, Customer, News, Notification, Product
from earn.portal.notices import WHY_NOT, letter
from ledger.models import Asset
from tests.earn.people import chart, day, fund, on, redeem, subscribe
from tests.earn.test_explaining import tamper
from tests.portal.pages import PASSWORD, Alice, May, addresses, create_alice, signed_in

pytestmark = pytest.mark.django_db

Said = Iterator[tuple[str, str]]
NOW = datetime.now(UTC)  # the pages read the clock themselves
KEY = "2f1c5a2e-8f0e-4c43-9d55-6a8f2b0f3b11"
AMOUNTS = ("", "many", "1.234", "0", "999999")  # none of them good
PREFIX = settings.ACCOUNT_EMAIL_SUBJECT_PREFIX
MAILS = [
    *(f"account/email/{name}" for name in (
        "account_already_exists", "email_changed", "email_confirm", "email_confirmation",
        "email_confirmation_signup", "password_changed", "password_reset",
        "password_reset_code", "password_set", "unknown_account")),
    *(f"mfa/email/{name}" for name in (
        "recovery_codes_generated", "totp_activated", "totp_deactivated",
        "webauthn_added", "webauthn_removed")),
]  # fmt: skip
WORD = re.compile(r"[^\W\d_]{2,}")
MARKED = re.compile(r"⟦[^⟦⟧]*⟧")
TITLE_CASE = re.compile(r"⟦([A-Z][\w-]+(?: [A-Z][\w-]+)+)⟧")
FILE = re.compile(r"[\w-]+\.(txt|json)\b")
ADDRESS = re.compile(r"https?://\S+")
SAID = {"alt", "aria-label", "placeholder", "title", "summary"}
SAID |= {"data-sending", "data-offline", "data-unknown", "data-failed"}  # by our scripts
SILENT = {"script", "style", "code", "pre", "svg"}
# The same in every language.
NAMES = {name for _, name in settings.LANGUAGES} | {"UTC", "ACT/365F", "PDF", "CSV", "JSON"}
NAMES |= {zone.replace("_", " ") for zone in available_timezones()}


class Words(HTMLParser):
    """The texts of a page: between its tags, and in attributes that are read out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in SILENT:
            self.silent += 1
        if not self.silent:
            self.found += [value for name, value in attrs if name in SAID and value]
        if ("name", "description") in attrs:
            self.found += [value for name, value in attrs if name == "content" and value]

    def handle_endtag(self, tag: str) -> None:
        if tag in SILENT:
            self.silent -= 1

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.found.append(data)


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A language whose every string is the English one between ⟦ and ⟧."""
    translation.gettext("")  # or its functions would be looked up again
    engine = translation._trans  # type: ignore[attr-defined]
    for name in ("gettext", "pgettext", "ngettext", "npgettext"):
        monkeypatch.setattr(engine, name, marking(getattr(engine, name)))


def marking(function: Any) -> Any:
    return lambda *args: f"⟦{function(*args)}⟧"


def unmarked(text: str, data: set[str]) -> list[str]:
    """Words without a mark, but for what is data: codes, names, addresses."""
    text = FILE.sub(" ", ADDRESS.sub(" ", text))
    while MARKED.search(text):
        text = MARKED.sub(" ", text)
    for known in sorted(data, key=len, reverse=True):
        text = text.replace(known, " ")
    return WORD.findall(text)


def data_of(customer: Customer) -> set[str]:
    products = Product.objects.all()
    names = {name for product in products for name in product.names.values()}
    assets = Asset.objects.values_list("code", "name")
    codes = {product.code for product in products} | {str(customer.uuid)}
    risks = {product.risk_text for product in products if product.risk_text}
    people = {str(customer.user), "Alice’s laptop", "nina@example.com", "Firefox", "Linux"}
    known = names | {x for pair in assets for x in pair} | codes | risks | people
    return {text for text in known if text} | NAMES


def texts(answer: HttpResponse) -> str:
    """Of a page, or of a part of one; a file has none."""
    if "html" not in answer.get("Content-Type", ""):
        return ""
    page = Words()
    page.feed(answer.content.decode())
    return " ".join(page.found)


def left(said: Said, customer: Customer) -> list[str]:
    """What of it has words without a mark, or Is Written Like This."""
    data = data_of(customer)
    found = (
        (name, " ".join(unmarked(text, data) + TITLE_CASE.findall(text)))
        for name, text in said
    )
    return [f"{name}: {words}" for name, words in found if words]


@pytest.mark.usefixtures("marked")
def test_no_page_has_a_word_that_cannot_be_translated() -> None:
    alice = create_alice()
    assert left(opened(alice), alice.customer) == []


@pytest.mark.usefixtures("marked")
def test_nor_has_what_an_order_shows_and_why_it_is_refused() -> None:
    alice = create_alice()
    fund(alice.customer, 500, at=NOW)
    assert left(previews(alice), alice.customer) == []
    assert left(refusals(alice), alice.customer) == []


@pytest.mark.usefixtures("marked")
def test_nor_has_any_answer_to_a_form_an_error_or_a_part_of_a_page() -> None:
    alice = create_alice()
    assert left(answers(alice), alice.customer) == []
    assert left(errors(), alice.customer) == []
    assert left(parts(), alice.customer) == []


@pytest.mark.usefixtures("marked")
def test_nor_has_a_mail_or_a_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    alice = create_alice()
    assert left(mails(alice), alice.customer) == []
    assert left(letters(alice), alice.customer) == []
    assert left(papers(alice, monkeypatch), alice.customer) == []


def opened(alice: Alice) -> Said:
    hers = signed_in(alice.customer.user, raise_request_exception=False)
    clients = {May.EVERYBODY: Client(), May.SIGNED_IN: hers, May.CUSTOMERS: hers,
               May.OWNER: hers}  # fmt: skip
    for may, client in clients.items():
        for name, where in addresses(alice, may).items():
            if not name.startswith("admin:"):
                answer = client.get(where)
                yield name, texts(answer) if answer.status_code == 200 else ""
    figures = {"interest": "9", "carry": "1", "accrued": "9", "year_basis": "360"}
    tamper(alice.flexible, 25, **figures, days="2", chart_id=str(alice.fixed.chart_id))
    answer = hers.get(address("position-day", alice.flexible.pk, day(25)))
    assert len(answer.context["differences"]) == 6
    yield "differences", texts(answer)


def previews(alice: Alice) -> Said:
    """Each order as it is shown, changed since, confirmed and begun again; the receipts."""
    hers, risk = signed_in(alice.customer.user), {"risk": "1"}
    term = subscribe(alice.customer, alice.fixed.product, 100, NOW, term_days=10)
    leaving = redeem(alice.flexible, NOW, 10)
    chosen = {"at_maturity": "RENEW_ALL", "minimum_rate": "4.5"}
    for name, argument, fields in (
        ("subscribe", "term", risk | chosen | {"amount": "10", "term": "10"}),
        ("redeem", alice.flexible.pk, {"part": "PART", "amount": "5"}),
        ("redeem", term.pk, {}),
        ("cancel", leaving.pk, {}),
        ("instruct", term.pk, chosen),
    ):
        yield name, shown(hers.post(address(name, argument), fields))
    order, fields = address("subscribe", "slow"), risk | {"amount": "10", "key": KEY}
    answer = hers.post(order, fields)
    yield "subscribe", shown(answer)
    chart(alice.flexible.product, NOW.date(), (None, 0, "0.2"), at=NOW)
    for _step in ("changed", "done"):
        sent = fields | {"step": "confirm", "signed": answer.context["signed"]}
        answer = hers.post(order, sent, follow=True)
        yield "confirmed", texts(answer)
    yield "again", shown(hers.post(order, fields))
    for found in alice.customer.order_set.all():
        yield str(found.kind), texts(hers.get(address("receipt", found.pk)))


def shown(answer: Any) -> str:
    assert (answer.status_code, bool(answer.context["signed"])) == (200, True)
    return texts(answer)


def refusals(alice: Alice) -> Said:
    hers, good = signed_in(alice.customer.user), {"risk": "1", "amount": "10"}
    orders: list[tuple[str, Any, dict[str, str]]] = [
        *(("subscribe", "slow", good | {"amount": x}) for x in AMOUNTS),
        ("subscribe", "slow", {"amount": "10"}),
        ("subscribe", "slow", good | {"risk": "0"}),
        ("subscribe", "term", good),
        ("subscribe", "term", good | {"term": "11", "at_maturity": "NO"}),
        ("subscribe", "term", good | {"term": "10", "minimum_rate": "much"}),
        *(("redeem", alice.flexible.pk, {"part": "PART", "amount": x}) for x in AMOUNTS),
        ("redeem", alice.flexible.pk, {"part": "SOME"}),
        ("redeem", alice.fixed.pk, {}),
        ("instruct", alice.fixed.pk, {"at_maturity": "RENEW_ALL", "minimum_rate": "x"}),
        ("instruct", alice.fixed.pk, {"at_maturity": "PAY_OUT"}),
    ]
    for name, argument, fields in orders:
        answer = hers.post(address(name, argument), fields)
        assert answer.status_code == 422, (name, argument, fields)
        yield f"{name} {fields}", texts(answer)


def answers(alice: Alice) -> Said:
    """To forms that are no orders, well and badly filled in."""
    hers, other, new = signed_in(alice.customer.user), Client(), Client()
    login = {"login": alice.customer.user, "password": PASSWORD}
    twice = {"password1": PASSWORD, "password2": PASSWORD}
    for client, name, fields in (
        (other, "account_login", {}),
        (other, "account_login", login | {"password": "wrong"}),
        (other, "account_login", login),
        (other, "mfa_authenticate", {"code": "000000"}),
        (new, "account_signup", {"email": "x", "password1": "1", "password2": "2"}),
        (new, "account_signup", {"email": "nina@example.com"} | twice),
        (new, "account_email_verification_sent", {"code": "wrong"}),
        (Client(), "account_reset_password", {"email": "x"}),
        (new, "account_reset_password", {"email": alice.customer.user}),
        (new, "account_confirm_password_reset_code", {"code": "wrong"}),
        (hers, "account_change_password", {"oldpassword": "wrong"} | twice),
        (hers, "account_change_password",
         {"oldpassword": PASSWORD, "password1": "1", "password2": "1"}),
        (hers, "account_email", {"email": "x", "action_add": "1"}),
        (hers, "mfa_generate_recovery_codes", {}),
        (hers, "portal:preferences", {"time_zone": "Moon", "currency": "SHELLS"}),
        (hers, "portal:preferences", {"time_zone": "UTC"}),
        (hers, "portal:calendar-address", {"act": "renew"}),
        (hers, "portal:notification-preferences", {}),
        (hers, "portal:notifications", {"through": "1000000"}),
        (hers, "usersessions_list", {}),
        (hers, "mfa_reauthenticate", {"code": "000000"}),
        (hers, "account_logout", {}),
    ):  # fmt: skip
        answer = client.post(reverse(name), fields, follow=True)
        assert answer.status_code in (200, 422), (name, answer.status_code)
        yield f"{name} {fields}", texts(answer)


def errors() -> Said:
    request, broken = RequestFactory().get("/"), Exception()
    for answer in (
        defaults.bad_request(request, broken),
        defaults.permission_denied(request, broken),
        defaults.page_not_found(request, broken),
        defaults.server_error(request),
        csrf_failure(request),
        render(request, "429.html"),
    ):
        said = Words()
        said.feed(answer.content.decode())
        assert said.found
        yield "error", " ".join(said.found)


def parts() -> Said:
    """What htmx fetches while one types."""
    for name, argument in (("calculator", "slow"), ("calculator", "term")):
        for typed in ("", "100", *AMOUNTS):
            query = {"amount": typed, "term": "10"}
            yield name, part(address(name, argument), query)
    for query in ({"q": "slow"}, {"q": "nothing"}, {"kind": "FIXED"}):
        yield "explore", part(address("explore"), query)


def part(address: str, query: dict[str, str]) -> str:
    answer = Client().get(address, query, headers={"HX-Request": "true"})
    assert b"<html" not in answer.content
    return texts(answer)


def mails(alice: Alice) -> Said:
    """Of the account: codes, and what was changed on it."""
    user = alice.customer.user
    known = {"user": user, "code": "", "timestamp": NOW, "ip": "::1", "email": user}
    with request_context(RequestFactory().get("/")):
        for template in MAILS:
            get_adapter().send_mail(template, str(user), known)
            sent = mail.outbox.pop()
            yield template, f"{sent.subject.removeprefix(PREFIX)} {sent.body}"


def letters(alice: Alice) -> Said:
    """One of each kind, and for each reason."""
    charts = [alice.flexible.product.charts.get().pk] * 2
    known = {
        "principal": "100", "interest": "1", "moved": "101", "amount": "5",
        "annual_rate": "0.1", "term_days": 10, "matures_on": "2026-02-08",
        "minimum_rate": "0.2", "balance": "300", "effective_on": "2026-02-08",
        "old_chart": charts[0], "new_chart": charts[1], "at_maturity": "PAY_OUT",
        "browser": "", "system": "", "ip": "10.0.0.1",
    }  # fmt: skip
    for kind, outcome in (
        *((kind, "PAY_OUT") for kind in News),
        *((News.RENEWED, outcome) for outcome in AtMaturity if outcome != "PAY_OUT"),
        *((News.NOT_RENEWED, outcome) for outcome in (*WHY_NOT, "ELSE")),
        *((News.MATURES_IN_1_DAY, choice) for choice in AtMaturity),
    ):
        choice = {"outcome": outcome, "at_maturity": outcome}
        told = Notification(
            customer=alice.customer, kind=kind, at=on(10), figures=known | choice,
            product=alice.fixed.product, position=alice.fixed, order=alice.redemption,
        )  # fmt: skip
        written = letter(told)
        yield f"{kind} {outcome}", f"{written.subject} {written.body}"


def papers(alice: Alice, monkeypatch: pytest.MonkeyPatch) -> Said:
    """Their words, as they are handed over to be typeset."""
    handed: list[Any] = []
    monkeypatch.setattr(
        "earn.portal.papers.typeset", lambda _name, data, **_: handed.append(data) or b""
    )
    hers = signed_in(alice.customer.user)
    order = alice.customer.order_set.get(kind="SUBSCRIBE", position=alice.fixed)
    for name, argument in (
        ("statement", "2026-01"),
        ("income", 2026),
        ("term-sheet", order.pk),
    ):
        answer = hers.get(reverse(f"portal:{name}", args=[argument, "pdf"]))
        assert answer.status_code == 200
        yield name, " ".join(said_in(handed.pop()))


def said_in(paper: Any) -> Iterator[str]:
    """The texts of a paper; of what is set as code, and of styles, none."""
    if isinstance(paper, str):
        yield paper
    elif isinstance(paper, list):
        for x in paper:
            yield from said_in(x)
    elif isinstance(paper, dict):
        shown = {"value"} if paper.get("code") else set()
        for name in paper.keys() - shown - {"type", "kind", "style", "lang", "sha256"}:
            yield from said_in(paper[name])


def address(name: str, *arguments: Any) -> str:
    return reverse(f"portal:{name}", args=arguments)
