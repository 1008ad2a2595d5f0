from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils.formats import date_format

from earn import catalogue
from earn.days import ONE_DAY, business_day
from earn.models import Customer, Product
from earn.portal import product as pages
from earn.portal.offers import Standing, standing
from tests.earn.people import (
    ANNOUNCED,
    chart,
    close_to,
    day,
    draft,
    earned,
    fixed,
    flexible,
    money,
    on,
    subscribe,
)

USDT = [(None, 0, "0.12"), (None, 500, "0.008"), (None, 5000, "0.003")]
HTMX = {"HX-Request": "true"}


def page(client: Client, address: str = "/explore/flexible/", **headers: str) -> str:
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200
    return unescape(" ".join(answer.content.decode().split()))


def reckon(
    client: Client, amount: str, asked: str = "", code: str = "flexible", **headers: str
) -> str:
    """The calculator's answer, as htmx gets it."""
    address = f"/explore/{code}/calculator/?amount={quote(amount)}{asked}"
    return page(client, address, **HTMX, **headers)


def shown(text: str) -> dict[str, str]:
    """The pairs of label and figure in a page."""
    parts = [part.split("</dd>")[0].split("</dt>") for part in text.split("<dt>")[1:]]
    return {label.strip(): value.split("<dd>")[1].strip() for label, value in parts}


# The page


@pytest.mark.django_db
def test_a_product_says_what_it_is(client: Client) -> None:
    flexible(names={"en": "Dollar Flexible"}, risk_text="You may lose it.", risk_version=3)
    text = page(client)
    assert "<h1>Dollar Flexible</h1>" in text
    assert "USD (USD) · Flexible" in text
    assert '<span class="badge">On sale</span>' in text
    assert "<p>You may lose it.</p>" in text
    assert "Version 3 of this text" in text


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["", "calculator/?amount=1"])
def test_what_is_unknown_or_not_ready_is_not_there(client: Client, path: str) -> None:
    chart(draft("draft"), ANNOUNCED.date(), (None, 0, "0.10"))
    for code in ("draft", "unknown"):
        assert client.get(f"/explore/{code}/{path}").status_code == 404


def test_the_standing_of_a_product() -> None:
    product = Product(minimum=Decimal(10), state=Product.State.OPEN)
    assert standing(product, None, on(5)) is Standing.ON_SALE
    assert standing(product, Decimal(10), on(5)) is Standing.ON_SALE
    assert standing(product, Decimal(9), on(5)) is Standing.SOLD_OUT
    assert standing(product, Decimal(0), on(5)) is Standing.SOLD_OUT
    product.sale_from, product.sale_until = on(3), on(5)
    assert standing(product, Decimal(0), on(2)) is Standing.OPENS
    assert standing(product, None, on(3)) is Standing.ON_SALE
    assert standing(product, None, on(5)) is Standing.ENDED
    for state in (Product.State.PAUSED, Product.State.CLOSED):
        product.state = state
        assert standing(product, None, on(4)) is Standing(state)


@pytest.mark.django_db
def test_only_what_is_on_sale_can_be_subscribed_to(client: Client) -> None:
    link = '<a class="button" href="/explore/flexible/subscribe/">Subscribe</a>'
    product = flexible()
    assert link in page(client)
    for state, says in (("PAUSED", "Paused"), ("CLOSED", "Closed")):
        catalogue.set_state(product, state)
        text = page(client)
        assert link not in text
        assert f'<span class="badge">{says}</span>' in text


@pytest.mark.django_db
def test_a_product_that_opens_soon_reckons_from_its_opening(client: Client) -> None:
    fixed(sale_from=datetime(2999, 1, 5, 9, tzinfo=UTC))
    text = page(client, "/explore/fixed/")
    assert "Opens on 5 January 2999, 09:00 UTC" in text
    assert "The day after you subscribe: 6 January 2999 at the earliest" in text
    assert "subscribe/" not in text


def test_a_sold_out_product_says_so(client: Client, alice: Customer) -> None:
    product = flexible(quota="1000")
    assert "1,000.00 USD left" in page(client)
    subscribe(alice, product, 1000, on(0))
    assert '<span class="badge">Sold out</span>' in page(client)


# Rates


