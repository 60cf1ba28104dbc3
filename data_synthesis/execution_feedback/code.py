"""Execution feedback for code: a model writes solutions and tests, which judge each other (`mode: code`).

The Qwen2 report (arXiv 2407.10671, 4.1.2) says that a model writes solutions and tests, which are compiled
and run. The choice among them follows CodeT (Chen et al. 2022, arXiv 2207.10397): the largest agreement of
solutions and tests wins.

Departures from CodeT:
1. A test judges only if it was itself validated (`data_synthesis.execution_feedback.agreement`), and a prompt
   without validated tests is dropped.
2. A row that brings tests is judged by these tests, unchanged; no tests are written, and there is no vote.
3. All tests of a solution run in one check of several CPU seconds. A test that ends the process is left out,
   and the remaining tests run again. CodeT gives every test 0.1 s of wall-clock time, which a loaded machine
   spends on other work.
4. Two solutions are the same if their syntax trees are (comments and docstrings aside); CodeT compares text.
5. `repair`: if no solution passes given tests, the model is shown the failure and asked for a second answer
   (self-debugging, Chen et al. 2023, arXiv 2304.05128). The row holds only the first question.
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
from data_synthesis.execution_feedback.agreement import ConsensusSet, consensus_sets, validated
from data_synthesis.execution_feedback.synthesizer import ExecutionFeedback
from data_synthesis.pairing import right_against_wrong
from data_synthesis.synthesizer import Context, Drop, template
from reward.execution import tests as program_tests
from reward.execution import text as program_text
from reward.execution import verifier as execution
from reward.sandbox import NO_DATA, Verdict

RESTARTS = 3
"""Times that the remaining tests of a solution are run again after one ended its process. Tests left after
that count as failed."""
_RAN = ("fail", "error")
"""The statuses of rejected answers: those of programs that run. A syntax error teaches less than a wrong
result."""


@dataclass(frozen=True, slots=True)
class Solution:
    """A distinct program, and the first completion that holds it."""

    text: str
    programs: execution.Assembled
    count: int
    """How many completions hold it."""

    @property
    def source(self) -> str:
        """The program in the form that tests of functions need."""
        return self.programs.functions


@dataclass(frozen=True, slots=True)
class WrittenTests:
    """The asserts that a model wrote for one prompt."""

    name: str
    """The function that they call."""
    imports: list[str]
    """The import lines that the asserts need."""
    texts: list[str]
    """The distinct asserts."""
    counts: list[int]
    """How often each assert was written."""

    @property
    def none_passed(self) -> list[bool]:
        """The outcomes of a program that passes no test."""
        return [False] * len(self.texts)


@dataclass(frozen=True, slots=True)
class Trial:
    """A prompt's distinct solutions and written tests, and which solution passed which test."""

    solutions: Sequence[Solution]
    tests: WrittenTests
    outcomes: Sequence[list[bool] | None]
    """For each solution, which tests it passed; None if it does not load."""

    @property
    def votes(self) -> list[list[bool]]:
        """For each solution, which tests it passed; all False if it does not load."""
        return [outcomes or self.tests.none_passed for outcomes in self.outcomes]

    def sets(self, steady: Sequence[int]) -> list[ConsensusSet]:
        """Return the consensus sets, best first.

        Only the `steady` tests count: those with the same results each time they are run.
        """
        votes = [[outcomes[t] for t in steady] for outcomes in self.votes]
        counts = [self.tests.counts[t] for t in steady]
        return consensus_sets(votes, [solution.count for solution in self.solutions], counts)

    def passes(self, solution: int, kept: Sequence[int]) -> int:
        """Return how many of the validated tests (`kept`) a solution passes."""
        return sum(self.votes[solution][t] for t in kept)

    def near_misses(self, best: Sequence[int], kept: Sequence[int]) -> list[tuple[Solution, str]]:
        """Return solutions that load and fail a validated test: fewest failures first, one per behaviour."""
        loaded = [i for i, outcomes in enumerate(self.outcomes) if outcomes is not None and i not in best]
        missed = {i: len(kept) - self.passes(i, kept) for i in loaded}
        near = sorted((i for i in loaded if missed[i]), key=missed.__getitem__)
        wrong = [(self.solutions[i], f"fails {missed[i]} of {len(kept)} validated tests") for i in near]
        return _one_of_each(wrong, [tuple(self.votes[i]) for i in near])


