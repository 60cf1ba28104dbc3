"""`align check`: show the plan of a recipe whose text has no mistakes."""

from __future__ import annotations

import textwrap
from pathlib import Path

from align.core import wiring
from align.core.artifacts import RunFolder, Status
from align.core.recipe import Loaded
from align.evaluate.table import aligned
from align.preflight import rehearse


def plan(loaded: Loaded, out: str | None) -> str:
    """Return the plan table of a recipe: stage, what it needs and makes, whether it is done.

    Raises:
        RecipeError: a chat template that a stage or generator needs cannot be used.
    """
    recipe = loaded.recipe
    runs = RunFolder(out or Path("runs") / recipe.name, loaded.folder)
    rehearse(loaded, runs)
    rows = [("stage", "kind", "needs", "makes", "done?")]
    for name, stage in recipe.stages.items():
        needs = dict.fromkeys(ref for _, _, ref in wiring.references(stage))
        status = runs.status(name, recipe) if runs.path.exists() else Status("missing")
        done = {"done": "yes", "missing": "", "partial": "begun", "stale": "runs again"}[status.state]
        done += (
            f": {textwrap.shorten('; '.join(status.changed), 80, placeholder=' ...')}"
            if status.changed
            else ""
        )
        rows.append((name, stage.kind, ", ".join(needs), ", ".join(sorted(type(stage).makes)), done))
    head = f"{loaded.file}: {len(recipe.stages)} stages, base {recipe.base}, seed {recipe.seed}"
    return f"{head}\n\n{aligned(rows)}\n"
