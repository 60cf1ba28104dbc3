"""What the tests hold of the solution: stand-ins for its objects.

Nothing of the solution runs here. What it answers is plain data (`inside.values`) or a `Remote`, and what it raises is
raised again as an exception of the standard library that tests may expect.
"""

from __future__ import annotations

import enum
import types
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from .lazy import Lazy
from .solution import ARITHMETIC, OPERATORS

_OF_TEXTS = {"count", "endswith", "find", "index", "rfind", "startswith"}
_OF_SETS = {"difference", "intersection", "isdisjoint", "issubset", "issuperset", "symmetric_difference", "union"}
COMPARING = frozenset({"compare", *_OF_TEXTS, *_OF_SETS})
"""Methods of plain types that are given what is expected. An object that only claims to have them is not asked."""
PREDICATES = frozenset({"all", "any", "equals", *(name for name in dir(str) if name.startswith("is"))})
"""Methods of plain types, arrays and tables that say yes or no; likewise."""


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
    expected of it, and so it takes no operator, no `in` and no comparing method. What operators make of references is
    derived: it takes arithmetic with references, whose chain is what is tested, and is not told of anything else.
    """

    by_number = True
    _remote_local = False
    _remote_unclear = False
    """Whether the text can mean a function by what made it, and by it a list, or a class with an `in` of its own."""
    _remote_member = False
    """Whether it is what a class holds under a name."""

    def __init__(
        self, link: Any, what: str | int, said: dict[str, Any] | None = None, reference: bool = False, via: str = ""
    ) -> None:
        given = {"link": link, "what": what, "said": said or {}, "reference": reference, "via": via}
        for name, value in (given | {"derived": False}).items():
            object.__setattr__(self, f"_remote_{name}", value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it in the solution's process."""
        if self._remote_via in PREDICATES or (self._remote_via in COMPARING and (args or kwargs)):
            raise self._remote_refused(f"an answer of the solution has no .{self._remote_via}() of its own to be asked")
        return self._remote_link.call(self, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in ("__name__", "__qualname__"):
            raise AttributeError(name)
        found = self._remote_ask("get", name)
        if isinstance(found, Remote):
            object.__setattr__(found, "_remote_reference", self._remote_reference and self._remote_names(name, found))
            object.__setattr__(found, "_remote_member", found._remote_reference and found._remote_said.get("class") != "type")
            object.__setattr__(found, "_remote_via", "" if self._remote_reference else name)
        return found

    def _remote_names(self, name: str, found: Remote) -> bool:
        """Is it a member or a class of a class, and not what an object holds?"""
        if self._remote_said.get("class") != "type":
            return False
        is_class = found._remote_said.get("class") == "type"
        return name[:1].isupper() and (is_class or self._remote_what in found._remote_said.get("kinds", ()))

    def __setattr__(self, name: str, value: Any) -> None:
        self._remote_ask("set", name, value)

    def _remote_ask(self, verb: str, *rest: Any) -> Any:
        return self._remote_link.ask([verb, self._remote_what, *rest])

    def _remote_refused(self, why: str) -> BaseException:
        """Return what to raise where an answer is not asked. By it no test passes: it is not what the solution raised."""
        self._remote_link.refusal = self._remote_link.refusal or why
        return TypeError(why)

    def _remote_operate(self, verb: str, *rest: Any) -> Any:
        if (
            verb in _COMPARED
            and isinstance(rest[0], Remote)
            and rest[0]._remote_said.get("class") == self._remote_said.get("class")
        ):
            kind = self._remote_link.local(str(self._remote_said.get("class")))
            found = kind._remote_compared(verb, self, rest[0]) if isinstance(kind, Remote) else None
            if found is not None:
                return found
        scales = verb in _SCALING and type(rest[0]) in (int, float)
        chained = verb in _UNARY or scales or (rest and verb not in _COMPARED and all(map(_is_of_the_tests, rest)))
        derived = self._remote_derived and chained
        if verb in _COMPARED and self._remote_reference and self._remote_said.get("class") in self._remote_link.doubtful:
            raise self._remote_link.unsupported(
                f"a comparison by {self._remote_said.get('class')!r}, which may be the library's"
            )
        if (verb in _COMPARED or verb == "in") and isinstance(rest[0], Remote) and not _is_of_the_tests(rest[0]):
            if self._remote_reference and rest[0]._remote_said.get("kinds"):
                raise self._remote_link.unsupported(
                    f"{self._remote_said.get('class')!r} would compare what the solution answered"
                )
            raise self._remote_refused("an answer that is no data is compared by nothing of the solution's")
        if verb == "in" and self._remote_unclear:
            raise self._remote_link.unsupported(f"`in`, where {self._remote_said.get('class')!r} may be a function or a class")
        if not (self._remote_reference or derived):
            raise self._remote_refused(
                f"an answer of class {self._remote_said.get('class')!r} is no data, and takes no operator"
            )
        if self._remote_member and rest and not isinstance(rest[0], Remote):
            raise self._remote_refused(f"what a class holds by a name, a {self._remote_said.get('class')!r}, takes no data")
        found = self._remote_ask(verb, *rest)
        if isinstance(found, Remote):
            object.__setattr__(found, "_remote_derived", True)
        return found

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
        found = self._remote_ask("iter")
        return iter(Lazy(self._remote_link, found._remote_what, "") if isinstance(found, Remote) else found)

    def __next__(self) -> Any:
        return next(Lazy(self._remote_link, self._remote_what, ""))

    async def __aiter__(self) -> AsyncIterator[Any]:
        for item in self:
            yield item

    def __bool__(self) -> bool:
        return not self._remote_reference or self._remote_ask("bool") is True

    def __str__(self) -> str:
        return str(self._remote_ask("str"))

    def __repr__(self) -> str:
        return str(self._remote_ask("repr"))

    def __format__(self, spec: str) -> str:
        return str(self._remote_ask("format", spec))

    def __hash__(self) -> int:
        if not self._remote_reference and "fields" in self._remote_said:
            return hash(frozenset(self._remote_said["fields"].items()))  # that of an equal object of the tests
        if self._remote_reference and self._remote_said.get("equal"):
            raise self._remote_link.unsupported(f"the hash of {self._remote_said.get('class')!r}")
        return hash(("remote", self._remote_what))

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        both = isinstance(other, Remote)
        if both and other._remote_local:
            return NotImplemented  # it knows what it holds, and asks in its turn
        if isinstance(other, type) and issubclass(other, Remote):
            return self._remote_is_kind(other)
        if self._remote_reference or (both and other._remote_reference):
            if both:
                raise self._remote_link.unsupported(
                    f"{self._remote_said.get('class')!r} is compared with an object of the solution"
                )
            plain = self._remote_ask("global")  # of a subclass of list and the like that is its items, which are compared here
            return not isinstance(plain, Remote) and plain == other
        if not both:
            return False
        mine, theirs = self._remote_said, other._remote_said
        if mine.get("class") == theirs.get("class") and "fields" in mine and "fields" in theirs:
            return mine["fields"] == theirs["fields"]
        return other._remote_what == self._remote_what

    def _remote_is_kind(self, kind: type) -> bool:
        """Is a class, by which an answer says what it is, this one? Who asks for more than `isinstance` asks too much."""
        if kind.__name__ == self._remote_what:
            raise self._remote_link.unsupported(f"the class of an answer is compared with {kind.__name__!r}")
        return False

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, Remote) and self._remote_what in instance._remote_said.get("kinds", ())

    def __subclasscheck__(self, kind: Any) -> bool:
        return isinstance(kind, Remote) and self._remote_link.is_subclass(kind._remote_what, self._remote_what)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        raise self._remote_link.unsupported("a subclass of a class of the solution")

    def __enter__(self) -> Any:
        found = self._remote_ask("enter")
        same = isinstance(found, Remote) and found._remote_what == self._remote_what
        return self if same else found

    def __exit__(self, _: object, error: BaseException | None, at: types.TracebackType | None) -> None:
        # an exception of the tests goes on whatever the solution says of it: it may be what an assertion found
        while at is not None and error is not None:
            if at.tb_frame.f_code.co_filename == "tests.py" and at.tb_lineno in self._remote_link.raises:
                raise self._remote_link.unsupported("an exception of the tests in a context of the solution")
            at = at.tb_next
        self._remote_ask("exit")

    def __copy__(self) -> Any:
        return self._remote_ask("copy")

    def __deepcopy__(self, memo: Any) -> Any:
        return self._remote_ask("deepcopy")

    def __float__(self) -> float:
        return self._remote_operate("float")

    def __int__(self) -> int:
        return self._remote_operate("int")


