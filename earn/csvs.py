"""CSV that people send: its rows, each with the number of the line it begins on."""

import csv
from collections.abc import Iterator
from io import StringIO

MOST_BYTES = 1_000_000  # of a file


class BadCSV(ValueError):
    """This is no CSV, from that line on."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.line, self.sentence = line, sentence


def text_of(data: bytes) -> str:
    """Raises BadCSV where it is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadCSV(line, "This is not UTF-8: save the file as CSV in UTF-8.") from error


def rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Those that are not empty, without spaces around their cells. Raises BadCSV."""
    if "\x00" in text:
        line = text[: text.index("\x00")].count("\n") + 1
        raise BadCSV(line, "There is a NUL byte: this is no CSV file.")
    # newline="": the lines of every system, and cells of several lines
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    begins = 1
    try:
        for row in reader:
            if any(row):
                yield begins, [cell.strip() for cell in row]
            begins = reader.line_num + 1
    except csv.Error as error:
        raise BadCSV(begins, f"This is no CSV: {error}.") from error


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet would reckon with it instead of showing it."""
    return cell.startswith(("=", "+", "-", "@", "\t", "\r"))
