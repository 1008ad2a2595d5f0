"""The rule of interest in SQL, in Python and in fractions: one and the same figure.

Random days of business go through the real services and the real close, which may be late;
then every accrual row is derived anew by the two other engines from what the journal says.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import NamedTuple

import pytest
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from earn import (
    accruals,
    catalogue,
    checks,
    close,
    funds,
    pauses,
    redemptions,
    subscriptions,
)
from earn.catalogue import Row
from earn.days import DayCount, day_fraction, end_of, start_of
from earn.interest import Chart, Compounding, L, Movement, Tier, TierMode, accrue
from earn.models import (
    Accrual,
    AtMaturity,
    Customer,
    EarningPause,
    Position,
    Product,
)
from earn.projection import EarlyRule
from earn.refusals import Refusal
from ledger.models import Asset, Entry
from ledger.money import floor_to_unit, unit
from tests.earn import fractions_engine as engine

ONE_DAY = timedelta(days=1)
DAYS = 12
TERMS = (2, 5)
TINY_CHUNK = 3
MOST = Decimal(10**19)  # more than all that is subscribed, within NUMERIC(38,18)
STARTS = [
    date(2023, 12, 25),  # into a leap year
    date(2024, 2, 24),  # over a leap day
    date(2024, 12, 24),  # out of a leap year
    date(2025, 2, 20),  # over the end of a short month
    date(2026, 1, 26),  # first days on the 28th to the 31st
    date(2026, 4, 25),
    date(2026, 7, 25),
]
# 0, the smallest, 0.3 %, 5 %, 12 %, 2,700 % and the highest that NUMERIC(12,10) holds
RATES = [0, 1, 3 * 10**7, 5 * 10**8, 12 * 10**8, 27 * 10**10, 10**12 - 1]
AWKWARD = [time(0), time(0, 0, 0, 1), time(12), time(23, 59, 59, 999999)]


class Terms(NamedTuple):
    """A product's. Rates are whole numbers of 10^-10, amounts whole numbers of units."""

    is_fixed: bool
    scale: int
    day_count: str
    mode: str
    compounding: str
    payout: str
    rounding: str
    early: tuple[str, int]
    charts: tuple[engine.Chart, ...]


class Act(NamedTuple):
    """An order of a customer on the n-th day, or the close of all days before it.

    "pause" freezes the customer, or ends that; interest stops or begins again later.
    """

    on: int
    time: time
    do: str
    customer: int = 0
    product: int = 0  # of a redemption: the position, counted round
    units: int = 0
    percent: int = 0
    choice: int = 0


@dataclass(frozen=True)
class World:
    start: date
    chunk: int
    products: tuple[Terms, ...]
    acts: tuple[Act, ...]


def size(draw: Random, scale: int) -> int:
    """From one unit to 10^15 whole units, each order of magnitude as likely."""
    lowest = 10 ** draw.randrange(15 + scale)
    return draw.randint(lowest, 10 * lowest)


def tiers(draw: Random, scale: int) -> tuple[engine.Tier, ...]:
    starts = {size(draw, scale) for _ in range(draw.randrange(4))}
    if draw.random() < 0.8 or not starts:
        starts.add(0)
    return tuple(engine.Tier(start, rate(draw)) for start in sorted(starts))


def rate(draw: Random) -> int:
    return draw.choice([*RATES, draw.randrange(10**12)])


def terms(draw: Random, start: date, *, scale: int, is_fixed: bool) -> Terms:
    at_end = "AT_MATURITY" if is_fixed else "ON_REDEMPTION"
    changes = draw.sample(range(1, DAYS), draw.randrange(4))
    effective = [start, *(start + n * ONE_DAY for n in changes)]
    return Terms(
        is_fixed=is_fixed,
        scale=scale,
        day_count=draw.choice([str(x) for x in DayCount]),
        mode=draw.choice(["SLICE", "WHOLE"]),
        compounding=draw.choice(["DAILY", "NONE"]),
        payout=draw.choice([at_end, at_end, "DAILY", "MONTHLY"]),
        rounding=draw.choice(["FLOOR", "HALF_UP"]),
        early=(draw.choice([str(x) for x in EarlyRule]), draw.randint(1, 4)),
        charts=tuple(engine.Chart(on, tiers(draw, scale)) for on in effective),
    )


