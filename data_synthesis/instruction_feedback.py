"""Questions with constraints, and answers that code verified (AutoIF, steps 6 to 9; `mode: instructions`).

AutoIF (Dong et al. 2024, arXiv 2406.13542) puts a constraint after a question, samples answers, keeps those that the
constraint's verifiers accept and that a model grades as answering the question, and pairs them with answers that no verifier
accepts. The rows of this stage are all three: the question with its constraints as a prompt (its `tests` are what the reward
`kind: constraints` runs, so the same verifiers judge online), demonstrations and preferences.

Departures:
1. A prompt may carry several constraints (AutoIF's authors leave that open). Those of the library that exclude each other
   are never drawn together (`reward.checks.conflicts`); what else conflicts shows in the grade, and in that nothing passes.
2. Constraints come from mode `verifiers`, from the library of checks, or from both, a coin deciding each time.
3. An answer that was cut at the token limit is neither right nor wrong.
4. The worse side of a pair breaks a constraint wholly (no verifier of it accepts); with several constraints it may keep the
   others, and the answers that break the fewest come first.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PrivateAttr

from align.core.errors import StageFailed
from align.core.plugins import Reward
from align.core.rows import Demonstration, Preference, Prompt, Row, digest
from align.core.stage import Run
from align.core.wiring import Ref
from data_synthesis.base import Context, Drop
from data_synthesis.constraint_pool import DRAWS, Constraint, drawn, fitting, joined, key
from data_synthesis.cross_validation import PRESETS, Name
from data_synthesis.execution_feedback import ExecutionFeedback
from reward.constraints import Held, measure, parse

GRADES = 10
"""AutoIF grades from 0 to 10; a reward's value is 0 to 1."""


