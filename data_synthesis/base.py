"""A synthesizer turns one prompt into rows. Write one coroutine; the engine below it owns everything else.

    class Shorter(Synthesizer):
        version = "1"
        makes = frozenset({"preferences"})
        generator: Annotated[str, Ref("generator")]

        async def synthesize(self, prompt: Prompt, ctx: Context) -> Row | list[Row] | Drop:
            a, b = await ctx.sample(self.generator, prompt.messages, n=2)
            ...

Ids, concurrency, retries, the call log, the ledger, resume and progress are the engine's (`data_synthesis.engine`).
"""

from __future__ import annotations

import asyncio
import random
from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from align.core.plugins import Completion, Reward, Sampling, Score
from align.core.rows import Message, Prompt, Row
from align.core.stage import Run, Stage
from align.core.wiring import Ref

if TYPE_CHECKING:
    from data_synthesis.engine import Engine


@dataclass(frozen=True, slots=True)
class Drop:
    """A row that is given up on purpose. Reasons are counted, so keep them few and without numbers in them."""

    reason: str


class Synthesizer(Stage):
    """A stage that makes rows, one prompt at a time."""

    operational: ClassVar[frozenset[str]] = frozenset({"concurrency"})

    prompts: Annotated[str, Ref("prompts")]
    """Where the prompts come from: an earlier stage or the folder of a finished one."""
    concurrency: int = Field(default=512, ge=1)
    """Prompts worked on at once; each waits for the generators, which batch or limit what they are asked."""

    @abstractmethod
    async def synthesize(self, prompt: Prompt, ctx: Context) -> Row | list[Row] | Drop:
        """Return the row or rows made from a prompt, or why there are none. Raising counts the prompt as failed."""

    def run(self, run: Run) -> None:
        """Work through the prompts that are not in the ledger yet, then write the tables."""
        from data_synthesis.engine import Engine  # noqa: PLC0415 (the engine knows synthesizers)

        asyncio.run(Engine(self, run).work())


class Context:
    """What a synthesizer may do for one prompt. A new one is made for every prompt."""

    def __init__(self, engine: Engine, prompt: Prompt) -> None:
        self._engine, self._prompt = engine, prompt
        self._calls = 0
        self.tallies: Counter[str] = Counter()
        self.rng = random.Random(engine.run.seed(prompt.id))
        """Depends on the run's seed, the stage and the prompt only, never on order."""

    async def sample(
        self, generator: str, messages: Sequence[Message], n: int = 1, label: str | None = None, **sampling: Any
    ) -> list[Completion]:
        """Return n completions from a generator of the recipe, logged and replayed.

        Args:
            generator: an alias of the recipe's `generators`.
            messages: the conversation to continue.
            n: how many samples.
            label: names the call, so that inserting another call before it does not change its key; calls are
                numbered otherwise.
            **sampling: `temperature`, `top_p`, `top_k`, `max_new_tokens`.
        """
        call = label if label is not None else self._calls
        self._calls += 1
        drawn = Sampling(n=n, seed=self._engine.run.seed(self._prompt.id, call), **sampling)
        return await self._engine.sample(generator, [self._engine.run.name, self._prompt.id, call], list(messages), drawn)

    async def score(self, reward: Reward, prompt: Prompt, completions: Sequence[str]) -> list[Score]:
        """Return a reward's opinion of each completion."""
        return await self._engine.score(reward, prompt, completions)

    def tally(self, what: str, count: int = 1) -> None:
        """Count something worth reporting that is not a row's outcome: samples refused, judges not understood."""
        if count:
            self.tallies[what] += count