def units(draw: Random, terms: Terms) -> int:
    """Any size, or one at the edge of a tier."""
    tier = draw.choice(draw.choice(terms.charts).tiers)
    edge = tier.from_units + draw.randint(-1, 1)
    return edge if edge > 0 and draw.random() < 0.5 else size(draw, terms.scale)


def order(draw: Random, products: Sequence[Terms], do: str, *, before: int = DAYS) -> Act:
    number = draw.randrange(len(products))
    return Act(
        on=draw.randrange(before),
        time=draw.choice([*AWKWARD, time(draw.randrange(24), draw.randrange(60))]),
        do=do,
        customer=draw.randrange(2),
        product=number,
        units=units(draw, products[number]),
        percent=draw.choice([1, 50, 100, draw.randint(1, 100)]),
        choice=draw.randrange(8),
    )


def world(draw: Random) -> World:
    start = draw.choice([*STARTS, date(2023, 11, 1) + draw.randrange(1600) * ONE_DAY])
    # of each asset a flexible product, where a fixed one's money may go on, and another
    products = [
        terms(draw, start, scale=scale, is_fixed=is_fixed)
        for scale in (draw.randint(0, 18), draw.randint(0, 18))
        for is_fixed in (False, draw.random() < 0.6)
    ]
    first = [order(draw, products, "subscribe", before=3) for _ in range(8)]
    later = [order(draw, products, "subscribe") for _ in range(4)]
    redeemed = [order(draw, products, "redeem") for _ in range(14)]
    paused = [order(draw, products, "pause") for _ in range(draw.randrange(5))]
    # days that are closed on their morning; the others wait for the next close
    on_time = draw.choice([1.0, 0.7, 0.3])
    mornings = [on for on in range(1, DAYS) if draw.random() < on_time]
    closes = [Act(on, draw.choice([time(0), time(12)]), "close") for on in mornings]
    return World(
        start=start,
        chunk=draw.choice([TINY_CHUNK, close.CHUNK]),
        products=tuple(products),
        acts=tuple(
            sorted([*closes, *first, *later, *redeemed, *paused], key=lambda act: act[:2])
        ),
    )


@pytest.mark.django_db(transaction=True)
@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1))
def test_three_engines_agree_on_every_day_of_every_position(seed: int) -> None:
    drawn = world(Random(seed))
    with transaction.atomic():
        play(drawn)
        for position in Position.objects.select_related("product__asset").order_by("pk"):
            compare(drawn, position)
        violations = [found for _, found in checks.everything() if found]
        transaction.set_rollback(True)
    assert violations == []


