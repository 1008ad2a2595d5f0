import os

from django.core.wsgi import get_wsgi_application

from config import embedded
from config import environment as env
from config.servers import ServerError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
try:
    embedded.ensure()
except (env.BadSetting, ServerError) as error:
    env.stop(error)

application = get_wsgi_application()
