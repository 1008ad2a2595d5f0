"""Term sheets as papers: what was agreed, from the order alone, never from the product."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.translation import get_language, ngettext, override
from django.utils.translation import gettext as _

from earn.documents import Document
from earn.portal import wording
from earn.portal.filters import isolated, percent
from earn.portal.offers import in_days, short
from earn.portal.papers import (
    FIGURES,
    WIDE,
    Block,
    fact,
    facts,
    heading,
    moment,
    pdf,
    quiet,
    table,
    text,
)
from ledger.models import Asset


def paper(document: Document, language: str) -> bytes:
    """The PDF of a term sheet."""
    with override(language):
        return pdf(
            document,
            title=_("Term sheet"),
            subtitle=_name(document["terms"]),
            blocks=_blocks(document),
            at=_at(document),
        )


def _blocks(document: Document) -> Iterator[Block]:
    terms = document["terms"]
    known = terms["asset"]
    asset = Asset(code=known["code"], name=known["name"], scale=known["decimals"])
    yield facts(
        fact(_("Order number"), str(document["order"])),
        fact(
            _("Placed at"),
            isolated(_("%(moment)s UTC") % {"moment": moment(document["at"])}),
        ),
        fact(_("Customer"), document["customer"], is_code=True),
        fact(_("Product"), terms["product"], is_code=True),
        fact(_("Asset"), f"{asset.code} ({asset.name})"),
    )
    yield heading(_("What was agreed"))
    yield facts(*(fact(*row) for row in wording.rows(document["agreed"], asset)))
    yield heading(_("Rates"))
    yield from _rates(terms)
    yield heading(_("Rules"))
    yield facts(*_rules(terms))
    if _risk(terms):
        yield heading(_("Risks"))
        yield text(_risk(terms))
        yield quiet(
            _("You accepted version %(version)s of this text.")
            % {"version": terms["risk"]["version"]}
        )
    yield heading(_("How to check this term sheet"))
    yield quiet(
        _(
            "These terms were frozen when the order was placed; later changes of the "
            "product do not change them. The JSON file of this term sheet, without its "
            "field sha256, with its keys in order and without spaces, has the SHA-256 "
            "below."
        )
    )
    yield facts(fact(_("SHA-256 of the content"), document["sha256"], is_code=True))


def _rates(terms: Document) -> Iterator[Block]:
    chart, code = terms["chart"], terms["asset"]["code"]
    edges = [Decimal(tier["from"]) for tier in chart["tiers"]]
    rows: list[Any] = [
        (
            "",
            [
                short(edge, code),
                short(edges[n + 1], code) if n + 1 < len(edges) else _("no limit"),
                percent(Decimal(chart["tiers"][n]["annual_rate"])),
            ],
        )
        for n, edge in enumerate(edges)
    ]
    yield table(
        [(_("From"), WIDE), (_("To"), WIDE), (_("Annual rate (APR)"), FIGURES)], rows
    )
    if terms["tier_mode"] == "SLICE":
        yield quiet(_("Each part of the balance earns the rate of its own line."))
    else:
        yield quiet(_("The whole balance earns the rate of the line that it falls in."))
    known = {
        "version": chart["version"],
        "day": date_format(date.fromisoformat(chart["effective_on"])),
    }
    if terms["kind"] == "FIXED":
        yield quiet(
            _("Rate chart %(version)s of %(day)s, which holds for the whole term.") % known
        )
    else:
        yield quiet(
            _("Rate chart %(version)s of %(day)s, until a later chart replaces it.") % known
        )


def _rules(terms: Document) -> Iterator[Block]:
    yield fact(_("Kind"), _kind(terms))
    yield fact(_("Interest is paid"), str(wording.PAYOUT[terms["payout"]]))
    yield fact(_("Compounding"), _compounding(terms))
    yield fact(_("Day count"), terms["day_count"])
    yield fact(_("The last fraction of a unit"), _rounding(terms))
    yield fact(_("Leaving early"), _early(terms))
    yield fact(_("When redeemed money arrives"), _arrival(terms))
    if terms["kind"] == "FIXED":
        yield fact(_("Your instruction for maturity"), _cutoff(terms))
    yield fact(_("Notice of a cut"), _notice(terms))
    code = terms["asset"]["code"]
    for name, label in (
        ("minimum", _("Smallest amount")),
        ("step", _("Amounts go in steps of")),
        ("customer_cap", _("Most that one customer holds")),
    ):
        if terms[name] and Decimal(terms[name]):
            yield fact(label, short(Decimal(terms[name]), code))


def _kind(terms: Document) -> str:
    days = terms["chart"]["term_days"]
    if days is None:
        return _("Flexible, without a term")
    return _("Fixed, for %(term)s") % {"term": in_days(days)}


def _compounding(terms: Document) -> str:
    if terms["compounding"] == "DAILY":
        return _("Daily: interest earns from the next day on, until it is paid out")
    return _("None: interest itself earns nothing")


def _rounding(terms: Document) -> str:
    if terms["final_rounding"] == "HALF_UP":
        return _("Rounded half up at the last payout")
    return _("Dropped at the last payout")


def _early(terms: Document) -> str:
    early = terms["early_redemption"]
    if terms["kind"] == "FLEXIBLE":
        return _("At any time: money earns through the day before it leaves")
    said = wording.early(early)
    held = early["minimum_holding_days"]
    if early["rule"] == "FORBIDDEN" or not held:
        return said
    return ngettext(
        "%(rule)s; not before %(n)s day has passed",
        "%(rule)s; not before %(n)s days have passed",
        held,
    ) % {"rule": said, "n": held}


def _arrival(terms: Document) -> str:
    days = terms["settlement_delay_days"]
    if not days:
        return _("At once")
    return ngettext("%(n)s day after you redeem", "%(n)s days after you redeem", days) % {
        "n": days
    }


def _cutoff(terms: Document) -> str:
    hours = terms["renewal_cutoff_hours"]
    if not hours:
        return _("May be changed until maturity")
    return ngettext(
        "May be changed until %(n)s hour before maturity",
        "May be changed until %(n)s hours before maturity",
        hours,
    ) % {"n": hours}


def _notice(terms: Document) -> str:
    days = terms["notice_days"]
    if not days:
        return _("None: lower rates may take effect on the day they are announced")
    return ngettext(
        "Lower rates are announced %(n)s day before they take effect, at least",
        "Lower rates are announced %(n)s days before they take effect, at least",
        days,
    ) % {"n": days}


def _risk(terms: Document) -> str:
    risk = terms["risk"]
    return _in_language(risk["translations"]) or str(risk["text"])


def _name(terms: Document) -> str:
    return _in_language(terms["names"]) or str(terms["product"])


def _in_language(texts: dict[str, str]) -> str:
    """In the language of the paper, else in English, else empty."""
    return str(texts.get(get_language() or "en") or texts.get("en") or "")


def _at(document: Document) -> datetime:
    at = parse_datetime(document["at"])
    assert at is not None  # as term sheets write it
    return at
