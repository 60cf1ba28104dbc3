"""Let pytest run test functions and classes in one process with the solution (`inside.together`).

The test source has been executed already, so pytest collects its module, not a file. Finding tests, set-up
and marks are pytest's work. A test that is skipped or expected to fail says nothing about the solution, nor
does a test that pytest cannot collect.
"""

from __future__ import annotations

import inspect
import os
import sys
import types
from typing import Any

import pytest

from . import exceptions
from .prepare_tests import FILE
from .run_tests import TestRun, line, lines, sentence
from .solution import FILE as SOLUTION


def run(tests: TestRun) -> None:
    """Run the tests that pytest finds, and note how each ends."""
    # pytest collects files; nobody reads what is in this one
    with open(f"test_{FILE}", "w", encoding="utf-8"):
        before, folder = len(tests.outcomes), os.getcwd()
    sys.argv[1:] = []
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):  # remove options that the solution may have set
        os.environ.pop(name, None)
    plugins_off = ["-p", "no:cacheprovider", "-p", "no:faulthandler"]
    quiet = ["-qq", "--no-summary", "--noconftest", *plugins_off, "-c", os.devnull]
    places = ["--rootdir", folder, "--confcutdir", folder, "--basetemp", f"{folder}/pytest"]
    code = pytest.main([f"test_{FILE}", *quiet, *places], plugins=[_Notes(tests)])
    if code not in _ENDED and not (tests.failed or tests.broken):
        tests.note("fail", f"pytest ended before its tests had (its code is {int(code)})")
    if len(tests.outcomes) == before:
        tests.note("test_error", "pytest finds no test in the tests")


_ENDED = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)


class _Executed(pytest.Module):
    """A test module that has been executed already."""

    def _getobj(self) -> types.ModuleType:
        return sys.modules["tests"]


class _Notes:
    """The plugin whose methods pytest calls by name."""

    def __init__(self, tests: TestRun) -> None:
        self.tests = tests

    def pytest_pycollect_makemodule(self, module_path: Any, parent: Any) -> Any:
        """Return the module to collect for a file."""
        return _Executed.from_parent(parent, path=module_path)

    def pytest_pyfunc_call(self, pyfuncitem: Any) -> bool | None:
        """Run a test that is a coroutine, which pytest alone cannot do."""
        test = pyfuncitem.obj
        if not inspect.iscoroutinefunction(test):
            return None
        import asyncio  # noqa: PLC0415 (large, and rarely needed)

        asyncio.run(test(**{name: pyfuncitem.funcargs[name] for name in inspect.signature(test).parameters}))
        return True

    def pytest_runtest_makereport(self, item: Any, call: Any) -> None:
        """Note how a test's set-up, call or tear-down ended."""
        error = call.excinfo.value if call.excinfo else None
        if error is None and call.when != "call":
            return
        if isinstance(error, pytest.xfail.Exception) or (
            call.when == "call" and item.get_closest_marker("xfail")
        ):
            self.tests.note(*self._unjudged(error, f"{item.name} is expected to fail"))
        elif isinstance(error, pytest.skip.Exception):
            self.tests.note(*self._unjudged(error, f"{item.name} is skipped: {error}"))
        elif isinstance(error, pytest.fail.Exception) and not lines(error):  # no line of the tests raised it
            self.tests.note("test_error", f"{item.name}: {error}")
        elif isinstance(error, pytest.FixtureLookupError):
            self.tests.note("test_error", f"{item.name}: there is no fixture {error.argname!r}")
        else:
            self.tests.note(*(self._fault(error) if error else ("", "")))

    def pytest_exception_interact(self, report: Any, call: Any) -> None:
        """Note a test that could not be collected."""
        if isinstance(report, pytest.CollectReport):
            self.tests.note("test_error", f"pytest cannot collect the tests: {sentence(call.excinfo.value)}")

    def pytest_keyboard_interrupt(self, excinfo: Any) -> None:
        """Note an exception that ended pytest itself."""
        self.tests.note(*self._unjudged(excinfo.value, f"pytest was ended: {sentence(excinfo.value)}"))

    def _unjudged(self, error: BaseException | None, why: str) -> tuple[str, str]:
        """Return the status for a test that gives no verdict; "fail" if the solution caused that."""
        caused = error is not None and exceptions.lines_in(error, SOLUTION)
        return ("fail" if caused else "test_error"), why

    def _fault(self, error: BaseException) -> tuple[str, str]:
        return self.tests.solution.raised(error) or ("fail", sentence(error) + line(error))
