"""Which test texts share a 13-gram with training texts: the strict split of the Qwen2 report.

The report (arXiv 2407.10671, section 5.2.6) scores its models again on test sets without the items that have
any 13-gram in common with training data, after OpenAI's analysis of GPT-4 (arXiv 2303.08774, appendix C). The
common subsequence plays no part.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from data_synthesis.decontamination.pairs import check_rule
from data_synthesis.decontamination.text import Tokenizer


def ngram_overlap(
    train: Iterable[str], test: Sequence[str], *, ngram: int = 13, tokenizer: Tokenizer = "words"
) -> set[int]:
    """Return the numbers of the test texts that share an n-gram with any training text.

    A test text of fewer than `ngram` tokens has no n-gram and is never returned, as in the report.
    `kind: decontaminate` with `exact: true` finds such items where a row asks the same.

    Args:
        train: training texts; only some slices of them are in memory at once.
        test: test texts.
        ngram: number of neighbouring tokens, at least 1.
        tokenizer: `words` or `characters`, see `data_synthesis.decontamination.text.tokens`.

    Raises:
        ValueError: `ngram` is less than 1.
    """
    from data_synthesis.decontamination.index import Grams  # noqa: PLC0415 (numba is slow to import)

    check_rule(ngram, 1, 1)
    return Grams(test, ngram, tokenizer).shared(train)
