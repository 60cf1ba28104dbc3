"""What is printed and read where the tests listen: the solution's process has an output of its own, and no input.

When the tests have put something in the place of `sys.stdout`, `sys.stderr`, `sys.stdin`, `input` or `print`, each message
says so. What a call then prints is sent with its reply and written there; what it reads comes from there.
"""

from __future__ import annotations

import builtins
import io
import sys
import warnings
from typing import Any

_OUTPUTS = ("stdout", "stderr")
_FUNCTIONS = ("input", "print")


class Listening:
    """The solution's side, for the time of one message."""

    def __init__(self, what: dict[str, Any]) -> None:
        self.streams: dict[str, Any] = {name: io.StringIO() for name in _OUTPUTS if what.get(name)}
        self.outputs = list(self.streams)
        if what.get("stdin") is not None:
            self.streams["stdin"] = io.StringIO(what["stdin"])
        self.functions = {name: what[name] for name in _FUNCTIONS if name in what}
        self.warned: list[Any] | None = [] if what.get("warnings") else None

    def __enter__(self) -> Listening:
        self.before: list[tuple[Any, str, Any]] = [(sys, name, getattr(sys, name)) for name in self.streams]
        self.before += [(builtins, name, getattr(builtins, name)) for name in self.functions]
        for holder, name, _ in self.before:
            setattr(holder, name, (self.streams if holder is sys else self.functions)[name])
        if self.warned is not None:
            self.catching = warnings.catch_warnings(record=True)
            self.warned = self.catching.__enter__()
            warnings.simplefilter("always")
        return self

    def __exit__(self, *_: object) -> None:
        for holder, name, thing in self.before:
            setattr(holder, name, thing)
        if self.warned is not None:
            self.catching.__exit__(None, None, None)

    def told(self, limit: int) -> dict[str, Any]:
        """Return what to add to the reply; it is printed for the record too, as far as it was not cut off."""
        texts = {name: self.streams[name].getvalue() for name in self.outputs}
        for text in texts.values():
            if sys.stdout is not None:
                sys.stdout.write(text)
        said: dict[str, Any] = {"printed": {name: text[:limit] for name, text in texts.items()}}
        if "stdin" in self.streams:
            said["read"] = self.streams["stdin"].tell()
        if self.warned:
            said["warned"] = [[warning.category.__name__, str(warning.message)[:1000]] for warning in self.warned[:100]]
        return said


class Ears:
    """The tests' side: notices what the tests have put in place, and gives it what was printed."""

    def __init__(self) -> None:
        self.outputs = [(name, getattr(sys, name)) for name in (*_OUTPUTS, "stdin")]
        self.functions = [(name, getattr(builtins, name)) for name in _FUNCTIONS]
        self.warn = vars(warnings).get("_showwarnmsg_impl")

    def pricked(self) -> dict[str, Any]:
        """Return what the tests listen to; nothing, as a rule."""
        what: dict[str, Any] = {name: True for name, stream in self.outputs if getattr(sys, name) is not stream}
        if "stdin" in what:
            self.position = sys.stdin.tell() if hasattr(sys.stdin, "tell") else 0
            what["stdin"] = str(sys.stdin.read())
        for name, function in self.functions:
            if (now := getattr(builtins, name)) is not function:
                what[name] = now
        if vars(warnings).get("_showwarnmsg_impl") is not self.warn:
            what["warnings"] = True
        return what

    def hear(self, reply: dict[str, Any]) -> None:
        """Write what was printed to where the tests listen."""
        for name, text in reply["printed"].items():
            if name in _OUTPUTS and text:
                getattr(sys, name).write(str(text))
        if "read" in reply and hasattr(sys.stdin, "seek"):
            sys.stdin.seek(self.position + int(reply["read"]))
        for name, text in reply.get("warned", []):
            kind = getattr(builtins, str(name), None)
            is_warning = isinstance(kind, type) and issubclass(kind, Warning)
            warnings.warn(str(text), kind if is_warning else UserWarning, stacklevel=2)
