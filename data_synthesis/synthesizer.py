"""A synthesizer turns one prompt into rows. You write one coroutine; the engine does everything else.

    class Shorter(Synthesizer):
        version = "1"
        makes = frozenset({"preferences"})
        generator: Annotated[str, Ref("generator")]

        async def synthesize(self, prompt: Prompt, ctx: Context) -> Row | list[Row] | Drop:
            a, b = await ctx.sample(self.generator, prompt.messages, n=2)
            ...

The engine (`data_synthesis.engine.engine`) handles ids, concurrency, retries, the call log, the ledger,
resuming and progress.
"""

from __future__ import annotations

import asyncio
import random
import time
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from align.core.plugins import Completion, Reward, Sampling, Score
from align.core.rows import Message, Prompt, Row
from align.core.stage import Run, Shard, Stage
from align.core.wiring import Ref
from align.generate.calls import structured
from data_synthesis.engine.budget import Until
from data_synthesis.engine.executors import Executor, Local

if TYPE_CHECKING:
    from data_synthesis.engine.engine import Engine


@dataclass(frozen=True, slots=True)
class Drop:
    """A prompt that gives no row, and why. Reasons are counted: keep them few, without numbers in them."""

    reason: str


@cache
def template(name: str) -> str:
    """Return a prompt template: `execution_feedback/repair` is `execution_feedback/templates/repair.txt`."""
    strategy, _, file = name.partition("/")
    return (files("data_synthesis") / strategy / "templates" / f"{file}.txt").read_text(encoding="utf-8")


class Synthesizer(Stage):
    """A stage that makes rows, one prompt at a time."""

    operational: ClassVar[frozenset[str]] = frozenset({"concurrency", "executor"})
    shards: ClassVar[bool] = True

    prompts: Annotated[str, Ref("prompts")]
    """The stage whose prompts are used, or the folder of a finished stage."""
    concurrency: int = Field(default=512, ge=1)
    """Number of prompts worked on at the same time; each waits for the generators, which batch or limit their
    requests."""
    until: Until | None = None
    """Stop early: `{accepted: 10000}`, or at a budget, `{tokens: 50000000}`. Left out, every prompt is tried.
    """
    executor: Executor = Local(kind="local")
    """Where prompts are worked on: `local` (this process), or `{kind: ray, workers: 8}`."""

    @abstractmethod
    async def synthesize(self, prompt: Prompt, ctx: Context) -> Row | list[Row] | Drop:
        """Return the rows made from a prompt, or a `Drop`. An exception counts the prompt as failed."""

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Refuse `until` with an executor that cannot enforce it."""
        if self.until and not self.executor.one_process:
            cause = f"only one process can tell when enough is done, and {self.executor.kind!r} uses several"
            yield "until", cause

    def prepare(self, run: Run) -> None:
        """Load what every prompt needs, before the first prompt is worked on."""

    def finish(self) -> None:
        """Release what `prepare` acquired, such as processes."""

    def run(self, run: Run) -> None:
        """Work through the prompts that are not in the ledger yet, then write the tables."""
        from data_synthesis.engine.publish import publish  # noqa: PLC0415 (it knows synthesizers)

        started, prompts = time.monotonic(), self.candidates(run)
        usage = self.executor.work(self, run, list(prompts.values()))
        publish(self, run, prompts, usage, time.monotonic() - started)

    def run_shard(self, run: Run, shard: Shard) -> None:
        """Work through this shard's prompts. When all shards are done, `publish_shards` writes the tables."""
        from data_synthesis.engine.engine import Engine  # noqa: PLC0415

        mine = [prompt for prompt in self.candidates(run).values() if shard.holds(prompt.id)]
        asyncio.run(Engine(self, run, shard.worker).work(mine))

    def publish_shards(self, run: Run) -> int:
        """Write the tables if no prompt is missing; return the number of missing prompts."""
        from data_synthesis.engine.publish import missing, publish  # noqa: PLC0415

        prompts = self.candidates(run)
        left = missing(run, prompts)
        if not left:
            publish(self, run, prompts, None, 0.0)
        return left

    def candidates(self, run: Run) -> dict[str, Prompt]:
        """Return the prompts of the stage by id, in order. A repeated prompt counts once."""
        rows = run.rows(self.prompts, "prompts")
        prompts = {row.id: row for row in rows if isinstance(row, Prompt)}
        if len(prompts) < len(rows):
            run.report["duplicate prompts"] = len(rows) - len(prompts)
        return prompts


