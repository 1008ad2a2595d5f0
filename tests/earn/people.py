"""Who takes part in these tests, what they can buy, and how a day goes by.

Alice saves, Bob saves beside her, and Charlie must be kept out of what is theirs.
"""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count
from threading import Barrier, Thread
from typing import Any
from unittest.mock import patch

from django.db import connection, transaction

from earn import catalogue, checks, close, funds, redemptions, subscriptions
from earn.catalogue import Row
from earn.days import ONE_DAY, start_of
from earn.models import Accrual, Customer, Order, Position, Product, QuotaShard, RateChart
from earn.refusals import Refusal
from ledger import balances
from ledger.models import Asset, Entry

MONDAY = date(2026, 1, 5)
ANNOUNCED = datetime.fromisoformat("1900-01-01T00:00:00Z")
TEN_PERCENT = [(None, 0, "0.10")]
TERMS = [(10, 0, "0.10"), (30, 0, "0.12")]
_numbers = count(1)

type_of_rows = Iterable[tuple[int | None, Any, str]]


def day(number: int) -> date:
    """Day 0 is the Monday on which the stories begin."""
    return MONDAY + timedelta(days=number)


def on(number: int, hour: int = 10, minute: int = 0) -> datetime:
    return start_of(day(number)) + timedelta(hours=hour, minutes=minute)


def key() -> str:
    return f"key-{next(_numbers)}"


def money(code: str = "USD", scale: int = 2) -> Asset:
    known = {"name": code, "scale": scale, "kind": Asset.Kind.FIAT}
    return Asset.objects.get_or_create(code=code, defaults=known)[0]


def customer(name: str, **known: Any) -> Customer:
    return Customer.objects.create(
        **({"reference": name, "country": "DE", "kyc_level": 2} | known)
    )


def draft(code: str, *, kind: str = "FLEXIBLE", **terms: Any) -> Product:
    """A product that nobody can buy yet."""
    payout = "AT_MATURITY" if kind == "FIXED" else "ON_REDEMPTION"
    terms = {"asset": terms.get("asset") or money(), "payout": payout} | terms
    for name in ("quota", "customer_cap", "minimum", "step", "early_rate"):
        if terms.get(name) is not None:
            terms[name] = Decimal(terms[name])
    return Product.objects.create(code=code, kind=kind, **terms)


def rows(*tiers: tuple[int | None, Any, str]) -> list[Row]:
    return [Row(term, Decimal(lower), Decimal(rate)) for term, lower, rate in tiers]


def chart(
    product: Product,
    effective_on: date,
    *tiers: tuple[int | None, Any, str],
    at: datetime | None = ANNOUNCED,
) -> RateChart:
    """A rate chart of (term, from, rate); announced unless `at` is None."""
    made = catalogue.add_chart(
        product=product, effective_on=effective_on, rows=rows(*tiers)
    )
    if at is not None:
        catalogue.announce(made, at=at)
    return made


def flexible(
    code: str = "flexible", tiers: Any = TEN_PERCENT, *, shards: int = 1, **terms: Any
) -> Product:
    return _opened(draft(code, **terms), tiers, shards)


def fixed(
    code: str = "fixed", tiers: Any = TERMS, *, shards: int = 1, **terms: Any
) -> Product:
    return _opened(draft(code, kind="FIXED", **terms), tiers, shards)


def _opened(product: Product, tiers: Any, shards: int) -> Product:
    chart(product, ANNOUNCED.date(), *tiers)
    catalogue.create_quota(product, shards=shards)
    catalogue.set_state(product, Product.State.OPEN)
    return product


def fund(
    who: Customer, amount: Any = 100_000, *, at: datetime, asset: Asset | None = None
) -> None:
    funds.deposit(
        customer=who, asset=asset or money(), amount=Decimal(amount), key=key(), at=at
    )


def subscribe(
    who: Customer, product: Product, amount: Any, at: datetime, **choices: Any
) -> Position:
    """An order that the wallet is funded for; the position where the money is."""
    fund(who, amount, at=at, asset=product.asset)
    return buy(who, product, amount, at, **choices).position


