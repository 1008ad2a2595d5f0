"""Real processes of ours, in an environment that only the test has chosen."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = {
    *("DATABASE_URL", "OWNER_DATABASE_URL", "BROKER_URL", "CELERY_BROKER_URL", "EARN_VAR"),
    *("SECRET_KEY", "APP_ROLE", "HTTPS", "DEBUG", "DJANGO_SETTINGS_MODULE"),
}
USER = """
import os, sys
from config import embedded
embedded.ensure(broker="broker" in sys.argv)
name = "BROKER_URL" if "broker" in sys.argv else "OWNER_DATABASE_URL"
print(os.environ[name], flush=True)
sys.stdin.read()
"""


def environment(**chosen: object) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in OURS}
    return kept | {name: str(value) for name, value in chosen.items()}


def run(*arguments: str, **chosen: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment(**chosen),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def spawn(*words: str, var: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", USER, *words],
        cwd=ROOT,
        env=environment(EARN_VAR=var),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@contextmanager
def user(*words: str, var: Path) -> Iterator[str]:
    """A process that uses the embedded servers until the block ends; yields the address."""
    with spawn(*words, var=var) as process:
        assert process.stdout
        yield process.stdout.readline().strip()
        process.communicate()
