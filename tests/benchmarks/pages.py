"""Server time and queries of each page, among many customers with a month behind them.

Every page goes through the whole stack of middleware, in this process. The floor is the
redirect of the favicon: the same stack, and next to nothing behind it. Each round asks for
every page of the same few customers, the floor before each.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.servers import Postgres
from earn import chart, close
from earn.days import ONE_DAY, start_of
from earn.models import Customer, Order, Position, Product, RateChart, User
from ledger.posting import Draft, Line, post_batch
from tests.benchmarks import cpu
from tests.benchmarks.close import without_triggers

PRODUCTS = 3_900
POSITIONS = 5  # of a customer
DAYS = 31
READERS = 10  # customers whose pages are measured
BATCH = 2_000
FOR_ALL = ("start", "explore")
FOR_CUSTOMERS = (
    "home",
    "calendar",
    "activity",
    "statements",
    "notifications",
    "verify",
    "preferences",
)


class Cost(NamedTuple):
    wall: float
    cpu: float


def measure(server: Postgres, *, n: int, rounds: int) -> Iterator[dict[str, object]]:
    """One line a page: medians over the rounds, ratios of the medians' pairs."""
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    today = datetime.now(UTC).date()  # pages say what comes after it
    fill(n, products=PRODUCTS, first=today - timedelta(days=DAYS), days=DAYS)
    yield from ask(server._recorded_pid(), n=n, rounds=rounds)


def ask(postmaster: int, *, n: int, rounds: int) -> Iterator[dict[str, object]]:
    clients, addresses = _readers(), _addresses()
    for asked in addresses.values():  # templates are compiled, connections open
        _get(clients[0], asked[0])
    costs: dict[str, list[tuple[Cost, Cost]]] = {name: [] for name in addresses}
    floor = [reverse("portal:start").rstrip("/") + "/favicon.ico"] * len(clients)
    for _ in range(rounds):
        for name, asked in addresses.items():
            pair = _cost(postmaster, clients, floor), _cost(postmaster, clients, asked)
            costs[name].append(pair)
    for name, pairs in costs.items():
        with CaptureQueriesContext(connection) as queries:
            size = _get(clients[-1], addresses[name][-1])
        yield {
            "bench": "pages",
            "page": name,
            "n": n,
            "milliseconds": _ms(median(page.wall for _, page in pairs)),
            "cpu_milliseconds": _ms(median(page.cpu for _, page in pairs)),
            "floor_milliseconds": _ms(median(floor.wall for floor, _ in pairs)),
            "wall_ratio_to_floor": round(median(p.wall / f.wall for f, p in pairs), 1),
            "queries": len(queries),
            "bytes": size,
        }


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)


def _cost(postmaster: int, clients: list[Client], asked: list[str]) -> Cost:
    """Of one request, as the mean of one by each reader."""
    began, used = perf_counter(), cpu.seconds(postmaster)
    for client, address in zip(clients, asked, strict=True):
        _get(client, address)
    wall, spent = perf_counter() - began, cpu.seconds(postmaster) - used
    return Cost(wall / len(clients), spent / len(clients))


def _get(client: Client, address: str) -> int:
    answer = client.get(address, headers={"accept-encoding": "gzip"})
    if answer.status_code not in (200, 302):
        raise SystemExit(f"{address} answers {answer.status_code}.")
    return len(answer.content)


