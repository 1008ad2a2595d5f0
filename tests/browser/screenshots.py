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

from django.conf import settings
from playwright.sync_api import Browser, sync_playwright

from config import embedded
from config import environment as env
from config.demo import BIN, answers
from config.servers import HOST, ServerError, free_port
from tests.browser.chromium import FLAGS

SIZES = {"wide": (1280, 900), "narrow": (390, 844)}
START_SECONDS = 30
CUSTOMER = "customer@example.com"  # of the demo


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
    with served() as address, sessions() as keys:
        wanted = list(pages())  # no query is possible once Playwright's loop runs
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            for name, path, who in wanted:
                take(browser, f"{address}{path}", folder / name, keys.get(who, ""))
            browser.close()
    sys.stdout.write(f"{len(list(folder.iterdir()))} pictures are in {folder}.\n")
    return 0


def pages() -> Iterator[tuple[str, str, str]]:
    """Name, path and reader of each page of the portal, and of each list of staff."""
    from django.contrib import admin
    from django.urls import reverse

    for name in ("account_login", "account_signup", "account_reset_password"):
        yield name.replace("_", "-"), reverse(name), ""
    yield "start", reverse("portal:start"), ""
    yield "explore", reverse("portal:explore"), ""
    yield "not-found", "/no-such-page/", ""
    yield from _of_the_customer()
    yield "admin", reverse("admin:index"), "staff"
    for model in sorted(admin.site._registry, key=lambda model: model._meta.label):
        label = f"{model._meta.app_label}_{model._meta.model_name}"
        yield f"admin-{label}", reverse(f"admin:{label}_changelist"), "staff"


def _of_the_customer() -> Iterator[tuple[str, str, str]]:
    from django.urls import reverse

    from earn.models import Accrual, Position

    for name in ("portal:home", "mfa_index", "usersessions_list", "account_email"):
        yield name.replace(":", "-").replace("_", "-"), reverse(name), "customer"
    for name in ("notifications", "notification-preferences"):
        yield name, reverse(f"portal:{name}"), "customer"
    positions = Position.objects.filter(customer__user__email=CUSTOMER, state="OPEN")
    for position in (positions.filter(term_days=None).first(), positions.last()):
        if position is None:
            continue
        kind = "fixed" if position.term_days else "flexible"
        code = position.product.code
        for name, key in (("product", code), ("subscribe", code), ("redeem", position.pk)):
            yield f"{name}-{kind}", reverse(f"portal:{name}", args=[key]), "customer"
        yield f"position-{kind}", reverse("portal:position", args=[position.pk]), "customer"
        row = Accrual.objects.filter(position=position).order_by("-day").first()
        if row:
            day = reverse("portal:position-day", args=[position.pk, row.day])
            yield f"day-{kind}", day, "customer"
    yield from _of_orders()


def _of_orders() -> Iterator[tuple[str, str, str]]:
    from django.urls import reverse

    from earn.models import Order, Position

    orders = Order.objects.filter(customer__user__email=CUSTOMER)
    terms = Position.objects.filter(
        customer__user__email=CUSTOMER, matures_on__isnull=False
    )
    yield "verify", reverse("portal:verify"), "customer"
    for term in terms.filter(state="OPEN").order_by("-pk")[:1]:
        yield "instruct", reverse("portal:instruct", args=[term.pk]), "customer"
    for order in orders.filter(entry__sealed__isnull=False).order_by("-pk")[:1]:
        yield "receipt", reverse("portal:receipt", args=[order.pk]), "customer"
        yield "entry", reverse("portal:entry", args=[order.entry_id]), "customer"


def take(browser: Browser, url: str, place: Path, session: str) -> None:
    for size, (width, height) in SIZES.items():
        for scheme in ("light", "dark"):
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            if session:
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
def sessions() -> Iterator[dict[str, str]]:
    """Keys of sessions of the demo's administrator and customer, where there are such."""
    import django

    django.setup()
    from allauth.account.internal.flows.login import record_authentication
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore
    from django.http import HttpRequest

    from earn.models import User

    users = {
        "staff": User.objects.filter(is_superuser=True, is_active=True).first(),
        "customer": User.objects.filter(email=CUSTOMER).first(),
    }
    opened: dict[str, SessionStore] = {}
    for who, user in users.items():
        if user:
            session = opened[who] = SessionStore()
            session[SESSION_KEY] = str(user.pk)
            session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
            session[HASH_SESSION_KEY] = user.get_session_auth_hash()
            request = HttpRequest()
            request.session = session
            record_authentication(request, user, "password")  # money may leave
            session.create()
    try:
        yield {who: session.session_key or "" for who, session in opened.items()}
    finally:
        for session in opened.values():
            session.delete()


if __name__ == "__main__":
    sys.exit(main())
