from enum import StrEnum

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from earn.days import DayCount
from earn.interest import Compounding, Payout, Rounding, TierMode
from earn.models.fields import AmountField, RateField
from earn.projection import EarlyRule
from ledger.models import Asset


class ProductKind(models.TextChoices):
    FLEXIBLE = "FLEXIBLE", "Flexible"
    FIXED = "FIXED", "Fixed term"


def _choices(enum: type[StrEnum]) -> list[tuple[str, str]]:
    return [(str(x), str(x)) for x in enum]


class Product(models.Model):
    """What customers subscribe to. Its terms are fixed from the moment it first opens."""

    class State(models.TextChoices):
        DRAFT = "DRAFT", "Draft"
        OPEN = "OPEN", "Open"
        PAUSED = "PAUSED", "Paused"
        CLOSED = "CLOSED", "Closed"

    code = models.SlugField(unique=True, max_length=60)
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT)
    kind = models.TextField(choices=ProductKind)
    names = models.JSONField(default=dict, help_text="Name by language code.")
    state = models.TextField(choices=State, default=State.DRAFT)
    wound_up_at = models.DateTimeField(
        null=True, blank=True, help_text="From then on its flexible positions are paid out."
    )
    sale_from = models.DateTimeField(null=True, blank=True)
    sale_until = models.DateTimeField(null=True, blank=True)

    minimum = AmountField(default=0, help_text="Smallest amount of an order.")
    step = AmountField(null=True, blank=True, help_text="Orders are multiples of this.")
    customer_cap = AmountField(
        null=True, blank=True, help_text="Most that one customer holds."
    )
    quota = AmountField(null=True, blank=True, help_text="Most that all customers hold.")

    day_count = models.TextField(choices=_choices(DayCount), default=DayCount.ACT_365F)
    tier_mode = models.TextField(choices=_choices(TierMode), default=TierMode.SLICE)
    compounding = models.TextField(choices=_choices(Compounding), default=Compounding.NONE)
    payout = models.TextField(choices=_choices(Payout))
    final_rounding = models.TextField(choices=_choices(Rounding), default=Rounding.FLOOR)

    early_rule = models.TextField(choices=_choices(EarlyRule), default=EarlyRule.FORBIDDEN)
    early_rate = RateField(null=True, blank=True, help_text="For REDUCED_RATE.")
    early_days = models.SmallIntegerField(
        null=True, blank=True, help_text="For FORFEIT_DAYS."
    )
    minimum_holding_days = models.SmallIntegerField(default=0)
    settlement_delay_days = models.SmallIntegerField(default=0)
    renewal_cutoff_hours = models.SmallIntegerField(default=0)
    notice_days = models.SmallIntegerField(default=0, help_text="Before a rate is cut.")

    countries_allowed = ArrayField(models.CharField(max_length=2), default=list, blank=True)
    countries_denied = ArrayField(models.CharField(max_length=2), default=list, blank=True)
    minimum_kyc_level = models.SmallIntegerField(default=0)
    risk_text = models.TextField(blank=True)
    risk_translations = models.JSONField(
        default=dict, blank=True, help_text="The risk text by language code."
    )
    risk_version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="payout_fits_the_kind",
                condition=Q(
                    kind="FLEXIBLE", payout__in=["ON_REDEMPTION", "DAILY", "MONTHLY"]
                )
                | Q(kind="FIXED", payout__in=["AT_MATURITY", "DAILY", "MONTHLY"]),
            ),
            models.CheckConstraint(
                name="early_redemption_has_its_figure",
                condition=(
                    Q(
                        early_rule="REDUCED_RATE",
                        early_rate__isnull=False,
                        early_rate__gte=0,
                        early_days=None,
                    )
                    | Q(
                        early_rule="FORFEIT_DAYS",
                        early_days__isnull=False,
                        early_days__gte=1,
                        early_rate=None,
                    )
                    | Q(
                        early_rule__in=["FORBIDDEN", "FORFEIT_ALL"],
                        early_days=None,
                        early_rate=None,
                    )
                ),
            ),
            models.CheckConstraint(
                name="limits_are_positive",
                condition=Q(minimum__gte=0)
                & (Q(step=None) | Q(step__gt=0))
                & (Q(customer_cap=None) | Q(customer_cap__gt=0))
                & (Q(quota=None) | Q(quota__gt=0)),
            ),
            models.CheckConstraint(
                name="periods_are_not_negative",
                condition=Q(
                    minimum_holding_days__gte=0,
                    settlement_delay_days__gte=0,
                    renewal_cutoff_hours__gte=0,
                    notice_days__gte=0,
                    minimum_kyc_level__gte=0,
                ),
            ),
            models.CheckConstraint(
                name="only_closed_flexible_products_are_wound_up",
                condition=Q(wound_up_at=None) | Q(state="CLOSED", kind="FLEXIBLE"),
            ),
            models.CheckConstraint(
                name="sale_ends_after_it_begins",
                condition=Q(sale_from=None)
                | Q(sale_until=None)
                | Q(sale_until__gt=F("sale_from")),
            ),
        ]

    def __str__(self) -> str:
        return self.code


class RateChart(models.Model):
    """One version of a product's rates; immutable once it is announced."""

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="charts")
    version = models.IntegerField()
    announced_at = models.DateTimeField(null=True, blank=True)
    effective_on = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["product", "version"], name="one_chart_a_version"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product} v{self.version}"


class RateTier(models.Model):
    """The annual rate from an amount on up to the next tier's: `[from, next)`."""

    chart = models.ForeignKey(RateChart, on_delete=models.PROTECT, related_name="tiers")
    term_days = models.IntegerField(null=True, blank=True, help_text="Empty when flexible.")
    from_amount = AmountField()
    annual_rate = RateField()

    class Meta:
        ordering = ["term_days", "from_amount"]
        constraints = [
            models.UniqueConstraint(
                fields=["chart", "term_days", "from_amount"],
                name="one_tier_from_an_amount",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="tier_figures_are_in_range",
                condition=Q(from_amount__gte=0, annual_rate__gte=0)
                & (Q(term_days=None) | Q(term_days__gte=1, term_days__lte=36500)),
            ),
        ]


class QuotaShard(models.Model):
    """A part of a product's quota; several spread the lock of an announced rush."""

    product = models.ForeignKey(
        Product, on_delete=models.PROTECT, related_name="quota_shards"
    )
    number = models.SmallIntegerField()
    capacity = AmountField()
    used = AmountField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["product", "number"], name="one_shard_a_number"
            ),
            models.CheckConstraint(
                name="not_oversold", condition=Q(used__gte=0, used__lte=F("capacity"))
            ),
        ]
