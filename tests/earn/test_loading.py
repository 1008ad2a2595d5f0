"""The demo's input in the database."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from earn.days import start_of
from earn.demo import fixtures, loading, quotes
from earn.demo.fixtures import Fixtures
from earn.models import Customer, Price, Product, QuotaShard, RateChart, RateTier, User
from ledger import days
from ledger.models import Asset
from tests.earn.people import played

FIRST_DAY = date(2026, 1, 1)
AT = datetime(2026, 4, 1, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def source() -> Fixtures:
    return fixtures.read(Path(__file__).parents[2] / "fixtures")


def counts() -> list[int]:
    return [m.objects.count() for m in (Asset, Product, QuotaShard, RateChart, RateTier)]


def announced(code: str) -> list[tuple[date, date]]:
    """(announced on, effective on) of a product's charts."""
    charts = RateChart.objects.filter(product__code=code).order_by("version")
    return [(c.announced_at.date(), c.effective_on) for c in charts if c.announced_at]


def of_day(index: int) -> date:
    return FIRST_DAY + timedelta(days=index)


def test_every_asset_and_product_is_loaded_and_open(source):
    loading.load(source, first_day=FIRST_DAY)
    assert Asset.objects.count() == len(source.assets)
    assert Product.objects.filter(state="OPEN").count() == len(source.products)


def test_a_product_has_the_terms_of_its_file(source):
    loading.load(source, first_day=FIRST_DAY)
    for code in ("ETH-FIXED", "USDT-WEEKLY", "PYUSD-FLEX"):
        wanted = source.products[code]
        product = Product.objects.get(code=code)
        assert {name: getattr(product, name) for name in wanted.terms} == wanted.terms
        assert (product.minimum, product.step) == (wanted.minimum, wanted.step)
        assert set(product.countries_allowed) == wanted.countries_allowed
        assert set(product.countries_denied) == wanted.countries_denied
        assert product.minimum_kyc_level == wanted.minimum_kyc_level


def test_a_quota_is_spread_over_its_shards(source):
    loading.load(source, first_day=FIRST_DAY)
    shards = QuotaShard.objects.filter(product__code="USDT-WEEKLY")
    assert {shard.capacity for shard in shards} == {3000}
    assert shards.count() == 8


def test_only_first_charts_are_announced_at_first(source):
    loading.load(source, first_day=FIRST_DAY)
    assert RateChart.objects.count() == len(source.products)
    assert announced("USDT-FLEX") == [(of_day(-10), FIRST_DAY)]


def test_loading_again_changes_nothing_and_keeps_the_calendar(source):
    loading.load(source, first_day=FIRST_DAY)
    before = counts()
    assert loading.load(source, first_day=date(2026, 2, 2)) == FIRST_DAY
    assert counts() == before


def test_loading_again_adds_what_was_missing(source):
    first, *_ = source.products.values()
    loading.load(replace(source, products={first.code: first}), first_day=FIRST_DAY)
    loading.load(source, first_day=FIRST_DAY)
    assert Product.objects.count() == len(source.products)


def test_a_later_chart_is_announced_once_on_its_day(source):
    loading.load(source, first_day=FIRST_DAY)
    loading.announce_due(source, first_day=FIRST_DAY, index=29)
    assert len(announced("USDT-FLEX")) == 1
    for _ in range(2):
        loading.announce_due(source, first_day=FIRST_DAY, index=30)
    assert announced("USDT-FLEX")[1:] == [(of_day(30), of_day(40))]


def test_charts_of_passed_over_days_are_announced_in_their_order(source):
    loading.load(source, first_day=FIRST_DAY)
    loading.announce_due(source, first_day=FIRST_DAY, index=89)
    charts = source.products["ETH-STAKED"].charts
    assert announced("ETH-STAKED") == [
        (of_day(c.announced_after), of_day(c.effective_after)) for c in charts
    ]


def test_a_chart_never_changes_a_day_that_is_closed(source):
    loading.load(source, first_day=FIRST_DAY)
    days.fence(of_day(50))
    loading.announce_due(source, first_day=FIRST_DAY, index=89)
    assert len(announced("USDC-FLEX")) == 1  # effective on day 50
    assert len(announced("AVAX-FLEX")) == 2  # effective on day 60


def test_somebody_elses_database_is_left_alone(source):
    Customer.objects.create(reference="a real one")
    with pytest.raises(loading.OthersBusiness):
        loading.load(source, first_day=FIRST_DAY)
    assert counts() == [0, 0, 0, 0, 0]


def test_a_demo_with_customers_is_no_other_business(source):
    loading.load(source, first_day=FIRST_DAY)
    Customer.objects.create(reference="demo-1")
    assert loading.load(source, first_day=FIRST_DAY) == FIRST_DAY


def test_a_login_is_made_once_and_keeps_a_password_of_its_own():
    user = loading.login("admin@example.com", password="first", at=AT, is_staff=True)
    assert user.is_superuser
    assert user.check_password("first")
    user.set_password("own")
    user.save()
    again = loading.login("admin@example.com", password="first", at=AT, is_staff=True)
    assert again.check_password("own")
    assert User.objects.count() == 1


def test_a_login_belongs_to_one_customer():
    for number in (1, 2):
        Customer.objects.create(reference=f"demo-{number}")
    user = loading.login("customer@example.com", password="x", at=AT, is_staff=False)
    assert not user.is_staff
    for number in (1, 2):
        loading.attach(user, f"demo-{number}")
    assert [c.reference for c in Customer.objects.filter(user=user)] == ["demo-1"]


def test_announcements_are_made_at_the_start_of_their_day(source):
    loading.load(source, first_day=FIRST_DAY)
    first = RateChart.objects.get(product__code="BTC-FLEX")
    assert first.announced_at == start_of(of_day(-10))


def test_each_asset_has_a_price_a_day_and_keeps_it(source):
    loading.load(source, first_day=FIRST_DAY)
    quotes.record(source, first_day=FIRST_DAY, through=of_day(2))
    first = list(Price.objects.order_by("pk").values_list("asset__code", "at", "price"))
    assert len(first) == 3 * len(source.prices)
    starts = {code: price for code, at, price in first if at.date() == FIRST_DAY}
    assert starts == {code: start for code, (start, _) in source.prices.items()}
    quotes.record(source, first_day=FIRST_DAY, through=of_day(4))
    assert Price.objects.count() == 5 * len(source.prices)
    assert (
        list(Price.objects.order_by("pk").values_list("asset__code", "at", "price"))[
            : len(first)
        ]
        == first
    )


def test_prices_do_not_depend_on_how_often_they_were_asked_for(source):
    loading.load(source, first_day=FIRST_DAY)

    def known_after(*days: int) -> set[tuple[object, ...]]:
        for number in days:
            quotes.record(source, first_day=FIRST_DAY, through=of_day(number))
        return set(Price.objects.values_list("asset", "at", "price"))

    in_steps = played(lambda: known_after(1, 9))
    assert known_after(9) == in_steps
