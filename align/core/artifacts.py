"""The run folder: where artifacts lie, whether they are still valid, and how they are published.

    runs/NAME/  recipe.yaml  recipe.json  state.json
      01-problems/  02-math/ ...  each with tables or a model, report.json, log.txt; done.json is written last

A stage is done when its `done.json` holds the fingerprint that the recipe now asks for
(`align.core.fingerprint`).
"""

from __future__ import annotations

import fcntl
import json
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from align.core import stage_report, tables, wiring
from align.core.errors import StageFailed, UsageError
from align.core.external_references import path_of
from align.core.fingerprint import Fingerprints, changes
from align.core.log import LIVE
from align.core.recipe import Loaded, Recipe
from align.core.run_state import FAILED, recipe_of
from align.core.stage_report import StageReport

KEPT_WHEN_STALE = ("calls", "outcomes")
"""Folders that are kept when a stage is made again. Logged model calls, and what models got on tasks, are
keyed by all that decides them, so they stay valid whatever changes in the recipe."""
WORKERS = ".workers"
"""Name of the lock file that training processes share."""
ENDING_SECONDS = 10.0
"""How long `align run` waits for the training processes of a killed one to end."""


@dataclass(frozen=True)
class Status:
    """What the run folder holds of a stage."""

    state: str
    """`done`, `stale` (made with other settings), `partial` (killed or failed: resumes) or `missing`."""
    changed: tuple[str, ...] = ()
    """What differs, for a stale stage: `learning_rate: 1e-05 -> 2e-05`, `input sft`."""


