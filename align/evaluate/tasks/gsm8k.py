r"""GSM8K (Cobbe et al. 2021, arXiv 2110.14168): problems of school arithmetic with a number as the answer.

The verifier of `kind: math` judges: it finds the answer that a text states, in any of the usual forms. Beside
it stand the two figures of `lm-evaluation-harness`, so that scores can be compared with published ones:
`strict match` wants the answer behind `####`, as the worked examples write it, and `flexible extract` takes
the last number of the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from align.core.plugins import Completion, Score
from align.evaluate.task import Item
from align.evaluate.tasks.from_data import text_of
from align.evaluate.tasks.generation import NOT_COMPARED, VerifiedData

_STRICT = re.compile(r"#### (\-?[0-9\.\,]+)")
_FLEXIBLE = re.compile(r"(-?[$0-9.,]{2,})|(-?[0-9]+)")
_IGNORED = tuple(map(re.compile, (",", r"\$", r"(?s).*#### ", r"\.$")))
"""What the harness removes from an answer and from the gold one, in this order, before it compares them."""


class GSM8K(VerifiedData):
    """School arithmetic: GSM8K, or data of its shape (`question`, and `answer` that ends `#### 72`)."""

    judged_by: ClassVar[str] = "math"
    columns_needed: ClassVar[tuple[str, ...]] = ("question", "answer")
    default_shots: ClassVar[int] = 5
    metrics: ClassVar = {
        **VerifiedData.metrics,
        "strict match": NOT_COMPARED,
        "flexible extract": NOT_COMPARED,
    }

    path: str = "openai/gsm8k"
    config: str | None = "main"
    max_new_tokens: int = 512

    def item(self, id_: str, record: Mapping[str, Any]) -> Item:
        """Return a problem."""
        answer = text_of(record, "answer", "gold answer")
        question = text_of(record, "question")
        return Item(
            id=id_,
            text=question,
            messages=[{"role": "user", "content": question}],
            answer=answer,
            data={"worked": answer},
        )

    def stop_texts(self, item: Item, model: Any) -> list[str] | None:
        """End a plain text as `lm-evaluation-harness` does."""
        return None if self.is_chat(model) else ["Question:", "</s>", "<|im_end|>"]

    def more(self, item: Item, answer: Completion, score: Score) -> Mapping[str, float]:
        """Return the figures of `lm-evaluation-harness`."""
        strict = _STRICT.search(answer.text)
        numbers = _FLEXIBLE.findall(answer.text)
        last = next((part for part in numbers[-1] if part), "") if numbers else ""
        gold = item.answer or ""
        return {
            "strict match": _equal(strict[1] if strict else "[invalid]", gold),
            "flexible extract": _equal(last or "[invalid]", gold),
        }


def _equal(answer: str, gold: str) -> float:
    return float(_compared(answer.strip()) == _compared(gold))


def _compared(text: str) -> str:
    for ignored in _IGNORED:
        text = ignored.sub("", text)
    return text.lower()
