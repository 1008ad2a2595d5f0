"""Income reports as papers: interest received, and what it was worth at that moment."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from earn.activity import Type
from earn.days import ONE_DAY, start_of
from earn.documents import Document
from earn.portal.papers import (
    CODES,
    FIGURES,
    WIDE,
    Block,
    fact,
    facts,
    figure,
    heading,
    moment,
    pdf,
    quiet,
    table,
    text,
)
from earn.portal.statement_papers import source
from earn.portal.wording import EVENT


def paper(document: Document, language: str) -> bytes:
    """The PDF of an income report."""
    with override(language):
        last = date.fromisoformat(document["last_day"])
        return pdf(
            document,
            title=_("Interest received"),
            subtitle=_("Year %(year)s") % {"year": document["year"]},
            blocks=_blocks(document, last),
            at=start_of(last + ONE_DAY),
        )


def _blocks(document: Document, last: date) -> Iterator[Block]:
    currency = document["currency"] or ""
    yield facts(
        fact(_("Customer"), document["customer"], is_code=True),
        fact(_("From"), date_format(date.fromisoformat(document["first_day"]))),
        fact(_("Through"), date_format(last)),
        fact(_("Worth is in"), currency or _("no currency: none is set up")),
        fact(_("Prices known at (UTC)"), moment(document["prices_known_at"])),
    )
    if not document["assets"]:
        yield text(_("No interest was received."))
    else:
        yield heading(_("At a glance"))
        yield _glance(document, currency)
        yield from _without_price(document)
    for asset in document["assets"]:
        yield heading(asset["asset"])
        other = "" if currency == document["prices_in"] else currency
        yield _receipts(asset, currency, other)
    yield from _explanation(document)


def _glance(document: Document, currency: str) -> Block:
    rows: list[Any] = [
        ("", [asset["asset"], figure(asset["amount"]), _known(asset["worth"])])
        for asset in document["assets"]
    ]
    rows.append(("strong", [_("Together"), "", _known(document["worth"])]))
    columns = [
        (_("Asset"), WIDE),
        (_("Interest received"), FIGURES),
        (_worth_in(currency), FIGURES),
    ]
    return table(columns, rows)


def _without_price(document: Document) -> Iterator[Block]:
    number = document["receipts_without_price"]
    if number:
        yield text(
            ngettext(
                "%(n)s receipt has no price and is not in what it is worth together.",
                "%(n)s receipts have no price and are not in what it is worth together.",
                number,
            )
            % {"n": number}
        )


def _receipts(asset: Document, currency: str, other: str) -> Block:
    """`other` is the currency where its own price was needed as well."""
    rows: list[Any] = [
        (
            "",
            [
                moment(receipt["at"]),
                {"text": str(EVENT[Type(receipt["type"])]), "small": source(receipt)},
                figure(receipt["amount"]),
                _price(receipt, "price"),
                *([_price(receipt, "currency_price")] if other else []),
                _known(receipt["worth"]),
            ],
        )
        for receipt in asset["receipts"]
    ]
    blanks = ["", ""] if other else [""]
    together = ["", _("Together"), figure(asset["amount"]), *blanks]
    rows.append(("strong", [*together, _known(asset["worth"])]))
    columns = [
        (_("When (UTC)"), CODES),
        (_("What"), WIDE),
        (_("Interest"), FIGURES),
        (_("Price, and its moment"), FIGURES),
        *([(_("Price of %(currency)s") % {"currency": other}, FIGURES)] if other else []),
        (_worth_in(currency), FIGURES),
    ]
    return table(columns, rows)


def _price(receipt: Document, name: str) -> Any:
    if receipt[name] is None:
        return ""
    return {"text": figure(receipt[name]), "small": moment(receipt[f"{name}_at"])}


def _known(worth: str | None) -> str:
    return _("no price") if worth is None else figure(worth)


def _worth_in(currency: str) -> str:
    return _("Worth in %(currency)s") % {"currency": currency} if currency else _("Worth")


def _explanation(document: Document) -> Iterator[Block]:
    yield heading(_("How this was reckoned"))
    yield quiet(
        _(
            "Interest is received when it reaches the wallet, leaves with a redemption, or "
            "is added to the principal. What was taken back counts against it. It is worth "
            "what the last price before that moment says, if that is not older than 48 "
            "hours; prices are in %(currency)s. Where there is none, nothing is assumed. "
            "The address of this report holds its last day, its currency and the moment "
            "by which its prices were known: asked for again, it says the same. One of a "
            "later moment may know more prices."
        )
        % {"currency": document["prices_in"]}
    )
    yield facts(fact(_("SHA-256 of the content"), document["sha256"], is_code=True))
