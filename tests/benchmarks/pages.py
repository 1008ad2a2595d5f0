"""Server time and queries of each page, among many customers with a month behind them.

Every page goes through the whole stack of middleware, in this process. The floor is the
redirect of the favicon: the same stack, and next to nothing behind it. Each round asks for
every page of the same few customers, the floor before each.

The pages are those of tests/portal/pages.py, so that a new one is measured by itself or,
when its address cannot be made of these rows, stops the bench until it is named here.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.servers import Postgres
from earn import chart, close, feeds, statements, subscriptions
from earn.days import ONE_DAY, start_of
from earn.models import (
    CalendarFeed,
    Customer,
    Order,
    Position,
    Product,
    RateChart,
    User,
)
from ledger.posting import Draft, Line, post_batch
from tests.benchmarks import cpu
from tests.benchmarks.close import without_triggers
from tests.portal import pages as listed
from tests.portal.pages import Alice, May, Page

PRODUCTS = 3_900
POSITIONS = 5  # of a customer
DAYS = 31
READERS = 10  # customers whose pages are measured
BATCH = 2_000
# Why a page is not measured, by its name.
MIDDLE = "is there in the middle of signing in or of a reset alone"
SENT_TO = "is only sent to"
ELSEWHERE = "leads elsewhere"
LEFT_OUT = {
    "portal:favicon.ico": "is the floor",
    "portal:calendar-address": SENT_TO,
    "portal:cancel": "no product of these settles later: nothing is on its way",
    "set_language": SENT_TO,
    "account_email_verification_sent": MIDDLE,
    "account_confirm_password_reset_code": MIDDLE,
    "account_complete_password_reset": MIDDLE,
    "mfa_authenticate": MIDDLE,
    "account_confirm_login_code": ELSEWHERE,
    "account_set_password": ELSEWHERE,
    "account_reauthenticate": ELSEWHERE,  # who has second factors, as readers have
    "mfa_activate_totp": ELSEWHERE,
    "mfa_login_webauthn": ELSEWHERE,
    "admin:login": ELSEWHERE,
    "admin:logout": ELSEWHERE,
}
SIGNED_OUT = ("account_login", "account_signup", "account_reset_password")
FORMS = {"portal:statement": "csv json pdf", "portal:income": "csv json pdf"}
HTMX = {"HX-Request": "true"}


class Reader(NamedTuple):
    """A customer whose pages are measured, with what their addresses name."""

    customer: Customer
    flexible: Position
    fixed: Position
    booked: Order  # whose entry is sealed
    ordered: Order  # with frozen terms
    passkey: Authenticator
    feed: CalendarFeed
    month: str
    last: date  # day that is closed


class Asked(NamedTuple):
    """One request of a page; with `fields`, as its form sends it."""

    path: str
    is_signed_in: bool = True
    fields: dict[str, str] | None = None
    headers: dict[str, str] | None = None


ARGUMENTS: dict[Callable[[Alice], list[Any]], Callable[[Reader], list[Any]]] = {
    Page(May.EVERYBODY).args: lambda _: [],  # where nothing is declared
    listed.of_product: lambda x: [x.flexible.product.code],
    listed.of_position: lambda x: [x.flexible.pk],
    listed.of_term: lambda x: [x.fixed.pk],
    listed.of_day: lambda x: [x.flexible.pk, x.last],
    listed.of_subscription: lambda x: [x.ordered.pk, "pdf"],
    listed.of_statement: lambda x: [x.month, "json"],
    listed.of_year: lambda x: [x.last.year, "csv"],
    listed.of_redemption: lambda x: [x.ordered.pk],
    listed.of_feed: lambda x: [feeds.token_of(x.feed)],
    listed.of_entry: lambda x: [x.booked.entry_id],
    listed.of_seal: lambda _: [1],
    listed.of_passkey: lambda x: [x.passkey.pk],
}


class Cost(NamedTuple):
    wall: float
    cpu: float


class Clients(NamedTuple):
    """Of one reader."""

    signed_in: Client
    signed_out: Client


def measure(server: Postgres, *, n: int, rounds: int) -> Iterator[dict[str, object]]:
    """One line a page: medians over the rounds, ratios of the medians' pairs."""
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    today = datetime.now(UTC).date()  # pages say what comes after it
    fill(n, products=PRODUCTS, first=today - timedelta(days=DAYS), days=DAYS)
    yield from ask(server._recorded_pid(), n=n, rounds=rounds)


def ask(
    postmaster: int, *, n: int, rounds: int, count: int = READERS
) -> Iterator[dict[str, object]]:
    readers = _readers(count)
    pages = _pages(readers)
    clients = _clients(readers)
    for asked in pages.values():  # templates are compiled, connections open
        _send(clients[0], asked[0])
    costs: dict[str, list[tuple[Cost, Cost]]] = {name: [] for name in pages}
    floor = [Asked(reverse("portal:start") + "favicon.ico")] * len(readers)
    for _ in range(rounds):
        clients = _clients(readers)  # signed in just now: nobody is asked again
        for name, asked in pages.items():
            pair = _cost(postmaster, clients, floor), _cost(postmaster, clients, asked)
            costs[name].append(pair)
    for name, pairs in costs.items():
        with CaptureQueriesContext(connection) as queries:
            size = _send(clients[-1], pages[name][-1])
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


