"""Which earlier row a row repeats: by a hash of all it says, and by the bands of its MinHash values.

MinHash keeps, for each of `HASHES` hash functions, the smallest value of a row's shingles; two rows agree in
each with a probability that is their Jaccard similarity. The values are cut into bands; rows that agree in
all values of a band, and whose similarity as estimated by all values is not far below `near`, are compared
exactly.
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
"""MinHash values of a row, at most."""
FOUND = 0.995
"""Share of the pairs exactly as alike as `near` that the bands must propose; of pairs that are more alike
they propose more."""
DEVIATIONS = 3.0
"""Standard deviations below `near` down to which the similarity that all values estimate is worth an exact
comparison; without this, rows that share a long instruction would all be compared with each other."""
SEED = 1
EXACT, OTHER_ANSWER, NEAR = "exact duplicate", "exact duplicate with another answer", "near duplicate"


@dataclass(frozen=True, slots=True)
class Repeat:
    """That a row repeats another."""

    id: str
    """The other row's."""
    reason: str
    similarity: float = 1.0


class ExactIndex:
    """Finds rows that say the same."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[str, str]] = {}

    def find_or_add(self, id_: str, row: Comparable) -> Repeat | None:
        """Return which row came first that says the same; None for the first one."""
        first, answer = self._first.setdefault(row.exact, (id_, row.answer))
        if first == id_:
            return None
        return Repeat(first, EXACT if answer == row.answer else OTHER_ANSWER)


class NearIndex:
    """Finds rows that say nearly the same as one that was added."""

    def __init__(self, near: float, shingle: int, compare: Compared) -> None:
        import rensa  # noqa: PLC0415 (`align check` must not pay for it)

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
        """The sketches of the rows that are kept."""

    def find_or_add(self, rows: Sequence[Row], compared: Sequence[Comparable]) -> list[Repeat | None]:
        """Return for each row which one it nearly repeats, of those added before; None for one that is added now.

        Args:
            rows: what is kept for later; texts are read from it again when they are needed.
            compared: the same rows as they are compared.
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
    """Return how many values a band has: as many as still find a share FOUND of the pairs that are as alike as `near`.

    Wider bands propose fewer pairs that are not alike enough.
    """
    widths = range(HASHES, 0, -1)
    return next((width for width in widths if 1 - (1 - near**width) ** (HASHES // width) >= FOUND), 1)
