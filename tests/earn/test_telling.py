"""What customers are told: each kind, once, in the transaction of what it tells of."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

import earn.sql
from earn import catalogue, close, telling
from earn.days import ONE_DAY, start_of
from earn.models import (
    Customer,
    DayClose,
    KnownDevice,
    News,
    Notification,
    NotificationPreference,
    User,
)
from earn.sql import sql
from earn.telling import Wish
from ledger.models import Entry
from tests.earn.people import (
    broken,
    chart,
    close_to,
    customer,
    day,
    fixed,
    flexible,
    now,
    on,
    redeem,
    subscribe,
)

pytestmark = pytest.mark.django_db

FOLDER = Path(earn.sql.__file__).parent / "telling"
PARAMETERS: dict[str, Any] = {
    "kind": "MATURED",
    "morning": day(1),
    "matures_on": day(8),
    "positions": [1],
    "principals": [None],
    "interests": [None],
    "moved": [None],
    "annual_rates": [None],
    "targets": [None],
    "orders": [1],
    "product": 1,
    "chart": 1,
    "effective_on": day(8),
    "at": on(0),
    "told_at": on(0),
    "since": day(0),
    "through": day(1),
    "customer": 1,
    "device": 1,
    "browser": "",
    "system": "",
    "ip": "",
}


def told(who: Customer) -> list[str]:
    rows = Notification.objects.filter(customer=who).order_by("at", "pk")
    return list(rows.values_list("kind", flat=True))


def figures(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = Notification.objects.get(kind=kind).figures
    return found


def with_login(who: Customer) -> User:
    who.user = User.objects.create_user(f"{who.reference}@example.com")
    who.save()
    return who.user


# What is told


def test_a_term_is_told_of_seven_days_and_one_day_before_it_matures(
    alice: Customer,
) -> None:
    position = subscribe(alice, fixed(), 1000, on(0), term_days=10)
    close_to(2)
    assert told(alice) == []
    close_to(3)  # its morning is day 4, and it matures on day 11
    assert told(alice) == ["MATURES_IN_7_DAYS"]
    assert figures("MATURES_IN_7_DAYS") == {
        "principal": "1000",
        "matures_on": str(day(11)),
        "at_maturity": "PAY_OUT",
    }
    close_to(9)
    assert told(alice) == ["MATURES_IN_7_DAYS", "MATURES_IN_1_DAY"]
    last = Notification.objects.get(kind="MATURES_IN_1_DAY")
    assert (last.at, last.position_id) == (start_of(day(10)), position.pk)
    assert last.product_id == position.product_id


def test_who_has_left_early_is_not_told_of_the_maturity(alice: Customer) -> None:
    term = fixed(early_rule="FORFEIT_ALL")
    redeem(subscribe(alice, term, 1000, on(0), term_days=10), on(2))
    close_to(11)
    assert told(alice) == ["REDEMPTION_PAID"]


def test_a_late_close_tells_nothing_of_what_was_bought_after_its_day(
    alice: Customer,
) -> None:
    """A term of 5 days, bought on day 2, matures on day 8: seven days after day 1."""
    subscribe(alice, flexible(), 10, on(0))
    position = subscribe(alice, fixed(tiers=[(5, 0, "0.1")]), 1000, on(2), term_days=5)
    assert position.matures_on == day(8)
    close_to(0, at=on(3))
    assert told(alice) == []


def test_a_matured_term_says_what_was_paid(alice: Customer) -> None:
    subscribe(alice, fixed(tiers=[(10, 0, "0.365")]), 1000, on(0), term_days=10)
    close_to(10)
    assert told(alice)[-1] == "MATURED"
    assert figures("MATURED") == {
        "outcome": "PAY_OUT",
        "principal": "1000",
        "interest": "10",
        "moved": "0",
    }


@pytest.mark.parametrize(
    ("instruction", "moved"), [("RENEW_PRINCIPAL", "1000"), ("RENEW_ALL", "1010")]
)
def test_a_renewal_names_the_new_term_and_its_rate(
    alice: Customer, instruction: str, moved: str
) -> None:
    term = fixed(tiers=[(10, 0, "0.365")])
    old = subscribe(alice, term, 1000, on(0), term_days=10, at_maturity=instruction)
    chart(term, day(5), (10, 0, "0.2"))
    close_to(10)
    assert figures("RENEWED") == {
        "outcome": instruction,
        "principal": "1000",
        "interest": "10",
        "moved": moved,
        "annual_rate": "0.2",
        "term_days": "10",
        "matures_on": str(day(21)),
    }
    new = Notification.objects.get(kind="RENEWED").position
    assert new is not None
    assert new.renews_id == old.pk


def test_what_moves_to_the_flexible_product_is_told_with_where_it_is(
    alice: Customer,
) -> None:
    easy, term = flexible(), fixed(tiers=[(2, 0, "0.365")])
    subscribe(alice, term, 1000, on(0), term_days=2, at_maturity="TO_FLEXIBLE")
    close_to(2)
    news = Notification.objects.get(kind="RENEWED")
    assert news.position is not None
    assert news.position.product_id == easy.pk
    assert news.figures["moved"] == "1002"
    assert "annual_rate" not in news.figures


def test_a_renewal_that_is_not_possible_says_why(alice: Customer, bob: Customer) -> None:
    term = fixed(tiers=[(10, 0, "0.365")])
    terms = {"term_days": 10, "at_maturity": "RENEW_ALL"}
    subscribe(alice, term, 1000, on(0), minimum_renewal_rate=Decimal("0.3650"), **terms)
    subscribe(bob, term, 1000, on(0), **terms)
    chart(term, day(5), (10, 0, "0.3"))
    Customer.objects.filter(pk=bob.pk).update(frozen_in=True)
    close_to(10)
    news = Notification.objects.filter(kind="NOT_RENEWED").order_by("position")
    hers, his = (x.figures for x in news)
    assert (hers["outcome"], hers["minimum_rate"]) == ("RATE_TOO_LOW", "0.365")
    assert (his["outcome"], his["interest"]) == ("FROZEN", "10")
    assert told(alice)[-1] == told(bob)[-1] == "NOT_RENEWED"


def test_a_redemption_is_told_when_it_is_paid(alice: Customer, bob: Customer) -> None:
    at_once = redeem(subscribe(alice, flexible(), 1000, on(0)), on(0), 400)
    slow = flexible("slow", settlement_delay_days=2)
    later = redeem(subscribe(bob, slow, 1000, on(0)), on(0), 300)
    assert (told(alice), told(bob)) == (["REDEMPTION_PAID"], [])
    close_to(0)
    assert told(bob) == []
    close_to(1)
    assert told(bob) == ["REDEMPTION_PAID"]
    hers, his = Notification.objects.order_by("at")
    assert (hers.at, hers.figures) == (on(0), {"amount": "400.00"})
    assert hers.order_id == at_once.pk
    assert (his.at, his.figures) == (start_of(day(2)), {"amount": "300"})
    assert his.order_id == later.pk


def test_a_redemption_that_is_refused_tells_nothing(alice: Customer) -> None:
    position = subscribe(alice, flexible(), 1000, on(0))
    with pytest.raises(Exception, match="holds"):
        redeem(position, on(0), 4000)
    assert told(alice) == []


# Rate cuts

TIERS = [(None, 0, "0.12"), (None, 500, "0.03")]


def test_a_cut_is_told_to_those_whose_own_balance_earns_less(
    alice: Customer, bob: Customer, charlie: Customer
) -> None:
    """The second slice falls: it is not reached by what Alice has."""
    easy = flexible(tiers=TIERS)
    subscribe(alice, easy, 500, on(0))
    position = subscribe(bob, easy, 2000, on(0))
    redeem(subscribe(charlie, easy, 2000, on(0)), on(0))
    old = catalogue.chart_on(easy, day(0))
    new = chart(easy, day(9), (None, 0, "0.12"), (None, 500, "0.01"), at=on(1))
    assert told(alice) == []
    assert told(charlie) == ["REDEMPTION_PAID"]
    assert told(bob) == ["RATE_CUT"]
    news = Notification.objects.get(customer=bob)
    assert (news.at, news.position_id, news.product_id) == (on(1), position.pk, easy.pk)
    assert old is not None
    assert news.figures == {
        "balance": "2000",
        "old_chart": str(old.pk),
        "new_chart": str(new.pk),
        "effective_on": str(day(9)),
    }


def test_a_cut_of_whole_balances_goes_by_their_band(alice: Customer, bob: Customer) -> None:
    easy = flexible(tiers=TIERS, tier_mode="WHOLE")
    subscribe(alice, easy, 499, on(0))
    subscribe(bob, easy, 500, on(0))
    chart(easy, day(9), (None, 0, "0.11"), (None, 500, "0.03"), at=on(1))
    assert (told(alice), told(bob)) == (["RATE_CUT"], [])


def test_interest_that_compounds_is_part_of_the_balance_that_is_cut(
    alice: Customer,
) -> None:
    """500 lies below the slice that falls, 500 and its interest do not."""
    easy = flexible(tiers=TIERS, compounding="DAILY")
    subscribe(alice, easy, 500, on(0))
    close_to(1)
    chart(easy, day(9), (None, 0, "0.12"), (None, 500, "0.01"), at=on(2))
    assert figures("RATE_CUT")["balance"] == "500.16"


def test_a_rise_and_a_chart_of_terms_tell_nothing(alice: Customer) -> None:
    easy, term = flexible(tiers=TIERS), fixed()
    subscribe(alice, easy, 2000, on(0))
    subscribe(alice, term, 2000, on(0), term_days=10)
    chart(easy, day(9), (None, 0, "0.12"), (None, 500, "0.04"), at=on(1))
    chart(term, day(9), (10, 0, "0.01"), (30, 0, "0.01"), at=on(1))
    assert told(alice) == []


def test_a_cut_is_measured_by_the_rate_of_the_day_before(alice: Customer) -> None:
    """A rise that was announced for day 5 makes the old rate of day 9 cut on day 9."""
    easy = flexible()
    subscribe(alice, easy, 2000, on(0))
    rise = chart(easy, day(5), (None, 0, "0.20"), at=on(1))
    chart(easy, day(9), (None, 0, "0.10"), at=on(1))
    assert figures("RATE_CUT")["old_chart"] == str(rise.pk)


def test_an_announcement_that_fails_tells_nothing(alice: Customer) -> None:
    easy = flexible(notice_days=30)
    subscribe(alice, easy, 2000, on(0))
    cut = chart(easy, day(9), (None, 0, "0.01"), at=None)
    with pytest.raises(IntegrityError, match="cuts_wait_for_their_notice"):
        catalogue.announce(cut, at=on(1))
    assert told(alice) == []


def test_who_comes_after_the_announcement_is_told_by_the_close_of_the_day(
    alice: Customer, bob: Customer, django_assert_num_queries: Any
) -> None:
    easy = flexible()
    subscribe(alice, easy, 2000, on(0))
    new = chart(easy, day(9), (None, 0, "0.01"), at=on(1))
    position = subscribe(bob, easy, 500, on(2))
    close_to(1)
    assert (told(alice), told(bob)) == (["RATE_CUT"], [])
    close_to(2)
    news = Notification.objects.get(customer=bob)
    assert (news.kind, news.at) == ("RATE_CUT", start_of(day(3)))
    assert (news.position_id, news.figures["balance"]) == (position.pk, "500")
    assert news.figures["new_chart"] == str(new.pk)
    before = everything()
    subscribe(bob, easy, 500, on(4))
    close_to(20)
    assert everything() == before
    with django_assert_num_queries(3):  # nothing is announced any more
        telling.tell_of_day(day(20), at=on(21))


def test_who_adds_to_a_balance_that_was_not_cut_is_told_then(alice: Customer) -> None:
    easy = flexible(tiers=TIERS)
    subscribe(alice, easy, 500, on(0))
    chart(easy, day(9), (None, 0, "0.12"), (None, 500, "0.01"), at=on(1))
    close_to(1)
    assert told(alice) == []
    subscribe(alice, easy, 100, on(2))
    close_to(2)
    assert figures("RATE_CUT")["balance"] == "600"


def test_whose_interest_grows_into_what_is_cut_is_told_on_that_morning(
    alice: Customer, bob: Customer, charlie: Customer
) -> None:
    """499.70 with one day of interest is below the slice that falls, with two above."""
    growing = flexible("growing", TIERS, compounding="DAILY")
    resting = flexible("resting", TIERS)
    position = subscribe(alice, growing, "499.70", on(0))
    subscribe(bob, resting, "499.70", on(0))
    subscribe(charlie, growing, 400, on(0))
    for product in (growing, resting):
        chart(product, day(9), (None, 0, "0.12"), (None, 500, "0.01"), at=on(1))
    close_to(1)
    assert told(alice) == []
    close_to(2)
    news = Notification.objects.get()
    assert (news.kind, news.at) == ("RATE_CUT", start_of(day(3)))
    assert (news.position_id, news.figures["balance"]) == (position.pk, "500.02")
    close_to(10)
    assert (told(alice), told(bob), told(charlie)) == (["RATE_CUT"], [], [])


def test_who_comes_by_a_maturity_is_told_of_a_cut_ahead(alice: Customer) -> None:
    easy, term = flexible(), fixed(tiers=[(2, 0, "0.365")])
    subscribe(alice, term, 1000, on(0), term_days=2, at_maturity="TO_FLEXIBLE")
    chart(easy, day(9), (None, 0, "0.01"), at=on(1))
    assert told(alice) == []
    close_to(2)
    assert sorted(told(alice)) == ["MATURES_IN_1_DAY", "RATE_CUT", "RENEWED"]
    assert figures("RATE_CUT")["balance"] == "1002"


def test_who_comes_when_the_lower_rate_is_in_force_is_told_nothing(
    alice: Customer, bob: Customer
) -> None:
    """Money of day 8 earns from day 9 on: never at the rate that is cut."""
    easy = flexible()
    chart(easy, day(9), (None, 0, "0.01"), at=on(1))
    subscribe(alice, easy, 500, on(7))
    subscribe(bob, easy, 500, on(8))
    close_to(10)
    assert (told(alice), told(bob)) == (["RATE_CUT"], [])


def test_a_late_close_tells_of_a_cut_by_the_day_of_the_money(alice: Customer) -> None:
    easy = flexible()
    chart(easy, day(9), (None, 0, "0.01"), at=on(1))
    subscribe(alice, easy, 500, on(4))
    close_to(12, at=on(12))
    assert Notification.objects.get().at == start_of(day(5))


def test_a_cut_that_was_replaced_is_not_told_to_who_comes_later(alice: Customer) -> None:
    easy = flexible()
    chart(easy, day(9), (None, 0, "0.01"), at=on(1))
    chart(easy, day(9), (None, 0, "0.10"), at=on(2))
    subscribe(alice, easy, 500, on(4))
    close_to(12)
    assert told(alice) == []


# Once


def everything() -> list[dict[str, Any]]:
    return list(Notification.objects.order_by("pk").values())


def test_told_again_is_told_once(alice: Customer) -> None:
    easy, term = flexible(), fixed(tiers=[(8, 0, "0.365")])
    order = redeem(subscribe(alice, easy, 1000, on(0)), on(0), 400)
    position = subscribe(alice, term, 1000, on(0), term_days=8)
    cut = chart(easy, day(9), (None, 0, "0.01"), at=on(1))
    close_to(8)
    before = everything()
    assert [x["kind"] for x in before] == [
        "REDEMPTION_PAID", "RATE_CUT", "MATURES_IN_7_DAYS", "MATURES_IN_1_DAY", "MATURED",
    ]  # fmt: skip
    assert telling.tell_of_redemptions([order.pk, order.pk], at=on(9)) == 0
    assert telling.tell_of_rates(cut, at=on(2)) == 0
    for number in (1, 7):
        assert telling.tell_of_day(day(number), at=on(9)) == 0
    news = telling.Settled(position.pk, position.principal, 0, 0, None, None)  # type: ignore[arg-type]
    assert telling.tell_of_maturities([news], at=on(9)) == 0
    assert everything() == before


def test_a_close_that_is_killed_tells_once_when_it_is_done_again(
    alice: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever stage it dies in: what it tells dies with what it does."""
    subscribe(alice, fixed(tiers=[(8, 0, "0.365")]), 1000, on(0), term_days=8)
    subscribe(alice, fixed("next", tiers=[(9, 0, "0.1")]), 500, on(0), term_days=9)
    close_to(7)

    class Killed(Exception):
        pass

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    before = everything()
    for module, name in ((close.seals, "seal_day"), (close.maturity.Batch, "apply")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, die)
            with pytest.raises(Killed), transaction.atomic():
                close_to(8)
        assert everything() == before
    close_to(8)
    new = [x["kind"] for x in everything()[len(before) :]]
    assert new == ["MATURED", "MATURES_IN_1_DAY"]
    assert broken() == []