class InstructionFeedback(ExecutionFeedback):
    """Put constraints after questions, sample answers, keep and pair them by what verifiers say."""

    version: ClassVar[str] = "1"
    makes: ClassVar[frozenset[str]] = frozenset({"prompts", "demonstrations", "preferences"})

    mode: Literal["instructions"]
    constraints: Annotated[list[str], Ref("prompts")] = []
    """Where constraints come from: stages of mode `verifiers`."""
    library: bool | list[str] = True
    """Draw from the library of checks too: all that can be drawn, or some, by name."""
    max_constraints: int = Field(default=1, ge=1)
    """Most constraints on one question; their number is drawn, each from 1 to this one as likely."""
    variants: int = Field(default=1, ge=1)
    """Prompts made of one question, each with other constraints."""
    samples: int = Field(default=8, ge=0)
    """Answers a prompt (AutoIF: 8). 0 makes prompts only, for online training and evaluation."""
    preset: Name = "paper"
    """Thresholds of what is kept: `paper`, or `upstream` (the published code)."""
    quality: Reward | None = None
    """Grades right answers, 0 to 1, of which AutoIF keeps those from 0.8: `{kind: judge, generator: ..., scale: [0, 10]}`.
    Left out: not asked."""
    max_demonstrations: int | None = Field(default=1, ge=1)
    """Most demonstrations a prompt; null keeps all that differ."""

    _pool: list[Constraint] = PrivateAttr(default_factory=list)

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Refuse names that the library cannot draw, and a stage without constraints."""
        yield from super().problems(folder)
        for i, name in enumerate(self.library if isinstance(self.library, list) else ()):
            if name not in DRAWS:
                yield f"library.{i}", f"no check {name!r} that can be drawn; one of: {', '.join(DRAWS)}"
        if not self.library and not self.constraints:
            yield "library", "nothing to ask for: set library: true, or name stages in `constraints`"

    def prepare(self, run: Run) -> None:
        """Start the sandbox and read the constraints."""
        rows = [row for name in self.constraints for row in run.rows(name, "prompts") if isinstance(row, Prompt)]
        pool: dict[str, Constraint] = {}
        for row in rows:
            if not row.tests:
                cause = f"a constraint has no tests: {row.messages[-1]['content'][:80]!r}; name a stage of mode verifiers"
                raise StageFailed(run.name, cause, run.log_file)
            parse(row)
            constraint = Constraint.of(row)
            pool.setdefault(key(constraint.text), constraint)
        self._pool = [pool[name] for name in sorted(pool)]
        super().prepare(run)

    async def synthesize(self, prompt: Prompt, ctx: Context) -> Row | list[Row] | Drop:
        """Return what was made of one question, or why nothing was."""
        made: list[Row] = []
        whys: list[str] = []
        seen: set[str] = set()
        for variant in range(self.variants):
            rng = random.Random(f"{ctx.rng.random()}")
            constraints = fitting(rng, self._draw, rng.randint(1, self.max_constraints))
            asked = _asked(prompt, constraints)
            if asked.messages[-1]["content"] in seen:
                continue
            seen.add(asked.messages[-1]["content"])
            found = await self._answered(asked, f"answer {variant}", ctx) if self.samples else [asked]
            made += found if isinstance(found, list) else []
            whys += [found.reason] if isinstance(found, Drop) else []
        for why in whys if made else ():
            ctx.tally(f"variants dropped: {why}")
        return made or Drop(whys[0])

    def _draw(self, rng: random.Random) -> Constraint:
        checks = self.library if isinstance(self.library, list) else list(DRAWS) if self.library else []
        if self._pool and (not checks or rng.random() < 0.5):
            return rng.choice(self._pool)
        return drawn(rng, checks)

    async def _answered(self, asked: Prompt, label: str, ctx: Context) -> list[Row] | Drop:
        """Return the prompt with its demonstrations and pairs, or why it has none."""
        said = await ctx.sample(self.generator, asked.messages, n=self.samples, label=label, **self.sampling)
        texts = list(dict.fromkeys(c.text for c in said if c.finish_reason != "length" and c.text.strip()))
        ctx.tally("answers truncated", sum(c.finish_reason == "length" for c in said))
        if not texts:
            return Drop("every answer is truncated or empty")
        held = await measure(parse(asked), texts, self.box)
        judged = [(text, one) for text, one in zip(texts, held, strict=True) if all(each.share is not None for each in one)]
        ctx.tally("answers that could not be judged", len(texts) - len(judged))
        rules = PRESETS[self.preset]
        kept = [text for text, one in judged if all(rules.response(each.share or 0) for each in one)]
        ctx.tally("answers right", len(kept))
        ctx.tally("answers wrong", sum(any(each.share == 0 for each in one) for _, one in judged))
        if not kept:
            return Drop("no answer keeps all constraints" if judged else "no answer could be judged")
        good = await self._good(asked, kept, ctx)
        if not good:
            return Drop("no right answer is graded well enough")
        sure = {text for text, one in judged if all(rules.chosen(each.share or 0) for each in one)}
        wrong = sorted(((text, one) for text, one in judged if any(each.share == 0 for each in one)), key=_broken)
        note = {"verifiers": [digest(test) for test in asked.tests], "preset": self.preset, "sandbox": self.sandbox.level}
        return [
            Prompt(messages=asked.messages, tests=asked.tests, tags=asked.tags, note=note),
            *(Demonstration(prompt=asked.messages, completion=text, note=note) for text in good[: self.max_demonstrations]),
            *self._pairs(asked, [text for text in good if text in sure], wrong, note),
        ]

    async def _good(self, asked: Prompt, texts: list[str], ctx: Context) -> list[str]:
        """Return the texts that are graded well enough as answers to the question."""
        if self.quality is None:
            return texts
        scores = await ctx.score(self.quality, asked, texts)
        good = [
            text for text, s in zip(texts, scores, strict=True) if s.graded and PRESETS[self.preset].quality(s.value * GRADES)
        ]
        ctx.tally("right answers graded too low", len(texts) - len(good))
        return good

    def _pairs(
        self, asked: Prompt, right: Sequence[str], wrong: Sequence[tuple[str, list[Held]]], note: dict[str, Any]
    ) -> list[Row]:
        made: list[Row] = []
        for number, (text, held) in enumerate(wrong[: self.max_pairs] if right else ()):
            why = next(one.why for one in held if one.share == 0)
            because = note | {"rejected_because": why[:500]}
            chosen = right[number % len(right)]
            made.append(Preference(prompt=asked.messages, chosen=chosen, rejected=text, margin=1.0, note=because))
        return made


def _asked(prompt: Prompt, constraints: Sequence[Constraint]) -> Prompt:
    last = prompt.messages[-1]
    messages = [*prompt.messages[:-1], last | {"content": joined(last["content"], constraints)}]
    tests = [test for one in constraints for test in one.tests]
    return Prompt(messages=messages, tests=tests, tags=[*prompt.tags, *sorted({_name(test) for test in tests})])


def _name(test: dict[str, Any]) -> str:
    return str(test.get("check", "functions"))


def _broken(answer: tuple[str, list[Held]]) -> int:
    """Return how many constraints an answer breaks wholly."""
    return sum(each.share == 0 for each in answer[1])
