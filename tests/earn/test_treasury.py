"""Coins at work: deployed, recalled, earned; and whether they cover what is owed."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from earn import prices, proposals, treasury
from earn.admin.proposing import AdjustmentForm
from earn.audit import Actor
from earn.models import Customer, Proposal, Venue
from earn.proposals import ProposalRefused
from ledger import balances
from ledger.models import Asset, Entry
from tests.admin.staff import member
from tests.earn import people
from tests.earn.people import (
    at_once,
    broken,
    close_to,
    day,
    flexible,
    fund,
    key,
    money,
    on,
    subscribe,
)

pytestmark = pytest.mark.django_db


class Staff:
    """Maria proposes and Carl approves, in one go."""

    def __init__(self) -> None:
        self.maria, self.carl = member("maria", "operator"), member("carl", "checker")

    def propose(self, operation: str, at: Any = None, **request: str) -> Proposal:
        by = Actor(self.maria, at or on(0))
        return proposals.propose(operation, request, key=key(), reason="Plan", by=by)

    def approve(self, proposal: Proposal, at: Any = None) -> Proposal:
        return proposals.approve(proposal.pk, by=Actor(self.carl, at or on(0)))

    def do(self, operation: str, at: Any = None, **request: str) -> Proposal:
        return self.approve(self.propose(operation, at, **request), at)

    def move(
        self, operation: str, amount: str, venue: str = "aave", at: Any = None, **how: str
    ) -> Proposal:
        asset = how.pop("asset", "USD")
        return self.do(operation, at, venue=venue, asset=asset, amount=amount, **how)


@pytest.fixture
def staff(usd: Asset, alice: Customer) -> Staff:
    """Custody holds 1,000 USD of Alice's; there are two venues."""
    people.fund(alice, 1000, at=on(0), asset=usd)
    Venue.objects.create(code="aave", name="Aave", notice_days=0)
    Venue.objects.create(code="bank", name="A bank", notice_days=7)
    return Staff()


def usd_stock() -> treasury.Stock:
    return next(x for x in treasury.stocks() if x.asset.code == "USD")


def lines(kind: str) -> list[tuple[str, str, Decimal]]:
    entry = Entry.objects.get(kind=kind)
    return [(x.debit, x.credit, x.amount) for x in balances.posted([entry.key])[entry.key]]


def test_coins_go_to_a_venue_earn_and_come_back(staff: Staff) -> None:
    staff.move("DEPLOY", "600")
    staff.move("YIELD", "12.50", paid_to="venue")
    staff.move("RECALL", "612.50")
    aave, custody = "treasury:deployed:aave", "treasury:custody"
    assert lines("DEPLOY") == [(aave, custody, 600)]
    assert lines("YIELD") == [(aave, "income:yield:aave", Decimal("12.50"))]
    assert lines("RECALL") == [(custody, aave, Decimal("612.50"))]
    stock = usd_stock()
    assert (stock.custody, stock.deployed, stock.earned) == (
        Decimal("1012.50"),
        {"aave": 0},
        {"aave": Decimal("12.50")},
    )
    assert broken() == []


def test_yield_may_go_straight_to_custody(staff: Staff) -> None:
    staff.move("YIELD", "3", paid_to="custody")
    assert lines("YIELD") == [("treasury:custody", "income:yield:aave", 3)]
    with pytest.raises(ProposalRefused, match="custody or venue"):
        staff.move("YIELD", "3", paid_to="elsewhere")


def test_no_more_is_deployed_than_custody_holds(staff: Staff) -> None:
    staff.move("DEPLOY", "600")
    with pytest.raises(ProposalRefused, match="Custody holds 400 USD, not 400.01"):
        staff.move("DEPLOY", "400.01", venue="bank")
    assert usd_stock().deployed == {"aave": 600}


def test_what_two_have_proposed_is_counted_when_it_is_done(staff: Staff) -> None:
    request = {"asset": "USD", "amount": "600"}
    first = staff.propose("DEPLOY", venue="aave", **request)
    second = staff.propose("DEPLOY", venue="bank", **request)
    staff.approve(first)
    with pytest.raises(ProposalRefused, match="Custody holds 400 USD"):
        staff.approve(second)
    assert usd_stock().deployed == {"aave": 600}


def test_an_approval_with_an_earlier_clock_sees_what_was_done_before_it(
    staff: Staff,
) -> None:
    staff.move("DEPLOY", "600", at=on(0, 11))
    with pytest.raises(ProposalRefused, match="Custody holds 400 USD"):
        staff.move("DEPLOY", "600", venue="bank", at=on(0, 10))


