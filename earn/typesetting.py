"""Documents as PDF: the same data gives the same bytes, on every machine.

The fonts are our own and those of the machine are left alone. A letter that no font has, or
anything else that typst warns of, is an error: no customer gets a page with holes.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import typst

_HERE = Path(__file__).parent
_TEMPLATES = _HERE / "templates" / "typst"
_FONTS = _HERE / "fonts"


class NotTypeset(Exception):
    """The document would not have been what it should be; none was made."""


def typeset(template: str, data: dict[str, Any], *, at: datetime) -> bytes:
    """The PDF of `<template>.typ`, dated `at`. Raises NotTypeset."""
    compiler = typst.Compiler(
        str(_TEMPLATES / f"{template}.typ"),
        root=str(_TEMPLATES),
        font_paths=[str(_FONTS)],
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(data)},
    )
    try:
        made, warnings = compiler.compile_with_warnings(
            format="pdf",
            pdf_standards=["a-2a", "ua-1"],  # to be kept for long, and to be read aloud
            timestamp=int(at.timestamp()),
        )
    except typst.TypstError as error:
        raise NotTypeset(str(error)) from error
    if warnings or not isinstance(made, bytes):
        raise NotTypeset("; ".join(map(str, warnings)))
    return made
