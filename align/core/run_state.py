"""The state of a run, read from its folder alone: the recipe's plug-ins, inputs and base may be gone.

A stage's `done.json` is written last, and is removed first when the stage is made again, so everything in a
folder that holds it is complete.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from align.core import tables
from align.core.errors import UsageError
from align.core.external_references import holds_reward_model
from align.core.stage_report import StageReport
from align.core.tables import json_object

FAILED = "failed.json"
"""Name of the file that says why a stage stopped; it is removed when the stage begins again."""


def log_of(process: int, *, main: bool) -> str:
    """Return the name of the log that one of a stage's processes writes; the main one has `log.txt`."""
    return "log.txt" if main else f"log-{process}.txt"


def fail(folder: Path, why: str, log: str, *, certain: bool = False) -> None:
    """Write down why a stage stopped.

    Args:
        folder: the stage's.
        why: the cause, as a sentence.
        log: name of the log that tells more.
        certain: False: the first process that reports is believed, because the others soon see a broken
            connection. True: this is known to be the first cause.
    """
    if certain or not (folder / FAILED).exists():
        with suppress(OSError):  # the cause may be a full disk
            tables.replace(folder / FAILED, json.dumps({"why": why, "log": str(folder / log)}) + "\n")


@dataclass(frozen=True)
class StageState:
    """One stage of a run folder."""

    name: str
    kind: str
    folder: Path

    @property
    def done(self) -> bool:
        """Is its artifact complete?"""
        return (self.folder / "done.json").is_file()

    @property
    def begun(self) -> bool:
        """Has it been worked on?"""
        return (self.folder / "stage.json").is_file()

    @property
    def failure(self) -> dict[str, Any]:
        """Why it failed, `{"why": ..., "log": ...}`; empty if it did not."""
        return json_object(self.folder / FAILED)

    @property
    def since(self) -> float:
        """When it was last begun, in seconds since 1970; 0 for never."""
        return json_object(self.folder / "stage.json").get("time", 0.0)

    @property
    def model(self) -> bool:
        """Is its artifact a model of any kind?"""
        return self.done and (self.folder / "config.json").is_file()

    @property
    def rewards(self) -> bool:
        """Is its artifact a reward model?"""
        return self.model and holds_reward_model(self.folder)

    @cached_property
    def report(self) -> StageReport:
        """Its counts and figures."""
        return StageReport.read(self.folder)

    @cached_property
    def inputs(self) -> list[str]:
        """What it was made from: names of stages, `base` and paths, also those of its generators' weights."""
        given = json_object(self.folder / "done.json").get("ingredients", {}).get("inputs", {})
        weights = [
            ref for value in given.values() if isinstance(value, dict) for ref in value.get("weights", {})
        ]
        return [*given, *weights]


def stages_of(path: str | Path) -> dict[str, StageState]:
    """Return the stages of a run folder by name, in the order of its recipe.

    Raises:
        UsageError: it is not a run folder.
    """
    stages = recipe_of(path).get("stages", {})
    found = {}
    for position, (name, fields) in enumerate(stages.items(), 1):
        numbered = next((p for p in Path(path).glob(f"[0-9][0-9]-{name}") if p.is_dir()), None)
        found[name] = StageState(
            name, fields.get("kind", ""), numbered or Path(path) / f"{position:02d}-{name}"
        )
    return found


def worker_of(path: str | Path) -> int | None:
    """Return the process that holds a run folder's lock; None if none does, or if Linux lists no locks."""
    lock, listed = Path(path) / ".lock", Path("/proc/locks")
    if not lock.exists() or not listed.exists():
        return None
    inode = f":{lock.stat().st_ino}"
    for line in listed.read_text().splitlines():  # 1: FLOCK  ADVISORY  WRITE 4242 08:01:131 0 EOF
        fields = line.split()
        if len(fields) > 5 and fields[1] == "FLOCK" and fields[5].endswith(inode):
            return int(fields[4])
    return None


def recipe_of(path: str | Path) -> dict[str, Any]:
    """Return the recipe of a run folder as plain values. Raises UsageError if it is not a run folder."""
    root = Path(path)
    if not (root / "recipe.json").is_file() or not (root / "state.json").is_file():
        raise UsageError(f"{path} is not a run folder (it holds no recipe.json); `align run` makes one")
    return json_object(root / "recipe.json")
