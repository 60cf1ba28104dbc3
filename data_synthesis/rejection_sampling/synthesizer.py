"""Rejection sampling: sample many solutions, keep right ones that reason differently, pair right with wrong.

RFT (Yuan et al. 2023, arXiv 2308.01825) samples k = 100 paths at T = 0.7, keeps those whose answer is right
and whose equations hold, and of these one for every distinct list of equations. The Qwen2 report (arXiv
2407.10671, 4.1.2) adds that the model itself must judge the path reasonable, and that a right and a wrong
path make a preference pair.

Departures:
1. A path without equations has its words as its key, so that such paths do not all collapse into one
   (`data_synthesis.rejection_sampling.reasoning_paths`; the authors' code gives them all the same key, the
   empty list).
2. The rejected side of a pair is the wrong path closest to the right one: a near miss teaches more than
   nonsense.
3. A sample cut at the token limit is neither right nor wrong: its ending is unknown.
4. `shots` puts worked examples before the prompt, but only while sampling. The rows hold the bare prompt, so
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
    """Sample n solutions for each prompt; keep distinct right ones, pair right with wrong ones."""

    # 2: the check of equations refuses only equations that are certainly false. 3: it reads more notations.
    version: ClassVar[str] = "3"
    makes: ClassVar[frozenset[str]] = frozenset({"demonstrations", "preferences"})

    generator: Annotated[str, Ref("generator")]
    """The generator that solves the problems."""
    reward: Reward
    """The verifier. Its scores must have `passed` (`math`, `constraints`, or your own)."""
    samples: int = Field(default=8, ge=1)
    """Solutions for each prompt. In RFT, distinct paths per question grow to 1.2, 2.2 and 5.3 for 1, 12 and
    100 samples (its table 2)."""
    temperature: float = Field(default=0.7, ge=0)
    """RFT samples at 0.7. A higher temperature finds more distinct paths and fewer right ones."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Nucleus sampling: the probability mass to sample from; 1 uses all tokens."""
    max_new_tokens: int = Field(default=256, ge=1)
    """Longest solution, in tokens (RFT's code: 256). Longer solutions count as truncated."""
    shots: Annotated[str | None, File()] = None
    """JSON lines with `question`, `completion` and optional `family`: worked examples shown while sampling,
    not trained on. Examples with a family are shown only to prompts that have it as a tag."""
    check_equations: bool = True
    """Drop a right answer if its equations do not hold, to 1e-3 as in RFT's code."""
    reasonable: Annotated[str | None, Ref("generator")] = None
    """A generator that must also judge each right path reasonable (in Qwen2 4.1.2, the model itself). Left
    out, no generator is asked."""
    max_demonstrations: int | None = Field(default=None, ge=1)
    """Largest number of demonstrations for each prompt; left out, every distinct right path becomes one."""
    max_pairs: int = Field(default=1, ge=0)
    """Largest number of preference pairs for each prompt."""
    negatives: Literal["closest", "any"] = "closest"
    """Which wrong path a right one is paired with: the `closest` (a near miss, departure 2), or `any`, in the
    order of sampling, so that the pairs show the model's own errors in proportion."""

    _shots: list[dict[str, Any]] = PrivateAttr(default_factory=list)

    def prepare(self, run: Run) -> None:
        """Load the worked examples."""
        if self.shots:
            self._shots[:] = sources.objects(run.home(self.shots), ("question", "completion"))

    async def synthesize(self, prompt: Prompt, ctx: Context) -> Row | list[Row] | Drop:
        """Return demonstrations and pairs, or the reason why there are none."""
        whole = await self._whole(prompt, ctx)
        if not whole:
            return Drop("no sample is a whole answer")
        judged = await self._judged(prompt, whole, ctx)
        if not judged:
            return ctx.unjudged("no sample could be judged")
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
        """Let the verifier judge solutions; return those for which it gives a verdict, with their scores."""
        scored = zip(texts, await ctx.score(self.reward, prompt, texts), strict=True)
        judged = [(text, score) for text, score in scored if score.graded]
        ctx.tally("samples that could not be judged", len(texts) - len(judged))
        if any(score.passed is None for _, score in judged):
            what = f"reward {self.reward.kind!r} gives no verdict (`passed`)"
            raise TypeError(f"{what}; rejection sampling needs a verifier")
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
        """Pair each kept path with a wrong one that is not used yet, up to `max_pairs`."""
        each = [(text, score.why) for text, score in dict(wrong).items()]
        nearest = closest if self.negatives == "closest" else None
        return [*right_against_wrong(prompt, kept, each, self.max_pairs, nearest=nearest)]


_CHOICE = re.compile(r"\byes\s*(?:/|or)\s*no\b", re.IGNORECASE)
_SAID = re.compile(r"\b(?:(yes|yep|yeah)|(nope|no)(?![^\S\n]+[a-z]|\s*-\s*one))\b", re.IGNORECASE)
""""yes" or "no" as an answer; the "no" of "no mistakes" does not match."""


def yes_or_no(text: str) -> bool | None:
    """Return a model's answer to a question that asks for yes or no; None if it says neither or both.

    Its reasoning does not count, nor does a repeated choice ("Yes/No: no") or the "no" of "no mistakes".
    """
    said = re.sub(r"\\boxed|\\text", " ", _CHOICE.sub(" ", reply(text)))
    if alone := re.fullmatch(r"\W*(?:(y|true)|n|false)\W*", said, re.IGNORECASE):
        return bool(alone[1])
    found = {bool(match[1]) for match in _SAID.finditer(said)}
    return found.pop() if len(found) == 1 else None
