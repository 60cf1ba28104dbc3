"""The passages of two texts in which their longest common subsequence lies, for people to look at."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np

from data_synthesis.decontamination.kernels import lcs_length
from data_synthesis.decontamination.text import Tokenizer, tokens

SHOWN = 200
"""Largest number of characters of a passage."""


def common_passages(one: str, other: str, tokenizer: Tokenizer) -> tuple[int, str, str]:
    """Return the length of the longest common subsequence of two texts, and the passages where it lies.

    A passage goes from the first to the last token of the subsequence in a text; tokens between them that do
    not belong to the subsequence are shown too. It is cut to `SHOWN` characters.
    """
    split = tokens(one, tokenizer), tokens(other, tokenizer)
    numbers = {word: number for number, word in enumerate(dict.fromkeys([*split[0], *split[1]]))}
    own, others = (np.array([numbers[word] for word in words], np.int32) for words in split)
    room = np.zeros(len(numbers), np.uint64), np.zeros(len(own) + len(others), np.uint64)

    def common(a: np.ndarray, b: np.ndarray) -> int:
        return lcs_length(a, b, *room)

    def narrowed(a: np.ndarray, b: np.ndarray) -> slice:
        """Return the shortest part of `a` that ends first and still has the whole common subsequence."""
        length = common(a, b)
        end = bisect_left(range(len(a) + 1), length, key=lambda stop: common(a[:stop], b))
        lost = bisect_left(range(end + 1), True, key=lambda start: common(a[start:end], b) < length)
        return slice(max(lost - 1, 0), end)

    mine = narrowed(own, others)
    theirs = narrowed(others, own[mine])
    return common(own, others), _shown(split[0][mine]), _shown(split[1][theirs])


def _shown(words: Sequence[str]) -> str:
    return " ".join(words)[:SHOWN]
