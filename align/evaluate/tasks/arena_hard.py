"""Arena-Hard (Li et al. 2024, arXiv 2406.11939): hard prompts, compared with a baseline's answers by a judge.

As in lmarena/arena-hard-auto (commit 196f6b8): the judge's templates, by category; two games, one in each
order; five verdicts, of which a clear one counts for three; the win rate as the mean over all of them, each
counting alike; and the win rate with style control (`align.evaluate.statistics.style_control`), a regression
over the verdicts on all models of the table, which stands below it. Version 2 has a baseline for each
category, so style is controlled within a category. Departures:

1. Those of `align.evaluate.judges`, of `align.evaluate.tasks.pairwise` and of the style control.
2. Questions with the same `cluster` (version 0.1 has two to a topic) are not taken as independent by the
   intervals (there: each verdict is).
3. Answers are greedy and of at most 4096 tokens unless the recipe says otherwise (there: the settings of
   each model).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, PrivateAttr

from align.core.errors import BadRow, StageFailed
from align.core.stage import Run
from align.core.wiring import File
from align.evaluate.judges import FIVE, lacking, own, shipped
from align.evaluate.scores import values
from align.evaluate.statistics.style_control import WinRate, style_controlled, style_features
from align.evaluate.subject import Subject
from align.evaluate.task import Figure, Item, Metric, Outcome, Summary
from align.evaluate.tasks.from_data import text_of
from align.evaluate.tasks.judged import JudgedData
from align.evaluate.tasks.pairwise import WIN_RATE, Compared, Pairwise, judged, order_warnings

STYLE_CONTROLLED = "style-controlled win rate"
CREATIVE = "creative_writing"
"""The category whose judge does not write an answer of its own first."""
_IDS = ("uid", "question_id")


class ArenaHard(Pairwise, JudgedData):
    """Win rate against a baseline on Arena-Hard's prompts, or prompts of its shape (`category`, `prompt`)."""

    columns_needed: ClassVar[tuple[str, ...]] = ("category",)
    metrics: ClassVar[Mapping[str, Metric]] = {WIN_RATE: Metric(pooled=True), **Pairwise.metrics}

    path: Annotated[str, File(or_hub=True)]
    """The questions: `question.jsonl` of arena-hard-auto, of any version."""
    split: str = "train"
    """Split that is measured."""
    answers: list[Annotated[str, File()]] = []
    """Files with the baseline's answers (arena-hard-auto: `model_answer/MODEL.jsonl`). Version 2 has a
    baseline for each category: give both files and `baselines`."""
    baselines: dict[str, str] = {}
    """Category -> the file of `answers` that holds its baseline, where there are several files."""
    template: Annotated[str | None, File()] = None
    """A file with what the judge is asked, instead of the published texts; `{question}`, `{answer_a}` and
    `{answer_b}` are filled in. Above a line `=====` stands the system message."""
    max_new_tokens: int = Field(default=4096, ge=1)
    """Longest answer of a model in tokens. A longer one is cut and judged as it stands."""

    _answers: dict[str, dict[str, str]] = PrivateAttr(default_factory=dict)
    _template: str = PrivateAttr(default="")

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Refuse two baselines or none, files that no category uses, and a template without the answers."""
        yield from super().problems(folder)
        if (self.against is None) == (not self.answers):
            what = "the baseline is either `against` a model of the stage, or given by files with `answers`"
            yield ("answers" if self.answers else "against"), what
        if len(self.answers) > 1 and not self.baselines:
            yield "answers", "with several files, `baselines` says which category is compared with which"
        for category, path in self.baselines.items():
            if path not in self.answers:
                yield f"baselines.{category}", f"{path!r} is none of the files of `answers`"
        wrong = lacking(folder / self.template, ("question", "answer_a", "answer_b")) if self.template else ""
        if wrong:
            yield "template", wrong

    def items(self, run: Run) -> list[Item]:
        """Return an item for each question, and read the template and the baseline's answers."""
        self._template = own(self.template, run) if self.template else ""
        self._answers = {
            path: {str(id_): self._text(record, path, run) for id_, record in self.file(run, path, _IDS)}
            for path in self.answers
        }
        return super().items(run)

    def item(self, id_: str, record: Mapping[str, Any]) -> Item:
        """Return a question of any version."""
        category, question = text_of(record, "category"), _question(record)
        data: dict[str, Any] = {"category": category}
        if self.answers:
            path = self.baselines.get(category) if self.baselines else self.answers[0]
            if path is None:
                raise BadRow("no baseline for its category")
            given = self._answers[path].get(str(next((record[i] for i in _IDS if i in record), None)))
            if given is None:
                raise BadRow("no answer of the baseline")
            data["baseline"] = given
        return Item(
            id=id_,
            messages=[{"role": "user", "content": question}],
            text=question,
            tags=tuple(dict.fromkeys(str(record[k]) for k in ("category", "subcategory") if record.get(k))),
            cluster=str(record.get("cluster") or ""),
            data=data,
        )

    async def compare(self, item: Item, model: Subject, answer: str, baseline: str) -> Compared:
        """Let the judge compare the answers in both orders."""
        name = "arena_hard_creative" if item.data["category"] == CREATIVE else "arena_hard"
        template = self._template or shipped(name)
        return await judged(self.judge, model, item, template, FIVE, answer, baseline)

    def parts(self, answer: str, baseline: str) -> Mapping[str, Any]:
        """Return the style of both answers."""
        return {"style": style_features(answer), "style of the baseline": style_features(baseline)}

    def summaries(
        self, items: Sequence[Item], outcomes: Mapping[str, Sequence[Outcome]]
    ) -> Mapping[str, Summary]:
        """Return the style-controlled win rates, and warnings about the judge."""
        mine = {model: each for model, each in outcomes.items() if model != self.against}
        warnings = {model: order_warnings(each) for model, each in mine.items()}
        if len(mine) == 1:
            for each in warnings.values():
                each.append("style control takes out differences between models of the table; there is one")
        figures: dict[str, dict[str, Figure]] = {model: {} for model in mine}
        categories = list(dict.fromkeys(item.data["category"] for item in items if not item.unusable))
        for category in categories:
            name = STYLE_CONTROLLED + (f", {category}" if len(categories) > 1 else "")
            for model, found in _controlled(items, mine, category).items():
                if isinstance(found, Figure):
                    figures[model][name] = found
                else:
                    warnings[model].append(f"no {name}: {found}")
        return {model: Summary(figures[model], warnings[model]) for model in mine}

    def _text(self, record: Mapping[str, Any], path: str, run: Run) -> str:
        """Return the text of a record of answers, of any version of arena-hard-auto."""
        try:
            if "messages" in record:
                content = record["messages"][-1]["content"]
                return str(content["answer"] if isinstance(content, Mapping) else content)
            return str(record["choices"][0]["turns"][-1]["content"])
        except (KeyError, IndexError, TypeError):
            raise StageFailed(
                run.name,
                f"task {self.label!r}: {path} has an answer of another shape; each record needs `uid` and "
                "`messages`, as in arena-hard-auto's model_answer files",
                run.log_file,
            ) from None


