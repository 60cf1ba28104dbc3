"""GPQA (Rein et al. 2023, arXiv 2311.12022): questions of biology, physics and chemistry, written by experts.

The prompt is that of `gpqa_main_zeroshot` in `lm-evaluation-harness` 0.4.13; a choice is its letter in
brackets. The data has the right answer first, so each question's choices are shuffled. `config` chooses the
set: `gpqa_main` (448 questions), `gpqa_diamond` (198 of them), `gpqa_extended` (546).

Departures:
1. The shuffle is drawn from `order` and the question's own text, so it is the same in every run. The harness
   draws it from the state of Python's generator: it depends on which tasks ran before.
2. The harness deletes " [title]", doubled blanks and blanks around a choice; so does this. It shows an empty
   choice as a blank; here such a question is left out.
3. With `shots`, worked examples are the first questions of `shots_path` in the zero-shot format.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, ClassVar

from align.evaluate.tasks.from_data import text_of
from align.evaluate.tasks.multiple_choice import MultipleChoice, Question

WRONG = tuple(f"Incorrect Answer {i}" for i in (1, 2, 3))


class GPQA(MultipleChoice):
    """Experts' questions: GPQA, or data of its shape (`Question`, `Correct Answer`, ...)."""

    columns_needed: ClassVar[tuple[str, ...]] = ("Question", "Correct Answer", *WRONG)

    path: str = "Idavidrein/gpqa"
    config: str | None = "gpqa_main"
    split: str = "train"
    order: int = 0
    """Seed of the order in which the choices of each question stand."""

    def read(self, record: Mapping[str, Any]) -> Question:
        """Return the question of a record, with its choices shuffled."""
        text = text_of(record, "Question")
        named = [("Correct Answer", "gold answer"), *((wrong, "wrong answer") for wrong in WRONG)]
        choices = [_clean(text_of(record, column, what)) for column, what in named]
        places = list(range(4))
        random.Random(f"{self.order} {text}").shuffle(places)
        domain = str(record.get("High-level domain") or "")
        return Question(text, tuple(choices[i] for i in places), (places.index(0),), domain)

    def asks(self, question: Question) -> str:
        """Return the question as GPQA's zero-shot prompt has it."""
        choices = question.listed("({}) {}")
        return f"What is the correct answer to this question:{question.text}\nChoices:\n{choices}\nAnswer:"

    def named(self, question: Question, i: int) -> str:
        """Return a choice's letter in brackets."""
        return f"({question.letters[i]})"


def _clean(choice: str) -> str:
    return choice.strip().replace(" [title]", ". ").replace("  ", " ")
