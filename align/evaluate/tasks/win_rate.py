"""Win rate: how often answers are preferred to those of another model, or to given ones.

A judge model compares each pair in both orders, with FastChat's templates `pair-v2` (and `pair-math-v1` for
items with a reference answer; Zheng et al. 2023), or a reward scores both answers and the greater score wins.
Below the table stands the length-controlled win rate (Dubois et al. 2024, arXiv 2404.04475; see
`align.evaluate.statistics.length_control`), which a regression over all items gives. It is computed without
the difficulty of the instructions, which is published for AlpacaEval's only.

Departures from FastChat:

1. A conversation of several turns is shown to the judge as one question, its turns under their roles.
2. Those of `align.evaluate.judges` and `align.evaluate.tasks.pairwise`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PrivateAttr

from align.core import sources
from align.core.errors import BadRow, StageFailed, UsageError
from align.core.plugins import Reward
from align.core.rows import Prompt, prompt_key
from align.core.stage import Run
from align.core.wiring import File, Ref
from align.evaluate.judges import PAIR, JudgeModel, lacking, own, shipped
from align.evaluate.scores import values
from align.evaluate.statistics.length_control import length_controlled
from align.evaluate.subject import Subject
from align.evaluate.task import Figure, Item, Outcome, Summary
from align.evaluate.tasks.pairwise import WIN_RATE, Compared, Pairwise, judged, order_warnings
from align.evaluate.tasks.rows import item_of

LENGTH_CONTROLLED = "length-controlled win rate"


class WinRateTask(Pairwise):
    """How often a model's answers win against another model's, or against given ones."""

    prompts: Annotated[str, Ref("prompts")]
    """What the models are asked: a stage that nothing else uses, or a folder. Tags are as in `rows`."""
    answers: Annotated[str | None, File()] = None
    """A file with the baseline's answers: records with `instruction` and `output`, as in AlpacaEval. Left out
    (and without `against`), the `answer` of each prompt is the baseline."""
    judge: JudgeModel | None = None
    """The model that compares the answers, such as `{generator: gpt4}`."""
    template: Annotated[str | None, File()] = None
    """A file with what the judge is asked, instead of FastChat's text; `{question}`, `{answer_a}` and
    `{answer_b}` are filled in, and `{reference}` where the prompt has a reference answer. Above a line
    `=====` stands the system message."""
    reward: Reward | None = None
    """A reward that scores both answers, instead of a judge: `{kind: reward_model, model: rm}`."""
    tie_within: float = Field(default=0.0, ge=0)
    """Scores of the reward that differ by at most this are a tie."""

    _templates: tuple[str, str] = PrivateAttr(default=("", ""))

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Refuse two judges or none, two baselines, and a template without the answers."""
        if (self.judge is None) == (self.reward is None):
            yield "judge", "win_rate needs either a `judge`, or a `reward` that scores both answers"
        if self.against is not None and self.answers is not None:
            yield "answers", "the baseline is either `against` a model or these `answers`; leave one out"
        if self.reward is not None and self.template is not None:
            yield "template", "a template is for a `judge`; a `reward` reads the answers only"
        if self.judge is not None and self.tie_within:
            yield "tie_within", "it compares the scores of a `reward`; a `judge` says itself what is a tie"
        wrong = lacking(folder / self.template, ("question", "answer_a", "answer_b")) if self.template else ""
        if wrong:
            yield "template", wrong

    def items(self, run: Run) -> list[Item]:
        """Return an item for each prompt, and read the templates.

        Raises:
            StageFailed: the baseline's answers cannot be read.
        """
        mine = own(self.template, run) if self.template else ""
        self._templates = (mine or shipped("pair"), mine or shipped("pair_reference"))
        rows = [row for row in run.rows(self.prompts, "prompts") if isinstance(row, Prompt)]
        if self.against is not None:
            return [item_of(row) for row in rows]
        given = self._given(run) if self.answers else {row.id: row.answer for row in rows}
        return [self._item(row, given) for row in rows]

    def _item(self, row: Prompt, given: Mapping[str, str | None]) -> Item:
        baseline = given.get(prompt_key(row.messages) if self.answers else row.id)
        item = item_of(row)
        if not baseline:
            return replace(item, unusable="no answer of the baseline")
        reference = item.answer if self.answers else None
        return replace(item, answer=reference, data={**item.data, "baseline": baseline})

    def _given(self, run: Run) -> dict[str, str | None]:
        """Return key of the prompt -> the baseline's answer, from the file."""
        assert self.answers
        try:
            records = sources.objects(run.home(self.answers), ("instruction", "output"))
        except UsageError as error:
            raise StageFailed(
                run.name,
                f"task {self.label!r}: the baseline's answers cannot be read: {error}; each record needs "
                "`instruction`, the text of the prompt, and `output`, the answer",
                run.log_file,
            ) from error
        return {
            prompt_key([{"role": "user", "content": str(record["instruction"])}]): str(record["output"])
            for record in records
        }

    async def compare(self, item: Item, model: Subject, answer: str, baseline: str) -> Compared:
        """Ask the judge in both orders, or compare the reward's scores."""
        if self.judge is not None:
            template = self._templates[item.answer is not None]
            return await judged(self.judge, model, item, template, PAIR, answer, baseline)
        assert self.reward
        mine, theirs = await model.score(self.reward, item, [answer, baseline])
        if lacking_one := next((one for one in (mine, theirs) if not one.graded), None):
            without = f" without {lacking_one.lacks}" if lacking_one.lacks else ""
            raise BadRow(f"its answers could not be scored{without}")
        tie = abs(mine.value - theirs.value) <= self.tie_within
        return Compared({WIN_RATE: 0.5 if tie else float(mine.value > theirs.value), "ties": float(tie)})

    def parts(self, answer: str, baseline: str) -> Mapping[str, Any]:
        """Return the length of the baseline's answer."""
        return {"characters of the baseline": len(baseline)}

    def summaries(
        self, items: Sequence[Item], outcomes: Mapping[str, Sequence[Outcome]]
    ) -> Mapping[str, Summary]:
        """Return the length-controlled win rate of each model, and warnings about the judge."""
        return {
            model: _controlled(each, order_warnings(each))
            for model, each in outcomes.items()
            if model != self.against
        }


def _controlled(outcomes: Sequence[Outcome], warnings: list[str]) -> Summary:
    """Return the length-controlled win rate of a model, or a warning that says why there is none."""
    measured = [outcome for outcome in outcomes if WIN_RATE in outcome.scores]
    wins = [sum(won) / len(won) for outcome in measured if (won := values(outcome, WIN_RATE))]
    lengths = [sum(values(outcome, "characters") or ()) for outcome in measured]
    theirs = [outcome.parts["characters of the baseline"] for outcome in measured]
    if not wins:
        return Summary(warnings=warnings)
    if len(set(wins)) == 1:
        return Summary(warnings=[*warnings, f"no {LENGTH_CONTROLLED}: all items have the same win rate"])
    try:
        found = length_controlled(wins, theirs, lengths)
    except ValueError as reason:
        return Summary(warnings=[*warnings, f"no {LENGTH_CONTROLLED}: {reason}"])
    if found.length == found.model == 0:
        why = f"{len(wins)} verdicts are too few, its regression leaves out every coefficient"
        return Summary(warnings=[*warnings, f"no {LENGTH_CONTROLLED}: {why}"])
    figure = Figure(len(wins), found.win_rate, found.low, found.high)
    return Summary({LENGTH_CONTROLLED: figure}, warnings)
