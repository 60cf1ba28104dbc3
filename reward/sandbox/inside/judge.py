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
import builtins
import importlib.util
import inspect
import json
import os
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

from . import channel, values
from .solution import OPERATORS

FILE = "tests.py"
HELPERS = {
    "Counter": "collections", "Decimal": "decimal", "Fraction": "fractions", "OrderedDict": "collections",
    "ceil": "math", "defaultdict": "collections", "deque": "collections", "floor": "math", "inf": "math",
    "isclose": "math", "isinf": "math", "isnan": "math", "nan": "math", "pi": "math", "sqrt": "math",
}  # fmt: skip
"""Names that tests use without importing them, because the solution did; taken from where they should come from."""
ALIASES = {"np": "numpy", "numpy": "numpy", "pytest": "pytest"}
_FUTURES = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)
_RAISABLE = {"binascii", "dataclasses", "decimal", "json.decoder", "queue", "re", "statistics", "struct", "zlib", "_csv"}
"""Modules whose exceptions are raised here when the solution raised them; others as their first built-in base class."""


GONE = 1
"""Exit status of the tests' process when the solution's is ending: the zygote waits to see how."""


class Gone(BaseException):
    """The solution's process ended; the zygote knows why."""


class Nonsense(BaseException):
    """The solution's process wrote what is no reply."""


class Unsupported(BaseException):
    """A test asks for what cannot travel as data."""


