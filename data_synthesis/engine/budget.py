"""How far a stage goes: until enough prompts gave rows, or a budget of prompts or tokens is spent.

The limits are rules about a beginning of the prompts, in their order: the stage is the shortest beginning
that meets one. Work is done on many prompts at once, so some beyond it are finished too; they stay in the
call log and ledger and are left out of the tables. So what a stage makes does not depend on which prompt
finished first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

from align.core.config import Config
from data_synthesis.engine.ledger import Outcome


class Until(Config):
    """When a synthesizer has done enough. The first limit that is met ends it."""

    accepted: int | None = Field(default=None, ge=1)
    """Prompts that gave rows."""
    candidates: int | None = Field(default=None, ge=1)
    """Prompts tried."""
    tokens: int | None = Field(default=None, ge=1)
    """Completion tokens, as the generators count them; replayed ones count too. Prompts under way when they
    are spent are finished, so a run pays for up to `concurrency` prompts more."""
    on_exhausted: Literal["error", "partial"] = "error"
    """When the prompts, or another budget, end before `accepted` is reached: `error` stops the run (what was
    made is kept, and raising the budget goes on from there), `partial` goes on with what there is and says
    so."""

    @model_validator(mode="after")
    def _says_something(self) -> Until:
        if self.accepted is None and self.candidates is None and self.tokens is None:
            raise ValueError("give one of accepted, candidates, tokens")
        return self


@dataclass
class Spent:
    """What a beginning of the prompts has used up."""

    candidates: int = 0
    accepted: int = 0
    tokens: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count one prompt."""
        self.candidates += 1
        self.accepted += outcome.outcome == "emitted"
        self.tokens += outcome.tokens

    def limit(self, until: Until | None) -> str:
        """Return the name of a limit that is met, or nothing."""
        for name in ("accepted", "candidates", "tokens") if until else ():
            most = getattr(until, name)
            if most is not None and getattr(self, name) >= most:
                return name
        return ""


def beginning(ids: Sequence[str], outcomes: Mapping[str, Outcome], until: Until | None) -> tuple[Spent, str]:
    """Return what the prompts that belong to the stage used up, and the limit that was met (`prompts`: all were tried).

    Raises:
        KeyError: a prompt of the beginning has no outcome yet.
    """
    spent = Spent()
    for id_ in ids:
        if met := spent.limit(until):
            return spent, met
        spent.add(outcomes[id_])
    return spent, spent.limit(until) or "prompts"
