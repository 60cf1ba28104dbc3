"""Ask a model for new constraints, with others as examples (AutoIF, step 1; `mode: self_instruct`).

AutoIF (Dong et al. 2024, arXiv 2406.13542) shows 36 hand-written constraints and asks for 50 new ones about
the form of an answer, again and again. Each request is one prompt of this stage. Its rows hold one new
constraint each, and mode `verifiers` makes them verifiable. That mode also merges constraints that several
requests gave.

Departures:
1. Each request shows the constraints in a different order, so that no constraint always comes first.
2. Our own 40 are shown (`templates/seed_constraints.jsonl`), or those of an earlier stage.
3. A last line that was cut at the token limit is left out; the other lines count.
"""

from __future__ import annotations

import random
import re
from functools import cache
from importlib.resources import as_file, files
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PrivateAttr

from align.core import sources
from align.core.errors import StageFailed
from align.core.rows import Prompt, Row, digest, is_unicode, reply
from align.core.stage import Run
from align.core.wiring import Ref
from data_synthesis.execution_feedback.constraint_pool import key
from data_synthesis.synthesizer import Context, Drop, Synthesizer, template

LONGEST = 300
"""Most characters of a constraint; a longer one is not a single sentence."""
SHORTEST = 3
"""Fewest words of a constraint."""
_NUMBERED = re.compile(r"^\s*(?:\d+[.):]|[-*])\s+(.*\S)\s*$")


class SelfInstruct(Synthesizer):
    """Ask a model for new constraints, several at a time."""

    version: ClassVar[str] = "1"
    makes: ClassVar[frozenset[str]] = frozenset({"prompts"})

    mode: Literal["self_instruct"]
    prompts: Annotated[str | None, Ref("prompts")] = None
    """Constraints that are shown as examples; left out, the 40 of the package are shown."""
    generator: Annotated[str, Ref("generator")]
    """The generator that writes constraints."""
    requests: int = Field(default=20, ge=1)
    """Number of requests (AutoIF: 100)."""
    constraints_per_request: int = Field(default=50, ge=1)
    """Constraints asked for in each request (AutoIF: 50)."""
    temperature: float = Field(default=1.0, ge=0)
    """Sampling temperature; high, so that the answers to several requests differ."""
    top_p: float = Field(default=0.95, gt=0, le=1)
    """Nucleus sampling: the smallest set of tokens with this much probability; 1 keeps all."""
    max_new_tokens: int = Field(default=2048, ge=1)
    """Longest answer, in tokens; 50 constraints take about 1,200."""

    _known: set[str] = PrivateAttr(default_factory=set)

    def prepare(self, run: Run) -> None:
        """Remember the constraints that are shown, because they are not new."""
        self._known = set(map(key, self._shown(run)))

    def candidates(self, run: Run) -> dict[str, Prompt]:
        """Return the requests by id, each with the shown constraints in a different order."""
        shown = self._shown(run)
        made = {}
        for number in range(self.requests):
            random.Random(run.seed("request", number)).shuffle(examples := list(shown))
            text = template("execution_feedback/self_instruct").format(
                shown=len(shown),
                examples="\n".join(f"- {one}" for one in examples),
                count=self.constraints_per_request,
            )
            id_ = digest([number, text])
            made[id_] = Prompt(messages=[{"role": "user", "content": text}], id=id_)
        return made

    def _shown(self, run: Run) -> list[str]:
        if self.prompts is None:
            return seeds()
        rows = run.rows(self.prompts, "prompts")
        shown = sorted({row.messages[-1]["content"].strip() for row in rows if isinstance(row, Prompt)})
        if not shown:
            raise StageFailed(
                run.name, f"{self.prompts!r} holds no constraint to show; leave `prompts` out to show ours"
            )
        return shown

    async def synthesize(self, prompt: Prompt, ctx: Context) -> Row | list[Row] | Drop:
        """Return the new constraints of one answer, as rows."""
        how: dict[str, Any] = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_new_tokens": self.max_new_tokens,
        }
        (said,) = await ctx.sample(self.generator, prompt.messages, label="think", **how)
        ctx.tally_ends("answers", [said])
        lines = reply(said.text).split("\n")
        lines = lines if said.whole else lines[:-1]
        known = set(self._known)
        made: list[Row] = []
        for found in filter(None, map(_NUMBERED.match, lines)):
            text = _bare(found[1])
            if why := _unfit(text):
                ctx.tally(f"constraints {why}")
            elif key(text) in known:
                ctx.tally("constraints known already")
            else:
                known.add(key(text))
                made.append(Prompt(messages=[{"role": "user", "content": text}], tags=["constraint"]))
        return made or Drop("no new constraint in the answer")


def _bare(text: str) -> str:
    """Return a line without Markdown emphasis, and without quotation marks or asterisks around it."""
    text = re.sub(r"\*\*(.+?)\*\*", r"\1", text).strip()
    around = re.fullmatch(r"([\"'*])([^\"'*]+)\1", text)
    return around[2].strip() if around else text


def _unfit(text: str) -> str:
    if len(text) > LONGEST:
        return "too long"
    if len(text.split()) < SHORTEST:
        return "too short"
    return "" if is_unicode(text) else "that are not Unicode"


@cache
def seeds() -> list[str]:
    """Return the texts of the package's own constraints."""
    with as_file(files("data_synthesis.execution_feedback") / "templates" / "seed_constraints.jsonl") as file:
        return [seed["instruction"] for seed in sources.objects(file, ("instruction",))]
