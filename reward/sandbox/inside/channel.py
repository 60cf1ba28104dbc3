"""Send and receive frames over a stream socket: four bytes of length, big-endian, then that many bytes.

The length is believed only up to a limit, so a hostile sender can send a wrong frame, but never a large one.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from typing import TypeAlias

Wait: TypeAlias = Callable[[int], None]


class Closed(Exception):
    """The other side is gone."""


class Overlong(Exception):
    """The other side announced more than it may send."""


def send(descriptor: int, data: bytes, wait: Wait | None = None) -> None:
    """Send a frame.

    Args:
        descriptor: the descriptor to write to.
        data: the bytes of the frame.
        wait: called when a non-blocking descriptor is not ready, with the event to wait for
            (`select.POLLOUT`).

    Raises:
        Closed: nobody reads the other end.
    """
    view = memoryview(len(data).to_bytes(4) + data)
    try:
        while view:
            try:
                view = view[os.write(descriptor, view) :]
            except BlockingIOError:
                _wait(wait, select.POLLOUT)
    except (BrokenPipeError, ConnectionResetError):
        raise Closed from None


def receive(descriptor: int, limit: int, wait: Wait | None = None) -> bytes:
    """Receive a frame of at most `limit` bytes; `wait` is as in `send`. Without it, "not ready" means closed.

    Raises:
        Closed: the other side ended before the frame was complete.
        Overlong: the announced length is above the limit.
    """
    size = int.from_bytes(_exactly(descriptor, 4, wait))
    if size > limit:
        raise Overlong(f"a message of {size:,} bytes, more than {limit:,}")
    return _exactly(descriptor, size, wait)


def _wait(wait: Wait | None, event: int) -> None:
    if wait is None:
        raise Closed
    wait(event)


def _exactly(descriptor: int, size: int, wait: Wait | None) -> bytes:
    data = bytearray()
    while len(data) < size:
        try:
            piece = os.read(descriptor, min(size - len(data), 1 << 20))
        except BlockingIOError:
            _wait(wait, select.POLLIN)
            continue
        except ConnectionResetError:
            piece = b""
        if not piece:
            raise Closed
        data += piece
    return bytes(data)
