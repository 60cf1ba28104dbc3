"""The alignment tax: what a model lost elsewhere while it was trained on its target.

For each task outside the `targets`, the tax is the drop of the task's first metric against an earlier model,
in points (hundredths of the metric's scale). The tax of a model is the mean of these drops, every task
counting alike; below 0 it has gained. A metric without a scale (BLEU) has no points, and its task is left
out. The 95% interval is a bootstrap over the items (over clusters, where items have some), drawn anew within
each task. The word is that of Askell et al. 2021 (arXiv 2112.00861) and Ouyang et al. 2022 (arXiv
2203.02155); neither defines a figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from align.core.config import Config
from align.evaluate.measure import TaskResults
from align.evaluate.scores import compare_models, headline, metric_of, metrics, side_by_side
from align.evaluate.statistics.comparison import Comparison
from align.evaluate.statistics.differences import Totals, resampled, unseen
from align.evaluate.statistics.items import grouped
from align.evaluate.statistics.shares import Z95

if TYPE_CHECKING:
    import numpy as np

DRAWS = 4_000
"""Resamples of the bootstrap; the limits are then good to about 2% of the interval's width."""


@dataclass(frozen=True, slots=True)
class Tax:
    """The alignment tax of one model against another, in points."""

    model: str
    against: str
    value: float
    low: float
    """Lower limit of the 95% interval."""
    high: float
    tasks: tuple[str, ...]
    """The tasks over which it is the mean."""
    target: float | None
    """Mean gain on the target tasks, in points; None where there is none."""


class Gate(Config):
    """Bounds that fail the recipe. A figure is that of a task's first metric; `TASK/METRIC` names another."""

    max_drop: dict[str, float] = {}
    """Task -> the largest drop allowed, in points."""
    min_gain: dict[str, float] = {}
    """Task -> the smallest gain that is enough, in points."""
    max_tax: float | None = None
    """The largest alignment tax allowed, in points."""
    against: str | None = None
    """The model that drops and gains are measured from; left out, the first of the table."""
    model: str | None = None
    """The model that must keep the bounds; left out, the last of the table."""
    certain: bool = Field(default=False)
    """True: fail only where the whole 95% interval is beyond the bound. False: the figure itself counts."""


def points(results: TaskResults, before: str, after: str, metric: str | None = None) -> Comparison | None:
    """Compare two models by a task's metric, its first where none is named, in units of the metric.

    `scale` turns the units into points.
    """
    named = metric or headline(results)
    return compare_models(results, before, after, named) if named else None


def scale(results: TaskResults, metric: str | None = None) -> float:
    """Return how many points one unit of a metric is; its whole scale is 100 points."""
    named = metric or headline(results)
    bounds = metric_of(results, named).bounds if named else None
    return 100.0 / (bounds[1] - bounds[0]) if bounds else 100.0


def tax(
    results: Mapping[str, TaskResults], model: str, against: str, targets: Sequence[str], seed: int = 0
) -> Tax | None:
    """Return a model's alignment tax; None where no task outside the targets has both models."""
    import numpy as np  # noqa: PLC0415 (read by `align check`)

    rng = np.random.default_rng(seed)
    drops: dict[str, tuple[float, np.ndarray]] = {}
    gains: list[float] = []
    for name, each in results.items():
        both = _totals(each, against, model)
        if not both:
            continue
        gain = 100 * (both[1].mean - both[0].mean)
        if name in targets:
            gains.append(gain)
        else:
            drops[name] = -gain, -100 * _drawn(*both, rng)
    if not drops:
        return None
    total = np.mean([means for _, means in drops.values()], axis=0)
    low, high = np.percentile(total, [2.5, 97.5])
    value = float(np.mean([drop for drop, _ in drops.values()]))
    target = sum(gains) / len(gains) if gains else None
    return Tax(model, against, value, float(low), float(high), tuple(drops), target)


