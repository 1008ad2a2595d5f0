"""Ordering in the portal: a form, what will happen, confirmed, a receipt. Once."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from django.utils.formats import date_format

from earn import catalogue
from earn.models import Customer, Order, Position, Product
from earn.portal import ordering
from earn.portal.wording import AT_MATURITY_MEANS
from tests.earn.people import (
    TERMS,
    chart,
    fixed,
    flexible,
    fund,
    money,
    now,
    subscribe,
    wallet,
)
from tests.portal.test_home import signed_in

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)  # the pages read the clock themselves
TODAY = NOW.date()


class Page:
    """What a browser would keep of an answer: its text and the hidden fields."""

    def __init__(self, answer: Any) -> None:
        self.status = answer.status_code
        self.location = answer.headers.get("Location", "")
        self.text = unescape(answer.content.decode())
        inputs = re.findall(r'<input type="hidden"[^>]*>', answer.content.decode())
        pairs = [
            (re.search(r'name="([^"]*)"', x), re.search(r'value="([^"]*)"', x))
            for x in inputs
        ]
        self.hidden = {a[1]: unescape(b[1]) if b else "" for a, b in pairs if a}


@pytest.fixture
def client(alice: Customer) -> Client:
    fund(alice, 1000, at=NOW - timedelta(days=1))
    return signed_in(alice)


@pytest.fixture
def send(client: Client) -> Callable[..., Page]:
    def act(name: str, argument: Any, **fields: Any) -> Page:
        return Page(client.post(reverse(f"portal:{name}", args=[argument]), fields))

    return act


def confirm(send: Callable[..., Page], name: str, argument: Any, shown: Page) -> Page:
    return send(name, argument, **shown.hidden, step="confirm")


def test_a_subscription_is_shown_confirmed_and_receipted(
    alice: Customer, client: Client, send: Callable[..., Page]
) -> None:
    fixed("term", TERMS)
    form = Page(client.get(reverse("portal:subscribe", args=["term"])))
    assert "1,000.00 USD" in form.text
    shown = send("subscribe", "term", amount="500", term="10", at_maturity="RENEW_ALL")
    assert shown.status == 200
    for words in ("500.00 USD", "First day that earns", "Renew principal and interest"):
        assert words in shown.text
    assert Order.objects.filter(kind="SUBSCRIBE").count() == 0
    done = confirm(send, "subscribe", "term", shown)
    order = Order.objects.get(kind="SUBSCRIBE")
    assert (done.status, done.location) == (302, reverse("portal:receipt", args=[order.pk]))
    assert (wallet(alice), order.amount) == (500, 500)
    assert order.position.at_maturity == "RENEW_ALL"
    receipt = Page(client.get(done.location))
    assert "Done." in receipt.text
    assert "500.00 USD" in receipt.text


def test_a_double_click_a_reload_and_two_tabs_are_one_subscription(
    alice: Customer, send: Callable[..., Page]
) -> None:
    flexible("easy")
    shown = send("subscribe", "easy", amount="400")
    answers = [confirm(send, "subscribe", "easy", shown) for _ in range(3)]
    assert len({answer.location for answer in answers}) == 1
    assert wallet(alice) == 600
    other = confirm(send, "subscribe", "easy", send("subscribe", "easy", amount="100"))
    assert other.location != answers[0].location
    assert wallet(alice) == 500


def test_a_preview_that_is_loaded_twice_is_one_subscription(
    alice: Customer, client: Client, send: Callable[..., Page]
) -> None:
    flexible("easy")
    form = Page(client.get(reverse("portal:subscribe", args=["easy"])))
    tabs = [send("subscribe", "easy", **form.hidden, amount="400") for _ in range(2)]
    answers = [confirm(send, "subscribe", "easy", tab) for tab in tabs]
    assert len({answer.location for answer in answers}) == 1
    assert wallet(alice) == 600


def test_the_form_of_an_order_that_is_done_begins_another_one_and_says_so(
    alice: Customer, client: Client, send: Callable[..., Page]
) -> None:
    flexible("easy")
    form = Page(client.get(reverse("portal:subscribe", args=["easy"])))
    shown = send("subscribe", "easy", **form.hidden, amount="400")
    assert "already" not in shown.text
    done = confirm(send, "subscribe", "easy", shown)
    again = send("subscribe", "easy", **form.hidden, amount="100")
    assert "If you confirm, it will be another one." in again.text
    assert f'href="{done.location}"' in again.text
    other = confirm(send, "subscribe", "easy", again)
    assert (other.location != done.location, wallet(alice)) == (True, 500)


@pytest.mark.parametrize("key", ["", "no key", "\x00", "x" * 500])
def test_a_key_that_is_none_of_ours_is_replaced(
    send: Callable[..., Page], key: str
) -> None:
    flexible("easy")
    shown = send("subscribe", "easy", amount="400", key=key)
    assert len(shown.hidden["key"]) == 36
    assert confirm(send, "subscribe", "easy", shown).status == 302


def test_a_session_that_ends_in_mid_order_loses_nothing_and_does_nothing(
    alice: Customer, client: Client, send: Callable[..., Page]
) -> None:
    fixed("term", TERMS, risk_text="You may lose it.")
    choices = {"amount": "250.5", "term": "30", "at_maturity": "RENEW_ALL"}
    shown = send("subscribe", "term", **choices, minimum_rate="4.5", risk="1")
    client.logout()
    sent = confirm(send, "subscribe", "term", shown)
    assert sent.status == 302
    assert sent.location.startswith(reverse("account_login"))
    back = QueryDict(sent.location.partition("?")[2])["next"]
    for secret in ("csrf", "signed", "key", "risk"):
        assert secret not in back
    assert alice.user is not None
    client.force_login(alice.user)
    form = Page(client.get(back))
    assert "Your session had ended, so nothing was ordered." in form.text
    for kept in ('value="250.5"', 'value="30" selected', 'value="4.5"'):
        assert kept in form.text
    assert re.search(r'value="RENEW_ALL"[^>]*checked', form.text)
    assert wallet(alice) == 1000
    assert not Order.objects.filter(kind="SUBSCRIBE").exists()


def test_a_form_that_is_too_long_to_keep_is_left_out(
    client: Client, send: Callable[..., Page]
) -> None:
    flexible("easy")
    client.logout()
    sent = send("subscribe", "easy", amount="9" * 3000)
    assert len(sent.location) < 200
    assert "resumed" in sent.location


@pytest.mark.parametrize(
    ("terms", "most", "why"),
    [
        ({}, "1,000.00", "all that is in your wallet"),
        ({"step": "300"}, "900.00", "all that is in your wallet"),
        ({"customer_cap": "400"}, "400.00", "the most that one customer may still add"),
        ({"quota": "250.5"}, "250.50", "all that is left of this product"),
    ],
)
def test_the_most_that_can_be_ordered_is_one_click(
    client: Client, send: Callable[..., Page], terms: Any, most: str, why: str
) -> None:
    flexible("easy", **terms)
    page = Page(client.get(reverse("portal:subscribe", args=["easy"])))
    assert f"Use {most} USD" in page.text
    assert why in page.text
    filled = Page(client.get(reverse("portal:subscribe", args=["easy"]), {"amount": most}))
    assert f'value="{most}"' in filled.text
    assert send("subscribe", "easy", amount=most).status == 200


def test_an_empty_wallet_is_told_how_it_fills(client: Client) -> None:
    flexible("ether", asset=money("ETH", scale=18))
    page = Page(client.get(reverse("portal:subscribe", args=["ether"])))
    assert "Your wallet holds no ETH yet. Deposit ETH" in page.text
    assert "Use " not in page.text


def test_a_preview_says_what_the_wallet_holds_afterwards(
    send: Callable[..., Page],
) -> None:
    fixed("term", TERMS)
    shown = send("subscribe", "term", amount="400", term="10", at_maturity="PAY_OUT")
    told = " ".join(re.sub("<[^>]*>", " ", shown.text).split())
    assert "In your wallet now 1,000.00 USD In your wallet afterwards 600.00 USD" in told


def test_each_maturity_instruction_says_what_it_means(client: Client) -> None:
    fixed("term", TERMS)
    page = Page(client.get(reverse("portal:subscribe", args=["term"])))
    for meaning in AT_MATURITY_MEANS.values():
        assert str(meaning) in page.text
    assert re.search(r'value="PAY_OUT"[^>]*checked', page.text)  # nothing renews unasked


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        ({"countries_allowed": ["FR"]}, "not offered in your country"),
        ({"minimum_kyc_level": 3}, "level 3, and yours is 2"),
        ({"sale_from": NOW + timedelta(days=1)}, "This product opens on"),
    ],
)
def test_who_cannot_subscribe_is_told_before_anything_is_filled_in(
    client: Client, send: Callable[..., Page], terms: Any, says: str
) -> None:
    flexible("barred", **terms)
    assert says in Page(client.get(reverse("portal:subscribe", args=["barred"]))).text
    assert send("subscribe", "barred", amount="10").status == 422


def test_the_cap_and_the_quota_are_told_with_what_is_left(
    send: Callable[..., Page],
) -> None:
    flexible("capped", customer_cap=300)
    flexible("scarce", quota=200)
    assert "still add 300.00 USD" in send("subscribe", "capped", amount="301").text
    assert "200.00 USD are left" in send("subscribe", "scarce", amount="201").text


def test_terms_that_have_changed_are_shown_again_and_not_executed(
    alice: Customer, send: Callable[..., Page]
) -> None:
    product = flexible("easy")
    shown = send("subscribe", "easy", amount="400")
    assert "10 %" in shown.text
    chart(product, TODAY, (None, 0, "0.20"), at=NOW)
    again = confirm(send, "subscribe", "easy", shown)
    assert again.status == 200
    assert "The terms have changed since you saw them, and nothing was done." in again.text
    changed = again.text.split("What has changed")[1].split("What will happen")[0]
    assert re.findall(r"<dt>(.*?)</dt>", changed) == [
        "Annual rate of this amount (APR)",
        "Version of the rates",
    ]
    told = " ".join(re.sub("<[^>]*>", "", changed).split())
    assert "Before: 10 % Now: 20 %" in told
    assert wallet(alice) == 1000
    assert confirm(send, "subscribe", "easy", again).status == 302
    assert wallet(alice) == 600


def test_a_rate_that_is_announced_is_shown_confirmed_and_receipted(
    alice: Customer, client: Client, send: Callable[..., Page]
) -> None:
    product = flexible("easy")
    shown = send("subscribe", "easy", amount="400")
    assert "Announced" not in shown.text
    cut = chart(product, TODAY + timedelta(days=40), (None, 0, "0.03"), at=NOW)
    again = confirm(send, "subscribe", "easy", shown)
    assert "The terms have changed since you saw them" in again.text
    told = " ".join(re.sub("<[^>]*>", "", again.text).split())
    assert "Announced annual rate of this amount (APR) Now: 3 %" in told
    done = confirm(send, "subscribe", "easy", again)
    receipt = Page(client.get(done.location)).text
    for words in ("The announced rate applies from", date_format(cut.effective_on)):
        assert words in receipt
    assert wallet(alice) == 600


@pytest.mark.parametrize(
    ("amount", "says"),
    [
        ("", "This field is required."),
        ("abc", "Write an amount with digits"),
        ("-5", "Write an amount with digits"),
        ("1e3", "Write an amount with digits"),
        ("NaN", "Write an amount with digits"),
        ("9" * 59, "Write an amount with digits"),
        ("9" * 400, "at most 60 characters"),
        ("\x00", "Null characters are not allowed."),
        ("5.001", "USD has 2 decimals at most."),
        ("0", "The smallest amount is 10.00 USD."),
        ("10.01", "Amounts go in steps of 0.50 USD."),
    ],
)
def test_a_bad_amount_is_a_sentence_beside_the_field(
    alice: Customer, send: Callable[..., Page], amount: str, says: str
) -> None:
    flexible("easy", minimum=10, step="0.50")
    page = send("subscribe", "easy", amount=amount)
    assert page.status == 422
    assert says in page.text
    assert wallet(alice) == 1000


def test_a_refusal_comes_in_its_own_words(send: Callable[..., Page]) -> None:
    flexible("easy")
    too_much = send("subscribe", "easy", amount="1000.01")
    assert too_much.status == 422
    assert "Your wallet holds 1,000.00 USD. Enter that or less" in too_much.text
    shown = send("subscribe", "easy", amount="600")
    confirm(send, "subscribe", "easy", send("subscribe", "easy", amount="700"))
    refused = confirm(send, "subscribe", "easy", shown)
    assert refused.status == 422
    assert "Your wallet holds 300.00 USD. Enter that or less" in refused.text
    assert refused.hidden["key"] != shown.hidden["key"]  # which was refused for good


def test_the_risks_are_accepted_and_their_version_is_kept(
    send: Callable[..., Page],
) -> None:
    flexible("risky", risk_text="You may lose it.", risk_version=3)
    page = send("subscribe", "risky", amount="10")
    assert page.status == 422
    assert "You may lose it." in page.text
    shown = send("subscribe", "risky", amount="10", risk="3")
    confirm(send, "subscribe", "risky", shown)
    assert Order.objects.get(kind="SUBSCRIBE").preview["risk_version"] == 3


def reworded(product: Product) -> None:
    product.risk_text, product.risk_version = "You may lose all.", product.risk_version + 1
    product.save()


def asks_anew(page: Page) -> bool:
    """The form with what was filled in, the new text, a notice, and nothing ticked."""
    box = re.findall(r'<input type="checkbox"[^>]*>', page.text)
    assert page.status == 422
    assert 'value="10"' in page.text
    assert "You may lose all." in page.text
    assert "The terms have changed since you saw them, and nothing was done." in page.text
    assert "The text of the risks has changed." in page.text
    assert "signed" not in page.hidden
    return len(box) == 1 and 'value="2"' in box[0] and "checked" not in box[0]


def test_a_risk_text_that_changed_while_the_form_was_read_is_accepted_anew(
    client: Client, send: Callable[..., Page]
) -> None:
    product = flexible("risky", risk_text="You may lose it.")
    form = Page(client.get(reverse("portal:subscribe", args=["risky"])))
    assert re.search(r'<input type="checkbox" name="risk" value="1"', form.text)
    reworded(product)
    for ticked in ("1", "on", "True", "02", "\x00"):
        page = send("subscribe", "risky", **form.hidden, amount="10", risk=ticked)
        assert asks_anew(page)
    shown = send("subscribe", "risky", **page.hidden, amount="10", risk="2")
    assert confirm(send, "subscribe", "risky", shown).status == 302
    assert Order.objects.get(kind="SUBSCRIBE").preview["risk_version"] == 2


def test_a_risk_text_that_changed_before_the_confirmation_is_accepted_anew(
    alice: Customer, send: Callable[..., Page]
) -> None:
    product = flexible("risky", risk_text="You may lose it.")
    shown = send("subscribe", "risky", amount="10", risk="1")
    assert shown.hidden["risk"] == "1"
    reworded(product)
    page = confirm(send, "subscribe", "risky", shown)
    assert asks_anew(page)
    assert wallet(alice) == 1000
    assert send("subscribe", "risky", **page.hidden, amount="10").status == 422
    shown = send("subscribe", "risky", **page.hidden, amount="10", risk="2")
    assert confirm(send, "subscribe", "risky", shown).status == 302
    assert Order.objects.get(kind="SUBSCRIBE").preview["risk_version"] == 2


def test_a_first_risk_text_before_the_confirmation_is_told_as_what_it_is(
    alice: Customer, send: Callable[..., Page]
) -> None:
    product = flexible("risky")
    shown = send("subscribe", "risky", amount="10")
    reworded(product)
    page = confirm(send, "subscribe", "risky", shown)
    assert page.status == 422
    assert "This product has a text of its risks now." in page.text
    assert "The terms have changed since you saw them" in page.text
    assert "This field is required." not in page.text
    assert wallet(alice) == 1000
    shown = send("subscribe", "risky", **page.hidden, amount="10", risk="2")
    assert confirm(send, "subscribe", "risky", shown).status == 302


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        ({"minimum": "2000"}, "holds 1,000.00 USD, and the smallest amount is 2,000 USD."),
        ({"minimum": "10", "step": "1500"}, "and the smallest amount is 1,500 USD."),
        ({"minimum": "10", "customer_cap": "5"}, "You may still add 5.00 USD, and"),
        ({"minimum": "10", "quota": "7.5"}, "7.50 USD are left of this product, and"),
    ],
)
def test_why_nothing_can_be_ordered_is_told_with_what_it_would_take(
    client: Client, terms: Any, says: str
) -> None:
    flexible("easy", **terms)
    page = Page(client.get(reverse("portal:subscribe", args=["easy"])))
    assert says in page.text
    assert "Use " not in page.text


def test_a_link_does_not_accept_the_risks(client: Client) -> None:
    flexible("risky", risk_text="You may lose it.")
    address = reverse("portal:subscribe", args=["risky"])
    page = Page(client.get(address, {"risk": "1", "amount": "10"}))
    assert 'value="10"' in page.text
    assert "checked" not in page.text


def test_a_preview_that_was_tampered_with_is_not_taken(
    alice: Customer, send: Callable[..., Page]
) -> None:
    flexible("easy")
    shown = send("subscribe", "easy", amount="400")
    shown.hidden["signed"] = shown.hidden["signed"][:-2]
    answer = confirm(send, "subscribe", "easy", shown)
    assert answer.status == 400
    assert "Nothing has happened." in answer.text
    assert wallet(alice) == 1000


def test_a_preview_of_another_page_or_of_somebody_else_is_not_taken(
    alice: Customer, bob: Customer, send: Callable[..., Page]
) -> None:
    flexible("easy")
    flexible("same")
    fund(bob, 1000, at=NOW - timedelta(days=1))
    shown = send("subscribe", "easy", amount="400")
    assert confirm(send, "subscribe", "same", shown).status == 400
    address = reverse("portal:subscribe", args=["easy"])
    form = shown.hidden | {"step": "confirm"}
    assert signed_in(bob).post(address, form).status_code == 400
    assert (wallet(alice), wallet(bob)) == (1000, 1000)


def test_a_preview_of_yesterday_is_shown_again(
    alice: Customer, send: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    flexible("easy")
    shown = send("subscribe", "easy", amount="400")
    monkeypatch.setattr(ordering, "LASTS", timedelta(seconds=-1))
    again = confirm(send, "subscribe", "easy", shown)
    assert (again.status, wallet(alice)) == (200, 1000)
    assert "400.00 USD" in again.text
    assert again.hidden["key"] == shown.hidden["key"]
    monkeypatch.undo()
    done = confirm(send, "subscribe", "easy", again)
    assert (done.status, wallet(alice)) == (302, 600)
    monkeypatch.setattr(ordering, "LASTS", timedelta(seconds=-1))
    assert confirm(send, "subscribe", "easy", again).location == done.location


def test_a_page_from_before_the_sign_in_is_answered_with_a_sentence(
    alice: Customer,
) -> None:
    flexible("easy")
    assert alice.user is None
    strict = signed_in(alice, enforce_csrf_checks=True)
    answer = Page(strict.post(reverse("portal:subscribe", args=["easy"]), {"amount": "1"}))
    assert answer.status == 403
    assert "go back, load it again" in answer.text


@pytest.fixture
def position(alice: Customer) -> Position:
    return subscribe(alice, flexible("held"), 800, NOW - timedelta(days=1))


def test_a_part_is_redeemed_or_everything(
    alice: Customer, send: Callable[..., Page], position: Position
) -> None:
    shown = send("redeem", position.pk, part="PART", amount="300")
    assert "500.00 USD" in shown.text  # stays
    confirm(send, "redeem", position.pk, shown)
    assert (wallet(alice), now(position).principal) == (1300, 500)
    missing = send("redeem", position.pk, part="PART", amount="")
    assert (missing.status, "Write how much." in missing.text) == (422, True)
    confirm(send, "redeem", position.pk, send("redeem", position.pk, part="ALL"))
    assert (wallet(alice), now(position).state) == (1800, "REDEEMED")


def test_leaving_early_shows_what_is_kept_and_lost(
    alice: Customer, send: Callable[..., Page]
) -> None:
    term = fixed("term", TERMS, early_rule="FORFEIT_ALL")
    position = subscribe(alice, term, 100, NOW - timedelta(days=1), term_days=10)
    shown = send("redeem", position.pk)
    assert "Interest you keep" in shown.text
    assert "Interest you lose" in shown.text
    assert confirm(send, "redeem", position.pk, shown).status == 302
    assert now(position).state == "REDEEMED"


def test_a_delayed_redemption_is_cancelled(
    alice: Customer, client: Client, send: Callable[..., Page]
) -> None:
    slow = flexible("slow", settlement_delay_days=5)
    position = subscribe(alice, slow, 100, NOW - timedelta(days=1))
    done = confirm(send, "redeem", position.pk, send("redeem", position.pk, part="ALL"))
    assert "On its way." in Page(client.get(done.location)).text
    order = Order.objects.get(kind="REDEEM")
    shown = send("cancel", order.pk)
    assert "Would have been paid on" in shown.text
    assert confirm(send, "cancel", order.pk, shown).status == 302
    assert Position.objects.get(state="OPEN").principal == 100
    assert "Cancelled." in Page(client.get(done.location)).text


def test_the_maturity_instruction_is_changed(
    alice: Customer, send: Callable[..., Page]
) -> None:
    position = subscribe(alice, fixed("term", TERMS), 100, NOW, term_days=10)
    shown = send("instruct", position.pk, at_maturity="RENEW_ALL", minimum_rate="4.5")
    assert "4.5 %" in shown.text
    assert confirm(send, "instruct", position.pk, shown).status == 302
    assert now(position).at_maturity == "RENEW_ALL"
    assert now(position).minimum_renewal_rate == Decimal("0.045")
    bad = send("instruct", position.pk, at_maturity="SPEND", minimum_rate="five")
    assert bad.status == 422
    assert "Write a rate in percent" in bad.text


def test_a_product_that_is_not_for_sale_is_refused_and_a_draft_is_not_there(
    client: Client, send: Callable[..., Page]
) -> None:
    paused = flexible("paused")
    catalogue.set_state(paused, Product.State.PAUSED)
    assert "This product is paused" in send("subscribe", "paused", amount="10").text
    Product.objects.create(
        code="draft", asset=paused.asset, kind="FLEXIBLE", payout="DAILY"
    )
    assert client.get(reverse("portal:subscribe", args=["draft"])).status_code == 404
