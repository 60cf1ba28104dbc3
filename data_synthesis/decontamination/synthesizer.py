"""Remove the rows that contain an item of a test set, so that the test still measures what was learned.

The rule is that of the Qwen2 report (arXiv 2407.10671, section 5.2.6): a longest common subsequence of at
least 13 tokens and at least 0.6 of the shorter text; `data_synthesis.decontamination.pairs` says how this
code departs from it, and `data_synthesis.decontamination.rows` which texts are compared. Beyond the report, a
row that asks the same as a test item is dropped even if it is too short for the rule (`exact`).

`dropped.jsonl` names the item for every dropped row, with the passages that agree. `contamination.json` says
how many items of each source were found. With `require: both`, `suspected.jsonl` lists the rows that satisfy
the rule of the subsequence without a shared n-gram; they are kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from align.core import tables
from align.core.log import Progress
from align.core.rows import TABLES, Prompt, Row
from align.core.stage import Run
from align.core.wiring import Ref
from data_synthesis.decontamination.rows import Contaminated, Rule, contaminated_rows, contamination
from data_synthesis.table_synthesizer import DroppedRow, TableSynthesizer

FILE = "contamination.json"
"""Name of the file with the counts of each source."""
SUSPECTED = "suspected.jsonl"
"""Name of the file with the rows that satisfy the rule of the subsequence alone."""


class Decontaminate(Rule, TableSynthesizer):
    """Remove rows that contain an item of a test set."""

    makes: ClassVar[frozenset[str]] = frozenset(TABLES)
    version: ClassVar[str] = "1"

    against: list[Annotated[str, Ref("prompts")]] = Field(min_length=1)
    """Stages or folders whose prompts are the test items, with their reference answers."""

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Refuse to compare rows with themselves."""
        yield from super().problems(folder)
        for place, source in enumerate(self.against):
            if source == self.rows:
                yield f"against.{place}", f"{source!r} is also `rows`: every row would contain itself"
            elif source in self.against[:place]:
                yield f"against.{place}", f"{source!r} is there twice"

    def synthesize_all(self, rows: Sequence[Row], run: Run) -> Iterator[Row | DroppedRow]:
        """Drop the rows that contain a test item; keep the others as they are."""
        tests = {
            source: [row for row in run.rows(source, "prompts") if isinstance(row, Prompt)]
            for source in self.against
        }
        progress = Progress(f"{run.name}: texts searched")
        every = contaminated_rows(rows, tests, self.model_copy(update={"require": "lcs"}), progress.advance)
        progress.close()
        suspected = [id_ for id_, one in every.items() if one.by_lcs_alone and self.require == "both"]
        tables.write_lines(run.folder / SUSPECTED, ({"id": id_, **_about(every[id_])} for id_ in suspected))
        run.report["suspected rows, kept"] = len(suspected)
        found = {id_: one for id_, one in every.items() if id_ not in set(suspected)}
        counts = contamination(found, tests, self)
        rule = {name: getattr(self, name) for name in Rule.model_fields}
        tables.replace(run.folder / FILE, json.dumps({"rule": rule, "sources": counts}, indent=2) + "\n")
        run.report["test items found"] = {source: count["items found"] for source, count in counts.items()}
        for row in rows:
            yield _dropped(row, found[row.id]) if row.id in found else row


def _dropped(row: Row, found: Contaminated) -> DroppedRow:
    return DroppedRow(row.id, found.reason, _about(found))


def _about(found: Contaminated) -> dict[str, Any]:
    """Return what is written about a row: the item, and the passages that agree."""
    return {
        "item": found.item,
        "source": found.source,
        "lcs": found.lcs,
        "row passage": found.row_passage,
        "item passage": found.item_passage,
        "items": len(found.items),
    }
