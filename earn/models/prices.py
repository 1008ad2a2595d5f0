from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from earn.models.fields import AmountField
from ledger.models import Asset


class Price(models.Model):
    """What a whole unit of an asset was worth at a moment, in the reporting currency.

    For showing alone: no entry of the books was ever made from a price. A price never
    changes: a better one is that of a later moment.
    """

    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, db_index=False)
    at = models.DateTimeField()
    price = AmountField()
    recorded_at = models.DateTimeField(
        db_default=Now(), help_text="By the database's clock; a trigger sets it."
    )

    class Meta:
        permissions = [("record_prices", "May record prices")]
        constraints = [
            models.UniqueConstraint(fields=["asset", "at"], name="one_price_a_moment"),
            models.CheckConstraint(name="prices_are_positive", condition=Q(price__gt=0)),
        ]
