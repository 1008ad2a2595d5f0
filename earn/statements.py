"""Statements of periods that are over, and the interest a customer received in a year.

A statement is made of what never changes: the journal of ended days, the accrual rows, the
balances when a day was over, and the seal. Made again it is the same, byte for byte.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Count, Sum

from earn import activity, chart, documents
from earn.activity import Event, Type
from earn.days import ONE_DAY
from earn.documents import Document
from earn.models import Accrual, Customer, DayClose, Position
from ledger import balances, seals
from ledger.money import format_amount

VERSION = 1


class BadPeriod(ValueError):
    """There is no such month, quarter or year."""


class NotFinished(LookupError):
    """The last day of the period is not closed: what happens in it may still change."""


class DoesNotAddUp(Exception):
    """Opening balance and movements are not the closing balance: the books are wrong."""


@dataclass(frozen=True, slots=True)
class Period:
    """A month, quarter or year, spelled 2026-08, 2026-Q3 or 2026."""

    code: str
    first: date
    months: int

    @property
    def last(self) -> date:
        return _months_after(self.first, self.months) - ONE_DAY

    @classmethod
    def read(cls, text: str) -> "Period":
        """The period of that text; raises BadPeriod."""
        found = re.fullmatch(r"([1-9][0-9]{3})(?:-(?:Q([1-4])|(0[1-9]|1[0-2])))?", text)
        if found is None or text.startswith("9999"):
            raise BadPeriod(text)
        year, quarter, month = found[1], found[2], found[3]
        if quarter:
            return cls(text, date(int(year), 3 * int(quarter) - 2, 1), 3)
        if month:
            return cls(text, date(int(year), int(month), 1), 1)
        return cls(text, date(int(year), 1, 1), 12)


class Held(NamedTuple):
    """What a customer has of an asset."""

    wallet: Decimal = Decimal(0)
    in_products: Decimal = Decimal(0)
    redeeming: Decimal = Decimal(0)

    def plus(self, other: "Held") -> "Held":
        return Held(*(mine + more for mine, more in zip(self, other, strict=True)))


class _Earned(NamedTuple):
    position_id: int
    product: str
    asset: str
    days: int
    interest: Decimal


def closed_through() -> date | None:
    """The last day that is history."""
    closed = DayClose.objects.filter(stage=DayClose.Stage.CLOSED).order_by("-day")
    return closed.values_list("day", flat=True).first()


def periods(customer: Customer) -> list[Period]:
    """Those that are over since the customer's first day, the newest first."""
    first, last = balances.first_day_of(customer.uuid), closed_through()
    if first is None or last is None:
        return []
    found = [
        period
        for year in range(first.year, last.year + 1)
        for period in _of_year(year)
        if period.last >= first and period.last <= last
    ]
    return sorted(found, key=lambda period: (period.last, period.months), reverse=True)


def statement(*, customer: Customer, period: Period) -> Document:
    """All that happened in a period, with its SHA-256. Raises NotFinished, DoesNotAddUp."""
    seal = seals.of_days([period.last]).get(period.last)
    closed = closed_through()
    if seal is None or closed is None or period.last > closed:
        raise NotFinished(period.code)
    opening, scales = _held(customer, period.first - ONE_DAY)
    closing, scales_now = _held(customer, period.last)
    moved, earned = _movements(customer, period), _earned(customer, period)
    assets = [
        _of_asset(
            code,
            scale,
            opening.get(code, Held()),
            moved[code],
            earned[code],
            closing.get(code, Held()),
        )
        for code, scale in sorted((scales | scales_now).items())
    ]
    return documents.hashed(
        {
            "document": "STATEMENT",
            "version": VERSION,
            "type_codes_version": activity.VERSION,
            "customer": str(customer.uuid),
            "period": period.code,
            "first_day": period.first.isoformat(),
            "last_day": period.last.isoformat(),
            "assets": [asset for asset in assets if asset],
            "seal": {
                "number": seal.number,
                "day": period.last.isoformat(),
                "hash": bytes(seal.hash).hex(),
            },
        }
    )


_COLUMNS = (
    "record", "asset", "type", "at", "entry", "line", "position", "product", "from", "to",
    "amount", "wallet", "in_products", "redeeming", "value",
)  # fmt: skip


def as_csv(document: Document) -> bytes:
    """One table; `record` tells what a row is. What describes the statement comes last."""
    return documents.as_csv(_COLUMNS, _rows(document))


def _rows(document: Document) -> Iterator[Document]:
    for asset in document["assets"]:
        code = {"asset": asset["asset"]}
        yield {"record": "OPENING"} | code | _balance(asset["opening"])
        for movement in asset["movements"]:
            yield {"record": "MOVEMENT"} | code | movement
        for earned in asset["interest"]["by_position"]:
            yield (
                {"record": "ACCRUED", "amount": earned["accrued"]}
                | code
                | {
                    "position": earned["position"],
                    "product": earned["product"],
                }
            )
        yield {"record": "INTEREST_ACCRUED", "amount": asset["interest"]["accrued"]} | code
        yield {
            "record": "INTEREST_RECEIVED",
            "amount": asset["interest"]["received"],
        } | code
        yield {"record": "CLOSING"} | code | _balance(asset["closing"])
    yield from documents.about(document)


