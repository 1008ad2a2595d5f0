"""All settings, from the environment. A bad value ends the process with one sentence."""

from csp.constants import NONE, SELF

from config import environment as env

try:
    DEBUG = env.flag("DEBUG", default=False)
    HTTPS = env.flag("HTTPS", default=not DEBUG)
    BEHIND_PROXY = env.flag("BEHIND_PROXY", default=False)
    # How many of our own proxies add to X-Forwarded-For: without it all visitors share an
    # address, and one who guesses passwords would lock out everybody.
    PROXIES = env.whole_number("PROXIES", default=int(BEHIND_PROXY), least=0, most=9)
    ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", default="127.0.0.1,localhost,[::1]")
    CSRF_TRUSTED_ORIGINS = env.origins("CSRF_TRUSTED_ORIGINS")
    VAR = env.folder("EARN_VAR", default=env.ROOT / "var")
    APP_ROLE = env.role("APP_ROLE", default="earn_app")
    LOG_LEVEL = env.choice("LOG_LEVEL", default="INFO", of=env.LOG_LEVELS)
    VISIBILITY_TIMEOUT = env.whole_number(
        "VISIBILITY_TIMEOUT", default=3600, least=1, most=86_400
    )
    CELERY_BROKER_URL = env.broker("BROKER_URL", default="redis://127.0.0.1:6379/0")
    # Without a database there is none to connect to: types, lint and help need none.
    DATABASES = {"default": env.database("DATABASE_URL")}
    env.database("OWNER_DATABASE_URL")
    # Of its own for `simulate`, where the role may not make databases.
    SIMULATION_DATABASE = env.database("SIMULATION_DATABASE_URL")
    # What prices are in, and totals while a customer has chosen no other currency.
    REPORTING_CURRENCY = env.text("REPORTING_CURRENCY", default="USD")
    # Where links in mails lead.
    SITE_URL = env.site("SITE_URL", default=f"http://127.0.0.1:{env.port()}")
    DEFAULT_FROM_EMAIL = env.sender(
        "DEFAULT_FROM_EMAIL", default="Earn <no-reply@localhost>"
    )
    MAIL = env.mail("EMAIL_URL")
    SECRET_KEY = env.secret("SECRET_KEY")
    SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
except env.BadSetting as error:
    env.stop(error)

# Apps and pages

INSTALLED_APPS = [
    "ledger",
    "earn",  # before those whose templates it replaces
    "config.apps.DeskConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",  # of allauth's pages
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "django_htmx",
    "django_celery_beat",
]
FILE_UPLOAD_HANDLERS = ["earn.uploads.Bounded"]  # never a huge file on the disk
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Pages travel compressed. Against BREACH the tokens in them are masked anew each time,
    # and the middleware adds bytes at random to their length.
    "django.middleware.gzip.GZipMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "earn.portal.preferences.Reader",
    "earn.portal.presence.Presence",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["earn.portal.filters", "earn.admin.figures"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "earn.portal.menu.menu",
            ],
        },
    }
]
# In the database, for all processes: what counts who tries too often must not be one's own.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "django_cache",
        # Beyond it keys that still count are dropped: no flood of guesses may get there.
        "OPTIONS": {"MAX_ENTRIES": 1_000_000},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

LANGUAGE_CODE = "en"
LANGUAGES = [
    ("en", "English"),
    ("zh-hans", "简体中文"),
    ("ja", "日本語"),
    ("es", "Español"),
    ("ar", "العربية"),
]
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = ["earn.formats"]

# People and security

AUTH_USER_MODEL = "earn.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{validator}"}
    for validator in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTHENTICATION_BACKENDS = ["earn.portal.accounts.Backend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "portal:home"
ACCOUNT_ADAPTER = "earn.portal.accounts.Adapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "Earn: "
ACCOUNT_CHANGE_EMAIL = True  # one address; a new one replaces it once it is confirmed
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True  # no link whose host somebody could forge
ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT = 15 * 60
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
ACCOUNT_LOGOUT_REDIRECT_URL = "portal:start"
ACCOUNT_SESSION_REMEMBER = False  # a session ends with the browser
ACCOUNT_REAUTHENTICATION_REQUIRED = True  # before second factors and addresses change
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60  # and before money leaves
ACCOUNT_EMAIL_NOTIFICATIONS = True  # of what was changed on the account
ALLAUTH_TRUSTED_PROXY_COUNT = PROXIES
MFA_ADAPTER = "earn.portal.accounts.SecondFactors"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "add_webauthn": "earn.portal.account_forms.AddKeyForm",
    "edit_webauthn": "earn.portal.account_forms.RenameKeyForm",
}
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Earn"
MFA_TOTP_TOLERANCE = 1  # period before and after, for clocks that are not exact
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
EMAIL_BACKEND = MAIL.backend
EMAIL_HOST, EMAIL_PORT = MAIL.host, MAIL.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = MAIL.user, MAIL.password
EMAIL_USE_TLS, EMAIL_USE_SSL = MAIL.starts_tls, MAIL.implicit_tls
EMAIL_TIMEOUT = 15  # seconds
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# Jobs

CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_TIMEZONE = "UTC"
# A job longer than the visibility timeout is delivered again while it still runs: keep it
# above the longest job. With kombu's own pace a lost job waits 100 seconds more.
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {
        "visibility_timeout": VISIBILITY_TIMEOUT,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
    }
    if CELERY_BROKER_URL.startswith("redis")
    else {}
)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {"django": {"handlers": [], "level": LOG_LEVEL, "propagate": True}},
}
