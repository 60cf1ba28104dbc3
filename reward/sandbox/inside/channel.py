"""Frames over a stream socket: four bytes of length, big-endian, then that many bytes.

The length is believed only up to a limit, so what an enemy writes here can be wrong, but never large.
"""

from __future__ import annotations

import os


class Closed(Exception):
    """The other side is gone."""


class Overlong(Exception):
    """The other side announced more than it may send."""


def send(descriptor: int, data: bytes) -> None:
    """Write a frame.

    Raises:
        Closed: nobody reads.
    """
    view = memoryview(len(data).to_bytes(4) + data)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except (BrokenPipeError, ConnectionResetError):
        raise Closed from None


def receive(descriptor: int, limit: int) -> bytes:
    """Read a frame of at most `limit` bytes.

    Raises:
        Closed: the other side ended first.
        Overlong: it is larger.
    """
    size = int.from_bytes(_exactly(descriptor, 4))
    if size > limit:
        raise Overlong(f"{size:,} bytes announced, at most {limit:,} taken")
    return _exactly(descriptor, size)


def _exactly(descriptor: int, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        try:
            piece = os.read(descriptor, min(size - len(data), 1 << 20))
        except ConnectionResetError:
            piece = b""
        if not piece:
            raise Closed
        data += piece
    return bytes(data)
