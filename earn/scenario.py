"""Reading a scenario file: its shape, its words, and a sentence for whatever is wrong."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from earn.catalogue import Row
from earn.days import DayCount, business_day
from earn.interest import Compounding, Payout, Rounding, TierMode
from earn.models import AtMaturity, ProductKind
from earn.projection import EarlyRule
from ledger.money import MAX_SCALE, InvalidAmount, TooManyDecimals, parse_amount

_RATE = re.compile(r"[0-9]{1,2}(\.[0-9]{1,10})?")
_CODE = re.compile(r"[!-~]{1,40}")
_SMALL = 32_767  # days or hours that the books can hold
_YEARS = range(1900, 2200)  # a day each, and what is counted from them stays a date
_REMARKS = {
    "id",
    "name",
    "names",
    "code",
    "note",
    "title",
    "description",
    "source",
    "comment",
}


class BadScenario(ValueError):
    """The message says where and what to write instead."""


@dataclass(frozen=True, slots=True)
class Event:
    """`amount` is None for ALL. `position` counts from 1."""

    at: datetime
    do: str
    amount: Decimal | None
    term_days: int | None
    at_maturity: str
    minimum_rate: Decimal | None
    position: int

    @property
    def day(self) -> date:
        return business_day(self.at)


@dataclass(frozen=True, slots=True)
class Scenario:
    asset_code: str
    scale: int
    terms: dict[str, Any]
    charts: Sequence[tuple[date, Sequence[Row]]]
    events: Sequence[Event]
    until: date

    @property
    def first_day(self) -> date:
        return min([self.until, *(x.day for x in self.events)])


def read(document: Any) -> Scenario:
    """Checks a parsed JSON document; raises BadScenario."""
    root = _object(document, "the scenario")
    asset = _object(root.get("asset"), "asset")
    _no_others(asset, {"code", "scale", "kind"}, "asset")
    scale = _whole(asset.get("scale"), "asset.scale", least=0, most=MAX_SCALE)
    code = asset.get("code")
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise BadScenario('asset.code: write a code of 1 to 40 signs, like "USD".')
    product = _object(root.get("product"), "product")
    kind = _word(product, "kind", ProductKind, None, "product")
    events = [
        _event(item, f"events[{n}]", kind)
        for n, item in enumerate(_list(root.get("events"), "events", least=0), 1)
    ]
    return Scenario(
        asset_code=code,
        scale=scale,
        terms=_terms(product, kind, scale),
        charts=[
            _chart(item, f"product.charts[{n}]", kind)
            for n, item in enumerate(_list(product.get("charts"), "product.charts"), 1)
        ],
        events=events,
        until=_day(root.get("until"), "until"),
    )


def _terms(product: Mapping[str, Any], kind: str, scale: int) -> dict[str, Any]:
    where = "product"
    amounts = {
        "minimum": "minimum",
        "step": "step",
        "customer_cap": "customer_cap",
        "cap": "customer_cap",
        "quota": "quota",
    }
    days = [
        "minimum_holding_days",
        "settlement_delay_days",
        "renewal_cutoff_hours",
        "notice_days",
    ]
    _no_others(
        product,
        {
            "kind",
            "day_count",
            "tier_mode",
            "compounding",
            "payout",
            "final_rounding",
            "early_redemption",
            "charts",
            *amounts,
            *days,
        },
        where,
    )
    payout = _word(product, "payout", Payout, _usual_payout(kind), where)
    if kind == ProductKind.FIXED and payout == Payout.ON_REDEMPTION:
        payout = Payout.AT_MATURITY
    if kind == ProductKind.FLEXIBLE and payout == Payout.AT_MATURITY:
        raise BadScenario(
            "product.payout: a flexible product has no maturity; write "
            "ON_REDEMPTION, DAILY or MONTHLY."
        )
    terms: dict[str, Any] = {
        "code": "scenario",
        "kind": kind,
        "day_count": _word(product, "day_count", DayCount, DayCount.ACT_365F, where),
        "tier_mode": _word(product, "tier_mode", TierMode, TierMode.SLICE, where),
        "compounding": _word(product, "compounding", Compounding, Compounding.NONE, where),
        "payout": payout,
        "final_rounding": _word(product, "final_rounding", Rounding, Rounding.FLOOR, where),
    }
    for name, column in amounts.items():
        if product.get(name) is not None:
            terms[column] = _amount(product[name], f"{where}.{name}", scale)
            if not terms[column] and name != "minimum":
                raise BadScenario(f"{where}.{name}: write an amount above 0.")
    for name in days:
        if product.get(name) is not None:
            terms[name] = _whole(product[name], f"{where}.{name}", least=0, most=_SMALL)
    return terms | _early(product.get("early_redemption"), f"{where}.early_redemption")


def _usual_payout(kind: str) -> Payout:
    return Payout.AT_MATURITY if kind == ProductKind.FIXED else Payout.ON_REDEMPTION


def _early(item: Any, where: str) -> dict[str, Any]:
    if item is None:
        return {"early_rule": EarlyRule.FORBIDDEN}
    if isinstance(item, str):
        item = {"rule": item}
    early = _object(item, where)
    _no_others(early, {"rule", "rate", "days", "minimum_holding_days"}, where)
    rule = _word(early, "rule", EarlyRule, None, where)
    terms: dict[str, Any] = {"early_rule": rule}
    if rule == EarlyRule.REDUCED_RATE:
        terms["early_rate"] = _rate(early.get("rate"), f"{where}.rate")
    if rule == EarlyRule.FORFEIT_DAYS:
        terms["early_days"] = _whole(
            early.get("days"), f"{where}.days", least=1, most=_SMALL
        )
    if early.get("minimum_holding_days") is not None:
        terms["minimum_holding_days"] = _whole(
            early["minimum_holding_days"],
            f"{where}.minimum_holding_days",
            least=0,
            most=_SMALL,
        )
    return terms


def _chart(item: Any, where: str, kind: str) -> tuple[date, list[Row]]:
    chart = _object(item, where)
    _no_others(chart, {"effective_on", "rows", "announced_at"}, where)
    rows = [
        _row(row, f"{where}.rows[{n}]", kind)
        for n, row in enumerate(_list(chart.get("rows"), f"{where}.rows"), 1)
    ]
    if len({row[:2] for row in rows}) < len(rows):
        raise BadScenario(f"{where}.rows: two rows of one term begin at the same amount.")
    return _day(chart.get("effective_on"), f"{where}.effective_on"), rows


def _row(item: Any, where: str, kind: str) -> Row:
    row = _object(item, where)
    _no_others(row, {"term_days", "from", "rate"}, where)
    term = row.get("term_days")
    if kind == ProductKind.FIXED:
        term = _whole(term, f"{where}.term_days", least=1, most=36500)
    elif term is not None:
        raise BadScenario(
            f"{where}.term_days: a flexible product has no term; leave it out."
        )
    lower = _amount(row.get("from", "0"), f"{where}.from", MAX_SCALE)
    return Row(term, lower, _rate(row.get("rate"), f"{where}.rate"))


_DOES = ("subscribe", "redeem", "cancel", "instruct")


def _event(item: Any, where: str, kind: str) -> Event:
    event = _object(item, where)
    _no_others(
        event,
        {"at", "do", "amount", "term_days", "at_maturity", "minimum_rate", "position"},
        where,
    )
    does = event.get("do")
    if does not in _DOES:
        raise BadScenario(f"{where}.do: write one of {', '.join(_DOES)}.")
    amount = None
    if does == "subscribe" or (does == "redeem" and event.get("amount", "ALL") != "ALL"):
        amount = _ordered(event.get("amount"), f"{where}.amount")
    term = event.get("term_days")
    if does == "subscribe" and kind == ProductKind.FIXED:
        term = _whole(term, f"{where}.term_days", least=1, most=36500)
    rate = event.get("minimum_rate")
    position = event.get("position", 1)
    return Event(
        at=_moment(event.get("at"), f"{where}.at"),
        do=does,
        amount=amount,
        term_days=term if kind == ProductKind.FIXED else None,
        at_maturity=_word(event, "at_maturity", AtMaturity, AtMaturity.PAY_OUT, where),
        minimum_rate=None if rate is None else _rate(rate, f"{where}.minimum_rate"),
        position=_whole(position, f"{where}.position", least=1, most=1_000_000),
    )


def _object(item: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(item, dict):
        raise BadScenario(f"{where}: write an object in braces.")
    return item


def _list(item: Any, where: str, *, least: int = 1) -> Sequence[Any]:
    if not isinstance(item, list) or len(item) < least:
        more = " with one item or more" if least else ""
        raise BadScenario(f"{where}: write a list{more}.")
    return item


def _no_others(item: Mapping[str, Any], known: set[str], where: str) -> None:
    unknown = sorted(k for k in set(item) - known - _REMARKS if not k.startswith("_"))
    if unknown:
        words = ", ".join(sorted(known))
        raise BadScenario(f"{where}: {unknown[0]} is not known; it may have {words}.")


def _word(
    item: Mapping[str, Any], name: str, choices: Any, default: Any, where: str
) -> str:
    value = item.get(name)
    if value is None and default is not None:
        return str(default)
    known = [str(choice.value) for choice in choices]
    if value not in known:
        raise BadScenario(f"{where}.{name}: write one of {', '.join(known)}.")
    return str(value)


def _whole(item: Any, where: str, *, least: int, most: int) -> int:
    if isinstance(item, bool) or not isinstance(item, int) or not least <= item <= most:
        raise BadScenario(f"{where}: write a whole number from {least} to {most}.")
    return item


def _amount(item: Any, where: str, scale: int) -> Decimal:
    try:
        return parse_amount(item, scale=scale)
    except InvalidAmount as error:
        raise BadScenario(f"{where}: {error}") from None


def _ordered(item: Any, where: str) -> Decimal:
    """Its sign and its decimals are the engine's to refuse, as it would a customer's."""
    negative = isinstance(item, str) and item.startswith("-")
    text = item[1:] if negative else item
    try:
        amount = parse_amount(text, scale=MAX_SCALE)
    except TooManyDecimals:
        amount = Decimal(text.strip(" "))
    except InvalidAmount as error:
        raise BadScenario(f"{where}: {error}") from None
    return -amount if negative else amount


def _rate(item: Any, where: str) -> Decimal:
    if not isinstance(item, str) or not _RATE.fullmatch(item):
        raise BadScenario(
            f'{where}: write the annual rate as a fraction in quotes, like "0.05", '
            "with ten decimals at most."
        )
    return Decimal(item)


def _day(item: Any, where: str) -> date:
    try:
        day = date.fromisoformat(item)
    except (TypeError, ValueError):
        day = None
    if day is None or day.isoformat() != item:
        raise BadScenario(f'{where}: write a date like "2026-01-31".')
    _check_year(day, where)
    return day


def _moment(item: Any, where: str) -> datetime:
    try:
        at = datetime.fromisoformat(item)
        day = business_day(at)
    except (TypeError, ValueError, OverflowError):
        raise BadScenario(f'{where}: write a moment like "2026-01-31T10:00:00Z".') from None
    _check_year(day, where)
    return at.astimezone(UTC)


def _check_year(day: date, where: str) -> None:
    if day.year not in _YEARS:
        raise BadScenario(f"{where}: write a year from {_YEARS[0]} to {_YEARS[-1]}.")
