"""What a customer reads of what they were told, by page and by mail, and chooses."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from http.cookies import Morsel
from smtplib import SMTPRecipientsRefused
from typing import Any
from unittest.mock import patch

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.test import Client
from django.urls import reverse

from earn import mailing, telling
from earn.days import DayCount
from earn.interest import Compounding, Payout, Rounding, Tier, TierMode
from earn.mailing import BATCH, Letter, message_id, send_mails
from earn.models import (
    Customer,
    KnownDevice,
    News,
    Notification,
    NotificationPreference,
    Product,
    User,
)
from earn.portal.devices import browser_of, system_of
from earn.portal.notices import letter, words_of
from earn.portal.notifications import ALWAYS, KINDS, PAGE
from earn.projection import project
from earn.tasks import send_mails as send_mails_task
from tests.earn.people import (
    chart,
    close_to,
    day,
    earned,
    fixed,
    flexible,
    on,
    redeem,
    subscribe,
)
from tests.portal.test_home import signed_in

pytestmark = pytest.mark.django_db

LIST = "/notifications/"
CHOICES = "/notifications/preferences/"
NOON = on(0, 12)
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
)


def notify(who: Customer, number: int, **different: Any) -> Notification:
    """Of a redemption of `number` dollars."""
    order = redeem(_position(who), on(0), number)
    told = Notification.objects.get(order=order)
    Notification.objects.filter(pk=told.pk).update(
        at=on(0) + timedelta(minutes=number), **different
    )
    told.refresh_from_db()
    return told


def _position(who: Customer) -> Any:
    easy = Product.objects.filter(code="easy").first() or flexible("easy")
    return subscribe(who, easy, 1000, on(0))


def words(kind: str) -> Any:
    told = Notification.objects.select_related("product__asset", "position__product")
    (found,) = words_of([told.get(kind=kind)])
    return found


# The page


def test_there_is_a_page_when_nothing_was_told(alice: Customer) -> None:
    page = signed_in(alice).get(LIST).content.decode()
    assert "Nothing yet." in page
    assert "You have read everything." in page
    assert "Mark all as read" not in page


def test_news_are_listed_newest_first_with_figures_and_a_link(alice: Customer) -> None:
    first, second = notify(alice, 2), notify(alice, 1)  # the second happened before
    page = signed_in(alice).get(LIST).content.decode()
    places = [page.index("2.00 USD"), page.index("1.00 USD")]
    assert places == sorted(places)
    assert page.count("Your redemption of easy was paid</h2>") == 2
    for told in (first, second):
        assert f'href="{reverse("portal:receipt", args=[told.order_id])}"' in page
    assert page.count('class="new"') == 2


def test_pages_go_back_without_losing_or_repeating_anything(
    alice: Customer, django_assert_num_queries: Any
) -> None:
    for number in range(1, 2 * PAGE + 2):
        notify(alice, number)
    client, seen, before = signed_in(alice), [], ""
    for _ in range(3):
        with django_assert_num_queries(6 if before else 5):
            answer = client.get(LIST, {"before": before} if before else {})
        seen += [told.pk for told, _ in answer.context["notifications"]]
        before = answer.context["next_before"]
    assert before is None
    found = Notification.objects.order_by("-at", "-pk").values_list("pk", flat=True)
    assert seen == list(found)


@pytest.mark.parametrize("before", ["x", "-1", "1", "9" * 30])
def test_a_place_that_is_not_there_is_not_found(alice: Customer, before: str) -> None:
    assert signed_in(alice).get(LIST, {"before": before}).status_code == 404


def test_everything_is_read_at_once_but_not_what_came_since(alice: Customer) -> None:
    notify(alice, 1)
    client = signed_in(alice)
    through = client.get(LIST).context["through"]
    late = notify(alice, 2)
    assert client.post(LIST, {"through": through}).status_code == 302
    unread = Notification.objects.filter(read_at=None)
    assert [told.pk for told in unread] == [late.pk]
    assert "1 is new." in client.get(LIST).content.decode()


def test_the_menu_says_how_many_are_unread_without_a_query_of_its_own(
    alice: Customer, django_assert_num_queries: Any
) -> None:
    notify(alice, 1)
    notify(alice, 2)
    client = signed_in(alice)
    with django_assert_num_queries(5):  # who it is, and three of the page
        page = client.get("/explore/").content.decode()
    assert "Notifications (2)" in page
    client.post(LIST, {"through": 10**12})
    page = client.get("/explore/").content.decode()
    assert "Notifications (" not in page
    assert ">Notifications</a>" in page


def test_what_is_only_mailed_is_not_in_the_portal(alice: Customer) -> None:
    notify(alice, 1, in_portal=False)
    page = signed_in(alice).get(LIST).content.decode()
    assert "1.00 USD" not in page
    assert "Notifications (" not in page


def test_bob_reads_marks_and_chooses_nothing_of_alices(
    alice: Customer, bob: Customer
) -> None:
    told = notify(alice, 1)
    his = signed_in(bob)
    assert "1.00 USD" not in his.get(LIST).content.decode()
    assert his.get(LIST, {"before": told.pk + 1}).status_code == 404
    assert his.get(LIST, {"before": told.pk}).status_code == 404
    his.post(LIST, {"through": 10**12})
    his.post(CHOICES, {})
    told.refresh_from_db()
    assert told.read_at is None
    assert {x.customer for x in NotificationPreference.objects.all()} == {bob}


# Preferences


def test_every_kind_is_shown_and_those_that_always_come_say_why(alice: Customer) -> None:
    assert set(KINDS) == set(News)
    assert len(ALWAYS) == 6
    page = signed_in(alice).get(CHOICES).content.decode()
    for kind in News:
        assert f'id="kind-{kind}"' in page
    assert page.count('type="checkbox"') == 4
    assert page.count("Always") == 12
    assert page.count("Your money has moved: you always hear of it.") == 4


def test_what_may_be_switched_off_is_kept_as_it_was_chosen(alice: Customer) -> None:
    client = signed_in(alice)
    chosen = {"portal-MATURES_IN_7_DAYS": "on", "mail-MATURES_IN_1_DAY": "on"}
    assert client.post(CHOICES, chosen | {"mail-MATURED": ""}).status_code == 302
    found = telling.wishes(alice)
    assert found["MATURES_IN_7_DAYS"] == (True, False)
    assert found["MATURES_IN_1_DAY"] == (False, True)
    assert found["MATURED"] == found["RATE_CUT"] == found["NEW_DEVICE"] == (True, True)
    page = client.get(CHOICES).content.decode()
    assert "Your choice is kept." in page
    assert page.count("checked") == 2


# The words of each kind


def test_a_term_that_matures_soon_says_what_will_happen_and_until_when_it_may_change(
    alice: Customer,
) -> None:
    term = fixed("gold", renewal_cutoff_hours=48)
    subscribe(alice, term, 1000, on(0), term_days=10, at_maturity="RENEW_ALL")
    close_to(9)
    week, tomorrow = words("MATURES_IN_7_DAYS"), words("MATURES_IN_1_DAY")
    assert week.title == tomorrow.title == "gold matures on 16 January 2026"
    assert week.sentences == [
        "Principal and interest will be renewed.",
        "You may choose otherwise until 14 January 2026, 00:00 UTC.",
    ]
    assert tomorrow.sentences == week.sentences[:1]
    assert week.figures == [("In the position", "1,000.00 USD")]


def test_a_maturity_says_what_was_paid(alice: Customer) -> None:
    subscribe(alice, fixed("gold", tiers=[(10, 0, "0.365")]), 1000, on(0), term_days=10)
    close_to(10)
    found = words("MATURED")
    assert found.title == "gold has matured"
    assert dict(found.figures) == {
        "Paid to your wallet": "1,010.00 USD",
        "Of it principal": "1,000.00 USD",
        "Of it interest": "10.00 USD",
    }


def test_a_renewal_says_how_it_goes_on(alice: Customer) -> None:
    term = fixed("gold", tiers=[(10, 0, "0.365")])
    subscribe(alice, term, 1000, on(0), term_days=10, at_maturity="RENEW_PRINCIPAL")
    close_to(10)
    found = words("RENEWED")
    assert found.title == "gold was renewed"
    assert dict(found.figures) == {
        "Goes on": "1,000.00 USD",
        "Interest paid to your wallet": "10.00 USD",
        "Annual rate (APR)": "36.5 %",
        "Term": "10 days",
        "Matures on": "26 January 2026",
    }


def test_a_move_to_the_flexible_product_names_it(alice: Customer) -> None:
    flexible("easy")
    term = fixed("gold", tiers=[(10, 0, "0.365")])
    subscribe(alice, term, 1000, on(0), term_days=10, at_maturity="TO_FLEXIBLE")
    close_to(10)
    found = words("RENEWED")
    assert found.title == "gold has moved to easy"
    assert dict(found.figures) == {
        "Goes on": "1,010.00 USD",
        "Interest in it": "10.00 USD",
    }


def test_what_was_not_renewed_says_why_and_where_the_money_is(alice: Customer) -> None:
    term = fixed("gold", tiers=[(10, 0, "0.365")])
    rate = Decimal("0.4")
    subscribe(
        alice, term, 1000, on(0), term_days=10, at_maturity="RENEW_ALL",
        minimum_renewal_rate=rate,
    )  # fmt: skip
    close_to(10)
    found = words("NOT_RENEWED")
    assert found.sentences == [
        "The new rate was below the one that you asked for.",
        "Everything was paid to your wallet instead.",
    ]
    assert dict(found.figures)["You asked for at least"] == "40 %"
    assert dict(found.figures)["Paid to your wallet"] == "1,010.00 USD"


@pytest.mark.parametrize(
    ("mode", "compounding", "old_rate", "new_rate"),
    [("SLICE", "NONE", "5.25 %", "3.75 %"), ("WHOLE", "DAILY", "3 %", "1 %")],
)
def test_a_cut_says_what_it_means_for_me_per_month(
    alice: Customer, mode: str, compounding: str, old_rate: str, new_rate: str
) -> None:
    """The same figures as the books would post in 30 days of either chart."""
    easy = flexible(
        "easy", [(None, 0, "0.12"), (None, 500, "0.03")],
        tier_mode=mode, compounding=compounding,
    )  # fmt: skip
    subscribe(alice, easy, 2000, on(0))
    chart(easy, day(9), (None, 0, "0.12"), (None, 500, "0.01"), at=on(1))
    months = [
        project(
            amount=Decimal(2000),
            tiers=[Tier(Decimal(0), Decimal("0.12")), Tier(Decimal(500), Decimal(rate))],
            mode=TierMode(mode),
            day_count=DayCount.ACT_365F,
            compounding=Compounding(compounding),
            scale=2,
            rounding=Rounding.FLOOR,
            first_day=day(9),
            days=30,
            payout=Payout.ON_REDEMPTION,
        ).interest
        for rate in ("0.03", "0.01")
    ]
    found = words("RATE_CUT")
    assert found.title == "The rate of easy falls on 14 January 2026"
    assert dict(found.figures) == {
        "Your balance": "2,000.00 USD",
        "Your rate until then (APR)": old_rate,
        "Your rate from then on (APR)": new_rate,
        "Interest of 30 days until then": f"{months[0]:.2f} USD",
        "Interest of 30 days from then on": f"{months[1]:.2f} USD",
        "Less in a month of 30 days": f"{months[0] - months[1]:.2f} USD",
    }
    assert months[0] - months[1] in (Decimal("2.47"), Decimal("3.29"))


def test_the_month_after_a_cut_earns_what_was_told(alice: Customer) -> None:
    easy = flexible("easy", [(None, 0, "0.365")])
    position = subscribe(alice, easy, 2000, on(0))
    chart(easy, day(9), (None, 0, "0.1825"), at=on(1))
    close_to(38)
    posted = [interest for number, interest in earned(position).items() if number >= 9]
    assert (len(posted), sum(posted)) == (30, 30)
    told = dict(words("RATE_CUT").figures)
    assert told["Interest of 30 days from then on"] == "30.00 USD"
    assert told["Less in a month of 30 days"] == "30.00 USD"


def test_rates_of_many_cuts_are_read_in_one_query(
    alice: Customer, django_assert_num_queries: Any
) -> None:
    for number in range(4):
        easy = flexible(f"easy-{number}")
        subscribe(alice, easy, 2000, on(0))
        chart(easy, day(9), (None, 0, "0.01"), at=on(1))
    told = list(Notification.objects.select_related("product__asset"))
    with django_assert_num_queries(1):
        assert len(words_of(told)) == 4


# Mails


@pytest.fixture
def told(alice: Customer) -> Notification:
    alice.user = User.objects.create_user("alice@example.com", language="en")
    alice.save()
    return notify(alice, 250)


def send(at: datetime = NOON, write: Any = letter) -> int:
    return send_mails(at=at, write=write)


def state(told: Notification) -> str:
    told.refresh_from_db()
    return told.mail


class Refusing(EmailBackend):
    """A mail server that refuses one address for ever."""

    def send_messages(self, messages: Any) -> int:
        if "alice@example.com" in messages[0].to:
            raise SMTPRecipientsRefused({"alice@example.com": (550, b"no such mailbox")})
        return int(super().send_messages(messages))


@pytest.fixture
def dead_server() -> Iterator[None]:
    with patch.object(EmailBackend, "open", side_effect=ConnectionRefusedError("nobody")):
        yield


def test_a_mail_says_what_happened_and_where_to_look(told: Notification) -> None:
    assert send() == 1
    (sent,) = mail.outbox
    assert sent.to == ["alice@example.com"]
    assert sent.subject == "Your redemption of easy was paid"
    assert "- Paid to your wallet: 250.00 USD" in sent.body
    assert f"http://127.0.0.1:8000/orders/{told.order_id}/\n" in sent.body
    assert f"http://127.0.0.1:8000{CHOICES}\n" in sent.body
    assert "&" not in sent.body
    assert (state(told), told.mailed_at, told.mail_problem) == ("SENT", on(0, 12), "")


def test_a_mail_is_sent_once_under_one_name(told: Notification) -> None:
    assert (send(), send()) == (1, 0)
    message: Any = mail.outbox[0].message()
    assert message["Message-ID"] == f"<notification-{told.pk}@localhost>"
    assert message_id(told) == message["Message-ID"]


@pytest.mark.usefixtures("told")
def test_a_mail_is_in_the_language_of_who_reads_it() -> None:
    heard = []

    def write(told: Notification) -> Letter:
        found = letter(told)
        heard.append(found.body)
        return found

    User.objects.filter(email="alice@example.com").update(language="es")
    with patch("earn.portal.notices.translation.override") as override:
        send(write=write)
    override.assert_called_once_with("es")
    User.objects.filter(email="alice@example.com").update(language="")
    Notification.objects.update(mail="WAITING", mailed_at=None, mail_due_at=on(0))
    with patch("earn.portal.notices.translation.override") as override:
        send(write=write)
    override.assert_called_once_with("en")
    assert len(heard) == 2


def test_figures_of_a_mail_are_written_as_its_language_writes_them(
    alice: Customer,
) -> None:
    alice.user = User.objects.create_user("alice@example.com", language="es")
    alice.save()
    subscribe(alice, fixed("oro", tiers=[(10, 0, "0.365")]), 1000, on(0), term_days=10)
    close_to(10)
    told = Notification.objects.select_related("product__asset", "customer__user")
    assert "1.010,00 USD" in letter(told.get(kind="MATURED")).body


@pytest.mark.usefixtures("dead_server")
def test_a_server_that_is_down_leaves_the_mail_for_later_and_loses_nothing(
    told: Notification,
) -> None:
    at, waits = on(0, 12), []
    for _ in range(8):
        assert send(at) == 0
        assert state(told) == "WAITING"
        assert told.mail_problem == "ConnectionRefusedError: nobody"
        assert told.mail_due_at is not None
        assert send(told.mail_due_at - timedelta(seconds=1)) == 0  # not before its time
        waits.append((told.mail_due_at - at) / timedelta(minutes=1))
        at = told.mail_due_at
    assert waits == [5, 10, 20, 40, 80, 160, 320, 360]
    assert told.mail_attempts == 8
    with patch.object(EmailBackend, "open"):
        assert send(at) == 1
    assert (state(told), told.mail_problem) == ("SENT", "")
    assert len(mail.outbox) == 1


def test_one_bad_address_keeps_no_other_mail_and_is_given_up_with_its_reason(
    told: Notification, bob: Customer
) -> None:
    bob.user = User.objects.create_user("bob@example.com")
    bob.save()
    other = notify(bob, 30)
    backend = f"{__name__}.Refusing"
    with patch("django.conf.settings.EMAIL_BACKEND", backend):
        assert send() == 1
        assert (state(other), state(told)) == ("SENT", "WAITING")
        assert told.mail_problem.startswith("SMTPRecipientsRefused")
        send(on(4))
        assert state(told) == "WAITING"
        send(on(40))
    assert state(told) == "GIVEN_UP"
    assert "no such mailbox" in told.mail_problem
    assert send(on(41)) == 0


@pytest.mark.usefixtures("dead_server")
def test_an_outage_of_a_week_loses_no_mail(told: Notification, bob: Customer) -> None:
    bob.user = User.objects.create_user("bob@example.com")
    bob.save()
    with patch("earn.mailing.BATCH", 1):
        other = notify(bob, 30)
        assert send(on(0, 12)) == 0  # one of the two was taken
    with patch.object(EmailBackend, "open"):
        assert send(on(7)) == 2
    assert (state(told), state(other)) == ("SENT", "SENT")


def test_news_of_last_week_are_not_mailed(told: Notification) -> None:
    """As those of a demo that plays ninety days."""
    assert send(on(3, 15)) == 0
    assert (state(told), mail.outbox) == ("LATE", [])
    assert not told.mail_problem


def test_what_a_late_close_has_paid_is_mailed_however_late_it_is(alice: Customer) -> None:
    """And a cut of rates; only that a term is going to mature is no news any more."""
    alice.user = User.objects.create_user("alice@example.com", language="en")
    alice.save()
    slow = flexible("slow", settlement_delay_days=5)
    saved = subscribe(alice, slow, 300, on(0))
    redeem(saved, on(0), 100)
    subscribe(alice, fixed(), 1000, on(0), term_days=10)
    chart(slow, day(20), (None, 0, "0.01"), at=on(0))
    Notification.objects.all().delete()
    close_to(10, at=on(50))
    assert send(on(50, 11)) == 3
    mailed = Notification.objects.filter(mail="SENT").values_list("kind", flat=True)
    assert sorted(mailed) == ["MATURED", "RATE_CUT", "REDEMPTION_PAID"]
    late = Notification.objects.filter(mail="LATE").values_list("kind", flat=True)
    assert sorted(late) == ["MATURES_IN_1_DAY", "MATURES_IN_7_DAYS"]


def test_a_kill_between_sending_and_marking_sends_again_under_the_same_name(
    told: Notification,
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    with patch.object(mailing, "_note", die), pytest.raises(Killed):
        send()
    assert send(on(0, 13)) == 1
    names = [x.message()["Message-ID"] for x in mail.outbox]
    assert names == [message_id(told)] * 2


def test_words_that_fail_keep_no_other_mail_for_ever(
    told: Notification, bob: Customer
) -> None:
    """A bug is not caught, but its mail has taken its turn and waits as others do."""
    bob.user = User.objects.create_user("bob@example.com")
    bob.save()

    def write(notification: Notification) -> Letter:
        if notification.pk == told.pk:
            raise KeyError("amount")
        return letter(notification)

    with pytest.raises(KeyError):
        send(write=write)
    other = notify(bob, 30)
    assert send(on(0, 12, 1), write=write) == 1
    assert (state(other), state(told)) == ("SENT", "WAITING")


def test_who_was_locked_out_meanwhile_is_not_written_to(told: Notification) -> None:
    User.objects.update(is_active=False)
    assert send() == 0
    assert (state(told), mail.outbox) == ("NONE", [])


def test_a_run_takes_what_is_due_in_small_batches(told: Notification) -> None:
    who = told.customer
    for number in range(1, BATCH + 2):
        notify(who, number)
    taken: list[int] = []
    real = mailing._take
    with patch.object(mailing, "_take", lambda at: _counted(real(at), taken)):
        assert send() == BATCH + 2
    assert taken == [BATCH, 2, 0]


def _counted(found: list[Notification], taken: list[int]) -> list[Notification]:
    taken.append(len(found))
    return found


def test_the_job_sends_what_happened_just_now(told: Notification) -> None:
    just_now = datetime.now(on(0).tzinfo)
    Notification.objects.update(at=just_now, mail_due_at=just_now)
    send_mails_task()
    assert state(told) == "SENT"
    assert len(mail.outbox) == 1


def test_the_application_may_send(told: Notification, as_app_role: Any) -> None:
    with as_app_role():
        assert send() == 1
    assert state(told) == "SENT"


# Devices


def with_password(who: Customer, name: str) -> str:
    email = f"{name}@example.com"
    who.user = User.objects.create_user(email, "correct horse battery")
    who.save()
    who.user.emailaddress_set.create(email=email, verified=True, primary=True)
    return email


def sign_in(client: Client, email: str, agent: str = FIREFOX) -> Morsel[str]:
    """What the browser keeps of it, once it is signed out again."""
    form = {"login": email, "password": "correct horse battery"}
    answer = client.post(reverse("account_login"), form, HTTP_USER_AGENT=agent)
    assert answer.status_code == 302
    client.post(reverse("account_logout"))
    return answer.cookies["device"]


def news_of_devices(who: Customer) -> int:
    return Notification.objects.filter(customer=who, kind="NEW_DEVICE").count()


@pytest.fixture
def hers(alice: Customer, settings: Any) -> str:
    """Alice's address; passwords are quickly checked."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return with_password(alice, "alice")