class Context:
    """What a synthesizer can do while it works on one prompt. Every prompt gets a new one."""

    def __init__(self, engine: Engine, prompt: Prompt) -> None:
        self._engine = engine
        self.prompt = prompt
        """The prompt that is being worked on."""
        self._calls = 0
        self.tokens = 0
        """Completion tokens spent on the prompt so far."""
        self.tallies: Counter[str] = Counter()
        self.lacking: set[str] = set()
        """The settings and tools that were lacking to judge completions of the prompt."""
        self.forgeable = False
        """Could any score of the prompt's completions have been forged? The lineage of its rows says so."""
        self.rng = random.Random(engine.run.seed(prompt.id))
        """Random numbers that depend only on the run's seed, the stage and the prompt, not on the order of
        work."""

    async def sample(
        self,
        generator: str,
        messages: Sequence[Message],
        n: int = 1,
        label: str | None = None,
        **sampling: Any,
    ) -> list[Completion]:
        """Sample n completions from a generator of the recipe. Each call is logged, and replayed on resume.

        Args:
            generator: an alias from the recipe's `generators`.
            messages: the conversation to continue.
            n: how many samples.
            label: a name for the call. The call's key contains it, so inserting another call before it does
                not change the key. Calls without a label are numbered.
            **sampling: `temperature`, `top_p`, `top_k`, `max_new_tokens`, `tools` (those of the prompt, where
            it has some).
        """
        call = label if label is not None else self._calls
        self._calls += 1
        drawn = Sampling(n=n, seed=self._engine.run.seed(self.prompt.id, call), **sampling)
        context = [self._engine.run.name, self.prompt.id, call]
        completions = await self._engine.session.sample(generator, context, list(messages), drawn)
        self.spend(completions)
        return completions

    def spend(self, completions: Sequence[Completion]) -> None:
        """Add the tokens of completions made for this prompt outside `sample`, by a reward for example."""
        self.tokens += sum(completion.usage.get("completion_tokens", 0) for completion in completions)

    async def ask(
        self,
        generator: str,
        messages: Sequence[Message],
        schema: type[structured.Answer],
        label: str | None = None,
        **sampling: Any,
    ) -> structured.Answer:
        """Ask for JSON that fits a schema, and ask once more when the first answer does not fit.

        Args:
            generator: an alias from the recipe's `generators`.
            messages: what to ask. Describe the JSON in words too: only some servers receive the schema.
            schema: a pydantic model.
            label: a name for the call. Calls without a label are numbered.
            **sampling: as for `sample`.

        Raises:
            NoValidAnswer: neither answer fits. If `synthesize` does not catch it, the prompt is dropped for
                that reason.
        """
        name, told = label if label is not None else f"ask {self._calls}", schema.model_json_schema()

        async def one(asked: list[Message], label: str) -> Completion:
            return (await self.sample(generator, asked, label=label, json_schema=told, **sampling))[0]

        return await structured.ask(one, list(messages), schema, name, self.tally)

    async def score(self, reward: Reward, prompt: Prompt, completions: Sequence[str]) -> list[Score]:
        """Return a reward's score for each completion."""
        scores = await self._engine.score(reward, prompt, completions)
        self.tally_scores(scores)
        return scores

    def tally_scores(self, scores: Sequence[Score]) -> None:
        """Count the scores that lack a setting or a tool, and those that could be forged (see `Score`)."""
        for score in scores:
            self.tally(f"not judged without {score.lacks}", bool(score.lacks))
            self.tally("verdicts that could be forged (trust: forgeable)", score.forgeable)
        self.forgeable = self.forgeable or any(score.forgeable for score in scores)
        self.lacking |= {score.lacks for score in scores if score.lacks}

    def unjudged(self, why: str) -> Drop:
        """Return the reason to drop a prompt whose completions were not judged; it names what was lacking."""
        return Drop(f"{why} without {', '.join(sorted(self.lacking))}" if self.lacking else why)

    def tally_ends(self, what: str, completions: Sequence[Completion]) -> int:
        """Count the incomplete completions by why they ended; return the number of the others.

        Args:
            what: what the completions are, such as "samples".
            completions: the completions as sampled.
        """
        for completion in completions:
            called = completion.finish_reason == "tool_calls"
            self.tally(
                f"{what} that call a tool" if called else f"{what} {completion.missing}",
                called or not completion.whole,
            )
        return sum(completion.finish_reason == "stop" for completion in completions)

    def tally(self, what: str, count: int = 1) -> None:
        """Count an event to report that is not a prompt's outcome: refused samples, unreadable judgements."""
        if count:
            self.tallies[what] += count
