import gzip
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import translation

from earn import catalogue
from earn.interest import TierMode
from earn.models import Customer, Product, RateTier, User
from earn.portal import explore
from earn.portal.offers import badge, headline, headline_marked, roughly, share_left, short
from ledger.models import Asset
from tests.earn.people import (
    ANNOUNCED,
    chart,
    day,
    draft,
    fixed,
    flexible,
    money,
    on,
    subscribe,
)

USDT = [(None, 0, "0.12"), (None, 500, "0.008"), (None, 5000, "0.003")]
HTMX = {"HX-Request": "true"}


def page(client: Client, asked: str = "", **headers: str) -> str:
    answer = client.get(f"/explore/{asked}", headers=headers)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def listed(client: Client, asked: str = "") -> list[str]:
    """Codes of the products that are shown, in order."""
    answer = client.get(f"/explore/{asked}")
    assert answer.status_code == 200
    return [offer.product.code for offer in answer.context["offers"]]


def later() -> datetime:
    return datetime.now(UTC) + timedelta(days=30)


# What the headline says


def tiers(*rows: tuple[int | None, Any, str]) -> list[RateTier]:
    return [
        RateTier(term_days=term, from_amount=Decimal(lower), annual_rate=Decimal(rate))
        for term, lower, rate in rows
    ]


@pytest.mark.parametrize(
    ("mode", "rows", "says"),
    [
        ("SLICE", USDT, "12 % on the first 500 USDT"),
        ("SLICE", [(None, 0, "0.03")], "3 %"),
        (
            "SLICE",
            [(None, 0, "0"), (None, 1000, "0.0125")],
            "1.25 % on what is above 1,000 USDT",
        ),
        (
            "SLICE",
            [(None, 0, "0.01"), (None, "0.5", "0.02"), (None, 1500, "0.01")],
            "2 % from 0.5 USDT to 1,500 USDT",
        ),
        ("WHOLE", [(None, 0, "0.05"), (None, 500, "0.01")], "5 % below 500 USDT"),
        ("WHOLE", [(None, 0, "0.01"), (None, 500, "0.05")], "5 % from 500 USDT"),
        ("SLICE", [(30, 0, "0.05"), (90, 0, "0.08")], "8 % for 90 days"),
        ("SLICE", [(1, 0, "0.05")], "5 % for 1 day"),
        (
            "SLICE",
            [(90, 0, "0.08"), (90, 500, "0.01"), (30, 0, "0.05"), (30, 900, "0.05")],
            "8 % on the first 500 USDT for 90 days",
        ),
        ("SLICE", [(None, 0, "0.0000000001")], "0.00000001 %"),
    ],
)
def test_the_headline_is_the_best_rate_and_what_it_is_for(
    mode: str, rows: list[Any], says: str
) -> None:
    assert headline(tiers(*rows), TierMode(mode), "USDT") == says


def test_the_headline_is_written_as_the_language_writes_figures() -> None:
    rows = tiers((None, 0, "0.125"), (None, 1500, "0.01"))
    with translation.override("de"):
        assert headline(rows, TierMode.SLICE, "USDT") == "12,5 % on the first 1.500 USDT"


def test_a_limit_stays_whole_in_a_page_from_right_to_left() -> None:
    with translation.override("ar"):
        assert short(Decimal("1500.50"), "USDT") == "\u20661,500.5 USDT\u2069"


def test_the_rate_is_marked_and_everything_else_is_text() -> None:
    rows = tiers((None, 0, "0.12"), (None, 500, "0.01"))
    told = headline_marked(rows, TierMode.SLICE, "<b>&")
    assert told == "<b>12 %</b> on the first 500 &lt;b&gt;&amp;"
    assert badge("USDT") == badge("USDT")
    assert badge("SUPERLONG").letters == "SUPE"


