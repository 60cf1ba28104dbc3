"""MMLU (Hendrycks et al. 2020, arXiv 2009.03300): exam questions of 57 subjects, with four choices each.

The prompt is the paper's, which `lm-evaluation-harness` 0.4.13 has as `mmlu`: a header that names the
subject, five worked examples (the first of the `dev` split in the same subject), and the letter behind
"Answer:". Scores are also shown for each subject.

Departures:
1. The score is the mean over questions. The paper's is too; some papers average the subjects' scores.
2. The paper leaves worked examples out until a prompt fits the context. Here such a question is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from align.evaluate.tasks.from_data import text_of
from align.evaluate.tasks.multiple_choice import MultipleChoice, Question, right_choice, texts_of


class MMLU(MultipleChoice):
    """Exam questions: MMLU, or data of its shape (`question`, `subject`, `choices`, `answer` from 0)."""

    columns_needed: ClassVar[tuple[str, ...]] = ("question", "subject", "choices", "answer")
    default_shots: ClassVar[int] = 5
    by_subject: ClassVar[bool] = True

    path: str = "cais/mmlu"
    config: str | None = "all"
    shots_split: str = "dev"

    def read(self, record: Mapping[str, Any]) -> Question:
        """Return the question of a record."""
        choices = texts_of(record, "choices")
        right = right_choice(record.get("answer"), choices)
        return Question(text_of(record, "question"), choices, (right,), text_of(record, "subject"))

    def header(self, question: Question) -> str:
        """Name the subject, as the paper does."""
        subject = question.subject.replace("_", " ")
        return f"The following are multiple choice questions (with answers) about {subject}.\n\n"