@pytest.mark.django_db
def test_rates_are_a_table_with_a_picture(client: Client) -> None:
    flexible(tiers=USDT)
    text = page(client)
    assert '<p class="rate"><b>12 %</b> on the first 500 USD</p>' in text
    assert '<td class="number">0 USD</td> <td class="number"> 500 USD </td>' in text
    assert "no limit" in text
    for width, rate in ((100, "12 %"), (6, "0.8 %"), (2, "0.3 %")):
        assert f'<rect width="{width}" height="8" /> </svg> <span>{rate}</span>' in text
    assert 'aria-hidden="true"' in text
    assert "Each part of your balance" in text


@pytest.mark.django_db
def test_rates_by_amount_are_a_picture_of_the_table(client: Client) -> None:
    product = flexible(tiers=USDT)
    (term,) = pages.about(product, {}, at=on(0))["terms"]
    picture = term.picture
    assert picture is not None
    assert [path.label for path in picture.paths] == [
        "Rate of the next unit",
        "Rate of the whole balance",
    ]
    assert picture.ticks[0] == "0 USD"
    assert picture.ticks[-1] == "10,000 USD"
    told = [band.words for band in picture.bands]
    # 500 at 12 %, 4,500 at 0.8 %, 5,000 at 0.3 %: 111 a year on 10,000
    assert told[-1].endswith("next unit: 0.3 % · Rate of the whole balance: 1.11 %")
    assert 'aria-label="Annual rate by amount, as in the table"' in page(client)


@pytest.mark.django_db
def test_one_rate_for_all_amounts_needs_no_picture_and_a_whole_balance_one_line() -> None:
    (term,) = pages.about(flexible("one"), {}, at=on(0))["terms"]
    assert term.picture is None
    banded = flexible("banded", tiers=USDT, tier_mode="WHOLE")
    (term,) = pages.about(banded, {}, at=on(0))["terms"]
    assert [path.label for path in term.picture.paths] == ["Rate of the whole balance"]
    late = flexible("late", tiers=[(None, 1000, "0.05")])
    (term,) = pages.about(late, {}, at=on(0))["terms"]
    assert term.picture.bands[0].words == "0 USD · Rate of the next unit: 0 %"


@pytest.mark.django_db
def test_the_history_is_a_picture_that_reaches_to_now() -> None:
    product = flexible()
    chart(product, day(9), (None, 0, "0.20"), at=on(0))
    picture = pages.about(product, {}, at=on(30))["over_time"]
    assert [band.words.partition(" · ")[2] for band in picture.bands] == [
        "Best rate: 10 %",
        "Best rate: 20 %",
        "Best rate: 20 %",
    ]
    assert picture.ticks[-1] == "5 Feb 2026"


@pytest.mark.django_db
def test_the_risks_are_told_in_the_language_of_the_reader(client: Client) -> None:
    flexible(risk_text="You may lose it.", risk_translations={"es": "Puede perderlo."})
    assert "Puede perderlo." in page(client, **{"Accept-Language": "es"})
    for language in ("en", "ja"):
        assert "You may lose it." in page(client, **{"Accept-Language": language})


@pytest.mark.django_db
def test_the_calculator_leads_to_an_order_of_the_same_amount(client: Client) -> None:
    fixed()
    text = reckon(client, "1,000.50", "&term=30", code="fixed")
    assert 'href="/explore/fixed/subscribe/?amount=1%2C000.50&term=30"' in text


@pytest.mark.django_db
def test_each_term_has_its_rates(client: Client) -> None:
    fixed(tiers=[(30, 0, "0.05"), (90, 100, "0.08")], tier_mode="WHOLE")
    text = page(client, "/explore/fixed/")
    assert "<h3> 30 days </h3>" in text
    after = text.split("<h3> 90 days </h3>")[1]
    assert '<td class="number">0 USD</td> <td class="number"> 100 USD </td>' in after
    assert '<rect width="0" height="8" /> </svg> <span>0 %</span>' in after
    assert "Your whole balance" in text


@pytest.mark.django_db
def test_all_announced_rates_are_told_the_latest_first(client: Client) -> None:
    product = flexible()
    chart(product, day(9), (None, 0, "0.20"), at=on(0))
    chart(product, day(20), (None, 0, "0.30"), at=None)
    text = page(client).split('id="history"')[1]
    assert "14 January 2026" in text
    assert "5 January 2026" in text
    assert text.index(">20 %</td>") < text.index(">10 %</td>")
    assert "30 %" not in text


