"""How many notifications somebody has not read: the number beside them in the menu."""

from typing import Any

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from earn.models import Notification


def unread() -> Coalesce:
    """For a query of users: a count by the index of what is unread."""
    rows = Notification.objects.filter(
        customer__user=OuterRef("pk"), in_portal=True, read_at=None
    )
    number = rows.order_by().values("in_portal").annotate(number=Count("pk"))
    return Coalesce(Subquery(number.values("number")), 0)


def notifications_label(user: Any) -> str:
    """Who has just signed in is not counted for until the next page."""
    number = getattr(user, "unread", 0)
    if not number:
        return _("Notifications")
    return _("Notifications (%(number)s)") % {"number": number}
