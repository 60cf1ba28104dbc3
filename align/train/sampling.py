"""Drawing a round's samples from the policy, and the check that it was the policy that drew them.

A sampler that is not the policy itself can be wrong without a sign: TRL's server mode trained on meaningless tokens for ten
months, because nobody compared (huggingface/trl#5514). So a sampler reports the log-probability of each token that it
drew, the policy computes its own of the same ids (it does so anyway, for the KL divergence), and a round whose two opinions
differ by more than rounding stops the stage before anything is trained on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from align.core.plugins import Completion, Sampling
from align.generate.hf import Engine

LIMIT = 0.15


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

    def __init__(self, tokenizer: Any, batch_size: int, dtype: str | None) -> None:
        self.tokenizer, self.batch_size, self.dtype = tokenizer, batch_size, dtype
        self._engine: Engine | None = None

    def sync(self, model: Any) -> None:
        """Take the policy, or a copy where it has adapters or another precision is asked for."""
        copy = sampler_copy(model, self.dtype)
        self._engine = Engine(copy, self.tokenizer, self.batch_size, logprobs=copy is not model)

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
    return {ours: round(sum(each[theirs] for each in differences) / tokens, 5) for ours, theirs in figures.items()}


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

    Decoding through a PEFT wrapper is 4 times slower (measured, docs/paper_index.md), so LoRA is merged into a copy.
    """
    if not isinstance(model, PeftModel) and dtype in (None, str(model.dtype).removeprefix("torch.")):
        return model
    target = getattr(torch, dtype) if dtype else model.dtype
    if not isinstance(model, PeftModel):
        weights = model.state_dict()
    else:
        model.merge_adapter()
        weights = {
            n.replace("base_model.model.", "", 1).replace(".base_layer", ""): t.detach().clone()
            for n, t in model.state_dict().items()
            if "lora_" not in n
        }
        model.unmerge_adapter()
    inner = model.get_base_model() if isinstance(model, PeftModel) else model
    copy = AutoModelForCausalLM.from_config(inner.config, dtype=target)
    missing, unexpected = copy.load_state_dict({n: t.to(target) for n, t in weights.items()}, strict=False)
    if unexpected or set(missing) - ({"lm_head.weight"} if inner.config.tie_word_embeddings else set()):
        raise ValueError(f"the sampler's copy does not fit the policy: missing {missing}, unexpected {unexpected}")
    copy.generation_config = inner.generation_config
    return copy.to(model.device).eval().requires_grad_(False)
