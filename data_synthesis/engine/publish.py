"""Write a stage's tables from the files of all workers: merge, sort by prompt and count the rows.

Rows are sorted by the position of their prompt and by their number among its rows, so one process, three
shards and ten actors write the same files. Only the columns to sort by are Python objects; rows stay in Arrow
and are written in slices.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from align.core import tables, wiring
from align.core.errors import StageFailed
from align.core.rows import TABLES, Prompt
from align.core.stage import Run, Stage
from align.core.stage_report import StageReport
from align.generate.calls.log import Usage, pack_all
from data_synthesis.engine.budget import Spent, beginning
from data_synthesis.engine.engine import too_many
from data_synthesis.engine.ledger import PLACE, PromptOutcome, read
from data_synthesis.synthesizer import Synthesizer

TOLERATED_FAILURES = 0.1
"""Share of prompts that may fail (a server refuses them, say) without failing the stage. They are counted and
listed in `dropped.jsonl`."""
SLICE = 50_000
"""Number of rows written at once."""


def missing(run: Run, prompts: Mapping[str, Prompt]) -> int:
    """Return how many prompts of the stage have no outcome from any worker yet."""
    outcomes = read(run.folder)
    return sum(id_ not in outcomes for id_ in prompts)


def publish(
    synthesizer: Synthesizer, run: Run, prompts: Mapping[str, Prompt], usage: Usage | None, seconds: float
) -> None:
    """Write the tables and the report of a stage whose prompts all have an outcome.

    Args:
        synthesizer: the stage.
        run: the run of the stage, with its folder.
        prompts: the prompts by id, in order.
        usage: what this run of the stage sampled; None where several processes sampled, so that the total is
            unknown.
        seconds: how long the sampling took.

    Raises:
        StageFailed: too many prompts failed, no prompt gave a row, a budget was exhausted, or the accounts do
        not add up.
    """
    outcomes = read(run.folder)
    ids = list(prompts)
    try:
        spent, met = beginning(ids, outcomes, synthesizer.until)
    except KeyError as error:
        raise StageFailed(run.name, f"accounting: prompt {error} has no outcome", run.log_file) from None
    count = spent.candidates
    ordered = [outcomes[id_] for id_ in ids[:count]]
    _account(run, prompts, ordered)
    _check_budget(synthesizer, run, spent, met)
    made = _write_tables(synthesizer, run, ordered)
    told = sum(outcome.rows for outcome in ordered)
    if sum(made.values()) != told:
        raise StageFailed(run.name, f"accounting: the ledger has {told} rows, the parts {sum(made.values())}")
    pack_all(run.folder / "calls")
    tallies: Counter[str] = Counter()
    for outcome in ordered:
        tallies.update(outcome.tallies)
    aliases = dict.fromkeys(ref for _, need, ref in wiring.references(synthesizer) if need == "generator")
    report = run.report
    tell_accounts(report, ordered)
    report.rows = {table: rows for table, rows in made.items() if rows}
    report.samples = asdict(usage) if usage else {}
    report.tokens = spent.tokens
    report.tallies = dict(tallies.most_common())
    report.generators = {alias: run.identity(run.generator(alias)) for alias in aliases}
    if count < len(ids):
        report["prompts left"] = len(ids) - count
    if synthesizer.until:
        report["ended at"] = met
    if usage:
        report["tokens_per_second"] = round(usage.completion_tokens / max(seconds, 1e-9), 1)


def tell_accounts(report: StageReport, ordered: Sequence[PromptOutcome]) -> None:
    """Report how many inputs a stage had, and what became of them."""
    report.inputs = len(ordered)
    report.emitted = sum(o.outcome == "emitted" for o in ordered)
    report.dropped = dict(Counter(o.why for o in ordered if o.outcome == "dropped").most_common())
    report.failed = dict(Counter(o.why for o in ordered if o.outcome == "failed").most_common())


def refuse_nothing_made(run: Run, ordered: Sequence[PromptOutcome], what: str) -> None:
    """Raise StageFailed if no input gave a row. `what` begins the message."""
    if ordered and not any(o.outcome == "emitted" for o in ordered):
        why = Counter(o.why for o in ordered).most_common(3)
        cause = f"{what}: {'; '.join(f'{n} x {reason}' for reason, n in why)}"
        raise StageFailed(run.name, cause, run.log_file)


def lineage_line(
    stage: Stage, run: Run, id_: str, parents: Sequence[str], table: str, note: Mapping[str, Any]
) -> bytes:
    """Return a row's line for `lineage.jsonl`: its parents, and the stage and class version that made it."""
    maker = {"stage": run.name, "synthesizer": stage.kind, "version": type(stage).version}
    item = {"id": id_, "parents": list(parents), "table": table, **maker, "note": dict(note)}
    return f"{json.dumps(item)}\n".encode()


