from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.utils.formats import date_format
from django.utils.translation import override

from earn.portal.filters import figure, percent
from ledger.models import Asset

AT = datetime(2026, 9, 5, 15, 4, tzinfo=UTC)
GOLD = Asset(code="XAU", name="Gold", scale=3)


@pytest.mark.parametrize(
    ("language", "shown", "moment", "rate"),
    [
        ("en", "1,234,567.500", "5 September 2026, 15:04", "5.25 %"),
        ("zh-hans", "1,234,567.500", "2026年9月5日 15:04", "5.25%"),
        ("ja", "1,234,567.500", "2026年9月5日 15:04", "5.25%"),
        ("es", "1.234.567,500", "5 de septiembre de 2026, 15:04", "5,25 %"),
        ("ar", "\u20661,234,567.500\u2069", "5 سبتمبر 2026، 15:04", "\u20665.25 %\u2069"),
    ],
)
def test_figures_and_moments_are_written_as_the_language_does(
    language: str, shown: str, moment: str, rate: str
) -> None:
    with override(language):
        assert figure(Decimal("1234567.5"), GOLD) == shown
        assert date_format(AT, "DATETIME_FORMAT") == moment
        assert percent(Decimal("0.0525")).replace("\u00a0", " ") == rate
