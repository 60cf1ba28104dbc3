"""Tasks that compare a model's answers with those of a baseline: another model of the table, or given ones.

A judge sees each pair in both orders. The model gets 1 for a win, 0.5 for a tie and 0 for a loss in each, and
the item the mean of both. Beside the win rate stand the share of ties and two figures that say how far the
judge can be trusted: `position bias`, how often the answer shown first wins, minus 1/2 (0.5: always, -0.5:
never), and `orders disagree`, the share of items on which the two orders end differently. A judge that looks
at nothing but the order gives every model a win rate of 0.5, and the table warns of it.

Source: Zheng et al. 2023 (arXiv 2306.05685), section 3.4, who swap the order too. Departures:

1. Two orders that disagree count 0.5 as there, but a win and a tie count 0.75 (there: a tie).
2. Answers that are equal are a tie, and the judge is not asked (as in AlpacaEval).
3. Only what stands behind a model's reasoning is judged.

The baseline itself, where it is a model of the table, has a win rate of 0.5 by definition, so that other
models are compared with it like with any model.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from pydantic import Field

from align.core.errors import StageFailed
from align.core.plugins import Completion
from align.core.rows import Message, visible
from align.evaluate.judges import (
    JudgeModel,
    Marks,
    PairVerdict,
    fill,
    holds_mark,
    read_mark,
    transcript,
    verdict,
)
from align.evaluate.scores import values
from align.evaluate.subject import Subject
from align.evaluate.task import Item, Metric, Outcome, Task
from align.evaluate.tasks.generation import NOT_COMPARED
from align.evaluate.tasks.rows import conversation

WIN_RATE, BIAS, DISAGREE = "win rate", "position bias", "orders disagree"
UNTRUSTED = 0.5
"""Share of items on which the two orders disagree above which the table warns: then the order decides more
verdicts than the answers do. (GPT-4 on answers that are nearly alike: 0.35; Zheng et al. 2023, table 2.)"""


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison of two answers gave."""

    scores: Mapping[str, float | Sequence[float]]
    notes: Mapping[str, int] = field(default_factory=dict)


class Pairwise(Task):
    """A task that compares answers in pairs."""

    metrics: ClassVar[Mapping[str, Metric]] = {
        "ties": NOT_COMPARED,
        BIAS: Metric(better="", bounds=(-0.5, 0.5), compared=False),
        DISAGREE: NOT_COMPARED,
        "characters": Metric(better="", bounds=None, compared=False),
    }

    against: str | None = None
    """Name of another model of the stage, as in the table, whose answers are the baseline."""
    max_new_tokens: int = Field(default=2048, ge=1)
    """Longest answer of a model in tokens. A longer one is cut and judged as it stands."""
    temperature: float = Field(default=0.0, ge=0)
    """Temperature of the answers; 0 is greedy."""

    def question(self, item: Item, model: Subject) -> list[Message]:
        """Return what a model is asked."""
        return conversation(item, model, self.label)

    @abstractmethod
    async def compare(self, item: Item, model: Subject, answer: str, baseline: str) -> Compared:
        """Return what the comparison of a model's answer with the baseline's gives."""

    def parts(self, answer: str, baseline: str) -> Mapping[str, Any]:
        """Return what `summaries` needs of two answers."""
        return {}

    def asked(self, model: Subject) -> str:
        """Return how the model is asked.

        Raises:
            StageFailed: the baseline is no model of the stage. (No weights are loaded yet.)
        """
        if self.against is not None:
            self._rival(model)
        return "the baseline" if model.label == self.against else super().asked(model)

    def depends(self, model: Subject) -> Any:
        """Return the identity of the baseline."""
        if self.against is None:
            return None
        rival = self._rival(model)
        return [model.run.identity(rival.generator), rival.chat, model.label == self.against]

    async def measure(self, item: Item, model: Subject) -> Outcome:
        """Let the model and the baseline answer, and compare their answers."""
        if model.label == self.against:
            said = await self._answer(item, model)
            return Outcome({WIN_RATE: 0.5, "characters": len(visible(said.text))}, [said.text])
        if self.against is None:
            said, baseline = await self._answer(item, model), str(item.data["baseline"])
        else:
            rival = replace(self._rival(model), task=model.task)
            said, theirs = await asyncio.gather(self._answer(item, model), self._answer(item, rival))
            baseline = visible(theirs.text)
        answer = visible(said.text)
        if answer.strip() == baseline.strip():
            compared = Compared({WIN_RATE: [0.5, 0.5], "ties": 1.0}, {"answers equal to the baseline's": 1})
        else:
            compared = await self.compare(item, model, answer, baseline)
        notes = Counter(compared.notes)
        notes[f"answers {said.missing}"] += not said.whole
        notes["answers without text"] += not answer.strip()
        scores = {**compared.scores, "characters": len(answer)}
        return Outcome(scores, [said.text], dict(+notes), parts=self.parts(answer, baseline))

    async def _answer(self, item: Item, model: Subject) -> Completion:
        how: dict[str, Any] = {"temperature": self.temperature, "max_new_tokens": self.max_new_tokens}
        asked = self.question(item, model)
        (answer,) = await model.sample(item, asked, tools=item.data.get("tools") or None, **how)
        return answer

    def _rival(self, model: Subject) -> Subject:
        if self.against not in model.others:
            raise StageFailed(
                model.run.name,
                f"task {self.label!r} compares with {self.against!r}, which is no model of this stage; it "
                f"has {', '.join(model.others)}",
                model.run.log_file,
            )
        return model.others[self.against]


