"""CPU seconds of a PostgreSQL with all its processes, the ended ones too, and of ours."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def seconds(postmaster: int) -> float:
    """Of the server's processes and of this one with its children, since they began."""
    ours = os.times()
    children = [postmaster, *_descendants(postmaster)]
    ticks = sum(_ticks(pid, ended=pid == postmaster) for pid in children)
    return (
        ticks / _TICKS + ours.user + ours.system + ours.children_user + ours.children_system
    )


def _descendants(parent: int) -> list[int]:
    task = Path(f"/proc/{parent}/task/{parent}/children")
    found = [int(pid) for pid in task.read_text().split()] if task.exists() else []
    return found + [pid for child in found for pid in _descendants(child)]


def _ticks(pid: int, *, ended: bool) -> int:
    """User and system time, with that of children that have ended and been reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return sum(int(x) for x in fields[11 : 15 if ended else 13])
