"""Template filters of the pages: figures with all their decimals, as the locale likes."""

from datetime import datetime
from decimal import Decimal

from django import template
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import get_language_bidi
from django.utils.translation import gettext as _

from ledger.models import Asset
from ledger.money import format_amount, is_whole_units, plain

register = template.Library()


@register.filter
def amount(value: Decimal, asset: Asset) -> str:
    """1234.5 of a USDT with six decimals is "1,234.500000 USDT"."""
    return isolated(f"{_figure(value, asset)} {asset.code}")


@register.filter
def figure(value: Decimal, asset: Asset) -> str:
    """The same without the code of the asset."""
    return isolated(_figure(value, asset))


def exact(value: Decimal, asset: Asset) -> str:
    """Of a value that need not be a whole number of units, with every digit that it has."""
    text = number_format(plain(value), use_l10n=True, force_grouping=True)
    return isolated(f"{text} {asset.code}")


def asked(value: Decimal, asset: Asset) -> str:
    """Of an amount that somebody asked for, and may be refused for its decimals."""
    is_possible = is_whole_units(value, scale=asset.scale)
    return amount(value, asset) if is_possible else exact(value, asset)


def _figure(value: Decimal, asset: Asset) -> str:
    text = format_amount(value, scale=asset.scale)
    return number_format(text, decimal_pos=asset.scale, use_l10n=True, force_grouping=True)


@register.filter
def moment(at: datetime) -> str:
    """In the reader's time zone, which is named: "5 January 2026, 10:00 UTC"."""
    local = timezone.localtime(at)
    zone = local.strftime("%Z")
    shown = {
        "moment": date_format(local, "DATETIME_FORMAT"),
        "zone": f"UTC{zone}" if zone.startswith(("+", "-")) else zone,
    }
    return _("%(moment)s %(zone)s") % shown


@register.filter
def percent(rate: Decimal) -> str:
    """The fraction 0.0525 is "5.25 %", with every digit that it has."""
    shown = number_format(plain(rate * 100), use_l10n=True, force_grouping=True)
    return isolated(_("%(rate)s %%") % {"rate": shown})


def isolated(figure: str) -> str:
    """In a page from right to left the sign stays before the figure, its code after it
    (Unicode annex 9)."""
    return f"\u2066{figure}\u2069" if get_language_bidi() else figure
