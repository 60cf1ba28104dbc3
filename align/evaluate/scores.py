"""Turn what models got on items into scores, and compare models on the same items.

A score is a mean over items with its 95% interval. Samples of one item are averaged first. Items with the
same cluster (and the values of one item, where a metric counts every value) are not independent, and the
intervals allow for that (`align.evaluate.statistics`). Two models are compared on the items for which both
have a value. Verdicts are corrected for the number of comparisons in the table (Holm 1979).
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from align.evaluate.measure import TaskResults
from align.evaluate.statistics.comparison import Comparison, adjusted, compare
from align.evaluate.statistics.means import mean_interval
from align.evaluate.statistics.ratios import compare_ratios
from align.evaluate.task import Item, Metric, Outcome


@dataclass(frozen=True, slots=True)
class Estimate:
    """A model's score on a task by one metric, with its interval."""

    n: int
    """Number of items that have the metric."""
    value: float
    low: float | None
    """Lower limit of the 95% interval. None: all values are equal, and nothing says how far others may be."""
    high: float | None
    samples: int = 1
    """Values of each item, at most."""


@dataclass(frozen=True, slots=True)
class Change:
    """A comparison of two models on a task by one metric. A positive difference is for the better."""

    task: str
    metric: str
    before: str
    """The model that the other is compared with."""
    after: str
    against: Comparison

    def entry(self) -> dict[str, Any]:
        """Return it as an entry of comparisons.json."""
        about = {"task": self.task, "metric": self.metric, "from": self.before, "to": self.after}
        return about | asdict(self.against)


def metric_of(results: TaskResults, name: str) -> Metric:
    """Return how a metric of a task is read."""
    return results.task.metric(name)


def metrics(results: TaskResults) -> list[str]:
    """Return the metrics that any model got on a task: those that it does not list, then those that it lists.

    Its list gives the order, because an item need not have every metric, and the first item would decide.
    """
    found: dict[str, None] = {}
    for outcomes in results.outcomes.values():
        for outcome in outcomes:
            found.update(dict.fromkeys(outcome.scores))
    listed = {name: place for place, name in enumerate(results.task.metrics)}
    return sorted(found, key=lambda name: listed.get(name, listed.get(name.partition("@")[0], -1)))


def headline(results: TaskResults) -> str | None:
    """Return the metric that stands for a task in the table of the alignment tax: the first one compared."""
    return next((name for name in metrics(results) if metric_of(results, name).compared), None)


def values(outcome: Outcome, metric: str) -> list[float] | None:
    """Return the values of one item by a metric; None where it has none."""
    found = outcome.scores.get(metric)
    if found is None:
        return None
    return [float(found)] if isinstance(found, int | float) else [float(value) for value in found]


def score(
    results: TaskResults, model: str, metric: str, keep: Callable[[Item], bool] = lambda item: True
) -> Estimate | None:
    """Return a model's score on a task, or on the items that `keep` says; None where none has the metric."""
    how = metric_of(results, metric)
    got: list[tuple[Item, list[float]]] = [
        (item, found)
        for item, outcome in zip(results.items, results.outcomes[model], strict=True)
        if keep(item) and (found := values(outcome, metric))
    ]
    if not got:
        return None
    if how.pooled:
        flat = [value for _, found in got for value in found]
        clusters: list[str] | None = [item.cluster or item.id for item, found in got for _ in found]
    else:
        flat = [sum(found) / len(found) for _, found in got]
        clusters = _clusters([item for item, _ in got])
    samples = max(len(found) for _, found in got)
    return Estimate(len(flat), *_interval(how, flat, clusters), samples)


def _interval(
    how: Metric, values: Sequence[float], clusters: Sequence[str] | None
) -> tuple[float, float | None, float | None]:
    """Return the mean with its interval; equal values of a metric without a scale have none."""
    if how.bounds is None and min(values) == max(values):
        return values[0], None, None
    return mean_interval(values, clusters, _bounds(how, values))


