from django.contrib import admin
from django.utils.html import format_html, format_html_join

from earn.models import Position
from ledger.look_only import LookOnly, exact
from ledger.money import plain

DAYS = 14


@admin.register(Position)
class PositionAdmin(LookOnly):
    list_display = (
        *(
            "id",
            "product",
            "customer",
            "state",
            exact("principal"),
            "term_days",
            "first_day",
        ),
        "matures_on",
    )
    list_filter = ("state", "matures_on")
    list_select_related = ("product", "customer")
    search_fields = ("id__exact", "product__code__exact", "customer__reference__exact")
    ordering = ("-pk",)
    fields = (
        *("id", "customer", "product", "chart", "term_days", "state", "principal"),
        *("opened_at", "closed_at", "first_day", "last_day", "matures_on", "touched_on"),
        *("compounds", "interest_settled", "interest_paid", "true_up", "interest_due"),
        *("clawed_back", "at_maturity", "minimum_renewal_rate", "renews", "outcome"),
        "last_days",
    )

    @admin.display(description=f"interest of the last {DAYS} closed days")
    def last_days(self, position: Position) -> str:
        rows = (
            (row.day, plain(row.basis), plain(row.interest), plain(row.accrued))
            for row in position.accruals.order_by("-day")[:DAYS]
        )
        cells = "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>"
        return format_html(
            "<table><thead><tr><th>day</th><th>basis</th><th>interest</th><th>accrued</th>"
            "</tr></thead><tbody>{}</tbody></table>",
            format_html_join("", cells, rows),
        )
