"""Make functions that verify a constraint: a model writes them, runs validate them (`mode: verifiers`).

A row is a constraint in words. The stage returns the same row with tests, `{"functions": [...]}`, which the
reward `kind: constraints` runs. AutoIF (Dong et al. 2024, arXiv 2406.13542) samples answers that hold one
function and three cases, lets functions and cases check each other, and translates functions back into words.
If one of these translations contradicts the constraint, the constraint is dropped.

    sample -> distinct functions, distinct cases -> blemishes -> cross-validation -> back-translation -> row

Departures (those of the cross-validation: `data_synthesis.execution_feedback.cross_validation`):
1. An answer has a block of Python and a block of JSON; AutoIF asks for JSON that holds the source, which
   models escape wrongly.
2. Two functions are the same if their syntax trees are, two cases if their texts and expected values are.
3. A row that brings tests of its own (a check of the library) needs no functions, and passes unchanged.
4. Any reward with a verdict can decide whether a back-translation contradicts: `nli` (AutoIF) or `judge`.
5. At most `max_functions` are kept, and each of these is back-translated; AutoIF keeps all and
   back-translates three.
6. Texts are judged without surrounding white space, as answers are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from align.core.plugins import Reward
from align.core.rows import Prompt, Row, digest, is_unicode, reply
from align.core.stage import Run
from align.core.wiring import Ref
from data_synthesis.execution_feedback.constraint_pool import distinct
from data_synthesis.execution_feedback.cross_validation import (
    PRESETS,
    Name,
    Said,
    battery,
    blemish,
    cross_validate,
)
from data_synthesis.execution_feedback.synthesizer import ExecutionFeedback
from data_synthesis.pairing import right_against_wrong
from data_synthesis.synthesizer import Context, Drop, template
from reward.constraints import functions
from reward.execution import text as program_text
from reward.judge import Judge

MOST_CASES = 50
"""Most cases of a constraint that are run."""
LONGEST_CASE = 4_000
"""Most characters of a case's text."""
_TRUTH = {"true": True, "false": False}

Case = tuple[str, bool]


@dataclass(frozen=True, slots=True)
class Agreed:
    """The functions and the cases of a constraint that agree with each other."""

    sources: list[str]
    """The functions; those that agree with the most cases come first."""
    cases: list[Case]
    said: list[Said]
    """Each function's answers on the cases, in the order in which the functions were written."""


