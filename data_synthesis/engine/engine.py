"""The row engine turns prompts into rows and accounts for every prompt.

One event loop works on `concurrency` prompts at once, over all prompts of the stage, without waiting for
batches. Each prompt ends in one outcome: emitted with its rows, dropped with a reason, or failed with an
error. Model calls are logged as they are answered (`align.generate.calls.log`); outcomes and rows are
committed together (`data_synthesis.engine.ledger`). Finished work is never done again, so killing the process
loses only calls in flight.

An engine is one worker: the only one of `align run`, one of several shards (`--shard 0/3`), or one actor of
an executor. `data_synthesis.engine.publish` turns the files of all workers into the stage's tables.
"""

from __future__ import annotations

import asyncio
import math
import traceback
from collections import Counter, deque
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from align.core.errors import AlignError, BadRow, BrokenPlugin, NoGrade, NotLoaded, StageFailed
from align.core.log import Progress
from align.core.plugins import Completion, Reward, Sampling, Score, one_each
from align.core.rows import TABLES, Message, Prompt, Row, table_of
from align.core.stage import Run
from align.generate.calls.session import Session
from align.generate.calls.structured import NoValidAnswer
from data_synthesis.engine import ledger
from data_synthesis.engine.budget import Spent
from data_synthesis.engine.ledger import Ledger, PromptOutcome
from data_synthesis.synthesizer import Context, Drop, Synthesizer

WINDOW = 50
"""Number of latest prompts that are checked to see whether the stage is broken."""
GIVE_UP_AFTER = 20
"""Number of failures among these prompts at which a stage stops at once, when they are more than half of
them."""
_AT_WORK: ContextVar[Context] = ContextVar("at_work")
"""The context of the running task's prompt. A reward that asks a model adds its tokens to that prompt."""


