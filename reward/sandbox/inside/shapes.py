"""What a class of the solution is made of, said as data before it sees a test; see `inside.declared` for its use."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Callable
from typing import Any

MAX_DECLARED = 20_000
"""Bytes that may be said of one class."""


def shape(kind: type, pack: Callable[[Any], Any]) -> list[Any] | None:
    """Return what a class is made of, as data, if it is nothing but data."""
    try:
        said = _enum(kind, pack) or _named_tuple(kind, pack) or _dataclass(kind, pack)
        return said if said and len(json.dumps(said)) < MAX_DECLARED else None
    except Exception:  # a class that is not what it looks like is an object like others
        return None


def _enum(kind: Any, pack: Callable[[Any], Any]) -> list[Any] | None:
    if type(kind) is not enum.EnumType or issubclass(kind, enum.Flag) or not len(kind):
        return None
    base = next((base.__name__ for base in (int, str) if issubclass(kind, base)), "")
    return ["enum", base, [[name, pack(member._value_)] for name, member in kind.__members__.items()]]


def _named_tuple(kind: type, pack: Callable[[Any], Any]) -> list[Any] | None:
    if not issubclass(kind, tuple) or not str(getattr(kind.__new__, "__module__", "")).startswith("namedtuple_"):
        return None
    defaults = getattr(kind, "_field_defaults", {})
    return ["record", list(getattr(kind, "_fields", ())), [[name, pack(value)] for name, value in defaults.items()]]


def _dataclass(kind: Any, pack: Callable[[Any], Any]) -> list[Any] | None:
    if "__dataclass_params__" not in vars(kind) or hasattr(kind, "__post_init__") or kind.__new__ is not object.__new__:
        return None
    fields = dataclasses.fields(kind)
    generated = all(kind.__dict__[name].__code__.co_filename == "<string>" for name in ("__init__", "__eq__"))
    if not generated or not all(field.init and field.compare and not field.kw_only for field in fields):
        return None
    defaults = [(field.name, field.default) for field in fields if field.default is not dataclasses.MISSING]
    defaults += [(f.name, f.default_factory()) for f in fields if f.default_factory is not dataclasses.MISSING]
    frozen = kind.__dataclass_params__.frozen
    return ["frozen" if frozen else "fields", [f.name for f in fields], [[name, pack(value)] for name, value in defaults]]
