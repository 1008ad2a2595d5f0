"""`make screenshots`: every page of the demo as a picture, wide and narrow, light and dark.

The pages are served as in production, from the demo's books as they are. Whoever is signed
in for them is signed out again; the user with second factors, whom the demo does not have,
is made for the pictures and taken away after them.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from django.conf import settings
from playwright.sync_api import Browser, Page, sync_playwright

from config import embedded
from config import environment as env
from config.demo import BIN, answers
from config.servers import HOST, ServerError, free_port
from tests.browser.chromium import FLAGS

if TYPE_CHECKING:
    from earn.models import Position, User
    from tests.portal.pages import May

SIZES = {"wide": (1280, 900), "narrow": (360, 800)}
SHOWN = (200, 404, 422)  # 422: a page that says why it is too late
START_SECONDS = 30
CUSTOMER = "customer@example.com"  # of the demo
GUARDED = "second-factors@example.com"  # made for the pictures


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
            for shot in wanted:
                take(browser, address, shot, folder, keys.get(shot.who, ""))
            browser.close()
    sys.stdout.write(f"{len(list(folder.iterdir()))} pictures are in {folder}.\n")
    return 0


class Shot(NamedTuple):
    """A page to be taken; with `fill`, as it is when the form of an order is sent."""

    name: str
    path: str
    who: str = ""
    language: str = "en"
    fill: Mapping[str, str] | None = None


def pages() -> Iterator[Shot]:
    """Each page of the portal, and each list of staff."""
    from django.contrib import admin
    from django.urls import reverse

    from earn.desk import Desk
    from tests.portal.pages import May

    for name in _plain(May.EVERYBODY):
        yield Shot(_place(name), reverse(name))
    yield Shot("not-found", "/no-such-page/")
    yield from _of_the_customer()
    yield from _of_the_guarded()
    for page in Desk.pages:
        if "<" not in page.route:
            yield Shot(f"desk-{page.name}", reverse(f"admin:{page.name}"), "staff")
    for model in sorted(admin.site._registry, key=lambda model: model._meta.label):
        label = f"{model._meta.app_label}_{model._meta.model_name}"
        yield Shot(f"admin-{label}", reverse(f"admin:{label}_changelist"), "staff")


def _of_the_customer() -> Iterator[Shot]:
    from django.urls import reverse

    from earn.models import Order, Position
    from tests.portal.pages import May

    for name in (*_plain(May.CUSTOMERS, May.SIGNED_IN), "account_logout"):
        yield Shot(_place(name), reverse(name), "customer")
    yield Shot("explore-signed-in", reverse("portal:explore"), "customer")
    positions = Position.objects.filter(customer__user__email=CUSTOMER, state="OPEN")
    some = [positions.filter(term_days=None).first(), positions.last()]
    for position in filter(None, some):
        yield from _of_a_position(position)
    for kind in Order.Kind.values:
        order = Order.objects.filter(customer__user__email=CUSTOMER, kind=kind).last()
        if order:
            path = reverse("portal:receipt", args=[order.pk])
            yield Shot(f"receipt-{kind.lower()}", path, "customer")
    leaving = Order.objects.filter(customer__user__email=CUSTOMER, kind="REDEEM")
    for order in [leaving.filter(state="PENDING").last() or leaving.last()]:
        if order:
            yield Shot("cancel", reverse("portal:cancel", args=[order.pk]), "customer")
    sealed = Order.objects.filter(
        customer__user__email=CUSTOMER, entry__sealed__isnull=False
    ).last()
    if sealed:
        yield Shot("entry", reverse("portal:entry", args=[sealed.entry_id]), "customer")
    yield from _in_other_languages(some[-1])


def _in_other_languages(position: "Position | None") -> Iterator[Shot]:
    """The main pages, from right to left and in another script."""
    from django.urls import reverse

    main = {name: reverse(f"portal:{name}") for name in ("home", "explore", "calendar")}
    if position:
        main["product"] = reverse("portal:product", args=[position.product.code])
        main["position"] = reverse("portal:position", args=[position.pk])
    for language in ("ar", "zh-hans"):
        for name, path in main.items():
            yield Shot(f"{name}-{language}", path, "customer", language)


def _of_the_guarded() -> Iterator[Shot]:
    """How an account looks, and asks again who one is, with second factors."""
    from allauth.mfa.models import Authenticator
    from django.urls import reverse

    from tests.portal.pages import May

    for name in _plain(May.SIGNED_IN):
        yield Shot(f"{_place(name)}-guarded", reverse(name), "guarded")
    keys = Authenticator.objects.filter(user__email=GUARDED, type="webauthn")
    for key in keys:
        for name in ("mfa_edit_webauthn", "mfa_remove_webauthn"):
            yield Shot(_place(name), reverse(name, args=[key.pk]), "guarded")


def _plain(*may: "May") -> Iterator[str]:
    """Names of the addresses without arguments that these may open."""
    from tests.portal.pages import page_of, routes

    for route in routes():
        page = page_of(route)
        has_none = route.has_name and not route.parameters
        if page is not None and page.may in may and has_none:
            yield route.name


def _place(name: str) -> str:
    return name.replace("portal:", "").replace(":", "-").replace("_", "-")


def _of_a_position(position: "Position") -> Iterator[Shot]:
    from django.urls import reverse

    from earn.models import Accrual
    from ledger.money import plain

    kind, product = _kind(position), position.product
    amount = plain(max(product.minimum, product.step or 0) or Decimal(1))
    paths = {
        "product": (reverse("portal:product", args=[product.code]), None),
        "calculator": (reverse("portal:calculator", args=[product.code]), None),
        "subscribe": (
            reverse("portal:subscribe", args=[product.code]),
            {"amount": amount},
        ),
        "position": (reverse("portal:position", args=[position.pk]), None),
        "redeem": (reverse("portal:redeem", args=[position.pk]), {}),
    }
    if position.matures_on:
        paths["instruct"] = (reverse("portal:instruct", args=[position.pk]), {})
    for name, (path, fill) in paths.items():
        yield Shot(f"{name}-{kind}", path, "customer")
        if fill is not None:
            yield Shot(f"{name}-{kind}-preview", path, "customer", fill=fill)
    row = Accrual.objects.filter(position=position).order_by("-day").first()
    if row:
        day = reverse("portal:position-day", args=[position.pk, row.day])
        yield Shot(f"day-{kind}", day, "customer")


def _kind(position: "Position") -> str:
    return "fixed" if position.term_days else "flexible"


def take(browser: Browser, address: str, shot: Shot, folder: Path, session: str) -> None:
    """Wide and narrow, light and dark; what is no page, or leads elsewhere, is left out."""
    context = browser.new_context()
    context.add_cookies(
        [
            {"name": name, "value": value, "url": address}
            for name, value in (("sessionid", session), ("django_language", shot.language))
            if value
        ]
    )
    answer = context.request.get(f"{address}{shot.path}", max_redirects=0)
    is_html = "text/html" in answer.headers.get("content-type", "")
    if is_html and answer.status in SHOWN:
        page = context.new_page()
        page.goto(f"{address}{shot.path}")
        if shot.fill is not None:
            _send(page, shot.fill)
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
                place = folder / f"{shot.name}-{size}-{scheme}.png"
                page.screenshot(path=place, full_page=True)
    context.close()


def _send(page: Page, fill: Mapping[str, str]) -> None:
    """Asks what an order will do; never confirms one: the books stay as they are."""
    form = page.locator("main form").first
    if not form.count() or form.locator("[value=confirm]").count():
        return
    for name, value in fill.items():
        form.locator(f"[name={name}]").fill(value)
    for box in form.locator("input[type=checkbox][required]").all():
        box.check()
    form.locator("button[type=submit]").first.click()


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
        "guarded": _guarded(),
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
            for method in ("password", "mfa"):  # money may leave, and secrets be shown
                record_authentication(request, user, method, reauthenticated=True)
            session.create()
    try:
        yield {who: session.session_key or "" for who, session in opened.items()}
    finally:
        for session in opened.values():
            session.delete()
        User.objects.filter(email=GUARDED).delete()


def _guarded() -> "User":
    """Afresh, whatever an earlier run that was killed has left."""
    from earn.models import User
    from tests.portal.pages import add_factors, create_user

    User.objects.filter(email=GUARDED).delete()
    user = create_user(GUARDED)
    add_factors(user)
    return user


if __name__ == "__main__":
    sys.exit(main())
