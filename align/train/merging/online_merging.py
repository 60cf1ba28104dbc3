"""Online Merging Optimizer: every training step is merged with the task vector of the SFT model.

The idea (Lu et al. 2024, arXiv 2405.17931; used in Qwen2, arXiv 2407.10671, section 4.3): preference training pays an
alignment tax. With tau = theta_reference - theta_base (what SFT added) and Delta_t = the Adam step, the update is

    theta <- theta + merge(F(Delta_t), F(tau))                                       Eq. 2, the relaxed form

where F keeps a fraction `keep` of the entries and `merge` weighs the two by (1 - alpha) and alpha. OnDARE keeps random
entries and adds them (Eq. 3, 4); OnTIES keeps the largest and lets the two elect a sign (Eq. 5, 6, 7). With `every` = K
only each K-th step is merged: plain Adam runs in between, then the weights go back to the last merge and the sum of the
steps is merged (Alg. 2). K = 1 is online merging, K = all steps is offline merging of the trained model.

Departures from the paper (P) and from the released code, QwenLM/online_merging_optimizers (R):

1. P says that F does not rescale; R's dropout multiplies survivors by 1/keep. `rescale="none"` is P, "inverse_keep" is
   R, "l1" keeps the sum of magnitudes (R's flag). OnTIES has no "inverse_keep".
2. P draws F(tau) inside the step; R masks tau once. We mask once, as R, which makes sparse storage exact;
   `resample_reference=True` is P. OnTIES chooses the same entries of a constant tau either way.
3. P elects OnTIES signs on the weighted deltas; R on the bare sum, where tau (about 1e-3) outvotes every Adam step
   (about 1e-6) even at alpha = 0. `consensus="weighted"` is P, "unweighted" is R.
4. OnTIES keeps exactly max(1, floor(keep * n)) entries of a tensor; R leaves it whole where floor(keep * n) = 0.
5. The Adam step is torch.optim.AdamW's: weight decay comes before the step and outside the merge, eps is added after
   the bias correction. R decays after the merge, adds eps before the correction, and clamps OnDARE's tau to +-1.
6. R's K-step moves the first tensor only on the steps in between (it returns from inside the loop); ours is P's.
7. alpha * tau is smaller than half a unit in the last place of a float32 weight, so a plain sum loses it. We add whole
   units when they are due (`merge_rules.due`). A step with a learning rate of 0 changes nothing at all;
   the next one makes up for its pull.
8. P and R train whole weights. A LoRA adapter can be merged with the adapter that SFT had trained (`adapter_delta`).

`preset` names P and R; "upstream" includes the arithmetic of 4 and 5 and gives R's numbers (tests/fixtures).

How it is fast: on a CPU the usual options run as compiled loops over all parameters together (`merge_kernels`). The
general path does one parameter after the other, in blocks, and after its Adam pass touches survivors only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any, Literal, get_args

import torch
from torch import Tensor
from torch.distributed import ProcessGroup

from align.train.ema import state_as_saved
from align.train.merging import parts, rules
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

_FIXED = (
    "param_names",
    "reference",
    "method",
    "keep",
    "rescale",
    "consensus",
    "resample_reference",
    "every",
    "seed",
)
"""Group entries that a resumed run must share with its checkpoint: they decide the masks."""


def preset(name: Literal["paper", "upstream"], method: Method) -> dict[str, Any]:
    """Return every option in which the paper and the released code differ, as one of them has it."""
    if name == "paper":
        return {
            "rescale": "none",
            "consensus": "weighted",
            "resample_reference": method == "ondare",
            "arithmetic": "torch",
        }
    rescale = "inverse_keep" if method == "ondare" else "none"
    return {
        "rescale": rescale,
        "consensus": "unweighted",
        "resample_reference": False,
        "arithmetic": "upstream",
    }


class OnlineMerging(torch.optim.Optimizer):
    """AdamW whose every step is merged with the reference delta. keep=1, alpha=0, ondare is torch.optim.AdamW.

    Random masks depend on (seed, parameter name, step) only, so they are the same on every rank, for any number of
    ranks, in any order of parameters and after a resume (on the same kind of device). Parameters may be float32, or
    bfloat16 (then 2 bytes an entry of state hold the bits that bfloat16 lacks), and may be sharded by FSDP2.

    Args:
        named_parameters: (name, parameter) pairs, or groups: dicts with `params`, `param_names` in the same order and
            any option below. Names travel in the groups, so they survive a swap of parameters and `state_dict`.
        reference_delta: theta_reference - theta_base by parameter name. Not part of `state_dict`; its fingerprint is.
        method: "ondare" or "onties".
        keep: fraction of entries that F keeps, 0 < keep <= 1.
        alpha: weight of tau, 0 to 1. It does not follow the learning rate: T merges pull by alpha * T * F(tau).
        alpha_total: instead of alpha: the share of tau by which a surviving entry is pulled in `total_steps` steps.
        total_steps: of the run; needed with `alpha_total`.
        rescale: "none"; "inverse_keep": what OnDARE kept is multiplied by 1/keep (tau's pull too); "l1": what was kept
            is multiplied so that the sum of magnitudes of a tensor stays what it was.
        every: K of Alg. 2: merge each K-th step.
        consensus: how OnTIES elects signs; OnDARE does not use it.
        resample_reference: draw F(tau) anew at each merge (OnDARE); holds tau dense.
        arithmetic: "torch", or "upstream": departures 4 and 5 as the released code has them.
        seed: of the masks.
        lr, betas, eps, weight_decay: as torch.optim.AdamW.

    Raises:
        ValueError: an option out of range, a parameter of another dtype, or one without a reference delta.
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
        found = match(
            {n: p for g in groups for n, p in zip(g["param_names"], g["params"], strict=True)},
            reference_delta,
        )
        defaults: dict[str, Any] = {
            "method": method, "keep": keep, "alpha": alpha, "alpha_total": alpha_total, "rescale": rescale, "every": every,
            "consensus": consensus, "resample_reference": resample_reference, "arithmetic": arithmetic, "seed": seed,
            "reference": "", "lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay,
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
            _check_options(group)
            for name in group["param_names"]:  # one tensor at a time: only what survives is kept
                tau = found[name]()
                fingerprint.add(name, tau)
                self._pulls[name] = self._pull(tau.float(), name, group)
        for group in self.param_groups:
            group["reference"] = fingerprint.hexdigest()

    # -- what survives, and which way a step goes; tests override these two ---------------------------------------

    def compiled(self, part: Part, group: dict[str, Any]) -> bool:
        """Can the compiled loops merge this part? They have what is usual; the rest, and accelerators, go the general way."""
        usual = (
            group["keep"] < 1
            and group["every"] == 1
            and group["rescale"] != "l1"
            and group["arithmetic"] == "torch"
        )
        alone = (
            group["method"] == "ondare" or part.group is None
        )  # the k-th magnitude is that of all processes
        return usual and alone and group["lr"] > 0 and parts.fits(part)

    def positions(
        self, name: str, step: int, first: int, count: int, group: dict[str, Any], device: torch.device
    ) -> Tensor:
        """Return the positions that OnDARE keeps of one block of a parameter, from its first entry.

        Args:
            name: of the parameter.
            step: counts from 1; 0 is the mask of tau.
            first: the block's first entry in the whole parameter, a multiple of the block's size.
            count: entries of the block.
            group: `keep` and `seed`.
            device: where to draw.
        """
        return rules.random_positions(
            first, count, group["keep"], rules.key_of(group["seed"], name, step), device
        )

    def _kept(self, part: Part, here: slice, step: int, group: dict[str, Any]) -> tuple[Tensor, int, int]:
        """Return the positions kept of a part's block, from its first entry, and where they are among the whole block's.

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
        """Return what survives of tau."""
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
        if index is None:  # as it is where all of it survives, or is drawn anew at each step
            return parts.Pull(None, flat.clone(), tau.shape, rules.norm(flat), 1.0)
        index = index[flat[index] != 0]  # an entry that is kept and zero pulls nowhere
        value = flat[index]
        scale = self._scale(group, torch.stack([flat.abs().sum(), value.abs().sum()]), None)
        norm = rules.norm(value)
        value = value * scale
        if group["arithmetic"] == "upstream" and group["method"] == "ondare":
            value = value.clamp(-1, 1)
        return parts.Pull(index.int() if n < 2**31 else index, value, tau.shape, norm, scale)

    # -- the step -------------------------------------------------------------------------------------------------

    def plan(self, total_steps: int) -> None:
        """Let the run be as long as it turns out to be: spread what is left of `alpha_total` over the steps that are left."""
        for group in self.param_groups:
            if group["alpha_total"] is not None:
                taken = (self.state[param]["step"] for param in group["params"] if self.state[param])
                rules.spread(group, int(max(taken, default=0)), total_steps)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step; `closure`, where given, recomputes the loss, which is returned."""
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
                if not state:  # not in __init__: accelerate may still have swapped the parameters then
                    self._begin(name, param, state, group)
                state["step"] += 1
                part = self._part(name, param, state)
                if self.compiled(part, group):
                    together.append((part, state))
                else:
                    self._update(part, state, group)
            if together:
                self._merge_together(together, group)
        for part in self._parts.values():
            part.grad = part.weight  # zero_grad(set_to_none=True) is to free the gradient
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
        """Merge a block of which every entry survives; return the share of tau pulled."""
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
        """OnDARE: add (1 - alpha) F(Delta) and alpha F(tau), each where it survives; return the share of tau pulled."""
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
        """Add weight * F(tau) with an F of this step; what a float32 cannot hold is rounded at random, right on average."""
        device, scale = part.weight.device, rules.grown(group)
        for here in part.blocks():
            kept, left, count = self._kept(part, here, -step, group)  # minus: not the entries of Delta
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
        """OnTIES: the largest of Delta and of tau, where they meet by vote; return the share of tau pulled.

        `again`: the moments were updated already.
        """
        alpha, device, pull = group["alpha"], part.weight.device, part.pull
        assert pull.index is not None
        k = rules.survivors(group["keep"], part.whole)
        sample = part.sample(step, group, again=again)
        bound = rules.reduced(rules.guess(sample, group["keep"]), device, part.group, least=True)
        where, values, meeting, sums = self._candidates(part, bound, step, group, again=again)
        if rules.reduced(where.numel() + meeting.numel(), device, part.group) < k:  # the sample misled
            where, values, meeting, sums = self._candidates(part, 0.0, step, group, again=True)
        magnitudes, positions = (
            torch.cat([values, meeting]).abs_(),
            torch.cat([where, pull.index.long()]) + part.first,
        )
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
        """Return positions and values of the large entries of Delta where tau is zero; Delta where it is not; sums.

        Args:
            part: whose.
            bound: least magnitude of the former; of the latter all are returned.
            step: the step.
            group: the options.
            again: the moments were updated already.
        """
        where, values, meeting = [], [], []
        if not part.weight.numel():  # fewer rows than processes
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
        """Return Delta of a block, to do with as one likes; updates the moments unless `again`."""
        device, count = part.weight.device, here.stop - here.start
        if self._scratch is None or self._scratch.device != device or self._scratch.numel() < count:
            size = max(count, min(parts.block_size(device), part.weight.numel()))
            self._scratch = torch.empty(size, device=device)
        part.delta(self._scratch[:count], here, step, group, again=again)
        return self._scratch[:count]

    def _scale(self, group: dict[str, Any], sums: Tensor, processes: ProcessGroup | None) -> float:
        """Return what survivors are multiplied by; `sums` are those of all magnitudes and of the survivors'."""
        if group["rescale"] != "l1":
            return rules.grown(group)
        whole, kept = (rules.reduced(float(x), sums.device, processes) for x in sums)
        return whole / kept if kept else 1.0

    # -- state ----------------------------------------------------------------------------------------------------

    def _begin(self, name: str, param: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        if param.shape != self._pulls[name].shape:
            raise ValueError(
                f"{name} is sharded or flattened ({tuple(param.shape)} instead of {tuple(self._pulls[name].shape)}); Online "
                "Merging works on one device, in data parallelism and under FSDP2 (fsdp_version: 2), not under FSDP1 or "
                "DeepSpeed"
            )
        # a float32 tensor on the CPU, as torch.optim.AdamW: reading it never waits for the device
        state["step"] = torch.tensor(0.0)
        state["exp_avg"] = torch.zeros_like(param, dtype=torch.float32)
        state["exp_avg_sq"] = torch.zeros_like(param, dtype=torch.float32)
        if param.dtype == torch.bfloat16:
            state["low"] = torch.zeros_like(param, dtype=torch.int16)
        if group["every"] > 1:
            state["anchor"] = param.detach().float().clone()
        state["pulls"] = torch.tensor(
            0.0
        )  # merges whose pull was added; a step with a learning rate of 0 adds none
        state["pulled"] = torch.tensor(0.0, device=param.device)

    def _part(self, name: str, param: Tensor, state: dict[str, Any]) -> Part:
        """Return the flat tensors of a parameter, made anew where its memory or its state is another one."""
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
        """Return how far the merges have pulled along tau so far: 0.1 is a tenth of what SFT did, on entries that survive."""
        named = [
            (n, p) for g in self.param_groups for n, p in zip(g["param_names"], g["params"], strict=True)
        ]
        pulls = [
            (float(self.state[p].get("pulled", 0.0)), self._pulls[n].norm)
            for n, p in named
            if p in self.state
        ]
        return sum(pulled * norm for pulled, norm in pulls) / max(sum(norm for _, norm in pulls), 1e-300)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a checkpoint made with the same reference delta and the same masks.

        Raises:
            ValueError: it was made with others, or with weights of another dtype; says what differs.
        """
        for own, saved in zip(
            self.param_groups, state_dict["param_groups"], strict=False
        ):  # super checks the length
            for key in _FIXED:
                if saved.get(key) != own[key]:
                    raise ValueError(
                        f"the checkpoint's optimizer has {key} {saved.get(key)!r:.60}, this one {own[key]!r:.60}; "
                        "resume with the base, reference and optimizer settings that it was made with, or start anew"
                    )
        super().load_state_dict(state_dict)
        for group in self.param_groups:  # a checkpoint of an earlier version
            group.setdefault("alpha_total", None)
            group.setdefault("alphas", [(0, group["alpha"])])
        state_as_saved(self, state_dict)  # moments of bfloat16 weights are float32, their low bits int16
        for param, state in self.state.items():
            if ("low" in state) != (param.dtype == torch.bfloat16):
                raise ValueError(
                    f"the checkpoint's weights were not {param.dtype}; resume with the dtype that it was made with"
                )
        for state in self.state.values():  # a map_location may have moved the counters
            state["step"], state["pulls"] = state["step"].cpu(), state["pulls"].cpu()


# -- options ------------------------------------------------------------------------------------------------------


def _check_options(group: dict[str, Any]) -> None:
    for key, allowed in (
        ("method", Method),
        ("rescale", Rescale),
        ("consensus", Consensus),
        ("arithmetic", Arithmetic),
    ):
        if group[key] not in get_args(allowed):
            raise ValueError(f"{key} is {group[key]!r}; one of: {', '.join(get_args(allowed))}")
    if not 0 < group["keep"] <= 1:
        raise ValueError(f"keep is {group['keep']}; it is a fraction: above 0, at most 1")
    if not 0 <= group["alpha"] <= 1:
        raise ValueError(f"alpha is {group['alpha']}; it is a weight: 0 to 1")
    if group["every"] < 1 or group["every"] != int(group["every"]):
        raise ValueError(f"every is {group['every']}; it counts steps: 1, 2, ...")
    if group["method"] == "onties" and group["rescale"] == "inverse_keep":
        raise ValueError(
            "rescale 'inverse_keep' makes a random mask unbiased; onties keeps the largest: use 'none' or 'l1'"
        )
