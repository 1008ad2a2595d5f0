"""`python -m config.demo`: Earn on this machine, with ninety days of business in its books.

Servers, tables, worker and beat, the demo's days, the checks of the books, the pages; until
Ctrl-C. With DEMO_EXIT=1 it ends after the checks, with 0 only if the books are right.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from config import embedded
from config import environment as env
from config.servers import HOST, ServerError, die_with_parent

BIN = Path(sys.executable).parent
STOP_SECONDS = 30
QUICK_SECONDS = 20
QUICK_DEATHS = 5
BEAT_SECONDS = 0.2
LOOK_SECONDS = 2


class Stopped(Exception):
    """Ctrl-C or SIGTERM."""


class Failed(Exception):
    """A step or a process of the demo failed; the message is one sentence."""


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def spawn(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        cwd=env.ROOT,
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C reaches us alone, and we stop them in order
        preexec_fn=die_with_parent(signal.SIGTERM),
    )


class Background:
    """A process that is started again when it dies, but not for ever."""

    def __init__(self, name: str, command: list[str]) -> None:
        self.name = name
        self.command = command
        self.quick_deaths = 0
        self._start()

    def keep_up(self) -> None:
        if self.process.poll() is None:
            return
        quick = time.monotonic() - self.since < QUICK_SECONDS
        self.quick_deaths = self.quick_deaths + 1 if quick else 0
        if self.quick_deaths >= QUICK_DEATHS:
            raise Failed(f"The {self.name} dies again and again: see its messages above.")
        say(f"The {self.name} died ({self.process.returncode}) and is started again.")
        self._start()

    def ask_to_stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()

    def wait(self) -> None:
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _start(self) -> None:
        self.since = time.monotonic()
        self.process = spawn(self.command)


class Supervisor:
    """One thread: a child is told of our death when the thread that made it ends."""

    def __init__(self) -> None:
        self.backgrounds: list[Background] = []
        self.looked_at = time.monotonic()

    def add(self, name: str, *command: str) -> Background:
        background = Background(name, list(command))
        self.backgrounds.append(background)
        return background

    def manage(self, *arguments: str) -> int:
        """Runs a management command while the others are kept up; its exit code."""
        process = spawn([sys.executable, "manage.py", *arguments])
        try:
            while process.poll() is None:
                self.tick()
        finally:
            process.terminate()
            process.wait()
        return process.returncode

    def tick(self) -> None:
        time.sleep(BEAT_SECONDS)
        for background in self.backgrounds:
            background.keep_up()
        if time.monotonic() - self.looked_at > LOOK_SECONDS:
            embedded.revive()
            self.looked_at = time.monotonic()

    def stop(self) -> None:
        for background in self.backgrounds:
            background.ask_to_stop()
        for background in self.backgrounds:
            background.wait()


@contextmanager
def supervised() -> Iterator[Supervisor]:
    supervisor = Supervisor()
    try:
        yield supervisor
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):  # a second Ctrl-C changes nothing
            signal.signal(number, signal.SIG_IGN)
        supervisor.stop()


def play() -> int:
    stay = not env.flag("DEMO_EXIT", default=False)
    os.environ.setdefault("HTTPS", "0")
    port = env.port()
    if stay:
        demand_free(port)
    embedded.ensure(broker=True)
    with supervised() as supervisor:
        prepare(supervisor)
        add_jobs(supervisor)
        step(supervisor, "play_demo")
        step(supervisor, "schedule_jobs")  # not before: the clock would close days unplayed
        wrong = supervisor.manage("verify_books")
        if stay:
            serve(supervisor, port)
    return wrong


def prepare(supervisor: Supervisor) -> None:
    step(supervisor, "migrate", "--noinput", "-v0")
    if not env.flag("DEBUG", default=False):
        step(supervisor, "collectstatic", "--noinput", "-v0")
    os.environ.pop(
        "OWNER_DATABASE_URL", None
    )  # from here on the application's rights suffice


def add_jobs(supervisor: Supervisor) -> None:
    # Root is warned by Celery at length; here all listen on the loopback alone.
    os.environ.setdefault("PYTHONWARNINGS", "ignore:You're running the worker")
    celery = [str(BIN / "celery"), "-q", "-A", "config"]
    supervisor.add(
        "worker", *celery, "worker", "-c", "2", "-l", "WARNING", "--without-mingle"
    )
    supervisor.add("beat", *celery, "beat", "-l", "WARNING", "--pidfile=")


def step(supervisor: Supervisor, *arguments: str) -> None:
    code = supervisor.manage(*arguments)
    if code == 2:  # the command has said what to do
        sys.exit(2)
    if code:
        raise Failed(f"`manage.py {arguments[0]}` failed: see above; `make demo` goes on.")


def serve(supervisor: Supervisor, port: int) -> None:
    supervisor.add("web", str(BIN / "gunicorn"), "-c", "python:config.web", "config.wsgi")
    while not answers(port):
        supervisor.tick()
    say(f"Earn is ready: http://{HOST}:{port} (Ctrl-C stops it).")
    while True:
        supervisor.tick()


def answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex((HOST, port)) == 0


def demand_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise env.BadSetting(
                f"Port {port} cannot be used ({error.strerror}): free it, or choose "
                "another one, as in PORT=8001 make demo."
            ) from error


def on_signal(_number: int, _frame: FrameType | None) -> None:
    raise Stopped


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    try:
        return play()
    except (env.BadSetting, ServerError) as error:
        env.stop(error)
    except Failed as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except Stopped:
        say("Earn has stopped.")
        # who waits for the verification must not take this for it
        return 1 if env.flag("DEMO_EXIT", default=False) else 0


if __name__ == "__main__":
    sys.exit(main())
