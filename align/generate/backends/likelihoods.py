"""How likely does a model find given texts behind given contexts?

Multiple choice by log-likelihood asks this for every choice. The context is computed once for all of its
choices, and choices that differ only in their last token share everything (letters A to D: one row a
question). `lm-evaluation-harness` feeds each context again for each choice of more than one token.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy
from typing import TYPE_CHECKING, Any

from align.generate.backends.prefill import left_padded, prefill

if TYPE_CHECKING:
    import torch

LOGITS_BYTES = 512 << 20
"""Memory for logits in float32. More rows at once would hardly be faster, and would not fit with large
vocabularies."""

Key = tuple[int, ...]
"""A row of the model: the row of its context's cache, and all but the last token of a text."""


def log_probabilities(
    model: Any, contexts: list[list[int]], texts: list[list[int]], pad: int
) -> list[tuple[list[float], bool]]:
    """Return the log-probability of each token of each text, and whether greedy decoding would write it.

    Texts of similar length are computed together, so that short ones are not padded to the longest.

    Args:
        model: a causal language model, in evaluation mode.
        contexts: token ids before each text, at least one.
        texts: token ids of each text, at least one.
        pad: the id of padding.
    """
    ids, mask, shared = left_padded(model, contexts, pad)
    cache, row_of = prefill(model, ids, mask, shared, contexts)
    same: dict[Key, list[int]] = {}  # which texts are in a row: they differ in their last token at most
    for i, text in enumerate(texts):
        same.setdefault((row_of[i], *text[:-1]), []).append(i)
    found: dict[int, tuple[list[float], bool]] = {}
    for keys in _chunks(same, model.config.get_text_config().vocab_size):
        first = [same[key][0] for key in keys]
        fed = [[contexts[i][-1], *texts[i][:-1]] for i in first]
        logits = _logits(model, _selected(cache, [key[0] for key in keys]), fed, mask[first, :-1], pad)
        for row, key in enumerate(keys):
            found |= {i: _of_text(logits[row], texts[i]) for i in same[key]}
    return [found[i] for i in range(len(texts))]


def _chunks(keys: Iterable[Key], vocabulary: int) -> Iterator[list[Key]]:
    """Yield rows that are computed together, the longest first; their logits fit into LOGITS_BYTES."""
    rest = sorted(keys, key=lambda key: -len(key))
    while rest:
        size = max(1, LOGITS_BYTES // (4 * vocabulary * len(rest[0])))
        yield rest[:size]
        rest = rest[size:]


def _selected(cache: Any, rows: list[int]) -> Any:
    """Return the cache of some contexts; the one given is not changed."""
    import torch  # noqa: PLC0415

    if cache is None:
        return None
    chosen = copy(cache)  # its layers replace their tensors when rows are selected, and write into none
    chosen.layers = [copy(layer) for layer in cache.layers]
    chosen.batch_select_indices(torch.tensor(rows))
    return chosen


def _logits(model: Any, cache: Any, fed: list[list[int]], before: torch.Tensor, pad: int) -> torch.Tensor:
    """Return the logits behind each token of some rows, (rows, width, vocabulary).

    Args:
        model: a causal language model.
        cache: of the rows' contexts without their last token; None where no context has two tokens.
        fed: the token ids of each row.
        before: (rows, columns of the cache), 0 on padding.
        pad: the id of padding.
    """
    import torch  # noqa: PLC0415

    width = max(map(len, fed))
    ids = torch.tensor([row + [pad] * (width - len(row)) for row in fed], device=before.device)
    real = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in fed], device=before.device)
    whole = torch.cat([before, real], -1)
    positions = (whole.cumsum(-1) - 1).clamp_(min=0)[:, -width:]
    return model(
        input_ids=ids,
        attention_mask=whole,
        position_ids=positions,
        past_key_values=cache,
        use_cache=cache is not None,
    ).logits


def _of_text(logits: torch.Tensor, text: list[int]) -> tuple[list[float], bool]:
    """Return a text's token log-probabilities under (width, vocabulary) logits, and whether it is greedy."""
    import torch  # noqa: PLC0415

    said = logits[: len(text)].float()
    ids = torch.tensor(text, device=logits.device)
    picked = said.gather(-1, ids.unsqueeze(-1)).squeeze(-1) - said.logsumexp(-1)
    return picked.tolist(), bool((said.argmax(-1) == ids).all())
