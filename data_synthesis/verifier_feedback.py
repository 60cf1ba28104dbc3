"""Functions that verify a constraint: a model writes them, running them validates them (AutoIF; `mode: verifiers`).

A row is a constraint in words; what is made of it is the same row with tests, `{"functions": [...]}`, which the reward
`kind: constraints` runs. AutoIF (Dong et al. 2024, arXiv 2406.13542) samples answers that hold one function and three cases,
lets functions and cases check each other, and puts functions back into words: if one of these contradicts the constraint,
the constraint is given up.

    sample -> distinct functions, distinct cases -> blemishes -> cross-validation -> back-translation -> row

Departures (those of the cross-validation: `data_synthesis.cross_validation`):
1. An answer has a block of Python and a block of JSON; AutoIF asks for JSON that holds the source, which models escape wrongly.
2. Functions are one when their syntax trees are, cases when their texts and expected values are.
3. A row that brings tests of its own (a check of the library) needs no functions, and passes as it is.
4. Who says whether a back-translation contradicts is any reward with a verdict: `nli` (AutoIF) or `judge`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from align.core.plugins import Reward
from align.core.rows import Preference, Prompt, Row, digest
from align.core.stage import Run
from align.core.wiring import Ref
from data_synthesis.base import Context, Drop, template
from data_synthesis.constraint_pool import key
from data_synthesis.cross_validation import PRESETS, Name, Said, battery, blemish, cross_validate
from data_synthesis.execution_feedback import ExecutionFeedback
from reward import functions, program_text

MOST_CASES = 50
"""Cases of a constraint that are run."""
LONGEST_CASE = 4_000
"""Characters of a case's text."""
_JSON = re.compile(r"^[ \t]*```[ \t]*json[ \t]*\n(.*?)^[ \t]*```", re.DOTALL | re.MULTILINE | re.IGNORECASE)
_TRUTH = {"true": True, "false": False}

Case = tuple[str, bool]


