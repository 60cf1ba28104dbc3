"""MT-Bench (Zheng et al. 2023, arXiv 2306.05685): 80 questions of two turns, graded 1 to 10 by a judge.

As in lm-sys/FastChat, `fastchat/llm_judge` (commit 0e6d3e4): the templates `single-v1` and `single-math-v1`
and their forms for two turns; a temperature for each category; answers of at most 1024 tokens; reference
answers for mathematics, reasoning and coding; and a score that is the mean over all ratings of both turns.
Departures:

1. A rating that is off the scale, or one of several that differ, is not taken; see `align.evaluate.judges`.
   An item with an unreadable rating in one turn is left out with both turns.
2. The data on the hub (HuggingFaceH4/mt_bench_prompts) and `question.jsonl` have reference answers of their
   own, but not for each turn of 4 questions; these are left out unless `references` names FastChat's file
   `reference_answer/gpt-4.jsonl`, which FastChat itself shows to the judge.
3. Only what stands behind a model's reasoning is judged.
4. A model that says nothing in the first turn is asked the second question alone, because chat templates
   refuse an empty turn.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PrivateAttr

from align.core.errors import BadRow, StageFailed
from align.core.plugins import Completion
from align.core.rows import Message, visible
from align.core.stage import Run
from align.core.wiring import File
from align.evaluate.judges import RATED, RATING, fill, lacking, own, read_rating, shipped, verdict
from align.evaluate.subject import Subject
from align.evaluate.task import Item, Metric, Outcome
from align.evaluate.tasks.from_data import text_of
from align.evaluate.tasks.judged import JudgedData
from align.evaluate.tasks.rows import conversation

TEMPERATURES = {
    "writing": 0.7, "roleplay": 0.7, "extraction": 0.0, "math": 0.0, "coding": 0.0, "reasoning": 0.0,
    "stem": 0.1, "humanities": 0.1,
}  # fmt: skip
"""Temperature of the answers by category (FastChat: `temperature_config`)."""
OTHERWISE = 0.7
"""Temperature of a category that is not listed (FastChat)."""
REFERRED = frozenset({"math", "reasoning", "coding"})
"""Categories whose judge sees reference answers (FastChat: `NEED_REF_CATS`)."""
Template = Literal["mt_bench", "mt_bench_reference", "mt_bench_second_turn", "mt_bench_reference_second_turn"]
_GAPS = {False: ("question", "answer"), True: ("question_1", "answer_1", "question_2", "answer_2")}


class MTBench(JudgedData):
    """Answers to two turns, graded by a judge: MT-Bench, or questions of its shape (`category`, `turns`)."""

    columns_needed: ClassVar[tuple[str, ...]] = ("category", "turns")
    metrics: ClassVar[Mapping[str, Metric]] = {
        "score": Metric(bounds=RATED, pooled=True),
        "turn 1": Metric(bounds=RATED, compared=False),
        "turn 2": Metric(bounds=RATED, compared=False),
    }

    path: Annotated[str, File(or_hub=True)] = "HuggingFaceH4/mt_bench_prompts"
    """Hub id of the questions, or FastChat's `question.jsonl`."""
    split: str = "train"
    """Split that is measured; the data on the hub has one."""
    columns: dict[str, str] = {"turns": "prompt", "question_id": "prompt_id"}
    """The task's column: your column; those of the data on the hub are set, and names of `question.jsonl`
    need none."""
    references: Annotated[str | None, File()] = None
    """FastChat's `reference_answer/gpt-4.jsonl`, or a file of its shape (`question_id`, `choices`). Left out,
    the `reference` of each question is taken."""
    templates: dict[Template, Annotated[str, File()]] = {}
    """Your own file instead of a template of the package. `{question}`, `{answer}` and, in mathematics,
    reasoning and coding, `{reference}` are filled in; in a second turn `{question_1}`, `{answer_1}` and so
    on. Above a line `=====` stands the system message."""
    greedy: bool = False
    """True: every answer is greedy. False: the published temperature of its category."""
    max_new_tokens: int = Field(default=1024, ge=1)
    """Longest answer to a turn in tokens (FastChat: 1024)."""

    _templates: dict[str, str] = PrivateAttr(default_factory=dict)
    _references: dict[str, list[str]] = PrivateAttr(default_factory=dict)

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Refuse a template without the answers."""
        yield from super().problems(folder)
        for name, path in self.templates.items():
            if wrong := lacking(folder / path, _GAPS[name.endswith("turn")]):
                yield f"templates.{name}", wrong

    def items(self, run: Run) -> list[Item]:
        """Return an item for each question, and read templates and references."""
        self._templates = {name: own(path, run) for name, path in self.templates.items()}
        if self.references:
            self._references = {
                str(id_): self._turns(record, run)
                for id_, record in self.file(run, self.references, ("question_id",))
            }
        return super().items(run)

    def item(self, id_: str, record: Mapping[str, Any]) -> Item:
        """Return a question."""
        category, turns = text_of(record, "category"), record["turns"]
        if not _texts(turns, 2):
            raise BadRow("not two turns")
        references: list[str] | None = None
        if category in REFERRED:
            given = self._references.get(str(record.get("question_id")))
            references = given if self.references else record.get("reference")
            if not _texts(references, 2):
                raise BadRow("no reference answer for each turn")
        asked: list[Message] = [{"role": "user", "content": turns[0]}]
        data = {"turns": turns, "category": category, "references": references}
        return Item(id=id_, messages=asked, text=turns[0], tags=(category,), data=data)

    async def measure(self, item: Item, model: Subject) -> Outcome:
        """Let the model answer both turns, and the judge grade each."""
        answers = await self._answers(item, model)
        jobs = [self._rating(item, model, [visible(a.text) for a in answers[:n]]) for n in (1, 2)]
        found = await asyncio.gather(*jobs, return_exceptions=True)  # no request is left running unseen
        ratings: list[float] = []
        for one in found:
            if isinstance(one, BaseException):
                raise one
            ratings.append(one)
        notes = Counter(f"answers {answer.missing}" for answer in answers if not answer.whole)
        scores = {"score": ratings, "turn 1": ratings[0], "turn 2": ratings[1]}
        return Outcome(scores, [answer.text for answer in answers], notes)

    async def _answers(self, item: Item, model: Subject) -> list[Completion]:
        how: dict[str, Any] = {
            "temperature": 0.0 if self.greedy else TEMPERATURES.get(item.data["category"], OTHERWISE),
            "max_new_tokens": self.max_new_tokens,
        }
        asked = conversation(item, model, self.label)
        (first,) = await model.sample(item, asked, label="turn 1", **how)
        then: Message = {"role": "user", "content": item.data["turns"][1]}
        said: list[Message] = [{"role": "assistant", "content": first.text}]
        before = [*asked, *said] if visible(first.text).strip() else []
        (second,) = await model.sample(item, [*before, then], label="turn 2", **how)
        return [first, second]

    async def _rating(self, item: Item, model: Subject, answers: list[str]) -> float:
        """Return the judge's rating of the last of one or two answers."""
        questions, references = item.data["turns"], item.data["references"] or ["", ""]
        name = "mt_bench" + ("_reference" if item.data["references"] else "")
        if len(answers) == 1:
            texts = {"question": questions[0], "answer": answers[0], "reference": references[0]}
        else:
            name += "_second_turn"
            named = {"question": questions, "answer": answers, "reference": references}
            texts = {f"{what}_{i + 1}": each[i] for what, each in named.items() for i in range(2)}
        messages = fill(self._templates.get(name) or shipped(name), **texts)
        return await verdict(self.judge, model, item, messages, read_rating, RATING)

    def _turns(self, record: Mapping[str, Any], run: Run) -> list[str]:
        """Return the turns of a record of FastChat's answers."""
        try:
            return list(record["choices"][0]["turns"])
        except (KeyError, IndexError, TypeError):
            raise StageFailed(
                run.name,
                f"task {self.label!r}: {self.references} has no `choices[0].turns` for question "
                f"{record['question_id']}; it must have the shape of FastChat's reference_answer/gpt-4.jsonl",
                run.log_file,
            ) from None


def _texts(value: Any, count: int) -> bool:
    """Is it a list of so many texts that are not empty?"""
    return (
        isinstance(value, list)
        and len(value) == count
        and all(isinstance(text, str) and text.strip() for text in value)
    )