def test_days_that_are_closed_late_are_told_in_order_and_as_of_their_mornings(
    alice: Customer,
) -> None:
    subscribe(alice, fixed(), 1000, on(0), term_days=10)
    close_to(20, at=on(40))
    assert told(alice) == ["MATURES_IN_7_DAYS", "MATURES_IN_1_DAY", "MATURED"]
    moments = list(Notification.objects.order_by("pk").values_list("at", flat=True))
    assert moments == [start_of(day(4)), start_of(day(10)), start_of(day(11))]
    assert DayClose.objects.filter(problem="").count() == 21


def test_a_batch_of_maturities_is_one_statement(
    alice: Customer, django_assert_num_queries: Any
) -> None:
    terms = [fixed(f"t{n}") for n in range(5)]
    positions = [subscribe(alice, term, 1000, on(0), term_days=10) for term in terms]
    close_to(10)
    Notification.objects.all().delete()
    news = [telling.Settled(p.pk, p.principal, 0, 0, None, None) for p in positions]  # type: ignore[arg-type]
    with django_assert_num_queries(1):
        assert telling.tell_of_maturities(news, at=on(11)) == 5
    with django_assert_num_queries(3):
        telling.tell_of_day(day(3), at=on(4))


# Where it is told


def test_who_signs_in_is_mailed_and_who_does_not_is_not(
    alice: Customer, bob: Customer, charlie: Customer
) -> None:
    with_login(alice)
    his = with_login(charlie)
    his.is_active = False
    his.save()
    for who in (alice, bob, charlie):
        redeem(subscribe(who, flexible(who.reference or ""), 1000, on(0)), on(0))
    found = dict(Notification.objects.values_list("customer__reference", "mail"))
    assert found == {"Alice": "WAITING", "Bob": "NONE", "Charlie": "NONE"}


