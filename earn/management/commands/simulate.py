import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError
from psycopg.errors import OutOfMemory

from earn import scenario, simulation
from earn.close import CloseFailed
from earn.management.scratch import NoScratchDatabase, scratch_database
from earn.management.tables import table
from earn.scenario import BadScenario

# Every day is a table of its own, and all are locked until the transaction is rolled back.
TOO_LONG = (
    "The server has no room for the locks of so many days: make the scenario shorter, or "
    "raise the server's max_locks_per_transaction."
)
LONGEST_NUMBER = 20  # digits; more are no number of days, positions or decimals


class Command(BaseCommand):
    help = (
        "Plays a scenario through the real engine, in a database of its own and in a "
        "transaction that is rolled back."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file", metavar="FILE", help="the scenario; - reads it from stdin"
        )
        parser.add_argument("--json", action="store_true", help="print JSON, for programs")

    def handle(self, *, file: str, json: bool, **_: Any) -> None:
        try:
            wanted = scenario.read(parse(read(file)))
            with scratch_database(say=self.stderr.write):
                outcome = simulation.play(wanted)
        except (BadScenario, NoScratchDatabase, simulation.BooksNotEmpty) as error:
            raise CommandError(str(error), returncode=2) from error
        except CloseFailed as failure:
            raise CommandError(f"The close has stopped. {failure}") from failure
        except OperationalError as error:
            if not isinstance(error.__cause__, OutOfMemory):
                raise
            raise CommandError(TOO_LONG, returncode=2) from error
        for line in [as_json(outcome)] if json else shown(outcome):
            self.stdout.write(line)
        if outcome["books"] != "balanced":
            raise CommandError("The books do not balance: this is a fault of Earn.")


def read(file: str) -> str:
    """Raises BadScenario."""
    try:
        if file == "-":
            return sys.stdin.buffer.read().decode("utf-8-sig")
        return Path(file).read_text("utf-8-sig")
    except OSError as error:
        raise BadScenario(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:  # not UTF-8, or a name that no file can have
        raise BadScenario(f"{file} is no file of UTF-8 text.") from error


def parse(text: str) -> Any:
    """JSON without what would be read otherwise by others; raises BadScenario.

    A number with a fraction becomes a Decimal: never a float, and no amount either.
    """
    try:
        return json.loads(
            text,
            parse_float=Decimal,
            parse_int=_whole,
            parse_constant=_no_constant,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        raise BadScenario(
            f"This is not JSON: line {error.lineno}, column {error.colno}: {error.msg}."
        ) from error
    except RecursionError as error:
        raise BadScenario("The JSON is nested too deeply.") from error


def _whole(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= LONGEST_NUMBER else Decimal(digits)


def _no_constant(name: str) -> None:
    raise BadScenario(f"{name} is not JSON: write numbers with digits.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadScenario(f'"{twice}" stands twice in one object: which one counts?')
    return members


def as_json(outcome: dict[str, Any]) -> str:
    return json.dumps(outcome, ensure_ascii=False)


def shown(outcome: dict[str, Any]) -> Iterator[str]:
    for position in outcome["positions"]:
        yield from _position(position)
    yield "Entries, debits positive"
    rows = [(x["on"], x["kind"], *line) for x in outcome["entries"] for line in x["lines"]]
    yield from _indented(table(ENTRY, rows, left=ENTRY[:3]))
    for refusal in outcome.get("refused", []):
        yield "Refused: event {event}, {code}: {message}".format(**refusal)
    for number in outcome.get("not_played", []):
        yield f"Not played: event {number} is after the scenario ends."
    yield f"The books: {outcome['books']}."


ENTRY = ("on", "kind", "account", "amount")
DAY = ("day", "basis", "rate", "interest", "accrued")


def _position(position: dict[str, Any]) -> Iterator[str]:
    matures = f", matures on {position['matures_on']}" if position["matures_on"] else ""
    yield f"Position {position['position']}: {position['state']}{matures}"
    for name in ("principal", "accrued", "interest_paid", "received"):
        yield f"  {name.replace('_', ' ')} {position[name]}"
    rows = [[day[name] for name in DAY] for day in position["days"]]
    yield from _indented(table(DAY, rows, left=DAY[:1]))
    yield ""


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)
