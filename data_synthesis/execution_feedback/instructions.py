"""Ask questions with constraints, and keep answers that code verifies (`mode: instructions`).

AutoIF (Dong et al. 2024, arXiv 2406.13542), in steps 6 to 9, puts a constraint after a question, samples
answers, keeps those that the constraint's verifiers accept and that a model grades as answering the question,
and pairs them with answers that no verifier accepts. This stage makes rows of three kinds: the question with
its constraints as a prompt (the reward `kind: constraints` runs its `tests`, so the same verifiers judge
online), demonstrations and preferences.

Departures:
1. A prompt may carry several constraints (AutoIF's authors leave that open). Constraints of the library that
   exclude each other are never drawn together (`reward.constraints.checks.conflicts`). Other conflicts show
   in the grade, and in prompts for which no answer passes.
2. Constraints come from mode `verifiers`, from the library of checks, or from both; with both, a coin decides
   for each constraint.
3. An answer that was cut at the token limit is neither right nor wrong.
4. Each question draws its constraints, so a small number of questions leaves constraints unused; AutoIF gives
   each constraint 16 questions.
5. The rejected side of a pair breaks a constraint completely (no verifier of it accepts). If there are
   several constraints, it may keep the others, and the answers that break the fewest come first.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PrivateAttr

from align.core.errors import NoGrade, StageFailed
from align.core.plugins import Reward
from align.core.rows import Demonstration, Prompt, Row, digest, is_unicode
from align.core.stage import Run
from align.core.wiring import Ref
from data_synthesis.execution_feedback.constraint_pool import (
    DRAWS,
    Constraint,
    distinct,
    drawn,
    fitting,
    joined,
)
from data_synthesis.execution_feedback.cross_validation import PRESETS, Name, Rule
from data_synthesis.execution_feedback.synthesizer import ExecutionFeedback
from data_synthesis.pairing import right_against_wrong
from data_synthesis.synthesizer import Context, Drop
from reward.constraints.verifier import CheckResult, measure, parse
from reward.judge import Judge

GRADES = 10
"""The highest grade: AutoIF grades from 0 to 10, while a reward's value is from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, and how far it keeps each constraint."""

    text: str
    held: list[CheckResult]

    @property
    def is_measured(self) -> bool:
        """Is it known for every constraint how far the answer keeps it?"""
        return all(each.share is not None for each in self.held)

    @property
    def broken(self) -> int:
        """The number of constraints that the answer breaks completely."""
        return sum(each.share == 0 for each in self.held)

    @property
    def why_broken(self) -> str:
        """The reason why the first completely broken constraint is broken."""
        return next(each.why for each in self.held if each.share == 0)

    def keeps(self, rule: Rule) -> bool:
        """Does the share of verifiers that accept the answer satisfy a rule, for every constraint?"""
        return all(rule(each.share or 0) for each in self.held)