def test_a_movement_is_reversed_while_its_coins_are_there(staff: Staff) -> None:
    staff.move("DEPLOY", "600")
    reversal = {"entry": Entry.objects.get(kind="DEPLOY").key, "why": "wrong venue"}
    staff.move("RECALL", "1")
    with pytest.raises(ProposalRefused, match="holds 599 USD, not 600"):
        staff.do("REVERSAL", **reversal)
    staff.move("DEPLOY", "1")
    staff.do("REVERSAL", entry=reversal["entry"], why="wrong venue")
    assert (usd_stock().custody, usd_stock().deployed) == (1000, {"aave": 0})


def test_no_more_is_recalled_than_works_at_the_venue(staff: Staff) -> None:
    staff.move("DEPLOY", "600")
    with pytest.raises(ProposalRefused, match="Deployed at bank are 0 USD, not 1"):
        staff.move("RECALL", "1", venue="bank")
    with pytest.raises(ProposalRefused, match="Deployed at aave are 600 USD"):
        staff.move("RECALL", "600.01")


@pytest.mark.django_db(transaction=True)
def test_two_deployments_at_once_do_not_take_the_same_coins(staff: Staff) -> None:
    request = {"asset": "USD", "amount": "600"}
    waiting = [staff.propose("DEPLOY", venue=x, **request) for x in ("aave", "bank")]
    carl = staff.carl

    def approve(proposal: Proposal) -> Any:
        return lambda: proposals.approve(proposal.pk, by=Actor(carl, on(0)))

    done = at_once(*(approve(x) for x in waiting))
    assert sorted(type(x).__name__ for x in done) == ["Proposal", "ProposalRefused"]
    assert usd_stock().custody == 400


@pytest.mark.parametrize("operation", ["DEPLOY", "RECALL", "YIELD"])
def test_a_venue_is_known_before_coins_go_there(staff: Staff, operation: str) -> None:
    with pytest.raises(ProposalRefused, match="no such venue"):
        staff.move(operation, "1", venue="nowhere", paid_to="venue")


def test_limits_count_deployments_too(staff: Staff) -> None:
    limit = {"limited": "DEPLOY", "asset": "USD", "at_once": "100", "a_day": "150"}
    staff.do("LIMIT", **limit)
    with pytest.raises(ProposalRefused, match="limit of one operation is 100 USD"):
        staff.move("DEPLOY", "101")
    staff.move("DEPLOY", "100")
    with pytest.raises(ProposalRefused, match="limit of a day is 150"):
        staff.move("DEPLOY", "51")


def test_a_venue_is_made_and_changed_by_two(staff: Staff) -> None:
    made = staff.do("VENUE", code="kraken", name="Kraken", notice_days="3")
    assert made.effect["changes"] == [
        {"subject": "venue:kraken", "what": what, "before": "none", "after": after}
        for what, after in (("name", "Kraken"), ("notice_days", "3"))
    ]
    changed = staff.do("VENUE", code="kraken", name="Kraken", notice_days="5")
    assert [x["before"] for x in changed.effect["changes"]] == ["3"]
    assert Venue.objects.get(code="kraken").notice_days == 5
    with pytest.raises(ProposalRefused, match="just these terms"):
        staff.do("VENUE", code="kraken", name="Kraken", notice_days="5")


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({"code": "Aave_v3"}, "small letters"),
        ({"name": "  "}, "say what it is called"),
        ({"notice_days": "366"}, "from 0 to 365"),
        ({"notice_days": "-1"}, "from 0 to 365"),
        ({"notice_days": "soon"}, "from 0 to 365"),
    ],
)
def test_terms_of_a_venue_are_checked(
    staff: Staff, request_: dict[str, str], sentence: str
) -> None:
    terms = {"code": "new", "name": "New", "notice_days": "0"} | request_
    with pytest.raises(ProposalRefused, match=sentence):
        staff.do("VENUE", **terms)


@pytest.mark.parametrize(
    ("terms", "rule"),
    [
        ({"code": "A b"}, "venue_codes_name_accounts"),
        ({"name": " "}, "venues_have_a_name"),
        ({"notice_days": -1}, "notice_of_a_venue_is_0_to_365_days"),
        ({"notice_days": 366}, "notice_of_a_venue_is_0_to_365_days"),
    ],
)
def test_the_database_holds_what_a_venue_is(terms: dict[str, Any], rule: str) -> None:
    known = {"code": "a", "name": "A", "notice_days": 1} | terms
    with pytest.raises(IntegrityError, match=rule), transaction.atomic():
        Venue.objects.create(**known)