@pytest.mark.parametrize(
    ("left", "share"), [("1000", 100), ("599.99", 59), ("0.01", 1), ("0", 0), (None, None)]
)
def test_the_share_that_is_left_is_whole_and_nothing_only_for_nothing(
    left: str | None, share: int | None
) -> None:
    product = Product(quota=Decimal(1000))
    assert share_left(product, None if left is None else Decimal(left)) == share


# What is in the list


@pytest.mark.django_db
def test_an_empty_catalogue_says_so(client: Client) -> None:
    text = page(client)
    assert "No product is found." in text
    assert "0 products" in text


@pytest.mark.django_db
def test_products_are_shown_with_name_rate_and_terms(client: Client) -> None:
    flexible(
        "USDT-FLEX",
        USDT,
        asset=money("USDT", scale=6),
        names={"en": "USDT Flexible"},
        minimum="1",
    )
    fixed("USD-FIXED", [(30, 0, "0.05"), (7, 0, "0.02")])
    text = page(client)
    assert '<a href="/explore/USDT-FLEX/">USDT Flexible</a>' in text
    assert '<p class="rate"><b>12 %</b> on the first 500 USDT</p>' in text
    assert '<p class="terms">USDT · USDT</p>' in text
    assert '<ul class="chips"> <li>Flexible</li> </ul>' in text
    assert '<p class="terms"> From 1 USDT </p>' in text
    assert '<p class="rate"><b>5 %</b> for 30 days</p>' in text
    assert '<ul class="chips"> <li>7 days</li> <li>30 days</li> </ul>' in text
    assert '<p class="terms"> Any amount </p>' in text
    assert "2 products" in text


@pytest.mark.django_db
def test_products_that_nobody_can_buy_are_not_shown(client: Client) -> None:
    chart(draft("DRAFT"), ANNOUNCED.date(), (None, 0, "0.10"))
    closed = flexible("CLOSED")
    for product in (flexible("PAUSED"), closed):
        catalogue.set_state(product, Product.State.PAUSED)
    catalogue.set_state(closed, Product.State.CLOSED)
    flexible("OVER", sale_until=on(0))
    without_rate = draft("NO-RATE-YET")
    chart(without_rate, date(2999, 1, 1), (None, 0, "0.10"))
    catalogue.set_state(without_rate, Product.State.OPEN)
    flexible("NOW", sale_from=on(0))
    assert listed(client) == ["NOW"]


@pytest.mark.django_db
def test_what_opens_soon_says_when(client: Client) -> None:
    flexible("SOON", sale_from=datetime(2999, 1, 5, 9, tzinfo=UTC))
    text = page(client)
    assert "Opening soon" in text
    assert "Opens on 5 January 2999, 09:00 UTC" in text


@pytest.mark.django_db
def test_what_opens_soon_has_the_rate_of_its_first_day(client: Client) -> None:
    opens = later()
    product = draft("SOON", sale_from=opens)
    first_day = opens.date() + timedelta(days=1)
    chart(product, first_day, (None, 0, "0.07"), at=on(0))
    chart(product, first_day + timedelta(days=1), (None, 0, "0.09"), at=on(0))
    catalogue.set_state(product, Product.State.OPEN)
    assert '<p class="rate"><b>7 %</b></p>' in page(client)


@pytest.mark.django_db
def test_a_chart_shows_from_the_day_before_it_takes_effect() -> None:
    product = flexible("FLEX")
    chart(product, day(9), (None, 0, "0.20"), at=on(0))
    chart(product, day(20), (None, 0, "0.30"), at=None)
    shown = [explore.found({}, at=on(n))[1][0].headline for n in (7, 8, 30)]
    assert shown == ["<b>10 %</b>", "<b>20 %</b>", "<b>20 %</b>"]


