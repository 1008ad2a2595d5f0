import json
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import UTC, date, datetime
from time import perf_counter
from typing import Any, NamedTuple

from django.core.management.base import BaseCommand, CommandError

from earn import close, day_totals
from earn.close import CloseFailed, DayReport
from earn.management.arguments import read_day
from earn.management.progress import Progress
from earn.management.tables import table
from earn.models import Product
from earn.tasks import last_closable
from ledger.money import plain
from ledger.posting import TryAgain

HEAD = ("day", "positions", "matured", "paid", "seconds", "interest")
FORESEEN = ("product", "asset", "positions", "basis", "interest")
LINE = "{:<10}  {:>12}  {:>8}  {:>8}  {:>8}  {}"


class Closed(NamedTuple):
    report: DayReport
    seconds: float


class Command(BaseCommand):
    help = "Closes every open day up to a date, in this process, and prints each of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--through", metavar="DATE", help="the last day to close; default: yesterday"
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="close nothing: print what the next close would accrue by product",
        )
        parser.add_argument("--json", action="store_true", help="print JSON, for programs")

    def handle(self, *, through: str | None, json: bool, dry_run: bool, **_: Any) -> None:
        if dry_run:
            if through:
                raise CommandError("--dry-run is of the next day alone.", returncode=2)
            return self.foresee(is_json=json)
        now = datetime.now(UTC)
        last = last_day(through, now)
        show = self.show_json if json else self.show_table
        try:
            show(self.closed(last, now), last)
        except (CloseFailed, TryAgain) as failure:
            raise CommandError(f"The close has stopped. {failure}") from failure

    def foresee(self, *, is_json: bool) -> None:
        unclosed = close.next_day(date.max)
        if unclosed is None:
            raise CommandError("There is no day to close.")
        if day_totals.is_accrued(day := unclosed[0]):
            raise CommandError(f"{day} is accrued already: its close goes on.")
        rows = list(foreseen(day))
        if is_json:
            named = [dict(zip(FORESEEN, row, strict=True)) for row in rows]
            self.stdout.write(json.dumps({"day": day.isoformat(), "products": named}))
            return
        self.stdout.write(f"{day}, if nothing moved until its close:")
        self.stdout.write("\n".join(table(FORESEEN, rows, left=["product", "asset"])))

    def closed(self, last: date, now: datetime) -> Iterator[Closed]:
        progress = Progress(self.stderr)

        def watch(day: date, stage: str, left: int) -> None:
            chunks = f", {left} chunks left" if left else ""
            progress.show(f"{day}: {close.Stage(stage).label}{chunks}")

        began = perf_counter()
        for day in close.close_through(last, at=now, watch=watch):
            closed = Closed(close.report(day), perf_counter() - began)
            progress.clear()
            yield closed
            began = perf_counter()

    def show_table(self, days: Iterator[Closed], last: date) -> None:
        """Each day when it is closed: a long run is to be followed."""
        number = 0
        for number, (report, seconds) in enumerate(days, 1):
            if number == 1:
                self.stdout.write(LINE.format(*HEAD))
            interest = ", ".join(
                f"{code} {plain(x)}" for code, x in report.interest.items()
            )
            figures = (report.positions, report.matured, report.paid, f"{seconds:.2f}")
            self.stdout.write(LINE.format(str(report.day), *figures, interest).rstrip())
        if not number:
            self.stdout.write(f"Nothing to close: no day up to {last} is open.")

    def show_json(self, days: Iterator[Closed], _: date) -> None:
        """A list that is whole even if the close stops half-way."""
        self.stdout.write("[", ending="")
        comma = ""
        try:
            for day in days:
                self.stdout.write(f"{comma}\n{json.dumps(as_json(day))}", ending="")
                comma = ","
        finally:
            self.stdout.write("\n]")


def foreseen(day: date) -> Iterator[tuple[str, str, int, str, str]]:
    sums = day_totals.ahead(day)
    products = Product.objects.filter(pk__in=sums).select_related("asset")
    for product in products.order_by("code"):
        found = sums[product.pk]
        figures = (plain(found.basis), plain(found.interest))
        yield product.code, product.asset.code, found.positions, *figures


def last_day(through: str | None, now: datetime) -> date:
    """Raises a CommandError for a day that is not over yet."""
    newest = last_closable(now)
    last = newest if through is None else read_day(through, option="--through")
    if last > newest:
        raise CommandError(
            f"{last} cannot be closed yet: a day is closed from 00:05 UTC of the next one "
            f"on, and {newest} is the latest now.",
            returncode=2,
        )
    return last


def as_json(closed: Closed) -> dict[str, object]:
    report = closed.report
    return {
        "day": report.day.isoformat(),
        "positions": report.positions,
        "interest": {code: plain(amount) for code, amount in report.interest.items()},
        "matured": report.matured,
        "paid": report.paid,
        "seconds": round(closed.seconds, 3),
    }
