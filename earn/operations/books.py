"""Corrections: an entry of the house's accounts, and the mirror image of another entry."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q, Sum

from earn import chart, treasury
from earn.models import Customer, Venue
from earn.operations.outcome import (
    Change,
    Impossible,
    Outcome,
    amount_of,
    asset_of,
    customer_of,
)
from ledger import posting
from ledger.models import Account, Asset, Entry, Posting
from ledger.money import plain
from ledger.posting import AccountName, Line

# The business rests on all others: its own rows would no more agree with the books.
COINS = {"DEPLOY", "RECALL", "YIELD"}
REVERSIBLE = {"DEPOSIT", "WITHDRAW", "ADJUST"} | COINS
WALLET = "wallet"


def adjust(request: dict[str, Any], *, key: str, at: datetime) -> Outcome:
    """`asset`, `debit`, `credit`, `amount`; "wallet" is that of `customer`."""
    asset = asset_of(request)
    amount = amount_of(request, "amount", asset)
    debit = _account(request, "debit", asset)
    credit = _account(request, "credit", asset)
    if debit == credit:
        raise Impossible("debit and credit are two different accounts.")
    if credit.kind == Account.Kind.ASSET:
        _check_left(asset, credit, amount)
    entry = _posted(
        lambda: posting.post(
            key=key,
            kind="ADJUST",
            lines=[Line(debit, credit, amount)],
            happened_at=at,
        )
    )
    return Outcome(
        subject=f"entry:{entry}",
        entries=[entry],
        changes=list(_in_spite_of(entry)),
        asset=asset,
        amount=amount,
    )


def reverse(request: dict[str, Any], *, key: str, at: datetime) -> Outcome:
    """`entry` is the key of the entry, `why` goes into the books with its mirror."""
    found = Entry.objects.filter(key=request.get("entry") or "").first()
    if found is None:
        raise Impossible("There is no entry with that key.")
    if found.kind not in REVERSIBLE:
        raise Impossible(
            f"Entries of kind {found.kind} are corrected by an order or a close, "
            "never by a reversal."
        )
    if Entry.objects.filter(reverses=found).exists():
        raise Impossible("This entry is reversed already.")
    if found.kind in COINS:
        _check_coins(found)
    entry = _posted(
        lambda: posting.reverse(
            entry_id=found.pk, key=key, happened_at=at, reason=str(request.get("why", ""))
        )
    )
    asset, amount = _largest(found)
    return Outcome(
        subject=f"entry:{found.pk}",
        entries=[entry],
        changes=list(_in_spite_of(entry)),
        asset=asset,
        amount=amount,
    )


def _in_spite_of(entry: int) -> Iterator[Change]:
    """Freezes of customers whose wallets the entry moves all the same: mistakes are put
    right also there, but not unseen."""
    lines = Posting.objects.filter(entry=entry).values_list("debit__code", "credit__code")
    codes = {code for line in lines for code in line if code.startswith("customer:")}
    owners = Customer.objects.filter(uuid__in={code.split(":")[1] for code in codes})
    for owner in owners.filter(Q(frozen_in=True) | Q(frozen_out=True)).order_by("pk"):
        frozen = ("in", owner.frozen_in), ("out", owner.frozen_out)
        directions = " and ".join(name for name, is_so in frozen if is_so)
        subject, what = f"customer:{owner.pk}", f"frozen {directions}"
        yield Change(subject, what, "", "its wallet is moved all the same")


def _check_coins(entry: Entry) -> None:
    """What the entry moved must still be where it went."""
    line = Posting.objects.select_related("debit", "asset").get(entry=entry)
    _check_left(line.asset, line.debit, line.amount)


def _check_left(asset: Asset, place: Account | AccountName, amount: Decimal) -> None:
    """Coins leave a place of the house only as far as they are there."""
    there = treasury.held(treasury.locked(asset), place.code)
    if amount > there:
        raise Impossible(
            f"{place.code} holds {plain(there)} {asset.code}, not {plain(amount)}."
        )


def _largest(entry: Entry) -> tuple[Asset, Decimal]:
    """What the entry moves of its asset; of several assets, the first."""
    first = Posting.objects.filter(entry=entry).select_related("asset").order_by("line")[0]
    lines = Posting.objects.filter(entry=entry, asset=first.asset)
    return first.asset, lines.aggregate(sum=Sum("amount"))["sum"]


def _account(request: dict[str, Any], side: str, asset: Asset) -> AccountName:
    code = str(request.get(side) or "")
    if code == WALLET:
        customer: Customer = customer_of(request)
        return chart.wallet(customer, asset.pk)
    try:
        account = chart.house(asset.pk, code)
    except LookupError as error:
        raise Impossible(f"{side}: {error}.") from error
    venue = chart.venue_of(code)
    if venue and not Venue.objects.filter(code=venue).exists():
        raise Impossible(f"{side}: there is no venue {venue}.")
    return account


def _posted(act: Any) -> int:
    try:
        return int(act().entry_id)
    except posting.InsufficientFunds as error:
        raise Impossible("The account to be debited holds less than that.") from error
    except posting.DayIsClosed as error:
        raise Impossible("The books of that day are closed.") from error
