"""MMLU-Pro (Wang et al. 2024, arXiv 2406.01574): exams with up to ten choices, answered by reasoning.

By default the model reasons behind five worked solutions (the first of the `validation` split in the same
category) and ends "the answer is (X)", in the words of `lm-evaluation-harness` 0.4.13 (`mmlu_pro`), which are
the paper's. With `by: loglikelihood` the letter is compared behind "Answer:", as the Open LLM Leaderboard did
(`leaderboard_mmlu_pro`).

Departures from `mmlu_pro`:
1. In a chat no worked solutions are shown unless `shots` says so.
2. An answer that states two different letters is wrong. The harness takes the first.
3. An answer that states no letter is wrong. The paper's own code draws one at random.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from align.core.rows import Message
from align.evaluate.subject import Subject
from align.evaluate.task import Item
from align.evaluate.tasks.from_data import text_of
from align.evaluate.tasks.multiple_choice import MultipleChoice, Question, right_choice, texts_of

THINK = "Let's think step by step."


class MMLUPro(MultipleChoice):
    """Hard exam questions: MMLU-Pro, or data of its shape (`question`, `options`, `answer`, `category`)."""

    columns_needed: ClassVar[tuple[str, ...]] = ("question", "options", "answer", "category")
    default_shots: ClassVar[int] = 5
    by_subject: ClassVar[bool] = True

    path: str = "TIGER-Lab/MMLU-Pro"
    shots_split: str = "validation"
    by: Literal["loglikelihood", "generation"] = "generation"
    max_new_tokens: int = 2048

    def read(self, record: Mapping[str, Any]) -> Question:
        """Return the question of a record; `cot_content` is the solution of a worked example."""
        options = tuple(option.strip() for option in texts_of(record, "options"))
        right = right_choice(record.get("answer"), options)
        solution = str(record.get("cot_content") or "").removeprefix(f"A: {THINK}").strip()
        return Question(text_of(record, "question"), options, (right,), text_of(record, "category"), solution)

    def asks(self, question: Question) -> str:
        """Return the question with its options, and what the answer begins with."""
        if self.by == "loglikelihood":
            return f"{question.text}\n{question.listed()}\nAnswer:"
        return f"Question:\n{question.text}\nOptions:\n{question.listed()}\nAnswer: {THINK}"

    def header(self, question: Question) -> str:
        """Say how a written answer is to end."""
        if self.by == "loglikelihood":
            return ""
        return (
            f"The following are multiple choice questions (with answers) about {question.subject}. Think "
            'step by step and then finish your answer with "the answer is (X)" where X is the correct letter '
            "choice.\n"
        )

    def solved(self, shot: Question) -> str:
        """Return the worked solution, or the letter where likelihoods are compared."""
        if self.by == "loglikelihood":
            return super().solved(shot)
        return shot.explanation or f"The answer is ({shot.letters[shot.right[0]]})."

    def dialogue(self, item: Item, model: Subject) -> list[Message] | str:
        """Ask in the same words in a chat and in a text."""
        return self.context(item, model)

    def stop_texts(self, model: Subject) -> list[str] | None:
        """End a text where the next question begins."""
        return None if self.is_chat(model) else ["Question:"]
