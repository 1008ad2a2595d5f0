"""The embedded servers, shared by every command that runs in this checkout.

Whoever comes first starts a server, whoever leaves last stops it. Both hold the file
`lock` while they do; in between each user holds a shared lock on the file `users`, which
the system drops when a process dies, however it dies.
"""

import atexit
import fcntl
import os
import secrets
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from config import environment as env
from config.servers import Postgres, Server, ServerError, Valkey, private_text

_joined: list["Shared"] = []


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Shared:
    def __init__(self, server: Server) -> None:
        self.server = server
        self._users: IO[str] | None = None

    def join(self, *, then: Callable[[], object]) -> None:
        """Returns when the server answers and `then`, which no other process may
        disturb, is done."""
        home = self.server.home
        home.mkdir(parents=True, exist_ok=True)
        with locked(home / "lock"):
            self._users = (home / "users").open("a")
            fcntl.flock(self._users, fcntl.LOCK_SH)
            self._start_if_down()
            then()

    def revive(self) -> None:
        with locked(self.server.home / "lock"):
            self._start_if_down()

    def leave(self) -> None:
        """Stops the server if nobody else uses it."""
        if self._users is None:
            return
        with self._users, locked(self.server.home / "lock"):
            if _alone(self._users):
                self.server.stop()
        self._users = None

    def _start_if_down(self) -> None:
        if not self.server.answers():
            self.server.start()


def _alone(users: IO[str]) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def ensure(*, broker: bool = False) -> None:
    """Sets DATABASE_URL and its companions, and BROKER_URL if asked, where they are unset.

    Raises BadSetting or ServerError.
    """
    if not env.text("DATABASE_URL"):
        _ensure_database()
    if broker and not env.text("BROKER_URL"):
        server = Valkey(var() / "broker", outlives=True)
        _join(server, then=server.url)
        os.environ["BROKER_URL"] = server.url()


def revive() -> None:
    """Starts again, at the same port if it is free, what died under this process."""
    for shared in _joined:
        shared.revive()


def var() -> Path:
    return env.folder("EARN_VAR", default=env.ROOT / "var")


def _ensure_database() -> None:
    if env.text("OWNER_DATABASE_URL"):
        raise env.BadSetting("OWNER_DATABASE_URL is set but DATABASE_URL is not: set both.")
    role = env.role("APP_ROLE", default="earn_app")
    server = Postgres(var() / "postgres", outlives=True)
    _join(server, then=lambda: server.add(role=role, database="earn"))
    if not env.text("SECRET_KEY"):
        key = private_text(var() / "secret_key", lambda: secrets.token_urlsafe(48))
        os.environ["SECRET_KEY"] = key
    os.environ["OWNER_DATABASE_URL"] = server.url()
    os.environ["DATABASE_URL"] = server.url(role=role)


def _join(server: Server, *, then: Callable[[], object]) -> None:
    shared = Shared(server)
    try:
        shared.join(then=then)
    except OSError as error:
        raise ServerError(
            f"{server.name} cannot use {server.home} ({error.strerror}): make the folder "
            "writable, or set EARN_VAR to another one."
        ) from error
    if not _joined:
        atexit.register(_leave_all, os.getpid())
        _end_on_sigterm()
    _joined.append(shared)


def _leave_all(pid: int) -> None:
    if pid == os.getpid():  # a forked child inherits the exit function, not the duty
        while _joined:
            _joined.pop().leave()


def _end_on_sigterm() -> None:
    """SIGTERM as it comes by default would skip the exit functions."""
    unhandled = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if unhandled and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
