"""Tasks of the package reasoning-gym (Stojanovski et al. 2025, arXiv 2505.24760), each with its own verifier.

    {kind: reasoning_gym, task: chain_sum, size: 200, seed: 1, config: {min_terms: 2}}

The package makes the questions from a seed, and scores an answer from 0 to 1 with the task's
`score_answer`; that value is the score. A chat asks with the package's system prompt, and the answer is
what stands between the last `<answer>` and `</answer>`, as in the package's own evaluation; without these
tags there is no answer, and the score is that of None. A text has worked examples (questions of the same
task that are not measured), and the whole continuation is the answer.

Many `score_answer` evaluate the answer as a Python expression. A model has written it, so they run in the
sandbox (docs/sandbox.md), one process an answer. An answer for which they raise an exception, or do not end
in time, is counted and not scored.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import Field, PrivateAttr

from align.core.errors import StageFailed
from align.core.plugins import Completion
from align.core.rows import Message, digest
from align.core.stage import Run
from align.core.validation_errors import nearest
from align.evaluate.subject import Subject
from align.evaluate.task import Item, Outcome, Task
from reward.sandbox import Limits, Sandbox

PACKAGE, DISTRIBUTION = "reasoning_gym", "reasoning-gym"
MARK, ANSWER = "Question: ", "\nAnswer:"
LIMITS = Limits(cpu_seconds=10, memory_bytes=1 << 30)
"""What scoring one answer may use. Most take 12 ms, making the question again included."""
_SCORE = """
import json
import reasoning_gym

def score(task, config, number, question, answer):
    data = reasoning_gym.create_dataset(task, **json.loads(config))
    entry = data[number]
    if entry["question"] != question:
        return "another question"
    return float(data.score_answer(answer, entry))
