"""Values that travel between processes as plain data: a closed set of types, in JSON, and no code on either side.

What is not in the set is opaque: the other side learns its class's name and a number by which it can speak of it, and
nothing that it does can run there. A subclass of a plain type is reduced to that type, so an `int` whose `__eq__` lies
arrives as an honest int. Floats are exact (JSON's shortest form reads back as the same number).

Pickle, marshal and `eval` are what this replaces: each lets the sender run code in the receiver.

    None, bool, str, int, finite floats -> themselves; a list -> a JSON array; all else -> {tag: what it is made of}
"""

from __future__ import annotations

import base64
import datetime
import json
import math
import sys
from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from operator import itemgetter
from typing import Any, TypeAlias

Plain: TypeAlias = Any
"""What `json` reads and writes."""
MAX_DEPTH = 100
"""Containers in containers; a list that holds itself is found by it."""
MAX_DRAWN = 100_000
"""Items taken from an iterator, which may have no end."""
_SMALL = 1 << 63
_ARRAY_KINDS = "?bhilqBHILQefdFD"


class CannotCarry(ValueError):
    """A value is too deep, too long, or malformed when it is read."""


def dump(value: Any, opaque: Callable[[Any], Plain], limit: int) -> bytes:
    """Return a value as JSON bytes.

    Args:
        value: anything.
        opaque: says what stands for a value outside the closed set; the result is put under the tag "opaque".
        limit: bytes; the most that the other side takes.

    Raises:
        CannotCarry: too deep, too long or too large.
    """
    try:
        data = json.dumps(pack(value, opaque), separators=(",", ":")).encode("ascii")
    except RecursionError:
        raise CannotCarry("a value is nested too deeply") from None
    if len(data) > limit:
        raise CannotCarry(f"a value takes {len(data):,} bytes, more than {limit:,}")
    return data


def load(data: bytes, opaque: Callable[[Plain], Any]) -> Any:
    """Return the value that `dump` wrote.

    Raises:
        CannotCarry: the bytes are not what `dump` writes. They may come from an enemy.
    """
    try:
        return unpack(json.loads(data), opaque)
    except CannotCarry:
        raise
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError, MemoryError, AttributeError) as error:
        raise CannotCarry(f"not a value: {type(error).__name__}") from None


def pack(value: Any, opaque: Callable[[Any], Plain], depth: int = 0) -> Plain:
    """Return a value as what JSON can hold."""
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        return value if -_SMALL <= value < _SMALL else {"int": hex(value)}
    if kind is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if depth >= MAX_DEPTH:
        raise CannotCarry(f"a value is nested deeper than {MAX_DEPTH}")
    if kind is list:
        return [pack(item, opaque, depth + 1) for item in value]
    writer = _WRITERS.get(kind)
    if writer:
        return {writer[0]: writer[1](value, lambda item: pack(item, opaque, depth + 1))}
    return _pack_other(value, opaque, depth)


def _pack_other(value: Any, opaque: Callable[[Any], Plain], depth: int) -> Plain:
    kind = type(value)
    if kind.__module__ == "numpy" and "numpy" in sys.modules:
        packed = _pack_numpy(value)
        if packed:
            return packed
    fields = getattr(kind, "_fields", None)
    if issubclass(kind, tuple) and isinstance(fields, tuple):
        items = [pack(item, opaque, depth + 1) for item in tuple.__iter__(value)]
        return {"record": [kind.__name__, [str(field) for field in fields], items]}
    for plain, reduce in _REDUCED:
        if issubclass(kind, plain):
            return pack(reduce(value), opaque, depth)
    if issubclass(kind, Iterator):
        drawn = list(islice(value, MAX_DRAWN + 1))
        if len(drawn) > MAX_DRAWN:
            raise CannotCarry(f"an iterator gave more than {MAX_DRAWN:,} items")
        return {"iterator": [pack(item, opaque, depth + 1) for item in drawn]}
    return {"opaque": opaque(value)}


def unpack(value: Plain, opaque: Callable[[Plain], Any]) -> Any:
    """Return what `pack` made plain."""
    if isinstance(value, list):
        return [unpack(item, opaque) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) != 1:
        raise CannotCarry("not a value")
    ((tag, content),) = value.items()
    return opaque(content) if tag == "opaque" else _READERS[tag](content, lambda item: unpack(item, opaque))


def record(name: str, fields: list[str], items: list[Any]) -> tuple[Any, ...]:
    """Return a tuple whose items have names, without the code generation of `namedtuple`."""
    named = {str(field): property(itemgetter(i)) for i, field in enumerate(fields) if not str(field).startswith("_")}
    return type(str(name), (tuple,), {**named, "__slots__": (), "__repr__": _record_repr(str(name), fields)})(items)


def _record_repr(name: str, fields: list[str]) -> Callable[[tuple[Any, ...]], str]:
    return lambda self: f"{name}({', '.join(f'{f}={item!r}' for f, item in zip(fields, self, strict=False))})"


