"""What became of every row: outcomes in a journal, rows in immutable parts, and the files are the only truth.

    ledger/WORKER.jsonl                 one line a prompt: emitted with its number of rows, dropped (why), failed (why)
    parts/TABLE-WORKER-000007.parquet   the rows of one commit

A commit writes its parts first (temporary name, sync, rename) and then its lines, which name the part; a row counts
only when a line says that its prompt is in that part. So a crash between the two leaves rows that count nowhere, and
the prompts of the commit are worked through again, from the call log, without a call. Commits are rare enough to keep
parts few and frequent enough to cost little: at most 2% of the time spent so far, and 1 s.

The union of all workers' files is the stage: workers are shards, Ray actors, or this process before and after a crash.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from align.core import tables
from align.core.log import LOGGER
from align.core.rows import TABLES, Row, child_id, table_of
from data_synthesis.journal import Journal, lines

LOST_SHARE = 0.02
"""Largest share of the time spent so far whose work a crash may lose (never a call: those are logged at once)."""
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
    """Completion tokens spent on it, replayed ones included, so that a budget means the same after a resume."""
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
        mine = [outcome.part for outcome in self.outcomes.values() if outcome.part.rpartition("-")[0] == worker]
        self._number = max((int(part.rpartition("-")[2]) for part in mine), default=0)

    def add(self, outcome: Outcome, rows: Iterable[Row], stage: str) -> None:
        """Take an outcome and its rows; they are on disk after the next commit."""
        self.outcomes[outcome.id] = outcome
        self._pending.append(outcome)
        for ordinal, row in enumerate(rows):
            id_ = child_id(outcome.id, stage, ordinal)
            note = json.dumps(dict(getattr(row, "note", {})))
            place = {"_parent": outcome.id, "_ordinal": ordinal, "_note": note}
            self._rows[table_of(row)].append(tables.record(row) | {"id": id_} | place)
        now = time.monotonic()
        due = now - self._committed >= max(LOST_SECONDS, LOST_SHARE * (now - self._started))
        if due or sum(map(len, self._rows.values())) >= LARGEST_COMMIT or len(self._pending) >= LARGEST_COMMIT:
            self.commit()

    def commit(self) -> None:
        """Write what is pending."""
        if not self._pending:
            return
        self._number += 1
        part = f"{self.worker}-{self._number:06d}"
        for table, records in self._rows.items():
            if records:
                tables.write_records(self.parts / f"{table}-{part}.parquet", table, records, PLACE)
                records.clear()
        records = [_record(outcome, part if outcome.rows else "") for outcome in self._pending]
        self._journal.append(*records, sync=True)
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
                sys.audit("data_synthesis.write", str(path))
                path.unlink()


PLACE = {"_parent": "string", "_ordinal": "int32", "_note": "string"}
"""Columns of a part beyond its table's: the prompt, the row's number among its rows, its note for the lineage as JSON."""


def read(folder: Path) -> dict[str, Outcome]:
    """Return the last outcome of every prompt whose rows are there; a failure never hides a success."""
    found: dict[str, Outcome] = {}
    present = {path.stem.partition("-")[2] for path in (folder / "parts").glob("*.parquet")}
    for path in sorted((folder / "ledger").glob("*.jsonl")):
        for _, line in lines(path):
            try:
                outcome = Outcome(**json.loads(line))
            except (ValueError, TypeError):
                LOGGER.warning("%s: a line is damaged; its prompt is worked through again, from the call log", path)
                continue
            if outcome.part and outcome.part not in present:
                continue
            if outcome.outcome != "failed" or found.get(outcome.id, outcome).outcome == "failed":
                found[outcome.id] = outcome
    return found


def _record(outcome: Outcome, part: str) -> dict[str, Any]:
    held = {f.name: getattr(outcome, f.name) for f in fields(outcome)} | {"part": part}
    return {name: value for name, value in held.items() if value}


def _worker(path: Path) -> str:
    found = re.fullmatch(r"\.?[a-z]+-(.+)-\d{6}\.parquet(\.tmp)?", path.name)
    return found[1] if found else ""