@pytest.mark.parametrize(
    ("left", "scale", "shown"),
    [
        ("599.5", 2, "599.50 X"),
        ("123456.78", 2, "123,456.78 X"),
        ("1234567.89", 2, "1,234,567.8 X"),
        ("12345678901.99", 2, "12,345,678,901 X"),
        ("0.999999999999999999", 18, "0.99999999 X"),
        ("0.000000123456789999", 18, "0.00000012345678 X"),
        ("0.000000000000000001", 18, "0.000000000000000001 X"),
        ("5", 18, "5 X"),
    ],
)
def test_what_is_left_is_told_at_a_glance_and_never_more_than_there_is(
    left: str, scale: int, shown: str
) -> None:
    assert roughly(Decimal(left), Asset(code="X", scale=scale)) == shown


def test_scarce_products_say_what_is_left_and_when_nothing_is(
    client: Client, alice: Customer
) -> None:
    product = flexible("SCARCE", quota="1000", shards=2, minimum="10")
    assert "1,000.00 USD left of 1,000 USD" in page(client)
    subscribe(alice, product, "400.50", on(0))
    text = page(client)
    assert "599.50 USD left of 1,000 USD" in text
    assert '<rect class="part" width="59" height="6" />' in text
    subscribe(alice, product, "594.50", on(0))
    text = page(client)
    assert "Sold out" in text
    assert "USD left" not in text


# Finding


@pytest.fixture
def catalogue_of_four(db: None) -> None:  # noqa: ARG001
    btc = Asset.objects.create(code="BTC", name="Bitcoin", scale=8, kind="CRYPTO")
    flexible("btc-flex", [(None, 0, "0.01")], asset=btc, names={"en": "Stacker"})
    fixed("btc-fixed", [(30, 0, "0.02"), (90, 0, "0.20")], asset=btc)
    flexible("usd-flex", [(None, 0, "0.05")], names={"en": "Piggy", "es": "Hucha"})
    fixed("usd-fixed", [(30, 0, "0.04")])


@pytest.mark.usefixtures("catalogue_of_four")
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("", ["btc-fixed", "btc-flex", "usd-fixed", "usd-flex"]),
        ("?q=btc", ["btc-fixed", "btc-flex"]),
        ("?q=%20bitCOIN%20", ["btc-fixed", "btc-flex"]),
        ("?q=stack", ["btc-flex"]),
        ("?q=pig", ["usd-flex"]),
        ("?q=usd-fi", ["usd-fixed"]),
        ("?q=en", []),
        ("?q=%25", []),
        ("?q=nothing", []),
        ("?kind=FIXED", ["btc-fixed", "usd-fixed"]),
        ("?kind=FLEXIBLE&asset=USD", ["usd-flex"]),
        ("?asset=BTC", ["btc-fixed", "btc-flex"]),
        ("?asset=bt", ["btc-fixed", "btc-flex"]),
        ("?asset=XYZ", []),
        ("?term=90", ["btc-fixed"]),
        ("?term=30", ["btc-fixed", "usd-fixed"]),
        ("?sort=rate", ["btc-fixed", "usd-flex", "usd-fixed", "btc-flex"]),
        ("?sort=rate&term=30", ["usd-fixed", "btc-fixed"]),
        (
            "?q=&kind=&term=&asset=&sort=",
            ["btc-fixed", "btc-flex", "usd-fixed", "usd-flex"],
        ),
    ],
)
def test_products_are_found_by_what_is_asked(
    client: Client, asked: str, found: list[str]
) -> None:
    assert listed(client, asked) == found


@pytest.mark.usefixtures("catalogue_of_four")
@pytest.mark.parametrize(
    "asked",
    [
        "?q=%00",
        "?kind=NONE",
        "?term=abc",
        "?term=-1",
        "?term=99999999999999999999",
        "?asset=%00",
        "?sort=%00",
        "?page=0",
        "?page=abc",
        "?page=99999999999999999999",
        f"?q={'x' * 61}",
    ],
)
def test_what_cannot_be_understood_is_left_out(client: Client, asked: str) -> None:
    assert len(listed(client, asked)) == 4


