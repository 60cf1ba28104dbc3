"""Decide how far a stage goes: until enough prompts gave rows, or a budget of prompts or tokens is spent.

Each limit applies to a prefix of the prompts in their order: the output of the stage comes from the shortest
prefix that meets one of the limits. Many prompts are worked on at once, so some beyond that prefix are
finished too; they stay in the call log and the ledger, and are left out of the tables. So the output of a
stage does not depend on which prompt finished first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

from align.core.config import Config
from data_synthesis.engine.ledger import PromptOutcome


class Until(Config):
    """When a synthesizer has done enough. The first limit that is met ends the stage."""

    accepted: int | None = Field(default=None, ge=1)
    """Number of prompts that gave rows."""
    candidates: int | None = Field(default=None, ge=1)
    """Number of prompts that were tried."""
    tokens: int | None = Field(default=None, ge=1)
    """Number of completion tokens, as the generators count them, replayed ones included. Prompts under way
    when the budget is spent are finished, so a run pays for up to `concurrency` prompts more."""
    on_exhausted: Literal["error", "partial"] = "error"
    """What happens when the prompts, or another budget, are used up before `accepted` is reached: `error`
    stops the run (the rows made so far are kept, and with a larger budget the run continues from there),
    `partial` continues with the rows there are and reports it."""

    @model_validator(mode="after")
    def _says_something(self) -> Until:
        if self.accepted is None and self.candidates is None and self.tokens is None:
            raise ValueError("give one of accepted, candidates, tokens")
        return self


@dataclass
class Spent:
    """What a prefix of the prompts has used up."""

    candidates: int = 0
    accepted: int = 0
    tokens: int = 0

    def add(self, outcome: PromptOutcome) -> None:
        """Add one prompt's outcome."""
        self.candidates += 1
        self.accepted += outcome.outcome == "emitted"
        self.tokens += outcome.tokens

    def limit(self, until: Until | None) -> str:
        """Return the name of a limit that is met, or ""."""
        for name in ("accepted", "candidates", "tokens") if until else ():
            most = getattr(until, name)
            if most is not None and getattr(self, name) >= most:
                return name
        return ""


def beginning(
    ids: Sequence[str], outcomes: Mapping[str, PromptOutcome], until: Until | None
) -> tuple[Spent, str]:
    """Count what the prompts up to the first limit used; return that, and the limit.

    The limit is `prompts` where all prompts were tried and no limit was met.

    Raises:
        KeyError: a prompt before the limit has no outcome yet.
    """
    spent = Spent()
    for id_ in ids:
        if met := spent.limit(until):
            return spent, met
        spent.add(outcomes[id_])
    return spent, spent.limit(until) or "prompts"
