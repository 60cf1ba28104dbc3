"""How sure are we? Intervals for shares and for differences between two models on the same problems."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

Z95 = 1.959964
"""Two-sided 95% quantile of the standard normal."""


def wilson(successes: float, n: int) -> tuple[float, float]:
    """Return the 95% Wilson score interval of a share (Wilson 1927); sensible at 0 and at n, unlike the normal one."""
    if n == 0:
        return 0.0, 1.0
    share, z2 = successes / n, Z95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    # at 0 and at n one limit is the share itself, which rounding must not miss
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


def pass_at_k(n: int, right: int, k: int) -> float:
    """Return the unbiased estimate of "one of k samples is right" from n samples (Chen et al. 2021, eq. 1)."""
    if n - right < k:
        return 1.0
    return 1.0 - math.prod((n - right - i) / (n - i) for i in range(k))


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean over problems and its 95% normal interval; samples of one problem must be averaged before.

    Values that are all the same show no spread, and yet leave room for another kind of problem: then it is the Wilson interval.
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
    """Return mean(b - a) over the same problems and its 95% bootstrap interval (percentiles over resampled problems).

    Where all differ by the same, often by nothing, resampling shows no spread: then the interval leaves room for problems that
    differ by one more or less, in as large a share as the Wilson interval does for 0 of n.
    """
    differences = [y - x for x, y in zip(a, b, strict=True)]
    n, rng = len(differences), random.Random(seed)
    if math.isclose(
        min(differences), max(differences), rel_tol=0, abs_tol=1e-9
    ):  # 1 - 2/3 is not quite 2/3 - 1/3
        room = wilson(0, n)[1]
        return differences[0], max(-1.0, differences[0] - room), min(1.0, differences[0] + room)
    means = sorted(sum(rng.choices(differences, k=n)) / n for _ in range(draws))
    return sum(differences) / n, means[int(0.025 * draws)], means[int(0.975 * draws) - 1]
