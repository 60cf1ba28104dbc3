"""Send values between processes as plain data: a closed set of types, in JSON, with no code on either side.

A value outside the set is opaque: the other side learns the name of its class and a number that identifies
it, and none of its code can run there. A value of a subclass of a plain type is reduced to that type, so an
`int` whose `__eq__` lies arrives as an honest int. Floats are exact (JSON's shortest form reads back as the
same number).

This replaces pickle, marshal and `eval`, which all let the sender run code in the receiver.

    None, bool, str, int, finite float -> itself
    a list -> a JSON array
    anything else -> {tag: its parts}
"""

from __future__ import annotations

import base64
import datetime
import json
import math
import operator
import pathlib
import re
import sys
import time
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import Any, TypeAlias

Plain: TypeAlias = Any
"""Anything that `json` reads and writes."""
MAX_DEPTH = 100
"""Most containers nested in each other; the limit also detects a list that holds itself."""
MAX_DRAWN = 100_000
"""Most items taken from an iterator, which may be endless."""
MAX_CONTAINERS = 100_000
"""Most containers in one value that is read: two bytes of text can make a list, which takes 60 bytes and
more."""
MAX_READ_DEPTH = 80
"""Less than may be written, so that a value that was read can be sent back inside another one."""
MAX_RECORD_KINDS = 50
MAX_SAME_HASH = 32
MAX_FILLING = 0.2
"""Most seconds of CPU time for filling the dicts and sets of one value: numbers can be chosen whose hashes
collide again and again."""
FILLED_AT_ONCE = 200
MAX_BITS = 4096
_SMALL = 1 << 63
_ARRAY_KINDS = "?bhilqBHILQefdFD"
TOO_DEEP = "a value is nested too deeply"


class CannotCarry(ValueError):
    """A value is nested too deeply, is too long, or is malformed when it is read."""


class TooLarge(CannotCarry):
    """A value takes more bytes than the other side accepts."""


def no_data(value: Any) -> Any:
    """Refuse an object where only data is allowed.

    Raises:
        CannotCarry: always.
    """
    raise CannotCarry(f"{type(value).__name__} is not data")


def dump(value: Any, opaque: Callable[[Any], Plain], limit: int) -> bytes:
    """Return a value as JSON bytes.

    Args:
        value: any value.
        opaque: returns what represents a value outside the closed set; it is put under the tag "opaque".
        limit: the most bytes that the other side accepts.

    Raises:
        CannotCarry: the value is nested too deeply or too long.
        TooLarge: the value takes more than `limit` bytes.
    """
    try:
        data = json.dumps(pack(value, opaque), separators=(",", ":")).encode("ascii")
    except RecursionError:
        raise CannotCarry(TOO_DEEP) from None
    if len(data) > limit:
        raise TooLarge(f"a value takes {len(data):,} bytes, more than {limit:,}")
    return data


def load(data: bytes, opaque: Callable[[Plain], Any], trusted: bool = False) -> Any:
    """Return the value that `dump` wrote; a trusted value may be large and deep.

    Raises:
        CannotCarry: the bytes are not what `dump` writes. A hostile process may have written them.
    """
    try:
        plain = json.loads(data)
    except (ValueError, RecursionError, MemoryError) as error:
        raise CannotCarry(f"not JSON: {type(error).__name__}") from None
    return unpack(plain, opaque, trusted)


def pack(value: Any, opaque: Callable[[Any], Plain], depth: int = 0) -> Plain:
    """Return a value in a form that JSON can hold."""
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


def is_data(kind: type) -> bool:
    """Is a value of this type sent as itself, or as the plain part of it?"""
    return kind in _PLAIN or kind.__module__ == "numpy" or issubclass(kind, _CARRIED)


def shallow(value: Any, item: Callable[[Any], Plain]) -> Plain:
    """Return a container as `pack` does, but pack its items with another function."""
    kind = type(value)
    if kind is list:
        return [item(one) for one in value]
    writer = _WRITERS.get(kind)
    return {writer[0]: writer[1](value, item)} if writer else _pack_numpy(value)


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


def unpack(value: Plain, opaque: Callable[[Plain], Any], trusted: bool = False) -> Any:
    """Return the value that `pack` packed; `opaque` makes what stands for other objects.

    Raises:
        CannotCarry: the data is not what `pack` makes, or reading it would cost more than its bytes cost the
            writer.
    """
    try:
        return _Reader(opaque, trusted).read(value, 0)
    except CannotCarry:
        raise
    except Exception as error:  # whatever a crafted value makes a constructor raise, it is not a value
        raise CannotCarry(f"not a value: {type(error).__name__}") from None