class Remote:
    """An object, or a global, of the solution."""

    def __init__(self, link: Link, what: str | int, said: dict[str, Any] | None = None, constructed: bool = False) -> None:
        for name, value in (("link", link), ("what", what), ("said", said or {}), ("constructed", constructed)):
            object.__setattr__(self, f"_remote_{name}", value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it in the solution's process."""
        return self._remote_link.call(self, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._remote_ask("get", name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._remote_ask("set", name, value)

    def _remote_ask(self, verb: str, *rest: Any) -> Any:
        return self._remote_link.ask([verb, self._remote_what, *rest])

    def __len__(self) -> int:
        return self._remote_ask("len")

    def __getitem__(self, key: Any) -> Any:
        return self._remote_ask("item", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._remote_ask("put", key, value)

    def __delitem__(self, key: Any) -> None:
        self._remote_ask("drop", key)

    def __contains__(self, item: Any) -> bool:
        return self._remote_ask("in", item) is True

    def __iter__(self) -> Iterator[Any]:
        return iter(self._remote_ask("iter"))

    def __bool__(self) -> bool:
        return True

    def __str__(self) -> str:
        return str(self._remote_ask("str"))

    def __repr__(self) -> str:
        return f"<{self._remote_said.get('class', self._remote_what)} of the solution>"

    def __hash__(self) -> int:
        return hash(("remote", self._remote_what))

    def __eq__(self, other: object) -> bool:
        if self is other or (isinstance(other, Remote) and other._remote_what == self._remote_what):
            return True
        fields = self._remote_said.get("fields")
        if fields and isinstance(other, Remote) and other._remote_said.get("fields"):
            same = self._remote_said["class"] == other._remote_said["class"]
            return same and self._remote_ask("fields") == other._remote_ask("fields")
        if self._remote_said.get("equal") and (self._remote_constructed or getattr(other, "_remote_constructed", False)):
            raise self._remote_link.unsupported(f"instances of {self._remote_said['class']!r} are compared by its own __eq__")
        return False

    def __instancecheck__(self, instance: object) -> bool:
        raise self._remote_link.unsupported("isinstance with a class of the solution")

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        raise self._remote_link.unsupported("a subclass of a class of the solution")

    def __enter__(self) -> Any:
        raise self._remote_link.unsupported("`with` on an object of the solution")


def _forward(name: str) -> Callable[..., Any]:
    return lambda self, *rest: self._remote_ask(name, *rest)


for _name in OPERATORS:
    setattr(Remote, f"__{_name}__", _forward(_name))


class Link:
    """Asks the solution's process."""

    def __init__(self, descriptor: int, limit: int) -> None:
        self.descriptor, self.limit = descriptor, limit
        self.calls = 0
        self.blame: BaseException | None = None
        """The last exception that came from the solution."""
        self.word, self.why = "error", ""
        self.stop: BaseException | None = None
        """Gone or Unsupported, once raised: a test that swallows it changes nothing."""
        self.exceptions: dict[str, type[Exception]] = {}

    def first(self) -> dict[str, Any]:
        """Return what the solution's process says after it loaded the source."""
        try:
            return json.loads(channel.receive(self.descriptor, self.limit))
        except channel.Closed:
            raise self._gone() from None

    def call(self, what: Remote, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call something of the solution; lists and the like that it changed are changed here too."""
        constructs = what._remote_said.get("class") == "type"
        reply, value = self._exchange(["call", what._remote_what, list(args), kwargs], constructs)
        for position, packed in reply.get("changed", {}).items():
            _change(args[int(position)], values.unpack(packed, self._remote()))
        return _awaitable(value) if reply.get("awaited") is True else value

    def ask(self, message: list[Any]) -> Any:
        """Carry out another operation on an object of the solution."""
        return self._exchange(message)[1]

    def _exchange(self, message: list[Any], constructs: bool = False) -> tuple[dict[str, Any], Any]:
        """Send a message; return the reply and the value in it, or raise what the solution raised."""
        self._send(message)
        raised: Exception | None = None
        value: Any = None
        try:
            reply = json.loads(channel.receive(self.descriptor, self.limit))
            if "raised" in reply:
                classes, text, self.word, self.why = reply["raised"]
                raised = self._exception(classes, str(text))
            else:
                value = values.unpack(reply["value"], self._remote(constructs))
        except channel.Closed:
            raise self._gone() from None
        except Exception as error:  # anything that decoding raises: no honest process writes it
            self.stop = self.stop or Nonsense(f"its process answered what is no data: {_sentence(error)}"[:300])
            raise self.stop from None
        self.calls += 1
        if raised:
            self.blame = raised
            raise raised
        return reply, value

    def _send(self, message: list[Any]) -> None:
        if self.stop:
            raise self.stop
        try:
            channel.send(self.descriptor, values.dump(message, self._own, 1 << 30))
        except values.CannotCarry as error:
            raise self.unsupported(f"an argument: {error}") from None
        except channel.Closed:
            raise self._gone() from None

    def _gone(self) -> BaseException:
        self.stop = self.stop or Gone("the solution's process ended")
        return self.stop

    def unsupported(self, why: str) -> BaseException:
        """Return what to raise where the tests ask for what cannot travel as data; nothing passes after it."""
        self.stop = self.stop or Unsupported(why)
        return self.stop

    def _own(self, value: Any) -> Any:
        """Stand for an object in an argument: the solution's own goes back by its number."""
        if isinstance(value, Remote):
            return {"id": value._remote_what}
        raise self.unsupported(f"an argument of type {type(value).__name__}: only data can be passed to the solution")

    def _remote(self, constructed: bool = False) -> Callable[[Any], Remote]:
        def make(said: Any) -> Remote:
            return Remote(self, int(said["id"]), {**said, "class": str(said["class"])}, constructed)

        return make

    def _exception(self, classes: list[Any], text: str) -> Exception:
        for module, name in classes:
            if module == "solution" and name in self.exceptions:
                return self.exceptions[name](text)
            found = getattr(builtins if module == "builtins" else sys.modules.get(module), name, None)
            if module not in _RAISABLE and module != "builtins":
                continue
            # A StopIteration would end a `map` or a `for` of the tests as if there were nothing more to compare.
            if not (isinstance(found, type) and issubclass(found, Exception)) or issubclass(found, StopIteration):
                continue
            try:
                return found(text)
            except TypeError:
                continue
        return RuntimeError(text)


def _awaitable(value: Any) -> Any:
    async def give() -> Any:
        return value

    return give()


def _change(argument: Any, new: Any) -> None:
    """Make a container of the tests what the solution made of its copy."""
    if isinstance(argument, list | bytearray) and isinstance(new, list | bytearray):
        argument[:] = new
    elif isinstance(argument, dict | set) and type(new) in (dict, set):
        argument.clear()
        argument.update(new)
    elif type(argument).__module__ == "numpy" and type(new) is type(argument):
        argument[...] = new


class Tests:
    """One text of tests, run."""

    def __init__(self, link: Link, entry_point: str | None) -> None:
        self.link, self.entry_point = link, entry_point
        self.outcomes: list[bool] = []
        self.broken = self.failed = ""
        self.failed_as = "fail"
        self.namespace: dict[str, Any] = {"__name__": "tests", "__builtins__": builtins}

    def run(self, source: bytes) -> dict[str, Any]:
        """Return the verdict on the solution, as far as this side knows."""
        try:
            tree = ast.parse(source.decode("utf-8-sig"), FILE)
            code = compile(tree, FILE, "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return self._say("test_error", f"the tests do not compile: {_sentence(error)}")
        try:
            said = self.link.first()
            if "failed" in said:
                return self._say(*said["failed"])
            self._bring(said["names"], set(_names(code)))
            self._execute(tree, code.co_flags & _FUTURES)
        except (Gone, Nonsense, Unsupported):
            pass
        except SystemExit:
            return self._say("test_error", "the tests call exit()")
        return self._conclude()

    def _bring(self, offered: dict[str, list[str]], used: set[str]) -> None:
        """Put what the tests use of the solution into their namespace."""
        for name in used:
            if name in ALIASES or name in sys.stdlib_module_names:
                if importlib.util.find_spec(ALIASES.get(name, name)) and name in offered:
                    self.namespace[name] = importlib.import_module(ALIASES.get(name, name))
            elif name in HELPERS and name in offered and name != self.entry_point:
                self.namespace[name] = getattr(importlib.import_module(HELPERS[name]), name)
            elif name in offered and not hasattr(builtins, name) and name != self.entry_point:
                self.namespace[name] = self._global(name, offered[name])
        if self.entry_point is not None:
            sort = offered.get(self.entry_point, [""])[0]
            self.namespace[self.entry_point] = Remote(self.link, self.entry_point, {"class": "type"} if sort == "class" else {})

    def _global(self, name: str, said: list[str]) -> Any:
        sort, *origin = said
        if sort == "exception":
            bases = (getattr(builtins, base, None) for base in origin[1:])
            base = next((b for b in bases if isinstance(b, type) and issubclass(b, Exception)), Exception)
            self.link.exceptions[name] = type(name, (base if base is not StopIteration else Exception,), {})
            return self.link.exceptions[name]
        said_of_it = {"class": "type"} if sort == "class" else {}
        return self.link.ask(["global", name]) if sort == "data" else Remote(self.link, name, said_of_it)

    def _execute(self, tree: ast.Module, flags: int) -> None:
        """Run the text, a statement at a time; then the tests that it defines."""
        for position, statement in enumerate(tree.body):
            part = compile(ast.Module([statement], []), FILE, "exec", flags, dont_inherit=True)
            self._one(lambda part=part: exec(part, self.namespace), own_calls=False)
            if not _is_test(statement) and not self.outcomes.pop():
                self.outcomes += [False for later in tree.body[position:] if _is_test(later)]
                return  # what follows was to use it
        self._found()

    def _found(self) -> None:
        """Run the functions and classes that are tests."""
        defined = [(name, thing) for name, thing in self.namespace.items() if not isinstance(thing, Remote)]
        check = self.namespace.get("check")
        candidate = self.namespace.get(self.entry_point or "")
        if candidate is not None and isinstance(check, types.FunctionType):
            self._one(lambda: check(candidate))
        for name, thing in defined:
            if isinstance(thing, types.FunctionType) and name.startswith("test") and thing.__module__ == "tests":
                for arguments in self._parameters(thing):
                    self._one(lambda thing=thing, arguments=arguments: _finished(thing(**arguments)))
            elif isinstance(thing, type) and "unittest" in sys.modules and issubclass(thing, sys.modules["unittest"].TestCase):
                self._cases(thing)

    def _parameters(self, test: Callable[..., Any]) -> list[dict[str, Any]]:
        """Return the keyword arguments of each run of a pytest-style function."""
        runs: list[dict[str, Any]] = [{}]
        for mark in getattr(test, "pytestmark", []):
            if getattr(mark, "name", "") == "parametrize":
                names, rows = mark.args[0], mark.args[1]
                names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
                rows = [getattr(row, "values", row) if len(names) > 1 or hasattr(row, "marks") else (row,) for row in rows]
                runs = [run | dict(zip(names, row, strict=True)) for run in runs for row in rows]
        wanted = [p.name for p in inspect.signature(test).parameters.values() if p.default is p.empty]
        if missing := [name for name in wanted if name not in runs[0]]:
            raise self.link.unsupported(f"a test function with the fixture {missing[0]!r}")
        return runs

    def _cases(self, case: type) -> None:
        unittest: Any = sys.modules["unittest"]
        for test in unittest.TestLoader().loadTestsFromTestCase(case):
            result = unittest.TestResult()

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
        calls, self.link.blame = self.link.calls, None
        word, why = "", ""
        try:
            run()
        except (Gone, Nonsense, Unsupported):
            self.outcomes.append(False)
            raise
        except SystemExit:
            word, why = "test_error", "the tests call exit()"
        except BaseException as error:  # anything that a test raises is its outcome
            word, why = self._outcome(error, self.link.calls > calls)
        if self.link.stop:  # a test swallowed it
            self.outcomes.append(False)
            raise self.link.stop
        if not word and own_calls and self.link.calls == calls:
            word, why = "test_error", "a test never called the solution"
        self.outcomes.append(not word)
        if word == "test_error":
            self.broken = self.broken or why
        elif word and not self.failed:
            self.failed, self.failed_as = why, word

    def _outcome(self, error: BaseException, called: bool) -> tuple[str, str]:
        if error is self.link.blame or (isinstance(error, _Broken) and self.link.blame is not None):
            return self.link.word if self.link.word in _FROM_CALLS else "error", str(self.link.why)
        if isinstance(error, AssertionError):
            return "fail", _sentence(error) + _line(error)
        if isinstance(error, NameError) or not (called or self.link.calls):
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


class _Broken(Exception):
    """A unittest method raised what is no failure."""


_FROM_CALLS = ("error", "memory", "output_limit", "disk", "blocked")


def _is_test(statement: ast.stmt) -> bool:
    defines = isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    return not defines and any(isinstance(node, ast.Assert) for node in ast.walk(statement))


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
    link = Link(solution, limit)
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
