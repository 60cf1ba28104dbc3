"""What became of every row: outcomes in a journal, rows in immutable parts, and the files are the only truth.

    ledger/WORKER.jsonl                 one line a prompt: emitted with its number of rows, dropped (why), failed (why)
    parts/TABLE-WORKER-000007.parquet   the rows of one commit

A commit writes its parts first (temporary name, sync, rename) and then its lines, which name the part; a row
counts only when a line says that its prompt is in that part. So a crash between the two leaves rows that
count nowhere, and the prompts of the commit are worked through again, from the call log, without a call.
Commits are rare enough to keep parts few and frequent enough to cost little: at most 2% of the time spent so
far, and 1 s.

The union of all workers' files is the stage: workers are shards, Ray actors, or this process before and after
a crash.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from align.core import tables
from align.core.log import LOGGER
from align.core.rows import TABLES, Row, child_id, table_of
from align.generate.calls.journal import Journal, lines

LOST_SHARE = 0.02
"""Largest share of the time spent so far whose work a crash may lose (never a call: those are logged at
once)."""
LOST_SECONDS = 1.0
"""Shortest time between two commits."""
LARGEST_COMMIT = 20_000
"""Rows; more wait for nothing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one prompt."""

    id: str
    outcome: Literal["emitted", "dropped", "failed"]
    rows: int = 0
    """Number of rows made, all tables together."""
    why: str = ""
    """Why it was dropped, or the error."""
    retryable: bool = False
    """Of a failure: the same prompt may succeed later, nothing but time passing."""
    tokens: int = 0
    """Completion tokens spent on it, replayed ones included, so that a budget means the same after a resume.
    """
    tallies: Mapping[str, int] = field(default_factory=dict)
    part: str = ""
    """`WORKER-000007`, the commit that holds its rows."""


class Ledger:
    """The outcomes of a stage: reads all workers' files, writes one worker's."""

    def __init__(self, folder: Path, worker: str) -> None:
        self.parts, self.worker = folder / "parts", worker
        (folder / "ledger").mkdir(exist_ok=True)
        self.parts.mkdir(exist_ok=True)
        self._journal = Journal(folder / "ledger" / f"{worker}.jsonl")
        self._journal.repair()
        self.outcomes = read(folder)
        self._remove_orphans()
        self._pending: list[Outcome] = []
        self._rows: dict[str, list[dict[str, Any]]] = {table: [] for table in TABLES}
        self._started = self._committed = time.monotonic()
        # of all lines, also those whose part is gone: a number is never used twice
        mine = [o.part for o in _lines(self._journal.path) if o.part] if self._journal.path.exists() else []
        self._number = max((int(part.rpartition("-")[2]) for part in mine), default=0)

    def add(self, outcome: Outcome, records: Mapping[str, Sequence[dict[str, Any]]]) -> None:
        """Take an outcome and its rows, as `records` made them; they are on disk after the next commit."""
        for table, rows in records.items():
            self._rows[table] += rows
        self.outcomes[outcome.id] = outcome
        self._pending.append(outcome)
        now = time.monotonic()
        due = now - self._committed >= max(LOST_SECONDS, LOST_SHARE * (now - self._started))
        if (
            due
            or sum(map(len, self._rows.values())) >= LARGEST_COMMIT
            or len(self._pending) >= LARGEST_COMMIT
        ):
            self.commit()

    def commit(self) -> None:
        """Write what is pending. When that fails, all of it stays pending under the same number."""
        if not self._pending:
            return
        part = f"{self.worker}-{self._number + 1:06d}"
        for table, rows in self._rows.items():
            if rows:
                tables.write_records(self.parts / f"{table}-{part}.parquet", table, rows, PLACE)
        self._journal.append(
            *(_record(outcome, part if outcome.rows else "") for outcome in self._pending), sync=True
        )
        self._number += 1
        for rows in self._rows.values():
            rows.clear()
        self._pending.clear()
        self._committed = time.monotonic()

    def close(self) -> None:
        """Close the file. What is pending stays out; `commit` comes first."""
        self._journal.close()

    def _remove_orphans(self) -> None:
        """Remove the parts that a crash of this worker wrote without their lines."""
        named = {outcome.part for outcome in self.outcomes.values()}
        for path in self.parts.iterdir():
            if _worker(path) == self.worker and path.name.partition("-")[2].partition(".")[0] not in named:
                path.unlink()


PLACE = {"_parent": "string", "_ordinal": "int32", "_note": "string"}
"""Columns of a part beyond its table's: the prompt, the row's number among its rows, its note for the lineage
as JSON."""


def records(parent: str, stage: str, rows: Sequence[Row]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows made of a prompt as records of a part, by table.

    Raises:
        TypeError: a row holds what JSON cannot.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for ordinal, row in enumerate(rows):
        place = {"_parent": parent, "_ordinal": ordinal, "_note": json.dumps(dict(getattr(row, "note", {})))}
        record = tables.record(row) | {"id": child_id(parent, stage, ordinal)} | place
        found.setdefault(table_of(row), []).append(record)
    return found


def read(folder: Path) -> dict[str, Outcome]:
    """Return the last outcome of every prompt whose rows are there; a failure never hides a success."""
    found: dict[str, Outcome] = {}
    present = {path.stem.partition("-")[2] for path in (folder / "parts").glob("*.parquet")}
    for path in sorted((folder / "ledger").glob("*.jsonl")):
        for outcome in _lines(path):
            if outcome.part and outcome.part not in present:
                continue
            if outcome.outcome != "failed" or found.get(outcome.id, outcome).outcome == "failed":
                found[outcome.id] = outcome
    return found


def _lines(path: Path) -> Iterator[Outcome]:
    for _, line in lines(path):
        try:
            yield Outcome(**json.loads(line))
        except (ValueError, TypeError):
            LOGGER.warning(
                "%s: a line is damaged; its prompt is worked through again, from the call log", path
            )


def _record(outcome: Outcome, part: str) -> dict[str, Any]:
    held = {f.name: getattr(outcome, f.name) for f in fields(outcome)} | {"part": part}
    return {name: value for name, value in held.items() if value}


def _worker(path: Path) -> str:
    found = re.fullmatch(r"\.?[a-z]+-(.+)-\d{6}\.parquet(\.tmp)?", path.name)
    return found[1] if found else ""
