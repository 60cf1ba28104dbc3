"""The model card: which base, which stages, how many rows, how well it does. Written from the run's own records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from align.core.recipe import Recipe
from align.core.stage import Run
from align.core.wiring import references


def model_card(run: Run, model: str, scores: str | None) -> str:
    """Return the README.md of an export."""
    recipe = run.recipe
    base = recipe.base
    hub = f"base_model: {base}\n" if not Path(run.locate("base")).exists() else ""
    made = _ancestors(recipe, model)
    earlier = [name for name in recipe.stages if name in made or "scores" in type(recipe.stages[name]).makes]
    lines = [f"---\n{hub}library_name: transformers\ntags: [align-toolkit]\n---", f"# {recipe.name}", ""]
    lines += [f"Stage `{model}` of the align-toolkit recipe `{recipe.name}`, from the base `{base}`, seed {recipe.seed}.", ""]
    table = _table(run, earlier, scores)
    lines += ["## Scores", "", "```", table.rstrip(), "```", ""] if table else []
    lines += ["## What made it", "", "| stage | kind | what happened |", "|---|---|---|"]
    for name in earlier:
        lines.append(f"| {name} | {recipe.stages[name].kind} | {counts(Path(run.locate(name))).replace('|', '/') or '-'} |")
    text = (run.runs.path / "recipe.yaml").read_text(encoding="utf-8")
    overrides = json.loads((run.runs.path / "state.json").read_text(encoding="utf-8")).get("set") or {}
    lines += ["", "## Recipe", "", "```yaml", text.rstrip(), "```", ""]
    lines += (
        ["with " + ", ".join(f"`--set {key}={json.dumps(value)}`" for key, value in overrides.items()), ""] if overrides else []
    )
    return "\n".join(lines)


def _table(run: Run, earlier: list[str], scores: str | None) -> str:
    evaluated = [name for name in earlier if "scores" in type(run.recipe.stages[name]).makes]
    name = scores or (evaluated[-1] if evaluated else None)
    path = Path(run.locate(name)) / "table.txt" if name else None
    if path is None or not path.is_file():
        return ""
    return path.read_text(encoding="utf-8")


def _ancestors(recipe: Recipe, model: str) -> set[str]:
    """Return the stages that a model was made from, itself included."""
    found: set[str] = set()
    todo = [model]
    while todo:
        name = todo.pop()
        if name in found or name not in recipe.stages:
            continue
        found.add(name)
        stage = recipe.stages[name]
        for _, need, reference in references(type(stage), stage.model_dump(mode="json", serialize_as_any=True, by_alias=True)):
            if need == "generator":
                generator = recipe.generators[reference]
                fields = generator.model_dump(mode="json", serialize_as_any=True, by_alias=True)
                todo += [used for _, _, used in references(type(generator), fields)]
            else:
                todo.append(reference)
    return found


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
"""Entries of a stage's report that tell what happened, in the order shown."""


def counts(folder: Path) -> str:
    """Return what happened in a stage, from its report, as one line."""
    path = folder / "report.json"
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    parts = []
    for key in COUNTED:
        value = report.get(key)
        if isinstance(value, dict):
            parts += [f"{key}: " + ", ".join(f"{n} {what}" for what, n in value.items())] if value else []
        elif isinstance(value, list):
            parts += [f"{key}: {', '.join(map(str, value))}"] if value else []
        elif value is not None:
            parts.append(f"{key} {value}")
    return "; ".join(parts)
