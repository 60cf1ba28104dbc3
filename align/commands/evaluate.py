"""`align eval`: measure models on tasks without writing a recipe.

The command writes the recipe for you, `eval.yaml` in the output folder, and runs it. So everything that holds
for `align run` holds here: the same tables, a run that was killed goes on, and what was measured before is
not measured again, also when models or tasks are added.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from align.core import tables, yaml_reader
from align.core.errors import UsageError
from align.core.recipe import Loaded, Recipe
from align.core.run_state import recipe_of, stages_of
from align.core.wiring import is_path

FILE = "eval.yaml"
STAGE = "scores"


def evaluate(
    models: Sequence[str], tasks: Sequence[str], out: str, options: dict[str, Any], changes: dict[str, Any]
) -> str:
    """Measure models on tasks, and return where the results are.

    Args:
        models: folders, hub ids, run folders (all their models), models with a name as YAML (`{model: ...,
            name: ...}`), or generators as YAML (`{kind: ...}`).
        tasks: kinds of tasks, or tasks as YAML (`{kind: gsm8k, shots: 8}`).
        out: the output folder.
        options: further fields of the stage `evaluate`.
        changes: as of `--set`.

    Raises:
        UsageError, RecipeError: a model or a task is wrong.
        StageFailed: something could not be measured.
    """
    from align import pipeline  # noqa: PLC0415 (the help needs no pipeline)

    loaded = _recipe(models, tasks, Path(out), options, changes)
    report = pipeline.run(loaded, out)
    folder = report.stage(STAGE)
    shown = (folder / "table.txt").read_text(encoding="utf-8") + "\n" if report.skipped else ""
    pictures = "".join(f"{path}\n" for path in sorted(folder.glob("pictures/*.png")))
    return f"{shown}{pictures}{folder}: scores.json, comparisons.json, results/\n"


def _recipe(
    models: Sequence[str], tasks: Sequence[str], out: Path, options: dict[str, Any], changes: dict[str, Any]
) -> Loaded:
    """Write the recipe of an evaluation, and read it."""
    entries: list[dict[str, Any]] = []
    generators: dict[str, Any] = {}
    for given in models:
        raw = yaml_reader.parse_value(given)
        if isinstance(raw, dict) and "model" in raw and "kind" not in raw:
            (entry, *_) = _of_place(str(raw["model"]))
            entries.append(entry | {"name": str(raw.get("name") or entry["name"])})
        elif isinstance(raw, dict):
            alias = str(raw.pop("name", None) or raw.get("model") or raw.get("kind"))
            generators[alias] = raw
            entries.append({"generator": alias})
        else:
            entries += _of_place(given)
    _tell_apart(entries)
    named = [entry["model"] for entry in entries if "model" in entry]
    if not named:
        raise UsageError(
            "at least one model must be a folder or a hub id; a served model can stand beside it"
        )
    # the rows that a checkpoint was trained on cannot be changed here; the tables show what it has seen
    stage = {"kind": "evaluate", "models": entries, "tasks": _tasks(tasks), "allow_overlap": True, **options}
    recipe = {"name": "eval", "base": named[0], "generators": generators, "stages": {STAGE: stage}}
    out.mkdir(parents=True, exist_ok=True)
    tables.replace(out / FILE, json.dumps(recipe, indent=1, ensure_ascii=False) + "\n")  # JSON is YAML
    return Recipe.load(out / FILE, set=changes, folder=Path.cwd())


def _tell_apart(entries: Sequence[dict[str, Any]]) -> None:
    """Name models by their whole path where folders have one name."""
    names = [entry.get("name") for entry in entries]
    for entry in entries:
        if "model" in entry and names.count(entry["name"]) > 1:
            entry["name"] = entry["model"]


def _tasks(given: Sequence[str]) -> list[Any]:
    """Return tasks as a recipe has them: `gsm8k,ifeval` are two, and YAML is read as such."""
    found: list[Any] = []
    for text in given:
        raw = yaml_reader.parse_value(text)
        found += [raw] if isinstance(raw, dict) else [name for name in text.split(",") if name]
    return found


def _of_place(given: str) -> list[dict[str, Any]]:
    """Return the models that an argument names: those of a run, or one."""
    path = Path(given)
    if (path / "recipe.json").is_file():
        return _of_run(path)
    if path.exists():
        stage = re.fullmatch(r"\d\d-(.+)", path.name)  # 03-sft is the stage sft of a run
        return [{"model": str(path.resolve()), "name": stage[1] if stage else path.name}]
    if not is_path(given):
        raise UsageError(f"no model {given!r}: name a folder, a run folder, or a hub id (owner/name)")
    return [{"model": given, "name": given.rpartition("/")[2]}]


def _of_run(run: Path) -> list[dict[str, Any]]:
    """Return the base of a run and every model that it trained to answer, in order."""
    stages = stages_of(run)
    made = {
        name: state
        for name, state in stages.items()
        if state.model and not state.rewards and state.kind != "export"
    }
    if not made:
        raise UsageError(f"{run} has no finished model yet")
    base = recipe_of(run)["base"]
    home = Path(json.loads((run / "state.json").read_text(encoding="utf-8"))["home"])
    local = home / base
    first = {"model": str(local.resolve()) if local.exists() else base, "name": "base"}
    return [first, *({"model": str(state.folder.resolve()), "name": name} for name, state in made.items())]
