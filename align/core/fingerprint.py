"""Everything that decides what a stage makes, as a readable tree and as one hash, which resume compares.

The fingerprint of a stage is a hash of its fields, the versions of its kind and of its parts, the run's seed
and the fingerprints of its inputs; a file or folder from outside the run counts by its content. A stage's
`done.json` keeps the fingerprint and the tree (its ingredients), so that `changes` can name what has changed.
The fields in `operational` of a class are left out: they say how the work is done, not what is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from align.core import wiring
from align.core.chat_templates import find_template
from align.core.config import Config, Plugin
from align.core.plugins import Generator
from align.core.recipe import Recipe
from align.core.rows import digest

_SAMPLED_BEYOND = 64 << 20
"""Files of more bytes are fingerprinted by their size and 64 evenly spaced blocks of 1 MiB (15 GB of weights:
0.1 s)."""


class Fingerprints:
    """The fingerprints of a run's stages and of their files and generators, each computed once."""

    def __init__(self, home: Path, locate: Callable[[str, Recipe], str]) -> None:
        """Keep the recipe's folder, and the function that turns a reference into a path or hub id."""
        self._home, self._locate = home, locate
        self._stages: dict[str, str] = {}
        self._contents: dict[str, str] = {}

    def of_stage(self, name: str, recipe: Recipe) -> str:
        """Return the hash that a stage's artifact must carry to count as done."""
        if name not in self._stages:
            self._stages[name] = digest(self.ingredients(name, recipe))
        return self._stages[name]

    def ingredients(self, name: str, recipe: Recipe) -> dict[str, Any]:
        """Return everything that decides what a stage makes."""
        stage = recipe.stages[name]
        of_stage = self.of_part(stage, recipe)
        inputs = of_stage["inputs"]
        # processes and precision decide the batch and the rounding
        if type(stage).trains and recipe.accelerate:
            inputs["accelerate"] = recipe.accelerate.model_dump()
            if recipe.accelerate.config_file:
                inputs[recipe.accelerate.config_file] = self.of_path(
                    str(self._home / recipe.accelerate.config_file)
                )
        return {**of_stage, "seed": recipe.seed, "inputs": inputs}

    def of_part(self, part: Plugin, recipe: Recipe) -> dict[str, Any]:
        """Return what decides the work of a stage, or of a task inside one: fields, versions, inputs."""
        fields = _deciding_fields(part)
        versions = {
            ".".join(map(str, at)): inner.version
            for at, inner in wiring.parts(part)
            if at and isinstance(inner, Plugin)
        }
        inputs = {**self._inputs(part, fields, recipe), **self._files(part, recipe)}
        return {"fields": fields, "version": type(part).version, "versions": versions, "inputs": inputs}

    def _inputs(self, stage: Plugin, fields: Mapping[str, Any], recipe: Recipe) -> dict[str, Any]:
        """Return the identity of each artifact and generator that the deciding fields refer to."""
        inputs: dict[str, Any] = {}
        for at, need, reference in wiring.references(stage):
            if not _holds(fields, at):
                continue  # it changes how the work is done, not what is made
            if need == "generator":
                inputs[f"generator {reference}"] = self.identity(recipe.generators[reference], recipe)
            else:
                inputs[reference] = self._of_input(reference, recipe)
        return inputs

    def _files(self, stage: Plugin, recipe: Recipe) -> dict[str, Any]:
        """Return the identity of each file that a stage reads."""
        found: dict[str, Any] = {}
        for _, path, marker in wiring.files(stage):
            if marker.or_template:
                found["chat template"] = digest(find_template(path, self._home))
            else:
                found[path] = self._of_input(path if wiring.is_path(path) else f"./{path}", recipe)
        return found

    def identity(self, generator: Generator, recipe: Recipe) -> dict[str, Any]:
        """Return what decides a generator's answers, including the content of its weights."""
        weights = {ref: self._of_input(ref, recipe) for _, _, ref in wiring.references(generator)}
        return {**generator.identity(), "version": type(generator).version, "weights": weights}

    def _of_input(self, reference: str, recipe: Recipe) -> str:
        """Return the fingerprint of a stage, or of the content of a path, that a reference names."""
        if reference != "base" and not wiring.is_path(reference):
            return self.of_stage(reference, recipe)
        return self.of_path(self._locate(reference, recipe))

    def of_path(self, path: str) -> str:
        """Return the fingerprint of the content of a file or folder."""
        if path not in self._contents:
            self._contents[path] = content_fingerprint(Path(path))
        return self._contents[path]


def _deciding_fields(stage: Plugin) -> dict[str, Any]:
    """Return the fields that decide what a stage makes, without those that only say how it is done."""
    fields = stage.model_dump(mode="json", serialize_as_any=True, by_alias=True)
    # inner ones first: an outer one may leave them out as a whole
    for at, part in reversed(list(wiring.parts(stage))):
        place: Any = fields
        for key in at:
            place = place[key]
        for name in part.operational if isinstance(part, Config) else ():
            place.pop(name, None)
    return fields


def _holds(fields: Any, at: tuple[str | int, ...]) -> bool:
    """Do plain fields hold something at a location?"""
    for key in at:
        if not (isinstance(fields, list) or key in fields):
            return False
        fields = fields[key]
    return True


def changes(old: Any, new: Any, where: str = "") -> list[str]:
    """Return what differs between two ingredient trees, as short phrases."""
    if isinstance(old, dict) and isinstance(new, dict):
        found = []
        for key in sorted({*old, *new}):
            label = (
                key
                if where in ("", "fields")
                else f"{where} {key}"
                if where == "inputs"
                else f"{where}.{key}"
            )
            found += changes(old.get(key), new.get(key), label)
        return found
    if old == new:
        return []
    return [where.replace("inputs ", "input ") if where.startswith("inputs") else f"{where}: {old} -> {new}"]


def content_fingerprint(path: Path) -> str:
    """Return a hash of a file's or folder's content or, if there is none (a hub id), of the name."""
    if not path.exists():
        return digest(str(path))
    files = (
        [path]
        if path.is_file()
        else sorted(p for p in path.rglob("*") if p.is_file() and ".cache" not in p.parts)
    )
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
