"""Who the customers are and what each wants on a day: pure, and the same in every run.

Each draw comes from a generator that is seeded with what the draw is for, so that whoever
was killed draws the same again. Moments are seconds of the day; days are counted from 0.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any, TypeVar

from earn.demo.fixtures import Fixtures, ProductInput

T = TypeVar("T")

DAY = 86_400
TRIES = 50  # to find a product that is open to a customer, who then leaves it


@dataclass(frozen=True, slots=True)
class Person:
    number: int
    joins: int
    country: str
    kyc_level: int
    archetype: Mapping[str, Any]

    @property
    def reference(self) -> str:
        return f"demo-{self.number}"


@dataclass(frozen=True, slots=True)
class Intent:
    """What a customer wants, before anybody has looked whether it can be had.

    `pick` chooses among the positions or wallets that there are, modulo their number;
    `thousandths` is the part of the balance; `times` the size of a deposit in typical ones.
    """

    second: int
    do: str
    product: str = ""
    amount: Decimal = Decimal(0)
    term_days: int | None = None
    at_maturity: str = "PAY_OUT"
    same_rate: bool = False
    pick: int = 0
    thousandths: int = 0
    times: Decimal = Decimal(0)
    too_much: bool = False
    twice: bool = False


@dataclass(frozen=True, slots=True)
class People:
    """The generator: parameters of `people.json` and the products they choose from."""

    fixtures: Fixtures
    count: int
    everybody: list[Person] = field(init=False)

    def __post_init__(self) -> None:
        everybody = [self._person(number) for number in range(1, self.count + 1)]
        object.__setattr__(self, "everybody", everybody)

    @property
    def shown(self) -> Person | None:
        """The customer that visitors of the demo sign in as: from day 0, with a ladder."""
        here = [person for person in self.joining(0) if person.kyc_level == 2]
        return next((p for p in here if "ladder" in p.archetype), next(iter(here), None))

    def joining(self, day: int) -> list[Person]:
        return [person for person in self.everybody if person.joins == day]

    def intents(self, person: Person, day: int) -> list[Intent]:
        """What a person wants on a day, in the order of time."""
        if day < person.joins:
            return []
        draw = _Draw(self, person, self._random(day, person.number))
        wanted = [*draw.ladder(day), *(draw.start() if day == person.joins else draw.day())]
        return sorted(wanted, key=lambda intent: intent.second)

    def rush(self, day: int) -> list[tuple[Person, Decimal]]:
        """Who wants how much of the scarce product; nobody on most days."""
        rush = self.parameters["rush"]
        if day not in rush["days"]:
            return []
        here = [person for person in self.everybody if person.joins <= day]
        random = self._random(day, "rush")
        least, most, step = (Decimal(rush["amount"][x]) for x in ("least", "most", "step"))
        return [
            (person, least + step * random.randrange(int((most - least) / step) + 1))
            for person in random.sample(here, min(len(here), rush["customers"]))
        ]

    def cancels(self, day: int, order_key: str) -> bool:
        """Whether a customer takes a redemption back that is waiting on that day."""
        chance = self.parameters["cancel_pending_redemption_per_thousand"]
        return happens(self._random(day, order_key), chance)

    @property
    def parameters(self) -> Mapping[str, Any]:
        return self.fixtures.people

    def deposit(self, asset: str, times: Decimal) -> Decimal:
        """So many typical deposits of an asset, kept in bounds and cut to whole steps."""
        size = {
            name: Decimal(text) for name, text in self.parameters["deposits"][asset].items()
        }
        amount = min(max(size["typical"] * times, size["least"]), size["most"])
        return amount - amount % size["step"]

    def _random(self, *what: object) -> Random:
        return Random(":".join(str(x) for x in (self.parameters["seed"], *what)))

    def _person(self, number: int) -> Person:
        random = self._random("person", number)
        span = among(random, self.parameters["joining"])
        home = among(random, self.parameters["countries"])
        return Person(
            number=number,
            joins=random.randrange(span["first_day"], span["last_day"] + 1),
            country=home["country"],
            kyc_level=int(weighted(random, home["kyc_levels"])),
            archetype=among(random, self.parameters["archetypes"]),
        )


@dataclass(frozen=True, slots=True)
class _Draw:
    """One customer's draws of one day."""

    people: People
    person: Person
    random: Random

    def start(self) -> list[Intent]:
        least, most = self.person.archetype["products_at_start"]
        buys = (self.buy() for _ in range(self.random.randrange(least, most + 1)))
        return [intent for intent in buys if intent]

    def ladder(self, day: int) -> list[Intent]:
        """The rung of this day: the same product each time, chosen when joining."""
        ladder = self.person.archetype.get("ladder")
        if ladder is None:
            return []
        rung, off = divmod(day - self.person.joins, ladder["days_between"])
        if off or rung >= ladder["rungs"]:
            return []
        chosen = _Draw(
            self.people, self.person, self.people._random("ladder", self.person.number)
        )
        intent = chosen.buy(kind="FIXED")
        return [intent] if intent else []

    def day(self) -> list[Intent]:
        chances = self.person.archetype["daily_per_thousand"]
        wanted = (
            self._wish(do) for do, chance in chances.items() if happens(self.random, chance)
        )
        return [intent for intents in wanted for intent in intents]

    def buy(self, *, kind: str | None = None) -> Intent | None:
        """New money and a subscription; None when nothing fits the customer."""
        wants_denied = self._happens("ignore_eligibility_per_thousand")
        for _ in range(TRIES):
            product, amount = self._choice(kind, open_to=not wants_denied)
            if product is not None:
                return self._subscription(product, amount)
            wants_denied = False  # there may be none that is closed to this customer
        return None

    def _subscription(self, product: ProductInput, amount: Decimal) -> Intent:
        term_days = self.random.choice(product.term_days)
        return Intent(
            second=self._second(),
            do="buy",
            product=product.code,
            amount=amount,
            term_days=term_days,
            too_much=self._happens("ask_too_much_per_thousand"),
            twice=self._happens("retry_with_same_key_per_thousand"),
            **(self._instruction() if term_days else {}),
        )

    def _choice(
        self, kind: str | None, *, open_to: bool
    ) -> tuple[ProductInput | None, Decimal]:
        archetype = self.person.archetype
        wanted = weighted(self.random, archetype["kinds"])
        asset = weighted(self.random, archetype["assets"])
        amount = self.people.deposit(asset, self._times())
        offered = [
            product
            for product in self.people.fixtures.products.values()
            if product.asset == asset
            and product.kind == (kind or wanted)
            and product.code != self.people.parameters["rush"]["product"]
            and is_open_to(self.person, product) == open_to
            and product.minimum <= product.floor(amount)
            and amount <= (product.customer_cap or amount)
        ]
        return (self.random.choice(offered) if offered else None), amount

    def _wish(self, do: str) -> Iterable[Intent]:
        if do in {"deposit", "redeem_same_day"}:
            return self._buy_today(do)
        # what a wallet holds is certain only after the close, which is over at noon
        second = self._second(DAY // 2 if do == "withdraw" else 60)
        return [
            Intent(
                second=second,
                do=do,
                pick=self.random.randrange(1_000_000),
                thousandths=self.random.randrange(100, 1000),
                times=self._times(),
                too_much=self._happens("ask_too_much_per_thousand"),
                twice=self._happens("retry_with_same_key_per_thousand"),
                **self._instruction(),
            )
        ]

    def _buy_today(self, do: str) -> list[Intent]:
        if do == "deposit":
            intent = self.buy()
            return [intent] if intent else []
        intent = self.buy(kind="FLEXIBLE")
        if intent is None:
            return []
        later = self.random.randrange(intent.second, DAY)
        back = Intent(later, "redeem_again", product=intent.product, amount=intent.amount)
        return [intent, back]

    def _instruction(self) -> dict[str, Any]:
        at_maturity = weighted(self.random, self.person.archetype["at_maturity"])
        same_rate = self._happens("renew_only_at_same_rate_per_thousand")
        return {
            "at_maturity": at_maturity,
            "same_rate": same_rate and at_maturity.startswith("RENEW"),
        }

    def _times(self) -> Decimal:
        factor = weighted(self.random, self.people.parameters["factors"])
        size = Decimal(self.person.archetype["size"]) * Decimal(factor)
        return size * self.random.randrange(500, 1501) / 1000

    def _second(self, earliest: int = 60) -> int:
        return self.random.randrange(earliest, DAY - 60)

    def _happens(self, name: str) -> bool:
        return happens(self.random, self.people.parameters[name])


def is_open_to(person: Person, product: ProductInput) -> bool:
    allowed, denied = product.countries_allowed, product.countries_denied
    if (allowed or denied) and not person.country:
        return False
    return (
        (not allowed or person.country in allowed)
        and person.country not in denied
        and person.kyc_level >= product.minimum_kyc_level
    )


def happens(random: Random, per_thousand: int) -> bool:
    return random.randrange(1000) < per_thousand


def weighted(random: Random, weights: Mapping[str, int]) -> str:
    items = [{"name": name, "weight": weight} for name, weight in weights.items()]
    return str(among(random, items)["name"])


def among(random: Random, items: list[Any]) -> Any:
    """One of the items by their `weight`, a whole number."""
    mark = random.randrange(sum(item["weight"] for item in items))
    for item in items:
        mark -= item["weight"]
        if mark < 0:
            return item
    raise AssertionError("the mark is below the sum of the weights")
