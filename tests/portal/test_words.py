"""Every word of every page can be translated: in a language where each one is marked, none
is left without the mark."""

import re
from html.parser import HTMLParser
from typing import Any
from zoneinfo import available_timezones

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation

from earn.models import Product
from ledger.models import Asset
from tests.portal.pages import Alice, May, addresses, create_alice, signed_in

pytestmark = pytest.mark.django_db

WORD = re.compile(r"[^\W\d_]{2,}")
MARKED = re.compile(r"⟦[^⟦⟧]*⟧")
FILE = re.compile(r"[\w-]+\.(txt|json)\b")
SAID = {"alt", "aria-label", "placeholder", "title", "summary", "content"}
SILENT = {"script", "style", "code", "pre", "head", "svg"}
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
    text = FILE.sub(" ", text)
    while MARKED.search(text):
        text = MARKED.sub(" ", text)
    for known in sorted(data, key=len, reverse=True):
        text = text.replace(known, " ")
    return WORD.findall(text)


@pytest.fixture
def alice() -> Alice:
    return create_alice()


def data_of(alice: Alice) -> set[str]:
    products = Product.objects.all()
    names = {name for product in products for name in product.names.values()}
    assets = Asset.objects.values_list("code", "name")
    codes = {product.code for product in products} | {str(alice.customer.uuid)}
    risks = {product.risk_text for product in products if product.risk_text}
    people = {str(alice.customer.user), "Alice’s laptop"}
    known = names | {x for pair in assets for x in pair} | codes | risks | people
    return {text for text in known if text} | NAMES


def texts(address: str, client: Client) -> list[str]:
    answer = client.get(address)
    if answer.status_code != 200 or "html" not in answer["Content-Type"]:
        return []
    page = Words()
    page.feed(answer.content.decode())
    return page.found


@pytest.mark.usefixtures("marked")
def test_no_page_has_a_word_that_cannot_be_translated(alice: Alice) -> None:
    data = data_of(alice)
    hers = signed_in(alice.customer.user, raise_request_exception=False)
    pages = {
        name: (client, address)
        for may, client in (
            (May.EVERYBODY, Client()),
            (May.SIGNED_IN, hers),
            (May.CUSTOMERS, hers),
            (May.OWNER, hers),
        )
        for name, address in addresses(alice, may).items()
        if not name.startswith("admin:")
    }
    left = {
        name: " ".join(unmarked(" ".join(texts(address, client)), data))
        for name, (client, address) in pages.items()
    }
    assert [f"{name}: {words}" for name, words in left.items() if words] == []
