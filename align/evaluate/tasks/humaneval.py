"""HumanEval (Chen et al. 2021, arXiv 2107.03374): Python functions from their signature and docstring.

A text is the prompt itself, and ends at the paper's five stop texts (section 2.1). A chat asks as
`humaneval_instruct` of `lm-evaluation-harness` 0.4.13 does. pass@k is the paper's unbiased estimate: set
`samples` and `k`. The paper samples with nucleus 0.95, and at temperature 0.2 for pass@1 and 0.8 for
pass@100.

Departures:
1. Programs run in our sandbox, apart from their tests (docs/sandbox.md), so no program can forge a pass. The
   limit is 5 seconds of CPU time where the paper has 3 seconds of wall-clock time.
2. Samples are drawn from the whole distribution (nucleus 1).
3. In a chat the model writes the whole answer. The harness begins it ("Here is the completed function: ...").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from align.evaluate.task import Item
from align.evaluate.tasks.code import CodeTask
from align.evaluate.tasks.from_data import text_of
from align.evaluate.tasks.generation import VerifiedData

STOPS = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")


class HumanEval(CodeTask, VerifiedData):
    """Complete Python functions: HumanEval, or data of its shape."""

    columns_needed: ClassVar[tuple[str, ...]] = ("prompt", "test", "entry_point")
    question_mark: ClassVar[str] = ""
    answer_mark: ClassVar[str] = ""

    path: str = "openai/openai_humaneval"
    max_new_tokens: int = 1024

    def item(self, id_: str, record: Mapping[str, Any]) -> Item:
        """Return a function to complete."""
        prompt, entry_point = text_of(record, "prompt"), text_of(record, "entry_point", "entry point")
        return Item(
            id=id_,
            text=prompt,
            messages=[{"role": "user", "content": self.told(prompt)}],
            tests=[{"code": text_of(record, "test", "tests"), "entry_point": entry_point}],
            data={"worked": record.get("canonical_solution")},
        )

    def told(self, question: str) -> str:
        """Return the user turn that asks for a function."""
        asks = "Write a solution to the following problem and make sure that it passes the tests:"
        return super().told(f"{asks}\n```python\n{question}\n```")

    def program(self, item: Item, continued: str) -> str:
        """Return the prompt and what the model wrote behind it."""
        return item.text + continued

    def ends(self, item: Item) -> list[str]:
        """Return the paper's stop texts."""
        return list(STOPS)