def _pack_numpy(value: Any) -> Plain:
    numpy = sys.modules["numpy"]
    if isinstance(value, numpy.generic) and value.dtype.char in _ARRAY_KINDS:
        return {"scalar": [value.dtype.str, base64.b64encode(value.tobytes()).decode()]}
    if isinstance(value, numpy.ndarray) and value.dtype.char in _ARRAY_KINDS:
        return {"array": [value.dtype.str, list(value.shape), base64.b64encode(value.tobytes()).decode()]}
    return None


def _numpy_dtype(text: str) -> Any:
    import numpy  # noqa: PLC0415 (only when the other side sends an array)

    dtype = numpy.dtype(text)
    if dtype.char not in _ARRAY_KINDS:
        raise CannotCarry(f"an array of {text}")
    return dtype


def _read_array(content: Plain, _: Any) -> Any:
    import numpy  # noqa: PLC0415

    text, shape, data = content
    return numpy.frombuffer(base64.b64decode(data), _numpy_dtype(text)).reshape([int(n) for n in shape]).copy()


def _read_scalar(content: Plain, _: Any) -> Any:
    import numpy  # noqa: PLC0415

    text, data = content
    return numpy.frombuffer(base64.b64decode(data), _numpy_dtype(text))[0]


Item: TypeAlias = Callable[[Any], Any]


def _items(value: Any, item: Item) -> Plain:
    return [item(one) for one in value]


def _pairs(value: Any, item: Item) -> Plain:
    return [[item(key), item(one)] for key, one in value.items()]


def _read_range(content: Plain, _: Item) -> range:
    start, stop, step = content
    return range(int(start, 16), int(stop, 16), int(step, 16))


_WRITERS: dict[type, tuple[str, Callable[[Any, Item], Plain]]] = {
    tuple: ("tuple", _items),
    dict: ("dict", _pairs),
    set: ("set", _items),
    frozenset: ("frozenset", _items),
    bytes: ("bytes", lambda value, _: base64.b64encode(value).decode()),
    bytearray: ("bytearray", lambda value, _: base64.b64encode(value).decode()),
    complex: ("complex", lambda value, item: [item(value.real), item(value.imag)]),
    deque: ("deque", _items),
    range: ("range", lambda value, _: [hex(value.start), hex(value.stop), hex(value.step)]),
    Decimal: ("decimal", lambda value, _: str(value)),
    Fraction: ("fraction", lambda value, _: [hex(value.numerator), hex(value.denominator)]),
    datetime.datetime: ("datetime", lambda value, _: value.isoformat()),
    datetime.date: ("date", lambda value, _: value.isoformat()),
    datetime.time: ("time", lambda value, _: value.isoformat()),
    datetime.timedelta: ("timedelta", lambda value, _: [value.days, value.seconds, value.microseconds]),
    type(Ellipsis): ("ellipsis", lambda value, _: None),
}
_READERS: dict[str, Callable[[Plain, Item], Any]] = {
    "int": lambda content, _: int(content, 16),
    "float": lambda content, _: float({"inf": "inf", "-inf": "-inf", "nan": "nan"}[content]),
    "tuple": lambda content, item: tuple(item(one) for one in content),
    "dict": lambda content, item: {item(key): item(one) for key, one in content},
    "set": lambda content, item: {item(one) for one in content},
    "frozenset": lambda content, item: frozenset(item(one) for one in content),
    "bytes": lambda content, _: base64.b64decode(content),
    "bytearray": lambda content, _: bytearray(base64.b64decode(content)),
    "complex": lambda content, item: complex(item(content[0]), item(content[1])),
    "deque": lambda content, item: deque(item(one) for one in content),
    "range": _read_range,
    "decimal": lambda content, _: Decimal(str(content)),
    "fraction": lambda content, _: Fraction(int(content[0], 16), int(content[1], 16)),
    "datetime": lambda content, _: datetime.datetime.fromisoformat(content),
    "date": lambda content, _: datetime.date.fromisoformat(content),
    "time": lambda content, _: datetime.time.fromisoformat(content),
    "timedelta": lambda content, _: datetime.timedelta(*(int(part) for part in content)),
    "ellipsis": lambda content, _: ...,
    "iterator": lambda content, item: iter([item(one) for one in content]),
    "record": lambda content, item: record(content[0], content[1], [item(one) for one in content[2]]),
    "array": _read_array,
    "scalar": _read_scalar,
}
_REDUCED: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (int, lambda value: int.__index__(value)),
    (str, lambda value: str.__str__(value)),
    (float, lambda value: float.__float__(value)),
    (list, lambda value: list(list.__iter__(value))),
    (dict, lambda value: dict(dict.items(value))),
    (tuple, lambda value: tuple(tuple.__iter__(value))),
    (set, lambda value: set(set.__iter__(value))),
    (frozenset, lambda value: frozenset(frozenset.__iter__(value))),
    (bytes, lambda value: bytes.__getitem__(value, slice(None))),
    (deque, lambda value: deque(deque.__iter__(value))),
)
"""Subclasses of plain types, by their plain part alone: the class's own methods are not asked."""
