"""From what all workers wrote to a stage's tables: the union of the parts, in the order of the prompts, counted.

Rows are sorted by their prompt's position and their number among its rows, so one process, three shards and
ten actors make the same files. Only the columns to sort by are held in Python; rows stay in Arrow and are
written in slices.
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
from data_synthesis.engine.ledger import PLACE, Outcome, read
from data_synthesis.synthesizer import Synthesizer

TOLERATED_FAILURES = 0.1
"""Share of prompts that may fail (a server's refusal, say) without failing the stage; they are counted and
kept aside."""
SLICE = 50_000
"""Rows written at once."""


def missing(run: Run, prompts: Mapping[str, Prompt]) -> int:
    """Return how many prompts of the stage have no outcome of any worker yet."""
    outcomes = read(run.folder)
    return sum(id_ not in outcomes for id_ in prompts)


def publish(
    synthesizer: Synthesizer, run: Run, prompts: Mapping[str, Prompt], usage: Usage | None, seconds: float
) -> None:
    """Write the tables and the report of a stage whose prompts all have an outcome.

    Args:
        synthesizer: the stage.
        run: where it is.
        prompts: by id, in order.
        usage: what this run of it sampled; None where several processes did and nobody knows.
        seconds: how long that took.

    Raises:
        StageFailed: too many prompts failed, none gave a row, a budget was exhausted, or the accounts do not
        add up.
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


def tell_accounts(report: StageReport, ordered: Sequence[Outcome]) -> None:
    """Report how many inputs a stage that makes rows had, and what became of them."""
    report.inputs = len(ordered)
    report.emitted = sum(o.outcome == "emitted" for o in ordered)
    report.dropped = dict(Counter(o.why for o in ordered if o.outcome == "dropped").most_common())
    report.failed = dict(Counter(o.why for o in ordered if o.outcome == "failed").most_common())


def refuse_nothing_made(run: Run, ordered: Sequence[Outcome], what: str) -> None:
    """Raise StageFailed where there were inputs and no row was made of any; `what` is the sentence's beginning."""
    if ordered and not any(o.outcome == "emitted" for o in ordered):
        why = Counter(o.why for o in ordered).most_common(3)
        cause = f"{what}: {'; '.join(f'{n} x {reason}' for reason, n in why)}"
        raise StageFailed(run.name, cause, run.log_file)


def lineage_line(
    stage: Stage, run: Run, id_: str, parents: Sequence[str], table: str, note: Mapping[str, Any]
) -> bytes:
    """Return the line of `lineage.jsonl` about one row: of which rows it was made, by which stage and version of its class."""
    maker = {"stage": run.name, "synthesizer": stage.kind, "version": type(stage).version}
    item = {"id": id_, "parents": list(parents), "table": table, **maker, "note": dict(note)}
    return f"{json.dumps(item)}\n".encode()


def _account(run: Run, prompts: Mapping[str, Prompt], ordered: list[Outcome]) -> None:
    """Keep aside what gave no row, and refuse a stage that mostly failed or made nothing."""
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
    cause = (f"{spent.accepted:,} of {until.accepted:,} prompts accepted when the {met} ended ({spent.candidates:,} tried, "
             f"{spent.tokens:,} tokens)")  # fmt: skip
    if until.on_exhausted == "error":
        remedy = "raise that budget, add prompts, or set on_exhausted: partial; nothing is paid twice"
        raise StageFailed(run.name, f"{cause}; {remedy}", run.log_file)
    run.log.warning("%-12s partial: %s", run.name, cause)
    run.report.partial = cause


def _write_tables(synthesizer: Synthesizer, run: Run, ordered: list[Outcome]) -> dict[str, int]:
    """Write every table of the stage and its lineage; return the numbers of rows."""
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
    """The rows of many parts, in order. The parts stay as they were read; a slice copies its own rows only."""

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
            order = np.argsort(
                numbers, kind="stable"
            )  # by part, so that each is asked once and nothing else is copied
            taken = [self.pieces[n].take(pa.array(rows[numbers == n])) for n in np.unique(numbers)]
            yield pa.concat_tables(taken).combine_chunks().take(pa.array(np.argsort(order)))


def _union(parts: Path, table: str, position: Mapping[str, int], part: Mapping[str, str]) -> _Union | None:
    """Return the rows that count of all parts of a table, in the order of their prompts; None where there is none."""
    import numpy as np  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    pieces: list[Any] = []
    places: list[tuple[int, int, int, int]] = []
    for path in sorted(parts.glob(f"{table}-*.parquet")):
        name, piece = path.stem.partition("-")[2], pq.read_table(path)
        columns = piece["_parent"].to_pylist(), piece["_ordinal"].to_pylist()
        for row, (parent, ordinal) in enumerate(zip(*columns, strict=True)):
            if part.get(parent) == name:  # else a crash left it, or it lies beyond the budget
                places.append((position[parent], ordinal, len(pieces), row))
        pieces.append(piece)
    if not places:
        return None
    places.sort()
    return _Union(table, pieces, np.array(places, dtype=np.int64)[:, 2:])
