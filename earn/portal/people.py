"""Whose page it is: every page of a customer's own finds things through the customer."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404

from earn.models import Customer, Position

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

    @login_required
    @wraps(view)
    def act(
        request: HttpRequest, /, *args: Others.args, **kwargs: Others.kwargs
    ) -> HttpResponseBase:
        customer = customer_of(request)
        if customer is None:
            raise Http404
        return view(request, customer, *args, **kwargs)

    return act


def position_of(customer: Customer, pk: int) -> Position:
    """The customer's own position; somebody else's is not there."""
    positions = Position.objects.select_related("product__asset", "customer", "chart")
    return get_object_or_404(positions, pk=pk, customer=customer)
