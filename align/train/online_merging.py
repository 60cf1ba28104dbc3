"""Online Merging Optimizer: every training step is merged with the task vector of the SFT model.

The idea (Lu et al. 2024, arXiv 2405.17931; used in Qwen2, arXiv 2407.10671, section 4.3): preference training pays an
alignment tax. With tau = theta_reference - theta_base (what SFT added) and Delta_t = the Adam step, the update is

    theta <- theta + merge(F(Delta_t), F(tau))                                       Eq. 2, the relaxed form

where F keeps a fraction `keep` of the entries and `merge` weighs the two by (1 - alpha) and alpha. OnDARE keeps random
entries and adds them (Eq. 3, 4); OnTIES keeps the largest and lets the two elect a sign (Eq. 5, 6, 7).

Departures from the paper (P) and from the released code, QwenLM/online_merging_optimizers (R):

1. P says that F does not rescale; R's dropout multiplies survivors by 1/keep. `rescale="none"` is P, "inverse_keep" is
   R. OnTIES is rescaled in neither.
2. P draws F(tau) inside the step; R masks tau once. We mask once, as R, which makes sparse storage exact;
   `resample_reference=True` is P. OnTIES chooses the same entries of a constant tau either way.
3. P elects OnTIES signs on the weighted deltas; R on the bare sum, where tau (about 1e-3) outvotes every Adam step
   (about 1e-6) even at alpha = 0. `consensus="weighted"` is P, "unweighted" is R.
4. OnTIES keeps exactly max(1, floor(keep * n)) entries of a tensor; R leaves it whole where floor(keep * n) = 0.
5. The Adam step is torch.optim.AdamW's: weight decay comes before the step and outside the merge, eps is added after
   the bias correction. R decays after the merge, adds eps before the correction, and clamps tau to +-1.
6. alpha * tau (about 1e-10 at alpha = 1e-7) is less than half a unit in the last place of a float32 weight, so plain
   addition loses it. What rounding lost stays in `residual`, per pulled entry, for the next step (Kahan summation).
7. Not here: step-K (Alg. 2), sharded parameters (FSDP, DeepSpeed ZeRO), bfloat16 weights, LoRA; the last three are
   refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor

from align.train.reference_delta import deltas_for, fingerprint, load_reference_delta, plain_name

__all__ = ["OnlineMerging", "adam_step", "load_reference_delta", "ondare", "onties", "random_fraction", "top_fraction"]

Method = Literal["ondare", "onties"]
Rescale = Literal["none", "inverse_keep"]
Consensus = Literal["weighted", "unweighted"]

_FIXED = ("param_names", "reference", "method", "keep", "rescale", "consensus", "resample_reference", "seed")
"""Group entries that a resumed run must share with its checkpoint: they decide the masks."""


# -- the maths ----------------------------------------------------------------------------------------------------


def adam_step(
    grad: Tensor, exp_avg: Tensor, exp_avg_sq: Tensor, step: int, lr: float, betas: tuple[float, float], eps: float
) -> Tensor:
    """Update both moments in place and return Delta_t, the step of torch.optim.AdamW without its weight decay.

    Operations and their order are torch's single-tensor AdamW, so that on a CPU the sum is the same to the last bit.
    All tensors have the parameter's shape; `step` counts from 1.
    """
    exp_avg.lerp_(grad, 1 - betas[0])
    exp_avg_sq.mul_(betas[1]).addcmul_(grad, grad, value=1 - betas[1])
    denominator = (exp_avg_sq.sqrt() / (1 - betas[1] ** step) ** 0.5).add_(eps)
    return exp_avg.mul(-lr / (1 - betas[0] ** step)).div_(denominator)


def random_fraction(x: Tensor, keep: float, generator: torch.Generator) -> Tensor:
    """Return a boolean mask of x's shape, each entry True with probability `keep` (F of OnDARE, Eq. 3)."""
    return torch.rand(x.shape, generator=generator, device=x.device) < keep


def top_fraction(x: Tensor, keep: float) -> Tensor:
    """Return a boolean mask of x's shape, True at the max(1, floor(keep * n)) largest magnitudes (F of OnTIES, Eq. 5).

    A selection, not a sort. Exactly that many are kept: of equal magnitudes at the cut, topk decides.
    """
    index = x.abs().flatten().topk(max(1, int(keep * x.numel())), sorted=False).indices
    return torch.zeros(x.numel(), dtype=torch.bool, device=x.device).index_fill_(0, index, True).view(x.shape)


def ondare(delta: Tensor, tau: Tensor, alpha: float) -> Tensor:
    """Return (1 - alpha) F(Delta) + alpha F(tau) (Eq. 4); both come already masked, in one shape."""
    return (1 - alpha) * delta + alpha * tau


