"""Classes of the solution that are nothing but data: enums, named tuples, dataclasses. What tests make of them stays here.

The solution's process says once, before it sees a test, what such a class is made of. From then on what the tests write
down is held in their own process: `P(4, 2)` is the numbers that the tests wrote, `C.RED` a member of an enum made here, and
the solution is not told of either until a test uses it for more. So the two can be compared with an answer, whose
content was fixed when it came. A class that says more of itself than is true makes its own answers unequal, no others.

What is compared: values that the tests wrote with an answer, or with what an object holds now; never two answers. An object
that the solution was told of is never found equal to an answer that came later: it may be what the answer was made from.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import operator
from collections.abc import Hashable
from typing import Any

from . import values
from .link import Link
from .remote import Remote
from .shapes import MAX_DECLARED


def local(link: Link, name: str, said: list[Any], bases: list[str]) -> Any:
    """Return what stands for a declared class in the tests' process, or None if it cannot be judged."""
    sort, made_of, rest, *more = said
    if len(json.dumps(said)) > MAX_DECLARED:  # what is made of it takes more time than it took to say
        return None
    if sort == "enum":
        return _local_enum(link, name, made_of, rest)
    fields, defaults = [str(field) for field in made_of], {str(field): packed for field, packed in rest}
    if len(set(fields)) < len(fields) or not all(field.isidentifier() and field[0] != "_" for field in fields):
        return None
    if sort == "record":
        return Declared(link, name, _local_tuple(link, name, fields), fields, defaults, frozenset())
    kept = frozenset(map(str, *more))
    marked = {"__dataclass_fields__": {name: _field(name) for name in fields}}
    made: Any = type("Declared", (Declared,), marked)(link, name, None, fields, defaults, kept)
    about = {"class": name, "equal": True, "kinds": [name, *bases]}
    kind: Any = type(name, (Made,), marked | {"__class__": property(lambda self: made)})
    object.__setattr__(made, "_remote_kind", lambda given: kind(link, about, given, kept))
    return made


class Declared(Remote):
    """The class: what the tests call it with is noted, and told to nobody."""

    def __init__(
        self, link: Link, name: str, kind: Any, fields: list[str], defaults: dict[str, Any], kept: frozenset[str]
    ) -> None:
        super().__init__(link, name, {"class": "type"}, reference=True)
        for key, value in {"kind": kind, "fields": fields, "defaults": defaults, "kept": kept}.items():
            object.__setattr__(self, f"_remote_{key}", value)

    def __instancecheck__(self, instance: object) -> bool:
        a_record = issubclass(type(instance), tuple) and getattr(type(instance), "_fields", ()) == tuple(self._remote_fields)
        return super().__instancecheck__(instance) or (a_record and type(instance).__name__ == self._remote_what)

    def _remote_compared(self, verb: str, one: Remote, other: Remote) -> bool | None:
        """Return how two objects of the class are ordered, if that is by their fields alone; None if it must be asked."""
        if "order" not in self._remote_kept:
            return None
        mine, theirs, judged = _contents(one, other)
        if not judged and one._remote_local and other._remote_local:
            return None
        found = getattr(operator, verb)([mine[f] for f in self._remote_fields], [theirs[f] for f in self._remote_fields])
        if found and not judged and (one._remote_local or other._remote_local):
            raise self._remote_link.unsupported(f"{self._remote_what!r} is compared with an object of the solution")
        return found is True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Make an object, in the tests' process."""
        link, fields = self._remote_link, self._remote_fields
        link.count()
        given = dict(zip(fields, args, strict=False))
        unknown = [name for name in kwargs if name not in fields or name in given]
        given |= kwargs
        missing = [name for name in fields if name not in given and name not in self._remote_defaults]
        if len(args) > len(fields) or unknown or missing:
            raise link.blamed(TypeError(f"{self._remote_what}() takes the arguments {', '.join(fields)}"))
        defaults = self._remote_defaults
        return self._remote_kind({f: given[f] if f in given else values.unpack(defaults[f], _refuse) for f in fields})


def _local_enum(link: Link, name: str, base: str, members: list[Any]) -> Any:
    def ask(member: Any, attribute: str) -> Any:
        if attribute.startswith("_"):
            raise AttributeError(attribute)
        found = link.ask(["member", name, member._name_, attribute])
        if isinstance(found, Remote):
            object.__setattr__(found, "_remote_via", attribute)
        return found

    class Kind(enum.EnumType):
        """Asks for what is no member, such as a class method."""

        def __getattr__(cls, attribute: str) -> Any:
            if attribute.startswith("_"):
                raise AttributeError(attribute)
            return getattr(Remote(link, name, {"class": "type"}, reference=True), attribute)

    parent: Any = {"IntEnum": enum.IntEnum, "StrEnum": enum.StrEnum}.get(base, enum.Enum)
    bases = {"int": (int, parent), "str": (str, parent)}.get(base, (parent,))
    body: Any = Kind.__prepare__(name, bases)
    body |= {"__getattr__": ask, "by_number": property(lambda _: True)}
    for member, packed in members:
        value = values.unpack(packed, _refuse)
        if not member.isidentifier() or member[0] == "_" or not isinstance(value, Hashable):
            return None
        body[member] = value
    made: Any = Kind(name, bases, body)
    return made if len(made) == len(members) else None  # two names for one member: which one was meant cannot be told


