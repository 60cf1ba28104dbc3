"""Execution feedback for code: solutions and tests by models, run, agreed upon, kept and paired (`mode: code`).

The Qwen2 report (arXiv 2407.10671, 4.1.2) says that a model writes solutions and tests, which are compiled and run. How to
choose among them is CodeT's (Chen et al. 2022, arXiv 2207.10397): the largest agreement of solutions and tests wins.

Departures from CodeT:
1. A test judges only when it was itself validated (`data_synthesis.execution_feedback.agreement`), and a prompt without such
   tests is dropped.
2. A row that brings tests is judged by these, as they are; nothing is written and nothing voted on.
3. All tests of a solution run in one check of several CPU seconds; one that ends the process is left out and the rest is run
   again. CodeT gives every test 0.1 s of wall-clock time, which a loaded machine spends on something else.
4. Solutions are one when their syntax trees are (comments and docstrings aside); CodeT compares text.
5. `repair`: where no solution passes given tests, the failure is shown and a second answer asked for (self-debugging, Chen
   et al. 2023, arXiv 2304.05128). The row holds the first question only.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from align.core.plugins import Completion
from align.core.rows import Demonstration, Message, Prompt, Row, digest, reply
from align.core.wiring import Ref
from data_synthesis.execution_feedback.agreement import consensus_sets, validated
from data_synthesis.execution_feedback.synthesizer import ExecutionFeedback
from data_synthesis.pairing import right_against_wrong
from data_synthesis.synthesizer import Context, Drop, template
from reward.execution import tests as program_tests
from reward.execution import text as program_text
from reward.execution import verifier as execution
from reward.sandbox import NO_DATA, Verdict

RESTARTS = 3
"""Tests of one solution that may end its process before the rest counts as failed too."""
_RAN = ("fail", "error")
"""Rejected answers are programs that run: a syntax error teaches less than a wrong result."""


@dataclass(frozen=True, slots=True)
class Solution:
    """A distinct program, and the first completion that holds it."""

    text: str
    programs: execution.Assembled
    count: int
    """Completions that hold it."""

    @property
    def source(self) -> str:
        """The program as tests of functions need it."""
        return self.programs.functions


class CodeFeedback(ExecutionFeedback):
    """Solutions judged by tests that are given, or written by a model and validated."""

    version: ClassVar[str] = (
        "3"  # programs are put together and compared as `kind: execution` does in the version of this number
    )
    makes: ClassVar[frozenset[str]] = frozenset({"demonstrations", "preferences"})

    mode: Literal["code"]
    samples: int = Field(default=16, ge=1)
    """Answers a prompt."""
    max_demonstrations: int | None = Field(default=1, ge=1)
    """Most demonstrations a prompt; null keeps all that differ."""
    test_generator: Annotated[str | None, Ref("generator")] = None
    """Who writes tests for rows that bring none; left out, `generator`."""
    test_samples: int = Field(default=8, ge=1)
    """Answers with tests that are asked for."""
    tests_per_sample: int = Field(default=5, ge=1)
    """Asserts taken of each, the first ones (CodeT: 5)."""
    pass_share: float = Field(default=1.0, gt=0, le=1)
    """Share of the validated tests that a chosen solution of the best set must pass."""
    min_lead: float = Field(default=1.0, ge=1)
    """How many times the score of the next set that of the best must be; 1 takes any lead, more drops doubtful prompts."""
    repair: int = Field(default=0, ge=0)
    """Most failing solutions of a prompt, none of whose passes given tests, that are shown their failure and tried again."""

    async def synthesize(self, prompt: Prompt, ctx: Context) -> Row | list[Row] | Drop:
        """Return demonstrations and pairs of one prompt, or why there are none."""
        if program_tests.any_of_programs(prompt):
            return await self._by_given(prompt, ctx)
        tests = program_tests.named(prompt)
        if tests.entry_point is None:
            return Drop("nothing names the function to write")
        return await self._by_agreement(prompt, tests, tests.entry_point, ctx)

    # -- tests that are given -------------------------------------------------------------------------------------

    async def _by_given(self, prompt: Prompt, ctx: Context) -> Row | list[Row] | Drop:
        tests = program_tests.parse(prompt)
        solutions = await self._solutions(prompt.messages, tests, "solve", self.samples, ctx)
        if not solutions:
            return Drop("no answer holds a program")
        judged = [(solution, await self._verdict(solution, tests, ctx)) for solution in solutions]
        right = [solution for solution, (status, _) in judged if status == "pass"]
        wrong = [(solution, why) for solution, (status, why) in judged if status in _RAN]
        note = {"tests": digest([tests.code, *(asdict(one) for one in (*tests.cases, *tests.runs))]), "given": True}
        if not right and self.repair:
            mended = await self._repaired(prompt, tests, wrong[: self.repair], ctx)
            if mended:
                return self._rows(
                    prompt, [m for m, _ in mended], [(w, why) for _, (w, why) in mended], note | {"repaired": True}
                )
        if not right and all(status in NO_DATA for _, (status, _) in judged):
            return Drop("the given tests judge nothing")
        return self._rows(prompt, right, wrong, note) if right else Drop("no solution passes the given tests")

    async def _verdict(self, solution: Solution, tests: program_tests.Tests, ctx: Context) -> tuple[str, str]:
        """Return the status word and the reason of a solution on given tests: the first that is no pass."""
        said = await execution.judge(self.box, solution.programs, tests, every=False)
        if said.no_data:
            word, _, why = said.no_data.partition(": ")
            found = word, why
        else:
            found = said.whys[0] if said.whys else ("pass", "")
        ctx.tally(f"solutions: {found[0]}")
        return found

    async def _repaired(
        self, prompt: Prompt, tests: program_tests.Tests, failed: Sequence[tuple[Solution, str]], ctx: Context
    ) -> list[tuple[Solution, tuple[Solution, str]]]:
        """Show failures; return the solutions that then pass, each with the one that did not."""
        mended = []
        for number, (solution, why) in enumerate(failed):
            said = template("execution_feedback/repair").format(why=why)
            messages = [*prompt.messages, {"role": "assistant", "content": solution.text}, {"role": "user", "content": said}]
            again = await self._solutions(messages, tests, f"repair {number}", 1, ctx)
            if again and (await self._verdict(again[0], tests, ctx))[0] == "pass":
                mended.append((again[0], (solution, why)))
        ctx.tally("solutions repaired", len(mended))
        return mended

    # -- tests that are written -----------------------------------------------------------------------------------

    async def _by_agreement(
        self, prompt: Prompt, wanted: program_tests.Tests, name: str, ctx: Context
    ) -> Row | list[Row] | Drop:
        solutions = await self._solutions(prompt.messages, wanted, "solve", self.samples, ctx)
        if not solutions:
            return Drop("no answer holds a program")
        imports, tests = await self._written(prompt, name, ctx)
        if not tests:
            return Drop("no test was written")
        texts = list(tests)
        passed = [await self._outcomes(solution.source, imports, texts, name, ctx) for solution in solutions]
        ran = [outcomes is not None for outcomes in passed]
        votes = [outcomes or [False] * len(texts) for outcomes in passed]
        reasons = await self._validate(solutions, votes, imports, texts, name, ctx)
        for reason in reasons:
            ctx.tally(f"tests: {reason or 'validated'}")
        kept = [i for i, reason in enumerate(reasons) if not reason]
        if not kept:
            return Drop("no written test is validated")
        steady = [i for i, reason in enumerate(reasons) if reason != "flaky"]
        counts = [tests[texts[i]] for i in steady]
        sets = consensus_sets([[v[i] for i in steady] for v in votes], [s.count for s in solutions], counts)
        if len(sets) > 1 and sets[0].score < self.min_lead * sets[1].score:
            return Drop("no set of solutions leads")
        best = [i for i in sets[0].members if sum(votes[i][t] for t in kept) >= self.pass_share * len(kept)]
        if not best:
            return Drop("the best set of solutions fails validated tests")
        failing = [(i, sum(not votes[i][t] for t in kept)) for i in range(len(solutions)) if ran[i] and i not in best]
        near = sorted((each for each in failing if each[1]), key=lambda each: each[1])
        wrong = [(solutions[i], f"fails {missed} of {len(kept)} validated tests") for i, missed in near]
        different = _one_of_each(wrong, [tuple(votes[i]) for i, _ in near])
        note = {"tests": digest([imports, [texts[i] for i in kept]]), "validated tests": len(kept), "score": sets[0].score}
        return self._rows(prompt, [solutions[i] for i in best], different, note)

    async def _written(self, prompt: Prompt, name: str, ctx: Context) -> tuple[list[str], Counter[str]]:
        """Return the imports and the asserts that a model wrote for a prompt, with how often each."""
        asked = [
            {
                "role": "user",
                "content": template("execution_feedback/write_tests").format(name=name, problem=prompt.messages[-1]["content"]),
            }
        ]
        said = await ctx.sample(
            self.test_generator or self.generator, asked, n=self.test_samples, label="tests", **self.sampling
        )
        ctx.tally_ends("answers with tests", said)
        texts = [text for c in said if c.whole and (text := program_text.program(reply(c.text), name))]
        found = await self.tool("asserts", texts, name, self.tests_per_sample) or []
        imports = list(dict.fromkeys(line for lines, _ in found for line in lines))
        return imports, Counter(test for _, tests in found for test in tests)

    async def _validate(
        self, solutions: Sequence[Solution], votes: Sequence[list[bool]], imports: list[str], texts: list[str], name: str,
        ctx: Context,
    ) -> list[str]:  # fmt: skip
        """Return, for each test, "" where it may judge, else why not."""
        by_pattern = {tuple(outcomes): i for i, outcomes in reversed(list(enumerate(votes)))}
        again = {i: await self._outcomes(solutions[i].source, imports, texts, name, ctx) for i in by_pattern.values()}
        most = max(range(len(solutions)), key=lambda i: sum(votes[i]))
        mutants = await self.tool("mutants", solutions[most].source, name) or []
        nothing = [False] * len(texts)
        if mutants:
            nothing = await self._outcomes(mutants[0], imports, texts, name, ctx) or nothing
        of_mutants = [await self._outcomes(mutant, imports, texts, name, ctx) or [False] * len(texts) for mutant in mutants[1:]]
        return validated(votes, of_mutants, nothing, {i: outcomes or votes[i] for i, outcomes in again.items()})

    async def _outcomes(self, source: str, imports: list[str], texts: list[str], name: str, ctx: Context) -> list[bool] | None:
        """Return which tests a solution passes; None where it does not load."""
        outcomes: list[bool] = []
        for _ in range(RESTARTS + 1):
            left = texts[len(outcomes) :]
            verdict = await self.box.check(source, "\n".join([*imports, *left]), name)
            if verdict.status in ("load_error", "infra_error"):
                return None
            outcomes += _of_asserts(verdict, len(left))
            if len(outcomes) == len(texts):
                break
        ctx.tally("solutions run")
        return outcomes + [False] * (len(texts) - len(outcomes))

    # -- both -----------------------------------------------------------------------------------------------------

    async def _solutions(
        self, messages: Sequence[Message], tests: program_tests.Tests, label: str, count: int, ctx: Context
    ) -> list[Solution]:
        """Return the distinct programs among the answers to a question, in the order drawn."""
        how = self.sampling | {"tools": ctx.prompt.tools or None}
        drawn: list[Completion] = await ctx.sample(self.generator, messages, n=count, label=label, **how)
        whole = [c for c in drawn if c.answers]
        ended = ctx.tally_ends("answers", drawn)
        programs = await asyncio.gather(*(execution.assembled(self.box, c.text, tests) for c in whole))
        held = [(c.text, one) for c, one in zip(whole, programs, strict=True) if isinstance(one, execution.Assembled)]
        ctx.tally("answers without a program", ended - len(held))
        if not held:
            return []
        sources = [one.whole if tests.runs else one.functions for _, one in held]
        signatures = await self.signatures(sources)
        keys = [signature or source for signature, source in zip(signatures, sources, strict=True)]
        counts = Counter(keys)
        firsts = dict(reversed(list(zip(keys, held, strict=True))))
        return [Solution(*firsts[key], counts[key]) for key in dict.fromkeys(keys)]

    def _rows(
        self, prompt: Prompt, right: Sequence[Solution], wrong: Sequence[tuple[Solution, str]], note: dict[str, Any]
    ) -> list[Row]:
        note = note | {"sandbox": self.sandbox.level}
        made: list[Row] = [
            Demonstration(prompt=prompt.messages, completion=solution.text, tools=prompt.tools, note=note)
            for solution in right[: self.max_demonstrations]
        ]
        good, bad = [one.text for one in right], [(one.text, why) for one, why in wrong]
        return [*made, *right_against_wrong(prompt, good, bad, self.max_pairs, note=note, again=True)]


def _of_asserts(verdict: Verdict, count: int) -> list[bool]:
    """Return the outcomes of asserts as far as the verdict knows them; the one that ended the process is a failure."""
    if verdict.status == "test_error" and not verdict.outcomes:
        return [False] * count
    known = [bool(outcome) for outcome in verdict.outcomes[:count]]
    return known if len(known) == count else [*known, False]


def _one_of_each(wrong: Sequence[tuple[Solution, str]], behaviours: Sequence[tuple[bool, ...]]) -> list[tuple[Solution, str]]:
    """Keep the first of the solutions that fail the same tests."""
    first = dict(reversed(list(zip(behaviours, wrong, strict=True))))
    return [first[behaviour] for behaviour in dict.fromkeys(behaviours)]
