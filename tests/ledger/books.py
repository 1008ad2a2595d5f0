"""Small books for the tests of the ledger, and ways to break them."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from threading import Barrier, Event
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import pytest
from django.db import Error, IntegrityError, connection, transaction

from ledger import days, seals
from ledger.models import Account, Asset
from ledger.posting import (
    AccountName,
    Draft,
    InsufficientFunds,
    Line,
    Posted,
    constraint_of,
    post,
    post_batch,
)

T = TypeVar("T")
DAY = date(2026, 1, 1)
JOURNAL_TABLES = ("ledger_entry", "ledger_posting", "ledger_seal", "ledger_sealedentry")


def day(number: int) -> date:
    return DAY + timedelta(days=number)


def at(number: int = 0, hour: float = 12) -> datetime:
    """An hour of the day of that number."""
    midnight = datetime.combine(day(number), time(), tzinfo=UTC)
    return midnight + timedelta(hours=hour)


# Names


def asset(code: str = "BTC", scale: int = 8) -> Asset:
    return Asset.objects.create(code=code, name=code, scale=scale, kind="CRYPTO")


def wallet(of: Asset, customer: int = 1) -> AccountName:
    owner = UUID(int=customer)
    code = f"customer:{owner}:wallet"
    return AccountName(of.pk, code, "LIABILITY", "customer:*:wallet", owner, guarded=True)


def custody(of: Asset) -> AccountName:
    return AccountName(of.pk, "treasury:custody", "ASSET")


def interest(of: Asset) -> AccountName:
    return AccountName(of.pk, "product:FLEX:interest", "EXPENSE")


def accrued(of: Asset) -> AccountName:
    return AccountName(of.pk, "product:FLEX:accrued", "LIABILITY")


def fees(of: Asset) -> AccountName:
    return AccountName(of.pk, "income:fees", "INCOME")


def equity(of: Asset) -> AccountName:
    return AccountName(of.pk, "equity:opening", "EQUITY")


# Entries


def line(debit: AccountName, credit: AccountName, amount: str) -> Line:
    return Line(debit, credit, Decimal(amount))


def enter(
    *lines: Line, key: str = "", happened_at: datetime | None = None, **more: Any
) -> Posted:
    """Posts an entry of its own transaction, with a key of its own if none is given."""
    with transaction.atomic():
        return post(
            key=key or f"key {next(_numbers)}",
            kind="TEST",
            lines=lines,
            happened_at=happened_at or at(),
            **more,
        )


def _count() -> Iterator[int]:
    number = 0
    while True:
        number += 1
        yield number


_numbers = _count()


def deposit(of: Asset, amount: str, *, customer: int = 1, **more: Any) -> Posted:
    return enter(line(custody(of), wallet(of, customer), amount), **more)


def account_id(name: AccountName) -> int:
    return Account.objects.get(asset_id=name.asset_id, code=name.code).pk


def some_history() -> list[Asset]:
    """Three days in two assets with all kinds of accounts; two days ended and sealed."""
    btc, usd = asset(), asset("USD", 2)
    for number in range(3):
        for of in (btc, usd):
            for customer in (1, 2):
                deposit(of, "10.5", customer=customer, happened_at=at(number, 9))
            enter(
                line(interest(of), accrued(of), "0.03"),
                line(accrued(of), wallet(of, 1), "0.02"),
                line(wallet(of, 2), fees(of), "0.01"),
                happened_at=at(number, 10),
                note={"of": of.code},
            )
            enter(line(wallet(of, 2), wallet(of, 1), "1"), happened_at=at(number, 11))
        if number < 2:
            days.fence(day(number))
            days.end(day(number))
            seals.seal_day(day(number), attests=b"rows of elsewhere")
    return [btc, usd]


class Leg(NamedTuple):
    """What a naive ledger would keep: one side of a line, debit positive."""

    happened_at: datetime
    account: AccountName
    amount: Decimal


def random_history(seed: int, *, ended: int, last: int = 6) -> list[Leg]:
    """Days of entries of two assets, each in no order; the first `ended` days are ended."""
    random = Random(seed)  # noqa: S311
    assets = [asset(), asset("USD", 2)]
    legs: list[Leg] = []
    for number in range(last):
        for _ in range(random.randint(0, 6)):
            drafts = [_random_draft(random, assets, number) for _ in range(3)]
            legs += _entered(drafts)
        if number < ended:
            days.end(day(number))
    return legs


def _random_draft(random: Random, assets: Sequence[Asset], number: int) -> Draft:
    of = random.choice(assets)
    house = [custody(of), interest(of), accrued(of), fees(of), equity(of)]
    names = [*house, *(wallet(of, x) for x in (1, 2, 3))]
    lines = []
    for _ in range(random.randint(1, 3)):
        debit, credit = random.sample(names, 2)
        lines.append(Line(debit, credit, Decimal(random.randint(1, 10**4)).scaleb(-2)))
    seconds = random.choice([0, 1, 43200, 86399.999999, random.randrange(86400)])
    moment = at(number, 0) + timedelta(seconds=seconds)
    return Draft(f"random {next(_numbers)}", "TEST", lines, moment)


def _entered(drafts: Sequence[Draft]) -> list[Leg]:
    """Posts what the wallets can pay for, one by one; the legs of what was posted."""
    legs = []
    for draft in drafts:
        try:
            with transaction.atomic():
                post_batch([draft])
        except InsufficientFunds:
            continue
        for x in draft.lines:
            legs.append(Leg(draft.happened_at, x.debit, x.amount))
            legs.append(Leg(draft.happened_at, x.credit, -x.amount))
    return legs


# Ways to break them


def execute(statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def broken_rule(act: Callable[[], object]) -> str:
    """The name of the rule that refused `act`; nothing of it remains."""
    try:
        with transaction.atomic():
            act()
            execute("set constraints all immediate")
    except IntegrityError as error:
        return constraint_of(error)
    pytest.fail("no rule refuses this")


def sqlstate(act: Callable[[], object]) -> str:
    """PostgreSQL's code for the failure of `act`; nothing of it remains."""
    try:
        with transaction.atomic():
            act()
    except Error as error:
        return getattr(error.__cause__, "sqlstate", "")
    pytest.fail("this does not fail")


