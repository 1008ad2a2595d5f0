"""The calendar as a page, and as a feed for calendar programs."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from icalendar import Calendar
from pytest_django import DjangoAssertNumQueries

from earn import feeds
from earn.days import business_day
from earn.models import CalendarFeed, Customer, User
from earn.portal.feed import calendar_of
from tests.earn.people import close_to, day, fixed, flexible, on, redeem, subscribe
from tests.portal.test_home import signed_in

pytestmark = pytest.mark.django_db
ADDRESS = re.compile(r'value="(http://testserver/calendar/[^"]+\.ics)"')


@pytest.fixture
def browse(alice: Customer) -> Callable[..., str]:
    client = signed_in(alice)

    def act(month: str = "", *, status: int = 200) -> str:
        wanted = {"month": month} if month else {}
        answer = client.get(reverse("portal:calendar"), wanted)
        assert answer.status_code == status
        return answer.content.decode()

    return act


@pytest.fixture
def address(alice: Customer) -> Callable[[str], str]:
    """Presses a button below the calendar; the address that it then shows."""
    client = signed_in(alice)

    def act(do: str) -> str:
        page = client.post(reverse("portal:calendar-address"), {"do": do}, follow=True)
        found = ADDRESS.search(page.content.decode())
        return found[1] if found else ""

    return act


def cell(page: str, on_day: date) -> str:
    """What the table of the month has of a day."""
    table = page.split("<tbody>")[1].split("</tbody>")[0]
    (found,) = [x for x in table.split("<td")[1:] if f'datetime="{on_day}"' in x]
    return found


def test_a_month_has_each_day_once_in_whole_weeks(browse: Callable[..., str]) -> None:
    page = browse("2026-02")
    table = page.split("<tbody>")[1].split("</tbody>")[0]
    days = re.findall(r'datetime="([0-9-]+)"', table)
    first = date(2026, 2, 1)  # a Sunday, on which weeks begin in English
    assert days == [str(first + timedelta(days=n)) for n in range(28)]
    assert 'href="?month=2026-01"' in page
    assert 'href="?month=2026-03"' in page
    assert "Nothing in this month." in page


def test_what_was_paid_and_what_is_expected_stand_on_their_days(
    alice: Customer, browse: Callable[..., str]
) -> None:
    term = fixed(tiers=[(10, 0, "0.365")])
    slow = flexible("slow", settlement_delay_days=12)
    subscribe(alice, term, 1000, on(0), term_days=10)
    redeem(subscribe(alice, slow, 300, on(0)), on(0), 100)
    page = browse("2026-01")
    assert "expected" in cell(page, day(11))
    assert "1,000.00 USD" in cell(page, day(11))
    assert "term matures" not in page  # its product has no name but its code
    assert "fixed matures: 1,000.00 USD goes to your wallet" in page
    assert "10.00 USD of interest expected from fixed" in page
    assert "Last day to change" in cell(page, day(10))
    close_to(10)
    page = browse("2026-01")
    assert "expected" not in cell(page, day(11))
    assert "fixed matured: 1,000.00 USD went to your wallet" in page
    assert "10.00 USD of interest paid from fixed" in page


def test_a_crowded_day_says_how_many_more_there_are(
    alice: Customer, browse: Callable[..., str]
) -> None:
    for number in range(3):
        subscribe(alice, fixed(f"term-{number}"), 1000, on(0), term_days=10)
    page = browse("2026-01")
    assert "and 3 more" in cell(page, day(11))
    assert page.count("matures: 1,000.00 USD") == 3 + 1  # in the list, and as a title


def test_what_comes_next_is_listed(alice: Customer, browse: Callable[..., str]) -> None:
    assert "Nothing in the next three months." in browse()
    today = datetime.now(UTC) - timedelta(hours=1)
    subscribe(alice, fixed(), 1000, today, term_days=10)
    subscribe(alice, flexible(payout="DAILY"), 1000, today)
    coming = browse("2026-01").split('id="coming"')[1]
    assert "fixed matures" in coming
    assert "flexible" not in coming


@pytest.mark.parametrize("month", ["soon", "2026-13", "0001-01", "9999-12", "2026-1", "-1"])
def test_a_month_that_is_none_is_not_found(browse: Callable[..., str], month: str) -> None:
    browse(month, status=404)


def test_the_pages_of_months_end_where_nothing_is_foreseen(
    browse: Callable[..., str],
) -> None:
    today = business_day(datetime.now(UTC))
    last = date(today.year + 2, today.month, 1)
    page = browse(f"{last:%Y-%m}")
    assert "Previous month" in page
    assert "Next month" not in page


def test_a_page_asks_the_database_a_bounded_number_of_times(
    alice: Customer,
    browse: Callable[..., str],
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(4):
        subscribe(alice, fixed(f"term-{number}"), 1000, on(0), term_days=10)
    close_to(2)
    with django_assert_max_num_queries(20):
        browse("2026-01")


# The feed


def test_an_address_is_made_renewed_and_switched_off(address: Callable[[str], str]) -> None:
    first = address("new")
    assert Client().get(first).status_code == 200
    second = address("new")
    assert Client().get(second).status_code == 200
    assert Client().get(first).status_code == 404
    assert address("off") == ""
    assert Client().get(second).status_code == 404


def test_an_address_changes_by_a_post_with_its_token_alone(alice: Customer) -> None:
    careful = signed_in(alice, enforce_csrf_checks=True)
    assert careful.get(reverse("portal:calendar-address")).status_code == 405
    assert careful.post(reverse("portal:calendar-address")).status_code == 403
    assert not CalendarFeed.objects.exists()


def feed_of(who: Customer) -> str:
    feeds.renew(who, at=on(0))
    return reverse("portal:calendar-feed", args=[feeds.token_of(feeds.of(who))])  # type: ignore[arg-type]


def test_a_feed_is_kept_by_nobody_on_its_way(alice: Customer) -> None:
    answer = Client().get(feed_of(alice))
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert set(answer["Cache-Control"].split(", ")) == {"private", "no-cache"}
    assert answer["X-Robots-Tag"] == "noindex"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert not answer.cookies
    assert CalendarFeed.objects.get().read_at is not None


def test_a_feed_that_has_not_changed_is_not_sent_again(alice: Customer) -> None:
    subscribe(alice, fixed(), 1000, on(0), term_days=10)
    address = feed_of(alice)
    first = Client().get(address)
    again = Client().get(address, headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again["ETag"] == first["ETag"]
    assert Client().get(address).content == first.content
    close_to(1)
    later = Client().get(address, headers={"if-none-match": first["ETag"]})
    assert later.status_code == 200


NAME = "Term, fixed; 定期储蓄, 非常长的名字，需要在第七十五个字节之后折行 \\ End"


def parsed(who: Customer, at: datetime) -> dict[str, Any]:
    made = calendar_of(who, at=at, link=lambda path: f"https://earn.example{path}")
    (read,) = Calendar.from_ical(made.to_ical(), multiple=True)
    return {str(event["uid"]).split("@")[0]: event for event in read.walk("VEVENT")}


def test_an_entry_reads_back_as_it_was_meant(alice: Customer) -> None:
    term = fixed(tiers=[(10, 0, "0.365")], names={"en": NAME})
    position = subscribe(alice, term, 1000, on(0), term_days=10)
    entry = parsed(alice, on(1))[f"principal-{position.pk}-{day(11)}"]
    assert entry["summary"] == f"{NAME} matures: 1,000.00 USD goes to your wallet"
    assert (entry["dtstart"].dt, entry["dtend"].dt) == (day(11), day(12))
    assert entry["dtstart"].params["value"] == "DATE"
    assert (entry["status"], entry["transp"]) == ("TENTATIVE", "TRANSPARENT")
    assert entry["url"] == f"https://earn.example/positions/{position.pk}/"
    assert entry["dtstamp"].dt == on(0)


def test_long_lines_are_folded_and_marks_escaped(alice: Customer) -> None:
    subscribe(alice, fixed(names={"en": NAME}), 1000, on(0), term_days=10)
    text = calendar_of(alice, at=on(1), link=str).to_ical()
    lines = text.split(b"\r\n")
    assert max(map(len, lines)) <= 75
    for line in lines:
        line.decode()  # no character is cut in two
    whole = text.replace(b"\r\n ", b"").decode()
    assert "Term\\, fixed\\; 定期储蓄\\, 非常长的名字" in whole
    assert "\\\\ End" in whole


def test_a_revision_counts_up_when_what_was_expected_has_happened(alice: Customer) -> None:
    position = subscribe(alice, fixed(), 1000, on(0), term_days=10)
    key, revisions = f"interest-{position.pk}-{day(11)}", []
    for number in (0, 3, 10):
        close_to(number)
        entry = parsed(alice, on(number + 1))[key]
        revisions.append(int(entry["sequence"]))
        assert entry["last-modified"].dt == entry["dtstamp"].dt
    assert revisions == sorted(set(revisions))
    assert entry["status"] == "CONFIRMED"


def test_revisions_never_fall_when_a_close_is_late(alice: Customer) -> None:
    slow = flexible("slow", settlement_delay_days=11)
    order = redeem(subscribe(alice, slow, 300, on(0)), on(0), 100)
    term = subscribe(alice, fixed(), 1000, on(0), term_days=10)
    close_to(3)
    wanted = {
        *(f"{what}-{term.pk}-{day(11)}" for what in ("interest", "principal")),
        f"redemption-{order.pk}-{day(11)}",
    }
    revisions = []
    for number in range(10, 14):
        found = parsed(alice, on(number, 12))
        revisions.append({key: int(found[key]["sequence"]) for key in wanted})
        subscribe(alice, slow, 1, on(number, 13))  # what is expected is counted anew
    close_to(10, at=on(13, 14))
    for number in (13, 14):
        found = parsed(alice, on(number, 15))
        assert {str(found[key]["status"]) for key in wanted} == {"CONFIRMED"}
        revisions.append({key: int(found[key]["sequence"]) for key in wanted})
    for key in wanted:
        counted = [revision[key] for revision in revisions]
        assert counted == sorted(counted)
        assert counted[-1] == counted[-2]


def test_the_words_are_those_of_the_customers_language(alice: Customer) -> None:
    term = fixed(names={"en": "Term", "zh-hans": "定期"})
    subscribe(alice, term, 1000, datetime.now(UTC) - timedelta(hours=1), term_days=10)
    alice.user = User.objects.create_user("alice@example.com", language="zh-hans")
    alice.save()
    answer = Client().get(feed_of(alice), headers={"accept-language": "en"})
    assert "定期" in answer.content.decode()


def test_interest_of_every_day_is_left_out(alice: Customer) -> None:
    subscribe(alice, flexible(payout="DAILY"), 1000, on(0))
    close_to(2)
    assert parsed(alice, on(3)) == {}
