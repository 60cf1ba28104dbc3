r"""Multiple-choice questions of your own: `question`, `choices` and `answer`, in any of the usual shapes.

    {"question": "What is 6 times 7?", "choices": ["40", "42"], "answer": 1}
    {"question": "What is 6 times 7?", "choices": ["40", "42"], "answer": "B"}
    {"question": "What is 6 times 7?", "choices": ["40", "42"], "answer": "42"}
    {"question": "What is 6 times 7?", "choices": {"label": ["A", "B"], "text": ["40", "42"]}, "answer": "B"}

The last is the shape of ARC (`allenai/ai2_arc`). HellaSwag needs
`columns: {question: ctx, choices: endings, answer: label}`. The prompts are the usual ones of
`lm-evaluation-harness`: with letters that of MMLU without a header, with texts "Question: ...\nAnswer:" as in
ARC, or the question alone (`question_mark: ""`, `answer_mark: ""`) as in HellaSwag, whose questions are to be
continued. The harness also cleans HellaSwag's texts; this task takes texts as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from align.core.errors import BadRow
from align.core.wiring import File
from align.evaluate.tasks.from_data import text_of
from align.evaluate.tasks.multiple_choice import LETTERS, MultipleChoice, Question, texts_of


class Choices(MultipleChoice):
    """Multiple-choice questions of your own."""

    columns_needed: ClassVar[tuple[str, ...]] = ("question", "choices", "answer")

    path: Annotated[str, File(or_hub=True)]
    """A file or folder (relative to the recipe), or a hub id, with the columns `question`, `choices` and
    `answer`, and `subject` where the questions have subjects."""
    answers: Literal["letters", "texts"] = "letters"
    """What the likelihood is asked for. `letters`: the choices stand in the question, and their letters are
    compared. `texts`: the choices are not shown, and their texts are compared."""
    answer_is: Literal["auto", "index", "letter", "text"] = "auto"
    """What `answer` names. `index`: a place in the list, from 0. `letter`: "A" is the first choice, or a
    label of the data. `text`: the choice itself. `auto`: whichever of the three it can be; a question where
    it can be two different ones is left out."""
    question_mark: str = "Question: "
    """What stands in front of a question, with `answers: texts`."""
    answer_mark: str = "\nAnswer:"
    """What stands behind a question, with `answers: texts`; a space and the choice follow."""

    def says_texts(self) -> bool:
        """Texts are compared only by likelihood; who writes an answer writes its letter."""
        return self.answers == "texts" and self.by == "loglikelihood"

    def read(self, record: Mapping[str, Any]) -> Question:
        """Return the question of a record."""
        held = record.get("choices")
        if isinstance(held, Mapping):
            choices, labels = texts_of(held, "text"), texts_of(held, "label")
        else:
            choices, labels = texts_of(record, "choices"), ()
        right = answer_index(record.get("answer"), choices, labels, self.answer_is)
        subject = str(record.get("subject") or "")
        return Question(text_of(record, "question"), choices, (right,), subject)

    def asks(self, question: Question) -> str:
        """Return the question, with its choices where letters are compared."""
        if not self.says_texts():
            return super().asks(question)
        return f"{self.question_mark}{question.text}{self.answer_mark}"

    def turn(self, question: Question) -> str:
        """Return a question as a user's turn: with its choices, or alone."""
        return question.text if self.says_texts() else super().turn(question)


def answer_index(answer: Any, choices: tuple[str, ...], labels: tuple[str, ...], how: str = "auto") -> int:
    """Return the index of the choice that an answer names.

    Args:
        answer: an index from 0, a letter or label, or the text of a choice.
        choices: texts of the choices.
        labels: of the choices, in place of letters; empty where the data has none.
        how: `index`, `letter`, `text`, or `auto`.

    Raises:
        BadRow: it names none, or several.
    """
    if answer is None or answer == "":
        raise BadRow("no gold answer")
    text = str(answer).strip()
    names = labels or tuple(LETTERS[: len(choices)])
    index = int(text) if text.isdecimal() else -1
    found = {
        "letter": {i for i, name in enumerate(names) if name.strip() == text},
        "text": {i for i, choice in enumerate(choices) if choice.strip() == text},
        "index": {index} if 0 <= index < len(choices) else set(),
    }
    if how == "auto" and isinstance(answer, int):
        how = "index"
    could = set.union(*found.values()) if how == "auto" else found[how]
    if len(could) > 1:
        raise BadRow("a gold answer that can name two choices; set `answer_is`")
    if not could:
        raise BadRow("a gold answer that names no choice")
    return could.pop()
