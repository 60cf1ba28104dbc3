"""The side that runs the tests: what they call of the solution is asked of the other process, as data.

No line of the solution's source runs here, so nothing that it patches, prints, raises or returns can change how a value
is compared. Objects that are no plain data arrive as a `Remote`: its attributes, methods and items are asked for, and it
equals nothing but itself.

What a test is: a top-level statement that holds an `assert`; `check(candidate)` where the text defines it (HumanEval); a
method of a `unittest.TestCase`; a function `test*` without parameters, or with pytest's `parametrize`.

Told to the parent: {"status", "why", "outcomes": [bool]}; see `reward.sandbox.verdicts` for the words.
"""

from __future__ import annotations
import __future__

import ast
import bisect
import builtins
import collections
import decimal
import fractions
import functools
import heapq
import importlib.util
import inspect
import itertools
import json
import math
import os
import sys
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any

from . import channel, declared, fixtures, raised, text, values
from .link import GONE, Link
from .remote import Gone, Nonsense, Own, Remote, Unsupported
from .solution import SAID_OF_CALLS, SAID_WHEN_LOADING

FILE = "tests.py"
STANDARD = {
    name: module.__name__
    for module in (typing, functools, itertools, heapq, bisect, fractions, decimal, collections, math)
    for name in getattr(module, "__all__", vars(module))
    if not name.startswith("_")
}
"""Names that tests use without importing them, because the solution did: taken from where they should come from."""
ALIASES = {"np": "numpy", "numpy": "numpy", "pytest": "pytest"}
OWN_NAMES = ("solution", "main")
"""Modules from which tests import what the solution defines."""
_FUTURES = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)