TIE = PairVerdict(0.5)


async def judged(
    judge: JudgeModel,
    model: Subject,
    item: Item,
    template: str,
    marks: Marks,
    answer: str,
    baseline: str,
) -> Compared:
    """Let a judge compare two answers in both orders.

    Args:
        judge: which model judges.
        model: whose answer it is.
        item: the question, with its reference where it has one.
        template: what the judge is asked.
        marks: how it gives its verdict.
        answer: of the model.
        baseline: the answer that it is compared with.

    Raises:
        BadRow: there is no verdict in one of the orders.
    """
    texts = {"question": transcript(item.messages), "reference": item.answer or ""}
    pairs = ((baseline, answer), (answer, baseline))
    jobs = [
        verdict(
            judge, model, item, fill(template, **texts, answer_a=a, answer_b=b),
            lambda said: read_mark(said, marks), marks.asked,
        )
        for a, b in pairs
    ]  # fmt: skip
    found = await asyncio.gather(*jobs, return_exceptions=True)  # no request is left running unseen
    for one in found:
        if isinstance(one, BaseException):
            raise one
    second, first = (one for one in found if isinstance(one, PairVerdict))
    notes = {"answers that contain a verdict": 1} if holds_mark(answer, marks) else {}
    return Compared(in_both_orders(first, second), notes)


def in_both_orders(first: PairVerdict, second: PairVerdict) -> dict[str, float | list[float]]:
    """Return the metrics of an item.

    Args:
        first: the verdict where the model's answer is shown first.
        second: the verdict where the baseline's answer is shown first.
    """
    won = [first.first] * first.weight + [1.0 - second.first] * second.weight
    return {
        WIN_RATE: won,
        "ties": ((first.first == TIE.first) + (second.first == TIE.first)) / 2,
        BIAS: (first.first + second.first) / 2 - 0.5,
        DISAGREE: float(first.first != 1.0 - second.first),
    }


def order_warnings(outcomes: Sequence[Outcome]) -> list[str]:
    """Return a sentence that warns of a judge whose verdicts depend on the order, or nothing."""
    disagree = [value for outcome in outcomes for value in values(outcome, DISAGREE) or ()]
    if not disagree or sum(disagree) / len(disagree) <= UNTRUSTED:
        return []
    bias = [value for outcome in outcomes for value in values(outcome, BIAS) or ()]
    first = 0.5 + sum(bias) / len(bias)
    return [
        f"the judge changed its verdict with the order of the answers on {sum(disagree):.0f} of "
        f"{len(disagree)} items, and the answer shown first won {first:.0%}; this win rate says little, use "
        "another judge"
    ]
