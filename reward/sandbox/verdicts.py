"""What the sandbox says of a solution, and how it is decided from what was seen from outside.

The words: see `STATUSES`. Three of them are no data (`NO_DATA`): the tests were broken, the sandbox cannot
carry them, or it failed itself. They must never become a reward of zero, because the solution has not been
judged.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pydantic import Field

from align.core.config import Config

Level: TypeAlias = Literal["full", "kernel", "weak"]
Trust: TypeAlias = Literal["unforgeable", "forgeable"]

STATUSES: dict[str, str] = {
    "pass": "every test passed",
    "fail": "the tests ran and said no",
    "error": "a call raised an exception that the tests did not expect",
    "load_error": "the source does not compile, raises when loaded, or lacks the entry point",
    "timeout": "CPU or wall-clock time used up",
    "memory": "more memory than allowed",
    "output_limit": "more printed, returned or written to one file than allowed",
    "disk": "more on disk than allowed",
    "blocked": "tried what the sandbox forbids",
    "crashed": "killed by a signal, such as a segmentation fault",
    "exited_early": "left before the tests had ended",
    "test_error": "the tests themselves are broken, skipped, or never call the solution",
    "unsupported": "the tests need more than data (`together`), or a tool that is not installed",
    "infra_error": "the sandbox failed, twice",
}
NO_DATA = frozenset({"test_error", "unsupported", "infra_error"})


class Limits(Config):
    """What one check may use. Each process of it has these limits for itself."""

    cpu_seconds: float = Field(default=5.0, gt=0)
    """CPU time, which decides: it hardly depends on what else the machine does."""
    wall_seconds: float | None = Field(default=None, gt=0)
    """Backstop for code that sleeps. Left out: 4 x cpu_seconds + 2, so that a machine four times overloaded
    changes no verdict."""
    memory_bytes: int = Field(default=512 << 20, ge=16 << 20)
    """Address space beyond the interpreter's own."""
    output_bytes: int = Field(default=1 << 20, ge=1 << 12)
    """What may be printed, what one answer may take, and the largest single file."""
    scratch_bytes: int = Field(default=64 << 20, ge=1 << 16)
    """What may lie in the working folder. A hard limit at level full; looked at every 50 ms at the others."""
    processes: int = Field(default=64, ge=1)
    """Threads; and processes too, of a language that needs several. Python code can start none."""

    @property
    def wall(self) -> float:
        """Wall-clock seconds."""
        return self.wall_seconds if self.wall_seconds is not None else 4 * self.cpu_seconds + 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found."""

    status: str
    """One of `STATUSES`."""
    passed_tests: int
    total_tests: int
    """Tests that were begun; a solution that ends the check early leaves the rest uncounted."""
    why: str
    cpu_seconds: float
    """Of the solution's process."""
    wall_seconds: float
    peak_bytes: int
    """Most memory resident at once, the interpreter's own (about 30 MB) included."""
    stdout: str
    """What the solution printed, its first 10,000 characters."""
    level: Level
    """Of the sandbox that ran it."""
    trust: Trust = "unforgeable"
    """"unforgeable": the solution shared no process with what judged it. "forgeable": tests and solution ran
    in one process, which the sandbox does only where it is told to (`together`)."""
    outcomes: tuple[bool, ...] = ()
    """Of each test begun, in order."""
    lacks: str = ""
    """Of one that is unsupported: the setting or the tool with which it would be judged."""

    @property
    def passed(self) -> bool | None:
        """Did it pass? None when that is not known."""
        return None if self.status in NO_DATA else self.status == "pass"


@dataclass(frozen=True, slots=True)
class CallResult:
    """How one call ended."""

    status: str
    """"returned", or one of `STATUSES`; calls after one that ended the process carry its word too."""
    value: Any = None
    why: str = ""
    lacks: str = ""
    """As in `Verdict`."""


