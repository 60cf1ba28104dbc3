"""Rows on disk: one Parquet file a table, in TRL's column names, so `datasets` and TRL read them as they are.

Files appear whole or not at all (temporary name, sync, rename).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from align.core.rows import TABLES, Row, table_of

_JSON_COLUMNS = {"tests"}
"""Lists of free-form objects: Arrow has no type for them, so they are stored as JSON text."""


@cache
def _schema(table: str) -> Any:
    import pyarrow as pa  # noqa: PLC0415 (`align check` must not pay for it)

    messages = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    text, number = pa.string(), pa.float64()
    columns = {
        "prompts": {"id": text, "messages": messages, "answer": text, "tests": text, "tags": pa.list_(text)},
        "demonstrations": {"id": text, "prompt": messages, "completion": messages},
        "preferences": {"id": text, "prompt": messages, "chosen": messages, "rejected": messages, "margin": number},
    }
    return pa.schema(list(columns[table].items()))


def exists(folder: Path, table: str) -> bool:
    """Does this artifact hold that table?"""
    return (folder / f"{table}.parquet").is_file()


def held(folder: Path) -> list[str]:
    """Return the tables that an artifact holds."""
    return [table for table in TABLES if exists(folder, table)]


def count(folder: Path, table: str) -> int:
    """Return the number of rows without reading them."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    return pq.read_metadata(folder / f"{table}.parquet").num_rows


def write(folder: Path, table: str, rows: Iterable[Row]) -> int:
    """Write a table and return its number of rows."""
    return write_records(folder / f"{table}.parquet", table, [record(row) for row in rows])


def record(row: Row) -> dict[str, Any]:
    """Return a row as a record of its table's columns."""
    return {name: _out(name, getattr(row, name)) for name in _columns(table_of(row))}


@cache
def _columns(table: str) -> tuple[str, ...]:
    return tuple(_schema(table).names)


def write_records(path: Path, table: str, records: list[dict[str, Any]], more: Mapping[str, str] | None = None) -> int:
    """Write records of a table's columns, and of `more` columns (name to Arrow type), and return their number."""
    import pyarrow as pa  # noqa: PLC0415

    schema = schema_of(table, more)
    with writing(path, schema) as writer:
        writer.write_table(pa.Table.from_pylist(records, schema=schema))
    return len(records)


def schema_of(table: str, more: Mapping[str, str] | None = None) -> Any:
    """Return the Arrow schema of a table, with `more` columns (name to Arrow type) behind its own."""
    import pyarrow as pa  # noqa: PLC0415

    return pa.schema([*_schema(table), *((name, pa.type_for_alias(alias)) for name, alias in (more or {}).items())])


@contextmanager
def writing(path: Path, schema: Any) -> Iterator[Any]:
    """Yield a `pyarrow.parquet.ParquetWriter` to a file that appears whole when the block ends, or not at all."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    with whole(path) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        yield writer


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that appears under its name, synced, when the block ends, or not at all. One process writes it."""
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


def read(folder: Path, table: str) -> list[Row]:
    """Read a table back into rows."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    cls = TABLES[table]
    records = pq.read_table(folder / f"{table}.parquet").to_pylist()
    return [cls(**{name: _in(name, value) for name, value in record.items()}) for record in records]


def write_lines(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """Write JSON lines, whole or not at all."""
    replace(path, "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records))


def replace(path: Path, text: str) -> None:
    """Write a small file, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")  # several processes may write the same
    # half a surrogate pair becomes \ud83d, which JSON reads back as the same
    with temporary.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


def _out(name: str, value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if name in _JSON_COLUMNS else value


def _in(name: str, value: Any) -> Any:
    return json.loads(value) if name in _JSON_COLUMNS else value
