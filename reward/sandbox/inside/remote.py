"""What the tests hold of the solution: stand-ins for its objects, and the line on which these are asked.

Nothing of the solution runs here. What it answers is plain data (`inside.values`) or a `Remote`, and what it raises is
raised again as an exception of the standard library that tests may expect.
"""

from __future__ import annotations

import builtins
import json
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

from . import channel, values
from .solution import OPERATORS

COMPARING = frozenset({"count", "endswith", "find", "index", "isdisjoint", "issubset", "issuperset", "rfind", "startswith"})
"""Methods of plain types that are given what is expected. An object that only claims to have them is not asked."""
PREDICATES = frozenset({"all", "any", "equals", *(name for name in dir(str) if name.startswith("is"))})
"""Methods of plain types, arrays and tables that say yes or no; likewise."""
CALLED = {"called": True}
"""Told to the parent when the first answer of the solution has come."""
_RAISABLE = {"binascii", "dataclasses", "decimal", "json.decoder", "queue", "re", "statistics", "struct", "zlib", "_csv"}
"""Modules whose exceptions are raised here when the solution raised them; others as their first built-in base class."""
GONE = 1
"""Exit status of the tests' process when the solution's is ending: the zygote waits to see how."""


class Gone(BaseException):
    """The solution's process ended; the zygote knows why."""


class Nonsense(BaseException):
    """The solution's process wrote what is no reply."""


class Unsupported(BaseException):
    """A test asks for what cannot travel as data."""