@dataclass(frozen=True, slots=True, eq=False)
class Opaque:
    """Stands for a value that is no plain data. Equal to nothing but itself."""

    kind: str
    """Name of its class, as the other side says."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended, as the zygote saw it."""

    status: int
    """As wait(2) gives it."""
    reason: str
    """Why the zygote killed it: cpu, wall, memory, disk, threads, done, left (the other process had ended,
    and there was time to notice); empty when it ended by itself."""
    failure: str
    """Why it could not be confined; empty when it was, before it read anything."""
    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int

    def word(self, limits: Limits) -> tuple[str, str]:
        """Return (status word, why) for a process that ended before it should have; ("", "") if it was ended by us."""
        if self.failure:
            return "infra_error", f"the process could not be confined: {self.failure}"
        if self.reason == "cpu":
            return "timeout", f"used up {limits.cpu_seconds:g} s of CPU time"
        if self.reason == "wall":
            return "timeout", f"used up {limits.wall:g} s of wall-clock time"
        if self.reason == "memory":
            return "memory", f"used up {limits.memory_bytes:,} bytes of memory"
        if self.reason == "disk":
            return "disk", f"more than {limits.scratch_bytes:,} bytes in its folder"
        if self.reason == "threads":
            return "blocked", f"more than {limits.processes} threads"
        if os.WIFSIGNALED(self.status):
            return self._signalled(os.WTERMSIG(self.status), limits)
        if self.reason == "done":
            return "", ""
        code = os.waitstatus_to_exitcode(self.status)
        return "exited_early", "calls exit()" if code == 3 else f"its process left with exit status {code}"

    def _signalled(self, number: int, limits: Limits) -> tuple[str, str]:
        if number == signal.SIGKILL and self.reason == "done":
            return "", ""
        if number == signal.SIGSYS:
            return "blocked", "made a system call that kills"
        if number == signal.SIGKILL and self.cpu_seconds >= limits.cpu_seconds:
            return "timeout", f"used up {limits.cpu_seconds:g} s of CPU time"
        if number == signal.SIGKILL:
            return "crashed", "killed by SIGKILL: its own, or the system's when memory ran out"
        return "crashed", f"killed by signal {number} ({signal.strsignal(number)})"


def of_check(
    solution: Ending,
    tests: Ending | None,
    said: Mapping[str, Any] | None,
    called: bool,
    printed: int,
    limits: Limits,
) -> tuple[str, str]:
    """Return the status word and the reason for a check.

    Args:
        solution: how its process ended.
        tests: how theirs did; None where they had none: they were data, or ran in the solution's.
        said: the verdict of the tests' process, if it gave one.
        called: whether the tests had an answer of the solution: what ends their process after that is its
            doing.
        printed: bytes that the solution printed.
        limits: what they could use.
    """
    word, why = solution.word(limits)
    if word == "infra_error":
        return word, why
    if said is not None and not _is_verdict(said):
        return "infra_error", f"the tests' process says {str(said['status'])[:20]!r}"
    if printed >= limits.output_bytes:
        return "output_limit", f"printed {limits.output_bytes:,} bytes or more"
    if (
        said is None
        and tests is not None
        and (not word or (word == "exited_early" and tests.reason != "left"))
    ):
        return _without_verdict(tests, called, limits)
    if said is None or said["status"] == "gone":
        return (word, why) if word else ("exited_early", "its process closed the channel")
    if said["status"] == "pass" and word not in ("", "exited_early"):
        return word, why  # it passed its tests and broke a limit
    return said["status"], said["why"]


def _is_verdict(said: Mapping[str, Any]) -> bool:
    known = said["status"] in (*STATUSES, "gone")
    return known and not (said["status"] == "pass" and not said["outcomes"])


def _without_verdict(tests: Ending, called: bool, limits: Limits) -> tuple[str, str]:
    """Return the status word and the reason for tests whose process ended without a verdict."""
    word, why = tests.word(limits)
    reason = f"the tests' process: {why or 'no verdict'}"
    if word == "infra_error":
        return word, reason
    if not called:
        return "test_error", reason
    return ("timeout" if word == "timeout" else "fail"), f"{reason}, with the solution's answers"


def of_calls(solution: Ending, printed: int, limits: Limits) -> tuple[str, str]:
    """Return the status word and the reason for calls that got no answer."""
    word, why = solution.word(limits)
    if word != "infra_error" and printed >= limits.output_bytes:
        return "output_limit", f"printed {limits.output_bytes:,} bytes or more"
    return (word, why) if word else ("exited_early", "its process closed the channel")