@pytest.mark.usefixtures("catalogue_of_four")
def test_a_name_is_found_and_shown_in_the_language_of_the_page(client: Client) -> None:
    spanish = Client(headers={"Accept-Language": "es"})
    assert listed(spanish, "?q=hucha") == ["usd-flex"]
    assert ">Hucha</a>" in page(spanish)
    assert listed(client, "?q=hucha") == []


@pytest.mark.usefixtures("catalogue_of_four")
def test_with_a_term_asked_for_the_headline_is_of_that_term(client: Client) -> None:
    assert '<p class="rate"><b>2 %</b> for 30 days</p>' in page(
        client, "?term=30&asset=BTC"
    )


@pytest.mark.usefixtures("catalogue_of_four")
def test_the_form_offers_what_there_is_and_keeps_what_was_asked(client: Client) -> None:
    text = page(client, "?q=b%22tc&term=30&asset=BTC&sort=rate")
    assert 'value="b&quot;tc"' in text
    assert '<input type="text" name="asset" value="BTC" list="assets"' in text
    for option in ("30", "rate"):
        assert f'<option value="{option}" selected>' in text
    assert '<option value="90">90 days</option>' in text
    assert '<option value="USD"></option>' in text


@pytest.mark.usefixtures("catalogue_of_four")
def test_every_field_has_its_label(client: Client) -> None:
    text = page(client)
    for name in ("q", "kind", "term", "asset", "sort"):
        assert f'<label for="id_{name}">' in text
        assert f'name="{name}"' in text
        assert f'id="id_{name}"' in text


# Without a reload


@pytest.mark.usefixtures("catalogue_of_four")
def test_htmx_gets_the_list_alone_and_the_count_beside_it(client: Client) -> None:
    text = page(client, "?q=btc", **HTMX)
    assert "<html" not in text
    assert "<form" not in text
    assert "btc-flex" in text
    assert '<p id="found" hx-swap-oob="innerHTML"> 2 products </p>' in text


@pytest.mark.usefixtures("catalogue_of_four")
def test_going_back_gets_the_whole_page(client: Client) -> None:
    text = page(client, "?q=btc", **HTMX, **{"HX-History-Restore-Request": "true"})
    assert "<html" in text


@pytest.mark.django_db
def test_a_browser_does_not_take_the_part_for_the_page(client: Client) -> None:
    assert "HX-Request" in client.get("/explore/")["Vary"]


# Many


@pytest.fixture
def sixty_products(db: None) -> None:  # noqa: ARG001
    for number in range(60):
        flexible(f"flex-{number:02}", USDT, quota="9000", shards=2)


