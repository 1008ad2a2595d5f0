"""The close of a day: accrue, attach and post against a plain insert of the same rows.

The floor is one `INSERT ... SELECT` of N finished rows of the same shape into a fresh,
logged table without an index, on the same server, interleaved with the close.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

from django.core.management import call_command
from django.db import connection

from config.servers import Postgres
from earn import close
from earn.close import Stage
from earn.days import ONE_DAY, start_of
from ledger.posting import in_transaction
from tests.benchmarks import cpu

FIRST = date(2026, 1, 1)
PRODUCTS = 3_900


class Cost(NamedTuple):
    wall: float
    cpu: float
    wal: int


def measure(
    server: Postgres, *, n: int, workers: int, rounds: int
) -> Iterator[dict[str, object]]:
    """One line of figures: medians over the rounds, ratios of the medians' pairs."""
    call_command("migrate", verbosity=0)
    _fill(n)
    day = FIRST
    _close(day, workers=workers)  # what was before: the carries and totals of yesterday
    _finish(day)
    postmaster = server._recorded_pid()
    closes, floors = [], []
    for _ in range(rounds):
        day += ONE_DAY
        at = day

        def closing(at: date = at) -> None:
            _close(at, workers=workers)

        closes.append(_cost(postmaster, closing))
        floors.append(_cost(postmaster, lambda at=at: _floor(at)))
        _finish(day)
    yield {
        "bench": "close",
        "n": n,
        "workers": workers,
        "seconds": round(median(x.wall for x in closes), 2),
        "cpu_seconds": round(median(x.cpu for x in closes), 2),
        "floor_seconds": round(median(x.wall for x in floors), 2),
        "floor_cpu_seconds": round(median(x.cpu for x in floors), 2),
        "positions_per_second": round(n / median(x.wall for x in closes)),
        "cpu_ratio_to_floor": _ratio(
            [c.cpu / f.cpu for c, f in zip(closes, floors, strict=True)]
        ),
        "wall_ratio_to_floor": _ratio(
            [c.wall / f.wall for c, f in zip(closes, floors, strict=True)]
        ),
        "wal_bytes_per_position": round(median(x.wal for x in closes) / n),
        "cpu_us_per_position": round(median(x.cpu for x in closes) / n * 1e6, 2),
    }
    _empty()


def _ratio(ratios: list[float]) -> float:
    return round(median(ratios), 2)


def _close(day: date, *, workers: int) -> None:
    """What is measured: accrue, attach, post."""
    close.open_day(day, at=start_of(day + ONE_DAY))
    numbers = close.chunks_left(day)
    if workers > 1:
        connection.close()
        with get_context("fork").Pool(workers) as pool:
            pool.starmap(close.accrue, [(day, number) for number in numbers], chunksize=1)
    else:
        for number in numbers:
            close.accrue(day, number)
    in_transaction(lambda: close._attach(day))
    in_transaction(lambda: close._post(day))


def _finish(day: date) -> None:
    """The stages that are not measured; what is posted is not posted again."""
    stage = close.stage_of(day)
    while stage != Stage.CLOSED:
        stage = close.advance(day, stage, at=start_of(day + ONE_DAY))


def _floor(day: date) -> None:
    with connection.cursor() as cursor:
        cursor.execute("create table bench_floor (like earn_accrual)")
        cursor.execute(
            f"insert into bench_floor select * from earn_accrual_{day:%Y%m%d}"  # noqa: S608
        )
        cursor.execute("drop table bench_floor")


def _cost(postmaster: int, act: Callable[[], None]) -> Cost:
    with connection.cursor() as cursor:
        cursor.execute("checkpoint")
        cursor.execute("select pg_current_wal_lsn()")
        (before,) = cursor.fetchone() or (None,)
    began, used = perf_counter(), cpu.seconds(postmaster)
    act()
    wall, spent = perf_counter() - began, cpu.seconds(postmaster) - used
    with connection.cursor() as cursor:
        cursor.execute("select pg_current_wal_lsn() - %s::pg_lsn", [before])
        (wal,) = cursor.fetchone() or (0,)
    return Cost(wall, spent, int(wal))


@contextmanager
def without_triggers() -> Iterator[None]:
    """Setting up and clearing away go past the rules; what is measured does not."""
    with connection.cursor() as cursor:
        cursor.execute("set session_replication_role = replica")
        try:
            yield
        finally:
            cursor.execute("set session_replication_role = origin")


def _fill(n: int) -> None:
    parameters = {
        "n": n,
        "products": PRODUCTS,
        "first": FIRST,
        "opened": start_of(FIRST - timedelta(days=1)),
    }
    with without_triggers(), connection.cursor() as cursor:
        for name in ("catalogue.sql", "fill.sql"):
            cursor.execute(Path(__file__).with_name(name).read_text(), parameters)
        cursor.execute("analyze earn_position, earn_product, earn_ratechart, earn_ratetier")


def _empty() -> None:
    tables = set(connection.introspection.table_names())  # without partitions
    keep = {"earn_user", "earn_user_groups", "earn_user_user_permissions"}
    ours = sorted(t for t in tables - keep if t.startswith(("earn_", "ledger_")))
    with without_triggers(), connection.cursor() as cursor:
        cursor.execute(f"truncate {', '.join(ours)} restart identity cascade")
        cursor.execute(
            "select inhrelid::regclass::text from pg_inherits"
            " where inhparent = 'earn_accrual'::regclass"
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"drop table {name}")
