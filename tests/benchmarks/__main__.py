"""`make bench`: figures as JSON lines; BENCH names one, N its size, WORKERS its number."""

import json
import os
import sys
import tempfile
from pathlib import Path

from config.servers import Postgres

SIZES = {"close": [100_000, 1_000_000], "pages": [10_000]}


def main() -> int:
    chosen = os.environ.get("BENCH") or "close"
    if chosen not in SIZES:
        sys.stderr.write(f"BENCH is one of {', '.join(SIZES)}, not {chosen}.\n")
        return 2
    given = {name: os.environ.get(name) or "" for name in ("N", "WORKERS", "ROUNDS")}
    for name, text in given.items():
        if text and (not text.isdecimal() or int(text) < 1):
            sys.stderr.write(f"{name} is a whole number from 1 on, not {text}.\n")
            return 2
    sizes = [int(given["N"])] if given["N"] else SIZES[chosen]
    workers, rounds = int(given["WORKERS"] or 1), int(given["ROUNDS"] or 3)
    with tempfile.TemporaryDirectory(prefix="earn-bench-") as folder:
        Path(folder).chmod(0o755)  # the user nobody must reach it when root runs this
        server = Postgres(Path(folder) / "postgres")
        server.start()
        try:
            server.add(role="earn_app", database="earn")
            os.environ |= {
                "DATABASE_URL": server.url(),
                "OWNER_DATABASE_URL": server.url(),
                "BROKER_URL": "memory://",
                "SECRET_KEY": "only-for-benchmarks-" * 3,
                "DJANGO_SETTINGS_MODULE": "config.settings",
                "EARN_VAR": folder,
                "HTTPS": "0",
                "LOG_LEVEL": "WARNING",
            }
            for n in sizes:
                _run(chosen, server, n=n, workers=workers, rounds=rounds)
        finally:
            server.stop()
    return 0


def _run(chosen: str, server: Postgres, *, n: int, workers: int, rounds: int) -> None:
    import django

    django.setup()
    from tests.benchmarks import close, pages

    measured = {
        "close": lambda: close.measure(server, n=n, workers=workers, rounds=rounds),
        "pages": lambda: pages.measure(server, n=n, rounds=rounds),
    }
    for figures in measured[chosen]():
        sys.stdout.write(json.dumps(figures) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