@pytest.mark.usefixtures("sixty_products")
@pytest.mark.parametrize("asked", ["", "?page=2", "?sort=rate&q=flex&kind=FLEXIBLE"])
def test_a_page_asks_three_things_however_many_products_there_are(
    client: Client, asked: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(3):
        page(client, asked)
    client.force_login(User.objects.create_superuser("root@example.com", "a long password"))
    with django_assert_num_queries(5):  # and for who is signed in
        page(client, asked)


@pytest.mark.usefixtures("sixty_products")
def test_the_pages_hold_all_products_once(client: Client) -> None:
    pages = [listed(client, f"?page={number}") for number in (1, 2, 3)]
    assert [len(codes) for codes in pages] == [24, 24, 12]
    assert sum(pages, []) == [f"flex-{number:02}" for number in range(60)]
    assert client.get("/explore/?page=4").status_code == 404


@pytest.mark.usefixtures("sixty_products")
def test_links_to_other_pages_keep_the_search(client: Client) -> None:
    text = page(client, "?q=flex&sort=rate&page=2")
    for number, says in ((1, "Previous"), (3, "Next"), (3, "3")):
        link = f'href="/explore/?q=flex&amp;sort=rate&amp;page={number}"'
        assert f"{link}>{says}</a>" in text
    assert 'page=2" aria-current="page">2</a>' in text
    assert "60 products" in text


@pytest.fixture
def whole_market(db: None) -> None:  # noqa: ARG001
    """1,300 assets with three products each, two charts and twelve tiers a product."""
    with connection.cursor() as cursor:
        cursor.execute(WHOLE_MARKET)


WHOLE_MARKET = """
    set local session_replication_role = replica;  -- 30,000 rows that keep the rules
    with asset as (
        insert into ledger_asset (code, name, scale, kind)
        select 'A' || n, 'Asset ' || n, 6, 'CRYPTO' from generate_series(1, 1300) n
        returning id, code
    ), product as (
        insert into earn_product (
            code, asset_id, kind, names, state, minimum, quota, day_count, tier_mode,
            compounding, payout, final_rounding, early_rule, minimum_holding_days,
            settlement_delay_days, renewal_cutoff_hours, notice_days, countries_allowed,
            countries_denied, minimum_kyc_level, risk_text, risk_translations, risk_version)
        select lower(code) || '-' || n, id, case n when 1 then 'FLEXIBLE' else 'FIXED' end,
            jsonb_build_object('en', code || ' product ' || n), 'OPEN', 1, 9000,
            'ACT/365F', 'SLICE', 'NONE',
            case n when 1 then 'ON_REDEMPTION' else 'AT_MATURITY' end, 'FLOOR', 'FORBIDDEN',
            0, 0, 0, 0, '{}', '{}', 0, '', '{}', 1
        from asset, generate_series(1, 3) n
        returning id, kind
    ), shard as (
        insert into earn_quotashard (product_id, number, capacity, used)
        select id, n, 4500, 0 from product, generate_series(0, 1) n
    ), chart as (
        insert into earn_ratechart (product_id, version, announced_at, effective_on)
        select id, n, '2019-01-01', date '2020-01-01' + n
        from product, generate_series(1, 2) n
        returning id, product_id
    )
    insert into earn_ratetier (chart_id, term_days, from_amount, annual_rate)
    select chart.id, case kind when 'FIXED' then 30 * (1 + n % 3) end, n * 100,
        0.01 + (chart.id * 7 + n) % 100 / 1000.0
    from chart join product on product.id = product_id, generate_series(0, 5) n;
    set local session_replication_role = origin;
    analyze earn_product, earn_ratechart, earn_ratetier, earn_quotashard, ledger_asset;
"""


@pytest.mark.usefixtures("whole_market")
def test_the_whole_market_is_found_in_three_queries_and_a_light_page(
    client: Client, django_assert_num_queries: Any
) -> None:
    assert Product.objects.count() == 3900
    for asked in ("", "?sort=rate", "?q=asset 12", "?kind=FIXED&term=60", "?page=160"):
        with django_assert_num_queries(3) as asking:
            answer = client.get(f"/explore/{asked}")
        assert answer.status_code == 200
        assert len(gzip.compress(answer.content)) < 30_000
        products, tiers_of_them, _ = (query["sql"] for query in asking.captured_queries)
        with connection.cursor() as cursor:
            cursor.execute(products)
            assert 0 < cursor.rowcount <= explore.PAGE
            cursor.execute(tiers_of_them)  # of the charts that are shown, not of all
            assert 0 < cursor.rowcount <= 6 * explore.PAGE


# Around it


@pytest.mark.django_db
def test_the_application_s_rights_suffice(client: Client, as_app_role: Any) -> None:
    flexible("FLEX", quota="5000")
    with as_app_role():
        assert "FLEX" in page(client)


@pytest.mark.django_db
def test_nothing_is_inline_and_nothing_comes_from_elsewhere(client: Client) -> None:
    flexible()
    text = client.get("/explore/").content.decode()
    assert not [part for part in ("<style", "style=", "<script>", "://") if part in text]


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_the_page_is_read_only(client: Client, method: str) -> None:
    assert getattr(client, method)("/explore/").status_code == 405
