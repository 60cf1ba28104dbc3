"""Rejection sampling: sample many solutions, keep the right ones that reason differently, pair right against wrong.

RFT (Yuan et al. 2023, arXiv 2308.01825) samples k = 100 paths at T = 0.7, keeps those whose answer is right
and whose equations hold, and one for every distinct list of equations. The Qwen2 report (arXiv 2407.10671,
4.1.2) adds that the model itself must judge the path reasonable, and makes preference pairs of a right and a
wrong path.

Departures:
1. A path without equations is keyed by its words, so that such paths do not all collapse into one
   (`data_synthesis.rejection_sampling.reasoning_paths`; the authors' code keys them all by the empty list).
2. A pair's wrong side is the wrong path closest to the right one: a near miss teaches more than nonsense.
3. A sample cut at the token limit is neither right nor wrong: nobody knows how it would have ended.
4. `shots` puts worked examples before the prompt while sampling only. The rows hold the bare prompt, so
   training distils the context into the weights.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PrivateAttr

from align.core import sources
from align.core.plugins import Completion, Reward, Score
from align.core.rows import Demonstration, Message, Prompt, Row, reply
from align.core.stage import Run
from align.core.wiring import File, Ref
from data_synthesis.pairing import right_against_wrong
from data_synthesis.rejection_sampling.reasoning_paths import closest, distinct_paths, equations_hold
from data_synthesis.synthesizer import Context, Drop, Synthesizer, template


class RejectionSampling(Synthesizer):
    """Sample n solutions a prompt; keep distinct right ones, pair right with wrong."""

    version: ClassVar[str] = (
        "3"  # 2: the check of equations refuses only what is surely false. 3: and reads more notations
    )
    makes: ClassVar[frozenset[str]] = frozenset({"demonstrations", "preferences"})

    generator: Annotated[str, Ref("generator")]
    """Who solves the problems."""
    reward: Reward
    """The verifier; it must say `passed` (`math`, `constraints`, or your own)."""
    samples: int = Field(default=8, ge=1)
    """Solutions a prompt. RFT: distinct paths a question grow 1.2, 2.2, 5.3 for 1, 12, 100 samples (its table
    2)."""
    temperature: float = Field(default=0.7, ge=0)
    """RFT samples at 0.7; higher finds more distinct paths and fewer right ones."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Nucleus; 1 keeps all."""
    max_new_tokens: int = Field(default=256, ge=1)
    """Longest solution, in tokens (RFT's code: 256). Longer ones count as truncated."""
    shots: Annotated[str | None, File()] = None
    """JSON lines with `question`, `completion` and optional `family`: worked examples shown while sampling,
    not trained on. Those with a family are shown to prompts that carry it as a tag."""
    check_equations: bool = True
    """Refuse a right answer whose equations do not hold, to 1e-3 as in RFT's code."""
    reasonable: Annotated[str | None, Ref("generator")] = None
    """A generator that must also judge each right path reasonable (Qwen2 4.1.2: the model itself). Left out:
    not asked."""
    max_demonstrations: int | None = Field(default=None, ge=1)
    """Most demonstrations a prompt; left out, every distinct right path."""
    max_pairs: int = Field(default=1, ge=0)
    """Most preference pairs a prompt."""
    negatives: Literal["closest", "any"] = "closest"
    """Which wrong path a right one is paired with: the `closest` (a near miss, departure 2), or `any`, in the
    order drawn, so that the pairs show the model's own habits in proportion."""

    _shots: list[dict[str, Any]] = PrivateAttr(default_factory=list)

    def prepare(self, run: Run) -> None:
        """Read the shots."""
        if self.shots:
            self._shots[:] = sources.objects(run.home(self.shots), ("question", "completion"))

    async def synthesize(self, prompt: Prompt, ctx: Context) -> Row | list[Row] | Drop:
        """Return demonstrations and pairs, or why there are none."""
        whole = await self._whole(prompt, ctx)
        if not whole:
            return Drop("no sample is a whole answer")
        judged = await self._judged(prompt, whole, ctx)
        if not judged:
            return Drop("no sample could be judged")
        right = [text for text, score in judged if score.passed]
        wrong = [(text, score) for text, score in judged if not score.passed]
        ctx.tally("samples right", len(right))
        ctx.tally("samples wrong", len(wrong))
        if not right:
            return Drop("no sample is right")
        sound = await self._sound(prompt, right, ctx)
        if not sound:
            return Drop("right answers only by unsound paths")
        kept = [sound[i] for i in distinct_paths(sound)]
        ctx.tally("right samples on a path already kept", len(sound) - len(kept))
        if not wrong:
            ctx.tally("prompts without a wrong sample to pair")
        return [*self._demonstrations(prompt, kept), *self._pairs(prompt, kept, wrong)]

    async def _whole(self, prompt: Prompt, ctx: Context) -> list[str]:
        """Sample solutions; return those that ended by themselves."""
        how: dict[str, Any] = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "tools": prompt.tools or None,
        }
        how |= {"max_new_tokens": self.max_new_tokens}
        drawn = await ctx.sample(
            self.generator, self._with_shots(prompt), n=self.samples, label="solve", **how
        )
        ctx.tally_ends("samples", drawn)
        return [completion.text for completion in drawn if completion.answers]

    async def _judged(self, prompt: Prompt, texts: list[str], ctx: Context) -> list[tuple[str, Score]]:
        """Let the verifier judge solutions; return those of which it says whether they are right."""
        scored = zip(texts, await ctx.score(self.reward, prompt, texts), strict=True)
        judged = [(text, score) for text, score in scored if score.graded]
        ctx.tally("samples that could not be judged", len(texts) - len(judged))
        if any(score.passed is None for _, score in judged):
            raise TypeError(
                f"reward {self.reward.kind!r} gives no verdict (`passed`); rejection sampling needs a verifier"
            )
        return judged

    def _with_shots(self, prompt: Prompt) -> list[Message]:
        shown: list[Message] = []
        for shot in self._shots:
            if shot.get("family") is None or shot["family"] in prompt.tags:
                shown.append({"role": "user", "content": shot["question"]})
                shown.append({"role": "assistant", "content": shot["completion"]})
        system = [m for m in prompt.messages[:1] if m["role"] == "system"]
        return [*system, *shown, *prompt.messages[len(system) :]]

    async def _sound(self, prompt: Prompt, right: list[str], ctx: Context) -> list[str]:
        sound = [text for text in right if not self.check_equations or equations_hold(text)]
        ctx.tally("right samples whose equations do not hold", len(right) - len(sound))
        if self.reasonable is None or not sound:
            return sound
        problem, judged = prompt.messages[-1]["content"], []
        for i, text in enumerate(sound):
            question = template("rejection_sampling/reasonable").format(problem=problem, solution=text)
            said = await self._ask(question, f"reasonable {i}", ctx)
            judgement = yes_or_no(said.text) if said.whole else None
            ctx.tally("judgements that are neither yes nor no", judgement is None)
            judged += [text] if judgement else []
        ctx.tally("right samples judged unreasonable", len(sound) - len(judged))
        return judged

    async def _ask(self, question: str, label: str, ctx: Context) -> Completion:
        assert self.reasonable is not None
        messages = [{"role": "user", "content": question}]
        how: dict[str, Any] = {"temperature": 0.0, "max_new_tokens": self.max_new_tokens}
        (said,) = await ctx.sample(self.reasonable, messages, label=label, **how)
        return said

    def _demonstrations(self, prompt: Prompt, kept: list[str]) -> list[Row]:
        return [
            Demonstration(prompt=prompt.messages, completion=text, tools=prompt.tools, note={"path": i})
            for i, text in enumerate(kept[: self.max_demonstrations])
        ]

    def _pairs(self, prompt: Prompt, kept: list[str], wrong: list[tuple[str, Score]]) -> list[Row]:
        """Pair each kept path with a wrong one not used yet, up to `max_pairs`."""
        each = [(text, score.why) for text, score in dict(wrong).items()]
        nearest = closest if self.negatives == "closest" else None
        return [*right_against_wrong(prompt, kept, each, self.max_pairs, nearest=nearest)]


_CHOICE = re.compile(r"\byes\s*(?:/|or)\s*no\b", re.IGNORECASE)
_SAID = re.compile(r"\b(?:(yes|yep|yeah)|(nope|no)(?![^\S\n]+[a-z]|\s*-\s*one))\b", re.IGNORECASE)
"""Yes or no as an answer; in "no mistakes" it is none."""


def yes_or_no(text: str) -> bool | None:
    """Return what a model says to a question that asks for yes or no; None where it says neither, or both.

    Its reasoning does not count, nor does a repetition of the choice ("Yes/No: no") or the "no" of "no
    mistakes".
    """
    said = re.sub(r"\\boxed|\\text", " ", _CHOICE.sub(" ", reply(text)))
    if alone := re.fullmatch(r"\W*(?:(y|true)|n|false)\W*", said, re.IGNORECASE):
        return bool(alone[1])
    found = {bool(match[1]) for match in _SAID.finditer(said)}
    return found.pop() if len(found) == 1 else None
