"""Iterators of the solution, drawn as the tests ask: `next` draws one item, a loop draws ahead, twice as many each time.

Drawing ahead stops behind an item that took long, so that a loop which ends in time does not wait for an item that it
never wanted. A list that a generator yields again and again is one list to the tests too, and shows what it holds now.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from types import GeneratorType
from typing import Any

from . import changes, values

AHEAD = 1024
SLOW = 1e-4
"""Seconds; behind an item that took longer nothing is drawn ahead."""


class Source:
    """The solution's side: the iterator, what failed when it was drawn ahead, and what it may still change."""

    def __init__(self, iterator: Any) -> None:
        self.iterator = iterator
        self.failed: BaseException | None = None
        self.held: list[Any] = []
        self.places: dict[int, int] = {}
        self.repeated: set[int] = set()

    def draw(self, count: int, pack: Callable[[Any], Any], sent: Any = None) -> dict[str, Any]:
        """Return some items and whether there are more; an exception waits until the items before it are given."""
        if self.failed:
            failed, self.failed = self.failed, None
            raise failed
        items: list[Any] = []
        ended = False
        try:
            for _ in range(count):
                started = time.perf_counter()
                item = next(self.iterator) if sent is None else self.iterator.send(sent)
                items.append([self._place(item), pack(item)])
                if time.perf_counter() - started > SLOW:
                    break
        except StopIteration:
            ended = True
        except Exception as error:
            if not items:
                raise
            self.failed = error
        last = [[place, pack(self.held[place])] for place in sorted(self.repeated)] if ended else []
        return {"value": None, "drawn": [items, ended, last]}

    def _place(self, item: Any) -> int:
        """Return a number for what can change, the same for the same; -1 for what cannot."""
        if type(item) not in (list, dict, set):
            return -1
        place = self.places.setdefault(id(item), len(self.held))
        if place == len(self.held):
            self.held.append(item)
        else:
            self.repeated.add(place)
        return place


def driven(source: Any) -> Iterator[Any]:
    """Yield what an asynchronous iterator yields."""
    import asyncio  # noqa: PLC0415 (large, and rarely needed)

    loop, iterator = asyncio.new_event_loop(), aiter(source)
    while True:
        try:
            yield loop.run_until_complete(anext(iterator))
        except StopAsyncIteration:
            return


async def given(value: Any) -> Any:
    """Return a value to who awaits it."""
    return value


class Lazy:
    """The tests' side."""

    by_number = True

    def __init__(self, link: Any, number: int, kind: str) -> None:
        self._link, self._number, self._kind = link, number, kind
        self._buffer: deque[tuple[int, Any]] = deque()
        self._held: dict[int, Any] = {}
        self._last: list[tuple[int, Any]] = []
        self._ended, self._ahead, self._total = False, 0, 0

    @property
    def __class__(self) -> type:  # what the tests may ask by `isinstance`
        return GeneratorType if self._kind == "generator" else Lazy

    @__class__.setter
    def __class__(self, kind: type) -> None:
        raise TypeError("it stays what it is")

    def __iter__(self) -> Lazy:
        self._ahead = self._ahead or 1
        return self

    def __next__(self) -> Any:
        if not self._buffer and not self._ended:
            self._fetch(["draw", self._number, self._ahead or 1])
            self._ahead = min(2 * self._ahead, AHEAD)
        if not self._buffer:
            for place, value in self._last:
                self._same(place, value)
            raise StopIteration
        return self._same(*self._buffer.popleft())

    def send(self, value: Any) -> Any:
        """Send a value into a generator; return what it yields next."""
        if self._ahead:
            raise self._link.unsupported("send() to a generator after a loop over it")
        if value is not None:
            self._fetch(["send", self._number, value])
        return next(self)

    def throw(self, *_: Any) -> Any:
        """Not done: what a generator makes of an exception of the tests."""
        raise self._link.unsupported("throw() into a generator of the solution")

    def close(self) -> None:
        """Close a generator."""
        self._buffer.clear()
        self._ended = True
        self._link.ask(["close", self._number])

    def _fetch(self, message: list[Any]) -> None:
        if self._total > values.MAX_DRAWN:
            raise self._link.refused(f"an iterator gave more than {values.MAX_DRAWN:,} items")
        items, self._ended, self._last = self._link.drawn(message)
        self._total += len(items)
        self._buffer.extend(items)

    def _same(self, place: int, value: Any) -> Any:
        """Return a value, as the container that it was before if it is one."""
        if place < 0:
            return value
        held = self._held.setdefault(place, value)
        if held is not value:
            changes.change(held, value)
        return held
