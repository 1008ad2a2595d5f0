"""The exported journal, judged by the tools that it is exported for."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from beancount import loader
from beancount.core import data
from beancount.core.account import is_valid
from beancount.core.amount import CURRENCY_RE
from django.core.management import CommandError, call_command
from django.db import connection
from hypothesis import example, given
from hypothesis import strategies as st

from ledger import exports
from ledger.balances import trial_balance
from ledger.exports import account_name, commodity, export
from ledger.models import Account, Entry
from ledger.posting import AccountName, reverse
from tests.ledger.books import (
    accrued,
    asset,
    at,
    at_once,
    custody,
    day,
    deposit,
    enter,
    equity,
    fees,
    interest,
    line,
    wallet,
)

pytestmark = pytest.mark.django_db
real_connections = pytest.mark.django_db(transaction=True)
with_hledger = pytest.mark.skipif(
    shutil.which("hledger") is None, reason="hledger is not installed"
)

Balances = dict[tuple[str, str], Decimal]  # by account code and asset code, debit positive

LAST_DAY = 4
PERIODS = [(None, None), (0, 4), (2, None), (2, 3), (None, 1), (4, 4), (9, None)]


@pytest.fixture
def journal() -> None:
    """Five days in assets of all scales and strange names, with all kinds of accounts."""
    btc, usd, yen = asset(), asset("USD", 2), asset("jpy", 0)
    inch, one, odd = asset("1INCH", 18), asset("T", 6), asset('we"ird; x\\y', 3)
    for number in range(LAST_DAY + 1):
        for of in (btc, usd, yen, one, odd):
            for customer in (1, 2):
                amount = str(100 * (number + 1))
                deposit(of, amount, customer=customer, happened_at=at(number, 23.99))
        enter(
            line(interest(btc), accrued(btc), "0.00000007"),
            line(wallet(btc, 2), fees(btc), "0.5"),
            line(custody(yen), equity(yen), "12"),
            line(wallet(odd, 1), wallet(odd, 2), "0.001"),
            happened_at=at(number, 0),
            note={"text": 'a "quote", a \\ and ünï; | = *', "lines": "1\n2"},
            key=f'=cmd|" /C calc"!A{number}\n; second line',
        )
    whale = "12345678901234567890.123456789012345678"
    deposit(inch, whale, happened_at=at(1))
    deposit(inch, "0.000000000000000001", happened_at=at(3))
    venue = AccountName(btc.pk, "treasury:deployed:Aave_v3 (ETH)", "ASSET")
    product = AccountName(usd.pk, "product:USD-FLEX:accrued", "LIABILITY")
    enter(line(venue, custody(btc), "1"), happened_at=at(2))
    undone = enter(line(interest(usd), product, "0.01"), happened_at=at(2))
    reverse(entry_id=undone.entry_id, key="undo", happened_at=at(3), reason="wrong")


def period(first: int | None, last: int | None) -> dict[str, date | None]:
    return {
        "first": None if first is None else day(first),
        "last": None if last is None else day(last),
    }


def written(form: str, first: int | None = None, last: int | None = None) -> str:
    return "".join(export(form=form, **period(first, last)))


def balances(last: int | None) -> Balances:
    """What the books say, by account: a sum of postings through the last day."""
    sums: Balances = defaultdict(Decimal)
    for entry in Entry.objects.prefetch_related(
        "postings__asset", "postings__debit", "postings__credit"
    ):
        if last is None or entry.day <= day(last):
            for x in entry.postings.all():
                sums[x.debit.code, x.asset.code] += x.amount
                sums[x.credit.code, x.asset.code] -= x.amount
    return {key: x for key, x in sums.items() if x}


def by_heading(found: Balances) -> Balances:
    headings = {x.code: x.heading for x in Account.objects.all()}
    sums: Balances = defaultdict(Decimal)
    for (code, of), amount in found.items():
        sums[headings[code], of] += amount
    return {key: x for key, x in sums.items() if x}


def trial(last: int | None) -> Balances:
    end = at((LAST_DAY if last is None else last) + 1, 0) - timedelta(microseconds=1)
    rows = {(x.heading, x.asset): x.debits - x.credits for x in trial_balance(at=end)}
    return {key: x for key, x in rows.items() if x}


# Beancount


def loaded(text: str) -> list[Any]:
    entries, errors, _ = loader.load_string(text)
    assert errors == []
    return list(entries)


def beancount_balances(entries: list[Any]) -> Balances:
    """Sums by account, under the true codes that the metadata keep."""
    accounts = {x.account: x.meta["code"] for x in entries if isinstance(x, data.Open)}
    assets = {x.currency: x.meta["code"] for x in entries if isinstance(x, data.Commodity)}
    sums: Balances = defaultdict(Decimal)
    for entry in entries:
        if isinstance(entry, data.Transaction):
            for x in entry.postings:
                sums[accounts[x.account], assets[x.units.currency]] += x.units.number
    return {key: x for key, x in sums.items() if x}


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize(("first", "last"), PERIODS)
def test_bean_check_accepts_the_journal(
    first: int | None, last: int | None, tmp_path: Path
) -> None:
    file = tmp_path / "journal.beancount"
    file.write_text(written("beancount", first, last))
    bean_check = Path(sys.executable).with_name("bean-check")
    done = subprocess.run(
        [bean_check, "--no-cache", file], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize(("first", "last"), PERIODS)
def test_balances_in_beancount_are_those_of_the_books(
    first: int | None, last: int | None
) -> None:
    found = beancount_balances(loaded(written("beancount", first, last)))
    assert found == balances(last)
    assert by_heading(found) == trial(last)
    assert found


@pytest.mark.usefixtures("journal")
def test_every_entry_is_one_transaction_that_names_it() -> None:
    entries = loaded(written("beancount"))
    found = [x for x in entries if isinstance(x, data.Transaction)]
    expected = Entry.objects.order_by("day", "id")
    assert [int(x.meta["entry"]) for x in found] == [x.pk for x in expected]
    assert [x.meta["key"] for x in found] == [x.key for x in expected]
    assert [x.date for x in found] == [x.day for x in expected]
    assert [x.narration for x in found] == [x.kind for x in expected]
    assert [x.meta["at"] for x in found] == [x.happened_at.isoformat() for x in expected]
    assert [x.meta.get("reverses") for x in found] == [x.reverses_id for x in expected]
    assert [json.loads(x.meta["note"]) for x in found] == [x.note for x in expected]


@pytest.mark.usefixtures("journal")
def test_an_amount_is_written_with_all_decimals_of_its_asset() -> None:
    text = written("beancount")
    for pattern in (
        r"100\.00000000 BTC",
        r"100\.00 USD",
        r"100 X_'J'P'Y",
        r"0\.000000000000000001 X_1INCH",
        r"0\.001 X_",
    ):
        assert re.search(rf"(?m)^  Assets:.*  {pattern}", text) or re.search(
            rf"(?m)^  Liabilities:.*  {pattern}", text
        )
    assert "E-" not in text


@pytest.mark.usefixtures("journal")
def test_no_number_has_more_digits_than_beancount_computes_with() -> None:
    numbers = re.findall(r"(?m)^  [A-Z]\S+  -?([0-9.]+) ", written("beancount"))
    assert numbers
    assert max(len(str(Decimal(x).normalize()).replace(".", "")) for x in numbers) <= 28


@pytest.mark.usefixtures("journal")
def test_with_a_first_day_the_earlier_ones_are_one_opening_transaction() -> None:
    entries = loaded(written("beancount", 2))
    opening, *later = [x for x in entries if isinstance(x, data.Transaction)]
    assert (opening.narration, opening.date) == ("OPENING", day(1))
    assert "entry" not in opening.meta
    assert beancount_balances([x for x in entries if x not in later]) == balances(1)
    assert [int(x.meta["entry"]) for x in later] == list(
        Entry.objects.filter(day__gte=day(2))
        .order_by("day", "id")
        .values_list("pk", flat=True)
    )


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize("form", ["beancount", "hledger", "csv"])
def test_without_earlier_days_there_are_no_opening_balances(form: str) -> None:
    assert "OPENING" not in written(form)
    assert "OPENING" not in written(form, -9)
    assert "OPENING" in written(form, 1)


@pytest.mark.parametrize("form", ["beancount", "hledger", "csv"])
def test_empty_books_are_an_empty_journal(form: str) -> None:
    for text in (written(form), written(form, 0, 0)):
        assert "2026" not in text
        if form == "beancount":
            assert loaded(text) == []


# hledger


def hledger(file: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["hledger", "-f", str(file), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LANG": "C.UTF-8"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@with_hledger
@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize(("first", "last"), PERIODS)
def test_hledger_accepts_the_journal_and_finds_the_balances_of_the_books(
    first: int | None, last: int | None, tmp_path: Path
) -> None:
    file = tmp_path / "journal"
    text = written("hledger", first, last)
    file.write_text(text)
    hledger(file, "check", "--strict", "ordereddates")
    accounts = dict(re.findall(r"(?m)^account (\S+)\n  ; code: (.*)$", text))
    assets = {
        symbol.strip('"'): code
        for symbol, code in re.findall(r"(?m)^commodity \S+ (.+)\n  ; code: (.*)$", text)
    }
    table = hledger(file, "bal", "-O", "csv", "--flat", "-N", "--layout=bare")
    found: Balances = {}
    for name, symbol, amount in list(csv.reader(io.StringIO(table)))[1:]:
        if Decimal(amount):
            found[accounts[name], assets[symbol]] = Decimal(amount)
    assert found == balances(last)
    assert by_heading(found) == trial(last)
    assert found


# CSV


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize(("first", "last"), PERIODS)
def test_balances_in_the_csv_are_those_of_the_books(
    first: int | None, last: int | None
) -> None:
    sums: Balances = defaultdict(Decimal)
    for row in rows(written("csv", first, last)):
        for side, sign in (("debit", 1), ("credit", -1)):
            if row[side]:
                sums[row[side], row["asset"]] += sign * Decimal(row["amount"])
    assert {key: x for key, x in sums.items() if x} == balances(last)


@pytest.mark.usefixtures("journal")
def test_the_csv_has_a_row_for_every_line() -> None:
    found = rows(written("csv"))
    lines = [
        (x.pk, y.line)
        for x in Entry.objects.order_by("day", "pk")
        for y in x.postings.order_by("line")
    ]
    assert [(int(x["entry"]), int(x["line"])) for x in found] == lines
    first, entry = found[0], Entry.objects.order_by("day", "pk")[0]
    assert (first["kind"], first["day"]) == (entry.kind, "2026-01-01")
    assert first["happened_at"] == entry.happened_at.isoformat()
    assert first["recorded_at"] == entry.recorded_at.isoformat()


@pytest.mark.usefixtures("journal")
def test_the_csv_is_as_rfc_4180_wants_it() -> None:
    text = written("csv")
    assert text.count("\r\n") >= len(rows(text)) + 1
    assert text.endswith("\r\n")
    assert '"' in text  # keys and notes with quotes and newlines are among the rows
    assert all(len(x) == 13 and None not in x.values() for x in rows(text))


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_of_the_csv_is_a_formula(first: str) -> None:
    of = asset(f"{first}1")
    account = AccountName(of.pk, f"{first}cmd", "LIABILITY")
    enter(line(custody(of), account, "1"), key=f"{first}cmd()")
    (row,) = rows(written("csv"))
    for cell in (row["key"], row["asset"], row["credit"]):
        assert cell.startswith(f"'{first}")
    assert row["amount"] == "1.00000000"


# Names


def unescaped(text: str, mark: str) -> str:
    return re.sub(
        f"{mark}([0-9A-F]{{6}})", lambda x: chr(int(x[1], 16)), text, flags=re.DOTALL
    )


def component_read_back(text: str) -> str:
    if text.startswith("X-"):
        return unescaped(text[2:], "-x")
    small = re.search("[a-z]", text[1:]) is not None
    return unescaped(text[:1].lower() + text[1:] if small else text, "-x")


def commodity_read_back(text: str) -> str:
    if not text.startswith("X_"):
        return text
    return re.sub(
        "'([A-Z])|_([0-9A-F]{6})",
        lambda x: x[1].lower() if x[1] else chr(int(x[2], 16)),
        text[2:],
    )


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
TRICKY = st.text("aAxXzZ19-_:.'é\n ", max_size=8)
AWKWARD_CODES = ["", "x-", "X-", "x-a1", "a1", "A1", "-x00005F", "a:b", ":", "xX-x", "x-_f"]


@given(code=ANY_TEXT | TRICKY)
@example("customer:3f2a0c5e-0b1d-4c39-9a5b-8a6f3e1d2c4b:wallet")
@example("treasury:deployed:Aave-v3")
@pytest.mark.parametrize("awkward", AWKWARD_CODES)
def test_an_account_has_a_valid_name_that_can_be_read_back(awkward: str, code: str) -> None:
    for text in (code, awkward + code, code + awkward):
        root, *components = account_name("LIABILITY", text).split(":")
        assert root == "Liabilities"
        assert is_valid(account_name("LIABILITY", text))
        assert re.fullmatch("[A-Za-z0-9:-]+", account_name("LIABILITY", text))
        assert ":".join(map(component_read_back, components)) == text
        assert "X-opening-balances" not in components


@given(code=(ANY_TEXT | TRICKY).filter(bool))
@example("1INCH")
@example("usdt")
@example("T")
@example("TRUE")
@example("NULL")
@example("X_1INCH")
@example("BTC-")
@example("BTC.")
@example("_")
def test_an_asset_has_a_valid_commodity_that_can_be_read_back(code: str) -> None:
    symbol = commodity(code)
    assert re.fullmatch(CURRENCY_RE.replace(r"\b", ""), symbol)
    assert re.fullmatch(r"[A-Z][A-Z0-9'._-]*[A-Z0-9]", symbol)
    assert symbol not in {"TRUE", "FALSE", "NULL"}
    assert commodity_read_back(symbol) == code


@pytest.mark.parametrize(
    ("kind", "code", "name"),
    [
        ("ASSET", "treasury:custody", "Assets:Treasury:Custody"),
        ("LIABILITY", "product:USDT-FLEX:accrued", "Liabilities:Product:USDT-FLEX:Accrued"),
        ("EXPENSE", "product:flex:interest", "Expenses:Product:Flex:Interest"),
        ("INCOME", "income:yield:Aave", "Income:Income:Yield:X-Aave"),
        ("EQUITY", "equity:opening", "Equity:Equity:Opening"),
        ("LIABILITY", "position:12:principal", "Liabilities:Position:12:Principal"),
        ("LIABILITY", "budget:spring_2026", "Liabilities:Budget:Spring-x00005F2026"),
    ],
)
def test_usual_names_stay_readable(kind: str, code: str, name: str) -> None:
    assert account_name(kind, code) == name


@pytest.mark.parametrize(
    ("code", "name"),
    [("BTC", "BTC"), ("1INCH", "X_1INCH"), ("usdt", "X_'U'S'D'T"), ("BRK.B", "BRK.B")],
)
def test_usual_assets_stay_readable(code: str, name: str) -> None:
    assert commodity(code) == name


def test_every_kind_of_account_has_its_root() -> None:
    for kind in Account.Kind.values:
        assert is_valid(account_name(kind, "code"))


# Large books, and books in motion


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize("form", ["beancount", "hledger", "csv"])
def test_nothing_is_lost_between_two_reads_of_the_cursor(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = written(form, 2)
    monkeypatch.setattr(exports, "_AT_ONCE", 1)
    assert written(form, 2) == whole


@real_connections
@pytest.mark.parametrize("form", ["beancount", "hledger", "csv"])
def test_what_is_posted_during_an_export_is_not_in_it(form: str) -> None:
    of = asset()
    deposit(of, "1", happened_at=at(0))
    deposit(of, "1", happened_at=at(3))
    whole = written(form, 2)
    pieces = export(form=form, first=day(2))
    begun = next(pieces)
    at_once(
        lambda: deposit(of, "7", happened_at=at(1)),
        lambda: deposit(of, "8", customer=2, happened_at=at(3)),
    )
    assert begun + "".join(pieces) == whole
    assert written(form, 2) != whole


@real_connections
def test_an_export_writes_nothing() -> None:
    pieces = export(form="csv")
    next(pieces)
    with connection.cursor() as cursor:
        cursor.execute("show transaction_read_only")
        assert cursor.fetchone() == ("on",)
    pieces.close()  # type: ignore[attr-defined]


# The command


def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("export_journal", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize("form", ["beancount", "hledger", "csv"])
def test_the_command_writes_the_journal(form: str) -> None:
    assert command("--format", form) == written(form)
    dates = ("--from", "2026-01-02", "--to", "2026-01-03")
    assert command("--format", form, *dates) == written(form, 1, 2)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--format", "ledger"),
        ("--format", "CSV"),
        (),
        ("--format", "csv", "--from", "yesterday"),
        ("--format", "csv", "--to", "2026-02-30"),
        ("--format", "csv", "--from", ""),
        ("--format", "csv", "--from", "2026-01-02", "--to", "2026-01-01"),
    ],
)
def test_the_command_refuses_nonsense_with_one_sentence(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError) as caught:
        command(*arguments)
    assert caught.value.returncode == 2
    assert re.fullmatch(r"[^\n]+\.", str(caught.value))
