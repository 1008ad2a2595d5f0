"""How far long work has come."""

from django.core.management.base import OutputWrapper


class Progress:
    """One line that is written again and again on a terminal, and nowhere else."""

    def __init__(self, stream: OutputWrapper) -> None:
        self.stream = stream
        self.is_seen = stream.isatty()

    def show(self, line: str) -> None:
        self._write(f"\r{line}\x1b[K")

    def clear(self) -> None:
        self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        if self.is_seen:
            self.stream.write(text, ending="")
            self.stream.flush()
