"""`align check --pilot 20`: try a few prompts of each stage that makes rows, and predict the rest.

The prompts are a random sample that depends only on their ids. If the stage has a budget, they come from
those prompts that it surely reaches. Their calls go into the stage's own call log, so the run replays them
instead of paying again. Nothing else of a pilot is kept.
"""

from __future__ import annotations

import asyncio
import math
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from align import pipeline
from align.core import log, wiring
from align.core.artifacts import RunFolder
from align.core.errors import UsageError
from align.core.recipe import Loaded, Recipe
from align.core.rows import digest
from align.core.stage import Run
from align.evaluate.statistics.shares import Z95, wilson
from align.evaluate.table import aligned
from align.generate.calls.log import Usage
from data_synthesis.engine.engine import Engine, too_many
from data_synthesis.engine.ledger import PromptOutcome
from data_synthesis.synthesizer import Synthesizer


@dataclass
class Tried:
    """What a pilot of one stage showed."""

    name: str
    outcomes: list[PromptOutcome]
    usages: dict[str, Usage]
    seconds: float
    prompts: int
    """Prompts in the whole stage."""


def pilot(loaded: Loaded, out: str | None, count: int) -> str:
    """Try `count` prompts of each stage that makes rows and whose inputs are there; return the forecast.

    Raises:
        UsageError: the recipe has no such stage, or `count` is not positive.
        StageFailed: more than half of a stage's prompts failed.
    """
    recipe = loaded.recipe
    makers = {name: stage for name, stage in recipe.stages.items() if isinstance(stage, Synthesizer)}
    if not makers or count < 1:
        raise UsageError(
            "--pilot needs a number of prompts, 1 or more, and a recipe with a stage that makes rows"
        )
    log.setup()
    runs = RunFolder(out or Path("runs") / recipe.name, loaded.folder)
    parts = []
    with runs.lock():
        runs.record(loaded)
        for name, stage in makers.items():
            if waiting := _waits_for(stage, runs, recipe):
                parts.append(f"{name}: waits for {', '.join(waiting)}\n")
            else:
                parts.append(_forecast(_try(name, runs, recipe, count), recipe))
    shutil.rmtree(runs.path / ".pilot", ignore_errors=True)
    note = "The answers are in the call log: the run replays them. The time assumes the pilot's own speed.\n"
    return "\n".join([*parts, note])


def _waits_for(stage: Synthesizer, runs: RunFolder, recipe: Recipe) -> list[str]:
    """Return the stages that must be done first. Stages that only read files are run right away."""
    needed = []
    for _, need, reference in wiring.references(stage):
        if need == "generator":
            needed += [ref for _, _, ref in wiring.references(recipe.generators[reference])]
        else:
            needed.append(reference)
    waiting = []
    for name in dict.fromkeys(needed):
        if name == "base" or wiring.is_path(name) or runs.status(name, recipe).state == "done":
            continue
        before = recipe.stages[name]
        if not list(wiring.references(before)) and not type(before).trains:
            pipeline.run_stage(name, runs, recipe)
        else:
            waiting.append(name)
    return waiting


def _try(name: str, runs: RunFolder, recipe: Recipe, count: int) -> Tried:
    stage: Any = recipe.stages[name]
    folder, calls = runs.path / ".pilot" / name, runs.stage(name, recipe) / "calls"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    calls.mkdir(parents=True, exist_ok=True)
    (folder / "calls").symlink_to(calls.resolve())
    run = Run(name, folder, recipe, runs, log.LOGGER)
    prompts = stage.candidates(run)
    budget = stage.until
    surely = (
        max(count, min((budget.accepted or len(prompts), budget.candidates or len(prompts))))
        if budget
        else len(prompts)
    )
    chosen = sorted(list(prompts)[:surely], key=lambda id_: digest(["pilot", id_]))[:count]
    free = stage.model_copy(update={"until": None})  # the budget is for the run
    engine, started = Engine(free, run, "pilot"), time.monotonic()
    asyncio.run(engine.work([prompts[id_] for id_ in chosen]))
    seconds, outcomes = time.monotonic() - started, list(engine.ledger.outcomes.values())
    failed = [outcome for outcome in outcomes if outcome.outcome == "failed"]
    if len(failed) > len(outcomes) / 2:
        raise too_many(run, failed, len(outcomes))
    return Tried(name, outcomes, dict(engine.session.calls.usages), seconds, len(prompts))


