"""Every string of the pages in every language: found anew here, not believed."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import allauth
import polib
import pytest
from django.conf import settings
from django.utils.translation import to_locale

from config import environment as env

LANGUAGES = [code for code, _ in settings.LANGUAGES if code != "en"]
ALLAUTH = Path(allauth.__file__).parent / "locale" / "ja" / "LC_MESSAGES" / "django.po"
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%%")
# What may read the same in another language: names, codes, and what is only figures.
DESK = ("admin", "desk", "desk.py")  # the staff's pages are in English so far
LETTERS = re.compile(r"[A-Za-z]{2,}")


def catalogue(language: str) -> polib.POFile:
    return polib.pofile(str(place(language)))


def place(language: str) -> Path:
    folder = env.ROOT / "earn" / "locale" / to_locale(language)
    return folder / "LC_MESSAGES" / "django.po"


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> polib.POFile:
    """What xgettext finds in the code and templates as they are now."""
    if shutil.which("xgettext") is None:
        pytest.fail(
            "There is no `xgettext`: on Debian, apt-get install gettext", pytrace=False
        )
    copy = tmp_path_factory.mktemp("strings") / "earn"
    left_out = shutil.ignore_patterns("*.mo", "*.po", "*.pyc", *DESK)
    shutil.copytree(env.ROOT / "earn", copy, ignore=left_out)
    (copy / "locale").mkdir(exist_ok=True)
    command = [sys.executable, str(env.ROOT / "manage.py"), "makemessages"]
    subprocess.run(
        [*command, "-v0", "-l", "xx", "--no-location", "--no-wrap"], cwd=copy, check=True
    )
    return polib.pofile(str(copy / "locale" / "xx" / "LC_MESSAGES" / "django.po"))


def texts(entry: polib.POEntry) -> Iterator[str]:
    yield from entry.msgstr_plural.values() if entry.msgid_plural else [entry.msgstr]


def same(entry: polib.POEntry) -> tuple[str | None, str, str]:
    return entry.msgctxt, entry.msgid, entry.msgid_plural


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_string_is_missing_left_over_or_unsure(
    wanted: polib.POFile, language: str
) -> None:
    found = catalogue(language)
    assert {same(entry) for entry in wanted} ^ {same(entry) for entry in found} == set()
    assert found.untranslated_entries() + found.fuzzy_entries() == []
    assert [entry.msgid for entry in found if not all(texts(entry))] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_plural_form_is_there(language: str) -> None:
    found = catalogue(language)
    rule = re.search(r"nplurals=(\d)", found.metadata["Plural-Forms"])
    assert rule
    counts = {len(entry.msgstr_plural) for entry in found if entry.msgid_plural}
    assert counts == {int(rule[1])}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_figure_has_its_place(language: str) -> None:
    """A form for one, two or none may do without the number, and say it in words."""
    for entry in catalogue(language):
        allowed = set(PLACEHOLDER.findall(entry.msgid + entry.msgid_plural))
        needed = set() if entry.msgid_plural else allowed
        for text in texts(entry):
            assert needed <= set(PLACEHOLDER.findall(text)) <= allowed, entry.msgid
        if entry.msgid_plural:
            assert any(allowed == set(PLACEHOLDER.findall(x)) for x in texts(entry))


@pytest.mark.parametrize("language", LANGUAGES)
def test_hardly_a_string_is_left_in_english(language: str) -> None:
    left = [x.msgid for x in catalogue(language) if x.msgstr == x.msgid]
    assert [text for text in left if len(LETTERS.findall(text)) > 2] == []


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_what_is_compiled_is_what_is_written(language: str) -> None:
    compiled = place(language).with_suffix(".mo").read_bytes()
    assert compiled == catalogue(language).to_binary(), "run `make messages`"


def test_the_words_of_allauth_are_no_titles_in_english() -> None:
    theirs = {entry.msgid for entry in polib.pofile(str(ALLAUTH))}
    ours = {entry.msgid for entry in catalogue("ja")}
    for entry in catalogue("en"):
        assert entry.msgid in theirs | ours
        assert entry.msgstr[0] + entry.msgstr[1:].lower() == entry.msgstr != entry.msgid
