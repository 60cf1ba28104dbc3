"""Decide which tests may judge, and which solutions they choose: pure functions on who passed what.

CodeT (Chen et al. 2022, arXiv 2207.10397, section 2.2): solutions that pass exactly the same tests form a
set. Its score is the number of tests it passes times the square root of the number of its solutions, with
duplicates counted on both sides (as in the authors' src/agreement.py). A test that a model wrote is a guess
too, so it must fulfil conditions before it judges:

- At least two different solutions pass it: a single one may share its author's mistake.
- Something fails it, a solution or a mutant of one: a test that nothing fails says nothing.
- A function that returns nothing fails it, and the test gives the same results when it is run again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MIN_PASSING = 2
"""Number of different solutions that must pass a test: the smallest agreement in the sense of AutoIF and
CodeT."""


@dataclass(frozen=True, slots=True)
class ConsensusSet:
    """Solutions that pass exactly the same tests."""

    members: tuple[int, ...]
    """Indices of distinct solutions, in order."""
    passed: tuple[bool, ...]
    """Whether they pass each test."""
    score: float


def consensus_sets(
    passed: Sequence[Sequence[bool]], solution_counts: Sequence[int], test_counts: Sequence[int]
) -> list[ConsensusSet]:
    """Return the consensus sets, best first; of equal scores, the set with the earliest member comes first.

    Args:
        passed: for each distinct solution, which of the distinct tests it passes.
        solution_counts: how often each distinct solution was written.
        test_counts: how often each distinct test was written.
    """
    by_pattern: dict[tuple[bool, ...], list[int]] = {}
    for solution, outcomes in enumerate(passed):
        by_pattern.setdefault(tuple(outcomes), []).append(solution)
    sets = []
    for pattern, members in by_pattern.items():
        tests = sum(count for count, ok in zip(test_counts, pattern, strict=True) if ok)
        score = tests * math.sqrt(sum(solution_counts[i] for i in members))
        sets.append(ConsensusSet(tuple(members), pattern, score))
    return sorted(sets, key=lambda one: (-one.score, one.members))


def validated(
    passed: Sequence[Sequence[bool]],
    of_mutants: Sequence[Sequence[bool]],
    of_nothing: Sequence[bool],
    again: Mapping[int, Sequence[bool]],
) -> list[str]:
    """Return, for each test, "" if it may judge, else the reason why not.

    Args:
        passed: for each distinct solution, which tests it passes; each solution has one vote, however often
            it was written.
        of_mutants: the same for each mutant.
        of_nothing: the same for the function that returns nothing.
        again: for some solutions, by index, which tests they pass in a second run.
    """
    verdicts = []
    for test in range(len(of_nothing)):
        votes = [bool(outcomes[test]) for outcomes in passed]
        if any(bool(outcomes[test]) != votes[solution] for solution, outcomes in again.items()):
            verdicts.append("flaky")
        elif sum(votes) < MIN_PASSING:
            verdicts.append("too few solutions pass it")
        elif of_nothing[test]:
            verdicts.append("passes what returns nothing")
        elif all(votes) and all(outcomes[test] for outcomes in of_mutants):
            verdicts.append("nothing fails it")
        else:
            verdicts.append("")
    return verdicts
