from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from threading import Event

import pytest
from django.db import (
    DatabaseError,
    IntegrityError,
    OperationalError,
    connection,
    transaction,
)

from ledger import checks
from ledger.balances import available, balance_at
from ledger.models import Account, Balance, Entry, Posting
from ledger.posting import (
    AccountName,
    BooksRefused,
    Draft,
    InsufficientFunds,
    KeyReused,
    Line,
    TryAgain,
    constraint_of,
    in_transaction,
    post,
    post_batch,
    reverse,
)
from tests.ledger.books import (
    accrued,
    asset,
    at,
    at_once,
    broken_rule,
    custody,
    deposit,
    enter,
    equity,
    execute,
    fees,
    in_flight,
    interest,
    line,
    wallet,
)

pytestmark = pytest.mark.django_db
real_connections = pytest.mark.django_db(transaction=True)


def sound() -> bool:
    return not any(check.violations() for check in checks.CHECKS)


# One entry


def test_an_entry_keeps_what_it_was_posted_with() -> None:
    of = asset()
    posted = enter(
        line(custody(of), wallet(of), "1.5"),
        line(wallet(of), fees(of), "0.00000001"),
        key="deposit 1",
        happened_at=at(2, 23.5),
        note={"why": "test"},
    )
    entry = Entry.objects.get(pk=posted.entry_id)
    assert (entry.key, entry.kind, entry.note) == ("deposit 1", "TEST", {"why": "test"})
    assert (entry.happened_at, str(entry.day)) == (at(2, 23.5), "2026-01-03")
    assert (entry.lines, entry.adjusting, entry.reverses) == (2, False, None)
    lines = Posting.objects.filter(entry=entry).order_by("line")
    assert [(x.line, x.debit.code, x.credit.code, x.amount, str(x.day)) for x in lines] == [
        (1, custody(of).code, wallet(of).code, Decimal("1.5"), "2026-01-03"),
        (2, wallet(of).code, fees(of).code, Decimal("0.00000001"), "2026-01-03"),
    ]


def test_an_account_is_opened_by_the_first_entry_that_names_it() -> None:
    of = asset()
    deposit(of, "1")
    deposit(of, "1")
    opened = {x.code: x for x in Account.objects.all()}
    assert set(opened) == {custody(of).code, wallet(of).code}
    mine = opened[wallet(of).code]
    assert (mine.kind, mine.heading) == ("LIABILITY", "customer:*:wallet")
    assert (mine.owner, mine.guarded, mine.closed_at) == (wallet(of).owner, True, None)


def test_the_balance_of_a_guarded_account_counts_its_entries() -> None:
    of = asset()
    deposit(of, "3")
    enter(line(wallet(of), fees(of), "1"), line(wallet(of), fees(of), "0.5"))
    balance = Balance.objects.get(account__code=wallet(of).code)
    assert (balance.credits, balance.debits, balance.version) == (3, Decimal("1.5"), 2)
    assert available(asset_id=of.pk, code=wallet(of).code) == Decimal("1.5")


def test_a_house_account_has_no_balance_to_be_locked() -> None:
    of = asset()
    deposit(of, "3")
    assert [x.account.code for x in Balance.objects.all()] == [wallet(of).code]


@real_connections
def test_posting_outside_a_transaction_raises() -> None:
    with pytest.raises(transaction.TransactionManagementError, match="transaction"):
        post(key="k", kind="TEST", lines=[], happened_at=at())


@pytest.mark.parametrize("amount", [1.5, 1, "1.5", None])
def test_an_amount_is_a_decimal_or_a_type_error(amount: object) -> None:
    of = asset()
    with pytest.raises(TypeError, match="Decimal"):
        Line(custody(of), wallet(of), amount)  # type: ignore[arg-type]


def test_a_line_of_two_assets_is_refused_before_the_database_sees_it() -> None:
    with pytest.raises(ValueError, match="asset"):
        line(custody(asset()), wallet(asset("USD", 2)), "1")