def entry_by_hand(*lines: dict[str, Any], **columns: Any) -> None:
    """An entry with its lines in one statement, past the functions of the ledger."""
    entry = {
        "key": "by hand", "digest": b"", "kind": "TEST", "happened_at": at(), "day": DAY,
        "adjusting": False, "lines": len(lines), "note": "{}",
    } | columns  # fmt: skip
    names = ", ".join(entry)
    marks = ", ".join(["%s"] * len(entry))
    statement = (
        f"with e as (insert into ledger_entry ({names}) values ({marks}) returning id)"
    )
    parameters = list(entry.values())
    if lines:
        statement += (
            ", p as (insert into ledger_posting"
            " (entry_id, line, day, asset_id, debit_id, credit_id, amount) "
        )
        statement += " union all ".join(
            "select id, %s, %s::date, %s::int, %s::bigint, %s::bigint, %s::numeric from e"
            for _ in lines
        )
        statement += ")"
    for number, x in enumerate(lines, 1):
        parameters += [
            x.get("line", number),
            x.get("day", entry["day"]),
            x["asset"],
            x["debit"],
            x["credit"],
            x["amount"],
        ]
    execute(f"{statement} select from e", parameters)


@contextmanager
def past_the_rules(*tables: str) -> Iterator[None]:
    """Triggers, foreign keys and checks of the tables are off; all is undone at the end."""
    with transaction.atomic():
        execute("set constraints all immediate")
        for table in tables or (*JOURNAL_TABLES, "ledger_account", "ledger_balance"):
            for (name,) in execute(
                "select conname from pg_constraint where contype = 'c' and conrelid = %s"
                "::regclass",
                [table],
            ):
                execute(f"alter table {table} drop constraint {name}")
        execute("set local session_replication_role = replica")
        yield
        transaction.set_rollback(True)


# Several connections


def at_once(*acts: Callable[[], T]) -> list[T | Exception]:
    """Runs the acts in threads that start together; what each answered or raised."""
    barrier = Barrier(len(acts))

    def run(act: Callable[[], T]) -> T | Exception:
        try:
            execute("set lock_timeout = '20s'")  # else a wrong lock hangs the tests
            barrier.wait(timeout=30)
            return act()
        except Exception as error:  # noqa: BLE001
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def wait_until_blocked(backends: int) -> None:
    """Returns when so many sessions of this database wait for a lock."""
    for _ in range(600):
        ((waiting,),) = execute(
            """select count(*) from pg_stat_activity
               where datname = current_database() and wait_event_type = 'Lock'"""
        )
        if waiting >= backends:
            return
        execute("select pg_sleep(0.01)")
    pytest.fail("nobody waits for a lock")


def in_flight(act: Callable[[], object], *meanwhile: Callable[[], object]) -> list[object]:
    """Runs the others before `act` commits, which it does once they all have to wait."""
    done, blocked = Event(), Event()

    def first() -> object:
        with transaction.atomic():
            answer = act()
            done.set()
            assert blocked.wait(30)
        return answer

    def after(other: Callable[[], object]) -> object:
        assert done.wait(30)
        return other()

    def watch() -> None:
        assert done.wait(30)
        wait_until_blocked(len(meanwhile))
        blocked.set()

    others = [lambda x=x: after(x) for x in meanwhile]
    return at_once(first, *others, watch)[:-1]