def _balance(figures: Document) -> Document:
    return figures | {"amount": figures["total"]}


def interest_received(event: Event) -> Decimal:
    """What of an event is interest: positive received, negative taken back."""
    if chart.is_of_interest(event.account_from) or chart.is_of_interest(event.account_to):
        return event.total
    return Decimal(0)


def _of_year(year: int) -> Iterator[Period]:
    yield Period.read(f"{year:04d}")
    for quarter in range(1, 5):
        yield Period.read(f"{year:04d}-Q{quarter}")
    for month in range(1, 13):
        yield Period.read(f"{year:04d}-{month:02d}")


def _months_after(first: date, months: int) -> date:
    years, month = divmod(first.month - 1 + months, 12)
    return date(first.year + years, month + 1, 1)


def _held(customer: Customer, day: date) -> tuple[dict[str, Held], dict[str, int]]:
    """By asset what the customer had when the day was over, and the asset's scale."""
    held: dict[str, Held] = defaultdict(Held)
    scales = {}
    for account in balances.owned_when_ended(customer.uuid, day=day):
        balance = account.credits - account.debits
        in_wallet, on_its_way = (
            balance if account.heading == heading else Decimal(0)
            for heading in (chart.WALLETS, chart.REDEEMING)
        )
        in_products = balance - in_wallet - on_its_way
        more = Held(in_wallet, in_products, on_its_way)
        held[account.asset] = held[account.asset].plus(more)
        scales[account.asset] = account.scale
    return held, scales


def _movements(customer: Customer, period: Period) -> dict[str, list[Event]]:
    """By asset, the oldest first."""
    found: dict[str, list[Event]] = defaultdict(list)
    types = set(Type) - activity.MOVED_NOTHING
    events = activity.happened(
        customer=customer, types=types, first=period.first, last=period.last
    )
    for event in reversed(events):
        found[event.asset or ""].append(event)
    return found


def _earned(customer: Customer, period: Period) -> dict[str, list[_Earned]]:
    """By asset the interest of each position that earned in the period."""
    positions = {
        position.pk: position.product
        for position in Position.objects.filter(
            customer=customer, first_day__lte=period.last
        ).select_related("product__asset")
    }
    sums = (
        Accrual.objects.filter(
            position_id__in=list(positions), day__gte=period.first, day__lte=period.last
        )
        .values_list("position_id")
        .annotate(Count("day"), Sum("interest"))
        .order_by("position_id")
    )
    found: dict[str, list[_Earned]] = defaultdict(list)
    for position_id, days, interest in sums:
        product = positions[position_id]
        code = product.asset.code
        found[code].append(_Earned(position_id, product.code, code, days, interest))
    return found


def _of_asset(
    code: str,
    scale: int,
    opening: Held,
    movements: list[Event],
    earned: list[_Earned],
    closing: Held,
) -> Document | None:
    """None where there was nothing and nothing happened."""
    _check(code, opening, movements, closing)
    if not (any(opening) or any(closing) or movements or earned):
        return None

    def text(amount: Decimal) -> str:
        return format_amount(amount, scale=scale)

    def figures(held: Held) -> Document:
        return {name: text(amount) for name, amount in held._asdict().items()}

    def balance(held: Held) -> Document:
        return figures(held) | {"total": text(sum(held, Decimal(0)))}

    def moved(event: Event) -> Document:
        amount = text(event.amount or Decimal(0))
        return movement(event) | {"amount": amount} | figures(_change(event))

    return {
        "asset": code,
        "decimals": scale,
        "opening": balance(opening),
        "movements": [moved(event) for event in movements],
        "interest": {
            "accrued": text(sum((x.interest for x in earned), Decimal(0))),
            "received": text(sum(map(interest_received, movements), Decimal(0))),
            "by_position": [
                {
                    "position": x.position_id,
                    "product": x.product,
                    "days": x.days,
                    "accrued": text(x.interest),
                }
                for x in earned
            ],
        },
        "closing": balance(closing),
    }


def _check(code: str, opening: Held, movements: list[Event], closing: Held) -> None:
    total = opening
    for event in movements:
        total = total.plus(_change(event))
    if total != closing:
        raise DoesNotAddUp(
            f"{code}: opening {tuple(map(str, opening))} and movements come to "
            f"{tuple(map(str, total))}, not to {tuple(map(str, closing))}"
        )


def _change(event: Event) -> Held:
    return Held(event.wallet, event.in_products, event.redeeming)


def movement(event: Event) -> Document:
    """What a movement is and where it stands in the books, without its figures."""
    return {
        "at": documents.moment(event.at),
        "type": str(event.type),
        "entry": event.number,
        "line": event.line,
        "position": event.position_id,
        "product": event.product,
        "from": event.account_from,
        "to": event.account_to,
    }
