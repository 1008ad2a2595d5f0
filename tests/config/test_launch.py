import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core import management
from django.db import OperationalError, connection

from config import environment as env
from config import launch
from config.servers import Postgres
from tests.config.processes import ROOT, environment, run


@pytest.fixture
def two_roles(monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """The addresses of the test database for the application and for its owner."""
    owner = os.environ["OWNER_DATABASE_URL"].rsplit("/", 1)[0]
    owner = f"{owner}/{connection.settings_dict['NAME']}"
    app = f"{owner}?options=-c%20role%3Dearn_app"
    monkeypatch.setenv("DATABASE_URL", app)
    monkeypatch.setenv("OWNER_DATABASE_URL", owner)
    return app, owner


@pytest.mark.django_db
@pytest.mark.parametrize("command", ["migrate", "simulate"])
def test_commands_of_the_owner_run_as_the_owner(
    two_roles: tuple[str, str], command: str
) -> None:
    launch.prepare(["manage.py", command])
    assert os.environ["DATABASE_URL"] == two_roles[1]


@pytest.mark.django_db
def test_other_commands_run_as_the_application(two_roles: tuple[str, str]) -> None:
    launch.prepare(["manage.py", "verify_books"])
    assert os.environ["DATABASE_URL"] == two_roles[0]


def test_a_real_server_is_never_migrated_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", os.environ["OWNER_DATABASE_URL"])
    with pytest.raises(env.BadSetting, match=r"lacks \d+ migrations: first run"):
        launch.prepare(["manage.py", "verify_books"])


@pytest.mark.parametrize("words", ["help", "migrate --help", "makemigrations --dry-run"])
def test_help_and_lint_start_no_server(tmp_path: Path, words: str) -> None:
    done = run("manage.py", *words.split(), EARN_VAR=tmp_path / "var")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "var").exists()


def test_the_embedded_server_is_ready_for_the_first_command(tmp_path: Path) -> None:
    done = run("manage.py", "showmigrations", "ledger", EARN_VAR=tmp_path / "var")
    assert done.returncode == 0, done.stderr
    assert "[X] 0001" in done.stdout
    assert "[ ]" not in done.stdout
    assert not Postgres(tmp_path / "var/postgres").answers()


def test_a_folder_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file, not a folder")
    done = run("manage.py", "showmigrations", EARN_VAR=tmp_path / "var")
    assert done.returncode == 2
    assert "make the folder writable, or set EARN_VAR" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_reader_that_has_seen_enough_is_no_fault(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "manage.py", "help"],
        cwd=ROOT,
        env=environment(EARN_VAR=tmp_path / "var"),
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_output_that_finds_no_room_is_a_sentence(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "manage.py", "help"],
            cwd=ROOT,
            env=environment(EARN_VAR=tmp_path / "var"),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.startswith("The output is cut off (No space left on device)")
    assert done.stderr.count("\n") == 1


def test_a_database_that_goes_away_under_a_command_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def act(_: object) -> None:
        raise OperationalError("server closed the connection unexpectedly\n\tThis means")

    monkeypatch.setattr(management, "execute_from_command_line", act)
    with pytest.raises(SystemExit) as end:
        launch.manage(["manage.py", "help"])
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert "(server closed the connection unexpectedly): see that its server" in said
    assert said.count("\n") == 1
