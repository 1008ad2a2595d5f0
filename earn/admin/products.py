from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from earn.models import Product, QuotaShard, RateChart, RateTier
from ledger.look_only import LookOnly, exact

if TYPE_CHECKING:
    Rows = admin.TabularInline[Any, Any]
else:
    Rows = admin.TabularInline


class LookOnlyRows(Rows):
    extra = 0
    can_delete = False
    template = "desk/_rows.html"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False


class Tiers(LookOnlyRows):
    model = RateTier


class Charts(LookOnlyRows):
    model = RateChart
    show_change_link = True


class QuotaShards(LookOnlyRows):
    model = QuotaShard


def _page_of(product: Product) -> str:
    address = reverse("admin:product", args=[product.pk])
    return format_html('<a href="{}">{}</a>', address, product.code)


@admin.register(Product)
class ProductAdmin(LookOnly):
    grows = False
    list_display = (
        *(
            "code",
            "page",
            "asset",
            "kind",
            "state",
            "payout",
            "compounding",
            exact("quota"),
        ),
    )
    readonly_fields = ("page",)
    list_filter = ("state", "kind", "payout")
    list_select_related = ("asset",)
    search_fields = ("code", "asset__code")
    ordering = ("code",)
    inlines = (Charts, QuotaShards)

    @admin.display(description=_("page"))
    def page(self, product: Product) -> str:
        return _page_of(product)


@admin.register(RateChart)
class RateChartAdmin(LookOnly):
    grows = False
    list_display = ("product", "version", "announced_at", "effective_on", "page")
    readonly_fields = ("page",)
    list_filter = ("effective_on",)
    list_select_related = ("product",)
    search_fields = ("product__code",)
    ordering = ("product__code", "-version")
    inlines = (Tiers,)

    @admin.display(description=_("page"))
    def page(self, chart: RateChart) -> str:
        return _page_of(chart.product)
