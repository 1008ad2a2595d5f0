"""Customers on the desk: found by index, all of one on a page, and no secret."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.urls import reverse

from earn import customers, feeds, pauses, prices, proposals
from earn.audit import Actor
from earn.customers import How
from earn.desk import Desk
from earn.models import (
    CalendarFeed,
    Customer,
    KnownDevice,
    Notification,
    Order,
    Position,
    User,
)
from ledger import posting
from ledger.models import Entry
from tests.admin.staff import ROLES, member
from tests.earn import people
from tests.earn.people import (
    close_to,
    day,
    flexible,
    fund,
    key,
    money,
    on,
    redeem,
    subscribe,
)
from tests.portal.pages import FOR_STAFF, Alice, create_alice, routes, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def vera() -> Client:
    return signed_in(member("vera", "viewer"))


@pytest.fixture
def alice() -> Alice:
    return create_alice()


def page_of(client: Client, who: Customer) -> str:
    answer = client.get(reverse("admin:customer", args=[who.pk]))
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


# Finding


def found(text: str) -> list[tuple[str, str]]:
    return [(str(x.customer), x.how) for x in customers.find(text)]


def test_a_customer_is_found_by_everything_that_names_them(alice: Alice) -> None:
    who = alice.customer
    wanted = {
        "Alice": How.REFERENCE,
        "Ali": How.REFERENCE,
        str(who.uuid): How.UUID,
        str(who.uuid).upper(): How.UUID,
        "alice@example.com": How.EMAIL,
        "ALICE@ex": How.EMAIL,
        str(who.pk): How.NUMBER,
        str(alice.fixed.pk): How.POSITION,
        str(alice.redemption.pk): How.ORDER,
    }
    for text, how in wanted.items():
        ways = [x.how for x in customers.find(text) if x.customer == who]
        assert len(ways) == 1, text
        if not text.isdecimal():  # a number may be that of several things
            assert ways == [how], text


def test_numbers_of_positions_and_orders_lead_to_their_customer() -> None:
    for n in range(5):
        people.customer(f"C{n}")
    product = flexible()
    last = Customer.objects.latest("pk")
    position = subscribe(last, product, 10, on(0))
    with connection.cursor() as cursor:
        cursor.execute("alter sequence earn_order_id_seq restart 700000")
        cursor.execute("alter sequence earn_position_id_seq restart 800000")
    assert position
    other = Customer.objects.earliest("pk")
    position = subscribe(other, flexible("more"), 10, on(0))
    assert found(str(position.pk)) == [("C0", How.POSITION)]
    order = Order.objects.filter(customer=other).latest("pk")
    assert found(str(order.pk)) == [("C0", How.ORDER)]


@pytest.mark.parametrize("text", ["", "nobody", "9" * 30, "%", "_", "\\", "'"])
def test_what_names_nobody_finds_nobody(text: str, alice: Alice) -> None:
    assert alice
    if text:
        assert found(text) == []


def test_a_percent_sign_in_a_reference_is_no_joker() -> None:
    people.customer("100%a")
    people.customer("1000a")
    assert found("100%") == [("100%a", How.REFERENCE)]


def test_all_that_begin_so_come_page_by_page(vera: Client) -> None:
    for n in range(120):
        people.customer(f"X-{n:03}")
    seen: list[str] = []
    address = f"{reverse('admin:customers')}?q=X-&by=REFERENCE"
    while address:
        answer = vera.get(address)
        seen += [str(who) for who, _how in answer.context["rows"]]
        older = answer.context["older"]
        address = f"{reverse('admin:customers')}?{older}" if older else ""
    assert seen == [f"X-{n:03}" for n in range(120)]


def test_all_customers_are_listed_newest_first_page_by_page(vera: Client) -> None:
    for n in range(60):
        people.customer(f"X-{n:03}")
    first = vera.get(reverse("admin:customers"))
    second = vera.get(f"{reverse('admin:customers')}?{first.context['older']}")
    seen = [str(who) for x in (first, second) for who, _how in x.context["rows"]]
    assert seen == [f"X-{n:03}" for n in reversed(range(60))]


@pytest.mark.parametrize(
    ("how", "index"),
    [(How.REFERENCE, "customer_reference_prefix"), (How.EMAIL, "user_email_prefix")],
)
def test_a_search_by_prefix_reads_an_index_in_its_order(how: How, index: str) -> None:
    """Never twelve million rows, nor a sort of all that begin with a C."""
    with connection.cursor() as cursor:
        for setting in ("seqscan", "bitmapscan", "hashjoin", "mergejoin", "material"):
            cursor.execute(f"set local enable_{setting} = off")
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    with CaptureQueriesContext(connection) as asked:
        customers.beginning("abc", how, after="abcd", limit=5)
    with connection.cursor() as cursor:
        cursor.execute(f"explain {asked[0]['sql']}")
        plan = "\n".join(row for (row,) in cursor.fetchall())
    assert index in plan
    assert "Sort" not in plan
    (condition,) = re.findall(rf"{index}.*\n\s+Index Cond: (.*)", plan)
    assert ">= 'abc'" in condition


# Everything of one


def test_the_page_has_everything_of_a_customer(vera: Client, alice: Alice) -> None:
    who = alice.customer
    UserSession.objects.create(
        user=who.user,
        session_key="marked",
        ip="192.0.2.99",
        user_agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0",
    )
    text = page_of(vera, who)
    for wanted in (
        *("Alice", str(who.uuid), "alice@example.com", "DE"),
        "Firefox",
        "TOTP Authenticator",
        "Recovery codes",
        str(alice.redemption.pk),
        reverse("admin:explain-position", args=[alice.fixed.pk]),
        "Risk texts that were accepted",
    ):
        assert wanted in text, wanted
    assert "192.0.2.99" not in text
    context = vera.get(reverse("admin:customer", args=[who.pk])).context
    assert [(x.product, x.version) for x in context["consents"]] == [
        ("term", "1"),
        ("slow", "1"),
    ]


def test_balances_are_those_of_the_books_and_a_missing_price_is_no_zero(
    vera: Client, settings: Any
) -> None:
    settings.REPORTING_CURRENCY = "USD"
    who = people.customer("Bob")
    coin = money("COIN", 8)
    fund(who, 5, at=on(0))
    fund(who, "1.5", at=on(0), asset=coin)
    slow = flexible("slow", settlement_delay_days=5)
    position = subscribe(who, slow, 300, on(0))
    redeem(position, on(1), 100)
    rows = customers.holdings(who, at=on(1)).rows
    assert [(x.asset.code, x.wallet, x.redeeming, x.principal, x.worth) for x in rows] == [
        ("COIN", people.Decimal("1.5"), 0, 0, None),
        ("USD", 5, 100, 200, 305),
    ]
    assert "no price" in page_of(vera, who)
    prices.record([(coin, people.Decimal(10))], at=on(1))
    known = customers.holdings(who, at=on(1, 12))
    assert (known.total, known.without_price) == (320, [])
    old = customers.holdings(who, at=on(9))
    assert (old.total, old.without_price) == (305, ["COIN"])


def test_the_page_asks_as_much_for_many_as_for_few(
    vera: Client, django_assert_max_num_queries: Any
) -> None:
    who = people.customer("Bob")
    products = [flexible(f"p{n}", asset=money(f"A{n // 2}")) for n in range(10)]
    subscribe(who, products[0], 100, on(0))
    close_to(1)
    with django_assert_max_num_queries(24):
        page_of(vera, who)
    for product in products:
        subscribe(who, product, 100, on(2))
    with django_assert_max_num_queries(24):
        page_of(vera, who)


def test_lists_of_a_customer_come_page_by_page(vera: Client) -> None:
    who = people.customer("Bob")
    product = flexible()
    for _ in range(40):
        subscribe(who, product, 10, on(0))
    for name, rows in (("customer-orders", "orders"), ("customer-entries", "events")):
        seen, address = [], reverse(f"admin:{name}", args=[who.pk])
        older = " "
        while older:
            answer = vera.get(f"{address}?{older.strip()}")
            seen += [row[0] for row in answer.context[rows]]
            older = answer.context["older"]
        ids = [getattr(x, "pk", None) or x.number for x in seen]
        assert len(set(ids)) == len(ids) == 80, name
    answer = vera.get(reverse("admin:customer-positions", args=[who.pk]))
    assert [x.pk for x in answer.context["positions"]] == [Position.objects.get().pk]


def test_a_position_is_explained_as_its_customer_sees_it(
    vera: Client, alice: Alice
) -> None:
    desk = reverse("admin:explain-position", args=[alice.flexible.pk])
    theirs = signed_in(alice.customer.user).get(
        reverse("portal:position-day", args=[alice.flexible.pk, day(26)])
    )
    ours = vera.get(desk, {"day": day(26).isoformat()}).context["explained"]
    for name in ("sentences", "figures", "movements"):
        assert ours[name] == theirs.context[name]
    assert [x.day for x in vera.get(desk).context["days"]] == [day(27), day(26), day(25)]
    assert vera.get(desk, {"day": "soon"}).status_code == 404
    assert vera.get(desk, {"day": "2020-01-01"}).status_code == 404


@pytest.mark.parametrize(
    "name",
    [
        *("customer", "customer-orders", "customer-positions", "customer-entries"),
        "explain-position",
    ],
)
def test_what_cannot_be_there_is_not_there(vera: Client, name: str) -> None:
    for number in (0, 9**30):
        address = reverse(f"admin:{name}", args=[number])
        assert vera.get(address).status_code == 404


def test_odd_texts_are_ignored(vera: Client, alice: Alice) -> None:
    for name, args in (
        ("customers", []),
        ("customer", [alice.customer.pk]),
        ("customer-orders", [alice.customer.pk]),
        ("customer-entries", [alice.customer.pk]),
    ):
        for query in ("q=%00", "q=a&by=EMAIL&after=%00", "before=%00", "by=x&q=a"):
            status = vera.get(f"{reverse(f'admin:{name}', args=args)}?{query}").status_code
            assert status in (200, 404), (name, query)


# Freezing


def test_the_page_leads_to_a_proposal_that_is_filled_in(alice: Alice) -> None:
    who = alice.customer
    who.frozen_in = True
    who.save()
    maria = signed_in(member("maria", "operator"))
    (address,) = re.findall(r'href="([^"]*proposals/new/freeze[^"]*)"', page_of(maria, who))
    asked = parse_qs(urlsplit(address.replace("&amp;", "&")).query)
    assert asked == {
        "customer": [str(who.pk)],
        "frozen_in": ["yes"],
        "frozen_out": ["no"],
    }
    form = maria.get(address.replace("&amp;", "&")).context["form"]
    assert form["frozen_in"].value() == "yes"
    assert "proposals/new/freeze" not in page_of(signed_in(member("v", "viewer")), who)


def test_a_pause_is_proposed_in_the_form(alice: Alice) -> None:
    maria = signed_in(member("maria", "operator"))
    address = reverse("admin:propose", args=["freeze"])
    asked = {
        "customer": str(alice.customer.pk),
        "frozen_in": "yes",
        "frozen_out": "no",
        "earning": "pause",
        "reason": "A court order",
        "key": key(),
        "step": "send",
    }
    assert "needed where interest changes" in (
        maria.post(address, asked).content.decode().replace("\n", " ")
    )
    sent = maria.post(address, asked | {"earning_on": "2999-01-01"})
    assert sent.status_code == 302
    assert not pauses.of(alice.customer.pk)
    text = maria.get(sent["Location"]).content.decode()
    assert "not from 2999-01-01 on" in text


# Secrets

MARK = "markedsecret"


def mark_everything(alice: Alice) -> list[str]:
    """Puts a mark into every column that holds a secret; all that must be seen nowhere."""
    user = alice.customer.user
    assert user is not None
    User.objects.filter(pk=user.pk).update(password=f"pbkdf2_sha256$1$x${MARK}")
    Authenticator.objects.filter(user=user, type="totp").update(data={"secret": MARK})
    Authenticator.objects.filter(user=user, type="recovery_codes").update(
        data={"seed": MARK, "used_mask": 0}
    )
    Authenticator.objects.filter(pk=alice.passkey.pk).update(
        data={"name": "laptop", "credential": {"id": MARK}}
    )
    UserSession.objects.create(
        user=user, session_key=MARK, ip="192.0.2.99", user_agent=f"x {MARK}"
    )
    KnownDevice.objects.update_or_create(
        user=user, browser=MARK, defaults={"first_seen_at": on(0)}
    )
    feed = CalendarFeed.objects.get(customer=alice.customer)
    return [MARK, "192.0.2.99", str(feed.pk), feeds.token_of(feed)]


def everything_on_the_desk(alice: Alice) -> Iterator[str]:
    """Every page of the desk, of each row that there is, and every table's."""
    parameters = {route.name: route.parameters for route in routes()}
    known = sorted(
        {
            alice.customer.pk,
            alice.flexible.pk,
            alice.fixed.pk,
            alice.redemption.pk,
            1,
            alice.customer.user_id or 0,
        }
    )
    for page in Desk.pages:
        wanted = parameters[f"admin:{page.name}"]
        numbers = known if "object_id" in wanted else [0]
        for number in numbers:
            values = {x: FOR_STAFF[x] for x in wanted} | (
                {"object_id": number} if "object_id" in wanted else {}
            )
            yield reverse(f"admin:{page.name}", kwargs=values)
    yield f"{reverse('admin:customers')}?q=alice"
    day_of = f"?day={day(26)}"
    yield reverse("admin:explain-position", args=[alice.flexible.pk]) + day_of
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{name}_changelist")
        for pk in model._default_manager.values_list("pk", flat=True)[:50]:
            yield reverse(f"{name}_change", args=[pk])
            yield reverse(f"{name}_history", args=[pk])


