"""`align export`: write a model of a run, or of a folder, so that plain transformers can load it."""

from __future__ import annotations

from pathlib import Path

from align.core.errors import ModelError, UsageError
from align.core.run_state import StageState, stages_of


def export(source: str, to: str, stage: str | None, dtype: str | None) -> str:
    """Write a checkpoint of a run's stage (the last model by default) or of any model folder.

    Raises:
        UsageError: the target is not empty, or the run has no finished model.
    """
    from align.stages.export import write_checkpoint  # noqa: PLC0415 (the layer that knows models)

    target = Path(to)
    if target.exists() and any(target.iterdir()):
        raise UsageError(f"{to} is not empty; name a new folder")
    card, of = None, ""
    if (Path(source) / "recipe.json").is_file():
        name, model = _finished_model(source, stage)
        from align.report.model_card import model_card  # noqa: PLC0415

        card, of = model_card(Path(source), name, rewards=model.rewards), f"stage {name}, "
        source = str(model.folder)
    target.mkdir(parents=True, exist_ok=True)
    try:
        report = write_checkpoint(source, target, dtype)
    except (ModelError, OSError, ValueError) as error:  # a folder or hub id that holds no model
        raise UsageError(f"{source} cannot be loaded as a chat model: {str(error).splitlines()[0]}") from None
    if card:
        (target / "README.md").write_text(card, encoding="utf-8")
    size = f"{report['parameters']:,} parameters, {report['dtype']}"
    return f"{target}: {of}{size}, loads with plain transformers to the same logits\n"


def _finished_model(run: str, stage: str | None) -> tuple[str, StageState]:
    """Return a stage's name and its model: the one asked for, or the last that was trained to answer.

    Raises:
        UsageError: the run has none.
    """
    models = {name: each for name, each in stages_of(run).items() if each.model}
    trained = [name for name, each in models.items() if each.kind != "export" and not each.rewards]
    if stage is not None and stage not in models:
        raise UsageError(
            f"{run} has no finished model {stage!r}; finished models: {', '.join(models) or 'none'}"
        )
    if not trained and stage is None:
        raise UsageError(f"{run} has no finished model yet")
    name = stage or trained[-1]
    return name, models[name]