class Tests:
    """One text of tests, run."""

    def __init__(self, link: Link, entry_point: str | None) -> None:
        self.link, self.entry_point = link, entry_point
        self.outcomes: list[bool] = []
        self.broken = self.failed = ""
        self.failed_as = "fail"
        self._locals: dict[str, Any] = {}
        self.made_of: dict[str, Any] = {}
        link.local, link.is_subclass = self._local, self._is_subclass
        self.called_by_module = False
        self.skipped: set[str] = set()
        self.fixtures: dict[str, Callable[..., Any]] = {}
        self.offered: dict[str, list[str]] = {}
        self.namespace: dict[str, Any] = {"__name__": "tests", "__builtins__": builtins}

    def run(self, source: bytes) -> dict[str, Any]:
        """Return the verdict on the solution, as far as this side knows."""
        try:
            tree = ast.parse(source.decode("utf-8-sig"), FILE)
            code = compile(tree, FILE, "exec", dont_inherit=True)
            tree, self.skipped = text.prepared(tree), text.skipped(tree)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return self._say("test_error", f"the tests do not compile: {_sentence(error)}")
        try:
            said = self.link.first()
            if "failed" in said:
                word, why = (*said["failed"], "", "")[:2]
                return self._say(word if word in SAID_WHEN_LOADING else "load_error", str(why))
            self.made_of = said.get("made_of", {})
            self._bring(said["names"], set(_names(code)))
            self._execute(tree, code.co_flags & _FUTURES)
        except (Gone, Nonsense, Unsupported):
            pass
        except SystemExit:
            return self._say("test_error", "the tests call exit()")
        return self._conclude()

    def _bring(self, offered: dict[str, list[str]], used: set[str]) -> None:
        """Put what the tests use of the solution, or of the standard library without importing it, into their namespace."""
        self.offered = offered
        for name in OWN_NAMES:
            sys.modules[name] = Own(name, self._imported)
        for name in used:
            found = self._resolved(name)
            if found is not None:
                self.namespace[name] = found
        if self.entry_point is not None:
            self.namespace[self.entry_point] = self._global(self.entry_point)

    def _resolved(self, name: str) -> Any:
        """Return what a name of the tests means: the solution's own, unless the standard library has one by that name.

        Only where nothing says what is tested may a name of the standard library be the solution's.
        """
        sort, *origin = self.offered.get(name, [""])
        if hasattr(builtins, name) or name == self.entry_point:
            return None
        own = sort in ("function", "class") and origin[:1] == ["solution"]
        if own and self.entry_point is None:
            return self._global(name)
        if name in ALIASES or name in sys.stdlib_module_names:
            if importlib.util.find_spec(ALIASES.get(name, name)) is None:
                return None
            module = importlib.import_module(ALIASES.get(name, name))
            return getattr(module, name, module) if sort == "class" else module
        if name in STANDARD:
            return getattr(importlib.import_module(STANDARD[name]), name)
        return self._global(name) if sort else None

    def _imported(self, name: str) -> Any:
        if name not in self.offered:
            raise AttributeError(name)
        return self._global(name)

    def _global(self, name: str) -> Any:
        sort = self.offered.get(name, ["function"])[0]
        if sort == "class" and (local := self._local(name)) is not None:
            return local
        if sort == "exception":
            return raised.own_class(name, self.offered, self.link.exceptions)
        if sort == "dict":
            return dict
        if sort == "data":
            return self.link.ask(["global", name])
        # a class by convention too: what the tests call by a small letter is a function to them, whatever it is
        is_class = sort == "class" and name[:1].isupper()
        return Remote(self.link, name, {"class": "type" if is_class else "function"}, reference=is_class)

    def _local(self, name: str) -> Any:
        """Return what stands here for a class of the solution's that is nothing but data."""
        if name in self.made_of and name not in self._locals:
            self._locals[name] = declared.local(self.link, name, self.made_of[name], self.offered[name][2:])
        return self._locals.get(name)

    def _is_subclass(self, name: str, of: str) -> bool:
        return name == of or of in self.offered.get(name, ())[2:]

    def _execute(self, tree: ast.Module, flags: int) -> None:
        """Run the text, a statement at a time; then the tests that it defines."""
        for position, statement in enumerate(tree.body):
            part = compile(ast.Module([statement], []), FILE, "exec", flags, dont_inherit=True)
            calls = self.link.calls
            self._one(lambda part=part: exec(part, self.namespace), own_calls=False)
            asks = isinstance(statement, ast.Expr) and self.link.calls > calls  # a helper of the tests that asserts
            if not asks and not text.is_test(statement) and not self.outcomes.pop():
                self.outcomes += [False for later in tree.body[position:] if text.is_test(later)]
                return  # what follows was to use it
        self._found()

    def _found(self) -> None:
        """Run the functions and classes that are tests."""
        self.called_by_module = self.link.calls > 0
        self.fixtures = fixtures.fixtures(self.namespace) if "pytest" in sys.modules else {}
        defined = [(name, thing) for name, thing in self.namespace.items() if not isinstance(thing, Remote)]
        check = self.namespace.get("check")
        candidate = self.namespace.get(self.entry_point or "")
        if candidate is not None and isinstance(check, types.FunctionType):
            self._one(lambda: check(candidate))
        for name, thing in defined:
            if self._skips(name, thing):
                continue
            if isinstance(thing, types.FunctionType) and name.startswith("test") and thing.__module__ == "tests":
                for arguments in self._parameters(thing):
                    self._one(lambda thing=thing, arguments=arguments: self._provided(thing, arguments))
            elif isinstance(thing, type) and "unittest" in sys.modules and issubclass(thing, sys.modules["unittest"].TestCase):
                self._cases(thing)
            elif isinstance(thing, type) and name.startswith("Test") and thing.__module__ == "tests":
                self._methods(thing)

    def _skips(self, name: str, test: Any) -> bool:
        """Is a test marked to be skipped? That is no data, unless the solution could have had a part in it."""
        if not isinstance(test, types.FunctionType | type):
            return False
        marks = [mark for mark in getattr(test, "pytestmark", []) if getattr(mark, "name", "") in ("skip", "skipif")]
        if not any(mark.name == "skip" or any(mark.args) for mark in marks) and not getattr(test, "__unittest_skip__", False):
            return False
        kind = _Broken if self.called_by_module and name not in self.skipped else _Skipped

        def skip() -> None:
            raise kind(f"{name} is skipped")

        self._one(skip)
        return True

    def _parameters(self, test: Callable[..., Any]) -> list[dict[str, Any]]:
        """Return the keyword arguments of each run of a pytest-style function."""
        runs: list[dict[str, Any]] = [{}]
        for mark in getattr(test, "pytestmark", []):
            if getattr(mark, "name", "") == "parametrize":
                names, rows = mark.args[0], mark.args[1]
                names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
                rows = [getattr(row, "values", row) if len(names) > 1 or hasattr(row, "marks") else (row,) for row in rows]
                runs = [run | dict(zip(names, row, strict=True)) for run in runs for row in rows]
        if missing := fixtures.unknown(test, runs[0], self.fixtures):
            raise self.link.unsupported(f"a test function with the fixture {missing!r}")
        return runs

    def _provided(self, test: Callable[..., Any], arguments: dict[str, Any]) -> None:
        """Run a test with its fixtures."""
        with fixtures.provided(test, arguments, self.fixtures) as given:
            _finished(test(**given))

    def _methods(self, group: type) -> None:
        """Run the tests of a class of pytest's kind, each on an instance of its own."""
        for name in [name for name in vars(group) if name.startswith("test")]:
            if self._skips(f"{group.__name__}.{name}", vars(group)[name]):
                continue
            for arguments in self._parameters(getattr(group(), name)):

                def run(name: str = name, arguments: dict[str, Any] = arguments) -> None:
                    instance = group()
                    getattr(instance, "setup_method", lambda: None)()
                    self._provided(getattr(instance, name), arguments)

                self._one(run)

    def _cases(self, case: type) -> None:
        unittest: Any = sys.modules["unittest"]
        for test in unittest.TestLoader().loadTestsFromTestCase(case):
            result = unittest.TestResult()
            name = test._testMethodName
            if self._skips(f"{case.__name__}.{name}", getattr(case, name)):
                continue

            def run(test: Any = test, result: Any = result) -> None:
                suite = unittest.TestSuite([test])  # runs setUpClass and the like
                suite._removeTestAtIndex = lambda index: None
                suite.run(result)
                if self.link.stop:
                    raise self.link.stop
                if result.failures or result.unexpectedSuccesses:
                    raise AssertionError(result.failures[0][1].strip().rpartition("\n")[2] if result.failures else "succeeded")
                if result.errors:
                    raise _Broken(result.errors[0][1].strip().rpartition("\n")[2])
                if result.skipped or result.testsRun != 1:
                    raise _Broken(f"skipped: {result.skipped[0][1] if result.skipped else 'no test ran'}")

            self._one(run)

    def _one(self, run: Callable[[], Any], own_calls: bool = True) -> None:
        """Run one test and note how it ended."""
        calls, self.link.blame, self.link.refuted = self.link.calls, None, None
        word, why = "", ""
        try:
            run()
        except (Gone, Nonsense, Unsupported):
            self.outcomes.append(False)
            raise
        except SystemExit as error:
            no = error.code and self.link.calls > calls  # the tests' way to say that they found a fault
            word, why = ("fail", f"the tests call exit({error.code!r})") if no else ("test_error", "the tests call exit()")
        except BaseException as error:  # anything that a test raises is its outcome
            word, why = self._outcome(error)
        if self.link.stop:  # a test swallowed it
            self.outcomes.append(False)
            raise self.link.stop
        if not word and self.link.refuted:
            word, why = "fail", _sentence(self.link.refuted) + _line(self.link.refuted)
        if not word and own_calls and self.link.calls == calls and not self.called_by_module:
            word, why = "test_error", "a test never called the solution"
        self.outcomes.append(not word)
        if word == "test_error":
            self.broken = self.broken or why
        elif word and not self.failed:
            self.failed, self.failed_as = why, word

    def _outcome(self, error: BaseException) -> tuple[str, str]:
        if error is self.link.blame or (isinstance(error, _Broken) and self.link.blame is not None):
            return self.link.word if self.link.word in SAID_OF_CALLS else "error", str(self.link.why)
        if isinstance(error, _Skipped):
            return "test_error", str(error)
        if isinstance(error, AssertionError):
            return "fail", _sentence(error) + _line(error)
        if self.link.blame is not None:
            return "error", f"{self.link.why}; then {_sentence(error)}{_line(error)}"
        if type(error) is NameError and error.name not in self.namespace:
            return "load_error", f"{error.name!r} is not defined by the solution{_line(error)}"
        if not self.link.calls:
            return "test_error", _sentence(error) + _line(error)
        return "fail", f"{_sentence(error)}{_line(error)}, in the tests after a call of the solution"

    def _conclude(self) -> dict[str, Any]:
        stop = self.link.stop
        if self.failed and not isinstance(stop, Gone):
            return self._say(self.failed_as, self.failed)
        if stop:
            words = {Gone: "gone", Nonsense: "error", Unsupported: "unsupported"}
            return self._say(words[type(stop)], str(stop))
        if self.broken:
            return self._say("test_error", self.broken)
        if not self.outcomes:
            return self._say("test_error", "there is no test in the tests")
        if not self.link.calls:
            return self._say("test_error", "the tests never called the solution")
        if not all(self.outcomes):  # no way here is known; a pass is never what is left over
            return self._say("fail", "a test ended without a reason")
        return self._say("pass", "")

    def _say(self, status: str, why: str) -> dict[str, Any]:
        return {"status": status, "why": str(why)[:2000], "outcomes": self.outcomes[:10_000]}