def test_no_secret_is_seen_on_any_page_of_the_desk(alice: Alice) -> None:
    everything = signed_in(User.objects.create_superuser("root@example.com"))
    maria, carl = member("maria", "operator"), member("carl", "checker")
    asked = {"customer": str(alice.customer.pk), "frozen_out": "yes"}
    made = proposals.propose("FREEZE", asked, key=key(), reason="x", by=Actor(maria, on(1)))
    proposals.approve(made.pk, by=Actor(carl, on(1)))
    secrets = mark_everything(alice)
    opened = 0
    for address in everything_on_the_desk(alice):
        answer: Any = everything.get(address)
        text = answer.getvalue().decode()
        assert [x for x in secrets if x in text] == [], address
        opened += answer.status_code == 200
    assert opened > 60
    for role in ROLES:
        text = page_of(signed_in(member(role, role)), alice.customer)
        assert [x for x in secrets if x in text] == [], role


def test_what_a_customer_was_told_is_named_not_quoted(vera: Client, alice: Alice) -> None:
    """News of a sign-in has the address it came from."""
    Notification.objects.create(
        customer=alice.customer,
        kind="NEW_DEVICE",
        key="x",
        at=on(1),
        figures={"ip": "192.0.2.99"},
    )
    text = page_of(vera, alice.customer)
    assert ("A sign-in from a new device" in text, "192.0.2.99" in text) == (True, False)