class CodeFeedback(ExecutionFeedback):
    """Sample solutions, and judge them by tests that are given, or written by a model and validated."""

    # programs are put together and compared as in the version of `kind: execution` with this number
    version: ClassVar[str] = "4"
    makes: ClassVar[frozenset[str]] = frozenset({"demonstrations", "preferences"})

    mode: Literal["code"]
    samples: int = Field(default=16, ge=1)
    """Answers sampled for each prompt."""
    max_demonstrations: int | None = Field(default=1, ge=1)
    """Most demonstrations of each prompt; null keeps all that differ."""
    test_generator: Annotated[str | None, Ref("generator")] = None
    """The generator that writes tests for rows without any; left out, it is `generator`."""
    test_samples: int = Field(default=8, ge=1)
    """Answers with tests that are sampled for each prompt."""
    tests_per_sample: int = Field(default=5, ge=1)
    """Asserts used from each answer with tests, the first ones (CodeT: 5)."""
    pass_share: float = Field(default=1.0, gt=0, le=1)
    """Share of the validated tests that a solution of the best set must pass to be chosen."""
    min_lead: float = Field(default=1.0, ge=1)
    """Least ratio of the best set's score to the next set's score. 1 accepts any lead; a larger value drops
    doubtful prompts."""
    repair: int = Field(default=0, ge=0)
    """Most failing solutions of a prompt that are shown their failure for a second try, if no solution passes
    the given tests."""

    async def synthesize(self, prompt: Prompt, ctx: Context) -> Row | list[Row] | Drop:
        """Return the demonstrations and pairs of one prompt, or why there are none."""
        if program_tests.any_of_programs(prompt):
            return await self._by_given(prompt, ctx)
        tests = program_tests.named(prompt)
        if tests.entry_point is None:
            return Drop("nothing names the function to write")
        return await self._by_agreement(prompt, tests, tests.entry_point, ctx)

    # -- tests that are given --------------------------------------------------------------------------------

    async def _by_given(self, prompt: Prompt, ctx: Context) -> Row | list[Row] | Drop:
        tests = program_tests.parse(prompt)
        solutions = await self._solutions(prompt.messages, tests, "solve", self.samples, ctx)
        if not solutions:
            return Drop("no answer holds a program")
        judged = [(solution, await self._verdict(solution, tests, ctx)) for solution in solutions]
        right = [solution for solution, (status, _) in judged if status == "pass"]
        wrong = [(solution, why) for solution, (status, why) in judged if status in _RAN]
        note = {"tests": digest([tests.code, *map(asdict, (*tests.cases, *tests.runs))]), "given": True}
        if right:
            return self._rows(prompt, right, wrong, note)
        if self.repair and (mended := await self._repaired(prompt, tests, wrong[: self.repair], ctx)):
            right, wrong = [good for good, _ in mended], [bad for _, bad in mended]
            return self._rows(prompt, right, wrong, note | {"repaired": True})
        unjudged = all(status in NO_DATA for _, (status, _) in judged)
        nothing = "the given tests judge nothing"
        return ctx.unjudged(nothing) if unjudged else Drop("no solution passes the given tests")

    async def _verdict(self, solution: Solution, tests: program_tests.Tests, ctx: Context) -> tuple[str, str]:
        """Return the status and the reason of a solution's first failure; ("pass", "") if it passes."""
        said = await execution.judge(self.box, solution.programs, tests, every=False)
        ctx.tally_scores([said.score()])
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
        """Show failures to the model; return the solutions that then pass, each with the one that failed."""
        mended = []
        for number, (solution, why) in enumerate(failed):
            said = template("execution_feedback/repair").format(why=why)
            messages = [
                *prompt.messages,
                {"role": "assistant", "content": solution.text},
                {"role": "user", "content": said},
            ]
            again = await self._solutions(messages, tests, f"repair {number}", 1, ctx)
            if again and (await self._verdict(again[0], tests, ctx))[0] == "pass":
                mended.append((again[0], (solution, why)))
        ctx.tally("solutions repaired", len(mended))
        return mended

    # -- tests that are written ------------------------------------------------------------------------------

    async def _by_agreement(
        self, prompt: Prompt, wanted: program_tests.Tests, name: str, ctx: Context
    ) -> Row | list[Row] | Drop:
        solutions = await self._solutions(prompt.messages, wanted, "solve", self.samples, ctx)
        if not solutions:
            return Drop("no answer holds a program")
        tests = await self._written(prompt, name, ctx)
        if not tests.texts:
            return Drop("no test was written")
        outcomes = [await self._outcomes(solution.source, tests, ctx) for solution in solutions]
        trial = Trial(solutions, tests, outcomes)
        reasons = await self._validate(trial, ctx)
        kept = [i for i, reason in enumerate(reasons) if not reason]
        if not kept:
            return Drop("no written test is validated")
        sets = trial.sets([i for i, reason in enumerate(reasons) if reason != "flaky"])
        if not self._leads(sets):
            return Drop("no set of solutions leads")
        best = [i for i in sets[0].members if trial.passes(i, kept) >= self.pass_share * len(kept)]
        if not best:
            return Drop("the best set of solutions fails validated tests")
        judges = digest([tests.imports, [tests.texts[i] for i in kept]])
        note = {"tests": judges, "validated tests": len(kept), "score": sets[0].score}
        return self._rows(prompt, [solutions[i] for i in best], trial.near_misses(best, kept), note)

    def _leads(self, sets: Sequence[ConsensusSet]) -> bool:
        """Is the first set ahead of the second by at least the factor `min_lead`?"""
        return len(sets) == 1 or sets[0].score >= self.min_lead * sets[1].score

    async def _written(self, prompt: Prompt, name: str, ctx: Context) -> WrittenTests:
        """Return the tests that a model wrote for a prompt."""
        problem = prompt.messages[-1]["content"]
        request = template("execution_feedback/write_tests").format(name=name, problem=problem)
        asked = [{"role": "user", "content": request}]
        said = await ctx.sample(
            self.test_generator or self.generator, asked, n=self.test_samples, label="tests", **self.sampling
        )
        ctx.tally_ends("answers with tests", said)
        texts = [text for c in said if c.whole and (text := program_text.program(reply(c.text), name))]
        found = await self.tool("asserts", texts, name, self.tests_per_sample) or []
        imports = list(dict.fromkeys(line for lines, _ in found for line in lines))
        counts = Counter(test for _, tests in found for test in tests)
        return WrittenTests(name, imports, list(counts), list(counts.values()))

    async def _validate(self, trial: Trial, ctx: Context) -> list[str]:
        """Return, for each test, "" if it may judge, else the reason why not."""
        solutions, tests, votes = trial.solutions, trial.tests, trial.votes
        by_pattern = {tuple(outcomes): i for i, outcomes in reversed(list(enumerate(votes)))}
        again = {i: await self._outcomes(solutions[i].source, tests, ctx) for i in by_pattern.values()}
        most = max(range(len(solutions)), key=lambda i: sum(votes[i]))
        mutants = await self.tool("mutants", solutions[most].source, tests.name) or []
        of_mutants = [await self._outcomes(mutant, tests, ctx) or tests.none_passed for mutant in mutants]
        nothing, *changed = of_mutants or [tests.none_passed]
        repeated = {i: outcomes or votes[i] for i, outcomes in again.items()}
        reasons = validated(votes, changed, nothing, repeated)
        for reason in reasons:
            ctx.tally(f"tests: {reason or 'validated'}")
        return reasons

    async def _outcomes(self, source: str, tests: WrittenTests, ctx: Context) -> list[bool] | None:
        """Return which tests a solution passes; None if it does not load."""
        outcomes: list[bool] = []
        for _ in range(RESTARTS + 1):
            left = tests.texts[len(outcomes) :]
            verdict = await self.box.check(source, "\n".join([*tests.imports, *left]), tests.name)
            if verdict.status in ("load_error", "infra_error"):
                return None
            outcomes += _of_asserts(verdict, len(left))
            if len(outcomes) == len(tests.texts):
                break
        ctx.tally("solutions run")
        return outcomes + [False] * (len(tests.texts) - len(outcomes))

    # -- both ------------------------------------------------------------------------------------------------

    async def _solutions(
        self, messages: Sequence[Message], tests: program_tests.Tests, label: str, count: int, ctx: Context
    ) -> list[Solution]:
        """Sample answers to a question; return their distinct programs, in the order drawn."""
        how = self.sampling | {"tools": ctx.prompt.tools or None}
        drawn: list[Completion] = await ctx.sample(self.generator, messages, n=count, label=label, **how)
        whole = [c for c in drawn if c.answers]
        ended = ctx.tally_ends("answers", drawn)
        programs = await asyncio.gather(*(execution.assembled(self.box, c.text, tests) for c in whole))
        answers = zip(whole, programs, strict=True)
        held = [(c.text, one) for c, one in answers if isinstance(one, execution.Assembled)]
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
        self,
        prompt: Prompt,
        right: Sequence[Solution],
        wrong: Sequence[tuple[Solution, str]],
        note: dict[str, Any],
    ) -> list[Row]:
        note = note | {"sandbox": self.sandbox.level}
        made: list[Row] = [
            Demonstration(prompt=prompt.messages, completion=solution.text, tools=prompt.tools, note=note)
            for solution in right[: self.max_demonstrations]
        ]
        good, bad = [one.text for one in right], [(one.text, why) for one, why in wrong]
        return [*made, *right_against_wrong(prompt, good, bad, self.max_pairs, note=note, again=True)]


def _of_asserts(verdict: Verdict, count: int) -> list[bool]:
    """Return the known outcomes of asserts; the assert that ended the process counts as failed."""
    if verdict.status == "test_error" and not verdict.outcomes:
        return [False] * count
    known = [bool(outcome) for outcome in verdict.outcomes[:count]]
    return known if len(known) == count else [*known, False]


def _one_of_each(
    wrong: Sequence[tuple[Solution, str]], behaviours: Sequence[tuple[bool, ...]]
) -> list[tuple[Solution, str]]:
    """Keep the first of the solutions that fail the same tests."""
    first = dict(reversed(list(zip(behaviours, wrong, strict=True))))
    return [first[behaviour] for behaviour in dict.fromkeys(behaviours)]
