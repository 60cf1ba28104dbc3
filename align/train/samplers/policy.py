"""Draw a round's samples from the policy, and check that the sampler has the policy's weights.

A sampler that is not the policy itself can be wrong without a sign: TRL's server mode trained on meaningless
tokens for ten months, because nobody compared (huggingface/trl#5514). So a sampler reports the
log-probability of each token that it drew, and the policy computes its own for the same tokens (which the KL
divergence needs anyway). A round in which the two differ by more than rounding stops the stage before it
trains.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from peft import PeftModel
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn

from align.core.plugins import Completion, Sampling
from align.generate.backends.transformers import LocalEngine
from align.models.chat import Chat

LIMIT = 0.4
"""Largest mean absolute difference, in nats a token, between the log-probabilities of sampler and policy.

A sampler beyond it has other weights than the policy. Measured with a float32 policy and a vLLM 0.32 server
in bfloat16, on SmolLM2-135M, 800 to 3,000 tokens each:

- right weights: 0.03 (a checkpoint that was bfloat16 to begin with), 0.06 to 0.10 (after 8 steps of DPO at
  5e-6 and 1e-5), 0.13 (after whole stages of SFT, DPO and online DPO), 0.19 (after 8 steps at 5e-5, which
  spoil this model). Most of it comes from rounding the weights: 0.13 becomes 0.08 when the policy, too, is
  rounded to bfloat16.
- the base model in place of the SFT model: 1.09; one layer's rows shuffled: 4.9.
- one layer, norm or projection that was not loaded, and has its signs inverted: 0.46 to 15.5.

This check cannot detect the weights of the stage before (0.14 against 0.13, and 0.12 against 0.10 after 8
steps at 1e-5), nor relative noise of 0.01 on every weight (0.11). For these there is the exact check of
`align.train.samplers.vllm_server`. A server in float32 differs by less than 0.00001.
"""


class PolicySampler(Protocol):
    """A sampler that draws from the policy's weights at the last `sync`.

    Every process of a stage has one, and all processes call its methods together.
    """

    def sync(self, model: Any) -> None:
        """Load the policy's weights.

        Args:
            model: the policy, plain or with adapters, on the device that it trains on.
        """

    def sample(self, prompts: Sequence[list[int]], samplings: Sequence[Sampling]) -> list[list[Completion]]:
        """Return n completions of each prompt (token ids), in order, as token ids of the policy's tokenizer.

        `logprobs` are the sampler's log-probabilities, before temperature. They are None where the policy
        itself drew, so that there is nothing to compare.
        """
        ...

    def close(self) -> None:
        """Release processes, files and memory."""


class InProcess:
    """`PolicySampler` of `kind: transformers`."""

    def __init__(self, chat: Chat, batch_size: int, dtype: str | None) -> None:
        self.chat, self.batch_size, self.dtype = chat, batch_size, dtype
        self._engine: LocalEngine | None = None

    def sync(self, model: Any) -> None:
        """Use the policy itself, or a copy where it has adapters or another precision is asked for."""
        drawing = sampler_copy(model, self.dtype)
        self._engine = LocalEngine(drawing, self.chat, self.batch_size, logprobs=drawing is not model)

    def sample(self, prompts: Sequence[list[int]], samplings: Sequence[Sampling]) -> list[list[Completion]]:
        """Sample, and free the copy's memory for training."""
        engine, self._engine = self._engine, None
        if engine is None:
            raise RuntimeError("sample() was called without a sync() before it")

        async def all_of_them() -> list[list[Completion]]:
            return list(await asyncio.gather(*map(engine.generate, prompts, samplings)))

        return asyncio.run(all_of_them())

    def close(self) -> None:
        """Do nothing: `sample` has freed the memory."""


def difference(reported: Sequence[float], own: Sequence[float]) -> dict[str, float]:
    """Return how a sampler's and the policy's log-probabilities of one answer differ.

    Args:
        reported: the sampler's log-probability of each token.
        own: the policy's.

    Returns:
        The sum of the differences, the sum of their magnitudes, and the number of tokens.
    """
    apart = [r - o for r, o in zip(reported, own, strict=True)]
    return {"sum": sum(apart), "magnitudes": sum(map(abs, apart)), "tokens": len(apart)}


def agreement(differences: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the figures of a round: mean difference and mean absolute difference, in nats a token."""
    tokens = max(1.0, sum(each["tokens"] for each in differences))
    figures = {"difference": "sum", "absolute": "magnitudes"}
    return {
        ours: round(sum(each[theirs] for each in differences) / tokens, 5) for ours, theirs in figures.items()
    }


def distrust(figures: dict[str, float]) -> str | None:
    """Return why samples with these figures are not the policy's; None where rounding explains them."""
    if figures["absolute"] <= LIMIT:  # nan is refused, too
        return None
    return (
        "the sampler is not the policy: their log-probabilities of the sampled tokens differ by "
        f"{figures['absolute']:.3g} nats a token (mean difference {figures['difference']:.3g}), and rounding "
        f"explains {LIMIT} at most. Other weights, another tokenizer or a quantised model sample there, or "
        "the server was started with another --logprobs-mode than raw_logprobs; nothing of this round was "
        "trained on"
    )


def sampler_copy(model: Any, dtype: str | None) -> Any:
    """Return a plain model with this model's weights to decode with; the model itself where it is one.

    Decoding through a PEFT wrapper is 4 times slower (measured, docs/paper_index.md), so LoRA is merged into
    a copy of the layers that have adapters. The copy shares all other weights where their precision is the
    same. The model itself is not changed: merging adapters and removing them again would round its weights a
    little in every round.
    """
    if not isinstance(model, PeftModel) and dtype in (None, str(model.dtype).removeprefix("torch.")):
        return model
    inner = model.get_base_model() if isinstance(model, PeftModel) else model
    target = getattr(torch, dtype) if dtype else model.dtype
    instead: dict[int, Any] = {}  # by id, objects that replace others in the copy (copy.deepcopy's memo)
    within: set[int] = set()  # modules and weights of adapted layers, which may be wrapped more than once
    for module in inner.modules():
        if isinstance(module, BaseTunerLayer) and id(module) not in within:
            within |= {id(part) for part in (*module.modules(), *module.parameters())}
            instead[id(module)] = _merged(copy.deepcopy(module)).to(target)
    for weight in inner.parameters():
        if id(weight) not in within:
            instead[id(weight)] = nn.Parameter(weight.detach().to(target), requires_grad=False)
    made = copy.deepcopy(inner, instead)
    made.config.dtype = target
    return made.eval().requires_grad_(False)


def _merged(layer: Any) -> nn.Module:
    """Return a layer as a plain one, its adapters merged, as peft's `merge_and_unload` makes it."""
    if hasattr(layer, "unload_and_optionally_merge_module"):  # adapters on weights outside a layer: experts
        return layer.unload_and_optionally_merge_module(merge=True, safe_merge=False, adapter_names=None)
    layer.merge()
    return layer.get_base_layer()
