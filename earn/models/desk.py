"""What staff propose, who has approved it, and the trail of every act."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from earn.models.fields import AmountField
from earn.models.people import User
from ledger.models import Asset


class Operation(models.TextChoices):
    """What one person alone may not do."""

    DEPOSIT = "DEPOSIT", "Deposit by hand"
    WITHDRAWAL = "WITHDRAWAL", "Withdrawal by hand"
    ADJUSTMENT = "ADJUSTMENT", "Adjustment of the books"
    REVERSAL = "REVERSAL", "Reversal of an entry"
    FREEZE = "FREEZE", "Freeze of a customer"
    PRODUCT = "PRODUCT", "State of a product"
    RATES = "RATES", "Rates of a product"
    TERMS = "TERMS", "Terms of a product"
    WIND_UP = "WIND_UP", "Winding up of a product"
    LIMIT = "LIMIT", "Limit of an operation"
    VENUE = "VENUE", "Terms of a venue"
    DEPLOY = "DEPLOY", "Deployment of coins"
    RECALL = "RECALL", "Recall of deployed coins"
    YIELD = "YIELD", "Yield of deployed coins"


class Proposal(models.Model):
    """An operation that waits for a second person. Only its state ever changes."""

    class State(models.TextChoices):
        WAITING = "WAITING", "Waiting"
        DONE = "DONE", "Done"
        REJECTED = "REJECTED", "Rejected"
        WITHDRAWN = "WITHDRAWN", "Withdrawn"
        EXPIRED = "EXPIRED", "Expired"

    key = models.TextField(unique=True, help_text="Of the form: sent twice, kept once.")
    operation = models.TextField(choices=Operation)
    state = models.TextField(choices=State, default=State.WAITING)
    maker = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    reason = models.TextField()
    request = models.JSONField(help_text="What is asked for, as text.")
    subject = models.TextField(help_text="What it is about, for people.")
    effect = models.JSONField(help_text="Entries and changes, by a dry run.")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, null=True, db_index=False)
    amount = AmountField(null=True)
    checkers_needed = models.SmallIntegerField(default=1)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        permissions = [
            ("look_at_desk", "May look at everything on the desk"),
            ("make_proposal", "May propose"),
            ("check_proposal", "May approve and reject what others propose"),
            ("run_jobs", "May close days and run jobs"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["id", "maker"], name="proposal_with_its_maker"),
            models.CheckConstraint(
                name="proposals_have_a_reason", condition=Q(reason__regex=r"\S")
            ),
            models.CheckConstraint(
                name="one_or_two_checkers", condition=Q(checkers_needed__in=[1, 2])
            ),
            models.CheckConstraint(
                name="proposals_expire_later", condition=Q(expires_at__gt=F("made_at"))
            ),
            models.CheckConstraint(
                name="decided_proposals_have_a_time",
                condition=Q(state="WAITING", decided_at=None)
                | ~Q(state="WAITING") & Q(decided_at__isnull=False),
            ),
            models.CheckConstraint(
                name="proposed_amounts_name_their_asset",
                condition=Q(amount=None, asset=None) | Q(amount__gt=0, asset__isnull=False),
            ),
        ]
        indexes = [
            # what waits for a checker
            models.Index(fields=["id"], name="proposal_open", condition=Q(state="WAITING")),
            # what an operation has moved of an asset on a day: its limit, and the usual
            models.Index(
                fields=["operation", "asset", "decided_at"],
                name="proposal_done",
                condition=Q(state="DONE", amount__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_operation_display()}: {self.subject}"


class Verdict(models.Model):
    """What a checker says of a proposal, once; never the maker."""

    proposal = models.ForeignKey(
        Proposal, on_delete=models.PROTECT, related_name="verdicts", db_constraint=False
    )
    maker = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    checker = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    at = models.DateTimeField()
    approves = models.BooleanField()
    comment = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["proposal", "checker"], name="one_verdict_a_checker"
            ),
            models.CheckConstraint(
                name="maker_and_checker_differ", condition=~Q(maker=F("checker"))
            ),
            models.CheckConstraint(
                name="rejections_say_why",
                condition=Q(approves=True) | Q(comment__regex=r"\S"),
            ),
        ]


class OperationLimit(models.Model):
    """Most that an operation may move of an asset at once, and on one UTC day."""

    operation = models.TextField(choices=Operation)
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, db_index=False)
    at_once = AmountField()
    a_day = AmountField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["operation", "asset"], name="one_limit_an_operation_and_asset"
            ),
            models.CheckConstraint(
                name="limits_of_a_day_hold_one_operation",
                condition=Q(at_once__gt=0, a_day__gte=F("at_once")),
            ),
        ]


class AuditEvent(models.Model):
    """Who did what, from where, before and after: written in the act's transaction."""

    at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())
    actor = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    ip = models.GenericIPAddressField(null=True)
    act = models.TextField(help_text="A code: PROPOSE, APPROVE, CLOSE_DAY ...")
    subject = models.TextField(help_text="Kind and number: product:easy, customer:12.")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    reason = models.TextField(blank=True)
    proposal = models.ForeignKey(
        Proposal, on_delete=models.PROTECT, null=True, related_name="trail"
    )

    class Meta:
        indexes = [
            # the trail of all, of a thing, of somebody, of an act: newest first, by page
            models.Index(fields=["-at", "-id"], name="audit_at"),
            models.Index(fields=["subject", "-at", "-id"], name="audit_of_subject"),
            models.Index(fields=["actor", "-at", "-id"], name="audit_of_actor"),
            models.Index(fields=["act", "-at", "-id"], name="audit_of_act"),
        ]

    def __str__(self) -> str:
        return f"{self.act} {self.subject}"
