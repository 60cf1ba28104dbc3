"""Record which rows are dropped, and why, in one file shape for all stages (`dropped.jsonl`).

Messages and files give a record's place in one way: its file, and its line there (`line`) or, if the file has
no lines, its number among the file's records (`number`, as in Parquet). Both count from 1. `index` is its
number among everything that the stage read, counted from 0; a row of a table has no other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from align.core import tables
from align.core.errors import BadRow

SHOWN = 5
"""How many places of rows a message shows for each reason."""


class Dropped:
    """Collects the rows that are dropped."""

    def __init__(self, noun: str) -> None:
        """Keep the word that messages use for a row: `record` of a file, `row` of a table."""
        self.noun = noun
        self.items: list[dict[str, Any]] = []
        self._remedies: dict[str, str] = {}

    def __len__(self) -> int:
        """How many rows were dropped."""
        return len(self.items)

    def add(self, index: int, reason: BadRow, **more: Any) -> None:
        """Drop a row.

        Args:
            index: its number, counted from 0.
            reason: why it is not used.
            more: further entries of its line in the file, such as its place (`file`, `line` or `number`).
        """
        turn = {"turn": reason.turn} if reason.turn else {}
        self.items.append({"index": index, "reason": str(reason), **turn, **more})
        self._remedies.setdefault(str(reason), reason.remedy)

    def counts(self) -> dict[str, int]:
        """Return how many rows were dropped for each reason, the most frequent first."""
        return dict(Counter(item["reason"] for item in self.items).most_common())

    def lines(self) -> list[str]:
        """Return a sentence for each reason: how many, which ones, what to do."""
        return [self._line(reason, count) for reason, count in self.counts().items()]

    def _line(self, reason: str, count: int) -> str:
        items = [item for item in self.items if item["reason"] == reason][: SHOWN + 1]
        shown = "; ".join(self._places(items[:SHOWN])) + (", ..." if len(items) > SHOWN else "")
        turn = f"; turn {items[0]['turn']} of {next(self._places(items[:1]))}" if "turn" in items[0] else ""
        remedy = f"; {self._remedies[reason]}" if self._remedies[reason] else ""
        return f"{count} x {reason} ({shown}{turn}){remedy}"

    def _places(self, items: Sequence[dict[str, Any]]) -> Iterator[str]:
        """Yield where items are, one text a file: `lines 2, 7 of a.jsonl`, `record 4 of b.parquet`."""
        for (noun, file), group in groupby(items, self._kind_of_place):
            numbers = [_place(item) for item in group]
            plural = "s" if len(numbers) > 1 else ""
            yield f"{noun}{plural} {', '.join(map(str, numbers))}" + (f" of {file}" if file else "")

    def _kind_of_place(self, item: dict[str, Any]) -> tuple[str, str]:
        return "line" if "line" in item else self.noun, item.get("file", "")

    def write(self, folder: Path, name: str = "dropped.jsonl") -> None:
        """Write one line for each dropped row."""
        tables.write_lines(folder / name, self.items)


def _place(item: Mapping[str, Any]) -> int:
    """Return the number by which a dropped row is found: its line, its number in the file, or its index."""
    return item.get("line", item.get("number", item["index"]))
