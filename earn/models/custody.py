"""What custodians and venues say they hold, where the books differ, and what came of it."""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from earn.models.fields import AmountField
from earn.models.people import User
from ledger.models import Asset


class CustodyStatement(models.Model):
    """A file as it was taken in, all of it; the same file twice is one."""

    sha256 = models.TextField()
    name = models.TextField(help_text="Of the file, as it was called.")
    lines = models.IntegerField()
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sha256"], name="one_statement_a_file"),
            models.CheckConstraint(
                name="statements_are_named_by_their_sha256",
                condition=Q(sha256__regex=r"^[0-9a-f]{64}$"),
            ),
            models.CheckConstraint(
                name="statements_have_a_line_or_more", condition=Q(lines__gte=1)
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CustodyLine(models.Model):
    """What one place is said to have held of an asset at a moment."""

    statement = models.ForeignKey(
        CustodyStatement, on_delete=models.PROTECT, db_index=False
    )
    number = models.IntegerField(help_text="Line of the file.")
    as_of = models.DateTimeField()
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, db_index=False)
    venue = models.TextField(blank=True, help_text="Empty for custody.")
    balance = AmountField()
    reference = models.TextField(blank=True)
    repeats = models.ForeignKey(
        "Break",
        on_delete=models.PROTECT,
        null=True,
        db_index=False,
        related_name="repeats",
        help_text="The break that was open for the same difference already.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["statement", "number"], name="one_custody_line_a_number"
            ),
            models.UniqueConstraint(
                fields=["statement", "as_of", "asset", "venue"],
                name="one_custody_balance_a_moment_and_place",
            ),
            models.CheckConstraint(
                name="custody_balances_are_not_negative", condition=Q(balance__gte=0)
            ),
        ]
        indexes = [
            # what was stated of a day
            models.Index(fields=["as_of"], name="custody_line_moment"),
            # where a break was seen again
            models.Index(
                fields=["repeats", "-id"],
                name="custody_line_again",
                condition=Q(repeats__isnull=False),
            ),
        ]


class Break(models.Model):
    """A difference to the books. Resolved once, with a note, for ever.

    What a comparison of ours found is closed by itself once it is gone; nobody is named
    then.
    """

    class Kind(models.TextChoices):
        CUSTODY = "CUSTODY", "Custodian or venue"
        CONTROL = "CONTROL", "Control account"
        PRINCIPAL = "PRINCIPAL", "Principal of a position"

    kind = models.TextField(choices=Kind, default=Kind.CUSTODY)
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, db_index=False)
    subject = models.TextField(
        help_text="Account of the books; of a control account, also what it controls."
    )
    as_of = models.DateTimeField(help_text="Moment of both figures.")
    statement = models.ForeignKey(
        CustodyStatement, on_delete=models.PROTECT, null=True, related_name="breaks"
    )
    line = models.OneToOneField(
        CustodyLine,
        on_delete=models.PROTECT,
        null=True,
        help_text="Empty where the statement says nothing of what the books hold.",
    )
    stated = AmountField()
    books = AmountField(help_text="What the books held when this was found.")
    opened_at = models.DateTimeField()
    owner = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    note = models.TextField(blank=True)

    class Meta:
        permissions = [("reconcile", "May take in statements and resolve breaks")]
        constraints = [
            models.CheckConstraint(
                name="breaks_are_differences", condition=~Q(stated=F("books"))
            ),
            models.CheckConstraint(
                name="resolved_breaks_have_a_note_and_a_name",
                condition=Q(resolved_at=None, resolved_by=None, note="")
                | Q(resolved_at__gte=F("opened_at"), note__regex=r"\S")
                & (Q(resolved_by__isnull=False) | Q(line=None)),
            ),
            models.CheckConstraint(
                name="breaks_with_custodians_have_a_statement",
                condition=Q(kind="CUSTODY", statement__isnull=False)
                | ~Q(kind="CUSTODY") & Q(statement=None, line=None),
            ),
            models.UniqueConstraint(
                "asset",
                "subject",
                F("stated") - F("books"),
                name="one_open_break_a_difference",
                condition=Q(kind="CUSTODY", resolved_at=None),
            ),
            models.UniqueConstraint(
                fields=["kind", "asset", "subject"],
                name="one_open_break_a_subject",
                condition=~Q(kind="CUSTODY") & Q(resolved_at=None),
            ),
        ]
        indexes = [
            # the few that are open, among all that ever were
            models.Index(
                fields=["id"], name="break_open", condition=Q(resolved_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"Break {self.pk}"

    @property
    def difference(self) -> Decimal:
        """What is stated more than the books hold."""
        difference: Decimal = self.stated - self.books
        return difference


class Reconciliation(models.Model):
    """What a comparison of the books with their sub-ledgers came to."""

    at = models.DateTimeField()
    by = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        help_text="Empty where it was the nightly task.",
    )
    figures = models.JSONField(help_text="Control account and sub-ledger, by asset.")
    checks = models.JSONField(help_text="Each check with the first of what it found.")
    violations = models.IntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="violations_are_counted", condition=Q(violations__gte=0)
            ),
        ]