@pytest.mark.django_db
def test_rates_are_those_for_money_that_comes_now() -> None:
    product = flexible()
    chart(product, day(9), (None, 0, "0.20"), at=on(0))
    rates = [pages.about(product, {}, at=on(n))["headline"] for n in (7, 8)]
    assert rates == ["<b>10 %</b>", "<b>20 %</b>"]


@pytest.mark.django_db
def test_without_a_rate_for_now_there_is_no_calculator(client: Client) -> None:
    product = draft("flexible")
    chart(product, datetime(2999, 1, 1, tzinfo=UTC).date(), (None, 0, "0.10"))
    catalogue.set_state(product, Product.State.OPEN)
    assert "No rate has been announced" in page(client)
    assert "No rate has been announced" in reckon(client, "10")


# Rules


def rules(client: Client, product: Product) -> dict[str, str]:
    text = page(client, f"/explore/{product.code}/")
    return shown(text.split('id="rules"')[1].split("</section>")[0])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("terms", "says"),
    [
        ({"early_rule": "FORBIDDEN"}, "Not possible: the money stays until maturity"),
        ({"early_rule": "FORFEIT_ALL"}, "Possible: all interest is lost"),
        (
            {"early_rule": "REDUCED_RATE", "early_rate": "0.0125"},
            "Possible: all days count 1.25 % a year instead, and never more than what was "
            "earned",
        ),
        (
            {"early_rule": "FORFEIT_DAYS", "early_days": 30},
            "Possible: the interest of the last 30 days is lost",
        ),
        (
            {"early_rule": "FORFEIT_ALL", "minimum_holding_days": 7},
            "Possible: all interest is lost (7 days after subscribing at the earliest)",
        ),
    ],
)
def test_leaving_early_is_told_by_its_rule_and_figure(
    client: Client, terms: dict[str, Any], says: str
) -> None:
    assert rules(client, fixed(**terms))["Leaving early"] == says


@pytest.mark.django_db
def test_the_rules_of_a_fixed_product(client: Client) -> None:
    product = fixed(
        payout="MONTHLY",
        compounding="DAILY",
        day_count="30E/360",
        settlement_delay_days=2,
        renewal_cutoff_hours=24,
        notice_days=14,
        minimum="10",
        step="2.5",
        customer_cap="150000",
        countries_allowed=["DE", "FR"],
        minimum_kyc_level=2,
    )
    said = rules(client, product)
    assert said["Interest is paid"] == "At the end of each month, to your wallet"
    assert said["Compounding"].startswith("Daily")
    assert said["Day count"] == "30E/360"
    assert said["When redeemed money arrives"] == "2 days after you redeem"
    assert said["Your instruction for maturity"].endswith("24 hours before maturity")
    assert said["Rates within a term"].startswith("They do not change")
    assert "announced 14 days before" in said["Notice of a cut"]
    assert said["Smallest amount"] == "10 USD"
    assert said["Amounts go in steps of"] == "2.5 USD"
    assert said["Most that one customer holds"] == "150,000 USD"
    assert said["Who may buy"] == "Customers from verification level 2 on, in DE, FR"


@pytest.mark.django_db
def test_the_rules_of_a_flexible_product(client: Client) -> None:
    said = rules(client, flexible(countries_denied=["US"]))
    assert said["Leaving early"].startswith("At any time")
    assert said["Interest is paid"] == "When you redeem"
    assert said["Compounding"].startswith("None")
    assert said["When redeemed money arrives"] == "At once"
    assert "on the day they are announced" in said["Notice of a cut"]
    assert said["Who may buy"] == "Customers in all countries but US"
    for absent in ("Smallest amount", "Amounts go in steps of", "Rates within a term"):
        assert absent not in said


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("terms", "who"),
    [
        ({}, "Customers in all countries"),
        ({"countries_allowed": ["DE"]}, "Customers in DE"),
        ({"countries_allowed": ["DE", "US"], "countries_denied": ["US"]},
         "Customers in DE"),
        ({"minimum_kyc_level": 1},
         "Customers from verification level 1 on, in all countries"),
        ({"minimum_kyc_level": 1, "countries_denied": ["US", "FR"]},
         "Customers from verification level 1 on, in all countries but US, FR"),
    ],
)  # fmt: skip
def test_who_may_buy_is_one_sentence(client: Client, terms: Any, who: str) -> None:
    assert rules(client, flexible(**terms))["Who may buy"] == who


