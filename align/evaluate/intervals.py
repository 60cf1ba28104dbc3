"""Confidence intervals for shares, and for differences between two models on the same problems."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

Z95 = 1.959964
"""Two-sided 95% quantile of the standard normal."""


def wilson(successes: float, n: int) -> tuple[float, float]:
    """Return the 95% Wilson score interval of a share (Wilson 1927).

    Unlike the normal interval, it is sensible where 0 or n of n succeed.
    """
    if n == 0:
        return 0.0, 1.0
    share, z2 = successes / n, Z95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    # at 0 and at n one limit is the share itself; rounding must not move it past the share
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


def pass_at_k(n: int, right: int, k: int) -> float:
    """Estimate pass@k without bias from n samples, of which `right` are right (Chen et al. 2021, eq. 1)."""
    if n - right < k:
        return 1.0
    return 1.0 - math.prod((n - right - i) / (n - i) for i in range(k))


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean over problems and its 95% normal interval.

    The caller must average the samples of one problem first. Where all values are equal, their variance is 0,
    although another problem may well give another value; then the interval is Wilson's.
    """
    n = len(values)
    mean = sum(values) / n
    variance = sum((v - mean) ** 2 for v in values) / max(n - 1, 1)
    if min(values) == max(values):
        return mean, *wilson(mean * n, n)
    half = Z95 * math.sqrt(variance / n)
    return mean, max(0.0, mean - half), min(1.0, mean + half)


def paired(
    a: Sequence[float], b: Sequence[float], seed: int = 0, draws: int = 2000
) -> tuple[float, float, float]:
    """Return the mean of b - a over the same problems, and its 95% bootstrap interval.

    The limits are percentiles over resampled problems. Where all differences are equal, often 0, resampling
    finds no variance. Then the interval allows for problems that differ by one more or one less, in as large
    a share as the Wilson interval for 0 of n.
    """
    differences = [y - x for x, y in zip(a, b, strict=True)]
    n, rng = len(differences), random.Random(seed)
    # a tolerance, because 1 - 2/3 and 2/3 - 1/3 are not equal in floating point
    if math.isclose(min(differences), max(differences), rel_tol=0, abs_tol=1e-9):
        room = wilson(0, n)[1]
        return differences[0], max(-1.0, differences[0] - room), min(1.0, differences[0] + room)
    means = sorted(sum(rng.choices(differences, k=n)) / n for _ in range(draws))
    return sum(differences) / n, means[int(0.025 * draws)], means[int(0.975 * draws) - 1]
