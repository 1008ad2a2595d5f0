"""Signing up: who signs in is a user, whose money it is a customer."""

from datetime import UTC, datetime
from typing import Any

import qrcode  # type: ignore[import-untyped]
from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
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
    """allauth's, whose QR code is black on nothing: no camera reads it in a dark theme."""

    def build_totp_svg(self, url: str) -> str:
        picture: bytes = qrcode.make(url, image_factory=SvgPathFillImage).to_string()
        return picture.decode()
