from django.apps import AppConfig
from django.db.models.signals import post_migrate


class EarnConfig(AppConfig):
    name = "earn"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from allauth.account.signals import (
            password_changed,
            password_reset,
            password_set,
            user_logged_in,
        )
        from allauth.mfa.signals import authentication_failed
        from django.contrib.auth.signals import user_logged_in as session_begun
        from django.contrib.auth.signals import user_login_failed

        from earn.admin import signing_in
        from earn.grants import grant
        from earn.portal import presence
        from earn.portal.accounts import see_device
        from earn.roles import create_roles

        session_begun.connect(presence.begin)
        user_logged_in.connect(see_device)
        user_logged_in.connect(signing_in.signed_in)
        for told in (password_changed, password_set, password_reset):
            told.connect(signing_in.password_changed)
        user_login_failed.connect(signing_in.password_failed)
        authentication_failed.connect(signing_in.factor_failed)
        post_migrate.connect(grant, sender=self)
        post_migrate.connect(create_roles, sender=self)
