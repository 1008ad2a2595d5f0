"""The house's coins: in custody, at venues, and whether they cover what customers hold."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from earn import chart
from earn.models import Venue
from earn.sql import sql
from ledger import balances
from ledger.models import Asset

NOTHING = Decimal(0)
_FAMILIES = (chart.DEPLOYED, chart.YIELDS)


class Stock(NamedTuple):
    """One asset as recorded now; what is deployed and earned, by code of the venue.

    A venue where there is nothing and never was is not named. `free` is what customers
    have in their wallets, and may take out at any moment.
    """

    asset: Asset
    custody: Decimal
    deployed: Mapping[str, Decimal]
    earned: Mapping[str, Decimal]
    free: Decimal

    @property
    def all(self) -> Decimal:
        return sum(self.deployed.values(), self.custody)


class Standing(NamedTuple):
    """One asset when a day was over: what the house had, and what it owed."""

    asset: Asset
    custody: Decimal
    deployed: Decimal
    wallets: Decimal
    principals: Decimal
    redeeming: Decimal
    accrued: Decimal
    assets: Decimal
    liabilities: Decimal

    @property
    def owed(self) -> Decimal:
        """To customers; budgets and the like are no customer's."""
        return self.wallets + self.principals + self.redeeming + self.accrued

    @property
    def covered_by(self) -> Decimal:
        return self.custody + self.deployed

    @property
    def missing(self) -> Decimal:
        return max(self.owed - self.covered_by, NOTHING)

    @property
    def ratio(self) -> Decimal | None:
        """As a fraction, cut after six decimals: what is not covered never looks it."""
        if self.owed <= 0:
            return None
        return (self.covered_by / self.owed).quantize(Decimal("0.000001"), "ROUND_FLOOR")


class Margin(NamedTuple):
    """What deployed coins earned and what interest cost in the same time."""

    asset: Asset
    yielded: Decimal
    interest: Decimal

    @property
    def net(self) -> Decimal:
        return self.yielded - self.interest


def stocks() -> list[Stock]:
    """Every asset, by code, as recorded now; the number of queries does not grow."""
    venues = list(Venue.objects.order_by("code").values_list("code", flat=True))
    codes = [chart.CUSTODY]
    codes += [f"{family}{venue}" for venue in venues for family in _FAMILIES]
    found = {key: figures.balance for key, figures in balances.present(codes=codes).items()}
    free = _free()
    return [
        _stock(asset, venues, found, free.get(asset.pk, NOTHING))
        for asset in Asset.objects.order_by("code")
    ]


def locked(asset: Asset) -> Asset:
    """One movement of an asset's coins after another: each sees what the last one left.

    Customers' withdrawals do not wait for it: custody has no balance to lock.
    """
    return Asset.objects.select_for_update(no_key=True).get(pk=asset.pk)


def held(asset: Asset, code: str) -> Decimal:
    """What an account of the house holds with all that is recorded, of whatever moment."""
    figures = balances.present(codes=[code], asset_id=asset.pk).get((asset.pk, code))
    return figures.balance if figures else NOTHING


def standings(day: date) -> list[Standing]:
    """Of the assets that had any entries by an ended day, by code."""
    parameters = {
        "day": day,
        "custody": chart.CUSTODY,
        "deployed": f"{chart.DEPLOYED}%",
        "wallets": chart.WALLETS,
        "principals": chart.PRINCIPALS,
        "redeeming": chart.REDEEMING,
        "accrued": chart.ACCRUED,
    }
    return [Standing(*row) for row in by_asset("standing", parameters)]


def margins(first: date, last: date) -> list[Margin]:
    """By value date, of the days `first` to `last`, which has ended."""
    parameters = {
        "first": first,
        "last": last,
        "yields": f"{chart.YIELDS}%",
        "interest": chart.INTEREST,
    }
    return [
        Margin(asset, yielded or NOTHING, interest or NOTHING)
        for asset, yielded, interest in by_asset("margin", parameters)
    ]


def by_asset(name: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Rows of a statement whose first column is an asset, which takes its place."""
    assets = Asset.objects.in_bulk()
    with connection.cursor() as cursor:
        cursor.execute(sql(name), parameters)
        rows = [(assets[asset], *figures) for asset, *figures in cursor]
    return sorted(rows, key=lambda row: str(row[0].code))


def _free() -> dict[int, Decimal]:
    with connection.cursor() as cursor:
        cursor.execute(sql("free_wallets"), {"wallets": chart.WALLETS})
        return dict(cursor.fetchall())


def _stock(
    asset: Asset,
    venues: list[str],
    found: Mapping[tuple[int, str], Decimal],
    free: Decimal,
) -> Stock:
    def at_venues(family: str) -> dict[str, Decimal]:
        named = {venue: found.get((asset.pk, f"{family}{venue}")) for venue in venues}
        return {venue: amount for venue, amount in named.items() if amount is not None}

    custody = found.get((asset.pk, chart.CUSTODY), NOTHING)
    return Stock(asset, custody, at_venues(chart.DEPLOYED), at_venues(chart.YIELDS), free)
