"""Products on the desk: the list, a product, drafts and the table of rates."""

import re
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse

from earn import catalogue, proposals
from earn.models import (
    AuditEvent,
    Customer,
    Notification,
    Product,
    Proposal,
    RateChart,
    User,
)
from ledger.models import Asset
from tests.admin.staff import member
from tests.earn import people
from tests.earn.people import chart, close_to, day, draft, fixed, flexible, on, subscribe
from tests.portal.pages import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def maria() -> Client:
    return signed_in(member("maria", "operator"))


@pytest.fixture
def vera() -> Client:
    return signed_in(member("vera", "viewer"))


@pytest.fixture
def alice() -> Customer:
    people.money()
    return people.customer("Alice")


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def at(name: str, product: Product) -> str:
    return reverse(f"admin:{name}", args=[product.pk])


# The list


def test_the_list_says_what_is_offered_and_taken_up(vera: Client, alice: Customer) -> None:
    easy = flexible("easy", quota="900", names={"en": "Easy money"})
    subscribe(alice, easy, 300, on(0))
    draft("later")
    answer = vera.get(reverse("admin:products"))
    (row, other) = answer.context["rows"]
    assert (row.product.code, row.name, row.rate) == ("easy", "Easy money", "10 %")
    assert (row.uptake.principal, row.uptake.holders) == (300, 1)
    assert row.share == Decimal("0.333")
    assert (other.rate, other.share) == ("", None)
    assert "300.00 USD" in text(answer)
    assert "33.3 %" in text(answer)


def test_the_list_goes_on_by_the_last_code(vera: Client) -> None:
    for number in range(27):
        draft(f"p-{number:02}")
    first = vera.get(reverse("admin:products"))
    assert len(first.context["rows"]) == 25
    second = vera.get(f"{reverse('admin:products')}?{first.context['further']}")
    assert [row.product.code for row in second.context["rows"]] == ["p-25", "p-26"]
    assert second.context["further"] == ""


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("q=EAS", ["easy"]),
        ("q=定期", ["term"]),
        ("q=usd", ["easy", "term"]),
        ("state=DRAFT", ["term"]),
        ("kind=FLEXIBLE", ["easy"]),
        ("q=easy&state=DRAFT", []),
        ("q=%00easy", ["easy"]),
        ("after=%00", ["easy", "term"]),
    ],
)
def test_the_list_is_searched(vera: Client, query: str, codes: list[str]) -> None:
    flexible("easy")
    draft("term", kind="FIXED", names={"zh-hans": "定期"})
    answer = vera.get(f"{reverse('admin:products')}?{query}")
    assert [row.product.code for row in answer.context["rows"]] == codes


