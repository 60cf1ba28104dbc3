"""How the work is spread over processes: what accelerate was asked for, what really runs, and in which precision.

accelerate runs another kind of parallelism than it was asked for without a word: FSDP on a machine without accelerators is
plain data parallelism, and FSDP of one process is none. It is looked at before anything is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import nn

from align.core.errors import ModelError
from align.core.recipe import SPREAD

PLAIN, ALONE = "data parallelism", "one process"
_REMEDY = "run `accelerate config` again, or leave accelerate.config_file out of the recipe"


@dataclass(frozen=True)
class Spread:
    """How the work is spread over processes."""

    name: str
    """`FSDP2`, `FSDP1`, `DeepSpeed`, `Megatron-LM`, `data parallelism` or `one process`."""
    processes: int
    device: str

    @property
    def sharded(self) -> bool:
        """Are one model's weights spread over the processes?"""
        return self.name not in (PLAIN, ALONE)

    def __str__(self) -> str:
        return (
            f"{self.name} over {self.processes} processes on {self.device}"
            if self.name != ALONE
            else f"{ALONE} on {self.device}"
        )


def running(processes: int | None) -> Spread:
    """Return how the work is spread over processes.

    Args:
        processes: how many the recipe asks for, where it does.

    Raises:
        ModelError: something else runs than what accelerate was asked for.
    """
    accelerator = Accelerator(cpu=not torch.accelerator.is_available())
    try:
        return _checked(accelerator, processes)
    finally:
        AcceleratorState._reset_state(
            reset_partial_state=True
        )  # a trainer makes its own, in its own precision


def _checked(accelerator: Any, processes: int | None) -> Spread:
    count, runs = accelerator.num_processes, accelerator.distributed_type.value
    name = SPREAD.get(runs, ALONE if count == 1 else PLAIN)
    if runs == "FSDP":
        name += str(accelerator.state.fsdp_plugin.fsdp_version)
    spread = Spread(name, count, accelerator.device.type)
    if processes not in (None, count):
        raise ModelError(f"the recipe asks for {processes} processes, and {count} of them run; {_REMEDY}")
    for kind, asked in SPREAD.items():
        if os.environ.get(f"ACCELERATE_USE_{kind}", "").lower() in ("1", "true") and runs != kind:
            why = (
                "it is for several processes"
                if count == 1
                else f"it needs accelerators, and the device here is {spread.device}"
            )
            raise ModelError(f"accelerate was asked for {asked} and runs {spread} instead: {why}. {_REMEDY}")
    mesh = accelerator.parallelism_config
    if mesh is not None and (mesh.tp_enabled or mesh.cp_enabled or mesh.sp_enabled):
        raise ModelError(
            "accelerate is asked for tensor, context or sequence parallelism (parallelism_config), which no stage was tried "
            f"with; FSDP, DeepSpeed and data parallelism work. {_REMEDY}"
        )
    return spread


def precision(*, bf16: bool) -> torch.dtype | None:
    """Return what a trainer computes in (autocast), None for the precision of the weights.

    Args:
        bf16: the stage's field. Where it is False, `accelerate.mixed_precision` and accelerate's own settings decide.
    """
    named = (
        "bf16" if bf16 else os.environ.get("ACCELERATE_MIXED_PRECISION", "no")
    )  # as transformers' TrainingArguments
    return {"bf16": torch.bfloat16, "fp16": torch.float16}.get(named)


def named(dtype: str, *, bf16: bool) -> str:
    """Return what a trainer computes in as people call it; `dtype` is that of the weights."""
    return str(precision(bf16=bf16) or dtype).removeprefix("torch.")


def keep_outputs(accelerator: Any) -> None:
    """Keep FSDP2 from rounding what a model returns, and have it add up gradients in float32.

    accelerate sets both to the compute precision. The log-probability of an answer, a sum of some -3,000, is then rounded to
    steps of 16, and a DPO margin with it (beta 0.1: to steps of 0.8). torchtitan too reduces gradients in float32.
    """
    plugin = accelerator.state.fsdp_plugin if accelerator.is_fsdp2 else None
    if plugin is not None and plugin.mixed_precision_policy is not None:
        from torch.distributed.fsdp import MixedPrecisionPolicy  # noqa: PLC0415 (only where FSDP2 runs)

        compute = plugin.mixed_precision_policy.param_dtype
        plugin.mixed_precision_policy = MixedPrecisionPolicy(param_dtype=compute, reduce_dtype=torch.float32)


@contextmanager
def hooked(models: Iterable[nn.Module], hook: Callable[[nn.Module, Any, Any], Any]) -> Iterator[None]:
    """Let a hook see, and replace, what models return, wrappers such as FSDP included."""
    handles = [model.register_forward_hook(hook) for model in models]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def refuse_rounded(model: nn.Module, given: Any, output: Any) -> None:
    """Raise TypeError where log-probabilities leave a model in less than float32: their sums would be rounded. A hook."""
    if output.log_probs.dtype != torch.float32:
        raise TypeError(
            f"log-probabilities come as {output.log_probs.dtype} from {type(model).__name__}, not as float32"
        )


def in_float32(model: nn.Module, given: Any, output: Any) -> Any:
    """Return rewards as float32, so that their differences are not rounded again. A hook."""
    output.logits = output.logits.float()
    return output
