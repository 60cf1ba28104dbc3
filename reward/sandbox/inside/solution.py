"""The side that runs the solution: load its source, then answer calls with data.

Everything in this process belongs to the solution once its source runs: it may patch this module, write what it likes to
the channel, or leave. So nothing that is said here is believed but as "what the solution answered", and no expected
value ever comes in.

Messages in: ["call", what, args, kwargs], ["value", ...] the same without "changed", ["get", what, name], ["set", what,
name, value], ["item", ...] and the like, where `what` names a global of the solution or the number of an object that was
spoken of before. Messages out:
{"value": v, "changed": {position: new}} or {"raised": [classes, text, status word, why]}.
"""

from __future__ import annotations

import errno
import json
import linecache
import operator
import os
import signal
import sys
import traceback
import types
from typing import Any

from . import channel, values

FILE = "solution.py"
SAID_OF_CALLS = ("error", "memory", "output_limit", "disk", "blocked")
SAID_WHEN_LOADING = ("load_error", "exited_early", "memory", "output_limit", "disk", "blocked")
"""Words that this side may use; it can write any other, which then count for the plainest of these."""
_CHANGEABLE = (list, dict, set, bytearray)
OPERATORS = ("lt", "le", "gt", "ge", "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "neg", "abs")
_OPERATIONS = {
    "global": lambda thing: thing,
    "get": lambda thing, name: getattr(thing, name),
    "set": lambda thing, name, value: setattr(thing, name, value),
    "len": lambda thing: len(thing),
    "item": lambda thing, key: thing[key],
    "put": lambda thing, key, value: thing.__setitem__(key, value),
    "drop": lambda thing, key: thing.__delitem__(key),
    "in": lambda thing, item: item in thing,
    "iter": lambda thing: iter(thing),
    "str": lambda thing: str(thing),
    "repr": lambda thing: repr(thing),
    "bool": lambda thing: bool(thing),
    **{name: getattr(operator, name) for name in OPERATORS},
}


class Server:
    """Answers calls on the loaded solution."""

    def __init__(self, descriptor: int, limit: int) -> None:
        self.descriptor, self.limit = descriptor, limit
        self.module = types.ModuleType("solution")
        self.spoken_of: list[Any] = []
        self._numbers: dict[int, int] = {}

    def load(self, source: bytes, entry_point: str | None) -> dict[str, Any]:
        """Run the source; return what to say about it: the names it defines, or how it failed."""
        sys.modules["solution"] = self.module
        self.module.__file__ = FILE
        try:
            text = source.decode("utf-8-sig")
            linecache.cache[FILE] = (len(text), None, text.splitlines(keepends=True), FILE)
            exec(compile(text, FILE, "exec", dont_inherit=True), self.module.__dict__)
        except SystemExit as error:
            return {"failed": ["exited_early", f"the source calls exit({error.code!r}) when it is loaded"]}
        except BaseException as error:  # whatever the source raises is its failure to load
            status, why = describe(error)
            return {"failed": ["load_error" if status == "error" else status, why]}
        if entry_point is not None and not callable(self.module.__dict__.get(entry_point)):
            there = "is not callable" if entry_point in self.module.__dict__ else "is not defined"
            return {"failed": ["load_error", f"{entry_point!r} {there} in the solution"]}
        return {"names": {str(k): _sort(v) for k, v in list(self.module.__dict__.items()) if not str(k).startswith("__")}}

    def serve(self) -> None:
        """Answer until the other side closes the channel; then wait for the end, so that what is held can be measured."""
        while True:
            try:
                message = channel.receive(self.descriptor, 1 << 30)
            except channel.Closed:
                signal.pause()
                continue
            channel.send(self.descriptor, self.answer(message))

    def answer(self, message: bytes) -> bytes:
        """Carry out one message."""
        verb, what, *rest = values.load(message, self._object)
        try:
            thing = self._thing(what)
            own = _OPERATIONS.get(verb)
            reply = {"value": self._pack(own(thing, *rest))} if own else self._call(thing, *rest, watched=verb == "call")
            data = json.dumps(reply, separators=(",", ":")).encode("ascii")
            if len(data) > self.limit:
                raise values.CannotCarry(f"a value takes {len(data):,} bytes, more than {self.limit:,}")
        except SystemExit as error:
            raise SystemExit(f"the call ends in exit({error.code!r})") from None
        except values.CannotCarry as error:
            word = "output_limit" if "bytes" in str(error) else "error"
            data = json.dumps({"raised": [[], str(error), word, str(error)]}).encode("ascii")
        except BaseException as error:  # goes to whoever called, as data
            data = json.dumps({"raised": _raised(error)}).encode("ascii")
        flush()
        return data

    def _call(self, thing: Any, args: list[Any], kwargs: dict[str, Any], watched: bool) -> dict[str, Any]:
        """Call; `watched` tells what became of the arguments too, which only tests can see."""
        changeable = [watched and (type(arg) in _CHANGEABLE or _is_array(arg)) for arg in args]
        before = [self._pack(arg) if may_change else None for arg, may_change in zip(args, changeable, strict=True)]
        value = thing(*args, **kwargs)
        awaited = type(value) is types.CoroutineType
        if awaited:
            import asyncio  # noqa: PLC0415 (large, and rarely needed)

            value = asyncio.run(value)
        reply = {"value": self._pack(value)}
        after = {i: self._pack(args[i]) for i, packed in enumerate(before) if packed is not None}
        changed = {str(i): packed for i, packed in after.items() if packed != before[i]}
        return reply | ({"changed": changed} if changed else {}) | ({"awaited": True} if awaited else {})

    def _thing(self, what: str | int) -> Any:
        return self.module.__dict__[what] if isinstance(what, str) else self.spoken_of[what]

    def _object(self, content: Any) -> Any:
        return self._thing(content["id"])

    def _pack(self, value: Any) -> Any:
        return values.pack(value, self._opaque)

    def _opaque(self, value: Any) -> Any:
        """Give an object a number and say what may be known of it."""
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self.spoken_of)
            self.spoken_of.append(value)
        kind = type(value)
        own = kind.__eq__ is not object.__eq__
        return {"id": number, "class": kind.__name__, "equal": own}


