"""Represent a solution in another process to the tests: functions called with data, answers that are data.

Incoming bytes may be hostile. As soon as a frame arrives, the parent is told, before any byte of it is
decoded; so the solution is blamed for what reading costs. An answer that is not data becomes an `Unread`: it
equals no data, and any other use of it ends the check as `unsupported`. So does any other use of the solution
than calling it with data.
"""

from __future__ import annotations

import builtins
import json
import os
import sys
import threading
import types
import warnings
from collections.abc import Callable
from typing import Any

from . import changes, channel, exceptions, values
from .solution import SPECIAL, word_of_call, word_of_loading

CALLED = {"called": True}
"""Message to the parent when the solution's first answer has come."""
GONE = 1
"""Exit status of the tests' process when the solution's process is ending; the zygote then waits to see
how."""


class Stop(BaseException):
    """No further test can run. A test that swallows this exception changes nothing."""

    def __init__(self, word: str, why: str) -> None:
        """Store the status and the reason.

        Args:
            word: "gone" (the solution's process ended; the zygote knows why), "error" (it wrote something
                that is not a reply) or "unsupported" (the tests need something that cannot be sent as data).
            why: the reason, as a sentence.
        """
        super().__init__(why)
        self.word = word


class SeparateSolution:
    """Give the tests a solution that runs in a process of its own."""

    together = False

    def __init__(self, descriptor: int, limit: int, verdict: int | None = None) -> None:
        """Store the channel to the solution, the most bytes of an answer, and the channel to the parent."""
        self.descriptor, self.limit, self.verdict = descriptor, limit, verdict
        self.names: dict[str, list[str]] = {}
        """For each name that the solution defines: its kind, where it comes from, and its base classes
        (`inside.solution`)."""
        self.calls = 0
        """Number of answers so far."""
        self.stop: Stop | None = None
        self._blame: tuple[BaseException | None, str, str] = None, "", ""
        """The last exception that came from the solution, with its status and reason."""
        self._unread: dict[int, Unread] = {}
        self._kinds: dict[int, Any] = {}
        self._speaking = threading.Lock()
        self._known: dict[str, Any] = {}
        self._exceptions: dict[str, type[Exception]] = {}
        self._own = _replaceable()

    def load(self) -> tuple[str, str] | None:
        """Wait until the source is loaded; return (status, reason) if that failed.

        Raises:
            Stop: the process ended.
        """
        try:
            said = json.loads(channel.receive(self.descriptor, self.limit))
        except channel.Closed:
            raise self._gone() from None
        if "failed" in said:
            word, why = (*said["failed"], "", "")[:2]
            return word_of_loading(word), str(why)
        # an honest process reports no name with two leading underscores; `__all__` would choose which Python
        # names the tests' `import *` replaces
        self.names = {name: about for name, about in said["names"].items() if not name.startswith("__")}
        return None

    def run_found(self, run: Any, found: Any) -> None:
        """Run the tests that the test source defines."""
        found.run()

    def as_module(self, name: str, give: Callable[[str], Any]) -> types.ModuleType:
        """Return the module that the tests import; `give` returns the value of a name."""
        return OwnModule(name, give, self.unsupported)

    def get(self, name: str) -> Any:
        """Return the stand-in for a name of the solution: a value, exception class, module or function."""
        kind, origin, *_ = (*self.names.get(name, ["function"]), "")
        if kind == "data":
            return self._exchange(["global", name])
        if kind == "exception":
            return self._exception(name)
        # a class with a lower-case name is treated as a function
        if kind == "class" and name[:1].isupper():
            raise self.unsupported(f"the tests use the solution's class {name!r}")
        if name not in self._known:
            if kind == "module":
                self._known[name] = Unread(self, f"the solution's module {name!r}", True)
            else:
                self._known[name] = Function(self, name, bool(origin))
        return self._known[name]

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function of the solution; change lists and other arguments here as it changed them."""
        if _replaceable() != self._own:
            raise self.unsupported(
                "the tests replace a stream or a function, or write a file, which the solution does not see"
            )
        return self._exchange(["changes", name, list(args), kwargs])

    def raised(self, error: BaseException) -> tuple[str, str] | None:
        """Return (status, reason) for an exception that came from the solution; None for any other."""
        blamed, word, why = self._blame
        return (word_of_call(word), why) if blamed is error else None

    def has_less_of(self, error: BaseException) -> bool:
        """Can an attribute be missing because only the plain part of an object of the solution's arrived?"""
        if not isinstance(error, AttributeError):
            return False
        kind = type(error.obj).__name__
        own = [
            bases for sort, origin, *bases in self.names.values() if (sort, origin) == ("class", "solution")
        ]
        return any(kind in bases for bases in own)

    def unsupported(self, why: str) -> Stop:
        """Return the exception to raise when data is not enough for the tests; no check passes after it."""
        return self._stopped("unsupported", why)

    # -- messages --------------------------------------------------------------------------------------------

    def _exchange(self, message: list[Any]) -> Any:
        """Send a message; return the value in the reply, or raise what the solution raised."""
        try:
            with self._speaking:  # one thread at a time, or threads would read each other's answers
                self._send(message)
                data = channel.receive(self.descriptor, self.limit)
            self._count()
            reply = json.loads(data)
            error = self._error(reply["raised"]) if "raised" in reply else None
            value = None if error else self._value(message, reply)
        except Stop:
            raise
        except channel.Closed:
            raise self._gone() from None
        except Exception as wrong:  # whatever decoding raises: no honest process sends such a reply
            why = f"its process sent an invalid answer: {type(wrong).__name__}: {wrong}"[:300]
            raise self._stopped("error", why) from None
        if error and reply.get("awaited") is True:
            return _failing(error)
        if error:
            raise error
        return value

    def _count(self) -> None:
        if not self.calls and self.verdict is not None:
            channel.send(self.verdict, json.dumps(CALLED).encode("ascii"))
        self.calls += 1

    def _send(self, message: list[Any]) -> None:
        if self.stop:
            raise self.stop
        try:
            channel.send(self.descriptor, values.dump(message, self._refused, 1 << 30))
        except values.CannotCarry as error:
            # the stack is full; a value that is itself too deep gives another message
            if str(error) == values.TOO_DEEP:
                raise RecursionError("maximum recursion depth exceeded") from None
            raise self.unsupported(f"an argument: {error}") from None
        except channel.Closed:
            raise self._gone() from None

    def _value(self, message: list[Any], reply: dict[str, Any]) -> Any:
        """Return the value in a reply, and apply the changes that it lists for the arguments."""
        found: list[Any] = []

        def argument(place: int) -> Any:
            return (found or found.extend(changes.containers(message[2:])[2:]) or found)[place]

        def stands_for(said: Any) -> Any:
            if "own" in said:
                return argument(said["own"])
            number = int(said["id"])
            if number not in self._unread:
                what = f"an answer of class {str(said['class'])[:100]!r}"
                self._unread[number] = self._kind(said)(self, what, said.get("theirs") is True)
            return self._unread[number]

        changed = reply.get("changed", {}).items()
        for container, new in [
            (argument(int(place)), values.unpack(packed, stands_for)) for place, packed in changed
        ]:
            changes.change(container, new)
        value = values.unpack(reply["value"], stands_for)
        known: dict[int, int] = {}
        if (
            found
            and max(changes.depth(part, known) for part in (*message[2:], value)) > values.MAX_READ_DEPTH
        ):
            raise values.CannotCarry("an answer, or arguments, that stand too deep in each other now")
        return _given(value) if reply.get("awaited") is True else value

    def _kind(self, said: dict[str, Any]) -> type[Unread]:
        """Return the one stand-in class for an object's class, which has the same special methods."""
        number = int(said["kind"])
        if number not in self._kinds:
            has = set(said["has"]) & set(SPECIAL)
            body: dict[str, Any] = {"solution_": self}
            body |= {f"__{name}__": _refuse(f"__{name}__") for name in has}
            body |= {name: property(_refuse(name)) for name in _OF_CLASSES}
            if {"bool", "len"} & has:
                body["__bool__"] = _refuse("__bool__")
            self._kinds[number] = _UnreadType("Unread", (Unread,), body)
        return self._kinds[number]

    def _error(self, said: dict[str, Any]) -> BaseException:
        error = exceptions.again(said, self._exception)
        self._blame = error, str(said["word"]), str(said["why"])
        return error

    def _exception(self, name: str) -> type[Exception] | None:
        if self.names.get(name, [""])[0] != "exception":
            return None
        return exceptions.own_class(name, self.names, self._exceptions, self._makes_exception)

    def _makes_exception(self, *_: Any, **__: Any) -> None:
        raise self.unsupported("the tests use more of the solution's exception than was sent")

    def _refused(self, value: Any) -> Any:
        what = value._said if issubclass(type(value), StandIn) else f"of type {type(value).__name__}"
        raise self.unsupported(f"an argument, {what}: only data can be passed to the solution")

    def _gone(self) -> Stop:
        return self._stopped("gone", "the solution's process ended")

    def _stopped(self, word: str, why: str) -> Stop:
        self.stop = self.stop or Stop(word, why)
        return self.stop


