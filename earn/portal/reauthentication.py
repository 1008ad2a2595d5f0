"""Before money leaves: whoever is signed in has shown lately that it is them."""

from datetime import datetime
from urllib.parse import urlencode

from allauth.account import app_settings
from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect


def is_due(request: HttpRequest, at: datetime) -> bool:
    """Whether the last password, code or passkey of this session is too old.

    allauth's own question counts no signing in, however short ago. Who has nothing to show,
    not even a password, is not asked for it.
    """
    if not get_adapter(request).get_reauthentication_methods(request.user):
        return False
    shown = [record["at"] for record in get_authentication_records(request, request.user)]
    seconds = at.timestamp() - max(shown, default=0)
    return bool(seconds >= app_settings.REAUTHENTICATION_TIMEOUT)


def ask(request: HttpRequest, *, back: str) -> HttpResponse:
    """Sends to the page that asks, which leads back to the path `back`."""
    methods = get_adapter(request).get_reauthentication_methods(request.user)
    return redirect(f"{methods[0]['url']}?{urlencode({REDIRECT_FIELD_NAME: back})}")
