"""Classes of the solution that are nothing but data: enums, named tuples, dataclasses. What tests make of them stays here.

The solution's process says once, before it sees a test, what such a class is made of. From then on what the tests write
down is held in their own process: `P(4, 2)` is the numbers that the tests wrote, `C.RED` a member of an enum made here, and
the solution is not told of either until a test uses it for more. So the two can be compared with an answer, whose
content was fixed when it came. A class that says more of itself than is true makes its own answers unequal, no others.

What is compared: values that the tests wrote with an answer, or with what an object holds now; never two answers.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Any

from . import values
from .link import Link
from .remote import Remote


def local(link: Link, name: str, said: list[Any], bases: list[str]) -> Any:
    """Return what stands for a declared class in the tests' process, or None if it cannot be judged."""
    sort, made_of, rest = said
    if sort == "enum":
        return _local_enum(link, name, made_of, rest)
    fields, defaults = [str(field) for field in made_of], {str(field): packed for field, packed in rest}
    if len(set(fields)) < len(fields) or not all(field.isidentifier() and field[0] != "_" for field in fields):
        return None
    if sort == "record":
        kind = _local_tuple(link, name, fields)
    else:
        kind = _local_dataclass(link, name, fields, sort == "frozen", [name, *bases])
    return Declared(link, name, kind, fields, defaults)


class Declared(Remote):
    """The class: what the tests call it with is noted, and told to nobody."""

    def __init__(self, link: Link, name: str, kind: Any, fields: list[str], defaults: dict[str, Any]) -> None:
        super().__init__(link, name, {"class": "type"}, reference=True)
        for key, value in {"kind": kind, "fields": fields, "defaults": defaults}.items():
            object.__setattr__(self, f"_remote_{key}", value)

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
        return link.ask(["member", name, member._name_, attribute])

    bases = {"int": (int, enum.Enum), "str": (str, enum.Enum)}.get(base, (enum.Enum,))
    body: Any = enum.EnumType.__prepare__(name, bases)
    body |= {"__getattr__": ask, "by_number": property(lambda _: True)}
    for member, packed in members:
        body[member] = values.unpack(packed, _refuse)
    made: Any = enum.EnumType(name, bases, body)
    return made if len(made) == len(members) else None  # two names for one member: which one was meant cannot be told


def _local_tuple(link: Link, name: str, fields: list[str]) -> Any:
    record: Any = values.record_type(name, *fields)

    def ask(self: Any, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return getattr(link.exchange(["make", name, list(self), {}], True), attribute)

    kind: Any = type(name, (record,), {"__getattr__": ask, "by_number": True, "__slots__": ()})
    return lambda given: kind(given.values())


def _local_dataclass(link: Link, name: str, fields: list[str], frozen: bool, bases: list[str]) -> Any:
    def field(name: str) -> Any:
        made: Any = dataclasses.field()
        made.name, made._field_type = name, dataclasses._FIELD  # ty: ignore[unresolved-attribute]
        return made

    kind: Any = type(name, (Made,), {"__dataclass_fields__": {name: field(name) for name in fields}})
    return lambda given: kind(link, name, given, frozen, bases)


class Made(Remote):
    """An object of a dataclass that the tests made: theirs, until a test uses it for more than its fields."""

    _remote_local = True

    def __init__(self, link: Link, name: str, fields: dict[str, Any], frozen: bool, bases: list[str]) -> None:
        given = {"link": link, "said": {"class": name, "equal": True, "kinds": bases}, "reference": True, "via": ""}
        for key, value in (given | {"derived": False, "number": None, "own": fields, "frozen": frozen}).items():
            object.__setattr__(self, f"_remote_{key}", value)

    @property
    def _remote_what(self) -> int:
        if self._remote_number is None:
            name = self._remote_said["class"]
            made = self._remote_link.exchange(["make", name, list(self._remote_own.values()), {}], True)
            object.__setattr__(self, "_remote_number", made._remote_what)
        return self._remote_number

    def __getattr__(self, name: str) -> Any:
        kept = self._remote_frozen or self._remote_number is None
        return self._remote_own[name] if kept and name in self._remote_own else super().__getattr__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._remote_own and self._remote_number is None and not self._remote_frozen:
            self._remote_own[name] = value
        else:
            super().__setattr__(name, value)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Remote) or self._remote_said["class"] != other._remote_said["class"]:
            return False
        told = other._remote_local or "fields" in other._remote_said
        if not told and self._remote_number is not None:
            return False  # the solution kept it back, and knows by now what is compared with it
        (mine, sure), (theirs, also_sure) = _content(self), _content(other)
        if not sure and not also_sure:
            raise self._remote_link.unsupported(f"{self._remote_said['class']!r} is compared with an object of the solution")
        return mine == theirs

    def __hash__(self) -> int:
        return hash(tuple(_content(self)[0].items()))


def _content(thing: Any) -> tuple[dict[str, Any], bool]:
    """Return the fields of an object, and whether it is the tests that say so."""
    if not thing._remote_local and "fields" in thing._remote_said:
        return thing._remote_said["fields"], False
    if thing._remote_local and (thing._remote_frozen or thing._remote_number is None):
        return thing._remote_own, True
    return dict(thing._remote_link.ask(["fields", thing._remote_what])), False


def _refuse(said: Any) -> Any:
    raise values.CannotCarry("a declared value is no data")
