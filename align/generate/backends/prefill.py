"""Compute the key-value cache of a batch of prompts, and nothing in it twice.

Equal prompts share their work (the samples of one prompt, the choices of one question), and so does the
beginning that all prompts of the batch have in common: a system prompt, worked examples. The beginning is
computed in a batch of one, and the rest of each prompt behind it. With 5 worked examples before each
question, most of the tokens are computed once instead of once for each question.

The rest of a prompt is padded between the common beginning and its own first token, so that all prompts of
the batch end in the same column. Padding has no attention and no position, so for rotary position embeddings
nothing changes but rounding. A model that counts columns (sliding windows, ALiBi) would see another distance,
so there the common beginning is computed for each prompt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from align.models.projected import last_positions

if TYPE_CHECKING:
    import torch

SHORTEST_SHARED = 16
"""Fewest common tokens that are computed apart. For fewer, a second call of the model costs more."""


def left_padded(model: Any, prompts: list[list[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Return a batch's ids and mask, both (batch, width), and the length that its prompts share.

    Args:
        model: it decides whether padding may stand behind a shared beginning.
        prompts: token ids, one list a sequence.
        pad: the id of padding.
    """
    import torch  # noqa: PLC0415 (read by `align check`)

    shared, width = _shared(model, prompts), max(map(len, prompts))
    rows = [[*p[:shared], *[pad] * (width - len(p)), *p[shared:]] for p in prompts]
    masks = [[*[1] * shared, *[0] * (width - len(p)), *[1] * (len(p) - shared)] for p in prompts]
    return torch.tensor(rows, device=model.device), torch.tensor(masks, device=model.device), shared


def prefill(
    model: Any, ids: torch.Tensor, mask: torch.Tensor, shared: int, prompts: list[list[int]]
) -> tuple[Any, list[int]]:
    """Return the cache of all but the last token of each distinct prompt, and which of them each prompt is.

    Args:
        model: a causal language model.
        ids: (batch, width), as `left_padded` made them.
        mask: (batch, width), 0 on padding.
        shared: number of tokens that all prompts begin with.
        prompts: the same without padding; equal ones share their work.

    Returns:
        The cache of the distinct prompts, in the order in which they come first (None where no prompt has two
        tokens), and for each prompt the row of the cache that belongs to it.
    """
    import torch  # noqa: PLC0415

    first: dict[tuple[int, ...], int] = {}
    for i, prompt in enumerate(prompts):
        first.setdefault(tuple(prompt), i)
    rank = {prompt: j for j, prompt in enumerate(first)}
    row_of = [rank[tuple(prompt)] for prompt in prompts]
    once = torch.tensor(list(first.values()), device=ids.device)
    asked, attended = ids[once, :-1], mask[once, :-1]
    if asked.shape[1] == 0:
        return None, row_of
    cache = None
    if shared:
        cache = _ahead(model, asked[:1, :shared], attended[:1, :shared], None)
        cache.batch_select_indices(torch.zeros(len(first), dtype=torch.long, device=ids.device))
        asked = asked[:, shared:]
    if asked.shape[1]:
        cache = _ahead(model, asked, attended, cache)
    return cache, row_of


def _ahead(model: Any, ids: torch.Tensor, mask: torch.Tensor, cache: Any) -> Any:
    """Return the cache after more tokens; `mask` covers those before them too."""
    positions = (mask.cumsum(-1) - 1).clamp_(min=0)[:, -ids.shape[1] :]
    return model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=positions,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=last_positions(1, ids),
    ).past_key_values


def _shared(model: Any, prompts: list[list[int]]) -> int:
    """Return how many tokens at the beginning of all prompts are computed once."""
    low, high = min(prompts), max(prompts)
    if low == high or not _only_rotary(model):
        return 0
    shortest = min(map(len, prompts)) - 1  # the last token of every prompt is computed with its first answer
    common = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), shortest)
    common = min(common, shortest)
    return common if common >= SHORTEST_SHARED else 0


def _only_rotary(model: Any) -> bool:
    """Does the model tell positions by rotary embeddings alone, in layers that attend to all tokens?"""
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    return bool(getattr(config, "rope_parameters", None)) and kinds == {"full_attention"}
