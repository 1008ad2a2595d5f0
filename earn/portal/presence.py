"""When a session was last seen, so that somebody else's does not look asleep."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from allauth.usersessions.models import UserSession
from django.http import HttpRequest, HttpResponse

EVERY_SECONDS = 5 * 60  # a page in between writes nothing
SEEN = "seen_at"


class Presence:
    """Middleware: notes every few minutes that a session is in use. Goes behind the one
    that knows who is signed in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            _see(request, datetime.now(UTC))
        return self.get_response(request)


def begin(request: HttpRequest, **_: Any) -> None:
    """Hears of every sign-in, of which allauth notes the moment itself."""
    request.session[SEEN] = int(datetime.now(UTC).timestamp())


def _see(request: HttpRequest, at: datetime) -> None:
    if at.timestamp() - request.session.get(SEEN, 0) < EVERY_SECONDS:
        return
    request.session[SEEN] = int(at.timestamp())
    seen = UserSession.objects.filter(session_key=request.session.session_key)
    seen.update(last_seen_at=at)
