"""Functions that a model wrote to verify an instruction, run in the sandbox: which of them say that a text obeys?

The idea is AutoIF's (Dong et al. 2024, arXiv 2406.13542): an instruction comes with functions `evaluate(response) -> bool`
that were cross-validated when they were made (`data_synthesis.cross_validation`); several vote, because each may be wrong.

Departures from AutoIF's code:
1. A function runs in the sandbox, not in the trainer by `exec`.
2. Only `True` is a yes. A function that raises, hangs or returns something else has not said that the text obeys, so a text
   that breaks its verifier gains nothing by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from reward.sandbox import NO_DATA, Sandbox

ENTRY_POINT = "evaluate"
"""The function's name (AutoIF's), which takes the text."""
_LIVES = frozenset({"returned", "error"})
"""A call that ended like this leaves the process able to answer the next."""


@dataclass(frozen=True, slots=True)
class Functions:
    """Sources of functions that vote on one instruction; at least one."""

    sources: tuple[str, ...]


async def say(sandbox: Sandbox, source: str, texts: Sequence[str], lives: int = 4) -> list[bool | str]:
    """Return what a function says of each text: True, False, or a status word and why where it says neither.

    A text on which it dies or runs out of time costs that text only: the rest is asked in a new process, unless that was
    the last of its lives. Then the rest has its word.
    """
    said: list[bool | str] = []
    while len(said) < len(texts):
        results = await sandbox.calls(source, ENTRY_POINT, [[text] for text in texts[len(said) :]])
        for result in results:
            plain = result.status == "returned" and isinstance(result.value, bool)
            other = "error: it returns no bool" if result.status == "returned" else f"{result.status}: {result.why}"
            said.append(result.value if plain else other)
            if result.status not in _LIVES:
                lives -= 1
                break
        if lives == 0 or results[0].status == "load_error":  # it will not load again either
            said += [said[-1]] * (len(texts) - len(said))
    return said


async def shares(sandbox: Sandbox, voting: Functions, texts: Sequence[str]) -> list[float | None]:
    """Return, for each text, the share of functions that say it obeys; None where a run gave no data."""
    votes = await asyncio.gather(*(say(sandbox, source, texts) for source in voting.sources))
    return [_share([said[i] for said in votes]) for i in range(len(texts))]


def no_data(said: bool | str) -> bool:
    """Is it a word that says nothing of the function, as when the machine had no process left?"""
    return isinstance(said, str) and said.partition(":")[0] in NO_DATA


def _share(votes: Sequence[bool | str]) -> float | None:
    return None if any(map(no_data, votes)) else votes.count(True) / len(votes)
