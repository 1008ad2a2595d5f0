"""Real workers and beats of ours, and the broker between them and the tests."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import redis
from celery import Celery

from config.servers import Valkey, die_with_parent
from earn import tasks
from tests.config.processes import ROOT

SECONDS = 60  # whatever is waited for has happened by then, or never will
WORKER = ["worker", "--concurrency=1", "--without-gossip", "--without-mingle"]
BEAT = ["beat", "--pidfile=", "--max-interval=1"]


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    """What the condition comes to once it is true; fails in the words of `what`."""
    end = time.monotonic() + SECONDS
    while not (outcome := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"after {SECONDS} seconds it is not so that {what}")
        time.sleep(0.02)
    return outcome


class Process:
    """`celery -A config ...` in a group of its own."""

    def __init__(self, arguments: list[str], *, env: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as file:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "config", *arguments, "-l", "INFO"],
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),
            )

    def is_alive(self) -> bool:
        return self._child.poll() is None

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL for the process and its children."""
        if self.is_alive():
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()

    def kill_children(self) -> None:
        """SIGKILL for the processes of the pool, which the worker replaces."""
        shown = subprocess.check_output(["ps", "-A", "-o", "pid=,ppid="], text=True)
        processes = [line.split() for line in shown.splitlines()]
        children = [int(pid) for pid, parent in processes if int(parent) == self._child.pid]
        assert children
        for pid in children:
            os.kill(pid, signal.SIGKILL)


class Crew:
    """The processes of a session. Workers that no test has killed serve the next one."""

    def __init__(self, *, env: dict[str, str], home: Path) -> None:
        self._env = env
        self._home = home
        self._numbers = count(1)
        self._started: list[Process] = []
        self._workers: list[Process] = []
        self._settings: dict[str, str] = {}

    def work(self, number: int = 1, **settings: str) -> list[Process]:
        """Exactly so many workers with these settings, started or stopped as needed."""
        wanted = number if settings == self._settings else 0
        alive = [worker for worker in self._workers if worker.is_alive()]
        for worker in alive[wanted:]:
            worker.kill()
        self._workers, self._settings = alive[:wanted], settings
        while len(self._workers) < number:
            self._workers.append(self.start(WORKER, **settings))
        return self._workers

    def kill_workers(self) -> None:
        self.work(0)

    def start(self, arguments: list[str], **settings: str) -> Process:
        number = next(self._numbers)
        named = ["-n", f"test-{number}@localhost"] if arguments == WORKER else []
        log = self._home / f"{number}.log"
        process = Process([*arguments, *named], env=self._env | settings, log=log)
        self._started.append(process)
        return process

    def said(self) -> str:
        """The last words of everyone, for the report of a failure."""
        logs = sorted(self._home.glob("*.log"))
        return "\n".join(f"{log.name}: {log.read_text()[-2000:]}" for log in logs[-3:])

    def end(self) -> None:
        for process in self._started:
            process.kill()


class Broker:
    """Ours alone, so that it may be flushed and killed."""

    def __init__(self, server: Valkey) -> None:
        self.server = server
        self.url = server.url()
        # lives as long as beat's, connection and all
        self._sender = Celery("tests", broker=self.url, set_as_current=False)
        self._redis = redis.Redis.from_url(self.url)

    def tick(self, at: Any) -> None:
        """The driver, with nothing but a clock."""
        self._send(tasks.drive_close, 1, at=at.isoformat())

    def drive(self, day: Any, at: Any, *, times: int = 1) -> None:
        """What beat sends: the driver of the close, one message as often as asked."""
        self._send(tasks.drive_close, times, through=day.isoformat(), at=at.isoformat())

    def accrue(self, day: Any, number: int, at: Any, *, times: int = 1) -> None:
        moment = {"through": day.isoformat(), "at": at.isoformat()}
        self._send(tasks.accrue_chunk, times, day=day.isoformat(), number=number, **moment)

    def _send(self, task: Any, times: int, **arguments: Any) -> None:
        number = str(uuid4())
        for _ in range(times):
            self._sender.send_task(task.name, kwargs=arguments, task_id=number)

    def is_quiet(self) -> bool:
        """Nothing waits, and nothing is being worked on."""
        with self._redis.pipeline(transaction=True) as pipeline:
            return pipeline.llen("celery").hlen("unacked").execute() == [0, 0]

    def lose_everything(self) -> None:
        self._redis.flushall()

    def kill(self) -> None:
        os.kill(int(self._redis.info("server")["process_id"]), signal.SIGKILL)

    def close(self) -> None:
        self._sender.close()
        self._redis.close()
