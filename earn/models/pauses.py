from django.db import models
from django.db.models import F, Q

from earn.models.people import Customer


class EarningPause(models.Model):
    """Days on which a customer's money earns nothing: a freeze of the third kind.

    It begins on a later day than the one it is made on and ends in the same way, so that no
    day that is closed or earned ever changes. Written by `earn.pauses` alone.
    """

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT)
    from_day = models.DateField(help_text="First day that earns nothing.")
    until_day = models.DateField(null=True, help_text="Last such day; open while empty.")
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                # the day before its first one: it was called off before it began
                name="pauses_do_not_end_before_they_begin",
                condition=Q(until_day=None) | Q(until_day__gte=F("from_day") - 1),
            ),
            models.CheckConstraint(
                name="ended_pauses_have_a_time",
                condition=Q(until_day=None, ended_at=None)
                | Q(until_day__isnull=False, ended_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"pause {self.pk}"
