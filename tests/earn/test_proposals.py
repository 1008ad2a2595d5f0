"""Four eyes, exact effects, limits: and the database that holds them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from earn import catalogue, prices, proposals
from earn.audit import Actor
from earn.models import (
    AuditEvent,
    Customer,
    OperationLimit,
    Product,
    Proposal,
    User,
    Verdict,
)
from earn.proposals import (
    ConfirmationNeeded,
    EffectChanged,
    KeyRefused,
    ProposalRefused,
)
from earn.tasks import expire_proposals
from ledger.models import Entry
from tests.admin.staff import member as staff
from tests.earn import people
from tests.earn.people import broken, draft, flexible, fund, key, money, on, wallet

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> Customer:
    money()
    return people.customer("Alice")


@pytest.fixture
def maria() -> User:
    return staff("maria", "operator")


@pytest.fixture
def carl() -> User:
    return staff("carl", "checker")


def by(user: User, at: Any = None) -> Actor:
    return Actor(user, at or on(0), "192.0.2.7")


def deposit(maria: User, alice: Customer, amount: str = "50.00", **how: Any) -> Proposal:
    request = {"customer": str(alice.pk), "asset": "USD", "amount": amount}
    how = {"key": key(), "reason": "Wire 123", "by": by(maria)} | how
    return proposals.propose("DEPOSIT", request, **how)


def broken_rule(act: Callable[[], Any]) -> str:
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        act()
    return str(error.value.__cause__.diag.constraint_name)  # type: ignore[union-attr]


def test_a_deposit_is_shown_exactly_and_done_by_the_checker(
    maria: User, carl: User, alice: Customer
) -> None:
    proposal = deposit(maria, alice)
    assert proposal.effect["lines"] == [
        ["DEPOSIT", "treasury:custody", f"customer:{alice.uuid}:wallet", "50", "USD"]
    ]
    assert (Entry.objects.count(), wallet(alice)) == (0, 0)
    done = proposals.approve(proposal.pk, by=by(carl, on(0, 11)))
    assert (done.state, wallet(alice)) == ("DONE", 50)
    assert broken() == []


def test_the_trail_says_who_from_where_and_what(
    maria: User, carl: User, alice: Customer
) -> None:
    proposal = deposit(maria, alice)
    proposals.approve(proposal.pk, by=by(carl), comment="seen the wire")
    trail = list(AuditEvent.objects.order_by("pk"))
    assert [(x.act, x.actor, x.ip, x.reason) for x in trail] == [
        ("PROPOSE", maria, "192.0.2.7", "Wire 123"),
        ("APPROVE", carl, "192.0.2.7", "seen the wire"),
    ]
    assert [x.after["state"] for x in trail] == ["WAITING", "DONE"]


def test_the_same_form_sent_twice_is_one_proposal(maria: User, alice: Customer) -> None:
    first = deposit(maria, alice, key="form")
    assert deposit(maria, alice, key="form") == first
    assert Proposal.objects.count() == AuditEvent.objects.count() == 1


@pytest.mark.parametrize("what", ["amount", "reason", "operation", "maker"])
def test_a_key_that_is_known_of_something_else_is_refused_in_words(
    maria: User, alice: Customer, what: str
) -> None:
    first = deposit(maria, alice, key="form")
    asked = {"operation": "DEPOSIT", "request": first.request, "reason": "Wire 123"}
    other = {
        "amount": {"request": first.request | {"amount": "5.00"}},
        "reason": {"reason": "Wire 124"},
        "operation": {"operation": "WITHDRAWAL"},
        "maker": {"by": by(staff("mona", "operator"))},
    }
    again: dict[str, Any] = {"key": "form", "by": by(maria)} | asked | other[what]
    with pytest.raises(KeyRefused, match=f"it is proposal {first.pk}"):
        proposals.propose(**again)
    assert Proposal.objects.count() == 1


def test_nobody_approves_what_they_proposed(alice: Customer) -> None:
    both = staff("both", "operator", "checker")
    proposal = deposit(both, alice)
    with pytest.raises(ProposalRefused, match="Another one than its maker"):
        proposals.approve(proposal.pk, by=by(both))
    mine = Verdict(proposal=proposal, maker=both, checker=both, at=on(0), approves=True)
    assert broken_rule(mine.save) == "maker_and_checker_differ"
    other = staff("other", "checker")
    lie = Verdict(proposal=proposal, maker=other, checker=both, at=on(0), approves=True)

    def check() -> None:
        lie.save()
        with connection.cursor() as cursor:
            cursor.execute("set constraints all immediate")

    assert broken_rule(check) == "verdict_knows_the_maker"


def test_a_proposal_is_not_done_by_an_update_alone(maria: User, alice: Customer) -> None:
    proposal = deposit(maria, alice)
    waiting = Proposal.objects.filter(pk=proposal.pk)
    assert (
        broken_rule(lambda: waiting.update(state="DONE", decided_at=on(0, 11)))
        == "nothing_is_done_without_its_checkers"
    )
    assert (
        broken_rule(lambda: waiting.update(request={"amount": "5000000"}))
        == "proposals_are_immutable"
    )


@pytest.mark.parametrize(
    ("role", "how"),
    [
        ("operator", {}),
        ("checker", {"is_staff": False}),
        ("checker", {"is_active": False}),
    ],
)
def test_the_database_takes_verdicts_of_checkers_alone(
    maria: User, alice: Customer, role: str, how: dict[str, bool]
) -> None:
    proposal, other = deposit(maria, alice), staff("other", role)
    User.objects.filter(pk=other.pk).update(**how)
    said = Verdict(proposal=proposal, maker=maria, checker=other, at=on(0), approves=True)
    assert broken_rule(said.save) == "checkers_have_their_role"
    User.objects.filter(pk=other.pk).update(
        is_superuser=True, is_staff=True, is_active=True
    )
    said.save()


def test_the_database_takes_proposals_of_operators_alone(
    maria: User, carl: User, alice: Customer
) -> None:
    proposal = deposit(maria, alice)
    proposal.pk, proposal.key, proposal.maker = None, "another", carl
    assert broken_rule(proposal.save) == "makers_have_their_role"


def test_the_database_does_not_let_its_writer_choose_the_time(
    maria: User, carl: User, alice: Customer
) -> None:
    proposal, tomorrow = deposit(maria, alice), datetime.now(UTC) + timedelta(days=1)
    waiting = Proposal.objects.filter(pk=proposal.pk)
    for at in (tomorrow, proposal.made_at - timedelta(minutes=6)):

        def end(at: datetime = at) -> None:
            waiting.update(state="WITHDRAWN", decided_at=at)

        assert broken_rule(end) == "nothing_is_decided_ahead_of_the_clock"
    said = Verdict(proposal=proposal, maker=maria, checker=carl, approves=True)
    said.at = tomorrow
    assert broken_rule(said.save) == "nothing_is_decided_ahead_of_the_clock"
    proposal.pk, proposal.key, proposal.made_at = None, "another", tomorrow
    proposal.expires_at = tomorrow + proposals.LASTS
    assert broken_rule(proposal.save) == "nothing_is_decided_ahead_of_the_clock"


@pytest.mark.parametrize("state", ["DONE", "REJECTED", "WITHDRAWN"])
def test_what_is_decided_stays_decided(
    maria: User, carl: User, alice: Customer, state: str
) -> None:
    proposal = deposit(maria, alice)
    {
        "DONE": lambda: proposals.approve(proposal.pk, by=by(carl)),
        "REJECTED": lambda: proposals.reject(proposal.pk, by=by(carl), comment="no"),
        "WITHDRAWN": lambda: proposals.withdraw(proposal.pk, by=by(maria)),
    }[state]()
    with pytest.raises(ProposalRefused, match="decided already"):
        proposals.approve(proposal.pk, by=by(staff("dora", "checker")))
    again = Proposal.objects.filter(pk=proposal.pk)
    assert (
        broken_rule(lambda: again.update(state="WAITING", decided_at=None))
        == "proposals_are_decided_once"
    )


def test_history_is_only_added_to(maria: User, carl: User, alice: Customer) -> None:
    proposal = deposit(maria, alice)
    proposals.approve(proposal.pk, by=by(carl))
    with connection.cursor() as cursor:
        cursor.execute("set constraints all immediate")
    for table in ("proposal", "verdict", "auditevent"):
        for statement in ("delete from", "truncate"):

            def act(sql: str = f"{statement} earn_{table}") -> None:
                with connection.cursor() as cursor:
                    cursor.execute(f"{sql} cascade" if "truncate" in sql else sql)

            assert broken_rule(act).endswith("_is_append_only")
    event = AuditEvent.objects.all()
    rule = broken_rule(lambda: event.update(reason="another"))
    assert rule == "earn_auditevent_is_append_only"


def test_an_expired_proposal_is_proposed_anew(
    maria: User, carl: User, alice: Customer
) -> None:
    proposal = deposit(maria, alice)
    late = on(0) + proposals.LASTS
    with pytest.raises(ProposalRefused, match="expired"):
        proposals.approve(proposal.pk, by=by(carl, late))
    assert proposals.expire(at=late - timedelta(seconds=1)) == 0
    assert proposals.expire(at=late) == 1
    proposal.refresh_from_db()
    assert (proposal.state, wallet(alice)) == ("EXPIRED", 0)
    event = AuditEvent.objects.get(act="EXPIRE")
    assert (event.actor, event.at, event.proposal, event.subject, event.after) == (
        *(None, late, proposal, proposal.subject),
        {"state": "EXPIRED"},
    )
    assert (proposals.expire(at=late), AuditEvent.objects.count()) == (0, 2)


def test_what_has_expired_waits_no_more_also_before_the_job_has_run(
    maria: User, carl: User, alice: Customer
) -> None:
    proposal = deposit(maria, alice)
    late = on(0) + proposals.LASTS
    assert list(proposals.waiting(at=late - timedelta(seconds=1))) == [proposal]
    assert not proposals.waiting(at=late).exists()
    assert not proposals.waiting_for(carl, at=late).exists()
    expire_proposals()  # by the clock, which is long past these days
    proposal.refresh_from_db()
    assert proposal.state == "EXPIRED"


def test_what_would_now_come_out_otherwise_is_not_done(
    maria: User, carl: User, alice: Customer
) -> None:
    freeze = {"customer": str(alice.pk), "frozen_in": "yes", "frozen_out": "yes"}
    proposal = proposals.propose(
        "FREEZE", freeze, key=key(), reason="Court order", by=by(maria)
    )
    Customer.objects.filter(pk=alice.pk).update(frozen_in=True)
    with pytest.raises(EffectChanged):
        proposals.approve(proposal.pk, by=by(carl))
    alice.refresh_from_db()
    assert (alice.frozen_out, Verdict.objects.count()) == (False, 0)


def test_a_withdrawal_takes_no_more_than_there_is(maria: User, alice: Customer) -> None:
    fund(alice, 10, at=on(0))
    request = {"customer": str(alice.pk), "asset": "USD", "amount": "10.01"}
    with pytest.raises(ProposalRefused, match="holds less"):
        proposals.propose("WITHDRAWAL", request, key=key(), reason="asked", by=by(maria))
    assert Proposal.objects.count() == 0


def test_the_limits_of_one_operation_and_of_a_day(
    maria: User, carl: User, alice: Customer
) -> None:
    OperationLimit.objects.create(
        operation="DEPOSIT", asset=money(), at_once=Decimal(60), a_day=Decimal(100)
    )
    with pytest.raises(ProposalRefused, match="limit of one operation is 60 USD"):
        deposit(maria, alice, "60.01")
    first, second = deposit(maria, alice, "60"), deposit(maria, alice, "40.01")
    proposals.approve(first.pk, by=by(carl))
    with pytest.raises(ProposalRefused, match="limit of a day is 100"):
        proposals.approve(second.pk, by=by(carl))
    assert wallet(alice) == 60
    proposals.approve(second.pk, by=by(carl, on(1)))
    assert wallet(alice) == Decimal("100.01")


def test_a_thousand_times_the_usual_is_typed_again_and_checked_by_two(
    maria: User, carl: User, alice: Customer
) -> None:
    for _ in range(3):
        fund(alice, 50, at=on(0))
    assert deposit(maria, alice, "49999.99").checkers_needed == 1
    with pytest.raises(ConfirmationNeeded):
        deposit(maria, alice, "50000")
    with pytest.raises(ConfirmationNeeded):
        deposit(maria, alice, "50000", confirmed="5000")
    proposal = deposit(maria, alice, "50000", confirmed="50000")
    assert proposals.approve(proposal.pk, by=by(carl)).state == "WAITING"
    with pytest.raises(ProposalRefused, match="judged this proposal already"):
        proposals.approve(proposal.pk, by=by(carl))
    dora = staff("dora", "checker")
    assert proposals.approve(proposal.pk, by=by(dora)).state == "DONE"
    assert wallet(alice) == 50150


def test_without_a_history_an_amount_is_judged_by_its_worth(
    maria: User, alice: Customer
) -> None:
    for _ in range(2):  # are not enough to say what is usual
        fund(alice, 5_000_000, at=on(0))
    assert deposit(maria, alice, "999999.99").checkers_needed == 1
    with pytest.raises(ConfirmationNeeded, match="worth 1000000 USD or more"):
        deposit(maria, alice, "1000000")
    assert deposit(maria, alice, "1000000", confirmed="1000000").checkers_needed == 2
    fund(alice, 5_000_000, at=on(0))
    assert deposit(maria, alice, "1000000").checkers_needed == 1


def test_without_a_history_and_a_price_every_amount_is_confirmed(
    maria: User, alice: Customer
) -> None:
    coin = people.money("COIN")
    request = {"customer": str(alice.pk), "asset": "COIN", "amount": "400"}
    how = {"key": "coins", "reason": "A transfer", "by": by(maria)}
    with pytest.raises(ConfirmationNeeded, match="COIN has no price now"):
        proposals.propose("DEPOSIT", request, **how)
    prices.record([(coin, Decimal(2500))], at=on(0))
    with pytest.raises(ConfirmationNeeded, match="worth 1000000 USD"):
        proposals.propose("DEPOSIT", request, **how)
    request["amount"] = "399.99"
    assert proposals.propose("DEPOSIT", request, **how).checkers_needed == 1


@pytest.mark.parametrize(
    ("at_once", "a_day", "typed"),
    [
        ("99", "100", None),  # lowers it
        ("100", "1000", None),  # leaves it
        ("101", "1000", "101"),
        ("99", "1001", "1001"),
    ],
)
def test_a_limit_is_raised_by_three_and_its_figure_typed_twice(
    maria: User, at_once: str, a_day: str, typed: str | None
) -> None:
    OperationLimit.objects.create(
        operation="DEPOSIT", asset=money(), at_once=Decimal(100), a_day=Decimal(1000)
    )
    request = {"limited": "DEPOSIT", "asset": "USD", "at_once": at_once, "a_day": a_day}
    how = {"key": key(), "reason": "Growth", "by": by(maria)}
    if typed is None:
        assert proposals.propose("LIMIT", request, **how).checkers_needed == 1
        return
    with pytest.raises(ConfirmationNeeded, match="raises the limit"):
        proposals.propose("LIMIT", request, **how)
    made = proposals.propose("LIMIT", request, confirmed=typed, **how)
    assert made.checkers_needed == 2


@pytest.mark.parametrize(
    ("rate", "typed"),
    [("0.4999", None), ("0.5", "50"), ("1.01", "101")],  # 10 % is in force
)
def test_rates_that_look_like_a_slip_are_typed_twice_and_checked_by_two(
    maria: User, rate: str, typed: str | None
) -> None:
    flexible("easy")
    request = {
        "product": "easy",
        "effective_on": str(on(1).date()),
        "rows": [{"from": "0", "rate": rate}],
    }
    how = {"key": key(), "reason": "A campaign", "by": by(maria)}
    if typed is None:
        assert proposals.propose("RATES", request, **how).checkers_needed == 1
        return
    with pytest.raises(ConfirmationNeeded, match=f"{typed} %"):
        proposals.propose("RATES", request, **how)
    made = proposals.propose("RATES", request, confirmed=typed, **how)
    assert made.checkers_needed == 2


def test_first_rates_are_steep_above_a_hundred_percent() -> None:
    draft("easy")
    request = {"product": "easy", "effective_on": str(on(0).date())}
    for rate, is_steep in (("1", False), ("1.0001", True)):
        rows = [{"from": "0", "rate": rate}]
        trial = proposals.try_out("RATES", request | {"rows": rows}, at=on(0))
        assert bool(trial.unusual) == is_steep


def test_what_is_usual_is_found_by_index(alice: Customer) -> None:
    for _ in range(30):
        fund(alice, 1, at=on(0))
    with CaptureQueriesContext(connection) as asked:
        assert proposals.usual_amount("DEPOSIT", money()) == 1
    (query,) = [x["sql"] for x in asked if '"earn_order"' in x["sql"]]
    with connection.cursor() as cursor:
        cursor.execute("set local enable_seqscan = off")
        cursor.execute("explain " + query)
        plan = " ".join(row[0] for row in cursor.fetchall())
    assert "order_moved" in plan
    assert "Sort" not in plan


def test_an_adjustment_moves_what_the_house_has(
    maria: User, carl: User, alice: Customer
) -> None:
    request = {
        "asset": "USD",
        "debit": "expense:losses",
        "credit": "wallet",
        "customer": str(alice.pk),
        "amount": "1.25",
    }
    proposal = proposals.propose(
        "ADJUSTMENT", request, key=key(), reason="Our mistake", by=by(maria)
    )
    proposals.approve(proposal.pk, by=by(carl))
    assert wallet(alice) == Decimal("1.25")
    assert broken() == []
    wrong = request | {"debit": "position:1:principal"}
    with pytest.raises(ProposalRefused, match="no account that may be named by hand"):
        proposals.propose("ADJUSTMENT", wrong, key=key(), reason="x", by=by(maria))


def test_a_deposit_is_reversed_once_and_a_subscription_never(
    maria: User, carl: User, alice: Customer
) -> None:
    fund(alice, 50, at=on(0))
    entry = Entry.objects.get()
    request = {"entry": entry.key, "why": "wrong customer"}

    def propose() -> Proposal:
        return proposals.propose(
            "REVERSAL", request, key=key(), reason="Wrong one", by=by(maria)
        )

    twin = propose()
    proposals.approve(propose().pk, by=by(carl))
    assert wallet(alice) == 0
    with pytest.raises(ProposalRefused, match="reversed already"):
        proposals.approve(twin.pk, by=by(carl))
    people.subscribe(alice, flexible(), 20, on(0))
    request["entry"] = Entry.objects.get(kind="SUBSCRIBE").key
    with pytest.raises(ProposalRefused, match="never by a reversal"):
        propose()


@pytest.mark.parametrize(
    ("frozen", "what"),
    [
        ({"frozen_in": True}, "frozen in"),
        ({"frozen_out": True}, "frozen out"),
        ({"frozen_in": True, "frozen_out": True}, "frozen in and out"),
    ],
)
def test_the_checker_sees_that_a_frozen_wallet_is_moved(
    maria: User, carl: User, alice: Customer, frozen: dict[str, bool], what: str
) -> None:
    fund(alice, 50, at=on(0))
    mirror = {"entry": Entry.objects.get().key, "why": "wrong customer"}
    known = {"asset": "USD", "customer": str(alice.pk), "amount": "1.25"}
    adjusted = known | {"debit": "expense:losses", "credit": "wallet"}
    made = {}
    for operation, request in (("ADJUSTMENT", adjusted), ("REVERSAL", mirror)):
        how = {"reason": "Our mistake", "by": by(maria)}
        before = proposals.propose(operation, request, key=key(), **how)
        assert before.effect["changes"] == []
        made[operation] = before, request, how
    Customer.objects.filter(pk=alice.pk).update(**frozen)
    for operation, (before, request, how) in made.items():
        with pytest.raises(EffectChanged):
            proposals.approve(before.pk, by=by(carl))
        after = proposals.propose(operation, request, key=key(), **how)
        (change,) = after.effect["changes"]
        assert (change["subject"], change["what"]) == (f"customer:{alice.pk}", what)
        assert change["after"] == "its wallet is moved all the same"


def test_a_product_opens_and_its_rates_change_by_two(maria: User, carl: User) -> None:
    product = draft("easy", quota="1000")
    rates = {
        "product": "easy",
        "effective_on": str(on(0).date()),
        "rows": [{"term_days": "", "from": "0", "rate": "0.045"}],
    }
    steps = [("RATES", rates), ("PRODUCT", {"product": "easy", "state": "OPEN"})]
    for operation, request in steps:
        proposal = proposals.propose(
            operation, request, key=key(), reason="Launch", by=by(maria)
        )
        proposals.approve(proposal.pk, by=by(carl))
    product.refresh_from_db()
    assert product.state == Product.State.OPEN
    assert product.charts.get().tiers.get().annual_rate == Decimal("0.045")
    cut = rates | {"rows": [{"from": "0", "rate": "0.01"}]}
    Product.objects.filter(pk=product.pk)
    proposal = proposals.propose("RATES", cut, key=key(), reason="Cut", by=by(maria))
    assert proposal.effect["changes"] == [
        {
            "subject": "product:easy",
            "what": f"rates from {on(0).date()}",
            "before": "from 0 USD: 4.5 %",
            "after": "from 0 USD: 1 %",
        }
    ]


def test_the_checker_of_a_winding_up_sees_whom_it_pays_how_much(
    maria: User, carl: User, alice: Customer
) -> None:
    easy = flexible("easy", tiers=[(None, 0, "0.365")])
    position = people.subscribe(alice, easy, 1000, on(0))
    people.close_to(1)
    catalogue.set_state(easy, Product.State.PAUSED)
    how = {"key": key(), "reason": "It ends", "by": by(maria, on(2))}
    made = proposals.propose("WIND_UP", {"product": "easy"}, **how)
    assert made.effect["facts"] == [
        ["open positions", "1"],
        ["their principal", "1000.00 USD"],
        ["interest accrued and owed", "1.00 USD"],
    ]
    people.redeem(position, on(2), 400)  # moves the facts and not the effect
    now = proposals.facts("WIND_UP", made.request, at=on(2, 11))
    assert now[:2] == [["open positions", "1"], ["their principal", "600.00 USD"]]
    assert proposals.approve(made.pk, by=by(carl, on(2, 11))).state == "DONE"


def test_the_checker_of_rates_sees_what_they_cost_and_who_is_told(
    maria: User, carl: User, alice: Customer
) -> None:
    people.subscribe(alice, flexible("easy"), 1200, on(0))  # at 10 %
    rates = {"product": "easy", "effective_on": str(on(3).date())}
    told = {}
    for rate in ("0.05", "0.11"):
        request = rates | {"rows": [{"from": "0", "rate": rate}]}
        made = proposals.propose("RATES", request, key=key(), reason="Market", by=by(maria))
        told[rate] = dict(made.effect["facts"])
    assert told["0.05"] == {
        "open positions": "1",
        "their balances": "1200.00 USD",
        "more interest a month": "-5.00 USD",
        "holders who earn less and are told": "1",
    }
    assert told["0.11"]["more interest a month"] == "1.00 USD"
    assert told["0.11"]["holders who earn less and are told"] == "0"
    people.subscribe(alice, Product.objects.get(), 1200, on(0, 11))
    assert proposals.approve(made.pk, by=by(carl, on(0, 12))).state == "DONE"


def test_a_cut_without_its_notice_is_refused_in_the_rules_own_words(maria: User) -> None:
    flexible("easy", notice_days=7)
    cut = {
        "product": "easy",
        "effective_on": str(on(1).date()),
        "rows": [{"from": "0", "rate": "0.01"}],
    }
    with pytest.raises(ProposalRefused, match="A lower rate takes effect on 2026-01-12"):
        proposals.propose("RATES", cut, key=key(), reason="Cut", by=by(maria))


@pytest.mark.parametrize("role", ["viewer", "checker", "administrator"])
def test_only_operators_propose(role: str, alice: Customer) -> None:
    with pytest.raises(ProposalRefused, match="role does not allow"):
        deposit(staff("one", role), alice)


@pytest.mark.parametrize("role", ["viewer", "operator", "administrator"])
def test_only_checkers_judge(role: str, maria: User, alice: Customer) -> None:
    proposal, other = deposit(maria, alice), staff("one", role)
    with pytest.raises(ProposalRefused, match="role does not allow"):
        proposals.approve(proposal.pk, by=by(other))
    with pytest.raises(ProposalRefused, match="role does not allow"):
        proposals.reject(proposal.pk, by=by(other), comment="no")


def test_the_application_s_rights_suffice(
    maria: User, carl: User, alice: Customer, as_app_role: Any
) -> None:
    with as_app_role():
        proposal = deposit(maria, alice)
        proposals.approve(proposal.pk, by=by(carl))
    assert wallet(alice) == 50


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({"customer": "9999"}, "no such customer"),
        ({"asset": "XXX"}, "no such asset"),
        ({"amount": "0"}, "above 0"),
        ({"amount": "-5"}, "digits and a point"),
        ({"amount": "1e5"}, "digits and a point"),
        ({"amount": "1.001"}, "3 decimals; this asset has 2"),
        ({"amount": "9" * 400}, "more than 20 digits"),
        ({"customer": "9" * 400}, "no such customer"),
    ],
)
def test_bad_requests_are_answered_with_a_sentence(
    maria: User, alice: Customer, request_: dict[str, str], sentence: str
) -> None:
    known = {"customer": str(alice.pk), "asset": "USD", "amount": "1"}
    with pytest.raises(ProposalRefused, match=sentence):
        proposals.propose("DEPOSIT", known | request_, key=key(), reason="x", by=by(maria))