def test_signing_in_from_another_browser_is_told_once(hers: str) -> None:
    laptop, phone = Client(), Client()
    for client, agent in ((laptop, FIREFOX), (laptop, SAFARI), (phone, SAFARI),
                          (phone, FIREFOX), (laptop, FIREFOX)):  # fmt: skip
        sign_in(client, hers, agent)
    found = words("NEW_DEVICE")
    assert dict(found.figures)["Browser"] == "Safari"
    assert dict(found.figures)["System"] == "iOS"
    assert dict(found.figures)["Internet address"] == "127.0.0.1"
    assert found.address == reverse("usersessions_list")
    assert KnownDevice.objects.count() == 2


def test_a_thief_with_the_same_browser_and_system_is_told_of(
    alice: Customer, hers: str
) -> None:
    sign_in(Client(), hers)
    assert news_of_devices(alice) == 0
    sign_in(Client(), hers)
    assert news_of_devices(alice) == 1


def test_a_device_is_no_secret_that_one_can_make_up(alice: Customer, hers: str) -> None:
    kept = sign_in(Client(), hers).value
    secret, _, seal = kept.partition(":")
    for number, forged in enumerate((secret, f"x{kept}", f"guess:{seal}", "\0", ""), 1):
        thief = Client()
        thief.cookies["device"] = forged
        assert sign_in(thief, hers).value.partition(":")[0] not in (secret, forged)
        assert news_of_devices(alice) == number