def _customers() -> list[Customer]:
    """Spread over all of them."""
    count = Customer.objects.count()
    every = max(1, count // READERS)
    return list(Customer.objects.order_by("pk")[::every][:READERS])


def _readers() -> list[Client]:
    clients = []
    for customer in _customers():
        client = Client(SERVER_NAME="localhost")
        client.force_login(customer.user)  # type: ignore[arg-type]
        clients.append(client)
    return clients


def _addresses() -> dict[str, list[str]]:
    """By name of the page, one of each reader."""
    customers = _customers()
    positions = [
        Position.objects.filter(customer=customer).select_related("product").latest("pk")
        for customer in customers
    ]
    orders = [
        Order.objects.filter(customer=customer).latest("pk") for customer in customers
    ]
    last = close.DayClose.objects.latest("day").day
    plain = {
        name: [reverse(f"portal:{name}")] * len(customers)
        for name in (*FOR_ALL, *FOR_CUSTOMERS)
    }
    codes = [position.product.code for position in positions]
    return plain | {
        "product": [reverse("portal:product", args=[code]) for code in codes],
        "subscribe": [reverse("portal:subscribe", args=[code]) for code in codes],
        "position": [reverse("portal:position", args=[x.pk]) for x in positions],
        "position-day": [
            reverse("portal:position-day", args=[x.pk, last]) for x in positions
        ],
        "receipt": [reverse("portal:receipt", args=[x.pk]) for x in orders],
    }


# Filling


def fill(n: int, *, products: int, first: date, days: int) -> None:
    """N customers with money, positions and orders, and the closes of some days."""
    at = start_of(first)
    with without_triggers(), connection.cursor() as cursor:
        catalogue = Path(__file__).with_name("catalogue.sql").read_text()
        cursor.execute(catalogue, {"products": products})
    users = User.objects.bulk_create(
        User(email=f"customer-{i}@example.com", password="!") for i in range(n)
    )
    customers = Customer.objects.bulk_create(Customer(user=user) for user in users)
    orders = _subscribed(customers, list(Product.objects.select_related("asset")), at)
    for begin in range(0, len(orders), BATCH):
        some = orders[begin : begin + BATCH]
        with transaction.atomic():
            post_batch(draft for order in some for draft in _drafts(order))
    with connection.cursor() as cursor:
        cursor.execute(
            "update earn_order o set entry_id = e.id from ledger_entry e"
            " where e.key = 'order:' || o.id"
        )
        cursor.execute("analyze")
    for number in range(days):
        day = first + number * ONE_DAY
        list(close.close_through(day, at=start_of(day + ONE_DAY)))
    with connection.cursor() as cursor:
        cursor.execute("analyze")


def _subscribed(
    customers: list[Customer], products: list[Product], at: datetime
) -> list[Order]:
    charts = {x.product_id: x for x in RateChart.objects.all()}
    places = [
        (customer, products[(number * 7 + part * 1_049) % len(products)])
        for number, customer in enumerate(customers)
        for part in range(POSITIONS)
    ]
    with without_triggers():
        positions = Position.objects.bulk_create(
            (_position(*place, charts, at) for place in places), batch_size=BATCH
        )
        return Order.objects.bulk_create(
            (
                Order(
                    customer=x.customer,
                    key=f"bench-{x.pk}",
                    kind=Order.Kind.SUBSCRIBE,
                    request={},
                    at=at,
                    product=x.product,
                    position=x,
                    amount=x.principal,
                )
                for x in positions
            ),
            batch_size=BATCH,
        )


def _position(
    customer: Customer, product: Product, charts: dict[int, RateChart], at: datetime
) -> Position:
    is_fixed = product.kind == "FIXED"
    first = at.date() + ONE_DAY
    return Position(
        customer=customer,
        product=product,
        chart=charts[product.pk] if is_fixed else None,
        term_days=365 if is_fixed else None,
        principal=Decimal(100 + customer.pk % 9_000),
        opened_at=at,
        first_day=first,
        last_day=first + timedelta(days=364) if is_fixed else None,
        matures_on=first + timedelta(days=365) if is_fixed else None,
        touched_on=at.date(),
        compounds=product.compounding == "DAILY",
    )


def _drafts(order: Order) -> Iterator[Draft]:
    """Twice what is subscribed comes, so that there is something in the wallet."""
    position = order.position
    assert position is not None
    asset = position.product.asset_id
    wallet = chart.wallet(position.customer, asset)
    custody, principal = chart.custody(asset), chart.principal(position)
    amount, note = position.principal, {"order": order.pk, "position": position.pk}
    for key, kind, line, said in (
        (f"deposit:{order.pk}", "DEPOSIT", Line(custody, wallet, amount * 2), {}),
        (f"order:{order.pk}", "SUBSCRIBE", Line(wallet, principal, amount), note),
    ):
        yield Draft(key=key, kind=kind, lines=[line], happened_at=order.at, note=said)
