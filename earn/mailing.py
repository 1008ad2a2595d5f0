"""Sending notifications by mail: later rather than not at all, and not when they are old.

A mail is taken before it is sent and marked after: whoever dies in between has perhaps
sent it, and the next attempt sends it again under the same Message-ID, by which mailboxes
know it. No lock is held while a mail server is talked to.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from email.utils import parseaddr
from smtplib import SMTPException
from typing import Any, NamedTuple

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import connection

from earn.models import Notification
from earn.sql import sql

BATCH = 20
BATCHES = 50  # of one run; beat calls again every minute
# What was told longer ago waited too long: the books of the demo, which play ninety days,
# would bury people under mails about last month. The portal has it all. What a late close
# tells is told when it closes, and mailed however old it is.
MAIL_DAYS = timedelta(days=3)
GIVE_UP_DAYS = timedelta(days=30)  # of a mail server or a mailbox that takes nothing
FAILURES = (SMTPException, OSError)
Mail = Notification.Mail


class Letter(NamedTuple):
    subject: str
    body: str


def send_mails(*, at: datetime, write: Callable[[Notification], Letter]) -> int:
    """Sends what is due, as `write` words it; how many were sent. Runs side by side."""
    _drop_the_old(at)
    total = 0
    for _ in range(BATCHES):
        taken = _take(at)
        sent = _send(taken, write, at) if taken else None
        if sent is None:
            break
        total += sent
    return total


def message_id(notification: Notification) -> str:
    """The same for every attempt."""
    _, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    return f"<notification-{notification.pk}@{address.rpartition('@')[2]}>"


def _drop_the_old(at: datetime) -> None:
    """What waits since an outage was tried, and is not old news.

    Until its first try a mail is due when it was told.
    """
    waiting = Notification.objects.filter(mail=Mail.WAITING)
    untried, tried = waiting.filter(mail_attempts=0), waiting.filter(mail_attempts__gt=0)
    untried.filter(mail_due_at__lt=at - MAIL_DAYS).update(mail=Mail.LATE)
    tried.filter(at__lt=at - GIVE_UP_DAYS).update(mail=Mail.GIVEN_UP)


def _take(at: datetime) -> list[Notification]:
    with connection.cursor() as cursor:
        cursor.execute(sql("claim_mails"), {"at": at, "limit": BATCH})
        ids = [pk for (pk,) in cursor.fetchall()]
    rows = Notification.objects.select_related(
        "customer__user", "product__asset", "position__product", "order"
    )
    return list(rows.filter(pk__in=ids).order_by("pk"))


def _send(
    taken: Sequence[Notification], write: Callable[[Notification], Letter], at: datetime
) -> int | None:
    """How many were sent; None when the server does not answer: no use to go on."""
    server = get_connection()
    try:
        server.open()
    except FAILURES as error:
        for notification in taken:
            _note(notification, mail_problem=_said(error))
        untried = Notification.objects.filter(mail=Mail.WAITING, mail_attempts=0)
        untried.filter(mail_due_at__lte=at).update(mail_attempts=1)
        return None
    try:
        return sum(_send_one(x, write, at, server) for x in taken)
    finally:
        server.close()


def _send_one(
    notification: Notification,
    write: Callable[[Notification], Letter],
    at: datetime,
    server: Any,
) -> bool:
    user = notification.customer.user
    if user is None or not user.is_active:  # since it was told
        _note(notification, mail=Mail.NONE)
        return False
    letter = write(notification)
    message = EmailMessage(
        subject=letter.subject,
        body=letter.body,
        to=[user.email],
        headers={
            "Message-ID": message_id(notification),
            "Auto-Submitted": "auto-generated",
        },
        connection=server,
    )
    try:
        message.send()
    except FAILURES as error:
        _note(notification, mail_problem=_said(error))
        return False
    _note(notification, mail=Mail.SENT, mailed_at=at, mail_problem="")
    return True


def _note(notification: Notification, **found: Any) -> None:
    Notification.objects.filter(pk=notification.pk, mail=Mail.WAITING).update(**found)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
