"""The side that runs the tests: what they call of the solution is asked of the other process, as data.

No line of the solution's source runs here, so nothing that it patches, prints, raises or returns can change how a value
is compared. Objects that are no plain data arrive as a `Remote`: its attributes, methods and items are asked for, and it
equals nothing but itself.

What a test is: a top-level statement that holds an `assert`, or calls a function of the tests that does; `check(candidate)`
where the text defines it (HumanEval); a method of a `unittest.TestCase`; a function `test*` without parameters, or with
pytest's `parametrize`.

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
import itertools
import json
import math
import os
import sys
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any

from . import cases, channel, declared, raised, text, values
from .link import GONE, Link
from .remote import Gone, Nonsense, Own, Remote, Unsupported, same
from .solution import word_of_call, word_of_loading

FILE = "tests.py"
STANDARD = {
    name: module.__name__
    for module in (typing, functools, itertools, heapq, bisect, fractions, decimal, collections, math)
    for name in getattr(module, "__all__", vars(module))
    if not name.startswith("_")
}
"""Names that tests use without importing them, because the solution did: taken from where they should come from."""
DECIDING = frozenset({"ceil", "dist", "fabs", "floor", "hypot", "isclose", "isfinite", "isinf", "isnan", "trunc"})
"""Those of them that say yes or no to what is compared, or by how much it differs."""
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
        link.local, link.is_subclass, link.is_class = self._local, self._is_subclass, self._is_class
        self.called_by_module = False
        self.importing = False
        """Whether the statement that runs is an import, in which the solution has no part but what it lacks."""
        self.stood = False
        """Whether a class stands here for one of the solution's."""
        self.lacking: BaseException | None = None
        """What was said when the tests asked for a name that the solution does not define."""
        self.free: set[str] = set()
        """Names that the text uses and does not bind."""
        self.holders: set[str] = set()
        """Names whose attributes it uses."""
        self.decorated: dict[str, set[str]] = {}
        """Tests of the text, and the names of what decorates them."""
        self.tree = ast.Module([], [])
        """The text as it was written."""
        self.early: set[int] = set()
        """Lines on which the text leaves because it found a fault."""
        self.shadowed = ""
        """A name that the solution defines and that meant the standard library's here."""
        self.skipped: set[str] = set()
        self.offered: dict[str, list[str]] = {}
        self.namespace: dict[str, Any] = {"__name__": "tests", "__file__": FILE, "__builtins__": builtins}

    def run(self, source: bytes) -> dict[str, Any]:
        """Return the verdict on the solution, as far as this side knows."""
        try:
            tree = ast.parse(source.decode("utf-8-sig"), FILE)
            code = compile(tree, FILE, "exec", dont_inherit=True)
            nodes = list(ast.walk(tree))
            self.skipped, self.free, self.holders = text.skipped(tree), text.free(nodes), text.holders(nodes)
            patched, self.link.raises = text.patched(nodes), text.raises(nodes)
            self.link.called_only, self.early = text.called_only(nodes), text.leaves_early(nodes)
            self.decorated, self.tree = text.decorated(tree), tree
            text.from_solution(nodes, self.entry_point, is_there)
            tree = text.prepared(tree, nodes)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return self._say("test_error", f"the tests do not compile: {_sentence(error)}")
        try:
            said = self.link.first()
            if "failed" in said:
                word, why = (*said["failed"], "", "")[:2]
                return self._say(word_of_loading(word), str(why))
            self.made_of = said.get("made_of", {})
            self._bring(said["names"], set(_names(code)))
            if patched:
                raise self.link.unsupported(f"{patched} is replaced in the tests' process, and the solution has its own")
            self._execute(tree, code.co_flags & _FUTURES)
        except (Gone, Nonsense, Unsupported):
            pass
        except SystemExit:
            return self._say("test_error", "the tests call exit()")
        return self._conclude()

    def _bring(self, offered: dict[str, list[str]], used: set[str]) -> None:
        """Put what the tests use of the solution, or of the standard library without importing it, into their namespace."""
        # an honest process offers no name with two underscores; `__all__` would say which names of Python's it replaces
        self.offered = offered = {name: sort for name, sort in offered.items() if not name.startswith("__")}
        for name in OWN_NAMES:
            sys.modules[name] = Own(name, self._imported)
        for name in used:
            try:
                found = self._resolved(name)
            except Exception as error:  # what it holds cannot be told: whether the tests mean it will show
                if error is not self.link.blame:
                    raise
                continue
            if found is not None:
                self.namespace[name] = found
        self.namespace[text.SAME] = functools.partial(same, self.link)
        if self.entry_point is not None:
            self.namespace[self.entry_point] = self._global(self.entry_point)

    def _resolved(self, name: str) -> Any:
        """Return what a name of the tests means: the solution's own, unless the standard library has one by that name.

        Where nothing says what is tested it may be the solution's, but for what decides a comparison, such as `isclose`. That
        may be what is tested too: then nothing passes.
        """
        sort = self.offered.get(name, [""])[0]
        if hasattr(builtins, name) or name == self.entry_point:
            return None
        if not is_standard(name):
            return self._global(name) if sort else None
        own = sort in ("function", "class") and self.offered[name][1:2] == ["solution"]
        as_module = name in ALIASES or (name in sys.stdlib_module_names and name in self.holders)
        if own and self.entry_point is None and name not in DECIDING and not as_module:
            self.link.doubtful.add(name)
            return self._global(name)
        found = _standard(name)
        if own and name in self.free:
            self.shadowed = name
        return getattr(found, name, found) if sort == "class" and isinstance(found, types.ModuleType) else found

    def _imported(self, name: str) -> Any:
        if name not in self.offered:
            self.lacking = AttributeError(f"{name!r} is not defined by the solution")
            raise self.lacking
        return self._global(name)

    def _global(self, name: str) -> Any:
        sort = self.offered.get(name, ["function"])[0]
        if name == self.entry_point and not name[:1].isupper():  # what is called by a small letter is called
            sort = "function"
        if sort in ("exception", "dict") or name in self.made_of:
            self.link.tell()
            self.stood = True
        if sort == "class" and (local := self._local(name)) is not None:
            return local
        if sort == "exception":
            return raised.own_class(name, self.offered, self.link.exceptions, self._made)
        if sort == "dict":
            return dict
        if sort == "data":
            return self.link.ask(["global", name])
        # a class by convention too: what the tests call by a small letter is a function to them, whatever it is
        is_class = sort == "class" and name[:1].isupper() and name not in self.link.called_only
        return Remote(self.link, name, {"class": "type" if is_class else "function"}, reference=is_class)

    def _made(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Remote:
        return self.link.made(name, list(args), kwargs)

    def _local(self, name: str) -> Any:
        """Return what stands here for a class of the solution's that is nothing but data."""
        if name in self.made_of and name not in self._locals:
            self.link.tell()
            self._locals[name] = declared.local(self.link, name, self.made_of[name], self.offered[name][2:])
        return self._locals.get(name)

    def _is_class(self, name: str) -> bool:
        return self.offered.get(name, [""])[0] == "class"

    def _is_subclass(self, name: str, of: str) -> bool:
        return name == of or of in self.offered.get(name, ())[2:]

    def _execute(self, tree: ast.Module, flags: int) -> None:
        """Run the text, a statement at a time; then the tests that it defines."""
        for position, statement in enumerate(tree.body):
            self.importing = isinstance(statement, ast.Import | ast.ImportFrom)
            part = compile(ast.Module([statement], []), FILE, "exec", flags, dont_inherit=True)
            calls = self.link.calls
            bare, last = isinstance(statement, ast.Expr), position == len(tree.body) - 1
            self.one(lambda part=part: exec(part, self.namespace), own_calls=False, may_leave=last or (None if bare else False))
            # a helper of the tests that asserts
            asks = self.link.calls > calls and (text.may_refute(statement) or text.leads_to_asserts(statement, tree))
            if not asks and not text.is_test(statement) and not self.outcomes.pop():
                self.outcomes += [False for later in tree.body[position:] if text.is_test(later)]
                return  # what follows was to use it
        self.called_by_module, self.importing = self.informed, False
        cases.Cases(self).run()

    def one(self, run: Callable[[], Any], own_calls: bool = True, may_leave: bool | None = False) -> None:
        """Run one test and note how it ended.

        Args:
            run: does it.
            own_calls: whether it must call the solution itself.
            may_leave: whether to leave with a status that says nothing is a good end; None if it leaves whatever it found.
        """
        self._refuted()
        calls, self.link.blame = self.link.calls, None
        word, why = "", ""
        try:
            run()
        except (Gone, Nonsense, Unsupported):
            self.outcomes.append(False)
            raise
        except SystemExit as error:
            early = bool(self.early & set(_lines(error)))
            no = self.informed and (error.code or early or may_leave is False)  # the tests' way to say that they found a fault
            if error.code or early or not may_leave:
                word, why = ("fail", f"the tests call exit({error.code!r})") if no else ("test_error", "the tests call exit()")
        except BaseException as error:  # anything that a test raises is its outcome
            word, why = self._outcome(error)
        if self.link.stop:  # a test swallowed it
            self.outcomes.append(False)
            raise self.link.stop
        refuted = self._refuted()
        word, why = (word, why) if word else refuted
        if not word and own_calls and self.link.calls == calls and not self.called_by_module:
            word, why = "test_error", "a test never called the solution"
        self.outcomes.append(not word)
        if word == "test_error":
            self.broken = self.broken or why
        elif word and not self.failed:
            self.failed, self.failed_as = why or "no reason is given", word

    def _refuted(self) -> tuple[str, str]:
        """Note what a function of the tests found that the solution called, in a test or where its parameters are made."""
        found, self.link.refuted = self.link.refuted, None
        if not found:
            return "", ""
        self.failed = self.failed or _sentence(found) + _line(found)
        return "fail", _sentence(found) + _line(found)

    @property
    def informed(self) -> bool:
        """Could what the tests do come of what the solution said, of the classes that it made, or of a name that it lacks?"""
        return self.link.calls > 0 or self.stood or self.lacking is not None

    def _outcome(self, error: BaseException) -> tuple[str, str]:
        if error is self.link.blame or (isinstance(error, cases.Unfit) and self.link.blame is not None):
            return word_of_call(self.link.word), str(self.link.why)
        if isinstance(error, cases.Skipped):
            return "test_error", str(error)
        if isinstance(error, AssertionError):
            return "fail", _sentence(error) + _line(error)
        if self.link.blame is not None:
            return "error", f"{self.link.why}; then {_sentence(error)}{_line(error)}"
        if error is self.lacking or (isinstance(error, ImportError) and error.name in OWN_NAMES):
            return "load_error", f"{self.lacking or error}{_line(error)}"
        if type(error) is NameError and error.name not in self.namespace:
            return "load_error", f"{error.name!r} is not defined by the solution{_line(error)}"
        if not self.informed or (self.importing and isinstance(error, ModuleNotFoundError)):
            return "test_error", _sentence(error) + _line(error)
        return "fail", f"{_sentence(error)}{_line(error)}, in the tests after a call of the solution"

    def _conclude(self) -> dict[str, Any]:
        stop = self.link.stop
        self._refuted()
        if isinstance(stop, Gone | Nonsense):  # a solution that leaves would be measured by fewer tests
            self.outcomes += [False] * (text.written(self.tree, self.entry_point) - len(self.outcomes))
        if self.failed and not isinstance(stop, Gone):
            return self._say(self.failed_as, self.failed)
        if stop:
            words = {Gone: "gone", Nonsense: "error", Unsupported: "unsupported"}
            return self._say(words[type(stop)], str(stop))
        if self.broken:
            return self._say("test_error", self.broken)
        if not self.outcomes:
            return self._say("test_error", "there is no test in the tests")
        if not self.informed:
            return self._say("test_error", "the tests never called the solution")
        if not all(self.outcomes):  # no way here is known; a pass is never what is left over
            return self._say("fail", "a test ended without a reason")
        if self.link.refusal:
            return self._say("unsupported", f"the tests let pass what is not the solution's: {self.link.refusal}")
        if self.shadowed:
            return self._say("unsupported", f"the tests mean the standard library's {self.shadowed!r}, or the solution's")
        return self._say("pass", "")

    def _say(self, status: str, why: str) -> dict[str, Any]:
        return {"status": status, "why": str(why)[:2000], "outcomes": self.outcomes[:10_000]}


def is_there(module: str) -> bool:
    """Can a module be imported, other than the one that the solution is?"""
    return module not in OWN_NAMES and importlib.util.find_spec(module) is not None


def is_standard(name: str) -> bool:
    """May tests use a name without importing it, because the standard library, numpy or pytest has it?"""
    return name in ALIASES or name in sys.stdlib_module_names or name in STANDARD


def _standard(name: str) -> Any:
    """Return what the standard library, numpy or pytest have by a name that tests may use without importing it."""
    if name in ALIASES or name in sys.stdlib_module_names:
        module = ALIASES.get(name, name)
        return importlib.import_module(module) if importlib.util.find_spec(module) else None
    return getattr(importlib.import_module(STANDARD[name]), name) if name in STANDARD else None


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _sentence(error: BaseException) -> str:
    text = str(error)
    return f"{type(error).__name__}{f': {text}' if text else ''}"


def _lines(error: BaseException) -> list[int]:
    """Return the lines of the tests through which an exception came."""
    lines, at = [], error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename == FILE:
            lines.append(at.tb_lineno)
        at = at.tb_next
    return lines


def _line(error: BaseException) -> str:
    lines = _lines(error)
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
