"""AdamW that also keeps a moving average of the weights, which is published instead of the last weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class AveragedAdamW(torch.optim.AdamW):
    """torch.optim.AdamW with theta_mean <- (1 - rate) theta_mean + rate theta after each step.

    Training itself does not change. The mean starts from the weights before the first step and is part of the
    state, so a resumed run continues it. The online merging paper uses it as a baseline (arXiv 2405.17931,
    Table 1, EMA with a rate of 1e-3).

    Args:
        params: groups, as torch.optim.AdamW takes them.
        rate: share of the new weights, above 0, at most 1 (1: the mean is the last weights).
        **options: options of torch.optim.AdamW.
    """

    def __init__(self, params: Any, *, rate: float, **options: Any) -> None:
        super().__init__(params, **options)
        self._rate = rate

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step, and update the mean."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()  # first, because it sets the gradients that are looked at next
        moving = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        before = {p: p.detach().float().clone() for p in moving if "mean" not in self.state[p]}
        for param in before:  # torch begins anew for a parameter that has no state
            self.state.pop(param, None)
        super().step()
        for param in moving:
            mean: Tensor = self.state[param].setdefault("mean", before.get(param))
            mean.lerp_(param.detach().float(), self._rate)
        return loss

    @torch.no_grad()
    def take_average(self) -> None:
        """Set the weights to the mean. Training cannot go on after this."""
        for group in self.param_groups:
            for param in group["params"]:
                if "mean" in self.state.get(param, {}):
                    param.copy_(self.state[param]["mean"])

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a checkpoint; the mean stays float32 (torch alone would cast it to the parameter's dtype)."""
        super().load_state_dict(state_dict)
        state_as_saved(self, state_dict)


def state_as_saved(optimizer: torch.optim.Optimizer, state_dict: dict[str, Any]) -> None:
    """Restore the saved dtypes of a loaded state.

    torch casts every tensor of it, except `step`, to the dtype of the parameter.
    """
    order = [index for group in state_dict["param_groups"] for index in group["params"]]
    for index, param in zip(order, (p for g in optimizer.param_groups for p in g["params"]), strict=True):
        for key, value in state_dict["state"].get(index, {}).items():
            if isinstance(value, Tensor) and key != "step":
                optimizer.state[param][key] = value.to(param.device, copy=True)
