"""Drawing a round's samples from the policy, and the check that it was the policy that drew them.

A sampler that is not the policy itself can be wrong without a sign: TRL's server mode trained on meaningless tokens for ten
months, because nobody compared (huggingface/trl#5514). So a sampler reports the log-probability of each token that it
drew, the policy computes its own of the same ids (it does so anyway, for the KL divergence), and a round whose two opinions
differ by more than rounding stops the stage before anything is trained on.
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
"""Mean absolute difference, in nats a token, beyond which a sampler is not the policy. Measured with a float32 policy and a
vLLM 0.32 server in bfloat16, on SmolLM2-135M, 800 to 3,000 tokens each:

- right weights: 0.03 (a checkpoint that was bfloat16 to begin with), 0.06 to 0.10 (after 8 steps of DPO at 5e-6 and 1e-5),
  0.13 (after whole stages of SFT, DPO and online DPO), 0.19 (after 8 steps at 5e-5, which spoil this model). Rounding the
  weights is the larger part: against the policy rounded to bfloat16 0.13 becomes 0.08.
- the base model in place of the SFT model: 1.09; one layer's rows shuffled: 4.9.
- one layer, norm or projection that a load left out with its signs turned: 0.46 to 15.5.

The weights of one stage before are not told apart by this (0.14 against 0.13, and 0.12 against 0.10 after 8 steps at
1e-5), nor is relative noise of 0.01 on every weight (0.11). That is what the exact check of the hand-over is for
(`align.train.samplers.vllm_server`). A server in float32 differs by less than 0.00001."""


class PolicySampler(Protocol):
    """Draws from the policy as it is after `sync`. Every process of a stage has one; they are called in step."""

    def sync(self, model: Any) -> None:
        """Take the policy's weights.

        Args:
            model: the policy, plain or with adapters, on the device that it trains on.
        """

    def sample(self, prompts: Sequence[list[int]], samplings: Sequence[Sampling]) -> list[list[Completion]]:
        """Return n completions of each prompt (token ids), in order, with token ids that the policy's tokenizer knows.

        `logprobs` are those that the sampler drew from, before temperature. None: the policy itself drew, so there is
        nothing to compare.
        """
        ...

    def close(self) -> None:
        """Give back what it holds."""


class InProcess:
    """`PolicySampler` of `kind: transformers`."""

    def __init__(self, chat: Chat, batch_size: int, dtype: str | None) -> None:
        self.chat, self.batch_size, self.dtype = chat, batch_size, dtype
        self._engine: LocalEngine | None = None

    def sync(self, model: Any) -> None:
        """Take the policy, or a copy where it has adapters or another precision is asked for."""
        drawing = sampler_copy(model, self.dtype)
        self._engine = LocalEngine(drawing, self.chat, self.batch_size, logprobs=drawing is not model)

    def sample(self, prompts: Sequence[list[int]], samplings: Sequence[Sampling]) -> list[list[Completion]]:
        """Sample, and give the copy's memory back to training."""
        engine, self._engine = self._engine, None
        if engine is None:
            raise RuntimeError("sample() was called without a sync() before it")

        async def all_of_them() -> list[list[Completion]]:
            return list(await asyncio.gather(*map(engine.generate, prompts, samplings)))

        return asyncio.run(all_of_them())

    def close(self) -> None:
        """Nothing is left."""


def difference(reported: Sequence[float], own: Sequence[float]) -> dict[str, float]:
    """Return what a sampler and the policy say differently about the tokens of one answer.

    Args:
        reported: the sampler's log-probability of each token.
        own: the policy's.

    Returns:
        Sums over the tokens: of the differences, of their magnitudes, and the number of tokens.
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
    """Return why samples with these figures are not the policy's, or None where rounding explains the difference."""
    if figures["absolute"] <= LIMIT:  # written so that nan is refused
        return None
    return (
        f"the sampler is not the policy: their log-probabilities of the sampled tokens differ by {figures['absolute']:.3g} "
        f"nats a token (mean difference {figures['difference']:.3g}), and rounding explains {LIMIT} at most. Other weights, "
        "another tokenizer or a quantised model sample there, or the server was started with another --logprobs-mode than "
        "raw_logprobs; nothing of this round was trained on"
    )


def sampler_copy(model: Any, dtype: str | None) -> Any:
    """Return a model to decode with that has this model's weights; the model itself where no copy is needed.

    Decoding through a PEFT wrapper is 4 times slower (measured, docs/paper_index.md), so LoRA is merged into a copy of the
    layers that have adapters. All other weights are shared where their precision is the same. The model itself is not
    touched: to merge and unmerge its own weights would round them a little in every round.
    """
    if not isinstance(model, PeftModel) and dtype in (None, str(model.dtype).removeprefix("torch.")):
        return model
    inner = model.get_base_model() if isinstance(model, PeftModel) else model
    target = getattr(torch, dtype) if dtype else model.dtype
    instead: dict[int, Any] = {}  # what the copy has in place of an object, as copy.deepcopy takes it
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
    """Return the plain layer that a layer with adapters amounts to, as peft's `merge_and_unload` makes it."""
    if hasattr(layer, "unload_and_optionally_merge_module"):  # of weights that are no layer's: experts
        return layer.unload_and_optionally_merge_module(merge=True, safe_merge=False, adapter_names=None)
    layer.merge()
    return layer.get_base_layer()
