"""Coins to venues and back, what they earn there, and the terms of a venue."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from earn import chart, treasury
from earn.models import Venue
from earn.operations.outcome import Change, Impossible, Outcome, amount_of, asset_of
from ledger import posting
from ledger.models import Asset
from ledger.money import plain
from ledger.posting import AccountName, Line

MOST_NOTICE = 365
NEW = "none"


def deploy(request: dict[str, Any], *, key: str, at: datetime) -> Outcome:
    """`venue`, `asset`, `amount`: from custody, no more than it holds."""
    asset, venue = treasury.locked(asset_of(request)), _venue(request)
    amount = amount_of(request, "amount", asset)
    custody = chart.custody(asset.pk)
    _check_held(asset, custody, amount, "Custody holds")
    line = Line(chart.deployed(asset.pk, venue.code), custody, amount)
    return _posted("DEPLOY", venue, asset, line, key=key, at=at)


def recall(request: dict[str, Any], *, key: str, at: datetime) -> Outcome:
    """`venue`, `asset`, `amount`: back to custody, no more than works there."""
    asset, venue = treasury.locked(asset_of(request)), _venue(request)
    amount = amount_of(request, "amount", asset)
    deployed = chart.deployed(asset.pk, venue.code)
    _check_held(asset, deployed, amount, f"Deployed at {venue.code} are")
    line = Line(chart.custody(asset.pk), deployed, amount)
    return _posted("RECALL", venue, asset, line, key=key, at=at)


def book_yield(request: dict[str, Any], *, key: str, at: datetime) -> Outcome:
    """`venue`, `asset`, `amount`; `paid_to` is "custody", or "venue" where it stays."""
    asset, venue = treasury.locked(asset_of(request)), _venue(request)
    amount = amount_of(request, "amount", asset)
    places = {
        "custody": chart.custody(asset.pk),
        "venue": chart.deployed(asset.pk, venue.code),
    }
    place = places.get(str(request.get("paid_to") or ""))
    if place is None:
        raise Impossible("paid_to: custody or venue.")
    line = Line(place, chart.earned_at(asset.pk, venue.code), amount)
    return _posted("YIELD", venue, asset, line, key=key, at=at)


def set_venue(request: dict[str, Any], *, key: str, at: datetime) -> Outcome:  # noqa: ARG001
    """`code`, `name`, `notice_days`: a new venue, or other terms of a known one."""
    code, name = str(request.get("code") or ""), str(request.get("name") or "").strip()
    days = str(request.get("notice_days") or "")
    if not chart.is_venue(code):
        raise Impossible("code: 1 to 40 small letters, digits and hyphens.")
    if not name:
        raise Impossible("name: say what it is called.")
    is_number = days.isascii() and days.isdecimal() and len(days) < 4
    if not is_number or int(days) > MOST_NOTICE:
        raise Impossible(f"notice_days: a whole number of days from 0 to {MOST_NOTICE}.")
    before = Venue.objects.select_for_update().filter(code=code).first()
    after = Venue(pk=before.pk if before else None, code=code, name=name)
    after.notice_days = int(days)
    changes = _changes(before, after)
    if not changes:
        raise Impossible("The venue has just these terms already.")
    after.save()
    return Outcome(subject=f"venue:{code}", changes=changes)


def _changes(before: Venue | None, after: Venue) -> list[Change]:
    figures = [
        (name, str(getattr(before, name)) if before else NEW, str(getattr(after, name)))
        for name in ("name", "notice_days")
    ]
    subject = f"venue:{after.code}"
    return [Change(subject, name, old, new) for name, old, new in figures if old != new]


def _venue(request: dict[str, Any]) -> Venue:
    found = Venue.objects.filter(code=request.get("venue") or "").first()
    if found is None:
        raise Impossible("There is no such venue.")
    return found


def _check_held(asset: Asset, account: AccountName, amount: Decimal, words: str) -> None:
    there = treasury.held(asset, account.code)
    if amount > there:
        raise Impossible(f"{words} {plain(there)} {asset.code}, not {plain(amount)}.")


def _posted(
    kind: str, venue: Venue, asset: Asset, line: Line, *, key: str, at: datetime
) -> Outcome:
    try:
        posted = posting.post(
            key=key, kind=kind, lines=[line], happened_at=at, note={"venue": venue.code}
        )
    except posting.DayIsClosed as error:
        raise Impossible("The books of that day are closed.") from error
    return Outcome(
        subject=f"venue:{venue.code}",
        entries=[posted.entry_id],
        asset=asset,
        amount=line.amount,
    )
