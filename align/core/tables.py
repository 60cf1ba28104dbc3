"""Rows on disk: one Parquet file a table, in TRL's column names, so `datasets` and TRL read them as they are.

Fields that few rows have (tools, tool calls, reasoning) have a column only in tables that need one. Tools and
tool calls are free-form objects, for which Arrow has no type, so they are JSON columns, which `datasets`
reads as objects.

Files appear whole or not at all (temporary name, sync, rename).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from align.core.rows import TABLES, Row

_FREE_FORM = frozenset({"tests", "tools"})
"""Columns that hold lists of free-form objects, kept as JSON text."""
_OF_MESSAGES = ("reasoning", "tool_calls", "name", "tool_call_id", "train")
"""Keys that a message may have beside role and content, in the order of the columns."""
_CONVERSATIONS = frozenset({"messages", "prompt", "completion", "chosen", "rejected"})
_SLICE = 10_000
"""Rows that are read at once."""
_JSON = frozenset({"tools", "tool_calls"})
"""Optional columns that are of Arrow's JSON type in a finished table."""


@cache
def _schema(table: str, optional: frozenset[str] = frozenset()) -> Any:
    """Return a table's Arrow schema with these optional columns (`tools`, and keys of messages)."""
    import pyarrow as pa  # noqa: PLC0415 (`align check` must not pay for it)

    text, number, truth = pa.string(), pa.float64(), pa.bool_()
    more = [(key, truth if key == "train" else text) for key in _OF_MESSAGES if key in optional]
    messages = pa.list_(pa.struct([("role", text), ("content", text), *more]))
    columns = {
        "prompts": {"id": text, "messages": messages, "answer": text, "tests": text, "tags": pa.list_(text)},
        "demonstrations": {"id": text, "prompt": messages, "completion": messages},
        "preferences": {
            "id": text,
            "prompt": messages,
            "chosen": messages,
            "rejected": messages,
            "margin": number,
        },
        "unpaired": {"id": text, "prompt": messages, "completion": messages, "label": truth},
    }
    tools = [("tools", text)] if "tools" in optional else []
    return pa.schema([*columns[table].items(), *tools])


def _as_json(schema: Any) -> Any:
    """Return a schema in which columns of JSON text, also inside messages, have Arrow's JSON type."""
    import pyarrow as pa  # noqa: PLC0415

    def of(name: str, kind: Any) -> Any:
        if name in _JSON:
            return pa.json_()
        if pa.types.is_list(kind) and pa.types.is_struct(kind.value_type):
            return pa.list_(
                pa.struct([(field.name, of(field.name, field.type)) for field in kind.value_type])
            )
        return kind

    return pa.schema([(field.name, of(field.name, field.type)) for field in schema])


def optional_columns(schema: Any) -> frozenset[str]:
    """Return which optional columns a table's Arrow schema has."""
    inside = next(schema.field(name).type.value_type for name in schema.names if name in _CONVERSATIONS)
    return frozenset({field.name for field in inside} & {*_OF_MESSAGES}) | ({"tools"} & {*schema.names})