class VerifierFeedback(ExecutionFeedback):
    """Write functions and cases for each constraint, keep those that agree."""

    version: ClassVar[str] = "1"
    makes: ClassVar[frozenset[str]] = frozenset({"prompts", "preferences"})

    mode: Literal["verifiers"]
    prompts: Annotated[str, Ref("prompts")]
    """Constraints, one a row, in words: of mode `constraints`, or your own. The same one twice is one."""
    samples: int = Field(default=16, ge=1)
    """Answers a constraint, each with one function and its cases."""
    preset: Name = "paper"
    """Thresholds: `paper`, or `upstream` (the published code: at least 3 functions and 10 cases)."""
    max_functions: int = Field(default=3, ge=1)
    """Most functions that vote on a constraint: those that agree with the most cases."""
    consistency: Reward | None = None
    """Who says that a function put back into words contradicts the constraint: `{kind: nli, model: ...}` or
    `{kind: judge, generator: ..., pass_at: 5}`. Left out: not asked."""

    def candidates(self, run: Run) -> dict[str, Prompt]:
        """Return the constraints, each once: the first of those that say the same."""
        first: dict[str, Prompt] = {}
        for prompt in super().candidates(run).values():
            first.setdefault(key(prompt.messages[-1]["content"]), prompt)
        return {prompt.id: prompt for prompt in first.values()}

    async def synthesize(self, prompt: Prompt, ctx: Context) -> Row | list[Row] | Drop:
        """Return the constraint with functions that verify it and pairs of its cases, or why there is none."""
        constraint = prompt.messages[-1]["content"].strip()
        if prompt.tests:
            return Prompt(messages=prompt.messages, tests=prompt.tests, tags=prompt.tags)
        sources, cases = await self._written(constraint, ctx)
        if not sources or not cases:
            return Drop("no function was written" if not sources else "no case was written")
        cases = cases[:MOST_CASES]
        texts = battery([text for text, _ in cases])
        sound = [source for source in sources if await self._is_sound(source, texts, ctx)]
        if not sound:
            return Drop("no function is sound")
        said = [await functions.say(self.box, source, [text for text, _ in cases]) for source in sound]
        kept = cross_validate(said, [wanted for _, wanted in cases], PRESETS[self.preset])
        if kept.why:
            return Drop(kept.why)
        best = sorted(kept.functions, key=lambda f: -sum(said[f][t] is cases[t][1] for t in kept.cases))
        chosen = [sound[f] for f in best[: self.max_functions]]
        if self.consistency and (why := await self._contradiction(constraint, chosen, ctx)):
            return Drop(why)
        ctx.tally("functions kept", len(chosen))
        ctx.tally("cases kept", len(kept.cases))
        note = {
            "functions": [digest(source) for source in chosen],
            "agreeing functions": len(kept.functions),
            "cases": len(kept.cases),
            "preset": self.preset,
            "sandbox": self.sandbox.level,
        }
        made: list[Row] = [Prompt(messages=prompt.messages, tests=[{"functions": chosen}], tags=prompt.tags, note=note)]
        agreed = [[said[f][t] for t in kept.cases] for f in kept.functions]
        return [*made, *self._pairs(prompt, [cases[t] for t in kept.cases], agreed, note)]

    # -- what a model wrote ---------------------------------------------------------------------------------------

    async def _written(self, constraint: str, ctx: Context) -> tuple[list[str], list[Case]]:
        """Return the distinct functions and cases of a constraint, in the order drawn."""
        asked = [{"role": "user", "content": template("write_verifier").format(constraint=constraint)}]
        said = await ctx.sample(self.generator, asked, n=self.samples, label="verify", **self.sampling)
        held: list[str] = []
        cases: list[Case] = []
        for completion in said:
            source = program_text.program(completion.text, functions.ENTRY_POINT) if "```" in completion.text else None
            ctx.tally("answers without a function", source is None)
            if source is not None:
                held.append(source.strip())
                cases += read_cases(completion.text)
        signatures = (await self.tool("signatures", held) if held else None) or [None] * len(held)
        distinct = {signature: source for signature, source in reversed(list(zip(signatures, held, strict=True))) if signature}
        ctx.tally("functions written", len(held))
        return list(distinct.values())[::-1], list(dict.fromkeys(cases))

    # -- whether it may judge -------------------------------------------------------------------------------------

    async def _is_sound(self, source: str, texts: Sequence[str], ctx: Context) -> bool:
        """Does it say yes and no, and the same in another order?"""
        said = await functions.say(self.box, source, texts, lives=1)
        if isinstance(said[0], str) and said[0].startswith("load_error"):
            why = "does not load"
        else:
            again = await functions.say(self.box, source, texts[::-1], lives=1)
            why = blemish(said, again[::-1])
        ctx.tally(f"functions: {why or 'sound'}")
        return not why

    async def _contradiction(self, constraint: str, sources: Sequence[str], ctx: Context) -> str:
        """Put functions back into words; return why the constraint is given up, or ""."""
        assert self.consistency is not None
        for number, source in enumerate(sources):
            asked = [{"role": "user", "content": template("back_translate").format(function=source)}]
            (back,) = await ctx.sample(
                self.generator, asked, label=f"back {number}", temperature=0.0, max_new_tokens=self.max_new_tokens
            )
            if back.finish_reason == "length" or not back.text.strip():
                return "a function could not be put into words"
            question = Prompt(messages=asked, answer=constraint)
            (score,) = await ctx.score(self.consistency, question, [back.text.strip()])
            if score.passed is None:
                raise TypeError(f"reward {self.consistency.kind!r} gives no verdict (`passed`); `consistency` needs one")
            if not score.passed:
                return "a function says something else than the constraint"
        return ""

    def _pairs(self, prompt: Prompt, cases: Sequence[Case], said: Sequence[Said], note: dict[str, Any]) -> list[Row]:
        """Pair texts that most functions accept with texts that none accepts (AutoIF's pairs of a constraint alone)."""
        shares = [sum(one[t] is True for one in said) / len(said) for t in range(len(cases))]
        right = [text for (text, _), share in zip(cases, shares, strict=True) if PRESETS[self.preset].chosen(share)]
        wrong = [text for (text, _), share in zip(cases, shares, strict=True) if share == 0]
        usable = [(a, b) for a, b in zip(right, wrong, strict=False) if a.strip() and b.strip()]
        return [
            Preference(prompt=prompt.messages, chosen=a, rejected=b, margin=1.0, note=note) for a, b in usable[: self.max_pairs]
        ]


def read_cases(text: str) -> list[Case]:
    """Return the cases in an answer's blocks of JSON; what is no case is left out."""
    found: list[Case] = []
    for block in _JSON.findall(text):
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
    if not isinstance(given, str) or len(given) > LONGEST_CASE:
        return None
    wanted = _TRUTH.get(wanted.strip().lower()) if isinstance(wanted, str) else wanted
    return (given, wanted) if isinstance(wanted, bool) else None
