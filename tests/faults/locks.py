"""Stopping whoever comes by at a chosen place, with a lock that a test holds."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import psycopg
from django.db import connection

from earn import close
from earn.models import DayClose
from tests.faults.business import CHUNK, Business, advance_until
from tests.faults.crew import wait_until

Start = Callable[[Callable[[], Any]], Future[Any]]


@dataclass(frozen=True, slots=True)
class Place:
    """A close that stands at `stage` and `step` writes to `table` next, in its middle.

    Each of its transactions is there once: the locked table is the last, or among the last,
    that it writes.
    """

    name: str
    stage: str | None
    step: int
    table: str
    mode: str = "share"

    def lock(self, business: Business) -> str:
        table = self.table.format(day=f"{business.day:%Y%m%d}")
        return f"lock table {table} in {self.mode} mode"

    def bring(self, business: Business) -> None:
        """Takes the close of the day to this place."""
        if self.table.startswith("earn_accrual"):
            self._accrue(business)
        else:
            advance_until(business, lambda: reached(business) == (self.stage, self.step))

    def _accrue(self, business: Business) -> None:
        close.open_day(business.day, at=business.morning, chunk=CHUNK)
        chunks = close.chunks_left(business.day)
        for number in chunks if self.name == "attach" else chunks[:2]:
            close.accrue(business.day, number)

    def __str__(self) -> str:
        return self.name


PLACES = (
    Place("open", None, 0, "earn_dayclose"),
    Place("accrue", "ACCRUE", 0, "earn_accrual_{day}"),
    Place("attach", "ACCRUE", 0, "earn_accrual", "share update exclusive"),
    Place("post", "POST", 0, "ledger_sealqueue"),
    Place("redemptions", "POST", 0, "earn_order"),
    Place("interest", "PAY", 1, "earn_position"),
    Place("leavers", "PAY", 2, "earn_position"),
    Place("mature", "PAY", 3, "earn_quotashard"),
    Place("seal", "MATURE", 0, "ledger_seal"),
)
_BEHIND = """
    with recursive behind as (
        select pid from pg_stat_activity where %s = any (pg_blocking_pids(pid))
        union
        select a.pid from pg_stat_activity a
        join behind b on b.pid = any (pg_blocking_pids(a.pid))
    )
    select pid from behind
"""
AT = {place.name: place for place in PLACES}


def reached(business: Business) -> tuple[str | None, int]:
    found = DayClose.objects.filter(day=business.day).values_list("stage", "step").first()
    return found or (None, 0)


def address() -> dict[str, Any]:
    """How to reach the database of the tests without Django."""
    known = connection.settings_dict
    return {
        "host": known["HOST"],
        "port": known["PORT"],
        "user": known["USER"],
        "password": known["PASSWORD"],
        "dbname": known["NAME"],
    }


class Hold:
    """A session that holds a lock until its block ends."""

    def __init__(self, session: psycopg.Connection[Any]) -> None:
        self._pid = session.info.backend_pid

    def behind(self) -> list[int]:
        """Backends that the lock keeps waiting, some of them behind others."""
        return _pids(_BEHIND, [self._pid])

    def stopped(self, number: int = 1) -> list[int]:
        """Backends that wait behind the lock, once there are so many."""
        return wait_until(
            lambda: len(found := self.behind()) >= number and found,
            f"{number} transactions wait for the lock",
        )


@contextmanager
def held(statement: str) -> Iterator[Hold]:
    with psycopg.connect(**address()) as session:
        session.execute(statement)
        yield Hold(session)
        session.rollback()


def are_gone(pids: list[int]) -> bool:
    return not _pids("select pid from pg_stat_activity where pid = any (%s)", [pids])


def _pids(query: str, parameters: list[Any]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return [pid for (pid,) in cursor.fetchall()]


@contextmanager
def threads() -> Iterator[Start]:
    """`start(act)` runs an act in a thread and connection of its own; all end in the block.

    No two may have locked crosswise: PostgreSQL would have had to break one.
    """
    begun_again: list[float] = []
    started: list[Future[Any]] = []
    with (
        patch("ledger.posting.sleep", begun_again.append),
        ThreadPoolExecutor(max_workers=16) as pool,
    ):

        def start(act: Callable[[], Any]) -> Future[Any]:
            started.append(pool.submit(_alone, act))
            return started[-1]

        yield start
    assert not begun_again


def _alone(act: Callable[[], Any]) -> Any:
    try:
        return act()
    finally:
        connection.close()


def outcome(future: Future[Any]) -> Any:
    """What an act returned, or the exception that it raised."""
    return future.exception(timeout=60) or future.result()
