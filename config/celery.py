"""`celery -A config worker` and `celery -A config beat`."""

import os
import sys
from pathlib import Path

from celery import Celery
from django.conf import settings

from config import embedded
from config import environment as env
from config.launch import reach
from config.servers import ServerError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
app = Celery("earn")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def find_servers(**_: object) -> None:
    """Sent before the settings are read, in whatever process first needs them."""
    try:
        embedded.ensure(broker=True)
        if Path(sys.argv[0]).name == "celery":  # a worker or a beat, that needs it at once
            reach("DATABASE_URL").close()
    except (env.BadSetting, ServerError) as error:
        env.stop(error)
    settings.CELERY_BROKER_URL = env.text("BROKER_URL")  # they may have been read before


app.on_configure.connect(find_servers)
