"""The demo's input as `fixtures/README.md` describes it. Days are counted from day 0."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from earn.catalogue import Row


@dataclass(frozen=True, slots=True)
class ChartInput:
    announced_after: int
    effective_after: int
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class ProductInput:
    """`terms` are the other columns of a Product as they stand in its table."""

    code: str
    asset: str
    kind: str
    minimum: Decimal
    step: Decimal
    customer_cap: Decimal | None
    countries_allowed: frozenset[str]
    countries_denied: frozenset[str]
    minimum_kyc_level: int
    quota_shards: int
    charts: tuple[ChartInput, ...]
    terms: Mapping[str, Any]

    @property
    def term_days(self) -> list[int | None]:
        """The terms on offer; one None for a flexible product."""
        return list(dict.fromkeys(row.term_days for row in self.charts[0].rows))

    def floor(self, amount: Decimal) -> Decimal:
        return amount - amount % self.step


@dataclass(frozen=True, slots=True)
class Fixtures:
    assets: list[dict[str, Any]]
    products: dict[str, ProductInput]
    prices: Mapping[str, tuple[Decimal, int]]
    people: Mapping[str, Any]


def read(folder: Path) -> Fixtures:
    products = [_product(x) for x in _json(folder / "products.json")]
    return Fixtures(
        assets=_json(folder / "assets.json")["assets"],
        products={product.code: product for product in products},
        prices={
            code: (Decimal(price["start"]), price["swing"])
            for code, price in _json(folder / "prices.json").items()
        },
        people=_json(folder / "people.json"),
    )


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


_AS_THEY_STAND = (
    "names",
    "day_count",
    "tier_mode",
    "compounding",
    "payout",
    "final_rounding",
    "settlement_delay_days",
    "renewal_cutoff_hours",
    "notice_days",
    "risk_text",
    "risk_translations",
)


def _product(item: Mapping[str, Any]) -> ProductInput:
    early = item["early_redemption"]
    terms = {name: item[name] for name in _AS_THEY_STAND} | {
        "quota": _decimal(item["quota"]),
        "early_rule": early["rule"],
        "early_rate": _decimal(early["rate"]),
        "early_days": early["days"],
        "minimum_holding_days": early["minimum_holding_days"],
    }
    return ProductInput(
        code=item["code"],
        asset=item["asset"],
        kind=item["kind"],
        minimum=Decimal(item["minimum"]),
        step=Decimal(item["step"]),
        customer_cap=_decimal(item["customer_cap"]),
        countries_allowed=frozenset(item["countries_allowed"]),
        countries_denied=frozenset(item["countries_denied"]),
        minimum_kyc_level=item["minimum_kyc_level"],
        quota_shards=item["quota_shards"],
        charts=tuple(_chart(chart) for chart in item["charts"]),
        terms=terms,
    )


def _chart(item: Mapping[str, Any]) -> ChartInput:
    rows = (
        Row(row["term_days"], Decimal(row["from"]), Decimal(row["rate"]))
        for row in item["rows"]
    )
    return ChartInput(
        item["announced_after_days"], item["effective_after_days"], tuple(rows)
    )


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
