import socket
import sys
from collections.abc import Iterator

import pytest

from config import demo
from config import environment as env

DIES = [sys.executable, "-c", "raise SystemExit(3)"]
STAYS = [sys.executable, "-c", "import signal; signal.pause()"]


@pytest.fixture
def supervisor() -> Iterator[demo.Supervisor]:
    supervisor = demo.Supervisor()
    yield supervisor
    supervisor.stop()


def test_what_dies_is_started_again(supervisor: demo.Supervisor) -> None:
    background = supervisor.add("worker", *STAYS)
    dead = background.process
    dead.kill()
    dead.wait()
    supervisor.tick()
    assert background.process.pid != dead.pid
    assert background.process.poll() is None


def test_what_dies_again_and_again_ends_the_demo(supervisor: demo.Supervisor) -> None:
    background = supervisor.add("worker", *DIES)
    for _ in range(demo.QUICK_DEATHS - 1):
        background.process.wait()
        supervisor.tick()
    background.process.wait()
    with pytest.raises(demo.Failed, match="The worker dies again and again"):
        supervisor.tick()


def test_stopping_leaves_no_process(supervisor: demo.Supervisor) -> None:
    background = supervisor.add("worker", *STAYS)
    supervisor.stop()
    assert background.process.poll() is not None


def test_a_taken_port_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(env.BadSetting, match=f"Port {port} cannot be used"):
            demo.demand_free(port)


@pytest.mark.parametrize(("setting", "code"), [("1", 1), ("", 0)])
def test_a_demo_that_was_stopped_before_the_books_were_verified_does_not_say_they_are_right(
    monkeypatch: pytest.MonkeyPatch, setting: str, code: int
) -> None:
    def play() -> int:
        raise demo.Stopped

    monkeypatch.setattr(demo, "play", play)
    monkeypatch.setattr(demo.signal, "signal", lambda *_: None)
    monkeypatch.setenv("DEMO_EXIT", setting)
    assert demo.main() == code


def test_a_failed_step_names_the_command(supervisor: demo.Supervisor) -> None:
    with pytest.raises(demo.Failed, match="`manage.py check` failed"):
        demo.step(supervisor, "check", "no_such_app")
