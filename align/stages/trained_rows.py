"""Which rows were the models of an evaluation trained on?

Those of the recipe's own training stages and, for a checkpoint that another run made, those of that run: the
checkpoint's stage, and the training stages that it started from. What such a run held is read from its
folder. A checkpoint that lies in no run folder tells nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from align.core import catalog, tables
from align.core.config import Config
from align.core.errors import UsageError
from align.core.rows import Row
from align.core.run_state import recipe_of, stages_of
from align.core.stage import Run, Stage
from align.core.wiring import references

LEFT_OUT = "contamination.json"
"""File of a training stage that says which rows it left out, and of an evaluation with what was seen."""
_NUMBERED = re.compile(r"\d\d-(.+)")


def trained_rows(run: Run) -> Iterator[Row]:
    """Yield the rows that the models of an evaluation were trained on, without those that were left out."""
    for name, stage in run.recipe.stages.items():
        if name == run.name:
            break
        if type(stage).trains:
            named = ((need, reference) for _, need, reference in references(stage))
            yield from _rows(Path(run.locate(name)), [(need, Path(run.locate(ref))) for need, ref in named])
    seen: set[Path] = {Path(run.locate(name)).resolve() for name in run.recipe.stages}
    for _, need, reference in references(run.recipe.stages[run.name]):
        if need == "model":
            yield from _of_checkpoint(Path(run.locate(reference)).resolve(), run, seen)


def _of_checkpoint(folder: Path, run: Run, seen: set[Path]) -> Iterator[Row]:
    """Yield the rows that a checkpoint was trained on, if its folder is that of a stage in a run folder.

    Args:
        folder: of the checkpoint.
        run: the evaluation.
        seen: folders that were read already; this one is added.
    """
    numbered = _NUMBERED.fullmatch(folder.name)
    if folder in seen or not numbered:
        return
    seen.add(folder)
    try:
        stages = stages_of(folder.parent)
    except UsageError:  # it is no run folder
        return
    state = stages.get(numbered[1])
    if state is None or state.folder.resolve() != folder:
        return
    fields = recipe_of(folder.parent)["stages"][state.name]
    try:
        stage: Config = catalog.choose("stage", fields, Stage).model_validate(fields)
    except ValueError as why:  # the kind's module is gone, or its fields are others by now
        run.log.warning("the rows that %s was trained on are not compared with the items: %s", folder, why)
        return
    home = Path(tables.json_object(folder.parent / "state.json").get("home", folder.parent))
    places = [
        (need, stages[reference].folder if reference in stages else home / reference)
        for _, need, reference in references(stage)
    ]
    if type(stage).trains:
        yield from _rows(folder, places)
    for need, place in places:
        if need == "model":
            yield from _of_checkpoint(place.resolve(), run, seen)


def _rows(folder: Path, inputs: list[tuple[str, Path]]) -> Iterator[Row]:
    """Yield the rows of a training stage's tables.

    Args:
        folder: of the stage.
        inputs: what each reference of the stage needs (a table, a model), and its folder.
    """
    out = tables.json_object(folder / LEFT_OUT).get("left out", {})
    for need, place in inputs:
        if need in tables.TABLES and place.is_dir() and tables.exists(place, need):
            yield from (row for row in tables.read(place, need) if row.id not in out)
