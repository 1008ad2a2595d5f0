"""Tables of staff that show and never edit, whoever asks."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest

from ledger.keyset import KeysetChangeList
from ledger.money import plain

if TYPE_CHECKING:
    Looked = admin.ModelAdmin[Any]
else:
    Looked = admin.ModelAdmin


class LookOnly(Looked):
    """Shows `fields`; adds, changes and deletes nothing, whoever asks."""

    grows = True  # with the business: such a list has no pages to count

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # a count for each
    sortable_by = ()  # but by the key, which is an index
    list_max_show_all = 0

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return KeysetChangeList if self.grows else super().get_changelist(request, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False


def exact(name: str) -> Any:
    """A column of figures with the decimals that they have, and no others."""

    @admin.display(description=name.replace("_", " "))
    def column(row: Any) -> str:
        figure = getattr(row, name)
        return "-" if figure is None else plain(figure)

    return column
