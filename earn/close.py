"""The daily close: everything that turns a day into history, each part exactly once.

The database says how far a day has come. Every function here may be called at any time, by
any number of processes, and killed anywhere: what is done is not done again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from time import sleep

from django.db import connection, transaction
from django.db.models import Sum

from earn import chart, checks, maturity, payouts, telling
from earn.days import ONE_DAY, end_of
from earn.models import Accrual, CloseChunk, DayClose, Product
from ledger import balances, days, seals
from ledger.posting import Draft, Line, in_transaction, post_batch

CHUNK = 50_000  # position ids of one accrual transaction
BATCH = 1_000  # payments or maturities of one transaction
WAIT_SECONDS = 0.2
Stage = DayClose.Stage
Watch = Callable[[date, str, int], object]


class CloseFailed(Exception):
    """The chain of days has stopped: a check found something wrong. Staff must look."""


@dataclass(frozen=True, slots=True)
class DayReport:
    """What the close of a day did. `interest` is by asset code, in whole units."""

    day: date
    positions: int
    interest: dict[str, Decimal]
    paid: int
    matured: int


def close_through(
    last: date, *, at: datetime, chunk: int = CHUNK, watch: Watch | None = None
) -> Iterator[date]:
    """Closes every day up to `last` in this process, in order. Raises CloseFailed.

    `watch` is told the day, the stage it is in, and how many chunks are left of it.
    """
    while (unclosed := next_day(last)) is not None:
        day, stage = unclosed
        while stage != Stage.CLOSED:
            stage = advance(day, stage, at=at, chunk=chunk, watch=watch)
        yield day


def next_day(last: date) -> tuple[date, str | None] | None:
    """The earliest day up to `last` that is not closed, with its stage; None if all are."""
    newest = DayClose.objects.order_by("-day").first()
    if newest is None:
        day, stage = balances.first_day(), None
    elif newest.stage == Stage.CLOSED:
        day, stage = newest.day + ONE_DAY, None
    else:
        day, stage = newest.day, newest.stage
    return (day, stage) if day is not None and day <= last else None


def chunks_left(day: date) -> list[int]:
    """Numbers of the chunks that nobody has accrued yet; empty when the stage is over."""
    left = CloseChunk.objects.filter(day=day, done_at=None).order_by("number")
    return list(left.values_list("number", flat=True))


def stage_of(day: date) -> str | None:
    """None while the close of the day has not begun."""
    return DayClose.objects.filter(day=day).values_list("stage", flat=True).first()


def advance(
    day: date,
    stage: str | None,
    *,
    at: datetime,
    chunk: int = CHUNK,
    watch: Watch | None = None,
) -> str | None:
    """Does the next step of a day's close that is in `stage`; the stage it is in then."""
    if stage is None:
        return open_day(day, at=at, chunk=chunk)
    left = chunks_left(day) if stage == Stage.ACCRUE else []
    accrued = 0
    for done, number in enumerate(left):
        if watch:
            watch(day, stage, len(left) - done)
        accrued += accrue(day, number) is not None
    if left and not accrued:
        sleep(WAIT_SECONDS)  # other workers have all that is left
    if watch:
        watch(day, stage, 0)
    if stage == Stage.ACCRUE:
        return in_transaction(lambda: _attach(day))
    try:
        return in_transaction(lambda: _finish(day, stage, at))
    except CloseFailed as failure:
        with transaction.atomic():
            DayClose.objects.filter(day=day).update(problem=str(failure))
        raise


def open_day(day: date, *, at: datetime, chunk: int = CHUNK) -> str | None:
    """Fences the day and lays out its work; refused while an earlier day is not closed."""

    def act() -> str | None:
        with connection.cursor() as cursor:
            cursor.execute("select earn_open_day(%s, %s, %s)", [day, at, chunk])
            row = cursor.fetchone()
            return row[0] if row else None

    return in_transaction(act)


