from collections.abc import Iterator

import pytest
from django.conf import settings
from django.utils import translation

from tests.earn.conftest import alice, bob

__all__ = ["alice", "bob"]


@pytest.fixture(autouse=True)
def each_test_begins_in_one_language() -> Iterator[None]:
    """A page asked for in another one would leave it to the tests that ask for none."""
    with translation.override(settings.LANGUAGE_CODE):
        yield
