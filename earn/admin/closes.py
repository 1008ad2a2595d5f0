from django.contrib import admin

from earn.models import DayClose
from ledger.look_only import LookOnly


@admin.register(DayClose)
class DayCloseAdmin(LookOnly):
    list_display = (
        *("day", "stage", "positions", "paid", "matured", "opened_at", "closed_at"),
        "problem",
    )
    list_filter = ("stage",)
    ordering = ("-day",)
    fields = (
        *("day", "stage", "step", "cursor", "opened_at", "closed_at", "positions"),
        *("paid", "matured", "rows", "problem"),
    )

    @admin.display(description="digest of the accruals")
    def rows(self, close: DayClose) -> str:
        return "-" if close.digest is None else bytes(close.digest).hex()
