"""What the fullest pages weigh on their way to a phone: tests/browser weighs all others."""

import gzip
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from earn.models import Accrual, Customer, Position
from earn.portal import activity, explore, positions
from tests.earn.people import close_to, day, flexible, money, on, subscribe
from tests.portal.test_home import signed_in

pytestmark = pytest.mark.django_db
MOST = 30_000  # bytes
HELD = 12  # positions
MONTHS = 89  # days: as many as Home charts
NAMES = {"en": "A savings product with a name as long as any that we have seen"}
AMOUNT = "123456.789012345678901234"
# as the rows of closed days, in a partition of their own
EARLIER = """
    create table earlier partition of earn_accrual for values from ('2025-01-01') to (%s);
    insert into earn_accrual (position_id, chart_id, day, days, year_basis, basis, interest,
                              accrued, carry)
    select position_id, chart_id, %s::date - n, 1, 365, basis + n * 1.234567890123456789,
           interest, 20 - n * 0.012345678901234567, 0
    from earn_accrual cross join generate_series(2, 360) n
    where position_id = %s and day = %s
"""


def earned_for_a_year(position: Position) -> None:
    first = day(1)
    with connection.cursor() as cursor:
        cursor.execute(EARLIER, [day(0), first, position.pk, first])
    assert Accrual.objects.filter(position=position).count() >= positions.CHARTED


def test_the_fullest_pages_are_light(alice: Customer) -> None:
    alice.display_currency = money("ETH", 18)
    alice.save()
    terms: dict[str, Any] = {"asset": alice.display_currency, "names": NAMES}
    shelf = [flexible(f"p{n}", quota=10**6, **terms) for n in range(explore.PAGE + 1)]
    held = [subscribe(alice, product, AMOUNT, on(0)) for product in shelf[:HELD]]
    for product in shelf[: activity.PAGE - HELD]:
        subscribe(alice, product, AMOUNT, on(1))
    close_to(MONTHS)
    earned_for_a_year(held[0])
    client = signed_in(alice)
    pages = {
        "home": (reverse("portal:home"), "<svg", 2),
        "position": (reverse("portal:position", args=[held[0].pk]), "<svg", 2),
        "activity": (reverse("portal:activity"), 'class="what"', activity.PAGE),
        "explore": (reverse("portal:explore"), NAMES["en"], explore.PAGE),
        "calendar": (f"{reverse('portal:calendar')}?month=2026-01", "<td", 28),
    }
    for name, (address, part, parts) in pages.items():
        answer = client.get(address, headers={"accept-encoding": "gzip"})
        assert answer["Content-Encoding"] == "gzip"
        assert gzip.decompress(answer.content).decode().count(part) >= parts, name
        assert len(answer.content) <= MOST, name
