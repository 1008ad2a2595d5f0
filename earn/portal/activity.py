"""Everything a customer ever ordered, newest first, a page at a time."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from earn.models import Customer, Order
from earn.portal.offers import name_of
from earn.portal.people import for_customers
from earn.portal.wording import KIND, OUTCOME
from ledger.models import Asset

PAGE = 25


@require_safe
@for_customers
def activity(request: HttpRequest, customer: Customer) -> HttpResponse:
    """`kind` chooses one kind of order; the page is of those `before` a number."""
    kind, before = request.GET.get("kind", ""), request.GET.get("before", "")
    if (kind and kind not in KIND) or (before and not _is_number(before)):
        raise Http404
    orders = Order.objects.filter(customer=customer).select_related("product__asset")
    orders = orders.filter(kind=kind) if kind else orders
    orders = orders.filter(pk__lt=int(before)) if before else orders
    page = list(orders.order_by("-pk")[: PAGE + 1])
    assets = _assets(page)
    shown = {
        "orders": [
            (x, KIND[x.kind], OUTCOME[x.state], assets.get(_code(x)), _name(x))
            for x in page[:PAGE]
        ],
        "kinds": KIND.items(),
        "kind": kind,
        "next_before": page[PAGE - 1].pk if len(page) > PAGE else None,
    }
    return render(request, "portal/activity.html", shown)


def _assets(orders: list[Order]) -> dict[str, Asset]:
    codes = {_code(order) for order in orders}
    return {asset.code: asset for asset in Asset.objects.filter(code__in=codes)}


def _name(order: Order) -> str:
    return name_of(order.product) if order.product else ""


def _code(order: Order) -> str:
    """Of the asset: of a deposit or withdrawal, which has no product, as it was asked."""
    if order.product:
        return str(order.product.asset.code)
    return str(order.request.get("asset", ""))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19
