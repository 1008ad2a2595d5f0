"""The list of the desk's pages is whole: the browser's tests look at what stands in it."""

import pytest

from earn.desk import Desk
from tests.admin.pages import (
    ARGS,
    ASKED,
    NO_PAGE,
    create_things,
    pages_of_the_desk,
    tables_of_the_desk,
)
from tests.admin.staff import ROLES, member
from tests.portal.pages import create_alice, signed_in

pytestmark = pytest.mark.django_db


def test_every_page_of_the_desk_is_found_with_something_on_it() -> None:
    client = signed_in(member("everything", *ROLES))
    things = create_things(create_alice())
    addresses = [*pages_of_the_desk(things), *tables_of_the_desk()]
    answers = {address: client.get(address) for address in addresses}
    skipped = {
        address: answer.status_code
        for address, answer in answers.items()
        if answer.status_code != 200 or "html" not in answer["Content-Type"]
    }
    assert skipped == {}


def test_nothing_is_declared_of_a_page_that_is_none() -> None:
    names = {one.name for one in Desk.pages}
    assert {*ARGS, *ASKED, *NO_PAGE} <= names
    assert not NO_PAGE.keys() & {*ARGS, *ASKED}
