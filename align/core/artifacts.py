"""The run folder: where artifacts live, whether they are still valid, and how they appear.

    runs/NAME/  recipe.yaml  recipe.json  state.json
      01-problems/  02-math/ ...  each with its tables or model, report.json, log.txt, and done.json written last

A stage is done when its `done.json` holds the fingerprint that the recipe now asks for. The fingerprint is a hash of
the stage's fields, its kind's version, the run's seed and the fingerprints of its inputs; a file or folder from
outside counts by content. What changed is found by comparing the ingredients, which `done.json` keeps.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from align.core import stage_report, tables, wiring
from align.core.chat_templates import find_template
from align.core.config import Config, Plugin
from align.core.errors import StageFailed, UsageError
from align.core.held import FAILED, recipe_of
from align.core.log import LIVE
from align.core.outside import path_of
from align.core.plugins import Generator
from align.core.recipe import Loaded, Recipe
from align.core.rows import digest
from align.core.stage import Stage
from align.core.stage_report import StageReport

KEPT_WHEN_STALE = ("calls",)
"""Logged model calls are keyed by their whole content, so they outlive every change of the recipe."""
WORKERS = ".workers"
"""The lock that training processes share."""
ENDING_SECONDS = 10.0
"""How long training processes may take to end."""
_SAMPLED_BEYOND = 64 << 20
"""Bytes beyond which a file is fingerprinted by its size and 64 evenly spaced blocks of 1 MiB (15 GB of weights: 0.1 s)."""


@dataclass(frozen=True)
class Status:
    """What the run folder holds of a stage."""

    state: str
    """`done`, `stale` (made by another recipe), `partial` (killed or failed: resumes) or `missing`."""
    changed: tuple[str, ...] = ()
    """What differs, for a stale stage: `learning_rate: 1e-05 -> 2e-05`, `input sft`."""


class RunFolder:
    """The folder of one run. Knows paths and fingerprints; writes nothing but its own bookkeeping."""

    def __init__(self, path: str | Path, home: Path) -> None:
        self.path, self.home = Path(path), home
        self._fingerprints: dict[str, str] = {}
        self._contents: dict[str, str] = {}

    def record(self, loaded: Loaded) -> None:
        """Write the recipe into the folder, and number the stages' folders as it orders them. Needs the lock."""
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
            UsageError: it is not such a folder, or its recipe is no longer valid here.
        """
        root, fields = Path(path), recipe_of(path)
        home = Path(json.loads((root / "state.json").read_text())["home"])
        if str(home) not in sys.path:
            sys.path.insert(0, str(home))
        try:
            return cls(root, home), Recipe.model_validate(fields)
        except ValidationError as error:  # a plug-in that has moved, or a field that this version does not know
            why = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise UsageError(f"{root / 'recipe.json'} can no longer be read: {why}") from None

    @contextmanager
    def lock(self, *, shared: bool = False) -> Iterator[int]:
        """Make the folder if it is missing and keep a second `align run` out of it.

        Yields a file descriptor. The lock lasts until it is closed in every process that has it, so a training process
        that gets it keeps the folder locked even when the `align run` that started it is killed.

        Args:
            shared: let others in that ask for the same: the shards of one stage.

        Raises:
            UsageError: another process holds the lock.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / ".lock").open("a+") as file:  # readable too: NFS refuses a shared lock otherwise
            try:
                fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(f"another `align run` works in {self.path}; wait for it, or use another --out") from None
            self._wait_for_workers()
            yield file.fileno()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Hold the training processes' shared lock, so that no second `align run` starts in this folder meanwhile."""
        with (self.path / WORKERS).open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            yield

    def _wait_for_workers(self) -> None:
        """Wait until the training processes of an `align run` that was killed are gone; they end with it.

        Raises:
            UsageError: they do not.
        """
        until = time.monotonic() + ENDING_SECONDS
        with (self.path / WORKERS).open("a+") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    if time.monotonic() > until:
                        raise UsageError(
                            f"training processes of an earlier `align run` still work in {self.path}; end them first"
                        ) from None
                    time.sleep(0.1)
                else:
                    return

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until no other shard is between two of its steps: one prepares the stage, and one publishes it."""
        with (self.path / ".turn").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def shard(self, worker: str) -> Iterator[None]:
        """Be that shard. Raises UsageError when another process is."""
        with (self.path / f".shard-{worker}").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(f"another process works on shard {worker} in {self.path}") from None
            yield

    def others_at_work(self, mine: str) -> list[str]:
        """Return the shards other than one's own that are worked on now. Call it in one's turn: it tries their locks."""
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

    # -- fingerprints -------------------------------------------------------------------------------------------

    def fingerprint(self, name: str, recipe: Recipe) -> str:
        """Return the hash that a stage's artifact must carry to count as done."""
        if name not in self._fingerprints:
            self._fingerprints[name] = digest(self.ingredients(name, recipe))
        return self._fingerprints[name]

    def ingredients(self, name: str, recipe: Recipe) -> dict[str, Any]:
        """Return everything that decides what a stage makes."""
        stage = recipe.stages[name]
        fields = _deciding_fields(stage)
        inputs = {**self._inputs(stage, fields, recipe), **self._files(stage, recipe)}
        if type(stage).trains and recipe.accelerate:  # processes and precision decide the batch and the rounding
            inputs["accelerate"] = recipe.accelerate.model_dump()
            if recipe.accelerate.config_file:
                inputs[recipe.accelerate.config_file] = self.identity_of(str(self.home / recipe.accelerate.config_file))
        versions = {".".join(map(str, at)): part.version for at, part in wiring.parts(stage) if at and isinstance(part, Plugin)}
        return {
            "fields": fields,
            "version": type(stage).version,
            "versions": versions,
            "seed": recipe.seed,
            "inputs": inputs,
        }

    def _inputs(self, stage: Stage, fields: Mapping[str, Any], recipe: Recipe) -> dict[str, Any]:
        """Return the identity of each artifact and generator that a stage uses, as far as its deciding fields name it."""
        inputs: dict[str, Any] = {}
        for at, need, reference in wiring.references(stage):
            if not _holds(fields, at):
                continue  # it changes how the work is done and not what is made
            if need == "generator":
                inputs[f"generator {reference}"] = self.identity(recipe.generators[reference], recipe)
            else:
                inputs[reference] = self._input(reference, recipe)
        return inputs

    def _files(self, stage: Stage, recipe: Recipe) -> dict[str, Any]:
        """Return the identity of each file that a stage reads."""
        found: dict[str, Any] = {}
        for _, path, marker in wiring.files(stage):
            if marker.or_template:
                found["chat template"] = digest(find_template(path, self.home))
            else:
                found[path] = self._input(path if wiring.is_path(path) else f"./{path}", recipe)
        return found

    def identity(self, generator: Generator, recipe: Recipe) -> dict[str, Any]:
        """Return what makes two answers of a generator comparable, the content of its weights included."""
        weights = {ref: self._input(ref, recipe) for _, _, ref in wiring.references(generator)}
        return {**generator.identity(), "version": type(generator).version, "weights": weights}

    def _input(self, reference: str, recipe: Recipe) -> str:
        if reference != "base" and not wiring.is_path(reference):
            return self.fingerprint(reference, recipe)
        return self.identity_of(self.locate(reference, recipe))

    def identity_of(self, path: str) -> str:
        """Return the content fingerprint of a file or folder, computed once in a process."""
        if path not in self._contents:
            self._contents[path] = content_fingerprint(Path(path))
        return self._contents[path]

    def status(self, name: str, recipe: Recipe) -> Status:
        """Compare what the folder holds of a stage with what the recipe asks for."""
        folder = self._find(name) or self.stage(name, recipe)  # `align check` sees stages that have moved since
        for file, fresh in (("done.json", "done"), ("stage.json", "partial")):
            if (folder / file).is_file():
                held = json.loads((folder / file).read_text())
                if held["fingerprint"] == self.fingerprint(name, recipe):
                    return Status(fresh)
                return Status("stale", tuple(changes(held["ingredients"], self.ingredients(name, recipe))))
        return Status("missing")

    # -- publishing ---------------------------------------------------------------------------------------------

    def begin(self, name: str, recipe: Recipe) -> Path:
        """Make a stage's folder ready: keep what a killed run of the same stage left, clear what another made.

        What another finished is put aside (`kept`), until `publish` has something in its place.
        """
        folder, status = self.stage(name, recipe), self.status(name, recipe)
        earlier = worked(folder) if status.state == "partial" else 0.0
        aside = self.kept(name)
        if status.state == "stale" and (folder / "done.json").is_file() and not aside.exists():
            aside.parent.mkdir(exist_ok=True)
            folder.rename(aside)
        elif status.state in ("stale", "missing") and folder.is_dir():
            for mark in ("done.json", "stage.json"):  # first, so that dying half-way leaves nothing that looks valid
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
        """Return where a stage's finished artifact is while one of another setting is made in its place, if it had one."""
        return self.path / "kept" / name

    def restore(self, name: str, recipe: Recipe) -> bool:
        """Put what `begin` put aside back in its place, if it is what the recipe now asks for; return whether it was."""
        aside, folder = self.kept(name), self.stage(name, recipe)
        if not (aside / "done.json").is_file():
            return False
        if json.loads((aside / "done.json").read_text())["fingerprint"] != self.fingerprint(name, recipe):
            return False
        for item in KEPT_WHEN_STALE:
            if (folder / item).exists():
                (folder / item).rename(aside / item)
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
        return True

    def publish(self, name: str, recipe: Recipe, report: StageReport) -> None:
        """Mark a stage done. Raises StageFailed when it left nothing of what its kind makes."""
        folder, stage = self.stage(name, recipe), recipe.stages[name]
        found = {table: tables.count(folder, table) for table in tables.held(folder)}
        marks = {"model": "config.json", "reward_model": "config.json", "scores": "scores.json", "export": "config.json"}
        if stage.makes and not found and not any((folder / marks[m]).exists() for m in stage.makes if m in marks):
            raise StageFailed(name, f"it finished without making {' or '.join(sorted(stage.makes))}", folder / "log.txt")
        tables.replace(folder / stage_report.FILE, json.dumps(report.entries(), indent=1, ensure_ascii=False) + "\n")
        self._record(folder / "done.json", name, recipe, tables=found, seconds=report.seconds)
        shutil.rmtree(self.kept(name), ignore_errors=True)

    def _record(self, path: Path, name: str, recipe: Recipe, **more: Any) -> None:
        record = {"fingerprint": self.fingerprint(name, recipe), "ingredients": self.ingredients(name, recipe), **more}
        tables.replace(path, json.dumps({**record, "time": time.time()}, indent=1) + "\n")


