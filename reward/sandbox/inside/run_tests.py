"""Run tests on a solution, one statement at a time, and report how each test ended.

The solution is reached in one of two ways. It can be in a process of its own (`inside.stand_ins`), called
with data: no line of its source runs here, so nothing that it patches, prints, raises or returns can change
how a value is compared. Or it is in the same process (`inside.together`), and the tests have its objects
themselves.

A test is a top-level statement that contains an `assert`, or that calls a function of the tests which
asserts; `inside.find_tests` finds the other tests. The verdict is {"status", "why", "outcomes": [bool]}, with
a status of `reward.sandbox.verdicts`.
"""

from __future__ import annotations

import ast
import bisect
import builtins
import collections
import decimal
import fractions
import functools
import heapq
import importlib.util
import itertools
import json
import math
import os
import sys
import types
import typing
from collections.abc import Callable
from typing import Any

from . import channel, exceptions, find_tests, prepare_tests, values
from .prepare_tests import FILE, SHARING, TestsText
from .stand_ins import GONE, SeparateSolution, Stop

STANDARD = {
    name: module.__name__
    for module in (typing, functools, itertools, heapq, bisect, fractions, decimal, collections, math)
    for name in getattr(module, "__all__", vars(module))
    if not name.startswith("_")
}
"""Names that tests use without importing them, because the solution imported them. They are imported from
where they belong."""
DECIDING = frozenset(
    {"ceil", "dist", "fabs", "floor", "hypot", "isclose", "isfinite", "isinf", "isnan", "trunc"}
)
"""Those standard names that decide a comparison: they say yes or no, or by how much values differ."""
ALIASES = {"np": "numpy", "numpy": "numpy", "pytest": "pytest"}
OWN_NAMES = ("solution", "main")
"""Modules from which tests import the solution's names."""
MOST_OUTCOMES = 10_000


