"""A stage is one named step: it reads finished artifacts and publishes one, all through its `Run`."""

from __future__ import annotations

import hashlib
import logging
import re
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from align.core import tables
from align.core.config import Plugin
from align.core.errors import StageFailed, UsageError
from align.core.plugins import Generator
from align.core.rows import Row
from align.core.stage_report import StageReport

if TYPE_CHECKING:
    from align.core.artifacts import RunFolder
    from align.core.recipe import Recipe


def _remedy(folder: Path, table: str) -> str:
    """Return a hint for a folder that holds another table than the one that is needed."""
    if table == "demonstrations" and tables.exists(folder, "unpaired"):
        return (
            " (a `label` says which completions are good; with `ignore: [label]` the load stage reads all "
            "as demonstrations)"
        )
    if table == "demonstrations" and tables.held(folder) == ["prompts"]:
        return (
            " (no record has a completion; `columns: {completion: ...}` in the load stage names the column "
            "that is one)"
        )
    if table == "preferences" and tables.exists(folder, "unpaired"):
        return " (unpaired rows are for KTO, which no stage here trains)"
    return ""


class Stage(Plugin, ABC):
    """A step of a recipe. Its fields are its knobs, `run` is its behaviour."""

    family: ClassVar[str] = "stage"
    makes: ClassVar[frozenset[str]] = frozenset()
    """What its artifact can hold: names of tables, `model`, `reward_model`, `scores` or `export`."""
    trains: ClassVar[bool] = False
    """True: may be started in several processes by `accelerate launch`."""
    shards: ClassVar[bool] = False
    """True: the stage has `run_shard(run, shard)` and `publish_shards(run)`, so several `align run --shard`
    can share its work."""

    @abstractmethod
    def run(self, run: Run) -> None:
        """Do the work and write its results into `run.folder`, which still has what a killed run left."""


@dataclass(frozen=True)
class Shard:
    """One of several processes that work on a stage, on any machines that see the run folder."""

    index: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read `0/3`, the first of three.

        Raises:
            UsageError: it has another form.
        """
        found = re.fullmatch(r"(\d+)/(\d+)", text)
        if not found or not int(found[1]) < int(found[2]):
            raise UsageError(
                f"--shard {text}: write i/n with i from 0 to n - 1, such as 0/3 for the first of three"
            )
        return cls(int(found[1]), int(found[2]))

    @property
    def worker(self) -> str:
        """Its name in the names of files and locks."""
        return f"{self.index}of{self.of}"

    def holds(self, id_: str) -> bool:
        """Does a row belong to this shard, by its id of 16 hex digits?"""
        return int(id_, 16) % self.of == self.index


@dataclass
class Run:
    """One stage's view of the run: where its inputs are, where its output goes, how to say what happened."""

    name: str
    folder: Path
    recipe: Recipe
    runs: RunFolder
    log: logging.Logger
    report: StageReport = field(default_factory=StageReport)
    """Counts and figures of this stage, which are written to report.json and printed. `run.report["name"] =
    value` adds one."""
    started: float = field(default_factory=time.monotonic)
    """When the stage began, by `time.monotonic()`."""

    log_name: str = "log.txt"

    @property
    def log_file(self) -> Path:
        """Where the log of this stage, or of this shard of it, is."""
        return self.folder / self.log_name

    def locate(self, reference: str) -> str:
        """Return the folder, file or hub id that a reference of the recipe means."""
        return self.runs.locate(reference, self.recipe)

    def home(self, path: str) -> Path:
        """Return the path of a file that the recipe names relative to its own folder."""
        return self.runs.home / path

    def rows(self, reference: str, table: str) -> list[Row]:
        """Read one table of a rows artifact (an earlier stage, or a folder that an earlier run made).

        Raises:
            StageFailed: the artifact does not hold that table.
        """
        folder = Path(self.locate(reference))
        if not tables.exists(folder, table):
            held = ", ".join(tables.held(folder)) or "no tables"
            cause = f"{reference!r} holds {held}, but {table} are needed here"
            raise StageFailed(self.name, f"{cause}{_remedy(folder, table)}", self.log_file)
        return tables.read(folder, table)

    def generator(self, alias: str) -> Generator:
        """Return a generator of the recipe, not started."""
        return self.recipe.generators[alias]

    def identity(self, generator: Generator) -> dict[str, Any]:
        """Return what tells a generator's answers from those of another: its fields, version and weights."""
        return self.runs.fingerprints.identity(generator, self.recipe)

    def fingerprint(self, path: str) -> str:
        """Return a hash of the content of a file or folder."""
        return self.runs.fingerprints.of_path(path)

    def seed(self, *label: object) -> int:
        """Return a 31-bit seed that depends only on the run's seed, the stage and a label, not on order."""
        text = repr((self.recipe.seed, self.name, *label))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) >> 1
