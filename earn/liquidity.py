"""Whether what is liquid suffices for what is going to leave, day by day.

What is due is known of terms and redemptions, and expected of the rest: flexible money goes
on leaving as it did in the last 28 days, and interest is paid out as on the last day. Free
money in wallets may leave today: it stands beside what is due, as nobody asked for it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, cast

from django.db import connection, transaction

from earn import chart, treasury
from earn.days import ONE_DAY
from earn.models import DayClose, Due, Outlook, Venue
from earn.sql import sql
from earn.treasury import Stock
from ledger.models import Asset

HORIZON = 90  # days ahead
BY_DAY = 30  # of them shown one by one, the others by week
WEEK = 7
HISTORY = 28  # closed days that say how fast flexible money leaves
ZERO = Decimal(0)


class Rung(NamedTuple):
    """What is due on some days, and the least that is left on one of them.

    `custody_left` is without, `remaining` with what venues give back if asked today, and
    `emptied` is what remains if `free` money leaves the wallets too; that may be today, and
    so it stands on the first day alone.
    """

    first: date
    last: date
    maturing: Decimal
    redeeming: Decimal
    paying: Decimal
    expected: Decimal
    due: Decimal
    back: Decimal
    custody_left: Decimal
    remaining: Decimal
    free: Decimal
    emptied: Decimal


class Ladder(NamedTuple):
    """One asset at a glance. `short_on` is the first day that not even recalls can pay.

    `emptied_on` is the first on which they could not if free money left the wallets too.
    """

    stock: Stock
    due_in_1: Decimal
    due_in_7: Decimal
    due_in_30: Decimal
    custody_short_on: date | None
    short_on: date | None
    short_by: Decimal
    emptied_on: date | None

    @property
    def is_empty(self) -> bool:
        """Neither has the house any of it, nor may any leave."""
        return not self.stock.all and self.emptied_on is None


class Stress(NamedTuple):
    """A share of flexible money gone tomorrow; `back_on` is None beyond the horizon."""

    asset: Asset
    flexible: Decimal
    leaves: Decimal
    missing: Decimal
    back_on: date | None


def reckon() -> date | None:
    """Sums up what the last closed day tells; that day, or None if it is done already.

    Days that were missed are caught up with, as far as they still count. Reads all open
    terms: a job for a worker, after the close.
    """
    with transaction.atomic():
        _one_at_a_time()
        last = _last_closed()
        if last is None or Outlook.objects.filter(day=last).exists():
            return None
        for day in _days_to_keep(last):
            parameters = {"day": day, "principals": chart.PRINCIPALS}
            _execute("outlook", parameters)
        Due.objects.all().delete()
        _execute("dues", {"day": last})
    return last


def reckoned_through() -> date | None:
    """The closed day after which it was last summed up."""
    return Outlook.objects.order_by("-day").values_list("day", flat=True).first()


def ladders(
    stocks: Sequence[Stock], *, today: date, horizon: int = HORIZON
) -> list[Ladder]:
    """Of each asset, in the order of the stocks."""
    known = {x.asset.pk: x for x in stocks}
    parameters = _stocked(stocks, today, horizon) | {
        "free_of": list(known),
        "free": [x.free for x in stocks],
    }
    rows = {row[0]: row[1:] for row in _rows("ladders", parameters)}
    return [Ladder(known[pk], *rows[pk]) for pk in known if pk in rows]


def ladder(stock: Stock, *, today: date) -> list[Rung]:
    """Of one asset, a rung for each day of the horizon."""
    rows = _rows("ladder", _stocked([stock], today, HORIZON))
    return [
        Rung._make(
            (
                *(day, day, *figures),
                *(stock.free if day == today else ZERO, figures[-1] - stock.free),
            )
        )
        for day, *figures in rows
    ]


def ladder_of_all(
    stocks: Sequence[Stock],
    prices: Mapping[int, Decimal],
    *,
    unit: Decimal,
    today: date,
    horizon: int = HORIZON,
) -> list[Rung]:
    """Of all assets that have a price, summed at it; each figure is rounded to a unit."""
    parameters = _stocked(stocks, today, horizon) | {
        "priced": list(prices),
        "prices": list(prices.values()),
    }
    custody, back = _worth(parameters, prices)
    free = sum((x.free * prices.get(x.asset.pk, ZERO) for x in stocks), ZERO)
    rungs, remaining = [], custody
    for day, *figures in _rows("ladder_of_all", parameters):
        maturing, redeeming, paying, expected = (x.quantize(unit) for x in figures)
        due = maturing + redeeming + paying + expected
        custody, remaining = custody - due, remaining + back[day] - due
        rungs.append(
            Rung(
                first=day,
                last=day,
                maturing=maturing,
                redeeming=redeeming,
                paying=paying,
                expected=expected,
                due=due,
                back=back[day].quantize(unit),
                custody_left=custody.quantize(unit),
                remaining=remaining.quantize(unit),
                free=(free if day == today else ZERO).quantize(unit),
                emptied=(remaining - free).quantize(unit),
            )
        )
    return rungs


def by_week(rungs: Sequence[Rung]) -> list[Rung]:
    """Days as they are up to a month ahead, then whole weeks."""
    near, far = rungs[: BY_DAY + 1], rungs[BY_DAY + 1 :]
    return [*near, *(_together(far[n : n + WEEK]) for n in range(0, len(far), WEEK))]


def stress(stocks: Sequence[Stock], *, percent: int, today: date) -> list[Stress]:
    """What is missing if so much of what is flexible leaves tomorrow."""
    parameters = _stocked(stocks, today, HORIZON) | {"share": Decimal(percent) / 100}
    return [Stress(*row) for row in treasury.by_asset("stress", parameters)]


def rates() -> dict[int, Decimal]:
    """By asset, the share of flexible money that is expected to leave each day."""
    with connection.cursor() as cursor:
        cursor.execute("select asset_id, rate from earn_leaving()")
        return dict(cursor.fetchall())


_FLOWS = ("maturing", "redeeming", "paying", "expected", "due", "back", "free")


def _worth(
    stocked: Mapping[str, Any], prices: Mapping[int, Decimal]
) -> tuple[Decimal, defaultdict[date, Decimal]]:
    """What is in custody, and what comes back on which day."""
    back: defaultdict[date | None, Decimal] = defaultdict(Decimal)
    columns = (stocked[name] for name in ("assets", "amounts", "back"))
    for asset, amount, day in zip(*columns, strict=True):
        back[day] += amount * prices.get(asset, ZERO)
    return back.pop(None, ZERO), cast("defaultdict[date, Decimal]", back)


def _together(rungs: Sequence[Rung]) -> Rung:
    flows = {name: sum((getattr(x, name) for x in rungs), ZERO) for name in _FLOWS}
    return Rung(
        rungs[0].first,
        rungs[-1].last,
        **flows,
        custody_left=min(x.custody_left for x in rungs),
        remaining=min(x.remaining for x in rungs),
        emptied=min(x.emptied for x in rungs),
    )


def _stocked(stocks: Iterable[Stock], today: date, horizon: int) -> dict[str, Any]:
    """What is liquid as columns: asset, amount, and the day it is back; null in custody."""
    notice = dict(Venue.objects.values_list("code", "notice_days"))
    columns: list[tuple[int, Decimal, date | None]] = []
    for stock in stocks:
        columns.append((stock.asset.pk, stock.custody, None))
        for venue, amount in stock.deployed.items():
            back = today + timedelta(days=notice[venue])
            columns.append((stock.asset.pk, amount, back))
    return {
        "today": today,
        "last": today + timedelta(days=horizon),
        "assets": [asset for asset, _, _ in columns],
        "amounts": [amount for _, amount, _ in columns],
        "back": [back for _, _, back in columns],
    }


def _days_to_keep(last: date) -> list[date]:
    closed = DayClose.objects.filter(
        stage=DayClose.Stage.CLOSED, day__gt=last - HISTORY * ONE_DAY
    ).exclude(day__in=Outlook.objects.values("day"))
    return list(closed.order_by("day").values_list("day", flat=True))


def _last_closed() -> date | None:
    closed = DayClose.objects.filter(stage=DayClose.Stage.CLOSED).order_by("-day")
    return closed.values_list("day", flat=True).first()


def _one_at_a_time() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(7305, 0)")


def _execute(name: str, parameters: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql(name), parameters)


def _rows(name: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql(name), parameters)
        return list(cursor.fetchall())