def test_a_paused_customer_is_seen_to_be_paused(vera: Client) -> None:
    who = people.customer("Bob", frozen_in=True)
    pauses.begin(who, day(2), at=on(1))
    assert "Paused from 7 January 2026 on" in page_of(vera, who)


def test_the_application_s_rights_suffice(alice: Alice, as_app_role: Any) -> None:
    """For every page of these sections."""
    root = signed_in(User.objects.create_superuser("root@example.com"))
    who, position = alice.customer.pk, alice.flexible.pk
    with as_app_role():
        for name, args in (
            *(("customers", []), ("audit", []), ("audit-export", []), ("staff", [])),
            *((x, [who]) for x in ("customer", "customer-orders", "customer-entries")),
            ("explain-position", [position]),
        ):
            answer: Any = root.get(reverse(f"admin:{name}", args=args))
            assert answer.status_code == 200, name
            assert answer.getvalue()


def test_an_order_whose_money_was_taken_back_says_so(vera: Client) -> None:
    who = people.customer("Bob")
    for amount in (50, 70):
        fund(who, amount, at=on(0))
    assert "reversed since" not in page_of(vera, who)
    wrong = Order.objects.get(amount=70)
    entry = Entry.objects.get(pk=wrong.entry_id)
    mirror = posting.reverse(entry_id=entry.pk, key=key(), happened_at=on(1), reason="x")
    assert customers.reversals(list(Order.objects.all())) == {wrong.pk: mirror.entry_id}
    orders = reverse("admin:customer-orders", args=[who.pk])
    for text in (page_of(vera, who), vera.get(orders).content.decode()):
        assert text.count("reversed since") == 1
        assert reverse("admin:entry", args=[mirror.entry_id]) in text
