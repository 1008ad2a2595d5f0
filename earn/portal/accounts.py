"""Signing up: who signs in is a user, whose money it is a customer."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import qrcode  # type: ignore[import-untyped]
from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from qrcode.image.svg import SvgPathFillImage  # type: ignore[import-untyped]

from earn.models import Customer, User


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
        with transaction.atomic():
            super().save_user(request, user, form, commit)
            if commit:
                Customer.objects.create(user=user)
        return user


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
