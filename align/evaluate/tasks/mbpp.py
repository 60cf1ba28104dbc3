r"""MBPP (Austin et al. 2021, arXiv 2108.07732): small Python functions from a sentence and three asserts.

A text has the paper's prompt with its three worked examples, the problems 2, 3 and 4 (section 4), as `mbpp`
of `lm-evaluation-harness` 0.4.13 writes them, `\r\n` of the data included. A chat asks with the same words.
The data is `google-research-datasets/mbpp`, its `sanitized` configuration, or files of the same shape; the
file `mbpp.jsonl` of the authors has no splits, and the paper tests on its problems 11 to 510.

Departures:
1. `test_setup_code` and `test_imports` run before the asserts. The harness leaves the first out.
2. Programs run in our sandbox, apart from their tests (docs/sandbox.md).
3. A chat has no worked examples. The harness's `mbpp_instruct` has three, and begins the answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from align.core.errors import BadRow
from align.evaluate.task import Item
from align.evaluate.tasks.code import CodeTask
from align.evaluate.tasks.from_data import text_of
from align.evaluate.tasks.generation import VerifiedData

DONE = "[DONE]"
WORKED = (
    (
        "Write a function to find the similar elements from the given two tuple lists.",
        (
            "assert similar_elements((3, 4, 5, 6),(5, 7, 4, 10)) == (4, 5)",
            "assert similar_elements((1, 2, 3, 4),(5, 4, 3, 7)) == (3, 4)",
            "assert similar_elements((11, 12, 14, 13),(17, 15, 14, 13)) == (13, 14)",
        ),
        "def similar_elements(test_tup1, test_tup2):\r\n"
        "  res = tuple(set(test_tup1) & set(test_tup2))\r\n"
        "  return (res) ",
    ),
    (
        "Write a python function to identify non-prime numbers.",
        (
            "assert is_not_prime(2) == False",
            "assert is_not_prime(10) == True",
            "assert is_not_prime(35) == True",
        ),
        "import math\r\ndef is_not_prime(n):\r\n    result = False\r\n"
        "    for i in range(2,int(math.sqrt(n)) + 1):\r\n        if n % i == 0:\r\n"
        "            result = True\r\n    return result",
    ),
    (
        "Write a function to find the largest integers from a given list of numbers using heap queue "
        "algorithm.",
        (
            "assert heap_queue_largest( [25, 35, 22, 85, 14, 65, 75, 22, 58],3)==[85, 75, 65] ",
            "assert heap_queue_largest( [25, 35, 22, 85, 14, 65, 75, 22, 58],2)==[85, 75] ",
            "assert heap_queue_largest( [25, 35, 22, 85, 14, 65, 75, 22, 58],5)==[85, 75, 65, 58, 35]",
        ),
        "import heapq as hq\r\ndef heap_queue_largest(nums,n):\r\n"
        "  largest_nums = hq.nlargest(n, nums)\r\n  return largest_nums",
    ),
)
"""The problems of the paper's prompt: sentence, asserts and code, word for word."""


def asked(task: str, asserts: tuple[str, ...] | list[str]) -> str:
    """Return a problem and its first three asserts in the words of the paper's prompt."""
    return f"{task} Your code should pass these tests:\n\n" + "\n".join(asserts[:3])


class MBPP(CodeTask, VerifiedData):
    """Small Python functions: MBPP, its sanitized part, or data of their shape."""

    columns_needed: ClassVar[tuple[str, ...]] = ("test_list",)
    default_shots: ClassVar[int] = 3
    question_mark: ClassVar[str] = "You are an expert Python programmer, and here is your task: "
    answer_mark: ClassVar[str] = "\n[BEGIN]\n"
    gap: ClassVar[str] = ""
    own_shots: ClassVar[tuple[tuple[str, str], ...]] = tuple(
        (asked(task, asserts), f"{code}\n{DONE}") for task, asserts, code in WORKED
    )

    path: str = "google-research-datasets/mbpp"
    config: str | None = "full"
    max_new_tokens: int = 512

    def item(self, id_: str, record: Mapping[str, Any]) -> Item:
        """Return a function to write."""
        asserts = record["test_list"]
        if not isinstance(asserts, list) or not asserts:
            raise BadRow("no tests")
        setup = [str(record.get("test_setup_code") or ""), *(record.get("test_imports") or [])]
        question = asked(_task(record), asserts)
        return Item(
            id=id_,
            text=question,
            messages=[{"role": "user", "content": self.told(question)}],
            tests=[{"code": "\n".join([*(line for line in setup if line), *asserts])} | _named(record)],
            data={"worked": f"{record['code']}\n{DONE}"} if record.get("code") else {},
        )

    def told(self, question: str) -> str:
        """Return the user turn that asks for a function."""
        return super().told(self.question_mark + question)

    def program(self, item: Item, continued: str) -> str:
        """Return what the model wrote."""
        return continued

    def ends(self, item: Item) -> list[str]:
        """Return the mark that ends the code in the paper's prompt."""
        return [DONE]


def _named(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the function that the asserts call, as a field of a test; nothing where `code` does not tell."""
    asserts = "\n".join(record["test_list"])
    for name in re.findall(r"^def (\w+)", str(record.get("code") or ""), re.MULTILINE):
        if re.search(rf"\b{name}\b", asserts):
            return {"entry_point": name}
    return {}


def _task(record: Mapping[str, Any]) -> str:
    """Return the sentence that describes the function: `text`, or `prompt` in the sanitized part."""
    return text_of(record, "text" if "text" in record else "prompt", "description")
