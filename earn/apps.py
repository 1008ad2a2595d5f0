from django.apps import AppConfig
from django.db.models.signals import post_migrate


class EarnConfig(AppConfig):
    name = "earn"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from allauth.account.signals import user_logged_in

        from earn.grants import grant
        from earn.portal.accounts import see_device
        from earn.roles import create_roles

        user_logged_in.connect(see_device)
        post_migrate.connect(grant, sender=self)
        post_migrate.connect(create_roles, sender=self)