class InstructionFeedback(ExecutionFeedback):
    """Put constraints after questions, sample answers, and keep and pair them by what verifiers say."""

    version: ClassVar[str] = "3"  # 2: checks count what a reader sees. 3: so do sentences, addresses and code
    makes: ClassVar[frozenset[str]] = frozenset({"prompts", "demonstrations", "preferences"})

    mode: Literal["instructions"]
    constraints: Annotated[list[str], Ref("prompts")] = []
    """The stages of mode `verifiers` that provide constraints."""
    library: bool | list[str] = True
    """Whether to draw constraints from the library of checks too: true for all that can be drawn, or a list
    of names."""
    max_constraints: int = Field(default=1, ge=1)
    """Most constraints on one question. Every number from 1 to this one is equally likely."""
    variants: int = Field(default=1, ge=1)
    """Prompts made from one question, each with other constraints."""
    samples: int = Field(default=8, ge=0)
    """Answers sampled for each prompt (AutoIF: 8). 0 makes only prompts, for online training and
    evaluation."""
    preset: Name = "paper"
    """Thresholds for what is kept: `paper`, or `upstream` (the published code)."""
    quality: Reward | None = None
    """The reward that grades right answers; AutoIF keeps grades from 8 of 10: `{kind: judge, generator: ...,
    scale: [0, 10]}`. A reward with a verdict (a judge with `pass_at`) decides by its verdict. Left out: no
    grades."""
    max_demonstrations: int | None = Field(default=1, ge=1)
    """Most demonstrations of each prompt; null keeps all that differ."""

    _pool: list[Constraint] = PrivateAttr(default_factory=list)

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Refuse checks that cannot be drawn, a stage without constraints, and a judge on another scale."""
        yield from super().problems(folder)
        for i, name in enumerate(self.library if isinstance(self.library, list) else ()):
            if name not in DRAWS:
                yield f"library.{i}", f"no check {name!r} can be drawn; choose from: {', '.join(DRAWS)}"
        if not self.library and not self.constraints:
            yield "library", "there are no constraints: set library: true, or name stages in `constraints`"
        judge = self.quality
        if isinstance(judge, Judge) and judge.pass_at is None and judge.scale != (0, GRADES):
            why = "AutoIF's threshold is for grades from 0 to 10"
            yield "quality", f"{why}: set scale: [0, 10], or a `pass_at` of your own"

    def prepare(self, run: Run) -> None:
        """Read the constraints; start the sandbox if any constraint is verified by functions."""
        rows = [
            row for name in self.constraints for row in run.rows(name, "prompts") if isinstance(row, Prompt)
        ]
        for row in rows:
            try:
                parse(row)
            except ValueError as error:
                text = row.messages[-1]["content"]
                place = f"constraint {text[:80]!r} of {', '.join(self.constraints)}"
                raise StageFailed(
                    run.name, f"{place}: {error}; mode: verifiers makes such tests", run.log_file
                ) from None
        self._pool = [Constraint(row.messages[-1]["content"].strip(), row.tests) for row in distinct(rows)]
        if not self._pool and not self.library:
            cause = f"{', '.join(self.constraints)} hold no constraint, and library is false"
            raise StageFailed(run.name, cause, run.log_file)
        if any(_have_functions(one.tests) for one in self._pool):
            super().prepare(run)

    async def synthesize(self, prompt: Prompt, ctx: Context) -> Row | list[Row] | Drop:
        """Return the rows of one question, or why there are none."""
        if prompt.tests:
            parse(prompt)  # a question may bring its own checks, but no other tests
        made: list[Row] = []
        whys: list[str] = []
        seen: set[str] = set()
        for variant in range(self.variants):
            rng = random.Random(ctx.rng.random())
            constraints = fitting(rng, self._draw, rng.randint(1, self.max_constraints), prompt.tests)
            asked = _asked(prompt, constraints)
            text = asked.messages[-1]["content"]
            if not constraints or text in seen:
                repeated = "a variant came twice"
                whys.append(repeated if constraints else "no constraint fits the question's own")
                continue
            seen.add(text)
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
        texts = await self._whole(asked, label, ctx)
        if not texts:
            return Drop("no answer is whole")
        judged = await self._judged(asked, texts, ctx)
        right = [answer for answer in judged if answer.keeps(PRESETS[self.preset].response)]
        wrong = [answer for answer in judged if answer.broken]
        ctx.tally("answers right", len(right))
        ctx.tally("answers wrong", len(wrong))
        if not right:
            return Drop("no answer keeps all constraints" if judged else "no answer could be judged")
        good = await self._good(asked, right, ctx)
        return self._rows(asked, good, wrong) if good else Drop("no right answer is graded well enough")

    async def _whole(self, asked: Prompt, label: str, ctx: Context) -> list[str]:
        """Sample answers; return the distinct texts of those that ended by themselves."""
        how = self.sampling | {"tools": asked.tools or None}
        said = await ctx.sample(self.generator, asked.messages, n=self.samples, label=label, **how)
        ctx.tally_ends("answers", said)
        return list(dict.fromkeys(c.text for c in said if c.answers and is_unicode(c.text)))

    async def _judged(self, asked: Prompt, texts: Sequence[str], ctx: Context) -> list[Answer]:
        """Measure how far answers keep the constraints; leave out those that could not all be measured."""
        held = await measure(parse(asked), texts, self._running)
        if broken := [each.why for one in held for each in one if "load_error" in each.why]:
            raise ValueError(f"{asked.messages[-1]['content'][-80:]!r}: {broken[0]}")
        answers = [Answer(text, one) for text, one in zip(texts, held, strict=True)]
        judged = [answer for answer in answers if answer.is_measured]
        ctx.tally("answers that could not be judged", len(texts) - len(judged))
        return judged

    async def _good(self, asked: Prompt, answers: Sequence[Answer], ctx: Context) -> list[Answer]:
        """Return the answers that are graded well enough as answers to the question."""
        if self.quality is None:
            return list(answers)
        graded = await asyncio.gather(
            *(self._grade(self.quality, asked, answer.text, ctx) for answer in answers)
        )
        good = [answer for answer, grade in zip(answers, graded, strict=True) if grade]
        ctx.tally("right answers without a grade", graded.count(None))
        ctx.tally("right answers graded too low", graded.count(False))
        return good

    async def _grade(self, quality: Reward, asked: Prompt, text: str, ctx: Context) -> bool | None:
        """Is an answer good enough? None if it got no grade; then only this answer is lost."""
        try:
            (score,) = await ctx.score(quality, asked, [text])
        except NoGrade:
            return None
        if not score.graded:
            return None
        return PRESETS[self.preset].quality(score.value * GRADES) if score.passed is None else score.passed

    def _rows(self, asked: Prompt, good: Sequence[Answer], wrong: Sequence[Answer]) -> list[Row]:
        """Return the prompt, its demonstrations and its pairs."""
        note: dict[str, Any] = {"verifiers": [digest(test) for test in asked.tests], "preset": self.preset}
        note |= {"sandbox": self.sandbox.level} if _have_functions(asked.tests) else {}
        demonstrations = [
            Demonstration(prompt=asked.messages, completion=answer.text, tools=asked.tools, note=note)
            for answer in good[: self.max_demonstrations]
        ]
        chosen = [answer.text for answer in good if answer.keeps(PRESETS[self.preset].chosen)]
        nearest = sorted(wrong, key=lambda answer: answer.broken)
        rejected = [(answer.text, answer.why_broken) for answer in nearest]
        pairs = right_against_wrong(asked, chosen, rejected, self.max_pairs, note=note, again=True)
        return [replace(asked, note=note), *demonstrations, *pairs]


def _asked(prompt: Prompt, constraints: Sequence[Constraint]) -> Prompt:
    last = prompt.messages[-1]
    messages = [*prompt.messages[:-1], last | {"content": joined(last["content"], constraints)}]
    tests = [*prompt.tests, *(test for one in constraints for test in one.tests)]
    tags = [*prompt.tags, *sorted(set(map(_name, tests)))]
    return replace(prompt, messages=messages, tests=tests, tags=tags)


def _have_functions(tests: Sequence[dict[str, Any]]) -> bool:
    return any("functions" in test for test in tests)


def _name(test: dict[str, Any]) -> str:
    return str(test.get("check", "functions"))
