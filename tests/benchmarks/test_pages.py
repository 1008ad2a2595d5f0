"""`make bench BENCH=pages` at its smallest: it runs, and says what it says it says."""

import os
from datetime import date

import pytest

from tests.benchmarks import pages


@pytest.mark.django_db(transaction=True)
def test_every_page_is_measured() -> None:
    pages.fill(2, products=6, first=date(2026, 1, 5), days=2)
    lines = list(pages.ask(os.getpid(), n=2, rounds=1))
    names = {str(line["page"]) for line in lines}
    assert names >= {"home", "explore", "product", "position", "activity", "calendar"}
    for line in lines:
        assert line["bench"] == "pages"
        assert isinstance(line["queries"], int)
        assert line["queries"] > 0