def accrue(day: date, number: int) -> int | None:
    """Accrues one chunk; None when it is done or another process has it."""

    def act() -> int | None:
        with connection.cursor() as cursor:
            cursor.execute("select earn_accrue_chunk(%s, %s)", [day, number])
            row = cursor.fetchone()
            return row[0] if row else None

    return in_transaction(act)


def report(day: date) -> DayReport:
    close = DayClose.objects.get(day=day)
    rows = (
        Accrual.objects.filter(day=day)
        .values_list("chart__product__asset__code")
        .annotate(interest=Sum("interest"))
        .order_by("chart__product__asset__code")
    )
    return DayReport(day, close.positions, dict(rows), close.paid, close.matured)


def _attach(day: date) -> str | None:
    """Makes the rows visible once every chunk is done; waits for the workers until then."""
    with connection.cursor() as cursor:
        cursor.execute("select earn_attach_day(%s)", [day])
        row = cursor.fetchone()
        return row[0] if row else None


def _finish(day: date, stage: str, at: datetime) -> str:
    """Goes on from a stage up to the next batch of payments, or to the end of the day."""
    close = DayClose.objects.select_for_update().get(day=day)
    if close.stage != stage:
        return close.stage  # a twin was faster
    if stage == Stage.POST:
        _post(day)
        close.stage = Stage.PAY
    while close.stage in _BATCHES:
        begun = close.stage
        if _BATCHES[begun](close, at):
            close.save()
            return close.stage
        close.stage, close.cursor, close.step = _NEXT[begun], 0, 0
    _seal(close, at)
    close.save()
    return close.stage


def _post(day: date) -> None:
    interest = (
        Accrual.objects.filter(day=day)
        .values_list("chart__product")
        .annotate(interest=Sum("interest"))
        .filter(interest__gt=0)
    )
    sums = dict(interest)
    for start in range(0, len(sums), BATCH):
        wanted = sorted(sums)[start : start + BATCH]
        post_batch(
            _accrual(p, sums[p.pk], day) for p in Product.objects.filter(pk__in=wanted)
        )


def accrual_key(product: Product, day: date) -> str:
    """Of the entry that posts the interest of all of a product's positions."""
    return f"accrual:{day}:{product.code}"


def _accrual(product: Product, interest: Decimal, day: date) -> Draft:
    return Draft(
        key=accrual_key(product, day),
        kind="ACCRUE",
        lines=[Line(chart.interest(product), chart.accrued(product), interest)],
        happened_at=end_of(day),
        note={"product": product.code},
        adjusting=True,
    )


def _pay(close: DayClose, at: datetime) -> bool:
    """One batch of the first kind of payment that has any left; False when none has."""
    while close.step < len(_PAYOUTS):
        pay = _PAYOUTS[close.step]
        last, paid = pay(close.day, at=at, cursor=close.cursor, limit=BATCH)
        close.cursor, close.paid = last or 0, close.paid + paid
        if paid < BATCH:  # that was all of this kind
            close.step, close.cursor = close.step + 1, 0
        if paid:
            return True
    return False


def _mature(close: DayClose, at: datetime) -> bool:
    found = maturity.settle(close.day, at=at, cursor=close.cursor, limit=BATCH)
    last, settled = found
    if last is not None:
        close.cursor, close.matured = last, close.matured + settled
    return last is not None


def _seal(close: DayClose, at: datetime) -> None:
    found = checks.of_day(close.day)
    if found:
        raise CloseFailed(f"{close.day}: {found[0].subject}: {found[0].detail}")
    telling.tell_of_day(close.day, at=at)
    days.end(close.day)
    seals.seal_day(close.day, attests=bytes(close.digest or b""))
    close.stage, close.closed_at, close.problem = Stage.CLOSED, at, ""


_PAYOUTS = (payouts.pay_redemptions, payouts.pay_interest, payouts.pay_leavers)
_BATCHES: dict[str, Callable[[DayClose, datetime], bool]] = {
    Stage.PAY: _pay,
    Stage.MATURE: _mature,
}
_NEXT: dict[str, str] = {Stage.PAY: Stage.MATURE, Stage.MATURE: Stage.SEAL}