def test_coverage_is_what_the_house_has_against_what_it_owes(
    staff: Staff, alice: Customer
) -> None:
    """1,000 in the wallet and 2,000 in a product at 36.5 %: 2 USD of interest a day."""
    subscribe(alice, flexible(tiers=[(None, 0, "0.365")]), 2000, on(0))
    staff.move("DEPLOY", "1200")
    close_to(1)
    (usd,) = treasury.standings(day(1))
    assert (usd.custody, usd.deployed, usd.covered_by) == (1800, 1200, 3000)
    assert (usd.wallets, usd.principals, usd.redeeming, usd.accrued) == (1000, 2000, 0, 2)
    assert (usd.owed, usd.missing) == (3002, 2)
    assert usd.ratio == Decimal("0.999333")  # 3000 / 3002, cut
    staff.move("YIELD", "2", paid_to="venue", at=on(2))
    fund(alice, 5, at=on(2))
    close_to(2)
    (usd,) = treasury.standings(day(2))
    assert (usd.missing, usd.owed, usd.covered_by) == (2, 3009, 3007)


@pytest.mark.usefixtures("staff")
def test_what_owes_nothing_has_no_ratio() -> None:
    close_to(0)
    (usd,) = treasury.standings(day(0))
    assert usd.ratio == 1
    assert usd._replace(wallets=Decimal(0)).ratio is None


def test_the_margin_is_yield_less_interest_of_the_days_asked_for(
    staff: Staff, alice: Customer
) -> None:
    """2 USD of interest on each of the days 1 to 3; yields of 1, 5 and 9 USD on them."""
    subscribe(alice, flexible(tiers=[(None, 0, "0.365")]), 2000, on(0))
    for number, amount in ((1, "1"), (2, "5"), (3, "9")):
        staff.move("YIELD", amount, paid_to="venue", at=on(number))
    close_to(3)
    (all_days,) = treasury.margins(day(0), day(3))
    assert (all_days.yielded, all_days.interest, all_days.net) == (15, 6, 9)
    (two,) = treasury.margins(day(2), day(3))
    assert (two.yielded, two.interest, two.net) == (14, 4, 10)


def test_stocks_of_all_assets_take_the_same_queries(
    staff: Staff, alice: Customer, django_assert_max_num_queries: Any
) -> None:
    for code in ("BTC", "ETH", "SOL"):
        fund(alice, 10, at=on(0), asset=money(code))
        prices.record([(money(code), Decimal(1))], at=on(0))
        staff.move("DEPLOY", "4", asset=code)
    with django_assert_max_num_queries(4):
        found = treasury.stocks()
    assert [(x.asset.code, x.custody, x.all) for x in found] == [
        ("BTC", 6, 10),
        ("ETH", 6, 10),
        ("SOL", 6, 10),
        ("USD", 1000, 1000),
    ]


def test_the_applications_rights_suffice(staff: Staff, as_app_role: Any) -> None:
    with as_app_role():
        staff.do("VENUE", code="kraken", name="Kraken", notice_days="3")
        staff.move("DEPLOY", "4", venue="kraken")
    assert usd_stock().deployed == {"kraken": 4}


def adjust(staff: Staff, debit: str, credit: str, amount: str) -> Proposal:
    return staff.do("ADJUSTMENT", asset="USD", debit=debit, credit=credit, amount=amount)


def test_an_adjustment_takes_no_coins_that_are_not_there(staff: Staff) -> None:
    staff.move("DEPLOY", "600")
    aave = "treasury:deployed:aave"
    with pytest.raises(ProposalRefused, match="custody holds 400 USD, not 400.01"):
        adjust(staff, "expense:losses", "treasury:custody", "400.01")
    with pytest.raises(ProposalRefused, match="aave holds 600 USD, not 601"):
        adjust(staff, "expense:losses", aave, "601")
    adjust(staff, "expense:losses", aave, "600")
    adjust(staff, aave, "income:yield:aave", "7")
    stock = usd_stock()
    assert (stock.custody, stock.deployed["aave"]) == (400, 7)
    assert stock.earned["aave"] == 7
    assert broken() == []


def test_an_adjustment_knows_the_venues_there_are(staff: Staff) -> None:
    with pytest.raises(ProposalRefused, match="credit: there is no venue nowhere"):
        adjust(staff, "expense:losses", "income:yield:nowhere", "1")


@pytest.mark.usefixtures("staff")
def test_the_form_of_an_adjustment_offers_the_accounts_of_each_venue() -> None:
    asked = {"asset": "USD", "debit": "treasury:deployed:bank", "amount": "1"}
    form = AdjustmentForm(asked | {"credit": "income:yield:bank"})
    assert form.is_valid(), form.errors
    assert not AdjustmentForm(asked | {"credit": "income:yield:nowhere"}).is_valid()