class _Reader:
    """Read one value, and limit what a short text could make large."""

    def __init__(self, opaque: Callable[[Plain], Any], trusted: bool = False) -> None:
        self.opaque = opaque
        self.most, self.deep = (math.inf, 3 * MAX_DEPTH) if trusted else (MAX_CONTAINERS, MAX_READ_DEPTH)
        self.containers = 0
        self.filling = 0.0
        self.kinds: dict[tuple[str, ...], type] = {}

    def read(self, value: Plain, depth: int) -> Any:
        if not isinstance(value, list | dict):
            return value
        self.containers += 1
        if self.containers > self.most or depth > self.deep:
            raise CannotCarry(
                f"more than {MAX_CONTAINERS:,} containers in a value, or {MAX_READ_DEPTH} in each other"
            )
        if isinstance(value, list):
            return [self.read(item, depth + 1) for item in value]
        ((tag, content),) = value.items()
        if tag == "opaque":
            return self.opaque(content)
        if tag in _HASHED:
            return self._hashed(tag, content, depth)
        if tag == "record":
            name, fields, items = content
            return self._record(name, fields, items, depth)
        return _READERS[tag](content, lambda item: self.read(item, depth + 1))

    def _hashed(self, tag: str, content: Plain, depth: int) -> Any:
        """Read a container that hashes its items. Its writer decides how long that takes: time is limited."""
        if tag == "default":
            name, content = content
            factory = _FACTORIES[name] if isinstance(name, str) else self.read(name, depth + 1)
            made: Any = defaultdict(factory if callable(factory) else None)
        else:
            made = _HASHED[tag]()
        pairs = tag not in ("set", "frozenset", "keys")
        items = [self.read(item[0] if pairs else item, depth + 1) for item in content]
        _unequal_hashes(items)
        if pairs:
            items = list(zip(items, (self.read(one, depth + 1) for _, one in content), strict=True))
        elif tag == "keys":
            items = [(item, None) for item in items]
        put: Any = (
            set.update if isinstance(made, set) else OrderedDict.update if tag == "ordered" else dict.update
        )
        for start in range(0, len(items), FILLED_AT_ONCE):
            began = time.thread_time()
            put(made, items[start : start + FILLED_AT_ONCE])
            self.filling += time.thread_time() - began
            if self.filling > MAX_FILLING:
                raise CannotCarry("sets or dicts that take long to fill")
        return _FINISHED[tag](made) if tag in _FINISHED else made

    def _record(self, name: str, fields: list[str], items: list[Plain], depth: int) -> Any:
        key = (str(name), *map(str, fields))
        if key not in self.kinds:
            if len(self.kinds) == MAX_RECORD_KINDS:
                raise CannotCarry(f"more than {MAX_RECORD_KINDS} kinds of named tuples")
            self.kinds[key] = record_type(*key)
        return self.kinds[key](self.read(item, depth + 1) for item in items)


def record_type(name: str, *fields: str) -> type:
    """Return a tuple class with named fields, without the code generation of `namedtuple`."""
    named = {
        field: property(operator.itemgetter(i)) for i, field in enumerate(fields) if not field.startswith("_")
    }
    shown: dict[str, Any] = {"_fields": fields, "__slots__": (), "__repr__": _record_repr(name, fields)}
    shown["_asdict"] = lambda self: dict(zip(fields, self, strict=True))
    shown["_replace"] = lambda self, **new: type(self)((dict(zip(fields, self, strict=True)) | new).values())
    return type(name, (tuple,), {**named, **shown})


def _record_repr(name: str, fields: tuple[str, ...]) -> Callable[[tuple[Any, ...]], str]:
    return lambda self: f"{name}({', '.join(f'{f}={item!r}' for f, item in zip(fields, self, strict=False))})"


def _pack_numpy(value: Any) -> Plain:
    numpy = sys.modules["numpy"]
    if isinstance(value, numpy.generic) and value.dtype.char in _ARRAY_KINDS:
        return {"scalar": [value.dtype.str, base64.b64encode(value.tobytes()).decode()]}
    if isinstance(value, numpy.ndarray) and value.dtype.char in _ARRAY_KINDS:
        return {"array": [value.dtype.str, list(value.shape), base64.b64encode(value.tobytes()).decode()]}
    return None


def _numpy_dtype(text: Any) -> Any:
    import numpy  # noqa: PLC0415 (only when the other side sends an array)

    # `numpy.dtype` would parse some texts as Python, but none that match this pattern
    if not (isinstance(text, str) and re.fullmatch(r"[<>|=]?(?:b1|[iu][1248]|f[248]|c8|c16)", text)):
        raise CannotCarry(f"an array of {str(text)[:20]!r}")
    return numpy.dtype(text)


def _read_array(content: Plain, _: Any) -> Any:
    import numpy  # noqa: PLC0415

    text, shape, data = content
    flat, shape = numpy.frombuffer(base64.b64decode(data), _numpy_dtype(text)), [int(n) for n in shape]
    # `max(n, 1)`, because an array with one dimension of 0 could have others of any size
    if math.prod(max(n, 1) for n in shape) > max(flat.size, MAX_CONTAINERS):
        raise CannotCarry("an array larger than its data")
    return flat.reshape(shape).copy()


def _read_scalar(content: Plain, _: Any) -> Any:
    import numpy  # noqa: PLC0415

    text, data = content
    return numpy.frombuffer(base64.b64decode(data), _numpy_dtype(text))[0]


Item: TypeAlias = Callable[[Any], Any]


def _items(value: Any, item: Item) -> Plain:
    return [item(one) for one in value]


