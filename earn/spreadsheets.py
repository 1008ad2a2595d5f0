"""Tables as CSV and XLSX, row by row, so that a long one fits into little memory.

A text that a spreadsheet would take for a formula stands behind an apostrophe in CSV; in
XLSX texts are texts and nothing else. Numbers stay numbers as long as a spreadsheet holds
all their digits, and are texts beyond: rounded money would be wrong money.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from tempfile import TemporaryFile
from typing import IO

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from ledger.exports import guarded
from ledger.money import plain

Cell = str | int | Decimal | date | None
Row = Sequence[Cell]
DIGITS = 15  # of a number in a spreadsheet
ROWS = 1_000_000  # of a sheet, which has 1,048,576 at most


def as_csv(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    write = csv.writer(_Echo(), lineterminator="\r\n").writerow
    yield write(columns)
    for row in rows:
        yield write(
            [guarded(_text(cell)) if _is_text(cell) else _text(cell) for cell in row]
        )


def as_xlsx(columns: Sequence[str], rows: Iterable[Row]) -> IO[bytes]:
    """An open file at its beginning; more sheets where one is full."""
    file = TemporaryFile()  # noqa: SIM115  whoever sends it closes it
    options = {"constant_memory": True, "in_memory": False, "default_date_format": ""}
    with Workbook(file, options) as book:
        number, sheet = 0, _sheet(book, columns)
        for row in rows:
            if number == ROWS:
                number, sheet = 0, _sheet(book, columns)
            number += 1
            for column, cell in enumerate(row):
                _write(sheet, number, column, cell)
    file.seek(0)
    return file


class _Echo:
    """What a csv.writer writes is what its writerow returns."""

    def write(self, text: str) -> str:
        return text


def _sheet(book: Workbook, columns: Sequence[str]) -> Worksheet:
    sheet = book.add_worksheet()
    bold = book.add_format({"bold": True})
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(columns):
        sheet.write_string(0, column, name, bold)
    return sheet


def _write(sheet: Worksheet, row: int, column: int, cell: Cell) -> None:
    text = _text(cell)
    if not text:
        return
    if isinstance(cell, int | Decimal) and _is_held(Decimal(cell)):
        sheet.write_number(row, column, Decimal(text))
    else:
        sheet.write_string(row, column, text)


def _is_held(number: Decimal) -> bool:
    return len(number.normalize().as_tuple().digits) <= DIGITS


def _is_text(cell: Cell) -> bool:
    return isinstance(cell, str)


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return f"{cell.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
    if isinstance(cell, Decimal):
        return plain(cell)
    return str(cell)