class RunFolder:
    """The folder of one run. It knows where everything lies, and writes only its own bookkeeping."""

    def __init__(self, path: str | Path, home: Path) -> None:
        self.path, self.home = Path(path), home
        self.fingerprints = Fingerprints(home, self.locate)

    def record(self, loaded: Loaded) -> None:
        """Write the recipe into the folder, and rename the stages' folders to its order. Needs the lock."""
        tables.replace(self.path / "recipe.yaml", loaded.file.read_text(encoding="utf-8"))
        resolved = loaded.recipe.model_dump(mode="json", serialize_as_any=True, by_alias=True)
        tables.replace(self.path / "recipe.json", json.dumps(resolved, indent=1) + "\n")
        state = {"home": str(loaded.folder), "recipe": loaded.file.name, "set": loaded.overrides}
        tables.replace(self.path / "state.json", json.dumps(state) + "\n")
        for position, name in enumerate(loaded.recipe.stages, 1):
            old, new = self._find(name), self.path / f"{position:02d}-{name}"
            if old and old != new:
                old.rename(new)

    @classmethod
    def open(cls, path: str | Path) -> tuple[RunFolder, Recipe]:
        """Open a folder that `align run` made, with the recipe that it holds.

        Raises:
            UsageError: it is not a run folder, or its recipe is no longer valid here.
        """
        root, fields = Path(path), recipe_of(path)
        home = Path(json.loads((root / "state.json").read_text())["home"])
        if str(home) not in sys.path:
            sys.path.insert(0, str(home))
        try:
            return cls(root, home), Recipe.model_validate(fields)
        except ValidationError as error:
            # a plug-in has moved, or this version does not know a field
            why = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise UsageError(f"{root / 'recipe.json'} can no longer be read: {why}") from None

    @contextmanager
    def lock(self, *, shared: bool = False) -> Iterator[int]:
        """Make the folder if it is missing and keep a second `align run` out of it.

        Yields a file descriptor. The lock lasts until every process that has the descriptor has closed it, so
        a training process that inherits it keeps the folder locked even when the `align run` that started it
        is killed.

        Args:
            shared: share the lock with others that ask for a shared one: the shards of one stage.

        Raises:
            UsageError: another process holds the lock.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / ".lock").open("a+") as file:  # readable too: NFS refuses a shared lock otherwise
            try:
                fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(
                    f"another `align run` works in {self.path}; wait for it, or use another --out"
                ) from None
            self._wait_for_workers()
            yield file.fileno()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Hold the lock that training processes share, so that no second `align run` starts here."""
        with (self.path / WORKERS).open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            yield

    def _wait_for_workers(self) -> None:
        """Wait until the training processes of a killed `align run` have ended, as they do by themselves.

        Raises:
            UsageError: they have not ended after `ENDING_SECONDS`.
        """
        until = time.monotonic() + ENDING_SECONDS
        with (self.path / WORKERS).open("a+") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    if time.monotonic() > until:
                        raise UsageError(
                            f"training processes of an earlier `align run` still work in {self.path}; "
                            "end them first"
                        ) from None
                    time.sleep(0.1)
                else:
                    return

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the lock under which one shard at a time prepares the stage, or publishes it."""
        with (self.path / ".turn").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def shard(self, worker: str) -> Iterator[None]:
        """Hold the lock of a shard. Raises UsageError if another process holds it."""
        with (self.path / f".shard-{worker}").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(f"another process works on shard {worker} in {self.path}") from None
            yield

    def others_at_work(self, mine: str) -> list[str]:
        """Return the other shards that are worked on now. Call it within `turn`: it tries their locks."""
        found = []
        for path in sorted(self.path.glob(".shard-*")):
            worker = path.name.removeprefix(".shard-")
            if worker == mine:
                continue
            try:
                with self.shard(worker):
                    pass
            except UsageError:
                found.append(worker)
        return found

    def stage(self, name: str, recipe: Recipe) -> Path:
        """Return the folder of a stage, whether it exists or not."""
        return self.path / f"{list(recipe.stages).index(name) + 1:02d}-{name}"

    def _find(self, name: str) -> Path | None:
        return next((p for p in self.path.glob(f"[0-9][0-9]-{name}") if p.is_dir()), None)

    def locate(self, reference: str, recipe: Recipe) -> str:
        """Return the path or hub id that a reference means."""
        if reference == "base":
            reference = recipe.base
        if not wiring.is_path(reference):
            return str(self.stage(reference, recipe))
        local = path_of(reference, self.home)
        return str(local) if local.exists() else reference

    def status(self, name: str, recipe: Recipe) -> Status:
        """Compare what the folder holds of a stage with what the recipe asks for."""
        # found by its name: `align check` also sees stages whose place in the recipe has changed
        folder = self._find(name) or self.stage(name, recipe)
        for file, fresh in (("done.json", "done"), ("stage.json", "partial")):
            if (folder / file).is_file():
                held = json.loads((folder / file).read_text())
                if held["fingerprint"] == self.fingerprints.of_stage(name, recipe):
                    return Status(fresh)
                return Status(
                    "stale", tuple(changes(held["ingredients"], self.fingerprints.ingredients(name, recipe)))
                )
        return Status("missing")

    # -- publishing ------------------------------------------------------------------------------------------

    def begin(self, name: str, recipe: Recipe) -> Path:
        """Prepare a stage's folder: keep what a killed run of it left, clear what another recipe made.

        A finished artifact of another recipe is moved aside (`kept`) until `publish` replaces it.
        """
        folder, status = self.stage(name, recipe), self.status(name, recipe)
        earlier = worked(folder) if status.state == "partial" else 0.0
        aside = self.kept(name)
        if status.state == "stale" and (folder / "done.json").is_file() and not aside.exists():
            aside.parent.mkdir(exist_ok=True)
            folder.rename(aside)
        elif status.state in ("stale", "missing") and folder.is_dir():
            # these first, so that a process that dies half-way leaves nothing that looks valid
            for mark in ("done.json", "stage.json"):
                (folder / mark).unlink(missing_ok=True)
            for item in folder.iterdir():
                if item.name not in KEPT_WHEN_STALE:
                    shutil.rmtree(item) if item.is_dir() else item.unlink()
        folder.mkdir(exist_ok=True)
        for item in KEPT_WHEN_STALE:
            if (aside / item).exists() and not (folder / item).exists():
                (aside / item).rename(folder / item)
        for told in (FAILED, LIVE):
            (folder / told).unlink(missing_ok=True)
        self._record(folder / "stage.json", name, recipe, earlier=earlier)
        return folder

    def kept(self, name: str) -> Path:
        """Return where a stage's finished artifact is kept while one with other settings is made."""
        return self.path / "kept" / name

    def restore(self, name: str, recipe: Recipe) -> bool:
        """Move a stage's kept artifact back if the recipe now asks for it; return whether it was moved."""
        aside, folder = self.kept(name), self.stage(name, recipe)
        if not (aside / "done.json").is_file():
            return False
        if json.loads((aside / "done.json").read_text())["fingerprint"] != self.fingerprints.of_stage(
            name, recipe
        ):
            return False
        for item in KEPT_WHEN_STALE:
            if (folder / item).exists():
                (folder / item).rename(aside / item)
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
        return True

    def publish(self, name: str, recipe: Recipe, report: StageReport) -> None:
        """Mark a stage done. Raises StageFailed if it made nothing of what its kind makes."""
        folder, stage = self.stage(name, recipe), recipe.stages[name]
        found = {table: tables.count(folder, table) for table in tables.held(folder)}
        marks = {
            "model": "config.json",
            "reward_model": "config.json",
            "scores": "scores.json",
            "export": "config.json",
        }
        if (
            stage.makes
            and not found
            and not any((folder / marks[m]).exists() for m in stage.makes if m in marks)
        ):
            raise StageFailed(
                name, f"it finished without making {' or '.join(sorted(stage.makes))}", folder / "log.txt"
            )
        tables.replace(
            folder / stage_report.FILE, json.dumps(report.entries(), indent=1, ensure_ascii=False) + "\n"
        )
        self._record(folder / "done.json", name, recipe, tables=found, seconds=report.seconds)
        shutil.rmtree(self.kept(name), ignore_errors=True)

    def _record(self, path: Path, name: str, recipe: Recipe, **more: Any) -> None:
        of = self.fingerprints
        record = {
            "fingerprint": of.of_stage(name, recipe),
            "ingredients": of.ingredients(name, recipe),
            **more,
        }
        tables.replace(path, json.dumps({**record, "time": time.time()}, indent=1) + "\n")


def worked(folder: Path) -> float:
    """Return the seconds that killed attempts worked on a stage, each until the last file that it wrote."""
    held = json.loads((folder / "stage.json").read_text(encoding="utf-8"))
    last = max(path.stat().st_mtime for path in folder.rglob("*") if path.is_file())
    return held.get("earlier", 0.0) + max(0.0, last - held["time"])
