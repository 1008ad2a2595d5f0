from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.db import ProgrammingError, connection, transaction

from tests.conftest import flush


def execute(sql: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone() if cursor.description else None


@pytest.mark.django_db
def test_a_flush_empties_unmanaged_tables_whatever_their_triggers_say() -> None:
    execute("create table earn_unmanaged as select 1 as n")
    execute(
        "create function no() returns trigger language plpgsql as "
        "$$ begin raise 'never'; end $$"
    )
    execute("create trigger no before truncate on earn_unmanaged execute function no()")
    execute("create table earn_accrual_20260101 (n int)")
    flush(connection.ops, [])
    assert execute("select count(*) from earn_unmanaged") == (0,)
    assert execute("select to_regclass('earn_accrual_20260101')") == (None,)


@pytest.mark.django_db
def test_the_applications_role_is_left_after_the_block(
    as_app_role: Callable[[], AbstractContextManager[None]],
) -> None:
    with as_app_role():
        assert execute("select current_user") == ("earn_app",)
    assert execute("select current_user") != ("earn_app",)


@pytest.mark.django_db
def test_the_applications_role_is_left_after_a_failed_transaction(
    as_app_role: Callable[[], AbstractContextManager[None]],
) -> None:
    with pytest.raises(ProgrammingError), transaction.atomic(), as_app_role():
        execute("create table public.forbidden (n int)")
    assert execute("select current_user") != ("earn_app",)