def test_two_who_share_a_browser_are_told_of_each_other_s_own_only(
    alice: Customer, bob: Customer, hers: str
) -> None:
    his, shared, elsewhere = with_password(bob, "bob"), Client(), Client()
    secrets = {sign_in(shared, x).value.partition(":")[0] for x in (hers, his, hers, his)}
    assert len(secrets) == 1  # one a browser, whoever signs in
    assert KnownDevice.objects.values("user").distinct().count() == 2
    assert (news_of_devices(alice), news_of_devices(bob)) == (0, 0)
    sign_in(elsewhere, his)
    sign_in(elsewhere, hers)  # Bob is known there, and Alice is not
    assert (news_of_devices(alice), news_of_devices(bob)) == (1, 1)


def test_what_a_browser_keeps_is_kept_from_scripts_and_for_400_days_more(
    alice: Customer, hers: str, settings: Any
) -> None:
    client = Client()
    first = sign_in(client, hers)
    assert (first["max-age"], first["path"], first["samesite"]) == (34_560_000, "/", "Lax")
    assert first["httponly"]
    assert not first["secure"]
    settings.SESSION_COOKIE_SECURE = True
    again = sign_in(client, hers)
    assert again["max-age"] == 34_560_000
    assert again["secure"]
    assert news_of_devices(alice) == 0


