"""Intervals for the difference of two models on the same items, and how many items would tell it from 0.

Sources: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13 (percentiles); Miller 2024,
"Adding Error Bars to Evals" (arXiv 2411.00640), sections 4 (paired differences) and 5 (how many items). The
analytic standard error of the difference is `means.standard_error` of the differences.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from align.evaluate.statistics.items import SAME, Clusters, Values, checked, grouped
from align.evaluate.statistics.means import standard_error
from align.evaluate.statistics.shares import wilson

_CELLS = 2_000_000
"""Random numbers that are held at once."""


def paired(
    a: Values,
    b: Values,
    clusters: Clusters | None = None,
    seed: int = 0,
    draws: int = 10_000,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> tuple[float, float, float]:
    """Return the mean of b - a over the same items and its 95% bootstrap interval: (mean, low, high).

    The limits are the 2.5% and 97.5% percentiles over `draws` samples of as many clusters, drawn with
    replacement; without clusters, items are drawn. Where all differences are equal, often 0, or clusters do
    not differ, resampling finds no variance. Then the interval allows for items that differ by one scale more
    or less, in as large a share as the Wilson interval for 0 of n (n: the number of clusters). `bounds` are
    the ends of the scale of a and b.

    Raises:
        ValueError: a and b differ in length, a value is not a number or lies outside the bounds, or there are
            not as many labels of clusters as items.
    """
    differences = subtracted(a, b, bounds)
    groups = grouped(clusters, len(differences))
    before, after = (Totals.of(values, groups) for values in (a, b))
    low, high = interval(before, after, seed, draws, bounds)
    return float(differences.mean()), low, high


@dataclass(frozen=True)
class Totals:
    """What a model got in each cluster."""

    sums: np.ndarray
    """(clusters,) sums of the values."""
    sizes: np.ndarray
    """(clusters,) how many values there are, at least one."""

    @classmethod
    def of(cls, values: Values, groups: np.ndarray) -> Totals:
        """Add up values; `groups` is the cluster of each value as a number from 0, shape (values,)."""
        return cls(np.bincount(groups, values), np.bincount(groups))

    @property
    def mean(self) -> float:
        """The mean of all values."""
        return float(self.sums.sum() / self.sizes.sum())


def influences(before: Totals, after: Totals) -> np.ndarray:
    """Return by how much each cluster moves the difference of the means, to first order: (clusters,).

    Their sum is 0. This is the linearization of a ratio (Cochran 1977, "Sampling Techniques", section 6.4);
    where both models have equally many values in each cluster, it is exact.
    """
    each = [(one.sums - one.mean * one.sizes) / one.sizes.sum() for one in (before, after)]
    return each[1] - each[0]


def resampled(before: Totals, after: Totals, draws: int, rng: np.random.Generator) -> np.ndarray | None:
    """Return the difference of means in `draws` samples of as many clusters, drawn with replacement.

    None: the clusters do not differ, so that resampling finds no variance.
    """
    shares = (before.sizes + after.sizes) / (before.sizes + after.sizes).sum()
    if np.all(np.abs(influences(before, after)) <= SAME * shares):
        return None
    n = len(before.sums)
    found = []
    for rows in blocks(draws, n):
        drawn = rng.integers(0, n, (rows, n))
        first, second = (one.sums[drawn].sum(1) / one.sizes[drawn].sum(1) for one in (before, after))
        found.append(second - first)
    return np.concatenate(found)


def interval(
    before: Totals, after: Totals, seed: int, draws: int, bounds: tuple[float, float]
) -> tuple[float, float]:
    """Return the limits of the interval of `paired`."""
    means = resampled(before, after, draws, np.random.default_rng(seed))
    if means is not None:
        low, high = np.quantile(means, (0.025, 0.975))
        return float(low), float(high)
    mean, scale = after.mean - before.mean, bounds[1] - bounds[0]
    room = scale * unseen(len(before.sums))
    return max(-scale, mean - room), min(scale, mean + room)


def unseen(n: int) -> float:
    """Return how large a share of items may differ, at 95%, where n of n clusters do not: Wilson's limit."""
    return wilson(0, n)[1]


def subtracted(a: Values, b: Values, bounds: tuple[float, float]) -> np.ndarray:
    """Return b - a, shape (items,).

    Raises:
        ValueError: a and b differ in length, or a value is not a number or lies outside the bounds.
    """
    if len(a) != len(b):
        raise ValueError(f"a and b must hold the same items; they hold {len(a)} and {len(b)}")
    return checked(b, bounds) - checked(a, bounds)


def blocks(rows: int, columns: int) -> Iterator[int]:
    """Split rows of random numbers into blocks that fit into memory; yield the rows of each."""
    most = max(1, _CELLS // columns)
    for start in range(0, rows, most):
        yield min(most, rows - start)


def items_needed(
    differences: Values, clusters: Clusters | None = None, power: float = 0.8, alpha: float = 0.05
) -> int | None:
    """Return how many items like these would tell a difference as large as the one seen from 0.

    For n items with mean difference d and (clustered) standard error SE, it is n * SE^2 * (z(1 - alpha / 2) +
    z(power))^2 / d^2, rounded up, where z is the quantile of the standard normal (Miller 2024, section 5,
    without its terms for the number of samples, which SE contains). With so many items, a two-sided test at
    level `alpha` finds a true difference of d with probability `power`. The items must come in clusters like
    these. None: the difference is 0, or the differences show no variance (all are equal, or there is one
    cluster only), so the formula says nothing. The exact test of a few dozen changed items is more cautious
    than the normal approximation and needs somewhat more.

    Raises:
        ValueError: a difference is not a number, there are not as many labels of clusters as items, or
            `power` or `alpha` is not between 0 and 1.
    """
    if not (0 < power < 1 and 0 < alpha < 1):
        raise ValueError(f"power and alpha must lie between 0 and 1; these are {power} and {alpha}")
    seen = checked(differences)
    mean, error = float(seen.mean()), standard_error(seen, clusters)
    if abs(mean) <= SAME or error is None or error <= SAME:
        return None
    quantiles = NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(power)
    return math.ceil(len(seen) * (error * quantiles / mean) ** 2)
