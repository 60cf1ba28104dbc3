"""Find arguments that the solution changed, and apply the changes to the tests' own containers.

Both processes walk the same arguments in the same order, so the position in that walk identifies a container.
The solution's process reports the new content of the containers that changed; a container of the arguments
appears there as a reference to itself, so a list of rows that was reversed keeps its rows. Only what Python
lets a function change can be changed.
"""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Callable
from typing import Any

from . import values

_ORDERED = (list, tuple, deque)
_VIEWS = (type({}.keys()), type({}.values()), type({}.items()))
_CHANGEABLE = (list, dict, set, bytearray, deque)


def containers(value: Any) -> list[Any]:
    """Return every mutable container in a value: the value itself first, then what it holds, in order."""
    found: list[Any] = []
    _collect(value, found)
    return found


def _collect(value: Any, found: list[Any]) -> None:
    kind = type(value)  # `isinstance` would ask the object
    if issubclass(kind, _CHANGEABLE) or _is_array(value):
        found.append(value)
    if issubclass(kind, dict):
        value = dict.values(value)
    elif not issubclass(kind, _ORDERED):
        return
    for item in value:
        if type(item) not in (int, str, float):
            _collect(item, found)


def snapshot(container: Any) -> Any:
    """Return a snapshot by which a later change of the container can be detected; see `said`."""
    if isinstance(container, dict):
        return [*container, *container.values()]
    if isinstance(container, set | bytearray):
        return container.copy()
    return container.tobytes() if _is_array(container) else list(container)


def _changed(container: Any, before: Any) -> bool:
    """Has a container changed since its snapshot?"""
    after = snapshot(container)
    if isinstance(after, list):
        return len(after) != len(before) or not all(map(operator.is_, after, before))
    return after != before


def said(found: list[Any], before: list[Any], pack: Callable[[Any], Any]) -> dict[str, Any]:
    """Return the new content of each container that changed, by its position."""
    places = {id(container): place for place, container in enumerate(found)}

    def item(value: Any) -> Any:
        place = places.get(id(value))
        return pack(value) if place is None else known(place)

    pairs = zip(found, before, strict=True)
    return {
        str(place): values.shallow(now, item) for place, (now, old) in enumerate(pairs) if _changed(now, old)
    }


def known(place: int) -> Any:
    """Return the reference that stands for a container of the arguments."""
    return {"opaque": {"own": place}}


def change(container: Any, new: Any) -> None:
    """Give a container of the tests the content that the solution gave to its copy.

    Raises:
        TypeError: the two containers are of different kinds.
    """
    if isinstance(container, list | bytearray | deque) and isinstance(new, list | bytearray | deque):
        copied = list(new)
        container.clear()
        container.extend(copied)
    elif isinstance(container, dict | set) and isinstance(new, dict if isinstance(container, dict) else set):
        copied = new.copy()
        container.clear()
        container.update(copied)
    elif _is_array(container) and type(new) is type(container):
        container[...] = new
    else:
        raise TypeError(f"a {type(container).__name__} became a {type(new).__name__}")


def depth(value: Any, known: dict[int, int]) -> int:
    """Return how deeply containers are nested.

    Raises:
        CannotCarry: a container holds itself.
    """
    kind, place = type(value), id(value)
    if not issubclass(kind, (dict, set, frozenset, *_ORDERED, *_VIEWS)):
        return 0
    if place not in known:
        known[place] = -1
        items = dict.values(value) if issubclass(kind, dict) else value
        known[place] = 1 + max(
            (depth(item, known) for item in items if type(item) not in (int, str, float)), default=0
        )
    if known[place] < 0:
        raise values.CannotCarry("a container that holds itself")
    return known[place]


def _is_array(value: Any) -> bool:
    return type(value).__module__ == "numpy" and type(value).__name__ == "ndarray"