@pytest.mark.parametrize(
    ("wish", "found"),
    [
        (Wish(in_portal=True, by_mail=False), [(True, "NONE")]),
        (Wish(in_portal=False, by_mail=True), [(False, "WAITING")]),
        (Wish(in_portal=False, by_mail=False), []),
    ],
)
def test_a_term_that_matures_soon_is_told_where_it_is_wanted(
    alice: Customer, wish: Wish, found: list[tuple[bool, str]]
) -> None:
    with_login(alice)
    telling.choose(alice, {"MATURES_IN_7_DAYS": wish})
    subscribe(alice, fixed(), 1000, on(0), term_days=10)
    close_to(3)
    rows = Notification.objects.filter(kind="MATURES_IN_7_DAYS")
    assert list(rows.values_list("in_portal", "mail")) == found


@pytest.mark.parametrize("kind", [kind for kind in News if "IN_" not in kind])
@pytest.mark.parametrize("off", ["in_portal", "by_mail"])
def test_money_rates_and_sign_ins_cannot_be_switched_off(
    alice: Customer, kind: str, off: str
) -> None:
    assert str(kind) not in ("MATURES_IN_7_DAYS", "MATURES_IN_1_DAY")
    telling.choose(alice, {kind: Wish(in_portal=False, by_mail=False)})
    assert telling.wishes(alice)[kind] == Wish(in_portal=True, by_mail=True)
    with pytest.raises(IntegrityError, match="essential_news_cannot_be_switched_off"):
        NotificationPreference.objects.create(customer=alice, kind=kind, **{off: False})


