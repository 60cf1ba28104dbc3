"""The model that a task measures, as the task sees it: ask it, score its answers, compare it with others.

Every answer goes through the stage's session and call log, so a stage that is killed, or runs again with
another checker, asks nothing twice. Seeds depend on the run, the stage and the item, so all models draw their
samples from the same random numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from align.core.errors import BadRow, ModelError, StageFailed, TooLong
from align.core.log import Progress
from align.core.plugins import LIKELIEST, Ask, Completion, Generator, Reward, Sampling, Score, one_each
from align.core.rows import Message
from align.core.stage import Run
from align.evaluate.task import Item, Outcome, Task
from align.evaluate.text_lengths import TextLengths, text_lengths
from align.generate.calls.session import Session


@dataclass(frozen=True, slots=True)
class Likelihood:
    """How likely a model finds a text behind a context."""

    logprob: float
    """Sum of the natural logarithms of the probabilities of its tokens."""
    tokens: int
    greedy: bool
    """Would greedy decoding write this text?"""


@dataclass
class Subject:
    """A model under measurement. Tasks get one, and use its methods."""

    label: str
    """Name of the model in the table."""
    alias: str
    """Name under which the session has started its generator."""
    generator: Generator
    chat: bool
    """True: it is asked through a chat template; False: it continues plain texts."""
    session: Session
    run: Run
    samples: int
    """Answers to each item beside the greedy one, for tasks that sample."""
    temperature: float
    """Temperature of those samples."""
    others: Mapping[str, Subject] = field(default_factory=dict)
    """All models of the stage by name, this one too, for tasks that compare answers."""
    task: str = ""
    """The task that is being measured; set by the runner."""
    progress: Progress | None = None

    @cached_property
    def lengths(self) -> TextLengths:
        """How long texts are for this model, in tokens, and how many it can read."""
        return text_lengths(self.generator, self.run)

    async def measured(self, task: Task, item: Item) -> Outcome:
        """Return a task's outcome for an item. An item that this model cannot be asked is skipped."""
        if item.unusable:
            outcome = Outcome(skipped=item.unusable)
        else:
            try:
                outcome = await task.measure(item, self)
            except BadRow as reason:
                outcome = Outcome(skipped=str(reason))
            except TooLong as error:
                self.run.log.info("%s on %s, item %s: %s", self.label, task.label, item.id, error)
                outcome = Outcome(skipped="too long for the context")
            except ModelError as error:
                raise StageFailed(
                    self.run.name, f"task {task.label!r}, item {item.id}: {error}", self.run.log_file
                ) from None
        if self.progress:
            self.progress.advance()
        return outcome

    async def sample(
        self, item: Item, asked: Sequence[Message] | str, *, n: int = 1, label: str = "", **sampling: Any
    ) -> list[Completion]:
        """Return n answers of the model.

        Args:
            item: what is measured; seeds and the call log depend on it.
            asked: a conversation, or a text to continue.
            n: number of answers.
            label: tells several questions about one item apart.
            **sampling: fields of `Sampling`: `temperature` (0 where left out: greedy), `max_new_tokens`,
            `stop`, `tools`.

        Raises:
            StageFailed: a text is to be continued, and the generator only answers in a chat.
        """
        if isinstance(asked, str):
            self._must("continues", "continues plain texts", "`prompting: chat`")
            asked, sampling["plain"] = [{"role": "user", "content": asked}], True
        how: dict[str, Any] = {"temperature": 0.0, "n": n, "seed": self.run.seed(item.id)} | sampling
        drawn = Sampling.model_validate(how)
        context = [self.run.name, self.task, item.id, *([label] if label else [])]
        return await self.session.sample(self.alias, context, asked, drawn)

    async def likelihoods(
        self, item: Item, context: Sequence[Message] | str, texts: Sequence[str]
    ) -> list[Likelihood]:
        """Return how likely the model finds each of several texts behind a context.

        Raises:
            StageFailed: the generator cannot tell.
        """
        self._must("likelihoods", "gives log-likelihoods", "`by: generation`")
        plain = isinstance(context, str)
        asked = [{"role": "user", "content": context}] if isinstance(context, str) else context
        how = Sampling(n=len(texts), temperature=0, continuations=list(texts), plain=plain or None)
        key = [self.run.name, self.task, item.id]
        said = await self.session.sample(self.alias, key, asked, how)
        return [
            Likelihood(sum(c.logprobs or ()), len(c.logprobs or ()), c.finish_reason == LIKELIEST)
            for c in said
        ]

    async def score(self, reward: Reward, item: Item, texts: Sequence[str]) -> list[Score]:
        """Return a reward's score of each text as an answer to an item."""
        self.session.start_reward(reward)
        return one_each(reward, await reward.score(item.prompt, texts), texts)

    def _must(self, can: str, what: str, remedy: str) -> None:
        """Raise StageFailed unless the model's generator can do something."""
        if not getattr(type(self.generator), can):
            raise StageFailed(
                self.run.name,
                f"task {self.task!r} needs a model that {what}, and {self.label!r} (kind "
                f"{self.generator.kind}) does not; use {remedy}, or measure the checkpoint itself",
                self.run.log_file,
            )

    @property
    def ask(self) -> Ask:
        """Ask another generator of the recipe (a judge), logged like everything else."""
        return self.session.ask
