"""Run functions that a model wrote to verify an instruction, in the sandbox, and count their votes.

The idea is AutoIF's (Dong et al. 2024, arXiv 2406.13542): an instruction comes with functions
`evaluate(response) -> bool` that were cross-validated when they were made
(`data_synthesis.execution_feedback.cross_validation`). Several functions vote, because each may be wrong.

Departures from AutoIF's code:
1. A function runs in the sandbox; AutoIF runs it in the trainer with `exec`.
2. Only `True` is a yes. A function that raises, hangs or returns something else has not said that the text
   obeys, so a text that breaks its verifier gains nothing.
3. A function that does not load judges nothing: that is the fault of the function's author, not of the text.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from reward.sandbox import NO_DATA, Sandbox

ENTRY_POINT = "evaluate"
"""The name of the function that takes the text, as in AutoIF."""
NOT_ASKED = "infra_error: not asked, for the function failed on too many texts before"
_LIVES = frozenset({"returned", "error"})
"""Call statuses after which the process can answer the next call."""


@dataclass(frozen=True, slots=True)
class Functions:
    """Source codes of functions that vote on one instruction; at least one."""

    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vote:
    """The votes of some functions on one text."""

    share: float | None
    """Share of the functions that say yes; None if one could not be run."""
    why: str
    """The reason why the share is not 1, in words."""


async def say(sandbox: Sandbox, source: str, texts: Sequence[str], lives: int = 4) -> list[bool | str]:
    """Return a function's verdict on each text: True, False, or a status word and the reason.

    One process gets one text after the other, and its limits hold for all of them together. So a text at
    which it dies is tried once more, as the first of a new process, before it gets that status. When the
    function has died `lives` times at a first text, the remaining texts are not tried.
    """
    said: list[bool | str] = []
    while len(said) < len(texts) and lives:
        results = await sandbox.calls(source, ENTRY_POINT, [[text] for text in texts[len(said) :]])
        if results[0].status == "load_error":  # it would not load the next time either
            return [f"load_error: {results[0].why}"] * len(texts)
        for position, result in enumerate(results):
            dies = result.status not in _LIVES
            if dies and position:
                break
            plain = result.status == "returned" and isinstance(result.value, bool)
            other = (
                "error: it returns no bool"
                if result.status == "returned"
                else f"{result.status}: {result.why}"
            )
            said.append(result.value if plain else other)
            if dies:
                lives -= 1
                break
    return said + [NOT_ASKED] * (len(texts) - len(said))


async def votes(sandbox: Sandbox, voting: Functions, texts: Sequence[str]) -> list[Vote]:
    """Return the functions' votes on each text."""
    said = await asyncio.gather(*(say(sandbox, source, texts) for source in voting.sources))
    return [_vote([one[i] for one in said]) for i in range(len(texts))]


def no_data(said: bool | str) -> bool:
    """Is the verdict a status that says nothing of the text?

    So it is if the function does not load, or if the machine could not run it.
    """
    return isinstance(said, str) and said.partition(":")[0] in NO_DATA | {"load_error"}


def _vote(said: Sequence[bool | str]) -> Vote:
    unknown = next((str(one) for one in said if no_data(one)), "")
    if unknown:
        return Vote(None, unknown)
    yes = said.count(True)
    word = next((f"; one: {one}" for one in said if isinstance(one, str)), "")
    return Vote(yes / len(said), "" if yes == len(said) else f"{yes} of {len(said)} say that it holds{word}")
