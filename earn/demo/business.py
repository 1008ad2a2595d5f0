"""The orders of one day. Whatever was done before the demo was killed is not done again."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial

from django.db import connection

from earn import redemptions, subscriptions
from earn.days import end_of, start_of
from earn.demo.acting import Market, Turn, available, deposit, sent
from earn.demo.people import Intent, Person
from earn.models import Customer, Order, Product

KEYS = "demo:"  # how the keys of the demo's orders begin
CROWD = 16  # threads of a rush

Crowd = Sequence[tuple[Person, Decimal]]


@dataclass(slots=True)
class Played:
    """What happened on a day in this run. `refusals` counts their codes."""

    index: int
    day: date
    orders: int = 0
    refusals: dict[str, int] = field(default_factory=dict)

    def count(self, code: str | None) -> None:
        self.orders += 1
        if code:
            self.refusals[code] = self.refusals.get(code, 0) + 1


@dataclass(slots=True)
class Business:
    """`keys` are those of the day's orders so far."""

    market: Market
    customers: Mapping[int, Customer]
    played: Played
    keys: set[str] = field(init=False)
    last: dict[int, int] = field(init=False)
    wanted: list[tuple[int, int, Intent]] = field(init=False)

    def __post_init__(self) -> None:
        self.keys = _keys(self.played.day)
        self.last = _last_numbers(self.keys)
        self.wanted = self._wanted()

    def play_between(self, first: int, end: int) -> None:
        """All that customers want in the seconds of the day from `first` up to `end`."""
        for customer, number, intent in self.wanted:
            if first <= intent.second < end and number > self.last.get(customer, -1):
                self._play(customer, number, intent)

    def rush(self, at: datetime) -> None:
        """Many want the scarce product at one moment, each on a connection of its own."""
        crowd = [
            (person, amount)
            for person, amount in self.market.people.rush(self.played.index)
            if person.number in self.customers and self._rush_key(person) not in self.keys
        ]
        for person, amount in crowd:
            self._fund(person, amount, at)
        with ThreadPoolExecutor(CROWD) as threads:
            parts = [crowd[number::CROWD] for number in range(CROWD)]
            for codes in threads.map(partial(self._subscribe_all, at=at), parts):
                for code in codes:
                    self.played.count(code)

    def cancel_pending(self, at: datetime) -> None:
        """Some take back what they asked for on an earlier day."""
        customers = {customer.pk: number for number, customer in self.customers.items()}
        waiting = Order.objects.filter(
            state=Order.State.PENDING, due_on__gt=at.date(), at__lt=start_of(at.date())
        )
        for pk, order_key, customer_id in waiting.order_by("pk").values_list(
            "pk", "key", "customer_id"
        ):
            number = customers.get(customer_id)
            key = self._key(number, f"cancel:{pk}")
            if number is None or key in self.keys:
                continue
            if self.market.people.cancels(self.played.index, order_key):
                customer = self.customers[number]
                cancel = partial(redemptions.cancel, customer=customer, order_id=pk)
                self.played.count(sent(partial(cancel, key=key, at=at)))

    def _wanted(self) -> list[tuple[int, int, Intent]]:
        """(customer, number, what) in the order of time; each customer counts from 0."""
        people = self.market.people
        wanted = [
            (person.number, number, intent)
            for person in people.everybody
            if person.number in self.customers
            for number, intent in enumerate(people.intents(person, self.played.index))
        ]
        return sorted(wanted, key=lambda item: (item[2].second, *item[:2]))

    def _play(self, customer: int, number: int, intent: Intent) -> None:
        turn = Turn(
            market=self.market,
            customer=self.customers[customer],
            intent=intent,
            key=self._key(customer, number),
            at=start_of(self.played.day) + timedelta(seconds=intent.second),
        )
        order = turn.order()
        if order is not None:
            self.played.count(sent(order))
            if intent.twice:  # an impatient customer: the second changes nothing
                sent(order)

    def _fund(self, person: Person, amount: Decimal, at: datetime) -> None:
        """Fills the wallet up to the amount, once."""
        customer, product = self.customers[person.number], self._scarce()
        key = f"{self._rush_key(person)}:in"
        lacking = amount - available(customer, product.asset)
        if lacking > 0 and key not in self.keys:
            deposit(customer, product.asset, lacking, key=key, at=at)

    def _subscribe_all(self, crowd: Crowd, *, at: datetime) -> list[str | None]:
        """Runs in a thread, which leaves no connection behind."""
        product = self._scarce()
        (term_days,) = self.market.people.fixtures.products[product.code].term_days
        try:
            return [
                sent(
                    partial(
                        subscriptions.subscribe,
                        customer=self.customers[person.number],
                        product=product,
                        amount=amount,
                        term_days=term_days,
                        key=self._rush_key(person),
                        at=at,
                    )
                )
                for person, amount in crowd
            ]
        finally:
            connection.close()

    def _scarce(self) -> Product:
        return self.market.products[self.market.people.parameters["rush"]["product"]]

    def _rush_key(self, person: Person) -> str:
        return self._key(person.number, "rush")

    def _key(self, customer: int | None, what: object) -> str:
        return f"{KEYS}{self.played.index}:{customer}:{what}"


def _keys(day: date) -> set[str]:
    orders = Order.objects.filter(
        at__gte=start_of(day), at__lte=end_of(day), key__startswith=KEYS
    )
    return set(orders.values_list("key", flat=True))


def _last_numbers(keys: set[str]) -> dict[int, int]:
    """The last wish of each customer that is over: it was ordered, or a later one begun.

    None before it is looked at again. What had come to nothing might come to something now.
    """
    last: dict[int, int] = {}
    for key in keys:
        _, _, customer, what, *deposit = key.split(":")
        if what.isdecimal():
            over = int(what) - len(deposit[:1])
            last[int(customer)] = max(last.get(int(customer), -1), over)
    return last
