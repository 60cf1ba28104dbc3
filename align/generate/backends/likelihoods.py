"""How likely does a model find given texts behind given contexts?

Multiple choice by log-likelihood asks this for every choice. The context is computed once for all of its
choices, and choices that differ only in their last token share everything (letters A to D: one row a
question). `lm-evaluation-harness` feeds each context again for each choice of more than one token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from align.generate.backends.prefill import left_padded, prefill

if TYPE_CHECKING:
    import torch

LOGITS_BYTES = 512 << 20
"""Memory for logits in float32. More rows at once would hardly be faster, and would not fit with large
vocabularies."""


def log_probabilities(
    model: Any, contexts: list[list[int]], texts: list[list[int]], pad: int
) -> list[tuple[list[float], bool]]:
    """Return the log-probability of each token of each text, and whether greedy decoding would write it.

    Args:
        model: a causal language model, in evaluation mode.
        contexts: token ids before each text, at least one.
        texts: token ids of each text, at least one.
        pad: the id of padding.
    """
    import torch  # noqa: PLC0415 (read by `align check`)

    ids, mask, shared = left_padded(model, contexts, pad)
    cache, row_of = prefill(model, ids, mask, shared, contexts)
    # rows of the model: a context with all but the last token of a text
    rows: dict[tuple[int, ...], int] = {}
    for i, text in enumerate(texts):
        rows.setdefault((row_of[i], *text[:-1]), i)
    place = {key: j for j, key in enumerate(rows)}
    chosen = list(rows.values())
    if cache is not None:
        cache.batch_select_indices(torch.tensor([row_of[i] for i in chosen], device=ids.device))
    width = max(len(texts[i]) for i in chosen)
    fed = torch.tensor(
        [[contexts[i][-1], *texts[i][:-1], *[pad] * (width - len(texts[i]))] for i in chosen],
        device=ids.device,
    )
    real = torch.tensor(
        [[1] * len(texts[i]) + [0] * (width - len(texts[i])) for i in chosen], device=ids.device
    )
    whole = torch.cat([mask[chosen, :-1], real], -1)
    positions = (whole.cumsum(-1) - 1).clamp_(min=0)[:, -width:]
    logits = model(
        input_ids=fed,
        attention_mask=whole,
        position_ids=positions,
        past_key_values=cache,
        use_cache=cache is not None,
    ).logits
    asked = [(place[(row_of[i], *text[:-1])], text) for i, text in enumerate(texts)]
    return [_of_text(logits[row], text) for row, text in asked]


def _of_text(logits: torch.Tensor, text: list[int]) -> tuple[list[float], bool]:
    """Return a text's token log-probabilities under (width, vocabulary) logits, and whether it is greedy."""
    import torch  # noqa: PLC0415

    said = logits[: len(text)].float()
    ids = torch.tensor(text, device=logits.device)
    picked = said.gather(-1, ids.unsqueeze(-1)).squeeze(-1) - said.logsumexp(-1)
    return picked.tolist(), bool((said.argmax(-1) == ids).all())


def rows_at_once(vocabulary: int, longest: int, batch_size: int) -> int:
    """Return how many texts are scored at once, so that their logits fit into LOGITS_BYTES."""
    return max(1, min(batch_size, LOGITS_BYTES // (4 * vocabulary * longest)))
