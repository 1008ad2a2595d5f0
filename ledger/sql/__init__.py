"""SQL as files: one subject each, read by migrations and by the functions that run them."""

from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent


@cache
def sql(name: str, *, folder: Path = _HERE) -> str:
    """The text of `<name>.sql`."""
    return (folder / f"{name}.sql").read_text(encoding="utf-8")
