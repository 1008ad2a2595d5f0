from django.db import models
from django.db.models import F, Q

from earn.models.fields import AmountField, RateField
from earn.models.people import Customer
from earn.models.products import Product, RateChart


class AtMaturity(models.TextChoices):
    PAY_OUT = "PAY_OUT", "Pay out to the wallet"
    RENEW_PRINCIPAL = "RENEW_PRINCIPAL", "Renew the principal"
    RENEW_ALL = "RENEW_ALL", "Renew principal and interest"
    TO_FLEXIBLE = "TO_FLEXIBLE", "Move to the flexible product"


class Position(models.Model):
    """One customer's money in one product.

    The nightly accrual never updates it: accrued interest stands in the accrual rows, and
    what is owed is the last row's `accrued` less `interest_settled`. Written by the use
    cases and the close alone.
    """

    class State(models.TextChoices):
        OPEN = "OPEN", "Open"
        REDEEMED = "REDEEMED", "Redeemed"
        MATURED = "MATURED", "Matured"

    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, db_constraint=False, db_index=False
    )
    product = models.ForeignKey(
        Product, on_delete=models.PROTECT, db_constraint=False, db_index=False
    )
    chart = models.ForeignKey(
        RateChart,
        on_delete=models.PROTECT,
        null=True,
        db_constraint=False,
        db_index=False,
        help_text="The chart a fixed position keeps for life; empty when flexible.",
    )
    term_days = models.IntegerField(null=True)
    state = models.TextField(choices=State, default=State.OPEN)
    principal = AmountField(default=0)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    first_day = models.DateField(help_text="First day that earns.")
    last_day = models.DateField(
        null=True, help_text="Last day that earns; open while empty."
    )
    matures_on = models.DateField(null=True)
    touched_on = models.DateField(help_text="Day of the last movement of principal.")
    compounds = models.BooleanField(help_text="Interest accrued earns too.")
    interest_settled = AmountField(
        default=0, help_text="Left the accrued account: paid, capitalised or forfeited."
    )
    interest_paid = AmountField(default=0, help_text="Of that, paid or capitalised.")
    true_up = AmountField(
        default=0, help_text="0 or 1 unit added at the last payout by final rounding."
    )
    interest_due = models.BooleanField(
        default=False, help_text="Left before its last days were closed; their close pays."
    )
    clawed_back = AmountField(
        default=0, help_text="Interest paid before that an early exit did not earn."
    )
    at_maturity = models.TextField(choices=AtMaturity, default=AtMaturity.PAY_OUT)
    minimum_renewal_rate = RateField(null=True)
    renews = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    outcome = models.TextField(
        blank=True, help_text="What became of it at maturity, and why not what was asked."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="principal_is_not_negative", condition=Q(principal__gte=0)
            ),
            models.CheckConstraint(
                name="closed_positions_are_empty",
                condition=Q(state="OPEN", closed_at=None)
                | Q(principal=0, closed_at__isnull=False, last_day__isnull=False)
                & ~Q(state="OPEN"),
            ),
            models.CheckConstraint(
                name="fixed_positions_have_term_chart_and_maturity",
                condition=Q(term_days=None, chart=None, matures_on=None)
                | Q(
                    term_days__isnull=False,
                    term_days__gte=1,
                    chart__isnull=False,
                    matures_on__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="paid_interest_was_settled",
                condition=Q(interest_paid__gte=0, interest_paid__lte=F("interest_settled")),
            ),
            # by product first: also finds all whose rate a chart changes
            models.UniqueConstraint(
                fields=["product", "customer"],
                name="one_open_flexible_position",
                condition=Q(state="OPEN", term_days=None),
            ),
        ]
        indexes = [
            # a customer's positions in a product: the cap, the portal's home page
            models.Index(fields=["customer", "product"], name="position_customer"),
            # who holds how much of a product: the desk's lists (flexible: the constraint)
            models.Index(
                fields=["product", "customer"],
                name="position_term_holders",
                condition=Q(state="OPEN", term_days__isnull=False),
                include=["principal"],
            ),
            # what the close settles: fixed positions by maturity
            models.Index(
                fields=["matures_on", "id"],
                name="position_maturity",
                condition=Q(state="OPEN", matures_on__isnull=False),
            ),
            # left before their last days were closed: a later close pays them
            models.Index(
                fields=["id"], name="position_interest_due", condition=Q(interest_due=True)
            ),
        ]

    def __str__(self) -> str:
        return f"position {self.pk}"
