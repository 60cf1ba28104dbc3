"""Remove rows that repeat an earlier row, word for word or nearly so. The first one is kept.

Exact duplicates say the same but for case and kinds of blanks, in the same roles, under the same system
prompt and tools. Near duplicates are found as in Broder 1997 ("On the resemblance and containment of
documents") with the usual index by bands of MinHash values (Leskovec, Rajaraman and Ullman, "Mining of
Massive Datasets", chapter 3):

1. A row is the set of its shingles: `shingle` neighbouring words. Chinese, Japanese, Thai and the like count
   by characters.
2. Two rows are near duplicates when the exact Jaccard similarity of their shingles is `near` or more, in the
   prompt and in each answer by itself. MinHash only proposes pairs; it finds more than 99% of those that are
   as alike as `near`.
3. Rows that differ in a number, the sign beside it, the system prompt, the tools, the roles or the reference
   answer are never near duplicates: "What is 17 + 25?" and "What is 17 + 26?" are two problems.
4. A row is compared with rows that were kept, never with one that was dropped, so a chain of small changes
   ends nowhere.

`dropped.jsonl` names for every row that is dropped the id of the row it repeats, and how alike they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from align.core.log import Progress
from align.core.rows import Row
from align.core.stage import Run
from data_synthesis.deduplication.index import OTHER_ANSWER, ExactIndex, NearIndex, Repeat
from data_synthesis.deduplication.text import Compared, comparable
from data_synthesis.table_synthesizer import DroppedRow, TableSynthesizer

SLICE = 2_000
"""Rows whose shingles are in memory at once."""


class Deduplicate(TableSynthesizer):
    """Remove rows that repeat an earlier row exactly or nearly."""

    makes: ClassVar[frozenset[str]] = frozenset({"prompts", "demonstrations", "preferences"})
    reads: ClassVar[frozenset[str]] = makes
    version: ClassVar[str] = "1"

    table: Literal["prompts", "demonstrations", "preferences"] | None = None
    """Which table is read and made. It can be left out where there is only one; `load` makes two of
    demonstrations or preferences: these, and their prompts."""
    near: float | None = Field(default=0.8, gt=0, le=1)
    """Jaccard similarity of shingles from which two rows are near duplicates: 1 is the same shingles, 0.5
    many rows that only look alike. null: exact duplicates alone."""
    shingle: int = Field(default=3, ge=1)
    """Words of a shingle; characters where a script has no spaces. More words make changed ones count more:
    one changed word in 100 leaves a similarity of 0.94 at 3 and 0.90 at 5."""
    compare: Compared = "all"
    """`all`: rows are duplicates when prompt and answers are alike, so several answers to one prompt stay.
    `prompt`: one row a prompt, whatever it answers. The prompt is all its turns but the system prompt, which
    must be the same. For prompts both mean the same."""

    def synthesize_all(self, rows: Sequence[Row], run: Run) -> Iterator[Row | DroppedRow]:
        """Keep the first of each group of duplicates."""
        exact, near = ExactIndex(), NearIndex(self.near, self.shingle, self.compare) if self.near else None
        dropped: dict[str, Repeat] = {}
        progress = Progress(run.name, len(rows))
        for start in range(0, len(rows), SLICE):
            part = rows[start : start + SLICE]
            compared = [comparable(row, self.compare) for row in part]
            repeats = [exact.find_or_add(row.id, item) for row, item in zip(part, compared, strict=True)]
            if near:
                fresh = [i for i, repeat in enumerate(repeats) if repeat is None]
                found = near.find_or_add([part[i] for i in fresh], [compared[i] for i in fresh])
                for i, repeat in zip(fresh, found, strict=True):
                    repeats[i] = repeat
            for row, repeat in zip(part, repeats, strict=True):
                yield row if repeat is None else _dropped(row, repeat, dropped)
            progress.advance(len(part))
        progress.close()


def _dropped(row: Row, repeat: Repeat, dropped: dict[str, Repeat]) -> DroppedRow:
    """Drop a row. One that repeats a dropped row repeats what that one does, so that a row that was kept is named."""
    if earlier := dropped.get(repeat.id):
        repeat = Repeat(
            earlier.id, OTHER_ANSWER if repeat.reason == OTHER_ANSWER else earlier.reason, earlier.similarity
        )
    dropped[row.id] = repeat
    return DroppedRow(
        row.id, repeat.reason, {"repeats": repeat.id, "similarity": round(repeat.similarity, 3)}
    )
