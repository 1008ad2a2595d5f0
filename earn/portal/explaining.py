"""One day's interest in words and figures, in the reader's language."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from earn.explaining import ExplainedDay, Figure
from earn.interest import Explanation
from earn.portal.filters import amount, exact, isolated, percent
from ledger.models import Asset
from ledger.money import plain, unit

Figures = Iterator[tuple[str, str]]


def sentences(explained: ExplainedDay, asset: Asset) -> Iterator[str]:
    """How the interest of the day comes about, step by step."""
    found = explained.explanation
    if explained.is_paused:
        yield _(
            "On %(day)s nothing earned: the account was frozen and its interest paused, "
            "whatever the balance was."
        ) % {"day": date_format(found.day)}
    else:
        yield _(
            "On %(day)s the balance was never below %(basis)s. That is what earns: "
            "money that was there for all of the day."
        ) % {"day": date_format(found.day), "basis": amount(found.basis, asset)}
    for part in found.slices:
        yield _("%(amount)s at %(rate)s a year would earn %(interest)s in a year.") % {
            "amount": amount(part.amount, asset),
            "rate": percent(part.annual_rate),
            "interest": exact(part.annual_interest, asset),
        }
    yield _day_of_the_year(found, explained.day_count, asset)
    yield _("The days before had carried over %(part)s of a unit of %(unit)s.") % {
        "part": _number(found.carried_in),
        "unit": amount(unit(found.scale), asset),
    }
    yield _(
        "Whole units are posted, %(interest)s in all; %(part)s of a unit is carried on to "
        "the next day. Nothing is rounded and nothing is lost."
    ) % {
        "interest": amount(found.interest, asset),
        "part": _number(found.carried_out),
    }


def _day_of_the_year(found: Explanation, day_count: str, asset: Asset) -> str:
    days = found.fraction.days
    words = ngettext(
        "Together %(yearly)s in a year. By the day count %(day_count)s this day counts "
        "%(n)s day of %(year)s: exactly %(exact)s.",
        "Together %(yearly)s in a year. By the day count %(day_count)s this day counts "
        "%(n)s days of %(year)s: exactly %(exact)s.",
        days,
    )
    return words % {
        "yearly": exact(found.annual_interest, asset),
        "day_count": isolated(day_count),
        "n": days,
        "year": found.fraction.year_basis,
        "exact": _fraction(found, asset),
    }


def figures(explained: ExplainedDay, asset: Asset) -> Figures:
    """The same as a sum: (what it is, the figure)."""
    found = explained.explanation
    lowest = _("Balance that earns, interest being paused")
    if not explained.is_paused:
        lowest = _("Lowest balance of the day")
    yield lowest, amount(found.basis, asset)
    for part in found.slices:
        words = _("From %(lower)s on, at %(rate)s a year")
        if part.amount == found.basis:
            words = _("All of it at %(rate)s a year")
        label = words % {
            "lower": amount(part.from_amount, asset),
            "rate": percent(part.annual_rate),
        }
        yield (
            label,
            isolated(
                f"{_number(plain(part.amount))} × {_number(plain(part.annual_rate))}"
                f" = {_number(plain(part.annual_interest))}"
            ),
        )
    yield _("In a year"), exact(found.annual_interest, asset)
    yield (
        _("The day counts"),
        isolated(
            f"{found.fraction.days}/{found.fraction.year_basis} ({explained.day_count})"
        ),
    )
    yield _("Exact interest of the day"), _fraction(found, asset)
    yield _("Carried over from the days before"), _units(found.carried_in)
    yield _("Posted"), amount(found.interest, asset)
    yield _("Carried on to the next day"), _units(found.carried_out)
    yield _("Accrued in all since the first day"), amount(explained.accrued, asset)
    yield _("Version of the rates"), str(explained.chart_version)


def differences(explained: ExplainedDay) -> list[str]:
    """What in the books is not what the rule comes to; none if all of it is."""
    return [_differs(*difference) for difference in explained.differences]


def _differs(figure: Figure, stored: str, follows: str) -> str:
    if figure is Figure.ROW:
        return _("The day before, %(day)s, is missing in the books.") % {
            "day": date_format(date.fromisoformat(follows))
        }
    if figure is Figure.CHART_VERSION and not follows:
        return _("No rates were in force, and the books took version %(stored)s.") % {
            "stored": _number(stored)
        }
    told = {"stored": _number(stored), "follows": _number(follows)}
    return _DIFFERS[figure] % told


_DIFFERS = {
    Figure.CHART_VERSION: gettext_lazy(
        "Version %(follows)s of the rates was in force, and the books took version "
        "%(stored)s."
    ),
    Figure.BASIS: gettext_lazy(
        "Interest was paused on this day, and the books have a basis of %(stored)s."
    ),
    Figure.DAYS: gettext_lazy(
        "Days that count: the books say %(stored)s, it should be %(follows)s."
    ),
    Figure.YEAR_BASIS: gettext_lazy(
        "Days of the year: the books say %(stored)s, it should be %(follows)s."
    ),
    Figure.INTEREST: gettext_lazy(
        "Interest of the day: the books say %(stored)s, it should be %(follows)s."
    ),
    Figure.CARRY: gettext_lazy(
        "Carried on to the next day: the books say %(stored)s, it should be %(follows)s."
    ),
    Figure.ACCRUED: gettext_lazy(
        "Accrued in all: the books say %(stored)s, it should be %(follows)s."
    ),
}


def _fraction(found: Explanation, asset: Asset) -> str:
    """The exact value, and as a decimal; one that goes on says so."""
    goes_on = (
        Decimal(found.exact_decimal) * found.exact.denominator != found.exact.numerator
    )
    decimal = _number(found.exact_decimal) + ("…" if goes_on else "")
    return isolated(f"{found.exact} = {decimal} {asset.code}")


def _units(part: str) -> str:
    return _("%(part)s of a unit") % {"part": _number(part)}


def _number(text: str) -> str:
    """With all its decimals, as the locale writes it."""
    return isolated(number_format(text, use_l10n=True, force_grouping=True))