class StandIn:
    """Stand for an object of the solution. Any use not defined below ends the check as unsupported."""

    def __init__(self, solution: SeparateSolution, said: str) -> None:
        _set(self, _solution=solution, _said=said)

    @property
    def __dict__(self) -> dict[str, Any]:
        raise self._refused("the attributes")

    @__dict__.setter
    def __dict__(self, attributes: dict[str, Any]) -> None:
        raise self._refused("the attributes")

    def __reduce_ex__(self, version: Any) -> Any:
        raise self._refused("a copy")

    def __getattr__(self, name: str) -> Any:
        # Python and its library look for such names in any object
        if name.startswith("__") and name not in _TELLING:
            raise AttributeError(name)
        raise self._refused(f"the attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        raise self._refused(f"the attribute {name!r}")

    def _refused(self, what: str) -> Stop:
        return self._solution.unsupported(f"the tests use {what} of {self._said}")


class Function(StandIn):
    """Stand for a function of the solution."""

    def __init__(self, solution: SeparateSolution, name: str, plain: bool = False) -> None:
        """Store the function's name, and whether a `def` or a lambda made it."""
        super().__init__(solution, f"the solution's function {name!r}")
        _set(self, __name__=name, _plain=plain)

    @property
    def __class__(self) -> type:  # `isinstance` looks here when the type itself does not match
        return types.FunctionType if self._plain else Function

    @__class__.setter
    def __class__(self, kind: type) -> None:
        raise self._refused("the class")

    def __copy__(self) -> Function:
        return self  # as Python does with functions

    def __deepcopy__(self, memo: Any) -> Function:
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function in the solution's process."""
        return self._solution.call(self.__name__, args, kwargs)


class _UnreadType(type):
    solution_: SeparateSolution

    @property
    def __name__(cls) -> str:
        raise cls.solution_.unsupported("the tests use the class of an answer that is not data")

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__") and name not in _TELLING:
            raise AttributeError(name)
        raise cls.solution_.unsupported(f"the tests use {name!r} of the class of an answer that is not data")

    def __eq__(cls, other: object) -> bool:
        return cls is other

    __hash__ = type.__hash__


class Unread(StandIn, metaclass=_UnreadType):
    """Stand for an object of the solution of which only the class is known."""

    def __init__(self, solution: SeparateSolution, said: str, own: bool) -> None:
        """Store how to name the object in a sentence, and whether its class is the solution's own."""
        super().__init__(solution, said)
        _set(self, _own=own)

    def __bool__(self) -> bool:
        if self._own:
            raise self._refused("the truth")
        return True

    def __eq__(self, other: object) -> bool:
        # The object is not asked whether it equals something, so it equals no data. Whether two objects are
        # equal is not known here.
        if self is not other and not values.is_data(type(other)):
            raise self._refused("a comparison")
        return self is other

    @property
    def __class__(self) -> type:  # `isinstance` looks here when the type itself does not match
        raise self._refused("the class")

    @__class__.setter
    def __class__(self, kind: type) -> None:
        raise self._refused("the class")


_TELLING = (
    "__annotations__", "__closure__", "__code__", "__dataclass_fields__", "__defaults__", "__kwdefaults__",
    "__qualname__", "__slots__", "__wrapped__",
)  # fmt: skip
"""Attributes by which functions and classes describe themselves."""
_OF_CLASSES = ("__doc__", "__module__")


def _set(thing: StandIn, **attributes: Any) -> None:
    for name, value in attributes.items():
        object.__setattr__(thing, name, value)


def _refuse(name: str) -> Callable[..., Any]:
    def refuse(self: StandIn, *_: Any, **__: Any) -> Any:
        raise self._refused(f"{name}()")

    return refuse


_IN_EACH = ("copy", "deepcopy", "dir", "format", "ge", "gt", "hash", "le", "lt", "repr", "sizeof", "str")
"""Special methods that every class has, or that the standard library replaces when they are missing."""
for _name in _IN_EACH:
    setattr(Unread, f"__{_name}__", _refuse(f"__{_name}__"))
for _kind in (Function, Unread):
    for _name in _OF_CLASSES:
        type.__setattr__(_kind, _name, property(_refuse(_name)))


class OwnModule(types.ModuleType):
    """Stand for the solution as a module, for tests that import from it."""

    def __init__(self, name: str, give: Callable[[str], Any], unsupported: Callable[[str], Stop]) -> None:
        super().__init__(name)
        vars(self).update(_give=give, _unsupported=unsupported)

    def __getattr__(self, name: str) -> Any:
        return self._give(name)

    def __setattr__(self, name: str, value: Any) -> None:
        raise self._unsupported(f"the tests set {name!r} in the solution's module")

    def __delattr__(self, name: str) -> None:
        raise self._unsupported(f"the tests delete {name!r} from the solution's module")

    def __dir__(self) -> list[str]:
        raise self._unsupported("the tests list the names of the solution's module")


def _replaceable() -> tuple[Any, ...]:
    """Return what tests can replace in their process, or add to its folder, unseen by the solution."""
    replaced = (
        sys.stdout,
        sys.stderr,
        sys.stdin,
        builtins.input,
        builtins.print,
        vars(warnings).get("_showwarnmsg_impl"),
    )
    raised = [kind for kind in warnings.filters if kind[0] == "error"]
    return (*map(id, replaced), os.stat(".").st_mtime_ns, raised)


async def _given(value: Any) -> Any:
    return value


async def _failing(error: BaseException) -> Any:
    raise error
