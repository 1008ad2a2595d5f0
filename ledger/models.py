"""The tables of the books.

Debit is positive, credit is negative, wherever one signed figure stands for a leg.
Amounts are `NUMERIC(38,18)` in whole units of their asset (1.5 BTC is 1.5) and always a
multiple of the asset's unit, 10^-scale. Rows are written by `ledger.posting` and by the
functions in `ledger/sql` alone; triggers there hold what a constraint cannot say.
"""

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now


def _amount(**options: Any) -> "models.DecimalField[Any, Any]":
    return models.DecimalField(max_digits=38, decimal_places=18, **options)


class Asset(models.Model):
    class Kind(models.TextChoices):
        CRYPTO = "CRYPTO", "Crypto"
        FIAT = "FIAT", "Fiat"
        TOKENISED = "TOKENISED", "Tokenised"

    id = models.AutoField(primary_key=True)
    code = models.TextField(unique=True)
    name = models.TextField()
    scale = models.SmallIntegerField(help_text="Decimals of the smallest unit, 0 to 18.")
    kind = models.TextField(choices=Kind)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="asset_scale_is_0_to_18", condition=Q(scale__gte=0, scale__lte=18)
            ),
        ]

    def __str__(self) -> str:
        return self.code


class Account(models.Model):
    class Kind(models.TextChoices):
        ASSET = "ASSET", "Asset"
        LIABILITY = "LIABILITY", "Liability"
        EQUITY = "EQUITY", "Equity"
        INCOME = "INCOME", "Income"
        EXPENSE = "EXPENSE", "Expense"

    asset = models.ForeignKey(Asset, on_delete=models.PROTECT)
    kind = models.TextField(choices=Kind)
    code = models.TextField()
    heading = models.TextField(
        help_text="Line of the trial balance; an unguarded account is its own heading."
    )
    owner = models.UUIDField(null=True, blank=True)
    guarded = models.BooleanField(
        help_text="Keeps a balance row that is locked by every post and never crosses zero."
    )
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["asset", "code"], name="one_account_per_asset_and_code"
            ),
            models.UniqueConstraint(fields=["id", "asset"], name="account_with_its_asset"),
            models.CheckConstraint(
                name="guarded_accounts_are_liabilities",
                condition=Q(guarded=False) | Q(kind="LIABILITY"),
            ),
            models.CheckConstraint(
                name="unguarded_accounts_are_their_own_heading",
                condition=Q(guarded=True) | Q(heading=F("code")),
            ),
            models.CheckConstraint(
                name="owned_accounts_are_guarded",
                condition=Q(owner=None) | Q(guarded=True),
            ),
        ]
        indexes = [
            # a customer's accounts, for statements and the portal's home page
            models.Index(fields=["owner"], name="account_owner", condition=~Q(owner=None)),
        ]

    def __str__(self) -> str:
        return self.code


class Balance(models.Model):
    """Two figures that only grow, kept for guarded accounts by the trigger on postings."""

    account = models.OneToOneField(
        Account, on_delete=models.PROTECT, primary_key=True, db_constraint=False
    )
    asset = models.ForeignKey(
        Asset, on_delete=models.PROTECT, db_constraint=False, db_index=False
    )
    debits = _amount(default=0)
    credits = _amount(default=0)
    held = _amount(default=0)
    version = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="not_overdrawn", condition=Q(credits__gte=F("debits") + F("held"))
            ),
            models.CheckConstraint(
                name="balance_figures_are_not_negative",
                condition=Q(debits__gte=0, credits__gte=0, held__gte=0, version__gte=0),
            ),
        ]