"""
"""Source that scores an answer. The question is made again, because an entry need not be plain data."""


class ReasoningGym(Task):
    """Questions that the package reasoning-gym makes, by the name of its task."""

    task: str
    """Name of a task of the package, such as `chain_sum`."""
    size: int = Field(default=200, ge=1)
    """Number of questions."""
    seed: int = 1
    """The seed that the questions are made from."""
    config: dict[str, Any] = {}
    """Settings of the task, such as `{min_terms: 2}`; left out, the package's own."""
    shots: int = Field(default=5, ge=0)
    """Worked examples in a plain text. A chat has none."""
    max_new_tokens: int = Field(default=1024, ge=1)
    """Longest answer in tokens."""

    _examples: list[tuple[str, str]] = PrivateAttr(default_factory=list)
    _system: str = PrivateAttr(default="")
    _sandbox: Sandbox | None = PrivateAttr(default=None)

    @property
    def label(self) -> str:
        """Its name in the table: that of the package's task, unless `name` is given."""
        return self.name or self.task

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Refuse settings that have a field of their own."""
        yield from super().problems(folder)
        for name in ("size", "seed"):
            if name in self.config:
                yield "config", f"{name!r} is a field of the task; write it beside `config`"

    def depends(self, model: Subject) -> Any:
        """Return the version of the package, which makes the questions and scores the answers."""
        return version(DISTRIBUTION)

    def asked(self, model: Subject) -> str:
        """Return how the model is asked, such as "5-shot text"."""
        return "0-shot chat" if model.chat else f"{self.shots}-shot text"

    def items(self, run: Run) -> list[Item]:
        """Return the questions. Those of the worked examples come from the same seed, behind them."""
        gym = self._imported(run)
        try:
            data = gym.create_dataset(self.task, **self._settings())
            entries = [data[i] for i in range(self.size + self.shots)]
        except Exception as error:  # an unknown setting, or one that the task refuses
            raise self._failed(run, f"`config` is refused: {type(error).__name__}: {error}") from error
        self._system = gym.utils.SYSTEM_PROMPTS["default"]
        self._examples = [(e["question"], str(e["answer"])) for e in entries[self.size :]]
        return [self._item(i, entry["question"]) for i, entry in enumerate(entries[: self.size])]

    async def measure_all(self, items: Sequence[Item], model: Subject) -> list[Outcome]:
        """Measure a model on all questions, with a sandbox that lives as long."""
        # one worker, because importing the package takes seconds, and scoring most answers milliseconds
        async with Sandbox(workers=1, limits=LIMITS, packages=["numpy", PACKAGE]) as self._sandbox:
            return await super().measure_all(items, model)

    async def measure(self, item: Item, model: Subject) -> Outcome:
        """Ask greedily, and as often as the stage samples; score each answer."""
        asked: list[Message] | str = item.messages
        how: dict[str, Any] = {"max_new_tokens": self.max_new_tokens}
        if not model.chat:
            worked = "".join(f"{MARK}{q}{ANSWER} {a}\n\n" for q, a in self._examples)
            asked, how["stop"] = worked + MARK + item.text + ANSWER, [MARK.strip()]
        jobs = [model.sample(item, asked, **how)]
        if model.samples:
            jobs.append(model.sample(item, asked, n=model.samples, temperature=model.temperature, **how))
        answers = [answer for group in await asyncio.gather(*jobs) for answer in group]
        scores = await asyncio.gather(*(self._score(item, a.text, chat=model.chat) for a in answers))
        return _outcome(answers, scores)

    async def _score(self, item: Item, text: str, *, chat: bool) -> float | str:
        """Return the value of an answer, or why it has none."""
        assert self._sandbox is not None
        answer = _tagged(text) if chat else text.strip()
        given = [self.task, json.dumps(self._settings()), item.data["number"], item.text, answer]
        (result,) = await self._sandbox.calls(_SCORE, "score", [given])
        if result.status != "returned":
            return f"its `score_answer` gave no score ({result.status})"
        if isinstance(result.value, str):
            return "the package makes another question from the same seed"
        if not 0 <= result.value <= 1:
            return "its `score_answer` gave a score that is not from 0 to 1"
        return float(result.value)

    def _item(self, number: int, question: str) -> Item:
        messages: list[Message] = [
            {"role": "system", "content": self._system},
            {"role": "user", "content": question},
        ]
        return Item(id=digest([number, question]), messages=messages, text=question, data={"number": number})

    def _settings(self) -> dict[str, Any]:
        return {**self.config, "size": self.size + self.shots, "seed": self.seed}

    def _imported(self, run: Run) -> Any:
        """Return the package, if it has the task.

        Raises:
            StageFailed: it is not installed, or has no such task.
        """
        try:
            import reasoning_gym  # noqa: PLC0415 (an extra)
        except ImportError as error:
            remedy = "install it: pip install 'align-toolkit[reasoning-gym]'"
            raise self._failed(
                run, f"the package reasoning-gym cannot be imported ({error}); {remedy}"
            ) from error
        known = reasoning_gym.factory.DATASETS
        if self.task not in known:
            near = nearest(self.task, list(known))
            hint = f"did you mean {near!r}?" if near else f"it has {', '.join(sorted(known))}"
            raise self._failed(run, f"reasoning-gym has no task {self.task!r}; {hint}")
        return reasoning_gym

    def _failed(self, run: Run, why: str) -> StageFailed:
        return StageFailed(run.name, f"task {self.label!r}: {why}", run.log_file)


def _outcome(answers: Sequence[Completion], scores: Sequence[float | str]) -> Outcome:
    """Return what the greedy answer, which comes first, and the samples got; a text says why one has none."""
    found: dict[str, Any] = {} if isinstance(scores[0], str) else {"greedy": scores[0]}
    if sampled := [score for score in scores[1:] if not isinstance(score, str)]:
        found["sampled"] = sampled
    said, unscored = [a.text for a in answers], [why for why in scores if isinstance(why, str)]
    if not found:
        return Outcome(skipped=unscored[0], answers=said)
    notes = Counter({"answers not scored": len(unscored)})
    for answer in answers:
        notes[f"answers {answer.missing}"] += not answer.whole
    return Outcome(found, said, dict(+notes))


def _tagged(text: str) -> str | None:
    """Return what stands between the last pair of answer tags, as the package's `extract_answer` does."""
    from reasoning_gym.utils import extract_answer  # noqa: PLC0415

    return extract_answer(text)
