"""What a customer sees of what is theirs, and that nobody else does."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver, reverse

from earn.models import Customer, Order, Position, User
from tests.earn.people import (
    close_to,
    customer,
    day,
    fixed,
    flexible,
    fund,
    on,
    redeem,
    subscribe,
)

pytestmark = pytest.mark.django_db
DOLLAR_A_DAY = [(None, 0, "0.365")]


def signed_in(who: Customer, **options: Any) -> Client:
    if who.user is None:
        who.user = User.objects.create_user(f"{who.reference}@example.com")
        who.save()
    client = Client(**options)
    client.force_login(who.user)
    return client


@pytest.fixture
def browse(alice: Customer) -> Callable[..., str]:
    client = signed_in(alice)

    def act(name: str, *args: Any, status: int = 200) -> str:
        answer = client.get(reverse(f"portal:{name}", args=args))
        assert answer.status_code == status
        return answer.content.decode()

    return act


def test_a_customer_without_money_is_told_so(browse: Callable[..., str]) -> None:
    page = browse("home")
    assert "There is no money here yet." in page
    assert "No day has been closed yet." in page


def test_home_shows_wallet_products_redemptions_and_interest(
    alice: Customer, browse: Callable[..., str]
) -> None:
    easy = flexible(tiers=DOLLAR_A_DAY)
    slow = flexible("slow", settlement_delay_days=5)
    term = fixed(tiers=[(10, 0, "0.365")])
    subscribe(alice, easy, 1000, on(0))
    subscribe(alice, term, 2000, on(0), term_days=10)
    redeem(subscribe(alice, slow, 300, on(0)), on(0), 100)
    fund(alice, "7.50", at=on(0))
    close_to(3)
    page = browse("home")
    cells = [
        cell.split("<")[0] for cell in page.split('class="number">')[1:] if "</td>" in cell
    ]
    # three days of 1.00 and of 2.00, and of 200 at ten percent
    assert cells == ["7.50", "3,200.00", "100.00", "9.16"]
    assert "8 January 2026, the last closed day" in page
    assert "3.00 USD interest owed, 1.00 of it from the last closed day" in page
    assert "matures on 16 January 2026" in page
    assert f'<time datetime="{day(5)}">' in page  # the redemption on its way


def test_a_position_shows_each_days_interest(
    alice: Customer, browse: Callable[..., str]
) -> None:
    position = subscribe(alice, flexible(tiers=DOLLAR_A_DAY), 1000, on(0))
    assert "None of its days has been closed yet." in browse("position", position.pk)
    close_to(2)
    page = browse("position", position.pk)
    assert page.index("2026-01-07") < page.index("2026-01-06")
    assert "2.00 USD" in page
    assert "1,000.00" in page


def test_a_long_history_comes_in_pages(alice: Customer) -> None:
    position = subscribe(alice, flexible(), 1000, on(0))
    close_to(40)
    client = signed_in(alice)
    address = reverse("portal:position", args=[position.pk])
    first = client.get(address).content.decode()
    assert str(day(40)) in first
    assert str(day(9)) not in first
    second = client.get(f"{address}?before={day(10)}").content.decode()
    assert f'href="?before={day(10)}"' in first
    assert str(day(9)) in second
    assert str(day(10)) not in second
    assert client.get(f"{address}?before=soon").status_code == 404


def test_a_day_is_explained_in_words_figures_and_json(
    alice: Customer, browse: Callable[..., str]
) -> None:
    product = flexible(tiers=[(None, 0, "0.12"), (None, 500, "0.008")])
    position = subscribe(alice, product, 1000, on(0))
    close_to(1)
    page = browse("position-day", position.pk, day(1))
    assert "On 2026-01-06 the balance was never below 1000.00." in page
    assert "at 12 % a year" in page
    assert "it is what the books say" in page
    address = reverse("portal:position-day", args=[position.pk, day(1)])
    found = signed_in(alice).get(address, {"format": "json"}).json()
    assert (found["position"], found["basis"], found["agrees"]) == (
        position.pk,
        "1000.00",
        True,
    )
    assert [part["annual_rate"] for part in found["slices"]] == ["0.12", "0.008"]
    browse("position-day", position.pk, day(2), status=404)


# Another customer's things


def everything_of(who: Customer) -> dict[str, Any]:
    """Arguments for every address that names something of a customer's."""
    position = Position.objects.filter(customer=who).order_by("pk").first()
    order = Order.objects.filter(customer=who, kind="REDEEM").first()
    assert position is not None
    assert order is not None
    return {
        "receipt": [order.pk],
        "cancel": [order.pk],
        "position": [position.pk],
        "position-day": [position.pk, day(1)],
        "redeem": [position.pk],
        "instruct": [position.pk],
    }


OPEN_TO_ALL = {"start", "explore", "product", "calculator"}
OF_WHOEVER_IS_SIGNED_IN = {"activity", "home", "subscribe", "verify"}


def portal_names() -> set[str]:
    (portal,) = [x for x in get_resolver().url_patterns if getattr(x, "namespace", "")
                 == "portal"]  # fmt: skip
    return {x.name for x in portal.url_patterns if x.name}


@pytest.fixture
def alices(alice: Customer) -> dict[str, Any]:
    flexible("open")
    slow = flexible("slow", settlement_delay_days=5)
    redeem(subscribe(alice, slow, 300, on(0)), on(0), 100)
    close_to(1)
    return everything_of(alice)


def test_every_address_is_known_to_these_tests(alices: dict[str, Any]) -> None:
    assert portal_names() == OPEN_TO_ALL | OF_WHOEVER_IS_SIGNED_IN | set(alices)


def test_alice_finds_hers_and_charlie_finds_nothing(
    alice: Customer, alices: dict[str, Any]
) -> None:
    hers, his = signed_in(alice), signed_in(customer("Charlie"))
    staff = Client()
    staff.force_login(User.objects.create_superuser("staff@example.com"))
    for name, args in alices.items():
        address = reverse(f"portal:{name}", args=args)
        assert hers.get(address).status_code == 200, name
        for stranger in (his, staff):
            assert stranger.get(address).status_code == 404, name
            assert stranger.post(address).status_code in (404, 405), name


def test_nobody_is_asked_to_sign_in_first(alices: dict[str, Any]) -> None:
    alices |= {"activity": [], "home": [], "verify": [], "subscribe": ["open"]}
    for name, args in alices.items():
        address = reverse(f"portal:{name}", args=args)
        answer = Client().get(address)
        assert answer.status_code == 302, name
        assert answer["Location"] == f"{reverse('account_login')}?next={address}"