def _pairs(value: Any, item: Item) -> Plain:
    return [[item(key), item(one)] for key, one in value.items()]


def _factory(factory: Any, item: Item) -> Plain:
    return _NAMES[factory] if type(factory) is type and factory in _NAMES else item(factory)


def _unequal_hashes(items: list[Any]) -> None:
    """Refuse many items with the same hash: adding them to a set or dict takes quadratic time."""
    hashes = sorted(map(hash, items))
    if any(map(operator.eq, hashes, hashes[MAX_SAME_HASH:])):
        raise CannotCarry("many items with one hash")


def _few(items: list[Any]) -> list[Any]:
    if len(items) > MAX_DRAWN:
        raise CannotCarry(f"an iterator of more than {MAX_DRAWN:,} items")
    return items


def _fraction(content: Plain, _: Item) -> Fraction:
    numerator, denominator = (int(part, 16) for part in content)
    if max(numerator.bit_length(), denominator.bit_length()) > MAX_BITS:
        raise CannotCarry(f"a fraction of more than {MAX_BITS} bits")
    return Fraction(numerator, denominator)


def _read_range(content: Plain, _: Item) -> range:
    start, stop, step = content
    return range(int(start, 16), int(stop, 16), int(step, 16))


_FACTORIES = {kind.__name__: kind for kind in (list, int, dict, set, str, float, bool, tuple)}
"""The functions that make the missing values of a `defaultdict` and are sent by name."""
_NAMES = {kind: name for name, kind in _FACTORIES.items()}
_WRITERS: dict[type, tuple[str, Callable[[Any, Item], Plain]]] = {
    tuple: ("tuple", _items),
    dict: ("dict", _pairs),
    Counter: ("counter", _pairs),
    OrderedDict: ("ordered", _pairs),
    defaultdict: (
        "default",
        lambda value, item: [_factory(value.default_factory, item), _pairs(value, item)],
    ),
    type({}.keys()): ("keys", _items),
    type({}.values()): ("values", _items),
    type({}.items()): ("items", lambda value, item: [[item(key), item(one)] for key, one in value]),
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
    pathlib.PosixPath: ("path", lambda value, _: str(value)),
    type(Ellipsis): ("ellipsis", lambda value, _: None),
}
_HASHED: dict[str, Callable[[], Any]] = {
    "dict": dict,
    "counter": Counter,
    "ordered": OrderedDict,
    "default": defaultdict,
    "keys": dict,
    "items": dict,
    "set": set,
    "frozenset": set,
}
_FINISHED: dict[str, Callable[[Any], Any]] = {"frozenset": frozenset, "items": dict.items, "keys": dict.keys}
_READERS: dict[str, Callable[[Plain, Item], Any]] = {
    "int": lambda content, _: int(content, 16),
    "float": lambda content, _: float({"inf": "inf", "-inf": "-inf", "nan": "nan"}[content]),
    "tuple": lambda content, item: tuple(item(one) for one in content),
    "values": lambda content, item: dict(enumerate([item(one) for one in content])).values(),
    "bytes": lambda content, _: base64.b64decode(content),
    "bytearray": lambda content, _: bytearray(base64.b64decode(content)),
    "complex": lambda content, item: complex(item(content[0]), item(content[1])),
    "deque": lambda content, item: deque(item(one) for one in content),
    "range": _read_range,
    "decimal": lambda content, _: Decimal(str(content)),
    "fraction": _fraction,
    "datetime": lambda content, _: datetime.datetime.fromisoformat(content),
    "date": lambda content, _: datetime.date.fromisoformat(content),
    "time": lambda content, _: datetime.time.fromisoformat(content),
    "timedelta": lambda content, _: datetime.timedelta(*(int(part) for part in content)),
    "path": lambda content, _: pathlib.PosixPath(str(content)),
    "ellipsis": lambda content, _: ...,
    "iterator": lambda content, item: iter(_few([item(one) for one in content])),
    "array": _read_array,
    "scalar": _read_scalar,
}
_factory_of: Any = vars(defaultdict)["default_factory"].__get__
_REDUCED: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (int, lambda value: int.__index__(value)),
    (str, lambda value: str.__str__(value)),
    (float, lambda value: float.__float__(value)),
    (list, lambda value: list(list.__iter__(value))),
    (Counter, lambda value: Counter(dict(dict.items(value)))),
    (OrderedDict, lambda value: OrderedDict(OrderedDict.items(value))),
    (defaultdict, lambda value: defaultdict(_factory_of(value), dict.items(value))),
    (dict, lambda value: dict(dict.items(value))),
    (tuple, lambda value: tuple(tuple.__iter__(value))),
    (set, lambda value: set(set.__iter__(value))),
    (frozenset, lambda value: frozenset(frozenset.__iter__(value))),
    (bytes, lambda value: bytes.__getitem__(value, slice(None))),
    (deque, lambda value: deque(deque.__iter__(value))),
)
"""For subclasses of plain types: take the plain part alone, without calling the subclass's own methods."""
_PLAIN = frozenset({type(None), bool, *_WRITERS})
_CARRIED = tuple(plain for plain, _ in _REDUCED)
