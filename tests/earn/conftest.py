import pytest

from earn.models import Customer
from ledger.models import Asset
from tests.earn import people


@pytest.fixture
def usd(db: None) -> Asset:  # noqa: ARG001
    return people.money()


@pytest.fixture
def alice(db: None) -> Customer:  # noqa: ARG001
    return people.customer("Alice")


@pytest.fixture
def bob(db: None) -> Customer:  # noqa: ARG001
    return people.customer("Bob")


@pytest.fixture
def charlie(db: None) -> Customer:  # noqa: ARG001
    return people.customer("Charlie")
