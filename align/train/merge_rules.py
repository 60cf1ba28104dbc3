"""What a merge is made of: which entries survive (F), how survivors meet, and the flat tensors that this works on.

Names are the paper's (Lu et al. 2024, arXiv 2405.17931): Delta is what training adds, tau what SFT had added, F keeps a
fraction `keep` of the entries, alpha is the weight of tau. Everything here works on flat tensors. F is written as the
*positions* that survive, so that a step at keep 0.01 touches a hundredth of the weights, and memory follows.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.distributed import ProcessGroup, ReduceOp, all_gather, all_reduce, get_world_size
from torch.distributed.tensor import DTensor, Shard

Method = Literal["ondare", "onties"]
Rescale = Literal["none", "inverse_keep", "l1"]
Consensus = Literal["weighted", "unweighted"]

SPARSE = 1 / 8
"""Up to this keep, positions are drawn by their distances, which costs keep * n random numbers; above, bit by bit.
The two cost the same at about 0.15 (AMD EPYC, one thread, 2026-11-22)."""


# -- F: which entries survive -------------------------------------------------------------------------------------


def random_positions(n: int, keep: float, generator: torch.Generator) -> Tensor:
    """Return the sorted positions among 0..n-1 that survive, each with probability `keep` (F of OnDARE, Eq. 3).

    Distances between survivors of a Bernoulli process are geometric, so where few survive only those are drawn. Where
    many do, every position gets 16 random bits, and `keep` is met to within 2^-17.

    Returns:
        Int[Tensor, "k"] on the generator's device.
    """
    device = generator.device
    if keep <= SPARSE:
        most = int(n * keep + 6 * math.sqrt(n * keep) + 16)  # six standard deviations: one draw in 1e9 falls short
        found, end = [], -1
        while end < n:
            uniform = torch.rand(most, generator=generator, device=device)  # in [0, 1): log1p(-u) is finite
            gaps = uniform.neg_().log1p_().div_(math.log1p(-keep)).long().add_(1)
            found.append(gaps.cumsum_(0).add_(end))
            end = int(found[-1][-1])
        drawn = torch.cat(found)
        return drawn[: int(torch.searchsorted(drawn, n))]
    bits = torch.empty((n + 3) // 4, dtype=torch.int64, device=device).random_(-(2**63), None, generator=generator)
    below = round(keep * 2**16) - 2**15
    return where(_fast(bits.view(torch.int16)[:n]) < below)


def generator_of(seed: int, name: str, step: int, first: int, device: torch.device) -> torch.Generator:
    """Return the random numbers of one block of one parameter at one step."""
    digest = hashlib.blake2b(repr((seed, name, step, first)).encode(), digest_size=8).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest) >> 1)


def norm(x: Tensor) -> float:
    """Return the sum of squares; 1 for zeros: there is nothing to pull, so no share to divide by it."""
    return float(x.double().square().sum()) or 1.0


def at_least(x: Tensor, bound: float) -> Tensor:
    """Return the positions where |x| >= bound, sorted."""
    return where(abs(_fast(x)) >= bound)


def where(condition: Tensor | np.ndarray) -> Tensor:
    """Return the positions where a condition holds, sorted."""
    fast = _fast(condition) if isinstance(condition, Tensor) else condition
    return fast.nonzero().flatten() if isinstance(fast, Tensor) else torch.from_numpy(np.flatnonzero(fast))


def _fast(x: Tensor) -> Any:
    """Return a numpy view of what is on a CPU: it compares and finds 6 times faster there (0.2 against 1.3 ns an entry)."""
    return x.numpy() if x.device.type == "cpu" else x


def least_of_the_largest(x: Tensor, k: int) -> float:
    """Return the k-th largest entry. On a CPU by numpy's partition, 10 times faster than torch's topk."""
    if x.device.type == "cpu":
        return float(np.partition(x.numpy(), x.numel() - k)[x.numel() - k])
    return float(x.topk(k, sorted=False).values.min())


def survivors(keep: float, n: int) -> int:
    """Return how many of n entries the largest `keep` are: one at least."""
    return max(1, int(keep * n))


def largest(x: Tensor, keep: float) -> Tensor:
    """Return the sorted positions of the entries of a flat tensor that are largest in magnitude (F of OnTIES, Eq. 5)."""
    every = torch.arange(x.numel(), device=x.device)
    return where(survives(x, every, *cut(x.abs(), every, survivors(keep, x.numel()))))


def cut(magnitudes: Tensor, positions: Tensor, k: int, group: ProcessGroup | None = None) -> tuple[float, int]:
    """Return what separates the k largest from the rest, as (magnitude, position).

    An entry survives when its magnitude is above the first, or equal to it with a position up to the second: among
    equals the earlier ones stay, so exactly k survive, whatever the order of the arguments and on any number of devices.

    Args:
        magnitudes: Float[Tensor, "m"], candidates; all that could be among the k largest.
        positions: Int[Tensor, "m"], theirs in the whole tensor.
        k: how many survive, at most m over all processes.
        group: processes that hold a part of the candidates each.
    """
    if group is not None:
        magnitudes, positions = gathered(magnitudes, group), gathered(positions, group)
    least = least_of_the_largest(magnitudes, k)
    candidates = where(magnitudes >= least)
    equals = candidates[magnitudes[candidates] == least]
    above = candidates.numel() - equals.numel()
    return least, int(positions[equals].sort().values[k - above - 1])


def survives(x: Tensor, positions: Tensor, least: float, last: int) -> Tensor:
    """Return a boolean mask: which of these entries are on the right side of a `cut`."""
    magnitude = x.abs()
    return (magnitude > least) | ((magnitude == least) & (positions <= last))


def guess(sample: Tensor, keep: float) -> float:
    """Return a magnitude that at least a fraction `keep` of a tensor reaches, most likely, from a sample of it."""
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
    """Return the sum of a number over the processes of a group, without waiting for the device."""
    if group is not None:
        all_reduce(x, group=group)
    return x


def reduced(value: float, device: torch.device, group: ProcessGroup | None, *, least: bool = False) -> float:
    """Return the sum, or the least, of a number over the processes of a group."""
    if group is None:
        return value
    tensor = torch.tensor(value, dtype=torch.float64, device=device)
    all_reduce(tensor, ReduceOp.MIN if least else ReduceOp.SUM, group=group)
    return float(tensor)


# -- how survivors meet: the rules as the paper has them. The optimizer applies them where something survives ----------


def ondare(delta: Tensor, tau: Tensor, alpha: float) -> Tensor:
    """Return (1 - alpha) F(Delta) + alpha F(tau) (Eq. 4); both come already masked, in one shape."""
    return (1 - alpha) * delta + alpha * tau


def onties(delta: Tensor, tau: Tensor, alpha: float, consensus: Consensus) -> Tensor:
    """Return the weighted deltas where they agree, else the one that wins the vote (Eq. 6, 7); both already masked."""
    ours, theirs = ballot(delta, tau, alpha, consensus)
    return (1 - alpha) * delta * ours + alpha * tau * theirs


def ballot(delta: Tensor, tau: Tensor, alpha: float, consensus: Consensus) -> tuple[Tensor, Tensor]:
    """Return which entries of F(Delta) and of F(tau) have the elected sign, as two boolean masks (Eq. 6, 7).

    With a = (1 - alpha) F(Delta) and b = alpha F(tau): the sign of a + b is elected, and what has another sign is
    left out. So equal signs add up, of unequal ones the larger magnitude stays alone, and a draw gives zero.
    "unweighted" elects the sign of F(Delta) + F(tau) instead, as the released code does.
    """
    a, b = (1 - alpha) * delta, alpha * tau
    elected = (a + b if consensus == "weighted" else delta + tau).sign()
    return a.sign() == elected, b.sign() == elected


# -- offline merging: whole models, once --------------------------------------------------------------------------


def dare(deltas: Sequence[Tensor], weights: Sequence[float], keep: float, generators: Sequence[torch.Generator]) -> Tensor:
    """Return sum_i w_i drop(tau_i) / keep, entries dropped at random (arXiv 2311.03099, Eq. 3 and 4); all in one shape."""
    merged = torch.zeros_like(deltas[0])
    for delta, weight, generator in zip(deltas, weights, generators, strict=True):
        kept = random_positions(delta.numel(), keep, generator) if keep < 1 else torch.arange(delta.numel())
        merged.view(-1)[kept] += delta.flatten()[kept] * (weight / keep)
    return merged


def ties(deltas: Sequence[Tensor], weights: Sequence[float], keep: float) -> Tensor:
    """Return the disjoint mean of trimmed deltas (arXiv 2306.01708, section 3); all in one shape.

    Of each delta the largest stay, the sign of their weighted sum is elected, and those that have it are averaged by weight.
    """
    kept = [(delta.flatten(), largest(delta.flatten(), keep)) for delta in deltas]
    trimmed = torch.stack([torch.zeros_like(x).index_copy_(0, index, x[index]) for x, index in kept])
    share = torch.tensor(weights, dtype=trimmed.dtype).unsqueeze(1)
    agrees = (trimmed.sign() == (share * trimmed).sum(0).sign()) & (trimmed != 0)
    weight = (share * agrees).sum(0)
    return ((share * trimmed * agrees).sum(0) / weight.clamp(min=1e-12)).view_as(deltas[0])


# -- adding what is smaller than a float32 can hold ---------------------------------------------------------------


def due(weights: Tensor, tau: Tensor, before: float, after: float) -> Tensor:
    """Return what to add to float32 weights now, so that the total pull keeps up with `after` * tau.

    alpha * tau is about 1e-10 a step (alpha 1e-7) and less than half a unit in the last place of a weight, so a plain
    sum stays where it is. Whole units are added instead, as soon as they are due: the total after any number of steps
    is off by at most one unit in the last place, with no state but the two counters.

    Args:
        weights: Float[Tensor, "k"], the weights as they are.
        tau: Float[Tensor, "k"].
        before: the sum of all alphas so far.
        after: the same, with this step's.
    """
    total = tau * after
    unit = _unit(weights, total)
    return torch.round(total / unit).sub_(torch.round((tau * before).div_(unit))).mul_(unit)


def rounded_at_random(weights: Tensor, values: Tensor, dither: Tensor) -> Tensor:
    """Return values as whole units in the last place of float32 weights, right on average (stochastic rounding).

    All have one shape; `dither` is uniform in [0, 1).
    """
    unit = _unit(weights, values)
    whole = torch.floor(values / unit)  # the quotient is exact: a unit is a power of two
    return whole.add_(dither < values / unit - whole).mul_(unit)


def _unit(weights: Tensor, values: Tensor) -> Tensor:
    """Return the unit in the last place of the larger of two float32 numbers, elementwise: 2^-23 of its power of two."""
    power = torch.maximum(weights.abs(), values.abs()).view(torch.int32).bitwise_and_(0x7F800000).view(torch.float32)
    return power.mul_(2.0**-23).clamp_(min=2.0**-126)


# -- float32 weights in two halves of 16 bits ---------------------------------------------------------------------


def join(high: Tensor, low: Tensor) -> Tensor:
    """Return float32 weights from bfloat16 ones and the int16 that `split` left beside them."""
    return ((high.view(torch.int16).int() << 16) + low).view(torch.float32)


def split(exact: Tensor) -> tuple[Tensor, Tensor]:
    """Return float32 weights as the nearest bfloat16 and the remaining 16 bits; `join` gives them back bit by bit.

    So bfloat16 weights cost 2 more bytes an entry and train exactly as a float32 master copy, which costs 4.
    """
    bits = exact.view(torch.int32)
    high = (bits + 0x8000) >> 16  # to nearest, halves away from zero: the rest fits an int16
    return high.to(torch.int16).view(torch.bfloat16), (bits - (high << 16)).to(torch.int16)


# -- the part of a parameter that one process works on ------------------------------------------------------------


def block_size(device: torch.device) -> int:
    """Return how many entries are worked on at once; random numbers are drawn by block, too.

    On a CPU Delta then stays in the cache; elsewhere kernels should be large.
    """
    return 2**19 if device.type == "cpu" else 2**26


class Pull(NamedTuple):
    """What is stored of tau for one parameter, rescaled. `index` is None: `value` is dense and flat."""

    index: Tensor | None  # Int[Tensor, "k"], sorted positions in the flat, whole parameter
    value: Tensor  # Float[Tensor, "k"] or Float[Tensor, "n"]
    shape: torch.Size
    norm: float  # sum of the squares of tau's survivors, before rescaling
    scale: float  # of the rescaling


@dataclass
class Part:
    """The flat tensors of one parameter that this process works on: all of it, or its rows under FSDP2."""

    name: str
    weight: Tensor  # Float[Tensor, "n"], float32 or bfloat16
    low: Tensor | None  # Int16[Tensor, "n"] beside bfloat16 weights
    grad: Tensor
    exp_avg: Tensor
    exp_avg_sq: Tensor
    anchor: Tensor | None  # Float[Tensor, "n"], weights at the last merge, where every > 1
    pull: Pull  # index counts from this part's first entry
    splits: list[int]  # where each block begins in pull.index
    first: int  # position of this part's first entry in the whole parameter
    whole: int  # entries of the whole parameter
    group: ProcessGroup | None  # of the processes that hold the other parts

    def blocks(self) -> Iterator[slice]:
        """Yield the bounds of each block; a part that begins inside a block ends it where all others do."""
        size, at, end = block_size(self.weight.device), 0, self.weight.numel()
        while at < end:
            until = min(end, ((self.first + at) // size + 1) * size - self.first)
            yield slice(at, until)
            at = until

    def exact(self, at: slice | Tensor) -> Tensor:
        """Return weights in float32; `at` is a slice or positions."""
        if isinstance(at, slice):
            return self.weight[at] if self.low is None else join(self.weight[at], self.low[at])
        # index_select and index_copy_: 9 ns a position on a CPU, where x[positions] takes 25, scatter_ of 16 bits 400
        weight = self.weight.index_select(0, at)
        return weight if self.low is None else join(weight, self.low.index_select(0, at))

    def write(self, at: slice | Tensor, exact: Tensor) -> None:
        """Set weights; `at` is a slice or positions."""
        halves = ((self.weight, exact),)
        if self.low is not None:
            high, low = split(exact)
            halves = ((self.weight, high), (self.low, low))
        for target, values in halves:
            if isinstance(at, slice):
                target[at] = values
            else:
                target.index_copy_(0, at.long(), values)

    def add(self, where: Tensor, values: Tensor) -> None:
        """Add to the weights at some positions."""
        if self.low is None:
            self.weight.scatter_add_(0, where, values)
        else:
            self.write(where, self.exact(where) + values)

    def decay(self, factor: float) -> None:
        """Multiply all weights, those of the last merge too: decay is no part of what is merged."""
        for here in self.blocks():
            if self.low is None:
                self.weight[here].mul_(factor)
            else:
                self.write(here, self.exact(here).mul_(factor))
            if self.anchor is not None:
                self.anchor[here].mul_(factor)

    def roll_back(self) -> None:
        """Set the weights back to the last merge; the anchor becomes the sum of the steps since then."""
        assert self.anchor is not None
        for here in self.blocks():
            moved = self.exact(here) - self.anchor[here]
            self.write(here, self.anchor[here])
            self.anchor[here] = moved

    def adam(self, weights: Tensor, here: slice, step: int, group: dict[str, Any]) -> None:
        """Update the moments of a block and take the Adam step on `weights`: one pass, by torch's fused AdamW."""
        b1, b2 = group["betas"]
        torch._fused_adamw_(  # what torch.optim.AdamW(fused=True) calls; its wrapper costs 50 us a call
            [weights], [self.grad[here].float()], [self.exp_avg[here]], [self.exp_avg_sq[here]], [],
            [torch.tensor(float(step), device=weights.device)], amsgrad=False, maximize=False,
            beta1=b1, beta2=b2, lr=float(group["lr"]), weight_decay=0.0, eps=_eps(group, step),
        )  # fmt: skip

    def adam_into_weights(self, here: slice, step: int, group: dict[str, Any]) -> None:
        """Take the Adam step on a block of the weights."""
        exact = self.exact(here)  # float32 weights: a view of them
        self.adam(exact, here, step, group)
        if self.low is not None:
            self.write(here, exact)


