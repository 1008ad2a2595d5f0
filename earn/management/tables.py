"""Plain tables for people at a terminal."""

from collections.abc import Iterable, Sequence

GAP = "  "


def table(
    head: Sequence[str], rows: Iterable[Sequence[object]], *, left: Sequence[str] = ()
) -> Iterable[str]:
    """Lines of a table, its head first; columns are set right but for those in `left`."""
    lines = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = zip(head, line, widths, strict=True)
        aligned = [x.ljust(w) if name in left else x.rjust(w) for name, x, w in cells]
        yield GAP.join(aligned).rstrip()
