from django.db import models
from django.db.models import F, Q

from earn.models.orders import Order
from earn.models.people import Customer, User
from earn.models.positions import Position
from earn.models.products import Product


class News(models.TextChoices):
    """What customers are told of. The codes are kept for ever; the words may change."""

    MATURES_IN_7_DAYS = "MATURES_IN_7_DAYS", "A term matures in 7 days"
    MATURES_IN_1_DAY = "MATURES_IN_1_DAY", "A term matures tomorrow"
    MATURED = "MATURED", "A term has matured and was paid out"
    RENEWED = "RENEWED", "A term was renewed or has moved on"
    NOT_RENEWED = "NOT_RENEWED", "A term was not renewed, and why"
    RATE_CUT = "RATE_CUT", "A rate will fall"
    REDEMPTION_PAID = "REDEMPTION_PAID", "A redemption was paid"
    NEW_DEVICE = "NEW_DEVICE", "A sign-in from a new device"


# All others are of money that has moved, of rates that will fall, of who got in.
OPTIONAL = (News.MATURES_IN_7_DAYS, News.MATURES_IN_1_DAY)


class Notification(models.Model):
    """Something that a customer was told, once.

    Its figures are those of the moment it tells of; the words are made of them in the
    reader's language, when it is read.

    Written by `earn.telling` alone, in the transaction of what it tells of. A bulk table:
    no foreign key is checked row by row, for all that it names is never deleted.
    """

    class Mail(models.TextChoices):
        NONE = "NONE", "Not asked for"
        WAITING = "WAITING", "Waiting"
        SENT = "SENT", "Sent"
        LATE = "LATE", "Too old when its turn came"
        GIVEN_UP = "GIVEN_UP", "Given up"

    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, db_constraint=False, db_index=False
    )
    kind = models.TextField(choices=News)
    key = models.TextField(help_text="Names what it tells of: nobody is told twice.")
    at = models.DateTimeField(help_text="When it happened.")
    figures = models.JSONField(help_text="Amounts, dates and reasons, as text.")
    product = models.ForeignKey(
        Product, on_delete=models.PROTECT, null=True, db_constraint=False, db_index=False
    )
    position = models.ForeignKey(
        Position, on_delete=models.PROTECT, null=True, db_constraint=False, db_index=False
    )
    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, null=True, db_constraint=False, db_index=False
    )
    in_portal = models.BooleanField(default=True)
    read_at = models.DateTimeField(null=True)
    mail = models.TextField(choices=Mail, default=Mail.NONE)
    mail_due_at = models.DateTimeField(null=True, help_text="When to try, or try again.")
    mail_attempts = models.SmallIntegerField(default=0)
    mail_problem = models.TextField(blank=True, help_text="Why the last attempt failed.")
    mailed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["customer", "key"], name="told_once"),
            models.CheckConstraint(
                name="waiting_mails_have_a_time",
                condition=~Q(mail="WAITING") | Q(mail_due_at__isnull=False),
            ),
            models.CheckConstraint(
                name="sent_mails_have_a_time",
                condition=Q(mail="SENT", mailed_at__isnull=False)
                | ~Q(mail="SENT") & Q(mailed_at=None),
            ),
        ]
        indexes = [
            # the portal's list of a customer, newest first, a page at a time
            models.Index(
                F("customer"),
                F("at").desc(),
                F("id").desc(),
                name="notification_list",
                condition=Q(in_portal=True),
            ),
            # the number beside the menu of every page; "mark all as read"
            models.Index(
                fields=["customer"],
                name="notification_unread",
                condition=Q(in_portal=True, read_at=None),
            ),
            # the next mails to send, and those that have waited too long
            models.Index(
                fields=["mail_due_at", "id"],
                name="notification_mail_due",
                condition=Q(mail="WAITING"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class NotificationPreference(models.Model):
    """Where a customer wants a kind of news; both places while there is no row."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, db_index=False)
    kind = models.TextField(choices=News)
    in_portal = models.BooleanField(default=True)
    by_mail = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "kind"], name="one_preference_a_kind"
            ),
            models.CheckConstraint(
                name="essential_news_cannot_be_switched_off",
                condition=Q(kind__in=[str(kind) for kind in OPTIONAL])
                | Q(in_portal=True, by_mail=True),
            ),
        ]


class KnownDevice(models.Model):
    """A browser that somebody has signed in from; sessions end, this stays.

    Who reads the table cannot pretend to be one of them: it keeps no secret.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, db_index=False)
    digest = models.BinaryField(help_text="SHA-256 of the secret that the browser keeps.")
    browser = models.TextField(blank=True, help_text="Empty when it is not known.")
    system = models.TextField(blank=True, help_text="Empty when it is not known.")
    first_seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "digest"], name="one_row_a_device"),
        ]