@pytest.mark.django_db
def test_what_is_left_is_told_exactly(client: Client) -> None:
    flexible("ether", asset=money("ETH", 18), quota="1234.567890123456789012")
    text = client.get("/explore/ether/").content.decode()
    assert "1,234.567890123456789012 ETH left" in text
    assert "1,234.5678 ETH left" in client.get("/explore/").content.decode()


@pytest.mark.django_db
def test_the_days_of_a_term_are_those_of_an_order(client: Client) -> None:
    about = pages.about(fixed(), {}, at=on(0))
    assert about["first_day"] == day(1)
    assert [(x.term_days, x.last_day, x.matures_on) for x in about["terms"]] == [
        (10, day(10), day(11)),
        (30, day(30), day(31)),
    ]
    assert "Last earning day" in rules(client, about["product"])["Term of 10 days"]


# The calculator


@pytest.mark.django_db
def test_the_calculator_answers_with_all_figures(client: Client) -> None:
    fixed("fixed", [(365, 0, "0.12"), (365, 500, "0.008")])
    text = reckon(client, "1000", "&term=365", code="fixed")
    assert "<html" not in text
    assert shown(text) == {
        "Annual rate of this amount (APR)": "6.4 %",
        "Annual yield (APY)": "6.4 %",
        "Interest of 365 days": "64.00 USD",
        "Value at maturity": "1,064.00 USD",
    }


@pytest.mark.django_db
def test_rates_that_are_announced_are_reckoned_from_their_day_on(client: Client) -> None:
    today = datetime.now(UTC).date()
    easy = flexible(tiers=[(None, 0, "0.365")])
    for days, rate in ((11, "0.73"), (500, "0.01")):
        chart(easy, today + timedelta(days=days), (None, 0, rate))
    figures = shown(reckon(client, "1000"))
    assert figures["Interest of 365 days"] == "720.00 USD"  # 10 days of 1, 355 of 2
    told = [name for name in figures if name.startswith("Announced")]
    assert [figures[name] for name in told] == ["73 %"]
    assert date_format(today + timedelta(days=11)) in told[0]


@pytest.mark.django_db
def test_a_flexible_product_is_reckoned_for_a_year_and_says_so(client: Client) -> None:
    flexible(compounding="DAILY")
    figures = shown(reckon(client, "1000"))
    assert figures["Annual rate of this amount (APR)"] == "10 %"
    assert figures["Annual yield (APY)"] == "10.515 %"
    assert figures["Interest of 365 days"] == "105.15 USD"
    assert figures["Value after 365 days at the rates announced so far"] == "1,105.15 USD"


@pytest.mark.django_db
def test_the_months_add_up_to_the_interest() -> None:
    told = pages.about(fixed(), {"amount": "1000", "term": "30"}, at=on(0))
    # 12 % of 1,000.00 is 0.3287... a day: 26 days of January, 4 of February
    assert told["months"] == [
        (day(0).replace(day=1), Decimal("8.54")),
        (day(27).replace(day=1), Decimal("1.32")),
    ]
    assert told["figures"].interest == Decimal("9.86")


@pytest.mark.django_db
def test_the_months_are_a_table_beside_the_answer(client: Client) -> None:
    flexible()
    text = reckon(client, "1000")
    assert '<div id="months" hx-swap-oob="innerHTML">' in text
    first = business_day(datetime.now(UTC)) + ONE_DAY
    assert f'<th scope="row">{first:%B %Y}</th>' in text
    assert text.count('<th scope="row">') in (12, 13)


@pytest.mark.django_db
def test_what_is_paid_on_the_way_is_not_in_the_value_at_the_end(client: Client) -> None:
    flexible(payout="DAILY")
    figures = shown(reckon(client, "3650"))
    assert figures["Interest of 365 days"] == "365.00 USD"
    assert figures["Paid to your wallet before the end"] == "365.00 USD"
    assert figures["Value after 365 days at the rates announced so far"] == "3,650.00 USD"


