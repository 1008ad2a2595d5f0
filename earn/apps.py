from django.apps import AppConfig
from django.db.models.signals import post_migrate


class EarnConfig(AppConfig):
    name = "earn"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from earn.grants import grant

        post_migrate.connect(grant, sender=self)
