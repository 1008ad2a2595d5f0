from django.db import models

from earn.models.fields import AmountField
from earn.models.positions import Position
from earn.models.products import RateChart


class DayClose(models.Model):
    """How far the close of a day has come. The database says so, never the broker."""

    class Stage(models.TextChoices):
        ACCRUE = "ACCRUE", "Accruing"
        POST = "POST", "Posting the interest"
        PAY = "PAY", "Paying interest and redemptions"
        MATURE = "MATURE", "Settling maturities"
        SEAL = "SEAL", "Sealing"
        CLOSED = "CLOSED", "Closed"

    day = models.DateField(primary_key=True)
    stage = models.TextField(choices=Stage, default=Stage.ACCRUE)
    cursor = models.BigIntegerField(
        default=0, help_text="Last id that the stage has dealt with."
    )
    step = models.SmallIntegerField(default=0, help_text="Which part of the stage is on.")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    positions = models.BigIntegerField(default=0)
    paid = models.BigIntegerField(default=0)
    matured = models.BigIntegerField(default=0)
    digest = models.BinaryField(null=True, help_text="Root of the chunks' digests.")
    problem = models.TextField(blank=True, help_text="Why the chain of days has stopped.")


class CloseChunk(models.Model):
    """A range of position ids that is accrued in one transaction, once."""

    pk = models.CompositePrimaryKey("day", "number")
    day = models.DateField()
    number = models.IntegerField()
    first_id = models.BigIntegerField()
    last_id = models.BigIntegerField()
    done_at = models.DateTimeField(null=True)
    positions = models.IntegerField(null=True)
    digest = models.BinaryField(null=True)


class Band(models.Model):
    """The rate of a tier on the day being closed, ready to multiply; made anew each day."""

    day = models.DateField()
    key = models.BigIntegerField(help_text="-product, or chart * 100000 + term.")
    late_start = models.BooleanField(null=True)
    lower = models.DecimalField(max_digits=40, decimal_places=18)
    upper = models.DecimalField(max_digits=40, decimal_places=18, null=True)
    shift = models.DecimalField(max_digits=40, decimal_places=18)
    base = models.DecimalField(max_digits=80, decimal_places=28)
    rate = models.DecimalField(max_digits=40, decimal_places=10)
    days = models.SmallIntegerField()
    year_basis = models.SmallIntegerField()
    chart = models.ForeignKey(
        RateChart, on_delete=models.PROTECT, db_constraint=False, db_index=False
    )
    unit = AmountField()
    quantum = models.DecimalField(max_digits=30, decimal_places=18)

    class Meta:
        indexes = [models.Index(fields=["day"], name="band_day")]


class Accrual(models.Model):
    """One position's interest of one day, written once; partitioned by day."""

    pk = models.CompositePrimaryKey("position_id", "day")
    position = models.ForeignKey(
        Position, on_delete=models.PROTECT, db_constraint=False, related_name="accruals"
    )
    chart = models.ForeignKey(
        RateChart, on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    day = models.DateField()
    days = models.SmallIntegerField()
    year_basis = models.SmallIntegerField()
    basis = AmountField()
    interest = AmountField()
    accrued = AmountField(help_text="All interest since the first day.")
    carry = models.DecimalField(
        max_digits=80, decimal_places=28, help_text="Less than a unit, times 1603080."
    )

    class Meta:
        managed = False
        db_table = "earn_accrual"
