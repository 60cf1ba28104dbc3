"""Find all pairs of texts with a long common subsequence, without comparing all pairs.

A training text s and a test text t match if their longest common subsequence has at least k = max(`least`,
`share` of m) words, where m is the length of the shorter one. Most pairs are ruled out by prefix filtering
(Chaudhuri, Ganti and Kaushik 2006, "A primitive operator for similarity joins in data cleaning"; Xiao et al.
2011, "Efficient similarity joins for near-duplicate detection"), extended to more than one hit (Wang, Li and
Feng 2012, "Can we beat the prefix filtering?"). No matching pair is lost:

1. Number the occurrences of each word in a text: its first "the" is the token (the, 1), its second is (the,
   2). Then the tokens of a text are a set, as large as the text is long.
2. If s and t have a common subsequence of c words, in which a word w occurs c_w times, then both have the
   tokens (w, 1) ... (w, c_w). So they share at least c tokens. A matching pair shares at least k tokens.
3. Then at most m - k tokens of the shorter text are missing in the longer one. So of any m - k + h tokens of
   the shorter text, at least h occur in the longer one, for every h from 1 to k.

The third statement holds for any choice of the m - k + h tokens; the rarest are chosen, because few other
texts have them. An index maps each token to the texts that have it in this rare part. Pairs with fewer than h
hits are ruled out. For the others the rest of the shorter text is checked, until k shared tokens are found or
can no longer be reached (statement 2). Only what is left is compared word by word.

Which text is shorter depends on the pair, so there are two indexes of the test texts. Those that are not
longer than s are found by their own rare part, among all tokens of s. Those that are longer than s are found
by the rare part of s, among all their tokens. Tokens of s that no test text has are its rarest: they are in
the rare part, and never hit. "Rare" means rare in a sample of the training texts; the order, the sample and h
change only the time.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from functools import partial
from itertools import chain, islice
from typing import Any

import numpy as np

from data_synthesis.decontamination import kernels
from data_synthesis.decontamination.text import Tokenizer, tokens

SLICE = 2_000
"""Number of training texts that are searched together."""
SAMPLE = 4_000
"""Number of training texts that tell which tokens are rare."""
MAYBE = 16
"""Smallest number of bits of a hash by which n-grams are told apart before they are looked up."""


class Vocabulary:
    """Turns texts into numbers of words; a word that no test text has is unknown."""

    def __init__(self, texts: Iterable[str], tokenizer: Tokenizer) -> None:
        """Number the words of the test texts, and keep these texts as numbers."""
        self._numbers: dict[str, int] = {}
        self._tokenizer: Tokenizer = tokenizer
        self.texts = [
            [self._numbers.setdefault(word, len(self._numbers)) for word in tokens(text, tokenizer)]
            for text in texts
        ]

    def __len__(self) -> int:
        return len(self._numbers)

    def known(self, texts: Iterable[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the numbers of all known words of texts, where each text begins, and the texts' lengths."""
        split = [tokens(text, self._tokenizer) for text in texts]
        get = self._numbers.get
        words, starts = flat([[n for n in map(get, text) if n is not None] for text in split])
        return words, starts, np.array([*map(len, split)], np.int32)

    def all(self, texts: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers of all words of texts, -1 for an unknown word, and where each text begins."""
        get = self._numbers.get
        return flat([[get(word, -1) for word in tokens(text, self._tokenizer)] for text in texts])


def flat(texts: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of all texts in one array, and where each text begins, with the end of the last."""
    starts = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) for text in texts], out=starts[1:])
    words = np.fromiter(chain.from_iterable(texts), np.int32, int(starts[-1]))
    return words, starts


