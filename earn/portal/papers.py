"""Papers as blocks of words and figures, ready to be typeset.

A paper says nothing that its document does not hold, so that the same document gives the
same paper in each language, byte for byte.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.formats import number_format
from django.utils.translation import get_language, get_language_bidi
from django.utils.translation import gettext as _

from earn.documents import Document
from earn.typesetting import typeset

Block = dict[str, Any]
WIDE, NARROW, FIGURES, CODES = "wide", "narrow", "figures", "codes"
_TYPST_LANGUAGES = {"zh-hans": "zh"}


def pdf(
    document: Document, *, title: str, subtitle: str, blocks: Iterator[Block], at: datetime
) -> bytes:
    """In the language that is on."""
    language = get_language() or "en"
    paper = {
        "brand": _("Earn"),
        "title": title,
        "subtitle": subtitle,
        "lang": _TYPST_LANGUAGES.get(language, language),
        "rtl": get_language_bidi(),
        "sha256": document["sha256"],
        "blocks": list(blocks),
    }
    return typeset("paper", paper, at=at)


def text(words: str) -> Block:
    return {"type": "text", "text": words}


def quiet(words: str) -> Block:
    return {"type": "quiet", "text": words}


def heading(words: str) -> Block:
    return {"type": "heading", "text": words}


def subheading(words: str) -> Block:
    return {"type": "subheading", "text": words}


def fact(label: str, value: str, *, is_code: bool = False) -> Block:
    return {"label": label, "value": value, "code": is_code}


def facts(*rows: Block) -> Block:
    return {"type": "facts", "rows": list(rows)}


def table(columns: list[tuple[str, str]], rows: list[Any]) -> Block:
    """Columns are (label, WIDE, NARROW, FIGURES or CODES), rows (style, cells)."""
    return {
        "type": "table",
        "columns": [{"label": label, "kind": kind} for label, kind in columns],
        "rows": [{"style": style, "cells": cells} for style, cells in rows],
    }


def figure(plain: str, *, zero: str | None = None) -> str:
    """A plain decimal as the language writes it, with all its decimals."""
    number = Decimal(plain)
    if zero is not None and not number:
        return zero
    decimals = len(plain.partition(".")[2])
    return str(
        number_format(plain, decimal_pos=decimals, use_l10n=True, force_grouping=True)
    )


def moment(iso: str) -> str:
    at = parse_datetime(iso)
    assert at is not None  # as statements write it
    return f"{at:%Y-%m-%d %H:%M:%S}"
