"""Read a file by its suffix: JSON lines, JSON, Parquet, CSV, TSV, Arrow, each also compressed.

A record that cannot be read becomes a `BadRow` in its place; a file that cannot be read raises an error that
names it.
"""

from __future__ import annotations

import csv
import io
import json
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from align.core.errors import BadRow, UsageError

READERS = {".jsonl", ".ndjson", ".json", ".parquet", ".csv", ".tsv", ".arrow"}
PACKED = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
"""Suffixes of compressed files, and what Arrow calls the codec."""
_LFS = b"version https://git-lfs"
Stream: TypeAlias = Any
"""An `io.BufferedReader`: bytes that can be looked at before they are read."""


def is_data(path: Path) -> bool:
    """Is this, by its name, a file that can be read?"""
    return _suffix(path) in READERS


def _suffix(path: Path) -> str:
    """Return a file's suffix, without that of its compression."""
    return Path(path.stem).suffix.lower() if path.suffix.lower() in PACKED else path.suffix.lower()


Numbered: TypeAlias = tuple[Any, int | None]
"""A record, and the line of the file on which it begins, counted from 1; None where the file has no lines."""


def read(file: Path, split: str = "train") -> Iterator[Numbered]:
    """Yield the records of a file, each with its line.

    Args:
        file: with one of the suffixes above.
        split: which part of a JSON file that holds several, `{"train": [...], "test": [...]}`.

    Raises:
        UsageError: it cannot be read.
    """
    import pyarrow as pa  # noqa: PLC0415 (`align check` must not pay for it)

    try:
        with _opened(file) as stream:
            yield from _records(file, stream, split)
    except (OSError, EOFError, zlib.error, UnicodeError, csv.Error, pa.ArrowException) as error:
        raise UsageError(f"{file} cannot be read: {error}") from None


def objects(file: Path, fields: Sequence[str]) -> list[dict[str, Any]]:
    """Return the records of a small file, each of which must be an object with these fields.

    Raises:
        UsageError: the file cannot be read, or a record is not as it must be.
    """
    found = []
    for number, (record, line) in enumerate(read(file), 1):
        place = f"{file}: line {line}" if line else f"{file}: record {number}"
        if isinstance(record, BadRow):
            raise UsageError(f"{place} is {record}")
        if not isinstance(record, dict) or any(record.get(name) is None for name in fields):
            raise UsageError(f"{place} lacks {' or '.join(f'`{name}`' for name in fields)}")
        found.append(record)
    return found