class _Skipped(Exception):
    """A test is marked to be skipped, by nothing that the solution said."""


class _Broken(Exception):
    """A unittest method raised what is no failure."""


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _finished(value: Any) -> None:
    if inspect.iscoroutine(value):
        import asyncio  # noqa: PLC0415 (large, and rarely needed)

        asyncio.run(value)


def _sentence(error: BaseException) -> str:
    text = str(error)
    return f"{type(error).__name__}{f': {text}' if text else ''}"


def _line(error: BaseException) -> str:
    lines, at = [], error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename == FILE:
            lines.append(at.tb_lineno)
        at = at.tb_next
    return f" (line {lines[-1]} of the tests)" if lines else ""


def run(source: bytes, verdict: int, solution: int, entry_point: str | None, limit: int) -> None:
    """Be the tests' process until it has told its verdict. Never returns."""
    link = Link(solution, limit, verdict)
    tests = Tests(link, entry_point)
    try:
        said = tests.run(source)
    except (channel.Overlong, values.CannotCarry) as error:
        said = tests._say("fail", f"the solution's answer is no data: {error}")
    except MemoryError:
        said = tests._say("fail", "the solution's answers do not fit in memory")
    except Exception as error:  # a reply that is not what a reply looks like: only an enemy writes one
        said = tests._say("fail", f"the solution's process answered nonsense: {_sentence(error)}"[:500])
    channel.send(verdict, json.dumps(said).encode("ascii"))
    os._exit(GONE if said["status"] == "gone" else 0)
