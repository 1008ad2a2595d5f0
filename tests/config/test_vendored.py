"""What others wrote and we hand out is recorded in earn/VENDORED.md, byte for byte."""

import re
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import allauth
import pytest
from django.contrib.staticfiles import finders

from config.environment import ROOT

OURS = ("earn/static/portal", "earn/static/desk")
TEMPLATES = [
    ROOT / "earn/templates",
    *(Path(allauth.__file__).parent / "templates" / name for name in ("account", "mfa")),
]
LOADED = re.compile(r"""\{% static ['"]([^'"]+)['"] %\}""")


class Asset(NamedTuple):
    file: str
    what: str
    comes_with: str
    license: str
    sha256: str


def recorded() -> list[Asset]:
    lines = (ROOT / "earn" / "VENDORED.md").read_text().splitlines()
    rows = [line.strip("|").split("|") for line in lines if line.startswith("| `")]
    return [Asset(*(cell.strip(" `") for cell in row)) for row in rows]


def found(name: str) -> Path:
    path = finders.find(name)
    return Path(path) if path else ROOT / name


def test_all_that_pages_and_papers_load_is_ours_or_recorded() -> None:
    texts = [x.read_text() for folder in TEMPLATES for x in folder.rglob("*.html")]
    loaded = {name for text in texts for name in LOADED.findall(text)}
    handed_out = [*(ROOT / "earn/static").rglob("*"), *(ROOT / "earn/fonts").rglob("*")]
    kept = {str(x.relative_to(ROOT)) for x in handed_out if x.is_file()}
    places = tuple(str(ROOT / ours) for ours in OURS)
    foreign = {x for x in loaded if not str(found(x)).startswith(places)}
    foreign |= {x for x in kept if not x.startswith(OURS)}
    assert sorted(x.file for x in recorded()) == sorted(foreign)


@pytest.mark.parametrize("asset", recorded(), ids=lambda asset: asset.file)
def test_an_asset_is_the_one_that_is_recorded(asset: Asset) -> None:
    content = found(asset.file).read_bytes()
    assert sha256(content).hexdigest() == asset.sha256
    for number in re.findall(r"\d+\.\d\S*", asset.what):
        assert number.encode() in content or number.encode("utf-16-be") in content
    if asset.comes_with != "this repository":
        package, number = asset.comes_with.split()
        assert version(package) == number