class TestRun:
    """One run of a test source on one solution."""

    def __init__(self, solution: Any, entry_point: str | None) -> None:
        self.solution, self.entry_point = solution, entry_point
        self.outcomes: list[bool] = []
        self.broken = self.failed = ""
        self.failed_as = "fail"
        self.lacking: BaseException | None = None
        """The exception raised when the tests imported a name that the solution does not define."""
        self.shadowed = ""
        """A name that the solution defines, although the tests meant the standard library's."""
        self.called_by_module = False
        """Whether a top-level statement, or code that sets up tests, has called the solution."""
        self.module = types.ModuleType("tests")
        self.module.__dict__.update({"__file__": FILE, "__builtins__": builtins})
        self.text = TestsText([], 0)

    def run(self, source: bytes) -> dict[str, Any]:
        """Return the verdict on the solution, as far as this process knows it."""
        try:
            self.text = prepare_tests.read(source.decode("utf-8-sig"), self.entry_point, is_there)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return self.say("test_error", f"the tests do not compile: {sentence(error)}")
        try:
            if failed := self.solution.load():
                return self.say(*failed)
            self._define_names()
            if not self.solution.together and (shared := self._needs_one_process()):
                raise self.solution.unsupported(
                    f"the tests use {min(shared)!r}, which they would share with the solution"
                )
            self._execute()
        except Stop:
            pass
        except SystemExit:
            return self.say("test_error", "the tests call exit()")
        return self._conclude()

    # -- names -----------------------------------------------------------------------------------------------

    def _define_names(self) -> None:
        """Define what the tests use of the solution, or of the standard library without importing it."""
        for name in OWN_NAMES:
            sys.modules[name] = self.solution.as_module(name, self._imported)
        every = self.solution.names.keys() if "globals" in self.text.used else ()
        for name in {*self.text.used, *every}:
            try:
                found = self._meaning(name)
            except Exception as error:  # this value cannot be sent; whether the tests need it will show
                if not self.solution.raised(error):
                    raise
                continue
            if found is not None:
                self.module.__dict__[name] = found
        if self.entry_point is not None:
            self.module.__dict__[self.entry_point] = self.solution.get(self.entry_point)

    def _needs_one_process(self) -> set[str]:
        """Return names in the tests that only work when the tests share a process with the solution."""
        return (self.text.names & SHARING) - self._own_names() - {self.entry_point} | self.text.shared

    def _own_names(self) -> set[str]:
        """Return the names that the tests use and that only the solution defines."""
        used = self.solution.names.keys() & self.text.used - self.text.bound
        return {name for name in used if not hasattr(builtins, name)}

    def _meaning(self, name: str) -> Any:
        """Return what a name in the tests means; the standard library comes first, then the solution.

        Without an entry point, a standard name may be the solution's function under test, except for a name
        that decides comparisons, such as `isclose`. If that is what is tested after all, no check can pass.
        No check passes either when tests use a standard name beside other names of the solution, because it
        may compare their answers.
        """
        if hasattr(builtins, name) or name == self.entry_point:
            return None
        kind, origin = (*self.solution.names.get(name, []), "", "")[:2]
        if not is_standard(name):
            hidden = kind == "class" and name in self.text.bound
            return self.solution.get(name) if kind and not hidden else None
        own = kind in ("function", "class") and origin == "solution"
        if own and self._may_be_tested(name):
            if self._own_names() - {name} and not self.solution.together:
                self.shadowed = name
            return self.solution.get(name)
        if own and name not in self.text.bound:
            self.shadowed = name
        return _standard(name, kind == "class")

    def _may_be_tested(self, name: str) -> bool:
        """Could a standard name be the solution's function under test?"""
        as_module = name in ALIASES or (name in sys.stdlib_module_names and name in self.text.holders)
        return self.entry_point is None and name not in DECIDING and not as_module

    def _imported(self, name: str) -> Any:
        if name.startswith("__"):  # `from solution import *` looks for `__all__`
            raise AttributeError(name)
        if name not in self.solution.names:
            self.lacking = AttributeError(f"{name!r} is not defined by the solution")
            raise self.lacking
        return self.solution.get(name)

    # -- running ---------------------------------------------------------------------------------------------

    def _execute(self) -> None:
        """Run the test source statement by statement; then run the tests that it defines."""
        sys.modules["tests"], body = self.module, self.text.body
        for position, statement in enumerate(body):
            part = compile(ast.Module([statement], []), FILE, "exec", self.text.flags, dont_inherit=True)
            calls, last = self.solution.calls, position == len(body) - 1
            is_test = prepare_tests.asserts(statement)
            self.one(functools.partial(exec, part, self.module.__dict__), own_calls=False, may_leave=last)
            asked = self.solution.calls > calls or self.solution.together
            if is_test or (asked and prepare_tests.may_refute(statement, body)):
                continue
            if not self.outcomes.pop():  # later tests would use what this statement failed to prepare
                self.outcomes += [False for later in body[position:] if prepare_tests.asserts(later)]
                return
        self.called_by_module = self.informed
        self.solution.run_found(self, find_tests.Found(self))

    def one(self, run: Callable[[], Any], own_calls: bool = True, may_leave: bool = False) -> None:
        """Run one test and note how it ended.

        Args:
            run: the function that runs the test.
            own_calls: whether the test itself must call the solution.
            may_leave: whether `exit()` with a status that says nothing counts as a pass.

        Raises:
            Stop: no further test can run.
        """
        calls = self.solution.calls
        word, why = "", ""
        try:
            run()
        except Stop as stop:
            self.solution.stop = self.solution.stop or stop
        except SystemExit as error:
            if self.solution.raised(error):
                word, why = "exited_early", f"the solution calls exit({error.code!r})"
            elif error.code or not may_leave or self.text.early & set(lines(error)):
                word, why = "fail" if self.informed else "test_error", f"the tests call exit({error.code!r})"
        except BaseException as error:  # whatever a test raises is its outcome
            word, why = self._outcome(error, self.solution.calls > calls)
        if self.solution.stop:  # a test swallowed the exception
            self.outcomes.append(False)
            raise self.solution.stop
        if not word and own_calls and self.solution.calls == calls and not self.called_by_module:
            word, why = "test_error", "a test never called the solution"
        self.note(word, why)

    def note(self, word: str, why: str) -> None:
        """Note how a test ended: a status and the reason, or "" for a test that passed."""
        self.outcomes.append(not word)
        if word == "test_error":
            self.broken = self.broken or why
        elif word and not self.failed:
            self.failed, self.failed_as = why or "no reason is given", word

    def aside(self, run: Callable[[], Any]) -> None:
        """Run code that is not a test; only its failure counts as one."""
        self.one(run, own_calls=False)
        if self.outcomes[-1]:
            self.outcomes.pop()

    @property
    def informed(self) -> bool:
        """Could the tests' behaviour depend on what the solution answered, or on a name that it lacks?"""
        return self.solution.calls > 0 or self.lacking is not None

    def _outcome(self, error: BaseException, asked: bool) -> tuple[str, str]:
        """Return (status, reason) for what a test raised; `asked` is whether it has called the solution."""
        if isinstance(error, find_tests.NeverRuns):
            by_answer = error.skipped and (asked or self.called_by_module) and not self.solution.together
            return "fail" if by_answer else "test_error", str(error)
        if own := self.solution.raised(error):
            return own
        if isinstance(error, AssertionError):
            return "fail", sentence(error) + line(error)
        if undefined := self._undefined(error):
            return "load_error", undefined + line(error)
        if self.solution.has_less_of(error):
            raise self.solution.unsupported(
                f"{sentence(error)}, which a class of the solution may add to plain data"
            )
        if not self.informed or isinstance(error, ModuleNotFoundError):
            return "test_error", sentence(error) + line(error)
        return "fail", f"{sentence(error)}{line(error)}, in the tests after a call of the solution"

    def _undefined(self, error: BaseException) -> str:
        """Return which name the solution does not define, according to an exception; "" if it names none."""
        if error is self.lacking or (isinstance(error, ImportError) and error.name in OWN_NAMES):
            return str(self.lacking or error)
        if type(error) is NameError and error.name and error.name not in self.module.__dict__:
            return f"{error.name!r} is not defined by the solution"
        return ""

    # -- the verdict -----------------------------------------------------------------------------------------

    def _conclude(self) -> dict[str, Any]:
        stop = self.solution.stop
        # without this, a solution that exits early would be measured by fewer tests
        if stop and stop.word != "unsupported":
            self.outcomes += [False] * (self.text.count - len(self.outcomes))
        if self.failed and not (stop and stop.word == "gone"):
            return self.say(self.failed_as, self.failed)
        if stop:
            return self.say(stop.word, str(stop))
        if self.broken:
            return self.say("test_error", self.broken)
        if not self.outcomes:
            return self.say("test_error", "there is no test in the tests")
        if not self.informed:
            return self.say("test_error", "the tests never called the solution")
        if not all(self.outcomes):  # this should not happen; a pass must never be what is left over
            return self.say("fail", "a test ended without a reason")
        if self.shadowed:
            return self.say(
                "unsupported", f"the tests mean the standard library's {self.shadowed!r}, or the solution's"
            )
        return self.say("pass", "")

    def say(self, status: str, why: str) -> dict[str, Any]:
        """Return a verdict."""
        return {"status": status, "why": str(why)[:2000], "outcomes": self.outcomes[:MOST_OUTCOMES]}