def test_the_list_asks_as_much_for_many_as_for_few(
    vera: Client, alice: Customer, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        subscribe(alice, flexible(f"p-{number}", quota="900"), 10, on(0))
    with django_assert_max_num_queries(12):
        vera.get(reverse("admin:products"))


# A product


def test_a_product_shows_its_terms_and_its_time_line(vera: Client, alice: Customer) -> None:
    easy = flexible("easy", notice_days=7, risk_text="It may be lost.")
    chart(easy, day(-10), (None, 0, "0.11"))
    chart(easy, day(-10), (None, 0, "0.12"))
    chart(easy, people.MONDAY.replace(year=2999), (None, 0, "0.01"), (None, 500, "0"))
    subscribe(alice, easy, 300, on(0))
    answer = vera.get(at("product", easy))
    standings = [(x.chart.version, x.standing) for x in answer.context["versions"]]
    assert standings == [(4, "AHEAD"), (3, "NOW"), (2, "REPLACED"), (1, "PAST")]
    shown = text(answer)
    for words in ("from 0 USD: 12 %", "It may be lost.", "7 days before they take effect"):
        assert words in shown
    assert '<path class="drawn"' in answer.content.decode()
    assert "Propose to" not in shown  # a viewer looks


@pytest.mark.parametrize(
    ("state", "actions"),
    [
        ("DRAFT", {"Edit the draft", "Propose to open"}),
        ("OPEN", {"Propose to pause", "Change names, limits, risks"}),
        (
            "PAUSED",
            {
                "Propose to open again",
                "Propose to close",
                "Propose to wind up",
                "Change names, limits, risks",
            },
        ),
        ("CLOSED", {"Propose to wind up", "Change names, limits, risks"}),
    ],
)
def test_what_may_be_done_follows_from_the_state(
    maria: Client, state: str, actions: set[str]
) -> None:
    easy = draft("easy")
    chart(easy, day(0), (None, 0, "0.1"))
    for step in ("OPEN", "PAUSED", "CLOSED"):
        if easy.state != state:
            catalogue.set_state(easy, step)
    shown = text(maria.get(at("product", easy)))
    every = {
        "Edit the draft",
        "Propose to open",
        "Propose to open again",
        "Propose to pause",
        "Propose to close",
        "Propose to wind up",
        "Change names, limits, risks",
    }
    there = {x for x in every if x in shown} - (
        {"Propose to open"} if "open again" in shown else set()
    )
    assert there == actions


def test_closing_says_what_becomes_of_the_money(maria: Client, alice: Customer) -> None:
    easy, term = flexible("easy", [(None, 0, "0.365")]), fixed("term")
    subscribe(alice, easy, 1000, on(0))
    subscribe(alice, term, 500, on(0), term_days=30)
    close_to(2)
    for product in (easy, term):
        catalogue.set_state(product, "PAUSED")
    shown = text(maria.get(at("product", easy)))
    assert "1 position with 1,000.00 USD earns on at the announced rates" in shown
    assert "of which 2.00 USD is owed by now" in shown
    shown = text(maria.get(at("product", term)))
    assert "1 term with 500.00 USD runs out as it was promised" in shown
    assert "it matures by 5 February 2026" in shown


def test_the_tables_lead_to_the_pages(vera: Client) -> None:
    easy = flexible("easy")
    for page in (
        "/admin/earn/product/",
        f"/admin/earn/product/{easy.pk}/change/",
        "/admin/earn/ratechart/",
        f"/admin/earn/ratechart/{easy.charts.get().pk}/change/",
    ):
        assert f'href="{at("product", easy)}"' in vera.get(page).content.decode(), page


@pytest.mark.parametrize("number", [2**63 - 1, 2**63, 10**30])
def test_no_number_breaks_a_page(maria: Client, number: int) -> None:
    for name in ("product", "draft-copy", "draft-edit", "rates"):
        assert maria.get(reverse(f"admin:{name}", args=[number])).status_code == 404


# Drafts


def filled(**changes: Any) -> dict[str, Any]:
    known = {
        "code": "easy",
        "asset": "USD",
        "kind": "FLEXIBLE",
        "payout": "DAILY",
        "compounding": "NONE",
        "tier_mode": "SLICE",
        "day_count": "ACT/365F",
        "final_rounding": "FLOOR",
        "early_rule": "FORBIDDEN",
        "minimum_holding_days": "0",
        "settlement_delay_days": "0",
        "renewal_cutoff_hours": "0",
        "notice_days": "7",
        "minimum": "1.50",
        "quota": "9000",
        "sale_until": "2026-03-01T12:00",
        "countries_denied": "us",
        "name_en": "Easy",
        "name_zh-hans": "活期",
        "risk_en": "It may be lost.",
        "risk_es": "Puede perderse.",
    }
    return known | changes


@pytest.mark.usefixtures("alice")
def test_a_draft_is_made_with_all_its_terms(maria: Client) -> None:
    answer = maria.post(reverse("admin:draft-new"), filled())
    made = Product.objects.get()
    assert answer["Location"] == at("rates", made)
    assert (made.state, made.payout, made.notice_days) == ("DRAFT", "DAILY", 7)
    assert (made.minimum, made.quota, made.customer_cap) == (Decimal("1.5"), 9000, None)
    assert made.sale_until is not None
    assert made.sale_until.isoformat() == "2026-03-01T12:00:00+00:00"
    assert made.countries_denied == ["US"]
    assert made.names == {"en": "Easy", "zh-hans": "活期"}
    assert made.risk_translations == {"es": "Puede perderse."}
    assert AuditEvent.objects.get().act == "CREATE_DRAFT"


def test_a_new_draft_begins_with_the_usual_terms(maria: Client) -> None:
    form = fields(maria.get(reverse("admin:draft-new")))
    assert (form["compounding"], form["day_count"]) == ("NONE", "ACT/365F")
    assert (form["notice_days"], form["early_rule"], form["asset"]) == (0, "FORBIDDEN", "")


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"payout": "AT_MATURITY"}, "payout"),
        ({"early_rule": "REDUCED_RATE"}, "early_rule"),
        ({"early_rule": "FORFEIT_ALL", "early_days": "3"}, "early_rule"),
        ({"sale_from": "2026-03-02T00:00"}, "sale_until"),
        ({"quota": "-1"}, "quota"),
        ({"quota": "0"}, "quota"),
        ({"step_of_orders": "0.001"}, "step_of_orders"),
        ({"minimum": "NaN"}, "minimum"),
        ({"notice_days": "-1"}, "notice_days"),
        ({"notice_days": "40000"}, "notice_days"),
        ({"early_rate": "1e5"}, "early_rate"),
        ({"early_rate": "2000"}, "early_rate"),
        ({"early_rate": "1e-3"}, "early_rate"),
        ({"code": "taken"}, "code"),
        ({"code": "not a code"}, "code"),
        ({"asset": "XXX"}, "asset"),
        ({"countries_allowed": "Germany"}, "countries_allowed"),
        ({"minimum_kyc_level": "x"}, "minimum_kyc_level"),
    ],
)
def test_what_no_product_may_be_is_said_at_its_field(
    maria: Client, change: dict[str, str], field: str
) -> None:
    draft("taken")
    answer = maria.post(reverse("admin:draft-new"), filled(**change))
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert (Product.objects.count(), AuditEvent.objects.count()) == (1, 0)


