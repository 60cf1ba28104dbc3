"""Run the solution: load its source, then answer calls with data.

Everything in this process belongs to the solution once its source runs: it may patch this module, write
anything to the channel, or exit. So a message from here proves nothing but "this is what the solution
answered", and this process never receives an expected value.

Messages in: ["global", name] asks for a value of the solution; [how, name, args, kwargs] calls one of its
functions. The first item of a call is "changes" (also report how the arguments changed), "answer" (do not),
or "draw" (also turn iterators into data, because the caller can receive nothing else). Messages out:
{"value": v, "changed": {place: new}} or {"raised": description}, with "awaited" where the call gave a
coroutine.
"""

from __future__ import annotations

import errno
import json
import linecache
import os
import signal
import sys
import traceback
import types
from collections.abc import Iterator
from typing import Any

from . import changes, channel, exceptions, values

FILE = "solution.py"
SAID_OF_CALLS = ("error", "memory", "output_limit", "disk", "blocked")
SAID_WHEN_LOADING = ("load_error", "exited_early", "memory", "output_limit", "disk", "blocked")
"""Statuses that this process may report. It can write anything else, which then counts as the first of
these."""
SPECIAL = (
    "aenter", "aexit", "aiter", "anext", "await", "bool", "bytes", "call", "ceil", "complex", "contains",
    "delitem", "divmod", "enter", "exit", "float", "floor", "fspath", "getitem", "index", "instancecheck",
    "int", "iter", "len", "length_hint", "mro_entries", "next", "rdivmod", "reversed", "round", "setitem",
    "subclasscheck", "trunc", "abs", "invert", "neg", "pos",
    *(
        f"{way}{name}"
        for way in ("", "r", "i")
        for name in (
            "add", "and", "floordiv", "lshift", "matmul", "mod", "mul", "or", "pow", "rshift", "sub",
            "truediv", "xor",
        )
    ),
)  # fmt: skip
"""Special methods that only some classes have; Python looks them up in the class."""
_DRAWN = (enumerate, filter, map, reversed, zip)
"""Iterators whose items are taken at once, because what they iterate over usually ends. Generators may be
endless, or wait for `send`."""


def load(module: types.ModuleType, source: bytes, entry_point: str | None) -> tuple[str, str] | None:
    """Run a source as a module named `solution`; return (status, reason) if that fails."""
    sys.modules["solution"] = module
    module.__file__ = FILE
    try:
        text = source.decode("utf-8-sig")
        linecache.cache[FILE] = (len(text), None, text.splitlines(keepends=True), FILE)
        exec(compile(text, FILE, "exec", dont_inherit=True), module.__dict__)
    except SystemExit as error:
        return "exited_early", f"the source calls exit({error.code!r}) when it is loaded"
    except BaseException as error:  # whatever the source raises is its failure to load
        status, why = describe(error)
        return "load_error" if status == "error" else status, why
    if entry_point is not None and not callable(module.__dict__.get(entry_point)):
        there = "is not callable" if entry_point in module.__dict__ else "is not defined"
        return "load_error", f"{entry_point!r} {there} in the solution"
    return None


def names(module: types.ModuleType) -> dict[str, list[str]]:
    """Return the kind and the origin of each name that a module defines, and the bases of each class."""
    return {
        str(k): _kind_and_origin(v) for k, v in list(module.__dict__.items()) if not str(k).startswith("__")
    }


