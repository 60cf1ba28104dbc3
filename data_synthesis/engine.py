"""The row engine: prompts in, rows out, every prompt accounted for.

One event loop works on `concurrency` prompts at once. Each finished prompt is one line of the ledger (emitted with
its rows, dropped with a reason, or failed with an error), written before the next is taken, so killing the process
loses only calls in flight. At the end inputs = emitted + dropped + failed is checked, and the ledger, read in the
order of the prompts, becomes the tables: the result does not depend on which prompt finished first.
"""

from __future__ import annotations

import asyncio
import json
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from typing import Any

from align.core import tables
from align.core.errors import AlignError, BadRow, StageFailed
from align.core.log import Progress
from align.core.plugins import Completion, Generator, Reward, Sampling, Score
from align.core.rows import TABLES, Message, Prompt, Row, child_id, table_of
from align.core.stage import Run
from data_synthesis.base import Context, Drop, Synthesizer
from data_synthesis.calls import AppendOnly, CallLog

GIVE_UP_AFTER = 20
"""Failed prompts after which a stage stops at once, when they are more than half of those tried."""
TOLERATED_FAILURES = 0.1
"""Share of prompts that may fail (a server's refusal, say) without failing the stage; they are counted and kept aside."""


class Engine:
    """Runs one synthesizer over its prompts."""

    def __init__(self, synthesizer: Synthesizer, run: Run) -> None:
        self.synthesizer, self.run = synthesizer, run
        self.ledger = AppendOnly(run.folder / "ledger.jsonl")
        self.calls = CallLog(run.folder / "calls.jsonl")
        self._generators: dict[str, tuple[Generator, dict[str, Any]]] = {}
        self._rewards: dict[int, Reward] = {}
        self._seen: Counter[str] = Counter()

    # -- what a Context asks for ----------------------------------------------------------------------------------

    async def sample(self, alias: str, context: list[Any], messages: list[Message], sampling: Sampling) -> list[Completion]:
        """Sample through the call log, starting the generator when it is first needed."""
        if alias not in self._generators:
            generator = self.run.generator(alias)
            generator.start(self.run.locate)
            self._generators[alias] = generator, self.run.runs.identity(generator, self.run.recipe)
        generator, identity = self._generators[alias]
        return await self.calls.sample(generator, identity, context, messages, sampling)

    async def score(self, reward: Reward, prompt: Prompt, completions: Sequence[str]) -> list[Score]:
        """Score, starting the reward when it is first needed."""
        if id(reward) not in self._rewards:
            reward.start(self.run.locate)
            self._rewards[id(reward)] = reward
        return await reward.score(prompt, completions)

    # -- the loop -------------------------------------------------------------------------------------------------

    async def work(self) -> None:
        """Bring every prompt to an outcome and write the tables."""
        started = time.monotonic()
        prompts = {p.id: p for p in self.run.rows(self.synthesizer.prompts, "prompts") if isinstance(p, Prompt)}
        outcomes = {r["id"]: r for _, r in self.ledger.read() if r["outcome"] != "failed" and r["id"] in prompts}
        todo = iter([p for p in prompts.values() if p.id not in outcomes])
        if outcomes:
            self.run.log.info("%s: resuming, %d of %d prompts done", self.run.name, len(outcomes), len(prompts))
        self.progress = Progress(self.run.name, len(prompts), len(outcomes))
        try:
            workers = min(self.synthesizer.concurrency, max(1, len(prompts)))
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(self._worker(todo, outcomes))
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            self.progress.close()
            self._stop()
        self._publish(prompts, outcomes, time.monotonic() - started)

    async def _worker(self, todo: Iterator[Prompt], outcomes: dict[str, dict[str, Any]]) -> None:
        for prompt in todo:
            outcome = await self._outcome(prompt)
            self.ledger.append(outcome)
            outcomes[prompt.id] = outcome
            self._seen[outcome["outcome"]] += 1
            tried = self._seen.total()
            self.progress.advance(note=f"{self._seen['emitted'] / tried:.0%} emitted, {self._seen['failed']} failed")
            if self._seen["failed"] >= GIVE_UP_AFTER and self._seen["failed"] > tried / 2:
                raise self._too_many([o for o in outcomes.values() if o["outcome"] == "failed"], tried)

    async def _outcome(self, prompt: Prompt) -> dict[str, Any]:
        ctx = Context(self, prompt)
        try:
            made = await self.synthesizer.synthesize(prompt, ctx)
            rows = [made] if isinstance(made, tuple(TABLES.values())) else made
            if isinstance(rows, Drop):
                return {"id": prompt.id, "outcome": "dropped", "reason": rows.reason, "tallies": ctx.tallies}
            if not isinstance(rows, list) or not all(isinstance(row, tuple(TABLES.values())) for row in rows):
                kind = type(made).__name__
                raise TypeError(f"synthesize() must return a row, a list of rows or Drop(reason), not {kind}")
            if not rows:
                raise TypeError("synthesize() returned an empty list; say why with Drop(reason)")
            recorded = [{"table": table_of(row), "row": _record(row)} for row in rows]
            return {"id": prompt.id, "outcome": "emitted", "rows": recorded, "tallies": ctx.tallies}
        except BadRow as reason:  # what it made is no usable row, and says why
            return {"id": prompt.id, "outcome": "dropped", "reason": f"bad row: {reason}", "tallies": ctx.tallies}
        except Exception as error:  # one bad row must not end the others; it is counted, shown and limited below
            at = "" if isinstance(error, AlignError) else _where(error)
            return {"id": prompt.id, "outcome": "failed", "error": f"{type(error).__name__}: {error}{at}", "tallies": {}}

    def _too_many(self, failed: list[dict[str, Any]], tried: int) -> StageFailed:
        (most, count), *_ = Counter(o["error"] for o in failed).most_common(1)
        cause = f"{len(failed)} of {tried} prompts failed, {count} with: {most}. What succeeded is kept; fix it and run again"
        return StageFailed(self.run.name, cause, self.run.folder / "log.txt")

    def _stop(self) -> None:
        for generator, _ in self._generators.values():
            generator.stop()
        for reward in self._rewards.values():
            reward.stop()
        self.ledger.close()
        self.calls.close()

    # -- the end --------------------------------------------------------------------------------------------------

    def _publish(self, prompts: dict[str, Prompt], outcomes: dict[str, dict[str, Any]], seconds: float) -> None:
        ordered = [outcomes[id_] for id_ in prompts]
        counts = Counter(o["outcome"] for o in ordered)
        if sum(counts.values()) != len(prompts):
            raise StageFailed(self.run.name, f"accounting: {len(prompts)} prompts in, {dict(counts)} out")
        aside = [{"reason": o.get("reason") or o["error"], "id": o["id"], "messages": prompts[o["id"]].messages}
                 for o in ordered if o["outcome"] != "emitted"]  # fmt: skip
        tables.write_lines(self.run.folder / "dropped.jsonl", aside)
        failed = [o for o in ordered if o["outcome"] == "failed"]
        if len(failed) > TOLERATED_FAILURES * len(prompts):
            raise self._too_many(failed, len(prompts))
        if prompts and not counts["emitted"]:
            why = Counter(o.get("reason") or o["error"] for o in ordered).most_common(3)
            cause = f"no prompt gave a row: {'; '.join(f'{n} x {reason}' for reason, n in why)}"
            raise StageFailed(self.run.name, cause, self.run.folder / "log.txt")
        made, lineage = self._rows(ordered)
        for table in TABLES:
            if made[table] or table in self.synthesizer.makes:
                tables.write(self.run.folder, table, made[table])
        tables.write_lines(self.run.folder / "lineage.jsonl", lineage)
        usage, tallies = self.calls.usage, sum((Counter(o["tallies"]) for o in ordered), Counter())
        self.run.report |= {
            "inputs": len(prompts),
            "emitted": counts["emitted"],
            "dropped": dict(Counter(o["reason"] for o in ordered if o["outcome"] == "dropped").most_common()),
            "failed": dict(Counter(o["error"] for o in failed).most_common()),
            "rows": {table: len(rows) for table, rows in made.items() if rows},
            "samples": asdict(usage),
            "tallies": dict(tallies.most_common()),
            "generators": {alias: identity for alias, (_, identity) in self._generators.items()},
            "tokens_per_second": round(usage.completion_tokens / max(seconds, 1e-9), 1),
        }

    def _rows(self, ordered: list[dict[str, Any]]) -> tuple[dict[str, list[Row]], list[dict[str, Any]]]:
        made: dict[str, list[Row]] = {table: [] for table in TABLES}
        lineage = []
        maker = {"stage": self.run.name, "synthesizer": self.synthesizer.kind, "version": type(self.synthesizer).version}
        for outcome in ordered:
            for ordinal, item in enumerate(outcome.get("rows", ())):
                id_ = child_id(outcome["id"], self.run.name, ordinal)
                note = item["row"].pop("note", {})
                made[item["table"]].append(TABLES[item["table"]](**(item["row"] | {"id": id_})))
                lineage.append({"id": id_, "parents": [outcome["id"]], "table": item["table"], **maker, "note": note})
        return made, lineage


def _record(row: Row) -> dict[str, Any]:
    record = {f.name: getattr(row, f.name) for f in fields(row) if f.name != "id"}
    return json.loads(json.dumps(record))  # fails here, inside the row, if a note cannot be stored


def _where(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f" ({frame.filename.rsplit('/', 1)[-1]}:{frame.lineno})"
