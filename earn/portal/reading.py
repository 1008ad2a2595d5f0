"""What people type into the forms of the portal."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.formats import sanitize_separators
from django.utils.translation import gettext as _

from ledger.models import Asset
from ledger.money import InvalidAmount, TooManyDecimals, parse_amount


def read_amount(text: str, asset: Asset) -> Decimal:
    """An amount as the locale writes it; raises ValidationError with a sentence."""
    try:
        return parse_amount(_plain(text), scale=asset.scale)
    except TooManyDecimals as error:
        raise ValidationError(
            _("%(asset)s has %(scale)s decimals at most."),
            params={"asset": asset.code, "scale": asset.scale},
        ) from error
    except InvalidAmount as error:
        raise ValidationError(_("Write an amount with digits, like 1250.50.")) from error


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
            raise ValidationError(_("Write a rate in percent, like 4.5.")) from error


def _plain(text: str) -> str:
    """As a program writes the number; what kept it together on a page is dropped."""
    shown = text.strip().strip("\u2066\u2069")
    return str(sanitize_separators(shown))