def is_there(module: str) -> bool:
    """Can a module be imported, other than the modules that stand for the solution?"""
    return module not in OWN_NAMES and importlib.util.find_spec(module) is not None


def is_standard(name: str) -> bool:
    """May tests use this name without importing it, because the standard library, numpy or pytest has it?"""
    return name in ALIASES or name in sys.stdlib_module_names or name in STANDARD


def _standard(name: str, a_class: bool) -> Any:
    """Return the standard library's, numpy's or pytest's object for a name used without importing.

    Args:
        name: the name.
        a_class: whether the solution defines a class with this name; then `datetime` is the class, not the
            module.
    """
    if name not in ALIASES and name not in sys.stdlib_module_names:
        return getattr(importlib.import_module(STANDARD[name]), name)
    module = ALIASES.get(name, name)
    found = importlib.import_module(module) if importlib.util.find_spec(module) else None
    return getattr(found, name, found) if a_class else found


def sentence(error: BaseException) -> str:
    """Return an exception's class and text, for use in a reason."""
    text = str(error)
    return f"{type(error).__name__}{f': {text}' if text else ''}"


def lines(error: BaseException) -> list[int]:
    """Return the lines of the tests in an exception's traceback."""
    return exceptions.lines_in(error, FILE)


def line(error: BaseException) -> str:
    """Return the last line of the tests in an exception's traceback, as the end of a sentence."""
    found = lines(error)
    return f" (line {found[-1]} of the tests)" if found else ""


def run(source: bytes, verdict: int, solution: int, entry_point: str | None, limit: int) -> None:
    """Run the tests as their process and send the verdict. Never returns."""
    tests = TestRun(SeparateSolution(solution, limit, verdict), entry_point)
    try:
        said = tests.run(source)
    except (channel.Overlong, values.CannotCarry) as error:
        said = tests.say("fail", f"the solution's answer is not data: {error}")
    except MemoryError:
        said = tests.say("fail", "the solution's answers do not fit in memory")
    except Exception as error:  # the reply has no valid form, which only a hostile process sends
        said = tests.say("fail", f"the solution's process sent an invalid reply: {sentence(error)}"[:500])
    channel.send(verdict, json.dumps(said).encode("ascii"))
    os._exit(GONE if said["status"] == "gone" else 0)
