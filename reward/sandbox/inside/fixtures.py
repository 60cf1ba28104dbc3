"""What pytest gives to tests, of which a small part is here: parameters, fixtures that the text defines, and `capsys`.

Other fixtures change the process or the disk that the tests have, and the solution runs in another: they are unsupported.
"""

from __future__ import annotations

import inspect
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FunctionType
from typing import Any, NamedTuple


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


def fixtures(namespace: dict[str, Any]) -> dict[str, Callable[..., Any]]:
    """Return the functions of the text that are fixtures, by the name that tests ask for them."""
    found: dict[str, Callable[..., Any]] = {}
    for name, thing in namespace.items():
        mark: Any = getattr(thing, "_pytestfixturefunction", None) if isinstance(thing, FunctionType) else None
        if type(thing).__name__ == "FixtureFunctionDefinition":
            found[thing.name or name] = thing._get_wrapped_function()
        elif type(mark).__name__ == "FixtureFunctionMarker":
            found[mark.name or name] = thing.__pytest_wrapped__.obj
    return found


def unknown(test: Callable[..., Any], given: dict[str, Any], known: dict[str, Callable[..., Any]]) -> str:
    """Return the name of a fixture that a test asks for and nobody has; empty if there is none."""
    for name in _asked(test, given):
        if name != "capsys" and (name not in known or (found := unknown(known[name], {}, known))):
            return name if name not in known else found
    return ""


@contextmanager
def provided(test: Callable[..., Any], given: dict[str, Any], known: dict[str, Callable[..., Any]]) -> Iterator[dict[str, Any]]:
    """Make what a test asks for; what a fixture does behind its `yield` is done in the end."""
    with ExitStack() as stack:
        made: dict[str, Any] = {}

        def make(name: str) -> Any:
            if name not in made:
                made[name] = stack.enter_context(_capsys()) if name == "capsys" else None
                if name != "capsys":
                    fixture = known[name]
                    value = fixture(**{asked: make(asked) for asked in _asked(fixture, {})})
                    made[name] = stack.enter_context(contextmanager(lambda: value)()) if inspect.isgenerator(value) else value
            return made[name]

        yield given | {name: make(name) for name in _asked(test, given)}


def _asked(test: Callable[..., Any], given: dict[str, Any]) -> list[str]:
    parameters = inspect.signature(test).parameters.values()
    return [p.name for p in parameters if p.default is p.empty and p.name not in given]


@contextmanager
def _capsys() -> Iterator[Capsys]:
    capsys, before = Capsys(), (sys.stdout, sys.stderr)
    sys.stdout, sys.stderr = capsys.streams
    try:
        yield capsys
    finally:
        sys.stdout, sys.stderr = before
