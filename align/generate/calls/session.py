"""How a stage queries models: it starts a generator at its first query, and logs every answer.

All queries go through `Session.sample`: those of a synthesizer's context, of an evaluation, and of a reward
that queries a model (a judge), in whatever stage it scores. All users of an alias share the recipe's one
generator, so they share its limits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary

from align.core.plugins import Ask, Completion, Generator, Reward, Sampling, loading
from align.core.rows import Message, digest
from align.core.stage import Run
from align.generate.calls.log import CallLog, Usage


class Session:
    """The generators and rewards that a stage has started, and the log of its calls."""

    def __init__(self, run: Run, worker: str = "main") -> None:
        self.run = run
        self.calls = CallLog(run.folder / "calls", worker)
        self._started: dict[str, tuple[Generator, dict[str, Any]]] = {}
        self._rewards: dict[int, Reward] = {}
        self._asked: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """A lock for each query under way. It lives as long as somebody waits for the answer, so no event
        loop inherits one."""

    @property
    def usage(self) -> Usage:
        """What all calls of this session cost."""
        return self.calls.usage

    def start(self, alias: str, generator: Generator | None = None) -> None:
        """Start a generator unless it is started: the recipe's of this alias, or one in its place."""
        if alias in self._started:
            return
        generator = generator or self.run.generator(alias)
        with loading("generator", alias):
            generator.start(self.run.locate)
        self._started[alias] = generator, self.run.identity(generator)

    def start_reward(self, reward: Reward, ask: Ask | None = None) -> None:
        """Start a reward unless it is started. It queries generators through `ask` or this session."""
        if id(reward) not in self._rewards:
            with loading("reward", reward.kind):
                reward.start(self.run.locate)
            reward.route(ask or self.ask)
            self._rewards[id(reward)] = reward

    async def sample(
        self, alias: str, context: list[Any], messages: Sequence[Message], sampling: Sampling
    ) -> list[Completion]:
        """Return n completions: those that the call log has, and new ones for the rest.

        Args:
            alias: of the recipe's `generators`, or the name under which another was started.
            context: stage, row id and call ordinal or label, which tell equal requests apart.
            messages: the conversation.
            sampling: how to draw.
        """
        self.start(alias)
        generator, identity = self._started[alias]
        return await self.calls.answer(alias, generator, identity, context, list(messages), sampling)

    async def ask(self, alias: str, messages: Sequence[Message], sampling: Sampling) -> list[Completion]:
        """Return n completions for a reward (`align.core.plugins.Ask`).

        Equal queries get the same answer in a stage: a query waits for an equal one that is under way. The
        seed depends on the run's seed and the query.
        """
        seed = self.run.seed("reward", alias, list(messages), sampling.seed)
        seeded = sampling.model_copy(update={"seed": seed})
        question = digest([alias, list(messages), seeded.model_dump()])
        async with self._asked.setdefault(question, asyncio.Lock()):
            return await self.sample(alias, [self.run.name, "reward"], messages, seeded)

    async def aclose(self) -> None:
        """Close what belongs to the running event loop. The next query, on any loop, opens it again."""
        for generator, _ in self._started.values():
            await generator.aclose()

    def release(self) -> None:
        """Give back the memory that generators and rewards have taken. The next query takes it again."""
        for reward in self._rewards.values():
            reward.stop()
        self._rewards.clear()
        for generator, _ in self._started.values():
            generator.stop()
            generator.start(self.run.locate)

    def stop(self) -> None:
        """Stop rewards and generators, after `aclose`, and close the log."""
        for reward in self._rewards.values():
            reward.stop()
        for generator, _ in self._started.values():
            generator.stop()
        self._rewards.clear()
        self._started.clear()
        self.calls.close()
