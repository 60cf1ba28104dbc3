"""Online Merging Optimizer: every training step is merged with the task vector of the SFT model.

The idea (Lu et al. 2024, arXiv 2405.17931; used in Qwen2, arXiv 2407.10671, section 4.3): preference training
pays an alignment tax. With tau = theta_reference - theta_base (what SFT added) and Delta_t = the Adam step,
the update is

    theta <- theta + merge(F(Delta_t), F(tau))                                       Eq. 2, the relaxed form

where F keeps a fraction `keep` of the entries and `merge` weighs the two by (1 - alpha) and alpha. OnDARE
keeps random entries and adds them (Eq. 3, 4); OnTIES keeps the largest and lets the two elect a sign (Eq. 5,
6, 7). With `every` = K only each K-th step is merged: plain Adam runs in between, then the weights go back to
the last merge and the sum of the steps is merged (Alg. 2). K = 1 is online merging, K = all steps is offline
merging of the trained model.

Departures from the paper (P) and from the released code, QwenLM/online_merging_optimizers (R):

1. In P, F does not rescale; in R, its dropout multiplies the survivors by 1/keep. `rescale="none"` is P,
   "inverse_keep" is R, and "l1" keeps the sum of magnitudes (a flag of R). OnTIES has no "inverse_keep".
2. P draws F(tau) anew in each step; R masks tau once. We mask it once, as R does, so that tau can be stored
   sparsely; `resample_reference=True` is P. For OnTIES both are the same: tau is constant, so its largest
   entries are too.
3. P elects the signs of OnTIES on the weighted deltas; R elects them on the bare sum, where tau (about 1e-3)
   outvotes every Adam step (about 1e-6) even at alpha = 0. `consensus="weighted"` is P, "unweighted" is R.
4. OnTIES keeps exactly max(1, floor(keep * n)) entries of a tensor; R keeps all of them where floor(keep * n)
   is 0.
5. The Adam step is that of torch.optim.AdamW: weight decay comes before the step and is not merged, and eps
   is added after the bias correction. R decays after the merge, adds eps before the correction, and clamps
   the tau of OnDARE to +-1.
6. With K > 1, R moves only the first tensor in the steps between two merges, because it returns from inside
   the loop; we follow P.
7. alpha * tau is smaller than half a unit in the last place of a float32 weight, so a plain sum loses it. We
   add whole units when they are due (`rules.due`). A step with a learning rate of 0 changes no weight; the
   next step adds the tau that it left out.
8. P and R train whole weights. We can also merge a LoRA adapter with the adapter that SFT trained
   (`adapter_delta`).

`preset` selects P or R; "upstream" includes the arithmetic of 4 and 5 and gives R's numbers (tests/fixtures).

The code calls alpha * F(tau), what a merge adds along tau, the *pull*.

Why it is fast: on a CPU, compiled loops merge all parameters together where the options are the usual ones
(`kernels`). The general path merges one parameter after the other, in blocks, and after its Adam pass it
touches only the survivors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.distributed import ProcessGroup

from align.train.ema import state_as_saved
from align.train.merging import options, parts, rules
from align.train.merging.options import preset
from align.train.merging.parts import Part
from align.train.merging.reference_delta import (
    Fingerprint,
    adapter_delta,
    match,
    named_groups,
    reference_delta,
)
from align.train.merging.rules import Arithmetic, Consensus, Method, Rescale

__all__ = ["OnlineMerging", "adapter_delta", "preset", "reference_delta"]


class OnlineMerging(torch.optim.Optimizer):
    """AdamW that merges every step with the reference delta; plain AdamW at keep=1, alpha=0 and ondare.

    Random masks depend only on (seed, parameter name, step). So they are the same on every rank, for any
    number of ranks, in any order of parameters and after a resume (on the same kind of device). Parameters
    may be float32, or bfloat16 (then 2 bytes of state for each entry hold the bits that bfloat16 lacks), and
    FSDP2 may shard them.

    Args:
        named_parameters: (name, parameter) pairs, or groups: dicts with `params`, `param_names` in the same
            order, and any option below. Groups hold the names, which so survive a swap of parameters and
            `state_dict`.
        reference_delta: theta_reference - theta_base by parameter name. `state_dict` holds only its hash.
        method: "ondare" or "onties".
        keep: fraction of entries that F keeps, 0 < keep <= 1.
        alpha: weight of tau, 0 to 1, whatever the learning rate: T merges pull by alpha * T * F(tau).
        alpha_total: instead of alpha: the share of tau that `total_steps` steps add to a surviving entry.
        total_steps: number of steps of the run; needed with `alpha_total`.
        rescale: "none"; "inverse_keep": multiply what OnDARE keeps, of Delta and of tau, by 1/keep; "l1":
            multiply what F keeps so that a tensor's sum of magnitudes does not change.
        every: K of Alg. 2: merge each K-th step.
        consensus: how OnTIES elects signs; OnDARE does not use it.
        resample_reference: draw F(tau) anew at each merge (OnDARE); the optimizer then holds all of tau.
        arithmetic: "torch", or "upstream": departures 4 and 5 as the released code has them.
        seed: seed of the masks.
        lr, betas, eps, weight_decay: as in torch.optim.AdamW.

    Raises:
        ValueError: an option is out of range, or a parameter has another dtype or no reference delta.
    """

    def __init__(
        self,
        named_parameters: Iterable[tuple[str, Tensor]] | Iterable[dict[str, Any]],
        reference_delta: Mapping[str, Tensor],
        *,
        method: Method = "ondare",
        keep: float,
        alpha: float | None = None,
        alpha_total: float | None = None,
        total_steps: int | None = None,
        rescale: Rescale = "none",
        every: int = 1,
        consensus: Consensus = "weighted",
        resample_reference: bool = False,
        arithmetic: Arithmetic = "torch",
        seed: int = 0,
        lr: float = 1e-6,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        groups = named_groups(named_parameters)
        found = match(dict(options.parameters(groups)), reference_delta)
        defaults: dict[str, Any] = {
            "method": method, "keep": keep, "alpha": alpha, "alpha_total": alpha_total, "rescale": rescale,
            "every": every, "consensus": consensus, "resample_reference": resample_reference,
            "arithmetic": arithmetic, "seed": seed, "reference": "", "lr": lr, "betas": tuple(betas),
            "eps": eps, "weight_decay": weight_decay,
        }  # fmt: skip
        super().__init__(groups, defaults)
        self._pulls: dict[str, parts.Pull] = {}
        self._parts: dict[str, Part] = {}
        self._scratch: Tensor | None = None
        fingerprint = Fingerprint()
        for group in self.param_groups:
            group["alphas"] = []
            if group["alpha"] is None:
                rules.spread(group, 0, total_steps)
            else:
                group["alphas"] = [(0, group["alpha"])]
            options.check(group)
            for name in group["param_names"]:  # one tensor at a time: only survivors stay in memory
                tau = found[name]()
                fingerprint.add(name, tau)
                self._pulls[name] = self._pull(tau.float(), name, group)
        for group in self.param_groups:
            group["reference"] = fingerprint.hexdigest()

    # -- which entries survive, and which code merges them; tests override the first two methods -------------

    def compiled(self, part: Part, group: dict[str, Any]) -> bool:
        """Return whether the compiled loops can merge this part; the general path merges the others."""
        # the k-th magnitude is taken over all processes, which the loops cannot do
        alone = group["method"] == "ondare" or part.group is None
        return options.usual(group) and alone and group["lr"] > 0 and parts.fits(part)

    def positions(
        self, name: str, step: int, first: int, count: int, group: dict[str, Any], device: torch.device
    ) -> Tensor:
        """Return the positions that OnDARE keeps in one block of a parameter, counted from the block's start.

        Args:
            name: name of the parameter.
            step: number of the step, from 1; 0 gives the mask of tau.
            first: position of the block in the whole parameter, a multiple of the block size.
            count: number of entries in the block.
            group: parameter group; `keep` and `seed` are used.
            device: device that draws the positions.
        """
        return rules.random_positions(
            first, count, group["keep"], rules.key_of(group["seed"], name, step), device
        )

    def _kept(self, part: Part, here: slice, step: int, group: dict[str, Any]) -> tuple[Tensor, int, int]:
        """Return the positions kept in this process's part of a block, and their place among all kept ones.

        Masks are drawn for whole blocks of the whole parameter, so they are the same in any sharding.
        """
        size, device = parts.block_size(part.weight.device), part.weight.device
        begin = (part.first + here.start) // size * size
        kept = self.positions(part.name, step, begin, min(size, part.whole - begin), group, device)
        skip, count = part.first + here.start - begin, here.stop - here.start
        if count == min(size, part.whole - begin):
            return kept, 0, kept.numel()
        left, right = torch.searchsorted(kept, torch.tensor([skip, skip + count], device=device)).tolist()
        return kept[left:right] - skip, left, kept.numel()

    def _pull(self, tau: Tensor, name: str, group: dict[str, Any]) -> parts.Pull:
        """Return the entries of tau that survive."""
        flat, n, index = tau.flatten(), tau.numel(), None
        if group["keep"] < 1 and group["method"] == "onties" and not rules.left_whole(group, n):
            index = rules.largest(flat, group["keep"])
        elif group["keep"] < 1 and group["method"] == "ondare" and not group["resample_reference"]:
            size = parts.block_size(flat.device)
            kept = [
                self.positions(name, 0, i, min(size, n - i), group, flat.device) + i
                for i in range(0, n, size)
            ]
            index = torch.cat(kept)
        if index is None:  # all of tau survives, or its mask is drawn anew at each step
            return parts.Pull(None, flat.clone(), tau.shape, rules.norm(flat), 1.0)
        index = index[flat[index] != 0]  # an entry of tau that is zero adds nothing
        value = flat[index]
        scale = self._scale(group, torch.stack([flat.abs().sum(), value.abs().sum()]), None)
        norm = rules.norm(value)
        value = value * scale
        if group["arithmetic"] == "upstream" and group["method"] == "ondare":
            value = value.clamp(-1, 1)
        return parts.Pull(index.int() if n < 2**31 else index, value, tau.shape, norm, scale)

    # -- the step --------------------------------------------------------------------------------------------

    def plan(self, total_steps: int) -> None:
        """Set the run's length anew: spread what is left of `alpha_total` over the steps that are left."""
        for group in self.param_groups:
            if group["alpha_total"] is not None:
                taken = (self.state[param]["step"] for param in group["params"] if self.state[param])
                rules.spread(group, int(max(taken, default=0)), total_steps)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step. `closure`, where given, computes the loss again; the loss is returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            together = []
            for name, param in zip(group["param_names"], group["params"], strict=True):
                if param.grad is None:
                    continue
                state = self.state[param]
                if not state:  # not in __init__: accelerate may swap the parameters after it
                    state |= parts.new_state(name, param, self._pulls[name].shape, group)
                state["step"] += 1
                part = self._part(name, param, state)
                if self.compiled(part, group):
                    together.append((part, state))
                else:
                    self._update(part, state, group)
            if together:
                self._merge_together(together, group)
        for part in self._parts.values():
            part.grad = part.weight  # hold no gradient, so that zero_grad(set_to_none=True) frees it
        return loss

    def _update(self, part: Part, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Take the step of one parameter."""
        step, lr = int(state["step"]), float(group["lr"])
        decay = 1 - lr * group["weight_decay"]
        upstream = group["arithmetic"] == "upstream"
        if decay != 1 and not upstream:
            part.decay(decay)
        if group["every"] > 1 or lr == 0:
            for here in part.blocks():
                part.adam_into_weights(here, step, group)
        if lr > 0 and step % group["every"] == 0:
            if part.anchor is not None:
                part.roll_back()
            self._merge(part, state, step, group)
            if part.anchor is not None:
                part.anchor.copy_(part.exact(slice(None)))
        if decay != 1 and upstream:
            part.decay(decay)

    def _merge_together(self, ready: list[tuple[Part, dict[str, Any]]], group: dict[str, Any]) -> None:
        """Take the step of many parameters in one pass."""
        which, steps = [part for part, _ in ready], [int(state["step"]) for _, state in ready]
        decay = 1 - float(group["lr"]) * group["weight_decay"]
        for part in which if decay != 1 else ():
            part.decay(decay)
        ends = [rules.pull_by(step, state, group) for step, (_, state) in zip(steps, ready, strict=True)]
        totals = [
            (rules.pull_of(int(state["pulls"]), group), rules.pull_of(end, group))
            for end, (_, state) in zip(ends, ready, strict=True)
        ]
        pulled = parts.step_together(which, steps, totals, group)
        for (part, state), step, end, total, share in zip(ready, steps, ends, totals, pulled, strict=True):
            state["pulls"].fill_(end)
            state["pulled"] += (
                self._merge_largest(part, step, group, total, again=True) if share is None else share
            )

    def _merge(self, part: Part, state: dict[str, Any], step: int, group: dict[str, Any]) -> None:
        """Add the merge of F(Delta) and F(tau) to the weights of one part."""
        end = rules.pull_by(step // group["every"], state, group)
        totals = (rules.pull_of(int(state["pulls"]), group), rules.pull_of(end, group))
        if group["keep"] == 1 or rules.left_whole(group, part.whole):
            pulled = torch.zeros((), dtype=torch.float64, device=part.weight.device)
            for here in part.blocks():
                pulled += self._merge_all(part, here, step, group, totals)
            pulled = rules.total(pulled, part.group)
        elif group["method"] == "ondare":
            pulled = self._merge_random(part, step, group, totals)
        else:
            pulled = self._merge_largest(part, step, group, totals)
        state["pulls"].fill_(end)
        state["pulled"] += pulled

    def _merge_all(
        self, part: Part, here: slice, step: int, group: dict[str, Any], totals: tuple[float, float]
    ) -> float | Tensor:
        """Merge a block in which every entry survives; return the share of tau that was added."""
        if not group["alpha"] and not (group["method"] == "onties" and group["consensus"] == "unweighted"):
            # tau has no weight and no vote
            if part.anchor is None:
                part.adam_into_weights(here, step, group)
            else:
                part.write(here, part.exact(here) + part.anchor[here])
            return 0.0
        exact = part.exact(here)
        merged, pulled = rules.meet(
            self._delta(part, here, step, group), part.pull.value[here], exact, group, totals
        )
        part.write(here, exact + merged)
        return pulled / part.pull.norm

    def _merge_random(
        self, part: Part, step: int, group: dict[str, Any], totals: tuple[float, float]
    ) -> float | Tensor:
        """Add what OnDARE keeps of (1 - alpha) Delta and alpha tau; return the share of tau that it added."""
        found, device, alpha = [], part.weight.device, group["alpha"]
        sums = torch.zeros(2, dtype=torch.float64, device=device)
        for here in part.blocks():
            delta = self._delta(part, here, step, group)
            kept, _, _ = self._kept(part, here, step, group)
            values = delta.index_select(0, kept)
            if group["rescale"] == "l1":
                sums += torch.stack([delta.abs().sum(), values.abs().sum()])
            found.append((kept.add_(here.start), values))
        scale = self._scale(group, sums, part.group)
        for kept, values in found:
            part.add(kept, values.mul_((1 - alpha) * scale))
        weight = totals[1] - totals[0]
        if not weight:
            return 0.0
        if group["resample_reference"]:
            return self._pull_anew(part, step, group, weight)
        assert part.pull.index is not None
        exact = part.exact(part.pull.index)
        part.write(part.pull.index, exact + rules.due(exact, part.pull.value, *totals))
        return weight * part.pull.scale

    def _pull_anew(self, part: Part, step: int, group: dict[str, Any], weight: float) -> float:
        """Add weight * F(tau), with an F drawn for this step, by stochastic rounding.

        float32 weights cannot hold so small a number; random rounding makes the sum right on average.
        """
        device, scale = part.weight.device, rules.grown(group)
        for here in part.blocks():
            kept, left, count = self._kept(part, here, -step, group)  # -step: another mask than Delta's
            block = (part.first + here.start) // parts.block_size(device)
            generator = rules.generator_of(
                rules.key_of(group["seed"], f"{part.name} rounding", step), block, device
            )
            dither = torch.rand(count, generator=generator, device=device)[left : left + kept.numel()]
            kept += here.start
            exact, values = part.exact(kept), part.pull.value.index_select(0, kept).mul_(weight * scale)
            part.write(kept, exact + rules.rounded_at_random(exact, values, dither))
        return weight * scale * group["keep"]  # on average

    def _merge_largest(
        self,
        part: Part,
        step: int,
        group: dict[str, Any],
        totals: tuple[float, float],
        *,
        again: bool = False,
    ) -> float | Tensor:
        """Add what OnTIES keeps of Delta and tau, with elected signs; return the share of tau that was added.

        With `again`, the moments have been updated already.
        """
        alpha, device, pull = group["alpha"], part.weight.device, part.pull
        assert pull.index is not None
        k = rules.survivors(group["keep"], part.whole)
        sample = part.sample(step, group, again=again)
        bound = rules.reduced(rules.guess(sample, group["keep"]), device, part.group, least=True)
        where, values, meeting, sums = self._candidates(part, bound, step, group, again=again)
        if rules.reduced(where.numel() + meeting.numel(), device, part.group) < k:  # the guess was too high
            where, values, meeting, sums = self._candidates(part, 0.0, step, group, again=True)
        magnitudes = torch.cat([values, meeting]).abs_()
        positions = torch.cat([where, pull.index.long()]) + part.first
        line = rules.cut(magnitudes, positions, k, part.group)
        alive = rules.survives(torch.cat([values, meeting]), positions, *line)
        if group["rescale"] == "l1":
            sums[1] = magnitudes[alive].sum()
        scale, count = self._scale(group, sums, part.group), where.numel()
        stay = rules.where(alive[:count])
        part.add(where.index_select(0, stay), values.index_select(0, stay).mul_((1 - alpha) * scale))
        exact = part.exact(pull.index)
        merged, pulled = rules.meet(meeting * alive[count:] * scale, pull.value, exact, group, totals)
        part.write(pull.index, exact + merged)
        return rules.total(pulled, part.group) / (pull.scale * pull.norm)

    def _candidates(
        self, part: Part, bound: float, step: int, group: dict[str, Any], *, again: bool = False
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the entries of Delta that may be among the k largest.

        Args:
            part: part of a parameter.
            bound: least magnitude of the entries that are returned where tau is zero.
            step: number of the step.
            group: options.
            again: whether the moments have been updated already.

        Returns:
            Positions and values of the entries where tau is zero; the values of all entries where it is not;
            and two sums, of which the first is the sum of all magnitudes (for `rescale="l1"`).
        """
        where, values, meeting = [], [], []
        if not part.weight.numel():  # the parameter has fewer rows than there are processes
            none = part.weight.new_empty(0, dtype=torch.float32)
            where, values, meeting = [none.long()], [none], [none]
        sums = torch.zeros(2, dtype=torch.float64, device=part.weight.device)
        assert part.pull.index is not None
        for here, (left, right) in zip(part.blocks(), pairwise(part.splits()), strict=True):
            delta = self._delta(part, here, step, group, again=again)
            if group["rescale"] == "l1":
                sums[0] += delta.abs().sum()
            crossing = part.pull.index[left:right] - here.start
            meeting.append(delta.index_select(0, crossing))
            delta.index_fill_(0, crossing.long(), 0)
            large = rules.at_least(delta, bound) if bound else rules.others(delta, crossing)
            values.append(delta.index_select(0, large))
            where.append(large.add_(here.start))
        return torch.cat(where), torch.cat(values), torch.cat(meeting), sums

    def _delta(
        self, part: Part, here: slice, step: int, group: dict[str, Any], *, again: bool = False
    ) -> Tensor:
        """Return Delta of a block in memory that the caller may change; update the moments unless `again`."""
        device, count = part.weight.device, here.stop - here.start
        if self._scratch is None or self._scratch.device != device or self._scratch.numel() < count:
            size = max(count, min(parts.block_size(device), part.weight.numel()))
            self._scratch = torch.empty(size, device=device)
        part.delta(self._scratch[:count], here, step, group, again=again)
        return self._scratch[:count]

    def _scale(self, group: dict[str, Any], sums: Tensor, processes: ProcessGroup | None) -> float:
        """Return the factor of the survivors; `sums` holds the sum of all magnitudes and of survivors'."""
        if group["rescale"] != "l1":
            return rules.grown(group)
        whole, kept = (rules.reduced(float(x), sums.device, processes) for x in sums)
        return whole / kept if kept else 1.0

    # -- state -----------------------------------------------------------------------------------------------

    def _part(self, name: str, param: Tensor, state: dict[str, Any]) -> Part:
        """Return the flat tensors of a parameter; make new ones where its memory or its state changed."""
        assert param.grad is not None
        weight, part = parts.flat(param), self._parts.get(name)
        if (
            part is None
            or part.moments is not state["exp_avg"]
            or part.weight.data_ptr() != weight.data_ptr()
        ):
            first, count, processes = parts.span(name, param)
            pull = parts.pull_of(self._pulls[name], first, count, param)
            low, anchor = (parts.flat(state[key]) if key in state else None for key in ("low", "anchor"))
            adam = parts.flat(state["exp_avg"]), parts.flat(state["exp_avg_sq"]), state["exp_avg"]
            part = Part(name, weight, low, weight, *adam, anchor, pull, first, param.numel(), processes)
            self._parts[name] = part
        part.grad = parts.flat(param.grad)
        return part

    def displacement(self) -> float:
        """Return how far merges moved the surviving entries along tau; 0.1: a tenth of what SFT added."""
        states = [(self.state.get(p), self._pulls[n].norm) for n, p in options.parameters(self.param_groups)]
        pulls = [(float(state.get("pulled", 0.0)), norm) for state, norm in states if state is not None]
        return sum(pulled * norm for pulled, norm in pulls) / max(sum(norm for _, norm in pulls), 1e-300)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a checkpoint made with the same reference delta and the same masks.

        Raises:
            ValueError: the checkpoint has another delta, other masks or weights of another dtype.
        """
        options.refuse_other_masks(self.param_groups, state_dict["param_groups"])
        super().load_state_dict(state_dict)
        for group in self.param_groups:  # a checkpoint of an earlier version lacks these
            group.setdefault("alpha_total", None)
            group.setdefault("alphas", [(0, group["alpha"])])
        state_as_saved(self, state_dict)  # moments of bfloat16 weights are float32, their low bits int16
        for param, state in self.state.items():
            if ("low" in state) != (param.dtype == torch.bfloat16):
                raise ValueError(
                    f"the checkpoint's weights were not {param.dtype}; resume with the dtype that it was "
                    "made with"
                )
        for state in self.state.values():  # a map_location may have moved the counters
            state["step"], state["pulls"] = state["step"].cpu(), state["pulls"].cpu()
