"""What is not used, and why: one account for every stage that judges rows, one file shape (`dropped.jsonl`)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from align.core import tables
from align.core.errors import BadRow

SHOWN = 5
"""Numbers of rows shown for each reason."""


class Dropped:
    """Collects the rows that are dropped."""

    def __init__(self, noun: str) -> None:
        """Take what a row is called in messages: `record` of a file, `row` of a table."""
        self.noun = noun
        self.items: list[dict[str, Any]] = []
        self._remedies: dict[str, str] = {}

    def __len__(self) -> int:
        """How many rows were dropped."""
        return len(self.items)

    def add(self, index: int, reason: BadRow, **more: Any) -> None:
        """Drop a row by its number, counted from 0; `more` is kept with it in the file, and a `line` is shown instead."""
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
        first, noun = items[0], "line" if "line" in items[0] else self.noun
        at = ", ".join(str(item.get("line", item["index"])) for item in items[:SHOWN]) + (", ..." if len(items) > SHOWN else "")
        where = f"{noun} {first.get('line', first['index'])}"
        turn = f"; turn {first['turn']} of {where}" if "turn" in first else ""
        turn += f"; {where} is in {first['file']}" if first.get("file") else ""
        remedy = f"; {self._remedies[reason]}" if self._remedies[reason] else ""
        return f"{count} x {reason} ({noun}{'s' if count > 1 else ''} {at}{turn}){remedy}"

    def write(self, folder: Path, name: str = "dropped.jsonl") -> None:
        """Write one line each."""
        tables.write_lines(folder / name, self.items)
