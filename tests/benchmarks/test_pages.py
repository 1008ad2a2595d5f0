"""`make bench BENCH=pages` at its smallest: it runs, and says what it says it says."""

import os
from datetime import date

import pytest

from tests.benchmarks import pages
from tests.portal.pages import PAGES, Page, of_product


@pytest.mark.django_db(transaction=True)
def test_every_page_is_measured() -> None:
    pages.fill(2, products=6, first=date(2025, 12, 30), days=3)  # December is over
    lines = list(pages.ask(os.getpid(), n=2, rounds=1, count=1))
    names = {str(line["page"]) for line in lines}
    for name in set(PAGES) - set(pages.LEFT_OUT) - set(pages.FORMS):
        assert name.removeprefix("portal:") in names
    assert names > {"statement.pdf", "income.csv", "subscribe, preview", "explore, htmx"}
    assert set(pages.LEFT_OUT) < set(PAGES)
    for line in lines:
        assert line["bench"] == "pages"
        assert isinstance(line["queries"], int)
        assert line["bytes"], line["page"]


def test_an_address_that_nobody_can_make_stops_the_bench(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = Page(PAGES["portal:product"].may, lambda alice: of_product(alice))
    monkeypatch.setitem(PAGES, "portal:product", page)
    with pytest.raises(SystemExit, match="portal:product: say in ARGUMENTS"):
        list(pages._enumerated(None))  # type: ignore[arg-type]
