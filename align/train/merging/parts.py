"""The flat tensors that a merge works on, and the calls of the compiled loops on them.

A `Part` is what one process holds of one parameter: all of it, or its rows under FSDP2. `step_together` takes
the step of many parts on a CPU, with the loops of `kernels`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.distributed import ProcessGroup
from torch.distributed.tensor import DTensor, Shard

from align.train.merging import kernels, rules

# -- float32 weights in two halves of 16 bits ----------------------------------------------------------------


def join(high: Tensor, low: Tensor) -> Tensor:
    """Return the float32 weights that `split` divided into bfloat16 weights and int16 remainders."""
    return ((high.view(torch.int16).int() << 16) + low).view(torch.float32)


def split(exact: Tensor) -> tuple[Tensor, Tensor]:
    """Split float32 weights into the nearest bfloat16 and the remaining 16 bits; `join` restores every bit.

    Then bfloat16 weights cost 2 more bytes an entry and train exactly as with a float32 master copy, which
    costs 4.
    """
    bits = exact.view(torch.int32)
    high = (bits + 0x8000) >> 16  # round to nearest, halves away from zero: the rest fits an int16
    return high.to(torch.int16).view(torch.bfloat16), (bits - (high << 16)).to(torch.int16)


# -- the part of a parameter that one process holds ----------------------------------------------------------


def block_size(device: torch.device) -> int:
    """Return how many entries the general path works on at once.

    On a CPU, Delta of one block stays in the cache; elsewhere large kernels are faster. Accelerators also
    draw random numbers by block.
    """
    return 2**19 if device.type == "cpu" else 2**26


class Pull(NamedTuple):
    """The survivors of tau for one parameter, rescaled. Where `index` is None, `value` holds all of tau."""

    index: Tensor | None  # Int[Tensor, "k"], sorted positions in the flat, whole parameter
    value: Tensor  # Float[Tensor, "k"] or Float[Tensor, "n"]
    shape: torch.Size
    norm: float  # sum of the squares of tau's survivors, before rescaling
    scale: float  # factor of the rescaling


@dataclass
class Part:
    """The flat tensors of one parameter that this process holds: all of it, or its rows under FSDP2."""

    name: str
    weight: Tensor  # Float[Tensor, "n"], float32 or bfloat16
    low: Tensor | None  # Int16[Tensor, "n"] beside bfloat16 weights
    grad: Tensor
    exp_avg: Tensor
    exp_avg_sq: Tensor
    moments: Tensor  # the optimizer state's tensor, of which exp_avg is a view
    anchor: Tensor | None  # Float[Tensor, "n"], the weights at the last merge; None where every = 1
    pull: Pull  # index counts from this part's first entry
    first: int  # position of this part's first entry in the whole parameter
    whole: int  # number of entries of the whole parameter
    group: ProcessGroup | None  # the processes that hold the parameter's parts

    def blocks(self) -> Iterator[slice]:
        """Yield the bounds of each block; blocks end at the same entries of a parameter in every process."""
        size, at, end = block_size(self.weight.device), 0, self.weight.numel()
        while at < end:
            until = min(end, ((self.first + at) // size + 1) * size - self.first)
            yield slice(at, until)
            at = until

    def splits(self) -> list[int]:
        """Return the index in `pull.index` at which each block begins, and at which the last one ends."""
        assert self.pull.index is not None
        bounds = torch.tensor([0, *(here.stop for here in self.blocks())], device=self.weight.device)
        return torch.searchsorted(self.pull.index.long(), bounds).tolist()

    def exact(self, at: slice | Tensor) -> Tensor:
        """Return the weights at `at`, a slice or positions, in float32."""
        if isinstance(at, slice):
            return self.weight[at] if self.low is None else join(self.weight[at], self.low[at])
        # index_select and index_copy_ take 9 ns a position on a CPU, x[positions] takes 25, and scatter_ of
        # 16-bit values 400
        weight = self.weight.index_select(0, at)
        return weight if self.low is None else join(weight, self.low.index_select(0, at))

    def write(self, at: slice | Tensor, exact: Tensor) -> None:
        """Set the weights at `at`, a slice or positions."""
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
        """Add values to the weights at some positions."""
        if self.low is None:
            self.weight.scatter_add_(0, where, values)
        else:
            self.write(where, self.exact(where) + values)

    def decay(self, factor: float) -> None:
        """Multiply all weights, also those of the last merge: weight decay is not merged."""
        for here in self.blocks():
            if self.low is None:
                self.weight[here].mul_(factor)
            else:
                self.write(here, self.exact(here).mul_(factor))
            if self.anchor is not None:
                self.anchor[here].mul_(factor)

    def roll_back(self) -> None:
        """Set the weights back to the last merge, and the anchor to the sum of the steps since then."""
        assert self.anchor is not None
        for here in self.blocks():
            moved = self.exact(here) - self.anchor[here]
            self.write(here, self.anchor[here])
            self.anchor[here] = moved

    def delta(self, out: Tensor, here: slice, step: int, group: dict[str, Any], *, again: bool) -> None:
        """Write Delta of a block into `out`; update the moments first, unless `again` (they already are)."""
        mean, square = self.exp_avg[here], self.exp_avg_sq[here]
        if self.anchor is not None:
            out.copy_(self.anchor[here])
        elif again:
            out.copy_(adam_delta(mean, square, step, group))
        elif out.device.type == "cpu":
            flats = (out, self.grad[here].float(), mean, square)
            kernels.delta(*(x.numpy() for x in flats), np.array(constants(group, step), np.float32))
        else:
            self._adam(out.zero_(), self.grad[here].float(), mean, square, step, group)

    def sample(self, step: int, group: dict[str, Any], *, again: bool) -> Tensor:
        """Return Delta at evenly spaced entries, from which the k-th magnitude is guessed.

        With `again`, the moments have been updated already.
        """
        n = self.weight.numel()
        # an odd distance, so that the sample does not stay in a few columns of a matrix
        every = slice(None, None, max(1, n // min(max(n // 64, 1024), 8192)) | 1)
        if self.anchor is not None:
            return self.anchor[every]
        mean, square = self.exp_avg[every].clone(), self.exp_avg_sq[every].clone()
        if not again:
            grad, (b1, b2) = self.grad[every].float(), group["betas"]
            mean.lerp_(grad, 1 - b1)
            square.mul_(b2).addcmul_(grad, grad, value=1 - b2)
        return adam_delta(mean, square, step, group)

    def adam_into_weights(self, here: slice, step: int, group: dict[str, Any]) -> None:
        """Take the Adam step on a block of the weights."""
        exact = self.exact(here)  # a view, where the weights are float32
        self._adam(exact, self.grad[here].float(), self.exp_avg[here], self.exp_avg_sq[here], step, group)
        if self.low is not None:
            self.write(here, exact)

    def _adam(
        self, weights: Tensor, grad: Tensor, mean: Tensor, square: Tensor, step: int, group: dict[str, Any]
    ) -> None:
        b1, b2 = group["betas"]
        torch._fused_adamw_(  # torch.optim.AdamW(fused=True) calls this; its wrapper costs 50 us a call
            [weights], [grad], [mean], [square], [], [torch.tensor(float(step), device=weights.device)],
            amsgrad=False, maximize=False, beta1=b1, beta2=b2, lr=float(group["lr"]), weight_decay=0.0,
            eps=_eps(group, step),
        )  # fmt: skip


def new_state(name: str, param: Tensor, whole: torch.Size, group: dict[str, Any]) -> dict[str, Tensor]:
    """Return the optimizer state of a parameter before its first step.

    Raises:
        ValueError: the parameter does not have the shape `whole` of its reference delta.
    """
    if param.shape != whole:
        raise ValueError(
            f"{name} is sharded or flattened ({tuple(param.shape)} instead of "
            f"{tuple(whole)}); Online Merging works on one device, in data parallelism "
            "and under FSDP2 (fsdp_version: 2), not under FSDP1 or DeepSpeed"
        )
    # a float32 tensor on the CPU, as torch.optim.AdamW: reading it never waits for the device
    state = {"step": torch.tensor(0.0)}
    state["exp_avg"] = torch.zeros_like(param, dtype=torch.float32)
    state["exp_avg_sq"] = torch.zeros_like(param, dtype=torch.float32)
    if param.dtype == torch.bfloat16:
        state["low"] = torch.zeros_like(param, dtype=torch.int16)
    if group["every"] > 1:
        state["anchor"] = param.detach().float().clone()
    # number of merges whose pull was added; a step with a learning rate of 0 adds none
    state["pulls"] = torch.tensor(0.0)
    state["pulled"] = torch.tensor(0.0, device=param.device)
    return state


def constants(group: dict[str, Any], step: int) -> tuple[float, float, float, float, float, float]:
    """Return 1 - beta1, beta2, 1 - beta2, and a, b, c of Delta = a * mean / (sqrt(square) * b + c)."""
    b1, b2 = group["betas"]
    return 1 - b1, b2, 1 - b2, -float(group["lr"]) / (1 - b1**step), (1 - b2**step) ** -0.5, _eps(group, step)


def adam_delta(mean: Tensor, square: Tensor, step: int, group: dict[str, Any]) -> Tensor:
    """Return Delta, computed from moments that have been updated."""
    _, _, _, a, b, c = constants(group, step)
    # numpy on a CPU: torch's root (MKL) may be off by a unit in the last place, that of the compiled loops is
    # exact
    on_cpu = square.device.type == "cpu"
    root = torch.from_numpy(np.sqrt(square.numpy())) if on_cpu else square.sqrt()
    return mean.mul(a).div_(root.mul_(b).add_(c))


def _eps(group: dict[str, Any], step: int) -> float:
    """Return the eps for torch's AdamW that has the effect of the option `eps`.

    The released code adds eps before the bias correction, torch adds it after.
    """
    return (
        group["eps"] / (1 - group["betas"][1] ** step) ** 0.5
        if group["arithmetic"] == "upstream"
        else group["eps"]
    )


def flat(x: Tensor) -> Tensor:
    """Return the entries of a tensor that this process holds as one contiguous vector.

    It is a view of the tensor where the entries are contiguous in memory.
    """
    local = x.to_local() if isinstance(x, DTensor) else x
    return local.detach().reshape(-1).contiguous()  # reshape may return a view with gaps


def pull_of(pull: Pull, first: int, count: int, param: Tensor) -> Pull:
    """Return the survivors of tau among the entries that this process holds, on their device."""
    index, value = pull.index, pull.value
    if index is None:
        value = value[first : first + count]
    elif count < param.numel():
        inside = (index >= first) & (index < first + count)
        index, value = index[inside] - first, value[inside]
    return pull._replace(
        index=None if index is None else index.to(param.device), value=value.to(param.device)
    )


def span(name: str, param: Tensor) -> tuple[int, int, ProcessGroup | None]:
    """Return which entries of a parameter this process holds, and the group of processes that share it.

    Returns:
        First entry, number of entries, and the group; None where the parameter is not sharded.

    Raises:
        ValueError: the entries are not contiguous in memory, or the parameter is not sharded by rows.
    """
    if not (param.to_local() if isinstance(param, DTensor) else param).is_contiguous():
        raise ValueError(
            f"{name} is not contiguous in memory, as Online Merging needs it; use .contiguous() when it is "
            "made"
        )
    if not isinstance(param, DTensor):
        return 0, param.numel(), None
    split_over = [i for i, placement in enumerate(param.placements) if not placement.is_replicate()]
    if not split_over:
        return 0, param.numel(), None
    if len(split_over) > 1 or param.placements[split_over[0]] != Shard(0):
        raise ValueError(
            f"{name} is sharded as {param.placements}; Online Merging knows shards of rows only (FSDP2)"
        )
    mesh = split_over[0]
    # rows are divided as by torch.chunk: the last processes may hold fewer, or none
    rows = -(-param.shape[0] // param.device_mesh.size(mesh))
    first = min(rows * param.device_mesh.get_local_rank(mesh), param.shape[0])
    columns = param.numel() // max(1, param.shape[0])
    return first * columns, param.to_local().numel(), param.device_mesh.get_group(mesh)


# -- many parts in one pass ----------------------------------------------------------------------------------


def fits(part: Part) -> bool:
    """Return whether the compiled loops can work on a part.

    The loops count positions with 32 bits, and do not check dtypes.
    """
    weight, index = part.weight, part.pull.index
    small = part.whole < 2**31 and index is not None and index.dtype == torch.int32 and weight.numel() > 0
    halves = weight.dtype == (torch.float32 if part.low is None else torch.bfloat16) == part.grad.dtype
    return (
        small
        and halves
        and weight.device.type == "cpu"
        and part.exp_avg.dtype == part.exp_avg_sq.dtype == torch.float32
    )


def step_together(
    parts: Sequence[Part], steps: Sequence[int], totals: Sequence[tuple[float, float]], group: dict[str, Any]
) -> list[float | None]:
    """Take the step of many parts; return the share of tau that was added to each.

    The share is None for a part of OnTIES whose k-th magnitude was not found with the sample. Its moments
    have been updated, its weights have not changed, and the caller must merge it in another way.

    Args:
        parts: parts of parameters; under OnTIES whole parameters.
        steps: number of the step, for each part.
        totals: sums of alphas before and after the step, for each part.
        group: options.
    """
    tables = _tables(parts, steps, totals, group)
    if group["method"] == "onties":
        return _step_onties(parts, totals, tables, group)
    blocks, _ = _blocks(tuple(part.weight.numel() for part in parts), 0.0)
    keys = [rules.key_of(group["seed"], part.name, step) for part, step in zip(parts, steps, strict=True)]
    masks = (
        np.array(keys, np.uint32),
        np.array([part.first for part in parts]),
        rules.threshold(group["keep"]),
    )
    _in_threads(lambda b: kernels.ondare(blocks[b], *tables, *masks), len(blocks))
    return [(after - before) * part.pull.scale for part, (before, after) in zip(parts, totals, strict=True)]


def _step_onties(
    parts: Sequence[Part], totals: Sequence[tuple[float, float]], tables: _Tables, group: dict[str, Any]
) -> list[float | None]:
    lengths = tuple(part.weight.numel() for part in parts)
    blocks, tensors = _blocks(lengths, group["keep"])
    least, sizes = np.empty(len(parts), np.float32), np.array(lengths)
    _in_threads(
        lambda t: kernels.onties_guess(sizes[t], *(x[t] for x in tables[:2]), group["keep"], least[t]),
        len(parts),
    )
    count, room = len(blocks), int(blocks[-1, 4])
    begins, noted = np.empty(count, np.int64), np.empty(count, np.int64)
    found = np.empty(room, np.float32), np.empty(room, np.int32)  # values, positions
    _in_threads(
        lambda b: kernels.onties_note(blocks[b], *tables[:2], least, begins[b], noted[b], *found), count
    )
    ks, cuts = np.array([rules.survivors(group["keep"], n) for n in lengths]), np.empty((len(parts), 2))
    _in_threads(
        lambda t: kernels.onties_cut(tensors[t], ks[t], least[t], begins, noted, *found, cuts[t]), len(parts)
    )
    squares, vote = np.zeros(count), (np.float32(group["alpha"]), group["consensus"] == "weighted")
    _in_threads(
        lambda b: kernels.onties(blocks[b], *tables, cuts, begins[b], noted[b], *found, *vote, squares[b]),
        count,
    )
    sums = np.add.reduceat(squares, tensors[:, 0]).tolist()
    return [
        (after - before) * square / (part.pull.scale * part.pull.norm) if cut >= 0 else None
        for part, (before, after), cut, square in zip(parts, totals, cuts[:, 0], sums, strict=True)
    ]


_Tables = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _tables(
    parts: Sequence[Part], steps: Sequence[int], totals: Sequence[tuple[float, float]], group: dict[str, Any]
) -> _Tables:
    """Return what the loops need for each part, as four arrays.

    They are: addresses, constants of the step, sums of alphas, and numbers of survivors of tau. The addresses
    are those of weights, their low bits, gradient, both moments, and positions and values of tau; 0 stands
    for a tensor that does not exist.
    """
    rows = [(p.weight, p.low, p.grad, p.exp_avg, p.exp_avg_sq, p.pull.index, p.pull.value) for p in parts]
    pointers = np.array([[0 if x is None else x.data_ptr() for x in row] for row in rows], np.int64)
    weight = (1 - group["alpha"]) * rules.grown(group)
    of_step = {step: (*constants(group, step), weight) for step in set(steps)}
    numbers = np.array([of_step[step] for step in steps], np.float32)
    return pointers, numbers, np.array(totals, np.float32), np.array([p.pull.value.numel() for p in parts])


@lru_cache(maxsize=16)
def _blocks(lengths: tuple[int, ...], keep: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the blocks of tensors of these lengths, and the range of blocks of each tensor.

    A block is (tensor, first entry, number of entries, first place of its list of large entries, end of those
    places).
    """
    blocks, tensors = [], []
    room = 0
    for t, length in enumerate(lengths):
        begin = len(blocks)
        for at in range(0, length, kernels.BLOCK):
            count = min(kernels.BLOCK, length - at)
            until = room + (count if length <= kernels.BLOCK else min(count, int(4 * keep * count) + 64))
            blocks.append((t, at, count, room, until))
            room = until
        tensors.append((begin, len(blocks)))
    return np.array(blocks, np.int64), np.array(tensors, np.int64)


def _in_threads(job: Callable[[slice], None], count: int) -> None:
    """Run a job over 0..count-1, cut into slices, in as many threads as torch uses."""
    threads = min(torch.get_num_threads(), count)
    if threads < 2:
        job(slice(0, count))
        return
    bounds = sorted(set(np.linspace(0, count, 4 * threads + 1).astype(int).tolist()))
    with ThreadPoolExecutor(threads) as pool:  # more slices than threads: a slow one delays the rest little
        list(pool.map(job, (slice(*pair) for pair in pairwise(bounds))))
