"""Append-only files that survive kill -9: JSON lines while they are written, gzip members once packed.

A journal belongs to one writer. Others may read it at any time: a line without its newline does not count
yet. Only the writer removes a line that its own crash left half-written, so no lock is needed, not even on a
shared file system.

Packing puts the lines, about 1 MB at a time, into gzip members (RFC 1952; `zcat` reads the whole file), and a
line is still found by its offset in the plain file. A packed file appears whole or not at all: temporary
name, sync, rename.

Every write raises an audit event (`sys.audit`, `data_synthesis.write`), as Python itself does for every
rename and removal; `data_synthesis.testing` kills processes at these events.
"""

from __future__ import annotations

import bisect
import gzip
import json
import os
import sys
import zlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from align.core import tables

MEMBER_BYTES = 1 << 20
"""Plain text in a gzip member. Reading a line unpacks one (5 ms); larger ones would hardly pack better."""
_ENCODER = json.JSONEncoder(separators=(",", ":"))
"""It writes ASCII only, so half a surrogate pair survives. `json.dumps` would make an encoder a call."""


class Journal:
    """The writer's side of a journal: a JSON-lines file, one flushed line a record."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None

    def append(self, *records: dict[str, Any], sync: bool = False) -> int:
        """Write records and return the offset of the first.

        They survive the death of this process as soon as this returns, and with `sync` that of the machine.
        """
        if self._file is None:
            self.repair()
            self._file = self.path.open("ab")
        offset = self._file.tell()
        sys.audit("data_synthesis.write", str(self.path))
        self._file.write("".join(_ENCODER.encode(r) + "\n" for r in records).encode())
        self._file.flush()
        if sync:
            os.fsync(self._file.fileno())
        return offset

    def repair(self) -> None:
        """Cut off a last line that a crash left half-written."""
        if not self.path.exists():
            return
        with self.path.open("rb+") as file:
            end = file.seek(0, os.SEEK_END)
            while end:
                start = max(0, end - 65536)
                file.seek(start)
                newline = file.read(end - start).rfind(b"\n")
                if newline >= 0:
                    end = start + newline + 1
                    break
                end = start
            file.truncate(end)

    def close(self) -> None:
        """Close the file; appending again reopens it."""
        if self._file is not None:
            self._file.close()
            self._file = None


class JournalReader:
    """The readers' side: all lines, or the line at an offset, whether the file is plain or packed by now."""

    def __init__(self, path: Path) -> None:
        self.plain = path.with_suffix("") if path.suffix == ".gz" else path
        self.packed = self.plain.with_name(f"{self.plain.name}.gz")
        self._members: list[tuple[int, int, int]] | None = None

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield (offset in the plain text, line) of every whole line.

        Raises:
            OSError, zlib.error, EOFError: the file cannot be read, from there on.
        """
        offset = 0
        with self._open() as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield offset, line
                offset += len(line)

    def _open(self) -> Any:
        try:
            return self.plain.open("rb")
        except FileNotFoundError:  # somebody has packed it
            return gzip.open(self.packed)

    def at(self, offset: int) -> bytes:
        """Return the line that starts at an offset of the plain text."""
        try:
            fd = os.open(self.plain, os.O_RDONLY)
        except FileNotFoundError:
            return self._unpacked(offset)
        try:
            size = 4096
            while True:
                data = os.pread(fd, size, offset)
                end = data.find(b"\n") + 1
                if end or len(data) < size:
                    return data[: end or None]
                size *= 4
        finally:
            os.close(fd)

    def _unpacked(self, offset: int) -> bytes:
        if self._members is None:
            self._members = list(members(self.packed))
        start, place, size = self._members[bisect.bisect_right(self._members, (offset, sys.maxsize, 0)) - 1]
        text = _unpack(self.packed, place, size)
        return text[offset - start : text.find(b"\n", offset - start) + 1]


def lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (offset in the plain text, line) of every whole line of a journal, packed or not."""
    return JournalReader(path).lines()


def pack(path: Path) -> Path:
    """Replace a journal that nobody writes to any more by its packed form, and return its path."""
    packed = path.with_name(f"{path.name}.gz")
    with path.open("rb") as plain, tables.whole(packed) as file:
        while block := plain.readlines(MEMBER_BYTES):  # whole lines, of at least that much together
            if not block[-1].endswith(b"\n"):
                block.pop()  # a crash of its writer left it half-written
            file.write(gzip.compress(b"".join(block), compresslevel=6, mtime=0))
    path.unlink()
    return packed


def members(path: Path) -> Iterator[tuple[int, int, int]]:
    """Yield (start in the plain text, place in the file, packed size) of each gzip member."""
    data, place, start = memoryview(path.read_bytes()), 0, 0
    while place < len(data):
        unpacker, plain, at = zlib.decompressobj(wbits=31), 0, place
        while not unpacker.eof and at < len(data):
            plain += len(unpacker.decompress(data[at : at + MEMBER_BYTES]))
            at += MEMBER_BYTES
        size = min(at, len(data)) - len(unpacker.unused_data) - place
        yield start, place, size
        start, place = start + plain, place + size


@lru_cache(maxsize=8)
def _unpack(path: Path, place: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(place)
        return zlib.decompress(file.read(size), wbits=31)
