"""Compare two models by means over all values, where a model may have more values on an item than the other.

Arena-Hard counts a clear verdict as three, so two models have different numbers of verdicts on one question,
and the mean over all of them is a ratio of two sums. Where the numbers are equal, everything here equals
`align.evaluate.statistics.comparison.compare` of the values.

Sources: Cochran 1977, "Sampling Techniques", sections 6.4 and 6.5 (the standard error of a ratio); Efron and
Tibshirani 1993, "An Introduction to the Bootstrap", chapters 13 and 15 (percentiles, permutation tests).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from align.evaluate.statistics.comparison import Comparison, verdict_of
from align.evaluate.statistics.differences import (
    Totals,
    blocks,
    influences,
    interval,
    items_needed,
)
from align.evaluate.statistics.items import SAME, Clusters, Values, checked, grouped
from align.evaluate.statistics.means import standard_error
from align.evaluate.statistics.significance import ENUMERATED


def compare_ratios(
    a: Sequence[Values],
    b: Sequence[Values],
    clusters: Clusters | None = None,
    seed: int = 0,
    draws: int = 10_000,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Comparison:
    """Compare the values of model b with those of model a, each value counting alike; higher is better.

    The interval resamples clusters. The p-value is that of a permutation test: if the models are alike, what
    they got in a cluster may be exchanged.

    Args:
        a: the values of each item, at least one.
        b: the same for the other model.
        clusters: one label an item; without them, items are independent.
        seed: of the random numbers.
        draws: resamples of the interval, and exchanges of the p-value.
        bounds: the ends of the scale.

    Raises:
        ValueError: a and b differ in length, an item has no value, or a value is not a number or lies outside
            the bounds.
    """
    if len(a) != len(b):
        raise ValueError(f"a and b must hold the same items; they hold {len(a)} and {len(b)}")
    groups = grouped(clusters, len(a))
    before, after = (_totals(values, groups, bounds) for values in (a, b))
    # values of items whose mean is the difference, and which vary as it does
    single = np.arange(len(a))
    moves = influences(*(_totals(values, single, bounds) for values in (a, b)))
    difference = after.mean - before.mean
    items = difference + len(a) * moves
    low, high = interval(before, after, seed, draws, bounds)
    p = exchanged(before, after, seed, draws)
    return Comparison(
        n=len(a),
        clusters=len(before.sums),
        difference=difference,
        low=low,
        high=high,
        standard_error=standard_error(items, clusters),
        p=p,
        adjusted_p=p,
        verdict=verdict_of(difference, p),
        items_needed=items_needed(items, clusters),
    )


def exchanged(before: Totals, after: Totals, seed: int = 0, draws: int = 10_000) -> float:
    """Return the two-sided p-value of a permutation test: in each cluster, the models may be exchanged.

    It is the share of the exchanges that make the difference of the means at least as large as it is. All are
    tried where at most 14 clusters differ. Otherwise `draws` are drawn, and the p-value is (1 + those as
    large) / (1 + draws).
    """
    differ = (np.abs(after.sums - before.sums) > SAME) | (after.sizes != before.sizes)
    if not differ.any():
        return 1.0
    seen = abs(after.mean - before.mean) - SAME
    if differ.sum() <= ENUMERATED:
        signs = np.array(list(itertools.product((1.0, -1.0), repeat=int(differ.sum()))))
        return float(np.mean(np.abs(_signed(before, after, differ, signs)) >= seen))
    rng, extreme = np.random.default_rng(seed), 0
    for rows in blocks(draws, int(differ.sum())):
        signs = rng.integers(0, 2, (rows, int(differ.sum())), np.uint8) * 2.0 - 1.0
        extreme += int((np.abs(_signed(before, after, differ, signs)) >= seen).sum())
    return (1 + extreme) / (1 + draws)


def _signed(before: Totals, after: Totals, differ: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Return the differences of the means after exchanges.

    Args:
        before: of one model.
        after: of the other.
        differ: (clusters,) where an exchange changes something.
        signs: (exchanges, clusters that differ), -1: exchanged.
    """
    sums, sizes = before.sums.sum() + after.sums.sum(), before.sizes.sum() + after.sizes.sum()
    sum_of, size_of = signs @ (after.sums - before.sums)[differ], signs @ (after.sizes - before.sizes)[differ]
    return (sums + sum_of) / (sizes + size_of) - (sums - sum_of) / (sizes - size_of)


def _totals(values: Sequence[Values], groups: np.ndarray, bounds: tuple[float, float]) -> Totals:
    """Return the totals of the clusters of items.

    Raises:
        ValueError: an item has no value, or a value is wrong.
    """
    counts = np.array([len(each) for each in values])
    if not counts.all():
        raise ValueError(f"item {int(np.argmin(counts))} has no value; leave it out")
    return Totals.of(checked(np.concatenate(values), bounds), np.repeat(groups, counts))
