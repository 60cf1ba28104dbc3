"""Which functions and classes of a text are tests, and how each is run: pytest's kind and `unittest`'s.

A test whose body never runs is no test: a generator, or a coroutine that nobody awaits.
"""

from __future__ import annotations

import functools
import inspect
import sys
import types
from collections.abc import Callable
from typing import Any

from . import fixtures
from .remote import Remote, same


class Skipped(Exception):
    """A test is marked to be skipped, or never runs, by nothing that the solution said."""


class Unfit(Exception):
    """A test is skipped, where the solution could have had a part in it."""


class Cases:
    """The tests that a text defines."""

    def __init__(self, tests: Any) -> None:
        self.tests, self.namespace = tests, tests.namespace
        self.fixtures = fixtures.Fixtures(self.namespace)

    def run(self) -> None:
        """Run all, in the order in which they are defined."""
        tests, named = self.tests, [(k, v) for k, v in self.namespace.items() if not isinstance(v, Remote)]
        for name, decorators in tests.decorated.items():
            if any(isinstance(self.namespace.get(decorator), Remote) for decorator in decorators):
                raise tests.link.unsupported(f"{name}, a test that a function of the solution decorates")
        own = [(k, v) for k, v in named if isinstance(v, types.FunctionType | type) and v.__module__ == "tests"]
        check, candidate = self.namespace.get("check"), self.namespace.get(tests.entry_point or "")
        if candidate is not None and isinstance(check, types.FunctionType):
            tests.one(lambda: check(candidate))
        if not self._aside(self._own("setup_module"), self._own("setUpModule")):
            return
        case = sys.modules["unittest"].TestCase if "unittest" in sys.modules else ()
        for name, thing in own:
            if isinstance(thing, types.FunctionType) and name.startswith("test"):
                self._function(name, lambda thing=thing: (thing, None), [thing])
            elif isinstance(thing, type) and issubclass(thing, case):
                self._unittest(thing)
            elif isinstance(thing, type) and name.startswith("Test"):
                self._methods(thing)
        self._aside(self._own("teardown_module"), self._own("tearDownModule"), self.fixtures.close)

    def _own(self, name: str) -> Any:
        found = self.namespace.get(name)
        return found if isinstance(found, types.FunctionType) else None

    def _aside(self, *functions: Any) -> bool:
        """Run what is no test itself; a failure of it is one."""

        def run() -> None:
            for function in functions:
                fixtures.call(function, None)

        calls = self.tests.link.calls
        self.tests.one(run, own_calls=False)
        self.tests.called_by_module |= self.tests.link.calls > calls
        return self.tests.outcomes[-1] and self.tests.outcomes.pop()

    def _skips(self, name: str, test: Any, marks: list[Any]) -> bool:
        """Is a test marked to be skipped? That is no data, unless the solution could have had a part in it."""
        names = {mark.name: mark for mark in marks}
        if "xfail" in names or getattr(test, "__unittest_expecting_failure__", False):
            raise self.tests.link.unsupported("a test that is expected to fail")
        skips = "skip" in names or any(mark.name == "skipif" and any(mark.args) for mark in marks)
        if skips or getattr(test, "__unittest_skip__", False):
            self._none(name)
            return True
        return False

    def _none(self, name: str) -> None:
        """Note that a test does not run."""
        early = not self.tests.informed or name in self.tests.skipped

        def skip() -> None:
            raise (Skipped if early else Unfit)(f"{name} is skipped")

        self.tests.one(skip)

    # -- pytest ---------------------------------------------------------------------------------------------------

    def _function(self, name: str, bound: Callable[[], tuple[Any, Any]], holders: list[Any]) -> None:
        """Run a function or method, once for each set of its parameters, on an instance of its own."""
        marks = _marks([*holders, types.SimpleNamespace(pytestmark=self.namespace.get("pytestmark", []))])
        if self._skips(name, holders[0], marks):
            return
        try:
            runs = self._parameters(marks)
            test, instance = bound()
            used = [str(each) for mark in marks if mark.name == "usefixtures" for each in mark.args]
            asked = self.fixtures.asked(test, {name for run in runs for name in run}, used, instance)
            missing = self.fixtures.unknown(asked, instance)
        except Exception as error:
            self.tests.one(functools.partial(_throw, error))
            return
        if not runs:
            self._none(name)
        elif missing:
            raise self.tests.link.unsupported(f"a test function with the fixture {missing!r}")
        for arguments in runs:
            self.tests.one(functools.partial(self._provided, bound, asked, arguments))

    def _parameters(self, marks: list[Any]) -> list[dict[str, Any]]:
        """Return the keyword arguments of each run of a pytest-style function."""
        runs: list[dict[str, Any]] = [{}]
        for mark in marks:
            if mark.name != "parametrize":
                continue
            given = dict(zip(("argnames", "argvalues"), mark.args, strict=False)) | mark.kwargs
            names, rows = given["argnames"], list(given["argvalues"])
            if given.get("indirect"):
                raise self.tests.link.unsupported("parameters of fixtures")
            names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
            if any(_is(row, "ParameterSet") and row.marks for row in rows):
                raise self.tests.link.unsupported("parameters with marks")
            rows = [row.values if _is(row, "ParameterSet") else row if len(names) > 1 else (row,) for row in rows]
            runs = [run | dict(zip(names, row, strict=True)) for run in runs for row in rows]
        return runs

    def _provided(self, bound: Callable[[], tuple[Any, Any]], asked: list[str], arguments: dict[str, Any]) -> None:
        """Run a test with what is set up for it."""
        test, instance = bound()
        up = self._own("setup_function") if instance is None else getattr(instance, "setup_method", None)
        down = self._own("teardown_function") if instance is None else getattr(instance, "teardown_method", None)
        fixtures.call(up, test)
        try:
            with self.fixtures.provided(asked, instance) as made:
                wanted = inspect.signature(test).parameters
                _finished(test(**arguments, **{name: value for name, value in made.items() if name in wanted}))
        finally:
            fixtures.call(down, test)

    def _methods(self, group: type) -> None:
        """Run the tests of a class of pytest's kind, inherited ones and those of classes in it."""
        if self._skips(group.__name__, group, _marks([group])):
            return
        if not self._aside(getattr(group, "setup_class", None)):
            return
        names = dict.fromkeys(name for kind in group.__mro__[-2::-1] for name in vars(kind))
        for name in names:
            thing = inspect.getattr_static(group, name)
            if isinstance(thing, type) and name.startswith("Test") and not isinstance(thing, Remote):
                self._methods(thing)
            elif name.startswith("test") and isinstance(thing, types.FunctionType | staticmethod | classmethod):

                def bound(name: str = name) -> tuple[Any, Any]:
                    instance = group()
                    return getattr(instance, name), instance

                self._function(f"{group.__name__}.{name}", bound, [thing, group])
        self._aside(getattr(group, "teardown_class", None))

    # -- unittest -------------------------------------------------------------------------------------------------

    def _unittest(self, case: Any) -> None:
        unittest: Any = sys.modules["unittest"]
        if any(fixture.autouse for fixture in self.fixtures.known.values()):
            raise self.tests.link.unsupported("a fixture of a unittest.TestCase")
        for test in unittest.TestLoader().loadTestsFromTestCase(case):
            name = test._testMethodName
            method = getattr(case, name)
            if not self._skips(f"{case.__name__}.{name}", method, _marks([method])) and not self._skips(
                case.__name__, case, []
            ):
                self.tests.one(functools.partial(self._case, unittest, test))

    def _case(self, unittest: Any, test: Any) -> None:
        """Run a method of a `unittest.TestCase`; raise what it raised."""
        result, raised, method = unittest.TestResult(), [], getattr(test, test._testMethodName)
        # what a result keeps of an exception is text; its making would also ask the solution for that of its objects
        result._exc_info_to_string = lambda found, _: raised.append(found[1]) or ""
        if not (inspect.iscoroutinefunction(method) and isinstance(test, unittest.IsolatedAsyncioTestCase)):
            setattr(test, test._testMethodName, functools.wraps(method)(lambda *args, **kw: _ran(method(*args, **kw))))
        test.assertIs = lambda one, other, msg=None: _holds(test, same(self.tests.link, one, other), msg)
        test.assertIsNot = lambda one, other, msg=None: _holds(test, not same(self.tests.link, one, other, True), msg)
        suite = unittest.TestSuite([test])  # runs setUpClass and the like
        suite._removeTestAtIndex = lambda index: None
        suite.run(result)
        if self.tests.link.stop:
            raise self.tests.link.stop
        if raised:
            raise raised[0]
        if result.skipped or result.testsRun != 1:
            raise Unfit(f"skipped: {result.skipped[0][1] if result.skipped else 'no test ran'}")


