"""What pytest gives to tests, of which a small part is here: fixtures that the text defines, what is set up, and `capsys`.

Other fixtures change the process or the disk that the tests have, and the solution runs in another: they are unsupported.
A fixture is a thing of pytest's own class; an object of the solution that says so of itself is none.
"""

from __future__ import annotations

import inspect
import io
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from types import FunctionType, GeneratorType
from typing import Any, NamedTuple

from .remote import Remote


class Captured(NamedTuple):
    """What was printed since it was last asked for."""

    out: str
    err: str


class Capsys:
    """Both outputs, kept."""

    def __init__(self) -> None:
        self.streams = io.StringIO(), io.StringIO()

    def readouterr(self) -> Captured:
        """Return what was printed, and forget it."""
        texts = [stream.getvalue() for stream in self.streams]
        for stream in self.streams:
            stream.seek(0)
            stream.truncate()
        return Captured(*texts)


class Fixture(NamedTuple):
    """A function of the text that makes what tests ask for by its name."""

    function: Callable[..., Any]
    scope: str
    autouse: bool
    easy: bool
    """Is it one that can be made here: no parameters of its own, nothing asynchronous?"""


class Fixtures:
    """The fixtures of a text; those that several tests share are kept until the end."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.known = _defined(namespace.items(), None) if "pytest" in sys.modules else {}
        self._kept: dict[tuple[str, Any], Any] = {}
        self._stack = ExitStack()

    def close(self) -> None:
        """Do what fixtures that several tests share do behind their `yield`."""
        self._stack.close()

    def of(self, instance: Any) -> dict[str, Fixture]:
        """Return the fixtures that a test sees, a class's own among them."""
        kinds = type(instance).__mro__[-2::-1] if instance is not None else ()
        return self.known | {k: v for kind in kinds for k, v in _defined(vars(kind).items(), instance).items()}

    def asked(self, test: Callable[..., Any], given: Iterable[str], marked: Iterable[str], instance: Any) -> list[str]:
        """Return the names of the fixtures of a test, in the order in which they are made."""
        every = [name for name, fixture in self.of(instance).items() if fixture.autouse]
        return list(dict.fromkeys([*every, *marked, *(name for name in _asked(test) if name not in given)]))

    def unknown(self, names: list[str], instance: Any) -> str:
        """Return the name of a fixture among these that cannot be made here; empty if there is none."""
        known, seen = self.of(instance), set[str]()
        while names:
            name, *names = names
            if name in seen or name == "capsys":
                continue
            if name not in known or not known[name].easy:
                return name
            seen.add(name)
            names += _asked(known[name].function)
        return ""

    @contextmanager
    def provided(self, names: list[str], instance: Any) -> Iterator[dict[str, Any]]:
        """Make what a test asks for; what a fixture does behind its `yield` is done in the end.

        It is not told how the test ended: one that catches exceptions would swallow what an assertion found.
        """
        known = self.of(instance)
        with ExitStack() as own:
            mine: dict[tuple[str, Any], Any] = {}

            def make(name: str) -> Any:
                scope = known[name].scope if name in known else "function"
                alone = scope == "function" or (scope == "class" and instance is None)
                stack, made = (own, mine) if alone else (self._stack, self._kept)
                key = (name, type(instance) if scope == "class" else None)
                if key not in made:
                    if name not in known:
                        made[key] = stack.enter_context(_capsys())
                        return made[key]
                    value = known[name].function(**{asked: make(asked) for asked in _asked(known[name].function)})
                    if type(value) is GeneratorType:
                        generator, value = value, next(value)
                        stack.callback(_end, generator)
                    made[key] = value
                return made[key]

            yield {name: make(name) for name in names}


def call(function: Any, *given: Any) -> None:
    """Call what sets up or cleans up, if there is such a function, with as much as it takes."""
    if isinstance(function, Callable) and not isinstance(function, Remote):
        function(*given[: len(inspect.signature(function).parameters)])


def _end(generator: GeneratorType[Any, Any, Any]) -> None:
    try:
        next(generator)
    except StopIteration:
        return
    raise RuntimeError("a fixture yields twice")


def _defined(things: Iterable[tuple[str, Any]], instance: Any) -> dict[str, Fixture]:
    """Return the fixtures among some things, by the name that tests ask for them."""
    found: dict[str, Fixture] = {}
    classes = vars(sys.modules.get("_pytest.fixtures", sys))
    definition, marker = classes.get("FixtureFunctionDefinition"), classes.get("FixtureFunctionMarker")
    for name, thing in things:
        if type(thing) is definition:
            mark: Any = thing._fixture_function_marker
            bound = thing if instance is None else thing.__get__(instance, type(instance))
            function = bound._get_wrapped_function()
        elif type(thing) is FunctionType and type(mark := vars(thing).get("_pytestfixturefunction")) is marker:
            function = vars(thing)["__pytest_wrapped__"].obj
            function = function if instance is None else function.__get__(instance)
        else:
            continue
        easy = not mark.params and not inspect.iscoroutinefunction(function) and not inspect.isasyncgenfunction(function)
        found[mark.name or name] = Fixture(function, str(mark.scope), mark.autouse, easy)
    return found


def _asked(test: Callable[..., Any]) -> list[str]:
    """Return the names of the arguments that a function must be given, but for those that `patch` gives it."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    names = [p.name for p in inspect.signature(test).parameters.values() if p.default is p.empty and p.kind in kinds]
    default = vars(sys.modules.get("unittest.mock", sys)).get("DEFAULT")
    return names[sum(not p.attribute_name and p.new is default for p in getattr(test, "patchings", ())) :]


@contextmanager
def _capsys() -> Iterator[Capsys]:
    capsys, before = Capsys(), (sys.stdout, sys.stderr)
    sys.stdout, sys.stderr = capsys.streams
    try:
        yield capsys
    finally:
        sys.stdout, sys.stderr = before
