from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from earn import prices
from earn.models import Price
from ledger.models import Asset
from tests.earn.people import on
from tests.ledger.books import in_flight

pytestmark = pytest.mark.django_db


def asset(code: str, scale: int) -> Asset:
    return Asset.objects.create(code=code, name=code, scale=scale, kind="CRYPTO")


@pytest.fixture
def btc() -> Asset:
    return asset("BTC", 8)


@pytest.fixture
def usd() -> Asset:
    return asset("USD", 2)


@pytest.fixture
def eur() -> Asset:
    return asset("EUR", 2)


def test_the_last_price_at_the_moment_counts(btc: Asset, usd: Asset) -> None:
    prices.record([(btc, Decimal(60000))], at=on(1))
    prices.record([(btc, Decimal(70000))], at=on(2))
    half = Decimal("0.5")
    assert prices.value(half, btc, usd, on(1)) == 30000
    assert prices.value(half, btc, usd, on(2) - timedelta(seconds=1)) == 30000
    assert prices.value(half, btc, usd, on(2)) == 35000
    assert prices.value(half, btc, usd, on(1) - timedelta(seconds=1)) is None


def test_an_old_price_is_none(btc: Asset, usd: Asset) -> None:
    prices.record([(btc, Decimal(60000))], at=on(1))
    assert prices.value(Decimal(1), btc, usd, on(1) + prices.STALE) == 60000
    late = on(1) + prices.STALE + timedelta(microseconds=1)
    assert prices.value(Decimal(1), btc, usd, late) is None


def test_another_currency_is_reached_through_its_own_price(
    btc: Asset, usd: Asset, eur: Asset
) -> None:
    prices.record([(btc, Decimal(60000)), (eur, Decimal("1.2"))], at=on(1))
    assert prices.value(Decimal("0.1"), btc, eur, on(1)) == 5000
    assert prices.value(Decimal(100), usd, eur, on(1)) == Decimal("83.33")
    assert prices.value(Decimal(100), eur, eur, on(90)) == 100


def test_without_the_currency_s_price_there_is_no_value(btc: Asset, eur: Asset) -> None:
    prices.record([(btc, Decimal(60000))], at=on(1))
    assert prices.value(Decimal(1), btc, eur, on(1)) is None


def test_half_a_cent_is_rounded_up(btc: Asset, usd: Asset) -> None:
    prices.record([(btc, Decimal("0.125"))], at=on(1))
    assert prices.value(Decimal(1), btc, usd, on(1)) == Decimal("0.13")


def test_a_price_that_is_known_stays(btc: Asset, usd: Asset) -> None:
    for price in (60000, 70000):
        prices.record([(btc, Decimal(price))], at=on(1))
    assert prices.value(Decimal(1), btc, usd, on(1)) == 60000


def test_many_moments_take_one_query(
    btc: Asset, usd: Asset, django_assert_num_queries: Any
) -> None:
    for number in range(5):
        prices.record([(btc, Decimal(number + 1))], at=on(number))
    with django_assert_num_queries(1):
        known = prices.load([btc, usd], since=on(1), until=on(4))
        values = [known.value(Decimal(1), btc, usd, on(n)) for n in range(1, 5)]
    assert values == [2, 3, 4, 5]


@pytest.mark.parametrize("price", ["0", "-1"])
def test_prices_are_positive(btc: Asset, price: str) -> None:
    with pytest.raises(IntegrityError, match="prices_are_positive"), transaction.atomic():
        Price.objects.create(asset=btc, at=on(1), price=Decimal(price))


def test_a_moment_has_one_price(btc: Asset) -> None:
    Price.objects.create(asset=btc, at=on(1), price=1)
    with pytest.raises(IntegrityError, match="one_price_a_moment"), transaction.atomic():
        Price.objects.create(asset=btc, at=on(1), price=2)


def test_a_price_is_known_from_the_moment_it_is_recorded(btc: Asset, usd: Asset) -> None:
    """By the database's clock, whatever the writer says."""
    long_ago = on(-1000)
    Price.objects.create(asset=btc, at=on(1), price=1, recorded_at=long_ago)
    then = prices.settled_at()
    prices.record([(btc, Decimal(2))], at=on(2))
    first, second = Price.objects.order_by("at")
    assert long_ago < first.recorded_at <= then < second.recorded_at
    for known_at, value in ((long_ago, None), (then, 1), (second.recorded_at, 2)):
        known = prices.load([btc], since=on(2), until=on(2), known_at=known_at)
        assert known.value(Decimal(1), btc, usd, on(2)) == value


@pytest.mark.django_db(transaction=True)
def test_what_was_known_is_told_after_the_prices_that_are_being_recorded() -> None:
    coin = asset("BTC", 8)
    _, settled_at = in_flight(
        lambda: prices.record([(coin, Decimal(1))], at=on(1)), prices.settled_at
    )
    assert isinstance(settled_at, datetime)
    assert Price.objects.get().recorded_at < settled_at


@pytest.mark.parametrize(
    "act", [lambda x: x.update(price=2), lambda x: x.delete()], ids=["update", "delete"]
)
def test_a_price_never_changes(btc: Asset, act: Callable[[Any], Any]) -> None:
    prices.record([(btc, Decimal(1))], at=on(1))
    with pytest.raises(IntegrityError, match="history is only added to"):
        act(Price.objects.all())


def test_a_price_that_was_loaded_for_an_earlier_day_grows_old_too(
    btc: Asset, usd: Asset
) -> None:
    prices.record([(btc, Decimal(60000))], at=on(1))
    known = prices.load([btc, usd], since=on(1), until=on(9))
    assert known.value(Decimal(1), btc, usd, on(2)) == 60000
    assert known.value(Decimal(1), btc, usd, on(9)) is None
