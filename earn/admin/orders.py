from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from earn.admin import searching
from earn.models import Order
from ledger.look_only import LookOnly, exact


@admin.register(Order)
class OrderAdmin(LookOnly):
    list_display = (
        "id",
        "kind",
        "state",
        "customer",
        "product",
        exact("amount"),
        "at",
        "due_on",
    )
    list_filter = ("state",)  # an index serves those that are rare
    list_select_related = ("customer", "product")
    search_fields = ("id",)
    search_help_text = _(
        "The whole id of an order, reference or UUID of a customer, or code of a product."
    )
    ordering = ("-pk",)
    fields = (
        *("id", "key", "kind", "state", "at", "customer", "product", "position", "amount"),
        *("interest_settled", "due_on", "request", "preview", "refusal", "entry"),
    )

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002
        queryset: QuerySet[Order],
        search_term: str,
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        if not text:
            return queryset, False
        return searching.of_customers(queryset, text, by_product=True), False