class Server:
    """Answer calls on the loaded solution."""

    def __init__(self, descriptor: int, limit: int) -> None:
        self.descriptor, self.limit = descriptor, limit
        self.module = types.ModuleType("solution")
        self._numbered: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._kinds: dict[int, dict[str, Any]] = {}
        self._awaited = False
        """Whether the last call gave a coroutine; it has been run by now."""

    def load(self, source: bytes, entry_point: str | None) -> dict[str, Any]:
        """Run the source; return the message about it: the names that it defines, or how it failed."""
        failed = load(self.module, source, entry_point)
        return {"failed": failed} if failed else {"names": names(self.module)}

    def serve(self) -> None:
        """Answer until the other side closes the channel; then wait, so that used disk can be measured."""
        while True:
            try:
                message = channel.receive(self.descriptor, 1 << 30)
            except channel.Closed:
                signal.pause()
                continue
            channel.send(self.descriptor, self.answer(message))

    def answer(self, message: bytes) -> bytes:
        """Carry out one message and return the reply."""
        reply = self._reply(*values.load(message, values.no_data, trusted=True))
        try:
            data = json.dumps(reply, separators=(",", ":")).encode("ascii")
            too_large = len(data) > self.limit
            why = f"a value takes {len(data):,} bytes, more than {self.limit:,}" if too_large else ""
        except MemoryError:
            why = "a value needs more memory than there is"
        if why:
            data = json.dumps(_raised("output_limit", why)).encode("ascii")
        flush()
        return data

    def _reply(self, how: str, name: str, *given: Any) -> dict[str, Any]:
        self._awaited = False
        try:
            thing = self.module.__dict__[name]
            return self._call(how, thing, *given) if given else {"value": self._pack(thing)}
        except SystemExit as error:
            raise SystemExit(f"the call ends in exit({error.code!r})") from None
        except values.CannotCarry as error:
            return _raised("output_limit" if isinstance(error, values.TooLarge) else "error", str(error))
        except BaseException as error:  # sent as data to whoever called
            status, why = describe(error)
            raised = {"raised": {"word": status, "why": why, **exceptions.told(error)}}
            return raised | ({"awaited": True} if self._awaited else {})

    def _call(self, how: str, function: Any, args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
        found = changes.containers([args, kwargs])[2:] if how == "changes" else []
        before = [changes.snapshot(container) for container in found]
        value = function(*args, **kwargs)
        # a caller that wants data only ("draw") cannot await a coroutine
        self._awaited = type(value) is types.CoroutineType and how != "draw"
        if self._awaited:
            import asyncio  # noqa: PLC0415 (large, and rarely needed)

            value = asyncio.run(value)
        place = next((place for place, container in enumerate(found) if container is value), None)
        reply = {"value": self._pack(value, how == "draw") if place is None else changes.known(place)}
        changed = changes.said(found, before, self._pack)
        return (
            reply | ({"changed": changed} if changed else {}) | ({"awaited": True} if self._awaited else {})
        )

    def _pack(self, value: Any, draws: bool = False) -> Any:
        # checked before JSON copies it four times
        if type(value) in (str, bytes) and len(value) > self.limit:
            raise values.TooLarge(f"a value takes {len(value):,} bytes, more than {self.limit:,}")
        if issubclass(type(value), Iterator) and type(value) not in _DRAWN and not draws:
            return {"opaque": self._opaque(value)}
        return values.pack(value, self._opaque)

    def _opaque(self, value: Any) -> Any:
        """Number an object and its class, so that both are recognised later, and describe the class."""
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self._numbered)
            self._numbered.append(value)
        kind = type(value)
        if id(kind) not in self._kinds:
            held = {name for base in kind.__mro__ for name in vars(base)}
            has = [name for name in SPECIAL if f"__{name}__" in held]
            own = kind.__module__ == "solution"
            self._kinds[id(kind)] = {
                "kind": len(self._kinds),
                "class": kind.__name__,
                "theirs": own,
                "has": has,
            }
        return {"id": number, **self._kinds[id(kind)]}


def _raised(word: str, why: str) -> dict[str, Any]:
    return {"raised": {"word": word, "why": why, "classes": [], "text": why}}


def word_of_call(word: Any) -> str:
    """Return the status of a call that this process reports; it may report anything."""
    return word if word in SAID_OF_CALLS else "error"


def word_of_loading(word: Any) -> str:
    """Return the status of a failed load that this process reports; it may report anything."""
    return word if word in SAID_WHEN_LOADING else "load_error"


def _kind_and_origin(value: Any) -> list[str]:
    """Return the kind of a global of the solution, and where it comes from.

    The kind is "module", "class", "exception", "function" or "data". It is decided by the type alone, because
    asking the object would run the solution's code.
    """
    kind = type(value)
    if kind is types.ModuleType:
        return ["module", value.__name__]
    if issubclass(kind, type):
        sort = "exception" if issubclass(value, Exception) else "class"
        return [sort, str(value.__module__), *(base.__name__ for base in value.__mro__[1:-1])]
    return [
        "function" if callable(value) else "data",
        str(value.__module__) if kind is types.FunctionType else "",
    ]


def describe(error: BaseException) -> tuple[str, str]:
    """Return (status, reason) for the solution's exception; the reason has line, class and message."""
    lines = exceptions.lines_in(error, FILE)
    if isinstance(error, SyntaxError) and error.filename == FILE and error.lineno:
        lines.append(error.lineno)
    text = exceptions.text(error)
    where = f"line {lines[-1]}: " if lines else ""
    why = f"{where}{type(error).__name__}{f': {text}' if text else ''}"[:2000]
    if isinstance(error, MemoryError):
        return "memory", why
    if isinstance(error, OSError) and error.errno in _OS_STATUS:
        return _OS_STATUS[error.errno], why
    return "error", why


_OS_STATUS = {
    errno.EPERM: "blocked",
    errno.EACCES: "blocked",
    errno.EROFS: "blocked",
    errno.EFBIG: "output_limit",
    errno.ENOSPC: "disk",
    errno.ENOMEM: "memory",
}


def flush() -> None:
    """Write out what was printed, unless the solution has closed or removed the stream."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not getattr(stream, "closed", True):
            stream.flush()


def run(source: bytes, descriptor: int, entry_point: str | None, limit: int) -> None:
    """Load the solution and answer calls, as the solution's process. Never returns."""
    server = Server(descriptor, limit)
    code = 0
    try:
        said = server.load(source, entry_point)
        flush()
        channel.send(descriptor, json.dumps(said).encode("ascii"))
        if "names" in said:
            server.serve()
    except SystemExit:
        code = 3
    except channel.Closed:
        code = 0
    except BaseException:  # what the solution broke in this process shows only in its output
        code = 4
        traceback.print_exc()
    finally:
        os._exit(code)
