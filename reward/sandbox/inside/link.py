"""The line on which the tests ask the solution's process, and what of theirs goes out on it.

What comes in may be an enemy's. As soon as a frame is there the parent is told, before a byte of it is decoded: what it costs
to read is then the solution's doing.
"""

from __future__ import annotations

import enum
import functools
import json
import os
import sys
import threading
import types
from collections.abc import Callable
from typing import Any

from . import changes, channel, raised, values
from .heard import Ears
from .lazy import Lazy
from .remote import Gone, Nonsense, Remote, Unsupported

CALLED = {"called": True}
"""Told to the parent when the first answer of the solution has come."""
MAX_CALLBACKS = 100_000
"""Calls of the tests' functions by the solution, in one check."""
GONE = 1
"""Exit status of the tests' process when the solution's is ending: the zygote waits to see how."""


class Link:
    """Asks the solution's process."""

    def __init__(self, descriptor: int, limit: int, verdict: int | None = None) -> None:
        self.descriptor, self.limit, self.verdict = descriptor, limit, verdict
        self.calls = 0
        self.blame: BaseException | None = None
        """The last exception that came from the solution."""
        self.word, self.why = "error", ""
        self.stop: BaseException | None = None
        """Gone or Unsupported, once raised: a test that swallows it changes nothing."""
        self.refusal = ""
        """Why something was not asked of an answer: a test that expects such an exception has not tested the solution."""
        self.refuted: AssertionError | None = None
        """What a function of the tests found that the solution called: to swallow it changes nothing."""
        self.raises: set[int] = set()
        """Lines on which the tests raise whatever they find, in a `with`."""
        self.called_only: set[str] = set()
        """Names with a capital that the text calls as one calls a function."""
        self.doubtful: set[str] = set()
        """Names of the solution's that the standard library has too: what the tests compare by them is not known."""
        self.exceptions: dict[str, type[Exception]] = {}
        self._functions: list[Any] = []
        self._thrown: list[Exception] = []
        self._kinds: dict[str, type[Remote]] = {}
        self.local: Callable[[str], Any] = lambda name: None
        """Gives what stands in this process for a class of the solution's that is nothing but data, by its name."""
        self.is_class: Callable[[str], bool] = lambda name: False
        self.is_subclass: Callable[[str, str], bool] = lambda kind, of: False
        self._unchanged = os.stat(".").st_mtime_ns
        self._called_back = 0
        self._answering = False
        self._told = False
        self._ears = Ears()
        self._speaking = threading.RLock()

    def first(self) -> dict[str, Any]:
        """Return what the solution's process says after it loaded the source."""
        try:
            return json.loads(channel.receive(self.descriptor, self.limit))
        except channel.Closed:
            raise self._gone() from None

    def call(self, what: Remote, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call something of the solution; lists and the like that it changed are changed here too."""
        constructs = what._remote_reference and what._remote_said.get("class") == "type"
        message = ["make" if constructs else "call", what._remote_what, list(args), kwargs]
        value = self.exchange(message, constructs)
        if isinstance(value, Remote) and what._remote_what in self.called_only and self.is_class(str(what._remote_what)):
            object.__setattr__(value, "_remote_unclear", True)
        return value

    def ask(self, message: list[Any]) -> Any:
        """Carry out another operation on an object of the solution."""
        return self.exchange(message)

    def drawn(self, message: list[Any]) -> tuple[list[tuple[int, Any]], bool, list[tuple[int, Any]]]:
        """Return the items of an iterator, whether it has ended, and what became of those that it gave before."""
        return self.exchange(message, draws=True)

    def made(self, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Make an object of the solution's as the tests made theirs: what it changes meanwhile is not carried out here."""
        return self.exchange(["make", name, args, kwargs], True, tells=True)

    def exchange(self, message: list[Any], constructs: bool = False, draws: bool = False, tells: bool = False) -> Any:
        """Send a message; return the value in the reply, or raise what the solution raised."""
        with self._speaking:
            hears = self._ears.pricked()
            self._send(["hear", hears, *message] if hears else message)
            error: BaseException | None = None
            value: Any = None
            try:
                reply = self._received()
                while "callback" in reply:
                    self._call_back(*reply["callback"])
                    reply = self._received()
                if tells:
                    reply.pop("changed", None)
                if hears:
                    self._ears.hear(reply)
                if "raised" in reply:
                    error = self._raised(reply)
                else:
                    value = self._drawn(*reply["drawn"]) if draws else self._value(message, reply, constructs)
            except (Gone, Nonsense, Unsupported, SystemExit):
                raise
            except channel.Closed:
                raise self._gone() from None
            except Exception as wrong:  # anything that decoding raises: no honest process writes it
                self.stop = self.stop or Nonsense(
                    f"its process answered what is no data: {f'{type(wrong).__name__}: {wrong}'}"[:300]
                )
                raise self.stop from None
        if error:
            self.blame = error
            raise error
        return value

    def _received(self) -> Any:
        data = channel.receive(self.descriptor, self.limit)
        self.count()
        return json.loads(data)

    def count(self) -> None:
        """Count something that the solution said or did."""
        self.calls += 1
        self.tell()

    def tell(self) -> None:
        """Tell the parent, once, that what happens from here on is the solution's doing."""
        if not self._told and self.verdict is not None:
            channel.send(self.verdict, json.dumps(CALLED).encode("ascii"))
        self._told = True

    def _value(self, message: list[Any], reply: dict[str, Any], constructs: bool) -> Any:
        """Return the value in a reply, and carry out what it says of the arguments."""
        found: list[Any] = []

        def own(place: int) -> Any:
            return (found or found.extend(changes.containers(message[2:])[2:]) or found)[place]

        again: list[Any] = []
        make = self._remote(lambda place: again.append(own(place)) or again[-1])
        new = [(own(int(place)), values.unpack(packed, make)) for place, packed in reply.get("changed", {}).items()]
        for container, content in new:
            changes.change(container, content)
        known: dict[int, int] = {}
        if new and max(changes.depth(part, known) for part in message[2:]) > values.MAX_READ_DEPTH:
            raise values.CannotCarry("arguments that stand too deep in each other now")
        value = values.unpack(reply["value"], make)
        if again and changes.depth(value, known) > values.MAX_READ_DEPTH:
            raise values.CannotCarry("an answer that stands too deep in the arguments")
        if constructs and not isinstance(value, Remote):
            raise values.CannotCarry("a class that makes no object of its own")
        if constructs:  # the object, and nothing that came with it
            object.__setattr__(value, "_remote_reference", True)
            if value._remote_said["class"] == "type":  # to call it would make more
                value._remote_said["class"] = "object"
        return _given(value) if reply.get("awaited") is True else value

    def _drawn(self, items: list[Any], ended: bool, last: list[Any]) -> tuple[list[Any], bool, list[Any]]:
        read = self._remote()
        pairs = [[(int(place), values.unpack(packed, read)) for place, packed in told] for told in (items, last)]
        return pairs[0], ended is True, pairs[1]

    def _raised(self, reply: dict[str, Any]) -> BaseException:
        classes, text, self.word, self.why = reply["raised"]
        about = reply.get("about", {})
        if "theirs" in about:
            thrown = self._thrown[about["theirs"]]
            if isinstance(thrown, StopIteration | StopAsyncIteration):  # would end a loop of the tests, with what it compares
                return RuntimeError(f"generator raised {type(thrown).__name__}")
            return thrown
        read = self._remote()
        return raised.again(classes, str(text), about, self.exceptions, lambda packed: values.unpack(packed, read))

    def _call_back(self, number: int, args: list[Any], kwargs: list[Any]) -> None:
        """Call a function of the tests for the solution; send what it returns or raises."""
        self._called_back += 1
        if self._called_back > MAX_CALLBACKS:
            raise values.CannotCarry(f"more than {MAX_CALLBACKS:,} calls of the tests' functions")
        function, read = self._functions[number], self._remote()
        given = [values.unpack(packed, read) for packed in args]
        named = {str(name): values.unpack(packed, read) for name, packed in kwargs}
        held = changes.containers([given, named])
        before = [changes.snapshot(container) for container in held]
        try:
            result = function(*given, **named)
        except (Exception, SystemExit) as raised_there:
            leaves = isinstance(raised_there, SystemExit)
            error = AssertionError("the solution called what calls exit()") if leaves else raised_there
            self.refuted = self.refuted or (error if isinstance(error, AssertionError) else None)
            self._thrown.append(error)
            plain = [argument for argument in error.args if type(argument) in (str, int, float, bool, type(None))]
            self._send(["threw", len(self._thrown) - 1, raised.classes(error), plain])
        else:
            if type(result) in (types.CoroutineType, types.AsyncGeneratorType):
                raise self.unsupported("a function of the tests that is asynchronous")
            looked_up = [changes.looked_up(container, old) for container, old in zip(held, before, strict=True)]
            if any(map(changes.changed, held, before, looked_up)):
                raise self.unsupported("a function of the tests that changes what it is given")
            self._send(["returned", result, [[place, keys] for place, keys in enumerate(looked_up) if keys]], asked=True)

    def _send(self, message: list[Any], asked: bool = False) -> None:
        if self.stop:
            raise self.stop
        try:
            self._answering = asked  # the solution chose the arguments: what comes of them is never unsupported
            data = values.dump(message, self._own, 1 << 30)
            if os.stat(".").st_mtime_ns != self._unchanged and self._names_a_file(data):
                raise self.unsupported("a file of the tests: the solution's disk is another")
            channel.send(self.descriptor, data)
        except values.CannotCarry as error:
            if asked:  # the solution chose what the function was given
                raise
            if str(error) == values.TOO_DEEP:  # the stack is full, not the value deep: that is found by its depth
                raise RecursionError("maximum recursion depth exceeded") from None
            raise self.unsupported(f"an argument: {error}") from None
        except channel.Closed:
            raise self._gone() from None

    def _names_a_file(self, data: bytes) -> bool:
        return any(name.encode("utf-8", "replace") in data for name in os.listdir("."))

    def _gone(self) -> BaseException:
        self.stop = self.stop or Gone("the solution's process ended")
        return self.stop

    def unsupported(self, why: str) -> BaseException:
        """Return what to raise where the tests ask for what cannot travel as data; nothing passes after it."""
        self.stop = self.stop or Unsupported(why)
        return self.stop

    def refused(self, why: str) -> Exception:
        """Return what to raise where an answer of the solution is no answer."""
        return self.blamed(RuntimeError(why))

    def blamed(self, error: Exception) -> Exception:
        """Return an exception as one that the solution raised."""
        self.word, self.why, self.blame = "error", str(error), error
        return error

    def _own(self, value: Any) -> Any:
        """Stand for an object in an argument: the solution's own goes back by its number."""
        if isinstance(value, Remote):
            return {"id": value._remote_what}
        kind = type(value)
        if self.local(kind.__name__) is kind:
            return {"member": [kind.__name__, value._name_]}
        if isinstance(value, tuple):
            return {"made": [kind.__name__, [values.pack(item, self._own) for item in value]]}
        if kind is Lazy:
            if value._ahead and (value._buffer or not value._ended):
                raise self.refused("an iterator is given back after a loop has drawn items of it")
            return {"id": value._number}
        if kind is types.CoroutineType and value.cr_code is _given.__code__ and value.cr_frame:
            return {"awaited": values.pack(value.cr_frame.f_locals["value"], self._own)}
        if isinstance(value, type) and self.exceptions.get(value.__name__) is value:
            return {"id": value.__name__}
        if isinstance(value, types.BuiltinFunctionType | type) and _library(value):
            return {"library": [value.__module__, value.__name__]}
        is_mock = kind.__module__ == "unittest.mock"
        if is_mock and vars(value).get("_mock_children"):
            raise self.unsupported("a mock with attributes: only its call can be passed to the solution")
        if self._answering or isinstance(value, _FUNCTIONS) or is_mock:
            return {"callback": [self._number(value), getattr(value, "__name__", "partial"), getattr(value, "__doc__", None)]}
        raise self.unsupported(f"an argument of type {type(value).__name__}: only data can be passed to the solution")

    def _number(self, function: Any) -> int:
        for number, known in enumerate(self._functions):
            if known is function or (type(known) is type(function) and type(known) in _METHODS and known == function):
                return number
        self._functions.append(function)
        return len(self._functions) - 1

    def _kind(self, name: str) -> type[Remote]:
        """Return a class by the name of one of the solution's, for tests that ask `type(x).__name__`."""
        if name not in self._kinds and len(self._kinds) < values.MAX_RECORD_KINDS and "\0" not in name:
            self._kinds[name] = type(name, (Remote,), {"__doc__": Remote.__doc__})
        return self._kinds.get(name, Remote)

    def _remote(self, own: Callable[[int], Any] | None = None) -> Callable[[Any], Any]:
        def make(said: Any) -> Any:
            if own and "own" in said:
                return own(said["own"])
            if "theirs" in said:
                return self._functions[said["theirs"]]
            if said.get("lazy") is True:
                return Lazy(self, int(said["id"]), str(said["class"]))
            if "member" in said and issubclass(type(kind := self.local(said["member"][0])), enum.EnumType):
                return kind[said["member"][1]]
            about = {**said, "class": str(said["class"]), "came": self.calls}
            if "fields" in said:
                about["fields"] = {name: values.unpack(packed, make) for name, packed in said["fields"]}
            return self._kind(about["class"])(self, int(said["id"]), about)

        return make


_FUNCTIONS = (types.FunctionType, types.MethodType, types.BuiltinMethodType, types.MethodWrapperType, functools.partial)
_METHODS = (types.MethodType, types.BuiltinMethodType)
"""Made anew each time that they are named."""


def _library(value: Any) -> bool:
    """Is it a function or class of the standard library, by the name that it says?"""
    module, name = getattr(value, "__module__", None), value.__name__
    known = str(module).partition(".")[0] in sys.stdlib_module_names
    return known and getattr(sys.modules.get(str(module)), name, None) is value


async def _given(value: Any) -> Any:
    return value
