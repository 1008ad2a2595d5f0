import json
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from earn.explaining import ExplainedDay, NothingToExplain, explain_days
from earn.management.arguments import read_day, read_number
from ledger.money import format_amount


class Command(BaseCommand):
    help = (
        "Derives each day's interest of a position again, step by step, and compares it "
        "with what is stored; exit code 1 if a day differs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("position", metavar="POSITION", help="its number")
        parser.add_argument("--day", metavar="D", help="this day alone, like 2026-01-31")
        parser.add_argument("--json", action="store_true", help="print JSON, for programs")

    def handle(self, *, position: str, day: str | None, json: bool, **_: Any) -> None:
        number = read_number(position, option="POSITION")
        wanted = None if day is None else read_day(day, option="--day")
        try:
            days = list(explain_days(position_id=number, day=wanted))
        except NothingToExplain as error:
            raise CommandError(str(error), returncode=2) from error
        for line in [as_json(number, days)] if json else shown(days):
            self.stdout.write(line)
        wrong = [str(x.explanation.day) for x in days if x.differences]
        if wrong:
            raise CommandError(f"Position {number} differs on {', '.join(wrong)}.")


def shown(days: list[ExplainedDay]) -> Iterator[str]:
    for day in days:
        yield from day.explanation.sentences()
        accrued = format_amount(day.accrued, scale=day.explanation.scale)
        yield f"Accrued in all: {accrued}, by version {day.chart_version} of the rates."
        yield from (difference.sentence() for difference in day.differences)
        yield "The stored row differs.\n" if day.differences else "The stored row agrees.\n"


def as_json(position: int, days: list[ExplainedDay]) -> str:
    return json.dumps(
        {
            "position": position,
            "agrees": not any(day.differences for day in days),
            "days": [day.as_json() for day in days],
        }
    )
