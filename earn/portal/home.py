"""What a customer has: wallets, positions with what they have earned, what is under way."""

from decimal import Decimal
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from earn import accruals, chart
from earn.models import Accrual, Customer, Order, Position
from earn.portal.offers import name_of
from earn.portal.people import for_customers
from earn.portal.wording import KIND
from ledger import balances
from ledger.models import Asset

LATEST = 5


class Held(NamedTuple):
    """One asset: free in the wallet, in products, asked back, and interest not yet paid."""

    asset: Asset
    wallet: Decimal
    invested: Decimal
    redeeming: Decimal
    owed: Decimal


class Shown(NamedTuple):
    """A position with its interest of the last closed day and what it is owed."""

    position: Position
    name: str
    last_interest: Decimal
    owed: Decimal


@require_safe
@for_customers
def home(request: HttpRequest, customer: Customer) -> HttpResponse:
    positions = _open_positions(customer)
    orders = Order.objects.filter(customer=customer).select_related("product__asset")
    latest = orders.exclude(state=Order.State.REFUSED).order_by("-at", "-pk")[:LATEST]
    shown = {
        "held": _held(customer, positions),
        "positions": positions,
        "maturing": _maturing(positions),
        "closed_through": accruals.horizon(),
        "pending": orders.filter(state=Order.State.PENDING).order_by("due_on", "pk"),
        "latest": [(order, KIND[order.kind]) for order in latest],
    }
    return render(request, "portal/home.html", shown)


def _open_positions(customer: Customer) -> list[Shown]:
    positions = (
        Position.objects.filter(customer=customer, state=Position.State.OPEN)
        .select_related("product__asset")
        .order_by("product__asset__code", "pk")
    )
    day = accruals.horizon()
    accrued = Accrual.objects.filter(position__customer=customer)
    rows = {row.position_id: row for row in accrued.filter(day=day)} if day else {}
    return [_shown(position, rows.get(position.pk)) for position in positions]


def _shown(position: Position, row: Accrual | None) -> Shown:
    accrued, interest = (row.accrued, row.interest) if row else (Decimal(0), Decimal(0))
    owed = accrued + position.true_up - position.interest_settled
    return Shown(position, name_of(position.product), interest, owed)


def _maturing(positions: list[Shown]) -> list[Shown]:
    fixed = [x for x in positions if x.position.matures_on]
    return sorted(fixed, key=lambda x: (x.position.matures_on, x.position.pk))[:LATEST]


def _held(customer: Customer, positions: list[Shown]) -> list[Held]:
    found = balances.balances_of(customer.uuid)
    codes = sorted({asset for (asset, _), balance in found.items() if balance})
    return [
        _of_asset(asset, customer, found, positions)
        for asset in Asset.objects.filter(code__in=codes).order_by("code")
    ]


def _of_asset(
    asset: Asset,
    customer: Customer,
    found: dict[tuple[str, str], Decimal],
    positions: list[Shown],
) -> Held:
    mine = [x for x in positions if x.position.product.asset_id == asset.pk]
    free = found.get((asset.code, chart.wallet(customer, asset.pk).code), Decimal(0))
    back = found.get((asset.code, chart.redeeming(customer, asset.pk).code), Decimal(0))
    return Held(
        asset=asset,
        wallet=free,
        invested=sum((x.position.principal for x in mine), Decimal(0)),
        redeeming=back,
        owed=sum((x.owed for x in mine), Decimal(0)),
    )
