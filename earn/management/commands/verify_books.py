import json
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from earn import checks
from earn.checks import NAMED, Result
from earn.management.progress import Progress
from ledger.checks import Violation

COUNTED = 1000  # a check stops there


class Command(BaseCommand):
    help = "Runs and keeps every check of the books; exit code 1 if one finds a violation."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON, for programs")

    def handle(self, *, json: bool, **_: Any) -> None:
        began_at = datetime.now(UTC)
        results: list[Result] = []
        with checks.snapshot():
            run = self.run(Progress(self.stderr), results)
            found = (self.show_json if json else self.show_lines)(run)
        checks.keep(results, began_at=began_at, ended_at=datetime.now(UTC))
        if found:
            raise CommandError(f"The books are wrong: {found} violations.", returncode=1)

    def run(self, progress: Progress, results: list[Result]) -> Iterator[Result]:
        """Each when it is done; `results` has them all at the end."""
        progress.show("Checking ...")
        for result in checks.everything():
            results.append(result)
            progress.clear()
            yield result
            progress.show(f"{len(results)} checks done ...")
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
        shown = [checks.as_json(*result) for result in found]
        total = sum(len(violations) for _, violations in found)
        self.stdout.write(json.dumps({"violations": total, "checks": shown}))
        return total


def count(violations: list[Violation]) -> str:
    return f"{len(violations)}{'+' if len(violations) >= COUNTED else ''}"
