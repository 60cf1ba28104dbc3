"""Run tests and solution in one process, for tests about more than data, such as classes and fixtures.

Such tests use the solution's classes and objects, fixtures, captured output or callbacks. The process is
confined like any other, but the solution in it can change how the tests compare, so a pass can be forged
(`class A: __eq__ = lambda *_: True`). The verdict carries a token that the caller made for this check. The
token is read and its descriptor closed before the first line of the solution runs, so leaving early, or
writing "pass" to every descriptor, gives no pass. A solution that searches the memory of the process does
find the token.

Test functions and classes run under pytest where it is installed, so that fixtures, marks and set-up have
their usual meaning; `unittest`, `check(candidate)` and asserts at the top level run as they always do
(`inside.run_tests`).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import types
from traceback import walk_tb
from typing import Any

from . import channel, solution
from .run_tests import TestRun
from .stand_ins import Stop


class SameProcess:
    """Give the tests the solution's own objects."""

    together = True
    calls = 1
    """A constant, because calls are not counted here: anything that the tests do may depend on the
    solution."""

    def __init__(self, source: bytes, entry_point: str | None) -> None:
        self.source, self.entry_point = source, entry_point
        self.module = types.ModuleType("solution")
        self.names: dict[str, list[str]] = {}
        self.stop: Stop | None = None

    def load(self) -> tuple[str, str] | None:
        """Run the source; return (status, reason) if it fails to load."""
        failed = solution.load(self.module, self.source, self.entry_point)
        self.names = solution.names(self.module)
        return failed

    def as_module(self, name: str, give: Any) -> types.ModuleType:
        """Return the module that the tests import: the solution itself."""
        return self.module

    def get(self, name: str) -> Any:
        """Return the solution's value for a name."""
        return getattr(self.module, name)

    def raised(self, error: BaseException) -> tuple[str, str] | None:
        """Return (status, reason) for an exception that a line of the solution raised; None for any other."""
        if isinstance(error, MemoryError):
            return solution.describe(error)
        frames = [frame for frame, _ in walk_tb(error.__traceback__)]
        inside = bool(frames) and frames[-1].f_code.co_filename == solution.FILE
        return solution.describe(error) if inside and not isinstance(error, AssertionError) else None

    def has_less_of(self, error: BaseException) -> bool:
        """Say no: the tests have the solution's own objects."""
        return False

    def unsupported(self, why: str) -> Stop:
        """Return the exception to raise when the tests cannot run in this process either."""
        self.stop = self.stop or Stop("unsupported", why)
        return self.stop

    def run_found(self, run: TestRun, found: Any) -> None:
        """Run the tests that the test source defines."""
        by_pytest = sys.modules.get(f"{__package__}.by_pytest")  # the zygotes that have pytest import it
        if run.text.has_test_functions() and by_pytest:
            found.check()
            by_pytest.run(run)
        else:
            found.run()


def run(given: bytes, descriptor: int, entry_point: str | None) -> None:
    """Load the solution, run the tests and send the verdict. Never returns.

    Args:
        given: JSON list of the token, the solution's source and the tests' source.
        descriptor: where to send the verdict.
        entry_point: the function that the solution must define.
    """
    token, source, tests = json.loads(given)
    # these functions are taken before the solution runs, which could replace them
    encode, send, leave, wait = json.dumps, channel.send, os._exit, signal.pause
    run = TestRun(SameProcess(source.encode("utf-8", "surrogatepass"), entry_point), entry_point)
    try:
        said = run.run(tests.encode("utf-8", "surrogatepass"))
    except SystemExit:
        leave(3)
    solution.flush()
    send(descriptor, encode({**said, "token": token}).encode("ascii"))
    while True:  # keeps the process alive, so that the disk it uses can be measured
        wait()
