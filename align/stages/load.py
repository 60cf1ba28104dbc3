"""Read rows that exist already: a hub data set, JSON lines, JSON, Parquet or CSV, in the usual shapes.

Every record is judged by itself; what cannot be used is dropped, counted by reason with the indices of the first few,
and kept aside in `dropped.jsonl`. `strict: true` refuses instead.
"""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from align.core import tables
from align.core.errors import BadRow, StageFailed
from align.core.formats import to_rows
from align.core.log import Progress
from align.core.rows import TABLES, Row, content_id, table_of
from align.core.stage import Run, Stage
from align.core.wiring import DATA_SUFFIXES, File

SHOWN = 5
"""Indices shown of each reason."""
Column = Literal["prompt", "messages", "completion", "chosen", "rejected", "answer", "tests", "tags", "margin"]


class Load(Stage):
    """Read prompts, demonstrations or preferences from files or the hub."""

    makes: ClassVar[frozenset[str]] = frozenset(TABLES)

    path: Annotated[str, File(or_hub=True)]
    """A .jsonl, .json, .parquet or .csv file, a folder of such files (relative to the recipe), or a hub id."""
    config: str | None = None
    """Which configuration of a hub data set."""
    revision: str | None = None
    """Commit or tag of a hub data set."""
    split: str = "train"
    """Which split of a hub data set. A file has only one."""
    limit: int | None = Field(default=None, ge=1)
    """Read at most this many records."""
    columns: dict[Column, str] = {}
    """Our column: yours. Only what your file names differently."""
    strict: bool = False
    """True: refuse the data when any record is bad. False: drop it and count it."""

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Refuse a file of another type before anything runs."""
        path = folder / self.path
        if path.is_file() and path.suffix not in DATA_SUFFIXES:
            yield "path", f"{path.suffix or 'no suffix'!r} cannot be read; one of: {', '.join(sorted(DATA_SUFFIXES))}"

    def run(self, run: Run) -> None:
        """Read, judge, write the tables."""
        found, bad, count = self.read(run.runs.home, Progress(run.name, self.limit))
        tables.write_lines(run.folder / "dropped.jsonl", json.loads(json.dumps(bad, default=str)))
        self._judge(run, count, bad)
        for table, rows in found.items():
            if rows:
                tables.write(run.folder, table, rows.values())
        run.report |= {"inputs": count, "dropped": dict(Counter(b["reason"] for b in bad).most_common())}
        run.report["rows"] = {table: len(rows) for table, rows in found.items() if rows}

    def read(self, home: Path, progress: Progress) -> tuple[dict[str, dict[str, Row]], list[dict[str, Any]], int]:
        """Return the rows of each table by id, the bad records with index and reason, and the number of records."""
        found: dict[str, dict[str, Row]] = {table: {} for table in TABLES}
        bad: list[dict[str, Any]] = []
        count = 0
        for index, record in enumerate(islice(self._records(home), self.limit)):
            count += 1
            progress.advance()
            try:
                if isinstance(record, BadRow):
                    raise record
                rows = [replace(row, id=content_id(row)) for row in to_rows(record, dict(self.columns))]
                if rows[-1].id in found[table_of(rows[-1])]:
                    raise BadRow("duplicate of an earlier record")
            except BadRow as reason:
                bad.append({"index": index, "reason": str(reason), "record": None if isinstance(record, BadRow) else record})
                continue
            for row in rows:
                found[table_of(row)][row.id] = row
        progress.close()
        return found, bad, count

    def _judge(self, run: Run, count: int, bad: list[dict[str, Any]]) -> None:
        where: dict[str, list[int]] = defaultdict(list)
        for item in bad:
            where[item["reason"]].append(item["index"])
        lines = [
            f"{len(at)} x {reason} (record{'s' if len(at) > 1 else ''} {', '.join(map(str, at[:SHOWN]))}"
            f"{', ...' if len(at) > SHOWN else ''})"
            for reason, at in where.items()
        ]
        for line in lines:
            run.log.info("%-12s dropped %s", run.name, line)
        if bad and self.strict:
            raise StageFailed(run.name, "strict: true, and bad records: " + "; ".join(lines), run.log_file)
        if count == len(bad):
            why = "; ".join(lines) or "it is empty"
            raise StageFailed(run.name, f"{self.path} gives no usable row: {why}", run.log_file)

    def _records(self, home: Path) -> Iterator[Any]:
        path = home / self.path
        if not path.exists():
            from datasets import load_dataset  # noqa: PLC0415 (only hub data needs it)

            yield from load_dataset(self.path, self.config, split=self.split, revision=self.revision)
            return
        files = sorted(p for p in path.rglob("*") if p.suffix in DATA_SUFFIXES) if path.is_dir() else [path]
        for file in files:
            yield from _read(file)


def _read(file: Path) -> Iterator[Any]:
    if file.suffix == ".jsonl":
        with file.open("rb") as lines:
            for line in lines:
                if line.strip():
                    yield _json(line)
    elif file.suffix == ".json":
        data = _json(file.read_bytes())
        yield from data if isinstance(data, list) else [data]
    elif file.suffix == ".csv":
        yield from _csv(file)
    else:
        import pyarrow.parquet as pq  # noqa: PLC0415

        for batch in pq.ParquetFile(file).iter_batches():
            yield from batch.to_pylist()


def _csv(file: Path) -> Iterator[Any]:
    """Read cells as text ("007" stays what it is), an empty one as missing."""
    csv.field_size_limit(1 << 30)
    with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as lines:
        for record in csv.DictReader(lines):
            if any("\udc80" <= c <= "\udcff" for cell in record.values() if isinstance(cell, str) for c in cell):
                yield BadRow("not UTF-8")
            elif None in record or None in record.values():
                yield BadRow("not as many cells as columns")
            else:
                yield {name: cell or None for name, cell in record.items()}


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except UnicodeDecodeError:
        return BadRow("not UTF-8")
    except (ValueError, RecursionError):  # ValueError: also a number of more than 4,300 digits
        return BadRow("not JSON")