def fields(answer: Any) -> dict[str, Any]:
    form = answer.context["form"]
    return {x.name: "" if x.value() is None else x.value() for x in form}


def test_a_copy_has_the_terms_and_asks_for_the_same_rates(maria: Client) -> None:
    term = fixed(
        "term", early_rule="REDUCED_RATE", early_rate="0.005", names={"en": "Term"}
    )
    form = fields(maria.get(at("draft-copy", term)))
    assert (form["early_rate"], form["name_en"], form["code"]) == ("0.5", "Term", "")
    answer = maria.post(at("draft-copy", term), form | {"code": "copy"})
    made = Product.objects.get(code="copy")
    assert (made.early_rate, made.payout) == (Decimal("0.005"), "AT_MATURITY")
    assert answer["Location"] == f"{at('rates', made)}?like={term.pk}"
    lines = maria.get(answer["Location"]).context["lines"]
    assert [tuple(line) for line in lines[:3]] == [
        ("10", "0", "10"),
        ("30", "0", "12"),
        ("", "", ""),
    ]


def test_a_draft_that_is_not_changed_stays_as_it_is(maria: Client) -> None:
    easy = draft("easy", minimum="2", risk_text="Lost.", sale_from=on(0), quota="5.05")
    form = fields(maria.get(at("draft-edit", easy)))
    assert maria.post(at("draft-edit", easy), form)["Location"] == at("product", easy)
    before = Product.objects.filter(pk=easy.pk).values().get()
    assert before["risk_version"] == 1
    event = AuditEvent.objects.get()
    assert (event.before, event.after) == ({}, {})


def test_what_has_opened_is_not_edited(maria: Client) -> None:
    easy = flexible("easy")
    for answer in (maria.get(at("draft-edit", easy)), maria.post(at("draft-edit", easy))):
        assert answer["Location"] == at("product", easy)
    assert not AuditEvent.objects.exists()


# Terms by a proposal