def _drawn(before: Totals, after: Totals, rng: np.random.Generator) -> np.ndarray:
    """Return differences of means over resampled clusters.

    Where all clusters agree, resampling finds no variance. Then the difference may be off by as much as
    `align.evaluate.statistics.differences.paired` allows for.
    """
    import numpy as np  # noqa: PLC0415

    means = resampled(before, after, DRAWS, rng)
    if means is not None:
        return means
    room = unseen(len(before.sums)) / Z95
    return np.clip(after.mean - before.mean + rng.normal(0, room, DRAWS), -1, 1)


def _totals(results: TaskResults, before: str, after: str) -> tuple[Totals, Totals] | None:
    """Return what two models got in each cluster of items, in shares of the metric's scale; more is better.

    A metric without a scale, such as BLEU, has no points, so its task is no part of the tax.
    """
    import numpy as np  # noqa: PLC0415

    metric = headline(results)
    bounds = metric_of(results, metric).bounds if metric else None
    pairs = side_by_side(results, before, after, metric) if metric and bounds else []
    if metric is None or bounds is None or not pairs:
        return None
    share = (-1.0 if metric_of(results, metric).better == "lower" else 1.0) / (bounds[1] - bounds[0])
    groups = grouped([item.cluster or item.id for item, _, _ in pairs], len(pairs))
    first, second = (
        Totals.of(share * np.concatenate(each), np.repeat(groups, [len(values) for values in each]))
        for each in ([one for _, one, _ in pairs], [other for _, _, other in pairs])
    )
    return first, second


def broken(
    gate: Gate,
    results: Mapping[str, TaskResults],
    models: Sequence[str],
    targets: Sequence[str],
    seed: int = 0,
) -> list[str]:
    """Return what a gate finds wrong, one sentence each."""
    against, model = gate.against or models[0], gate.model or models[-1]
    found = [
        _beyond(key, results, (against, model), bound, most=most, certain=gate.certain)
        for bounds, most in ((gate.max_drop, True), (gate.min_gain, False))
        for key, bound in bounds.items()
    ]
    owed = tax(results, model, against, targets, seed) if gate.max_tax is not None else None
    if gate.max_tax is not None and owed is None:
        found.append(f"alignment tax: no task outside the targets was measured on both {against} and {model}")
    if owed and gate.max_tax is not None and (owed.low if gate.certain else owed.value) > gate.max_tax:
        found.append(
            f"alignment tax: {owed.value:.1f} points [{owed.low:.1f}, {owed.high:.1f}] of {model} against "
            f"{against}, and at most {gate.max_tax:g} is allowed"
        )
    return [what for what in found if what]


def _beyond(
    key: str,
    results: Mapping[str, TaskResults],
    pair: tuple[str, str],
    bound: float,
    *,
    most: bool,
    certain: bool,
) -> str:
    """Return in what way a change breaks a bound, or "" where it does not.

    Args:
        key: a task, or `TASK/METRIC`.
        results: of all tasks.
        pair: the model that the change is measured from, and the one that is gated.
        bound: in points.
        most: True: the largest drop; False: the smallest gain.
        certain: the whole interval must be beyond the bound.
    """
    task, _, metric = key.partition("/")
    (against, model), change = pair, points(results[task], *pair, metric or None)
    if change is None:
        return f"{key}: {_why_none(results[task], metric, pair)}"
    factor = scale(results[task], metric or None) * (-1 if most else 1)
    figure = factor * change.difference
    low, high = sorted((factor * change.low, factor * change.high))
    if most and (low if certain else figure) > bound:
        said, limit = "dropped", f"at most {bound:g} is allowed"
    elif not most and (high if certain else figure) < bound:
        said, limit = "gained", f"at least {bound:g} is asked for"
    else:
        return ""
    return f"{key}: {model} {said} {figure:.1f} points [{low:.1f}, {high:.1f}] against {against}, and {limit}"


def _why_none(results: TaskResults, metric: str, pair: tuple[str, str]) -> str:
    """Return why two models cannot be compared by a metric; "" is the task's first one."""
    comparable = [name for name in metrics(results) if metric_of(results, name).better]
    if metric and metric not in comparable:
        return f"the task has no metric {metric!r} that can be better; it has {', '.join(comparable)}"
    return f"no item was measured on both {pair[0]} and {pair[1]}"
