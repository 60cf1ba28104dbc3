"""A recipe is a typed value, read once: a base model, generators, and stages in the order they run.

Reading collects all mistakes of the file before it reports them. References between stages are checked on the
values as written, so a typo in one stage does not hide a wrong reference in another (`align.core.wiring`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, field_validator

from align.core import wiring, yaml_reader
from align.core.config import Config
from align.core.errors import Problem, RecipeError, UsageError
from align.core.plugins import Generator
from align.core.stage import Stage
from align.core.validation_errors import did_you_mean

if TYPE_CHECKING:
    from align.pipeline import Report

SPREAD = {"FSDP": "FSDP", "DEEPSPEED": "DeepSpeed", "MEGATRON_LM": "Megatron-LM"}
"""accelerate's `distributed_type`s that spread one model's weights over processes -> the names that people
use. The keys are also the ends of accelerate's variables `ACCELERATE_USE_...`."""
SHIPPED = wiring.SHIPPED


class Accelerate(Config):
    """How `accelerate launch` starts each training stage. Left out, stages run in line on one device."""

    config_file: str | None = None
    """A file written by `accelerate config`, relative to the recipe; the fields below override it."""
    num_processes: int | None = Field(default=None, ge=1)
    """Processes on this machine, one per GPU."""
    mixed_precision: Literal["no", "fp16", "bf16"] | None = None
    """`no`, `fp16` or `bf16`."""


def _stage_name(name: str) -> str:
    if not name.replace("_", "").replace("-", "").isalnum() or name == "base":
        raise ValueError(f"{name!r} cannot name a stage: letters, digits, '-' and '_', and not 'base'")
    return name


class Recipe(Config):
    """Everything that decides what a run makes."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Names the run folder, `runs/NAME`."""
    seed: int = Field(default=0, ge=0)
    """Every random choice of the run derives from it."""
    base: str
    """The model to start from: a folder (relative to the recipe) or a hub id; both contain a slash."""
    generators: dict[str, Generator] = {}
    """Language models that write rows, each under an alias that stages refer to."""
    accelerate: Accelerate | None = None
    """Present: every training stage runs in its own process(es) under `accelerate launch`."""
    stages: dict[Annotated[str, AfterValidator(_stage_name)], Stage] = Field(min_length=1)
    """Run in the order written. A stage refers only to `base`, to earlier stages, or to a path or hub id."""

    @field_validator("base")
    @classmethod
    def _has_slash(cls, base: str) -> str:
        if "/" not in base:
            raise ValueError(
                f"{base!r} is neither a path nor a hub id: both hold a slash (./{base}, owner/{base})"
            )
        return base

    @classmethod
    def load(
        cls, path: str | Path, set: Mapping[str, Any] | None = None, folder: Path | None = None
    ) -> Loaded:
        """Read and check a recipe file (or a shipped one by name).

        Args:
            path: a YAML file, or the name of a shipped recipe such as `quickstart`.
            set: overrides, `{"dpo.beta": 0.2}`; a stage is addressed by its name.
            folder: what relative paths start from; left out, the file's folder.

        Raises:
            RecipeError: every mistake of the file, each with its line.
        """
        file = find(path)
        source = yaml_reader.read_yaml(file)
        folder = (folder or file.parent).resolve()
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))  # a plug-in beside the recipe is importable, as DESIGN promises
        if not isinstance(source.data, dict):
            raise RecipeError(str(file), [Problem(1, "", "a recipe is a mapping with name, base and stages")])
        for key, value in (set or {}).items():
            _override(source.data, key, value)
        problems = list(source.problems)
        recipe = None
        try:
            recipe = cls.model_validate(source.data)
        except ValidationError as error:
            for e in error.errors():
                loc = e["loc"]
                problems.append(Problem(source.line(loc), ".".join(map(str, loc)), e["msg"]))
        for loc, what in wiring.check(source.data, Stage, Generator, folder):
            problems.append(Problem(source.line(loc), ".".join(map(str, loc)), what))
        problems += _of_accelerate(source.data.get("accelerate"), recipe, folder, source)
        if problems or recipe is None:
            raise RecipeError(str(file), problems)
        return Loaded(recipe, file, folder, dict(set or {}))