def test_terms_are_proposed_from_the_form_as_they_stand(maria: Client) -> None:
    easy = flexible("easy", minimum="2", names={"en": "Easy"}, risk_text="Lost.")
    address = f"{reverse('admin:propose', args=['terms'])}?product=easy"
    form = fields(maria.get(address))
    assert (form["minimum"], form["name_en"], form["risk_en"]) == ("2", "Easy", "Lost.")
    answer = maria.post(address, form | {"minimum": "3", "step": "look"})
    assert [x["what"] for x in answer.context["trial"].effect["changes"]] == ["minimum"]
    assert maria.post(address, form | {"step": "look"}).status_code == 422
    sent = form | {"name_en": "", "risk_ja": "注意", "step": "send", "reason": "Words"}
    assert maria.post(address, sent).status_code == 302
    proposal = Proposal.objects.get()
    assert [x["what"] for x in proposal.effect["changes"]] == [
        "names.en",
        "risk_version",
        "risk_translations.ja",
    ]
    easy.refresh_from_db()
    assert easy.names == {"en": "Easy"}


# Rates


def table(*rows: tuple[str, ...], effective_on: Any = "2999-01-01") -> dict[str, Any]:
    names = ("term", "from", "rate") if rows and len(rows[0]) == 3 else ("from", "rate")
    columns = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else {}
    return {"effective_on": str(effective_on), "step": "look", **columns}


@pytest.mark.parametrize(
    ("rows", "faults"),
    [
        ([("0", "10")], []),
        ([("0", "10"), ("", ""), ("500", "5")], []),
        ([("0", "10"), ("", ""), ("0", "5")], [(3, "this term and amount stand above")]),
        ([("5", "10")], [(None, "The first row is from 0")]),
        ([("0", "x"), ("1.001", "5")], [(1, "rate:"), (2, "from:")]),
        ([("0", "")], [(1, "rate:")]),
        ([("0", "1e3")], [(1, "rate:")]),
        ([("0", "NaN")], [(1, "rate:")]),
        ([("0", "1e-3")], [(1, "rate:")]),
        ([("0", "0_1")], [(1, "rate:")]),
        ([("0", "9" * 60)], [(1, "rate:")]),
        ([("0", "1\x00")], [(1, "rate:")]),
        ([("9" * 60, "5")], [(1, "from:")]),
        ([], [(None, "A rate chart has a row or more")]),
    ],
)
def test_the_table_is_checked_as_one_types(
    maria: Client, rows: Any, faults: list[tuple[int | None, str]]
) -> None:
    easy = flexible("easy")
    answer = maria.post(at("rates-check", easy), table(*rows))
    assert answer.status_code == 200
    said = answer.context["faults"]
    assert [
        (x.row, x.sentence.startswith(words))
        for x, (_, words) in zip(said, faults, strict=True)
    ] == [(row, True) for row, _ in faults]
    assert (b"These rates are sound" in answer.content) == (not faults)


def test_a_cut_names_its_notice_and_a_wrong_day_its_place(maria: Client) -> None:
    easy = flexible("easy", notice_days=7)
    cut = [("0", "1")]
    answer = maria.post(at("rates-check", easy), table(*cut))
    assert answer.context["is_cut"] is True
    today = answer.context["today"]
    answer = maria.post(at("rates-check", easy), table(*cut, effective_on=today))
    assert f"A lower rate takes effect on {answer.context['notice_ends']}" in text(answer)
    for wrong in ("", "soon", "2026-02-30"):
        answer = maria.post(at("rates-check", easy), table(*cut, effective_on=wrong))
        assert "Say from which day on." in text(answer)