def adam_delta(mean: Tensor, square: Tensor, step: int, group: dict[str, Any]) -> Tensor:
    """Return Delta from moments that are up to date."""
    b1, b2 = group["betas"]
    denominator = square.sqrt().div_((1 - b2**step) ** 0.5).add_(_eps(group, step))
    return mean.mul(-float(group["lr"]) / (1 - b1**step)).div_(denominator)


def _eps(group: dict[str, Any], step: int) -> float:
    """Return the eps that torch's AdamW takes; the released code adds it before the bias correction."""
    return group["eps"] / (1 - group["betas"][1] ** step) ** 0.5 if group["arithmetic"] == "upstream" else group["eps"]


def meet(
    delta: Tensor, tau: Tensor, exact: Tensor, group: dict[str, Any], totals: tuple[float, float]
) -> tuple[Tensor, Tensor]:
    """Return what to add where Delta and tau both survive, and the sum of what was pulled times tau."""
    ours: Any = True
    theirs: Any = True
    if group["method"] == "onties":
        ours, theirs = ballot(delta, tau, group["alpha"], group["consensus"])
    merged = delta * (1 - group["alpha"]) * ours + due(exact, tau, *totals) * theirs
    return merged, (totals[1] - totals[0]) * (tau.double().square() * theirs).sum()


