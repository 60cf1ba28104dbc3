"""The log and the progress of a stage: one live line on a terminal, dated lines elsewhere and in log.txt."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

LOGGER = logging.getLogger("align")
LIVE = "live.txt"
"""File in a stage's folder with the last line of progress; a stage that ends by itself removes it."""
_PLAIN = logging.Formatter("%(asctime)s %(message)s", datefmt="%Y-%m-%d %H:%M:%S")


class _Terminal(logging.StreamHandler):
    """Writes records without tearing the live line."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr  # looked up each time: notebooks and tests replace it
        if self.stream.isatty():
            self.stream.write("\r\x1b[K")
        super().emit(record)


class _File(logging.FileHandler):
    """A log file that loses records while its disk is full; the stage itself reports the full disk."""

    def handleError(self, record: logging.LogRecord) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)

    def close(self) -> None:
        with suppress(OSError):
            super().close()


def setup() -> None:
    """Send the toolkit's log to standard error. Safe to call twice."""
    if not LOGGER.handlers:
        handler = _Terminal(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s") if sys.stderr.isatty() else _PLAIN)
        LOGGER.addHandler(handler)
        LOGGER.setLevel(logging.INFO)
        LOGGER.propagate = False


@contextmanager
def to_file(path: Path) -> Iterator[None]:
    """During a stage, also write the log to a file, and the last line of progress to `LIVE` beside it."""
    handler = _File(path, encoding="utf-8")
    handler.setFormatter(_PLAIN)
    LOGGER.addHandler(handler)
    before, Progress.live = Progress.live, path.with_name(LIVE)
    try:
        yield
    finally:
        Progress.live.unlink(missing_ok=True)
        Progress.live = before
        LOGGER.removeHandler(handler)
        handler.close()


class Progress:
    """Counts the progress of long work. It is cheap enough to call for every row."""

    every_seconds = 10.0
    """Time between two plain lines if there is no terminal, and between two writes of the `live` file."""
    live: ClassVar[Path | None] = None
    """The file with the last line of progress, for `align status`, while a stage works."""

    def __init__(self, what: str, total: int | None = None, done: int = 0) -> None:
        self.what, self.total, self.done, self.started_with = what, total, done, done
        self.note = ""
        self.started = time.monotonic()
        self._shown = self._written = self.started
        self._terminal = sys.stderr.isatty()

    @property
    def seconds(self) -> float:
        """Time since the count began."""
        return time.monotonic() - self.started

    def advance(self, count: int = 1, note: str | None = None) -> None:
        """Count, and show the line when it is time."""
        self.done += count
        self.note = self.note if note is None else note
        now = time.monotonic()
        if now - self._shown >= (0.2 if self._terminal else self.every_seconds):
            self._shown = now
            self._show(now)

    def _show(self, now: float) -> None:
        rate = (self.done - self.started_with) / max(now - self.started, 1e-9)
        left = f", {duration((self.total - self.done) / rate)} left" if self.total and rate > 0 else ""
        line = f"{self.what} {self.done:,}{f'/{self.total:,}' if self.total else ''}{left}  {self.note}"
        if self.live and now - self._written >= self.every_seconds:
            self._written = now
            with suppress(OSError):  # the stage reports a full disk as its own error
                self.live.write_text(line, encoding="utf-8")
        if self._terminal:
            sys.stderr.write(f"\r\x1b[K{line}")
            sys.stderr.flush()
        else:
            LOGGER.info("%s", line)

    def close(self) -> None:
        """Remove the live line."""
        if self._terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def duration(seconds: float) -> str:
    """Return seconds as a person says them: 42s, 3m 05s, 2h 10m."""
    seconds = int(seconds)
    if seconds < 60:
        return f"{seconds}s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes}m {seconds:02d}s"
    return f"{minutes // 60}h {minutes % 60:02d}m"
