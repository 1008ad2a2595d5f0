"""Fencing and ending the business days of the books."""

from datetime import date

from django.db import connection, transaction

from ledger.models import BookDay


def fence(day: date) -> None:
    """From now on the day takes adjusting entries only; waits for entries in flight."""
    _call("select ledger_fence_day(%s)", day)


def end(day: date) -> None:
    """Writes the day's totals and balances; from now on the day takes nothing at all."""
    _call("select ledger_end_day(%s)", day)


def last_fenced() -> date | None:
    return BookDay.objects.order_by("-day").values_list("day", flat=True).first()


def _call(statement: str, day: date) -> None:
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute(statement, [day])
