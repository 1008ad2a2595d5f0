"""What must hold between positions, accruals, closes and the books."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from earn.models import CheckRun, DayClose
from ledger import checks as ledger_checks
from ledger.checks import Check, Violation, found_by

_FOLDER = Path(__file__).parent / "sql" / "checks"
NAMED = 10  # violations of a check that are told one by one
Result = tuple[Check, list[Violation]]


def _check(name: str, says: str) -> Check:
    return Check(name, says, _FOLDER)


_DAY_COMPLETE = _check("day_complete", "every position that earns on the day was accrued")
_CONTROL = _check(
    "control", "interest owed on the books = accrued less settled, by product"
)
_DUE = _check("due", "nothing that was due by the end of a closed day is unsettled")
_QUOTA = _check("quota", "used quota = principal of open positions, never above the quota")
_SETTLED = _check(
    "settled", "a position that has ended was paid or forfeited all it accrued"
)
_PRINCIPAL = _check("principal", "principal of a position = balance of its account")
_REDEEMING = _check("redeeming", "money being redeemed = pending redemptions, by customer")

CHECKS = (
    _check("accrual_days", "one accrual row per position and closed day, none besides"),
    _check(
        "accrual_rule", "each day's interest follows from the day before, chart and basis"
    ),
    _check(
        "accrual_basis", "each day's basis is the lowest balance that the journal shows"
    ),
    _check("accrual_digests", "the accruals are those that the day's seal covers"),
    _check("accrual_entries", "interest posted = interest accrued, by product and day"),
    _CONTROL,
    _SETTLED,
    _DUE,
    _PRINCIPAL,
    _QUOTA,
    _REDEEMING,
    _check(
        "closed_days", "days close without a gap, and each closed day is ended and sealed"
    ),
)


@contextmanager
def snapshot() -> Iterator[None]:
    """All that is read in it is of one moment: a close that runs meanwhile is seen as a
    whole or not at all."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("set transaction isolation level repeatable read, read only")
        yield


def keep(results: Sequence[Result], *, began_at: datetime, ended_at: datetime) -> CheckRun:
    """Keeps what a run of all checks has found."""
    return CheckRun.objects.create(
        began_at=began_at,
        ended_at=ended_at,
        checks=len(results),
        violations=sum(len(violations) for _, violations in results),
        found=[as_json(*result) for result in results if result[1]],
    )


def last_run() -> CheckRun | None:
    return CheckRun.objects.order_by("-pk").first()


def as_json(check: Check, violations: list[Violation]) -> dict[str, Any]:
    return {
        "check": check.name,
        "says": check.says,
        "violations": len(violations),
        "first": [violation._asdict() for violation in violations[:NAMED]],
    }


def everything() -> Iterator[Result]:
    """Every check of the books and of the business with what it found."""
    parameters = {
        _CONTROL: _on(accrued_through()),
        _DUE: _on(_through(but=[x for x in DayClose.Stage if x != DayClose.Stage.CLOSED])),
    }
    for check in (*ledger_checks.CHECKS, *CHECKS):
        yield check, check.violations(parameters.get(check))


def of_ledgers() -> Iterator[tuple[Check, list[Violation]]]:
    """The checks of sub-ledgers against the books, with what each found."""
    wanted = (_CONTROL, _SETTLED, _PRINCIPAL, _REDEEMING, _QUOTA)
    for check in (*ledger_checks.CHECKS, *wanted):
        if check in wanted or check.name in ("equation", "overdrawn"):
            parameters = _on(accrued_through()) if check is _CONTROL else None
            yield check, check.violations(parameters)


def accrued_through() -> date | None:
    """The last day whose interest is both accrued and posted."""
    return _through(but=[DayClose.Stage.ACCRUE, DayClose.Stage.POST])


def of_day(day: date) -> list[Violation]:
    """What is checked before a day is sealed: cheap, and against this day's rows alone."""
    return found_by([_DAY_COMPLETE, _DUE, _CONTROL, _QUOTA, _REDEEMING], _on(day))


def _on(day: date | None) -> dict[str, object]:
    return {"day": day or date.min}


def _through(*, but: Collection[str]) -> date | None:
    """The last day whose close is in none of these stages."""
    closes = DayClose.objects.exclude(stage__in=but).order_by("-day")
    return closes.values_list("day", flat=True).first()