def onties(delta: Tensor, tau: Tensor, alpha: float, consensus: Consensus) -> Tensor:
    """Return the weighted deltas where they agree, else the one that wins the vote (Eq. 6, 7); both already masked.

    With a = (1 - alpha) F(Delta) and b = alpha F(tau): the sign of a + b is elected, and what has another sign is
    left out. So equal signs add up, of unequal ones the larger magnitude stays alone, and a draw gives zero.
    "unweighted" elects the sign of F(Delta) + F(tau) instead, as the released code does.
    """
    a, b = (1 - alpha) * delta, alpha * tau
    elected = (a + b if consensus == "weighted" else delta + tau).sign()
    return a * (a.sign() == elected) + b * (b.sign() == elected)


# -- the optimizer ------------------------------------------------------------------------------------------------


class Pull(NamedTuple):
    """What is stored of tau for one parameter, rescaled. `index` is None: `value` is dense and flat."""

    index: Tensor | None  # Int[Tensor, "k"], positions in the flat parameter
    value: Tensor  # Float[Tensor, "k"] or Float[Tensor, "n"]
    shape: torch.Size

    def to(self, device: torch.device) -> Pull:
        return Pull(None if self.index is None else self.index.to(device), self.value.to(device), self.shape)


class OnlineMerging(torch.optim.Optimizer):
    """AdamW whose every step is merged with the reference delta. keep=1, alpha=0, ondare is torch.optim.AdamW.

    Random masks depend on (seed, parameter name, step) only, so they are the same on every rank of a data-parallel
    run, in any order of parameters and after a resume (on the same kind of device).

    Args:
        named_parameters: (name, parameter) pairs, or groups: dicts with `params`, `param_names` in the same order and
            any option below. Names travel in the groups, so they survive a swap of parameters and `state_dict`.
        reference_delta: theta_reference - theta_base by parameter name. Not part of `state_dict`; its fingerprint is.
        method: "ondare" or "onties".
        keep: fraction of entries that F keeps, 0 < keep <= 1.
        alpha: weight of tau, 0 to 1. It does not follow the learning rate: T steps pull by alpha * T * F(tau).
        rescale: "none", or "inverse_keep": what OnDARE kept is multiplied by 1/keep (tau's pull too).
        consensus: how OnTIES elects signs; OnDARE does not use it.
        resample_reference: draw F(tau) anew at each step; holds tau dense, and rounding losses are not made up for.
        seed: of the masks.
        lr, betas, eps, weight_decay: as torch.optim.AdamW.

    Raises:
        ValueError: an option out of range, a parameter that is not float32, or one without a reference delta.
    """

    def __init__(
        self,
        named_parameters: Iterable[tuple[str, Tensor]] | Iterable[dict[str, Any]],
        reference_delta: Mapping[str, Tensor],
        *,
        method: Method = "ondare",
        keep: float,
        alpha: float,
        rescale: Rescale = "none",
        consensus: Consensus = "weighted",
        resample_reference: bool = False,
        seed: int = 0,
        lr: float = 1e-6,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        groups = _named_groups(named_parameters)
        named = {n: p for g in groups for n, p in zip(g["param_names"], g["params"], strict=True)}
        deltas = deltas_for(named, reference_delta)
        defaults: dict[str, Any] = {"method": method, "keep": keep, "alpha": alpha, "rescale": rescale}
        defaults |= {
            "consensus": consensus,
            "resample_reference": resample_reference,
            "seed": seed,
            "reference": fingerprint(deltas),
        }
        defaults |= {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay}
        super().__init__(groups, defaults)
        self._pulls: dict[str, Pull] = {}
        for group in self.param_groups:
            _check_options(group)
            for name, param in zip(group["param_names"], group["params"], strict=True):
                self._pulls[name] = _pull(deltas[name].to(param.device, torch.float32), name, group)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step; `closure`, where given, recomputes the loss, which is returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for name, param in zip(group["param_names"], group["params"], strict=True):
                if param.grad is not None:
                    self._update(name, param, param.grad, group)
        return loss

    def _update(self, name: str, param: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        state, pull = self.state[param], self._pulls[name]
        if "step" not in state:  # not in __init__: accelerate may still have swapped the parameters then
            if param.shape != pull.shape or hasattr(param, "placements"):
                raise ValueError(
                    f"{name} is sharded or flattened (FSDP, DeepSpeed ZeRO); Online Merging needs whole parameters: "
                    "use one device or plain data parallelism"
                )
            # a float32 tensor on the CPU, as torch.optim.AdamW: reading it never waits for the device
            state["step"] = torch.tensor(0.0)
            state["exp_avg"] = torch.zeros_like(param)
            state["exp_avg_sq"] = torch.zeros_like(param)
        state["step"] += 1
        step, lr = int(state["step"]), float(group["lr"])
        delta = adam_step(grad, state["exp_avg"], state["exp_avg_sq"], step, lr, group["betas"], group["eps"])
        if group["weight_decay"]:
            param.mul_(1 - lr * group["weight_decay"])
        generator = _generator(group["seed"], name, step, param.device)
        update = _sparsify(delta.flatten(), group, generator)
        if group["alpha"] == 0 and not (group["method"] == "onties" and group["consensus"] == "unweighted"):
            param.add_(update.view_as(param))  # tau has no weight and no vote
            return
        if pull.value.device != param.device:
            pull = self._pulls[name] = pull.to(param.device)
        if _resamples(group):
            param.add_(_merge(update, _sparsify(pull.value, group, generator), group).view_as(param))
        else:
            _add_compensated(param, _merge_at(update, pull, group), pull.index, state)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a checkpoint made with the same reference delta and the same masks.

        Raises:
            ValueError: it was made with others; says which entry differs.
        """
        for own, saved in zip(self.param_groups, state_dict["param_groups"], strict=False):  # super checks the length
            for key in _FIXED:
                if saved.get(key) != own[key]:
                    raise ValueError(
                        f"the checkpoint's optimizer has {key} {_short(saved.get(key))}, this one {_short(own[key])}; "
                        "resume with the base, reference and optimizer settings that it was made with, or start anew"
                    )
        super().load_state_dict(state_dict)
        for state in self.state.values():  # a map_location may have moved the counters
            state["step"] = state["step"].cpu()


def _merge(delta: Tensor, tau: Tensor, group: dict[str, Any]) -> Tensor:
    if group["method"] == "ondare":
        return ondare(delta, tau, group["alpha"])
    return onties(delta, tau, group["alpha"], group["consensus"])


def _merge_at(delta: Tensor, pull: Pull, group: dict[str, Any]) -> Tensor:
    """Merge F(Delta) with a sparse F(tau): where tau is zero both rules are (1 - alpha) F(Delta)."""
    if pull.index is None:
        return _merge(delta, pull.value, group)
    merged = _merge(delta[pull.index], pull.value, group)
    delta.mul_(1 - group["alpha"])
    delta[pull.index] = merged
    return delta


def _add_compensated(param: Tensor, update: Tensor, index: Tensor | None, state: dict[str, Any]) -> None:
    """Add a flat update; at `index` (None: everywhere) carry what float32 rounding lost over to the next step."""
    where = slice(None) if index is None else index
    before = param.flatten().clone() if index is None else param.flatten()[index]
    if "residual" in state:
        update[where] += state["residual"]
    param.add_(update.view_as(param))
    state["residual"] = update[where] - (param.flatten()[where] - before)


def _resamples(group: dict[str, Any]) -> bool:
    return group["resample_reference"] and group["method"] == "ondare" and group["keep"] < 1


def _sparsify(x: Tensor, group: dict[str, Any], generator: torch.Generator) -> Tensor:
    """Return F of a flat tensor, rescaled; the tensor itself where all of it is kept."""
    keep = group["keep"]
    if keep == 1:
        return x
    mask = top_fraction(x, keep) if group["method"] == "onties" else random_fraction(x, keep, generator)
    kept = torch.where(mask, x, 0.0)
    return kept.mul_(1 / keep) if group["rescale"] == "inverse_keep" else kept


def _pull(tau: Tensor, name: str, group: dict[str, Any]) -> Pull:
    flat = tau.flatten()
    if group["keep"] == 1 or _resamples(group):
        return Pull(None, flat, tau.shape)
    kept = _sparsify(flat, group, _generator(group["seed"], name, 0, tau.device))  # steps count from 1
    index = kept.nonzero().flatten()  # an entry that is kept and zero pulls nowhere
    return Pull(index.int() if flat.numel() < 2**31 else index, kept[index], tau.shape)


def _generator(seed: int, name: str, step: int, device: torch.device) -> torch.Generator:
    digest = hashlib.blake2b(repr((seed, name, step)).encode(), digest_size=8).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest) >> 1)


def _named_groups(named_parameters: Iterable[Any]) -> list[dict[str, Any]]:
    """Return parameter groups whose `param_names` are free of wrappers' prefixes, one for each parameter."""
    items = list(named_parameters)
    if not (items and isinstance(items[0], Mapping)):
        items = [{"params": [p for _, p in items], "param_names": [name for name, _ in items]}]
    groups = [{**group, "params": list(group["params"])} for group in items]
    for group in groups:
        group["param_names"] = [plain_name(name) for name in group.get("param_names", ())]
        if len(group["param_names"]) != len(group["params"]):
            raise ValueError("every group needs 'param_names', one for each of its 'params', in the same order")
    return groups


def _check_options(group: dict[str, Any]) -> None:
    for key, allowed in (("method", Method), ("rescale", Rescale), ("consensus", Consensus)):
        if group[key] not in get_args(allowed):
            raise ValueError(f"{key} is {group[key]!r}; one of: {', '.join(get_args(allowed))}")
    if not 0 < group["keep"] <= 1:
        raise ValueError(f"keep is {group['keep']}; it is a fraction: above 0, at most 1")
    if not 0 <= group["alpha"] <= 1:
        raise ValueError(f"alpha is {group['alpha']}; it is a weight: 0 to 1")
    if group["method"] == "onties" and group["rescale"] != "none":
        raise ValueError("rescale 'inverse_keep' makes a random mask unbiased; onties keeps the largest: use 'none'")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