class Engine:
    """Run one synthesizer over prompts, as one worker."""

    def __init__(self, synthesizer: Synthesizer, run: Run, worker: str = "main") -> None:
        self.synthesizer, self.run = synthesizer, run
        self.ledger = Ledger(run.folder, worker)
        self.session = Session(run, worker)
        self._failed: list[PromptOutcome] = []
        self._todo: list[tuple[int, Prompt]] = []
        """The prompts to begin, in reverse order: the next one is the last of the list."""
        self._window: deque[bool] = deque(maxlen=WINDOW)
        self._seen: Counter[str] = Counter()
        self._spent = Spent()
        self._last = -1
        """Position of the furthest prompt that was begun."""
        self._active = 0

    # -- what a Context calls --------------------------------------------------------------------------------

    async def score(self, reward: Reward, prompt: Prompt, completions: Sequence[str]) -> list[Score]:
        """Return a reward's scores; start the reward when it is first needed."""
        self.session.start_reward(reward, self._ask)
        return one_each(reward, await reward.score(prompt, completions), completions)

    async def _ask(self, alias: str, messages: Sequence[Message], sampling: Sampling) -> list[Completion]:
        completions = await self.session.ask(alias, messages, sampling)
        _AT_WORK.get().spend(completions)
        return completions

    # -- the loop --------------------------------------------------------------------------------------------

    async def work(self, prompts: Sequence[Prompt]) -> None:
        """Work on prompts until the budget is met; skip those that have an outcome already.

        Raises:
            StageFailed: most of the latest prompts failed.
        """
        try:
            self.synthesizer.prepare(self.run)
        except BaseException:
            await self._stop()
            raise
        done = {p.id for p in prompts if self._outcome(p.id) not in ("", "failed")}
        for position, prompt in enumerate(prompts):
            if prompt.id in done:
                self._spent.add(self.ledger.outcomes[prompt.id])
                self._last = position
        if done:
            self.run.log.info("%s: resuming, %d of %d prompts done", self.run.name, len(done), len(prompts))
        until = self.synthesizer.until
        most = min(len(prompts), until.candidates or len(prompts)) if until else len(prompts)
        goal = until.accepted if until and until.accepted else most
        self.progress = Progress(self.run.name, goal, self._spent.accepted if goal != most else len(done))
        self._todo = [(position, p) for position, p in enumerate(prompts) if p.id not in done][::-1]
        self._counts_all = goal == most
        try:
            async with asyncio.TaskGroup() as group:
                self._begin(group)
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            self.progress.close()
            self.ledger.commit()
            await self._stop()

    def _begin(self, group: asyncio.TaskGroup) -> None:
        """Begin prompts in order, as many as may be under way."""
        while self._todo:
            position, prompt = self._todo[-1]
            # Output is a prefix of the prompts, so every prompt before the furthest one begun is needed.
            needed = position < self._last
            if not needed and self._enough(position):
                return
            if self._active >= (self.synthesizer.concurrency if needed else self._allowed()):
                return
            self._todo.pop()
            self._last = max(self._last, position)
            self._active += 1
            group.create_task(self._bring(prompt, group))

    def _enough(self, position: int) -> bool:
        until = self.synthesizer.until
        return bool(self._spent.limit(until)) or bool(
            until and until.candidates and position >= until.candidates
        )

    def _allowed(self) -> int:
        """Return how many prompts may be under way: `concurrency`, or fewer when fewer will be enough."""
        until = self.synthesizer.until
        if until is None or until.accepted is None:
            return self.synthesizer.concurrency
        rate = (self._spent.accepted + 1) / (self._spent.candidates + 1)
        return min(
            self.synthesizer.concurrency, max(1, math.ceil((until.accepted - self._spent.accepted) / rate))
        )

    async def _bring(self, prompt: Prompt, group: asyncio.TaskGroup) -> None:
        """Work on one prompt until it has an outcome, then begin the next one."""
        outcome, rows = await self._work_on(prompt)
        self._active -= 1
        self.ledger.add(outcome, rows)
        self._spent.add(outcome)
        self._window.append(outcome.outcome == "failed")
        self._seen[outcome.outcome] += 1
        if outcome.outcome == "failed":
            self._failed.append(outcome)
        self.progress.advance(int(self._counts_all or outcome.outcome == "emitted"), self._note())
        if sum(self._window) >= GIVE_UP_AFTER and sum(self._window) > len(self._window) / 2:
            raise too_many(self.run, self._failed, self._seen.total())
        self._begin(group)

    def _note(self) -> str:
        tokens = sum(u.completion_tokens for u in self.session.calls.usages.values())
        speed = tokens / max(self.progress.seconds, 1e-9)
        accepted = self._seen["emitted"] / self._seen.total()
        return f"{accepted:.0%} accepted, {speed:,.0f} tokens/s, {self._seen['failed']} failed"

    def _outcome(self, id_: str) -> str:
        held = self.ledger.outcomes.get(id_)
        return held.outcome if held else ""

    async def _work_on(self, prompt: Prompt) -> tuple[PromptOutcome, dict[str, list[dict[str, Any]]]]:
        """Return the outcome of a prompt, and the records of its rows."""
        ctx = Context(self, prompt)
        _AT_WORK.set(ctx)
        try:
            made = await self.synthesizer.synthesize(prompt, ctx)
            tallies = dict(ctx.tallies)
            if isinstance(made, Drop):
                return PromptOutcome(
                    prompt.id, "dropped", 0, made.reason, tokens=ctx.tokens, tallies=tallies
                ), {}
            rows = self._checked(made)
            if ctx.forgeable:
                rows = [replace(row, note={**row.note, "trust": "forgeable"}) for row in rows]
            records = ledger.records(prompt.id, self.run.name, rows)
            return PromptOutcome(prompt.id, "emitted", len(rows), tokens=ctx.tokens, tallies=tallies), records
        except (BadRow, NoValidAnswer, NoGrade) as reason:  # an expected end, which says why there is no row
            why = f"bad row: {reason}" if isinstance(reason, BadRow) else str(reason)
            if isinstance(reason, NoGrade):  # its message quotes the row, and drop reasons are counted
                why = "no readable grade"
            return PromptOutcome(
                prompt.id, "dropped", 0, why, tokens=ctx.tokens, tallies=dict(ctx.tallies)
            ), {}
        except (NotLoaded, BrokenPlugin):
            raise
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise  # the whole stage is being cancelled
            why = f"something inside synthesize() was cancelled{_where(error)}"
            return PromptOutcome(prompt.id, "failed", 0, why, False, ctx.tokens), {}
        # One bad row must not end the others: the failure is counted, shown, and limited in `_bring`.
        except Exception as error:
            at = "" if isinstance(error, AlignError) else _where(error)
            why, retryable = f"{type(error).__name__}: {error}{at}", bool(getattr(error, "retryable", False))
            return PromptOutcome(prompt.id, "failed", 0, why, retryable, ctx.tokens), {}

    def _checked(self, made: Row | list[Row]) -> list[Row]:
        """Return the rows that a synthesizer made of a prompt.

        Raises:
            TypeError: they are no rows, or there is none.
            BrokenPlugin: a row belongs to a table that the synthesizer's class does not declare.
        """
        rows = made if isinstance(made, list) else [made]
        if not all(isinstance(row, tuple(TABLES.values())) for row in rows):
            wanted = "a row, a list of rows or Drop(reason)"
            raise TypeError(f"synthesize() must return {wanted}, not {type(made).__name__}")
        if not rows:
            raise TypeError("synthesize() returned an empty list; say why with Drop(reason)")
        declared = type(self.synthesizer).makes
        if undeclared := sorted({table_of(row) for row in rows} - declared):
            what = f"{self.synthesizer.kind!r} made {' and '.join(undeclared)}"
            raise BrokenPlugin(
                f"{what}, and its class says makes = {set(declared) or '{}'}; add {undeclared[0]!r} there"
            )
        return rows

    async def _stop(self) -> None:
        self.synthesizer.finish()
        await self.session.aclose()
        self.session.stop()
        self.ledger.close()


def too_many(run: Run, failed: Sequence[PromptOutcome], tried: int) -> StageFailed:
    """Build the error for a stage in which too many prompts failed."""
    (most, count), *_ = Counter(o.why for o in failed).most_common(1)
    later = " (it may pass: run again later)" if all(o.retryable for o in failed) else ""
    cause = f"{len(failed)} of {tried} prompts failed, {count} with: {most}{later}"
    return StageFailed(run.name, f"{cause}. What succeeded is kept; fix it and run again", run.log_file)


def _where(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f" ({frame.filename.rsplit('/', 1)[-1]}:{frame.lineno})"
