"""Drafts, changes of open products, and what becomes of a closed one."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from earn import catalogue, drafts, proposals, redemptions, tasks, uptake, winding_up
from earn.audit import Actor
from earn.models import AuditEvent, Customer, Order, Position, Product, Proposal, User
from earn.proposals import EffectChanged, ProposalRefused
from earn.refusals import Frozen
from ledger.posting import constraint_of
from tests.admin.staff import member as staff
from tests.earn.people import (
    broken,
    chart,
    close_to,
    day,
    draft,
    fixed,
    flexible,
    key,
    now,
    on,
    redeem,
    refused,
    subscribe,
    used,
    wallet,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def maria() -> User:
    return staff("maria", "operator")


@pytest.fixture
def carl() -> User:
    return staff("carl", "checker")


def by(user: User, at: Any = None) -> Actor:
    return Actor(user, at or on(0), "192.0.2.7")


@pytest.fixture
def asked(maria: User) -> Callable[..., Proposal]:
    def ask(operation: str, code: str, at: Any = None, **request: Any) -> Proposal:
        request |= {"product": code}
        how = {"key": key(), "reason": "As agreed", "by": by(maria, at)}
        return proposals.propose(operation, request, **how)

    return ask


@pytest.fixture
def done(asked: Callable[..., Proposal], carl: User) -> Callable[..., Proposal]:
    def act(operation: str, code: str, at: Any = None, **request: Any) -> Proposal:
        proposal = asked(operation, code, at, **request)
        return proposals.approve(proposal.pk, by=by(carl, at))

    return act


# Drafts


def test_a_draft_is_kept_with_its_trail(maria: User) -> None:
    made = draft("easy")
    made.minimum, made.risk_text = Decimal("2.50"), "It may be lost."
    drafts.keep(made, by=by(maria))
    event = AuditEvent.objects.get()
    assert (event.act, event.subject, event.actor) == ("EDIT_DRAFT", "product:easy", maria)
    assert event.before == {"minimum": "0", "risk_text": "", "risk_version": "1"}
    assert event.after == {
        "minimum": "2.5",
        "risk_text": "It may be lost.",
        "risk_version": "2",
    }


def test_a_copy_is_a_draft_of_its_own(maria: User) -> None:
    known = fixed("old", early_rule="REDUCED_RATE", early_rate="0.005", quota="900")
    copy = drafts.copy_of(known)
    copy.code = "new"
    drafts.keep(copy, by=by(maria))
    made = Product.objects.get(code="new")
    assert (made.state, made.pk != known.pk) == ("DRAFT", True)
    assert (made.early_rate, made.quota) == (Decimal("0.005"), 900)
    assert not made.charts.exists()
    assert AuditEvent.objects.get().act == "CREATE_DRAFT"


def test_what_has_opened_is_no_draft(maria: User) -> None:
    product = draft("easy")
    chart(product, day(0), (None, 0, "0.1"))
    catalogue.set_state(Product.objects.get(), "OPEN")  # while the form is filled in
    product.names = {"en": "Easy"}
    with pytest.raises(drafts.NotADraft):
        drafts.keep(product, by=by(maria))
    assert not AuditEvent.objects.exists()


def test_a_draft_that_was_edited_is_not_opened_by_an_older_word(
    asked: Callable[..., Proposal], maria: User, carl: User
) -> None:
    product = draft("easy", early_rule="FORBIDDEN")
    chart(product, day(0), (None, 0, "0.1"))
    proposal = asked("PRODUCT", "easy", state="OPEN")
    shown = {x["what"]: x["after"] for x in proposal.effect["changes"]}
    assert (shown["state"], shown["payout"]) == ("OPEN", "ON_REDEMPTION")
    product.notice_days = 5
    drafts.keep(product, by=by(maria))
    with pytest.raises(EffectChanged):
        proposals.approve(proposal.pk, by=by(carl))


# Terms of a product that has opened


def test_names_window_limits_and_risks_change_by_two(done: Callable[..., Proposal]) -> None:
    product = flexible("easy", minimum="1", quota="900", risk_text="Old.", shards=2)
    proposal = done(
        "TERMS",
        "easy",
        names={"en": "Easy money"},
        sale_until="2026-03-01T00:00:00+00:00",
        minimum="0",
        customer_cap="500",
        countries_denied="us, KP",
        risk_text="New.",
    )
    told = {x["what"]: (x["before"], x["after"]) for x in proposal.effect["changes"]}
    assert told == {
        "names.en": ("", "Easy money"),
        "sale_until": ("", "2026-03-01T00:00:00+00:00"),
        "minimum": ("1", "0"),
        "customer_cap": ("", "500"),
        "countries_denied": ("", "KP, US"),
        "risk_text": ("Old.", "New."),
        "risk_version": ("1", "2"),
    }
    product.refresh_from_db()
    assert (product.customer_cap, product.risk_version, product.quota) == (500, 2, 900)


def test_a_quota_grows_and_shrinks_to_what_is_used(
    done: Callable[..., Proposal], asked: Callable[..., Proposal], alice: Customer
) -> None:
    product = flexible("easy", quota="900", shards=2)
    subscribe(alice, product, 400, on(0))
    done("TERMS", "easy", quota="1000.01")
    assert [x.capacity for x in product.quota_shards.order_by("number")] == [
        Decimal("500.00"),
        Decimal("500.01"),
    ]
    done("TERMS", "easy", quota="400")
    product.refresh_from_db()
    assert (product.quota, used(product), catalogue.quota_left(product)) == (400, 400, 0)
    assert broken() == []
    with pytest.raises(ProposalRefused, match="400 USD are in use already"):
        asked("TERMS", "easy", quota="399.99")
    with pytest.raises(ProposalRefused, match="first position on or never"):
        asked("TERMS", "easy", quota="")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"minimum": "1.001"}, "3 decimals; this asset has 2"),
        ({"sale_from": "soon"}, "write the moment as"),
        ({"countries_allowed": "Germany"}, "codes of two letters"),
        ({"minimum_kyc_level": "-1"}, "a whole number"),
        ({"names": "Easy"}, "a text for each language"),
        ({"minimum": "0"}, "just so already"),
        (
            {"sale_from": "2026-02-01", "sale_until": "2026-01-01"},
            "the sale ends after it begins",
        ),
    ],
)
def test_terms_that_cannot_be_are_refused_in_words(
    asked: Callable[..., Proposal], change: dict[str, Any], sentence: str
) -> None:
    flexible("easy")
    with pytest.raises(ProposalRefused, match=sentence):
        asked("TERMS", "easy", **change)


def test_a_draft_needs_no_proposal(asked: Callable[..., Proposal]) -> None:
    draft("easy")
    with pytest.raises(ProposalRefused, match="edited freely"):
        asked("TERMS", "easy", minimum="5")


# Closing


@pytest.fixture
def closing(alice: Customer, bob: Customer, charlie: Customer) -> list[Position]:
    """Three savers in a product that is paused on day 3, one of them frozen."""
    product = flexible("easy", tiers=[(None, 0, "0.365")], quota="9000")
    saved = [subscribe(who, product, 1000, on(0)) for who in (alice, bob, charlie)]
    close_to(2)
    Customer.objects.filter(pk=charlie.pk).update(frozen_out=True)
    catalogue.set_state(product, "PAUSED")
    return saved


def test_winding_up_pays_everybody_with_the_interest_of_the_last_days(
    closing: list[Position],
    done: Callable[..., Proposal],
    alice: Customer,
    charlie: Customer,
) -> None:
    proposal = done("WIND_UP", "easy", on(4))
    assert [(x["what"], x["after"]) for x in proposal.effect["changes"]] == [
        ("state", "CLOSED"),
        ("open positions", "paid out with all interest"),
    ]
    assert winding_up.pay_out(at=on(4), limit=1) == 1
    assert winding_up.pay_out(at=on(4), limit=9) == 1
    assert winding_up.pay_out(at=on(4), limit=9) == 0
    assert wallet(alice) == 1002
    close_to(4)  # day 3 is closed late: it was earned, day 4 was not
    assert wallet(alice) == 1003
    frozen = now(closing[2])
    assert (frozen.state, frozen.principal) == ("OPEN", 1000)
    assert not Order.objects.filter(state=Order.State.REFUSED).exists()
    Customer.objects.filter(pk=charlie.pk).update(frozen_out=False)
    assert winding_up.pay_out(at=on(5), limit=9) == 1
    assert wallet(charlie) == 1004
    assert broken() == []


def test_the_task_comes_back_until_all_are_paid(
    closing: list[Position],
    done: Callable[..., Proposal],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done("WIND_UP", "easy", on(4))
    monkeypatch.setattr(tasks, "PAID_AT_ONCE", 1)
    monkeypatch.setattr(tasks.wind_up, "delay", tasks.wind_up)  # delivered at once
    tasks.wind_up()
    states = [now(position).state for position in closing]
    assert states == ["REDEEMED", "REDEEMED", "OPEN"]


def fail_for(monkeypatch: pytest.MonkeyPatch, broken: Position, how: Exception) -> None:
    pay = redemptions.redeem

    def redeemed(*, position_id: int, **known: Any) -> Any:
        if position_id == broken.pk:
            raise how
        return pay(position_id=position_id, **known)

    monkeypatch.setattr(redemptions, "redeem", redeemed)


def test_one_that_cannot_be_paid_keeps_nobody_else_waiting(
    closing: list[Position],
    done: Callable[..., Proposal],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first of them, though one is paid at a time; and the failure is told."""
    done("WIND_UP", "easy", on(4))
    fail_for(monkeypatch, closing[0], RuntimeError("nobody foresaw it"))
    told = f"position {closing[0].pk}: RuntimeError.*nobody foresaw it"
    with pytest.raises(winding_up.NotAllPaid, match=told) as failure:
        winding_up.pay_out(at=on(4), limit=2)
    assert failure.value.paid == 1
    assert [now(x).state for x in closing] == ["OPEN", "REDEEMED", "OPEN"]


