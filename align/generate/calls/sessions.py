"""The generators of a recipe as one stage uses them: started when first asked, every answer through its call log.

A synthesizer's context samples with them, and a reward that asks a model (a judge) does so by `ask`, in whatever stage
it scores. All users of an alias share the one generator of the recipe, so they also share its limits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary

from align.core.plugins import Completion, Generator, Sampling, loading
from align.core.rows import Message, digest
from align.core.stage import Run
from align.generate.calls.log import CallLog


class Generators:
    """What a stage has started of the recipe's generators."""

    def __init__(self, run: Run, calls: CallLog) -> None:
        self.run, self.calls = run, calls
        self._started: dict[str, tuple[Generator, dict[str, Any]]] = {}
        self._asked: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """Questions under way; a lock lives as long as somebody waits for the answer, so no event loop inherits one."""

    async def sample(self, alias: str, context: list[Any], messages: Sequence[Message], sampling: Sampling) -> list[Completion]:
        """Return n completions, from the call log as far as it has them.

        Args:
            alias: of the recipe's `generators`.
            context: stage, row id and call ordinal or label: what tells equal requests apart.
            messages: the conversation.
            sampling: how to draw.
        """
        if alias not in self._started:
            generator = self.run.generator(alias)
            with loading("generator", alias):
                generator.start(self.run.locate)
            self._started[alias] = generator, self.run.runs.identity(generator, self.run.recipe)
        generator, identity = self._started[alias]
        return await self.calls.sample(alias, generator, identity, context, list(messages), sampling)

    async def ask(self, alias: str, messages: Sequence[Message], sampling: Sampling) -> list[Completion]:
        """Return n completions for a reward (`align.core.plugins.Ask`).

        Equal questions have one answer in a stage: whoever asks while the first is under way waits for it. The seed
        depends on the run's seed and the question.
        """
        seed = self.run.seed("reward", alias, list(messages), sampling.seed)
        seeded = sampling.model_copy(update={"seed": seed})
        question = digest([alias, list(messages), seeded.model_dump()])
        async with self._asked.setdefault(question, asyncio.Lock()):
            return await self.sample(alias, [self.run.name, "reward"], messages, seeded)

    async def aclose(self) -> None:
        """Close what belongs to the running event loop. Asking again, on this loop or another, opens it again."""
        for generator, _ in self._started.values():
            await generator.aclose()

    def stop(self) -> None:
        """Stop the generators, after `aclose`."""
        for generator, _ in self._started.values():
            generator.stop()
        self._started.clear()