class VerifierFeedback(ExecutionFeedback):
    """Write functions and cases for each constraint, and keep those that agree."""

    version: ClassVar[str] = "2"  # 2: functions are found in fences of every kind
    makes: ClassVar[frozenset[str]] = frozenset({"prompts", "preferences"})

    mode: Literal["verifiers"]
    prompts: Annotated[str, Ref("prompts")]
    """Constraints in words, one per row: from mode `self_instruct`, or your own. Copies of a constraint count
    once."""
    samples: int = Field(default=16, ge=1)
    """Answers sampled for each constraint; each holds one function and its cases."""
    max_new_tokens: int = Field(default=1024, ge=1)
    """Longest answer, in tokens: a function and three cases. A longer answer is cut, and not used."""
    preset: Name = "paper"
    """Thresholds: `paper`, or `upstream` (the published code: at least 3 functions and 10 cases)."""
    max_functions: int = Field(default=3, ge=1)
    """Most functions that vote on a constraint; those that agree with the most cases are kept."""
    consistency: Reward | None = None
    """The reward that decides whether a function, translated back into words, contradicts the constraint:
    `{kind: nli, model: ...}` or `{kind: judge, generator: ..., pass_at: 5}`. Left out: no
    back-translation."""

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Refuse a judge without a verdict, and fewer samples than the functions that the preset needs."""
        yield from super().problems(folder)
        if isinstance(self.consistency, Judge) and self.consistency.pass_at is None:
            yield "consistency", "a judge gives a verdict only with `pass_at`, for example pass_at: 6"
        if self.samples < PRESETS[self.preset].functions:
            needed = f"{PRESETS[self.preset].functions} functions, one from each answer"
            yield "samples", f"preset {self.preset!r} needs {needed}"

    def candidates(self, run: Run) -> dict[str, Prompt]:
        """Return the constraints by id, without copies (see `distinct`)."""
        rows = super().candidates(run)
        chosen = {prompt.id for prompt in distinct(rows.values())}
        if len(chosen) < len(rows):
            run.report["duplicate constraints"] = len(rows) - len(chosen)
        return {id_: prompt for id_, prompt in rows.items() if id_ in chosen}

    async def synthesize(self, prompt: Prompt, ctx: Context) -> Row | list[Row] | Drop:
        """Return a constraint with functions that verify it and pairs of its cases, or why there are none."""
        constraint = prompt.messages[-1]["content"].strip()
        if prompt.tests:
            return prompt
        sources, cases = await self._written(constraint, ctx)
        if not sources or not cases:
            return Drop("no function was written" if not sources else "no case was written")
        ctx.tally("cases left out", max(0, len(cases) - MOST_CASES))
        agreed = await self._agreed(sources, cases[:MOST_CASES], ctx)
        if isinstance(agreed, Drop):
            return agreed
        chosen = agreed.sources[: self.max_functions]
        if self.consistency and (why := await self._contradiction(constraint, chosen, ctx)):
            return Drop(why)
        ctx.tally("functions kept", len(chosen))
        ctx.tally("cases kept", len(agreed.cases))
        return self._rows(prompt, chosen, agreed)

    async def _agreed(self, sources: Sequence[str], cases: Sequence[Case], ctx: Context) -> Agreed | Drop:
        """Let sound functions and cases check each other; return those that agree, or why too few do."""
        given, expected = [text for text, _ in cases], [wanted for _, wanted in cases]
        texts = battery(given)
        sound = [source for source in sources if await self._is_sound(source, texts, ctx)]
        if not sound:
            return Drop("no function is sound")
        said = [await functions.say(self.box, source, given) for source in sound]
        kept = cross_validate(said, expected, PRESETS[self.preset])
        if kept.why:
            return Drop(kept.why)
        best = sorted(kept.functions, key=lambda f: -sum(said[f][t] is expected[t] for t in kept.cases))
        return Agreed(
            sources=[sound[f] for f in best],
            cases=[cases[t] for t in kept.cases],
            said=[[said[f][t] for t in kept.cases] for f in kept.functions],
        )

    # -- what a model wrote ----------------------------------------------------------------------------------

    async def _written(self, constraint: str, ctx: Context) -> tuple[list[str], list[Case]]:
        """Sample answers; return their distinct functions and cases, in the order drawn."""
        request = template("execution_feedback/write_verifier").format(constraint=constraint)
        asked = [{"role": "user", "content": request}]
        said = await ctx.sample(self.generator, asked, n=self.samples, label="verify", **self.sampling)
        held: list[str] = []
        cases: list[Case] = []
        ctx.tally_ends("answers", said)
        for text in (reply(completion.text) for completion in said if completion.finish_reason == "stop"):
            source = program_text.program(text, functions.ENTRY_POINT) if program_text.blocks(text) else None
            written = read_cases(text)
            ctx.tally("answers without a function", source is None)
            ctx.tally("answers without cases", not written)
            if source is not None:
                held.append(source.strip())
                cases += written
        signatures = await self.signatures(held)
        sources: dict[str, str] = {}
        for signature, source in zip(signatures, held, strict=True):
            if signature:
                sources.setdefault(signature, source)
        ctx.tally("functions written", len(held))
        ctx.tally("functions that do not parse", signatures.count(None))
        return list(sources.values()), list(dict.fromkeys(cases))

    # -- whether it may judge --------------------------------------------------------------------------------

    async def _is_sound(self, source: str, texts: Sequence[str], ctx: Context) -> bool:
        """Does a function accept some texts, refuse others, and say the same when the order changes?"""
        said = again = await functions.say(self.box, source, texts, lives=1)
        if all(isinstance(one, bool) for one in said):
            again = (await functions.say(self.box, source, texts[::-1], lives=1))[::-1]
        why = blemish(said, again)
        ctx.tally(f"functions: {why or 'sound'}")
        return not why

    async def _contradiction(self, constraint: str, sources: Sequence[str], ctx: Context) -> str:
        """Translate functions back into words; return why the constraint is dropped, or "" if it is not."""
        assert self.consistency is not None
        for number, source in enumerate(sources):
            request = template("execution_feedback/back_translate").format(function=source)
            asked = [{"role": "user", "content": request}]
            (back,) = await ctx.sample(
                self.generator,
                asked,
                label=f"back {number}",
                temperature=0.0,
                max_new_tokens=self.max_new_tokens,
            )
            if not back.answers:
                return "a function could not be put into words"
            question = Prompt(messages=asked, answer=constraint)
            (score,) = await ctx.score(self.consistency, question, [reply(back.text)])
            if score.passed is None:
                kind = self.consistency.kind
                raise TypeError(
                    f"`consistency`: reward {kind!r} gives no verdict (`passed`) {score.why}".strip()
                )
            if not score.passed:
                return "a function says something else than the constraint"
        return ""

    # -- what is made of it ----------------------------------------------------------------------------------

    def _rows(self, prompt: Prompt, chosen: list[str], agreed: Agreed) -> list[Row]:
        """Return the constraint with the functions that verify it, and the pairs of its cases."""
        note = {
            "functions": [digest(source) for source in chosen],
            "agreeing functions": len(agreed.sources),
            "cases": agreed.cases,
            "preset": self.preset,
            "sandbox": self.sandbox.level,
        }
        verified = replace(prompt, tests=[{"functions": chosen}], note=note)
        return [verified, *self._pairs(prompt, agreed, note | {"cases": len(agreed.cases)})]

    def _pairs(self, prompt: Prompt, agreed: Agreed, note: dict[str, Any]) -> list[Row]:
        """Pair texts that most functions accept with texts that none accepts.

        These are AutoIF's pairs whose prompt is only a constraint.
        """
        votes = [sum(one[t] is True for one in agreed.said) for t in range(len(agreed.cases))]
        shares = [count / len(agreed.said) for count in votes]
        judged = [(text, share) for (text, _), share in zip(agreed.cases, shares, strict=True)]
        right = [text for text, share in judged if PRESETS[self.preset].chosen(share)]
        wrong = [text for text, share in judged if share == 0]
        usable = [(a, (b, "")) for a, b in zip(right, wrong, strict=False) if a.strip() and b.strip()]
        good, bad = [a for a, _ in usable], [b for _, b in usable]
        return [*right_against_wrong(prompt, good, bad, self.max_pairs, note=note)]


def read_cases(text: str) -> list[Case]:
    """Return the cases in an answer's blocks of JSON; items that are not cases are left out."""
    found: list[Case] = []
    for label, block in program_text.blocks(text):
        if label not in ("json", ""):
            continue
        try:
            items = json.loads(block)
        except (ValueError, RecursionError):
            continue
        for item in items if isinstance(items, list) else [items]:
            case = _case(item) if isinstance(item, dict) else None
            found += [case] if case else []
    return found


def _case(item: dict[str, Any]) -> Case | None:
    given, wanted = item.get("input"), item.get("output")
    if not isinstance(given, str) or len(given) > LONGEST_CASE or not is_unicode(given):
        return None
    wanted = _TRUTH.get(wanted.strip().lower()) if isinstance(wanted, str) else wanted
    return (given.strip(), wanted) if isinstance(wanted, bool) else None