def flat(x: Tensor) -> Tensor:
    """Return the entries that this process holds, as a vector: a view of contiguous ones."""
    local = x.to_local() if isinstance(x, DTensor) else x
    return local.detach().reshape(-1)


def span(name: str, param: Tensor) -> tuple[int, int, ProcessGroup | None]:
    """Return first entry and number of entries of this process's part of a parameter, and who holds the others."""
    if not isinstance(param, DTensor):
        return 0, param.numel(), None
    split_over = [i for i, placement in enumerate(param.placements) if not placement.is_replicate()]
    if not split_over:
        return 0, param.numel(), None
    if len(split_over) > 1 or param.placements[split_over[0]] != Shard(0):
        raise ValueError(f"{name} is sharded as {param.placements}; Online Merging knows shards of rows only (FSDP2)")
    mesh = split_over[0]
    rows = -(-param.shape[0] // param.device_mesh.size(mesh))  # as torch.chunk: the last ones may be shorter, or empty
    first = min(rows * param.device_mesh.get_local_rank(mesh), param.shape[0])
    columns = param.numel() // max(1, param.shape[0])
    return first * columns, param.to_local().numel(), param.device_mesh.get_group(mesh)


def others(x: Tensor, taken: Tensor) -> Tensor:
    """Return the positions of x that are not taken."""
    return where(torch.ones(x.numel(), dtype=torch.bool, device=x.device).index_fill_(0, taken.long(), False))