def test_a_preference_can_be_changed_and_changed_back(alice: Customer) -> None:
    quiet, loud = Wish(in_portal=False, by_mail=False), Wish(in_portal=True, by_mail=True)
    for wish in (quiet, loud, quiet):
        telling.choose(alice, {"MATURES_IN_1_DAY": wish})
        assert telling.wishes(alice)["MATURES_IN_1_DAY"] == wish
    assert NotificationPreference.objects.count() == 1


# New devices


def seen(user: User, secret: str, number: int = 1) -> None:
    names = {"browser": "Firefox", "system": "Linux"}
    telling.see_device(user, secret=secret, **names, ip="10.0.0.1", at=on(number))


def test_a_sign_in_from_a_new_device_is_told_but_not_the_first_of_all(
    alice: Customer,
) -> None:
    user = with_login(alice)
    seen(user, "laptop")
    seen(user, "laptop")
    assert told(alice) == []
    seen(user, "phone", 2)
    seen(user, "phone", 3)
    seen(user, "laptop", 4)
    assert told(alice) == ["NEW_DEVICE"]
    news = Notification.objects.get()
    assert news.figures == {"browser": "Firefox", "system": "Linux", "ip": "10.0.0.1"}
    assert (news.at, news.mail) == (on(2), "WAITING")