def buy(
    who: Customer, product: Product, amount: Any, at: datetime, **choices: Any
) -> Order:
    choices = {"key": key(), "customer": who} | choices
    return subscriptions.subscribe(
        product=product, amount=Decimal(amount), at=at, **choices
    )


def redeem(position: Position, at: datetime, amount: Any = None, **choices: Any) -> Order:
    """All of it by the position's own customer, unless an amount or another is named."""
    choices = {"key": key(), "customer": position.customer} | choices
    wanted = None if amount is None else Decimal(amount)
    return redemptions.redeem(position_id=position.pk, amount=wanted, at=at, **choices)


def close_to(number: int, *, at: datetime | None = None) -> list[date]:
    """Closes all days through day `number`; by default on the morning after it."""
    morning = start_of(day(number) + ONE_DAY) + timedelta(minutes=5)
    return list(close.close_through(day(number), at=at or morning))


def wallet(who: Customer, asset: Asset | None = None) -> Decimal:
    return held(f"customer:{who.uuid}:wallet", asset)


def redeeming(who: Customer, asset: Asset | None = None) -> Decimal:
    return held(f"customer:{who.uuid}:redeeming", asset)


def held(code: str, asset: Asset | None = None) -> Decimal:
    return balances.available(asset_id=(asset or money()).pk, code=code)


def now(position: Position) -> Position:
    """The position as it stands in the database."""
    return Position.objects.select_related("product__asset", "customer").get(pk=position.pk)


def earned(position: Position) -> dict[int, Decimal]:
    """Interest by number of the day."""
    found = Accrual.objects.filter(position_id=position.pk).values_list("day", "interest")
    return {(on_day - MONDAY).days: interest for on_day, interest in found.order_by("day")}


def bases(position: Position) -> dict[int, Decimal]:
    found = Accrual.objects.filter(position_id=position.pk).values_list("day", "basis")
    return {(on_day - MONDAY).days: basis for on_day, basis in found.order_by("day")}


def used(product: Product) -> Decimal:
    shards = QuotaShard.objects.filter(product=product).values_list("used", flat=True)
    return sum(shards, Decimal(0))


def broken() -> list[str]:
    """What the books and the business find wrong with themselves: nothing, it is hoped."""
    return [
        f"{check.name}: {x.subject}: {x.detail}"
        for check, found in checks.everything()
        for x in found
    ]


def footprint() -> list[Any]:
    """All that an order could leave behind besides its own row."""
    return [
        Entry.objects.count(),
        list(Position.objects.order_by("pk").values()),
        list(QuotaShard.objects.order_by("pk").values()),
    ]


def refused(act: Callable[[], Any]) -> Refusal:
    """The refusal of an order that has to leave everything as it was."""
    before = footprint()
    try:
        act()
    except Refusal as refusal:
        assert footprint() == before
        return refusal
    raise AssertionError("it was not refused")


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Runs each act in a thread and connection of its own, all let go together.

    What each returned, or the exception that it raised. No two may have locked crosswise: a
    use case that PostgreSQL had to break is one that would be begun again.
    """
    begun_again: list[float] = []
    start = Barrier(len(acts))
    outcomes: list[Any] = [None] * len(acts)

    def run(number: int, act: Callable[[], Any]) -> None:
        try:
            with connection.cursor() as cursor:  # connected before the start
                cursor.execute("set lock_timeout = '30s'")
            start.wait()
            outcomes[number] = act()
        except Exception as error:  # noqa: BLE001  handed to the test
            outcomes[number] = error
            start.abort()  # if it failed to connect, the others would wait for it
        finally:
            connection.close()

    threads = [Thread(target=run, args=pair) for pair in enumerate(acts)]
    with patch("ledger.posting.sleep", begun_again.append):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not begun_again
    return outcomes


class Undone(Exception):
    """Rolls back what was only played to be looked at."""


def played(story: Callable[[], Any]) -> Any:
    """What a story comes to, in a world that is forgotten afterwards."""
    outcome = None
    try:
        with transaction.atomic():
            outcome = story()
            raise Undone
    except Undone:
        return outcome