def _of_accelerate(
    raw: Any, recipe: Recipe | None, folder: Path, source: yaml_reader.Yaml
) -> Iterator[Problem]:
    """Yield what is wrong with the `accelerate config` file, or with stages that need it or cannot use it."""
    for name, stage in recipe.stages.items() if recipe and not recipe.accelerate else ():
        if "ddp_backend" in getattr(stage, "training_args", ()):
            at = ("stages", name, "training_args", "ddp_backend")
            yield Problem(
                source.line(at),
                ".".join(at),
                "is about several processes, and the recipe has no `accelerate:`",
            )
    named, loc = raw.get("config_file") if isinstance(raw, dict) else None, ("accelerate", "config_file")
    if not isinstance(named, str):
        return
    if not (folder / named).is_file():
        yield Problem(source.line(loc), ".".join(loc), f"no file {named!r} (looked in {folder})")
        return
    try:
        config = yaml_reader.read_yaml(folder / named).data
    except RecipeError as error:
        yield Problem(source.line(loc), ".".join(loc), str(error))
        return
    spread = config.get("distributed_type") if isinstance(config, dict) else None
    for name, stage in recipe.stages.items() if recipe and spread in SPREAD else ():
        if why := getattr(stage, "not_sharded", lambda: None)():
            yield Problem(source.line(("stages", name)), f"stages.{name}", f"{named} says {spread}; {why}")


class Loaded:
    """A recipe together with the folder that its relative paths start from."""

    def __init__(self, recipe: Recipe, file: Path, folder: Path, overrides: dict[str, Any]) -> None:
        self.recipe, self.file, self.folder, self.overrides = recipe, file, folder, overrides

    def run(
        self,
        out: str | Path | None = None,
        *,
        until: str | None = None,
        only: str | None = None,
        shard: str | None = None,
    ) -> Report:
        """Run the stages that are not done yet; see `align.pipeline.run`."""
        from align import pipeline  # noqa: PLC0415 (the layer above: only the convenience method knows it)

        return pipeline.run(self, out, until=until, only=only, shard=shard)


def find(path: str | Path) -> Path:
    """Return the file that a command-line argument means: a path, or the name of a shipped recipe."""
    file = Path(path)
    if file.exists():
        return file
    for shipped in SHIPPED:
        for candidate in (shipped / file.name, shipped / f"{file.name}.yaml"):
            if candidate.is_file() and file.parent in (Path(), Path("recipes")):
                return candidate
    names = sorted(p.stem for folder in SHIPPED if folder.is_dir() for p in folder.glob("*.yaml"))
    raise UsageError(f"no recipe {str(path)!r}; shipped recipes: {', '.join(names)}{_near(file.stem, names)}")


def shipped() -> list[tuple[str, str]]:
    """Return (name, first line of its own description) of each shipped recipe."""
    files = {p.stem: p for folder in SHIPPED if folder.is_dir() for p in sorted(folder.glob("*.yaml"))}
    return [
        (name, path.read_text(encoding="utf-8").partition("\n")[0].lstrip("# "))
        for name, path in sorted(files.items())
    ]


def _near(word: str, options: list[str]) -> str:
    hint = did_you_mean(word, options)
    return hint if hint.startswith("; did") else ""


def _override(data: dict[str, Any], key: str, value: Any) -> None:
    """Set a value by its dotted key: `dpo.beta` in stage `dpo`, or `seed`, `generators.policy.model`."""
    parts: list[str] = key.split(".")
    stages = data.get("stages")
    node: Any = data
    if isinstance(stages, dict) and parts[0] in stages:
        node = stages
    elif parts[0] not in Recipe.model_fields:
        names = [*(stages if isinstance(stages, dict) else ()), *Recipe.model_fields]
        raise UsageError(f"--set {key}: no stage or key {parts[0]!r}{did_you_mean(parts[0], names)}")
    for part in parts[:-1]:
        if isinstance(node, list) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        elif isinstance(node, dict) and isinstance(node.setdefault(part, {}), dict | list):
            node = node[part]
        else:
            raise UsageError(f"--set {key}: {part!r} holds no keys")
    if isinstance(node, list):
        raise UsageError(f"--set {key}: set the whole list instead")
    node[parts[-1]] = value
