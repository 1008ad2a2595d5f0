from django.apps import AppConfig
from django.db.models.signals import post_migrate

from ledger.grants import grant


class LedgerConfig(AppConfig):
    name = "ledger"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        post_migrate.connect(grant, sender=self)