def _used(records: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Return the optional columns that records need."""
    found: set[str] = set()
    for record in records:
        for name, value in record.items():
            if name in _CONVERSATIONS:
                found.update(key for message in value for key in message)
            elif name == "tools" and value is not None:
                found.add(name)
    return frozenset(found) - {"role", "content"}


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
    names = [name for name in row.__dataclass_fields__ if name != "note" and (name != "tools" or row.tools)]
    return {name: _out(name, getattr(row, name)) for name in names}


def write_records(
    path: Path, table: str, records: list[dict[str, Any]], more: Mapping[str, str] | None = None
) -> int:
    """Write records of a table's columns and of `more` columns (name to Arrow type); return their number.

    With `more` the file is a part of a table (`data_synthesis.engine.ledger`), in which JSON is plain text.
    """
    import pyarrow as pa  # noqa: PLC0415

    schema = schema_of(table, more, _used(records))
    with writing(path, schema if more else _as_json(schema)) as writer:
        writer.write_table(as_written(pa.Table.from_pylist(records, schema=schema), writer.schema))
    return len(records)


def schema_of(
    table: str, more: Mapping[str, str] | None = None, optional: frozenset[str] = frozenset()
) -> Any:
    """Return the Arrow schema of a table, with `more` columns (name to Arrow type) behind its own."""
    import pyarrow as pa  # noqa: PLC0415

    more = more or {}
    return pa.schema(
        [*_schema(table, optional), *((name, pa.type_for_alias(alias)) for name, alias in more.items())]
    )


def finished_schema(table: str, optional: frozenset[str]) -> Any:
    """Return the Arrow schema of a finished table with those optional columns."""
    return _as_json(_schema(table, optional))


def as_written(rows: Any, schema: Any) -> Any:
    """Convert Arrow rows to a schema that has more optional columns, or JSON columns in place of text."""
    if rows.schema.equals(schema):
        return rows
    import pyarrow as pa  # noqa: PLC0415

    plain = pa.schema([(field.name, _as_text(field.type)) for field in schema])
    if not rows.schema.equals(plain):  # rare: only some parts of few stages' tables
        rows = pa.Table.from_pylist(rows.to_pylist(), schema=plain)
    return rows.cast(schema)


def _as_text(kind: Any) -> Any:
    """Return an Arrow type with text in place of JSON."""
    import pyarrow as pa  # noqa: PLC0415

    if kind == pa.json_():
        return pa.string()
    if pa.types.is_list(kind) and pa.types.is_struct(kind.value_type):
        return pa.list_(pa.struct([(field.name, _as_text(field.type)) for field in kind.value_type]))
    return kind


@contextmanager
def writing(path: Path, schema: Any) -> Iterator[Any]:
    """Yield a `pyarrow.parquet.ParquetWriter`; its file appears whole when the block ends, or not at all."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    with whole(path) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        yield writer


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that appears, synced, when the block ends, or not at all; only one process writes it."""
    temporary = path.with_name(f".{path.name}.tmp")
    with _or_removed(temporary), temporary.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


@contextmanager
def _or_removed(temporary: Path) -> Iterator[None]:
    """Remove a file that could not be written, to free the little space that is left."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def read(folder: Path, table: str) -> list[Row]:
    """Read a table back into rows."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    cls = TABLES[table]
    # in slices, so that rows and their records are not all in memory together
    with pq.ParquetFile(folder / f"{table}.parquet") as file:
        return [
            cls(**{name: _in(name, value) for name, value in record.items()})
            for batch in file.iter_batches(batch_size=_SLICE)
            for record in batch.to_pylist()
        ]


def json_object(file: Path) -> dict[str, Any]:
    """Return the object in a small JSON file; an empty one if the file is missing or holds something else."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read what `write_lines` has written."""
    # not splitlines(): a text may hold line ends of other kinds, such as U+2028
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def write_lines(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """Write JSON lines, whole or not at all."""
    replace(path, "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records))


def replace(path: Path, text: str) -> None:
    """Write a small file, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")  # several processes may write the same
    # half a surrogate pair becomes \ud83d, which JSON reads back as the same
    with _or_removed(temporary), temporary.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


def _out(name: str, value: Any) -> Any:
    """Return a row's value as a column holds it."""
    if name in _FREE_FORM:
        return json.dumps(value, ensure_ascii=False)
    if name in _CONVERSATIONS and any("tool_calls" in message for message in value):
        return [
            m | {"tool_calls": json.dumps(m["tool_calls"], ensure_ascii=False)} if "tool_calls" in m else m
            for m in value
        ]
    return value


def _in(name: str, value: Any) -> Any:
    """Return a column's value as a row holds it; a null key of a message is left out."""
    if name in _FREE_FORM:
        return [] if value is None else json.loads(value)
    if name not in _CONVERSATIONS:
        return value
    return [
        {
            key: json.loads(item) if key == "tool_calls" else item
            for key, item in message.items()
            if item is not None
        }
        for message in value
    ]
