"""Figures of the desk in words and pictures: amounts, and charts of days."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from django import template
from django.utils import timezone
from django.utils.formats import date_format, number_format

from earn.portal.charts import Chart, Series, X, chart
from earn.portal.filters import amount, figure
from ledger.models import Asset
from ledger.money import plain

register = template.Library()


@register.filter
def cell(value: Decimal, asset: Asset) -> str:
    """In a table, without the code; nothing is just 0, so that the rest stands out."""
    return figure(value, asset) if value else "0"


@register.filter
def cell_of(value: Decimal, asset: Asset) -> str:
    """The same with the code of the asset."""
    return amount(value, asset) if value else "0"


@register.filter
def in_words(name: str) -> str:
    """notice_days is "Notice days", MONTHLY "Monthly", names.en "Names: en"."""
    if name.replace(".", "").isidentifier():
        return name.replace("_", " ").replace(".", ": ").capitalize()
    return name[:1].upper() + name[1:]


@register.filter
def to_the_second(at: datetime | None) -> str:
    """As the short format has a moment, with the seconds that tell entries apart."""
    if at is None:
        return ""
    local = timezone.localtime(at)
    return f"{date_format(local, 'SHORT_DATE_FORMAT')}, {local:%H:%M:%S}"


def days_chart(series: Sequence[Series], *, summary: str) -> Chart | None:
    """A chart whose x axis are days; None where there is nothing to draw."""
    return chart(series, summary=summary, value_words=_words, x_words=_day)


def _words(value: Decimal) -> str:
    return number_format(plain(value), use_l10n=True, force_grouping=True)


def _day(day: X) -> str:
    assert isinstance(day, date)
    return date_format(day, "MONTH_DAY_FORMAT")
