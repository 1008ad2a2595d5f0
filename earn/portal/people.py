"""Whose page it is: every page of a customer's own finds things through the customer."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404

from earn.models import Customer, Position

RESUMED = "resumed"  # in the address after a session that ended in the middle of a form
NOT_KEPT = {"csrfmiddlewaretoken", "key", "signed", "step", "risk"}
MOST_KEPT = 2000  # characters of an address

Others = ParamSpec("Others")
View = Callable[Concatenate[HttpRequest, Others], HttpResponseBase]
CustomersView = Callable[Concatenate[HttpRequest, Customer, Others], HttpResponseBase]


def customer_of(request: HttpRequest) -> Customer | None:
    """Of whoever is signed in; None for staff and for nobody."""
    if not request.user.is_authenticated:
        return None
    return Customer.objects.filter(user=request.user).first()


def for_customers(view: CustomersView[Others]) -> View[Others]:
    """Hands the view the customer who is signed in; asks others to sign in, or 404."""

    @wraps(view)
    def act(
        request: HttpRequest, /, *args: Others.args, **kwargs: Others.kwargs
    ) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(_here(request))
        customer = customer_of(request)
        if customer is None:
            raise Http404
        return view(request, customer, *args, **kwargs)

    return act


def _here(request: HttpRequest) -> str:
    """Where to come back to after signing in, with what was filled in and nothing done."""
    if request.method != "POST":
        return request.get_full_path()
    kept = QueryDict(mutable=True)
    for name, values in request.POST.lists():
        if name not in NOT_KEPT:
            kept.setlist(name, values)
    kept[RESUMED] = "1"
    address = f"{request.path}?{kept.urlencode()}"
    return address if len(address) <= MOST_KEPT else f"{request.path}?{RESUMED}=1"


def filled_in(request: HttpRequest) -> dict[str, str]:
    """What the fields of a form begin with, as the address has it.

    A link must not tick what its reader is to accept.
    """
    return {name: request.GET[name] for name in request.GET if name not in NOT_KEPT}


def position_of(customer: Customer, pk: int) -> Position:
    """The customer's own position; somebody else's is not there."""
    positions = Position.objects.select_related("product__asset", "customer", "chart")
    return get_object_or_404(positions, pk=pk, customer=customer)