def _sort(value: Any) -> list[str]:
    """Say what a global of the solution is: "module", "class", "exception", "function" or "data", and where it is from.

    By its type alone: to ask the object itself would run code of the solution's.
    """
    kind = type(value)
    if kind is types.ModuleType:
        return ["module", value.__name__]
    if issubclass(kind, type):
        sort = "exception" if issubclass(value, Exception) else "class"
        return [sort, str(value.__module__), *(base.__name__ for base in value.__mro__[1:-1])]
    return ["function" if callable(value) else "data", str(value.__module__) if kind is types.FunctionType else ""]


def _is_array(value: Any) -> bool:
    return type(value).__module__ == "numpy"


def _raised(error: BaseException) -> list[Any]:
    """Return [classes as (module, name), text, status word, why]."""
    status, why = describe(error)
    classes = [[str(kind.__module__), kind.__name__] for kind in type(error).__mro__[:-1]]
    return [classes, _text(error), status, why]


def describe(error: BaseException) -> tuple[str, str]:
    """Return (status word, text) for an exception that the solution raised: where in its source, which, why."""
    lines, at = [], error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename == FILE:
            lines.append(at.tb_lineno)
        at = at.tb_next
    if isinstance(error, SyntaxError) and error.filename == FILE and error.lineno:
        lines.append(error.lineno)
    text = _text(error)
    where = f"line {lines[-1]}: " if lines else ""
    why = f"{where}{type(error).__name__}{f': {text}' if text else ''}"[:2000]
    if isinstance(error, MemoryError):
        return "memory", why
    if isinstance(error, OSError) and error.errno in _OS_STATUS:
        return _OS_STATUS[error.errno], why
    return "error", why


def _text(error: BaseException) -> str:
    try:
        return str(error)[:10_000]
    except BaseException as again:  # a hostile __str__ is no reason to lose the verdict
        return f"(its text raises {type(again).__name__})"


_OS_STATUS = {
    errno.EPERM: "blocked",
    errno.EACCES: "blocked",
    errno.EROFS: "blocked",
    errno.EFBIG: "output_limit",
    errno.ENOSPC: "disk",
    errno.ENOMEM: "memory",
}


def flush() -> None:
    """Bring what was printed to its file, as long as the solution left something to bring."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not getattr(stream, "closed", True):
            stream.flush()


def run(source: bytes, descriptor: int, entry_point: str | None, limit: int) -> None:
    """Be the solution's process until it ends. Never returns."""
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
    except BaseException:  # what the solution did to this process shows in its output, nowhere else
        code = 4
        traceback.print_exc()
    finally:
        os._exit(code)
