"""The ledger records every prompt's outcome in a journal, and the rows in parts that never change.

    ledger/WORKER.jsonl                 one line per prompt: emitted (number of rows), dropped or failed (why)
    parts/TABLE-WORKER-000007.parquet   the rows of one commit

These files are the only record; nothing else on disk or in memory counts. A commit writes its parts first
(temporary name, sync, rename) and then its lines, which name the part; a row counts only when a line says
that its prompt is in that part. So a crash between the two leaves rows that do not count, and the prompts of
the commit are worked on again, from the call log, without a new call. Commits are rare enough to keep parts
few, and frequent enough that a crash loses little work: at most 2% of the time spent so far, or 1 s if that
is more.

The outcomes of a stage are those in all workers' files together. Workers are shards, Ray actors, or this
process before and after a crash.
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
"""Largest share of the time so far whose work a crash may lose. (It never loses calls: these are logged at
once.)"""
LOST_SECONDS = 1.0
"""Shortest time between two commits."""
LARGEST_COMMIT = 20_000
"""Number of rows or outcomes that are committed at once without waiting any longer."""


@dataclass(frozen=True, slots=True)
class PromptOutcome:
    """The outcome of one prompt."""

    id: str
    outcome: Literal["emitted", "dropped", "failed"]
    rows: int = 0
    """Number of rows made, in all tables together."""
    why: str = ""
    """The reason of a drop, or the error of a failure."""
    retryable: bool = False
    """Whether a failed prompt may succeed later if nothing changes but the time."""
    tokens: int = 0
    """Completion tokens spent on it. Replayed tokens count, so a budget means the same after a resume.
    """
    tallies: Mapping[str, int] = field(default_factory=dict)
    part: str = ""
    """The commit that holds its rows, such as `WORKER-000007`."""


class Ledger:
    """The outcomes of a stage. It reads all workers' files and writes one worker's."""

    def __init__(self, folder: Path, worker: str) -> None:
        self.parts, self.worker = folder / "parts", worker
        (folder / "ledger").mkdir(exist_ok=True)
        self.parts.mkdir(exist_ok=True)
        self._journal = Journal(folder / "ledger" / f"{worker}.jsonl")
        self._journal.repair()
        self.outcomes = read(folder)
        self._remove_orphans()
        self._pending: list[PromptOutcome] = []
        self._rows: dict[str, list[dict[str, Any]]] = {table: [] for table in TABLES}
        self._started = self._committed = time.monotonic()
        # Numbers of all lines count, also of lines whose part is gone, so that no number is used twice.
        mine = [o.part for o in _lines(self._journal.path) if o.part] if self._journal.path.exists() else []
        self._number = max((int(part.rpartition("-")[2]) for part in mine), default=0)

    def add(self, outcome: PromptOutcome, records: Mapping[str, Sequence[dict[str, Any]]]) -> None:
        """Add an outcome and its rows, as `records` returns them; the next commit writes them to disk."""
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
        """Write what is pending. If that fails, everything stays pending, with the same number."""
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
        """Close the file. Call `commit` first: what is pending is not written."""
        self._journal.close()

    def _remove_orphans(self) -> None:
        """Remove parts without lines, which this worker wrote just before a crash."""
        named = {outcome.part for outcome in self.outcomes.values()}
        for path in self.parts.iterdir():
            if _worker(path) == self.worker and path.name.partition("-")[2].partition(".")[0] not in named:
                path.unlink()


PLACE = {"_parent": "string", "_ordinal": "int32", "_note": "string"}
"""Additional columns of a part: the prompt's id, the row's number among its rows, its note for the lineage as
JSON."""


def records(parent: str, stage: str, rows: Sequence[Row]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows made from a prompt as records of a part, by table.

    Raises:
        TypeError: a row holds a value that JSON cannot express.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for ordinal, row in enumerate(rows):
        place = {"_parent": parent, "_ordinal": ordinal, "_note": json.dumps(dict(getattr(row, "note", {})))}
        record = tables.record(row) | {"id": child_id(parent, stage, ordinal)} | place
        found.setdefault(table_of(row), []).append(record)
    return found


def read(folder: Path) -> dict[str, PromptOutcome]:
    """Return the last outcome of every prompt whose rows exist. A failure never replaces a success."""
    found: dict[str, PromptOutcome] = {}
    present = {path.stem.partition("-")[2] for path in (folder / "parts").glob("*.parquet")}
    for path in sorted((folder / "ledger").glob("*.jsonl")):
        for outcome in _lines(path):
            if outcome.part and outcome.part not in present:
                continue
            if outcome.outcome != "failed" or found.get(outcome.id, outcome).outcome == "failed":
                found[outcome.id] = outcome
    return found


def _lines(path: Path) -> Iterator[PromptOutcome]:
    for _, line in lines(path):
        try:
            yield PromptOutcome(**json.loads(line))
        except (ValueError, TypeError):
            LOGGER.warning("%s: a line is damaged; its prompt is worked on again, from the call log", path)


def _record(outcome: PromptOutcome, part: str) -> dict[str, Any]:
    held = {f.name: getattr(outcome, f.name) for f in fields(outcome)} | {"part": part}
    return {name: value for name, value in held.items() if value}


def _worker(path: Path) -> str:
    found = re.fullmatch(r"\.?[a-z]+-(.+)-\d{6}\.parquet(\.tmp)?", path.name)
    return found[1] if found else ""
