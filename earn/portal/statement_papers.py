"""Statements as papers."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import override

from earn.activity import Type
from earn.days import ONE_DAY, start_of
from earn.documents import Document
from earn.portal.offers import in_days
from earn.portal.papers import (
    CODES,
    FIGURES,
    NARROW,
    WIDE,
    Block,
    fact,
    facts,
    figure,
    heading,
    moment,
    pdf,
    quiet,
    subheading,
    table,
    text,
)
from earn.portal.wording import EVENT
from earn.statements import Period


def paper(document: Document, language: str) -> bytes:
    """The PDF of a statement."""
    with override(language):
        period = Period.read(document["period"])
        return pdf(
            document,
            title=_("Statement"),
            subtitle=period_name(period),
            blocks=_statement(document, period),
            at=start_of(period.last + ONE_DAY),
        )


def period_name(period: Period) -> str:
    """August 2026, or 3rd quarter of 2026, or 2026."""
    if period.months == 12:
        return _("Year %(year)s") % {"year": period.first.year}
    if period.months == 3:
        quarter = (period.first.month + 2) // 3
        return _("Quarter %(quarter)s of %(year)s") % {
            "quarter": quarter,
            "year": period.first.year,
        }
    return date_format(period.first, "YEAR_MONTH_FORMAT")


def _statement(document: Document, period: Period) -> Iterator[Block]:
    yield facts(
        fact(_("Customer"), document["customer"], is_code=True),
        fact(_("From"), date_format(period.first)),
        fact(_("Through"), date_format(period.last)),
    )
    if document["assets"]:
        yield heading(_("At a glance"))
        yield _glance(document["assets"])
    else:
        yield text(_("There was nothing in this period."))
    for asset in document["assets"]:
        yield from _asset(asset)
    yield from _verification(document)


def _glance(assets: list[Document]) -> Block:
    return table(
        [
            (_("Asset"), WIDE),
            (_("At the beginning"), FIGURES),
            (_("Interest accrued"), FIGURES),
            (_("Interest received"), FIGURES),
            (_("At the end"), FIGURES),
        ],
        [
            (
                "",
                [
                    asset["asset"],
                    figure(asset["opening"]["total"]),
                    figure(asset["interest"]["accrued"]),
                    figure(asset["interest"]["received"]),
                    figure(asset["closing"]["total"]),
                ],
            )
            for asset in assets
        ],
    )


def _asset(asset: Document) -> Iterator[Block]:
    buckets = [
        (name, label)
        for name, label in (
            ("wallet", _("Wallet")),
            ("in_products", _("In products")),
            ("redeeming", _("On its way")),
        )
        if name != "redeeming" or _is_used(asset, name)
    ]
    yield heading(asset["asset"])
    yield table(
        [(_("When (UTC)"), CODES), (_("What"), WIDE)]
        + [(label, FIGURES) for _name, label in buckets],
        [
            _balance(_("Balance at the beginning"), asset["opening"], buckets),
            *(_movement(movement, buckets) for movement in asset["movements"]),
            _balance(_("Balance at the end"), asset["closing"], buckets),
        ],
    )
    if asset["interest"]["by_position"]:
        yield subheading(_("Interest accrued in the period"))
        yield _interest(asset)


def _is_used(asset: Document, name: str) -> bool:
    figures = [asset["opening"], asset["closing"], *asset["movements"]]
    return any(Decimal(x[name]) for x in figures)


def _balance(label: str, figures: Document, buckets: list[tuple[str, str]]) -> Any:
    cells = ["", label, *(figure(figures[name]) for name, _label in buckets)]
    return "strong", cells


def _movement(movement: Document, buckets: list[tuple[str, str]]) -> Any:
    what = {"text": str(EVENT[Type(movement["type"])]), "small": source(movement)}
    figures = [figure(movement[name], zero="") for name, _label in buckets]
    return "", [moment(movement["at"]), what, *figures]


def source(movement: Document) -> str:
    """Where a movement stands: product, position and entry."""
    known = {
        "entry": f"{movement['entry']}.{movement['line']}",
        "product": movement["product"],
        "position": movement["position"],
    }
    if not movement["product"]:
        return _("entry %(entry)s") % known
    said = _("%(product)s · position %(position)s · entry %(entry)s") % known
    if movement["type"] in {Type.RENEWAL, Type.MOVED_TO_FLEXIBLE}:
        return _("%(amount)s stays in products · %(said)s") % {
            "amount": figure(movement["amount"]),
            "said": said,
        }
    return said


def _interest(asset: Document) -> Block:
    interest = asset["interest"]
    rows: list[Any] = [
        (
            "",
            [
                _("Position %(position)s") % {"position": x["position"]},
                x["product"],
                in_days(x["days"]),
                figure(x["accrued"]),
            ],
        )
        for x in interest["by_position"]
    ]
    rows.append(("strong", [_("Together"), "", "", figure(interest["accrued"])]))
    return table(
        [
            (_("Position"), NARROW),
            (_("Product"), WIDE),
            (_("Days that earned"), NARROW),
            (_("Interest"), FIGURES),
        ],
        rows,
    )


def _verification(document: Document) -> Iterator[Block]:
    seal = document["seal"]
    yield heading(_("How to check this statement"))
    yield quiet(
        _(
            "Everything above is also in the JSON file of the same statement. Without its "
            "field sha256, with its keys in order and without spaces, it has the SHA-256 "
            "below; jq -cjS 'del(.sha256)' statement.json | sha256sum shows it. The seal "
            "is a link of the chain of hashes over all entries of the books: it is shown "
            "on the page Verify, and whoever changes an entry can never make it again."
        )
    )
    yield facts(
        fact(_("SHA-256 of the content"), document["sha256"], is_code=True),
        fact(
            _("Seal of the last day"),
            _("Number %(number)s, of %(day)s")
            % {
                "number": seal["number"],
                "day": date_format(date.fromisoformat(seal["day"])),
            },
        ),
        fact(_("Hash of the seal"), seal["hash"], is_code=True),
    )
