"""Tests and solution in one process, for tests about more than data: classes, objects, fixtures, output, callbacks.

The process is confined like any other, but what runs in it can change how the tests compare, so a pass can be
forged (`class A: __eq__ = lambda *_: True`). The verdict goes out with a token that the caller made for this
check, and that is read and closed before the first line of the solution runs: to leave early, or to write
"pass" to every descriptor, is no pass. Whoever searches the memory of the process finds the token.

Test functions and classes run under pytest where it is installed, so that fixtures, marks and what is set up
mean what they mean there; `unittest`, `check(candidate)` and asserts at the top run as everywhere
(`inside.run_tests`).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import types
from typing import Any

from . import channel, solution
from .run_tests import TestRun
from .stand_ins import Stop


class SameProcess:
    """The solution as the tests have it here: its own objects."""

    together = True
    calls = 1
    """What the tests call is not counted here: whatever they do may come of the solution."""

    def __init__(self, source: bytes, entry_point: str | None) -> None:
        self.source, self.entry_point = source, entry_point
        self.module = types.ModuleType("solution")
        self.names: dict[str, list[str]] = {}
        self.stop: Stop | None = None

    def load(self) -> tuple[str, str] | None:
        """Run the source; return how that failed."""
        failed = solution.load(self.module, self.source, self.entry_point)
        self.names = solution.names(self.module)
        return failed

    def as_module(self, name: str, give: Any) -> types.ModuleType:
        """Return what the tests import: the solution itself."""
        return self.module

    def get(self, name: str) -> Any:
        """Return what the solution calls by a name."""
        return getattr(self.module, name)

    def raised(self, error: BaseException) -> tuple[str, str] | None:
        """Return the status word and the reason of an exception that a line of the solution raised; None for any other."""
        if isinstance(error, MemoryError):
            return solution.describe(error)
        at = error.__traceback__
        while at is not None and at.tb_next is not None:
            at = at.tb_next
        inside = at is not None and at.tb_frame.f_code.co_filename == solution.FILE
        return solution.describe(error) if inside and not isinstance(error, AssertionError) else None

    def unsupported(self, why: str) -> Stop:
        """Return what to raise where this process cannot run the tests either."""
        self.stop = self.stop or Stop("unsupported", why)
        return self.stop

    def run_found(self, run: TestRun, found: Any) -> None:
        """Run the tests that a text defines."""
        by_pytest = sys.modules.get(f"{__package__}.by_pytest")  # imported by the zygotes that have pytest
        if run.text.has_test_functions() and by_pytest:
            found.check()
            by_pytest.run(run)
        else:
            found.run()


def run(given: bytes, descriptor: int, entry_point: str | None) -> None:
    """Be the process until it has told its verdict. Never returns.

    Args:
        given: JSON: the token, the source of the solution and that of the tests.
        descriptor: where the verdict goes.
        entry_point: the function that the solution must define.
    """
    token, source, tests = json.loads(given)
    encode, send, leave, wait = (
        json.dumps,
        channel.send,
        os._exit,
        signal.pause,
    )  # as they are before the solution runs
    run = TestRun(SameProcess(source.encode("utf-8", "surrogatepass"), entry_point), entry_point)
    try:
        said = run.run(tests.encode("utf-8", "surrogatepass"))
    except SystemExit:
        leave(3)
    solution.flush()
    send(descriptor, encode({**said, "token": token}).encode("ascii"))
    while True:  # so that what it holds on disk can be measured
        wait()
