"""Statements of custodians: whole or not at all, and breaks that stay what they are."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from earn import breaks as differences
from earn import custody
from earn.audit import Actor
from earn.breaks import BreakRefused
from earn.custody import BadStatement
from earn.days import end_of
from earn.models import (
    AuditEvent,
    Break,
    CustodyLine,
    CustodyStatement,
    Customer,
    Reconciliation,
    User,
    Venue,
)
from ledger import posting
from ledger.posting import AccountName, Line, constraint_of
from tests.admin.staff import member
from tests.earn.people import day, fund, key, money, on

pytestmark = pytest.mark.django_db
HEADER = "as_of,asset,venue,balance,reference\n"
NOW = on(3)


@pytest.fixture
def olga() -> User:
    return member("olga", "operator")


@pytest.fixture
def books(alice: Customer) -> None:
    """100 dollars in custody on day 0, 30 of them at a venue from noon of day 1."""
    usd = money()
    for code in ("north", "south"):
        Venue.objects.create(code=code, name=code.title(), notice_days=1)
    fund(alice, 100, at=on(0))
    names = [
        AccountName(usd.pk, x, "ASSET")
        for x in ("treasury:deployed:north", "treasury:custody")
    ]
    posting.post(
        key=key(), kind="DEPLOY", lines=[Line(*names, Decimal(30))], happened_at=on(1, 12)
    )


def by(user: User, at: Any = NOW) -> Actor:
    return Actor(user, at, "192.0.2.7")


def take_in(rows: str, user: User, at: Any = NOW) -> CustodyStatement:
    return custody.take_in(
        (HEADER + rows).encode(), name="a.csv", by=by(user, at)
    ).statement


def broken_rule(act: Callable[[], Any]) -> str:
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        act()
    return constraint_of(caught.value)


@pytest.mark.usefixtures("books")
def test_what_the_books_do_not_agree_with_is_a_break(olga: User) -> None:
    statement = take_in(
        f"{day(0)},USD,,100.00,\n"
        f"{day(1)},USD,,70,\n"
        f"{day(1)}T11:00:00Z,USD,,100,before noon\n"
        f"{day(1)}T14:00:00+02:00,USD,,70,noon in UTC\n"
        f"{day(1)},USD,north,30.01,one cent\n"
        f"{day(1)},USD,south,5,unknown to us\n"
        f"{day(2)},USD,north,0,\n"
        f"{day(2)},USD,,70,\n",
        olga,
    )
    found = Break.objects.order_by("pk").values_list("line__number", "stated", "books")
    assert list(found) == [(6, Decimal("30.01"), 30), (7, 5, 0), (8, 0, 30)]
    assert [x.difference for x in Break.objects.order_by("pk")][0] == Decimal("0.01")
    assert (statement.lines, CustodyLine.objects.count()) == (8, 8)
    moments = CustodyLine.objects.order_by("number").values_list("as_of", flat=True)
    assert moments[0] == end_of(day(0))
    assert moments[3] == on(1, 12)


@pytest.mark.usefixtures("books")
def test_the_same_file_twice_is_once(olga: User) -> None:
    data = f"{HEADER}{day(0)},USD,,99,\n".encode()
    first = custody.take_in(data, name="a.csv", by=by(olga))
    again = custody.take_in(data, name="b.csv", by=by(olga, on(4)))
    assert (first.is_new, again.is_new) == (True, False)
    assert first.statement == again.statement
    assert first.statement.sha256 == hashlib.sha256(data).hexdigest()
    assert (Break.objects.count(), AuditEvent.objects.count()) == (1, 1)
    twin = CustodyStatement(sha256=first.statement.sha256, lines=1, at=NOW, by=olga)
    assert broken_rule(twin.save) == "one_statement_a_file"


WRONG = [
    ("2026-01-05,USD,,1.001,", 2, "3 decimals; this asset has 2"),
    ("2026-01-05,USD,,-1,", 2, "digits and a point"),
    ("2026-01-05,USD,,=1+1,", 2, "digits and a point"),
    ('2026-01-05,USD,,"1,000",', 2, "digits and a point"),
    ("2026-01-05,XXX,,1,", 2, "asset: there is no 'XXX'"),
    ("2026-01-05,USD,nowhere,1,", 2, "venue: there is no 'nowhere'"),
    ("2026-01-05,USD,,1,=cmd()", 2, "reference: this begins as a formula"),
    ("2026-01-05,USD,,1,@SUM(A1)", 2, "reference: this begins as a formula"),
    ('2026-01-05,XXX,,1,"two\nlines"', 2, "asset: there is no"),
    ("05.01.2026,USD,,1,", 2, "as_of: write"),
    ("2026-01-05T10:00:00,USD,,1,", 2, "as_of: write"),
    ("2026-13-05,USD,,1,", 2, "as_of: write"),
    ("0001-01-01,USD,,1,", 2, "long before"),
    ("2026-01-08,USD,,1,", 2, "not over yet"),
    ("9999-12-31T23:59:59-23:59,USD,,1,", 2, "not over yet"),
    ("2026-01-05,USD,,1", 2, "4 cells instead of 5"),
    ("2026-01-05,USD,,1,a,b", 2, "6 cells instead of 5"),
    (f"2026-01-05,USD,,1,{'x' * 201}", 2, "200 characters"),
    ('2026-01-05,USD,,1,"open', 2, "no CSV"),
    ("2026-01-05,USD,,1,\x00", 2, "NUL byte"),
    ("2026-01-05,USD,,1,\n\n2026-01-05,USD,,2,", 4, "Line 2 says the same"),
    ("", None, "no line below its header"),
]


@pytest.mark.parametrize(("rows", "line", "sentence"), WRONG)
def test_a_bad_line_is_told_with_its_number_and_nothing_is_taken_in(
    olga: User, rows: str, line: int | None, sentence: str
) -> None:
    money()
    with pytest.raises(BadStatement) as caught:
        take_in(rows, olga)
    (problem,) = caught.value.problems
    assert problem.line == line
    assert sentence in problem.sentence
    assert not CustodyStatement.objects.exists()


def test_all_that_is_wrong_is_told_at_once_and_a_good_line_does_not_save_it(
    olga: User,
) -> None:
    money()
    rows = "2026-01-05,USD,,1,\n2026-01-05,XXX,,1,\n2026-01-06,USD,,x,\n"
    with pytest.raises(BadStatement) as caught:
        take_in(rows, olga)
    assert [x.line for x in caught.value.problems] == [3, 4]
    assert not CustodyLine.objects.exists()


@pytest.mark.parametrize(
    ("data", "line", "sentence"),
    [
        (HEADER.encode() + b"2026-01-05,USD,,1,caf\xe9\n", 2, "not UTF-8"),
        ((HEADER + "2026-01-05,USD,,1,").encode("utf-16"), 1, "not UTF-8"),
        (b"", 1, "first line has to be: as_of,asset,venue,balance,reference"),
        (b"asset,as_of,venue,balance,reference\n", 1, "first line has to be"),
        (b"a" * 1_000_001, None, "1,000,000 bytes at most"),
    ],
)
def test_a_file_that_is_none_is_refused_with_a_sentence(
    olga: User, data: bytes, line: int | None, sentence: str
) -> None:
    with pytest.raises(BadStatement) as caught:
        custody.take_in(data, name="x", by=by(olga))
    (problem,) = caught.value.problems
    assert problem.line == line
    assert sentence in problem.sentence


def test_a_byte_order_mark_and_other_ends_of_lines_are_taken(olga: User) -> None:
    money()
    text = "\ufeff" + (HEADER + "2026-01-05, USD ,,0.00,vault\n").replace("\n", "\r\n")
    custody.take_in(text.encode(), name="x", by=by(olga))
    assert CustodyLine.objects.get().reference == "vault"
    assert not Break.objects.exists()


def test_too_many_lines_or_moments_are_too_much(
    olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    money()
    monkeypatch.setattr(custody, "MOST_LINES", 1)
    monkeypatch.setattr(custody, "MOST_MOMENTS", 1)
    with pytest.raises(BadStatement) as caught:
        take_in("2026-01-05,USD,,1,\n2026-01-06,USD,,1,\n", olga)
    assert [x.sentence for x in caught.value.problems] == [
        "A file has 1 lines at most.",
        "A file is of 1 moments at most.",
    ]


@pytest.fixture
def found(books: None, olga: User) -> Break:  # noqa: ARG001
    take_in(f"{day(0)},USD,,99,\n", olga)
    return Break.objects.get()


def test_a_break_is_owned_by_whoever_may_resolve_it(found: Break, olga: User) -> None:
    differences.assign(found.pk, owner=olga, by=by(olga))
    found.refresh_from_db()
    assert found.owner == olga
    vera = member("vera", "viewer")
    with pytest.raises(BreakRefused, match="may reconcile"):
        differences.assign(found.pk, owner=vera, by=by(olga))
    event = AuditEvent.objects.get(act="ASSIGN_BREAK")
    assert (event.subject, event.after) == (f"break:{found.pk}", {"owner": olga.email})


def test_a_break_is_resolved_once_with_a_note(found: Break, olga: User) -> None:
    for note in ("", " \n"):
        with pytest.raises(BreakRefused, match="with a note"):
            differences.resolve(found.pk, note=note, by=by(olga))
    differences.resolve(found.pk, note="Fee of the custodian", by=by(olga))
    with pytest.raises(BreakRefused, match="resolved already"):
        differences.resolve(found.pk, note="again", by=by(olga))
    with pytest.raises(BreakRefused, match="resolved already"):
        differences.assign(found.pk, owner=olga, by=by(olga))
    event = AuditEvent.objects.get(act="RESOLVE_BREAK")
    assert (event.reason, event.after) == ("Fee of the custodian", {"difference": "-1"})


@pytest.mark.parametrize("change", [{"resolved_at": None}, {"note": "another"}])
def test_what_is_resolved_stays_resolved(
    found: Break, olga: User, change: dict[str, Any]
) -> None:
    differences.resolve(found.pk, note="Fee", by=by(olga))
    rows = Break.objects.filter(pk=found.pk)
    assert broken_rule(lambda: rows.update(**change)) == "resolved_breaks_stay_resolved"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"stated": 5}, "breaks_are_immutable"),
        ({"books": 5}, "breaks_are_immutable"),
        ({"opened_at": on(1)}, "breaks_are_immutable"),
        ({"note": "a note alone"}, "resolved_breaks_have_a_note_and_a_name"),
        ({"resolved_at": on(4)}, "resolved_breaks_have_a_note_and_a_name"),
    ],
)
def test_the_database_holds_what_a_break_is(
    found: Break, olga: User, change: dict[str, Any], rule: str
) -> None:
    rows = Break.objects.filter(pk=found.pk)
    assert broken_rule(lambda: rows.update(**change)) == rule
    whole = {"resolved_at": on(4), "resolved_by": olga, "note": "x"}
    for wrong in ({"note": " "}, {"resolved_by": None}, {"resolved_at": on(2)}):
        known = whole | wrong
        assert (
            broken_rule(lambda known=known: rows.update(**known))
            == "resolved_breaks_have_a_note_and_a_name"
        )


def test_the_database_holds_what_a_statement_is(found: Break, olga: User) -> None:
    line = found.line
    assert line is not None
    known = {"statement": line.statement, "asset": line.asset, "as_of": line.as_of}
    wrong: list[tuple[Any, str]] = [
        (
            CustodyLine(**known, number=9, balance=-1, venue="x"),
            "custody_balances_are_not_negative",
        ),
        (
            CustodyLine(**known, number=9, balance=1),
            "one_custody_balance_a_moment_and_place",
        ),
        (CustodyLine(**known, number=2, balance=1, venue="x"), "one_custody_line_a_number"),
        (
            CustodyStatement(sha256="x", lines=1, at=NOW, by=olga),
            "statements_are_named_by_their_sha256",
        ),
        (
            CustodyStatement(sha256="0" * 64, lines=0, at=NOW, by=olga),
            "statements_have_a_line_or_more",
        ),
        (
            Reconciliation(at=NOW, by=olga, figures=[], checks=[], violations=-1),
            "violations_are_counted",
        ),
    ]
    for row, rule in wrong:
        assert broken_rule(row.save) == rule


def test_the_database_holds_where_a_break_comes_from(found: Break) -> None:
    known = {
        "asset": found.asset,
        "as_of": NOW,
        "opened_at": NOW,
        "subject": found.subject,
        "books": 1,
    }
    whole = known | {"statement": found.statement}
    control = known | {"kind": "CONTROL", "stated": 0}
    Break.objects.create(**control)
    wrong: list[tuple[Any, str]] = [
        (Break(**whole, stated=1), "breaks_are_differences"),
        (Break(**whole, stated=0), "one_open_break_a_difference"),
        (Break(**known, stated=7), "breaks_with_custodians_have_a_statement"),
        (
            Break(**control, statement=found.statement),
            "breaks_with_custodians_have_a_statement",
        ),
        (Break(**(control | {"stated": 5})), "one_open_break_a_subject"),
    ]
    for row, rule in wrong:
        assert broken_rule(row.save) == rule
    Break.objects.create(**whole, stated=7)  # another difference of the same place


@pytest.mark.usefixtures("found")
@pytest.mark.parametrize(
    "table", ["custodystatement", "custodyline", "break", "reconciliation"]
)
def test_history_is_only_added_to(table: str, olga: User) -> None:
    Reconciliation.objects.create(at=NOW, by=olga, figures=[], checks=[], violations=0)
    statements = [f"delete from earn_{table}", f"truncate earn_{table} cascade"]  # noqa: S608
    if table != "break":
        column = {"custodyline": "balance = 1", "custodystatement": "name = 'x'"}
        what = column.get(table, "violations = 1")
        statements.append(f"update earn_{table} set {what}")  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute("set constraints all immediate")
    for statement in statements:

        def act(text: str = statement) -> None:
            with connection.cursor() as cursor:
                cursor.execute(text)

        assert broken_rule(act).endswith("_is_append_only")


@pytest.mark.usefixtures("books")
def test_the_application_s_rights_suffice(olga: User, as_app_role: Any) -> None:
    with as_app_role():
        take_in(f"{day(0)},USD,,99,\n", olga)
        differences.resolve(Break.objects.get().pk, note="Fee", by=by(olga))
    assert Break.objects.get().resolved_at == NOW


def test_many_lines_of_one_moment_are_one_look_at_the_books(
    books: None,  # noqa: ARG001
    olga: User,
    django_assert_max_num_queries: Any,
) -> None:
    Venue.objects.bulk_create(
        Venue(code=f"v{number}", name="V", notice_days=1) for number in range(300)
    )
    rows = "".join(f"{day(2)},USD,v{number},1,\n" for number in range(300))
    with django_assert_max_num_queries(20):
        take_in(rows, olga, NOW + timedelta(hours=1))
    assert Break.objects.count() == 300 + 2  # what custody and the north hold is omitted


@pytest.mark.usefixtures("books")
def test_a_difference_that_is_seen_again_is_the_same_open_break(olga: User) -> None:
    take_in(f"{day(0)},USD,,99,\n", olga)
    take_in(f"\n{day(0)},USD,,99,\n", olga)
    take_in(f"{day(1)},USD,,69,\n{day(2)},USD,,69,\n{day(2)},USD,north,30,\n", olga)
    first = Break.objects.get(stated=99)
    again = CustodyLine.objects.filter(repeats=first).order_by("pk")
    assert [x.as_of for x in again] == [end_of(day(0)), end_of(day(1)), end_of(day(2))]
    differences.resolve(first.pk, note="Fee", by=by(olga))
    take_in(f"\n\n{day(0)},USD,,99,\n", olga, on(4))
    assert Break.objects.filter(stated=99).count() == 2


@pytest.mark.usefixtures("books")
def test_two_lines_of_one_statement_that_differ_alike_are_one_break(olga: User) -> None:
    take_in(f"{day(0)},USD,,99,\n{day(0)}T22:00:00Z,USD,,99,\n", olga)
    found = Break.objects.get()
    assert found.line is not None
    assert (found.line.number, found.repeats.get().number) == (2, 3)


@pytest.mark.usefixtures("books")
def test_what_nobody_states_of_a_day_is_a_break_until_somebody_does(olga: User) -> None:
    statement = take_in(f"{day(1)},USD,south,0,\n", olga)
    found = Break.objects.order_by("subject")
    assert [(x.subject, x.stated, x.books) for x in found] == [
        ("treasury:custody", 0, 70),
        ("treasury:deployed:north", 0, 30),
    ]
    assert {(x.statement, x.line, x.as_of) for x in found} == {
        (statement, None, end_of(day(1)))
    }
    take_in(f"{day(1)},USD,,70,\n", olga, on(4))
    gone, left = found.all()
    assert (gone.resolved_at, gone.resolved_by, left.resolved_at) == (on(4), None, None)
    assert "Stated since: custody statement" in gone.note
    take_in(f"{day(2)},USD,,70,\n", olga, on(4))
    assert Break.objects.filter(resolved_at=None).get() == left


def test_a_file_that_is_called_a_formula_is_refused(olga: User) -> None:
    money()
    with pytest.raises(BadStatement, match="name of the file begins as a formula"):
        custody.take_in((HEADER + "2026-01-05,USD,,0,\n").encode(), name="=x", by=by(olga))
