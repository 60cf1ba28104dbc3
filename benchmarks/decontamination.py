"""How long the contamination analysis takes, how much memory, and whether it finds what comparing all pairs finds.

    python benchmarks/decontamination.py [ROWS [ITEMS]]

ROWS (500,000) training texts of 200 words on average and ITEMS (20,000) test texts of 60 on average, drawn from a seed with the
frequencies of a language (Zipf) from 50,000 words. In one of 50 training texts, a passage is replaced by a copy of a test text,
in which up to half of the words were replaced, left out or moved; so some copies satisfy the rule and others do not.

`find_contaminated` and `ngram_overlap` run in a process of their own whose peak of memory is measured; the texts themselves are
part of it. The naive way compares all pairs of a sample (SAMPLE training texts and test texts) with the same compiled function
for the longest common subsequence, on one core. Its time for all pairs is extrapolated, and it must find the same pairs in the
sample. Results: benchmarks/results/, docs/decontamination.md.
"""

from __future__ import annotations

import json
import os
import platform
import random
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from deduplicate import WORDS, vocabulary

from align.core.compiled import jit
from data_synthesis.decontamination import find_contaminated, ngram_overlap
from data_synthesis.decontamination.index import Vocabulary, flat
from data_synthesis.decontamination.kernels import lcs_length

TRAIN, TEST, SAMPLE, PLANTED = 200, 60, 3_000, 50


def draw(rows: int, items: int) -> tuple[list[str], list[str]]:
    """Return training texts and test texts."""
    rng, numbers = random.Random(1), np.random.default_rng(1)
    words = np.array(vocabulary(rng), dtype=object)
    rng.shuffle(words)
    chance = 1 / np.arange(1, WORDS + 1)
    chances = np.cumsum(chance / chance.sum())

    def text(mean: int) -> list[int]:
        return np.searchsorted(chances, numbers.random(rng.randint(mean // 3, 2 * mean - mean // 3))).tolist()

    test = [text(TEST) for _ in range(items)]
    train = []
    for number in range(rows):
        drawn = text(TRAIN)
        if number % PLANTED == 0:
            place = rng.randint(0, len(drawn))
            drawn[place : place + TEST] = changed(test[rng.randrange(items)], rng)
        train.append(" ".join(words[drawn]))
    return train, [" ".join(words[numbers]) for numbers in test]


def changed(text: list[int], rng: random.Random) -> list[int]:
    """Return a copy in which 0 to 50% of the words were replaced, left out or moved."""
    copy = list(text)
    for _ in range(rng.randint(0, len(text) // 2)):
        place = rng.randrange(len(copy))
        kind = rng.random()
        if kind < 0.4:
            copy[place] = rng.randrange(WORDS)
        elif kind < 0.7:
            copy.insert(rng.randint(0, len(copy)), copy.pop(place))
        elif len(copy) > 1:
            copy.pop(place)
    return copy


@jit
def naive(train: Any, train_starts: Any, test: Any, test_starts: Any, room: Any) -> Any:
    """Return all pairs that satisfy the rule with 13 and 0.6, by comparing each with each."""
    masks, carry = room
    found = []
    for i in range(train_starts.size - 1):
        one = train[train_starts[i] : train_starts[i + 1]]
        for j in range(test_starts.size - 1):
            other = test[test_starts[j] : test_starts[j + 1]]
            common = lcs_length(one, other, masks, carry)
            if common >= 13 and 5 * common >= 3 * min(one.size, other.size):
                found.append((i, j, common))
    return found


def compare_all(train: Sequence[str], test: Sequence[str]) -> tuple[set[tuple[int, int, int]], float]:
    """Return what the naive way finds, and the seconds that it takes a pair."""
    vocabulary = Vocabulary([*test, *train], "words")
    others, own = flat(vocabulary.texts[: len(test)]), flat(vocabulary.texts[len(test) :])
    room = np.zeros(len(vocabulary), np.uint64), np.zeros(10_000, np.uint64)
    naive(own[0], own[1][:2], *others, room)  # compiles
    started = time.monotonic()
    found = naive(*own, *others, room)
    return set(found), (time.monotonic() - started) / (len(train) * len(test))


def work(rows: int, items: int) -> None:
    """Run the analysis; print what it took and found as JSON."""
    train, test = draw(rows, items)
    find_contaminated(train[:50], test[:50])
    ngram_overlap(train[:50], test[:50])  # both compile
    before = peak()
    started = time.monotonic()
    found = find_contaminated(train, test)
    seconds, after = time.monotonic() - started, peak()
    started = time.monotonic()
    shared, strict = ngram_overlap(train, test), time.monotonic()
    of_sample = [(m.train_index, m.test_index, m.lcs) for m in found if max(m.train_index, m.test_index) < SAMPLE]
    naive_found, each = compare_all(train[:SAMPLE], test[:SAMPLE])
    print(
        json.dumps(
            {
                "seconds": seconds,
                "strict": strict - started,
                "gigabytes": [before, after],
                "found": [len(found), len({m.train_index for m in found}), sum(m.ngram_hit for m in found), len(shared)],
                "sample": [len(of_sample), len(naive_found), set(of_sample) == naive_found],
                "hours": each * rows * items / 3600,
            }
        )
    )


def peak() -> float:
    """Return the peak of memory of this process, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main(rows: int, items: int) -> None:
    """Run it in a process of its own and say what came out."""
    command = [sys.executable, __file__, "--work", str(rows), str(items)]
    told = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[-1])
    before, after = told["gigabytes"]
    pairs, hit_rows, grams, shared = told["found"]
    ours, naive_pairs, same = told["sample"]
    cores = f"{os.cpu_count()} cores, {platform.machine()}, load {os.getloadavg()[0]:.1f} at the end"
    print(f"{time.strftime('%d %b %Y')}, {cores}, {platform.system()}, Python {platform.python_version()}")
    print(f"{rows:,} training texts, {items:,} test texts")
    print(f"find_contaminated: {told['seconds']:.0f} s, peak {after:.2f} GiB; {before:.2f} GiB before it began")
    print(f"  {pairs:,} pairs, {hit_rows:,} training texts; {pairs - grams:,} pairs without a shared 13-gram")
    print(f"ngram_overlap: {told['strict']:.0f} s, {shared:,} test texts")
    print(f"all pairs, the same LCS, one core, extrapolated from a sample: {told['hours']:.1f} h")
    print(f"  in the sample: {ours} pairs by the index, {naive_pairs} by comparing all; the same: {same}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(int(sys.argv[2]), int(sys.argv[3]))
    else:
        given = [int(text) for text in sys.argv[1:]]
        main(*(given + [500_000, 20_000][len(given) :]))