class Entry(models.Model):
    """One journal entry: a transaction of the books."""

    key = models.TextField(unique=True)
    digest = models.BinaryField(
        help_text="SHA-256 of the content; tells a replay from a reuse."
    )
    kind = models.TextField()
    happened_at = models.DateTimeField(help_text="When it takes effect.")
    recorded_at = models.DateTimeField(db_default=Now())
    day = models.DateField(help_text="Business day: the UTC date of happened_at.")
    adjusting = models.BooleanField(
        help_text="Made by the daily close; may still go to a fenced day."
    )
    lines = models.SmallIntegerField()
    note = models.JSONField()
    reverses = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, db_constraint=False
    )

    class Meta:
        verbose_name_plural = "entries"
        constraints = [
            models.CheckConstraint(
                name="an_entry_has_a_line_or_more", condition=Q(lines__gte=1)
            ),
        ]
        indexes = [
            models.Index(fields=["day", "id"], name="entry_day"),  # exports, journal by day
            # a search for a kind that is rare would read the whole journal without it
            models.Index(fields=["kind", "day", "id"], name="entry_kind"),
        ]

    def __str__(self) -> str:
        return self.key


class Posting(models.Model):
    """One row is one debit and one credit, so that no entry can be unbalanced."""

    pk = models.CompositePrimaryKey("entry_id", "line")
    entry = models.ForeignKey(
        Entry,
        on_delete=models.PROTECT,
        related_name="postings",
        db_constraint=False,
        db_index=False,
    )
    line = models.SmallIntegerField()
    day = models.DateField()
    asset = models.ForeignKey(
        Asset, on_delete=models.PROTECT, db_constraint=False, db_index=False
    )
    debit = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    credit = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    amount = _amount()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="debit_and_credit_differ", condition=~Q(debit=F("credit"))
            ),
            models.CheckConstraint(name="amount_is_positive", condition=Q(amount__gt=0)),
        ]
        indexes = [
            # one account's lines from a day on: balances at a time, statements, basis; and
            # page by page, for which a day of a busy account would be too much to sort
            models.Index(fields=["debit", "day", "entry", "line"], name="posting_debit"),
            models.Index(fields=["credit", "day", "entry", "line"], name="posting_credit"),
            models.Index(fields=["day"], name="posting_day"),  # totals of a day
            # a search for an amount, often all that a bank's or a customer's letter says
            models.Index(fields=["asset", "amount", "day", "entry"], name="posting_amount"),
        ]


class BookDay(models.Model):
    """A business day that is fenced (adjusting entries only) or ended (takes nothing)."""

    day = models.DateField(primary_key=True)
    fenced_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)


class BalanceDay(models.Model):
    """Debits and credits of a guarded account from the beginning through an ended day."""

    pk = models.CompositePrimaryKey("account_id", "day")
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, db_constraint=False, db_index=False
    )
    day = models.DateField()
    debits = _amount()
    credits = _amount()


class DailyTotal(models.Model):
    """Debits and credits of every heading from the beginning through an ended day."""

    pk = models.CompositePrimaryKey("day", "asset_id", "heading")
    day = models.DateField()
    asset = models.ForeignKey(
        Asset, on_delete=models.PROTECT, db_constraint=False, db_index=False
    )
    heading = models.TextField()
    kind = models.TextField(choices=Account.Kind)
    debits = _amount()
    credits = _amount()


class Seal(models.Model):
    """A link of the hash chain: sha256 over the previous link and the entries it seals."""

    number = models.BigIntegerField(primary_key=True)
    previous = models.BinaryField()
    count = models.IntegerField()
    root = models.BinaryField()
    hash = models.BinaryField(unique=True)
    sealed_at = models.DateTimeField()
    day = models.DateField(null=True, unique=True, help_text="The day that this seal ends.")
    attests = models.BinaryField(
        null=True, help_text="Digest of rows outside the journal that the day rests on."
    )


class SealedEntry(models.Model):
    entry = models.OneToOneField(
        Entry,
        on_delete=models.PROTECT,
        primary_key=True,
        related_name="sealed",
        db_constraint=False,
    )
    seal = models.ForeignKey(Seal, on_delete=models.PROTECT, db_constraint=False)
    position = models.IntegerField()
    hash = models.BinaryField()


class SealQueue(models.Model):
    """Entries that no seal holds yet; written in the entry's own transaction."""

    entry = models.OneToOneField(
        Entry, on_delete=models.PROTECT, primary_key=True, db_constraint=False
    )
