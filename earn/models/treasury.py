"""Where the house's coins work, and what is expected to leave."""

from django.db import models
from django.db.models import Q

from earn.models.fields import AmountField
from ledger.models import Asset


class Venue(models.Model):
    """Where coins are deployed; its accounts are named by its code."""

    code = models.TextField(unique=True)
    name = models.TextField()
    notice_days = models.SmallIntegerField(
        help_text="Days from asking for the coins until custody has them again."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="venue_codes_name_accounts",
                condition=Q(code__regex=r"^[a-z0-9][a-z0-9-]{0,39}$"),
            ),
            models.CheckConstraint(
                name="venues_have_a_name", condition=Q(name__regex=r"\S")
            ),
            models.CheckConstraint(
                name="notice_of_a_venue_is_0_to_365_days",
                condition=Q(notice_days__gte=0, notice_days__lte=365),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Outlook(models.Model):
    """What a closed day tells of an asset's days to come; written once for each day."""

    day = models.DateField()
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, db_index=False)
    flexible = AmountField(help_text="What earned in flexible products on the day.")
    redeemed = AmountField(help_text="What was redeemed of flexible products on the day.")
    paid_interest = AmountField(
        help_text="Interest of the day in products that pay it out daily or monthly."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["day", "asset"], name="one_outlook_a_day"),
            models.CheckConstraint(
                name="outlooks_are_not_negative",
                condition=Q(flexible__gte=0, redeemed__gte=0, paid_interest__gte=0),
            ),
        ]


class Due(models.Model):
    """What matures of an asset on a morning; all of it made anew after each close.

    A page cannot sum millions of open positions; this is their sum after the last close.
    What is bought later matures two mornings later at the earliest.
    """

    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, db_index=False)
    due_on = models.DateField()
    principal = AmountField()
    interest = AmountField(help_text="As expected; paid with the principal.")
    stays = AmountField(help_text="Of both, what customers have asked to renew or move.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["asset", "due_on"], name="one_due_a_morning"),
            models.CheckConstraint(
                name="dues_hold_what_stays",
                condition=Q(principal__gte=0, interest__gte=0, stays__gte=0)
                & Q(stays__lte=models.F("principal") + models.F("interest")),
            ),
        ]


class CheckRun(models.Model):
    """One run of all checks of the books; only ever added to."""

    began_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    checks = models.SmallIntegerField()
    violations = models.IntegerField()
    found = models.JSONField(
        default=list, help_text="What was violated, with the first violations of each."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="check_runs_end_after_they_began",
                condition=Q(ended_at__gte=models.F("began_at")),
            ),
            models.CheckConstraint(
                name="check_runs_count_what_they_found",
                condition=Q(violations=0, found=[]) | Q(violations__gt=0) & ~Q(found=[]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.began_at:%Y-%m-%d %H:%M}"