def test_a_device_of_one_is_new_to_another(alice: Customer, bob: Customer) -> None:
    hers = with_login(alice)
    his = User.objects.create_user("bob@example.com", "a long password")
    bob.user = his
    bob.save()
    seen(hers, "her laptop")
    seen(his, "his laptop")
    seen(his, "her laptop")  # somebody signed in as Bob from where Alice does
    assert (told(alice), told(bob)) == ([], ["NEW_DEVICE"])
    seen(hers, "her laptop")
    assert told(alice) == []


def test_what_a_device_keeps_is_not_kept_here(alice: Customer) -> None:
    seen(with_login(alice), "laptop")
    assert bytes(KnownDevice.objects.get().digest) == sha256(b"laptop").digest()


def test_staff_have_devices_and_no_notifications() -> None:
    staff = User.objects.create_superuser("root@example.com")
    seen(staff, "laptop")
    seen(staff, "phone")
    assert KnownDevice.objects.count() == 2
    assert not Notification.objects.exists()


# The database


def row(who: Customer, **different: Any) -> Notification:
    return Notification.objects.create(
        **({"customer": who, "kind": "MATURED", "key": "k", "at": on(0), "figures": {}}
           | different)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("constraint", "different"),
    [
        ("told_once", {}),
        ("waiting_mails_have_a_time", {"key": "l", "mail": "WAITING"}),
        ("sent_mails_have_a_time", {"key": "l", "mail": "SENT"}),
        ("sent_mails_have_a_time", {"key": "l", "mailed_at": on(0)}),
    ],
)
def test_the_database_refuses(
    alice: Customer, constraint: str, different: dict[str, Any]
) -> None:
    row(alice)
    with pytest.raises(IntegrityError, match=constraint):
        row(alice, **different)


