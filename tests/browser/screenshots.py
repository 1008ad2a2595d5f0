"""`make screenshots`: every page of the demo as a picture, wide and narrow, light and dark.

The pages are served as in production, from the demo's books as they are. Whoever is signed
in for the pages of staff is signed out again.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from config import embedded
from config import environment as env
from config.demo import BIN, answers
from config.servers import HOST, ServerError, free_port
from tests.browser.chromium import FLAGS

SIZES = {"wide": (1280, 900), "narrow": (390, 844)}
START_SECONDS = 30


def main() -> int:
    try:
        embedded.ensure()
    except (env.BadSetting, ServerError) as error:
        env.stop(error)
    os.environ |= {"HTTPS": "0", "DJANGO_SETTINGS_MODULE": "config.settings"}
    for command in ("migrate", "collectstatic"):
        subprocess.run(
            [sys.executable, "manage.py", command, "--noinput", "-v0"],
            cwd=env.ROOT,
            check=True,
        )
    chromium = shutil.which("chromium")
    folder = embedded.var() / "screenshots"
    shutil.rmtree(folder, ignore_errors=True)
    with served() as address, staff_session() as session, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for name, path in pages():
            take(browser, f"{address}{path}", folder / name, session)
        browser.close()
    sys.stdout.write(f"{len(list(folder.iterdir()))} pictures are in {folder}.\n")
    return 0


def pages() -> Iterator[tuple[str, str]]:
    """Name and path of each page: those of the portal, and each list of staff."""
    from django.contrib import admin
    from django.urls import reverse

    yield "start", reverse("portal:start")
    yield "not-found", "/no-such-page/"
    yield "admin-login", reverse("admin:logout")
    yield "admin", reverse("admin:index")
    for model in sorted(admin.site._registry, key=lambda model: model._meta.label):
        label = f"{model._meta.app_label}_{model._meta.model_name}"
        yield f"admin-{label}", reverse(f"admin:{label}_changelist")


def take(browser: Browser, url: str, place: Path, session: str) -> None:
    for size, (width, height) in SIZES.items():
        for scheme in ("light", "dark"):
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            if session and "/admin/" in url and "logout" not in url:
                context.add_cookies([{"name": "sessionid", "value": session, "url": url}])
            page = context.new_page()
            page.goto(url)
            page.screenshot(path=f"{place}-{size}-{scheme}.png", full_page=True)
            context.close()


@contextmanager
def served() -> Iterator[str]:
    port = free_port()
    server = subprocess.Popen(
        [str(BIN / "gunicorn"), "-c", "python:config.web", "config.wsgi"],
        cwd=env.ROOT,
        env={**os.environ, "PORT": str(port)},
    )
    try:
        end = time.monotonic() + START_SECONDS
        while not answers(port):
            if server.poll() is not None or time.monotonic() > end:
                raise SystemExit("The pages are not served: see the messages above.")
            time.sleep(0.1)
        yield f"http://{HOST}:{port}"
    finally:
        server.terminate()
        server.wait()


@contextmanager
def staff_session() -> Iterator[str]:
    """The key of a session of the demo's administrator; empty when there is none."""
    import django

    django.setup()
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from earn.models import User

    user = User.objects.filter(is_superuser=True, is_active=True).first()
    session = SessionStore()
    if user:
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.create()
    try:
        yield session.session_key or ""
    finally:
        if session.session_key:
            session.delete()


if __name__ == "__main__":
    sys.exit(main())
