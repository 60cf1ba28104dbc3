"""What a stage reports about its work: typed parts that many stages have, and the stage's own figures.

`report.json` in the stage's folder holds it as one flat object. The parts come first, in the order written
here, then the stage's own figures, and the seconds last; a part that the stage said nothing about is left
out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from align.core import log, tables

FILE = "report.json"
"""Name of the file in the stage's folder."""
COUNTED = (
    "inputs",
    "emitted",
    "rows",
    "dropped",
    "failed",
    "token rows",
    "answers not trained",
    "ignored columns",
    "pairs",
    "steps",
    "reward",
    "held-out accuracy",
    "overlap",
)
"""Entries that tell what happened, in the order shown."""
NOT_PRINTED = ("samples", "generators")
"""Entries that are too long for the line printed when a stage ends."""


@dataclass
class StageReport:
    """Counts and figures of one stage. None: the stage says nothing about that part."""

    inputs: int | None = None
    """Rows or records that the stage was given. Where it makes rows, inputs = emitted + dropped + failed."""
    emitted: int | None = None
    """Inputs from which at least one row was made."""
    rows: dict[str, int] | int | None = None
    """Rows made, by table; for a training stage, the number of rows trained on."""
    dropped: dict[str, int] | None = None
    """Rows that are not used, by reason."""
    failed: dict[str, int] | None = None
    """Inputs that an error stopped, by error."""
    partial: str | None = None
    """Why the stage made less than it was asked for, where the recipe allows that."""
    samples: dict[str, Any] | None = None
    """What was sampled: calls made and replayed, tokens."""
    tokens: int | None = None
    """Tokens of all prompts and answers, those of earlier runs of the stage included."""
    tallies: dict[str, int] | None = None
    """What a synthesizer counted with `ctx.tally`."""
    generators: dict[str, dict[str, Any]] | None = None
    """What identifies each generator that was used, by its alias."""
    steps: int | None = None
    """Optimizer steps."""
    train_loss: float | None = None
    """Mean loss over the training."""
    seconds: float | None = None
    """Time worked, killed attempts included."""
    note: str | None = None
    """What is left to do, where one of several shards ends."""
    figures: dict[str, Any] = field(default_factory=dict)
    """The stage's own figures, by the names that report.json and the printed line show."""

    @classmethod
    def read(cls, folder: Path) -> StageReport:
        """Read a stage's report, also one of an earlier version; an empty one where there is none."""
        report = cls()
        report |= tables.json_object(folder / FILE)
        return report

    def __getitem__(self, name: str) -> Any:
        """Return a part, or a figure of the stage's own, by its name in report.json."""
        return self.entries()[name]

    def __setitem__(self, name: str, value: Any) -> None:
        """Set a part, or a figure of the stage's own, by its name in report.json."""
        if name in _PARTS:
            setattr(self, name, value)
        else:
            self.figures[name] = value

    def __ior__(self, entries: Mapping[str, Any]) -> StageReport:
        """Set several entries by their names in report.json."""
        for name, value in entries.items():
            self[name] = value
        return self

    def entries(self) -> dict[str, Any]:
        """Return all entries as report.json holds them."""
        entries = {name: getattr(self, name) for name in _PARTS} | self.figures
        entries["seconds"] = entries.pop("seconds")  # last
        return {name: value for name, value in entries.items() if value is not None or name in self.figures}

    def summary(self) -> str:
        """Return everything worth printing as one line."""
        parts = []
        for key, value in self.entries().items():
            if key == "seconds":
                parts.append(log.duration(value))
            elif key in NOT_PRINTED or value in ({}, [], None) or (value == 0 and isinstance(value, int)):
                continue
            elif isinstance(value, dict):
                parts.append(
                    f"{key}: "
                    + ", ".join(f"{v} {k}" for k, v in value.items() if not isinstance(v, dict | list))
                )
            elif not isinstance(value, list):
                parts.append(f"{key} {value}")
        return " | ".join(parts)

    def counts(self) -> str:
        """Return what happened in the stage as one line."""
        parts, entries = [], self.entries()
        for key in COUNTED:
            value = entries.get(key)
            if isinstance(value, dict):
                parts += [f"{key}: " + ", ".join(f"{n} {what}" for what, n in value.items())] if value else []
            elif isinstance(value, list):
                parts += [f"{key}: {', '.join(map(str, value))}"] if value else []
            elif value is not None:
                parts.append(f"{key} {value}")
        return "; ".join(parts)


_PARTS = tuple(part.name for part in fields(StageReport) if part.name != "figures")
