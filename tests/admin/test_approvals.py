"""The desk's pages of proposals: their lists, their form, and what is refused in words."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from earn import catalogue, proposals
from earn.admin import limits as limit_pages
from earn.admin import proposals as pages
from earn.audit import Actor
from earn.models import Customer, OperationLimit, Product, Proposal, User
from tests.admin.staff import member
from tests.earn import people
from tests.earn.people import key, money
from tests.portal.pages import signed_in

pytestmark = pytest.mark.django_db
LIST = "/admin/proposals/"


@pytest.fixture
def alice() -> Customer:
    money()
    return people.customer("Alice")


@pytest.fixture
def maria() -> User:
    return member("maria", "operator")


@pytest.fixture
def mia(maria: User) -> Client:
    """Maria at her desk."""
    return signed_in(maria)


def proposed(maria: User, alice: Customer, number: int) -> list[int]:
    by = Actor(maria, datetime.now(UTC))
    request = {"customer": str(alice.pk), "asset": "USD", "amount": "5"}
    return [
        proposals.propose("DEPOSIT", request, key=key(), reason="Wire", by=by).pk
        for _ in range(number)
    ]


def test_what_is_decided_is_paged_and_what_waits_is_bounded(
    mia: Client, maria: User, alice: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "WAITING", 2)
    monkeypatch.setattr(pages, "DECIDED", 2)
    made = proposed(maria, alice, 6)
    for number in made[:3]:
        proposals.withdraw(number, by=Actor(maria, datetime.now(UTC)))
    first: Any = mia.get(LIST).context
    assert [x.pk for x in first["waiting"]] == made[3:5]
    assert first["are_more_waiting"]
    assert [x.pk for x in first["decided"]] == [made[2], made[1]]
    rest: Any = mia.get(LIST, {"before": first["older"]}).context
    assert [x.pk for x in rest["decided"]] == [made[0]]
    assert rest["older"] is None
    for odd in ("x", "9" * 30, "-1", "\x00"):
        assert mia.get(LIST, {"before": odd}).status_code == 200


def test_what_has_expired_is_counted_nowhere(
    mia: Client, maria: User, alice: Customer
) -> None:
    request = {"customer": str(alice.pk), "asset": "USD", "amount": "5"}
    old = Actor(maria, people.on(0))
    proposals.propose("DEPOSIT", request, key=key(), reason="Wire", by=old)
    listed: Any = mia.get(LIST).context
    home: Any = mia.get("/admin/").context
    assert (listed["waiting"], home["waiting"], Proposal.objects.count()) == ([], 0, 1)


def asked(alice: Customer, **more: str) -> dict[str, str]:
    return {
        **{"customer": str(alice.pk), "asset": "USD", "amount": "50"},
        **{"reason": "Wire", "key": "one", "step": "send"},
    } | more


def test_back_in_the_browser_and_another_amount_is_not_called_proposed(
    mia: Client, alice: Customer
) -> None:
    address = f"{LIST}new/deposit/"
    assert mia.post(address, asked(alice)).status_code == 302
    answer: Any = mia.post(address, asked(alice, amount="5"))
    assert (answer.status_code, Proposal.objects.count()) == (422, 1)
    assert "sent before" in answer.context["problem"]
    again = asked(alice, amount="5", key=answer.context["key"])
    assert mia.post(address, again).status_code == 302
    amounts = Proposal.objects.order_by("pk").values_list("amount", flat=True)
    assert list(amounts) == [50, 5]


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"reason": "a\x00b"}, "Reason: there is a NUL"),
        ({"reason": "a" * 2001}, "Reason: 2000 characters at most"),
        ({"key": "a\x00b"}, "A key is a text of 1 to 200"),
        ({"key": "a" * 201}, "A key is a text of 1 to 200"),
    ],
)
def test_words_that_cannot_be_kept_are_refused_in_words(
    mia: Client, alice: Customer, sent: dict[str, str], sentence: str
) -> None:
    answer: Any = mia.post(f"{LIST}new/deposit/", asked(alice, **sent))
    assert (answer.status_code, Proposal.objects.count()) == (422, 0)
    assert sentence in answer.context["problem"]


@pytest.mark.parametrize("comment", ["a\x00b", "a" * 2001])
def test_a_checker_s_words_too(maria: User, alice: Customer, comment: str) -> None:
    (number,) = proposed(maria, alice, 1)
    carl = signed_in(member("carl", "checker"))
    for act in ("approve", "reject"):
        answer: Any = carl.post(f"{LIST}{number}/{act}/", {"comment": comment}, follow=True)
        assert [x.level_tag for x in answer.context["messages"]] == ["error"]
    assert Proposal.objects.get().state == "WAITING"


def test_the_form_says_why_a_figure_is_typed_again(mia: Client, alice: Customer) -> None:
    address = f"{LIST}new/deposit/"
    answer: Any = mia.post(address, asked(alice, amount="2000000", step="look"))
    assert answer.status_code == 200
    assert "worth 1000000 USD or more" in answer.content.decode()
    assert 'name="confirmed"' in answer.content.decode()
    assert mia.post(address, asked(alice, amount="2000000")).status_code == 422
    sent = asked(alice, amount="2000000", confirmed="2000000")
    assert mia.post(address, sent).status_code == 302
    assert Proposal.objects.get().checkers_needed == 2


def test_limits_are_shown_with_what_is_left_of_the_day(
    mia: Client, maria: User, alice: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = [("DEPOSIT", money()), ("WITHDRAWAL", money()), ("DEPOSIT", money("EUR"))]
    for operation, asset in limits:
        OperationLimit.objects.create(
            operation=operation, asset=asset, at_once=Decimal(10), a_day=Decimal("20.50")
        )
    carl, at = member("carl", "checker"), datetime.now(UTC)
    for number in proposed(maria, alice, 2)[:1]:
        proposals.approve(number, by=Actor(carl, at))
    answer: Any = mia.get("/admin/limits/")
    found = [
        (x.limit.asset.code, x.limit.operation, x.moved, x.left)
        for x in answer.context["rows"]
    ]
    most = Decimal("20.50")
    assert found == [
        ("EUR", "DEPOSIT", 0, most),
        ("USD", "DEPOSIT", 5, most - 5),
        ("USD", "WITHDRAWAL", 0, most),
    ]
    assert "15.50 USD" in answer.content.decode()
    tomorrow = at + timedelta(days=1)
    assert {x.moved for x in proposals.limits(at=tomorrow, most=3)} == {0}
    monkeypatch.setattr(limit_pages, "PAGE", 2)
    first: Any = mia.get("/admin/limits/").context
    rest: Any = mia.get("/admin/limits/", {"after": first["after"]}).context
    assert [len(x["rows"]) for x in (first, rest)] == [2, 1]
    assert mia.get("/admin/limits/?after=%00x").status_code == 200


def test_what_a_winding_up_concerns_is_shown_then_and_now(
    mia: Client, maria: User, alice: Customer
) -> None:
    easy = people.flexible("easy")
    position = people.subscribe(alice, easy, 1000, people.on(0))
    catalogue.set_state(easy, Product.State.PAUSED)
    form: Any = mia.post(
        f"{LIST}new/wind-up/", {"product": "easy", "reason": "x", "step": "look"}
    )
    by = Actor(maria, datetime.now(UTC))
    made = proposals.propose(
        "WIND_UP", {"product": "easy"}, key=key(), reason="It ends", by=by
    )
    people.redeem(position, people.on(0), 400)
    page = mia.get(f"{LIST}{made.pk}/").content.decode()
    then, now = page.split("As things stand now")
    assert "1000.00 USD" in then
    assert "600.00 USD" in now
    proposals.withdraw(made.pk, by=by)
    assert "As things stand now" not in mia.get(f"{LIST}{made.pk}/").content.decode()
    assert ["open positions", "1"] in form.context["trial"].effect["facts"]
