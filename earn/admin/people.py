from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.db.models.functions import Collate, Lower
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from earn.models import Customer, User
from ledger.look_only import LookOnly


@admin.register(User)
class UserAdmin(LookOnly):
    list_display = ("email", "is_staff", "is_active", "last_login")
    list_filter = ("is_staff",)
    search_fields = ("email",)
    search_help_text = _("The whole address.")
    ordering = ("email",)
    fields = (
        *("email", "is_staff", "is_active", "is_superuser", "groups"),
        *("joined_at", "last_login"),
    )

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002
        queryset: QuerySet[User],
        search_term: str,
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip().lower()
        if not text:
            return queryset, False
        key = Collate(Lower("email"), "C")  # as its index is
        return queryset.alias(key=key).filter(key=text), False


@admin.register(Customer)
class CustomerAdmin(LookOnly):
    list_display = (
        *("id", "reference", "uuid", "country", "kyc_level", "frozen_in", "frozen_out"),
    )
    list_filter = ("frozen_in", "frozen_out")  # an index serves those who are
    search_fields = ("reference__exact",)
    ordering = ("-pk",)
    fields = (
        *("id", "uuid", "user", "reference", "country", "kyc_level"),
        *("frozen_in", "frozen_out"),
    )
