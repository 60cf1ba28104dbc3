"""Tasks whose answers a verifier judges: one greedy answer to each item, and samples where they are wanted.

The samples of one item are averaged before items are, and pass@k is estimated without bias from all of them
(Chen et al. 2021). An answer that is cut at `max_new_tokens` is wrong in a chat, where a model must end its
turn. In a plain text it is judged as it stands, as `lm-evaluation-harness` does: a base model need not end.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PrivateAttr

from align.core.errors import StageFailed
from align.core.plugins import Completion, Reward, Score
from align.core.rows import Message
from align.evaluate.statistics.shares import pass_at_k
from align.evaluate.subject import Subject
from align.evaluate.task import SHARE, Item, Metric, Outcome, Task
from align.evaluate.tasks.few_shot import FewShot

NOT_COMPARED = Metric(compared=False)


class Verified(Task):
    """A task with a verifier."""

    metrics: ClassVar[Mapping[str, Metric]] = {"greedy": SHARE, "sampled": SHARE, "pass": NOT_COMPARED}
    judged_by: ClassVar[str]
    """The kind of the verifier. A task whose verifier has fields overrides `verifier` instead."""

    max_new_tokens: int = Field(default=256, ge=1)
    """Longest answer in tokens."""
    unfinished: Literal["wrong", "judged"] | None = None
    """What becomes of an answer that is cut at `max_new_tokens`. Left out: wrong in a chat, and judged as it
    stands in a plain text."""
    samples: int | None = Field(default=None, ge=0)
    """Answers to each item beside the greedy one; left out, that of the stage."""
    temperature: float | None = Field(default=None, gt=0)
    """Temperature of these samples; left out, that of the stage."""
    k: list[Annotated[int, Field(ge=1)]] = []
    """The k for which pass@k is estimated; left out, the number of samples."""

    _verifier: Reward | None = PrivateAttr(default=None)

    def verifier(self) -> Reward:
        """Return the reward whose `passed` says whether an answer is right; always the same one."""
        if self._verifier is None:
            self._verifier = Reward.model_validate({"kind": self.judged_by})
        return self._verifier

    @abstractmethod
    def question(self, item: Item, model: Subject) -> list[Message] | str:
        """Return what the model is asked: a conversation, or a text to continue."""

    def stop_texts(self, item: Item, model: Subject) -> list[str] | None:
        """Return the texts that end an answer to an item."""
        return None

    def depends(self, model: Subject) -> Any:
        """Return the version of the verifier, which need not be a field of the task."""
        return type(self.verifier()).version

    async def measure(self, item: Item, model: Subject) -> Outcome:
        """Sample a greedy answer and others, and judge all of them."""
        asked, n = self.question(item, model), model.samples if self.samples is None else self.samples
        if self.k and max(self.k) > n:
            raise StageFailed(
                model.run.name,
                f"task {self.label!r}: pass@{max(self.k)} needs as many samples of each item, and there are "
                f"{n}; raise `samples`, or leave this k out",
                model.run.log_file,
            )
        how: dict[str, Any] = {"max_new_tokens": self.max_new_tokens, "stop": self.stop_texts(item, model)}
        how["tools"] = item.data.get("tools") or None
        jobs = [model.sample(item, asked, **how)]
        if n:
            warm = self.temperature or model.temperature
            jobs.append(model.sample(item, asked, n=n, temperature=warm, **how))
        answers = [answer for group in await asyncio.gather(*jobs) for answer in group]
        scores = await self.judge(item, [answer.text for answer in answers], model)
        strict = self.unfinished != "judged" if isinstance(asked, list) else self.unfinished == "wrong"
        return self.outcome(item, answers, scores, strict=strict)

    async def judge(self, item: Item, texts: Sequence[str], model: Subject) -> list[Score]:
        """Return the verifier's verdict on each text.

        Raises:
            StageFailed: the reward gives no verdict.
        """
        scores = await model.score(self.verifier(), item, texts)
        if any(score.passed is None and score.graded for score in scores):
            raise StageFailed(
                model.run.name,
                f"task {self.label!r}: reward {self.verifier().kind!r} gives no verdict (`passed`); evaluate "
                "needs a verifier",
                model.run.log_file,
            )
        return scores

    def outcome(
        self, item: Item, answers: Sequence[Completion], scores: Sequence[Score], *, strict: bool
    ) -> Outcome:
        """Return what the greedy answer, which comes first, and the samples got.

        Args:
            item: what was asked.
            answers: as the model gave them.
            scores: of each answer.
            strict: an answer that is not whole is wrong.
        """
        right = [
            None if not score.graded else float(bool(score.passed) and (answer.answers or not strict))
            for answer, score in zip(answers, scores, strict=True)
        ]
        found = self._shares(right)
        texts = [answer.text for answer in answers]
        if not found:
            why = next((score for score in scores if not score.graded), None)
            lacks = f" without {why.lacks}" if why and why.lacks else ""
            skipped = f"its answers could not be judged{lacks}"
            return Outcome(skipped=skipped, answers=texts, again=bool(lacks))
        found |= self.more(item, answers[0], scores[0])
        return Outcome(found, texts, _notes(answers, scores))

    def _shares(self, right: Sequence[float | None]) -> dict[str, float | Sequence[float]]:
        """Return the scores of the greedy answer, which comes first, and the samples; None: not judged."""
        found: dict[str, float | Sequence[float]] = {} if right[0] is None else {"greedy": right[0]}
        sampled = [value for value in right[1:] if value is not None]
        if sampled:
            found["sampled"] = sampled
            n = len(right) - 1
            for k in self.k or ([n] if n > 1 else []):  # pass@1 is the sampled score
                if k <= len(sampled):
                    found[f"pass@{k}"] = pass_at_k(len(sampled), round(sum(sampled)), k)
        return found

    def more(self, item: Item, answer: Completion, score: Score) -> Mapping[str, float]:
        """Return further metrics of the greedy answer."""
        return {}


def _notes(answers: Sequence[Completion], scores: Sequence[Score]) -> dict[str, int]:
    """Return what happened to answers that is no score, and how often."""
    notes: Counter[str] = Counter()
    for answer, score in zip(answers, scores, strict=True):
        notes[f"answers {answer.missing}"] += not answer.whole
        notes["verdicts that could be forged (trust: forgeable)"] += score.forgeable
        if not score.graded:
            notes[f"answers not judged without {score.lacks}" if score.lacks else "answers not judged"] += 1
    return dict(+notes)


class VerifiedData(FewShot, Verified):
    """A task with a verifier whose items come from a data set, with worked examples where they are wanted.

    An item whose `data` has a `worked` answer can be a worked example.
    """

    question_mark: ClassVar[str] = "Question: "
    """What stands in front of a question in a plain text."""
    answer_mark: ClassVar[str] = "\nAnswer:"
    """What stands behind a question in a plain text; `gap` and the answer follow."""
    gap: ClassVar[str] = " "
    """What stands between `answer_mark` and the answer of a worked example."""
    between: ClassVar[str] = "\n\n"
    """What stands between worked examples."""

    instruction: str = ""
    """Text behind the question in a chat, such as how the answer is to be given."""

    def can_be_shown(self, item: Item) -> bool:
        """Has the item a worked answer?"""
        return bool(item.data.get("worked"))

    def question(self, item: Item, model: Subject) -> list[Message] | str:
        """Return the item as a user turn behind its worked examples, or all as one text."""
        shots = self.published(model)
        if shots is None:
            shots = [(shot.text, shot.data["worked"]) for shot in self.shots_of(item, model)]
        if not self.is_chat(model):
            worked = [
                f"{self.question_mark}{q}{self.answer_mark}{self.gap}{a}{self.between}" for q, a in shots
            ]
            return "".join(worked) + self.question_mark + item.text + self.answer_mark
        turns: list[Message] = []
        for asked, answer in shots:
            turns += [
                {"role": "user", "content": self.told(asked)},
                {"role": "assistant", "content": answer},
            ]
        return [*turns, {"role": "user", "content": self.told(item.text)}]

    def stop_texts(self, item: Item, model: Subject) -> list[str] | None:
        """End a plain text where the next question begins."""
        return None if self.is_chat(model) else [self.question_mark.strip() or self.between]

    def told(self, question: str) -> str:
        """Return the user turn that asks a question in a chat."""
        return f"{question}\n{self.instruction}" if self.instruction else question
