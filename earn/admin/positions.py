from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from earn.admin import searching
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
    list_select_related = ("product", "customer")
    search_fields = ("id",)
    search_help_text = _("The whole id of a position, or reference or UUID of a customer.")
    ordering = ("-pk",)
    fields = (
        *("id", "customer", "product", "chart", "term_days", "state", "principal"),
        *("opened_at", "closed_at", "first_day", "last_day", "matures_on", "touched_on"),
        *("compounds", "interest_settled", "interest_paid", "true_up", "interest_due"),
        *("clawed_back", "at_maturity", "minimum_renewal_rate", "renews", "outcome"),
        "last_days",
    )

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002
        queryset: QuerySet[Position],
        search_term: str,
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        if not text:
            return queryset, False
        # no index has the closed positions of a product
        return searching.of_customers(queryset, text, by_product=False), False

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
