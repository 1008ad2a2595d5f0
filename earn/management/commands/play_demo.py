"""Plays the demo's days up to yesterday, each closed by the real worker."""

import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, connection
from django.utils.crypto import salted_hmac
from django_celery_beat.models import PeriodicTask
from kombu.exceptions import OperationalError as BrokerDown

from earn import close, tasks
from earn.close import CloseFailed
from earn.days import ONE_DAY
from earn.demo import desk, fixtures, loading, quotes, report
from earn.demo.people import People
from earn.demo.play import Calendar, play
from earn.management.arguments import read_number
from earn.management.progress import Progress
from earn.management.tables import table
from earn.models import CloseChunk, DayClose

FOLDER = Path(__file__).resolve().parents[3] / "fixtures"
MOST_DAYS, MOST_CUSTOMERS = 366, 10_000
LOOK_SECONDS = 0.01
RESEND_SECONDS = 3  # without any movement: the worker or the message may be gone
COMPLAIN_SECONDS = 30
OUTAGE_SECONDS = 60
OUTAGES = 20
T = TypeVar("T")
STAFF, CUSTOMER = "admin@example.com", "customer@example.com"
ROLES = {"operator@example.com": "operator", "checker@example.com": "checker"}


class Command(BaseCommand):
    help = "Plays days of seeded business up to yesterday (UTC); run again, it goes on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", metavar="N", help="days of business; default: 90")
        parser.add_argument("--customers", metavar="N", help="people; default: 500")

    def handle(self, *, days: str | None, customers: str | None, **_: Any) -> None:
        source = fixtures.read(FOLDER)
        wanted = number(days, "--days", MOST_DAYS) or source.people["days"]
        count = number(customers, "--customers", MOST_CUSTOMERS) or source.people["count"]
        people = People(source, count)
        try:
            lines = through_outages(lambda: self.play(people, wanted), say=self.say)
        except loading.OthersBusiness:
            raise CommandError(
                "This database holds business that is not the demo's: set DATABASE_URL "
                "to an empty one.",
                returncode=2,
            ) from None
        except CloseFailed as failure:
            raise CommandError(f"The close has stopped. {failure}") from failure
        for line in lines:
            self.stdout.write(line)

    def play(self, people: People, days: int) -> list[str]:
        """Everything up to the last day that may be closed; what there is to say of it.

        What was done before stays as it is.
        """
        progress = Progress(self.stderr)
        last = tasks.last_closable(datetime.now(UTC))
        first_day = loading.load(people.fixtures, first_day=last - timedelta(days=days - 1))
        calendar = Calendar(first_day=first_day, days=days, last=last)
        refuse_other_drivers(calendar)
        for played in play(people, calendar, ByWorker(say=self.say)):
            refused = sum(played.refusals.values())
            line = (
                f"{played.day}, day {played.index + 1} of {days}: "
                f"{played.orders} orders, {refused} refused"
            )
            if progress.is_seen:
                progress.show(line)
            else:
                self.say(line)
        progress.clear()
        quotes.record(people.fixtures, first_day=first_day, through=last + ONE_DAY)
        return [*table(*report.closes()), "", *report.totals(), "", *logins(people)]

    def say(self, sentence: str) -> None:
        self.stderr.write(sentence, style_func=str)
        self.stderr.flush()


class ByWorker:
    """Asks the worker to close days, as beat does, and looks in the database how far it is.

    Nobody answers a message: it is sent again when nothing moves.
    """

    def __init__(self, *, say: Callable[[str], None]) -> None:
        self.say = say

    def start(self, through: date, *, at: datetime) -> None:
        if close.next_day(through) is not None:
            self._send(through, at)

    def wait(self, through: date, *, at: datetime) -> None:
        """Raises CloseFailed when a check has stopped the chain of days."""
        seen = None
        sent = moved = time.monotonic()
        while (state := how_far(through)) is not None:
            now = time.monotonic()
            if state != seen:
                seen, sent, moved = state, now, now
            if now - sent > RESEND_SECONDS:
                raise_problem()
                self._send(through, at)
                sent = now
            if now - moved > COMPLAIN_SECONDS:
                self.say("The close does not move: is a worker running? Still waiting.")
                moved = now
            time.sleep(LOOK_SECONDS)

    def _send(self, through: date, at: datetime) -> None:
        try:
            tasks.drive_close.delay(through=through.isoformat(), at=at.isoformat())
        except BrokerDown:
            self.say("The broker does not answer; trying again.")


def how_far(through: date) -> tuple[object, ...] | None:
    """Where the close of the first open day stands; None when all are closed."""
    unclosed = close.next_day(through)
    if unclosed is None:
        return None
    day, _ = unclosed
    row = DayClose.objects.filter(day=day).values_list("stage", "step", "cursor").first()
    return day, row, CloseChunk.objects.filter(day=day, done_at=None).count()


def raise_problem() -> None:
    stopped = DayClose.objects.exclude(problem="").first()
    if stopped:
        raise CloseFailed(stopped.problem)


def through_outages(act: Callable[[], T], *, say: Callable[[str], None]) -> T:
    """Does it, and once more from where the books stand whenever the database was away."""
    for _ in range(OUTAGES):
        try:
            return act()
        except (OperationalError, InterfaceError) as error:
            say(f"The database has gone away ({str(error).splitlines()[0]}); waiting.")
            wait_for_database()
    return act()


def wait_for_database() -> None:
    """Raises OperationalError when it does not come back."""
    since = time.monotonic()
    while True:
        connection.close()
        try:
            return connection.ensure_connection()
        except OperationalError:
            if time.monotonic() - since > OUTAGE_SECONDS:
                raise
        time.sleep(LOOK_SECONDS)


def refuse_other_drivers(calendar: Calendar) -> None:
    """Beat would close the days by the clock before they are played."""
    drives = PeriodicTask.objects.filter(task=tasks.drive_close.name, enabled=True)
    if calendar.is_unplayed() and drives.exists():
        raise CommandError(
            "Beat closes days by the clock here, before the demo has played them: "
            "disable that job in the admin, or use another database.",
            returncode=2,
        )


def number(text: str | None, option: str, most: int) -> int | None:
    """Raises a CommandError with exit code 2."""
    if text is None:
        return None
    found = read_number(text, option=option)
    if not 1 <= found <= most:
        raise CommandError(
            f"{option} is {text!r}: write a number from 1 to {most}.", returncode=2
        )
    return found


def logins(people: People) -> Iterator[str]:
    """Makes who may sign in, where they are missing; how each does."""
    at = datetime.now(UTC)
    users = {}
    for email in (STAFF, *ROLES, CUSTOMER):
        user = loading.login(
            email, password=password(email), at=at, is_staff=email == STAFF
        )
        if email in ROLES:
            desk.give_role(user, ROLES[email])
        chosen = password(email) if user.check_password(password(email)) else "your own"
        yield f"Sign in as {email}, password {chosen}"
        users[email] = user
    if people.shown:
        loading.attach(users[CUSTOMER], people.shown.reference)
    maker, checker = (users[email] for email in ROLES)
    desk.put_to_work(maker=maker, checkers=[checker, users[STAFF]], at=at)


def password(email: str) -> str:
    """Of a demo's login: the same in every run, and for nobody else to guess."""
    return salted_hmac("earn.demo", email).hexdigest()[:16]
