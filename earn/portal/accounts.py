"""Signing up: who signs in is a user, whose money it is a customer."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import qrcode  # type: ignore[import-untyped]
from allauth.account.adapter import DefaultAccountAdapter, get_adapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from qrcode.image.svg import SvgPathFillImage  # type: ignore[import-untyped]

from earn import telling
from earn.models import Customer, User
from earn.portal.devices import browser_of, keep_secret, new_secret, secret_of, system_of
from earn.portal.reauthentication import strongest
from earn.portal.unread import unread


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth's, which knows nothing of customers."""

    def save_user(  # allauth's signature
        self,
        request: HttpRequest,
        user: User,
        form: Any,
        commit: bool = True,  # noqa: FBT001, FBT002
    ) -> User:
        user.joined_at = datetime.now(UTC)
        user.language = get_language() or ""  # of what is told when no browser asks
        with transaction.atomic():
            super().save_user(request, user, form, commit)
            if commit:
                Customer.objects.create(user=user)
        return user

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Who has a second factor shows it: a thief may have the password alone."""
        methods = super().get_reauthentication_methods(user)
        has_app = is_mfa_enabled(user, types=[Authenticator.Type.TOTP])
        return strongest(methods, has_app=has_app)


class Backend(AuthenticationBackend):  # type: ignore[misc]
    """allauth's; who is signed in comes with the number of their unread notifications.

    It stands in the menu of every page, which needs no query of its own for it.
    """

    def get_user(self, user_id: int) -> User | None:
        user = User.objects.annotate(unread=unread()).filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None


def see_device(request: HttpRequest, response: HttpResponse, user: User, **_: Any) -> None:
    """Hears of every sign-in, whatever it was proved by."""
    agent = request.META.get("HTTP_USER_AGENT", "")
    secret = secret_of(request) or new_secret()
    keep_secret(response, secret)
    telling.see_device(
        user,
        secret=secret,
        browser=browser_of(agent),
        system=system_of(agent),
        ip=get_adapter().get_client_ip(request),
        at=datetime.now(UTC),
    )


class SecondFactors(DefaultMFAAdapter):  # type: ignore[misc]
    """allauth's, with secrets kept encrypted, and a picture of them that cameras read
    in a dark theme too: allauth's is black on nothing."""

    def build_totp_svg(self, url: str) -> str:
        picture: bytes = qrcode.make(url, image_factory=SvgPathFillImage).to_string()
        return picture.decode()

    def encrypt(self, text: str) -> str:
        """Secrets of authenticator apps are of no use to who has the database alone."""
        return _box().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _box().decrypt(encrypted_text.encode()).decode()


def _box() -> MultiFernet:
    """Locks with the secret key of the settings; opens with those that it replaced too."""
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    digests = [sha256(b"earn.second-factors:" + key.encode()).digest() for key in keys]
    return MultiFernet([Fernet(urlsafe_b64encode(digest)) for digest in digests])
