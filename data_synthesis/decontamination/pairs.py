"""Which training texts contain which test texts: the rule of the Qwen2 report (arXiv 2407.10671, 5.2.6).

The report removes a training text s if for some test text t the longest common subsequence of their tokens
has at least 13 tokens and at least 0.6 x min(|s|, |t|). A subsequence keeps the order of the tokens and may
leave some out, so insertions, deletions and other symbols do not hide a copy. The report speaks of n-gram
matching "with" this constraint and does not say whether both are required. Here:

1. The common subsequence alone decides, and all pairs that satisfy it are found, also those without a common
   13-gram. Whether there is one is told beside it (`Match.ngram_hit`).
2. Tokens are words (`data_synthesis.decontamination.text`), not the tokens of a model.
3. A text of fewer than 13 tokens matches nothing, as in the report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import itemgetter

from data_synthesis.decontamination.text import Tokenizer, tokens

CACHED = 4096
"""Number of test texts whose n-grams stay in a cache, because many training texts may contain the same."""


@dataclass(frozen=True, slots=True)
class Match:
    """A training text and a test text with a long common subsequence."""

    train_index: int
    test_index: int
    lcs: int
    """Number of tokens in the longest common subsequence."""
    ngram_hit: bool
    """Whether the two also share an n-gram: neighbouring tokens in the same order."""


def find_contaminated(
    train: Sequence[str],
    test: Sequence[str],
    *,
    ngram: int = 13,
    lcs: int = 13,
    share: float = 0.6,
    tokenizer: Tokenizer = "words",
    advance: Callable[[int], object] | None = None,
) -> list[Match]:
    """Return every pair of a training text and a test text that satisfies the rule.

    The result is that of comparing all pairs. With a language's usual vocabulary, few pairs are compared;
    texts over few tokens (`characters` of an alphabet) share most of them, and nearly all are.

    Args:
        train: training texts.
        test: test texts.
        ngram: number of tokens in the n-grams of `Match.ngram_hit`, at least 1.
        lcs: smallest length of a common subsequence, in tokens, at least 1.
        share: smallest length of a common subsequence, as a share of the shorter text, 0 to 1.
        tokenizer: `words` or `characters`, see `data_synthesis.decontamination.text.tokens`.
        advance: is called with the number of training texts that were searched since its last call.

    Returns:
        The matches in order of `train_index`, then `test_index`.

    Raises:
        ValueError: a number is out of its range.
    """
    return list(
        each_match(train, test, ngram=ngram, lcs=lcs, share=share, tokenizer=tokenizer, advance=advance)
    )


def each_match(
    train: Sequence[str],
    test: Sequence[str],
    *,
    ngram: int,
    lcs: int,
    share: float,
    tokenizer: Tokenizer,
    advance: Callable[[int], object] | None,
) -> Iterator[Match]:
    """Yield what `find_contaminated` returns, match by match: long training texts may have very many."""
    from data_synthesis.decontamination.index import Index  # noqa: PLC0415 (numba is slow to import)

    check_rule(ngram, lcs, share)
    grams = _Grams(test, ngram, tokenizer)
    for pairs, count in Index(train, test, lcs, share, tokenizer).pairs(train):
        for index, same in groupby(pairs.tolist(), key=itemgetter(0)):
            own = grams.of(train[index])
            for _, other, common in same:
                yield Match(index, other, common, grams.shared(own, other))
        if advance:
            advance(count)


def check_rule(ngram: int, lcs: int, share: float) -> None:
    """Raise ValueError if a number of the rule is out of its range."""
    for name, value in (("ngram", ngram), ("lcs", lcs)):
        if value < 1:
            raise ValueError(f"{name} is {value}; it is a number of tokens, 1 or more")
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share}; it is a share of the shorter text, 0 to 1")


class _Grams:
    """The n-grams of texts, those of test texts from a cache."""

    def __init__(self, test: Sequence[str], size: int, tokenizer: Tokenizer) -> None:
        self._size, self._tokenizer = size, tokenizer
        self._of_test = lru_cache(CACHED)(lambda index: self.of(test[index]))

    def of(self, text: str) -> frozenset[tuple[str, ...]]:
        """Return the n-grams of a text; a shorter text has none."""
        words = tokens(text, self._tokenizer)
        return frozenset(zip(*(words[start:] for start in range(self._size)), strict=False))

    def shared(self, grams: frozenset[tuple[str, ...]], test_index: int) -> bool:
        """Is one of these n-grams in that test text?"""
        return not grams.isdisjoint(self._of_test(test_index))
