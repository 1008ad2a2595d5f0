from django.contrib import admin

from earn.models import Customer, User
from ledger.look_only import LookOnly


@admin.register(User)
class UserAdmin(LookOnly):
    list_display = ("email", "is_staff", "is_active", "last_login")
    list_filter = ("is_staff", "is_active")
    search_fields = ("email",)
    ordering = ("email",)
    fields = (
        *("email", "is_staff", "is_active", "is_superuser", "groups"),
        *("joined_at", "last_login"),
    )


@admin.register(Customer)
class CustomerAdmin(LookOnly):
    list_display = (
        *("id", "reference", "uuid", "country", "kyc_level", "frozen_in", "frozen_out"),
    )
    list_filter = ("frozen_in", "frozen_out", "kyc_level")
    search_fields = ("reference__exact",)
    ordering = ("-pk",)
    fields = (
        *("id", "uuid", "user", "reference", "country", "kyc_level"),
        *("frozen_in", "frozen_out"),
    )
