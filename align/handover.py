"""What leaves a run, and what starts one: `align export` and `align init`."""

from __future__ import annotations

import shutil
from pathlib import Path

from align.core import log
from align.core.artifacts import RunFolder
from align.core.errors import ModelError, UsageError
from align.core.stage import Run

STARTERS = Path(__file__).parent / "starters"


def export(source: str, to: str, stage: str | None, dtype: str | None) -> str:
    """Write a checkpoint of a run's stage (the last model by default) or of any model folder.

    Raises:
        UsageError: the target is not empty, or the run has no finished model.
    """
    from align.stages.export import write_checkpoint  # noqa: PLC0415 (the layer that knows models)

    target = Path(to)
    if target.exists() and any(target.iterdir()):
        raise UsageError(f"{to} is not empty; name a new folder")
    card = None
    if (Path(source) / "recipe.json").is_file():
        runs, recipe = RunFolder.open(source)
        done = [n for n, s in recipe.stages.items() if "model" in type(s).makes and runs.status(n, recipe).state == "done"]
        trained = [n for n in done if "export" not in type(recipe.stages[n]).makes]
        if stage is not None and stage not in done:
            raise UsageError(f"{source} has no finished model {stage!r}; finished models: {', '.join(done) or 'none'}")
        if not trained and stage is None:
            raise UsageError(f"{source} has no finished model yet")
        name = stage or trained[-1]
        from align.report.model_card import model_card  # noqa: PLC0415

        card = model_card(Run("export", target, recipe, runs, log.LOGGER), name, None)
        source = str(runs.stage(name, recipe))
    target.mkdir(parents=True, exist_ok=True)
    try:
        report = write_checkpoint(source, target, dtype)
    except (ModelError, OSError, ValueError) as error:  # a folder or hub id that holds no model
        raise UsageError(f"{source} cannot be loaded as a chat model: {str(error).splitlines()[0]}") from None
    if card:
        (target / "README.md").write_text(card, encoding="utf-8")
    return (
        f"{target}: {report['parameters']:,} parameters, {report['dtype']}, loads with plain transformers to the same logits\n"
    )


def init(directory: str, kind: str) -> str:
    """Write a starter recipe or plug-in into a folder.

    Raises:
        UsageError: a file of that name is there already.
    """
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    starters = [p for p in sorted((STARTERS / kind).iterdir()) if p.is_file()]  # an installed wheel holds __pycache__ too
    for starter in starters:
        if (folder / starter.name).exists():
            raise UsageError(f"{folder / starter.name} exists; nothing was written")
    made = [str(shutil.copyfile(starter, folder / starter.name)) for starter in starters]
    recipe = next(name for name in made if name.endswith(".yaml"))
    return f"wrote {', '.join(made)}\nnext: align check {recipe} && align run {recipe}\n"