class Index:
    """Finds the test texts that match a training text."""

    def __init__(
        self, train: Sequence[str], test: Sequence[str], least: int, share: float, tokenizer: Tokenizer
    ) -> None:
        """Read the test texts.

        Args:
            train: the training texts, of which a sample is read.
            test: the test texts.
            least: smallest length of a common subsequence that counts, in words.
            share: smallest share of the shorter text, 0 to 1. It is taken as the decimal number that it is
                printed as, so that 0.6 of 35 words are 21.
            tokenizer: as in `tokens`.
        """
        self._vocabulary = Vocabulary(test, tokenizer)
        texts = self._vocabulary.texts
        long_enough = [number for number in range(len(texts)) if len(texts[number]) >= least]
        self._numbers = np.array(sorted(long_enough, key=lambda number: len(texts[number])), np.int64)
        """Which test text each text of the index is."""
        sample = train[:: max(1, len(train) // SAMPLE)]
        chosen = [texts[number] for number in self._numbers]
        self._arrays = _build(chosen, self._vocabulary.known(sample), len(self._vocabulary), least, share)

    def pairs(self, train: Iterable[str]) -> Iterator[tuple[np.ndarray, int]]:
        """Yield the matching pairs of each slice of the training texts, and the number of texts in it.

        The pairs are an array of three columns: number of the training text, number of the test text, and
        the length of their longest common subsequence. They are in order of the first two.
        """
        start = 0
        if not len(self._numbers):
            return
        for found, count in in_slices(train, self._vocabulary.known, self._search):
            found[:, 0] += start
            found[:, 1] = self._numbers[found[:, 1]]
            yield found[np.lexsort((found[:, 1], found[:, 0]))], count
            start += count

    def _search(self, words: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, int]:
        return kernels.matches(words, starts, lengths, *self._arrays), len(lengths)


def in_slices(
    texts: Iterable[str], read: Callable[[Sequence[str]], tuple[Any, ...]], work: Callable[..., Any]
) -> Iterator[Any]:
    """Yield the results of compiled work on slices of texts, in order; all cores work while texts are read.

    Args:
        texts: the texts, of which only some slices are in memory at once.
        read: turns a slice of texts into the arguments of `work`; runs in this thread.
        work: compiled, so that it does not hold Python's lock; runs in other threads.
    """
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[Any]] = deque()
        source = iter(texts)
        while part := list(islice(source, SLICE)):
            waiting.append(pool.submit(work, *read(part)))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _build(
    texts: Sequence[Sequence[int]],
    sample: tuple[np.ndarray, np.ndarray, np.ndarray],
    vocabulary: int,
    least: int,
    share: float,
) -> tuple[tuple[Any, ...], ...]:
    """Return the arrays of `kernels.matches` for test texts.

    The texts come in order of their length, and have at least `least` words each.
    """
    words, starts = flat(texts)
    lengths = np.diff(starts)
    base = np.zeros(vocabulary + 1, np.int64)
    np.cumsum(_most(texts, vocabulary), out=base[1:])
    places = kernels.number_occurrences(words, starts, base)
    in_tests, in_train = _frequency(places, base), _frequency(_sampled(sample, base), base)
    rank = np.empty(len(in_tests), np.int32)
    rank[np.lexsort((in_tests, in_train))] = np.arange(len(rank), dtype=np.int32)
    owners = np.repeat(np.arange(len(texts), dtype=np.int32), lengths)
    tokens = rank[places]
    tokens = tokens[np.lexsort((tokens, owners))]
    portion = Fraction(str(share))
    rule = least, portion.numerator, portion.denominator
    need = np.array([kernels.needed(int(n), rule) for n in lengths], np.int32)
    chance = np.empty((2, len(rank)))
    chance[0, rank], chance[1, rank] = in_train / max(1, len(sample[2])), in_tests / max(1, len(texts))
    hits = kernels.all_hits_needed(tokens, starts, need, chance[0])
    rare = np.arange(len(tokens)) - starts[owners] < (lengths - need + hits)[owners]
    first, every = _lists(tokens[rare], owners[rare], len(rank)), _lists(tokens, owners, len(rank))
    return (
        (lengths, starts, words, tokens),
        (base, rank),
        (need, hits, *first),
        (chance[1], *every),
        rule,
    )


def _most(texts: Sequence[Sequence[int]], vocabulary: int) -> np.ndarray:
    """Return how often each word occurs in the text that has it most often."""
    most = np.zeros(vocabulary, np.int64)
    for text in texts:
        words, counts = np.unique(np.array(text, np.int32), return_counts=True)
        most[words] = np.maximum(most[words], counts)
    return most


def _sampled(sample: tuple[np.ndarray, np.ndarray, np.ndarray], base: np.ndarray) -> np.ndarray:
    words, starts, _ = sample
    places = kernels.number_occurrences(words, starts, base)
    return places[places >= 0]


def _frequency(places: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Return for each token the number of texts that have it; no text has a token twice."""
    return np.bincount(places, minlength=int(base[-1]))


def _lists(tokens: np.ndarray, owners: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return for each token the texts that have it, one list behind the other, and where each list begins."""
    starts = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(tokens, minlength=count), out=starts[1:])
    return starts, owners[np.argsort(tokens, kind="stable")]


class Grams:
    """Finds the test texts that share an n-gram with training texts."""

    def __init__(self, test: Sequence[str], size: int, tokenizer: Tokenizer) -> None:
        """Read the n-grams of the test texts."""
        self._vocabulary, self._size = Vocabulary(test, tokenizer), size
        words, self._starts = flat(self._vocabulary.texts)
        hashes, ends = kernels.gram_hashes(words, self._starts, size)
        order = np.argsort(hashes)
        self._tests = words, hashes[order], ends[order]
        bits = max(MAYBE, (len(hashes) * 64).bit_length())
        self._maybe = np.zeros(1 << bits, np.bool_)
        self._maybe[hashes >> np.uint64(64 - bits)] = True

    def shared(self, train: Iterable[str]) -> set[int]:
        """Return the numbers of the test texts that share an n-gram with any training text."""
        _, hashes, ends = self._tests
        marked = np.zeros(len(hashes), np.bool_)
        if len(hashes):
            for _ in in_slices(train, self._vocabulary.all, partial(self._mark, marked)):
                pass
        owners = np.searchsorted(self._starts, ends, side="right") - 1
        return set(owners[kernels.spread(marked, self._tests, self._size)].tolist())

    def _mark(self, marked: np.ndarray, words: np.ndarray, starts: np.ndarray) -> None:
        kernels.mark_shared(words, starts, self._size, self._tests, self._maybe, marked)
