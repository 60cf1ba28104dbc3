"""Arguments that the solution changed: found in its process, changed in the tests' process too, each container as itself.

Both sides walk the same arguments in the same order, so a container is known by its place in that walk. What
the solution says is then the new content of some of them, in which a known one stands for itself: a list of
rows that was reversed keeps its rows. Only what Python would let a function change can be changed.
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
    """Return what can be changed in a value, itself first, what it holds in order."""
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
    """Return what tells whether a container has changed; see `said`."""
    if isinstance(container, dict):
        return [*container, *container.values()]
    if isinstance(container, set | bytearray):
        return container.copy()
    return container.tobytes() if _is_array(container) else list(container)


def _changed(container: Any, before: Any) -> bool:
    """Did a container change since its snapshot?"""
    after = snapshot(container)
    if isinstance(after, list):
        return len(after) != len(before) or not all(map(operator.is_, after, before))
    return after != before


def said(found: list[Any], before: list[Any], pack: Callable[[Any], Any]) -> dict[str, Any]:
    """Return the new content of those that changed, by their place."""
    places = {id(container): place for place, container in enumerate(found)}

    def item(value: Any) -> Any:
        place = places.get(id(value))
        return pack(value) if place is None else known(place)

    pairs = zip(found, before, strict=True)
    return {
        str(place): values.shallow(now, item) for place, (now, old) in enumerate(pairs) if _changed(now, old)
    }


def known(place: int) -> Any:
    """Return what stands for a container of the arguments."""
    return {"opaque": {"own": place}}


def change(container: Any, new: Any) -> None:
    """Make a container of the tests what the solution made of its copy.

    Raises:
        TypeError: the two are of different kinds.
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
    """Return how deep containers stand in each other.

    Raises:
        CannotCarry: one holds itself.
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
