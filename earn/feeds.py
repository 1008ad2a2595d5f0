"""Private calendar addresses: who holds one reads the calendar, until it is made anew.

An address is the feed's number with a seal that only the secret key makes: a database that
leaks reveals no address.
"""

import base64
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.crypto import constant_time_compare, salted_hmac

from earn.models import CalendarFeed, Customer

SALT = "earn.feeds"
HEX = 32  # digits of the number
NOTED = timedelta(hours=1)  # a reading is noted no more often


def token_of(feed: CalendarFeed) -> str:
    return _sealed(feed.pk, settings.SECRET_KEY)


def find(token: str) -> CalendarFeed | None:
    """The feed with that token; None for a forged one, and for one that is no more."""
    try:
        number = UUID(token[:HEX])
    except ValueError:
        return None
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    if not any([constant_time_compare(token, _sealed(number, key)) for key in keys]):
        return None
    feeds = CalendarFeed.objects.select_related("customer__user")
    return feeds.filter(pk=number).exclude(customer__user__is_active=False).first()


def of(customer: Customer) -> CalendarFeed | None:
    return CalendarFeed.objects.filter(customer=customer).first()


def renew(customer: Customer, *, at: datetime) -> None:
    """Gives the customer a new address; the one before, if any, is no more."""
    with transaction.atomic():
        # two clicks at once wait for each other here
        Customer.objects.select_for_update(no_key=True).get(pk=customer.pk)
        CalendarFeed.objects.filter(customer=customer).delete()
        CalendarFeed.objects.create(customer=customer, created_at=at)


def switch_off(customer: Customer) -> None:
    CalendarFeed.objects.filter(customer=customer).delete()


def note_reading(feed: CalendarFeed, *, at: datetime) -> None:
    unread = Q(read_at=None) | Q(read_at__lte=at - NOTED)
    CalendarFeed.objects.filter(unread, pk=feed.pk).update(read_at=at)


def _sealed(number: UUID, key: str) -> str:
    mac = salted_hmac(SALT, number.hex, secret=key, algorithm="sha256").digest()
    return f"{number.hex}{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