def _forecast(tried: Tried, recipe: Recipe) -> str:
    """Return what the pilot predicts, with 95% intervals: Wilson for shares, normal for means."""
    n, stage = len(tried.outcomes), recipe.stages[tried.name]
    until: Any = getattr(stage, "until", None)
    if not n:
        return f"{tried.name}: no prompts\n"
    share = _share(sum(o.outcome == "emitted" for o in tried.outcomes), n)
    mean, low, high = _mean([o.tokens for o in tried.outcomes])
    few, needed, many = (_needed(until, tried.prompts, rate, mean) for rate in (share[2], share[0], share[1]))
    rows = [("", "pilot", "all"), ("prompts", f"{n:,}", _range(needed, few, many) + f" of {tried.prompts:,}")]
    goal = until.accepted if until and until.accepted else math.inf
    reach = [min(goal, rate * count) for rate, count in zip(share, (needed, many, few), strict=True)]
    rows.append(("accepted", f"{share[0]:.0%} [{share[1]:.0%}, {share[2]:.0%}]", _range(*reach)))
    rows.append(("completion tokens", f"{mean:,.0f} a prompt", _range(mean * needed, low * few, high * many)))
    asked = sum(u.prompt_tokens + u.replayed_prompt_tokens for u in tried.usages.values()) / n
    rows.append(
        ("prompt tokens", f"{asked:,.0f} a prompt", _range(asked * needed, asked * few, asked * many))
    )
    new = sum(u.completion_tokens for u in tried.usages.values())
    forecast = log.duration(mean * needed * tried.seconds / new) if new else "replayed: not measured"
    rows.append(("time", log.duration(tried.seconds), forecast))
    cost = _cost(tried, recipe)
    if cost is not None:
        rows.append(
            (
                "cost",
                f"${cost:,.4f}",
                f"${cost / n * needed:,.2f} [${cost / n * few:,.2f}, ${cost / n * many:,.2f}]",
            )
        )
    aside = Counter(f"{o.outcome}: {o.why}" for o in tried.outcomes if o.outcome != "emitted").most_common(3)
    return f"{tried.name}\n{aligned(rows)}\n" + "".join(f"{count:>6,}  {why}\n" for why, count in aside)


def _share(accepted: int, n: int) -> tuple[float, float, float]:
    return accepted / n, *wilson(accepted, n)


def _mean(values: Sequence[float]) -> tuple[float, float, float]:
    n, mean = len(values), sum(values) / len(values)
    half = Z95 * math.sqrt(sum((v - mean) ** 2 for v in values) / max(n - 1, 1) / n)
    return mean, max(0.0, mean - half), mean + half


def _range(value: float, low: float, high: float) -> str:
    return f"{value:,.0f}" if low == high else f"{value:,.0f} [{low:,.0f}, {high:,.0f}]"


def _needed(until: Any, prompts: int, rate: float, tokens: float) -> int:
    """Return how many prompts the stage will try under its budget."""
    limits = [float(prompts)]
    if until:
        limits += [until.accepted / rate] if until.accepted and rate else []
        limits += [until.candidates] if until.candidates else []
        limits += [until.tokens / tokens] if until.tokens and tokens else []
    return math.ceil(min(limits))


def _cost(tried: Tried, recipe: Recipe) -> float | None:
    """Return what the pilot's tokens cost, replayed or not; None where no generator has a price."""
    total, known = 0.0, False
    for alias, usage in tried.usages.items():
        price = recipe.generators[alias].price
        if price:
            known = True
            total += (usage.prompt_tokens + usage.replayed_prompt_tokens) * price.prompt / 1e6
            total += (usage.completion_tokens + usage.replayed_completion_tokens) * price.completion / 1e6
    return total if known else None
