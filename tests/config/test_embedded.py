import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from config import embedded
from config.servers import Postgres, Valkey, unprivileged
from tests.config.processes import spawn, user


@pytest.fixture
def var(tmp_path: Path) -> Iterator[Path]:
    for folder in (tmp_path, *tmp_path.parents):  # the user nobody must reach it
        if folder.owner() == Path.home().owner() and unprivileged()[1]:
            folder.chmod(0o755)
    yield tmp_path / "var"
    Postgres(tmp_path / "var" / "postgres").stop()
    Valkey(tmp_path / "var" / "broker").stop()


def pid_of_server(var: Path) -> int:
    return int((var / "postgres/data/postmaster.pid").read_text().splitlines()[0])


def ask(url: str, query: str) -> object:
    with psycopg.connect(url, connect_timeout=5) as connection:
        row = connection.execute(query).fetchone()
    assert row
    return row[0]


def test_the_second_user_finds_the_server_of_the_first(var: Path) -> None:
    with user(var=var) as first, user(var=var) as second:
        assert first == second
        assert ask(first, "select 1") == 1


def test_the_server_lives_until_the_last_user_leaves(var: Path) -> None:
    with user(var=var) as url:
        with user(var=var):
            pass
        assert ask(url, "select 1") == 1
    with pytest.raises(psycopg.OperationalError):
        ask(url, "select 1")
    assert not (var / "postgres/data/postmaster.pid").exists()


def test_the_server_outlives_the_one_who_started_it(var: Path) -> None:
    first = spawn(var=var)
    assert first.stdout
    first.stdout.readline()
    with user(var=var) as url:
        first.communicate()
        assert ask(url, "select 1") == 1


def test_many_who_come_at_once_share_one_server(var: Path) -> None:
    crowd = [spawn(var=var) for _ in range(4)]
    urls = {process.stdout.readline() for process in crowd if process.stdout}
    for process in crowd:
        process.communicate()
    assert len(urls) == 1
    assert not (var / "postgres/data/postmaster.pid").exists()


def test_sigterm_of_the_last_user_stops_the_server(var: Path) -> None:
    with spawn(var=var) as process:
        assert process.stdout
        process.stdout.readline()
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM
    assert not (var / "postgres/data/postmaster.pid").exists()


def test_after_a_killed_user_the_next_one_finds_the_server(var: Path) -> None:
    with spawn(var=var) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        pid = pid_of_server(var)
        process.kill()
    with user(var=var) as again:
        assert again == url
        assert pid_of_server(var) == pid
    assert not (var / "postgres/data/postmaster.pid").exists()


def test_a_killed_server_is_started_again_with_its_data(var: Path) -> None:
    with user(var=var) as url:
        with psycopg.connect(url) as connection:
            connection.execute("create table kept as select 42 as n")
        os.kill(pid_of_server(var), signal.SIGKILL)
        with user(var=var) as again:
            assert ask(again, "select n from kept") == 42


def test_a_dead_servers_pid_that_belongs_to_a_stranger_does_no_harm(var: Path) -> None:
    stranger = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with user(var=var):
        record = var / "postgres/data/postmaster.pid"
        left_behind = record.read_text()
    with subprocess.Popen(stranger, stdin=subprocess.PIPE) as process:
        _, _, rest = left_behind.partition("\n")
        record.write_text(f"{process.pid}\n{rest}")
        with user(var=var) as url:
            assert ask(url, "select 1") == 1
            assert pid_of_server(var) != process.pid
        assert process.poll() is None
        process.communicate()


def test_a_taken_port_is_given_up_for_another(var: Path) -> None:
    with user(var=var):
        port = int((var / "postgres/port").read_text())
    with socket.create_server(("127.0.0.1", port)), user(var=var) as url:
        assert f":{port}/" not in url
        assert ask(url, "select 1") == 1


def test_another_server_at_our_port_is_not_taken_for_ours(
    tmp_path: Path, var: Path
) -> None:
    with user(var=tmp_path / "other") as foreign:
        (var / "postgres").mkdir(parents=True)
        (var / "postgres/port").write_text(str(urlsplit(foreign).port))
        with user(var=var) as url:
            assert ask(url, "show data_directory") == str(var / "postgres/data")


def test_a_half_made_cluster_is_made_anew(var: Path) -> None:
    (var / "postgres/data.part").mkdir(parents=True)
    (var / "postgres/data.part/PG_VERSION").write_text("18\n")
    with user(var=var) as url:
        assert ask(url, "select 1") == 1


def test_the_application_has_a_role_of_its_own_without_power(var: Path) -> None:
    with user(var=var) as url:
        query = (
            "select rolcanlogin and not rolsuper from pg_roles where rolname = 'earn_app'"
        )
        assert ask(url, query) is True
        assert ask(url, "select current_setting('is_superuser')") == "on"


def test_secrets_are_readable_by_their_owner_alone(var: Path) -> None:
    with user(var=var), user("broker", var=var):
        pass
    secret = ["secret_key", "postgres/earn.password", "postgres/earn_app.password"]
    secret += ["postgres/port", "broker/password", "broker/valkey.conf", "broker/port"]
    assert [name for name in secret if (var / name).stat().st_mode & 0o077] == []


def test_the_broker_keeps_its_queue_when_the_last_user_leaves(var: Path) -> None:
    with user("broker", var=var) as url, redis.from_url(url) as client:
        client.rpush("queue", "job")
    with pytest.raises(redis.ConnectionError), redis.from_url(url) as client:
        client.ping()
    with user("broker", var=var) as url, redis.from_url(url) as client:
        assert client.lrange("queue", 0, -1) == [b"job"]


def test_what_dies_under_a_user_is_revived_at_the_same_port(var: Path) -> None:
    shared = embedded.Shared(Postgres(var / "postgres", outlives=True))
    shared.join(then=lambda: None)
    port = shared.server.port
    os.kill(pid_of_server(var), signal.SIGKILL)
    shared.revive()
    assert shared.server.answers()
    assert shared.server.port == port
    shared.leave()
    assert not shared.server.answers()


def test_a_killed_broker_is_started_again(var: Path) -> None:
    with user("broker", var=var) as url:
        os.kill(int((var / "broker/pid").read_text()), signal.SIGKILL)
        with user("broker", var=var) as again, redis.from_url(again) as client:
            assert client.ping() is True
            assert again == url
