"""Find and run the tests that a source defines: `check(candidate)`, test functions and classes, `unittest`.

This covers the small part of pytest that needs nothing but calls: functions and methods named `test*`, with
parameters from `parametrize`. Fixtures and set-up code need pytest itself, in one process with the solution
(`inside.by_pytest`). A test whose body never runs does not count as a test: a generator, or a coroutine that
nobody awaits.
"""

from __future__ import annotations

import functools
import inspect
import sys
import types
from typing import Any

_SET_UP = (
    "setup_module", "teardown_module", "setup_function", "teardown_function",
    "setup_class", "teardown_class", "setup_method", "teardown_method",
)  # fmt: skip


class NeverRuns(Exception):
    """A test is skipped, or its body never runs."""

    def __init__(self, why: str, skipped: bool = False) -> None:
        super().__init__(why)
        self.skipped = skipped


class Found:
    """The tests that an executed source defines."""

    def __init__(self, run: Any) -> None:
        """Store the `run_tests.TestRun` that notes how each test ends."""
        self.tests, self.namespace = run, run.module.__dict__

    def run(self) -> None:
        """Run all tests, in the order of their definition."""
        own = [
            v for v in self.namespace.values() if type(v) is types.FunctionType or issubclass(type(v), type)
        ]
        own = [v for v in own if v.__module__ == "tests"]
        self.check()
        self._refuse_set_up(self.namespace)
        cases = sys.modules["unittest"].TestCase if "unittest" in sys.modules else ()
        self._run_module_hook("setUpModule")
        for thing in own:
            if isinstance(thing, type) and issubclass(thing, cases):
                self._unittest(thing)
            elif isinstance(thing, type) and thing.__name__.startswith("Test"):
                self._methods(thing)
            elif isinstance(thing, types.FunctionType) and thing.__name__.startswith("test"):
                self._function(thing.__name__, thing, [thing])
        self._run_module_hook("tearDownModule")

    def check(self) -> None:
        """Run `check(candidate)`, the form of HumanEval's tests."""
        check, candidate = self.namespace.get("check"), self.namespace.get(self.tests.entry_point or "")
        if candidate is not None and isinstance(check, types.FunctionType):
            self.tests.one(lambda: check(candidate))

    def _run_module_hook(self, name: str) -> None:
        """Run set-up or tear-down code of the module, which is not a test; only its failure counts as one."""
        function = self.namespace.get(name)
        if isinstance(function, types.FunctionType):
            self.tests.aside(function)

    def _refuse(self, what: str) -> BaseException:
        return self.tests.solution.unsupported(f"{what}, which pytest sets up")

    def _refuse_set_up(self, holder: Any) -> None:
        if name := next((name for name in _SET_UP if name in holder), ""):
            raise self._refuse(name)
        if any(type(thing).__module__ == "_pytest.fixtures" for thing in dict(holder).values()):
            raise self._refuse("a fixture")

    # -- functions and methods -------------------------------------------------------------------------------

    def _methods(self, group: type) -> None:
        """Run the tests of a class, including inherited tests and those of nested classes."""
        names = dict.fromkeys(name for kind in group.__mro__[-2::-1] for name in vars(kind))
        for kind in group.__mro__[:-1]:
            self._refuse_set_up(vars(kind))
        for name in names:
            thing = inspect.getattr_static(group, name)
            if isinstance(thing, type) and name.startswith("Test"):
                self._methods(thing)
            elif name.startswith("test") and isinstance(
                thing, types.FunctionType | staticmethod | classmethod
            ):
                self._function(f"{group.__name__}.{name}", getattr(group(), name), [thing, group])

    def _function(self, name: str, test: Any, holders: list[Any]) -> None:
        """Run a function or method once for each set of its parameters."""
        marks = _marks([*holders, types.SimpleNamespace(pytestmark=self.namespace.get("pytestmark", []))])
        names = {mark.name for mark in marks}
        if names & {"xfail", "usefixtures"}:
            raise self._refuse(f"{name}, marked {min(names & {'xfail', 'usefixtures'})!r}")
        if "skip" in names or any(mark.name == "skipif" and any(mark.args) for mark in marks):
            self.tests.one(functools.partial(_never, f"{name} is skipped", skipped=True))
            return
        runs = self._parameters(marks)
        wanted = [p.name for p in inspect.signature(test).parameters.values() if p.default is p.empty]
        if missing := [each for each in wanted if runs and each not in runs[0]]:
            raise self._refuse(f"a test with the fixture {missing[0]!r}")
        if not runs:
            self.tests.one(functools.partial(_never, f"{name} has no parameters to run with"))
        for arguments in runs:
            self.tests.one(functools.partial(_finished, test, arguments))

    def _parameters(self, marks: list[Any]) -> list[dict[str, Any]]:
        """Return the keyword arguments of each run of a function."""
        runs: list[dict[str, Any]] = [{}]
        for mark in marks:
            if mark.name != "parametrize":
                continue
            given = dict(zip(("argnames", "argvalues"), mark.args, strict=False)) | mark.kwargs
            names, rows = given["argnames"], list(given["argvalues"])
            names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
            if given.get("indirect") or any(_is(row, "ParameterSet") and row.marks for row in rows):
                raise self._refuse("parameters of fixtures or with marks")
            rows = [
                row.values if _is(row, "ParameterSet") else row if len(names) > 1 else (row,) for row in rows
            ]
            runs = [run | dict(zip(names, row, strict=True)) for run in runs for row in rows]
        return runs

    # -- unittest --------------------------------------------------------------------------------------------

    def _unittest(self, case: Any) -> None:
        unittest: Any = sys.modules["unittest"]
        for kind in case.__mro__:
            self._refuse_set_up(vars(kind) if kind.__module__ == "tests" else {})
        result = unittest.TestResult()
        # without this, each test would set up and tear down its class and the module
        result._testRunEntered = True
        result._previousTestClass = _NoCase
        for test in unittest.TestLoader().loadTestsFromTestCase(case):
            self.tests.one(functools.partial(self._case, unittest, test, result))
        self.tests.aside(functools.partial(_clear_up, unittest.TestSuite(), result))

    def _case(self, unittest: Any, test: Any, result: Any) -> None:
        """Run a method of a `unittest.TestCase`; raise the exception that it raised."""
        raised, method, result.testsRun = [], getattr(test, test._testMethodName), 0
        # A result keeps the text of an exception, and making the text of an assertion may look into the
        # solution's objects.
        result._exc_info_to_string = lambda found, _: raised.append(found[1]) or ""
        result.skipped, ended = [], []
        own_loop = inspect.iscoroutinefunction(method) and isinstance(test, unittest.IsolatedAsyncioTestCase)
        setattr(test, test._testMethodName, _noting(method, own_loop, ended))
        suite = unittest.TestSuite([test])  # a suite runs setUpClass before the first test
        suite._removeTestAtIndex = lambda index: None
        suite.run(result)
        if self.tests.solution.stop:
            raise self.tests.solution.stop
        if raised:
            raise raised[0]
        if result.expectedFailures or result.unexpectedSuccesses:
            raise self.tests.solution.unsupported("a test that is expected to fail")
        if result.skipped or result.testsRun != 1:
            raise NeverRuns(
                f"skipped: {result.skipped[0][1] if result.skipped else 'no test ran'}", skipped=True
            )
        if not ended:  # unittest does not report some of its own exceptions as failures
            raise AssertionError("the test did not run to its end")