class Remote:
    """An object, or a global, of the solution.

    One that the tests made themselves, by calling a class or naming a member of it, is a reference: its operators are
    what is tested. One that the solution answered is not: it may be asked for what it holds, but it is not told what was
    expected of it, and so it takes no operator, no `in` and no comparing method.
    """

    def __init__(
        self, link: Link, what: str | int, said: dict[str, Any] | None = None, reference: bool = False, via: str = ""
    ) -> None:
        given = {"link": link, "what": what, "said": said or {}, "reference": reference, "via": via}
        for name, value in given.items():
            object.__setattr__(self, f"_remote_{name}", value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it in the solution's process."""
        if self._remote_via in PREDICATES or (self._remote_via in COMPARING and (args or kwargs)):
            raise TypeError(f"an answer of the solution has no .{self._remote_via}() of its own to be asked")
        return self._remote_link.call(self, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = self._remote_ask("get", name)
        if isinstance(found, Remote):
            object.__setattr__(found, "_remote_reference", self._remote_reference)
            object.__setattr__(found, "_remote_via", "" if self._remote_reference else name)
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        self._remote_ask("set", name, value)

    def _remote_ask(self, verb: str, *rest: Any) -> Any:
        return self._remote_link.ask([verb, self._remote_what, *rest])

    def _remote_operate(self, verb: str, *rest: Any) -> Any:
        if not self._remote_reference:
            raise TypeError(f"an answer of class {self._remote_said.get('class')!r} is no data, and takes no operator")
        return self._remote_ask(verb, *rest)

    def __len__(self) -> int:
        return self._remote_ask("len")

    def __getitem__(self, key: Any) -> Any:
        return self._remote_ask("item", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._remote_ask("put", key, value)

    def __delitem__(self, key: Any) -> None:
        self._remote_ask("drop", key)

    def __contains__(self, item: Any) -> bool:
        return self._remote_operate("in", item) is True

    def __iter__(self) -> Iterator[Any]:
        return iter(self._remote_ask("iter"))

    def __bool__(self) -> bool:
        return not self._remote_reference or self._remote_ask("bool") is True

    def __str__(self) -> str:
        return str(self._remote_ask("str"))

    def __repr__(self) -> str:
        return str(self._remote_ask("repr"))

    def __hash__(self) -> int:
        return hash(("remote", self._remote_what))

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        both = isinstance(other, Remote)
        if self._remote_reference or (both and other._remote_reference):
            if both or self._remote_said.get("equal"):
                raise self._remote_link.unsupported(
                    f"{self._remote_said.get('class')!r} is compared with an object of the solution"
                )
            return False
        return both and other._remote_what == self._remote_what

    def __instancecheck__(self, instance: object) -> bool:
        raise self._remote_link.unsupported("isinstance with a class of the solution")

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        raise self._remote_link.unsupported("a subclass of a class of the solution")

    def __enter__(self) -> Any:
        raise self._remote_link.unsupported("`with` on an object of the solution")

    def __exit__(self, *_: object) -> None:
        pass

    def __deepcopy__(self, memo: Any) -> Any:
        raise self._remote_link.unsupported("a copy of an object of the solution")


def _forward(name: str) -> Callable[..., Any]:
    return lambda self, *rest: self._remote_operate(name, *rest)


for _name in OPERATORS:
    setattr(Remote, f"__{_name}__", _forward(_name))


class Own(types.ModuleType):
    """The solution as a module, for tests that import from it."""

    def __init__(self, name: str, give: Callable[[str], Any]) -> None:
        super().__init__(name)
        self._give = give

    def __getattr__(self, name: str) -> Any:
        return self._give(name)


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
        self.exceptions: dict[str, type[Exception]] = {}

    def first(self) -> dict[str, Any]:
        """Return what the solution's process says after it loaded the source."""
        try:
            return json.loads(channel.receive(self.descriptor, self.limit))
        except channel.Closed:
            raise self._gone() from None

    def call(self, what: Remote, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call something of the solution; lists and the like that it changed are changed here too."""
        constructs = what._remote_reference and what._remote_said.get("class") == "type"
        reply, value = self._exchange(["call", what._remote_what, list(args), kwargs], constructs)
        for position, packed in reply.get("changed", {}).items():
            _change(args[int(position)], values.unpack(packed, self._remote()))
        return _awaitable(value) if reply.get("awaited") is True else value

    def ask(self, message: list[Any]) -> Any:
        """Carry out another operation on an object of the solution."""
        return self._exchange(message)[1]

    def _exchange(self, message: list[Any], constructs: bool = False) -> tuple[dict[str, Any], Any]:
        """Send a message; return the reply and the value in it, or raise what the solution raised."""
        self._send(message)
        raised: Exception | None = None
        value: Any = None
        try:
            reply = json.loads(channel.receive(self.descriptor, self.limit))
            if "raised" in reply:
                classes, text, self.word, self.why = reply["raised"]
                raised = self._exception(classes, str(text))
            else:
                value = values.unpack(reply["value"], self._remote(constructs))
        except channel.Closed:
            raise self._gone() from None
        except Exception as error:  # anything that decoding raises: no honest process writes it
            self.stop = self.stop or Nonsense(
                f"its process answered what is no data: {f'{type(error).__name__}: {error}'}"[:300]
            )
            raise self.stop from None
        self.calls += 1
        if self.calls == 1 and self.verdict is not None:
            channel.send(self.verdict, json.dumps(CALLED).encode("ascii"))
        if raised:
            self.blame = raised
            raise raised
        return reply, value

    def _send(self, message: list[Any]) -> None:
        if self.stop:
            raise self.stop
        try:
            channel.send(self.descriptor, values.dump(message, self._own, 1 << 30))
        except values.CannotCarry as error:
            raise self.unsupported(f"an argument: {error}") from None
        except channel.Closed:
            raise self._gone() from None

    def _gone(self) -> BaseException:
        self.stop = self.stop or Gone("the solution's process ended")
        return self.stop

    def unsupported(self, why: str) -> BaseException:
        """Return what to raise where the tests ask for what cannot travel as data; nothing passes after it."""
        self.stop = self.stop or Unsupported(why)
        return self.stop

    def _own(self, value: Any) -> Any:
        """Stand for an object in an argument: the solution's own goes back by its number."""
        if isinstance(value, Remote):
            return {"id": value._remote_what}
        raise self.unsupported(f"an argument of type {type(value).__name__}: only data can be passed to the solution")

    def _remote(self, reference: bool = False) -> Callable[[Any], Remote]:
        def make(said: Any) -> Remote:
            return Remote(self, int(said["id"]), {**said, "class": str(said["class"])}, reference)

        return make

    def _exception(self, classes: list[Any], text: str) -> Exception:
        for module, name in classes:
            if module == "solution" and name in self.exceptions:
                return self.exceptions[name](text)
            found = getattr(builtins if module == "builtins" else sys.modules.get(module), name, None)
            if module not in _RAISABLE and module != "builtins":
                continue
            # A StopIteration would end a `map` or a `for` of the tests as if there were nothing more to compare.
            if not (isinstance(found, type) and issubclass(found, Exception)) or issubclass(found, StopIteration):
                continue
            try:
                return found(text)
            except TypeError:
                continue
        return RuntimeError(text)


def _awaitable(value: Any) -> Any:
    async def give() -> Any:
        return value

    return give()


def _change(argument: Any, new: Any) -> None:
    """Make a container of the tests what the solution made of its copy."""
    if isinstance(argument, list | bytearray) and isinstance(new, list | bytearray):
        argument[:] = new
    elif isinstance(argument, dict | set) and type(new) in (dict, set):
        argument.clear()
        argument.update(new)
    elif type(argument).__module__ == "numpy" and type(new) is type(argument):
        argument[...] = new
