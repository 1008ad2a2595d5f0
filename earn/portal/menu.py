"""The main menu of every page, as a context processor."""

from django.http import HttpRequest
from django.utils.translation import gettext as _

Items = list[tuple[str, str]]


def menu(request: HttpRequest) -> dict[str, Items]:
    """(URL name, label) of each item, by whether somebody is signed in."""
    items = [("portal:explore", _("Explore"))]
    if getattr(request, "user", None) is not None and request.user.is_authenticated:
        items = [("portal:home", _("Home")), *items, ("portal:verify", _("Verify"))]
        items.append(("mfa_index", _("Security")))
        return {"menu": [*items, ("account_logout", _("Sign out"))]}
    return {
        "menu": [*items, ("account_login", _("Sign in")), ("account_signup", _("Sign up"))]
    }