def play(world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute("alter sequence earn_position_id_seq restart")
    customers = [Customer.objects.create() for _ in range(2)]
    products = [offer(world, number) for number in range(len(world.products))]
    for number, act in enumerate(world.acts):
        at = datetime.combine(world.start + act.on * ONE_DAY, act.time, tzinfo=UTC)
        if act.do == "close":
            closed(at.date() - ONE_DAY, at, world.chunk)
            continue
        if act.do == "pause":
            pause(customers[act.customer], at.date() + (1 + act.choice % 3) * ONE_DAY, at)
            continue
        order = subscribe if act.do == "subscribe" else redeem
        try:
            order(customers[act.customer], products[act.product], act, str(number), at)
        except Refusal:
            continue  # nothing happened, and the journal says so
    last = world.start + (DAYS - 1) * ONE_DAY
    closed(last, end_of(last + ONE_DAY), world.chunk)


def offer(world: World, number: int) -> Product:
    terms = world.products[number]
    rule, figure = terms.early
    code = f"A{number // 2}"
    asset, _ = Asset.objects.get_or_create(
        code=code, defaults={"name": code, "scale": terms.scale, "kind": "CRYPTO"}
    )
    product = Product.objects.create(
        code=f"p{number}",
        asset=asset,
        kind="FIXED" if terms.is_fixed else "FLEXIBLE",
        day_count=terms.day_count,
        tier_mode=terms.mode,
        compounding=terms.compounding,
        payout=terms.payout,
        final_rounding=terms.rounding,
        early_rule=rule,
        early_rate=Decimal(figure).scaleb(-2) if rule == "REDUCED_RATE" else None,
        early_days=figure if rule == "FORFEIT_DAYS" else None,
    )
    for chart in terms.charts:
        rows = [
            Row(term, engine.amount(tier.from_units, terms.scale), engine.rate(tier))
            for term in (TERMS if terms.is_fixed else [None])
            for tier in chart.tiers
        ]
        drafted = catalogue.add_chart(
            product=product, effective_on=chart.effective_on, rows=rows
        )
        catalogue.announce(drafted, at=start_of(world.start))
    catalogue.set_state(product, Product.State.OPEN)
    return product


def closed(last: date, at: datetime, chunk: int) -> None:
    for _ in close.close_through(last, at=at, chunk=chunk):
        pass


def pause(customer: Customer, first: date, at: datetime) -> None:
    """Ends the pause that runs, else begins one; no new money comes in until it is over."""
    if pauses.is_paused_after(customer, at.date()):
        is_over = pauses.end(customer, first, at=at)
        customer.frozen_in = not is_over
        customer.save()
        return
    customer.frozen_in = True
    customer.save()
    pauses.begin(customer, first, at=at)


def subscribe(
    customer: Customer, product: Product, act: Act, key: str, at: datetime
) -> None:
    asset = product.asset
    funds.deposit(customer=customer, asset=asset, amount=MOST, key=asset.code, at=at)
    subscriptions.subscribe(
        customer=customer,
        product=product,
        amount=engine.amount(act.units, asset.scale),
        key=key,
        at=at,
        term_days=TERMS[act.choice % 2] if product.kind == "FIXED" else None,
        at_maturity=AtMaturity.values[act.choice // 2],
    )


def redeem(customer: Customer, _: Product, act: Act, key: str, at: datetime) -> None:
    """So many hundredths of the balance or of its interest; a fixed position as a whole."""
    theirs = Position.objects.filter(customer=customer, state="OPEN").order_by("pk")
    owed = [(accruals.earned(position), position) for position in theirs]
    if not owed:
        return
    paying = [(earned, position) for earned, position in owed if earned.owed] or owed
    earned, position = paying[act.product % len(paying)]
    amount = None
    if act.percent < 100 and position.product.kind == "FLEXIBLE":
        held = accruals.balance(position, earned)
        if act.choice % 2 and earned.owed:
            held = earned.owed
        scale = position.product.asset.scale
        amount = max(floor_to_unit(held * act.percent / 100, scale=scale), unit(scale))
    redemptions.redeem(
        customer=customer, position_id=position.pk, amount=amount, key=key, at=at
    )


def compare(world: World, position: Position) -> None:
    terms = world.products[int(position.product.code[1:])]
    rows = list(Accrual.objects.filter(position=position).order_by("day"))
    last = world.start + (DAYS - 1) * ONE_DAY
    last = min(last, position.last_day or last)
    assert [row.day for row in rows] == days_between(position.first_day, last)
    if not rows:
        return
    found = [(x.day, x.basis, x.interest, x.accrued, Fraction(x.carry)) for x in rows]
    moves = moves_of(position)
    assert found == in_python(terms, position, moves, last)
    assert found == in_fractions(terms, position, moves, last)
    assert all(0 <= row.carry < L * unit(terms.scale) for row in rows)


def days_between(first: date, last: date) -> list[date]:
    return [first + n * ONE_DAY for n in range((last - first).days + 1)]


Figures = list[tuple[date, Decimal, Decimal, Decimal, Fraction]]
Moves = list[tuple[date, Movement]]


def moves_of(position: Position) -> Moves:
    """What the journal says of a position, in order.

    A close pays interest before the day's orders. Money that it brings at 00:00 is there
    all day, as if it had come when the day before ended.
    """
    principal = f"position:{position.pk}:principal"
    accrued = f"product:{position.product.code}:accrued"
    entries = Entry.objects.exclude(kind="ACCRUE").filter(
        postings__asset_id=position.product.asset_id
    )
    found: list[tuple[date, int, datetime, int, Movement]] = []
    for entry in entries.distinct().prefetch_related("postings__debit", "postings__credit"):
        moved: dict[str, Decimal] = defaultdict(Decimal)
        for posting in entry.postings.all():
            moved[posting.debit.code] -= posting.amount
            moved[posting.credit.code] += posting.amount
        theirs = entry.note.get("position") == position.pk
        if principal in moved or theirs:
            move = Movement(moved[principal], moved[accrued] if theirs else Decimal(0))
            day, order = entry.day, {"PAY": 0}.get(entry.kind, 1)
            if entry.kind == "MATURE" and move.principal > 0:
                day, order = entry.day - ONE_DAY, 2
            found.append((day, order, entry.happened_at, entry.pk, move))
    return [(day, move) for day, _, _, _, move in sorted(found)]


def split(position: Position, moves: Moves) -> tuple[Decimal, Moves]:
    """What was there at 00:00 of the first day, and what moved from then on."""
    first = position.first_day
    opening = sum((m.principal for day, m in moves if day < first), Decimal(0))
    return opening, [(day, m) for day, m in moves if day >= first]


def in_python(terms: Terms, position: Position, moves: Moves, last: date) -> Figures:
    opening, later = split(position, moves)
    by_day: dict[date, list[Movement]] = defaultdict(list)
    for day, move in later:
        by_day[day].append(move)
    charts = [
        Chart(
            chart.effective_on,
            [
                Tier(engine.amount(x.from_units, terms.scale), engine.rate(x))
                for x in chart.tiers
            ],
        )
        for chart in charts_of(terms, position)
    ]
    rows = accrue(
        charts=charts,
        mode=TierMode(terms.mode),
        day_count=DayCount(terms.day_count),
        compounding=Compounding(terms.compounding),
        scale=terms.scale,
        first_day=position.first_day,
        last_day=last,
        principal=opening,
        movements=by_day,
        pauses=pauses.of(position.customer_id),
    )
    return [(x.day, x.basis, x.interest, x.accrued, Fraction(x.carry)) for x in rows]


def in_fractions(terms: Terms, position: Position, moves: Moves, last: date) -> Figures:
    def whole(amount: Decimal) -> int:
        return int(amount.scaleb(terms.scale))

    opening, later = split(position, moves)
    history = engine.History(
        scale=terms.scale,
        mode=terms.mode,
        day_count=terms.day_count,
        compounding=terms.compounding,
        first_day=position.first_day,
        days=(last - position.first_day).days + 1,
        opening=whole(opening),
        charts=tuple(charts_of(terms, position)),
        events=tuple(
            engine.Event(day, "moved", whole(m.principal), interest=whole(m.interest))
            for day, m in later
        ),
        paused=frozenset(paused_days(position)),
    )
    return [
        (
            x.day,
            engine.amount(x.basis, terms.scale),
            engine.amount(x.interest, terms.scale),
            engine.amount(x.accrued, terms.scale),
            x.carry(terms.scale),
        )
        for x in engine.replay(history)[0]
    ]


def paused_days(position: Position) -> Iterator[date]:
    for row in EarningPause.objects.filter(customer=position.customer_id):
        yield from days_between(row.from_day, row.until_day or row.from_day + 99 * ONE_DAY)


def charts_of(terms: Terms, position: Position) -> Iterable[engine.Chart]:
    """A fixed position keeps the chart of its first day for life."""
    if not terms.is_fixed:
        return terms.charts
    known = [x for x in terms.charts if x.effective_on <= position.first_day]
    return [max(known, key=lambda chart: chart.effective_on)]


@pytest.mark.django_db
@pytest.mark.parametrize("day_count", DayCount)
@pytest.mark.parametrize("first_day", [date(2024, 1, n) for n in (28, 29, 30, 31)])
def test_sql_counts_every_day_as_python_does(day_count: DayCount, first_day: date) -> None:
    """Over two years with a leap day and one without, from the end of a month on."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select d, earn_days(%(day_count)s, d, %(late)s),
                   earn_year_basis(%(day_count)s, d)
            from (select %(first_day)s::date + n as d from generate_series(0, 800) n) x
            """,
            {
                "day_count": str(day_count),
                "late": first_day.day >= 30,
                "first_day": first_day,
            },
        )
        found = cursor.fetchall()
    assert found == [
        (day, *day_fraction(day_count, first_day=first_day, day=day))
        for day in days_between(first_day, first_day + 800 * ONE_DAY)
    ]
