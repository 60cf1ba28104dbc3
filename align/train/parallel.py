"""How work is spread over processes: what accelerate was asked for, what it runs, and in which precision.

accelerate can silently run another kind of parallelism than it was asked for: FSDP on a machine without
accelerators is plain data parallelism, and FSDP of one process is none. So this module checks it before a
model is loaded.
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
    """How work is spread over processes."""

    name: str
    """`FSDP2`, `FSDP1`, `DeepSpeed`, `Megatron-LM`, `data parallelism` or `one process`."""
    processes: int
    device: str

    @property
    def sharded(self) -> bool:
        """Whether the weights of one model are spread over the processes."""
        return self.name not in (PLAIN, ALONE)

    def __str__(self) -> str:
        return (
            f"{self.name} over {self.processes} processes on {self.device}"
            if self.name != ALONE
            else f"{ALONE} on {self.device}"
        )


def running(processes: int | None) -> Spread:
    """Return how work is spread over processes.

    Args:
        processes: number of processes that the recipe asks for, or None.

    Raises:
        ModelError: accelerate runs something else than it was asked for.
    """
    accelerator = Accelerator(cpu=not torch.accelerator.is_available())
    try:
        return _checked(accelerator, processes)
    finally:
        # a trainer makes its own accelerator, in its own precision
        AcceleratorState._reset_state(reset_partial_state=True)


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
            "accelerate is asked for tensor, context or sequence parallelism (parallelism_config), which no "
            f"stage was tried with; FSDP, DeepSpeed and data parallelism work. {_REMEDY}"
        )
    return spread


def precision(*, bf16: bool) -> torch.dtype | None:
    """Return the dtype that a trainer computes in (autocast), None for the dtype of the weights.

    Args:
        bf16: the stage's field. Where it is False, `accelerate.mixed_precision` or accelerate's own settings
            decide.
    """
    # the default is that of transformers' TrainingArguments
    named = "bf16" if bf16 else os.environ.get("ACCELERATE_MIXED_PRECISION", "no")
    return {"bf16": torch.bfloat16, "fp16": torch.float16}.get(named)


def named(dtype: str, *, bf16: bool) -> str:
    """Return the name of the dtype that a trainer computes in; `dtype` is the dtype of the weights."""
    return str(precision(bf16=bf16) or dtype).removeprefix("torch.")


def keep_outputs(accelerator: Any) -> None:
    """Keep FSDP2 from rounding a model's outputs, and make it reduce gradients in float32.

    accelerate sets both to the compute precision. Then the log-probability of an answer, a sum of some
    -3,000, is rounded to steps of 16, and a DPO margin with it (at beta 0.1: to steps of 0.8). torchtitan too
    reduces gradients in float32.
    """
    plugin = accelerator.state.fsdp_plugin if accelerator.is_fsdp2 else None
    if plugin is not None and plugin.mixed_precision_policy is not None:
        from torch.distributed.fsdp import MixedPrecisionPolicy  # noqa: PLC0415 (only where FSDP2 runs)

        compute = plugin.mixed_precision_policy.param_dtype
        plugin.mixed_precision_policy = MixedPrecisionPolicy(param_dtype=compute, reduce_dtype=torch.float32)


@contextmanager
def hooked(models: Iterable[nn.Module], hook: Callable[[nn.Module, Any, Any], Any]) -> Iterator[None]:
    """Let a hook see, and replace, the outputs of models, also under wrappers such as FSDP."""
    handles = [model.register_forward_hook(hook) for model in models]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def refuse_rounded(model: nn.Module, given: Any, output: Any) -> None:
    """Raise TypeError where log-probabilities are not float32, since their sums would be rounded (a hook)."""
    if output.log_probs.dtype != torch.float32:
        raise TypeError(
            f"log-probabilities come as {output.log_probs.dtype} from {type(model).__name__}, not as float32"
        )


def in_float32(model: nn.Module, given: Any, output: Any) -> Any:
    """Return rewards as float32, so that their differences are not rounded again (a hook)."""
    output.logits = output.logits.float()
    return output
