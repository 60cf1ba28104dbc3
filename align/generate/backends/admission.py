"""Find out how many requests each server takes at once, and choose among several servers.

The limit follows TCP's congestion control (Chiu and Jain 1989; RFC 5681): it doubles every round until the
first overload, grows by one a round after that, and is halved at an overload, once for all requests that were
under way. A limit that is not used does not grow (RFC 7661). An overload is a 429 or 503, a timeout, or an
address that does not answer; other faults say nothing about how much a server can take.

With several servers, the beginning of a prompt decides which server gets a request (rendezvous hashing,
Thaler and Ravishankar 1998), so that prefix caches hit, unless that server is clearly busier than the idlest
one.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
from collections import deque
from collections.abc import Sequence

START = 16.0
"""Requests at once in the first round; four rounds reach 256."""
LEANING = 0.25
"""How much busier than the idlest server, as a share of its limit, a prompt's own server may be and still get
the request."""


class Admission:
    """Limits how many requests one server is working on, on one event loop."""

    def __init__(self, most: int, alone: bool = True) -> None:
        self.most, self.limit, self.in_flight, self.alone = most, min(float(most), START), 0, alone
        self._waiting: deque[asyncio.Future[bool]] = deque()
        self._doubling, self._cut_at, self._closed_until, self._failing = True, -math.inf, -math.inf, False

    @property
    def load(self) -> float:
        """Requests in flight or waiting, as a share of the limit; 1 more if failing, infinite if closed."""
        if time.monotonic() < self._closed_until:
            return math.inf
        return (self.in_flight + len(self._waiting)) / max(1.0, self.limit) + self._failing

    async def enter(self, *, ahead: bool = False) -> bool:
        """Wait for a place, first come, first served. False: the server has just failed, try others first.

        Args:
            ahead: go to the front of the queue: the row of this request has begun, and should end before
                others begin.
        """
        if (ahead or not self._waiting) and self._open():
            self.in_flight += 1
            return True
        place = asyncio.get_running_loop().create_future()
        (self._waiting.appendleft if ahead else self._waiting.append)(place)
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.result():
                self.leave()  # it was let in at the same moment in which it was cancelled
            elif place in self._waiting:
                self._waiting.remove(place)
            raise

    def leave(self) -> None:
        """Free a place."""
        self.in_flight -= 1
        self._let_in()

    def succeeded(self) -> None:
        """Raise the limit, if it was what held requests back."""
        self._failing = False
        if self.in_flight >= self.limit - 1:
            self.limit = min(float(self.most), self.limit + (1.0 if self._doubling else 1.0 / self.limit))

    def overloaded(self, sent_at: float, retry_after: float | None) -> None:
        """Halve the limit, unless that was done after the request was sent; pause for `retry_after` seconds.

        If there are other servers, all waiting requests are sent away to choose again.
        """
        now, self._failing = time.monotonic(), True
        if sent_at > self._cut_at:
            self.limit, self._doubling, self._cut_at = max(1.0, self.limit / 2), False, now
        if retry_after:
            self._closed_until = max(self._closed_until, now + retry_after)
            asyncio.get_running_loop().call_later(retry_after, self._let_in)
        if self.alone:
            return
        waiting, self._waiting = self._waiting, deque()
        for place in waiting:
            if not place.done():
                place.set_result(False)

    def _open(self) -> bool:
        return self.in_flight < int(self.limit) and time.monotonic() >= self._closed_until

    def _let_in(self) -> None:
        while self._waiting and self._open():
            place = self._waiting.popleft()
            if not place.done():
                self.in_flight += 1
                place.set_result(True)


class Fleet:
    """The servers of one model."""

    def __init__(self, urls: Sequence[str], most: int) -> None:
        self.doors = {url: Admission(most, alone=len(urls) == 1) for url in urls}

    def choose(self, prefix: str, avoid: str | None) -> str:
        """Return the server for a request.

        Args:
            prefix: the beginning of the prompt; prompts that share it go to the same server.
            avoid: the server that has just failed this request; taken only when it is the only one.
        """
        urls = [url for url in self.doors if url != avoid] or list(self.doors)
        if len(urls) == 1:
            return urls[0]
        own = max(
            urls,
            key=lambda url: hashlib.blake2b(
                f"{url}\0{prefix}".encode("utf-8", "replace"), digest_size=8
            ).digest(),
        )
        idlest = min(urls, key=lambda url: self.doors[url].load)
        return own if self.doors[own].load <= self.doors[idlest].load + LEANING else idlest
