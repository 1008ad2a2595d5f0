"""What somebody signed in from: a browser that keeps a secret of ours, in a cookie.

The cookie is no tracking: it is set by signing in and read by signing in, so that a thief
who has the password, and the same browser and system, is noticed. Nothing that is done on
pages is ever tied to it; it says the same of all who share a browser, and we keep its hash.

The names of browsers and systems are what they call themselves: product names, not words.
"""

import secrets
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse

COOKIE = "device"
SALT = "earn.devices"
KEPT = timedelta(days=400)  # as long as browsers keep any cookie
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iOS"),
    ("iPad", "iOS"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def secret_of(request: HttpRequest) -> str | None:
    """What we gave the browser; None if it has nothing, or something not signed by us."""
    return request.get_signed_cookie(
        COOKIE, default=None, salt=SALT, max_age=int(KEPT.total_seconds())
    )


def keep_secret(response: HttpResponse, secret: str) -> None:
    """For as long again, with each sign-in."""
    response.set_signed_cookie(
        COOKIE,
        secret,
        salt=SALT,
        max_age=KEPT,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def browser_of(agent: str) -> str:
    """Empty when it is not known."""
    return next((name for mark, name in BROWSERS if mark in agent), "")


def system_of(agent: str) -> str:
    """Empty when it is not known."""
    return next((name for mark, name in SYSTEMS if mark in agent), "")
