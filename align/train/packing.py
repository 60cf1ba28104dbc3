"""Packing: rows laid end to end in sequences of a number of tokens, so that a batch holds no padding.

A row in a pack is trained as if it were alone: its positions count from 0, and it attends to no other row. That is how TRL 1.16
packs (best fit decreasing, then batches without an attention mask), and it holds only where the model's code reads the bounds
of rows. Where it does not, TRL mixes rows without a word, so `refuse_mixing` tries the model itself before the first step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from datasets import Dataset
from trl import pack_dataset

from align.core.errors import ModelError

AT_ONCE = 100_000
"""Rows that are fitted together. TRL's default of 1,000 leaves the last pack of every thousand rows half empty."""
_MIXED = 0.01
"""Influence of one row on the next above which rows are mixed, as a share of what it would be in one text.

Measured with transformers 5.23 on tiny models of 47 architectures, in float32 and bfloat16: 29 that keep rows apart have 0 to
4e-9; 12 that do not have 0.013 (Jamba), 0.14 (RecurrentGemma) and 0.95 to 1.1 (BioGPT, BLOOM, gpt-oss, Mamba, Mamba 2,
MiniMax, MPT, OPT, RWKV, XGLM); 6 with short convolutions (LFM2, Qwen3-Next) stop for want of a kernel.
"""


def pack(rows: list[dict[str, Any]], tokens: int, seed: int) -> Dataset:
    """Return packs of whole rows.

    Args:
        rows: columns `input_ids` and `labels`, none longer than `tokens`.
        tokens: most tokens in a pack.
        seed: rows are shuffled first; otherwise neighbours of one length, such as copies of a row, would share a pack.

    Returns:
        Columns `input_ids`, `labels` and `seq_lengths`, the lengths of the rows in the pack.
    """
    shuffled = Dataset.from_list(rows).shuffle(seed=seed)
    return pack_dataset(shuffled, tokens, "bfd", {"batch_size": AT_ONCE})


def said(packs: Dataset, tokens: int) -> str:
    """Return how well rows fit, for the report."""
    rows, held = (sum(count(lengths) for lengths in packs["seq_lengths"]) for count in (len, sum))
    return f"{rows:,} token rows in {len(packs):,} packs of up to {tokens:,} tokens, {held / len(packs) / tokens:.0%} full"


def refuse_mixing(logits: Callable[[Sequence[list[int]]], torch.Tensor], ids: list[int]) -> bool:
    """Try whether rows of a pack stay apart: what stands in one must not change the logits of the next.

    Args:
        logits: returns the logits (1, tokens, vocabulary) of rows that are packed in the given order.
        ids: tokens to try with, of the training data.

    Returns:
        Whether it could be tried: not where a row changes nothing in a single text either, as with a head that is all zeros.

    Raises:
        ModelError: the model mixes rows, or its code cannot run packed ones.
    """
    distinct = list(dict.fromkeys(ids))
    distinct += [distinct[0] - 1 if distinct[0] else 1] if len(distinct) == 1 else []
    first, other, second = (
        _cycled(distinct, start, size) for start, size in ((0, _TRIED), (1, _TRIED), (2, 8))
    )

    def influence(*pairs: Sequence[list[int]]) -> float:
        one, two = (logits(rows)[0, -len(second) :].float() for rows in pairs)
        return float((one - two).abs().mean())

    try:
        packed = influence([first, second], [other, second])
        joined = influence([first + second], [other + second])
    except (
        TypeError,
        ValueError,
    ) as error:  # an argument that the model does not take; a kernel that is not installed
        raise ModelError(
            f"packing: this model cannot run packed rows ({str(error).splitlines()[0]}); {_REMEDY}"
        ) from error
    if packed > _MIXED * joined:
        share = f"{packed / joined:.0%} as much as in one text" if joined else "though it should not"
        raise ModelError(
            f"packing: in this model a row changes what the next row of its pack is read as ({share}); {_REMEDY}"
        )
    return joined > 0


_TRIED = 24
"""Tokens of the row in front."""


def _cycled(distinct: list[int], start: int, size: int) -> list[int]:
    """Return tokens such that texts of two starts differ at every place, however much the training data repeats itself."""
    return [distinct[(start + i) % len(distinct)] for i in range(size)]


_REMEDY = "try another attn_implementation, or leave `packing` out"
