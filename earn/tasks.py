"""Celery tasks: they read the clock, name the day, make one call."""

from datetime import UTC, date, datetime, time, timedelta

from celery import shared_task

from earn import (
    checks,
    close,
    housekeeping,
    liquidity,
    mailing,
    proposals,
    reconciliation,
    winding_up,
)
from earn.audit import Itself
from earn.portal.notices import letter
from ledger import seals

CLOSE_FROM = time(0, 5, tzinfo=UTC)  # orders of yesterday have five minutes to commit
PAID_AT_ONCE = 200  # positions of one message


@shared_task
def drive_close(through: str | None = None, at: str | None = None) -> None:
    """Asks the database what is left of the close, does or enqueues it, and comes back.

    Beat sends it every few minutes, so that any death heals. `through` (a date) and `at`
    (a moment) stand in for the clock where a calendar is played.
    """
    now = datetime.fromisoformat(at) if at else datetime.now(UTC)
    last = date.fromisoformat(through) if through else last_closable(now)
    unclosed = close.next_day(last)
    if unclosed is None:
        return
    day, stage = unclosed
    left = close.chunks_left(day) if stage == close.Stage.ACCRUE else []
    if left:
        for number in left:
            accrue_chunk.delay(day.isoformat(), number, through=through, at=at)
        return
    if close.advance(day, stage, at=now) == close.Stage.CLOSED:
        reckon_liquidity.delay()
    drive_close.delay(through=through, at=at)


@shared_task
def accrue_chunk(
    day: str, number: int, through: str | None = None, at: str | None = None
) -> None:
    """One chunk of a day's accrual; whoever finishes the last one calls the driver."""
    accrued = close.accrue(date.fromisoformat(day), number)
    if accrued is not None and not close.chunks_left(date.fromisoformat(day)):
        drive_close.delay(through=through, at=at)


@shared_task
def seal_entries() -> None:
    seals.seal()


@shared_task
def reckon_liquidity() -> None:
    liquidity.reckon()


@shared_task
def verify_books() -> None:
    """Runs every check and keeps what it found, for the desk to show."""
    began_at = datetime.now(UTC)
    with checks.snapshot():
        results = list(checks.everything())
    checks.keep(results, began_at=began_at, ended_at=datetime.now(UTC))


@shared_task
def compare_ledgers() -> None:
    """Opens a break for each sub-ledger that differs, and closes those that agree."""
    reconciliation.run(by=Itself(datetime.now(UTC)))


@shared_task
def send_mails() -> None:
    mailing.send_mails(at=datetime.now(UTC), write=letter)


@shared_task
def wind_up() -> None:
    """Comes back until every position that can be paid out is."""
    try:
        paid = winding_up.pay_out(at=datetime.now(UTC), limit=PAID_AT_ONCE)
    except winding_up.NotAllPaid as failure:
        if failure.paid:
            wind_up.delay()
        raise
    if paid:
        wind_up.delay()


@shared_task
def expire_proposals() -> None:
    proposals.expire(at=datetime.now(UTC))


@shared_task
def forget_expired() -> None:
    housekeeping.forget_expired(at=datetime.now(UTC))


def last_closable(now: datetime) -> date:
    """Yesterday from 00:05 UTC on, before that the day before."""
    closable = now.date() if now.timetz() >= CLOSE_FROM else now.date() - timedelta(days=1)
    return closable - timedelta(days=1)