def test_nothing_but_signing_in_gives_a_browser_something_to_keep(client: Client) -> None:
    for name in ("portal:start", "portal:explore", "account_login", "account_signup"):
        assert "device" not in client.get(reverse(name)).cookies


@pytest.mark.parametrize(
    ("agent", "found"),
    [
        (FIREFOX, ("Firefox", "Windows")),
        (SAFARI, ("Safari", "iOS")),
        ("curl/8.5.0", ("", "")),
        ("", ("", "")),
    ],
)
def test_browsers_are_known_by_what_they_call_themselves(
    agent: str, found: tuple[str, str]
) -> None:
    assert (browser_of(agent), system_of(agent)) == found


# The indexes


def test_lists_counts_and_mails_are_read_by_their_indexes() -> None:
    queries = {
        "notification_list": "select * from earn_notification where customer_id = 1 and "
        "in_portal order by customer_id, at desc, id desc limit 20",
        "notification_unread": "select count(*) from earn_notification "
        "where customer_id = 1 and in_portal and read_at is null",
        "notification_mail_due": "select id from earn_notification where mail = 'WAITING' "
        "and mail_due_at <= now() order by mail_due_at, id limit 20",
    }
    with connection.cursor() as cursor:
        cursor.execute("set local enable_seqscan = off")
        # of an empty table any index with the customer costs the same
        cursor.execute("alter table earn_notification drop constraint told_once")
        for index, query in queries.items():
            cursor.execute(f"explain {query}")
            assert index in str(cursor.fetchall())