def _deciding_fields(stage: Stage) -> dict[str, Any]:
    """Return the fields of a stage that decide what it makes, without those that only say how the work is done."""
    fields = stage.model_dump(mode="json", serialize_as_any=True, by_alias=True)
    for at, part in reversed(list(wiring.parts(stage))):  # inner ones first: an outer one may leave them out whole
        place: Any = fields
        for key in at:
            place = place[key]
        for name in part.operational if isinstance(part, Config) else ():
            place.pop(name, None)
    return fields


def _holds(fields: Any, at: tuple[str | int, ...]) -> bool:
    """Is there something at a location of plain fields?"""
    for key in at:
        if not (isinstance(fields, list) or key in fields):
            return False
        fields = fields[key]
    return True


def worked(folder: Path) -> float:
    """Return the seconds that a stage was worked on in attempts that were killed, up to the last file that each wrote."""
    held = json.loads((folder / "stage.json").read_text(encoding="utf-8"))
    last = max(path.stat().st_mtime for path in folder.rglob("*") if path.is_file())
    return held.get("earlier", 0.0) + max(0.0, last - held["time"])


def changes(old: Any, new: Any, where: str = "") -> list[str]:
    """Return what differs between two ingredient trees, as short phrases."""
    if isinstance(old, dict) and isinstance(new, dict):
        found = []
        for key in sorted({*old, *new}):
            label = key if where in ("", "fields") else f"{where} {key}" if where == "inputs" else f"{where}.{key}"
            found += changes(old.get(key), new.get(key), label)
        return found
    if old == new:
        return []
    return [where.replace("inputs ", "input ") if where.startswith("inputs") else f"{where}: {old} -> {new}"]


def content_fingerprint(path: Path) -> str:
    """Return a hash of a file's or folder's content; of its name where nothing is there (a hub id)."""
    if not path.exists():
        return digest(str(path))
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file() and ".cache" not in p.parts)
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.relative_to(path)}\0{file.stat().st_size}\0".encode())
        total.update(_bytes_to_hash(file))
    return total.hexdigest()[:16]


def _bytes_to_hash(file: Path) -> bytes:
    size, sha = file.stat().st_size, hashlib.sha256()
    with file.open("rb") as stream:
        if size <= _SAMPLED_BEYOND:
            return hashlib.file_digest(stream, "sha256").digest()
        for block in range(64):
            stream.seek(block * (size - (1 << 20)) // 63)
            sha.update(stream.read(1 << 20))
    return sha.digest()