def test_a_cost_that_is_too_large_for_a_page_is_a_command(
    maria: Client, alice: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that the page names says the same as the page of a smaller product."""
    easy = flexible("easy")
    subscribe(alice, easy, 1200, on(0))
    monkeypatch.setattr("earn.admin.rates.MOST_COSTED", 0)
    shown = text(maria.post(at("rates", easy), table(("0", "1"), ("1000", "5"))))
    assert "More than 0 positions are open" in shown
    assert "a month less" not in shown
    assert (
        "On to the proposal"
        in maria.post(at("rates", easy), table(("0", "1"))).content.decode()
    )
    found = re.search(r"manage.py (rates_cost easy \S+ 0=1 1000=5)", shown)
    assert found
    out = StringIO()
    call_command(*found[1].split(), stdout=out)
    assert out.getvalue().splitlines() == [
        "positions: 1",
        "balances: 1200 USD",
        "interest of a year before: 120 USD",
        "interest of a year after: 20 USD",
        "more in a month: -8.33 USD",
        "holders who earn less, and are told: 1",
    ]
    for wrong in ("easy 2999-01-01 0", "easy 2999-01-01 5=1", "hard 2999-01-01 0=1"):
        with pytest.raises(CommandError):
            call_command("rates_cost", *wrong.split())


def test_the_cost_leads_to_the_same_proposal(maria: Client, alice: Customer) -> None:
    easy = flexible("easy")
    subscribe(alice, easy, 1200, on(0))
    before = RateChart.objects.count()
    answer = maria.post(at("rates", easy), table(("1000", "5"), ("0", "1")))
    shown = text(answer)
    assert "This chart on today’s balances: 8.33 USD a month less." in shown
    assert "They are put in the order of terms and amounts." in shown
    assert answer.context["cost"].told == 1
    assert (RateChart.objects.count(), Notification.objects.count()) == (before, 0)
    hidden = r'type="hidden" name="(\w+)" value="([^"]*)"'
    sent = dict(re.findall(hidden, answer.content.decode()))
    known = {name: sent[name] for name in ("product", "effective_on", "rows")}
    known |= {"step": "send", "reason": "Cheaper"}
    assert maria.post(reverse("admin:propose", args=["rates"]), known).status_code == 302
    proposal = Proposal.objects.get()
    assert proposal.request == {
        "product": "easy",
        "effective_on": "2999-01-01",
        "rows": [
            {"term_days": "", "from": "1000", "rate": "0.05"},
            {"term_days": "", "from": "0", "rate": "0.01"},
        ],
    }
    carl: User = member("carl", "checker")
    proposals.approve(proposal.pk, by=proposals.Actor(carl, proposal.made_at))
    assert easy.charts.count() == 2


def test_fixed_rates_concern_new_terms_alone(maria: Client, alice: Customer) -> None:
    term = fixed("term")
    subscribe(alice, term, 1200, on(0), term_days=10)
    answer = maria.post(at("rates", term), table(("10", "0", "1"), ("30", "0", "2")))
    assert "It concerns new terms alone" in text(answer)
    answer = maria.post(at("rates", term), table(("10", "0", "1"), ("", "500", "2")))
    assert answer.status_code == 422
    assert "Row 2 : rows of a fixed product have a term" in text(answer)


@pytest.mark.parametrize("term", ["0", "36501", "000030999999", "1.5", "٣"])
def test_a_term_is_a_number_of_days(maria: Client, term: str) -> None:
    answer = maria.post(at("rates-check", fixed("term")), table((term, "0", "1")))
    assert "term_days: a whole number of days from 1 to 36500." in text(answer)


def test_a_rate_of_a_thousand_digits_is_refused_in_words(maria: Client) -> None:
    flexible("easy")
    sent = {"product": "easy", "effective_on": "2999-01-01", "rows": f"0 {'9' * 1000}"}
    answer = maria.post(reverse("admin:propose", args=["rates"]), sent | {"step": "look"})
    assert answer.status_code == 422
    assert "a fraction such as 0.045" in text(answer)


def test_more_rows_keep_what_is_written(maria: Client) -> None:
    easy = flexible("easy")
    sent = table(*[("0", "1"), ("5", "x")]) | {"step": "more"}
    lines = maria.post(at("rates", easy), sent).context["lines"]
    assert [tuple(x) for x in lines] == [
        ("", "0", "1"),
        ("", "5", "x"),
        *[("", "", "")] * 3,
    ]


def test_the_table_works_with_the_application_s_rights(
    maria: Client, alice: Customer, as_app_role: Any
) -> None:
    easy = flexible("easy")
    subscribe(alice, easy, 1200, on(0))
    with as_app_role():
        assert maria.get(reverse("admin:products")).status_code == 200
        assert maria.get(at("product", easy)).status_code == 200
        assert maria.post(at("rates", easy), table(("0", "5"))).status_code == 200
        assert maria.post(reverse("admin:draft-new"), filled(code="d")).status_code == 302
    assert Asset.objects.count() == 1
