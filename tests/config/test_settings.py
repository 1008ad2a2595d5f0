import sys
from pathlib import Path

import pytest
from django.test import Client

from config import environment as env
from tests.config.processes import run

GOOD = "postgresql://earn_app:x@127.0.0.1:5432/earn"
KEY = "k" * 32

BAD = [
    ({"DATABASE_URL": "mysql://a@b/c"}, "DATABASE_URL must begin with postgresql://"),
    ({"DATABASE_URL": "postgresql://host:x/earn"}, "DATABASE_URL is not an address"),
    ({"DATABASE_URL": "postgresql://host"}, "DATABASE_URL names no host or no database"),
    ({"DATABASE_URL": GOOD + "?ssl=1"}, "DATABASE_URL has the unknown option 'ssl'"),
    ({"DATABASE_URL": GOOD}, "SECRET_KEY is missing"),
    ({"DATABASE_URL": GOOD, "SECRET_KEY": "short"}, "SECRET_KEY is missing or shorter"),
    (
        {"DATABASE_URL": GOOD, "SECRET_KEY": KEY, "OWNER_DATABASE_URL": "earn"},
        "OWNER_DATABASE_URL must begin with",
    ),
    ({"BROKER_URL": "http://127.0.0.1"}, "BROKER_URL must begin with redis://"),
    ({"EMAIL_URL": "http://mail.example"}, "EMAIL_URL must name a mail server, as in smtp"),
    ({"EMAIL_URL": "smtp://"}, "EMAIL_URL must name a mail server"),
    ({"EMAIL_URL": "smtp://mail.example:x"}, "EMAIL_URL is not an address"),
    ({"EMAIL_URL": "smtp://mail.example?tls=2"}, "EMAIL_URL has an option that is not tls"),
    ({"EMAIL_URL": "smtp://mail.example?ssl=1"}, "EMAIL_URL has an option that is not tls"),
    ({"EMAIL_URL": "smtps://mail.example?tls=1"}, "EMAIL_URL asks for TLS twice"),
    ({"DEFAULT_FROM_EMAIL": "Earn"}, "DEFAULT_FROM_EMAIL is 'Earn': set it to an address"),
    ({"SITE_URL": "earn.example"}, "SITE_URL is 'earn.example': set it to the address"),
    ({"SITE_URL": "https://earn.example/a"}, "SITE_URL is 'https://earn.example/a'"),
    ({"DEBUG": "maybe"}, "DEBUG is 'maybe': set it to 1 or 0"),
    ({"HTTPS": "2"}, "HTTPS is '2'"),
    ({"VISIBILITY_TIMEOUT": "0"}, "VISIBILITY_TIMEOUT is '0'"),
    ({"LOG_LEVEL": "loud"}, "LOG_LEVEL is 'LOUD'"),
    ({"APP_ROLE": 'a"b'}, "APP_ROLE is"),
    (
        {"CSRF_TRUSTED_ORIGINS": "https://a.example, example.com"},
        "CSRF_TRUSTED_ORIGINS has 'example.com': write each with its scheme",
    ),
]


@pytest.mark.parametrize(("variables", "sentence"), BAD)
def test_a_bad_setting_ends_the_process_with_a_sentence(
    variables: dict[str, str], sentence: str
) -> None:
    done = run("-c", "import config.settings", **variables)
    assert done.returncode == 2
    assert done.stderr.startswith(sentence)
    assert done.stderr.count("\n") == 1


MAIL = [
    ("", ("console", "", 25, "", "", False, False)),
    ("smtp://mail.example", ("smtp", "mail.example", 25, "", "", False, False)),
    ("smtp://u:p%40@mail.example:587?tls=1",
     ("smtp", "mail.example", 587, "u", "p@", True, False)),
    ("smtp://mail.example:26?tls=0", ("smtp", "mail.example", 26, "", "", False, False)),
    ("smtps://u@mail.example", ("smtp", "mail.example", 465, "u", "", False, True)),
]  # fmt: skip


@pytest.mark.parametrize(("url", "found"), MAIL)
def test_a_mail_server_is_one_address(
    monkeypatch: pytest.MonkeyPatch, url: str, found: tuple[object, ...]
) -> None:
    monkeypatch.setenv("EMAIL_URL", url)
    backend, *rest = env.mail("EMAIL_URL")
    assert (backend, *rest) == (
        f"django.core.mail.backends.{found[0]}.EmailBackend",
        *found[1:],
    )


def test_the_address_of_the_pages_ends_without_a_slash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SITE_URL", "https://earn.example/")
    assert env.site("SITE_URL", default="") == "https://earn.example"


@pytest.mark.parametrize(
    ("site", "found"),
    [("", "http://127.0.0.1:8001"), ("https://a.example", "https://a.example")],
)
def test_links_in_mails_lead_to_the_port_that_is_served(site: str, found: str) -> None:
    printing = "from config import settings; print(settings.SITE_URL)"
    assert run("-c", printing, PORT=8001, SITE_URL=site).stdout.strip() == found


def test_a_database_that_does_not_answer_is_a_sentence() -> None:
    url = "postgresql://earn:x@127.0.0.1:1/earn"
    done = run("manage.py", "showmigrations", DATABASE_URL=url, SECRET_KEY=KEY)
    assert done.returncode == 2
    assert done.stderr.startswith("DATABASE_URL does not lead to a database")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "command",
    [
        ["celery", "-A", "config", "worker"],
        ["celery", "-A", "config", "beat", "-s", "/dev/null/none"],
        ["gunicorn", "-c", "python:config.web", "config.wsgi"],
    ],
)
def test_a_service_does_not_start_without_its_database(command: list[str]) -> None:
    program = str(Path(sys.executable).with_name(command[0]))
    done = run(
        program,
        *command[1:],
        DATABASE_URL="postgresql://earn:x@127.0.0.1:1/earn",
        BROKER_URL="memory://",
        SECRET_KEY=KEY,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("DATABASE_URL does not lead to a database")
    assert "Traceback" not in done.stderr


def test_a_bad_setting_of_the_pages_ends_the_web_server() -> None:
    done = run("-c", "import config.web", DATABASE_URL=GOOD, SECRET_KEY=KEY, PORT="http")
    assert done.returncode == 2
    assert done.stderr.startswith("PORT is 'http'")


@pytest.mark.django_db
def test_pages_allow_no_code_but_ours(client: Client) -> None:
    headers = client.get("/admin/login/").headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Frame-Options"] == "DENY"


def test_without_a_word_to_the_contrary_pages_are_served_over_https_alone() -> None:
    names = "SECURE_SSL_REDIRECT, SESSION_COOKIE_SECURE, CSRF_COOKIE_SECURE, DEBUG"
    code = f"from config.settings import *; import sys; sys.stdout.write(str(({names})))"
    done = run("-c", code, DATABASE_URL=GOOD, SECRET_KEY=KEY)
    assert done.stdout == "(True, True, True, False)"
