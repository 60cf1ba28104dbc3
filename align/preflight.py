"""Check, before the first stage runs, what a recipe's text alone does not show.

Chat templates are tried on a small conversation, and nothing that a run is made from may lie where the run
writes. Otherwise such mistakes would show only when the stage begins, hours later. `align check` renders
templates by itself, so it imports neither torch nor transformers; `align run` also loads the tokenizers that
are on this machine. Weights are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from align.core import wiring, yaml_reader
from align.core.artifacts import RunFolder
from align.core.chat_templates import find_template, has_marks, refuses, template_of
from align.core.errors import BadRow, ModelError, Problem, RecipeError
from align.core.external_references import path_of
from align.core.model_options import FromHub
from align.core.recipe import Loaded, Recipe
from align.core.tables import json_object
from align.models.checkpoints import configuration
from align.stages.training import TrainingStage

_NONE = (
    "the tokenizer of {} has no chat template; give `chat_template:` a file, a text, or a name that TRL ships"
)
_ROUTER = "router_aux_loss_coef"
_NO_MARKS = (
    "train_on: generation_marks needs {% generation %} marks, and the chat template has none; TRL ships "
    "templates with marks"
)


def rehearse(loaded: Loaded, runs: RunFolder, *, load: bool = False) -> None:
    """Try the chat templates of training stages that are not done, and of generators that stages will ask.

    Args:
        loaded: the recipe.
        runs: its run folder, which remembers the fingerprints that are computed here.
        load: also load the tokenizers.

    Raises:
        RecipeError: what cannot be used, each with its line.
    """
    recipe = loaded.recipe
    wrong: list[tuple[tuple[str, ...], str]] = list(_own_products(loaded, runs))
    found: dict[str, str | None] = {}  # most stages of a recipe share a tokenizer
    for loc, part in _parts(recipe, runs):
        folder, before = _origin(part.model, recipe, runs)
        if not Path(folder).is_dir():
            continue
        own = _changes(part, runs.home)
        asked = (
            folder,
            before | own,
            part.loading(),
            isinstance(part, TrainingStage),
            getattr(part, "train_on", "every_turn"),
        )
        if repr(asked) not in found:
            found[repr(asked)] = _wrong(part, folder, before | own, load=load)
        if what := found[repr(asked)]:
            named = next(
                (field for field in own if field in what),
                "chat_template" if "chat_template" in own else "model",
            )
            wrong.append(((*loc, named), what))
        if load and (what := _no_experts(part, folder)):
            wrong.append(((*loc, "training_args", _ROUTER), what))
    if wrong:
        source = yaml_reader.read_yaml(loaded.file)
        raise RecipeError(
            str(loaded.file), [Problem(source.line(at), ".".join(at), what) for at, what in wrong]
        )


def _no_experts(part: Any, folder: str) -> str | None:
    """Return why a stage cannot balance its model's experts; TRL would only stop when it builds a trainer."""
    if not getattr(part, "training_args", {}).get(_ROUTER):
        return None
    config = configuration(folder, **part.loading()).get_text_config()
    return (
        None
        if hasattr(config, "output_router_logits")
        else f"{config.model_type} has no experts; leave it out"
    )


def _own_products(loaded: Loaded, runs: RunFolder) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what the run would overwrite: a model or rows that it reads, or another recipe's run folder."""
    recipe, own = loaded.recipe, runs.path.resolve()
    named: list[tuple[tuple[str, ...], str]] = [(("base",), recipe.base)]
    named += [
        (("stages", name), ref)
        for name, stage in recipe.stages.items()
        for _, _, ref in wiring.references(stage)
    ]
    for loc, reference in named:
        if wiring.is_path(reference) and path_of(reference, loaded.folder).is_relative_to(own):
            yield (
                loc,
                f"{reference!r} lies in {runs.path}, which this run writes; give the recipe another `name`, "
                "or --out",
            )
    before = json_object(runs.path / "state.json")
    there = Path(before.get("home", "")) / before.get("recipe", "")
    if before and Path(before["home"]) != loaded.folder and there.is_file():
        yield (
            ("name",),
            f"{runs.path} is the run folder of another recipe, {there}; give this one another `name`, "
            "or --out",
        )


def _parts(recipe: Recipe, runs: RunFolder) -> Iterator[tuple[tuple[str, str], Any]]:
    """Yield (location, generator or stage) for everything that reads conversations with a tokenizer."""
    left = {name: stage for name, stage in recipe.stages.items() if not _is_done(name, recipe, runs)}
    asked, measured = _asked(left.values())
    for alias, generator in recipe.generators.items():
        if not isinstance(generator, FromHub) or not hasattr(generator, "chat_template"):
            continue
        if alias in asked or (alias in measured and _has_template(generator, recipe, runs)):
            yield ("generators", alias), generator
    for name, stage in left.items():
        if isinstance(stage, TrainingStage):
            yield ("stages", name), stage


def _asked(stages: Iterable[Any]) -> tuple[set[str], set[str]]:
    """Return the generators that stages ask in a chat, and those that are models of an evaluation's table."""
    asked: set[str] = set()
    measured: set[str] = set()
    for stage in stages:
        for loc, need, alias in wiring.references(stage):
            if need == "generator":
                (measured if _measures(stage, loc) else asked).add(alias)
    return asked, measured


def _measures(stage: Any, loc: wiring.Loc) -> bool:
    """Is this a model of an evaluation's table? One without a chat template is asked with plain texts."""
    return "scores" in stage.makes and loc[0] == "models"


def _has_template(generator: Any, recipe: Recipe, runs: RunFolder) -> bool:
    folder, changes = _origin(generator.model, recipe, runs)
    return bool({**changes, **_changes(generator, runs.home)} or template_of(Path(folder))[0])


def _is_done(name: str, recipe: Recipe, runs: RunFolder) -> bool:
    return runs.path.exists() and runs.status(name, recipe).state == "done"


def _origin(reference: str, recipe: Recipe, runs: RunFolder) -> tuple[str, dict[str, Any]]:
    """Return where a model's tokenizer comes from, and how stages that are not done yet will change it."""
    stage: Any = recipe.stages.get(reference)
    if (
        stage is None
        or not isinstance(getattr(stage, "model", None), str)
        or _is_done(reference, recipe, runs)
    ):
        return runs.locate(reference, recipe), {}
    folder, changes = _origin(stage.model, recipe, runs)
    return folder, changes | _changes(stage, runs.home)


def _changes(part: Any, home: Path) -> dict[str, Any]:
    """Return what a part changes in a tokenizer, as arguments for `align.models.tokenizers.load_chat`."""
    if isinstance(part, TrainingStage):
        return part.changes(home)
    named = getattr(part, "chat_template", None)
    return {"chat_template": find_template(named, home)} if named else {}


def _wrong(part: Any, folder: str, changes: dict[str, Any], *, load: bool) -> str | None:
    """Return why a generator or stage could not work with a tokenizer, if so."""
    template, tokens = template_of(Path(folder))
    template = changes.get("chat_template", template)
    if template is None:
        return _NONE.format(folder)
    if why := refuses(template, tokens):
        return why
    if getattr(part, "train_on", None) == "generation_marks" and not has_marks(template):
        return _NO_MARKS
    if not load:
        return None
    from align.models.tokenizers import load_chat  # noqa: PLC0415

    try:
        chat = load_chat(folder, **changes, **part.loading())
        if isinstance(part, TrainingStage):
            part.try_out(chat)
    except ModelError as error:
        return str(error)
    except BadRow as reason:
        return f"{reason}; {reason.remedy}" if reason.remedy else str(reason)
    return None
