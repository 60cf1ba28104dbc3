"""Remove rows that repeat an earlier row, exactly or nearly. The first row is kept.

Exact duplicates have the same texts, apart from case and kinds of blanks, in the same roles, under the same
system prompt and tools. Near duplicates are found as in Broder 1997 ("On the resemblance and containment of
documents") with the usual index by bands of MinHash values (Leskovec, Rajaraman and Ullman, "Mining of
Massive Datasets", chapter 3):

1. A row is the set of its shingles: `shingle` neighbouring words. In Chinese, Japanese, Thai and similar
   scripts, every character counts as a word.
2. Two rows are near duplicates when the exact Jaccard similarity of their shingles is `near` or more, in the
   prompt and in each answer separately. MinHash only proposes pairs; it finds more than 99% of the pairs
   whose similarity is `near`.
3. Rows that differ in a number, the sign beside it, the system prompt, the tools, the roles or the reference
   answer are never near duplicates: "What is 17 + 25?" and "What is 17 + 26?" are two problems.
4. A row is compared only with rows that were kept, never with dropped ones, so a chain of small changes
   cannot remove a row that differs much from the first.

For every dropped row, `dropped.jsonl` names the id of the row it repeats and their similarity.
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
"""Number of rows whose shingles are in memory at once."""


class Deduplicate(TableSynthesizer):
    """Remove rows that repeat an earlier row exactly or nearly."""

    makes: ClassVar[frozenset[str]] = frozenset({"prompts", "demonstrations", "preferences"})
    reads: ClassVar[frozenset[str]] = makes
    version: ClassVar[str] = "1"

    table: Literal["prompts", "demonstrations", "preferences"] | None = None
    """The table that is read and made. It can be left out where there is only one; `load` makes two of
    demonstrations or preferences: these, and their prompts."""
    near: float | None = Field(default=0.8, gt=0, le=1)
    """Jaccard similarity of shingles from which two rows are near duplicates. At 1 the shingles must be the
    same; at 0.5 many rows are dropped that only look similar. null: only exact duplicates."""
    shingle: int = Field(default=3, ge=1)
    """Number of words in a shingle; of characters in a script without spaces. With more words, each changed
    word counts more: one changed word in 100 leaves a similarity of 0.94 at 3 and 0.90 at 5."""
    compare: Compared = "all"
    """`all`: rows are duplicates when prompt and answers are alike, so several answers to one prompt stay.
    `prompt`: rows are duplicates when their prompts are alike, whatever the answers, so one row is left for
    each prompt. The prompt is all its turns but the system prompt, which must be the same. For the table
    `prompts` both mean the same."""

    def synthesize_all(self, rows: Sequence[Row], run: Run) -> Iterator[Row | DroppedRow]:
        """Keep the first row of each group of duplicates."""
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
    """Drop a row, and name the kept row that it repeats.

    If it repeats a dropped row, that row's kept row is named.
    """
    if earlier := dropped.get(repeat.id):
        repeat = Repeat(
            earlier.id, OTHER_ANSWER if repeat.reason == OTHER_ANSWER else earlier.reason, earlier.similarity
        )
    dropped[row.id] = repeat
    return DroppedRow(
        row.id, repeat.reason, {"repeats": repeat.id, "similarity": round(repeat.similarity, 3)}
    )
