from uuid import uuid4

from django.db import models

from earn.models.people import Customer


class CalendarFeed(models.Model):
    """A customer's private calendar address, while there is one; a new one has a new id."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    customer = models.OneToOneField(Customer, on_delete=models.PROTECT)
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