def test_one_preference_a_kind_and_one_row_a_device(alice: Customer) -> None:
    user = with_login(alice)
    for create, name in (
        (lambda: NotificationPreference.objects.create(customer=alice, kind="MATURED"),
         "one_preference_a_kind"),
        (lambda: KnownDevice.objects.create(user=user, digest=b"1", first_seen_at=on(0)),
         "one_row_a_device"),
    ):  # fmt: skip
        create()
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            create()


def test_the_applications_role_may_tell(
    alice: Customer, as_app_role: Callable[[], AbstractContextManager[None]]
) -> None:
    user = with_login(alice)
    with as_app_role():
        easy, term = flexible(), fixed(tiers=[(8, 0, "0.365")])
        redeem(subscribe(alice, easy, 1000, on(0)), on(0), 400)
        subscribe(alice, term, 1000, on(0), term_days=8)
        chart(easy, day(9), (None, 0, "0.01"), at=on(1))
        telling.choose(alice, {"MATURES_IN_1_DAY": Wish(in_portal=True, by_mail=False)})
        close_to(8)
        seen(user, "laptop")
        seen(user, "phone")
        telling.mark_read(alice, through=10**9, at=on(9))
    assert len(told(alice)) == 6
    assert not Notification.objects.filter(read_at=None).exists()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.sql")), ids=lambda path: path.stem)
def test_every_statement_can_be_planned_and_says_what_it_does(path: Path) -> None:
    text = path.read_text()
    assert re.fullmatch(r"-- [A-Z].*[.:]", text.splitlines()[0])
    if path.stem == "insert":
        text = text.replace("/* news */", sql("telling/device"))
    with connection.cursor() as cursor:
        wanted = set(re.findall(r"%\((\w+)\)s", text))
        cursor.execute(f"explain {text}", {name: PARAMETERS[name] for name in wanted})
        assert "cost=" in str(cursor.fetchall())


def test_the_books_know_nothing_of_it(alice: Customer) -> None:
    subscribe(alice, fixed(), 1000, on(0), term_days=10)
    close_to(10)
    assert not Entry.objects.filter(note__has_key="notification").exists()
    assert broken() == []


def test_a_morning_is_told_for_each_day_ahead(alice: Customer) -> None:
    """The calendar of the two kinds: seven days and one day before 00:00 of maturity."""
    position = now(subscribe(alice, fixed(), 1000, on(0), term_days=30))
    close_to(30)
    for kind, ahead in telling.DAYS_AHEAD.items():
        news = Notification.objects.get(kind=kind)
        assert position.matures_on is not None
        assert news.at == start_of(position.matures_on - timedelta(days=ahead))
        assert news.at + ahead * ONE_DAY == start_of(position.matures_on)


def test_customers_are_told_of_their_own_alone(alice: Customer) -> None:
    close_of_two = fixed(tiers=[(2, 0, "0.365")])
    others = [customer(f"c{number}") for number in range(3)]
    for who in (alice, *others):
        subscribe(who, close_of_two, 1000, on(0), term_days=2)
    close_to(2)
    for who in (alice, *others):
        mine = Notification.objects.filter(customer=who)
        assert {x.position.customer_id for x in mine if x.position} == {who.pk}
        assert told(who) == ["MATURES_IN_1_DAY", "MATURED"]