def _cost(postmaster: int, clients: list[Clients], asked: list[Asked]) -> Cost:
    """Of one request, as the mean of one by each reader."""
    began, used = perf_counter(), cpu.seconds(postmaster)
    for pair, one in zip(clients, asked, strict=True):
        _send(pair, one)
    wall, spent = perf_counter() - began, cpu.seconds(postmaster) - used
    return Cost(wall / len(clients), spent / len(clients))


def _send(clients: Clients, asked: Asked) -> int:
    client = clients.signed_in if asked.is_signed_in else clients.signed_out
    headers = {"accept-encoding": "gzip"} | (asked.headers or {})
    if asked.fields is None:
        answer = client.get(asked.path, headers=headers)
    else:
        answer = client.post(asked.path, asked.fields, headers=headers)
    is_floor = asked.path.endswith("favicon.ico")
    if answer.status_code != (302 if is_floor else 200):
        raise SystemExit(f"{asked.path} answers {answer.status_code}.")
    return len(answer.getvalue())


def _readers(count: int) -> list[Reader]:
    """Spread over all customers."""
    every = max(1, Customer.objects.count() // count)
    found = Customer.objects.select_related("user").order_by("pk")[::every][:count]
    return [_reader(customer) for customer in found]


def _reader(customer: Customer) -> Reader:
    """With what an address can name besides money: second factors, a feed, a new order."""
    at, user = datetime.now(UTC), customer.user
    assert user is not None
    user.set_password(listed.PASSWORD)
    user.save()
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    positions = Position.objects.filter(customer=customer).select_related("product__asset")
    fixed = positions.filter(term_days__isnull=False)[0]
    ordered = subscriptions.subscribe(
        customer=customer,
        product=fixed.product,
        amount=Decimal(1),
        term_days=fixed.term_days,
        key="bench",
        at=at,
    )
    months = [x for x in statements.periods(customer) if len(x.code) == len("2026-01")]
    return Reader(
        customer=customer,
        flexible=positions.filter(term_days=None).latest("pk"),
        fixed=fixed,
        booked=Order.objects.filter(customer=customer).earliest("pk"),
        ordered=ordered,
        passkey=listed.add_factors(user),
        feed=CalendarFeed.objects.create(customer=customer, created_at=at),
        month=next(x.code for x in months if "Q" not in x.code),
        last=close.DayClose.objects.latest("day").day,
    )


def _clients(readers: list[Reader]) -> list[Clients]:
    return [
        Clients(
            listed.signed_in(reader.customer.user, SERVER_NAME="localhost"),
            Client(SERVER_NAME="localhost"),
        )
        for reader in readers
    ]


def _pages(readers: list[Reader]) -> dict[str, list[Asked]]:
    """By name of the page, one request of each reader."""
    found: dict[str, list[Asked]] = {}
    for reader in readers:
        for name, asked in (*_enumerated(reader), *_besides(reader)):
            found.setdefault(name.removeprefix("portal:"), []).append(asked)
    return found


def _enumerated(reader: Reader) -> Iterator[tuple[str, Asked]]:
    for route in listed.routes():
        page = listed.page_of(route)
        if page is None:
            raise SystemExit(f"{route.name} is not in PAGES of tests/portal/pages.py.")
        if page.may == May.STAFF or route.name in LEFT_OUT:
            continue
        if page.args not in ARGUMENTS:
            raise SystemExit(f"{route.name}: say in ARGUMENTS how to make its address.")
        arguments = ARGUMENTS[page.args](reader)
        is_signed_in = route.name not in SIGNED_OUT
        for form in FORMS.get(route.name, "").split():
            path = reverse(route.name, args=[arguments[0], form])
            yield f"{route.name}.{form}", Asked(path, is_signed_in)
        if route.name not in FORMS:
            yield route.name, Asked(reverse(route.name, args=arguments), is_signed_in)


def _besides(reader: Reader) -> Iterator[tuple[str, Asked]]:
    """Answers of the same addresses to forms and to htmx."""
    code, position = reader.flexible.product.code, reader.flexible.pk
    calculator = reverse("portal:calculator", args=[code])
    explore = reverse("portal:explore")
    yield "calculator, htmx", Asked(f"{calculator}?amount=100", headers=HTMX)
    yield "explore, htmx", Asked(f"{explore}?q=A1", headers=HTMX)
    for name, argument, fields in (
        ("subscribe", code, {"amount": "1"}),
        ("redeem", position, {"part": "PART", "amount": "1"}),
    ):
        path = reverse(f"portal:{name}", args=[argument])
        yield f"{name}, preview", Asked(path, fields=fields)


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
