"""The calendar of the demo: the business of each day, and the close that follows it."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from django.db.models import Max

from earn.days import ONE_DAY, business_day, start_of
from earn.demo import loading
from earn.demo.acting import Market
from earn.demo.business import KEYS, Business, Played
from earn.demo.people import DAY, People
from earn.models import Customer, Order
from ledger import days
from ledger.posting import TryAgain

AFTER_MIDNIGHT = timedelta(minutes=5)  # when a close begins


class Closes(Protocol):
    """Whoever closes days: all up to `through`, one after another, as of `at`."""

    def start(self, through: date, *, at: datetime) -> None: ...

    def wait(self, through: date, *, at: datetime) -> None: ...


@dataclass(frozen=True, slots=True)
class Calendar:
    """Day 0, how many days have business, and the last day that is over."""

    first_day: date
    days: int
    last: date

    def day(self, index: int) -> date:
        return self.first_day + timedelta(days=index)

    def indexes(self) -> range:
        return range(min(self.days, (self.last - self.first_day).days + 1))

    def is_open(self, index: int) -> bool:
        """Whether business of the day may be left: it takes orders, no later day has any.

        On the days that the worker misses, several take orders at once.
        """
        day, fenced, begun = self.day(index), days.last_fenced(), _last_begun()
        return (fenced is None or fenced < day) and (begun is None or begun <= day)

    def is_unplayed(self) -> bool:
        """Whether any business is left."""
        indexes = self.indexes()
        return bool(indexes) and self.is_open(indexes[-1])


def play(people: People, calendar: Calendar, closes: Closes) -> Iterator[Played]:
    """Plays each day that still takes orders, in turn, and closes all that are over."""
    stage = _Stage(Market.of(people), calendar, closes, _customers(people))
    for index in calendar.indexes():
        if calendar.is_open(index):
            yield stage.play_day(index)
    with stage.closing(calendar.last):
        pass


def _last_begun() -> date | None:
    """The last day that the demo has orders of."""
    last = Order.objects.filter(key__startswith=KEYS).aggregate(at=Max("at"))["at"]
    return business_day(last) if last else None


def _customers(people: People) -> dict[int, Customer]:
    known = {c.reference: c for c in Customer.objects.filter(reference__startswith="demo-")}
    return {
        person.number: known[person.reference]
        for person in people.everybody
        if person.reference in known
    }


@dataclass(slots=True)
class _Stage:
    market: Market
    calendar: Calendar
    closes: Closes
    customers: dict[int, Customer]

    def play_day(self, index: int) -> Played:
        day = self.calendar.day(index)
        self._join(index)
        business = Business(self.market, self.customers, Played(index, day))
        try:
            self._play(business)
        except TryAgain:
            if self.calendar.is_open(index):
                raise  # else somebody has closed the day: its business is over
        return business.played

    def _play(self, business: Business) -> None:
        day, index = business.played.day, business.played.index
        people = self.market.people
        loading.announce_due(
            people.fixtures, first_day=self.calendar.first_day, index=index
        )
        noon = people.parameters["rush"]["hour"] * 3600
        is_missed = index in people.parameters["worker_misses_days"]
        with nullcontext() if is_missed else self.closing(day - ONE_DAY):
            business.play_between(0, noon)
        business.rush(start_of(day) + timedelta(seconds=noon))
        business.cancel_pending(start_of(day) + timedelta(seconds=noon))
        business.play_between(noon, DAY)

    @contextmanager
    def closing(self, through: date) -> Iterator[None]:
        """The block is played while the days up to `through` are closing."""
        at = start_of(through + ONE_DAY) + AFTER_MIDNIGHT
        self.closes.start(through, at=at)
        yield
        self.closes.wait(through, at=at)

    def _join(self, index: int) -> None:
        people = self.market.people.joining(index)
        joining = [person for person in people if person.number not in self.customers]
        created = Customer.objects.bulk_create(
            Customer(reference=p.reference, country=p.country, kyc_level=p.kyc_level)
            for p in joining
        )
        self.customers |= {p.number: c for p, c in zip(joining, created, strict=True)}
