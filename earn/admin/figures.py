"""Figures of the desk in words and pictures: amounts, and charts of days."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from django.utils.formats import date_format, number_format

from earn.portal.charts import Chart, Series, X, chart
from ledger.money import plain


def days_chart(series: Sequence[Series], *, summary: str) -> Chart | None:
    """A chart whose x axis are days; None where there is nothing to draw."""
    return chart(series, summary=summary, value_words=_words, x_words=_day)


def _words(value: Decimal) -> str:
    return number_format(plain(value), use_l10n=True, force_grouping=True)


def _day(day: X) -> str:
    assert isinstance(day, date)
    return date_format(day, "MONTH_DAY_FORMAT")
