"""Before money leaves: whoever is signed in has shown lately that it is them."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from allauth.account import app_settings
from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

SECOND_FACTOR = "mfa"  # as allauth records it; a passkey that signs in is one too


def is_due(request: HttpRequest, at: datetime) -> bool:
    """Whether the last password, code or passkey of this session is too old.

    Of who has a second factor the password does not count. allauth's own question counts no
    signing in, however short ago. Who has nothing to show, not even a password, is not
    asked for it.
    """
    methods = get_adapter(request).get_reauthentication_methods(request.user)
    if not methods:
        return False
    records = get_authentication_records(request, request.user)
    if any(is_second_factor(method) for method in methods):
        records = [record for record in records if record["method"] == SECOND_FACTOR]
    seconds = at.timestamp() - max((record["at"] for record in records), default=0)
    return bool(seconds >= app_settings.REAUTHENTICATION_TIMEOUT)


def ask(request: HttpRequest, *, back: str) -> HttpResponse:
    """Sends to the page that asks, which leads back to the path `back`."""
    methods = get_adapter(request).get_reauthentication_methods(request.user)
    return redirect(f"{methods[0]['url']}?{urlencode({REDIRECT_FIELD_NAME: back})}")


def is_second_factor(method: dict[str, Any]) -> bool:
    """Of a way to show who one is, as allauth lists them."""
    return str(method["id"]).startswith("mfa_reauthenticate")


def strongest(methods: list[dict[str, Any]], *, has_app: bool) -> list[dict[str, Any]]:
    """Without the password where there is a second factor; what is at hand comes first.

    The page for codes of an app takes recovery codes too: without an app it comes last.
    """
    found = [method for method in methods if is_second_factor(method)]
    return (found if has_app else found[::-1]) or methods
