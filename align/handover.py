"""What leaves a run, and what starts one: `align export` and `align init`."""

from __future__ import annotations

import shutil
from pathlib import Path

from align.core.errors import ModelError, UsageError
from align.core.held import held

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
        models = {name: each for name, each in held(source).items() if each.model}
        trained = [name for name, each in models.items() if each.kind != "export" and not each.rewards]
        if stage is not None and stage not in models:
            raise UsageError(f"{source} has no finished model {stage!r}; finished models: {', '.join(models) or 'none'}")
        if not trained and stage is None:
            raise UsageError(f"{source} has no finished model yet")
        name = stage or trained[-1]
        from align.report.model_card import model_card  # noqa: PLC0415

        card = model_card(Path(source), name, rewards=models[name].rewards)
        source = str(models[name].folder)
    target.mkdir(parents=True, exist_ok=True)
    try:
        report = write_checkpoint(source, target, dtype)
    except (ModelError, OSError, ValueError) as error:  # a folder or hub id that holds no model
        raise UsageError(f"{source} cannot be loaded as a chat model: {str(error).splitlines()[0]}") from None
    if card:
        (target / "README.md").write_text(card, encoding="utf-8")
    of = f"stage {name}, " if card else ""
    size = f"{report['parameters']:,} parameters, {report['dtype']}"
    return f"{target}: {of}{size}, loads with plain transformers to the same logits\n"


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
