"""Today: the state of the day at a glance."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from earn import checks, liquidity, overview, prices, proposals, tasks, treasury
from earn.admin.figures import days_chart
from earn.days import business_day
from earn.desk import actor, page, show
from earn.liquidity import Ladder, Rung
from earn.models import CheckRun
from earn.overview import Total
from earn.portal.charts import Series
from earn.prices import Prices
from earn.treasury import Margin, Standing, Stock
from ledger.models import Asset
from ledger.money import unit

AHEAD = (1, 7, 30)  # days in which money is due
TOP = 10  # assets and proposals that are shown
CHECKED = timedelta(days=2)  # after which a run of the checks is old
LATE = 2  # days not closed that are no longer just tonight's


class AssetRow(NamedTuple):
    """`worth` is what is owed, in the reporting currency; None is unknown."""

    standing: Standing
    margin: Margin | None
    worth: Decimal | None


class DueRow(NamedTuple):
    """`free` is in wallets, may leave as well, and is not due."""

    days: int
    due: Decimal
    free: Decimal
    liquid: Decimal

    @property
    def is_short(self) -> bool:
        return self.due > self.liquid

    @property
    def is_tight(self) -> bool:
        return self.due + self.free > self.liquid


@page("", name="index", label=gettext_lazy("Today"), section=gettext_lazy("Today"))
@require_safe
def today(request: HttpRequest) -> HttpResponse:
    at = datetime.now(UTC)
    on = business_day(at)
    closes = overview.closes(today=on)
    run = checks.last_run()
    mine = proposals.waiting_for(actor(request).user, at=at)
    return show(
        request,
        "desk/today.html",
        _("Today"),
        closes=closes,
        is_late=closes.behind >= LATE,
        close_job=overview.is_on(tasks.drive_close.name),
        run=run,
        is_run_old=_is_old(run, at),
        for_me=list(mine.select_related("maker")[: TOP + 1]),
        top=TOP,
        waiting=proposals.waiting(at=at).count(),
        redemptions=overview.redemptions(today=on),
        sells_out=overview.nearly_sold_out(),
        **_money(at, on, closes.last.day if closes.last else None),
    )


def _is_old(run: CheckRun | None, at: datetime) -> bool:
    return run is not None and at - run.ended_at > CHECKED


def _money(at: datetime, on: date, closed: date | None) -> dict[str, Any]:
    currency, known = overview.reporting_currency(), prices.latest(at=at)
    stocks = treasury.stocks()
    found = liquidity.ladders(stocks, today=on, horizon=AHEAD[-1])
    shown: dict[str, Any] = {
        "currency": currency,
        "short": [x for x in found if x.short_on],
        "reckoned": liquidity.reckoned_through(),
    }
    if closed:
        shown |= _books(closed, currency, known, at)
    if currency:
        shown |= _due(stocks, found, currency, known, at, on)
    return shown


def _books(
    closed: date, currency: Asset | None, known: Prices, at: datetime
) -> dict[str, Any]:
    """Assets, liabilities and the margin of the month as of the last closed day."""
    first = closed.replace(day=1)
    standings = treasury.standings(closed)
    margins = {x.asset.pk: x for x in treasury.margins(first, closed)}
    rows = [_row(x, margins.get(x.asset.pk), currency, known, at) for x in standings]
    rows.sort(key=lambda row: (row.worth is None, -(row.worth or 0)))
    shown: dict[str, Any] = {
        "month_from": first,
        "rows": rows[:TOP],
        "row_count": len(rows),
        "uncovered": [x.asset for x in standings if x.missing],
    }
    if currency:

        def total(name: str, of: Sequence[Any]) -> Total:
            amounts = [(x.asset, getattr(x, name)) for x in of]
            return overview.total(amounts, currency, known=known, at=at)

        shown |= {
            "assets": total("assets", standings),
            "liabilities": total("liabilities", standings),
            "yielded": total("yielded", list(margins.values())),
            "interest": total("interest", list(margins.values())),
            "net": total("net", list(margins.values())),
        }
    return shown


def _row(
    standing: Standing,
    margin: Margin | None,
    currency: Asset | None,
    known: Prices,
    at: datetime,
) -> AssetRow:
    worth = (
        known.value(standing.liabilities, standing.asset, currency, at)
        if currency
        else None
    )
    return AssetRow(standing, margin, worth)


def _due(
    stocks: Sequence[Stock],
    found: Sequence[Ladder],
    currency: Asset,
    known: Prices,
    at: datetime,
    on: date,
) -> dict[str, Any]:
    rates = overview.rates([x.asset for x in stocks], currency, known=known, at=at)
    rungs = liquidity.ladder_of_all(
        stocks, rates, unit=unit(currency.scale), today=on, horizon=AHEAD[-1]
    )
    has_money = {x.stock.asset.pk for x in found if not x.is_empty}
    return {
        "due": _due_rows(rungs),
        "unpriced": [x.asset for x in stocks if x.asset.pk in has_money - set(rates)],
        "due_chart": days_chart(
            [Series("", [(x.first, x.due) for x in rungs], "BARS")],
            summary=_("Money due on each of the next 30 days, in %(currency)s")
            % {"currency": currency.code},
        )
        if any(x.due for x in rungs)
        else None,
    }


def _due_rows(rungs: Sequence[Rung]) -> list[DueRow]:
    """None without an asset that has a price."""
    rows = []
    for days in AHEAD if rungs else ():
        due = sum((x.due for x in rungs[: days + 1]), Decimal(0))
        rows.append(DueRow(days, due, rungs[0].free, rungs[days].remaining + due))
    return rows
