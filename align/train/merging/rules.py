"""The rules of a merge: which entries survive (F), and how the survivors of Delta and tau are combined.

Names are the paper's (Lu et al. 2024, arXiv 2405.17931): Delta is what a training step adds, tau is what SFT
added, F keeps a fraction `keep` of the entries, and alpha is the weight of tau. All functions work on flat
tensors. They represent F by the *positions* that survive, so that a step at keep 0.01 touches a hundredth of
the weights and needs memory for a hundredth.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.distributed import ProcessGroup, ReduceOp, all_gather, all_reduce, get_world_size

from align.train.merging import kernels

Method = Literal["ondare", "onties"]
Rescale = Literal["none", "inverse_keep", "l1"]
Consensus = Literal["weighted", "unweighted"]
Arithmetic = Literal["torch", "upstream"]

SPARSE = 1 / 8
"""Largest `keep` at which an accelerator draws the distances between survivors: keep * n random numbers.

Above it, it draws random bits for every position.
"""

LATE, LATE_MERGES = 1e-6, 16
"""Largest share of tau, and largest number of merges, by which OnDARE may add its pull late.

Both are far below what the weights can resolve.
"""


# -- F: which entries survive --------------------------------------------------------------------------------


def random_positions(
    first: int, count: int, keep: float, key: tuple[int, int], device: torch.device
) -> Tensor:
    """Return the sorted positions of a block that survive, each with probability `keep` (F of OnDARE, Eq. 3).

    On a CPU every position of a parameter is hashed, so any block can be computed alone, and the rate of
    survivors is `keep` to within 2^-33. Other devices draw whole blocks (`drawn_positions`).

    Args:
        first: the block's first position in the parameter; on a CPU the pattern repeats after 2^32.
        count: number of positions in the block.
        keep: above 0, below 1.
        key: key of the parameter and the step, from `key_of`.
        device: device that draws.

    Returns:
        Int[Tensor, "k"], counted from `first`.
    """
    if device.type != "cpu":
        return drawn_positions(count, keep, generator_of(key, first, device))
    words, found = np.array(key, np.uint32), np.empty(_most(count, keep), np.int64)
    while (many := kernels.random_positions(first, count, words[0], words[1], threshold(keep), found)) < 0:
        found = np.empty(2 * found.size, np.int64)
    return torch.from_numpy(found[:many])


def drawn_positions(count: int, keep: float, generator: torch.Generator) -> Tensor:
    """Return the sorted positions among 0..count-1 that survive, drawn with a device's random numbers.

    Distances between survivors of a Bernoulli process are geometric. So where few positions survive, only the
    distances are drawn. Where many do, every position gets 16 random bits, and the rate of survivors is
    `keep` to within 2^-17.
    """
    device = generator.device
    if keep <= SPARSE:
        found, end = [], -1
        while end < count:
            # in [0, 1), so log1p(-u) is finite
            uniform = torch.rand(_most(count, keep), generator=generator, device=device)
            distances = uniform.neg_().log1p_().div_(math.log1p(-keep)).long().add_(1)
            found.append(distances.cumsum_(0).add_(end))
            end = int(found[-1][-1])
        positions = torch.cat(found)
        return positions[: int(torch.searchsorted(positions, count))]
    bits = torch.empty((count + 3) // 4, dtype=torch.int64, device=device).random_(
        -(2**63), None, generator=generator
    )
    return where(bits.view(torch.int16)[:count] < round(keep * 2**16) - 2**15)


def _most(count: int, keep: float) -> int:
    """Return a bound on the number of survivors: six standard deviations, exceeded in one draw of 1e9."""
    return int(count * keep + 6 * math.sqrt(count * keep) + 16)


def key_of(seed: int, name: str, step: int) -> tuple[int, int]:
    """Return two 32-bit words, the key of one parameter at one step."""
    digest = hashlib.blake2b(repr((seed, name, step)).encode(), digest_size=8).digest()
    return int.from_bytes(digest[:4]), int.from_bytes(digest[4:])


def generator_of(key: tuple[int, int], first: int, device: torch.device) -> torch.Generator:
    """Return the random number generator of a block."""
    return torch.Generator(device).manual_seed((key[0] << 31 ^ key[1]) + first)


def threshold(keep: float) -> np.uint32:
    """Return the number below which 32 random bits lie with probability `keep`."""
    return np.uint32(min(round(keep * 2**32), 2**32 - 1))


def norm(x: Tensor) -> float:
    """Return the sum of squares, or 1 where it is 0, so that it can be a divisor."""
    return float(x.double().square().sum()) or 1.0


def at_least(x: Tensor, bound: float) -> Tensor:
    """Return the positions where |x| >= bound, sorted."""
    return where(abs(_fast(x)) >= bound)


def where(condition: Tensor | np.ndarray) -> Tensor:
    """Return the positions where a condition holds, sorted."""
    fast = _fast(condition) if isinstance(condition, Tensor) else condition
    return fast.nonzero().flatten() if isinstance(fast, Tensor) else torch.from_numpy(np.flatnonzero(fast))


def _fast(x: Tensor) -> Any:
    """Return a numpy view of a CPU tensor: comparing and finding then take 0.2 instead of 1.3 ns an entry."""
    return x.numpy() if x.device.type == "cpu" else x


def others(x: Tensor, taken: Tensor) -> Tensor:
    """Return the positions of x that are not in `taken`."""
    return where(torch.ones(x.numel(), dtype=torch.bool, device=x.device).index_fill_(0, taken.long(), False))


def least_of_the_largest(x: Tensor, k: int) -> float:
    """Return the k-th largest entry. On a CPU, numpy's partition is 10 times faster than torch's topk."""
    if x.device.type == "cpu":
        return float(np.partition(x.numpy(), x.numel() - k)[x.numel() - k])
    return float(x.topk(k, sorted=False).values.min())


def survivors(keep: float, n: int) -> int:
    """Return how many of n entries survive where the largest `keep` of them do: at least one."""
    return max(1, int(keep * n))


def largest(x: Tensor, keep: float) -> Tensor:
    """Return the sorted positions of the entries with the largest magnitudes (F of OnTIES, Eq. 5)."""
    every = torch.arange(x.numel(), device=x.device)
    return where(survives(x, every, *cut(x.abs(), every, survivors(keep, x.numel()))))


def cut(
    magnitudes: Tensor, positions: Tensor, k: int, group: ProcessGroup | None = None
) -> tuple[float, int]:
    """Return the bound that separates the k largest from the rest, as (magnitude, position).

    An entry survives when its magnitude is above the first number, or equal to it at a position up to the
    second. So among equal entries the earlier ones survive, and exactly k survive, for any order of the
    arguments and any number of devices.

    Args:
        magnitudes: Float[Tensor, "m"], all entries that may be among the k largest.
        positions: Int[Tensor, "m"], their positions in the whole tensor.
        k: number of survivors, at most the sum of m over all processes.
        group: processes of which each holds a part of the candidates.
    """
    if group is not None:
        magnitudes, positions = gathered(magnitudes, group), gathered(positions, group)
    least = least_of_the_largest(magnitudes, k)
    if math.isnan(least):
        raise ValueError(
            "a gradient is NaN, so nothing can be the largest; look for the step at which the loss became NaN"
        )
    candidates = where(magnitudes >= least)
    equals = candidates[magnitudes[candidates] == least]
    above = candidates.numel() - equals.numel()
    return least, int(positions[equals].sort().values[k - above - 1])


def survives(x: Tensor, positions: Tensor, least: float, last: int) -> Tensor:
    """Return a boolean mask of the entries that survive a `cut`."""
    magnitude = x.abs()
    return (magnitude > least) | ((magnitude == least) & (positions <= last))


def guess(sample: Tensor, keep: float) -> float:
    """Return a magnitude that most likely at least a fraction `keep` of a tensor reaches, from a sample."""
    if not sample.numel():
        return math.inf
    expected = keep * sample.numel()
    rank = min(sample.numel(), int(expected + 4 * math.sqrt(expected) + 1))
    return least_of_the_largest(sample.abs(), rank) * (1 - 1e-3)


def gathered(x: Tensor, group: ProcessGroup) -> Tensor:
    """Return the entries of all processes of a group, in the order of ranks."""
    count = get_world_size(group)
    lengths = [torch.zeros(1, dtype=torch.int64, device=x.device) for _ in range(count)]
    all_gather(lengths, torch.tensor([x.numel()], device=x.device), group=group)
    longest = int(torch.stack(lengths).max())
    parts = [x.new_empty(longest) for _ in range(count)]
    all_gather(parts, torch.cat([x, x.new_zeros(longest - x.numel())]), group=group)
    return torch.cat([part[: int(length)] for part, length in zip(parts, lengths, strict=True)])


def total(x: Tensor, group: ProcessGroup | None) -> Tensor:
    """Return the sum of a tensor over the processes of a group, without waiting for the device."""
    if group is not None:
        all_reduce(x, group=group)
    return x


def reduced(value: float, device: torch.device, group: ProcessGroup | None, *, least: bool = False) -> float:
    """Return the sum, or with `least` the minimum, of a number over the processes of a group."""
    if group is None:
        return value
    tensor = torch.tensor(value, dtype=torch.float64, device=device)
    all_reduce(tensor, ReduceOp.MIN if least else ReduceOp.SUM, group=group)
    return float(tensor)


# -- how survivors are combined: the paper's rules, which the optimizer applies to the survivors only --------


def ondare(delta: Tensor, tau: Tensor, alpha: float) -> Tensor:
    """Return (1 - alpha) F(Delta) + alpha F(tau) (Eq. 4); both tensors are masked already, in one shape."""
    return (1 - alpha) * delta + alpha * tau


def onties(delta: Tensor, tau: Tensor, alpha: float, consensus: Consensus) -> Tensor:
    """Return the sum of those weighted deltas that have the elected sign (Eq. 6, 7); both are masked."""
    ours, theirs = ballot(delta, tau, alpha, consensus)
    return (1 - alpha) * delta * ours + alpha * tau * theirs


def ballot(delta: Tensor, tau: Tensor, alpha: float, consensus: Consensus) -> tuple[Tensor, Tensor]:
    """Return which entries of F(Delta) and of F(tau) have the elected sign, as two boolean masks (Eq. 6, 7).

    With a = (1 - alpha) F(Delta) and b = alpha F(tau), the sign of a + b is elected, and a or b is left out
    where it has another sign. So entries of equal signs are added, of unequal signs the one with the larger
    magnitude stays, and a draw gives zero. "unweighted" elects the sign of F(Delta) + F(tau) instead, as the
    released code does.
    """
    a, b = (1 - alpha) * delta, alpha * tau
    elected = (a + b if consensus == "weighted" else delta + tau).sign()
    return a.sign() == elected, b.sign() == elected


# -- offline merging: whole models, once ---------------------------------------------------------------------


def dare(
    deltas: Sequence[Tensor], weights: Sequence[float], keep: float, keys: Sequence[tuple[int, int]]
) -> Tensor:
    """Return sum_i w_i drop(tau_i) / keep (DARE, arXiv 2311.03099, Eq. 3 and 4); `drop` is random."""
    merged = torch.zeros_like(deltas[0])
    for delta, weight, key in zip(deltas, weights, keys, strict=True):
        kept = torch.arange(delta.numel())
        if keep < 1:
            kept = random_positions(0, delta.numel(), keep, key, delta.device)
        merged.view(-1)[kept] += delta.flatten()[kept] * (weight / keep)
    return merged


def ties(deltas: Sequence[Tensor], weights: Sequence[float], keep: float) -> Tensor:
    """Return the disjoint mean of trimmed deltas of one shape (TIES, arXiv 2306.01708, section 3).

    The largest entries of each delta stay, the sign of their weighted sum is elected, and the entries that
    have this sign are averaged by weight.
    """
    kept = [(delta.flatten(), largest(delta.flatten(), keep)) for delta in deltas]
    trimmed = torch.stack([torch.zeros_like(x).index_copy_(0, index, x[index]) for x, index in kept])
    share = torch.tensor(weights, dtype=trimmed.dtype).unsqueeze(1)
    agrees = (trimmed.sign() == (share * trimmed).sum(0).sign()) & (trimmed != 0)
    weight = (share * agrees).sum(0)
    return ((share * trimmed * agrees).sum(0) / weight.clamp(min=1e-12)).view_as(deltas[0])


# -- how far to pull, and adding what is smaller than a float32 can hold -------------------------------------


def pull_by(merges: int, state: dict[str, Any], group: dict[str, Any]) -> int:
    """Return the merge up to which tau has to be added now.

    OnDARE may add it some merges late, because adding it takes a pass over the weights of its own.
    """
    done = int(state["pulls"])
    often = (
        group["method"] == "onties" or group["resample_reference"] or group["keep"] == 1 or not group["alpha"]
    )
    return merges if often or merges - done >= max(1, min(LATE_MERGES, int(LATE / group["alpha"]))) else done


def spread(group: dict[str, Any], taken: int, total_steps: int | None) -> None:
    """Set the weight of tau from now on so that all merges together pull by `alpha_total`.

    Args:
        group: parameter group; its `alphas`, (first merge, weight) pairs, gets one more pair.
        taken: steps taken so far.
        total_steps: steps of the whole run.
    """
    if group["alpha_total"] is None or not total_steps:
        raise ValueError("give alpha, or alpha_total with total_steps")
    if group["rescale"] == "l1":
        why = "with rescale 'l1' the factor of the survivors differs from step to step"
        raise ValueError(f"{why}; give alpha instead of alpha_total")
    hit = group["keep"] if group["resample_reference"] and group["method"] == "ondare" else 1.0
    done, merges = taken // group["every"], max(1, total_steps // group["every"])
    left = group["alpha_total"] / (grown(group) * hit) - pull_of(done, group)
    group["alpha"] = max(0.0, left) / max(1, merges - done)
    group["alphas"] = [(first, alpha) for first, alpha in group["alphas"] if first < done] + [
        (done, group["alpha"])
    ]


def pull_of(merges: int, group: dict[str, Any]) -> float:
    """Return the sum of the weights of tau over the first `merges` merges."""
    total = 0.0
    for first, alpha in reversed(group["alphas"]):
        total += alpha * max(0, merges - first)
        merges = min(merges, first)
    return total


def due(weights: Tensor, tau: Tensor, before: float, after: float) -> Tensor:
    """Return what to add to float32 weights now, so that the sum of all pulls keeps up with `after` * tau.

    alpha * tau is about 1e-10 a step (at alpha 1e-7), less than half a unit in the last place of a weight, so
    a plain sum would not change the weight. Instead, whole units are added as soon as they are due. After any
    number of steps the sum is off by at most one unit in the last place, and the only state is two counters.

    Args:
        weights: Float[Tensor, "k"], the weights before the merge.
        tau: Float[Tensor, "k"].
        before: sum of all alphas before this step.
        after: the same sum with this step's alpha.
    """
    total = tau * after
    unit = _unit(weights, total)
    return torch.round(total / unit).sub_(torch.round((tau * before).div_(unit))).mul_(unit)


def rounded_at_random(weights: Tensor, values: Tensor, dither: Tensor) -> Tensor:
    """Return values in whole units in the last place of float32 weights (stochastic rounding).

    The result is right on average. All tensors have one shape; `dither` is uniform in [0, 1).
    """
    unit = _unit(weights, values)
    whole = torch.floor(values / unit)  # the quotient is exact: a unit is a power of two
    return whole.add_(dither < values / unit - whole).mul_(unit)


def _unit(weights: Tensor, values: Tensor) -> Tensor:
    """Return the unit in the last place of the larger of two float32 numbers, for each entry."""
    power = (
        torch.maximum(weights.abs(), values.abs())
        .view(torch.int32)
        .bitwise_and_(0x7F800000)
        .view(torch.float32)
    )
    return power.mul_(2.0**-23).clamp_(min=2.0**-126)


def left_whole(group: dict[str, Any], n: int) -> bool:
    """Return whether the tensor is so small that OnTIES of the released code keeps all of it."""
    return group["arithmetic"] == "upstream" and group["method"] == "onties" and int(group["keep"] * n) < 1


def grown(group: dict[str, Any]) -> float:
    """Return the factor by which `inverse_keep` multiplies the survivors."""
    return 1 / group["keep"] if group["rescale"] == "inverse_keep" else 1.0


def meet(
    delta: Tensor, tau: Tensor, exact: Tensor, group: dict[str, Any], totals: tuple[float, float]
) -> tuple[Tensor, Tensor]:
    """Merge the entries where both Delta and tau survive.

    Returns:
        What to add to the weights, and the sum over entries of (tau that was added) * tau.
    """
    ours: Any = True
    theirs: Any = True
    if group["method"] == "onties":
        ours, theirs = ballot(delta, tau, group["alpha"], group["consensus"])
    merged = delta * (1 - group["alpha"]) * ours + due(exact, tau, *totals) * theirs
    return merged, (totals[1] - totals[0]) * (tau.double().square() * theirs).sum()
