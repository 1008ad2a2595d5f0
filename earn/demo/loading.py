"""Brings the demo's assets, products and logins into the database: what is missing."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from allauth.account.models import EmailAddress
from django.db import transaction

from earn import catalogue
from earn.days import start_of
from earn.demo.fixtures import ChartInput, Fixtures, ProductInput
from earn.models import Customer, Product, RateChart, User
from ledger import balances, days
from ledger.models import Asset


class OthersBusiness(Exception):
    """The database holds business that is not the demo's."""


def load(fixtures: Fixtures, *, first_day: date) -> date:
    """Loads assets and products; the day that is day 0, which the first load decided.

    Raises OthersBusiness where somebody else's customers are.
    """
    with transaction.atomic():
        first_day = day_zero(fixtures) or first_day
        _load_assets(fixtures)
        known = set(Product.objects.values_list("code", flat=True))
        for product in fixtures.products.values():
            if product.code not in known:
                _load_product(product, first_day)
    return first_day


def day_zero(fixtures: Fixtures) -> date | None:
    """Day 0 in this database: the first chart of the first product tells it."""
    first = next(iter(fixtures.products.values()))
    chart = RateChart.objects.filter(product__code=first.code, version=1).first()
    if chart is not None:
        return chart.effective_on - timedelta(days=first.charts[0].effective_after)
    if balances.first_day() is not None or Customer.objects.exists():
        raise OthersBusiness
    return None


def announce_due(fixtures: Fixtures, *, first_day: date, index: int) -> None:
    """Announces the charts due by the day, but those that would change closed days."""
    passed = days.last_fenced()
    for product, chart in _later_charts(fixtures.products.values()):
        effective_on = first_day + timedelta(days=chart.effective_after)
        if chart.announced_after > index or (passed and effective_on <= passed):
            continue
        stored = Product.objects.get(code=product.code)
        if not stored.charts.filter(effective_on=effective_on).exists():
            _announce(stored, chart, first_day)


def login(email: str, *, password: str, at: datetime, is_staff: bool) -> User:
    """The user of that address, made if missing; who chose another password keeps it.

    The address counts as confirmed: nobody reads the mail of the demo's logins.
    """
    user = User.objects.filter(email=email).first()
    if user is None:
        create = User.objects.create_superuser if is_staff else User.objects.create_user
        user = create(email, password, joined_at=at)
    if not EmailAddress.objects.filter(user=user).exists():
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def attach(user: User, reference: str) -> None:
    """The login becomes that customer's, if it is nobody's yet."""
    if not Customer.objects.filter(user=user).exists():
        Customer.objects.filter(reference=reference, user=None).update(user=user)


def _load_assets(fixtures: Fixtures) -> None:
    Asset.objects.bulk_create(
        (Asset(**asset) for asset in fixtures.assets), ignore_conflicts=True
    )


def _load_product(source: ProductInput, first_day: date) -> None:
    product = Product.objects.create(
        code=source.code,
        asset=Asset.objects.get(code=source.asset),
        kind=source.kind,
        minimum=source.minimum,
        step=source.step,
        customer_cap=source.customer_cap,
        countries_allowed=sorted(source.countries_allowed),
        countries_denied=sorted(source.countries_denied),
        minimum_kyc_level=source.minimum_kyc_level,
        **source.terms,
    )
    _announce(product, source.charts[0], first_day)
    catalogue.create_quota(product, shards=source.quota_shards)
    catalogue.set_state(product, Product.State.OPEN)


def _later_charts(
    products: Iterable[ProductInput],
) -> Iterable[tuple[ProductInput, ChartInput]]:
    pairs = [(product, chart) for product in products for chart in product.charts[1:]]
    return sorted(pairs, key=lambda pair: pair[1].announced_after)


def _announce(product: Product, source: ChartInput, first_day: date) -> None:
    effective_on = first_day + timedelta(days=source.effective_after)
    announced_on = first_day + timedelta(days=source.announced_after)
    with transaction.atomic():
        chart = catalogue.add_chart(
            product=product, effective_on=effective_on, rows=source.rows
        )
        catalogue.announce(chart, at=start_of(announced_on))
