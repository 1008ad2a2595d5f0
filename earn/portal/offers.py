"""What every page says of a product: its name, whether it is on sale, its best rate."""

from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from typing import Any, NamedTuple
from zlib import crc32

from django.utils.formats import number_format
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from earn.interest import TierMode
from earn.models import Product, RateTier
from earn.portal.filters import amount, isolated, percent
from ledger.models import Asset
from ledger.money import plain

COLOURS = 8  # of badges, in explore.css
DIGITS = 8  # of a figure at a glance


class Standing(StrEnum):
    """Whether money can come now, as people see it."""

    ON_SALE = "ON_SALE"
    OPENS = "OPENS"
    SOLD_OUT = "SOLD_OUT"
    PAUSED = "PAUSED"
    ENDED = "ENDED"
    CLOSED = "CLOSED"


def name_of(product: Product) -> str:
    """In the language of the page, else in English, else the code."""
    names = product.names
    return str(names.get(get_language()) or names.get("en") or product.code)


def risk_text_of(product: Product) -> str:
    """In the language of the page, else as the product has it."""
    return str(product.risk_translations.get(get_language()) or product.risk_text)


def standing(product: Product, left: Decimal | None, at: datetime) -> Standing:
    if product.state in (Product.State.PAUSED, Product.State.CLOSED):
        return Standing(product.state)
    if product.sale_until and at >= product.sale_until:
        return Standing.ENDED
    if product.sale_from and at < product.sale_from:
        return Standing.OPENS
    if left is not None and (left <= 0 or left < product.minimum):
        return Standing.SOLD_OUT
    return Standing.ON_SALE


def headline(tiers: Iterable[RateTier], mode: TierMode, asset: str) -> str:
    """The best rate of a chart, like "12 % on the first 500 USDT"."""
    rate, words = _headline(tiers, mode, asset)
    return words.replace(_RATE, rate)


def headline_marked(tiers: Iterable[RateTier], mode: TierMode, asset: str) -> SafeString:
    """The same with the rate itself marked, wherever the language puts it."""
    rate, words = _headline(tiers, mode, asset)
    return mark_safe(escape(words).replace(_RATE, f"<b>{escape(rate)}</b>"))  # noqa: S308


_RATE = "\ue000"  # the place of the rate, in a character that no language uses


def _headline(tiers: Iterable[RateTier], mode: TierMode, asset: str) -> tuple[str, str]:
    ordered = sorted(tiers, key=lambda tier: (tier.term_days or 0, tier.from_amount))
    best = max(ordered, key=lambda tier: tier.annual_rate)
    above = [
        tier.from_amount
        for tier in ordered
        if tier.term_days == best.term_days and tier.from_amount > best.from_amount
    ]
    shown = _amounts(best.from_amount, above[0] if above else None, mode) % {
        "rate": _RATE,
        "lower": short(best.from_amount, asset),
        "upper": short(above[0], asset) if above else "",
    }
    rate = percent(best.annual_rate)
    if best.term_days is None:
        return rate, shown
    words = ngettext("%(rate)s for %(n)s day", "%(rate)s for %(n)s days", best.term_days)
    return rate, words % {"rate": shown, "n": best.term_days}


def _amounts(lower: Decimal, upper: Decimal | None, mode: TierMode) -> str:
    """Which part of a balance a tier is for; nothing to say when it is for all of it."""
    sliced = mode is TierMode.SLICE
    if upper is None and not lower:
        return "%(rate)s"
    if upper is None:
        return (
            _("%(rate)s on what is above %(lower)s")
            if sliced
            else _("%(rate)s from %(lower)s")
        )
    if lower:
        return _("%(rate)s from %(lower)s to %(upper)s")
    return _("%(rate)s on the first %(upper)s") if sliced else _("%(rate)s below %(upper)s")


class Badge(NamedTuple):
    """A sign for an asset, of its code alone: no picture that somebody owns."""

    letters: str
    colour: int


def badge(asset: str) -> Badge:
    return Badge(asset[:4], crc32(asset.encode()) % COLOURS)


def share_left(product: Product, left: Decimal | None) -> int | None:
    """Whole percents of a quota; None without one, and never 0 while something is left."""
    if left is None or not product.quota:
        return None
    return max(int(left * 100 / product.quota), 1) if left > 0 else 0


def short(value: Decimal, asset: str) -> str:
    """A limit, like "1,500 USDT": without the zeros that an amount of money has."""
    shown = number_format(plain(value), use_l10n=True, force_grouping=True)
    return isolated(f"{shown} {asset}")


def roughly(value: Decimal, asset: Asset) -> str:
    """What is left at a glance: with eight digits that count, and never more than there is.

    Whole units are told all, however many digits they have.
    """
    decimals = max(0, DIGITS - 1 - value.adjusted())
    if decimals >= asset.scale:
        return amount(value, asset)
    cut = value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_DOWN)
    return short(cut, asset.code)


def in_days(number: int) -> str:
    return ngettext("%(n)s day", "%(n)s days", number) % {"n": number}


def is_partial(request: Any) -> bool:
    """htmx asks for a part, except where it restores a page that was left."""
    return bool(request.htmx) and not request.htmx.history_restore_request
