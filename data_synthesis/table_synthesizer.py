"""A table synthesizer sees all rows of a table at once: to select, remove duplicates, or combine rows.

    class Longest(TableSynthesizer):
        makes = frozenset({"prompts"})

        def synthesize_all(self, rows: Sequence[Row], run: Run) -> Iterable[Row | Derived | DroppedRow]:
            for row in rows:
                yield row if ... else DroppedRow(row.id, "too short")

It accounts for every row that it is given: it yields the row unchanged, makes other rows out of it, or drops
it with a reason. The stage takes care of ids, accounts, lineage and files
(`data_synthesis.engine.whole_table`). The stage is one step in one process: if it is killed before its end,
it starts again from the beginning. If one row at a time is enough, write a `Synthesizer`: that is resumed row
by row, and several processes can share its work.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from align.core import tables
from align.core.errors import StageFailed
from align.core.rows import TABLES, Row
from align.core.stage import Run, Stage
from align.core.wiring import Ref
from data_synthesis.engine.whole_table import Derived, DroppedRow, publish_all


class TableSynthesizer(Stage):
    """A stage that makes rows out of all rows of a table at once."""

    reads: ClassVar[frozenset[str]] = frozenset(TABLES)
    """The tables that it can read."""

    rows: Annotated[str, Ref("rows", field="table")]
    """The stage whose rows are read, or the folder of a finished stage."""
    table: Literal["prompts", "demonstrations", "preferences", "unpaired"] | None = None
    """The table to read. It can be left out where there is only one; `load` makes two of demonstrations or
    preferences."""

    @abstractmethod
    def synthesize_all(self, rows: Sequence[Row], run: Run) -> Iterable[Row | Derived | DroppedRow]:
        """Yield what becomes of the rows, in the order of the new table; account for each row exactly once.

        Args:
            rows: the rows of the table, in order; every id occurs once.
            run: for seeds (`run.seed("label")`), the log and the report.
        """

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Refuse a `table` that it cannot read."""
        if self.table and self.table not in self.reads:
            yield "table", f"{self.kind!r} reads {_either(self.reads)}"

    def run(self, run: Run) -> None:
        """Read the table, account for its rows, and write what was made of them."""
        rows = self.inputs(run)
        publish_all(self, run, rows, self.synthesize_all(list(rows.values()), run))

    def inputs(self, run: Run) -> dict[str, Row]:
        """Return the rows of the stage by id, in order. A repeated row counts once.

        Raises:
            StageFailed: there is no such table, or there are several and `table` does not say which.
        """
        held = [table for table in tables.held(Path(run.locate(self.rows))) if table in self.reads]
        if self.table is None and len(held) > 1:
            raise StageFailed(
                run.name, f"{self.rows!r} holds {' and '.join(held)}; say which with `table`", run.log_file
            )
        if self.table is None and not held:
            raise StageFailed(run.name, f"{self.rows!r} holds no {_either(self.reads)}", run.log_file)
        found = run.rows(self.rows, self.table or held[0])
        rows: dict[str, Row] = {}
        for row in found:
            rows.setdefault(row.id, row)
        if len(rows) < len(found):
            run.report["rows that came twice"] = len(found) - len(rows)
        return rows


def _either(names: Iterable[str]) -> str:
    return " or ".join(table for table in TABLES if table in set(names))
