"""Charts as SVG made here: no script, no float, the same picture in every browser.

A chart is drawn by `portal/_chart.html` in a box of WIDTH x HEIGHT that stretches to its
place; its labels are text of the page around it. What it shows must stand in a table too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

WIDTH, HEIGHT = 1000, 300
STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))
LINES = 4  # spaces between the lines of the grid, about
LABELS = 5  # below the chart, about

X = date | Decimal
Words = Callable[[Decimal], str]


class Series(NamedTuple):
    """Points in ascending order of x; a value of None leaves a gap.

    `shape` is LINE, STEP (a value holds until the next point) or BARS. The class of the
    path is `series-<number>`, from 1.
    """

    label: str
    points: Sequence[tuple[X, Decimal | None]]
    shape: str = "LINE"


class Path(NamedTuple):
    """`area` is the same path closed at the foot; empty for bars, which are areas."""

    label: str
    shape: str
    line: str
    area: str


class Band(NamedTuple):
    """What is told of the point below the pointer."""

    x: int
    width: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """`grid` has (y, words) from the top down, `ticks` are words from first x to last."""

    summary: str
    paths: Sequence[Path]
    grid: Sequence[tuple[int, str]]
    ticks: Sequence[str]
    bands: Sequence[Band]
    width: int = WIDTH
    height: int = HEIGHT


class _Scale(NamedTuple):
    low: Decimal
    high: Decimal

    def at(self, value: Decimal, length: int) -> int:
        return int((value - self.low) * length / (self.high - self.low))


def chart(
    series: Sequence[Series],
    *,
    summary: str,
    value_words: Words,
    x_words: Callable[[X], str],
    from_zero: bool = True,
) -> Chart | None:
    """A chart of one series or several, or None where there is nothing to draw.

    `summary` says in a sentence what is to be seen. `value_words` and `x_words` write a
    figure and a place of the x axis in the reader's language.
    """
    values = [value for one in series for _, value in one.points if value is not None]
    places = sorted({_number(x) for one in series for x, _ in one.points})
    if not values or len(places) < 2:
        return None
    marks = _marks(min(*values, Decimal(0)) if from_zero else min(values), max(values))
    y, x = _Scale(marks[0], marks[-1]), _Scale(places[0], places[-1])
    return Chart(
        summary=summary,
        paths=[_path(one, x, y) for one in series],
        grid=[(HEIGHT - y.at(mark, HEIGHT), value_words(mark)) for mark in marks[::-1]],
        ticks=_ticks(series, x_words),
        bands=_bands(series, x, value_words, x_words),
    )


def _number(x: X) -> Decimal:
    return Decimal(x.toordinal()) if isinstance(x, date) else x


def _marks(low: Decimal, high: Decimal) -> list[Decimal]:
    """Round figures from below the lowest value to above the highest."""
    span = (high - low) or abs(high) or Decimal(1)
    power = Decimal(1).scaleb((span / LINES).adjusted())
    step = next(x * power for x in STEPS if x * power * LINES >= span)
    first = (low / step).to_integral_value(ROUND_FLOOR)
    last = max((high / step).to_integral_value(ROUND_CEILING), first + 1)
    return [step * n for n in range(int(first), int(last) + 1)]


def _path(one: Series, x: _Scale, y: _Scale) -> Path:
    placed = [
        (x.at(_number(at), WIDTH), None if value is None else HEIGHT - y.at(value, HEIGHT))
        for at, value in one.points
    ]
    foot = HEIGHT - y.at(max(y.low, Decimal(0)), HEIGHT)
    if one.shape == "BARS":
        return Path(one.label, one.shape, _bars(placed, foot), "")
    pieces = [_stepped(piece) if one.shape == "STEP" else piece for piece in _split(placed)]
    line = " ".join(_drawn(piece) for piece in pieces)
    area = " ".join(
        f"{_drawn(piece)} V{foot} H{piece[0][0]} Z" for piece in pieces if len(piece) > 1
    )
    return Path(one.label, one.shape, line, area)


def _split(placed: Sequence[tuple[int, int | None]]) -> list[list[tuple[int, int]]]:
    """The pieces between the gaps."""
    pieces: list[list[tuple[int, int]]] = [[]]
    for x, y in placed:
        if y is None:
            pieces.append([])
        else:
            pieces[-1].append((x, y))
    return [piece for piece in pieces if piece]


def _stepped(piece: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """With a corner after each point, where the next one begins."""
    nexts = [*(x for x, _ in piece[1:]), piece[-1][0]]
    corners = [(x, y) for (_, y), x in zip(piece, nexts, strict=True)]
    return [point for pair in zip(piece, corners, strict=True) for point in pair]


def _drawn(piece: Sequence[tuple[int, int]]) -> str:
    return "M" + " L".join(f"{x} {y}" for x, y in piece)


def _bars(placed: Sequence[tuple[int, int | None]], foot: int) -> str:
    """Each as wide as leaves a third of its place free."""
    wide = max(WIDTH * 2 // 3 // max(len(placed), 1), 1)
    return " ".join(
        f"M{min(max(x - wide // 2, 0), WIDTH - wide)} {foot} V{y} h{wide} V{foot} Z"
        for x, y in placed
        if y is not None and y != foot
    )


def _ticks(series: Sequence[Series], words: Callable[[X], str]) -> list[str]:
    """Evenly spaced over the x axis, whose first and last place are among them."""
    places = sorted({x for one in series for x, _ in one.points}, key=_number)
    first, last = places[0], places[-1]
    if isinstance(first, date) and isinstance(last, date):
        days = (last - first).days
        parts = min(LABELS - 1, days)
        ordinals = [first.toordinal() + days * n // parts for n in range(parts + 1)]
        return [words(date.fromordinal(ordinal)) for ordinal in ordinals]
    low, high = _number(first), _number(last)
    return [words(low + (high - low) * n / (LABELS - 1)) for n in range(LABELS)]


def _bands(
    series: Sequence[Series], x: _Scale, value_words: Words, x_words: Callable[[X], str]
) -> list[Band]:
    """From half way after the point before to half way before the next one."""
    told: dict[X, list[str]] = {}
    for one in series:
        for at, value in one.points:
            if value is not None:
                words = value_words(value)
                told.setdefault(at, []).append(
                    f"{one.label}: {words}" if one.label else words
                )
    places = sorted(told, key=_number)
    middles = [x.at(_number(place), WIDTH) for place in places]
    edges = [0, *((a + b) // 2 for a, b in zip(middles, middles[1:], strict=False)), WIDTH]
    return [
        Band(
            edges[n],
            max(edges[n + 1] - edges[n], 1),
            f"{x_words(at)} · {' · '.join(told[at])}",
        )
        for n, at in enumerate(places)
    ]