def _account(run: Run, prompts: Mapping[str, Prompt], ordered: list[PromptOutcome]) -> None:
    """List the prompts without rows in `dropped.jsonl`; refuse a stage that mostly failed or made no row."""
    aside = (
        {"reason": o.why, "id": o.id, "messages": prompts[o.id].messages}
        for o in ordered
        if o.outcome != "emitted"
    )
    tables.write_lines(run.folder / "dropped.jsonl", aside)
    counts = Counter(o.outcome for o in ordered)
    if sum(counts.values()) != len(ordered) or counts.keys() - {"emitted", "dropped", "failed"}:
        raise StageFailed(run.name, f"accounting: {len(ordered)} prompts in, {dict(counts)} out")
    failed = [o for o in ordered if o.outcome == "failed"]
    if len(failed) > TOLERATED_FAILURES * len(ordered):
        raise too_many(run, failed, len(ordered))
    refuse_nothing_made(run, ordered, "no prompt gave a row")


def _check_budget(synthesizer: Synthesizer, run: Run, spent: Spent, met: str) -> None:
    until = synthesizer.until
    if until is None or until.accepted is None or spent.accepted >= until.accepted:
        return
    tried = f"{spent.candidates:,} tried, {spent.tokens:,} tokens"
    cause = f"{spent.accepted:,} of {until.accepted:,} prompts accepted when the {met} ended ({tried})"
    if until.on_exhausted == "error":
        remedy = "raise that budget, add prompts, or set on_exhausted: partial; nothing is paid twice"
        raise StageFailed(run.name, f"{cause}; {remedy}", run.log_file)
    run.log.warning("%-12s partial: %s", run.name, cause)
    run.report.partial = cause


def _write_tables(synthesizer: Synthesizer, run: Run, ordered: list[PromptOutcome]) -> dict[str, int]:
    """Write the stage's tables and its lineage; return the number of rows of each table."""
    position = {outcome.id: i for i, outcome in enumerate(ordered)}
    part = {outcome.id: outcome.part for outcome in ordered}
    made = {}
    with tables.whole(run.folder / "lineage.jsonl") as lineage:
        for table in TABLES:
            sorted_rows = _union(run.folder / "parts", table, position, part)
            if sorted_rows is None and table not in synthesizer.makes:
                continue
            made[table] = 0
            schema = tables.finished_schema(table, sorted_rows.optional if sorted_rows else frozenset())
            with tables.writing(run.folder / f"{table}.parquet", schema) as writer:
                for rows in sorted_rows.to_slices() if sorted_rows else ():
                    writer.write_table(tables.as_written(rows.drop_columns(list(PLACE)), schema))
                    made[table] += rows.num_rows
                    for id_, parent, note in zip(
                        *(rows[c].to_pylist() for c in ("id", "_parent", "_note")), strict=True
                    ):
                        lineage.write(lineage_line(synthesizer, run, id_, [parent], table, json.loads(note)))
    return made


class _Union:
    """The sorted rows of many parts. Parts stay in memory as they were read; only a slice is copied."""

    def __init__(self, table: str, pieces: list[Any], places: Any) -> None:
        self.optional = frozenset[str]().union(*(tables.optional_columns(piece.schema) for piece in pieces))
        schema = tables.schema_of(table, PLACE, self.optional)
        self.pieces, self.places = [tables.as_written(piece, schema) for piece in pieces], places

    def to_slices(self) -> Iterator[Any]:
        """Yield Arrow tables of at most SLICE rows."""
        import numpy as np  # noqa: PLC0415
        import pyarrow as pa  # noqa: PLC0415

        for start in range(0, len(self.places), SLICE):
            numbers, rows = self.places[start : start + SLICE].T
            # sorted by part: each part is read once, and nothing but the slice's rows is copied
            order = np.argsort(numbers, kind="stable")
            taken = [self.pieces[n].take(pa.array(rows[numbers == n])) for n in np.unique(numbers)]
            yield pa.concat_tables(taken).combine_chunks().take(pa.array(np.argsort(order)))


def _union(parts: Path, table: str, position: Mapping[str, int], part: Mapping[str, str]) -> _Union | None:
    """Merge the rows of all parts of a table that count, sorted by prompt; None where there are none."""
    import numpy as np  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    pieces: list[Any] = []
    places: list[tuple[int, int, int, int]] = []
    for path in sorted(parts.glob(f"{table}-*.parquet")):
        name, piece = path.stem.partition("-")[2], pq.read_table(path)
        columns = piece["_parent"].to_pylist(), piece["_ordinal"].to_pylist()
        for row, (parent, ordinal) in enumerate(zip(*columns, strict=True)):
            if part.get(parent) == name:  # else it is left from a crash, or beyond the budget
                places.append((position[parent], ordinal, len(pieces), row))
        pieces.append(piece)
    if not places:
        return None
    places.sort()
    return _Union(table, pieces, np.array(places, dtype=np.int64)[:, 2:])
