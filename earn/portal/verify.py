"""A customer's balances and entries against the seals, and how anyone checks them."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from earn.days import ONE_DAY, start_of
from earn.models import Customer
from earn.portal.people import for_customers
from ledger import balances, seals
from ledger.models import Asset, Seal

ENTRIES = 25


class Sealed(NamedTuple):
    """What an account of the customer's held when the day of the seal ended."""

    account: str
    asset: Asset
    balance: Decimal


@require_safe
@for_customers
def verify(request: HttpRequest, customer: Customer) -> HttpResponse:
    seal = seals.last_of_a_day()
    shown = {
        "seal": seal,
        "hashes": _hashes(seal) if seal else [],
        "sealed": _sealed(customer, seal) if seal else [],
        "entries": seals.newest_of(customer.uuid, limit=ENTRIES),
    }
    return render(request, "portal/verify.html", shown)


def _hashes(seal: Seal) -> list[tuple[str, str]]:
    root = ngettext("Root over its %(n)s entry", "Root over its %(n)s entries", seal.count)
    found = [
        (_("Hash of this seal (SHA-256)"), seal.hash),
        (_("Hash of the seal before it"), seal.previous),
        (root % {"n": seal.count}, seal.root),
        (_("Digest of that day’s interest rows and new rates"), seal.attests or b""),
    ]
    return [(label, bytes(value).hex()) for label, value in found]


def _sealed(customer: Customer, seal: Seal) -> list[Sealed]:
    assert seal.day is not None  # it ends a day
    ended_at = start_of(seal.day + ONE_DAY) - timedelta(microseconds=1)
    codes: dict[str, list[str]] = {}
    for asset, code in sorted(balances.balances_of(customer.uuid)):
        codes.setdefault(asset, []).append(code)
    return [
        row
        for asset in Asset.objects.filter(code__in=codes).order_by("code")
        for row in _of_asset(asset, codes[asset.code], ended_at)
    ]


def _of_asset(asset: Asset, codes: list[str], at: datetime) -> list[Sealed]:
    found = balances.balances_at(asset_id=asset.pk, codes=codes, at=at)
    rows = [Sealed(code, asset, figures.balance) for code, figures in found.items()]
    return sorted((x for x in rows if x.balance), key=lambda row: row.account)
