from django.contrib import admin

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
    list_filter = ("kind", "state", "due_on")
    list_select_related = ("customer", "product")
    search_fields = ("id__exact", "customer__reference__exact")
    ordering = ("-pk",)
    fields = (
        *("id", "key", "kind", "state", "at", "customer", "product", "position", "amount"),
        *("interest_settled", "due_on", "request", "preview", "refusal", "entry"),
    )
