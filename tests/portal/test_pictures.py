"""That `make screenshots` forgets no page, without a browser."""

import pytest
from django.urls import Resolver404, resolve

from tests.browser import screenshots
from tests.browser.looking import UNSEEN
from tests.portal.pages import PAGES, create_alice

pytestmark = pytest.mark.django_db


def test_a_picture_is_taken_of_every_page(monkeypatch: pytest.MonkeyPatch) -> None:
    alice = create_alice()
    assert alice.customer.user is not None
    for name in ("CUSTOMER", "GUARDED"):  # she has something of everything
        monkeypatch.setattr(screenshots, name, alice.customer.user.email)
    taken = {name_at(shot.path) for shot in screenshots.pages()}
    assert taken >= set(PAGES) - UNSEEN


def test_what_is_signed_in_for_the_pictures_is_gone_after_them() -> None:
    with screenshots.sessions() as keys:
        found = screenshots.pages()
        assert "guarded" in keys
        assert "mfa_remove_webauthn" in {name_at(shot.path) for shot in found}
    assert "mfa_remove_webauthn" not in {name_at(x.path) for x in screenshots.pages()}


def name_at(path: str) -> str:
    try:
        return resolve(path).view_name
    except Resolver404:
        return path