def _records(file: Path, stream: Stream, split: str) -> Iterator[Numbered]:
    suffix = _suffix(file)
    if stream.peek(len(_LFS))[: len(_LFS)] == _LFS:
        raise UsageError(
            f"{file} is a pointer of git-lfs and not the file itself; fetch it with `git lfs pull`"
        )
    if suffix == ".parquet":
        yield from ((record, None) for record in _parquet(file, stream))
    elif suffix == ".arrow":
        yield from ((record, None) for record in _arrow(file, stream))
    elif suffix in (".csv", ".tsv"):
        yield from _table(file, stream, "\t" if suffix == ".tsv" else ",")
    elif suffix == ".json" or stream.peek(64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"[":
        yield from _json(stream.read(), split)
    else:
        yield from _lines(stream)


def _opened(file: Path) -> Stream:
    """Open a file, unpacking it on the way."""
    codec = PACKED.get(file.suffix.lower())
    if codec is None:
        return file.open("rb")
    import pyarrow as pa  # noqa: PLC0415

    return io.BufferedReader(pa.CompressedInputStream(pa.OSFile(str(file)), codec))  # type: ignore[arg-type]


def _buffered(data: bytes) -> Stream:
    return io.BufferedReader(io.BytesIO(data))


# -- JSON ----------------------------------------------------------------------------------------------------


def _lines(stream: Stream) -> Iterator[Numbered]:
    for number, line in enumerate(stream, 1):
        if line.strip():
            yield _parsed(line), number


def _json(data: bytes, split: str) -> Iterator[Numbered]:
    """Yield the records of a JSON file: an array, one object, lists by split, or JSON lines.

    `{"data": [...]}` is the split that is asked for, whichever it is.
    """
    whole = _parsed(data)
    if isinstance(whole, BadRow) and data.strip().count(b"\n"):
        yield from _lines(_buffered(data))
    elif isinstance(whole, dict) and whole and all(_are_objects(rows) for rows in whole.values()):
        parts = {"data": split} if list(whole) == ["data"] else {name: name for name in whole}
        if split not in parts.values():
            raise UsageError(f"it holds {', '.join(whole)}, and not the split {split!r}")
        yield from ((row, None) for row in next(whole[name] for name, part in parts.items() if part == split))
    else:
        yield from ((row, None) for row in (whole if isinstance(whole, list) else [whole]))


def _are_objects(rows: Any) -> bool:
    return (
        isinstance(rows, list)
        and bool(rows)
        and all(isinstance(row, dict) and not _is_turn(row) for row in rows)
    )


def _is_turn(row: dict[str, Any]) -> bool:
    return bool(row.keys() & {"role", "from"})


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return BadRow("not UTF-8")
    except (ValueError, RecursionError):  # ValueError: also a number of more than 4,300 digits
        return BadRow("not JSON")


# -- tables --------------------------------------------------------------------------------------------------


def _table(file: Path, stream: Stream, delimiter: str) -> Iterator[Numbered]:
    """Read cells as text ("007" stays "007"), and empty cells as missing.

    Quotes are CSV's (RFC 4180). A TSV file whose quotes are not well formed is read without any.
    """
    csv.field_size_limit(1 << 30)
    quoting = csv.QUOTE_MINIMAL
    if delimiter == "\t":
        data = stream.read()
        stream, quoting = _buffered(data), quoting if _is_quoted(data) else csv.QUOTE_NONE
    with _decoded(stream) as lines:
        reader = csv.reader(lines, delimiter=delimiter, strict=True, quoting=quoting)
        names = next(reader, [])
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            raise UsageError(f"{file} has two columns {twice[0]!r}")
        while True:
            begun = reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                yield BadRow(f"not CSV: {error}"), begun
                if "unexpected end" in str(error):
                    raise UsageError(f"{file}: a quote that opens on line {begun} is never closed") from None
                continue
            if cells is None:
                return
            if cells:
                yield _record(names, cells), begun


def _record(names: list[str], cells: list[str]) -> Any:
    if any("\udc80" <= letter <= "\udcff" for cell in cells for letter in cell):
        return BadRow("not UTF-8")
    if len(cells) != len(names):
        return BadRow("not as many cells as columns")
    return {name: cell or None for name, cell in zip(names, cells, strict=True)}


def _is_quoted(data: bytes) -> bool:
    """Are all quotes of a TSV file well formed?"""
    with _decoded(_buffered(data)) as lines:
        try:
            for _ in csv.reader(lines, delimiter="\t", strict=True):
                pass
        except csv.Error:
            return False
    return True


def _decoded(stream: Stream) -> io.TextIOWrapper:
    """Return a table's text. Excel writes UTF-16, which the first bytes show."""
    mark = stream.peek(2)[:2]
    encoding = "utf-16" if mark in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return io.TextIOWrapper(stream, encoding=encoding, errors="surrogateescape", newline="")


def _parquet(file: Path, stream: Stream) -> Iterator[Any]:
    import pyarrow.parquet as pq  # noqa: PLC0415

    held = pq.ParquetFile(file if file.suffix.lower() not in PACKED else io.BytesIO(stream.read()))
    if twice := [name for name, count in Counter(held.schema_arrow.names).items() if count > 1]:
        raise UsageError(f"{file} has two columns {twice[0]!r}")
    for batch in held.iter_batches():
        yield from batch.to_pylist()


def _arrow(file: Path, stream: Stream) -> Iterator[Any]:
    """Read Arrow's stream format (which `datasets` writes) or its file format (Feather)."""
    import pyarrow as pa  # noqa: PLC0415

    in_file = stream.peek(6)[:6] == b"ARROW1"
    packed = file.suffix.lower() in PACKED
    with pa.BufferReader(stream.read()) if packed else pa.memory_map(str(file)) as source:
        opened = pa.ipc.open_file(source) if in_file else pa.ipc.open_stream(source)
        batches: Any = (opened.get_batch(i) for i in range(opened.num_record_batches)) if in_file else opened
        for batch in batches:
            yield from batch.to_pylist()
