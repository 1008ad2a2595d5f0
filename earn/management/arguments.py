"""Reading what was typed behind a command."""

import re
from datetime import date

from django.core.management.base import CommandError


def read_number(text: str, *, option: str) -> int:
    """Raises a CommandError with exit code 2."""
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise CommandError(f"{option} is {text!r}: write a number.", returncode=2)
    return int(text)


def read_day(text: str, *, option: str) -> date:
    """Raises a CommandError with exit code 2."""
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise CommandError(
        f"{option} is {text!r}: write a date of the calendar, like 2026-01-31.",
        returncode=2,
    )
