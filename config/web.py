"""gunicorn's configuration: `gunicorn -c python:config.web config.wsgi`.

Read once by the parent process, so that a bad setting ends it instead of each worker.
"""

from django.conf import settings

from config import embedded
from config import environment as env
from config.launch import reach
from config.servers import ServerError

try:
    embedded.ensure()
    bind = f"127.0.0.1:{env.port()}"
    workers = env.whole_number("WEB_WORKERS", default=2, least=1, most=256)
    reach("DATABASE_URL").close()
except (env.BadSetting, ServerError) as error:
    env.stop(error)

settings.INSTALLED_APPS  # noqa: B018 - reading one setting checks them all
worker_class = "gthread"
threads = 4
errorlog = "-"
loglevel = "warning"
