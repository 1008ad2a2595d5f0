"""What people type into the forms of the portal."""

import re
import unicodedata
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.formats import get_format, number_format
from django.utils.translation import gettext as _

from earn.portal.filters import isolated
from earn.portal.refusing import too_many_decimals
from ledger.models import Asset
from ledger.money import InvalidAmount, TooManyDecimals, parse_amount


def read_amount(text: str, asset: Asset) -> Decimal:
    """An amount as the locale writes it; raises ValidationError with a sentence."""
    try:
        return parse_amount(_plain(text), scale=asset.scale)
    except TooManyDecimals as error:
        raise ValidationError(too_many_decimals(asset.code, asset.scale)) from error
    except InvalidAmount as error:
        raise ValidationError(
            _("Write an amount with digits, like %(example)s."),
            params={"example": _example("1250.50")},
        ) from error


class AmountField(forms.CharField):
    """An amount of one asset, above zero by the order's own rules."""

    def __init__(self, asset: Asset, **options: Any) -> None:
        super().__init__(max_length=60, **options)
        self.asset = asset
        self.widget.attrs |= {"inputmode": "decimal", "autocomplete": "off"}

    def clean(self, value: Any) -> Decimal | None:
        text = super().clean(value)
        return read_amount(text, self.asset) if text else None


class RateField(forms.CharField):
    """An annual rate in percent, kept as a fraction with ten decimals at most."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=20, **options)
        self.widget.attrs |= {"inputmode": "decimal", "autocomplete": "off"}

    def clean(self, value: Any) -> Decimal | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return parse_amount(_plain(text), scale=8) / 100
        except InvalidAmount as error:
            raise ValidationError(
                _("Write a rate in percent, like %(example)s."),
                params={"example": _example("4.5")},
            ) from error


def _plain(text: str) -> str:
    """The number that people mean, as a program writes it; what is none, as it is.

    The last of two marks is the decimal one, and so is a mark that cannot stand between
    thousands, whatever the language; where a mark can be both, the language decides. The
    marks of Arabic are never both.
    """
    typed = "".join(map(_digit, text.strip().strip("\u2066\u2069")))
    readings = {
        mark: re.sub("[, ]" if mark == "." else "[. ]", "", typed).replace(",", ".")
        for mark in (".", ",")
        if re.fullmatch(_NUMBER[mark], typed)
    }
    either = next(iter(readings.values()), typed)
    decimal = "." if ARABIC_DECIMAL in text else get_format("DECIMAL_SEPARATOR")
    read = readings.get(decimal, either).removesuffix(".")
    return f"0{read}" if read.startswith(".") else read


def _digit(character: str) -> str:
    """Digits of every script, and the marks that stand with them."""
    value = unicodedata.decimal(character, None)
    return _MARKS.get(character, character) if value is None else str(value)


def _example(text: str) -> str:
    return isolated(number_format(text, use_l10n=True, force_grouping=True))


ARABIC_DECIMAL = "\u066b"
_MARKS = {
    ARABIC_DECIMAL: ".",
    "\u066c": " ",  # between thousands of Arabic
    "\uff0e": ".",  # the wide ones of Chinese and Japanese
    "\uff0c": ",",
    "\u00a0": " ",
    "\u202f": " ",
    "\u2009": " ",
}
_NUMBER = {
    mark: rf"(?:\d+|[1-9]\d{{0,2}}([{group} ])\d{{3}}(?:\1\d{{3}})*)(?:[{mark}]\d*)?"
    rf"|[{mark}]\d+"
    for mark, group in ((".", ","), (",", "."))
}
