"""The state of today at a glance; no figure of it is read from positions."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from django.conf import settings
from django.db.models import Count, F, Q, Sum
from django_celery_beat.models import PeriodicTask

from earn.days import ONE_DAY
from earn.models import CloseChunk, DayClose, Order, Product
from earn.prices import Prices
from ledger.models import Asset

NEARLY = Decimal("0.9")  # of a quota
SHOWN = 20  # products that are nearly sold out


class Closes(NamedTuple):
    """`behind` counts the days that are over and not closed; 0 is as it should be.

    `done` of `chunks` are accrued of the day whose close is `running`.
    """

    last: DayClose | None
    behind: int
    running: DayClose | None
    done: int
    chunks: int


class Redemptions(NamedTuple):
    """Promised for a later day; those that should have been paid before today."""

    waiting: int
    overdue: int


class Total(NamedTuple):
    """In one currency, but of the assets that have no price."""

    amount: Decimal
    without_price: Sequence[Asset]


class SellsOut(NamedTuple):
    product: Product
    used: Decimal
    capacity: Decimal

    @property
    def share(self) -> Decimal:
        """As a fraction, cut after four decimals: what is not full never looks it."""
        return (self.used / self.capacity).quantize(Decimal("0.0001"), "ROUND_FLOOR")


def closes(*, today: date) -> Closes:
    newest = list(DayClose.objects.order_by("-day")[:2])
    last = next((x for x in newest if x.stage == DayClose.Stage.CLOSED), None)
    running = next((x for x in newest if x.stage != DayClose.Stage.CLOSED), None)
    behind = (today - ONE_DAY - last.day).days if last else 0
    chunks = {"done": 0, "all": 0}
    if running:
        of_day = CloseChunk.objects.filter(day=running.day)
        chunks = of_day.aggregate(
            done=Count("number", filter=Q(done_at__isnull=False)), all=Count("number")
        )
    return Closes(last, max(behind, 0), running, chunks["done"], chunks["all"])


def is_on(task: str) -> bool | None:
    """Whether beat sends the task; None where no job is there for it."""
    known = PeriodicTask.objects.filter(task=task).values_list("enabled", flat=True)
    switches = list(known)
    return any(switches) if switches else None


def redemptions(*, today: date) -> Redemptions:
    waiting = Order.objects.filter(state=Order.State.PENDING)
    found = waiting.aggregate(
        waiting=Count("pk"), overdue=Count("pk", filter=Q(due_on__lt=today))
    )
    return Redemptions(found["waiting"], found["overdue"])


def nearly_sold_out() -> list[SellsOut]:
    """Open products of whose quota nine tenths or more are used, the fullest first."""
    found = (
        Product.objects.filter(state=Product.State.OPEN, quota__isnull=False)
        .annotate(used=Sum("quota_shards__used"), capacity=Sum("quota_shards__capacity"))
        .filter(used__gte=F("capacity") * NEARLY)
        .select_related("asset")
        .order_by((F("used") / F("capacity")).desc(), "code")[:SHOWN]
    )
    return [SellsOut(x, x.used, x.capacity) for x in found]


def reporting_currency() -> Asset | None:
    """None while the reporting currency is no asset here."""
    return Asset.objects.filter(code=settings.REPORTING_CURRENCY).first()


def total(
    amounts: Iterable[tuple[Asset, Decimal]],
    currency: Asset,
    *,
    known: Prices,
    at: datetime,
) -> Total:
    """What amounts are worth together; a missing price leaves its asset out, by name."""
    worth, without = Decimal(0), []
    for asset, amount in amounts:
        value = known.value(amount, asset, currency, at) if amount else Decimal(0)
        if value is None:
            without.append(asset)
        else:
            worth += value
    return Total(worth, without)


def rates(
    assets: Iterable[Asset], currency: Asset, *, known: Prices, at: datetime
) -> dict[int, Decimal]:
    """By asset, what a whole unit is worth in the currency; without a price, nothing."""
    base = known.quote(currency, at)
    if base is None:
        return {}
    quotes = {asset.pk: known.quote(asset, at) for asset in assets}
    return {pk: quote.price / base.price for pk, quote in quotes.items() if quote}
