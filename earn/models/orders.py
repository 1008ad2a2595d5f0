from django.db import models
from django.db.models import Q

from earn.models.fields import AmountField
from earn.models.people import Customer
from earn.models.positions import Position
from earn.models.products import Product


class Order(models.Model):
    """What a customer asked for, under the key of the asking, and what became of it.

    A refusal is kept too: a late duplicate cannot succeed after the client was told no.
    """

    class Kind(models.TextChoices):
        DEPOSIT = "DEPOSIT", "Deposit"
        WITHDRAW = "WITHDRAW", "Withdrawal"
        SUBSCRIBE = "SUBSCRIBE", "Subscription"
        REDEEM = "REDEEM", "Redemption"
        CANCEL = "CANCEL", "Cancellation of a redemption"
        INSTRUCT = "INSTRUCT", "Change of the maturity instruction"

    class State(models.TextChoices):
        DONE = "DONE", "Done"
        PENDING = "PENDING", "Waiting for its date"
        CANCELLED = "CANCELLED", "Cancelled"
        REFUSED = "REFUSED", "Refused"

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, db_index=False)
    key = models.TextField()
    kind = models.TextField(choices=Kind)
    request = models.JSONField(help_text="What was asked; tells a replay from a reuse.")
    at = models.DateTimeField()
    state = models.TextField(choices=State, default=State.DONE)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, null=True)
    position = models.ForeignKey(Position, on_delete=models.PROTECT, null=True)
    preview = models.JSONField(null=True, help_text="What it was confirmed against.")
    terms = models.JSONField(
        null=True, help_text="Rules, rates and risk text as they were when it was placed."
    )
    amount = AmountField(null=True)
    interest_settled = AmountField(
        default=0, help_text="Interest that this order moved out of the accrued account."
    )
    due_on = models.DateField(null=True, help_text="When a delayed redemption is paid.")
    entry = models.ForeignKey(
        "ledger.Entry", on_delete=models.PROTECT, null=True, db_constraint=False
    )
    refusal = models.JSONField(null=True, help_text="code, message and figures.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["customer", "key"], name="one_order_per_key"),
            models.CheckConstraint(
                name="order_key_is_1_to_128_long", condition=Q(key__regex=r"^.{1,128}$")
            ),
            models.CheckConstraint(
                name="pending_orders_have_a_date",
                condition=~Q(state="PENDING") | Q(due_on__isnull=False),
            ),
            models.CheckConstraint(
                name="refused_orders_say_why",
                condition=~Q(state="REFUSED") | Q(refusal__isnull=False, entry=None),
            ),
        ]
        indexes = [
            # redemptions that a close has to pay
            models.Index(
                fields=["due_on", "id"], name="order_due", condition=Q(state="PENDING")
            ),
            # staff's filter by state: without it a rare one reads all orders. Nearly all
            # are done at once and never enter it.
            models.Index(
                fields=["state", "id"], name="order_not_done", condition=~Q(state="DONE")
            ),
            # the latest deposits or withdrawals of an asset: what is usual
            models.Index(
                "kind",
                "request__asset",
                "id",
                name="order_moved",
                condition=Q(kind__in=["DEPOSIT", "WITHDRAW"], state="DONE"),
            ),
        ]