def compare_models(results: TaskResults, before: str, after: str, metric: str) -> Comparison | None:
    """Compare two models on the items that both have; None where there is no such item.

    The difference is positive where the second model is better, also by metrics of which less is better.
    """
    how, pairs = metric_of(results, metric), side_by_side(results, before, after, metric)
    if not pairs or not how.better:
        return None
    items, first, second = (list(column) for column in zip(*pairs, strict=True))
    if how.better == "lower":
        first, second = second, first
    a, b = (list(itertools.chain(*each)) for each in (first, second))
    bounds, counts = _bounds(how, a + b), [len(each) for each in first]
    if counts != [len(each) for each in second]:
        return compare_ratios(first, second, _clusters(items), bounds=bounds)
    if how.pooled:  # the values of one item are not independent
        return compare(a, b, np.repeat([item.cluster or item.id for item in items], counts), bounds=bounds)
    return compare(a, b, _clusters(items), bounds=bounds)


def side_by_side(
    results: TaskResults, before: str, after: str, metric: str
) -> list[tuple[Item, list[float], list[float]]]:
    """Return what two models got on each item that both have.

    That is each one's mean of the item or, by a pooled metric, its values, of which one model may have more
    than the other.
    """
    found: list[tuple[Item, list[float], list[float]]] = []
    for item, a, b in zip(results.items, results.outcomes[before], results.outcomes[after], strict=True):
        one, other = values(a, metric), values(b, metric)
        if not one or not other:
            continue
        if not metric_of(results, metric).pooled:
            one, other = [sum(one) / len(one)], [sum(other) / len(other)]
        found.append((item, one, other))
    return found


def changes(results: Mapping[str, TaskResults], pairs: Sequence[tuple[str, str]]) -> list[Change]:
    """Compare pairs of models on every task by every metric that is compared, corrected for their number."""
    found = [
        Change(task, metric, before, after, against)
        for before, after in pairs
        for task, each in results.items()
        for metric in metrics(each)
        if metric_of(each, metric).compared and (against := compare_models(each, before, after, metric))
    ]
    corrected = adjusted([change.against for change in found])
    return [
        Change(change.task, change.metric, change.before, change.after, against)
        for change, against in zip(found, corrected, strict=True)
    ]


def skipped(results: TaskResults, model: str) -> dict[str, int]:
    """Return how many items a model was not measured on, by reason."""
    return dict(Counter(outcome.skipped for outcome in results.outcomes[model] if outcome.skipped))


def notes(results: TaskResults, model: str) -> dict[str, int]:
    """Return what happened while a model was measured that is no score, and how often."""
    total: Counter[str] = Counter()
    for outcome in results.outcomes[model]:
        total.update(outcome.notes)
    return dict(+total)


def groups(results: TaskResults) -> dict[str, Callable[[Item], bool]]:
    """Return the groups of a task's items for which scores are shown too: its languages and its tags.

    A group that holds all items would only repeat the score, so it is left out.
    """
    found: dict[str, Callable[[Item], bool]] = {}
    for language in dict.fromkeys(item.language for item in results.items if item.language):
        found[f"language {language}"] = lambda item, language=language: item.language == language
    # first the first tag of every item, then the second: lengths before depths
    in_turn = itertools.zip_longest(*(item.tags for item in results.items))
    for tag in dict.fromkeys(tag for turn in in_turn for tag in turn if tag is not None):
        found[tag] = lambda item, tag=tag: tag in item.tags
    return {name: keep for name, keep in found.items() if not all(map(keep, results.items))}


def _clusters(items: Sequence[Item]) -> list[str] | None:
    return [item.cluster or item.id for item in items] if any(item.cluster for item in items) else None


def _bounds(metric: Metric, found: Sequence[float]) -> tuple[float, float]:
    """Return the ends of a metric's scale; where it has none, those of the values."""
    if metric.bounds is not None:
        return metric.bounds
    low, high = min(found), max(found)
    return low, high if high > low else low + 1.0
