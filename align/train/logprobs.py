"""Log-probabilities and entropies of given answers under a model, without gradients, for whole rounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from align.models.projected import last_positions

_LOGITS, _LOGITS_ON_CPU = 2**29, 2**26
"""Most logits held at once. Three copies of them take 6.4 GB on an accelerator, 0.8 GB on a CPU."""
_TOKENS = 2**15
"""Most tokens in one forward pass."""


@dataclass(frozen=True, slots=True)
class Thought:
    """Figures of one answer under a model; the end-of-turn token belongs to the answer."""

    logp: float
    """Sum of the tokens' log-probabilities, at temperature 1."""
    entropy: float
    """Mean entropy of the distributions of its tokens, in nats a token."""
    token_logps: list[float]
    """Log-probability of each token; their sum is `logp`."""


@torch.no_grad()
def think(
    model: Any, answers: Sequence[tuple[list[int], list[int]]], precision: torch.dtype | None = None
) -> list[Thought]:
    """Return the figures of (prompt ids, completion ids) pairs under a model, in their order.

    Answers of similar length share a batch, padded on the left, and only completions are projected to the
    vocabulary.

    Args:
        model: a causal language model of transformers.
        answers: token ids; prompts and completions hold at least one token.
        precision: dtype to compute in (autocast), None for the dtype of the weights; sums are float32.
    """
    found: list[Thought | None] = [None] * len(answers)
    was_training = model.training
    model.eval()
    context = torch.autocast(model.device.type, precision) if precision else nullcontext()
    try:
        most = _LOGITS_ON_CPU if model.device.type == "cpu" else _LOGITS
        for batch in _batches(answers, most // model.config.get_text_config().vocab_size):
            with context:
                thoughts = _forward(model, [answers[i] for i in batch])
            for i, thought in zip(batch, thoughts, strict=True):
                found[i] = thought
    finally:
        model.train(was_training)
    return [thought for thought in found if thought is not None]


def _batches(answers: Sequence[tuple[list[int], list[int]]], most: int) -> Iterator[list[int]]:
    """Yield batches of indices, longest answers first; `most` limits the positions that need logits."""
    order = sorted(range(len(answers)), key=lambda i: -len(answers[i][0]) - len(answers[i][1]))
    batch: list[int] = []
    width = kept = 0
    for i in order:
        prompt, completion = answers[i]
        width, longer = max(width, len(prompt) + len(completion)), max(kept, len(completion))
        if batch and ((len(batch) + 1) * width > _TOKENS or (len(batch) + 1) * (longer + 1) > most):
            yield batch
            batch, width, longer = [], len(prompt) + len(completion), len(completion)
        batch.append(i)
        kept = longer
    if batch:
        yield batch


def _forward(model: Any, answers: list[tuple[list[int], list[int]]]) -> list[Thought]:
    rows = [prompt + completion for prompt, completion in answers]
    width, kept = max(map(len, rows)), max(len(completion) for _, completion in answers)
    ids = torch.tensor([[0] * (width - len(row)) + row for row in rows], device=model.device)
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows], device=model.device)
    positions = (mask.cumsum(-1) - 1).clamp_(min=0)
    # (batch, kept + 1, vocabulary); the last position predicts the token after the row
    logits: Tensor = model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=positions,
        use_cache=False,
        logits_to_keep=last_positions(kept + 1, ids),
    ).logits
    logps = logits[:, -kept - 1 : -1].float().log_softmax(-1)
    targets = ids[:, -kept:]
    token_logps = logps.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    entropies = logps.exp().mul_(logps).sum(-1).neg_()
    lengths = torch.tensor([len(completion) for _, completion in answers], device=model.device)
    trained = torch.arange(kept, device=model.device) >= kept - lengths.unsqueeze(1)
    sums = (token_logps * trained).sum(-1).tolist()
    means = ((entropies * trained).sum(-1) / lengths).tolist()
    each = [
        row[kept - len(completion) :]
        for row, (_, completion) in zip(token_logps.tolist(), answers, strict=True)
    ]
    return [Thought(*thought) for thought in zip(sums, means, each, strict=True)]