@pytest.mark.django_db
def test_all_eighteen_decimals_are_shown(client: Client) -> None:
    flexible(asset=money("ETH", scale=18), tiers=[(None, 0, "0.0000000003")])
    figures = shown(reckon(client, "12345678901234567890.000000000000000001"))
    assert figures["Annual rate of this amount (APR)"] == "0.00000003 %"
    assert figures["Interest of 365 days"] == "3,703,703,670.370370367000000000 ETH"
    value = "12,345,678,904,938,271,560.370370367000000001 ETH"
    assert figures["Value after 365 days at the rates announced so far"] == value


def test_the_calculator_comes_to_what_the_books_come_to(alice: Customer) -> None:
    product = fixed(compounding="DAILY", tiers=[(10, 0, "0.0731"), (10, 700, "0.02")])
    told = pages.about(product, {"amount": "1234.56", "term": "10"}, at=on(0))
    position = subscribe(alice, product, "1234.56", on(0), term_days=10)
    close_to(10)
    assert told["figures"].interest == sum(earned(position).values())
    assert told["figures"].interest > 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("amount", "says"),
    [
        ("abc", "Write an amount with digits"),
        ("-1", "Write an amount with digits"),
        ("1e9", "Write an amount with digits"),
        ("NaN", "Write an amount with digits"),
        ("9" * 40, "Write an amount with digits"),
        ("9" * 400, "at most 60 characters"),
        ("1.001", "USD has 2 decimals at most."),
        ("0", "The smallest amount is 5.00 USD."),
        ("4.99", "The smallest amount is 5.00 USD."),
        ("6", "Amounts go in steps of 2.50 USD. 5.00 USD would do."),
        ("1\x00", "Null characters are not allowed."),
        ("<b>", "Write an amount with digits"),
    ],
)
def test_what_is_no_amount_is_answered_with_a_sentence(
    client: Client, amount: str, says: str
) -> None:
    flexible(minimum="5", step="2.5")
    for text in (
        reckon(client, amount),
        page(client, f"/explore/flexible/calculator/?amount={quote(amount)}"),
    ):
        assert says in text
        assert "Value after" not in text


@pytest.mark.django_db
@pytest.mark.parametrize("term", ["", "&term=7", "&term=abc", "&term=%00", "&term=-1"])
def test_an_unknown_term_is_answered_with_a_sentence(client: Client, term: str) -> None:
    fixed()
    text = reckon(client, "1000", term, code="fixed")
    assert "Value at maturity" not in text
    assert "Select a valid choice" in text or "This field is required." in text


@pytest.mark.django_db
def test_no_amount_is_no_mistake(client: Client) -> None:
    flexible()
    assert "Type an amount" in reckon(client, "")
    assert "Type an amount" in page(client)


@pytest.mark.django_db
def test_amounts_are_read_and_written_as_the_language_does(client: Client) -> None:
    flexible()
    text = reckon(client, "1.000,50", **{"Accept-Language": "es"})
    assert "100,05 USD" in text
    assert "1.100,55 USD" in text
    text = reckon(client, "١٬٠٠٠٫٥٠", **{"Accept-Language": "ar"})
    assert "1,100.55" in text


@pytest.mark.django_db
def test_without_htmx_the_calculator_is_the_whole_page(client: Client) -> None:
    fixed()
    text = page(client, "/explore/fixed/calculator/?amount=1000&term=30")
    assert "<html" in text
    assert 'value="1000"' in text
    assert '<option value="30" selected>30 days</option>' in text
    assert "9.86 USD" in text
    assert 'aria-live="polite"' in text


# Around it


@pytest.mark.django_db
def test_the_application_s_rights_suffice(client: Client, as_app_role: Any) -> None:
    flexible(quota="5000")
    with as_app_role():
        assert "1,100.00 USD" in page(client, "/explore/flexible/calculator/?amount=1000")


@pytest.mark.django_db
def test_headings_come_in_order_and_nothing_is_inline(client: Client) -> None:
    fixed(risk_text="A risk.")
    text = page(client, "/explore/fixed/")
    assert text.count("<h1") == 1
    levels = [int(part[0]) for part in text.split("<h")[1:] if part[0].isdigit()]
    assert levels[0] == 1
    assert all(b <= a + 1 for a, b in zip(levels, levels[1:], strict=False))
    assert not [part for part in ("<style", "style=", "<script>", "://") if part in text]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["", "calculator/"])
@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_the_pages_are_read_only(client: Client, method: str, path: str) -> None:
    flexible()
    assert getattr(client, method)(f"/explore/flexible/{path}").status_code == 405