def _question(record: Mapping[str, Any]) -> str:
    """Return the prompt of a question: `prompt`, or the only turn in version 0.1 as it was first published.

    Raises:
        BadRow: there is none.
    """
    if "prompt" in record:
        return text_of(record, "prompt")
    turns = record.get("turns")
    if isinstance(turns, list) and len(turns) == 1 and isinstance(turns[0], Mapping):
        return text_of(turns[0], "content", "prompt")
    raise BadRow("no prompt")


def _controlled(
    items: Sequence[Item], outcomes: Mapping[str, Sequence[Outcome]], category: str
) -> dict[str, Figure | str]:
    """Return the style-controlled win rate of each model in a category, or why there is none."""
    rows = [
        (won, model, outcome.parts["style"], outcome.parts["style of the baseline"], item)
        for model, each in outcomes.items()
        for item, outcome in zip(items, each, strict=True)
        if item.data.get("category") == category
        for won in values(outcome, WIN_RATE) or ()
    ]
    if not rows:
        return {}
    scores, models, styles, baselines, asked = zip(*rows, strict=True)
    try:
        found = style_controlled(scores, models, styles, baselines, [one.cluster or one.id for one in asked])
    except ValueError as reason:
        return dict.fromkeys(outcomes, str(reason))
    return {
        model: _figure(rate, [row for row in rows if row[1] == model])
        for model, rate in found.win_rates.items()
    }


def _figure(rate: WinRate, rows: Sequence[tuple[float, str, Any, Any, Item]]) -> Figure | str:
    """Return the figure of a model from its verdicts.

    If all items have the same win rate, no sample of them gives another one, and the interval would have no
    width.
    """
    won: dict[str, list[float]] = {}
    for value, _, _, _, item in rows:
        won.setdefault(item.id, []).append(value)
    if len({sum(each) / len(each) for each in won.values()}) == 1:
        return "all items have the same win rate"
    return Figure(len(won), rate.win_rate, rate.low, rate.high)
