"""`align status`: what has become of each stage of a run."""

from __future__ import annotations

import textwrap
from collections import Counter
from pathlib import Path

from align.core import log
from align.core.artifacts import RunFolder, worked
from align.core.errors import AlignError
from align.core.external_references import path_of
from align.core.recipe import Recipe
from align.core.run_state import StageState, recipe_of, stages_of, worker_of
from align.evaluate.table import aligned
from data_synthesis.engine import ledger


def status(directory: str) -> str:
    """Return what a run has done, one line for each stage."""
    recipe, stages = recipe_of(directory), stages_of(directory)
    changed, note = _changed(directory)
    worker = worker_of(directory)
    latest = max(stages.values(), key=lambda stage: stage.since)
    rows = [("stage", "kind", "state", "time", "what happened")]
    more = [f"process {worker} works on it"] if worker is not None else []
    for name, stage in stages.items():
        state, what = _state(stage, at_work=worker is not None and stage is latest)
        if name in changed and stage.done:
            state, what = "stale", "; ".join(changed[name])
        spent = stage.report.seconds if stage.done else worked(stage.folder) if stage.begun else None
        short = textwrap.shorten(what, 90, placeholder=" ...")
        rows.append((name, stage.kind, state, "" if spent is None else log.duration(spent), short))
        if state == "failed":
            more += [f"{name} failed: {what}", f"  log: {stage.failure['log']}"]
        elif short.endswith(" ..."):
            more.append(f"{name} ({state}): {what}")
    return (
        "\n".join([f"{directory}: {recipe['name']}, seed {recipe['seed']}", "", aligned(rows), *more, ""])
        + note
    )


def _state(stage: StageState, *, at_work: bool) -> tuple[str, str]:
    """Return the state of a stage in one word, and what happened in it in one line."""
    if stage.done:
        return "done", stage.report.counts()
    live = stage.folder / log.LIVE
    far = (live.read_text(encoding="utf-8") if live.is_file() else "") or _worked_on(stage.folder)
    if at_work:
        return "running", far
    if stage.failure:
        return "failed", stage.failure["why"]
    return ("interrupted", far) if stage.begun else ("missing", "")


def _exists(given: str, recipe: Recipe, runs: RunFolder) -> bool:
    return path_of(recipe.base if given == "base" else given, runs.home).exists()


def _changed(directory: str) -> tuple[dict[str, tuple[str, ...]], str]:
    """Return what differs now from what each stage was made with, and a note on what cannot be compared."""
    try:
        runs, recipe = RunFolder.open(directory)
        found = {name: runs.status(name, recipe) for name in recipe.stages}
    except (AlignError, OSError, ValueError) as error:  # a plug-in or a file of the recipe is gone
        return {}, f"\nthe stages could not be compared with the recipe as it is now: {error}\n"
    vanished: set[str] = set()  # inputs that no longer exist, and stages that differ in nothing else
    changed = {}
    for name, status in found.items():
        inputs = [what.removeprefix("input ") for what in status.changed if what.startswith("input ")]
        gone = {given for given in inputs if given not in recipe.stages and not _exists(given, recipe, runs)}
        if status.state == "stale" and len(inputs) == len(status.changed) and set(inputs) <= vanished | gone:
            vanished |= {name, *gone}
        elif status.state == "stale":
            changed[name] = status.changed
    files = sorted(vanished - recipe.stages.keys())
    note = (
        f"\nno longer there: {', '.join(files)}; results made from it are kept, but `align run` would "
        "need it\n"
        if files
        else ""
    )
    return changed, note


def _worked_on(folder: Path) -> str:
    """Return how many rows of a stage that makes rows have which outcome so far."""
    outcomes = Counter(outcome.outcome for outcome in ledger.read(folder).values())
    return ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common()) + (
        " so far" if outcomes else ""
    )
