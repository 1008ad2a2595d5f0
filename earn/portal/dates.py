"""Months as pages of a calendar."""

from calendar import Calendar
from datetime import date
from typing import NamedTuple

from django.utils.formats import get_format

MOST_AHEAD = 24  # months


class Month(NamedTuple):
    year: int
    number: int

    @classmethod
    def of(cls, day: date) -> "Month":
        return cls(day.year, day.month)

    @classmethod
    def read(cls, text: str) -> "Month":
        """Of a text like 2026-01; raises ValueError."""
        return cls.of(date.fromisoformat(f"{text}-01"))

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"

    @property
    def first(self) -> date:
        return date(self.year, self.number, 1)

    def plus(self, months: int) -> "Month":
        """Raises ValueError where no calendar reaches."""
        year, number = divmod(self.year * 12 + self.number - 1 + months, 12)
        return Month.of(date(year, number + 1, 1))

    def weeks(self) -> list[list[date]]:
        """Whole weeks, with days of the months beside it, as the language begins them."""
        begins = (get_format("FIRST_DAY_OF_WEEK") - 1) % 7  # Django counts from Sunday
        return Calendar(begins).monthdatescalendar(self.year, self.number)
