import json
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from earn import checks
from earn.management.progress import Progress
from ledger.checks import Check, Violation

NAMED = 10
COUNTED = 1000  # a check stops there
Result = tuple[Check, list[Violation]]


class Command(BaseCommand):
    help = "Runs every check of the books; exit code 1 if one finds a violation."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON, for programs")

    def handle(self, *, json: bool, **_: Any) -> None:
        # One snapshot: a close that runs meanwhile is seen as a whole or not at all.
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("set transaction isolation level repeatable read, read only")
            results = self.run(Progress(self.stderr))
            found = (self.show_json if json else self.show_lines)(results)
        if found:
            raise CommandError(f"The books are wrong: {found} violations.", returncode=1)

    def run(self, progress: Progress) -> Iterator[Result]:
        progress.show("Checking ...")
        for number, (check, violations) in enumerate(checks.everything(), 1):
            progress.clear()
            yield check, violations
            progress.show(f"{number} checks done ...")
        progress.clear()

    def show_lines(self, results: Iterable[Result]) -> int:
        total = 0
        for check, violations in results:
            total += len(violations)
            self.stdout.write(f"{check.name:<16} {count(violations):>6}  {check.says}")
            for subject, detail in violations[:NAMED]:
                self.stdout.write(f"{'':<16} {'':>6}    {subject}: {detail}")
        if not total:
            self.stdout.write("The books are right.")
        return total

    def show_json(self, results: Iterable[Result]) -> int:
        found = list(results)
        shown = [as_json(*result) for result in found]
        total = sum(len(violations) for _, violations in found)
        self.stdout.write(json.dumps({"violations": total, "checks": shown}))
        return total


def count(violations: list[Violation]) -> str:
    return f"{len(violations)}{'+' if len(violations) >= COUNTED else ''}"


def as_json(check: Check, violations: list[Violation]) -> dict[str, Any]:
    return {
        "check": check.name,
        "says": check.says,
        "violations": len(violations),
        "first": [violation._asdict() for violation in violations[:NAMED]],
    }