def _marks(holders: list[Any]) -> list[Any]:
    """Return what pytest's decorators say of a test, and of the class and the module that it is in."""
    found: list[Any] = []
    for holder in holders:
        marks = getattr(holder, "pytestmark", [])
        found += marks if isinstance(marks, list | tuple) else [marks]
    found = [mark.mark if _is(mark, "MarkDecorator") else mark for mark in found]
    return [mark for mark in found if _is(mark, "Mark")]


def _is(thing: Any, name: str) -> bool:
    """Is it of this class of pytest's? An attribute would be asked of the solution, where it is an object of its class."""
    return type(thing) is vars(sys.modules.get("_pytest.mark.structures", sys)).get(name)


def _throw(error: BaseException) -> None:
    raise error


def _holds(test: Any, so: bool, msg: Any) -> None:
    if not so:
        raise test.failureException(msg or "whether two are one")


def _ran(value: Any) -> Any:
    """Return what a test returned, unless that says that its body has not run."""
    if type(value) in (types.GeneratorType, types.AsyncGeneratorType, types.CoroutineType):
        raise Skipped("a test that never runs: a generator, or a coroutine that nobody awaits")
    return value


def _finished(value: Any) -> None:
    if type(value) is types.CoroutineType:
        import asyncio  # noqa: PLC0415 (large, and rarely needed)

        value = asyncio.run(value)
    _ran(value)