def test_the_task_comes_back_also_after_a_failure(
    closing: list[Position],
    done: Callable[..., Proposal],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done("WIND_UP", "easy", on(4))
    fail_for(monkeypatch, closing[0], RuntimeError("nobody foresaw it"))
    sent: list[int] = []
    monkeypatch.setattr(tasks.wind_up, "delay", lambda: sent.append(1))
    for _ in range(2):
        with pytest.raises(winding_up.NotAllPaid):
            tasks.wind_up()
    assert len(sent) == 1  # nobody else is left to pay


def test_those_who_are_refused_do_not_fill_the_run(
    closing: list[Position],
    done: Callable[..., Proposal],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done("WIND_UP", "easy", on(4))
    fail_for(monkeypatch, closing[0], Frozen("No money goes out."))
    assert winding_up.pay_out(at=on(4), limit=1) == 1
    assert [now(x).state for x in closing] == ["OPEN", "REDEEMED", "OPEN"]


def test_a_close_alone_pays_nobody(
    closing: list[Position], done: Callable[..., Proposal]
) -> None:
    proposal = done("PRODUCT", "easy", on(4), state="CLOSED")
    assert proposal.effect["changes"][1]["after"] == "earn on until their customers leave"
    assert winding_up.pay_out(at=on(4), limit=9) == 0
    close_to(4)
    assert [now(position).state for position in closing] == ["OPEN"] * 3


def test_whoever_leaves_first_is_not_paid_twice(
    closing: list[Position], done: Callable[..., Proposal], alice: Customer
) -> None:
    done("WIND_UP", "easy", on(4))
    redeem(closing[0], on(4))
    assert winding_up.pay_out(at=on(4), limit=9) == 1
    assert wallet(alice) == 1002
    refused(lambda: redeem(closing[1], on(4)))


def test_fixed_terms_are_not_wound_up(asked: Callable[..., Proposal]) -> None:
    fixed("term")
    with pytest.raises(ProposalRefused, match="its terms run out"):
        asked("WIND_UP", "term")


def test_an_open_product_is_paused_before_it_is_wound_up(
    asked: Callable[..., Proposal],
) -> None:
    flexible("easy")
    with pytest.raises(ProposalRefused, match="paused to closed"):
        asked("WIND_UP", "easy")


@pytest.mark.parametrize("product", [flexible, fixed])
def test_only_a_closed_flexible_product_is_wound_up(
    product: Callable[..., Product],
) -> None:
    made = product("any")
    catalogue.set_state(made, "PAUSED")
    if made.kind == "FIXED":
        catalogue.set_state(made, "CLOSED")
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        Product.objects.filter(pk=made.pk).update(wound_up_at=on(0))
    assert constraint_of(caught.value) == "only_closed_flexible_products_are_wound_up"


# What is taken up


def test_what_is_taken_up_of_products(alice: Customer, bob: Customer) -> None:
    easy = flexible("easy", quota="900")
    term = fixed("term")
    empty = flexible("empty")
    for who, amount in ((alice, 100), (bob, 50)):
        subscribe(who, easy, amount, on(0))
    for _ in range(2):
        subscribe(alice, term, 10, on(0), term_days=10)
    found = uptake.of([easy, term, empty])
    assert found[easy.pk] == uptake.Uptake(2, 2, Decimal(150), Decimal(150))
    assert found[term.pk] == uptake.Uptake(2, 1, Decimal(20), None)
    assert found[empty.pk] == uptake.Uptake()
    assert uptake.left_of(term).last_maturity == day(11)
