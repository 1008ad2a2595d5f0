from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ledger.exports import BadExport, export


class Command(BaseCommand):
    help = "Writes the journal to the standard output in a form that other tools check."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", default="", help="beancount, hledger or csv")
        parser.add_argument("--from", dest="first", metavar="DATE", help="first day")
        parser.add_argument("--to", dest="last", metavar="DATE", help="last day")

    def handle(self, **options: Any) -> None:
        try:
            pieces = export(
                form=options["format"],
                first=_date(options["first"]),
                last=_date(options["last"]),
            )
        except BadExport as error:
            raise CommandError(str(error), returncode=2) from error
        for piece in pieces:
            self.stdout.write(piece, ending="")


def _date(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise BadExport(f"{text!r} is not a date: write it like 2026-01-31.")
    return day