def _local_tuple(link: Link, name: str, fields: list[str]) -> Any:
    record: Any = values.record_type(name, *fields)

    def ask(self: Any, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return getattr(link.made(name, list(self), {}), attribute)

    kind: Any = type(name, (record,), {"__getattr__": ask, "by_number": True, "__slots__": ()})
    return lambda given: kind(given.values())


def _field(name: str) -> Any:
    made: Any = dataclasses.field()
    made.name, made._field_type = name, dataclasses._FIELD  # ty: ignore[unresolved-attribute]
    return made


class Made(Remote):
    """An object of a dataclass that the tests made: theirs, until a test uses it for more than its fields."""

    _remote_local = True

    def __init__(self, link: Link, said: dict[str, Any], fields: dict[str, Any], kept: frozenset[str]) -> None:
        given = {"link": link, "said": said, "reference": True, "made": True, "via": "", "derived": False}
        for key, value in (given | {"number": None, "told": None, "own": fields, "kept": kept}).items():
            object.__setattr__(self, f"_remote_{key}", value)

    @property
    def _remote_what(self) -> int:
        if self._remote_number is None:
            object.__setattr__(self, "_remote_told", self._remote_link.calls)
            made = self._remote_link.made(self._remote_said["class"], list(self._remote_own.values()), {})
            object.__setattr__(self, "_remote_number", made._remote_what)
        return self._remote_number

    @property
    def _remote_sure(self) -> bool:
        """Is what it holds what the tests wrote?"""
        return "frozen" in self._remote_kept or self._remote_number is None

    def __getattr__(self, name: str) -> Any:
        return self._remote_own[name] if self._remote_sure and name in self._remote_own else super().__getattr__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._remote_own and self._remote_number is None and "frozen" not in self._remote_kept:
            self._remote_own[name] = value
        else:
            super().__setattr__(name, value)

    def __repr__(self) -> str:
        if "repr" not in self._remote_kept or not self._remote_sure:
            return super().__repr__()
        return f"{self._remote_said['class']}({', '.join(f'{name}={value!r}' for name, value in self._remote_own.items())})"

    def __str__(self) -> str:
        return repr(self) if "str" in self._remote_kept and self._remote_sure else super().__str__()

    def __format__(self, spec: str) -> str:
        return object.__format__(self, spec) if "format" in self._remote_kept else super().__format__(spec)

    def __bool__(self) -> bool:
        return "bool" in self._remote_kept or super().__bool__()

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Remote) or self._remote_said["class"] != other._remote_said.get("class"):
            return False
        told = other._remote_local or "fields" in other._remote_said
        if not told and self._remote_number is not None:
            return False  # the solution kept it back, and knows by now what is compared with it
        mine, theirs, judged = _contents(self, other)
        if mine != theirs:
            return False
        if not judged:
            raise self._remote_link.unsupported(f"{self._remote_said['class']!r} is compared with an object of the solution")
        return True

    def __hash__(self) -> int:
        return hash(frozenset(_content(self).items()))


def _contents(one: Any, other: Any) -> tuple[dict[str, Any], dict[str, Any], bool]:
    """Return the fields of two objects, and whether the tests say what one of them holds and the other did not know."""
    contents = _content(one), _content(other)
    if one._remote_local and other._remote_local:
        return *contents, one._remote_sure or other._remote_sure
    made, answer = (one, other) if one._remote_local else (other, one)
    if not made._remote_local:
        return *contents, False
    came = answer._remote_said["came"] if "fields" in answer._remote_said else answer._remote_link.calls
    return *contents, made._remote_sure and (made._remote_told is None or came <= made._remote_told)


def _content(thing: Any) -> dict[str, Any]:
    """Return the fields of an object."""
    if thing._remote_local and thing._remote_sure:
        return thing._remote_own
    if not thing._remote_local and "fields" in thing._remote_said:
        return thing._remote_said["fields"]
    return dict(thing._remote_link.ask(["fields", thing._remote_what]))


def _refuse(said: Any) -> Any:
    raise values.CannotCarry("a declared value is no data")
