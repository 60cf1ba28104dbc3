"""What a class of the solution is made of, said as data before it sees a test; see `inside.declared` for its use."""

from __future__ import annotations

import collections
import dataclasses
import enum
import json
import types
from collections.abc import Callable
from typing import Any

MAX_DECLARED = 20_000
"""Bytes that may be said of one class."""


def shape(kind: type, pack: Callable[[Any], Any]) -> list[Any] | None:
    """Return what a class is made of, as data, if it is nothing but data: no special method of it is the solution's own.

    Of a dataclass some may be: then what they do is asked of the solution, and what they are is not among what is told.
    """
    try:
        said = _enum(kind, pack) or _named_tuple(kind, pack) or _dataclass(kind, pack)
        return said if said and len(json.dumps(said)) < MAX_DECLARED else None
    except Exception:  # a class that is not what it looks like is an object like others
        return None


def _enum(kind: Any, pack: Callable[[Any], Any]) -> list[Any] | None:
    if type(kind) is not enum.EnumType or issubclass(kind, enum.Flag) or len(kind.__members__) != len(kind) or not len(kind):
        return None
    if _written(kind, enum.unique, {"__init__", "__new__"}) or "_missing_" in vars(kind):
        return None
    base = next((base.__name__ for base in (enum.IntEnum, enum.StrEnum, int, str) if issubclass(kind, base)), "")
    return ["enum", base, [[name, pack(member._value_)] for name, member in kind.__members__.items()]]


def _named_tuple(kind: type, pack: Callable[[Any], Any]) -> list[Any] | None:
    if not issubclass(kind, tuple) or not str(getattr(kind.__new__, "__module__", "")).startswith("namedtuple_"):
        return None
    if _written(kind, collections.namedtuple, set()):
        return None
    defaults = getattr(kind, "_field_defaults", {})
    return ["record", list(getattr(kind, "_fields", ())), [[name, pack(value)] for name, value in defaults.items()]]


def _written(kind: type, library: Any, known: set[str]) -> bool:
    """Has a class special methods that are not its library's? What these do is the solution's, and not data."""
    files = ("<string>", library.__code__.co_filename)
    methods = [(name, value) for base in kind.__mro__[:-1] for name, value in vars(base).items() if name.startswith("__")]
    functions = [(name, value) for name, value in methods if type(value) is types.FunctionType and name not in known]
    return any(value.__code__.co_filename not in files for _, value in functions)


def _dataclass(kind: Any, pack: Callable[[Any], Any]) -> list[Any] | None:
    if "__dataclass_params__" not in vars(kind) or hasattr(kind, "__post_init__") or kind.__new__ is not object.__new__:
        return None
    fields = dataclasses.fields(kind)
    files = ("<string>", dataclasses.dataclass.__code__.co_filename)

    def plain(*names: str) -> bool:
        """Are these methods made by `dataclass`, or none at all?"""
        own = [getattr(kind, name, None) for name in names if getattr(kind, name, None) is not getattr(object, name, None)]
        return all(type(method) is types.FunctionType and method.__code__.co_filename in files for method in own)

    generated = all(name in vars(kind) for name in ("__init__", "__eq__")) and plain(
        "__init__", "__eq__", "__ne__", "__getattribute__", "__getattr__", "__setattr__", "__delattr__"
    )
    if not generated or not all(field.init and field.compare and not field.kw_only for field in fields):
        return None
    defaults = [(field.name, field.default) for field in fields if field.default is not dataclasses.MISSING]
    defaults += [(f.name, f.default_factory()) for f in fields if f.default_factory is not dataclasses.MISSING]
    ordered = ("__lt__", "__le__", "__gt__", "__ge__")
    kept = {
        "frozen": kind.__dataclass_params__.frozen,
        "repr": plain("__repr__") and "__repr__" in vars(kind) and all(field.repr for field in fields),
        "str": plain("__str__"),
        "format": kind.__format__ is object.__format__,
        "bool": plain("__bool__", "__len__"),
        "order": plain(*ordered) and all(name in vars(kind) for name in ordered),
    }
    made_of = [field.name for field in fields]
    return [
        "fields",
        made_of,
        [[name, pack(value)] for name, value in defaults],
        [name for name, is_so in kept.items() if is_so],
    ]
