from typing import Any, ClassVar
from uuid import uuid4

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Collate, Lower


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(
        self, email: str, password: str | None = None, **fields: Any
    ) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """Somebody who signs in: a customer or a member of staff."""

    email = models.EmailField(unique=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(null=True)
    language = models.CharField(
        max_length=10, blank=True, help_text="Empty while the browser chooses."
    )
    time_zone = models.CharField(
        max_length=64, default="UTC", help_text="Moments are shown in it, never stored."
    )

    USERNAME_FIELD = "email"
    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        indexes = [
            # staff's search by the beginning of an address, page by page
            models.Index(Collate(Lower("email"), "C"), name="user_email_prefix"),
            # the list of staff
            models.Index(fields=["email"], name="user_staff", condition=Q(is_staff=True)),
        ]

    def __str__(self) -> str:
        return self.email


class Customer(models.Model):
    """Whose money it is. The books know `uuid` alone: no personal data enters them."""

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    user = models.OneToOneField(User, on_delete=models.PROTECT, null=True, blank=True)
    reference = models.TextField(
        unique=True, null=True, blank=True, help_text="The surrounding platform's own id."
    )
    country = models.CharField(
        max_length=2, blank=True, help_text="ISO 3166 code; empty while it is not known."
    )
    kyc_level = models.SmallIntegerField(default=0)
    frozen_in = models.BooleanField(default=False, help_text="No new money in.")
    frozen_out = models.BooleanField(default=False, help_text="No money out.")
    display_currency = models.ForeignKey(
        "ledger.Asset",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="What totals are shown in; the reporting currency while it is empty.",
    )

    class Meta:
        indexes = [
            # staff's search by the beginning of a reference, page by page
            models.Index(Collate("reference", "C"), name="customer_reference_prefix"),
            # staff's filters: few are frozen
            models.Index(
                fields=["id"], name="customer_frozen_in", condition=Q(frozen_in=True)
            ),
            models.Index(
                fields=["id"], name="customer_frozen_out", condition=Q(frozen_out=True)
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="kyc_level_is_not_negative", condition=Q(kyc_level__gte=0)
            ),
        ]

    def __str__(self) -> str:
        return self.reference or str(self.uuid)