def test_a_time_without_its_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Draft("k", "TEST", [], datetime(2026, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("scale", "amount"),
    [
        (8, "0.000000001"),
        (2, "1.005"),
        (0, "0.5"),
        (18, "0.0000000000000000001"),
        (18, "1.0000000000000000004"),  # the column would round it
        (8, "NaN"),
        (8, "Infinity"),
    ],
)
def test_what_is_finer_than_the_unit_is_refused_and_not_rounded(
    scale: int, amount: str
) -> None:
    of = asset("FINE", scale)
    rule = broken_rule(lambda: enter(line(custody(of), wallet(of), amount)))
    assert rule == "amount_is_in_whole_units"
    assert not Entry.objects.exists()


@pytest.mark.parametrize("amount", ["0.00000001", "1.500", "1E+3", "1E-8"])
def test_an_amount_keeps_its_value_however_it_is_written(amount: str) -> None:
    of = asset()
    deposit(of, amount)
    assert Posting.objects.get().amount == Decimal(amount)


def test_the_largest_amount_keeps_all_of_its_digits() -> None:
    of = asset("BIG", 18)
    amount = "99999999999999999999.999999999999999999"
    deposit(of, amount)
    assert Posting.objects.get().amount == Decimal(amount)
    assert available(asset_id=of.pk, code=wallet(of).code) == Decimal(amount)


@pytest.mark.parametrize("amount", ["0", "-1", "-0"])
def test_an_amount_is_positive(amount: str) -> None:
    of = asset()
    rule = broken_rule(lambda: enter(line(custody(of), wallet(of), amount)))
    assert rule == "amount_is_positive"


def test_debit_and_credit_differ() -> None:
    of = asset()
    rule = broken_rule(lambda: enter(line(custody(of), custody(of), "1")))
    assert rule == "debit_and_credit_differ"


def test_an_entry_has_a_line_or_more() -> None:
    assert broken_rule(enter) == "an_entry_has_a_line_or_more"


@pytest.mark.parametrize("key", ["", "k" * 201])
def test_a_key_is_1_to_200_characters_long(key: str) -> None:
    of = asset()
    draft = Draft(key, "TEST", [line(custody(of), wallet(of), "1")], at())
    assert broken_rule(lambda: post_batch([draft])) == "entry_key_is_1_to_200_long"


@pytest.mark.parametrize(
    "other",
    [
        {"guarded": False, "owner": None, "heading": ""},
        {"owner": None},
        {"kind": "EQUITY", "guarded": False, "owner": None, "heading": ""},
    ],
)
def test_an_account_is_named_as_it_was_opened(other: dict[str, object]) -> None:
    of = asset()
    deposit(of, "1")
    mine = wallet(of)
    named = {"kind": mine.kind, "heading": mine.heading, "owner": mine.owner}
    changed = AccountName(of.pk, mine.code, **{**named, "guarded": True, **other})
    rule = broken_rule(lambda: enter(line(custody(of), changed, "1")))
    assert rule == "account_is_as_named"


# Never below zero


def test_spending_more_than_there_is_is_insufficient_funds() -> None:
    of = asset()
    deposit(of, "1")
    with pytest.raises(InsufficientFunds):
        enter(line(wallet(of), fees(of), "1.00000001"))
    assert available(asset_id=of.pk, code=wallet(of).code) == 1
    enter(line(wallet(of), fees(of), "1"))
    assert available(asset_id=of.pk, code=wallet(of).code) == 0


def test_what_comes_in_by_the_same_entry_may_go_out_with_it() -> None:
    of = asset()
    enter(line(wallet(of), fees(of), "1"), line(custody(of), wallet(of), "1"))
    assert available(asset_id=of.pk, code=wallet(of).code) == 0


def test_house_accounts_may_cross_zero() -> None:
    of = asset()
    enter(line(accrued(of), custody(of), "5"))
    assert balance_at(asset_id=of.pk, code=custody(of).code, at=at()) == -5


def test_only_the_rule_against_overdrawing_is_insufficient_funds() -> None:
    of = asset()
    with pytest.raises(IntegrityError) as caught:
        enter(line(custody(of), wallet(of), "-1"))
    assert not isinstance(caught.value, BooksRefused)
    assert constraint_of(caught.value) == "amount_is_positive"


# One entry per key


def test_the_same_key_with_the_same_content_answers_with_the_first_entry() -> None:
    of = asset()
    first = deposit(of, "1", key="twin", note={"a": 1, "b": [2]})
    again = deposit(of, "1.0", key="twin", note={"b": [2], "a": 1})
    assert (first.replayed, again.replayed) == (False, True)
    assert again.entry_id == first.entry_id
    assert Entry.objects.count() == 1
    assert available(asset_id=of.pk, code=wallet(of).code) == 1


def test_the_same_moment_in_another_zone_is_the_same_content() -> None:
    of = asset()
    first = deposit(of, "1", key="twin", happened_at=at())
    east = at().astimezone(timezone(timedelta(hours=9)))
    assert deposit(of, "1", key="twin", happened_at=east).entry_id == first.entry_id


def test_a_replay_is_answered_although_the_money_is_spent() -> None:
    of = asset()
    deposit(of, "1")
    spent = enter(line(wallet(of), fees(of), "1"), key="all of it")
    again = enter(line(wallet(of), fees(of), "1"), key="all of it")
    assert again == (spent.entry_id, True)


def other_contents() -> dict[str, Callable[[], object]]:
    """The entry `deposit(of, "1", key="k")`, each time with one thing changed."""

    def changed(*lines: tuple[str, str], **more: object) -> Callable[[], object]:
        def act() -> object:
            of = Account.objects.get(code="treasury:custody").asset
            names = {"custody": custody(of), "wallet": wallet(of), "equity": equity(of)}
            names["other"] = wallet(of, 2)
            made = [Line(names[a[0]], names[a[1]], Decimal(a[2])) for a in lines]
            draft = {"key": "k", "kind": "TEST", "happened_at": at()} | more
            return post_batch([Draft(lines=made, **draft)])

        return act

    plain = ("custody", "wallet", "1")
    return {
        "amount": changed(("custody", "wallet", "2")),
        "debit": changed(("equity", "wallet", "1")),
        "credit": changed(("custody", "other", "1")),
        "one more line": changed(plain, plain),
        "no line": changed(),
        "kind": changed(plain, kind="OTHER"),
        "moment": changed(plain, happened_at=at() + timedelta(microseconds=1)),
        "note": changed(plain, note={"a": 1}),
        "adjusting": changed(plain, adjusting=True),
        "reverses": changed(plain, reverses=1),
    }


@pytest.mark.parametrize("what", other_contents())
def test_the_same_key_with_other_content_is_refused(what: str) -> None:
    of = asset()
    deposit(of, "1", key="k")
    with pytest.raises(KeyReused), transaction.atomic():
        other_contents()[what]()
    assert (Entry.objects.count(), Posting.objects.count()) == (1, 1)


def test_a_reused_key_is_refused_before_anything_else_is_tried() -> None:
    of = asset()
    deposit(of, "1", key="k")
    overdrawn = Draft("z", "TEST", [line(wallet(of), fees(of), "9")], at())
    reused = Draft("k", "TEST", [line(custody(of), wallet(of), "2")], at())
    with pytest.raises(KeyReused), transaction.atomic():
        post_batch([overdrawn, reused])


def test_a_refused_entry_leaves_its_key_free() -> None:
    of = asset()
    with pytest.raises(InsufficientFunds):
        enter(line(wallet(of), fees(of), "1"), key="k")
    deposit(of, "1")
    assert not enter(line(wallet(of), fees(of), "1"), key="k").replayed


# Batches


def drafts(of: object, *keys: str, amount: str = "1") -> list[Draft]:
    return [Draft(k, "TEST", [line(custody(of), wallet(of), amount)], at()) for k in keys]


def test_a_batch_says_of_each_key_what_became_of_it() -> None:
    of = asset()
    first = deposit(of, "1", key="b")
    with transaction.atomic():
        posted = post_batch(drafts(of, "a", "b", "c"))
    assert {key: x.replayed for key, x in posted.items()} == {
        "a": False,
        "b": True,
        "c": False,
    }
    assert posted["b"].entry_id == first.entry_id
    assert available(asset_id=of.pk, code=wallet(of).code) == 3


def test_a_batch_posts_all_or_nothing() -> None:
    of = asset()
    broken = Draft("z", "TEST", [line(wallet(of, 2), fees(of), "1")], at())
    with pytest.raises(InsufficientFunds), transaction.atomic():
        post_batch([*drafts(of, "a", "b"), broken])
    assert not Entry.objects.exists()
    assert not Account.objects.exists()


def test_a_batch_that_reuses_one_key_posts_nothing() -> None:
    of = asset()
    deposit(of, "2", key="b")
    with pytest.raises(KeyReused), transaction.atomic():
        post_batch(drafts(of, "a", "b", "c"))
    assert [x.key for x in Entry.objects.all()] == ["b"]


def test_a_key_that_is_twice_in_a_batch_is_posted_once() -> None:
    of = asset()
    with transaction.atomic():
        posted = post_batch(drafts(of, "a", "a", "b"))
    assert not any(x.replayed for x in posted.values())
    assert available(asset_id=of.pk, code=wallet(of).code) == 2
    assert sound()


def test_a_key_that_is_twice_in_a_batch_with_two_contents_is_refused() -> None:
    of = asset()
    with pytest.raises(KeyReused), transaction.atomic():
        post_batch(drafts(of, "a") + drafts(of, "a", amount="2"))
    assert not Entry.objects.exists()


def test_a_batch_of_nothing_posts_nothing() -> None:
    assert post_batch([]) == {}


def test_a_batch_of_many_moves_every_balance_once_for_each_entry() -> None:
    of = asset()
    many = [
        Draft(f"d{n}", "TEST", [line(custody(of), wallet(of, n % 7), "1")], at())
        for n in range(100)
    ]
    with transaction.atomic():
        posted = post_batch(many)
    assert len({x.entry_id for x in posted.values()}) == 100
    assert sum(Balance.objects.values_list("version", flat=True)) == 100
    assert sound()


# Reversals


def test_a_reversal_is_the_mirror_image_and_leaves_the_entry_as_it_is() -> None:
    of = asset()
    deposit(of, "5")
    posted = enter(line(interest(of), accrued(of), "1"), line(wallet(of), fees(of), "2"))
    with transaction.atomic():
        undone = reverse(
            entry_id=posted.entry_id, key="undo", happened_at=at(1), reason="wrong"
        )
    mirror = Entry.objects.get(pk=undone.entry_id)
    assert (mirror.kind, mirror.note) == ("REVERSE", {"reason": "wrong"})
    assert mirror.reverses_id == posted.entry_id
    original, image = (
        [(x.debit.code, x.credit.code, x.amount) for x in y.postings.order_by("line")]
        for y in (Entry.objects.get(pk=posted.entry_id), mirror)
    )
    assert image == [(credit, debit, amount) for debit, credit, amount in original]
    assert available(asset_id=of.pk, code=wallet(of).code) == 5
    assert sound()


def undo(entry_id: int, key: str) -> object:
    with transaction.atomic():
        return reverse(entry_id=entry_id, key=key, happened_at=at(1), reason="wrong")


def test_an_entry_is_reversed_once() -> None:
    posted = deposit(asset(), "5")
    undo(posted.entry_id, "undo")
    rule = broken_rule(lambda: undo(posted.entry_id, "undo again"))
    assert rule == "ledger_entry_reverses_id_key"


def test_a_reversal_that_is_repeated_answers_with_the_first() -> None:
    posted = deposit(asset(), "5")
    first = undo(posted.entry_id, "undo")
    assert undo(posted.entry_id, "undo") == (first.entry_id, True)


def test_a_reversal_may_be_reversed() -> None:
    of = asset()
    undone = undo(deposit(of, "5").entry_id, "undo")
    undo(undone.entry_id, "redo")
    assert available(asset_id=of.pk, code=wallet(of).code) == 5


def test_a_reversal_cannot_take_what_is_spent() -> None:
    of = asset()
    posted = deposit(of, "5")
    enter(line(wallet(of), fees(of), "1"))
    with pytest.raises(InsufficientFunds):
        undo(posted.entry_id, "undo")


def test_reversing_what_is_not_there_is_a_lookup_error() -> None:
    with pytest.raises(LookupError, match="404"):
        undo(404, "undo")


def test_an_entry_reverses_one_that_is_there() -> None:
    of = asset()
    draft = Draft("k", "TEST", [line(custody(of), wallet(of), "1")], at(), reverses=404)
    assert broken_rule(lambda: post_batch([draft])) == "entry_reverses_an_entry"


# At the same time


@real_connections
def test_sixteen_twins_of_one_key_are_one_entry() -> None:
    of = asset()
    answers = at_once(*[lambda: deposit(of, "1", key="twin")] * 16)
    assert len({x.entry_id for x in answers}) == 1
    assert [x.replayed for x in answers].count(False) == 1
    assert available(asset_id=of.pk, code=wallet(of).code) == 1
    assert sound()


@real_connections
def test_of_twins_with_two_contents_one_is_refused() -> None:
    of = asset()
    acts = [lambda amount=str(n): deposit(of, amount, key="twin") for n in (1, 2)] * 4
    answers = at_once(*acts)
    assert [type(x) for x in answers].count(KeyReused) == 4
    assert Entry.objects.count() == 1
    assert sound()


@real_connections
def test_a_twin_waits_for_the_first_and_takes_its_place_if_it_fails() -> None:
    of = asset()

    def fail() -> None:
        deposit(of, "1", key="twin")
        transaction.set_rollback(True)

    _, answer = in_flight(fail, lambda: deposit(of, "1", key="twin").replayed)
    assert answer is False
    assert sound()


@real_connections
def test_many_who_spend_from_one_wallet_never_cross_zero() -> None:
    of = asset()
    deposit(of, "10")

    def spend() -> int:
        won = 0
        for _ in range(5):
            try:
                enter(line(wallet(of), fees(of), "0.7"))
            except InsufficientFunds:
                continue
            won += 1
        return won

    assert sum(at_once(*[spend] * 8)) == 14
    assert available(asset_id=of.pk, code=wallet(of).code) == Decimal("0.2")
    assert sound()


@real_connections
def test_crossing_transfers_take_their_locks_in_one_order() -> None:
    of = asset()
    deposit(of, "50", customer=1)
    deposit(of, "50", customer=2)

    def transfer(debit: int, credit: int) -> None:
        for _ in range(10):
            enter(line(wallet(of, debit), wallet(of, credit), "1"))

    answers = at_once(*[lambda: transfer(1, 2), lambda: transfer(2, 1)] * 4)
    assert answers == [None] * 8  # a deadlock would be an OperationalError here
    assert sound()


@real_connections
@pytest.mark.parametrize("known", [False, True])
def test_crossing_batches_take_their_accounts_in_one_order(known: bool) -> None:  # noqa: FBT001
    of = asset()

    def pay_in(tag: str, customers: Sequence[int]) -> None:
        lines = [line(custody(of), wallet(of, x), "1") for x in customers]
        drafts = [Draft(f"{tag} {x.credit.code}", "TEST", [x], at()) for x in lines]
        with transaction.atomic():
            post_batch(drafts)

    if known:
        pay_in("first", range(9))
    # all three meet at customer 4: in two orders, two would hold what the other wants
    answers = in_flight(
        lambda: pay_in("middle", [4]),
        lambda: pay_in("up", range(9)),
        lambda: pay_in("down", range(8, -1, -1)),
    )
    assert answers == [None] * 3
    assert sound()


@real_connections
def test_crossing_batches_take_their_keys_in_one_order() -> None:
    of = asset()
    deposit(of, "1")

    def claim(keys: Sequence[int]) -> None:
        lines = [line(custody(of), wallet(of), "1")]
        drafts = [Draft(f"key {x}", "TEST", lines, at()) for x in keys]
        with transaction.atomic():
            post_batch(drafts)

    answers = in_flight(
        lambda: claim([4]),
        lambda: claim(range(9)),
        lambda: claim(range(8, -1, -1)),
    )
    assert answers == [None] * 3
    assert Entry.objects.count() == 10
    assert sound()


@real_connections
def test_a_deadlock_of_two_steps_never_reaches_the_caller() -> None:
    of = asset()
    deposit(of, "50", customer=1)
    deposit(of, "50", customer=2)
    enter(
        line(interest(of), fees(of), "1")
    )  # else opening the account is what they wait for
    met = [Event(), Event()]
    tried = [0, 0]

    def swap(me: int) -> None:
        mine, theirs = wallet(of, me + 1), wallet(of, 2 - me)

        def act() -> None:
            tried[me] += 1
            execute("set local deadlock_timeout = '20ms'")
            enter(line(mine, fees(of), "1"), key=f"{me} takes its own")
            met[me].set()
            assert met[1 - me].wait(30)
            enter(line(theirs, fees(of), "1"), key=f"{me} takes the other's")

        in_transaction(act)

    assert at_once(lambda: swap(0), lambda: swap(1)) == [None, None]
    assert sum(tried) > 2
    for customer in (1, 2):
        assert available(asset_id=of.pk, code=wallet(of, customer).code) == 48
    assert sound()


def give_up(code: str, tries: list[int]) -> Callable[[], None]:
    def act() -> None:
        tries.append(1)
        execute(f"do $$ begin raise exception 'no' using errcode = '{code}'; end $$")

    return act


@real_connections
@pytest.mark.parametrize("code", ["40001", "40P01"])
def test_a_transaction_that_is_given_up_again_and_again_is_try_again(code: str) -> None:
    tries: list[int] = []
    with pytest.raises(TryAgain):
        in_transaction(give_up(code, tries), attempts=3)
    assert len(tries) == 3


@real_connections
@pytest.mark.parametrize("code", ["55P03", "57014", "23514", "42P01"])
def test_any_other_failure_is_not_repeated(code: str) -> None:
    tries: list[int] = []
    with pytest.raises(DatabaseError):
        in_transaction(give_up(code, tries))
    assert len(tries) == 1


def test_inside_another_transaction_nothing_is_repeated() -> None:
    tries: list[int] = []
    with pytest.raises(OperationalError), transaction.atomic():
        in_transaction(give_up("40001", tries))
    assert len(tries) == 1


def test_the_application_posts_with_no_more_than_its_own_rights(
    as_app_role: Callable[[], AbstractContextManager[None]],
) -> None:
    of = asset()
    with as_app_role():
        posted = deposit(of, "3", key="mine")
        assert deposit(of, "3", key="mine").replayed
        undo(posted.entry_id, "undo")
        with pytest.raises(InsufficientFunds):
            enter(line(wallet(of), fees(of), "4"))
    assert sound()


def test_a_temporary_table_of_the_caller_is_not_taken_for_the_books(
    as_app_role: Callable[[], AbstractContextManager[None]],
) -> None:
    of = asset()
    with as_app_role():
        for table in ("account", "balance", "entry", "posting", "asset", "sealqueue"):
            execute(f"create temporary table ledger_{table} (like public.ledger_{table})")
        deposit(of, "3")
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from public.ledger_posting")
        assert cursor.fetchone() == (1,)
        cursor.execute("select credits from public.ledger_balance")
        assert cursor.fetchone() == (3,)
