"""The side that runs the solution: load its source, then answer calls with data.

Everything in this process belongs to the solution once its source runs: it may patch this module, write what it likes to
the channel, or leave. So nothing that is said here is believed but as "what the solution answered", and no expected
value ever comes in.

Messages in: ["call", what, args, kwargs], ["get", what, name], ["set", what, name, value], ["item", ...] and the like,
where `what` names a global of the solution or the number of an object that was spoken of before. Messages out:
{"value": v, "changed": {place: new}} or {"raised": [classes, text, status word, why]}. "answer" is "call" for one that does
not ask what became of the arguments; "value" besides for one that asks nothing more, so iterators are drawn. "make" is
"call" of a class by tests that want the object itself, and "hear" goes before a message whose output the tests listen to
(`inside.heard`).
"""

from __future__ import annotations

import copy
import dataclasses
import enum
import errno
import importlib
import json
import linecache
import operator
import os
import signal
import sys
import threading
import traceback
import types
from collections.abc import AsyncIterator, Iterator
from typing import Any

from . import changes, channel, heard, lazy, raised, values
from .raised import text as _text
from .shapes import shape

FILE = "solution.py"
SAID_OF_CALLS = ("error", "memory", "output_limit", "disk", "blocked")
SAID_WHEN_LOADING = ("load_error", "exited_early", "memory", "output_limit", "disk", "blocked")
"""Words that this side may use; it can write any other, which then count for the plainest of these."""
ARITHMETIC = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "or_", "and_", "xor", "lshift", "rshift")
OWN_CLASS = ["class", "solution"]
MAX_TOLD = 100
"""Objects of which a reply says what they hold: a long chain of nodes is asked for one by one."""
OPERATORS = (*ARITHMETIC, "lt", "le", "gt", "ge", "neg", "pos", "abs", "invert")
_OPERATIONS = {
    "global": lambda thing: thing,
    "get": lambda thing, name: getattr(thing, name),
    "set": lambda thing, name, value: setattr(thing, name, value),
    "len": lambda thing: len(thing),
    "item": lambda thing, key: thing[key],
    "put": lambda thing, key, value: thing.__setitem__(key, value),
    "drop": lambda thing, key: thing.__delitem__(key),
    "in": lambda thing, item: item in thing,
    "iter": lambda thing: iter(thing) if not issubclass(type(thing), AsyncIterator) else lazy.driven(thing),
    "float": lambda thing: float(thing),
    "int": lambda thing: int(thing),
    "copy": lambda thing: copy.copy(thing),
    "deepcopy": lambda thing: copy.deepcopy(thing),
    "enter": lambda thing: thing.__enter__(),
    "exit": lambda thing: thing.__exit__(None, None, None) and None,
    "member": lambda thing, member, name: getattr(thing[member], name),
    "fields": lambda thing: {field.name: getattr(thing, field.name) for field in dataclasses.fields(thing)},
    "close": lambda thing: thing.close(),
    "str": lambda thing: str(thing),
    "format": lambda thing, spec: format(thing, spec),
    "repr": lambda thing: repr(thing),
    "bool": lambda thing: bool(thing),
    **{name: getattr(operator, name) for name in OPERATORS},
    **{f"r{name}": lambda thing, other, name=name: getattr(operator, name)(other, thing) for name in ARITHMETIC},
}


