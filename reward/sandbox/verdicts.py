"""Define the sandbox's verdicts, and derive each from what was observed outside the confined processes.

`STATUSES` lists the statuses. Three of them mean that the solution was not judged (`NO_DATA`): the tests were
broken, the sandbox cannot run them, or the sandbox itself failed. Such a verdict must never become a reward
of zero.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from reward.sandbox.limits import Level, Limits

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


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a check."""

    status: str
    """One of `STATUSES`."""
    passed_tests: int
    total_tests: int
    """Tests that were started; when a solution ends the check early, the remaining tests are not counted."""
    why: str
    cpu_seconds: float
    """CPU time of the solution's process."""
    wall_seconds: float
    peak_bytes: int
    """Most resident memory at one time, the interpreter's own (about 30 MB) included."""
    stdout: str
    """The first 10,000 characters that the solution printed."""
    level: Level
    """Level of the sandbox that ran it."""
    trust: Trust = "unforgeable"
    """"unforgeable": the solution shared no process with what judged it. "forgeable": tests and solution ran
    in one process, which the sandbox does only when `together` is set."""
    outcomes: tuple[bool, ...] = ()
    """Whether each started test passed, in order."""
    lacks: str = ""
    """For an unsupported check: the setting or the tool that would make it possible."""

    @property
    def passed(self) -> bool | None:
        """Did the solution pass? None when that is not known."""
        return None if self.status in NO_DATA else self.status == "pass"


@dataclass(frozen=True, slots=True)
class CallResult:
    """How one call ended."""

    status: str
    """"returned", or one of `STATUSES`. When a call ends the process, the calls after it get the same
    status."""
    value: Any = None
    why: str = ""
    lacks: str = ""
    """As in `Verdict`."""


@dataclass(frozen=True, slots=True, eq=False)
class Opaque:
    """Stand for a value that is not plain data. It equals nothing but itself."""

    kind: str
    """Name of the value's class, as the other process reported it."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended, as the zygote saw it."""

    status: int
    """The status that wait(2) gives."""
    reason: str
    """Why the zygote killed it: cpu, wall, memory, disk, threads, done, left (the other process had ended,
    and this one had been given time to notice); empty when it ended by itself."""
    failure: str
    """Why it could not be confined. Empty when it was confined, which happens before it reads anything."""
    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int

    def word(self, limits: Limits) -> tuple[str, str]:
        """Return (status, reason) for a process that ended too early; ("", "") if the sandbox ended it."""
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
            return "blocked", "made a forbidden system call, which kills"
        if number == signal.SIGKILL and self.cpu_seconds >= limits.cpu_seconds:
            return "timeout", f"used up {limits.cpu_seconds:g} s of CPU time"
        if number == signal.SIGKILL:
            return "crashed", "killed by SIGKILL, sent by itself or by the system when memory ran out"
        return "crashed", f"killed by signal {number} ({signal.strsignal(number)})"


def of_check(
    solution: Ending,
    tests: Ending | None,
    said: Mapping[str, Any] | None,
    called: bool,
    printed: int,
    limits: Limits,
) -> tuple[str, str]:
    """Return the status and the reason for a check.

    Args:
        solution: how the solution's process ended.
        tests: how the tests' process ended; None where they had none, because they were data or ran in the
            solution's process.
        said: the verdict of the tests' process, if it sent one.
        called: whether the tests got an answer from the solution. If so, the solution is blamed for what ends
            the tests' process afterwards.
        printed: how many bytes the solution printed.
        limits: what the processes could use.
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
    """Return the status and the reason when the tests' process ended without a verdict."""
    word, why = tests.word(limits)
    reason = f"the tests' process: {why or 'no verdict'}"
    if word == "infra_error":
        return word, reason
    if not called:
        return "test_error", reason
    return ("timeout" if word == "timeout" else "fail"), f"{reason}, with the solution's answers"


def of_calls(solution: Ending, printed: int, limits: Limits) -> tuple[str, str]:
    """Return the status and the reason for calls that got no answer."""
    word, why = solution.word(limits)
    if word != "infra_error" and printed >= limits.output_bytes:
        return "output_limit", f"printed {limits.output_bytes:,} bytes or more"
    return (word, why) if word else ("exited_early", "its process closed the channel")