def same(link: Any, one: Any, other: Any, negated: bool = False) -> bool:
    """Return what `is` says, as far as that can be known of objects of the solution."""
    if one is other:
        return True
    for left, right in ((one, other), (other, one)):
        if isinstance(right, Remote) and isinstance(left, type) and issubclass(left, Remote):
            return right._remote_is_kind(left)
        if isinstance(left, enum.Enum) and type(right) in (int, str) and left == right:
            raise link.unsupported("whether an answer is a member of an enum, or a number or text like it")
    places = [vars(thing).get("_remote_number", vars(thing).get("_remote_what")) for thing in (one, other) if _is_remote(thing)]
    if len(places) == 2 and places[0] == places[1] is not None:
        if negated:
            return True
        raise link.unsupported("whether two answers are one object of the solution")
    return False


def _is_remote(thing: Any) -> bool:
    return issubclass(type(thing), Remote)


def _is_of_the_tests(value: Any) -> bool:
    """Is it an object that the tests made, or the nothing that `sum` begins with?"""
    return value._remote_reference or value._remote_derived if isinstance(value, Remote) else type(value) is int and value == 0


def _forward(name: str) -> Callable[..., Any]:
    return lambda self, *rest: self._remote_operate(name, *rest)


_UNARY = ("neg", "pos", "abs", "invert", "float", "int")
_SCALING = ("mul", "rmul", "matmul", "rmatmul")
"""By these what operators made takes a number, too: unlike a difference, a multiple says nothing of what is expected."""
_COMPARED = ("lt", "le", "gt", "ge")
for _name in OPERATORS:
    setattr(Remote, f"__{_name.rstrip('_')}__", _forward(_name))
for _name in ARITHMETIC:
    setattr(Remote, f"__r{_name.rstrip('_')}__", _forward(f"r{_name}"))
Remote.__doc__ = property(lambda self: self._remote_ask("get", "__doc__"))  # ty: ignore[invalid-assignment]


class Own(types.ModuleType):
    """The solution as a module, for tests that import from it."""

    def __init__(self, name: str, give: Callable[[str], Any]) -> None:
        super().__init__(name)
        self._give = give

    def __getattr__(self, name: str) -> Any:
        return self._give(name)