class Server:
    """Answers calls on the loaded solution."""

    def __init__(self, descriptor: int, limit: int) -> None:
        self.descriptor, self.limit = descriptor, limit
        self.module = types.ModuleType("solution")
        self.spoken_of: list[Any] = []
        self.drawing = False
        """Whether iterators are drawn before they are told, because who asks cannot ask again."""
        self._numbers: dict[int, int] = {}
        self._declared: set[int] = set()
        self._told: set[int] = set()
        self._sources: dict[str, lazy.Source] = {}
        self._callbacks: dict[int, Any] = {}
        self._thrown: dict[int, tuple[int, BaseException]] = {}
        self._speaking = threading.RLock()

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
        names = {str(k): _sort(v) for k, v in list(self.module.__dict__.items()) if not str(k).startswith("__")}
        return {"names": names, "made_of": self._made_of(names)}

    def _made_of(self, names: dict[str, list[str]]) -> dict[str, Any]:
        """Return what the solution's classes are made of, as far as they are nothing but data."""
        own = {name: self.module.__dict__[name] for name, (sort, *origin) in names.items() if [sort, *origin[:1]] == OWN_CLASS}
        shapes = {name: shape(kind, lambda value: values.pack(value, values.no_data)) for name, kind in own.items()}
        self._declared = {id(own[name]) for name, said in shapes.items() if said}
        return {name: said for name, said in shapes.items() if said}

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
        verb, what, *rest = values.load(message, self._object, trusted=True)
        self.drawing = verb == "value"
        self._told.clear()
        if verb == "hear":
            with heard.Listening(what) as listening:
                reply = self._reply(*rest)
            reply |= listening.told(self.limit // 4)
        else:
            reply = self._reply(verb, what, *rest)
        try:
            data = json.dumps(reply, separators=(",", ":")).encode("ascii")
            why = f"a value takes {len(data):,} bytes, more than {self.limit:,}" if len(data) > self.limit else ""
        except MemoryError:
            why = "a value takes more than there is memory"
        if why:
            data = json.dumps({"raised": [[], why, "output_limit", why]}).encode("ascii")
        flush()
        return data

    def _reply(self, verb: str, what: str | int, *rest: Any) -> dict[str, Any]:
        try:
            thing = self._thing(what)
            own = _OPERATIONS.get(verb)
            if own:
                return {"value": self._pack(own(thing, *rest))}
            if verb in ("draw", "send"):
                source = self._sources.setdefault(str(what), lazy.Source(thing))
                return source.draw(*((rest[0], self._pack) if verb == "draw" else (1, self._pack, rest[0])))
            return self._call(verb, thing, *rest)
        except SystemExit as error:
            raise SystemExit(f"the call ends in exit({error.code!r})") from None
        except values.CannotCarry as error:
            word = "output_limit" if isinstance(error, values.TooLarge) else "error"
            return {"raised": [[], str(error), word, str(error)]}
        except BaseException as error:  # goes to whoever called, as data
            status, why = describe(error)
            thrown = self._thrown.get(id(error))
            said = {"theirs": thrown[0]} if thrown else raised.about(error, self._pack)
            return {"raised": [raised.classes(error), _text(error), status, why], "about": said}

    def _call(self, verb: str, thing: Any, args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
        found = changes.containers([args, kwargs])[2:] if verb not in ("answer", "value") else []
        before = [changes.snapshot(container) for container in found]
        value = thing(*args, **kwargs)
        awaited = type(value) is types.CoroutineType and verb != "value"  # who asks for a value cannot await it
        if awaited:
            import asyncio  # noqa: PLC0415 (large, and rarely needed)

            value = asyncio.run(value)
        place = next((place for place, container in enumerate(found) if container is value), None)
        if place is not None:
            reply = {"value": changes.known(place)}
        elif verb == "make" and type(value).__module__ == "solution":
            reply = {"value": {"opaque": self._opaque(value)}}
        else:
            reply = {"value": self._pack(value)}
        changed = changes.said(found, before, self._pack)
        return reply | ({"changed": changed} if changed else {}) | ({"awaited": True} if awaited else {})

    def call_back(self, number: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function of the tests, and answer what they ask meanwhile."""
        drawing = self.drawing
        with self._speaking:
            said = {"callback": [number, [self._pack(arg) for arg in args], [[k, self._pack(v)] for k, v in kwargs.items()]]}
            channel.send(self.descriptor, json.dumps(said).encode("ascii"))
            while True:
                message = channel.receive(self.descriptor, 1 << 30)
                verb, *rest = values.load(message, self._object, trusted=True)
                if verb == "returned":
                    self.drawing = drawing
                    changes.look_up([list(args), kwargs], rest[1])
                    return rest[0]
                if verb == "threw":
                    raise self._theirs(*rest)
                channel.send(self.descriptor, self.answer(message))

    def _theirs(self, number: int, kinds: list[Any], args: list[Any]) -> BaseException:
        """Return an exception that a function of the tests raised; told again, it is that one."""
        own = {name: kind for name, kind in self.module.__dict__.items() if isinstance(kind, type)}
        error = raised.again(kinds, ", ".join(map(str, args)), {"args": args}, own, lambda value: value)
        self._thrown[id(error)] = (number, error)
        return error

    def _thing(self, what: str | int) -> Any:
        return self.module.__dict__[what] if isinstance(what, str) else self.spoken_of[what]

    def _object(self, content: Any) -> Any:
        if "library" in content:
            module, name = content["library"]
            return getattr(importlib.import_module(module), name)
        if "awaited" in content:
            return lazy.given(values.unpack(content["awaited"], self._object))
        if "member" in content:
            name, member = content["member"]
            return self.module.__dict__[name][member]
        if "made" in content:
            name, packed = content["made"]
            return self.module.__dict__[name](*(values.unpack(item, self._object) for item in packed))
        if "callback" in content:
            return self._callback(*content["callback"])
        return self._thing(content["id"])

    def _callback(self, number: int, name: str, doc: str | None) -> Any:
        """Return what stands for a function of the tests."""
        if number not in self._callbacks:

            def function(*args: Any, **kwargs: Any) -> Any:
                return self.call_back(number, args, kwargs)

            function.__name__ = function.__qualname__ = name
            function.__doc__ = doc
            self._callbacks[number] = function
        return self._callbacks[number]

    def _pack(self, value: Any) -> Any:
        if type(value) in (str, bytes) and len(value) > self.limit:  # before JSON copies it four times
            raise values.TooLarge(f"a value takes {len(value):,} bytes, more than {self.limit:,}")
        if issubclass(type(value), Iterator) and not self.drawing:
            return {"opaque": {**self._opaque(value), "lazy": type(value).__module__ != "solution"}}
        return values.pack(value, self._opaque)

    def _opaque(self, value: Any) -> Any:
        """Give an object a number and say what may be known of it."""
        if type(value) is types.FunctionType and self._callbacks:
            for number, function in self._callbacks.items():
                if function is value:
                    return {"theirs": number}
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self.spoken_of)
            self.spoken_of.append(value)
        kind = type(value)
        own = kind.__eq__ is not object.__eq__
        kinds = [base.__name__ for base in kind.__mro__ if base.__module__ == "solution"]
        said = {"id": number, "class": kind.__name__, "equal": own, "kinds": kinds}
        if id(kind) in self._declared and not self.drawing:
            said |= self._content(value, number)
        return said

    def _content(self, value: Any, number: int) -> dict[str, Any]:
        """Say what an object of a class that is nothing but data holds, once in a reply."""
        if issubclass(type(value), enum.Enum):
            return {"member": [type(value).__name__, value.name]}
        if number in self._told or len(self._told) > MAX_TOLD or not dataclasses.is_dataclass(type(value)):
            return {}
        self._told.add(number)
        try:
            return {"fields": [[field.name, self._pack(getattr(value, field.name))] for field in dataclasses.fields(value)]}
        except BaseException:  # the class has code for it after all: the object is told, what it holds is not
            return {}


def word_of_call(word: Any) -> str:
    """Return the status word of a call by what this side says; it can say anything."""
    return word if word in SAID_OF_CALLS else "error"


def word_of_loading(word: Any) -> str:
    """Return the status word of a source that failed to load, likewise."""
    return word if word in SAID_WHEN_LOADING else "load_error"


def _sort(value: Any) -> list[str]:
    """Say what a global of the solution is and where it is from.

    One of "module", "class", "exception", "dict" (a TypedDict), "function" and "data".

    By its type alone: to ask the object itself would run code of the solution's.
    """
    kind = type(value)
    if kind is types.ModuleType:
        return ["module", value.__name__]
    if issubclass(kind, type):
        sort = "exception" if issubclass(value, Exception) else "dict" if kind.__name__ == "_TypedDictMeta" else "class"
        return [sort, str(value.__module__), *(base.__name__ for base in value.__mro__[1:-1])]
    return ["function" if callable(value) else "data", str(value.__module__) if kind is types.FunctionType else ""]


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
