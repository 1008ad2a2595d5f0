from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache

from earn.housekeeping import forget_expired

pytestmark = pytest.mark.django_db


def test_only_what_has_expired_is_forgotten() -> None:
    cache.clear()
    cache.set("short", 1, timeout=60)
    cache.set("long", 2, timeout=3600)
    assert forget_expired(at=datetime.now(UTC)) == 0
    assert forget_expired(at=datetime.now(UTC) + timedelta(minutes=2)) == 1
    assert (cache.get("short"), cache.get("long")) == (None, 2)


def test_a_flood_of_other_keys_pushes_nothing_out() -> None:
    """Django's default is to drop keys beyond 300: a locked door would open again."""
    cache.clear()
    cache.set("a-door", 13, timeout=3600)
    for number in range(400):
        cache.set(f"flood-{number}", 1, timeout=3600)
    assert cache.get("a-door") == 13
