"""Write a stage's tables from what a table synthesizer yields; check that every input is accounted for.

The accounts, `dropped.jsonl`, `lineage.jsonl` and the report have the same form as those of a stage that
works on one prompt at a time (`data_synthesis.engine.publish`). There is no ledger: the stage is one step,
and its files appear when all of it is done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from align.core import tables
from align.core.errors import BrokenPlugin
from align.core.rows import TABLES, Message, Prompt, Row, child_id, table_of
from align.core.stage import Run, Stage
from data_synthesis.engine.ledger import PromptOutcome
from data_synthesis.engine.publish import lineage_line, refuse_nothing_made, tell_accounts

NOTHING_LEFT = "no row is left"
"""The beginning of the error message of a stage that dropped all its rows."""
SHOWN = 3
"""Largest number of ids that an error message names."""


@dataclass(frozen=True, slots=True)
class DroppedRow:
    """A row of the table that is not used. Reasons are counted: keep them few, without numbers in them."""

    id: str
    """The id of the row."""
    reason: str
    more: Mapping[str, Any] = field(default_factory=dict)
    """More that `dropped.jsonl` says about the row, such as `{"repeats": "0f3a...", "similarity": 0.93}`."""


@dataclass(frozen=True, slots=True)
class Derived:
    """A new row that was made from rows of the table."""

    row: Row
    """The row. Its `id` is ignored: the stage computes one from the parents."""
    parents: Sequence[str] = ()
    """The ids of the rows that it was made from; these count as emitted."""


def publish_all(
    synthesizer: Stage, run: Run, rows: Mapping[str, Row], made: Iterable[Row | Derived | DroppedRow]
) -> None:
    """Write the tables and the report of a stage from what its table synthesizer yields.

    Args:
        synthesizer: the stage.
        run: the run of the stage, with its folder.
        rows: the inputs by id, in order.
        made: what `synthesize_all` returned.

    Raises:
        BrokenPlugin: an input is not accounted for, or more than once, or a yielded item has a wrong type.
        StageFailed: there were inputs, and no row was made.
    """
    account = Account(synthesizer, run.name, rows)
    if not isinstance(made, Iterable):
        what = f"synthesize_all() returned {type(made).__name__}; yield what becomes of each row"
        raise BrokenPlugin(f"{synthesizer.kind!r}: {what}")
    for item in made:
        account.add(item)
    ordered = account.outcomes()
    dropped = (account.dropped[o.id] for o in ordered if o.outcome == "dropped")
    tables.write_lines(run.folder / "dropped.jsonl", (_aside(item, rows[item.id]) for item in dropped))
    refuse_nothing_made(run, ordered, NOTHING_LEFT)
    for table in tables.held(run.folder):  # a killed run may have left other tables
        (run.folder / f"{table}.parquet").unlink()
    counts = {
        table: tables.write(run.folder, table, made_rows)
        for table, made_rows in account.made.items()
        if made_rows
    }
    with tables.whole(run.folder / "lineage.jsonl") as lineage:
        for row, parents in account.with_parents():
            lineage.write(lineage_line(synthesizer, run, row.id, parents, table_of(row), row.note))
    tell_accounts(run.report, ordered)
    run.report.rows = counts


def _aside(item: DroppedRow, row: Row) -> dict[str, Any]:
    """Return the line of `dropped.jsonl` for a row."""
    return {"reason": item.reason, "id": item.id, **item.more, "messages": asked(row)}


def asked(row: Row) -> list[Message]:
    """Return the prompt of a row of any table."""
    return row.messages if isinstance(row, Prompt) else row.prompt


@dataclass
class Account:
    """What became of each row of a table."""

    synthesizer: Stage
    stage: str
    """The stage's name, which is part of the ids of new rows."""
    rows: Mapping[str, Row]
    """The inputs by id."""
    made: dict[str, list[Row]] = field(default_factory=lambda: {table: [] for table in TABLES})
    """The rows made, by table, with their ids."""
    dropped: dict[str, DroppedRow] = field(default_factory=dict)
    used: Counter[str] = field(default_factory=Counter)
    """Number of rows that were made from each input."""
    _parents: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The parents of new rows, by the row's id. A row that is not in here was kept unchanged."""
    _kept: set[str] = field(default_factory=set)
    _siblings: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def add(self, item: Any) -> None:
        """Record one item that `synthesize_all` yielded."""
        if isinstance(item, DroppedRow):
            self._drop(item)
        elif isinstance(item, Derived) and isinstance(item.row, tuple(TABLES.values())):
            self._derive(item.row, tuple(item.parents))
        elif isinstance(item, tuple(TABLES.values())):
            self._keep(item)
        else:
            expected = "yield a row, Derived(row, parents) or DroppedRow(id, reason)"
            raise self._broken(f"yielded {type(item).__name__}; {expected}")

    def outcomes(self) -> list[PromptOutcome]:
        """Return the outcome of each input, in order; raise BrokenPlugin if an input has none, or two."""
        if both := [id_ for id_ in self.dropped if id_ in self.used]:
            raise self._broken(f"dropped rows that it also made rows of: {_some(both)}")
        if lost := [id_ for id_ in self.rows if id_ not in self.used and id_ not in self.dropped]:
            raise self._broken(
                f"says nothing of {len(lost)} of {len(self.rows)} rows: {_some(lost)}; yield each or drop it"
            )
        return [self._outcome(id_) for id_ in self.rows]

    def with_parents(self) -> Iterator[tuple[Row, Sequence[str]]]:
        """Yield every row that was made, with its parents. A row that was kept is its own parent."""
        for rows in self.made.values():
            for row in rows:
                yield row, self._parents.get(row.id, (row.id,))

    def _outcome(self, id_: str) -> PromptOutcome:
        if id_ in self.dropped:
            return PromptOutcome(id_, "dropped", why=self.dropped[id_].reason)
        return PromptOutcome(id_, "emitted", self.used[id_])

    def _drop(self, item: DroppedRow) -> None:
        self._known([item.id])
        if item.id in self.dropped:
            raise self._broken(f"dropped the row {item.id} twice")
        self.dropped[item.id] = item

    def _keep(self, row: Row) -> None:
        """Record a row that was kept, or a new row if it was changed.

        An unchanged row keeps its id, so its logged calls stay valid.
        """
        self._known([row.id])
        if row != self.rows[row.id]:
            self._derive(row, (row.id,))
            return
        if row.id in self._kept:
            raise self._broken(f"yielded the row {row.id} twice")
        self._kept.add(row.id)
        self._made_of(row, (row.id,))

    def _derive(self, row: Row, parents: tuple[str, ...]) -> None:
        self._known(parents)
        id_ = child_id(" ".join(parents), self.stage, self._siblings[parents])
        self._siblings[parents] += 1
        self._parents[id_] = parents
        self._made_of(replace(row, id=id_), parents)

    def _made_of(self, row: Row, parents: Sequence[str]) -> None:
        table, declared = table_of(row), type(self.synthesizer).makes
        if table not in declared:
            raise self._broken(
                f"made {table}, and its class says makes = {set(declared) or '{}'}; add {table!r} there"
            )
        self.made[table].append(row)
        self.used.update(parents)

    def _known(self, ids: Iterable[str]) -> None:
        if strange := [id_ for id_ in ids if id_ not in self.rows]:
            remedy = "for a new row yield Derived(row, parents)"
            raise self._broken(f"names rows that the table does not have: {_some(strange)}; {remedy}")

    def _broken(self, what: str) -> BrokenPlugin:
        return BrokenPlugin(f"{self.synthesizer.kind!r} {what}")


def _some(ids: Sequence[str]) -> str:
    return ", ".join(map(repr, ids[:SHOWN])) + (", ..." if len(ids) > SHOWN else "")
