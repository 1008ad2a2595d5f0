"""Reading the environment: each function returns a checked value or raises BadSetting."""

import os
import re
import secrets
import sys
from email.utils import parseaddr
from pathlib import Path
from typing import NamedTuple, NoReturn
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
YES = frozenset({"1", "true", "yes", "on"})
NO = frozenset({"0", "false", "no", "off"})
DATABASE_OPTIONS = frozenset(
    {"sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout", "options"}
)
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
BROKER_SCHEMES = frozenset({"redis", "rediss", "amqp", "amqps", "memory"})
MAIL_PORTS = {"smtp": 25, "smtps": 465}
MAIL_EXAMPLE = "smtp://user:password@host:587?tls=1"
DATABASE_EXAMPLE = "postgresql://earn_app:password@host:5432/earn"


class BadSetting(Exception):
    """The environment is wrong; the message is one sentence that says what to do."""


class MailServer(NamedTuple):
    """What Django is told of it; TLS is started on the connection, or there from the first
    byte, or not used."""

    backend: str = "django.core.mail.backends.console.EmailBackend"
    host: str = ""
    port: int = 25
    user: str = ""
    password: str = ""
    starts_tls: bool = False
    implicit_tls: bool = False


def stop(sentence: object) -> NoReturn:
    sys.stderr.write(f"{sentence}\n")
    sys.exit(2)


def text(name: str, *, default: str = "") -> str:
    """An empty variable counts as unset."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, *, default: bool) -> bool:
    value = text(name).lower()
    if not value:
        return default
    if value not in YES | NO:
        raise BadSetting(f"{name} is {value!r}: set it to 1 or 0.")
    return value in YES


def whole_number(name: str, *, default: int, least: int, most: int) -> int:
    value = text(name, default=str(default))
    if not re.fullmatch(r"\d{1,18}", value) or not least <= int(value) <= most:
        raise BadSetting(
            f"{name} is {value!r}: set it to a whole number from {least} to {most}."
        )
    return int(value)


def choice(name: str, *, default: str, of: tuple[str, ...]) -> str:
    value = text(name, default=default).upper()
    if value not in of:
        raise BadSetting(f"{name} is {value!r}: set it to one of {', '.join(of)}.")
    return value


def words(name: str, *, default: str = "") -> list[str]:
    return [word.strip() for word in text(name, default=default).split(",") if word.strip()]


def origins(name: str) -> list[str]:
    found = words(name)
    for origin in found:
        if not re.fullmatch(r"https?://[^/\s]+", origin):
            raise BadSetting(
                f"{name} has {origin!r}: write each with its scheme, like "
                "https://earn.example, with commas between."
            )
    return found


def role(name: str, *, default: str) -> str:
    value = text(name, default=default)
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", value):
        raise BadSetting(
            f"{name} is {value!r}: set it to the name of a PostgreSQL role in lower case "
            "(letters, digits, underscores)."
        )
    return value


def folder(name: str, *, default: Path) -> Path:
    return Path(text(name, default=str(default))).expanduser().resolve()


def port() -> int:
    return whole_number("PORT", default=8000, least=1, most=65535)


def _split(name: str, url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError as error:
        sentence = f"{name} is not an address ({error}): check its host and port."
        raise BadSetting(sentence) from error


def secret(name: str) -> str:
    """A passing key while no database is set: there is nothing to protect."""
    if not text(name) and not text("DATABASE_URL"):
        return secrets.token_urlsafe(48)
    if len(text(name)) < 32:
        raise BadSetting(
            f"{name} is missing or shorter than 32 characters: set it to a long random "
            "text and keep it the same on every machine."
        )
    return text(name)


def database(name: str) -> dict[str, object]:
    """Django's description of the database that the variable names, the dummy if none."""
    if not text(name):
        return {"ENGINE": "django.db.backends.dummy"}
    parts, port_number = _split(name, text(name))
    if parts.scheme not in {"postgresql", "postgres"}:
        raise BadSetting(
            f"{name} must begin with postgresql:// (Earn needs PostgreSQL 15 or newer), "
            f"as in {DATABASE_EXAMPLE}."
        )
    options = dict(parse_qsl(parts.query))
    unknown = sorted(options.keys() - DATABASE_OPTIONS)
    if unknown:
        raise BadSetting(f"{name} has the unknown option {unknown[0]!r}: remove it.")
    dbname = unquote(parts.path.lstrip("/"))
    if not dbname or not parts.hostname:
        raise BadSetting(
            f"{name} names no host or no database: write it as in {DATABASE_EXAMPLE}."
        )
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": dbname,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname),
        "PORT": str(port_number or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"application_name": "earn", **options},
    }


def mail(name: str) -> MailServer:
    """The mail server that the variable names; the console if none."""
    if not text(name):
        return MailServer()
    parts, port_number = _split(name, text(name))
    options = dict(parse_qsl(parts.query))
    if parts.scheme not in MAIL_PORTS or not parts.hostname:
        raise BadSetting(f"{name} must name a mail server, as in {MAIL_EXAMPLE}.")
    if options.keys() - {"tls"} or options.get("tls", "0") not in YES | NO:
        raise BadSetting(f"{name} has an option that is not tls=1 or tls=0: remove it.")
    implicit, starts = parts.scheme == "smtps", options.get("tls", "0") in YES
    if implicit and starts:
        raise BadSetting(f"{name} asks for TLS twice: smtps:// has it from the first byte.")
    return MailServer(
        backend="django.core.mail.backends.smtp.EmailBackend",
        host=parts.hostname,
        port=port_number or MAIL_PORTS[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        starts_tls=starts,
        implicit_tls=implicit,
    )


def sender(name: str, *, default: str) -> str:
    value = text(name, default=default)
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", parseaddr(value)[1]) or "\n" in value:
        raise BadSetting(
            f"{name} is {value!r}: set it to an address, as in Earn <no-reply@host>."
        )
    return value


def site(name: str, *, default: str) -> str:
    """The address of the pages, without a slash at its end."""
    value = text(name, default=default).rstrip("/")
    if not re.fullmatch(r"https?://[^/\s?#]+", value):
        raise BadSetting(
            f"{name} is {value!r}: set it to the address of the pages, as in "
            "https://earn.example."
        )
    return value


def broker(name: str, *, default: str) -> str:
    url = text(name, default=default)
    parts, _ = _split(name, url)
    if parts.scheme not in BROKER_SCHEMES:
        raise BadSetting(
            f"{name} must begin with redis://, rediss://, amqp:// or amqps://, "
            "as in redis://:password@host:6379/0."
        )
    return url
