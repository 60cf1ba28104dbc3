"""Read rows that exist already: a hub data set, a file or a folder of files, in the usual shapes.

Every record is judged by itself. A record that cannot be used is dropped, counted by reason (with the places
of the first few), and kept in `dropped.jsonl`. `strict: true` refuses such data instead. Columns that are not
used are reported once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from align.core import sources, tables
from align.core.dropped import Dropped
from align.core.errors import BadRow, StageFailed, UsageError
from align.core.formats import Reader
from align.core.log import Progress
from align.core.rows import TABLES, Row, content_id, table_of
from align.core.stage import Run, Stage
from align.core.wiring import File

LONGEST_KEPT = 10_000
"""Most characters of a text of a dropped record that are kept in `dropped.jsonl`."""
DEEPEST_KEPT = 50
"""Deepest nesting of a dropped record that is kept; too deep a nesting may be why it was dropped."""
Column = Literal[
    "prompt", "messages", "completion", "chosen", "rejected", "system", "tools", "label", "answer", "tests",
    "tags", "margin",
]  # fmt: skip


class Load(Stage):
    """Read prompts, demonstrations, preferences or unpaired rows from files or the hub."""

    makes: ClassVar[frozenset[str]] = frozenset(TABLES)
    version: ClassVar[str] = "2"  # 2: calls and tools that are given as text are taken literally

    path: Annotated[str, File(or_hub=True)]
    """A file or a folder of files (relative to the recipe), or a hub id. Formats: .jsonl, .json, .parquet,
    .csv, .tsv and .arrow, also compressed (.gz, .bz2, .zst), and folders that `datasets` wrote with
    `save_to_disk`."""
    config: str | None = None
    """Configuration of a data set: of a hub id, or of a folder that is laid out as on the hub."""
    revision: str | None = None
    """Commit or tag of a hub data set."""
    split: str = "train"
    """Split of a hub data set or folder. Files and folders name a folder's splits (`test-00000.parquet`,
    `test/a.jsonl`); a single file has only one."""
    limit: int | None = Field(default=None, ge=1)
    """Read at most this many records."""
    columns: dict[Column, str] = {}
    """Our column: your column. List only those that your file names differently."""
    ignore: list[str] = []
    """Your columns that are not read, such as one that contradicts the conversation or is not a label."""
    strict: bool = False
    """True: refuse the data when any record is bad. False: drop it and count it."""

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Refuse a file of an unknown type before anything runs."""
        path = folder / self.path
        if path.is_file() and not sources.is_data(path):
            yield (
                "path",
                f"{path.suffix or 'no suffix'!r} cannot be read; one of: "
                f"{', '.join(sorted(sources.READERS))}",
            )
        for column in sorted(set(self.columns.values()) & set(self.ignore)):
            yield "ignore", f"{column!r} is also named in `columns`; leave it out of one of them"

    def run(self, run: Run) -> None:
        """Read the records, judge them, and write the tables."""
        found, dropped, count, unused = self.read(run.runs.home, Progress(run.name, self.limit))
        dropped.write(run.folder)
        self._judge(run, count, dropped)
        for table, rows in found.items():
            if rows:
                tables.write(run.folder, table, rows.values())
        run.report.inputs, run.report.dropped = count, dropped.counts()
        run.report.rows = {table: len(rows) for table, rows in found.items() if rows}
        if unused:
            run.report["ignored columns"] = unused
            run.log.info("%-12s ignored columns: %s", run.name, ", ".join(unused))

    def read(
        self, home: Path, progress: Progress
    ) -> tuple[dict[str, dict[str, Row]], Dropped, int, list[str]]:
        """Return the rows of each table by id, the dropped records, the number of records, unused columns."""
        found: dict[str, dict[str, Row]] = {table: {} for table in TABLES}
        dropped, reader, count = Dropped("record"), Reader(self.columns, self.ignore), 0
        for index, (record, place) in enumerate(islice(self._records(home), self.limit)):
            count += 1
            progress.advance()
            try:
                if isinstance(record, BadRow):
                    raise record
                rows = [replace(row, id=content_id(row)) for row in reader.read(record)]
                if rows[-1].id in found[table_of(rows[-1])]:
                    raise BadRow("duplicate of an earlier record")
            except BadRow as reason:
                dropped.add(index, reason, **place, record=_cut(record))
                continue
            for row in rows:
                found[table_of(row)][row.id] = row
        progress.close()
        if count > len(dropped) and (missing := reader.never_seen):
            raise UsageError(f"{self.path}: no record has the column {missing[0]!r} that `columns` names")
        return found, dropped, count, reader.unused

    def _judge(self, run: Run, count: int, dropped: Dropped) -> None:
        for line in dropped.lines():
            run.log.info("%-12s dropped %s", run.name, line)
        if dropped and self.strict:
            raise StageFailed(
                run.name, "strict: true, and bad records: " + "; ".join(dropped.lines()), run.log_file
            )
        if count == len(dropped):
            why = "; ".join(dropped.lines()) or "it is empty"
            raise StageFailed(run.name, f"{self.path} gives no usable row: {why}", run.log_file)

    def _records(self, home: Path) -> Iterator[tuple[Any, dict[str, Any]]]:
        if (home / self.path).exists():
            yield from sources.records(home / self.path, self.split, self.config)
        else:
            yield from sources.hub_records(self.path, self.config, self.split, self.revision)


def _cut(value: Any, most: int = LONGEST_KEPT, depth: int = DEEPEST_KEPT) -> Any:
    """Return a dropped record as JSON data with long texts cut, so that a million images fit in memory."""
    if isinstance(value, BadRow):
        return None
    if isinstance(value, dict | list) and depth == 0:
        return "..."
    if isinstance(value, dict):
        return {str(key): _cut(item, most, depth - 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_cut(item, most, depth - 1) for item in value[:most]]
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else repr(value[:most]) if isinstance(value, bytes) else str(value)
    return text if len(text) <= most else f"{text[:most]}... ({len(text)} characters)"
