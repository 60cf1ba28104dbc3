"""Find the earlier row that a row repeats: by a hash of its texts, and by the bands of its MinHash values.

For each of `HASHES` hash functions, MinHash keeps the smallest hash of a row's shingles. The probability that
two rows agree in one of these values is their Jaccard similarity. The values are divided into bands. Two rows
are compared exactly if they agree in all values of a band, and if all values together estimate a similarity
that is not far below `near`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from align.core.rows import Row
from data_synthesis.deduplication.text import CACHED, Comparable, Compared, comparable, similarity, tagged

HASHES = 128
"""Largest number of MinHash values of a row."""
FOUND = 0.995
"""Share of the pairs with a similarity of exactly `near` that the bands must propose; of more similar pairs
they propose more."""
DEVIATIONS = 3.0
"""A pair is compared exactly if its estimated similarity is at most this many standard deviations below
`near`. Without this limit, all rows that share a long instruction would be compared with each other."""
SEED = 1
EXACT, OTHER_ANSWER, NEAR = "exact duplicate", "exact duplicate with another answer", "near duplicate"


@dataclass(frozen=True, slots=True)
class Repeat:
    """The row that a row repeats, and how."""

    id: str
    """The id of the repeated row."""
    reason: str
    similarity: float = 1.0


class ExactIndex:
    """Find rows with the same texts."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[str, str]] = {}

    def find_or_add(self, id_: str, row: Comparable) -> Repeat | None:
        """Return the first row with the same texts; None if this row is the first one."""
        first, answer = self._first.setdefault(row.exact, (id_, row.answer))
        if first == id_:
            return None
        return Repeat(first, EXACT if answer == row.answer else OTHER_ANSWER)


class NearIndex:
    """Find rows whose texts are nearly the same as those of an added row."""

    def __init__(self, near: float, shingle: int, compare: Compared) -> None:
        import rensa  # noqa: PLC0415 (slow to import, and `align check` does not need it)

        library: Any = rensa  # compiled, without types
        self.near, self.shingle, self.compare = near, shingle, compare
        width = band_width(near)
        bands = HASHES // width
        self._hashes = width * bands
        self._sketches = library.RMinHash
        doubt = DEVIATIONS * math.sqrt(near * (1 - near) / self._hashes)
        self._likely = near - doubt
        self._index = library.RMinHashLSH(near, self._hashes, bands)
        self._kept: list[Row] = []
        self._compared = lru_cache(CACHED)(lambda place: comparable(self._kept[place], compare))
        self._known: list[Any] = []
        """The MinHash values of the rows that are kept."""

    def find_or_add(self, rows: Sequence[Row], compared: Sequence[Comparable]) -> list[Repeat | None]:
        """Return the earlier row that each row nearly repeats; add each row that repeats none.

        Args:
            rows: the rows; they are kept, and their texts are read again when needed.
            compared: the same rows in the form in which they are compared.

        Returns:
            For each row its repeat, or None for a row that was added.
        """
        sets = [tagged(item, self.shingle) for item in compared]
        sketches = self._sketches.from_token_sets(sets, num_perm=self._hashes, seed=SEED)
        return [self._find_or_add(*item) for item in zip(rows, compared, sketches, strict=True)]

    def _find_or_add(self, row: Row, compared: Comparable, sketch: Any) -> Repeat | None:
        for place in sorted(self._index.query(sketch)):
            if sketch.jaccard(self._known[place]) < self._likely:
                continue
            alike = similarity(compared, self._compared(place), self.shingle)
            if alike >= self.near:
                return Repeat(self._kept[place].id, NEAR, alike)
        self._index.insert(len(self._kept), sketch)
        self._known.append(sketch)
        self._kept.append(row)
        return None


def band_width(near: float) -> int:
    """Return the largest band width at which the bands still find FOUND of the pairs with similarity `near`.

    Wider bands propose fewer pairs that turn out too different.
    """
    widths = range(HASHES, 0, -1)
    return next((width for width in widths if 1 - (1 - near**width) ** (HASHES // width) >= FOUND), 1)
