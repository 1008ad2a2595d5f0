"""Lists of tables without end: newest first, never counted, no row skipped over."""

from typing import Any

from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import connection
from django.db.models.expressions import Combinable
from django.http import HttpRequest


class KeysetChangeList(ChangeList):
    """A page begins after the last row of the page before: `p` in its address."""

    is_keyset = True

    def get_ordering(self, request: HttpRequest, queryset: Any) -> list[str | Combinable]:  # noqa: ARG002
        return ["-pk"]

    def get_results(self, request: HttpRequest) -> None:
        found = list(self._after(request.GET.get(PAGE_VAR, ""))[: self.list_per_page + 1])
        shown = found[: self.list_per_page]
        is_more = len(found) > len(shown)
        self.result_list: Any = shown
        self.older = self.get_query_string({PAGE_VAR: str(shown[-1].pk)}) if is_more else ""
        # equal, so that the search form says nothing of a number that nobody counted
        self.result_count = self.full_result_count = len(shown)
        self.estimate = estimated_rows(self.model._meta.db_table)
        self.show_full_result_count = False
        self.can_show_all = True
        self.multi_page = False
        self.paginator = Paginator(shown, len(shown) or 1)

    def _after(self, key: str) -> Any:
        if not key:
            return self.queryset
        try:
            return self.queryset.filter(pk__lt=self.model._meta.pk.to_python(key))
        except (ValidationError, ValueError, OverflowError):
            return self.queryset


def estimated_rows(table: str) -> int | None:
    """What PostgreSQL counted last, at no cost; None while it has not."""
    with connection.cursor() as cursor:
        cursor.execute("select reltuples from pg_class where oid = %s::regclass", [table])
        (found,) = cursor.fetchone()
    return int(found) if found > 0 else None
