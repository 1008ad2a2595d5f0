"""The menus of every page, as a context processor."""

from typing import NamedTuple

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from earn.portal.unread import notifications_label


class Item(NamedTuple):
    """`current` is what `aria-current` says: for the page, a page below it, or none."""

    address: str
    label: str
    current: str


def menu(request: HttpRequest) -> dict[str, list[Item]]:
    """`menu` for what one does here, `account_menu` for who one is."""
    if getattr(request, "user", None) is None or not request.user.is_authenticated:
        main = [("portal:explore", _("Explore"))]
        account = [("account_login", _("Sign in")), ("account_signup", _("Sign up"))]
    else:
        main = [
            ("portal:home", _("Home")),
            ("portal:explore", _("Explore")),
            ("portal:calendar", _("Calendar")),
            ("portal:activity", _("Activity")),
            ("portal:statements", _("Statements")),
            ("portal:notifications", notifications_label(request.user)),
            ("portal:verify", _("Verify")),
        ]
        account = [
            ("portal:preferences", _("Preferences")),
            ("mfa_index", _("Security")),
            ("account_logout", _("Sign out")),
        ]
    return {
        "menu": [_item(request.path, *pair) for pair in main],
        "account_menu": [_item(request.path, *pair) for pair in account],
    }


def _item(path: str, name: str, label: str) -> Item:
    address = reverse(name)
    below = "true" if path.startswith(address) else ""
    return Item(address, label, "page" if path == address else below)
