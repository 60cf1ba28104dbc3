"""Compiled loops of the contamination analysis: the filter, the longest common subsequence, shared n-grams.

`data_synthesis.decontamination.index` explains the filter and proves that it loses no pair. Its arrays are
passed in plain tuples, because numba's cache on disk could not be read any more after a class was renamed:

- `texts`: of n test texts in order of their length, with N words in all: `lengths` (n,); `starts` (n + 1,),
  where each text begins in the next two; `words` (N,), numbers of words in the order of the text; `tokens`
  (N,), the tokens of each text, rarest first. A token is a word with the number of its occurrence in the
  text, so no text has a token twice. Tokens are numbered from the rarest to the commonest.
- `numbers`: of V different words and T different tokens: `base` (V + 1,), where in `rank` the occurrences of
  each word begin, as many as any test text has; `rank` (T,), their tokens.
- `first`: `need` (n,), how many tokens a common subsequence must have if this text is the shorter one,
  ascending; `hits` (n,), how many tokens of its rare part a longer text must have; for each token the texts
  that have it in their rare part, ascending, in one array, and where each list begins (T + 1,).
- `every`: `chance` (T,), the share of the test texts that have the token; for each token all texts that have
  it, as in `first`.
- `rule`: smallest length of a common subsequence; smallest share of the shorter text as two integers, its
  numerator and denominator.

The length of the longest common subsequence is computed with bits, 64 tokens of one text at a time
(Crochemore, Iliopoulos, Pinzon and Reid 2001, "A fast and practical bit-vector algorithm for the longest
common subsequence problem", in the form of Hyyro 2004, "Bit-parallel LCS-length computation revisited"), so
n times m/64 steps. Blocks of 64 tokens are the outer loop, and the carry of each addition into the next block
is kept; so memory is the size of the texts, not of their product.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from align.core.compiled import jit

CHECK = 60.0
"""What it costs to look at a proposed pair, in units of one step through a list of the index. An estimate,
not measured: about one step for each token of a usual test text. It changes only the time."""
BASE = np.uint64(0x9E3779B97F4A7C15)
"""Multiplier of the rolling hash of n-grams: odd, 2^64 over the golden ratio. Equal hashes are confirmed."""
_0, _1 = np.uint64(0), np.uint64(1)


@jit
def needed(length: int, rule: Any) -> int:
    """Return how long a common subsequence must be, where the shorter text has `length` tokens."""
    least, over, under = rule
    return max(least, -(-length * over // under))


@jit
def hits_needed(tokens: Any, need: int, chance: Any) -> int:
    """Return how many tokens of a text's rare part another text must have before the pair is looked at.

    With more hits, the rare part is longer, and lists of commoner tokens are read; with fewer, more pairs
    must be looked at. The smaller expected cost is chosen. The number of hits is taken as Poisson distributed
    and its tail as Chernoff's bound. Every number from 1 to `need` is correct; it changes only the time.

    Args:
        tokens: the text's tokens that occur in any test text, rarest first, at least `need`.
        need: how many tokens a common subsequence must have.
        chance: the share of the other texts that have a token, by token.
    """
    mean = 0.0
    for place in range(tokens.size - need):
        mean += chance[tokens[place]]
    best, cheapest = 1, np.inf
    for hits in range(1, need + 1):
        mean += chance[tokens[tokens.size - need + hits - 1]]
        if mean >= cheapest:
            break
        tail = 1.0
        if hits > mean:
            tail = 0.0 if mean == 0.0 else math.exp(hits - mean - hits * math.log(hits / mean))
        if mean + CHECK * tail < cheapest:
            best, cheapest = hits, mean + CHECK * tail
    return best


@jit
def all_hits_needed(tokens: Any, starts: Any, need: Any, chance: Any) -> Any:
    """Return `hits_needed` of each test text."""
    hits = np.empty(need.size, np.int32)
    for text in range(need.size):
        hits[text] = hits_needed(tokens[starts[text] : starts[text + 1]], need[text], chance)
    return hits


@jit
def number_occurrences(words: Any, starts: Any, base: Any) -> Any:
    """Return the place in `rank` of each word's occurrence; -1 if no test text has so many of it.

    Args:
        words: (N,) word numbers of several texts.
        starts: (n + 1,) where each text begins.
        base: as in `numbers`.
    """
    seen = np.zeros(base.size - 1, np.int32)
    places = np.empty(words.size, np.int64)
    for text in range(starts.size - 1):
        inside = words[starts[text] : starts[text + 1]]
        for i in range(inside.size):
            word = inside[i]
            place = base[word] + seen[word]
            places[starts[text] + i] = place if place < base[word + 1] else -1
            seen[word] += 1
        for word in inside:
            seen[word] = 0
    return places


@jit
def lcs_length(one: Any, other: Any, masks: Any, carry: Any) -> int:
    """Return the length of the longest common subsequence of two texts.

    Args:
        one: (n,) word numbers of a text.
        other: (m,) word numbers of the other text.
        masks: (V,) uint64, all zero, for every word number; left all zero.
        carry: (n or more,) uint64, to work in.
    """
    carry[: one.size] = _0
    length = 0
    for begin in range(0, other.size, 64):
        block = other[begin : begin + 64]
        for i in range(block.size):
            masks[block[i]] |= _1 << np.uint64(i)
        row = ~_0
        for i in range(one.size):
            mask, carried = masks[one[i]], carry[i]
            if (mask | carried) == _0:
                continue
            added = row & mask
            total = row + added
            summed = total + carried
            carry[i] = _1 if total < row or summed < total else _0
            row = summed | (row & ~mask)
        for i in range(block.size):
            masks[block[i]] = _0
            length += (row >> np.uint64(i)) & _1 == _0
    return length


@jit
def _tokens_of(text: Any, numbers: Any, seen: Any, holds: Any, tokens: Any) -> int:
    """Write the tokens of a text that occur in any test text, and mark them in `holds`; return how many."""
    base, rank = numbers
    known = 0
    for word in text:
        place = base[word] + seen[word]
        seen[word] += 1
        if place < base[word + 1]:
            token = rank[place]
            tokens[known] = token
            holds[token] = True
            known += 1
    for word in text:
        seen[word] = 0
    return known


@jit
def _shorter(length: int, tokens: Any, texts: Any, first: Any, counts: Any, holds: Any, found: Any) -> int:
    """Write the test texts not longer than a text of `length` words that may match it; return how many."""
    lengths, starts, _, test_tokens = texts
    need, hits, list_starts, owners = first
    limit = min(_below(lengths, length + 1), _below(need, tokens.size + 1))
    counts[:limit] = 0
    proposed = 0
    for token in tokens:
        for place in range(list_starts[token], list_starts[token + 1]):
            text = owners[place]
            if text >= limit:
                break
            counts[text] += 1
            if counts[text] == hits[text]:
                found[proposed] = text
                proposed += 1
    kept = 0
    for text in found[:proposed]:
        missing = need[text] - counts[text]
        rare = lengths[text] - need[text] + hits[text]
        rest = test_tokens[starts[text] + rare : starts[text + 1]]
        for i in range(rest.size):
            if missing <= 0 or missing > rest.size - i:
                break
            missing -= holds[rest[i]]
        if missing <= 0:
            found[kept] = text
            kept += 1
    return kept


@jit
def _longer(length: int, tokens: Any, texts: Any, every: Any, rule: Any, counts: Any, found: Any) -> int:
    """Write the test texts that are longer than a text of `length` words and may match it; return how many.

    It sorts `tokens`.
    """
    lengths, starts, _, test_tokens = texts
    chance, list_starts, owners = every
    above, need = _below(lengths, length + 1), needed(length, rule)
    if above == lengths.size or tokens.size < need:
        return 0
    tokens.sort()
    hits = hits_needed(tokens, need, chance)
    rare = tokens.size - need + hits
    counts[above:] = 0
    proposed = 0
    for token in tokens[:rare]:
        for place in range(list_starts[token + 1] - 1, list_starts[token] - 1, -1):
            text = owners[place]
            if text < above:
                break
            counts[text] += 1
            if counts[text] == hits:
                found[proposed] = text
                proposed += 1
    kept = 0
    for text in found[:proposed]:
        inside = test_tokens[starts[text] : starts[text + 1]]
        missing = need - counts[text]
        for i in range(rare, tokens.size):
            if missing <= 0 or missing > tokens.size - i:
                break
            place = _below(inside, tokens[i])
            missing -= place < inside.size and inside[place] == tokens[i]
        if missing <= 0:
            found[kept] = text
            kept += 1
    return kept


@jit
def matches(
    words: Any, starts: Any, lengths: Any, texts: Any, numbers: Any, first: Any, every: Any, rule: Any
) -> Any:
    """Return all pairs that satisfy the rule, as rows (text, test text, length of the common subsequence).

    Args:
        words: (N,) numbers of those words of several texts that occur in any test text.
        starts: (n + 1,) where each text begins.
        lengths: (n,) number of words of each text, the unknown ones included.
        texts: the test texts; this and what follows as at the top of this file.
        numbers: the tokens of words.
        first: the tokens in the rare parts of the test texts.
        every: all tokens of the test texts.
        rule: the rule.
    """
    test_lengths, test_starts, test_words, _ = texts
    vocabulary, tests = numbers[0].size - 1, test_lengths.size
    most = 1
    for text in range(lengths.size):
        most = max(most, starts[text + 1] - starts[text])
    seen, holds = np.zeros(vocabulary, np.int32), np.zeros(numbers[1].size, np.bool_)
    counts, found = np.zeros(tests, np.int32), np.empty(tests, np.int32)
    masks, carry = np.zeros(vocabulary, np.uint64), np.zeros(most, np.uint64)
    room = np.empty(most, np.int32)
    pairs, filled = np.empty((1024, 3), np.int64), 0
    for text in range(lengths.size):
        inside, length = words[starts[text] : starts[text + 1]], lengths[text]
        tokens = room[: _tokens_of(inside, numbers, seen, holds, room)]
        if tokens.size >= rule[0]:
            short = _shorter(length, tokens, texts, first, counts, holds, found)
            both = short + _longer(length, tokens, texts, every, rule, counts, found[short:])
            for test in found[:both]:
                other = test_words[test_starts[test] : test_starts[test + 1]]
                common = lcs_length(inside, other, masks, carry)
                if common >= needed(min(length, test_lengths[test]), rule):
                    pairs = _with_room(pairs, filled)
                    pairs[filled, 0], pairs[filled, 1], pairs[filled, 2] = text, test, common
                    filled += 1
        for token in tokens:
            holds[token] = False
    return pairs[:filled]


@jit
def _with_room(pairs: Any, filled: int) -> Any:
    """Return the pairs, in an array twice as long if all of it is filled."""
    if filled < len(pairs):
        return pairs
    larger = np.empty((2 * len(pairs), 3), np.int64)
    for row in range(filled):  # compiled in less time than an assignment of arrays
        for column in range(3):
            larger[row, column] = pairs[row, column]
    return larger


@jit
def _below(values: Any, value: int) -> int:
    """Return how many of the ascending values are below a value. np.searchsorted takes seconds to compile."""
    low, high = 0, values.size
    while low < high:
        middle = (low + high) // 2
        if values[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@jit
def gram_hashes(words: Any, starts: Any, size: int) -> Any:
    """Return the hash of every n-gram of several texts, and the place of its last word.

    Args:
        words: (N,) word numbers; no n-gram goes over a word that is -1.
        starts: (n + 1,) where each text begins; no n-gram goes over the end of a text.
        size: words in an n-gram.
    """
    hashes, ends = np.empty(words.size, np.uint64), np.empty(words.size, np.int64)
    filled, oldest = 0, _1
    for _ in range(size):
        oldest *= BASE
    for text in range(starts.size - 1):
        run, value = 0, _0
        for i in range(starts[text], starts[text + 1]):
            if words[i] < 0:
                run, value = 0, _0
                continue
            run += 1
            value = value * BASE + np.uint64(words[i] + 1)
            if run > size:
                value -= np.uint64(words[i - size] + 1) * oldest
            if run >= size:
                hashes[filled], ends[filled] = value, i
                filled += 1
    return hashes[:filled], ends[:filled]


@jit
def mark_shared(words: Any, starts: Any, size: int, tests: Any, maybe: Any, shared: Any) -> None:
    """Mark one of the equal n-grams of the test texts for every n-gram that other texts share with them.

    Args:
        words: as in `gram_hashes`.
        starts: as in `gram_hashes`.
        size: words in an n-gram.
        tests: word numbers of the test texts, hashes of their n-grams in ascending order, and their ends.
        maybe: (a power of two,) whether a test's n-gram has these first bits of its hash; it saves time.
        shared: for each n-gram of the tests; True is written.
    """
    test_words, test_hashes, test_ends = tests
    shift = np.uint64(64 - round(math.log2(maybe.size)))
    hashes, ends = gram_hashes(words, starts, size)
    for i in range(hashes.size):
        if not maybe[hashes[i] >> shift]:
            continue
        place = _below(test_hashes, hashes[i])
        while place < test_hashes.size and test_hashes[place] == hashes[i]:
            if same_gram(words, ends[i], test_words, test_ends[place], size):
                shared[place] = True
                break
            place += 1


@jit
def same_gram(one: Any, one_end: int, other: Any, other_end: int, size: int) -> bool:
    """Are the n-grams equal that end at these places of two texts?"""
    back = 0
    while back < size and one[one_end - back] == other[other_end - back]:
        back += 1
    return back == size


@jit
def spread(shared: Any, tests: Any, size: int) -> Any:
    """Return `shared` of `mark_shared`, with True for every n-gram that is equal to one that is marked."""
    words, hashes, ends = tests
    spread_to = shared.copy()
    for place in range(hashes.size):
        if not shared[place]:
            continue
        # the first of the equal ones is marked, the others have the same hash
        other = place + 1
        while other < hashes.size and hashes[other] == hashes[place]:
            spread_to[other] |= same_gram(words, ends[place], words, ends[other], size)
            other += 1
    return spread_to