class _NoCase:
    """Stand for an earlier test class of the same module, because the module is set up already."""

    __module__ = "tests"


def _noting(method: Any, own_loop: bool, ended: list[Any]) -> Any:
    """Return a test method that also notes when it has come to its end."""

    async def awaits(*args: Any, **kwargs: Any) -> None:
        ended.append(await method(*args, **kwargs))

    def calls(*args: Any, **kwargs: Any) -> None:
        ended.append(_ran(method(*args, **kwargs)))

    return functools.wraps(method)(awaits if own_loop else calls)


def _clear_up(suite: Any, result: Any) -> None:
    """Tear down the class whose tests have run; raise the exception that this raises."""
    raised: list[BaseException] = []
    result._exc_info_to_string = lambda found, _: raised.append(found[1]) or ""
    suite._tearDownPreviousClass(None, result)
    if raised:
        raise raised[0]


def _marks(holders: list[Any]) -> list[Any]:
    """Return pytest's marks of a test, and of the class and the module that contain it."""
    found: list[Any] = []
    for holder in holders:
        marks = getattr(holder, "pytestmark", [])
        found += marks if isinstance(marks, list | tuple) else [marks]
    found = [mark.mark if _is(mark, "MarkDecorator") else mark for mark in found]
    return [mark for mark in found if _is(mark, "Mark")]


def _is(thing: Any, name: str) -> bool:
    """Is an object of the pytest class with this name, judged by its type alone?"""
    return type(thing) is vars(sys.modules.get("_pytest.mark.structures", sys)).get(name)


def _never(why: str, skipped: bool = False) -> None:
    raise NeverRuns(why, skipped)


def _ran(value: Any) -> Any:
    """Return what a test returned; raise `NeverRuns` if the value shows that the test's body has not run."""
    if type(value) in (types.GeneratorType, types.AsyncGeneratorType, types.CoroutineType):
        raise NeverRuns("a test that never runs: a generator, or a coroutine that nobody awaits")
    return value


def _finished(test: Any, arguments: dict[str, Any]) -> None:
    value = test(**arguments)
    if type(value) is types.CoroutineType:
        import asyncio  # noqa: PLC0415 (large, and rarely needed)

        value = asyncio.run(value)
    _ran(value)
