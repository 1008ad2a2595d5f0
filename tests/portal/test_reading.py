"""Amounts as people of each language type them."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from earn.portal.filters import figure
from earn.portal.reading import RateField, read_amount
from ledger.models import Asset

GOLD = Asset(code="XAU", scale=3)
LANGUAGES = ("en", "zh-hans", "ja", "es", "ar")


@pytest.mark.parametrize(
    ("language", "typed", "means"),
    [
        *((language, "1250", "1250") for language in LANGUAGES),
        *((language, "1.250,50", "1250.5") for language in LANGUAGES),
        *((language, "1,250.50", "1250.5") for language in LANGUAGES),
        *((language, "1 250,5", "1250.5") for language in LANGUAGES),
        *((language, "1,234,567", "1234567") for language in LANGUAGES),
        *((language, "0.001", "0.001") for language in LANGUAGES),
        *((language, "0,001", "0.001") for language in LANGUAGES),
        *((language, "12,5", "12.5") for language in LANGUAGES),
        *((language, "1250.", "1250") for language in LANGUAGES),
        *((language, ".5", "0.5") for language in LANGUAGES),
        *((language, ",5", "0.5") for language in LANGUAGES),
        *((language, "٫٥", "0.5") for language in LANGUAGES),
        *((language, "1٬250", "1250") for language in LANGUAGES),
        *((language, "1٫250", "1.25") for language in LANGUAGES),
        # a mark that could be both is what the language has it for
        ("es", "1.250", "1250"),
        ("es", "1,250", "1.25"),
        ("en", "1,250", "1250"),
        ("en", "1.250", "1.25"),
        ("ar", "1.250", "1.25"),
        # digits and marks of other scripts
        ("ar", "١٬٢٥٠٫٥", "1250.5"),
        ("ar", "۱۲۵۰٫۵", "1250.5"),
        ("en", "١٢٥٠", "1250"),
        ("ja", "１，２５０．５", "1250.5"),
    ],
)
def test_an_amount_means_what_the_language_means_by_it(
    language: str, typed: str, means: str
) -> None:
    with translation.override(language):
        assert read_amount(typed, GOLD) == Decimal(means)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("amount", ["0.001", "12.5", "1250", "1234567.891", "1000000"])
def test_what_a_page_writes_is_read_back(language: str, amount: str) -> None:
    with translation.override(language):
        assert read_amount(figure(Decimal(amount), GOLD), GOLD) == Decimal(amount)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "typed",
    [
        "1,25,50",
        "12,34.5",
        "1.2.3",
        "0,000,001",
        "1 2",
        ".",
        ",",
        "-1",
        "+1",
        "1e3",
        "٪١",
        "½",
    ],
)
def test_what_could_be_taken_for_another_amount_is_not_taken(
    language: str, typed: str
) -> None:
    with translation.override(language), pytest.raises(ValidationError):
        read_amount(typed, GOLD)


def test_a_mistake_is_told_with_an_example_of_the_language() -> None:
    with translation.override("es"):
        with pytest.raises(ValidationError, match=r"1\.250,50"):
            read_amount("?", GOLD)
        assert RateField().clean("4,5") == Decimal("0.045")
        with pytest.raises(ValidationError, match="4,5"):
            RateField().clean("?")
